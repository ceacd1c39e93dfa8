//! Annotations of a GitHub workflow.

use lsconfig_formats::annotations::Annotation;

use super::Document;

/// Returns a workflow command for each finding.
#[must_use]
pub fn annotations(document: &Document) -> String {
    let commands = document.findings.iter().map(|finding| {
        let place = finding.place.as_ref();
        let annotation = Annotation {
            severity: finding.severity,
            place: place.map(|p| (p.file.as_str(), p.line, p.column)),
            title: finding.code,
            message: finding.in_lines(),
        };
        annotation.command()
    });
    commands.collect()
}
