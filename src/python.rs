//! The primitive value rules of Python that every LocalStack release inherits.
//!
//! LocalStack reads its configuration with `str.strip()`, `int()` and `ipaddress`. Each differs
//! from its Rust namesake in ways that users hit: `int` takes `８０` and `8_0`, `strip` removes a
//! no-break space. This module holds those rules and nothing else; it knows no variable.

use std::fmt;
use std::net::Ipv6Addr;

/// Code points of the digit zero in every run of Unicode decimal digits (category `Nd`, Unicode
/// 14.0, the table of Python 3.11). The nine digits that follow each zero complete the run.
const DECIMAL_ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The longest digit string that `int()` converts; a longer one is refused since Python 3.11.
pub const MAX_INT_DIGITS: usize = 4300;

/// Returns whether `c` is white space in the sense of `str.isspace`.
///
/// It is Unicode's `White_Space` plus the four information separators U+001C to U+001F.
#[must_use]
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Returns `text` without leading and trailing white space, as `str.strip()` does.
#[must_use]
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Returns how many bytes [`strip`] takes off the front; 0 where nothing is left.
pub(crate) fn leading_space(text: &str) -> usize {
    let rest = text.trim_start_matches(is_space);
    if rest.is_empty() {
        0
    } else {
        text.len() - rest.len()
    }
}

/// Returns the value of a Unicode decimal digit, 0 to 9.
#[must_use]
pub fn decimal_digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).map(|d| d as u8);
    }
    let code = c as u32;
    let run = DECIMAL_ZEROS
        .partition_point(|&zero| zero <= code)
        .checked_sub(1)?;
    u8::try_from(code - DECIMAL_ZEROS[run])
        .ok()
        .filter(|&d| d < 10)
}

/// Returns whether `text` is an on-switch: `1` or `true`, in any case, with any surrounding space.
#[must_use]
pub fn is_true(text: &str) -> bool {
    let text = strip(text);
    text == "1" || text.eq_ignore_ascii_case("true")
}

/// Returns whether `text` is an off-switch: `0` or `false`, in any case, with any surrounding space.
#[must_use]
pub fn is_false(text: &str) -> bool {
    let text = strip(text);
    text == "0" || text.eq_ignore_ascii_case("false")
}

/// A whole number as Python's `int()` gives it: of any size, without range.
///
/// Legacy releases take a port such as `-1` or `65536` without complaint, so a faithful reading
/// needs the number and not only a `u16`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Int(Repr);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    /// Normalised: no leading zero, `-` first when negative.
    Big(Box<str>),
}

impl Int {
    /// Makes a number at compile time.
    pub(crate) const fn small(value: i64) -> Self {
        Self(Repr::Small(value))
    }

    /// Parses `text` as `int(text)` does.
    ///
    /// # Errors
    ///
    /// [`ParseIntError`] when Python raises `ValueError`.
    pub fn parse(text: &str) -> Result<Self, ParseIntError> {
        if let Some(value) = plain_number(text) {
            return Ok(Self(Repr::Small(value)));
        }
        // Unlike `str.strip`, `int` keeps the information separators.
        let stripped = text.trim();
        let (negative, digits) = match stripped.as_bytes().first() {
            Some(b'-') => (true, &stripped[1..]),
            Some(b'+') => (false, &stripped[1..]),
            _ => (false, stripped),
        };
        let mut value: Option<i64> = Some(0);
        let mut count = 0usize;
        let mut after_digit = false;
        let mut rest = "";
        for (at, c) in digits.char_indices() {
            if c == '_' && after_digit {
                after_digit = false;
                continue;
            }
            let Some(digit) = decimal_digit(c) else {
                rest = &digits[at..];
                break;
            };
            value = value.and_then(|v| v.checked_mul(10)?.checked_add(i64::from(digit)));
            count += 1;
            after_digit = true;
        }
        if !after_digit {
            return Err(ParseIntError::Syntax(text.into()));
        }
        if count > MAX_INT_DIGITS {
            return Err(ParseIntError::TooLong(count));
        }
        // Only now does Python look at what follows the digits.
        if !rest.is_empty() {
            return Err(ParseIntError::Syntax(text.into()));
        }
        if let Some(value) = value {
            return Ok(Self(Repr::Small(if negative { -value } else { value })));
        }
        let mut big = String::with_capacity(count + 1);
        big.push_str(if negative { "-" } else { "" });
        let ascii = digits
            .chars()
            .filter_map(decimal_digit)
            .map(|d| char::from(b'0' + d));
        big.extend(ascii.skip_while(|&c| c == '0'));
        Ok(Self(Repr::Big(big.into())))
    }

