//! Edits on bytes, and nothing else: what stands outside a span stays as it is.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

/// One replacement in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edit {
    /// First byte that goes.
    pub start: usize,
    /// The byte after the last one that goes; equal to `start` for an insertion.
    pub end: usize,
    /// What comes instead.
    pub text: String,
}

impl Edit {
    /// Replaces the bytes of `span` by `text`.
    #[must_use]
    pub fn replace(span: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            start: span.start,
            end: span.end,
            text: text.into(),
        }
    }

    /// Removes the bytes of `span`.
    #[must_use]
    pub fn delete(span: Range<usize>) -> Self {
        Self::replace(span, "")
    }
}

/// Edits of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// The file.
    pub path: Arc<PathBuf>,
    /// Its edits.
    pub edits: Vec<Edit>,
}

/// Applies edits to bytes, or returns `None` when they overlap or leave the text.
///
/// Edits may come in any order; equal ones count once.
#[must_use]
pub fn apply(bytes: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for edit in sorted {
        if edit.start < at || edit.end < edit.start {
            return None;
        }
        out.extend_from_slice(bytes.get(at..edit.start)?);
        out.extend_from_slice(edit.text.as_bytes());
        bytes.get(edit.start..edit.end)?;
        at = edit.end;
    }
    out.extend_from_slice(bytes.get(at..)?);
    Some(out)
}

/// Returns whether two sets of edits touch the same bytes in different ways.
#[must_use]
pub fn overlap(a: &[Edit], b: &[Edit]) -> bool {
    a.iter().any(|a| {
        b.iter().any(|b| {
            let apart = a.end < b.start || b.end < a.start;
            let touch = a.end == b.start || b.end == a.start;
            // Of two insertions at one place nobody knows which comes first.
            let adjacent = touch && (a.start != a.end || b.start != b.end);
            a != b && !apart && !adjacent
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_outside_edits_stay() {
        let edits = [Edit::replace(4..5, "XY"), Edit::delete(1..2)];
        assert_eq!(apply(b"abcde\xff", &edits).unwrap(), b"acdXY\xff");
        assert_eq!(apply(b"ab", &[Edit::delete(0..3)]), None);
        assert_eq!(
            apply(b"abc", &[Edit::delete(0..2), Edit::delete(1..3)]),
            None
        );
    }

    #[test]
    fn overlaps_are_seen() {
        assert!(overlap(&[Edit::delete(0..3)], &[Edit::delete(2..4)]));
        assert!(!overlap(&[Edit::delete(0..3)], &[Edit::delete(3..4)]));
        assert!(!overlap(&[Edit::delete(0..3)], &[Edit::delete(0..3)]));
        assert!(!overlap(&[Edit::replace(1..1, "a")], &[Edit::delete(1..3)]));
        assert!(overlap(
            &[Edit::replace(1..1, "a")],
            &[Edit::replace(1..1, "b")]
        ));
    }
}
