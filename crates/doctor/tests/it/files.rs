//! Compose files with one fault each: found at its place, and gone once the offered patch is applied.

use std::sync::Arc;

use lsconfig::source::compose::{self, Input, ReadError, Source};
use lsconfig_doctor::facts::{Facts, Question};
use lsconfig_doctor::judge::judge;
use lsconfig_doctor::patch::patch;
use lsconfig_doctor::project;

fn facts(text: &str) -> Facts {
    let files = [Source {
        name: "compose.yaml".into(),
        text: text.into(),
    }];
    let environment = |_: &str| -> Option<Arc<str>> { None };
    let read = |_: &str| Err(ReadError::NotFound);
    let input = Input {
        files: &files,
        dotenv: &[],
        project_name: None,
        environment: &environment,
        read: &read,
    };
    let project = compose::read(&input);
    project::facts(&project, Question::default(), &|service| {
        compose::layers(service, &input).layers
    })
}

/// The faults of a text, without notes.
fn codes(text: &str) -> Vec<String> {
    let facts = facts(text);
    let judgement = judge(&facts);
    let found = judgement.findings.iter();
    found
        .filter(|f| f.severity > lsconfig::diagnostic::Severity::Note)
        .map(|f| f.check.rule.code.to_owned())
        .collect()
}

/// Checks that `text` has one fault, at a line, and none after its best fix that has changes.
#[track_caller]
fn mends(text: &str, code: &str, line: u32) {
    assert_eq!(codes(text), [code], "{text}");
    let facts = facts(text);
    let judgement = judge(&facts);
    let finding = &judgement.findings[0];
    let place = finding.subject.place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("compose.yaml", line));
    let fix = finding
        .fixes
        .iter()
        .find(|fix| !fix.changes.is_empty())
        .unwrap();
    let patched = patch("compose.yaml", text, &fix.changes)
        .unwrap_or_else(|| panic!("no patch for {:#?}", fix.changes));
    assert_eq!(codes(&patched.text), [""; 0], "{}", patched.text);
}

const EMULATOR: &str = "services:\n  localstack:\n    image: localstack/localstack:4.12\n    ports: [\"127.0.0.1:4566:4566\"]\n";

#[test]
fn patches_mend_what_they_are_offered_for() {
    let app = |rest: &str| format!("{EMULATOR}  app:\n    image: app\n{rest}");
    let domain =
        "    environment:\n      AWS_ENDPOINT_URL: http://localhost.localstack.cloud:4566\n";
    let named = "    environment:\n      - AWS_ENDPOINT_URL=http://localstack:4566\n";
    mends(&app(domain), "emulator-dns-not-used", 8);
    mends(
        &app("    environment:\n      - AWS_ENDPOINT_URL=http://localhost:4566\n"),
        "endpoint-is-client-itself",
        8,
    );
    mends(
        &app(&format!(
            "{named}    networks: [own]\nnetworks:\n  own: {{}}\n"
        )),
        "no-shared-network",
        9,
    );
    mends(
        &app(&format!("{named}    network_mode: host\n")),
        "names-unknown-on-host",
        9,
    );
    mends(
        &app(&format!("{named}    network_mode: none\n")),
        "client-without-network",
        9,
    );
    mends(
        &app(&format!("{named}      - HTTP_PROXY=http://proxy:3128\n")),
        "proxy-in-the-way",
        9,
    );
    let pinned = "services:\n  localstack:\n    image: localstack/localstack:4.12\n    networks:\n      aws:\n        ipv4_address: 10.5.0.2\n  app:\n    image: app\n    dns: 10.5.0.2\n    networks:\n      - aws\n";
    let networks = "networks:\n  aws:\n    ipam:\n      config:\n        - subnet: 10.5.0.0/24\n";
    assert_eq!(codes(&format!("{pinned}{domain}{networks}")), [""; 0]);
    mends(
        &format!(
            "{pinned}{domain}    extra_hosts:\n      - \"localhost.localstack.cloud:127.0.0.1\"\n{networks}"
        ),
        "hosts-entry-in-the-way",
        15,
    );
    let stale = format!("{pinned}{domain}{networks}").replace("dns: 10.5.0.2", "dns: 10.5.0.77");
    mends(&stale, "dns-server-gone", 9);
    let off = format!("{pinned}{domain}{networks}").replace(
        "    networks:\n      aws:",
        "    environment:\n      DNS_ADDRESS: 0\n    networks:\n      aws:",
    );
    mends(&off, "emulator-dns-off", 5);
    let wrong = app(named).replace("4566:4566", "4566:5000");
    mends(&wrong, "published-not-listened", 4);
}

