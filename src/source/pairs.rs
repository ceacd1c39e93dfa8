//! `KEY=VALUE` lists as `env` and `env -0` print them: values verbatim, no quotes, no comments.

use std::ops::Range;

use super::{BOM, Binding, LineEnds, Parsed, Positions};
use crate::layer::Origin;

/// Reads lines of `KEY=VALUE`, as `env` prints them.
///
/// A line without `=`, or with nothing before it, is reported and skipped. That happens to the
/// later lines of a value that holds line ends; [`parse_nul`] has no such ambiguity. Only LF ends a
/// line, since a value may hold CR.
#[must_use]
pub fn parse_lines(text: &str, source: &str) -> Parsed {
    let mut positions = Positions::new(text, source, LineEnds::Lf);
    split(text, '\n', |span| positions.origin(span))
}

/// Reads entries of `KEY=VALUE` that NUL characters end, as `env -0` and `/proc/PID/environ` give
/// them. Origins have no line, since a value may hold line ends.
#[must_use]
pub fn parse_nul(text: &str, source: &str) -> Parsed {
    let whole = Origin::of_source(source);
    split(text, '\0', |span| Origin {
        span: Some(span),
        ..whole.clone()
    })
}

fn split(text: &str, end: char, mut origin: impl FnMut(Range<usize>) -> Origin) -> Parsed {
    let mut parsed = Parsed::default();
    let mut at = if text.starts_with(BOM) {
        BOM.len_utf8()
    } else {
        0
    };
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let entry = rest.split(end).next().unwrap_or_default();
        let span = at..at + entry.len();
        at = span.end + 1;
        match entry.split_once('=') {
            Some((name, value)) if !name.is_empty() => parsed.bindings.push(Binding {
                name: name.into(),
                value: Some(value.into()),
                origin: origin(span.end - value.len()..span.end),
            }),
            _ if entry.is_empty() => {}
            Some(_) => parsed.bad_line(origin(span), "expected a name before `=`"),
            None => parsed.bad_line(origin(span), "expected `NAME=VALUE`"),
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parsed: &Parsed, bindings: &str, bad_lines: &str) {
        let shown: Vec<String> = parsed
            .bindings
            .iter()
            .map(|b| {
                format!(
                    "{} {}={}",
                    b.origin,
                    b.name,
                    b.value.as_deref().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(shown.join("|"), bindings);
        let bad: Vec<String> = parsed
            .diagnostics
            .iter()
            .flat_map(|d| &d.labels)
            .map(|label| format!("{} {}", label.origin(), label.message))
            .collect();
        assert_eq!(bad.join("|"), bad_lines);
    }

    #[test]
    fn lines_are_verbatim() {
        check(
            &parse_lines("A=1\nB= 'x' # y \\n$A \r\n\nÜ==\nC=", "environment"),
            "environment:1:3 A=1|environment:2:3 B= 'x' # y \\n$A \r|environment:4:3 Ü==|environment:5:3 C=",
            "",
        );
    }

    #[test]
    fn lines_without_a_name_are_reported() {
        check(
            &parse_lines("A=x\ny\n=z\nB=1", "e"),
            "e:1:3 A=x|e:4:3 B=1",
            "e:2:1 expected `NAME=VALUE`|e:3:1 expected a name before `=`",
        );
    }

    #[test]
    fn entries_that_nul_ends_may_hold_line_ends() {
        let parsed = parse_nul("A=x\ny\0B=1\0bad\0", "e");
        check(&parsed, "e A=x\ny|e B=1", "e expected `NAME=VALUE`");
        assert_eq!(parsed.bindings[1].origin.span, Some(8..9));
    }
}
