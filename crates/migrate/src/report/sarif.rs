//! SARIF: findings with their places and edits.

use std::fmt::Write as _;

use lsconfig_formats::sarif::{self, Fix, Location, Related};
use serde_json::Value;

use super::slashes;
use crate::file::File;
use crate::finding::Finding;

/// Returns a log with one run. `version` is that of the tool.
#[must_use]
pub fn log(files: &[File], version: &str) -> Value {
    let paths: Vec<Paths> = files
        .iter()
        .flat_map(|file| &file.findings)
        .map(Paths::of)
        .collect();
    let findings: Vec<sarif::Finding<'_>> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(move |finding| (file, finding)))
        .zip(&paths)
        .map(|((file, finding), paths)| one(file, finding, paths))
        .collect();
    sarif::log("check", version, &findings)
}

/// The paths of a finding as texts.
struct Paths {
    own: String,
    related: Vec<Option<String>>,
}

impl Paths {
    fn of(finding: &Finding) -> Self {
        let related = finding.related.iter();
        Self {
            own: slashes(&finding.path),
            related: related
                .map(|place| place.path.as_deref().map(slashes))
                .collect(),
        }
    }
}

fn one<'f>(file: &'f File, finding: &'f Finding, paths: &'f Paths) -> sarif::Finding<'f> {
    let mut message = finding.message.clone();
    for help in &finding.help {
        // Writing to a `String` cannot fail.
        let _ = write!(message, "\n{help}");
    }
    let related = finding.related.iter().zip(&paths.related);
    sarif::Finding {
        rule: finding.rule,
        severity: finding.severity,
        message,
        location: Location::File {
            path: &paths.own,
            line: finding.line,
            column: finding.column,
            bytes: Some(finding.span.clone()),
        },
        identity: format!(
            "{}\n{}\n{}\n{}",
            finding.rule.code, paths.own, finding.scope, finding.name
        ),
        related: related
            .map(|(place, path)| Related {
                path: path.as_ref().unwrap_or(&paths.own),
                line: place.line,
                message: &place.message,
            })
            .collect(),
        fix: finding.fix.as_ref().map(|fix| Fix {
            title: &fix.title,
            path: &paths.own,
            edits: file
                .edits_of(fix.group)
                .into_iter()
                .map(|edit| (edit.start..edit.end, edit.text))
                .collect(),
        }),
    }
}
