//! A chunked body (RFC 9112, section 7.1): where it ends, and whether every byte of its framing is as
//! it has to be.

use super::refusal::Refusal;
use crate::detect::is_token;
use crate::limits;

/// Hexadecimal digits of a chunk size that fit into 64 bits.
const MAX_DIGITS: u8 = 16;

/// Where a reader of chunks stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the size, with so many digits read.
    Size { size: u64, digits: u8 },
    /// In the extensions behind a size.
    Extension { size: u64 },
    /// Behind the CR that ends the line of a size.
    SizeEnd { size: u64 },
    /// In data.
    Data { left: u64 },
    /// Behind data.
    DataEnd,
    /// Behind data and CR.
    DataLineFeed,
    /// Where a trailer or the last line begins.
    Trailer,
    /// In the name of a trailer.
    TrailerName,
    /// In the value of a trailer.
    TrailerValue,
    /// Behind the CR that ends a trailer.
    TrailerEnd,
    /// Behind the CR of the last line.
    LastLineFeed,
}

impl Chunks {
    /// Before the first chunk.
    pub(super) const START: Self = Self::Size { size: 0, digits: 0 };
}

/// Reads a chunked body as its bytes come.
#[derive(Debug)]
pub(super) struct ChunkReader {
    at: Chunks,
    /// Bytes of extensions and trailers so far.
    extras: usize,
}

impl ChunkReader {
    pub(super) fn new() -> Self {
        Self {
            at: Chunks::START,
            extras: 0,
        }
    }

    /// Reads on. Returns the number of bytes up to the end of the body, or `None` when all of them
    /// belong to it and it goes on.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Chunks::Data { left } = self.at {
                let here = u64::try_from(bytes.len() - at)
                    .unwrap_or(u64::MAX)
                    .min(left);
                at += usize::try_from(here).unwrap_or(usize::MAX);
                self.at = if here == left {
                    Chunks::DataEnd
                } else {
                    Chunks::Data { left: left - here }
                };
                continue;
            }
            at += 1;
            if self.at == Chunks::LastLineFeed && byte == b'\n' {
                return Ok(Some(at));
            }
            self.at = self.step(byte)?;
        }
        Ok(None)
    }

    fn step(&mut self, byte: u8) -> Result<Chunks, Refusal> {
        let value = byte == b'\t' || !byte.is_ascii_control();
        Ok(match (self.at, byte) {
            (Chunks::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == MAX_DIGITS {
                    return Err(Refusal::ChunkSize);
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Chunks::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                }
            }
            (Chunks::Size { size, digits: 1.. } | Chunks::Extension { size }, b'\r') => {
                Chunks::SizeEnd { size }
            }
            (Chunks::Size { size, digits: 1.. }, b';') => self.extra(Chunks::Extension { size })?,
            (Chunks::Extension { size }, _) if value => self.extra(Chunks::Extension { size })?,
            (Chunks::SizeEnd { size: 0 }, b'\n') => Chunks::Trailer,
            (Chunks::SizeEnd { size }, b'\n') => Chunks::Data { left: size },
            (Chunks::DataEnd, b'\r') => Chunks::DataLineFeed,
            (Chunks::DataLineFeed, b'\n') => Chunks::START,
            (Chunks::Trailer, b'\r') => Chunks::LastLineFeed,
            (Chunks::Trailer | Chunks::TrailerName, _) if is_token(byte) => {
                self.extra(Chunks::TrailerName)?
            }
            (Chunks::TrailerName, b':') => self.extra(Chunks::TrailerValue)?,
            (Chunks::TrailerValue, b'\r') => Chunks::TrailerEnd,
            (Chunks::TrailerValue, _) if value => self.extra(Chunks::TrailerValue)?,
            (Chunks::TrailerEnd, b'\n') => Chunks::Trailer,
            (at, _) => return Err(wrong(at, byte)),
        })
    }

    /// Counts a byte that carries nothing of the body.
    fn extra(&mut self, next: Chunks) -> Result<Chunks, Refusal> {
        self.extras += 1;
        if self.extras > limits::MAX_CHUNK_EXTRAS {
            return Err(Refusal::ChunkExtras);
        }
        Ok(next)
    }
}

