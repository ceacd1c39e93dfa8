//! What was pasted, made comparable: without colours, frames, prefixes of logs, escapes of JSON and
//! XML, and the typography that word processors put in.

use std::ops::Range;

/// How much of a text is looked at: this much from its start, and as much from its end.
const HALF: usize = 128 * 1024;
/// The longest excerpt, in bytes.
const EXCERPT: usize = 240;

/// A text with one space between words, whatever stood there.
#[derive(Debug)]
pub(super) struct Cleaned {
    /// The text.
    pub(super) text: String,
    /// The same in lower case, with the same offsets.
    pub(super) lower: String,
    /// Where each line started.
    starts: Vec<usize>,
    /// Whether Compose wrote lines of a container that is not the emulator's.
    pub(super) composed: bool,
}

impl Cleaned {
    /// Cleans a text. Lines are joined with a space, as people and programs wrap between words.
    pub(super) fn new(raw: &str) -> Self {
        Self::join(&plain(bounded(raw)), " ")
    }

    /// Cleans a text whose lines were cut at a fixed width, in the middle of words.
    pub(super) fn unwrapped(raw: &str) -> Self {
        Self::join(&plain(bounded(raw)), "")
    }

    fn join(plain: &str, separator: &str) -> Self {
        let mut text = String::with_capacity(plain.len());
        let mut starts = Vec::new();
        let mut composed = false;
        for line in plain.lines() {
            let (name, line) = split_prefix(line);
            composed |= name.is_some_and(|name| !name.contains("localstack"));
            if line.trim().is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push_str(separator);
            }
            starts.push(text.len());
            let mut words = line.split_whitespace();
            text.extend(words.next());
            for word in words {
                text.push(' ');
                text.push_str(word);
            }
        }
        Self {
            lower: text.to_ascii_lowercase(),
            text,
            starts,
            composed,
        }
    }

    /// Returns the line or lines around a range, cut to a length that can be shown.
    pub(super) fn excerpt(&self, range: &Range<usize>) -> &str {
        let first = self.starts.partition_point(|&start| start <= range.start);
        let last = self.starts.partition_point(|&start| start < range.end);
        let start = first.checked_sub(1).map_or(0, |n| self.starts[n]);
        let end = self.starts.get(last).copied().unwrap_or(self.text.len());
        let near = range.start.saturating_sub(EXCERPT / 4);
        let start = if near <= start {
            start
        } else {
            // From the start of a word, where there is one.
            let skipped = self.lower.as_bytes()[near..range.start]
                .iter()
                .position(|b| *b == b' ');
            near + skipped.map_or(0, |at| at + 1)
        };
        let end = end.min(start + EXCERPT);
        let floor = |mut at: usize| {
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        self.text[floor(start)..floor(end)].trim()
    }
}

/// Returns the start and the end of a text that is too long, with a line end between them.
fn bounded(raw: &str) -> std::borrow::Cow<'_, str> {
    if raw.len() <= 2 * HALF {
        return raw.into();
    }
    let (mut head, mut tail) = (HALF, raw.len() - HALF);
    while !raw.is_char_boundary(head) {
        head -= 1;
    }
    while !raw.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}\n{}", &raw[..head], &raw[tail..]).into()
}

/// Replaces everything that stands for a plain character.
fn plain(raw: impl AsRef<str>) -> String {
    let mut rest = raw.as_ref();
    let mut text = String::with_capacity(rest.len());
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\u{1b}' => after_escape(after),
            '\\' => after_backslash(after, &mut text),
            '&' => after_entity(after, &mut text),
            _ => {
                push_plain(c, &mut text);
                after
            }
        };
    }
    text
}

