//! The head of an HTTP/1 request: is it sound, and how is its body framed?

use super::refusal::Refusal;
use crate::detect::is_token;
use crate::limits;

/// The longest body that hyper counts.
const MAX_LENGTH: u64 = u64::MAX - 2;

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes, often none.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// What the connection needs to know about a sound head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Its bytes, the empty line included.
    pub(super) len: usize,
    /// How the body behind it is framed.
    pub(super) framing: Framing,
    /// Whether an `Upgrade` is asked for, after which the bytes may be of another protocol.
    pub(super) upgrade: bool,
}

/// Reads a head as its bytes come, each line once.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    /// Where the line begins that is read next.
    line: usize,
    /// Where its end is looked for.
    from: usize,
    in_headers: bool,
    http_10: bool,
    headers: usize,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

impl HeadReader {
    /// Reads on; `bytes` is the head from its first byte on, as far as it has come.
    ///
    /// Returns `None` when the end is not among them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Option<Head>, Refusal> {
        while let Some(found) = bytes
            .get(self.from..)
            .and_then(|b| memchr::memchr(b'\n', b))
        {
            let end = self.from + found;
            let line = bytes.get(self.line..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").ok_or(Refusal::BareLineFeed)?;
            self.line = end + 1;
            self.from = self.line;
            if self.line > limits::MAX_HEAD {
                return Err(Refusal::HeadTooLong);
            }
            if !self.in_headers {
                // Empty lines may stand before a request (RFC 9112, section 2.2).
                if !line.is_empty() {
                    self.request_line(line)?;
                    self.in_headers = true;
                }
            } else if line.is_empty() {
                return Ok(Some(self.head()));
            } else {
                self.header(line)?;
            }
        }
        self.from = bytes.len();
        if bytes.len() > limits::MAX_HEAD {
            return Err(Refusal::HeadTooLong);
        }
        Ok(None)
    }

    fn head(&self) -> Head {
        Head {
            len: self.line,
            framing: if self.chunked {
                Framing::Chunked
            } else {
                Framing::Length(self.length.unwrap_or(0))
            },
            upgrade: self.upgrade && !self.http_10,
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let wrong = |line: &[u8]| {
            if line.contains(&b'\r') {
                Refusal::BareCarriageReturn
            } else {
                Refusal::RequestLine
            }
        };
        let mut parts = line.split(|&b| b == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong(line));
        };
        let sound_target = !target.is_empty() && !target.iter().any(|b| b.is_ascii_control());
        if method.is_empty() || !method.iter().all(|&b| is_token(b)) || !sound_target {
            return Err(wrong(line));
        }
        match version {
            b"HTTP/1.1" => {}
            b"HTTP/1.0" => self.http_10 = true,
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                return Err(Refusal::Version);
            }
            _ => return Err(wrong(line)),
        }
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Refusal> {
        self.headers += 1;
        if self.headers > limits::MAX_HEADERS {
            return Err(Refusal::TooManyHeaders);
        }
        let name_end = line.iter().position(|&b| !is_token(b));
        let (name, rest) = line.split_at(name_end.unwrap_or(line.len()));
        let value = match rest {
            [b':', value @ ..] if !name.is_empty() => value,
            [b' ' | b'\t', ..] if name.is_empty() => return Err(Refusal::FoldedHeader),
            [b' ' | b'\t', after @ ..] if after.trim_ascii_start().starts_with(b":") => {
                return Err(Refusal::SpaceBeforeColon);
            }
            [b'\r', ..] => return Err(Refusal::BareCarriageReturn),
            _ => return Err(Refusal::HeaderName),
        };
        // Without early exit, so that it is compiled to vector instructions.
        let control = value.iter().fold(false, |found, &b| {
            found | (b < b' ' && b != b'\t') | (b == 0x7f)
        });
        if control {
            return Err(if value.contains(&b'\r') {
                Refusal::BareCarriageReturn
            } else {
                Refusal::HeaderValue
            });
        }
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.transfer_encoding(value)?;
            }
            _ => {}
        }
        if self.chunked && self.length.is_some() {
            return Err(Refusal::TwoFramings);
        }
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let value = trim(value);
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::ContentLength);
        }
        let length = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok())
            .filter(|&length| length <= MAX_LENGTH)
            .ok_or(Refusal::ContentLength)?;
        if self.length.is_some_and(|other| other != length) {
            return Err(Refusal::DifferentLengths);
        }
        self.length = Some(length);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.http_10 {
            return Err(Refusal::TransferEncodingInHttp10);
        }
        let value = trim(value);
        let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
        if is_chunked(value) && !self.chunked {
            self.chunked = true;
            return Ok(());
        }
        let mut codings = value.split(|&b| b == b',').map(trim);
        let last = codings.next_back().unwrap_or_default();
        let others =
            codings.all(|c| !c.is_empty() && c.iter().all(|&b| is_token(b)) && !is_chunked(c));
        Err(if is_chunked(last) && others && !self.chunked {
            Refusal::TransferCoding
        } else {
            Refusal::TransferEncoding
        })
    }
}

