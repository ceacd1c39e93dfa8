//! The dialect of python-dotenv, in which LocalStack reads its profiles.
//!
//! [`parse`] finds the bindings, [`interpolate`] expands `${NAME}` in them, [`quote`] writes a value
//! so that both a shell and this dialect read it back. Docker Compose reads another dialect. The
//! rules were observed on python-dotenv 1.2 (`docs/reference/releases.md`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{BOM, Binding, LineEnds, Parsed, Positions};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::python;
use crate::redact::is_secret;
use crate::release::TargetVersion;

/// Reads the bindings of `text`; `source` is the name that their origins carry.
///
/// Values keep their `${NAME}`; see [`interpolate`]. A line that cannot be read is skipped with a
/// diagnostic. CR and CRLF inside quotes become LF, as when Python opens a text file.
#[must_use]
pub fn parse(text: &str, source: &str) -> Parsed {
    let mut positions = Positions::new(text, source, LineEnds::All);
    let mut parsed = Parsed::default();
    let mut scanner = Scanner {
        text,
        at: if text.starts_with(BOM) {
            BOM.len_utf8()
        } else {
            0
        },
    };
    loop {
        scanner.skip(python::is_space);
        let start = scanner.at;
        if start == text.len() {
            return parsed;
        }
        match scanner.binding() {
            Ok(Some((name, value))) => {
                let (value, span) = match value {
                    Some((value, span)) => (Some(value.into()), span),
                    None => (None, name.clone()),
                };
                parsed.bindings.push(Binding {
                    name: unescape(&text[name], None).into(),
                    value,
                    origin: positions.origin(span),
                });
            }
            Ok(None) => {}
            Err(reason) => {
                let length = text[start..].find(is_line_end);
                let end = length.map_or(text.len(), |length| start + length);
                parsed.bad_line(positions.origin(start..end), reason);
                scanner.skip(|c| !is_line_end(c));
            }
        }
    }
}

type Found<'a> = (Range<usize>, Option<(Cow<'a, str>, Range<usize>)>);

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Skips the characters that `skipped` accepts and returns where they stand.
    fn skip(&mut self, skipped: impl Fn(char) -> bool) -> Range<usize> {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.find(|c| !skipped(c)).unwrap_or(rest.len());
        start..self.at
    }

    /// Reads one line, or more when a quoted value spans them. A comment gives `None`. After an
    /// error, the position is where reading failed.
    fn binding(&mut self) -> Result<Option<Found<'a>>, &'static str> {
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(is_blank)
        {
            self.at += "export".len();
            self.skip(is_blank);
        }
        let name = match self.peek() {
            Some('#') => None,
            Some('\'') => Some(self.quoted_name()?),
            _ => {
                let name = self.skip(|c| c != '=' && c != '#' && !python::is_space(c));
                if name.is_empty() {
                    return Err("expected a name");
                }
                Some(name)
            }
        };
        self.skip(is_blank);
        let value = if name.is_some() && self.peek() == Some('=') {
            self.at += 1;
            self.skip(is_blank);
            Some(self.value()?)
        } else {
            None
        };
        self.skip(is_blank);
        if self.peek() == Some('#') {
            self.skip(|c| !is_line_end(c));
        }
        match self.peek() {
            None => {}
            Some(c) if is_line_end(c) => {}
            Some(_) if value.is_some() => return Err("text after the closing quote"),
            Some(_) => return Err("expected `=` after the name"),
        }
        Ok(name.map(|name| (name, value)))
    }

    fn quoted_name(&mut self) -> Result<Range<usize>, &'static str> {
        let start = self.at + 1;
        let length = self.text[start..].find('\'');
        match length {
            None => Err("quote is not closed"),
            Some(0) => Err("expected a name"),
            Some(length) => {
                self.at = start + length + 1;
                Ok(start..start + length)
            }
        }
    }

    fn value(&mut self) -> Result<(Cow<'a, str>, Range<usize>), &'static str> {
        if let Some(quote @ ('\'' | '"')) = self.peek() {
            let start = self.at + 1;
            let length = closing_quote(&self.text[start..], quote).ok_or("quote is not closed")?;
            let span = start..start + length;
            self.at = span.end + 1;
            let value = unescape(&self.text[span.clone()], Some(quote));
            return Ok((value, span));
        }
        let line = self.skip(|c| !is_line_end(c));
        let raw = &self.text[line.clone()];
        let mut after_space = false;
        let comment = raw.find(|c| {
            let found = c == '#' && after_space;
            after_space = python::is_space(c);
            found
        });
        let value = raw[..comment.unwrap_or(raw.len())].trim_end_matches(python::is_space);
        Ok((Cow::Borrowed(value), line.start..line.start + value.len()))
    }
}

