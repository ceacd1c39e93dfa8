use std::collections::BTreeMap;

use super::*;
use crate::layer::SourceKind;

/// Reads one file called `compose.yml`, in an empty environment.
pub(super) fn project(text: &str) -> Project {
    with(&[("compose.yml", text)], &[], read)
}

/// Calls `then` with the first file as Compose file, `.env` as it is, and the others to be named.
fn with<T>(
    files: &[(&str, &str)],
    environment: &[(&str, &str)],
    then: impl FnOnce(&Input<'_>) -> T,
) -> T {
    let source = |(name, text): &(&str, &str)| Source {
        name: (*name).into(),
        text: (*text).into(),
    };
    let main: Vec<Source> = files.iter().take(1).map(source).collect();
    let dotenv: Vec<Source> = files
        .iter()
        .filter(|(name, _)| *name == ".env")
        .map(source)
        .collect();
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    then(&Input {
        files: &main,
        dotenv: &dotenv,
        project_name: None,
        environment: &|name| environment.get(name).map(|value| Arc::from(*value)),
        read: &|path| {
            let found = files.iter().find(|(name, _)| *name == path);
            found
                .map(|(_, text)| Arc::from(*text))
                .ok_or(ReadError::NotFound)
        },
    })
}

/// Checks the layers of service `a`, lowest first: `kind name=value @origin`.
#[track_caller]
fn check_layers(files: &[(&str, &str)], environment: &[(&str, &str)], expected: &[&str]) {
    let shown: Vec<String> = with(files, environment, |input| {
        let project = read(input);
        let layers = layers(project.service("a").unwrap(), input).layers;
        let mut shown = Vec::new();
        for layer in &layers {
            for o in &layer.occurrences {
                shown.push(format!(
                    "{:?} {}={} @{}",
                    layer.kind, o.name, o.raw, o.origin
                ));
                let span = o.origin.span.clone().unwrap();
                let (_, text) = files
                    .iter()
                    .find(|(name, _)| *name == &*o.origin.source)
                    .unwrap();
                assert!(text.get(span).is_some());
            }
        }
        shown
    });
    assert_eq!(shown, expected);
}

#[test]
fn occurrences_stand_at_their_values() {
    check_layers(
        &[(
            "compose.yml",
            "services:\n  a:\n    environment:\n      - A=1\n      - 'B=é'\n      - \"é=$X-\"\n      - D\n",
        )],
        &[("X", "x"), ("D", "d")],
        &[
            "Compose A=1 @compose.yml:4:11",
            "Compose B=é @compose.yml:5:12",
            "Compose é=x- @compose.yml:6:12",
            "Compose D=d @compose.yml:7:9",
        ],
    );
    check_layers(
        &[(
            "compose.yml",
            "services:\n  a:\n    environment:\n      A: 1\n      B: 'b'\n      C: \"c\\t\"\n      D: |\n        d\n      E:\n",
        )],
        &[("E", "e")],
        &[
            "Compose A=1 @compose.yml:4:10",
            "Compose B=b @compose.yml:5:11",
            "Compose C=c\t @compose.yml:6:10",
            "Compose D=d\n @compose.yml:7:10",
            "Compose E=e @compose.yml:9:7",
        ],
    );
    check_layers(
        &[(
            "compose.yml",
            "x: &x {A: 1}\nservices:\n  a:\n    environment: {<<: *x, B: 2}\n",
        )],
        &[],
        &[
            "Compose B=2 @compose.yml:4:30",
            "Compose A=1 @compose.yml:1:11",
        ],
    );
}

#[test]
fn files_stand_below_the_environment_in_their_order() {
    check_layers(
        &[
            (
                "d/compose.yml",
                "services:\n  a:\n    env_file: [x.env, {path: y.env, format: raw}]\n    environment: [A=1, B]\n",
            ),
            ("d/x.env", "A=x\nB=x\nC='é'  # c\n"),
            ("d/y.env", "# c\nC='y'\n"),
        ],
        &[],
        &[
            "File A=x @d/x.env:1:3",
            "File C=é @d/x.env:3:4",
            "File C='y' @d/y.env:2:3",
            "Compose A=1 @d/compose.yml:4:21",
        ],
    );
}

#[test]
fn values_of_lower_files_stay_visible() {
    let files = [
        (
            "compose.yml",
            "include: [base.yml]\nservices:\n  a:\n    environment: [A=2]\n",
        ),
        (
            "base.yml",
            "services:\n  a:\n    environment: {A: 1, B: 1}\n",
        ),
    ];
    check_layers(
        &files,
        &[],
        &[
            "Compose A=1 @base.yml:3:22",
            "Compose B=1 @base.yml:3:28",
            "Compose A=2 @compose.yml:4:21",
        ],
    );
    with(&files, &[], |input| {
        let layers = layers(&read(input).services[0], input).layers;
        assert!(layers.iter().all(|layer| layer.kind >= SourceKind::File));
    });
}

#[track_caller]
fn check_service(text: &str, name: Option<&str>, expected: &str) {
    let project = project(text);
    let shown = match project.localstack(name) {
        Ok(service) => service.name.value.to_string(),
        Err(diagnostic) => {
            assert_eq!(diagnostic.code, "no-service");
            format!(
                "{}; {}",
                diagnostic.message,
                diagnostic.help.unwrap_or_default()
            )
        }
    };
    assert_eq!(shown, expected);
}

#[test]
fn the_service_is_found_by_its_image() {
    let one = "services: {db: {image: postgres}, aws: {image: 'localstack/localstack:${V:-3}'}}";
    check_service(one, None, "aws");
    check_service(one, Some("db"), "db");
    check_service(
        one,
        Some("x"),
        "no service is called `x`; name one with `--service`; services: `db`, `aws`",
    );
    check_service(
        "services: {a: {image: localstack/localstack}, b: {image: localstack/localstack-pro}}",
        None,
        "several services have an image of LocalStack; name one with `--service`; candidates: `a`, `b`",
    );
    check_service(
        "services: {db: {image: postgres}, x: {build: .}}",
        None,
        "no service has an image that is known as LocalStack; name one with `--service`; \
         services: `db`, `x`",
    );
    check_service(
        "",
        None,
        "no service has an image that is known as LocalStack; the files have no `services:`; `lsconfig check` reads workflows and manifests",
    );
    let version = project(one)
        .service("aws")
        .and_then(|s| s.image()?.version());
    assert_eq!(version.map(|v| v.to_string()).as_deref(), Some("3.8.1"));
}

/// Checks the diagnostics of a project and of its services: `code @origin message`.
#[track_caller]
fn check_diagnostics(files: &[(&str, &str)], expected: &[&str]) {
    let shown: Vec<String> = with(files, &[], |input| {
        let project = read(input);
        let own = project
            .services
            .iter()
            .flat_map(|service| &service.diagnostics);
        let loaded: Vec<_> = project
            .services
            .iter()
            .flat_map(|s| layers(s, input).diagnostics)
            .collect();
        let all = project.diagnostics.iter().chain(own).chain(&loaded);
        all.map(|d| {
            let place = d.labels.first().map(|label| label.origin().to_string());
            format!("{} @{} {}", d.code, place.unwrap_or_default(), d.message)
        })
        .collect()
    });
    assert_eq!(shown, expected);
}

#[test]
fn diagnostics_point_at_the_fault() {
    check_diagnostics(
        &[(
            "c.yml",
            "services:\n  a:\n    image: 'é $X ${Y}'\n    labels: {b: $X}\n",
        )],
        &[
            "unset-in-interpolation @c.yml:3:15 variable `X` is not set; an empty text takes its place",
            "unset-in-interpolation @c.yml:3:18 variable `Y` is not set; an empty text takes its place",
            "unset-in-interpolation @c.yml:4:17 variable `X` is not set; an empty text takes its place",
        ],
    );
    check_diagnostics(
        &[("c.yml", "services:\n  a:\n    image: x${Y:?wanted}\n")],
        &[
            "bad-file @c.yml:3:13 invalid Compose file: required variable `Y` is missing a value: wanted",
        ],
    );
    check_diagnostics(
        &[(
            "c.yml",
            "services: {a: {env_file: [x.env, {path: y.env, required: false}]}}",
        )],
        &["missing-file @c.yml:1:27 file `x.env` is missing"],
    );
    check_diagnostics(
        &[
            ("c.yml", "services: {a: {env_file: x.env}}"),
            ("x.env", "A=$B\nC='"),
        ],
        &[
            "bad-file @x.env:2:3 invalid env file: quoted value does not end",
            "unset-in-interpolation @x.env:1:3 variable `B` is not set; an empty text takes its place",
        ],
    );
    check_diagnostics(
        &[(
            "c.yml",
            "services:\n  a: {ports: ['4566:4566', 'x:1']}\n  a: 1\n",
        )],
        &[
            "bad-file @c.yml:3:3 invalid Compose file: the key `a` occurs twice",
            "bad-file @c.yml:3:6 invalid Compose file: service `a` holds no settings",
        ],
    );
    check_diagnostics(
        &[("c.yml", "a: [\n")],
        &["bad-file @c.yml:2:1 invalid Compose file: a value is missing"],
    );
}

#[test]
fn what_compose_refuses_is_told_with_the_fix() {
    let below_a = |yaml: &str| format!("services:\n  a:\n    {yaml}\n");
    for (text, problem) in [
        ("- a\n".into(), "it does not consist of keys and values"),
        ("services: x\n".into(), "`services` holds no services"),
        (
            below_a("environment: A=1"),
            "`environment` is a single text",
        ),
        (
            below_a("environment: [{A: 1}]"),
            "an item of `environment` is no text",
        ),
        (
            below_a("environment: {A: [1, 2]}"),
            "the value of `A` is a list or a mapping",
        ),
        (
            below_a("environment: ['A =1']"),
            "the name `A` ends with a space",
        ),
        (below_a("ports: x"), "`ports` is no list"),
        (
            below_a("ports: [[1]]"),
            "an item of `ports` is no text, number or mapping",
        ),
        (
            below_a("ports: ['1-2:1-3']"),
            "the port `1-2:1-3` is refused: its ranges differ in length",
        ),
        (below_a("[x]: 1"), "a key is a list or a mapping"),
        (below_a("1: 1"), "the key `1` is no text"),
        (below_a("<<: x"), "`<<` cannot be merged"),
        (below_a("<<: {}\n    <<: {}"), "the key `<<` occurs twice"),
        (
            format!("{}---\n{}", below_a("ports: [1]"), below_a("ports: 1")),
            "this value has another form than the one it is merged with",
        ),
        (
            "include: [{}]\n".into(),
            "an item of `include` names no file",
        ),
        ("include: [c.yml]\n".into(), "the file includes itself"),
        (below_a("extends: {}"), "`extends` names no service"),
        (
            below_a("extends: b"),
            "service `b`, which is extended, does not exist",
        ),
        (below_a("extends: a"), "the service extends itself"),
        (
            below_a("env_file: [{}]"),
            "an item of `env_file` names no file",
        ),
        (
            below_a("extra_hosts: [x]"),
            "an item of `extra_hosts` has no address",
        ),
        (
            format!("{}{}", "[".repeat(80), "]".repeat(80)),
            "nesting is deeper than 64 levels",
        ),
        (
            below_a("image: ${A"),
            "invalid interpolation; write `$$` for a `$`",
        ),
        (
            "%YAML 1.2\n%YAML 1.2\n---\na: 1\n".into(),
            "duplicate version directive",
        ),
    ] {
        let found = with(&[("c.yml", &*text)], &[], read).diagnostics;
        let first = found.first().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            first.message,
            format!("invalid Compose file: {problem}"),
            "{text}"
        );
        let expected = &first.labels[0].message;
        assert!(first.help.is_some() && !expected.is_empty(), "{text}");
    }
}

