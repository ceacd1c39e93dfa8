//! The reference page is the table, and the document fits its schema.

use std::path::{Path, PathBuf};

use lsconfig_doctor::check::CHECKS;
use lsconfig_doctor::judge::judge;
use lsconfig_doctor::patch::Patch;
use lsconfig_doctor::report::{Document, SCHEMA};
use lsconfig_doctor::signature::rules::RULES;
use lsconfig_doctor::signature::table::{Means, TEXTS};
use lsconfig_doctor::signature::{self, Signature};
use lsconfig_doctor::topology::{Topology, json};
use lsconfig_testkit::schema::{undeclared, violations};
use serde_json::Value;

use crate::scenarios::{all, word};

fn docs(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(path)
}

const HEAD: &str = "\
# Causes that `lsconfig doctor` knows

Generated from the table in `crates/doctor/src/check.rs`.

Checks are made in this order. One is not made where a check that it depends on found something for
the same client or the emulator: it would only report a consequence. The number is the one of older
lists; the code is what output, `--format sarif` and `lsconfig rule CODE` use. Rows whose code stands in
[the diagnostics](../diagnostics.md) share it with the other commands. The numbers DNS010, NET007 and
PRX003 are reserved: these causes cannot be seen from outside or need no change.

";

#[test]
fn the_reference_page_is_up_to_date() {
    let mut page = HEAD.to_owned();
    page += "| number | code | severity | reports that | depends on |\n|---|---|---|---|---|\n";
    let own: Vec<&str> = lsconfig_doctor::check::own_rules()
        .map(|r| r.code)
        .collect();
    for check in CHECKS {
        let rule = check.rule;
        let link = if own.contains(&rule.code) {
            ""
        } else {
            "../diagnostics.md"
        };
        page += &format!(
            "| {} | [`{2}`]({1}#{2}) | {3} | {4} | {5} |\n",
            check.number,
            link,
            rule.code,
            word(rule.severity),
            rule.summary,
            check.depends_on.join(", ")
        );
    }
    for check in CHECKS.iter().filter(|c| own.contains(&c.rule.code)) {
        let rule = check.rule;
        page += &format!(
            "\n## {}\n\n*{}*, {}: {}.\n\n{}\n",
            rule.code,
            word(rule.severity),
            check.number,
            rule.summary,
            rule.explanation
        );
    }
    let path = docs("reference/doctor-checks.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(present, page, "run with UPDATE_DOCS=1");
}

const TEXTS_HEAD: &str = "\
# Error texts that `lsconfig doctor --from-error` knows

Generated from the tables in `crates/doctor/src/signature`.

A program often prints the same words for different failures. The second column lists what can be behind
them; the host, the port and the place of the client decide among these. `{host}`, `{port}`, `{addr}` and
`{url}` are read from the text, `{}` is anything. Letter case, line breaks, colours, prefixes of logs and
the form of quotes make no difference.

## Failures

| failure | what happened |
|---|---|
";

/// The name of a failure or a program, as output has it.
fn name(of: impl serde::Serialize) -> String {
    serde_json::to_value(of)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn the_page_of_error_texts_is_up_to_date() {
    let mut page = TEXTS_HEAD.to_owned();
    for signature in Signature::ALL {
        page += &format!("| `{}` | {} |\n", name(signature), signature.summary());
    }
    let mut program = None;
    for text in TEXTS {
        if program.replace(text.program) != Some(text.program) {
            page += &format!("\n## Texts of `{}`\n\n", name(text.program));
            page += "| text | can be |\n|---|---|\n";
        }
        let means: Vec<String> = match text.means {
            Means::Failure(all) => all.iter().map(|s| format!("`{}`", name(s))).collect(),
            Means::Causes(all) => all.iter().map(|a| format!("`{}`", a.code)).collect(),
        };
        page += &format!("| `{}` | {} |\n", text.pattern, means.join(", "));
    }
    page += "\n## Causes that occur in error texts only\n\nAll others stand in \
             [the causes](doctor-checks.md) and [the diagnostics](../diagnostics.md).\n";
    for rule in RULES {
        page += &format!(
            "\n### {}\n\n*{}*: {}.\n\n{}\n",
            rule.code,
            word(rule.severity),
            rule.summary,
            rule.explanation
        );
    }
    let path = docs("reference/error-texts.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(present == page, "run with UPDATE_DOCS=1");
}

/// Checks a document against a published schema, in both directions.
#[track_caller]
fn fits(name: &str, schema: &Value, document: &Value) {
    let mut found = violations(schema, document);
    found.extend(undeclared(schema, document));
    assert!(found.is_empty(), "{name}: {found:#?}");
}

fn schema(name: &str, version: u32) -> Value {
    let text = std::fs::read_to_string(docs(name)).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["properties"]["schema"]["const"], version);
    schema
}

#[test]
fn topologies_fit_the_published_schema() {
    let schema = schema("topology.schema.json", json::SCHEMA);
    let mut tried = 0;
    for (id, scenario) in all() {
        let topology = Topology::from(&scenario.facts);
        tried += topology.paths.len();
        let document = serde_json::from_str(&json::render(&topology)).unwrap();
        fits(&id, &schema, &document);
    }
    assert!(tried > 10, "{tried} paths");
}

#[test]
fn causes_of_error_texts_fit_the_published_schema() {
    let schema = schema("error-causes.schema.json", signature::SCHEMA);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/errors");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let causes = signature::diagnose(&std::fs::read_to_string(&path).unwrap());
        let document = serde_json::to_value(signature::Answer::new(&causes)).unwrap();
        fits(&path.display().to_string(), &schema, &document);
    }
}

#[test]
fn documents_fit_the_published_schema() {
    let schema = schema("doctor.schema.json", SCHEMA);
    let patch = Patch {
        file: "compose.yaml".into(),
        diff: "--- a\n+++ b\n".into(),
        text: String::new(),
    };
    for (id, scenario) in all() {
        let judgement = judge(&scenario.facts);
        let document = Document::new(&scenario.facts, &judgement, "0", &|_| Some(patch.clone()));
        let value = serde_json::to_value(document).unwrap();
        fits(&id, &schema, &value);
    }
}
