//! The page of diagnostics: an index, then one chapter for each code, whose heading is its anchor.

use std::fmt::Write as _;

use lsconfig::diagnostic::Severity;
use lsconfig::diagnostic::codes::RULES;

use crate::{GENERATED, cell};

const INTRODUCTION: &str = "\
Codes are stable: they are never renamed or given another meaning, and a retired code stays listed
here. `lsconfig rule CODE` prints a chapter of this page without network.

- **error**: the emulator refuses the settings, or they break something.
- **warning**: works, or is without effect, and should change.
- **note**: worth knowing; nothing has to change.

`lsconfig explain` exits with 1 when an error is among its findings.
";

/// Renders the page.
pub(crate) fn render() -> String {
    let mut page = format!("# Diagnostics\n\n{GENERATED}\n\n{INTRODUCTION}\n");
    page.push_str("| code | severity | reports that |\n|---|---|---|\n");
    for rule in RULES {
        let (code, severity) = (rule.code, name(rule.severity));
        let summary = cell(rule.summary);
        // Writing to a `String` cannot fail.
        let _ = writeln!(page, "| [`{code}`](#{code}) | {severity} | {summary} |");
    }
    for rule in RULES {
        let (code, severity) = (rule.code, name(rule.severity));
        let _ = write!(
            page,
            "\n## {code}\n\n*{severity}*: {}.\n\n{}\n",
            rule.summary, rule.explanation
        );
    }
    page
}

fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
