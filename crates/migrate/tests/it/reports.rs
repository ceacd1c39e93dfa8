//! Documents for machines.

use std::path::Path;

use lsconfig_migrate::decision::{Column, DECISIONS};
use lsconfig_migrate::edit::{Edit, apply};
use lsconfig_migrate::file::{File, Options};
use lsconfig_migrate::finding::Safety;
use lsconfig_migrate::project::NoFiles;
use lsconfig_migrate::report;
use serde_json::Value;

const COMPOSE: &str = "services:\n  ls:\n    image: localstack/localstack:4\n    environment:\n      - EDGE_PORT=4566\n      - HOSTNAME_EXTERNAL=broker\n      - API_TOKEN=hunter2\n";

fn file(name: &str, text: &str) -> File {
    File::analyse(
        Path::new(name),
        text.as_bytes().to_vec(),
        &NoFiles,
        &Options::default(),
    )
    .unwrap()
}

#[test]
fn edits_of_the_document_give_the_written_bytes() {
    let file = file("compose.yaml", COMPOSE);
    let expected = file.change(Safety::Unsafe).unwrap().bytes;
    let document = report::document(&[file]);
    let edits: Vec<Edit> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|f| f["fix"]["edits"].as_array().unwrap())
        .map(|e| {
            let at = |key: &str| usize::try_from(e[key].as_u64().unwrap()).unwrap();
            Edit::replace(at("start")..at("end"), e["text"].as_str().unwrap())
        })
        .collect();
    assert_eq!(apply(COMPOSE.as_bytes(), &edits).unwrap(), expected);
    assert_eq!(document["summary"]["safe"], 1);
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let prints = |text: &str| -> Vec<String> {
        let log = report::log(&[file("a b.yaml", text)], "0");
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        for result in &results {
            let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(uri, "a%20b.yaml");
            let fixes = result["fixes"].as_array().unwrap();
            let changes = fixes[0]["artifactChanges"][0]["replacements"]
                .as_array()
                .unwrap();
            assert!(!changes.is_empty());
        }
        results
            .iter()
            .map(|r| r["partialFingerprints"]["lsconfig/v1"].to_string())
            .collect()
    };
    let before = prints(COMPOSE);
    assert_eq!(before.len(), 2);
    assert_ne!(before[0], before[1]);
    assert_eq!(before, prints(&format!("# new\n\n{COMPOSE}")));
}

/// What SARIF 2.1.0 (OASIS, section 3) asks of the objects that are used here: the members that an
/// object must have, and those that it may have.
const SARIF: [(&str, &[&str], &[&str]); 15] = [
    ("log", &["version", "runs"], &["$schema"]),
    (
        "run",
        &["tool"],
        &["automationDetails", "columnKind", "results"],
    ),
    ("tool", &["driver"], &[]),
    ("driver", &["name"], &["version", "informationUri", "rules"]),
    (
        "rule",
        &["id"],
        &[
            "shortDescription",
            "fullDescription",
            "defaultConfiguration",
        ],
    ),
    ("configuration", &[], &["level"]),
    (
        "result",
        &["message"],
        &[
            "ruleId",
            "ruleIndex",
            "level",
            "locations",
            "relatedLocations",
            "partialFingerprints",
            "fixes",
        ],
    ),
    ("message", &["text"], &[]),
    ("location", &["physicalLocation"], &["message"]),
    ("physicalLocation", &["artifactLocation"], &["region"]),
    ("artifactLocation", &["uri"], &[]),
    (
        "region",
        &[],
        &["startLine", "startColumn", "byteOffset", "byteLength"],
    ),
    ("fix", &["artifactChanges"], &["description"]),
    ("artifactChange", &["artifactLocation", "replacements"], &[]),
    ("replacement", &["deletedRegion"], &["insertedContent"]),
];

/// Checks an object and returns it.
#[track_caller]
fn object<'v>(kind: &str, value: &'v Value) -> &'v Value {
    let (_, must, may) = SARIF.iter().find(|(name, ..)| *name == kind).unwrap();
    let members = value
        .as_object()
        .unwrap_or_else(|| panic!("{kind}: {value}"));
    assert!(
        must.iter().all(|name| members.contains_key(*name)),
        "{kind}: {value}"
    );
    let known = |name: &String| must.contains(&name.as_str()) || may.contains(&name.as_str());
    assert!(members.keys().all(known), "{kind}: {value}");
    value
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn location(value: &Value) {
    let place = object(
        "physicalLocation",
        &object("location", value)["physicalLocation"],
    );
    let uri = object("artifactLocation", &place["artifactLocation"])["uri"]
        .as_str()
        .unwrap();
    assert!(uri.bytes().all(|b| b.is_ascii_graphic()), "{uri}");
    let region = object("region", &place["region"]);
    assert!(region["startLine"].as_u64().unwrap() >= 1);
    assert!(
        region
            .get("startColumn")
            .is_none_or(|n| n.as_u64().unwrap() >= 1)
    );
}

