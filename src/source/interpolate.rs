//! Interpolation as Docker Compose does it: `$NAME`, `${NAME:-default}` and their kin.
//!
//! The rules are those of compose-go, package `template`, which Compose applies to its files and
//! its dotenv files alike. A `$` before anything else than `$`, a name or `{` is kept. Values are
//! put in as they are and never read again, so references cannot form a cycle.

use std::ops::Range;
use std::sync::Arc;

use crate::redact::is_secret;

/// How deep defaults may nest. Nobody writes more than three levels; the limit bounds the stack.
pub const MAX_NESTING: usize = 32;
/// The longest result, in bytes. Linux refuses an environment string of more than 128 KiB.
pub const MAX_LENGTH: usize = 1 << 20;

/// Gives the value of a name, or nothing when it is unset.
pub type LookUp<'a> = &'a dyn Fn(&str) -> Option<Arc<str>>;

/// A text with its references replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interpolated {
    /// The result.
    pub text: String,
    /// The references that were evaluated, in order. A default that was not needed has none.
    pub references: Vec<Reference>,
}

impl Interpolated {
    /// Iterates over the references that Compose warns about: unset, and without a default.
    pub fn unset(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(|reference| reference.unset)
    }
}

/// A name that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name.
    pub name: Box<str>,
    /// The bytes of the template from `$` to the end of the reference.
    pub span: Range<usize>,
    /// Whether the name is unset and nothing stands in for it: an empty text is put in.
    pub unset: bool,
    /// The value that was put in, where the name is the one of a secret.
    pub secret: Option<Arc<str>>,
}

/// Returns a value when it must not be shown: its name is the one of a secret.
fn secret(name: &str, value: Option<&Arc<str>>) -> Option<Arc<str>> {
    value
        .filter(|value| !value.is_empty() && is_secret(name))
        .map(Arc::clone)
}

/// Why a text cannot be interpolated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct InterpolateError {
    /// What is wrong.
    pub kind: InterpolateErrorKind,
    /// The bytes of the template at fault.
    pub span: Range<usize>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InterpolateErrorKind {
    /// What follows `${` is no reference.
    #[error("invalid interpolation; write `$$` for a `$`")]
    Malformed,
    /// `${NAME:?message}` or `${NAME?message}` with a name that is unset (or empty).
    #[error("required variable `{name}` is missing a value{}{message}", colon(.message))]
    Required {
        /// The name.
        name: Box<str>,
        /// The message, interpolated; may be empty.
        message: Box<str>,
    },
    /// More than [`MAX_NESTING`] levels.
    #[error("defaults nest deeper than {MAX_NESTING} levels")]
    TooDeep,
    /// The result has more than [`MAX_LENGTH`] bytes.
    #[error("interpolation gives more than {MAX_LENGTH} bytes")]
    TooLong,
}

fn colon(message: &str) -> &'static str {
    if message.is_empty() { "" } else { ": " }
}

/// Replaces the references in `template`.
///
/// # Errors
///
/// [`InterpolateError`] for a malformed reference, a required name without value, or a limit.
/// Compose refuses the whole file in the first two cases.
pub fn interpolate(template: &str, look_up: LookUp<'_>) -> Result<Interpolated, InterpolateError> {
    let mut expander = Expander {
        look_up,
        out: Interpolated::default(),
    };
    expander.expand(template, 0, 0)?;
    Ok(expander.out)
}

struct Expander<'a> {
    look_up: LookUp<'a>,
    out: Interpolated,
}

/// What to do when a name is unset, and the text for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Default,
    Replacement,
    Required,
}

