//! SARIF: findings with their places, or the containers that they are about.

use lsconfig_formats::sarif::{self, Location};
use serde_json::Value;

use super::{Document, FindingLine};
use crate::check::by_number;

/// Returns a log with one run.
#[must_use]
pub fn log(document: &Document) -> Value {
    let findings: Vec<sarif::Finding<'_>> = document.findings.iter().map(one).collect();
    sarif::log("doctor", &document.version, &findings)
}

fn one(finding: &FindingLine) -> sarif::Finding<'_> {
    let location = match &finding.place {
        Some(place) => Location::File {
            path: &place.file,
            line: place.line,
            column: place.column,
            bytes: None,
        },
        None => Location::Resource(&finding.subject),
    };
    sarif::Finding {
        rule: by_number(finding.number).rule,
        severity: finding.severity,
        message: finding.in_lines(),
        location,
        identity: format!(
            "{}\n{}\n{}",
            finding.code,
            finding.subject,
            finding.client.as_deref().unwrap_or_default()
        ),
        related: Vec::new(),
        fix: None,
    }
}
