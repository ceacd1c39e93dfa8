//! The document of `--format json`.

use lsconfig::diagnostic::Severity;
use serde_json::{Value, json};

use super::{Counts, slashes};
use crate::file::File;
use crate::finding::Finding;

/// Returns every finding with its byte-span edits.
///
/// `schema` counts up when a field changes its meaning or goes; new fields may come any time.
#[must_use]
pub fn document(files: &[File]) -> Value {
    let findings: Vec<Value> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(|finding| one(file, finding)))
        .collect();
    json!({
        "schema": 1,
        "findings": findings,
        "summary": Counts::of(files),
    })
}

fn one(file: &File, finding: &Finding) -> Value {
    let fix = finding.fix.as_ref().map(|fix| {
        json!({
            "safety": fix.safety,
            "title": fix.title,
            "why_unsafe": fix.why,
            "group": fix.group,
            "partners": fix.partners.iter().map(|path| slashes(path)).collect::<Vec<_>>(),
            "edits": file.edits_of(fix.group),
        })
    });
    let alternatives: Vec<Value> = finding
        .alternatives
        .iter()
        .map(|(line, effect)| json!({"beside": line, "after": effect}))
        .collect();
    json!({
        "code": finding.rule.code,
        "severity": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        "path": slashes(&finding.path),
        "line": finding.line,
        "column": finding.column,
        "span": {"start": finding.span.start, "end": finding.span.end},
        "name": finding.name,
        "value": finding.value,
        "message": finding.message,
        "scope": finding.scope,
        "release": finding.release,
        "today": finding.today,
        "meant": finding.meant,
        "after": finding.after,
        "alternatives": alternatives,
        "help": finding.help,
        "related": finding.related,
        "fix": fix,
    })
}