fn wrong(at: Chunks, byte: u8) -> Refusal {
    match (at, byte) {
        (Chunks::Size { .. }, b'\n') => Refusal::BareLineFeed,
        (Chunks::Size { .. }, _) => Refusal::ChunkSize,
        (Chunks::DataEnd | Chunks::DataLineFeed, _) => Refusal::ChunkEnd,
        (Chunks::Trailer, b' ' | b'\t') => Refusal::FoldedHeader,
        (Chunks::TrailerName, b' ' | b'\t') => Refusal::SpaceBeforeColon,
        (Chunks::Trailer | Chunks::TrailerName, _) => Refusal::HeaderName,
        (Chunks::SizeEnd { .. } | Chunks::TrailerEnd | Chunks::LastLineFeed, _) => {
            Refusal::BareCarriageReturn
        }
        (_, b'\n') => Refusal::BareLineFeed,
        _ => Refusal::HeaderValue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Option<usize>, Refusal> {
        ChunkReader::new().read(text.as_bytes())
    }

    #[test]
    fn bodies_end_behind_their_last_chunk() {
        let check = |text: &str, end| assert_eq!(read(text), Ok(end), "{text:?}");
        check("0\r\n\r\nGET", Some(5));
        check("3\r\na\r\n\r\n0\r\n\r\n", Some(13));
        check("0A;x=\"y\"\r\n0123456789\r\n000\r\n\r\n", Some(29));
        check("0\r\nA: b\r\nC:\r\n\r\n.", Some(15));
        check("3\r\nab", None);
        check("", None);
    }

    #[test]
    fn bad_chunks_are_named() {
        let check = |text: &str, refusal| assert_eq!(read(text), Err(refusal), "{text:?}");
        for size in [
            "zz",
            "\r",
            " 3",
            "3 ",
            "-1",
            "0x3",
            "+3",
            "11111111111111111",
            ";x",
        ] {
            check(&format!("{size}\r\nabc\r\n0\r\n\r\n"), Refusal::ChunkSize);
        }
        check("3\nabc\r\n", Refusal::BareLineFeed);
        check("3;x\nabc\r\n", Refusal::BareLineFeed);
        check("3;x\0\r\nabc\r\n", Refusal::HeaderValue);
        check("3;x\ry\r\nabc\r\n", Refusal::BareCarriageReturn);
        check("3\rabc", Refusal::BareCarriageReturn);
        check("3\r\nabcd\r\n", Refusal::ChunkEnd);
        check("3\r\nabc\n", Refusal::ChunkEnd);
        check("3\r\nabc\rx", Refusal::ChunkEnd);
        check("0\r\n\n", Refusal::HeaderName);
        check("0\r\n folded\r\n", Refusal::FoldedHeader);
        check("0\r\nA : b\r\n", Refusal::SpaceBeforeColon);
        check("0\r\nA: b\n", Refusal::BareLineFeed);
        check("0\r\n\rx", Refusal::BareCarriageReturn);
        let long = "x".repeat(limits::MAX_CHUNK_EXTRAS + 1);
        check(&format!("1;{long}"), Refusal::ChunkExtras);
        check(&format!("0\r\nA: {long}"), Refusal::ChunkExtras);
    }

    proptest! {
        #[test]
        fn pieces_are_read_as_the_whole_is(text in "[0-2;\r\nA: ]{0,30}|(1\r\nx\r\n){0,3}0\r\n(A: b\r\n)?\r\nz", cut in 0_usize..30) {
            let mut reader = ChunkReader::new();
            let (first, rest) = text.as_bytes().split_at(cut.min(text.len()));
            let piecewise = match reader.read(first) {
                Ok(None) => reader.read(rest).map(|end| end.map(|end| end + first.len())),
                decided => decided,
            };
            prop_assert_eq!(piecewise, read(&text));
        }
    }
}
