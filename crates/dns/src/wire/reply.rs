//! Walking replies.

use super::name::{Name, skip_name};
use super::{HEADER, QR, Rcode, opcode};

/// The sections of a reply, for one pass over its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The answer.
    Answer,
    /// The authority.
    Authority,
    /// Additional records.
    Additional,
}

/// One record of a reply.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where it stands.
    pub section: Section,
    /// First byte of the owner's name.
    pub start: usize,
    /// Its type.
    pub rtype: u16,
    /// Its class; for OPT the payload size.
    pub class: u16,
    /// First byte of the TTL.
    pub ttl_at: usize,
    /// Its TTL in seconds; for OPT version and flags.
    pub ttl: u32,
    /// First byte of the data.
    pub data_at: usize,
    /// The data, names in it possibly compressed.
    pub data: &'a [u8],
    /// First byte after it.
    pub end: usize,
}

/// A reply whose header and question are readable.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The message.
    pub message: &'a [u8],
    /// Its id.
    pub id: u16,
    /// Its flags.
    pub flags: u16,
    /// Its question, from the first byte of the name.
    pub question: &'a [u8],
    counts: [u16; 3],
}

impl<'a> Reply<'a> {
    /// Reads header and question. `None` for anything but a reply to one question.
    #[must_use]
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let header = message.get(..HEADER)?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let flags = word(2);
        if flags & QR == 0 || opcode(flags) != 0 || word(4) != 1 {
            return None;
        }
        let name = Name::read(&message[HEADER..])?;
        let question = message.get(HEADER..HEADER + name.as_wire().len() + 4)?;
        Some(Self {
            message,
            id: word(0),
            flags,
            question,
            counts: [word(6), word(8), word(10)],
        })
    }

    /// Returns the response code, without the part that EDNS carries.
    #[must_use]
    pub fn rcode(&self) -> Rcode {
        Rcode(self.flags & 0xf)
    }

    /// Returns whether the question is the same, letters compared without case.
    #[must_use]
    pub fn asks(&self, question: &[u8]) -> bool {
        self.question.eq_ignore_ascii_case(question)
    }

    /// Iterates over the records; an `Err` ends a message that is cut short.
    pub fn records(&self) -> impl Iterator<Item = Result<Record<'a>, Malformed>> + use<'a> {
        let message = self.message;
        let counts = self.counts.map(usize::from);
        let total: usize = counts.iter().sum();
        let mut at = HEADER + self.question.len();
        let mut failed = false;
        (0..total).map_while(move |n| {
            if failed {
                return None;
            }
            let section = if n < counts[0] {
                Section::Answer
            } else if n < counts[0] + counts[1] {
                Section::Authority
            } else {
                Section::Additional
            };
            let record = read_record(message, at, section);
            match record {
                Some(record) => {
                    at = record.end;
                    Some(Ok(record))
                }
                None => {
                    failed = true;
                    Some(Err(Malformed))
                }
            }
        })
    }
}

/// A message ends before its records do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message is cut short or malformed")]
pub struct Malformed;

fn read_record(message: &[u8], start: usize, section: Section) -> Option<Record<'_>> {
    let fixed_at = start + skip_name(message.get(start..)?)?;
    let fixed = message.get(fixed_at..fixed_at + 10)?;
    let data_at = fixed_at + 10;
    let end = data_at + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    Some(Record {
        section,
        start,
        rtype: u16::from_be_bytes([fixed[0], fixed[1]]),
        class: u16::from_be_bytes([fixed[2], fixed[3]]),
        ttl_at: fixed_at + 4,
        ttl: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        data_at,
        data: message.get(data_at..end)?,
        end,
    })
}
