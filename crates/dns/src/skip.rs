//! The patterns of `DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM`: Python's `re.match` without its
//! backtracking.
//!
//! A pattern is translated to the syntax of the `regex` crate, which runs in linear time. What
//! needs backtracking (look-around, back-references, conditions, possessive and atomic groups) is
//! refused with a reason. Names are matched as LocalStack does, from the start of the name with its
//! final dot, but without regard to case, since DNS names have none.

use regex::bytes::{Regex, RegexBuilder};

use crate::wire::Name;

/// The largest compiled pattern, in bytes. A pattern such as `(a{99}){99}` would exceed it.
const COMPILED_LIMIT: usize = 256 * 1024;

/// How many patterns are used; more are refused, since each costs time per query.
pub const MAX_PATTERNS: usize = 64;

/// Why a pattern is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It needs a regular-expression engine that backtracks.
    #[error("{0} is not supported, because it can take exponential time")]
    Backtracking(&'static str),
    /// It is no regular expression, or too large when compiled.
    #[error("{0}")]
    Invalid(String),
    /// There are too many.
    #[error("more than {MAX_PATTERNS} patterns")]
    TooMany,
}

/// Patterns of names that always go upstream.
#[derive(Debug, Clone, Default)]
pub struct SkipPatterns {
    patterns: Vec<Regex>,
}

impl SkipPatterns {
    /// Compiles the texts of both variables. What cannot be used is returned beside, with its text;
    /// the rest works, while LocalStack answers nothing any more.
    ///
    /// The texts are split at `,`, `;` and white space, and items lose surrounding quotes
    /// (`localstack/dns/server.py`, 3.8.0).
    #[must_use]
    pub fn compile<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> (Self, Vec<(String, PatternError)>) {
        let mut this = Self::default();
        let mut refused = Vec::new();
        let items = texts
            .into_iter()
            .flat_map(|text| text.split(|c: char| matches!(c, ',' | ';') || c.is_whitespace()));
        for item in items {
            let item =
                item.trim_matches(|c| matches!(c, '"' | '\'') || lsconfig::python::is_space(c));
            if item.is_empty() {
                continue;
            }
            let compiled = if this.patterns.len() < MAX_PATTERNS {
                compile(item)
            } else {
                Err(PatternError::TooMany)
            };
            match compiled {
                Ok(regex) => this.patterns.push(regex),
                Err(error) => refused.push((item.to_owned(), error)),
            }
        }
        (this, refused)
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns whether `name` goes upstream.
    #[must_use]
    pub fn matches(&self, name: &Name) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let text = name.to_string();
        self.patterns.iter().any(|p| p.is_match(text.as_bytes()))
    }
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let translated = translate(pattern)?;
    RegexBuilder::new(&format!("\\A(?:{translated})"))
        .unicode(false)
        .case_insensitive(true)
        .size_limit(COMPILED_LIMIT)
        .dfa_size_limit(COMPILED_LIMIT)
        .nest_limit(50)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            PatternError::Invalid(last.trim_start_matches("error: ").to_owned())
        })
}

