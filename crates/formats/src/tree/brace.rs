//! JSON with comments, HCL and Nix, as far as their trees of keys, lists and strings go.
//!
//! The reader is small on purpose: what it is not sure of becomes [`Kind::Other`], which holds no
//! settings, and a text whose brackets do not match is refused as a whole.

use std::ops::Range;

use super::{Entry, Kind, Node, Scalar};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// What tells the languages apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// JSON, with comments and commas behind last items allowed.
    Json,
    /// HCL 2: blocks, attributes, `#` and `//` comments, heredocs.
    Hcl,
    /// Nix: attribute sets and lists; functions are skipped.
    Nix,
}

/// Reads a text into one tree.
///
/// # Errors
/// When the text is not of that language; the message says where.
pub fn parse(text: &str, syntax: Syntax) -> Result<Node, String> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        syntax,
        nesting: 0,
    };
    let node = match syntax {
        Syntax::Json => reader.value(0)?,
        Syntax::Hcl | Syntax::Nix => {
            let entries = reader.body(0)?;
            Node {
                span: 0..text.len(),
                shared: false,
                kind: Kind::Map(entries, false),
            }
        }
    };
    reader.space();
    if reader.at < reader.bytes.len() {
        return Err(reader.error("something stands behind the end"));
    }
    Ok(node)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    syntax: Syntax,
    /// Strings inside expressions inside strings.
    nesting: usize,
}