fn is_line_end(c: char) -> bool {
    c == '\n' || c == '\r'
}

/// White space inside a line.
fn is_blank(c: char) -> bool {
    python::is_space(c) && !is_line_end(c)
}

/// Returns the offset of the quote that closes `text`.
///
/// A quote after a backslash does not close, unless no other one does: the expression of
/// python-dotenv then goes back to the last such quote. A backslash before the backslash does not
/// help, so `'x\\'` is open.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut fallback = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote {
            if !escaped {
                return Some(at);
            }
            fallback = Some(at);
        }
        escaped = c == '\\';
    }
    fallback
}

/// Decodes the escapes of a quoted value; unknown ones stay. Names have none. Line ends become LF.
fn unescape(raw: &str, quote: Option<char>) -> Cow<'_, str> {
    if !raw.contains(['\\', '\r']) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' {
            out.push('\n');
            chars.next_if_eq(&'\n');
            continue;
        }
        let decoded = match (c, chars.peek(), quote) {
            ('\\', Some(&c @ ('\\' | '\'')), Some(_)) | ('\\', Some(&c @ '"'), Some('"')) => {
                Some(c)
            }
            ('\\', Some(c), Some('"')) => control(*c),
            _ => None,
        };
        match decoded {
            Some(decoded) => {
                out.push(decoded);
                chars.next();
            }
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The control character that a letter after a backslash stands for.
fn control(letter: char) -> Option<char> {
    Some(match letter {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        _ => return None,
    })
}

/// Which of two sources an interpolated name is looked up in first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The environment, then earlier lines of the file: releases before 3.1.0.
    EnvironmentFirst,
    /// Earlier lines of the same file, then the environment: 3.1.0 and later.
    FileFirst,
}

impl Order {
    /// Returns the order of a release.
    #[must_use]
    pub fn of(version: TargetVersion) -> Self {
        if version < TargetVersion::exact(3, 1, 0) {
            Self::EnvironmentFirst
        } else {
            Self::FileFirst
        }
    }
}

/// The bytes that all interpolations of one file may insert together, 16 MiB. Without a limit, a
/// few lines such as `B=${A}${A}` double each other to any size.
pub const MAX_INSERTED: usize = 16 << 20;

/// Expands `${NAME}` and `${NAME:-default}` in every value, in quoted ones too.
///
/// A default is used when the name is not set; a name that is set and empty gives an empty text. A
/// name that is set nowhere, or stands alone on an earlier line, gives an empty text as well. From
/// the value on that would exceed [`MAX_INSERTED`], bindings are dropped with a diagnostic.
pub fn interpolate<'e>(
    parsed: &mut Parsed,
    order: Order,
    environment: impl Fn(&str) -> Option<&'e str>,
) {
    let mut earlier: BTreeMap<Arc<str>, Option<Arc<str>>> = BTreeMap::new();
    let mut budget = MAX_INSERTED;
    for at in 0..parsed.bindings.len() {
        let binding = &mut parsed.bindings[at];
        if let Some(value) = &binding.value {
            let look_up = |name: &str| {
                let from_file = || {
                    earlier
                        .get(name)
                        .map(|value| value.as_deref().unwrap_or(""))
                };
                match order {
                    Order::EnvironmentFirst => environment(name).or_else(from_file),
                    Order::FileFirst => from_file().or_else(|| environment(name)),
                }
            };
            match expand(value, look_up, &mut budget, &mut parsed.secrets) {
                Ok(Cow::Borrowed(_)) => {}
                Ok(Cow::Owned(expanded)) => binding.value = Some(expanded.into()),
                Err(TooLarge) => {
                    let origin = binding.origin.clone();
                    let message = "interpolation makes more than 16 MiB of text";
                    parsed.bindings.truncate(at);
                    parsed.diagnostics.push(
                        Diagnostic::new(&codes::BAD_FILE, message)
                            .label(Label::at(origin, "the rest of the file is skipped")),
                    );
                    return;
                }
            }
        }
        earlier.insert(Arc::clone(&binding.name), binding.value.clone());
    }
}

/// An expansion exceeds its budget.
struct TooLarge;