    /// Returns the number when it is a valid port, 0 to 65535.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self.0 {
            Repr::Small(value) => u16::try_from(value).ok(),
            Repr::Big(_) => None,
        }
    }

    /// Returns the number when it fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small(value) => Some(value),
            Repr::Big(_) => None,
        }
    }

    /// Returns whether the number is zero, which several legacy variables treat as unset.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == Repr::Small(0)
    }

    /// Returns the number plus `n`.
    #[must_use]
    pub fn plus(&self, n: u16) -> Self {
        match &self.0 {
            Repr::Small(value) => match value.checked_add(n.into()) {
                Some(sum) => Self(Repr::Small(sum)),
                None => Self(Repr::Big(add(&value.to_string(), n))),
            },
            Repr::Big(text) if text.starts_with('-') => match text.parse::<i128>() {
                Ok(value) => Self(Repr::Big((value + i128::from(n)).to_string().into())),
                // So far below zero nothing that is done with a port tells the numbers apart.
                Err(_) => self.clone(),
            },
            Repr::Big(text) => Self(Repr::Big(add(text, n))),
        }
    }
}

/// Reads what nearly every number looks like: a few ASCII digits and nothing else.
fn plain_number(text: &str) -> Option<i64> {
    // So many nines fit.
    const MAX_DIGITS: usize = 18;
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    text.bytes().try_fold(0, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        Some(value * 10 + i64::from(digit))
    })
}

/// Adds to a non-negative decimal number of any length.
fn add(text: &str, n: u16) -> Box<str> {
    let mut carry = u32::from(n);
    let mut reversed: Vec<u8> = Vec::with_capacity(text.len() + 1);
    for digit in text.bytes().rev() {
        let sum = u32::from(digit - b'0') + carry;
        reversed.push(b'0' + (sum % 10) as u8);
        carry = sum / 10;
    }
    while carry > 0 {
        reversed.push(b'0' + (carry % 10) as u8);
        carry /= 10;
    }
    reversed
        .iter()
        .rev()
        .map(|&digit| char::from(digit))
        .collect::<String>()
        .into()
}

impl From<u16> for Int {
    fn from(value: u16) -> Self {
        Self(Repr::Small(value.into()))
    }
}

impl From<i64> for Int {
    fn from(value: i64) -> Self {
        Self(Repr::Small(value))
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(value) => value.fmt(f),
            Repr::Big(text) => f.write_str(text),
        }
    }
}

/// Why `int()` refused a text. The display form is Python's own message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIntError {
    /// The text is not a base-10 literal.
    #[error("invalid literal for int() with base 10: {}", repr_clipped(.0))]
    Syntax(Box<str>),
    /// More than [`MAX_INT_DIGITS`] digits; holds how many there were.
    #[error(
        "Exceeds the limit (4300 digits) for integer string conversion: value has {0} digits; use \
         sys.set_int_max_str_digits() to increase the limit"
    )]
    TooLong(usize),
}

