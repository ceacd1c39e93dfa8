//! Pieces of an error text with holes: `Could not resolve host: {host}`.
//!
//! A pattern starts with a literal. A hole takes as little as possible, the last one as much as it
//! can. Every hole is bounded, and a choice once made stands, so a pattern costs at most a constant
//! for each byte of the text.

use std::ops::Range;

use super::clean::Cleaned;

/// The longest text that fills a hole, in bytes.
const HOLE: usize = 255;

/// What a pattern found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<'t> {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// What filled `{host}`.
    pub(super) host: Option<&'t str>,
    /// What filled `{port}`.
    pub(super) port: Option<u16>,
    /// What filled the first `{url}`.
    pub(super) url: Option<&'t str>,
    /// What filled `{addr}`: host and port together.
    pub(super) addr: Option<&'t str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'p> {
    Literal(&'p str),
    Any,
    Host,
    Port,
    Url,
    Addr,
}

impl Piece<'_> {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Any => true,
            Self::Port => c.is_ascii_digit(),
            Self::Host | Self::Addr => {
                c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%')
            }
            Self::Url => !c.is_whitespace() && !matches!(c, '"' | '\'' | '<' | '>'),
        }
    }
}

fn pieces(pattern: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        for (hole, piece) in [
            ("{}", Piece::Any),
            ("{host}", Piece::Host),
            ("{port}", Piece::Port),
            ("{url}", Piece::Url),
            ("{addr}", Piece::Addr),
        ] {
            if let Some(after) = rest.strip_prefix(hole) {
                rest = after;
                return Some(piece);
            }
        }
        let end = rest.find('{').filter(|&at| at > 0).unwrap_or(rest.len());
        let (literal, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Literal(literal))
    })
}

/// Returns the first place at or after `from` where the pattern, in lower case, fits.
pub(super) fn find<'t>(pattern: &str, text: &'t Cleaned, from: usize) -> Option<Found<'t>> {
    let Some(Piece::Literal(head)) = pieces(pattern).next() else {
        return None;
    };
    let mut at = from;
    loop {
        let start = at + text.lower.get(at..)?.find(head)?;
        if let Some(found) = fit(pattern, text, start) {
            return Some(found);
        }
        at = start + head.len();
    }
}

fn fit<'t>(pattern: &str, text: &'t Cleaned, start: usize) -> Option<Found<'t>> {
    let mut found = Found {
        range: start..start,
        host: None,
        port: None,
        url: None,
        addr: None,
    };
    let mut at = start;
    let mut pieces = pieces(pattern).peekable();
    while let Some(piece) = pieces.next() {
        if let Piece::Literal(literal) = piece {
            at = text
                .lower
                .get(at..)?
                .starts_with(literal)
                .then_some(at + literal.len())?;
            continue;
        }
        let next = match pieces.peek() {
            Some(Piece::Literal(literal)) => literal,
            _ => "",
        };
        let length = fill(piece, &text.lower[at..], next)?;
        let filling = text.text.get(at..at + length)?;
        match piece {
            Piece::Host => found.host = Some(filling),
            Piece::Port => found.port = filling.parse().ok(),
            Piece::Url => found.url = found.url.or(Some(filling)),
            Piece::Addr => found.addr = Some(filling),
            Piece::Any | Piece::Literal(_) => {}
        }
        at += length;
    }
    found.range.end = at;
    Some(found)
}

/// Returns how many bytes a hole takes so that `next` follows.
fn fill(piece: Piece<'_>, rest: &str, next: &str) -> Option<usize> {
    let taken = rest
        .char_indices()
        .take_while(|&(at, c)| at < HOLE && piece.takes(c));
    let ends = taken.map(|(at, c)| at + c.len_utf8());
    if !next.is_empty() {
        let least = (piece == Piece::Any).then_some(0);
        return least
            .into_iter()
            .chain(ends)
            .find(|&end| rest[end..].starts_with(next));
    }
    // A full stop or comma after it belongs to the sentence.
    let whole = &rest[..ends.last()?];
    let trimmed = whole.trim_end_matches(['.', ',', ';', ':', ')', ']', '-']);
    (!trimmed.is_empty()).then_some(trimmed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: Option<[&str; 4]>) {
        let text = Cleaned::new(text);
        let found = find(pattern, &text, 0).map(|f| {
            [
                f.host.unwrap_or_default().to_owned(),
                f.port.map_or(String::new(), |p| p.to_string()),
                f.url.unwrap_or_default().to_owned(),
                f.addr.unwrap_or_default().to_owned(),
            ]
        });
        let expected = expected.map(|fields| fields.map(str::to_owned));
        assert_eq!(found, expected, "{pattern} in {text:?}");
    }

    #[test]
    fn holes_take_what_they_name() {
        check(
            "failed to connect to {host} port {port} after {} ms: couldn't connect",
            "curl: (7) Failed to connect to ::1 port 4566 after 0 ms: Couldn't connect to server",
            Some(["::1", "4566", "", ""]),
        );
        check(
            "lookup {host} on {addr}: no such host",
            "dial tcp: lookup bkt.localstack on 127.0.0.11:53: no such host",
            Some(["bkt.localstack", "", "", "127.0.0.11:53"]),
        );
        check(
            "endpoint url: \"{url}\"",
            "endpoint URL: \"http://a:1/\"",
            Some(["", "", "http://a:1/", ""]),
        );
        check(
            "resolve host: {host}",
            "Could not resolve host: a.b.",
            Some(["a.b", "", "", ""]),
        );
    }

    #[test]
    fn a_pattern_that_fails_once_is_tried_further_on() {
        check("a {} b", "a a b", Some(["", "", "", ""]));
        check("x{port}y", "x1z x2y", Some(["", "2", "", ""]));
        check("x{port}", "x", None);
        check("x {port}", "x 99999999", Some(["", "", "", ""]));
        check("{host} first", "a first", None);
    }
}
