//! Compose projects as compose-go 2.13 reads them (`compose.jsonl`), and hostile ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lsconfig::source::compose::{self, Input, Project, ReadError, Service, Source};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::vectors::{assert_none, records};

/// Cases where this crate goes another way on purpose. A case that agrees must not be listed.
const DIVERGENCES: [(&str, &str); 7] = [
    ("quoted-merge", "unknown keys are not looked at"),
    (
        "empty",
        "a project without services is reported when the service is looked for",
    ),
    (
        "override-env",
        "`!reset` inside `!override` resets, it does not give the text `null`",
    ),
    (
        "ports-80-0",
        "a whole number is a port, however it is written",
    ),
    (
        "ports-target-99999",
        "what the engine refuses is reported at once",
    ),
    (
        "ports-target-80-published-x",
        "what the engine refuses is reported at once",
    ),
    ("ports-80-81-82", "the third part of a range is not dropped"),
];

/// Cases whose long-form protocol only the engine refuses.
const ENGINE_REFUSES: &str = "ports-target-80-protocol-http";

struct Files(BTreeMap<String, Arc<str>>);

impl Files {
    fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, text): (&str, &str)| (name.to_owned(), text.into());
        Self(pairs.into_iter().map(owned).collect())
    }

    fn source(&self, name: &str) -> Source {
        Source {
            name: name.into(),
            text: Arc::clone(&self.0[name]),
        }
    }

    /// Calls `then` with the input made of these files.
    fn with<T>(
        &self,
        main: &[&str],
        environment: &[(&str, &str)],
        then: impl FnOnce(&Input<'_>) -> T,
    ) -> T {
        let files: Vec<Source> = main.iter().map(|name| self.source(name)).collect();
        let folder = main[0]
            .rsplit_once('/')
            .map_or(String::new(), |(f, _)| format!("{f}/"));
        let dotenv = format!("{folder}.env");
        let dotenv: Vec<Source> = self
            .0
            .keys()
            .filter(|name| **name == dotenv)
            .map(|name| self.source(name))
            .collect();
        let look_up = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| Arc::from(*value))
        };
        then(&Input {
            files: &files,
            dotenv: &dotenv,
            project_name: Some("p".into()),
            environment: &look_up,
            read: &|path| self.0.get(path).cloned().ok_or(ReadError::NotFound),
        })
    }

    fn read(&self, main: &[&str]) -> Project {
        self.with(main, &[], compose::read)
    }
}

fn one(text: &str) -> Project {
    Files::of([("compose.yml", text)]).read(&["compose.yml"])
}

/// What compose-go prints for a service, without what is empty.
fn shown(service: &Service, environment: &compose::EnvironmentLayers) -> Value {
    let mut variables = BTreeMap::new();
    for occurrence in environment.layers.occurrences() {
        variables
            .entry(&*occurrence.name)
            .or_insert(&*occurrence.raw);
    }
    let mut ports: Vec<Value> = Vec::new();
    for port in &service.ports {
        for n in 0..=port.target.width() {
            let published = port.published.map(|range| match port.target.width() {
                0 => range.to_string(),
                _ => (range.first + n).to_string(),
            });
            let host = port.host_ip.map(|ip| ip.to_string());
            ports.push(json!([
                host,
                published,
                port.target.first + n,
                port.protocol.as_str()
            ]));
        }
    }
    ports.sort_by_key(Value::to_string);
    let text = |value: &Option<compose::Spanned>| value.as_ref().map(|v| v.value.to_string());
    let list = |values: &[compose::Spanned]| -> Vec<String> {
        values.iter().map(|value| value.value.to_string()).collect()
    };
    let sorted = |mut values: Vec<String>| {
        values.sort();
        values
    };
    let mut networks: Vec<Value> = service
        .networks
        .iter()
        .map(|n| json!([&*n.key.value, list(&n.aliases), text(&n.ipv4_address)]))
        .filter(|n| *n != json!(["default", [], null]))
        .collect();
    networks.sort_by_key(Value::to_string);
    let hosts = service.extra_hosts.iter();
    let hosts = hosts
        .map(|h| format!("{}={}", h.value.0, h.value.1))
        .collect();
    let mut all = json!({
        "environment": variables,
        "image": text(&service.image),
        "ports": ports,
        "dns": list(&service.dns),
        "hostname": text(&service.hostname),
        "container_name": text(&service.container_name),
        "network_mode": text(&service.network_mode),
        "networks": networks,
        "extra_hosts": sorted(hosts),
        "expose": list(&service.expose),
        "depends_on": sorted(list(&service.depends_on)),
    });
    let empty = |value: &Value| {
        value.is_null()
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(serde_json::Map::is_empty)
    };
    all.as_object_mut()
        .expect("object")
        .retain(|_, value| !empty(value));
    all
}