fn push_plain(c: char, text: &mut String) {
    match c {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => text.push('\n'),
        '‘' | '’' | '‚' | '‛' | '′' | '´' | '`' => text.push('\''),
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => text.push('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => text.push('-'),
        '…' => text.push_str("..."),
        // Zero width, byte order mark, soft hyphen.
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => {}
        // Frames that tools draw around their errors.
        '\u{2500}'..='\u{259f}' => text.push(' '),
        c if c.is_whitespace() || c.is_control() => text.push(' '),
        c => text.push(c),
    }
}

/// Skips what follows an escape character: a colour, a title, a cursor movement.
fn after_escape(after: &str) -> &str {
    let bytes = after.as_bytes();
    let end = match bytes.first() {
        Some(b'[') => {
            let body = bytes.iter().skip(1).take(64);
            body.take_while(|b| !(0x40..=0x7e).contains(*b)).count() + 2
        }
        Some(b']') => {
            let body = bytes.iter().take(512);
            body.take_while(|b| !matches!(b, 0x07 | 0x1b)).count() + 1
        }
        Some(b) if b.is_ascii() => 1,
        _ => 0,
    };
    after.get(end.min(after.len())..).unwrap_or(after)
}

/// Reads what a backslash stands for in JSON and in source code: `\n`, `\"`, `\u001b[31m`.
fn after_backslash<'a>(after: &'a str, text: &mut String) -> &'a str {
    // A text that was quoted twice has several.
    let after = after.trim_start_matches('\\');
    for escape in ["u001b", "x1b", "033", "e"] {
        if let Some(sequence) = after.strip_prefix(escape)
            && sequence.starts_with('[')
        {
            return after_escape(sequence);
        }
    }
    let mut chars = after.chars();
    match chars.next() {
        Some('n' | 'r') => text.push('\n'),
        Some('t') => text.push(' '),
        Some(c @ ('"' | '\'' | '/')) => text.push(c),
        _ => {
            text.push('\\');
            return after;
        }
    }
    chars.as_str()
}

/// Reads the entities that XML needs, as test reports have them.
fn after_entity<'a>(after: &'a str, text: &mut String) -> &'a str {
    const ENTITIES: [(&str, &str); 8] = [
        ("quot;", "\""),
        ("#34;", "\""),
        ("apos;", "'"),
        ("#39;", "'"),
        ("lt;", "<"),
        ("gt;", ">"),
        ("#10;", "\n"),
        ("amp;", "&"),
    ];
    for (entity, meaning) in ENTITIES {
        if let Some(rest) = after.strip_prefix(entity) {
            text.push_str(meaning);
            return rest;
        }
    }
    text.push('&');
    after
}

/// Takes `app-1  | ` off, as Compose writes it, and `> ` of quoted mails and threads. Returns the
/// name of the container, where there is one.
fn split_prefix(line: &str) -> (Option<&str>, &str) {
    let line = line.trim_start();
    let line = line.strip_prefix("> ").map_or(line, str::trim_start);
    match line.split_once('|') {
        Some((padded, rest)) if padded.len() <= 64 && padded.ends_with(' ') => {
            let name = padded.trim_end();
            if name.is_empty() || name.contains(' ') {
                (None, line)
            } else {
                (Some(name), rest)
            }
        }
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str) {
        assert_eq!(Cleaned::new(raw).text, expected);
    }

    #[test]
    fn what_tools_and_word_processors_add_is_removed() {
        check("\u{1b}[31;1mError:\u{1b}[0m  refused", "Error: refused");
        check("\u{1b}]0;title\u{7}x", "x");
        check(r"\u001b[32mSTART\u001b[0m\nnext", "START next");
        check("can’t “x” – y…", "can't \"x\" - y...");
        check("│ Error: a\n│ \n╵ b", "Error: a b");
        check("app-1  | one\napp-1  | two", "one two");
        check("> quoted\n> text", "quoted text");
        check(r#"{\"m\":\"a b\"}"#, r#"{"m":"a b"}"#);
        check("&quot;a&quot; &lt;b&gt; &c", "\"a\" <b> &c");
        check("a\u{a0}b\u{200b}c", "a bc");
        check(r"C:\Users", r"C:\Users");
    }

    #[test]
    fn words_that_were_cut_are_joined() {
        assert_eq!(
            Cleaned::unwrapped("Could not conn\nect").text,
            "Could not connect"
        );
    }

    #[test]
    fn the_excerpt_is_the_line() {
        let cleaned = Cleaned::new("one\ntwo words\nthree");
        let at = cleaned.text.find("words").unwrap();
        assert_eq!(cleaned.excerpt(&(at..at + 5)), "two words");
        assert_eq!(
            cleaned.excerpt(&(0..cleaned.text.len())),
            "one two words three"
        );
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        let cleaned = Cleaned::new(&format!("start {} end", "é ".repeat(1 << 20)));
        assert!(cleaned.text.starts_with("start") && cleaned.text.ends_with("end"));
        assert!(cleaned.text.len() <= 2 * HALF + 1);
    }
}