fn expand<'v>(
    value: &'v str,
    look_up: impl Fn(&str) -> Option<&'v str>,
    budget: &mut usize,
    secrets: &mut Vec<Arc<str>>,
) -> Result<Cow<'v, str>, TooLarge> {
    let mut out: Option<String> = None;
    let mut copied = 0;
    while let Some(Reference {
        name,
        default,
        span,
    }) = next_reference(value, copied)
    {
        let found = look_up(name);
        secrets.extend(
            found
                .filter(|value| !value.is_empty() && is_secret(name))
                .map(Arc::from),
        );
        let inserted = found.or(default).unwrap_or("");
        *budget = budget.checked_sub(inserted.len()).ok_or(TooLarge)?;
        let out = out.get_or_insert_default();
        out.push_str(&value[copied..span.start]);
        out.push_str(inserted);
        copied = span.end;
    }
    Ok(match out {
        None => Cow::Borrowed(value),
        Some(mut out) => {
            out.push_str(&value[copied..]);
            Cow::Owned(out)
        }
    })
}

struct Reference<'a> {
    name: &'a str,
    default: Option<&'a str>,
    span: Range<usize>,
}

/// Finds the next `${NAME}` or `${NAME:-default}` from an offset on. A name is anything without `}`
/// and `:`, a default anything without `}`.
///
/// Every byte is looked at a bounded number of times: what ended one attempt ends all attempts that
/// start before it.
fn next_reference(value: &str, mut from: usize) -> Option<Reference<'_>> {
    loop {
        let start = from + value[from..].find("${")?;
        let name = start + 2;
        let end = name + value[name..].find(['}', ':'])?;
        let (default, close) = match value[end..].strip_prefix(":-") {
            Some(rest) => {
                let default = &rest[..rest.find('}')?];
                (Some(default), end + 2 + default.len())
            }
            None if value[end..].starts_with('}') => (None, end),
            None => {
                from = end + 1;
                continue;
            }
        };
        return Some(Reference {
            name: &value[name..end],
            default,
            span: start..close + 1,
        });
    }
}

/// Returns `value` as it is written after `NAME=` so that a POSIX shell and this dialect read it
/// back.
///
/// No spelling serves both for some values; they are written for the shell. [`is_portable`] tells
/// them apart.
#[must_use]
pub fn quote(value: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return Cow::Borrowed(value);
    }
    if fits_double_quotes(value) && !fits_single_quotes(value) {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        return Cow::Owned(format!("\"{escaped}\""));
    }
    Cow::Owned(format!("'{}'", value.replace('\'', "'\\''")))
}

/// Returns whether what [`quote`] gives means the same to a shell and to this dialect.
///
/// It does not for a value with `${NAME}`, which is expanded inside any quotes; with a carriage
/// return, a NUL, or a backslash at the end; or with `$` or a back-quote next to something that
/// single quotes cannot hold here: a single quote, or two backslashes in a row.
#[must_use]
pub fn is_portable(value: &str) -> bool {
    fits_single_quotes(value) || fits_double_quotes(value)
}

fn fits_single_quotes(value: &str) -> bool {
    !value.contains(['\'', '\r', '\0'])
        && !value.contains("\\\\")
        && !value.ends_with('\\')
        && next_reference(value, 0).is_none()
}

