//! Readers of texts: from the text of a source to a layer with exact positions.
//!
//! Every reader is a pure function. Files that a text names are asked for through a closure of the
//! caller; nothing here opens anything. A reader gives [`Parsed`]: bindings in the order in which
//! they stand, and diagnostics for what it had to skip. [`Parsed::into_layer`] makes a layer of it.

#[cfg(feature = "compose")]
pub mod compose;
#[cfg(feature = "compose")]
pub mod compose_dotenv;
pub mod dotenv;
#[cfg(feature = "compose")]
pub mod interpolate;
pub mod pairs;
pub mod profile;
#[cfg(feature = "toml")]
pub mod toml;
#[cfg(feature = "compose")]
pub mod yaml;

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, codes};
use crate::layer::{Layer, Origin, SourceKind};

/// The number of bad lines that are reported for one text; the rest is skipped in silence.
pub const MAX_BAD_LINES: usize = 100;

/// One name in a file of settings, with or without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The name as written, without quotes.
    pub name: Arc<str>,
    /// The value without quotes and escapes; `None` for a name that stands alone.
    pub value: Option<Arc<str>>,
    /// The value's text between its quotes, or the name where it stands alone.
    ///
    /// The bytes of the span equal [`value`](Self::value) unless escapes or interpolation changed
    /// them.
    pub origin: Origin,
}

/// What a reader made of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The bindings, in the order in which they stand.
    pub bindings: Vec<Binding>,
    /// What had to be skipped.
    pub diagnostics: Vec<Diagnostic>,
    /// What interpolation took from secret variables.
    pub secrets: Vec<Arc<str>>,
}

impl Parsed {
    /// Makes a layer of the bindings that have a value.
    #[must_use]
    pub fn into_layer(self, kind: SourceKind) -> (Layer, Vec<Diagnostic>) {
        let mut layer = Layer::new(kind);
        layer.secrets = self.secrets;
        for Binding {
            name,
            value,
            origin,
        } in self.bindings
        {
            if let Some(value) = value {
                layer.push(name, value, origin);
            }
        }
        (layer, self.diagnostics)
    }

    /// Reports a line that is skipped, and why, unless too many were reported.
    fn bad_line(&mut self, origin: Origin, reason: &'static str) {
        if self.diagnostics.len() < MAX_BAD_LINES {
            self.diagnostics.push(
                Diagnostic::new(&codes::BAD_LINE, "this line cannot be read and is skipped")
                    .label(Label::at(origin, reason)),
            );
        }
    }
}

/// A text is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not UTF-8 at line {line}, column {column}")]
pub struct DecodeError {
    /// Line of the first bad byte, from 1.
    pub line: u32,
    /// Column of the first bad byte, from 1, counted in characters.
    pub column: u32,
    /// Offset of the first bad byte.
    pub offset: usize,
}

/// Returns the bytes of a file as text.
///
/// # Errors
///
/// [`DecodeError`] names the first place that is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let text = std::str::from_utf8(&bytes[..offset]).unwrap_or_default();
        let (line, column) = Positions::new(text, "", LineEnds::All).advance(offset);
        DecodeError {
            line,
            column,
            offset,
        }
    })
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// LF, CR and CRLF.
    All,
    /// LF alone; CR is a character like others.
    Lf,
}

/// Finds line and column of offsets that ascend, in one pass over the text.
pub(crate) struct Positions<'a> {
    text: &'a str,
    source: Arc<str>,
    ends: LineEnds,
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Positions<'a> {
    pub(crate) fn new(text: &'a str, source: &str, ends: LineEnds) -> Self {
        Self {
            text,
            source: source.into(),
            ends,
            at: if text.starts_with(BOM) {
                BOM.len_utf8()
            } else {
                0
            },
            line: 1,
            column: 1,
        }
    }

    /// Returns line and column of `offset`, which is not before the last one asked for.
    fn advance(&mut self, offset: usize) -> (u32, u32) {
        let passed = self.text.get(self.at..offset).unwrap_or_default();
        for (at, c) in passed.char_indices() {
            // A CR that the LF of the same line end follows is no line end of its own.
            let ends = c == '\n'
                || c == '\r'
                    && self.ends == LineEnds::All
                    && !self.text[self.at + at + 1..].starts_with('\n');
            if ends {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.at = self.at.max(offset);
        (self.line, self.column)
    }

    /// Returns the origin of a span that does not start before the last one asked for.
    pub(crate) fn origin(&mut self, span: Range<usize>) -> Origin {
        let (line, column) = self.advance(span.start);
        Origin {
            source: Arc::clone(&self.source),
            line,
            column,
            span: Some(span),
        }
    }
}

/// The byte order mark, which some editors put in front of a text.
const BOM: char = '\u{feff}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_end_in_three_ways() {
        let text = "\u{feff}é=1\rB=2\r\nC=ü3\n";
        let mut positions = Positions::new(text, "f", LineEnds::All);
        let mut at = |needle: char| positions.origin(text.find(needle).unwrap()..0).to_string();
        assert_eq!(at('1'), "f:1:3");
        assert_eq!(at('2'), "f:2:3");
        assert_eq!(at('3'), "f:3:4");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_located() {
        assert_eq!(decode(b"A=\xc3\xa9\n"), Ok("A=é\n"));
        let error = decode(b"A=1\r\nB=\xc3\xa9\xff").unwrap_err();
        assert_eq!(error.to_string(), "not UTF-8 at line 2, column 4");
        assert_eq!(error.offset, 9);
    }
}
