//! SARIF 2.1.0, as code hosts take it.

use lsconfig::diagnostic::Severity;
use serde_json::{Value, json};

use super::{Document, FindingLine};
use crate::check::by_number;

/// Returns a log with one run.
#[must_use]
pub fn log(document: &Document) -> Value {
    let mut numbers: Vec<&str> = document.findings.iter().map(|f| f.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let rules: Vec<Value> = numbers
        .iter()
        .map(|number| {
            let rule = by_number(number).rule;
            json!({
                "id": rule.code,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.explanation},
                "defaultConfiguration": {"level": level(rule.severity)},
            })
        })
        .collect();
    let results: Vec<Value> = document
        .findings
        .iter()
        .map(|finding| {
            let index = numbers.iter().position(|n| *n == finding.number);
            result(finding, index.unwrap_or(0))
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "lsconfig",
                "version": document.version,
                "informationUri": "https://github.com/lsconfig/lsconfig",
                "rules": rules,
            }},
            "automationDetails": {"id": "lsconfig/doctor/"},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(finding: &FindingLine, index: usize) -> Value {
    let mut lines = vec![finding.message.clone()];
    lines.extend(finding.evidence.iter().cloned());
    lines.extend(
        finding
            .fixes
            .first()
            .map(|fix| format!("fix: {}", fix.title)),
    );
    let location = match &finding.place {
        Some(place) => json!({"physicalLocation": {
            "artifactLocation": {"uri": place.file},
            "region": {"startLine": place.line, "startColumn": place.column},
        }}),
        None => json!({"logicalLocations": [{"name": finding.subject, "kind": "resource"}]}),
    };
    json!({
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": {"text": lines.join("\n")},
        "locations": [location],
    })
}
