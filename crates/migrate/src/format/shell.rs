//! Words of shell scripts, with the byte of every character.
//!
//! This is no shell: it splits commands into words, keeps expansions as they are written, and says
//! when it lost its way. `docker run` in scripts, Makefiles, workflows and Markdown goes through it.

use std::ops::Range;

/// Whose quoting rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Posix,
    /// The same inside a text with escapes, of which [`FILLER`] holds the place.
    Escaped,
    PowerShell,
    /// Recipes of a Makefile: `$(X)` is a variable and `$$` a dollar.
    Make,
}

impl Dialect {
    pub(crate) fn joiner(self) -> char {
        match self {
            Self::Posix | Self::Escaped | Self::Make => '\\',
            Self::PowerShell => '`',
        }
    }
}

/// A byte that belongs to a word and says nothing, so that an escape and what it stands for are of
/// one length.
pub(crate) const FILLER: char = '\u{1}';

/// A text split into commands.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) commands: Vec<Command>,
    /// Bodies of heredocs.
    pub(crate) heredocs: Vec<Range<usize>>,
    /// A quote or bracket was not closed: what was read is not certain.
    pub(crate) lost: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Command {
    pub(crate) words: Vec<Word>,
}

/// A word with the place of each of its bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Word {
    pub(crate) span: Range<usize>,
    /// After removal of quotes; expansions as written.
    pub(crate) text: String,
    /// For each byte of `text` where it stands, and in which quotes.
    places: Vec<(usize, u8)>,
}

impl Word {
    /// Returns the bytes of a part of the text, if they are that part and nothing else.
    pub(crate) fn bytes(&self, part: Range<usize>) -> Option<Range<usize>> {
        if part.is_empty() {
            let at = match part.start.checked_sub(1) {
                Some(before) => self.places.get(before)?.0 + 1,
                None => self.span.start,
            };
            return Some(at..at);
        }
        let (first, _) = *self.places.get(part.start)?;
        let (last, _) = *self.places.get(part.end - 1)?;
        (last + 1 - first == part.len()).then_some(first..last + 1)
    }

    /// Returns whether the byte of the text stands in quotes.
    pub(crate) fn is_quoted(&self, at: usize) -> bool {
        self.places.get(at).is_some_and(|(_, quote)| *quote != 0)
    }

    fn push(&mut self, text: &str, raw: Range<usize>, quote: u8) {
        for at in raw {
            self.places.push((at, quote));
        }
        self.text.push_str(text);
    }
}

/// Deepest `$(...)` that is followed.
const MAX_DEPTH: usize = 16;

/// Splits the bytes of `span` into commands. Offsets are those of `text`.
pub(crate) fn split(text: &str, span: Range<usize>, dialect: Dialect) -> Script {
    let mut script = Script::default();
    lex(text, span, dialect, 0, &mut script);
    script.commands.retain(|command| !command.words.is_empty());
    script
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    end: usize,
    dialect: Dialect,
    depth: usize,
    command: Command,
    word: Option<Word>,
    /// Whether the next word names the file of a redirection.
    redirected: bool,
    pending: Vec<(String, bool)>,
}