/// The log of every case of the corpus is one that code hosts take.
#[test]
fn logs_have_the_members_of_sarif() {
    let files: Vec<File> = crate::mutate::FILES
        .iter()
        .filter_map(|(path, bytes)| {
            File::analyse(path, bytes.clone(), &NoFiles, &Options::default())
        })
        .collect();
    let log = report::log(&files, "0");
    let log = object("log", &log);
    assert_eq!(log["version"], "2.1.0");
    let run = object("run", &log["runs"][0]);
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = items(&object("driver", &object("tool", &run["tool"])["driver"])["rules"]);
    for rule in rules {
        object("message", &object("rule", rule)["shortDescription"]);
        object("configuration", &rule["defaultConfiguration"]);
    }
    assert!(items(&run["results"]).len() > 300);
    let mut prints = std::collections::BTreeSet::new();
    for result in items(&run["results"]) {
        object("message", &object("result", result)["message"]);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        items(&result["locations"]).iter().for_each(location);
        items(&result["relatedLocations"]).iter().for_each(location);
        prints.insert(
            result["partialFingerprints"]["lsconfig/v1"]
                .as_str()
                .unwrap(),
        );
        let Some(fixes) = result.get("fixes") else {
            continue;
        };
        for fix in items(fixes) {
            let changes = items(&object("fix", fix)["artifactChanges"]);
            assert!(!changes.is_empty(), "{result}");
            for change in changes {
                let replacements = items(&object("artifactChange", change)["replacements"]);
                assert!(!replacements.is_empty(), "{result}");
                for replacement in replacements {
                    object(
                        "region",
                        &object("replacement", replacement)["deletedRegion"],
                    );
                }
            }
        }
    }
    assert_eq!(
        prints.len(),
        items(&run["results"]).len(),
        "fingerprints are not unique"
    );
}

#[test]
fn annotations_escape_what_steers_a_workflow() {
    let text = COMPOSE.replace("=broker", "=bro%0Aker");
    let out = report::annotations(&[file("a,b:c\n.yaml", &text)]);
    assert!(
        out.contains("file=a%2Cb%3Ac%0A.yaml,line=5,col=9,title=default-setting::"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 2, "{out}");
    let many: Vec<File> = (0..8)
        .map(|n| file(&format!("{n}.yaml"), COMPOSE))
        .collect();
    let out = report::annotations(&many);
    assert_eq!(out.lines().count(), 10);
    assert!(out.ends_with(
        "16 findings, 9 shown: 8 fixed with --write, 8 more with --unsafe, 0 need a person\n"
    ));
}

#[test]
fn diffs_apply_and_hide_secrets() {
    let file = file("compose.yaml", COMPOSE);
    let diff = report::unified(&file, &file.change(Safety::Safe).unwrap());
    assert!(
        diff.starts_with("--- a/compose.yaml\n+++ b/compose.yaml\n@@ -2,6 +2,5 @@\n"),
        "{diff}"
    );
    assert!(!diff.contains("hunter2"), "{diff}");
}

/// The reference page is the table; `UPDATE_DOCS=1` writes it.
#[test]
fn reference_page_is_up_to_date() {
    let mut page = String::from(
        "# Migration decisions\n\nWhat `lsconfig check` says and `lsconfig migrate` does, by kind of setting and release.\nGenerated from the table in `crates/migrate/src/decision.rs`.\n\n*remove* and *convert* are safe: the release has the same effective settings before and after, which\nis checked for every edit by resolving both. Where the check fails the edit becomes unsafe. Edits\nmarked *unsafe* change what runs today and need `--unsafe`.\n\n",
    );
    let headings: Vec<&str> = Column::ALL.iter().map(|c| c.heading()).collect();
    page += &format!(
        "| code | {} |\n|---|{}\n",
        headings.join(" | "),
        "---|".repeat(headings.len())
    );
    for row in DECISIONS {
        let cells: Vec<&str> = Column::ALL
            .iter()
            .map(|c| row.verdict(*c).as_str())
            .collect();
        page += &format!(
            "| [`{0}`](#{0}) | {1} |\n",
            row.rule.code,
            cells.join(" | ")
        );
    }
    for row in DECISIONS {
        page += &format!(
            "\n## {}\n\n{}: {}.\n\n{}\n",
            row.rule.code,
            severity(row.rule.severity),
            row.rule.summary,
            row.rule.explanation
        );
    }
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/migration-decisions.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        page,
        "run with UPDATE_DOCS=1"
    );
}

fn severity(severity: lsconfig::diagnostic::Severity) -> &'static str {
    match severity {
        lsconfig::diagnostic::Severity::Error => "Error",
        lsconfig::diagnostic::Severity::Warning => "Warning",
        lsconfig::diagnostic::Severity::Note => "Note",
    }
}
