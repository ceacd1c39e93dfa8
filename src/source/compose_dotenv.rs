//! The dotenv dialect of Docker Compose: `.env` and `env_file:`.
//!
//! The rules are those of compose-go, package `dotenv`. They differ from python-dotenv, which reads
//! LocalStack's own profiles: a value may follow a `:`, an unquoted value is interpolated, a `#`
//! starts a comment only after a space and only behind a value, single quotes know `\'`, and a name
//! without value takes the one of the environment.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::interpolate::{InterpolateError, LookUp, Reference, interpolate};

/// How many bytes interpolation may add to one file. Legitimate files add a few hundred; the limit
/// stops values that double in every line.
pub const MAX_GROWTH: usize = 4 << 20;

/// The bindings of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dotenv {
    /// What the file sets, in order. A name may occur more than once; the last one counts.
    pub bindings: Vec<Binding>,
    /// Where reading stopped. Compose refuses the whole file then.
    pub error: Option<DotenvError>,
}

/// One name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The name.
    pub name: Arc<str>,
    /// The bytes of the name.
    pub name_span: Range<usize>,
    /// The value after unquoting and interpolation.
    pub value: Arc<str>,
    /// The bytes of the value between its quotes; of the name where the value is inherited.
    pub span: Range<usize>,
    /// Whether the name stands alone and its value comes from the environment.
    pub inherited: bool,
    /// The references in the value. Their spans count from the start of the value, after escapes
    /// were replaced.
    pub references: Vec<Reference>,
}

