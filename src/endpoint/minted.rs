//! Text that is assembled piece by piece and allocated at most once.

use std::fmt::{self, Write};

use serde::{Serialize, Serializer};

use crate::python::Int;

/// The most pieces that one text has.
const MAX_PARTS: usize = 16;

/// A URL, authority or host name, as borrowed pieces that print one after the other.
///
/// Making, printing and comparing one does not allocate; [`into_string`](Self::into_string)
/// allocates exactly once. Text is assembled and not normalised: a port is printed, names keep their
/// case. Only the `Location` headers of releases differ, which their web framework writes anew.
#[derive(Clone, Copy)]
pub struct Minted<'a> {
    parts: [Part<'a>; MAX_PARTS],
    count: u8,
    fallback: Option<Fallback>,
}

/// Why a text does not have the form that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fallback {
    /// The host is an IP address, which takes no labels in front: the service's path form stands
    /// in.
    PathForm,
    /// The host is an IP address and the service has no path form: the name below
    /// `localhost.localstack.cloud` stands in, which resolves to 127.0.0.1.
    CloudName,
}

/// One piece.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    Text(&'a str),
    /// An IPv6 literal that needs brackets (RFC 3986, 3.2.2).
    Bracketed(&'a str),
    /// A host in lower case, up to the zone of an IPv6 literal.
    Lower {
        host: &'a str,
        brackets: bool,
    },
    Number(u16),
    Int(&'a Int),
    /// Text to be percent-encoded.
    Key(&'a str, Escape),
    /// Bytes as lower-case hexadecimal digits.
    Hex([u8; 4]),
}

/// Which bytes of a key stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// None is encoded.
    Nothing,
    /// Unreserved characters (RFC 3986, 2.3) and `/` stay: Python's `quote`.
    Path,
    /// Those, the reserved characters and `%` stay: how Werkzeug writes a `Location` header. An
    /// empty query or fragment goes, as do the characters that Python's `urlsplit` removes.
    Header,
}

impl Escape {
    fn keeps(self, byte: u8) -> bool {
        match self {
            Self::Nothing => true,
            Self::Path => byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte),
            Self::Header => {
                byte.is_ascii_alphanumeric() || b"-._~%!#$&'()*+,/:;=@?".contains(&byte)
            }
        }
    }
}

impl<'a> From<&'a str> for Part<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> Part<'a> {
    /// Returns a host in lower case; another piece as it is.
    pub(super) fn lower(self) -> Self {
        let (host, brackets) = match self {
            Self::Text(host) => (host, false),
            Self::Bracketed(host) => (host, true),
            other => return other,
        };
        Self::Lower { host, brackets }
    }
}

impl Part<'_> {
    #[inline]
    fn write_to(self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Bracketed(text) => {
                out.write_char('[')?;
                out.write_str(text)?;
                out.write_char(']')
            }
            Self::Lower { host, brackets } => write_lower(host, brackets, out),
            Self::Number(number) => write_number(number, out),
            Self::Int(number) => write!(out, "{number}"),
            Self::Key(text, Escape::Header) => write_location(text, out),
            Self::Key(text, escape) => write_escaped(text, escape, out),
            Self::Hex(bytes) => bytes.into_iter().try_for_each(|b| write_hex(b, out)),
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bracketed(text) => text.len() + 2,
            Self::Lower { host, brackets } => host.len() + 2 * usize::from(brackets),
            Self::Number(number) => 1 + number.checked_ilog10().unwrap_or(0) as usize,
            Self::Int(_) | Self::Key(_, Escape::Header) => {
                let mut counter = Counter(0);
                // A counter takes every text.
                let _ = self.write_to(&mut counter);
                counter.0
            }
            Self::Key(text, escape) => {
                let kept = text.bytes().filter(|&b| escape.keeps(b)).count();
                kept + 3 * (text.len() - kept)
            }
            Self::Hex(bytes) => 2 * bytes.len(),
        }
    }
}

/// Writes a port without the machinery of `fmt`, which is most of the cost of a short text.
#[inline]
fn write_number(number: u16, out: &mut impl Write) -> fmt::Result {
    let mut divisor = 10_u16.pow(number.checked_ilog10().unwrap_or(0));
    while divisor > 0 {
        out.write_char(char::from(b'0' + (number / divisor % 10) as u8))?;
        divisor /= 10;
    }
    Ok(())
}

fn write_hex(byte: u8, out: &mut impl Write) -> fmt::Result {
    for digit in [byte >> 4, byte & 15] {
        out.write_char(char::from_digit(digit.into(), 16).unwrap_or_default())?;
    }
    Ok(())
}

fn write_escaped(text: &str, escape: Escape, out: &mut impl Write) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| !escape.keeps(b)) {
        // Every byte of a character beyond ASCII is encoded, so `at` begins a character.
        let (kept, tail) = rest.split_at(at);
        out.write_str(kept)?;
        let mut chars = tail.chars();
        let mut buffer = [0; 4];
        for byte in chars
            .next()
            .unwrap_or_default()
            .encode_utf8(&mut buffer)
            .bytes()
        {
            out.write_char('%')?;
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(digit.into(), 16).unwrap_or_default();
                out.write_char(digit.to_ascii_uppercase())?;
            }
        }
        rest = chars.as_str();
    }
    out.write_str(rest)
}

/// Writes what stands after the authority: path, query and fragment, without an empty one.
fn write_location(text: &str, out: &mut impl Write) -> fmt::Result {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    for (mark, part) in [("", path), ("?", query), ("#", fragment)] {
        let mut pieces = part.split(['\t', '\r', '\n']).filter(|p| !p.is_empty());
        if let Some(first) = pieces.next() {
            out.write_str(mark)?;
            write_escaped(first, Escape::Header, out)?;
        }
        pieces.try_for_each(|piece| write_escaped(piece, Escape::Header, out))?;
    }
    Ok(())
}