/// Removes optional whitespace (RFC 9110, section 5.6.3).
fn trim(value: &[u8]) -> &[u8] {
    let space = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !space(b)).unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|b| !space(b))
        .map_or(start, |at| at + 1);
    value.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
        HeadReader::default().read(bytes)
    }

    #[track_caller]
    fn sound(headers: &str, framing: Framing) {
        let text = format!("POST /a HTTP/1.1\r\n{headers}\r\n");
        let head = read(text.as_bytes()).unwrap().unwrap();
        assert_eq!((head.len, head.framing), (text.len(), framing), "{text:?}");
    }

    #[track_caller]
    fn refused(head: &str, refusal: Refusal) {
        assert_eq!(read(head.as_bytes()), Err(refusal), "{head:?}");
    }

    #[test]
    fn sound_heads_tell_their_framing() {
        sound("", Framing::Length(0));
        sound("Host: a\r\nX-Empty:\r\nX: \u{fc}\t\r\n", Framing::Length(0));
        sound("content-length: 007\r\n", Framing::Length(7));
        sound(
            "Content-Length: 7\r\nContent-Length: 7\r\n",
            Framing::Length(7),
        );
        sound("Transfer-Encoding:\tChunked \r\n", Framing::Chunked);
        let head = read(b"\r\n\r\nGET / HTTP/1.1\r\nUpgrade: x\r\n\r\nrest").unwrap();
        assert!(head.is_some_and(|head| head.len == 34 && head.upgrade));
        let head = read(b"GET / HTTP/1.0\r\nUpgrade: x\r\n\r\n").unwrap();
        assert!(head.is_some_and(|head| !head.upgrade));
        assert_eq!(read(b"GET / HTTP/1.1\r\nA: b\r\n"), Ok(None));
        assert_eq!(read(b""), Ok(None));
    }

    #[test]
    fn unsound_heads_are_named() {
        let header = |line: &str, refusal| {
            refused(
                &format!("POST / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"),
                refusal,
            );
        };
        for line in [
            "GET /",
            "GET  / HTTP/1.1",
            "GET / a HTTP/1.1",
            " GET / HTTP/1.1",
            "/ / HTTP/1.1x",
        ] {
            refused(&format!("{line}\r\n"), Refusal::RequestLine);
        }
        refused("GET /\t HTTP/1.1\r\n", Refusal::RequestLine);
        refused("GET / HTTP/1.1\rX: y\r\n", Refusal::BareCarriageReturn);
        refused("GET / HTTP/2.0\r\n", Refusal::Version);
        refused("GET / HTTP/1.1\n", Refusal::BareLineFeed);
        header("X: 1\r\n 2", Refusal::FoldedHeader);
        header("X : 1", Refusal::SpaceBeforeColon);
        header("X", Refusal::HeaderName);
        header(": 1", Refusal::HeaderName);
        header("X\0: 1", Refusal::HeaderName);
        header("X: \0", Refusal::HeaderValue);
        header("X: 1\rY: 2", Refusal::BareCarriageReturn);
        for length in [
            "",
            "+1",
            "-1",
            "1, 1",
            "0x1",
            "1 2",
            "18446744073709551615",
            "99999999999999999999",
        ] {
            header(&format!("Content-Length: {length}"), Refusal::ContentLength);
        }
        header(
            "Content-Length: 1\r\nContent-Length: 2",
            Refusal::DifferentLengths,
        );
        header(
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            Refusal::TwoFramings,
        );
        header(
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
            Refusal::TwoFramings,
        );
        for coding in [
            "",
            "identity",
            "xchunked",
            "chunked, gzip",
            "chunked, chunked",
            "\"chunked\"",
            "chunked;x",
            ", chunked",
        ] {
            header(
                &format!("Transfer-Encoding: {coding}"),
                Refusal::TransferEncoding,
            );
        }
        header(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Refusal::TransferEncoding,
        );
        header("Transfer-Encoding: gzip, chunked", Refusal::TransferCoding);
        refused(
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
            Refusal::TransferEncodingInHttp10,
        );
        header(
            &"X: 1\r\n".repeat(limits::MAX_HEADERS),
            Refusal::TooManyHeaders,
        );
        refused(&"x".repeat(limits::MAX_HEAD + 1), Refusal::HeadTooLong);
        refused(&"\r\n".repeat(limits::MAX_HEAD), Refusal::HeadTooLong);
    }

    proptest! {
        #[test]
        fn pieces_are_read_as_the_whole_is(text in "(GET / HTTP/1.1\r\n)?([A-C:\r\n ]|\r\n|Upgrade: x\r\n){0,20}", cut in 0_usize..40) {
            let whole = read(text.as_bytes());
            let mut reader = HeadReader::default();
            let first = text.as_bytes().get(..cut).unwrap_or(text.as_bytes());
            let piecewise = match reader.read(first) {
                Ok(None) => reader.read(text.as_bytes()),
                decided => decided,
            };
            prop_assert_eq!(piecewise, whole);
        }
    }
}