/// Rewrites what Python spells differently.
fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    // Whether what stands before can be repeated, and was repeated already: `a++` is possessive in
    // Python (3.11) and a nested repetition in `regex`.
    let mut repeated = false;
    while let Some(c) = chars.next() {
        let was_repeated = std::mem::take(&mut repeated);
        match c {
            '\\' => escape(&mut chars, &mut out, false)?,
            '[' => class(&mut chars, &mut out)?,
            '(' if chars.peek() == Some(&'?') => {
                chars.next();
                group(&mut chars, &mut out)?;
            }
            '{' => {
                let rest: String = chars.clone().take_while(|&c| c != '}').collect();
                let closed = chars.clone().nth(rest.chars().count()) == Some('}');
                let (low, high) = rest.split_once(',').unwrap_or((&rest, &rest));
                let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
                // Anything but a repetition is a literal brace in Python.
                if !closed || !number(low) || !number(high) || rest.is_empty() {
                    out.push_str("\\{");
                    continue;
                }
                for _ in 0..=rest.chars().count() {
                    chars.next();
                }
                let low = if low.is_empty() { "0" } else { low };
                match rest.contains(',') {
                    true => out.push_str(&format!("{{{low},{high}}}")),
                    false => out.push_str(&format!("{{{low}}}")),
                }
                repeated = true;
            }
            '+' if was_repeated => {
                return Err(PatternError::Backtracking("a possessive repetition"));
            }
            '*' | '+' | '?' => {
                out.push(c);
                // `a*?` is lazy; nothing may follow.
                repeated = !(was_repeated && c == '?');
            }
            '}' | ']' => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What follows `(?`.
fn group(chars: &mut Chars<'_>, out: &mut String) -> Result<(), PatternError> {
    match chars.next() {
        Some('=' | '!') => Err(PatternError::Backtracking("look-ahead")),
        Some('<') => Err(PatternError::Backtracking("look-behind")),
        Some('>') => Err(PatternError::Backtracking("an atomic group")),
        Some('(') => Err(PatternError::Backtracking("a conditional group")),
        Some('#') => {
            let closed = chars.any(|c| c == ')');
            if closed {
                Ok(())
            } else {
                Err(PatternError::Invalid("unclosed comment".into()))
            }
        }
        Some('P') => match chars.next() {
            Some('<') => {
                out.push_str("(?P<");
                Ok(())
            }
            Some('=') => Err(PatternError::Backtracking("a back-reference")),
            _ => Err(PatternError::Invalid("unknown extension `?P`".into())),
        },
        Some(flag) => {
            let mut flags = String::new();
            let mut next = Some(flag);
            while let Some(c) = next {
                match c {
                    // Bytes are matched as ASCII, so the flags for character sets say nothing.
                    'a' | 'u' | 'L' => {}
                    'i' | 'm' | 's' | 'x' | '-' => flags.push(c),
                    ':' | ')' => {
                        let flags = if flags == "-" { "" } else { &flags };
                        match (c, flags.is_empty()) {
                            (')', true) => out.push_str("(?:)"),
                            _ => out.push_str(&format!("(?{flags}{c}")),
                        }
                        return Ok(());
                    }
                    other => {
                        return Err(PatternError::Invalid(format!(
                            "unknown extension `?{other}`"
                        )));
                    }
                }
                next = chars.next();
            }
            Err(PatternError::Invalid("unclosed group".into()))
        }
        None => Err(PatternError::Invalid("unclosed group".into())),
    }
}

/// What follows a backslash.
fn escape(chars: &mut Chars<'_>, out: &mut String, in_class: bool) -> Result<(), PatternError> {
    let Some(c) = chars.next() else {
        return Err(PatternError::Invalid("backslash at the end".into()));
    };
    match c {
        'Z' if !in_class => out.push_str("\\z"),
        'b' if in_class => out.push_str("\\x08"),
        'A' | 'b' | 'B' if !in_class => {
            out.push('\\');
            out.push(c);
        }
        'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'u' | 'U' => {
            out.push('\\');
            out.push(c);
        }
        '0'..='7' if c == '0' || in_class || octal_follows(chars) => {
            let mut value = c.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some(digit) = chars.peek().and_then(|d| d.to_digit(8)) else {
                    break;
                };
                value = value * 8 + digit;
                chars.next();
            }
            out.push_str(&format!("\\x{:02x}", value & 0xff));
        }
        '1'..='9' => return Err(PatternError::Backtracking("a back-reference")),
        letter if letter.is_ascii_alphanumeric() => {
            return Err(PatternError::Invalid(format!("bad escape `\\{letter}`")));
        }
        other => push_literal(out, other),
    }
    Ok(())
}

/// Three octal digits are a character, fewer a back-reference (`re`, "special sequences").
fn octal_follows(chars: &Chars<'_>) -> bool {
    chars.clone().take(2).filter(|c| c.is_digit(8)).count() == 2
}

fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
        out.push('\\');
    }
    out.push(c);
}

