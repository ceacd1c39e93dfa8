//! Unified diffs.

use std::fmt::Write as _;

use lsconfig::redact::mask_line;
use similar::{ChangeTag, TextDiff};

use super::slashes;
use crate::file::{Change, File};
use crate::format::Format;

/// Returns the unified diff of a change.
///
/// Secrets are masked, and lines around an edit of a `.env` file are not shown.
#[must_use]
pub fn unified(file: &File, change: &Change) -> String {
    let before = file.text.as_str();
    let after = String::from_utf8_lossy(&change.bytes);
    let diff = TextDiff::from_lines(before, &after);
    let path = crate::text::printable(&slashes(&file.path)).into_owned();
    let radius = if file.format == Format::Dotenv { 0 } else { 3 };
    let mut out = format!("--- a/{path}\n+++ b/{path}\n");
    for hunk in diff.unified_diff().context_radius(radius).iter_hunks() {
        let _ = writeln!(out, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let line = change.value();
            let content = line.trim_end_matches('\n');
            let _ = writeln!(out, "{sign}{}", mask_line(content));
            if !line.ends_with('\n') {
                out.push_str("\\ No newline at end of file\n");
            }
        }
    }
    out
}