fn write_lower(host: &str, brackets: bool, out: &mut impl Write) -> fmt::Result {
    let zone = host.find('%').unwrap_or(host.len());
    let (address, zone) = host.split_at(zone);
    out.write_str(if brackets { "[" } else { "" })?;
    address
        .chars()
        .try_for_each(|c| out.write_char(c.to_ascii_lowercase()))?;
    out.write_str(zone)?;
    out.write_str(if brackets { "]" } else { "" })
}

struct Counter(usize);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Takes what is written off the front of a text; fails at the first difference.
struct Compare<'a>(&'a str);

impl Write for Compare<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
        Ok(())
    }
}

impl<'a> Minted<'a> {
    pub(super) fn from_parts<const N: usize>(parts: [Part<'a>; N]) -> Self {
        const { assert!(N <= MAX_PARTS) };
        let mut all = [Part::Text(""); MAX_PARTS];
        all[..N].copy_from_slice(&parts);
        Self {
            parts: all,
            count: N as u8,
            fallback: None,
        }
    }

    pub(super) fn with_fallback(mut self, fallback: Option<Fallback>) -> Self {
        self.fallback = fallback;
        self
    }

    /// Returns why this is not the form that was asked for, if it is not.
    #[must_use]
    pub fn fallback(&self) -> Option<Fallback> {
        self.fallback
    }

    fn parts(&self) -> &[Part<'a>] {
        &self.parts[..usize::from(self.count)]
    }

    /// Returns the length of the text in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }

    /// Returns whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the text in one allocation of its exact size.
    #[must_use]
    pub fn to_url(&self) -> String {
        let mut text = String::with_capacity(self.len());
        for part in self.parts() {
            // Writing to a `String` cannot fail.
            let _ = part.write_to(&mut text);
        }
        text
    }

    /// Returns the text in one allocation of its exact size.
    #[must_use]
    pub fn into_string(self) -> String {
        self.to_url()
    }
}

impl fmt::Display for Minted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|part| part.write_to(f))
    }
}

impl fmt::Debug for Minted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl PartialEq<str> for Minted<'_> {
    fn eq(&self, other: &str) -> bool {
        let mut rest = Compare(other);
        let mut parts = self.parts().iter();
        parts.all(|part| part.write_to(&mut rest).is_ok()) && rest.0.is_empty()
    }
}

impl PartialEq<&str> for Minted<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<String> for Minted<'_> {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

impl From<Minted<'_>> for String {
    fn from(minted: Minted<'_>) -> Self {
        minted.to_url()
    }
}

impl Serialize for Minted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Assembles a [`Minted`] from texts and [`Part`]s.
macro_rules! mint {
    ($($part:expr),* $(,)?) => {
        $crate::endpoint::minted::Minted::from_parts([
            $($crate::endpoint::minted::Part::from($part)),*
        ])
    };
}
pub(super) use mint;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(minted: Minted<'_>, expected: &str) {
        assert_eq!(minted.to_string(), expected);
        let owned = minted.to_url();
        assert_eq!(owned, expected);
        assert_eq!(
            (minted.len(), owned.capacity()),
            (expected.len(), expected.len())
        );
        assert_eq!(minted, expected);
        assert_ne!(minted, format!("{expected}x"));
        assert_ne!(minted, &expected[1..]);
    }

    #[test]
    fn pieces_print_in_order_and_in_one_allocation() {
        let big = Int::parse("-99999999999999999999").unwrap();
        check(
            mint!["http://", Part::Bracketed("::1"), ":", Part::Number(80)],
            "http://[::1]:80",
        );
        check(
            mint!["h:", Part::Int(&big), "/"],
            "h:-99999999999999999999/",
        );
        check(mint![Part::Hex([0x34, 0xe1, 0x5f, 0xd5])], "34e15fd5");
        for (number, text) in [
            (0, "0"),
            (9, "9"),
            (10, "10"),
            (65535, "65535"),
            (4060, "4060"),
        ] {
            check(mint![Part::Number(number)], text);
        }
    }

    #[test]
    fn keys_are_encoded_as_their_release_does() {
        let key = "a/b c\"?ü+%&~";
        check(mint![Part::Key(key, Escape::Nothing)], key);
        check(
            mint![Part::Key(key, Escape::Path)],
            "a/b%20c%22%3F%C3%BC%2B%25%26~",
        );
        check(
            mint![Part::Key(key, Escape::Header)],
            "a/b%20c%22?%C3%BC+%&~",
        );
        for (key, expected) in [
            ("!?", "!"),
            ("!#", "!"),
            ("a?#", "a"),
            ("a#?", "a#?"),
            ("a??", "a??"),
            ("a?#b", "a#b"),
            ("a?b#", "a?b"),
            ("a#?b##", "a#?b##"),
            ("?\t#\n", ""),
            ("a\tb?\tx[", "ab?x%5B"),
        ] {
            check(
                mint![Part::Key(key, Escape::Header), "."],
                &format!("{expected}."),
            );
        }
    }

    #[test]
    fn lower_case_ends_at_the_zone() {
        check(mint![Part::Text("Foo.Bar").lower()], "foo.bar");
        let zoned = Part::Bracketed("FE80::1%Eth0").lower();
        check(mint![zoned], "[fe80::1%Eth0]");
        check(mint![Part::Number(80).lower()], "80");
    }
}