impl Reader<'_> {
    fn error(&self, what: &str) -> String {
        let read = self.bytes.get(..self.at).unwrap_or(self.bytes);
        let line = read.iter().filter(|b| **b == b'\n').count();
        format!("{what} at line {}", line + 1)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn starts(&self, what: &str) -> bool {
        let rest = self.bytes.get(self.at..);
        rest.is_some_and(|rest| rest.starts_with(what.as_bytes()))
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'#') if self.syntax != Syntax::Json => self.line(),
                Some(b'/') if self.syntax != Syntax::Nix && self.starts("//") => self.line(),
                Some(b'/') if self.starts("/*") => {
                    let len = self.rest().find("*/").map_or(self.rest().len(), |n| n + 2);
                    self.at += len;
                }
                _ => return,
            }
        }
    }

    fn line(&mut self) {
        while self.peek().is_some_and(|b| b != b'\n') {
            self.at += 1;
        }
    }

    fn node(&self, start: usize, kind: Kind) -> Node {
        Node {
            span: start..self.at,
            shared: false,
            kind,
        }
    }

    /// Reads a value up to what ends it.
    fn value(&mut self, depth: usize) -> Result<Node, String> {
        if depth > MAX_DEPTH {
            return Err(self.error("nesting is too deep"));
        }
        self.space();
        let start = self.at;
        let node = match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'[') => self.list(depth)?,
            Some(b'{') => self.map(depth)?,
            Some(b'<') if self.syntax == Syntax::Hcl && self.starts("<<") => {
                let inner = self.heredoc()?;
                self.lines(start, inner, true)
            }
            Some(b'\'') if self.syntax == Syntax::Nix && self.starts("''") => {
                self.indented()?;
                let inner = start + 2..self.at - 2;
                let raw = self.text.get(inner.clone()).unwrap_or_default();
                let verbatim = !raw.contains("''");
                self.lines(start, inner, verbatim)
            }
            _ => self.plain(depth)?,
        };
        if self.syntax != Syntax::Json && !self.ends_value() {
            // `"a" + b`, `[..] ++ x`, `{..}.y`: an expression, not the value alone.
            self.expression(depth)?;
            return Ok(self.node(start, Kind::Other));
        }
        Ok(node)
    }

    /// A number or word is a scalar, everything else an expression.
    fn plain(&mut self, depth: usize) -> Result<Node, String> {
        let start = self.at;
        self.expression(depth)?;
        let raw = self.text.get(start..self.at).unwrap_or_default().trim_end();
        let simple = raw
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        if !simple || raw.is_empty() {
            return Ok(self.node(start, Kind::Other));
        }
        self.at = start + raw.len();
        Ok(self.node(
            start,
            Kind::Scalar(Scalar {
                text: raw.to_owned(),
                inner: start..self.at,
                quoted: false,
                verbatim: true,
                literal: false,
            }),
        ))
    }

    /// Returns whether a value ends here: at the end of a line or an item.
    fn ends_value(&mut self) -> bool {
        let at = self.at;
        match self.syntax {
            Syntax::Nix => self.space(),
            _ => {
                while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
                    self.at += 1;
                }
            }
        }
        let next = self.peek();
        let comment = next == Some(b'#') || self.starts("//") || self.starts("/*");
        self.at = at;
        let ends: &[u8] = match self.syntax {
            // In a list the next item may follow.
            Syntax::Nix => b";]}),\"[{'",
            _ => b",]})\n",
        };
        next.is_none_or(|b| ends.contains(&b)) || (comment && self.syntax == Syntax::Hcl)
    }

    /// Skips an expression up to the sign that ends it.
    fn expression(&mut self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(self.error("nesting is too deep"));
        }
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string()?;
                }
                b'\'' if self.syntax == Syntax::Nix && self.starts("''") => self.indented()?,
                b'<' if self.syntax == Syntax::Hcl && self.starts("<<") => {
                    self.heredoc()?;
                }
                b'(' | b'[' | b'{' => {
                    self.at += 1;
                    self.balanced(depth + 1, byte)?;
                }
                b')' | b']' | b'}' | b',' => break,
                b';' if self.syntax == Syntax::Nix => break,
                b'\n' if self.syntax == Syntax::Hcl => break,
                b'#' if self.syntax != Syntax::Json => break,
                b'/' if self.syntax == Syntax::Hcl && self.starts("//") => break,
                b' ' | b'\t' | b'\r' | b'\n' if self.syntax == Syntax::Json => break,
                _ => self.at += 1,
            }
            if byte == b'#' {
                self.line();
            }
        }
        if self.at == start {
            return Err(self.error("a value is missing"));
        }
        Ok(())
    }

    fn balanced(&mut self, depth: usize, open: u8) -> Result<(), String> {
        let close = match open {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        loop {
            self.space();
            match self.peek() {
                None => return Err(self.error("a bracket is not closed")),
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b')' | b']' | b'}') => return Err(self.error("brackets do not match")),
                Some(b',' | b';') => self.at += 1,
                Some(_) => self.expression(depth)?,
            }
        }
    }

    fn string(&mut self) -> Result<Node, String> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                b'"' => {
                    let inner = start + 1..self.at;
                    self.at += 1;
                    return Ok(self.quoted(start, inner, !escaped));
                }
                b'\n' if self.syntax != Syntax::Nix => break,
                b'$' if self.syntax != Syntax::Json && self.starts("${") => {
                    self.at += 2;
                    self.nesting += 1;
                    if self.nesting > MAX_DEPTH {
                        return Err(self.error("nesting is too deep"));
                    }
                    self.balanced(MAX_DEPTH / 2, b'{')?;
                    self.nesting -= 1;
                }
                _ => self.at += 1,
            }
        }
        Err(self.error("a string is not closed"))
    }

    fn quoted(&self, start: usize, inner: Range<usize>, verbatim: bool) -> Node {
        let raw = self.text.get(inner.clone()).unwrap_or_default();
        self.node(
            start,
            Kind::Scalar(Scalar {
                text: if verbatim {
                    raw.to_owned()
                } else {
                    unescaped(raw)
                },
                inner,
                quoted: true,
                verbatim,
                literal: false,
            }),
        )
    }

    fn indented(&mut self) -> Result<(), String> {
        self.at += 2;
        loop {
            match self.peek() {
                None => return Err(self.error("a string is not closed")),
                Some(b'\'') if self.starts("'''") => self.at += 3,
                Some(b'\'') if self.starts("''") => {
                    let escape = matches!(self.bytes.get(self.at + 2), Some(b'$' | b'\\'));
                    self.at += if escape { 3 } else { 2 };
                    if !escape {
                        return Ok(());
                    }
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// A text of several lines that a shell may read as they stand.
    fn lines(&self, start: usize, inner: Range<usize>, verbatim: bool) -> Node {
        let text = self.text.get(inner.clone()).unwrap_or_default().to_owned();
        self.node(
            start,
            Kind::Scalar(Scalar {
                text,
                inner,
                quoted: false,
                verbatim,
                literal: verbatim,
            }),
        )
    }

    /// Skips a heredoc and returns its body.
    fn heredoc(&mut self) -> Result<Range<usize>, String> {
        let rest = self.rest();
        let word = rest.trim_start_matches('<').trim_start_matches('-');
        let word = word.lines().next().unwrap_or_default().trim();
        let mut offset = 0;
        for (n, line) in rest.split_inclusive('\n').enumerate() {
            if n > 0 && !word.is_empty() && line.trim() == word {
                let start = self.at + rest.find('\n').map_or(0, |n| n + 1);
                let body = start..self.at + offset;
                self.at += offset + line.trim_end().len();
                return Ok(body);
            }
            offset += line.len();
        }
        Err(self.error("a heredoc is not closed"))
    }

    fn list(&mut self, depth: usize) -> Result<Node, String> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            match self.peek() {
                None => return Err(self.error("a list is not closed")),
                Some(b']') => break,
                Some(b',') => self.at += 1,
                Some(b'}' | b')') => return Err(self.error("brackets do not match")),
                Some(_) if self.syntax == Syntax::Nix => items.push(self.nix_item(depth)?),
                Some(_) => items.push(self.value(depth + 1)?),
            }
        }
        self.at += 1;
        Ok(self.node(start, Kind::List(items, true)))
    }

    /// Items of Nix lists are separated by space: a word is an item of its own.
    fn nix_item(&mut self, depth: usize) -> Result<Node, String> {
        if depth > MAX_DEPTH {
            return Err(self.error("nesting is too deep"));
        }
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'[') => return self.list(depth + 1),
            Some(b'{') => return self.map(depth + 1),
            Some(b'(') => {
                self.at += 1;
                self.balanced(depth + 1, b'(')?;
            }
            Some(b'\'') if self.starts("''") => self.indented()?,
            _ => {
                while self
                    .peek()
                    .is_some_and(|b| !b.is_ascii_whitespace() && !b"[](){};\"".contains(&b))
                {
                    self.at += 1;
                }
            }
        }
        if self.at == start {
            return Err(self.error("an item is missing"));
        }
        Ok(self.node(start, Kind::Other))
    }

    fn map(&mut self, depth: usize) -> Result<Node, String> {
        let start = self.at;
        self.at += 1;
        let entries = match self.syntax {
            Syntax::Json => self.members(depth)?,
            Syntax::Hcl | Syntax::Nix => self.body(depth + 1)?,
        };
        if self.peek() != Some(b'}') {
            return Err(self.error("a brace is not closed"));
        }
        self.at += 1;
        let flow = self.syntax == Syntax::Json;
        Ok(self.node(start, Kind::Map(entries, flow)))
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(b'}') => return Ok(entries),
                Some(b',') => self.at += 1,
                Some(b'"') => {
                    let key = self.string()?;
                    self.space();
                    if self.peek() != Some(b':') {
                        return Err(self.error("a colon is missing"));
                    }
                    self.at += 1;
                    let value = self.value(depth + 1)?;
                    let span = key.span.start..value.span.end;
                    if let Kind::Scalar(key) = key.kind {
                        entries.push(Entry { key, value, span });
                    }
                }
                _ => return Err(self.error("a key is missing")),
            }
        }
    }

    /// Reads attributes and blocks up to a closing brace or the end.
    fn body(&mut self, depth: usize) -> Result<Vec<Entry>, String> {
        if depth > MAX_DEPTH {
            return Err(self.error("nesting is too deep"));
        }
        let mut entries = Vec::new();
        loop {
            self.space();
            let start = self.at;
            match self.peek() {
                None | Some(b'}') => return Ok(entries),
                Some(b',' | b';') => {
                    self.at += 1;
                    continue;
                }
                Some(b'{') if self.syntax == Syntax::Nix => {
                    // The head of a function, or its body: its entries count here.
                    if let Kind::Map(inner, _) = self.map(depth)?.kind {
                        entries.extend(inner);
                    }
                    continue;
                }
                _ => {}
            }
            let key = self.key()?;
            self.space();
            let value = match self.peek() {
                Some(b'=' | b':') if !self.starts("==") => {
                    self.at += 1;
                    self.value(depth + 1)?
                }
                Some(b'{') => self.map(depth)?,
                Some(b'"') if self.syntax == Syntax::Hcl => {
                    let mut labels = Vec::new();
                    while self.peek() == Some(b'"') {
                        labels.push(self.string()?);
                        self.space();
                    }
                    if self.peek() != Some(b'{') {
                        return Err(self.error("a block is missing"));
                    }
                    let body = self.map(depth)?;
                    labelled(labels, body)
                }
                // `inherit x;`, heads of functions: skipped.
                _ if self.syntax == Syntax::Nix => continue,
                _ => return Err(self.error("an attribute is missing")),
            };
            let mut end = value.span.end;
            if self.syntax == Syntax::Nix {
                let at = self.at;
                self.space();
                if self.peek() == Some(b';') {
                    self.at += 1;
                    end = self.at;
                } else {
                    self.at = at;
                }
            }
            entries.push(Entry {
                key,
                value,
                span: start..end,
            });
        }
    }

    fn key(&mut self) -> Result<Scalar, String> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                let node = self.string()?;
                return match node.kind {
                    Kind::Scalar(scalar) => Ok(scalar),
                    _ => Err(self.error("a key is missing")),
                };
            }
            Some(b'(') => {
                self.at += 1;
                self.balanced(1, b'(')?;
            }
            _ => {
                while self
                    .peek()
                    .is_some_and(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b) || b >= 0x80)
                {
                    self.at += 1;
                }
            }
        }
        if self.at == start {
            let len = self.rest().chars().next().map_or(0, char::len_utf8);
            if self.syntax != Syntax::Nix || len == 0 || matches!(self.peek(), Some(b']' | b')')) {
                return Err(self.error("a key is missing"));
            }
            self.at += len;
        }
        Ok(Scalar {
            text: self.text.get(start..self.at).unwrap_or_default().to_owned(),
            inner: start..self.at,
            quoted: false,
            verbatim: true,
            literal: false,
        })
    }
}

