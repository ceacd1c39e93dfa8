//! Every scenario: facts, and exactly the findings that they must give.
//!
//! `S1` to `S4` are the scenarios of the older tool, `C01` to `C36` those of the reference of causes,
//! `R..` further rows of the table, `H..` healthy systems.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lsconfig::source::yaml::Tree;
use lsconfig_doctor::check::{CHECKS, by_number};
use lsconfig_doctor::facts::Facts;
use lsconfig_doctor::judge::{TraceResult, judge};
use lsconfig_doctor::report::{Document, annotations, log};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) title: String,
    pub(crate) expect: Vec<String>,
    pub(crate) facts: Facts,
}

pub(crate) fn all() -> BTreeMap<String, Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let scenario = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                scenario,
            )
        })
        .collect()
}

pub(crate) fn word(severity: lsconfig::diagnostic::Severity) -> &'static str {
    match severity {
        lsconfig::diagnostic::Severity::Error => "error",
        lsconfig::diagnostic::Severity::Warning => "warning",
        lsconfig::diagnostic::Severity::Note => "note",
    }
}

#[test]
fn every_scenario_gives_exactly_its_causes() {
    let mut wrong = Vec::new();
    for (id, scenario) in all() {
        let judgement = judge(&scenario.facts);
        let found: BTreeSet<String> = judgement
            .findings
            .iter()
            .map(|f| format!("{} {}", word(f.severity), f.check.rule.code))
            .collect();
        let expected: BTreeSet<String> = scenario.expect.iter().cloned().collect();
        if found != expected {
            wrong.push(format!(
                "{id} ({}): {found:?}, not {expected:?}",
                scenario.title
            ));
        }
        for finding in &judgement.findings {
            assert!(
                !finding.fixes.is_empty()
                    || finding.severity < lsconfig::diagnostic::Severity::Error,
                "{id}: {} offers nothing",
                finding.check.number
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_catalogue_is_complete_and_every_check_fires_somewhere() {
    let all = all();
    for id in (1..=36)
        .map(|n| format!("C{n:02}"))
        .chain((1..=4).map(|n| format!("S{n}")))
    {
        assert!(
            all.keys().any(|name| name.starts_with(&id)),
            "{id} has no scenario"
        );
    }
    let fired: BTreeSet<&str> = all
        .values()
        .flat_map(|s| judge(&s.facts).trace)
        .filter(|t| t.result == TraceResult::Fired)
        .map(|t| t.number)
        .collect();
    let silent: Vec<&str> = CHECKS
        .iter()
        .map(|c| c.number)
        .filter(|n| !fired.contains(n))
        .collect();
    assert!(
        silent.is_empty(),
        "no scenario makes these fire: {silent:?}"
    );
}

#[test]
fn the_trace_says_what_explains_what() {
    let all = all();
    let judgement = judge(&all["C11"].facts);
    let of = |number: &str| {
        judgement
            .trace
            .iter()
            .find(|t| t.number == number)
            .unwrap()
            .result
            .clone()
    };
    assert_eq!(of("PORT003"), TraceResult::Fired);
    assert_eq!(of("PORT008"), TraceResult::Explained("PORT003"));
    assert_eq!(of("PORT004"), TraceResult::Passed);
    assert_eq!(by_number("PORT003").rule.code, "published-not-listened");
}

#[test]
fn fixes_are_compose_files_and_the_reports_hold_everything() {
    for (id, scenario) in all() {
        let judgement = judge(&scenario.facts);
        let document = Document::new(&scenario.facts, &judgement, "0", &|_| None);
        for fix in document.findings.iter().flat_map(|f| &f.fixes) {
            assert!(Tree::parse(&fix.snippet).is_ok(), "{id}: {}", fix.snippet);
        }
        let sarif = log(&document);
        let results = sarif["runs"][0]["results"].as_array().unwrap().len();
        assert_eq!(results, judgement.findings.len(), "{id}");
        let lines = annotations(&document);
        assert_eq!(lines.lines().count(), judgement.findings.len(), "{id}");
    }
}

#[test]
fn facts_survive_a_bundle() {
    for (id, scenario) in all() {
        let text = serde_json::to_string(&scenario.facts).unwrap();
        let again: Facts = serde_json::from_str(&text).unwrap();
        assert_eq!(again, scenario.facts, "{id}");
    }
}
