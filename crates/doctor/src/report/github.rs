//! Annotations of a GitHub workflow.

use std::fmt::Write as _;

use lsconfig::diagnostic::Severity;

use super::Document;

/// Returns a workflow command for each finding.
#[must_use]
pub fn annotations(document: &Document) -> String {
    let mut out = String::new();
    for finding in &document.findings {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut message = finding.message.clone();
        for evidence in &finding.evidence {
            let _ = write!(message, "\n{evidence}");
        }
        if let Some(fix) = finding.fixes.first() {
            let _ = write!(message, "\nfix: {}", fix.title);
        }
        let place = finding.place.as_ref().map_or(String::new(), |place| {
            format!(
                "file={},line={},col={},",
                property(&place.file),
                place.line,
                place.column
            )
        });
        let _ = writeln!(
            out,
            "::{level} {place}title={}::{}",
            property(finding.code),
            data(&message)
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