fn fits_double_quotes(value: &str) -> bool {
    !value.contains(['$', '`', '\r', '\0']) && !value.ends_with('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows every binding with its position and every skipped line.
    fn show(parsed: &Parsed) -> String {
        let bindings = parsed.bindings.iter().map(|b| {
            let value = b
                .value
                .as_deref()
                .map_or("-".to_owned(), |v| format!("{v:?}"));
            format!("{} {}={value}", b.origin, b.name)
        });
        let bad = parsed.diagnostics.iter().flat_map(|d| &d.labels);
        let bad = bad.map(|label| format!("{} {}", label.origin(), label.message));
        bindings.chain(bad).collect::<Vec<_>>().join("|")
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(show(&parse(text, "f")), expected, "{text:?}");
    }

    #[test]
    fn values_end_at_comments_and_space() {
        check("A=1 # c", r#"f:1:3 A="1""#);
        check("A=1#c", r##"f:1:3 A="1#c""##);
        check("A= # c", r##"f:1:4 A="# c""##);
        check("A='x # y' # z\nB=", r#"f:1:4 A="x # y"|f:2:3 B="""#);
        check(" \u{a0}Ü\t=\u{2003}ü\u{a0}", r#"f:1:7 Ü="ü""#);
    }

    #[test]
    fn names_may_be_exported_quoted_or_alone() {
        check("export A=1\nexportB=2", r#"f:1:10 A="1"|f:2:9 exportB="2""#);
        check("export=1\n'A B'=2", r#"f:1:8 export="1"|f:2:7 A B="2""#);
        check("'A\r\nB'=1", "f:2:4 A\nB=\"1\"");
        check("A\nexport B # c\nC#=", "f:1:1 A=-|f:2:8 B=-|f:3:1 C=-");
    }

    #[test]
    fn quotes_decode_their_own_escapes() {
        check(r#"A='a\nb\'c\\d\"e'"#, r#"f:1:4 A="a\\nb'c\\d\\\"e""#);
        check(
            r#"A="\a\b\f\n\r\t\v\'\"\\\x""#,
            r#"f:1:4 A="\u{7}\u{8}\u{c}\n\r\t\u{b}'\"\\\\x""#,
        );
        check("A='1\r\n2\r3'\nB=4", r#"f:1:4 A="1\n2\n3"|f:4:3 B="4""#);
    }

    #[test]
    fn a_quote_after_a_backslash_closes_only_as_a_last_resort() {
        check(r"A='x\'", r#"f:1:4 A="x\\""#);
        check(r"A='x\' y'", r#"f:1:4 A="x' y""#);
        check("A='x\\\\'\nB='y'", "f:1:1 text after the closing quote");
    }

    #[test]
    fn bad_lines_are_skipped_alone() {
        check(
            "= x\nA B=1\nA: 1\nC='x' y\nD='open\nE=1",
            "f:6:3 E=\"1\"|f:1:1 expected a name|f:2:1 expected `=` after the name|\
             f:3:1 expected `=` after the name|f:4:1 text after the closing quote|\
             f:5:1 quote is not closed",
        );
    }

    #[track_caller]
    fn check_interpolated(text: &str, order: Order, expected: &str) {
        let mut parsed = parse(text, "f");
        interpolate(&mut parsed, order, |name| (name == "E").then_some("env"));
        let last = parsed.bindings.last().unwrap();
        assert_eq!(last.value.as_deref(), Some(expected), "{text:?}");
    }

    #[test]
    fn references_need_braces_and_look_back() {
        check_interpolated("A=1\nB='${A}$A'", Order::FileFirst, "1$A");
        check_interpolated("B=${A}x", Order::FileFirst, "x");
        check_interpolated("B=${A:-d}${E:-d}${A-d}", Order::FileFirst, "denv");
        check_interpolated("A=\nB=${A:-d}", Order::FileFirst, "");
        check_interpolated("A\nB=${A:-d}", Order::FileFirst, "");
        check_interpolated("A=1\nB=${X:-${A}}", Order::FileFirst, "${A}");
        check_interpolated("A=1\nB=\\${A}${A:x}${A", Order::FileFirst, "\\1${A:x}${A");
    }

    #[test]
    fn the_order_of_sources_changed_in_3_1() {
        check_interpolated(
            "E=file\nB=${E}",
            Order::of(TargetVersion::exact(3, 0, 2)),
            "env",
        );
        check_interpolated(
            "E=file\nB=${E}",
            Order::of(TargetVersion::exact(3, 1, 0)),
            "file",
        );
    }

    #[test]
    fn doubling_lines_run_into_the_limit() {
        let mut text = "A0=0123456789\n".to_owned();
        for n in 1..40 {
            text += &format!("A{n}=${{A{0}}}${{A{0}}}\n", n - 1);
        }
        let mut parsed = parse(&text, "f");
        interpolate(&mut parsed, Order::FileFirst, |_| None);
        assert!(parsed.bindings.len() < 25);
        assert_eq!(parsed.diagnostics[0].code, "bad-file");
    }

    #[test]
    fn values_are_quoted_as_little_as_possible() {
        for (value, quoted, portable) in [
            ("0.0.0.0:4566,[::]:443", "'0.0.0.0:4566,[::]:443'", true),
            (":4566", ":4566", true),
            ("", "''", true),
            ("a b # c", "'a b # c'", true),
            ("$A `x` \\n", "'$A `x` \\n'", true),
            ("it's", "\"it's\"", true),
            ("C:\\\\x \"", r#""C:\\\\x \"""#, true),
            ("it's $5", r"'it'\''s $5'", false),
            ("${A}", "'${A}'", false),
            ("x\\", "'x\\'", false),
        ] {
            assert_eq!(
                (&*quote(value), is_portable(value)),
                (quoted, portable),
                "{value:?}"
            );
        }
    }
}