impl Expander<'_> {
    /// Appends `template`, which begins at byte `base` of the whole.
    fn expand(
        &mut self,
        template: &str,
        base: usize,
        depth: usize,
    ) -> Result<(), InterpolateError> {
        let mut rest = template;
        while let Some(dollar) = rest.find('$') {
            self.push(&rest[..dollar], base)?;
            let start = base + (template.len() - rest.len()) + dollar;
            let after = &rest[dollar + 1..];
            let taken = if after.starts_with('$') {
                self.push("$", start)?;
                1
            } else if let Some(inner) = after.strip_prefix('{') {
                self.braced(inner, start, depth)? + 1
            } else {
                let name = leading_name(after);
                if name.is_empty() {
                    self.push("$", start)?;
                } else {
                    self.plain(name, start..start + 1 + name.len())?;
                }
                name.len()
            };
            rest = &after[taken..];
        }
        self.push(rest, base)
    }

    /// Takes what follows `${`, and returns how many bytes that was.
    fn braced(
        &mut self,
        inner: &str,
        start: usize,
        depth: usize,
    ) -> Result<usize, InterpolateError> {
        let malformed = || {
            let end = inner.find('}').map_or(inner.len(), |at| at + 1);
            error(InterpolateErrorKind::Malformed, start..start + 2 + end)
        };
        let name = leading_name(inner);
        let after = &inner[name.len()..];
        if name.is_empty() {
            return Err(malformed());
        }
        if after.starts_with('}') {
            let length = name.len() + 1;
            self.plain(name, start..start + 2 + length)?;
            return Ok(length);
        }
        let (when_empty, sign) = match after.strip_prefix(':') {
            Some(sign) => (true, sign),
            None => (false, after),
        };
        let operator = match sign.as_bytes().first() {
            Some(b'-') => Operator::Default,
            Some(b'+') => Operator::Replacement,
            Some(b'?') => Operator::Required,
            _ => return Err(malformed()),
        };
        let word = &sign[1..];
        let Some(length) = closing_brace(word) else {
            return Err(malformed());
        };
        let word_at = inner.len() - word.len();
        let word = &word[..length];
        let taken = word_at + length + 1;
        let span = start..start + 2 + taken;
        if depth >= MAX_NESTING {
            return Err(error(InterpolateErrorKind::TooDeep, span));
        }

        let value = (self.look_up)(name);
        let present = value
            .as_ref()
            .is_some_and(|value| !(when_empty && value.is_empty()));
        self.out.references.push(Reference {
            name: name.into(),
            span: span.clone(),
            unset: false,
            secret: secret(name, value.as_ref()),
        });
        let word_base = start + 2 + word_at;
        match operator {
            Operator::Default if !present => self.expand(word, word_base, depth + 1)?,
            Operator::Replacement if present => self.expand(word, word_base, depth + 1)?,
            Operator::Required if !present => {
                let so_far = self.out.text.len();
                self.expand(word, word_base, depth + 1)?;
                let kind = InterpolateErrorKind::Required {
                    name: name.into(),
                    message: self.out.text.split_off(so_far).into(),
                };
                return Err(error(kind, span));
            }
            _ => self.push(&value.unwrap_or_default(), start)?,
        }
        Ok(taken)
    }

    /// Puts in the value of a name without operator.
    fn plain(&mut self, name: &str, span: Range<usize>) -> Result<(), InterpolateError> {
        let value = (self.look_up)(name);
        self.push(value.as_deref().unwrap_or_default(), span.start)?;
        self.out.references.push(Reference {
            name: name.into(),
            span,
            unset: value.is_none(),
            secret: secret(name, value.as_ref()),
        });
        Ok(())
    }

    fn push(&mut self, text: &str, at: usize) -> Result<(), InterpolateError> {
        if self.out.text.len() + text.len() > MAX_LENGTH {
            return Err(error(InterpolateErrorKind::TooLong, at..at));
        }
        self.out.text.push_str(text);
        Ok(())
    }
}

fn error(kind: InterpolateErrorKind, span: Range<usize>) -> InterpolateError {
    InterpolateError { kind, span }
}

/// Returns the name at the start of `text`: ASCII letters, `_`, and digits after the first.
fn leading_name(text: &str) -> &str {
    let part = |(at, byte): (usize, u8)| {
        byte == b'_' || byte.is_ascii_alphabetic() || at > 0 && byte.is_ascii_digit()
    };
    let length = text
        .bytes()
        .enumerate()
        .take_while(|&pair| part(pair))
        .count();
    &text[..length]
}

