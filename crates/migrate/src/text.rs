//! The text of a file: bytes kept exactly, a view for parsers, lines and columns.

use std::borrow::Cow;
use std::ops::Range;

use lsconfig::source::yaml::TextIndex;

/// A file's bytes with a view of the same length that is valid UTF-8.
#[derive(Debug, Clone)]
pub struct Text {
    /// The bytes as read.
    pub bytes: Vec<u8>,
    view: Option<String>,
    index: TextIndex,
}

impl Text {
    /// Takes the bytes of a file. Each byte that is no UTF-8 is a `?` in the view, so that every
    /// offset stays right; edits are made on the bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let view = match std::str::from_utf8(&bytes) {
            Ok(_) => None,
            Err(_) => Some(masked(&bytes)),
        };
        let index = TextIndex::new(
            view.as_deref()
                .unwrap_or_else(|| std::str::from_utf8(&bytes).unwrap_or_default()),
        );
        Self { bytes, view, index }
    }

    /// Returns the view for parsers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.view {
            Some(view) => view,
            None => std::str::from_utf8(&self.bytes).unwrap_or_default(),
        }
    }

    /// Returns line and column of a byte, both from 1, columns in characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (u32, u32) {
        self.index.position(offset)
    }

    /// Returns the bytes of the line that holds `offset`, without its line break.
    #[must_use]
    pub fn line_span(&self, offset: usize) -> Range<usize> {
        line_span(self.as_str(), offset)
    }

    /// Returns the line that holds `offset`.
    #[must_use]
    pub fn line(&self, offset: usize) -> &str {
        self.as_str()
            .get(self.line_span(offset))
            .unwrap_or_default()
    }
}

fn masked(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| '?'));
    }
    out
}

/// Returns the line that holds `offset`, without its line break.
#[must_use]
pub fn line_span(text: &str, offset: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let at = offset.min(bytes.len());
    let start = bytes[..at]
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |n| n + 1);
    let mut end = bytes[at..]
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |n| at + n);
    if end > start && bytes.get(end - 1) == Some(&b'\r') {
        end -= 1;
    }
    start..end.max(start)
}

/// Extends a range of whole lines over the line break at its end, or, in the last line of a text
/// without final line break, over the one before it.
#[must_use]
pub fn with_line_break(text: &str, span: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let mut end = span.end;
    if bytes.get(end) == Some(&b'\r') {
        end += 1;
    }
    if bytes.get(end) == Some(&b'\n') {
        return span.start..end + 1;
    }
    let mut start = span.start;
    if start > 0 && bytes.get(start - 1) == Some(&b'\n') {
        start -= 1;
        if start > 0 && bytes.get(start - 1) == Some(&b'\r') {
            start -= 1;
        }
    }
    start..end
}

/// Returns whether `text` holds `name` as a whole word, and where first.
#[must_use]
pub fn find_word(text: &str, name: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    text.match_indices(name).map(|(at, _)| at).find(|&at| {
        let before = at.checked_sub(1).and_then(|n| bytes.get(n));
        !word(before) && !word(bytes.get(at + name.len()))
    })
}

/// Returns a text with every control character made visible.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| !c.is_control()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .flat_map(|c| {
                let escaped: Box<dyn Iterator<Item = char>> = if c.is_control() {
                    Box::new(c.escape_default())
                } else {
                    Box::new(std::iter::once(c))
                };
                escaped
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_keep_their_place() {
        let text = Text::new(b"a\xff\xfe\nb".to_vec());
        assert_eq!(text.as_str(), "a??\nb");
        assert_eq!(text.position(4), (2, 1));
    }

    #[test]
    fn a_whole_line_takes_one_line_break() {
        assert_eq!(with_line_break("a\nb\nc", 2..3), 2..4);
        assert_eq!(with_line_break("a\r\nb", 3..4), 1..4);
        assert_eq!(line_span("a\r\nb\r\n", 4), 3..4);
    }

    #[test]
    fn names_are_whole_words() {
        assert_eq!(find_word("X_EDGE_PORT EDGE_PORT", "EDGE_PORT"), Some(12));
        assert_eq!(find_word("EDGE_PORT_HTTP", "EDGE_PORT"), None);
    }

    #[test]
    fn control_characters_are_visible() {
        assert_eq!(printable("a\u{1b}[2J\nb"), "a\\u{1b}[2J\\nb");
    }
}