fn ours(record: &Value) -> Value {
    let texts = |value: &'_ Value| -> Vec<(String, String)> {
        let pairs = value.as_object().expect("object").iter();
        pairs
            .map(|(k, v)| (k.clone(), v.as_str().expect("text").to_owned()))
            .collect()
    };
    let (files, environment) = (texts(&record["files"]), texts(&record["env"]));
    let files = Files::of(files.iter().map(|(k, v)| (&**k, &**v)));
    let environment: Vec<_> = environment.iter().map(|(k, v)| (&**k, &**v)).collect();
    let main = record["main"].as_array().expect("list").iter();
    let main: Vec<&str> = main.map(|name| name.as_str().expect("text")).collect();
    files.with(&main, &environment, |input| {
        let project = compose::read(input);
        let mut refused = !project.diagnostics.is_empty();
        let mut services = serde_json::Map::new();
        for service in &project.services {
            let environment = compose::layers(service, input);
            let serious = |code: &str| code != "unset-in-interpolation";
            refused |= environment.diagnostics.iter().any(|d| serious(d.code));
            services.insert(service.name.value.to_string(), shown(service, &environment));
        }
        if refused {
            json!("refused")
        } else {
            services.into()
        }
    })
}

#[test]
fn projects_read_as_compose_reads_them() {
    let mut mismatches = Vec::new();
    let records = records("compose");
    for record in &records {
        let id = record["id"].as_str().expect("text");
        let (observed, ours) = (&record["observed"], ours(record));
        let listed = id == ENGINE_REFUSES || DIVERGENCES.iter().any(|(known, _)| *known == id);
        match (*observed == ours, listed) {
            (true, true) => mismatches.push(format!("{id}: agrees, but is listed")),
            (false, false) => mismatches.push(format!("{id}:\n  {observed}\n  {ours}")),
            _ => {}
        }
    }
    let known = |id: &str| records.iter().any(|record| record["id"] == id);
    assert!(known(ENGINE_REFUSES) && DIVERGENCES.iter().all(|(id, _)| known(id)));
    assert_none(&mismatches, records.len());
}

#[track_caller]
fn quick<T>(then: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = then();
    // Generous for a debug build on a busy machine; an exponential reader takes for ever.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    result
}

fn codes(project: &Project) -> Vec<&'static str> {
    project
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}

#[test]
fn bombs_are_bad_files() {
    let mut laughs = String::from("x0: &x0 [a,a,a,a,a,a,a,a,a]\n");
    for n in 1..12 {
        let list = vec![format!("*x{}", n - 1); 9].join(",");
        laughs += &format!("x{n}: &x{n} [{list}]\n");
    }
    assert_eq!(codes(&quick(|| one(&laughs))), ["bad-file"]);
    assert_eq!(codes(&quick(|| one(&"[".repeat(100_000)))), ["bad-file"]);
    assert_eq!(codes(&quick(|| one(&"- ".repeat(100_000)))), ["bad-file"]);
}