/// Wraps the body of a block in a mapping for each label, so that labels are keys like others.
fn labelled(labels: Vec<Node>, body: Node) -> Node {
    labels.into_iter().rev().fold(body, |value, label| {
        let span = label.span.start..value.span.end;
        let Kind::Scalar(key) = label.kind else {
            return value;
        };
        Node {
            span: span.clone(),
            shared: false,
            kind: Kind::Map(vec![Entry { key, value, span }], false),
        }
    })
}

/// Resolves the escapes that JSON, HCL and Nix share; others lose their backslash.
fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                out.push(code.unwrap_or('\u{fffd}'));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_comments_is_read() {
        let text = "{ // c\n \"a\": [\"K=V\", 1,], /* x */ \"b\": {\"c\": null}}";
        let node = parse(text, Syntax::Json).unwrap();
        assert_eq!(node.get("a").unwrap().value.texts(), ["K=V", "1"]);
        for broken in ["{\"a\": [}", "{\"a\": 1", "", "{} x", "{\"a\"}"] {
            assert!(parse(broken, Syntax::Json).is_err(), "{broken}");
        }
    }

    #[test]
    fn hcl_blocks_and_attributes_are_read() {
        let text = "resource \"docker_container\" \"ls\" {\n  image = \"localstack/localstack:3\" # c\n  env = [\"A=1\", \"B=${var.x}\"]\n  ports { internal = 4566 }\n  t = <<EOT\n}\nEOT\n}\n";
        let node = parse(text, Syntax::Hcl).unwrap();
        let kind = &node.get("resource").unwrap().value;
        let kind = &kind.get("docker_container").unwrap().value;
        let block = &kind.get("ls").unwrap().value;
        assert_eq!(block.get_text("image"), Some("localstack/localstack:3"));
        assert_eq!(
            block.get("env").unwrap().value.texts(),
            ["A=1", "B=${var.x}"]
        );
        let joined = parse("env = concat([\"A=1\"], x)\n", Syntax::Hcl).unwrap();
        assert!(joined.get("env").unwrap().value.texts().is_empty());
    }

    #[test]
    fn nix_sets_are_read() {
        let text = "{ pkgs, ... }:\n{\n  virtualisation.oci-containers.containers.ls = {\n    image = \"localstack/localstack:2.3\";\n    environment = {\n      EDGE_PORT = \"4566\";\n    };\n  };\n}\n";
        let node = parse(text, Syntax::Nix);
        assert!(node.is_ok(), "{node:?}");
    }
}
