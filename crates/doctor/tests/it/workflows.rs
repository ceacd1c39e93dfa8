//! Workflows and development containers with one fault each, found at its place.

use std::sync::Arc;

use lsconfig::diagnostic::Severity;
use lsconfig::source::compose::{self, Input, ReadError, Source};
use lsconfig_doctor::facts::{Facts, Question};
use lsconfig_doctor::judge::judge;
use lsconfig_doctor::report::Document;
use lsconfig_doctor::{devcontainer, project, workflow};

/// What is said: the code, the place, and the best fix with its snippet.
fn said(facts: &Facts) -> Vec<(&'static str, String, String)> {
    let judgement = judge(facts);
    let document = Document::new(facts, &judgement, "0", &|_| None);
    let findings = document.findings.iter();
    let findings = findings.filter(|f| f.severity > Severity::Note);
    findings
        .map(|f| {
            let place = f.place.as_ref();
            let place = place.map(|p| format!("{}:{}:{}", p.file, p.line, p.column));
            let best = &f.fixes[0];
            let fix = format!("{}\n{}", best.title, best.snippet);
            (f.code, place.unwrap_or_default(), fix)
        })
        .collect()
}

fn jobs(text: &str) -> Vec<Facts> {
    workflow::facts("ci.yml", text, &Question::default()).unwrap()
}

/// Checks that the only job of a workflow has one fault.
#[track_caller]
fn job_has(text: &str, code: &str, place: &str, fix: &str) {
    let jobs = jobs(text);
    let [job] = jobs.as_slice() else {
        panic!("{} jobs", jobs.len())
    };
    let said = said(job);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].0, said[0].1.as_str()), (code, place), "{said:?}");
    assert!(said[0].2.contains(fix), "{said:?}");
}

fn on_runner(ports: &str, url: &str) -> String {
    format!(
        "on: push\njobs:\n  test:\n    services:\n      localstack:\n        image: localstack/localstack:4.12.0\n{ports}    steps:\n      - run: make\n        env:\n          AWS_ENDPOINT_URL: {url}\n"
    )
}

fn in_container(url: &str) -> String {
    on_runner("", url).replace("    services:", "    container: python:3\n    services:")
}

#[test]
fn steps_on_the_runner_need_published_ports() {
    let ports = "        ports: [\"4566:4566\"]\n";
    assert!(said(&jobs(&on_runner(ports, "http://localhost:4566"))[0]).is_empty());
    job_has(
        &on_runner("", "http://localhost:4566"),
        "port-not-published",
        "ci.yml:5:7",
        "- \"127.0.0.1:4566:4566\"",
    );
    job_has(
        &on_runner(ports, "http://localstack:4566"),
        "names-unknown-on-host",
        "ci.yml:11:29",
        "use http://localhost:4566",
    );
}

#[test]
fn steps_in_a_container_use_the_key_of_the_service() {
    assert!(said(&jobs(&in_container("http://localstack:4566"))[0]).is_empty());
    for url in ["http://localhost:4566", "http://127.0.0.1:4566"] {
        job_has(
            &in_container(url),
            "endpoint-is-client-itself",
            "ci.yml:11:29",
            "use http://localstack:4566 in ci.yml",
        );
    }
    job_has(
        &in_container("http://localhost.localstack.cloud:4566"),
        "emulator-dns-not-used",
        "ci.yml:11:29",
        "use http://localstack:4566, by the key of the service",
    );
}

#[test]
fn settings_of_a_service_are_written_as_a_workflow_has_them() {
    let ports = "        ports: [\"5000:5000\"]\n        env: {EDGE_PORT: 5000}\n";
    let jobs = jobs(&on_runner(ports, "http://localhost:5000"));
    let said = said(&jobs[0]);
    let codes: Vec<&str> = said.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes, ["published-not-listened", "ignored-variable"]);
    assert!(
        said[0].2.contains("    env:\n      GATEWAY_LISTEN"),
        "{said:?}"
    );
    assert_eq!(said[1].1, "ci.yml:8:26");
}

#[test]
fn each_job_with_an_emulator_is_a_system_of_its_own() {
    let one = on_runner("", "http://localhost:4566");
    let other = one
        .split_once("jobs:\n")
        .unwrap()
        .1
        .replace("  test:", "  other:");
    let text = format!("{one}{other}  lint:\n    steps: []\n");
    let jobs = jobs(&text);
    assert_eq!(jobs.len(), 2);
    let mut documents = jobs.iter().map(|facts| {
        let judgement = judge(facts);
        Document::new(facts, &judgement, "0", &|_| None)
    });
    let mut all = documents.next().unwrap();
    all.add(documents.next().unwrap());
    assert_eq!(
        (all.findings.len(), all.summary.errors, all.clients.len()),
        (2, 2, 2)
    );
    assert_eq!(all.clients[1].name, "the runner of `other`");
    assert!(workflow::facts("ci.yml", "a: [", &Question::default()).is_err());
}

fn compose(text: &str) -> Facts {
    let files = [Source {
        name: "compose.yml".into(),
        text: text.into(),
    }];
    let environment = |_: &str| -> Option<Arc<str>> { None };
    let input = Input {
        files: &files,
        dotenv: &[],
        project_name: None,
        environment: &environment,
        read: &|_| Err(ReadError::NotFound),
    };
    let project = compose::read(&input);
    project::facts(&project, Question::default(), &|service| {
        compose::layers(service, &input).layers
    })
}

const COMPOSE: &str = "services:\n  localstack:\n    image: localstack/localstack:4.12.0\n  app:\n    image: app\n    environment:\n      AWS_ENDPOINT_URL: http://localstack:4566\n";

fn with_container(text: &str) -> Facts {
    let mut facts = compose(COMPOSE);
    let read = lsconfig_formats::devcontainer::read(text).unwrap();
    devcontainer::add(&mut facts, "devcontainer.json", &read);
    facts
}

#[test]
fn variables_of_a_dev_container_count_over_those_of_its_service() {
    let fine = "{\"dockerComposeFile\": \"compose.yml\", \"service\": \"app\"}";
    assert!(said(&with_container(fine)).is_empty());
    let wrong = "{\n  \"service\": \"app\",\n  \"remoteEnv\": {\"AWS_ENDPOINT_URL\": \"http://localhost:4566\"}\n}";
    let said = said(&with_container(wrong));
    assert_eq!(said.len(), 1, "{said:?}");
    let (code, place, fix) = &said[0];
    assert_eq!(
        (*code, place.as_str()),
        ("endpoint-is-client-itself", "devcontainer.json:3:38")
    );
    assert!(
        fix.contains("use http://localstack:4566 in devcontainer.json"),
        "{fix}"
    );
}

#[test]
fn a_dev_container_of_its_own_is_in_no_network_of_the_project() {
    let env = "\"containerEnv\": {\"AWS_ENDPOINT_URL\": \"http://localstack:4566\"}";
    let alone = format!("{{\"image\": \"python\",\n{env}}}");
    let found = said(&with_container(&alone));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].0, found[0].1.as_str()),
        ("no-shared-network", "devcontainer.json:2:39")
    );
    assert!(found[0].2.contains("`dockerComposeFile`"), "{found:?}");
    let joined =
        format!("{{\"image\": \"python\", \"runArgs\": [\"--network=shop_default\"], {env}}}");
    assert!(said(&with_container(&joined)).is_empty());
}