#[test]
fn services_that_multiply_a_large_base_are_stopped() {
    let mut text = String::from("services:\n  base:\n    image: x\n    environment:\n");
    for n in 0..20_000 {
        text += &format!("      A{n}: {n}\n");
    }
    for n in 0..5_000 {
        text += &format!("  s{n}: {{extends: base, environment: {{B: 1}}}}\n");
    }
    let project = quick(|| one(&text));
    assert!(codes(&project).contains(&"bad-file"));
}

#[test]
fn inclusion_that_fans_out_is_stopped() {
    let list = vec!["next.yml"; 50].join(", ");
    let mut files = BTreeMap::new();
    for n in 0..30 {
        let text = format!(
            "include: [{}]\n",
            list.replace("next", &format!("f{}", n + 1))
        );
        files.insert(format!("f{n}.yml"), Arc::from(text));
    }
    let project = quick(|| Files(files).read(&["f0.yml"]));
    assert!(codes(&project).contains(&"bad-file"));
}

#[test]
fn interpolation_that_multiplies_is_stopped() {
    let value = "x".repeat(100_000);
    let text = format!(
        "services: {{a: {{image: i, labels: [{}]}}}}",
        "$V,".repeat(5_000)
    );
    let files = Files::of([("c.yml", text.as_str())]);
    let project = quick(|| files.with(&["c.yml"], &[("V", &value)], compose::read));
    assert!(codes(&project).contains(&"bad-file"));
}

#[test]
fn a_megabyte_is_read_quickly() {
    let mut text =
        String::from("services:\n  a:\n    image: localstack/localstack\n    environment:\n");
    for n in 0..30_000 {
        text += &format!("      - \"NAME_{n}=välue ${{X:-{n}}}\"\n");
    }
    assert!(text.len() > 1_000_000);
    let project = quick(|| one(&text));
    assert_eq!(codes(&project), [""; 0]);
    assert_eq!(project.services[0].environment.len(), 30_000);
}

/// Checks that every origin of a project lies in its source.
fn origins_lie_in_their_source(text: &str, project: &Project) {
    let service_origins = project.services.iter().flat_map(|service| {
        let variables = service.environment.iter().map(|v| &v.origin);
        let ports = service.ports.iter().map(|p| &p.origin);
        let image = service.image.iter().map(|i| &i.origin);
        let labels = service
            .diagnostics
            .iter()
            .flat_map(|d| &d.labels)
            .map(|l| l.origin());
        variables.chain(ports).chain(image).chain(labels)
    });
    let labels = project
        .diagnostics
        .iter()
        .flat_map(|d| &d.labels)
        .map(|l| l.origin());
    for origin in service_origins.chain(labels) {
        if let Some(span) = &origin.span {
            assert!(
                text.get(span.clone()).is_some(),
                "{origin} {span:?} in {text:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_safe(parts in prop::collection::vec(prop::sample::select(vec![
        "services:\n", "  a:\n", "    image: ", "localstack/localstack:3\n", "    environment:\n", "      - ",
        "      ", "A=1\n", "B: 2\n", "'C=${X}'\n", "\"D=\\t$Y\"\n", "    ports:\n", "      - 4566:4566\n",
        "      - {target: 1}\n", "    extends: a\n", "    env_file: e\n", "    <<: *x\n", "x-x: &x\n", "  k: v\n",
        "    dns: 1.1.1.1\n", "include: [compose.yml]\n", "[", "]", "{", "}", "!reset ", "!override ", "~\n", "\n",
        "    networks: {n: {aliases: [b]}}\n", "networks:\n", "  n: {ipam: {config: [{subnet: 1}]}}\n", "é", "---\n", "|\n",
    ]), 0..30)) {
        let text = parts.concat();
        let files = Files::of([("compose.yml", text.as_str()), ("e", "A=1\nB=$A\n")]);
        files.with(&["compose.yml", "compose.yml"], &[], |input| {
            let project = compose::read(input);
            origins_lie_in_their_source(&text, &project);
            for service in &project.services {
                let _ = compose::layers(service, input);
            }
        });
    }
}