/// Why a file is not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct DotenvError {
    /// What is wrong.
    pub kind: DotenvErrorKind,
    /// The bytes at fault.
    pub span: Range<usize>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DotenvErrorKind {
    /// A character that no name has stands before `=`, `:` or the end of the line.
    #[error("unexpected character `{0}` in a variable name")]
    Name(char),
    /// The name has a space in it.
    #[error("variable name contains a space")]
    Space,
    /// The closing quote is missing.
    #[error("quoted value does not end")]
    Unterminated,
    /// Nothing follows `export`.
    #[error("name is missing")]
    Empty,
    /// The value cannot be interpolated.
    #[error(transparent)]
    Interpolate(#[from] InterpolateError),
    /// Interpolation adds more than [`MAX_GROWTH`] bytes.
    #[error("interpolation adds more than {MAX_GROWTH} bytes")]
    TooLong,
}

/// Reads a file.
///
/// A reference in a value means, first found: what `look_up` gives, what stands above in the same
/// file, what `earlier` gives (files read before). A name without value takes what `look_up` gives,
/// and sets nothing when that is nothing.
#[must_use]
pub fn parse(text: &str, look_up: LookUp<'_>, earlier: LookUp<'_>) -> Dotenv {
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut reader = Reader {
        text,
        at: start,
        look_up,
        earlier,
        seen: BTreeMap::new(),
        grown: 0,
        bindings: Vec::new(),
    };
    let mut error = None;
    while error.is_none() && reader.skip_to_statement() {
        error = reader.statement().err();
    }
    Dotenv {
        bindings: reader.bindings,
        error,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    look_up: LookUp<'a>,
    earlier: LookUp<'a>,
    seen: BTreeMap<Arc<str>, Arc<str>>,
    grown: usize,
    bindings: Vec<Binding>,
}

/// White space inside a line, as compose-go counts it: no other Unicode space.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(skipped).len();
    }

    /// Skips space and comments; returns whether anything follows.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with('#') {
                return self.at < self.text.len();
            }
            self.skip(|c| c != '\n');
        }
    }

    fn statement(&mut self) -> Result<(), DotenvError> {
        self.skip_export();
        let rest = self.rest();
        if rest.is_empty() {
            return Err(fault(DotenvErrorKind::Empty, self.at..self.at));
        }
        let mut separator = None;
        for (offset, c) in rest.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    separator = Some((offset, c));
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                _ if is_blank(c) || c.is_alphabetic() || c.is_numeric() => {}
                _ => {
                    let at = self.at + offset;
                    return Err(fault(DotenvErrorKind::Name(c), at..at + c.len_utf8()));
                }
            }
        }
        // A name at the end of the file, without line break, is taken for a value without name.
        let Some((length, separator)) = separator else {
            self.at = self.text.len();
            return Ok(());
        };
        let name = rest.get(..length).unwrap_or_default();
        let name = name.trim_end_matches(char::is_whitespace);
        let name_span = self.at..self.at + name.len();
        self.at += length + 1;
        self.skip(is_blank);
        if name.contains(' ') {
            return Err(fault(DotenvErrorKind::Space, name_span));
        }
        if separator == '\n' {
            if let Some(value) = (self.look_up)(name) {
                self.bind(name, name_span.clone(), value, name_span, true, Vec::new());
            }
            return Ok(());
        }
        match self.rest().as_bytes().first() {
            Some(&quote @ (b'\'' | b'"')) => self.quoted(name, name_span, char::from(quote)),
            _ => self.unquoted(name, name_span),
        }
    }

    /// Skips `export` and the space behind it; without space it is part of a name.
    fn skip_export(&mut self) {
        let ascii_space = |c| matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ');
        let rest = self.rest();
        if rest
            .strip_prefix("export")
            .is_some_and(|after| after.starts_with(ascii_space))
        {
            self.at += "export".len();
            self.skip(is_blank);
        }
    }

    fn unquoted(&mut self, name: &str, name_span: Range<usize>) -> Result<(), DotenvError> {
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or_default();
        let value = line.split(" #").next().unwrap_or_default();
        let value = value.trim_end_matches(char::is_whitespace);
        let span = self.at..self.at + value.len();
        self.at = (self.at + line.len() + 1).min(self.text.len());
        self.expand(name, name_span, value, span)
    }

    fn quoted(
        &mut self,
        name: &str,
        name_span: Range<usize>,
        quote: char,
    ) -> Result<(), DotenvError> {
        let start = self.at;
        let mut value = String::new();
        let mut escaped = false;
        for (offset, c) in self.rest().char_indices().skip(1) {
            if c == quote && !escaped {
                let span = start + 1..start + offset;
                self.at = start + offset + 1;
                if quote == '"' {
                    return self.expand(name, name_span, &unescape(&value), span);
                }
                self.bind(name, name_span, value.into(), span, false, Vec::new());
                return Ok(());
            }
            if c == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && c != quote {
                value.push('\\');
            }
            escaped = false;
            value.push(c);
        }
        let line = self.rest().split('\n').next().unwrap_or_default();
        Err(fault(
            DotenvErrorKind::Unterminated,
            start..start + line.len(),
        ))
    }

    fn expand(
        &mut self,
        name: &str,
        name_span: Range<usize>,
        template: &str,
        span: Range<usize>,
    ) -> Result<(), DotenvError> {
        let look_up = |name: &str| {
            (self.look_up)(name)
                .or_else(|| self.seen.get(name).cloned())
                .or_else(|| (self.earlier)(name))
        };
        let result = interpolate(template, &look_up)
            .map_err(|error| fault(DotenvErrorKind::Interpolate(error), span.clone()))?;
        self.grown += result.text.len().saturating_sub(template.len());
        if self.grown > MAX_GROWTH {
            return Err(fault(DotenvErrorKind::TooLong, span));
        }
        self.bind(
            name,
            name_span,
            result.text.into(),
            span,
            false,
            result.references,
        );
        Ok(())
    }

    fn bind(
        &mut self,
        name: &str,
        name_span: Range<usize>,
        value: Arc<str>,
        span: Range<usize>,
        inherited: bool,
        references: Vec<Reference>,
    ) {
        if name.is_empty() {
            return;
        }
        let name: Arc<str> = name.into();
        self.seen.insert(Arc::clone(&name), Arc::clone(&value));
        self.bindings.push(Binding {
            name,
            name_span,
            value,
            span,
            inherited,
            references,
        });
    }
}

