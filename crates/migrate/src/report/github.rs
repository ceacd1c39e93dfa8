//! Annotations for GitHub workflows.

use std::fmt::Write as _;

use lsconfig_formats::annotations::Annotation;

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
        let mut message = finding.message.clone();
        for help in &finding.help {
            let _ = write!(message, "\n{help}");
        }
        let path = slashes(&finding.path);
        let annotation = Annotation {
            severity: finding.severity,
            place: Some((&path, finding.line, finding.column)),
            title: finding.rule.code,
            message,
        };
        out.push_str(&annotation.command());
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