/// Returns where the `}` of a reference stands whose operator ends before `word`.
///
/// compose-go counts all braces of the line, also those of JSON, and takes the character after an
/// opening one unseen; when they do not balance it takes the last `}` of the line.
fn closing_brace(word: &str) -> Option<usize> {
    let line = word.split('\n').next().unwrap_or_default();
    let mut open = 1usize;
    let mut bytes = line.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' => {
                open += 1;
                bytes.next();
            }
            _ => {}
        }
    }
    line.rfind('}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(name: &str) -> Option<Arc<str>> {
        let value = match name {
            "A" => "1",
            "B" => "two",
            "E" => "",
            "a_1" => "low",
            _ => return None,
        };
        Some(value.into())
    }

    /// Expected values were recorded from compose-go 2.
    #[track_caller]
    fn check(template: &str, expected: &str) {
        let shown = match interpolate(template, &environment) {
            Ok(result) => result.text,
            Err(error) => format!("error: {}", error.kind),
        };
        assert_eq!(shown, expected, "{template:?}");
    }

    const MALFORMED: &str = "error: invalid interpolation; write `$$` for a `$`";

    #[test]
    fn names_are_replaced() {
        check("$A$B", "1two");
        check("${A}${B}", "1two");
        check("${a_1}", "low");
        check("$A.x$A-x$A_x", "1.x1-x");
        check("é${A}é", "é1é");
        check("{}${A}", "{}1");
        check("x$Ny${N}z", "xz");
        check("x${N}y", "xy");
    }

    #[test]
    fn other_dollars_stay() {
        check("$$", "$");
        check("$$$A", "$1");
        check("$${A}", "${A}");
        check("a$", "a$");
        check("$1 $é $-", "$1 $é $-");
        check("${N:-$1}", "$1");
    }

    #[test]
    fn operators_decide_on_unset_and_empty() {
        check("${N:-d}${E:-d}${A:-d}", "dd1");
        check("${N-d}${E-d}${A-d}", "d1");
        check("${N:+r}${E:+r}${A:+r}", "r");
        check("${N+r}${E+r}${A+r}", "rr");
        check("${A?no}${E?no}${A:?no}", "11");
        check("${A-}${N:-}", "1");
        check("${N--}${N:--}${N:-:-}", "--:-");
        check("${N-a:-b}${N:-a?b}${N:-a+b}", "a:-ba?ba+b");
    }

    #[test]
    fn required_names_fail_with_their_message() {
        check("${N:?}", "error: required variable `N` is missing a value");
        check(
            "${E:?no}",
            "error: required variable `E` is missing a value: no",
        );
        check(
            "${N?a:-b}",
            "error: required variable `N` is missing a value: a:-b",
        );
        check(
            "${N:?${A} $B}",
            "error: required variable `N` is missing a value: 1 two",
        );
        check("${A:-${N:?e}}", "1");
        check(
            "${N:-${M:?e}}",
            "error: required variable `M` is missing a value: e",
        );
    }

    #[test]
    fn defaults_nest_and_braces_count() {
        check("${N-${M-${L-deep}}}", "deep");
        check("${N:-a${A}b${N:-c}}", "a1bc");
        check("x${N:-a}y${A:-b}z", "xay1z");
        check("${A:-b} ${N:-c} } $A", "1 c } 1");
        check("${N:-{\"a\":\"${A}\"}}", "{\"a\":\"1\"}");
        check("${A:-{b}}", "1");
        check("${N:-a}}b", "a}b");
        check("${N:-}}", "}");
        check("${N:-{}}", "{}");
        check("${N:-{ }} ${A}", "{ } 1");
        check("${A:-{} ${N:-x}}y", "1y");
        check("${A}\n${N:-{}}\n${A}", "1\n{}\n1");
        check("${N:-{}} ${N:-x}", MALFORMED);
    }

    #[test]
    fn malformed_references_are_refused() {
        for template in [
            "${",
            "${A",
            "${}",
            "${1}",
            "${A b}",
            "${A!b}",
            "${A:b}",
            "${A:}",
            "${ A}",
            "${A }",
            "${É}",
            "${N:-a\nb}",
            "${N:-a}${",
        ] {
            check(template, MALFORMED);
        }
        check("${A:-${}}", "1");
    }

    #[test]
    fn spans_point_into_the_template() {
        let result = interpolate("é$A ${N} ${M:-${N}} ${A:-$N}", &environment).unwrap();
        let seen: Vec<_> = result
            .references
            .iter()
            .map(|r| (r.span.clone(), r.unset))
            .collect();
        assert_eq!(
            seen,
            [
                (2..4, false),
                (5..9, true),
                (10..20, false),
                (15..19, true),
                (21..29, false)
            ]
        );
        assert_eq!(result.unset().count(), 2);
        let error = interpolate("é ${N:-${M?x}}", &environment).unwrap_err();
        assert_eq!(error.span, 8..14);
        assert_eq!(
            interpolate("a ${!} b", &environment).unwrap_err().span,
            2..6
        );
    }

    #[test]
    fn bombs_fail_fast() {
        let kind = |text: &str, look_up: LookUp<'_>| interpolate(text, look_up).unwrap_err().kind;
        let deep = format!("{}x{}", "${N:-".repeat(100_000), "}".repeat(100_000));
        assert_eq!(kind(&deep, &environment), InterpolateErrorKind::TooDeep);
        let long: Arc<str> = "x".repeat(1000).into();
        let many = "${A}".repeat(250_000);
        assert_eq!(
            kind(&many, &|_| Some(Arc::clone(&long))),
            InterpolateErrorKind::TooLong
        );
        let open = "${A:-{".repeat(100_000);
        assert_eq!(kind(&open, &environment), InterpolateErrorKind::Malformed);
    }

    proptest! {
        #[test]
        fn any_text_is_safe(template in "[$${}A-C:?+a\n é-]{0,40}") {
            match interpolate(&template, &environment) {
                Ok(result) => for reference in result.references {
                    prop_assert!(template[reference.span].contains(&*reference.name));
                },
                Err(error) => prop_assert!(template[error.span].starts_with('$')),
            }
        }

        #[test]
        fn a_text_without_dollars_is_itself(template in "[^$]{0,40}") {
            prop_assert_eq!(interpolate(&template, &environment).unwrap().text, template);
        }
    }
}