#[test]
fn a_file_that_is_no_compose_file_is_judged_without_panic() {
    for text in [
        "",
        "a: [",
        "services: 1",
        "services: {a: {image: localstack/localstack, networks: {x: 1}}}",
    ] {
        let _ = judge(&facts(text));
    }
}

/// Applies the best fix of every finding, all in one, and checks that nothing is wrong afterwards.
#[track_caller]
fn mends_together(text: &str, expected: &[&str]) -> String {
    let found = codes(text);
    assert_eq!(found, expected, "{text}");
    let facts = facts(text);
    let judgement = judge(&facts);
    let mut changes = Vec::new();
    for finding in &judgement.findings {
        let best = finding.fixes.iter().find(|fix| !fix.changes.is_empty());
        for change in best.into_iter().flat_map(|fix| &fix.changes) {
            if !changes.contains(change) {
                changes.push(change.clone());
            }
        }
    }
    let patched = patch("compose.yaml", text, &changes)
        .unwrap_or_else(|| panic!("no patch for {changes:#?}"));
    assert_eq!(codes(&patched.text), [""; 0], "{}", patched.text);
    patched.text
}

#[test]
fn what_one_run_offers_can_be_taken_together() {
    let emulator = |ports: &str, rest: &str| {
        format!(
            "services:\n  localstack:\n    image: localstack/localstack:4.12.0\n    ports: [\"{ports}\"]\n    environment:\n{rest}"
        )
    };
    let legacy = "      - HOSTNAME_EXTERNAL=foo.bar\n      - EDGE_PORT=5000\n";
    // The port is dead and stays dead, so URLs must not carry it.
    let text = mends_together(&emulator("4566:4566", legacy), &["ignored-variable"; 2]);
    assert!(text.contains("foo.bar:4566"), "{text}");
    // The port is what is meant: the gateway goes there, and so do the URLs.
    let text = mends_together(
        &emulator("5000:5000", legacy),
        &[
            "published-not-listened",
            "ignored-variable",
            "ignored-variable",
        ],
    );
    assert!(text.contains("0.0.0.0:5000"), "{text}");
    assert!(text.contains("foo.bar:5000"), "{text}");
    // The host has it at another port.
    let text = mends_together(
        &emulator("5000:4566", legacy),
        &[
            "url-port-not-published",
            "ignored-variable",
            "ignored-variable",
        ],
    );
    assert!(text.contains("foo.bar:5000"), "{text}");
}

#[test]
fn each_network_gets_a_subnet_of_its_own() {
    let client = |name: &str| {
        format!(
            "  {name}:\n    image: app\n    networks: [{name}]\n    environment:\n      AWS_ENDPOINT_URL: http://localhost.localstack.cloud:4566\n"
        )
    };
    let text = format!(
        "services:\n  localstack:\n    image: localstack/localstack:4.12.0\n    networks: [one, two]\n{}{}networks:\n  one: {{}}\n  two: {{}}\n",
        client("one"),
        client("two")
    );
    mends_together(&text, &["emulator-dns-not-used"; 2]);
}

#[test]
fn a_release_is_offered_names_that_it_reads() {
    let text = "services:\n  localstack:\n    image: localstack/localstack:1.4.0\n    ports: [\"4566:4566\"]\n    environment:\n      - EDGE_BIND_HOST=127.0.0.1\n";
    let text = mends_together(text, &["listen-loopback-in-container"]);
    assert!(
        text.contains("EDGE_BIND_HOST") && text.contains("0.0.0.0"),
        "{text}"
    );
}

#[test]
fn other_emulators_are_known_by_their_image() {
    let project = |image: &str, shown: &str, url: &str| {
        format!(
            "services:\n  aws:\n    image: {image}\n{shown}  app:\n    image: app\n    environment:\n      AWS_ENDPOINT_URL: {url}\n"
        )
    };
    let published = "    ports: [\"8000:7000\"]\n";
    for (image, shown, url) in [
        ("motoserver/moto:5.0.0", "", "http://aws:5000"),
        ("minio/minio", "", "http://aws:9000"),
        (
            "softwaremill/elasticmq-native@sha256:0",
            "",
            "http://aws:9324",
        ),
        // Told to listen elsewhere; the port that it shows is the one.
        ("registry.example:5/moto", published, "http://aws:7000"),
        ("any", "    expose: [4566]\n", "http://aws:4566"),
    ] {
        assert_eq!(codes(&project(image, shown, url)), [""; 0], "{image}");
    }
    mends(
        &project("motoserver/moto", "", "http://localhost:5000"),
        "endpoint-is-client-itself",
        7,
    );
}
