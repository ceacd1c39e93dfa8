//! Annotations for GitHub workflows.

use std::fmt::Write as _;

use lsconfig::diagnostic::Severity;

use super::{Counts, slashes};
use crate::file::File;
use crate::finding::Finding;

/// GitHub shows this many annotations of a step.
const SHOWN: usize = 10;

/// Returns workflow commands, the most important first, and a summary where some are left out.
#[must_use]
pub fn annotations(files: &[File]) -> String {
    let mut all: Vec<&Finding> = files.iter().flat_map(|f| &f.findings).collect();
    all.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let mut out = String::new();
    let shown = if all.len() > SHOWN { SHOWN - 1 } else { SHOWN };
    for finding in all.iter().take(shown) {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut message = finding.message.clone();
        for help in &finding.help {
            let _ = write!(message, "\n{help}");
        }
        let _ = writeln!(
            out,
            "::{level} file={},line={},col={},title={}::{}",
            property(&slashes(&finding.path)),
            finding.line,
            finding.column,
            property(finding.rule.code),
            data(&message)
        );
    }
    if all.len() > shown {
        let counts = Counts::of(files);
        let _ = writeln!(
            out,
            "::notice title=lsconfig::{} findings, {shown} shown: {} fixed with --write, {} more with --unsafe, {} need a person",
            all.len(),
            counts.safe,
            counts.r#unsafe,
            counts.person
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