fn fault(kind: DotenvErrorKind, span: Range<usize>) -> DotenvError {
    DotenvError { kind, span }
}

/// Replaces the escapes of a double-quoted value; `\$` becomes `$$`, which interpolation turns into
/// a plain `$`. Other backslashes stay.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let replaced = match after.as_bytes().first() {
            Some(b'a') => "\u{7}",
            Some(b'b') => "\u{8}",
            Some(b'f') => "\u{c}",
            Some(b'n') => "\n",
            Some(b'r') => "\r",
            Some(b't') => "\t",
            Some(b'v') => "\u{b}",
            Some(b'$') => "$$",
            Some(b'"') => "\"",
            Some(b'\\') => "\\",
            Some(b'0') => {
                rest = octal(after, &mut out);
                continue;
            }
            _ => {
                out.push('\\');
                rest = after;
                continue;
            }
        };
        out.push_str(replaced);
        rest = &after[1..];
    }
    out.push_str(rest);
    out
}

/// Takes `0` and up to three digits after a backslash. Three octal ones up to 377 are a character;
/// anything else stays, less the `0`.
fn octal<'a>(after: &'a str, out: &mut String) -> &'a str {
    let digits = after
        .bytes()
        .skip(1)
        .take(3)
        .take_while(u8::is_ascii_digit)
        .count();
    let (digits, rest) = after[1..].split_at(digits);
    match u8::from_str_radix(digits, 8) {
        Ok(code) if digits.len() == 3 => out.push(char::from(code)),
        _ => {
            out.push('\\');
            out.push_str(digits);
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(name: &str) -> Option<Arc<str>> {
        match name {
            "H" => Some("host".into()),
            "D" => Some("dd".into()),
            _ => None,
        }
    }

    fn read(text: &str) -> Dotenv {
        parse(text, &environment, &|_| None)
    }

    /// Expected values were recorded from compose-go 2.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let result = read(text);
        let mut shown: Vec<_> = result
            .bindings
            .iter()
            .map(|binding| format!("{}={}", binding.name, binding.value))
            .collect();
        shown.extend(result.error.map(|error| format!("error: {error}")));
        assert_eq!(shown.join(" | "), expected, "{text:?}");
    }

    #[test]
    fn unquoted_values_end_with_the_line_or_a_comment() {
        check("A=1\nB = 2 \n\n#x\n  #y\n\tC=3", "A=1 | B=2 | C=3");
        check("A=1\r\nB=2\r\n", "A=1 | B=2");
        check("\u{feff}A=1", "A=1");
        check(
            "A=x #c\nB=x#c\nC=x\t#c\nD=x #",
            "A=x | B=x#c | C=x\t#c | D=x",
        );
        check("A= # c\nB=#c", "A=# c | B=#c");
        check("A=\nB= \nC=a'b'", "A= | B= | C=a'b'");
        check("A=a b  c\nB={\"a\": 1}", "A=a b  c | B={\"a\": 1}");
        check("A=x\u{a0}\nB=\u{2028}x", "A=x | B=\u{2028}x");
    }

    #[test]
    fn names_come_in_many_forms() {
        check("A: 1\nB:2\nC:\nD: \"q\"", "A=1 | B=2 | C= | D=q");
        check("A:=1\nB=:1\nC==v", "A==1 | B=:1 | C==v");
        check(
            "export A=1\nexport\tB=2\nexportC=3",
            "A=1 | B=2 | exportC=3",
        );
        check("export\nA=1\nexport=2", "A=1 | export=2");
        check(
            "A-b=1\nA.b=2\nA[0]=3\né=4\n1A=5\nA\tb=6",
            "A-b=1 | A.b=2 | A[0]=3 | é=4 | 1A=5 | A\tb=6",
        );
        check("A\u{a0}=1", "A=1");
        check("A=1\nA=2", "A=1 | A=2");
    }

    #[test]
    fn a_name_alone_takes_the_value_of_the_environment() {
        check("H\nA=$H\nN\n", "H=host | A=host");
        check("export D\nN\n", "D=dd");
        check("H", "");
        assert!(read("H\n").bindings[0].inherited);
    }

    #[test]
    fn quotes_keep_lines_and_know_escapes() {
        check("A='x $H \\n #' # c\nB=1", "A=x $H \\n # | B=1");
        check("A='x\\'y'\nB='x\\\\'", "A=x'y | B=x\\\\");
        check("A=\"a\nb\" # c\nB=1", "A=a\nb | B=1");
        check(
            "A=\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"",
            "A=\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"",
        );
        check("A=\"\\0101\\x41\\u0041\"", "A=A\\x41\\u0041");
        check("A=\"\\07\\0\\0400\"", "A=\\7\\\\400");
        check("A=\"\\c\\q\\$H\"", "A=\\c\\q$H");
        check("A=\"\\\\$H\"\nB=\"\\\\n\"", "A=\\host | B=\\n");
        check("A=\"x\\\ny\"", "A=x\\\ny");
        check("A=\"x\" B=2\nC='1'D=2", "A=x | B=2 | C=1 | D=2");
        check("A=' x '\nB=\" x \"", "A= x  | B= x ");
    }

    #[test]
    fn values_are_interpolated() {
        check("A=1\nB=$A\nC=${A}${N}\nD=$H", "A=1 | B=1 | C=1 | D=host");
        check("A=\"$H ${N:-x}\"\nB=${N:-x} #y", "A=host x | B=x");
        check(
            "A=$H$$H\nB='$$'\nC=\"$$\"\nD=$1",
            "A=host$H | B=$$ | C=$ | D=$1",
        );
        check("H=own\nA=$H", "H=own | A=host");
        let earlier = |name: &str| (name == "E").then(|| "early".into());
        let read = parse("A=$E\nE=late\nB=$E", &environment, &earlier);
        let values: Vec<_> = read.bindings.iter().map(|b| &*b.value).collect();
        assert_eq!(values, ["early", "late", "late"]);
    }

    #[test]
    fn faults_stop_the_file() {
        check(
            "A=1\nB b=2\nC=3",
            "A=1 | error: variable name contains a space",
        );
        check("A;=1", "error: unexpected character `;` in a variable name");
        check(
            "A='a' 'b'",
            "A=a | error: unexpected character `'` in a variable name",
        );
        check("A=\"a\nb", "error: quoted value does not end");
        check("A='value\\'", "error: quoted value does not end");
        check(
            "A=${H",
            "error: invalid interpolation; write `$$` for a `$`",
        );
        check("export ", "error: name is missing");
        check("=v\nA=1", "A=1");
        check("export\t\nA=1\nexport", "A=1");
    }

    #[test]
    fn spans_cover_names_and_values() {
        let text = "é=1\nexport B : \"x\" # c\nC= y # z";
        let shown: Vec<_> = read(text)
            .bindings
            .iter()
            .map(|b| (&text[b.name_span.clone()], &text[b.span.clone()]))
            .collect();
        assert_eq!(shown, [("é", "1"), ("B", "x"), ("C", "y")]);
    }

    #[test]
    fn values_that_double_are_stopped() {
        let mut text = String::from("A0=xxxxxxxxxxxxxxxx\n");
        for n in 0..40 {
            text += &format!("A{}=$A{n}$A{n}\n", n + 1);
        }
        let read = read(&text);
        assert!(read.error.is_some());
        let total: usize = read.bindings.iter().map(|b| b.value.len()).sum();
        assert!(total <= text.len() + MAX_GROWTH);
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text in "[A-C=:'\"\\\\$\\{\\}#\n\r\té 0-9-]{0,60}") {
            let read = read(&text);
            for binding in &read.bindings {
                prop_assert_eq!(&text[binding.name_span.clone()], &*binding.name);
                prop_assert!(text.get(binding.span.clone()).is_some());
            }
            if let Some(error) = &read.error {
                prop_assert!(text.get(error.span.clone()).is_some());
            }
        }
    }
}