fn lex(text: &str, span: Range<usize>, dialect: Dialect, depth: usize, script: &mut Script) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: span.start,
        end: span.end.min(text.len()),
        dialect,
        depth,
        command: Command::default(),
        word: None,
        redirected: false,
        pending: Vec::new(),
    };
    lexer.run(script);
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        let at = self.at + ahead;
        (at < self.end)
            .then(|| self.bytes.get(at).copied())
            .flatten()
    }

    fn word(&mut self) -> &mut Word {
        let at = self.at;
        self.word.get_or_insert_with(|| Word {
            span: at..at,
            ..Word::default()
        })
    }

    fn take(&mut self, len: usize, quote: u8) {
        let raw = self.at..(self.at + len).min(self.end);
        let piece = self.text.get(raw.clone()).unwrap_or_default();
        self.word().push(piece, raw.clone(), quote);
        self.at = raw.end;
    }

    fn end_word(&mut self) {
        if let Some(mut word) = self.word.take() {
            word.span.end = self.at;
            // The place of an escape alone is no word.
            let raw = self.text.get(word.span.clone()).unwrap_or_default();
            if !raw.is_empty() && raw.chars().all(|c| c == FILLER) {
                return;
            }
            // A file may be called like an option.
            if !std::mem::take(&mut self.redirected) || !word.text.starts_with('-') {
                self.command.words.push(word);
            }
        }
    }

    fn end_command(&mut self, script: &mut Script) {
        self.end_word();
        self.redirected = false;
        script.commands.push(std::mem::take(&mut self.command));
    }

    /// Length of a line break at the cursor.
    fn line_break(&self, ahead: usize) -> usize {
        match (self.peek(ahead), self.peek(ahead + 1)) {
            (Some(b'\n'), _) => 1,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 0,
        }
    }

    fn run(&mut self, script: &mut Script) {
        let escape = self.dialect.joiner() as u8;
        while let Some(byte) = self.peek(0) {
            let broken = self.line_break(0);
            if broken > 0 {
                self.end_command(script);
                self.at += broken;
                self.heredocs(script);
                continue;
            }
            match byte {
                _ if self.fills(byte) => {
                    self.word();
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' => {
                    self.end_word();
                    self.at += 1;
                }
                _ if byte == escape => {
                    let joined = self.line_break(1);
                    if joined > 0 {
                        self.end_word();
                        self.at += 1 + joined;
                    } else {
                        self.word();
                        self.at += 1;
                        self.take(self.char_len(), b'\\');
                    }
                }
                b'#' if self.word.is_none() => {
                    while self.peek(0).is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                    if self.bytes.get(self.at.wrapping_sub(1)) == Some(&b'\r') {
                        self.at -= 1;
                    }
                }
                b'<' if self.peek(1) == Some(b'<') && self.dialect != Dialect::PowerShell => {
                    self.end_word();
                    self.heredoc_head();
                }
                b';' | b'&' | b'|' | b'(' | b')' => {
                    self.end_command(script);
                    self.at += 1;
                }
                b'<' | b'>' => {
                    self.end_word();
                    self.redirected = true;
                    self.at += 1;
                }
                b'\'' => self.single(script),
                b'"' => self.double(script),
                b'$' => self.dollar(0, script),
                b'`' if self.dialect != Dialect::PowerShell => self.backticks(script),
                _ => self.take(self.char_len(), 0),
            }
        }
        self.end_command(script);
        if !self.pending.is_empty() {
            script.lost = true;
        }
    }

    /// Returns whether a byte holds the place of an escape.
    fn fills(&self, byte: u8) -> bool {
        self.dialect == Dialect::Escaped && char::from(byte) == FILLER
    }

    fn char_len(&self) -> usize {
        let rest = self.text.get(self.at..self.end).unwrap_or_default();
        rest.chars().next().map_or(1, char::len_utf8)
    }

    fn single(&mut self, script: &mut Script) {
        self.word();
        self.at += 1;
        let rest = self.text.get(self.at..self.end).unwrap_or_default();
        match rest.find('\'') {
            Some(len) => {
                self.take(len, b'\'');
                self.at += 1;
            }
            None => {
                script.lost = true;
                self.take(rest.len(), b'\'');
            }
        }
    }

    fn double(&mut self, script: &mut Script) {
        self.word();
        self.at += 1;
        let escape = self.dialect.joiner() as u8;
        loop {
            match self.peek(0) {
                None => {
                    script.lost = true;
                    return;
                }
                Some(b'"') => {
                    self.at += 1;
                    return;
                }
                Some(byte) if byte == escape => {
                    let joined = self.line_break(1);
                    if joined > 0 {
                        self.at += 1 + joined;
                    } else if matches!(self.peek(1), Some(b'"' | b'\\' | b'$' | b'`')) {
                        self.at += 1;
                        self.take(1, b'\\');
                    } else {
                        self.take(1, b'"');
                    }
                }
                Some(byte) if self.fills(byte) => self.at += 1,
                Some(b'$') => self.dollar(b'"', script),
                Some(b'`') if self.dialect != Dialect::PowerShell => self.backticks(script),
                Some(_) => self.take(self.char_len(), b'"'),
            }
        }
    }

    /// An expansion stays as it is written; commands inside `$(...)` are read too.
    fn dollar(&mut self, quote: u8, script: &mut Script) {
        // Once lost there is no second search for an end that may not be there.
        let open = match self.peek(1) {
            Some(b'(') if !script.lost => b'(',
            Some(b'{') if !script.lost => b'{',
            _ => {
                self.take(1, quote);
                return;
            }
        };
        let close = if open == b'(' { b')' } else { b'}' };
        let (mut depth, mut len) = (0usize, 1usize);
        let mut inside = 0u8;
        while let Some(byte) = self.peek(len) {
            len += 1;
            match byte {
                b'\\' => len += 1,
                b'\'' | b'"' if inside == 0 => inside = byte,
                _ if byte == inside => inside = 0,
                _ if inside == b'\'' => {}
                _ if byte == open => depth += 1,
                _ if byte == close => {
                    depth -= 1;
                    if depth == 0 {
                        let inner = self.at + 2..self.at + len - 1;
                        if open == b'(' && matches!(self.dialect, Dialect::Posix | Dialect::Escaped)
                        {
                            lex(self.text, inner, self.dialect, self.depth + 1, script);
                        }
                        self.take(len, quote);
                        return;
                    }
                }
                _ => {}
            }
        }
        script.lost = true;
        self.take(2, quote);
    }

    fn backticks(&mut self, script: &mut Script) {
        let rest = self.text.get(self.at + 1..self.end).unwrap_or_default();
        match rest.find('`').filter(|_| !script.lost) {
            Some(len) => {
                lex(
                    self.text,
                    self.at + 1..self.at + 1 + len,
                    self.dialect,
                    self.depth + 1,
                    script,
                );
                self.take(len + 2, 0);
            }
            None => {
                script.lost = true;
                self.take(1, 0);
            }
        }
    }

    fn heredoc_head(&mut self) {
        if self.peek(2) == Some(b'<') {
            self.at += 3;
            self.redirected = true;
            return;
        }
        self.at += 2;
        let dash = self.peek(0) == Some(b'-');
        if dash {
            self.at += 1;
        }
        while self.peek(0) == Some(b' ') {
            self.at += 1;
        }
        let start = self.at;
        while self
            .peek(0)
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'\'' | b'"' | b'\\'))
        {
            self.at += 1;
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        let word: String = raw
            .chars()
            .filter(|c| !matches!(c, '\'' | '"' | '\\'))
            .collect();
        if word.is_empty() {
            self.redirected = true;
        } else {
            self.pending.push((word, dash));
        }
    }

    fn heredocs(&mut self, script: &mut Script) {
        for (word, dash) in std::mem::take(&mut self.pending) {
            let start = self.at;
            let rest = self.text.get(start..self.end).unwrap_or_default();
            let mut offset = 0;
            let mut closed = false;
            for line in rest.split_inclusive('\n') {
                let content = line.trim_end_matches(['\n', '\r']);
                // Heredocs in indented blocks of YAML keep their indent.
                let content = if dash || self.depth == 0 {
                    content.trim_start()
                } else {
                    content
                };
                if content == word {
                    script.heredocs.push(start..start + offset);
                    self.at = start + offset + line.len();
                    closed = true;
                    break;
                }
                offset += line.len();
            }
            if !closed {
                script.lost = true;
                script.heredocs.push(start..self.end);
                self.at = self.end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&[&str]]) {
        let script = split(text, 0..text.len(), Dialect::Posix);
        let found: Vec<Vec<&str>> = script
            .commands
            .iter()
            .map(|c| c.words.iter().map(|w| w.text.as_str()).collect())
            .collect();
        assert_eq!(found, expected, "{text}");
        for word in script.commands.iter().flat_map(|c| &c.words) {
            assert_eq!(word.places.len(), word.text.len(), "{text}");
        }
    }

    #[test]
    fn words_are_split() {
        check("a -e B=1 \\\n  c", &[&["a", "-e", "B=1", "c"]]);
        check(
            "a 'b c' \"d $e\" f\\ g # h",
            &[&["a", "b c", "d $e", "f g"]],
        );
        check(
            "x=$(a b) c; d && e",
            &[&["a", "b"], &["x=$(a b)", "c"], &["d"], &["e"]],
        );
        check("a <<EOF\nb c\nEOF\nd", &[&["a"], &["d"]]);
        // The file of a redirection is no option.
        check("a <-b -c >> -d e <f -g", &[&["a", "-c", "e", "f", "-g"]]);
        check("a << -b c <<< -d -e", &[&["a", "c", "-e"]]);
        check("a \"${B:-c}\"", &[&["a", "${B:-c}"]]);
    }

    #[test]
    fn parts_of_words_have_bytes() {
        let text = "docker -e \"K=V\" L='W'";
        let script = split(text, 0..text.len(), Dialect::Posix);
        let words = &script.commands[0].words;
        assert_eq!(words[2].bytes(2..3), Some(13..14));
        assert!(words[2].is_quoted(2));
        assert_eq!(&text[words[3].bytes(2..3).unwrap()], "W");
        assert!(!script.lost);
        assert!(split("a 'b", 0..4, Dialect::Posix).lost);
    }
}