/// A set after its `[`. Nested sets and set operations are literals in Python.
fn class(chars: &mut Chars<'_>, out: &mut String) -> Result<(), PatternError> {
    out.push('[');
    if chars.peek() == Some(&'^') {
        chars.next();
        out.push('^');
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => {
                out.push(']');
                return Ok(());
            }
            '\\' => escape(chars, out, true)?,
            '-' => match chars.peek() {
                // A hyphen at either end is a literal.
                Some(']') => out.push_str("\\-"),
                _ if first => out.push_str("\\-"),
                // `--` would be a set operation.
                Some('-') => {
                    chars.next();
                    out.push_str("-\\-");
                }
                _ => out.push('-'),
            },
            other => push_literal(out, other),
        }
        first = false;
    }
    Err(PatternError::Invalid("unclosed set".into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        let regex = compile(pattern).unwrap();
        let name = Name::parse(name).unwrap().to_string();
        assert_eq!(
            regex.is_match(name.as_bytes()),
            expected,
            "{pattern} on {name}"
        );
    }

    #[track_caller]
    fn refuses(pattern: &str, reason: &str) {
        let error = compile(pattern).unwrap_err().to_string();
        assert!(error.contains(reason), "{pattern}: {error}");
    }

    #[test]
    fn a_match_starts_at_the_start_and_may_end_early() {
        check(r"skip\.localhost", "skip.localhost.localstack.cloud", true);
        check(
            r"skip\.localhost",
            "noskip.localhost.localstack.cloud",
            false,
        );
        check(r".*\.cloud\.$", "a.localstack.cloud", true);
        check(r".*\.cloud$", "a.localstack.cloud", false);
        check(r".*\.cloud\.\Z", "a.localstack.cloud", true);
        check("a|b", "bc", true);
        check("^a", "ab", true);
        check("SKIP", "skip.test", true);
    }

    #[test]
    fn python_syntax_is_translated() {
        check("a{,2}b", "aab", true);
        check("a{b", "a{b", true);
        check("a{2}", "aa", true);
        check("a{2}", "a", false);
        check("a}", "a}", true);
        check("[]a]", "]", true);
        check("[[a]", "[", true);
        check("[a&&b]", "&", true);
        check("[a-c-]x", "-x", true);
        check("[-a]x", "-x", true);
        check(r"[\w-]+x", "a-bx", true);
        check("[+--]x", ",x", true);
        check(r"\x61\142", "ab", true);
        check(r"a\-b", "a-b", true);
        check(r"a\<b", "a<b", true);
        check("(?i)ABC", "abc", true);
        check("(?a)abc", "abc", true);
        check("(?:a|b)c", "bc", true);
        check("(?P<x>a)b", "ab", true);
        check("a(?#note)b", "ab", true);
        check("a*?b", "aab", true);
    }

    #[test]
    fn what_backtracks_is_refused_with_the_reason() {
        refuses("(?!a)b", "look-ahead");
        refuses("(?<=a)b", "look-behind");
        refuses(r"(a)\1", "back-reference");
        refuses("(?P<x>a)(?P=x)", "back-reference");
        refuses("a++", "possessive");
        refuses("(?>a)", "atomic");
        refuses("(?(1)a|b)", "conditional");
        refuses("(", "unclosed");
        refuses("[a", "unclosed");
        refuses(r"\q", "bad escape");
        refuses("((((a{99}){99}){99}){99})", "exceeds size");
    }

    #[test]
    fn texts_are_split_and_unquoted_and_bad_items_leave_the_others() {
        let (patterns, refused) = SkipPatterns::compile(["a\\.;\"b.*\", (", "'c'"]);
        assert_eq!(refused.len(), 1);
        for (name, expected) in [("a.test", true), ("bx", true), ("c", true), ("d", false)] {
            assert_eq!(
                patterns.matches(&Name::parse(name).unwrap()),
                expected,
                "{name}"
            );
        }
        let many = "a ".repeat(MAX_PATTERNS + 1);
        assert_eq!(SkipPatterns::compile([many.as_str()]).1.len(), 1);
    }

    proptest! {
        #[test]
        fn any_pattern_compiles_or_is_refused(pattern in ".{0,40}", name in "[a-z.-]{1,30}") {
            let (patterns, _) = SkipPatterns::compile([pattern.as_str()]);
            if let Some(name) = Name::parse(&name) {
                let _ = patterns.matches(&name);
            }
        }
    }
}
