//! Finding string values in JSON by the keys that lead to them, without changing a byte.

use std::ops::Range;

/// Nesting beyond which a document is left alone.
const MAX_DEPTH: usize = 64;

/// Calls `visit` with the keys and the bytes, quotes included, of every string value.
///
/// Arrays add no key. Returns `None` when the document is no JSON as far as looked at, or too deep;
/// strings seen before were visited then.
pub(crate) fn strings<'a>(
    text: &'a str,
    mut visit: impl FnMut(&[&'a str], Range<usize>),
) -> Option<()> {
    let mut scanner = Scanner { text, at: 0 };
    let mut keys = Vec::new();
    scanner.value(&mut keys, 0, &mut visit)?;
    scanner.space();
    (scanner.at == text.len()).then_some(())
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(
        &mut self,
        keys: &mut Vec<&'a str>,
        depth: usize,
        visit: &mut impl FnMut(&[&'a str], Range<usize>),
    ) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.list(b'}', |scanner| {
                let key = scanner.string()?;
                scanner.eat(b':')?;
                keys.push(scanner.text.get(key.start + 1..key.end - 1)?);
                let done = scanner.value(keys, depth + 1, visit);
                keys.pop();
                done
            }),
            b'[' => self.list(b']', |scanner| scanner.value(keys, depth + 1, visit)),
            b'"' => {
                let span = self.string()?;
                visit(keys, span);
                Some(())
            }
            _ => {
                let start = self.at;
                while self.peek().is_some_and(
                    |b| matches!(b, b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E'),
                ) {
                    self.at += 1;
                }
                (self.at > start).then_some(())
            }
        }
    }

    /// Reads from an opening to a closing bracket, `item` by `item`.
    fn list(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        if self.eat(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.eat(b',').is_none() {
                return self.eat(close);
            }
        }
    }

    fn string(&mut self) -> Option<Range<usize>> {
        self.space();
        let start = self.at;
        self.eat(b'"')?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(text: &str) -> (Vec<String>, bool) {
        let mut seen = Vec::new();
        let whole = strings(text, |keys, span| {
            seen.push(format!("{}={}", keys.join("."), &text[span]));
        });
        (seen, whole.is_some())
    }

    #[test]
    fn strings_are_found_with_their_keys() {
        let text = r#" {"a": ["x", {"b": "y\"}"}], "n": -1.5e+3, "c": {}, "d": [], "t": true} "#;
        let (found, whole) = seen(text);
        assert_eq!(found, [r#"a="x""#, r#"a.b="y\"}""#]);
        assert!(whole);
        assert!(!seen("{\"a\": \"x\"").1 && !seen("").1 && !seen("{} x").1 && !seen("\"\\").1);
        assert!(!seen(&"[".repeat(100_000)).1);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[\\[\\]{}\",:\\\\a0 ü]{0,40}") {
            seen(&text);
        }
    }
}
