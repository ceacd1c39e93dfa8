//! From bytes to lines, columns and characters, and back.

/// Every how many characters the index remembers a byte.
const STEP: usize = 64;

/// Finds lines, columns and characters of a text, in logarithmic time.
///
/// Lines end with `\n`, `\r\n` or `\r` (YAML 1.2, 5.4). A byte order mark at the start has no
/// column of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextIndex {
    /// First byte of each line.
    lines: Vec<u32>,
    /// Byte of each [`STEP`]th character.
    steps: Vec<u32>,
    /// The text when it is not ASCII, where characters are bytes.
    text: Option<Box<str>>,
    len: usize,
    chars: usize,
    bom: bool,
}

impl TextIndex {
    /// Indexes a text. Offsets above 4 GiB are not kept apart.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut lines = vec![0];
        let bytes = text.as_bytes();
        for (at, &byte) in bytes.iter().enumerate() {
            if byte == b'\n' || byte == b'\r' && bytes.get(at + 1) != Some(&b'\n') {
                lines.push(narrow(at + 1));
            }
        }
        let (mut steps, mut chars) = (Vec::new(), text.len());
        if !text.is_ascii() {
            chars = 0;
            for (at, _) in text.char_indices() {
                if chars % STEP == 0 {
                    steps.push(narrow(at));
                }
                chars += 1;
            }
        }
        Self {
            lines,
            steps,
            text: (!text.is_ascii()).then(|| text.into()),
            len: text.len(),
            chars,
            bom: text.starts_with('\u{feff}'),
        }
    }

    /// Returns the byte of the character number `n`, from 0; the length when there are fewer.
    #[must_use]
    pub fn byte_of_char(&self, n: usize) -> usize {
        let Some(text) = &self.text else {
            return n.min(self.len);
        };
        let start = match self.steps.get(n / STEP) {
            Some(&start) if n < self.chars => start as usize,
            _ => return self.len,
        };
        text[start..]
            .char_indices()
            .nth(n % STEP)
            .map_or(self.len, |(at, _)| start + at)
    }

    /// Returns how many characters begin before the byte `offset`.
    #[must_use]
    pub fn chars_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.len);
        let Some(text) = &self.text else {
            return offset;
        };
        let step = self
            .steps
            .partition_point(|&start| start as usize <= offset)
            .saturating_sub(1);
        let start = self.steps.get(step).map_or(0, |&start| start as usize);
        let rest = text[start..].char_indices();
        step * STEP + rest.take_while(|(at, _)| start + at < offset).count()
    }

    /// Returns line and column of a byte, both from 1, columns in characters. An offset beyond the
    /// text counts as its end.
    #[must_use]
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.len);
        let line = self
            .lines
            .partition_point(|&start| start as usize <= offset);
        let start = self.lines[line - 1] as usize;
        let mut column = self.chars_before(offset) - self.chars_before(start);
        if self.bom && line == 1 {
            column = column.saturating_sub(1);
        }
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (narrow(line), narrow(column + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_any_break_and_columns_count_characters() {
        let text = "\u{feff}a\r\nä€b\rc\n";
        let index = TextIndex::new(text);
        let at = |pattern: char| index.position(text.find(pattern).unwrap());
        assert_eq!(at('a'), (1, 1));
        assert_eq!(at('\r'), (1, 2));
        assert_eq!(at('ä'), (2, 1));
        assert_eq!(at('b'), (2, 3));
        assert_eq!(at('c'), (3, 1));
        assert_eq!(index.position(usize::MAX), (4, 1));
        assert_eq!(TextIndex::new("").position(0), (1, 1));
    }

    #[test]
    fn characters_and_bytes_agree_in_long_texts() {
        let text = "x€".repeat(300);
        let index = TextIndex::new(&text);
        for (n, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!((index.byte_of_char(n), index.chars_before(byte)), (byte, n));
        }
        assert_eq!(index.byte_of_char(600), text.len());
        assert_eq!(index.byte_of_char(9999), text.len());
    }
}