/// Returns `text` as `repr()` prints it: quoted, with escapes for what does not print.
///
/// Of the characters beyond ASCII, only controls, spaces and surrogate-like specials are escaped;
/// Python decides by Unicode category, which agrees for every character met in host names.
#[must_use]
pub fn repr(text: &str) -> String {
    use fmt::Write as _;
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c == quote => out.extend(['\\', c]),
            c if c != ' ' && !is_printable(c) => {
                let code = c as u32;
                // Writing to a `String` cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

fn is_printable(c: char) -> bool {
    let invisible = matches!(c as u32,
        0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e
        | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfeff | 0xfff9..=0xfffb | 0xfffe | 0xffff
        | 0xe0001..=0xe007f | 0xf0000..=0x10_ffff);
    !(c.is_control() || is_space(c) || invisible)
}

/// `int()` clips the quoted text of its message to 200 characters.
fn repr_clipped(text: &str) -> String {
    repr(text).chars().take(200).collect()
}

/// Parses an IPv6 address with an optional zone, as `ipaddress.IPv6Address` does.
///
/// A zone follows a single `%` and is not empty. An embedded IPv4 tail is taken.
#[must_use]
pub fn parse_ipv6(text: &str) -> Option<(Ipv6Addr, Option<&str>)> {
    if !text.as_bytes().contains(&b':') {
        return None;
    }
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() && !zone.contains('%') => (address, Some(zone)),
        Some(_) => return None,
        None => (text, None),
    };
    Some((address.parse().ok()?, zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        assert_eq!(
            Int::parse(input).ok().map(|n| n.to_string()).as_deref(),
            expected,
            "{input:?}"
        );
    }

    #[test]
    fn int_takes_what_python_takes() {
        check("80", Some("80"));
        check(" +0080\n", Some("80"));
        check("-1", Some("-1"));
        check("8_0", Some("80"));
        check("٤٥٦٦", Some("4566"));
        check("４５６６", Some("4566"));
        check("\u{2003}80\u{a0}", Some("80"));
        check("99999999999999999999", Some("99999999999999999999"));
        check("-00099999999999999999999", Some("-99999999999999999999"));
        check(&"1".repeat(4300), Some(&"1".repeat(4300)));
        check("-0", Some("0"));
    }

    #[test]
    fn int_refuses_what_python_refuses() {
        for text in [
            "", " ", "_80", "80_", "8__0", "0x50", "8e1", "80.0", "²", "+-1", "+", "+ 80",
        ] {
            check(text, None);
        }
        check("\u{1d}80\u{1d}", None);
        check(&"1".repeat(4301), None);
    }

    #[test]
    fn the_limit_is_checked_after_the_digits_and_before_what_follows() {
        let ones = "1".repeat(MAX_INT_DIGITS + 1);
        let kind = |text: String| match Int::parse(&text) {
            Ok(_) => "a number",
            Err(ParseIntError::TooLong(count)) if count == MAX_INT_DIGITS + 1 => "too long",
            Err(ParseIntError::TooLong(_)) => "another count",
            Err(ParseIntError::Syntax(_)) => "syntax",
        };
        for tail in ["", "x", " ", " 1", ".0", "\u{1d}", "é", "_1x"] {
            let ones = if tail == "_1x" { &ones[1..] } else { &ones };
            assert_eq!(kind(format!(" +{ones}{tail}")), "too long", "{tail:?}");
        }
        for tail in ["_", "__1", "_x", "_ "] {
            assert_eq!(kind(format!("{ones}{tail}")), "syntax", "{tail:?}");
        }
        assert_eq!(kind("1_".repeat(MAX_INT_DIGITS + 1)), "syntax");
        assert_eq!(kind(format!("{}x", &ones[1..])), "syntax");
    }

    #[test]
    fn messages_are_pythons() {
        let error = Int::parse("it's\t").unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid literal for int() with base 10: \"it's\\t\""
        );
        assert_eq!(repr("a'b\"\\\u{a0}"), r#"'a\'b"\\\xa0'"#);
    }

    #[test]
    fn plus_carries_beyond_i64() {
        let below = Int::parse("9223372036854775799").unwrap();
        assert_eq!(below.plus(50).to_string(), "9223372036854775849");
        let big = Int::parse("-10000000000000000000").unwrap();
        assert_eq!(big.plus(50).to_string(), "-9999999999999999950");
        let long = Int::parse(&"9".repeat(100)).unwrap();
        assert_eq!(long.plus(50).to_string(), format!("1{}49", "0".repeat(98)));
    }

    #[test]
    fn flags_are_narrow() {
        assert!(is_true(" tRuE "));
        assert!(
            ["yes", "on", "2", "01", ""]
                .iter()
                .all(|t| !is_true(t) && !is_false(t))
        );
        assert!(is_false("FALSE"));
    }

    #[test]
    fn ipv6_follows_ipaddress() {
        assert!(parse_ipv6("fe80::1%25eth0").is_some());
        for text in [
            "fe80::1%",
            "fe80::%1%2",
            "1.2.3.4",
            "[::1]",
            " ::1",
            "::1.2.3.256",
            "00001::",
        ] {
            assert_eq!(parse_ipv6(text), None, "{text:?}");
        }
    }
}