#[test]
fn networks_have_subnets_and_names() {
    let project = project(
        "services:\n  a:\n    container_name: Box\n    networks: {n: {aliases: [x], ipv4_address: 10.0.0.9}}\n\
         networks:\n  n: {internal: true, ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}}\n  \
         o: {external: true, name: other}\n",
    );
    let [inner, outer] = project.networks.as_slice() else {
        panic!("two networks");
    };
    assert!(inner.internal && !inner.external && outer.external);
    assert_eq!(
        inner.subnets[0].gateway.as_ref().map(|g| &*g.value),
        Some("10.0.0.1")
    );
    assert_eq!(outer.name.as_ref().map(|n| &*n.value), Some("other"));
    let service = &project.services[0];
    assert!(
        ["a", "box", "X"]
            .iter()
            .all(|name| service.is_known_as(name))
    );
    assert!(!service.is_known_as("n"));
}

#[test]
fn ipam_merges_by_subnet() {
    let over = "networks: {n: {ipam: {config: [{subnet: b, gateway: g}, {subnet: c}]}}}";
    let base = "networks: {n: {ipam: {config: [{subnet: a}, {subnet: b, ip_range: r}]}}}";
    let project = project(&format!("{base}\n---\n{over}\n"));
    let subnets = &project.networks[0].subnets;
    let shown: Vec<_> = subnets
        .iter()
        .map(|s| {
            (
                s.subnet.as_ref().map(|s| &*s.value),
                s.gateway.as_ref().map(|g| &*g.value),
            )
        })
        .collect();
    assert_eq!(shown, [(Some("b"), Some("g")), (Some("c"), None)]);
}
