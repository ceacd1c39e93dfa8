//! The DNS message format (RFC 1035, section 4): reading queries, walking replies, writing answers.
//!
//! Reading a query and writing an answer allocates nothing beyond the caller's buffer; that is why
//! the crate has its own few hundred lines instead of a general message library. Nothing here
//! decides anything.

use std::fmt;

/// Length of the fixed header (RFC 1035, section 4.1.1).
pub const HEADER: usize = 12;

/// Longest name in wire form, with the root label (RFC 1035, section 2.3.4).
pub const MAX_NAME: usize = 255;

/// Header flag: this is a reply.
pub const QR: u16 = 0x8000;
/// Header flag: authoritative answer.
pub const AA: u16 = 0x0400;
/// Header flag: truncated.
pub const TC: u16 = 0x0200;
/// Header flag: recursion desired.
pub const RD: u16 = 0x0100;
/// Header flag: recursion available.
pub const RA: u16 = 0x0080;
/// Header flag: authentic data (RFC 4035).
pub const AD: u16 = 0x0020;
/// Header flag: checking disabled (RFC 4035).
pub const CD: u16 = 0x0010;

/// Types of records that the server itself treats.
pub mod rtype {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Name server.
    pub const NS: u16 = 2;
    /// Alias.
    pub const CNAME: u16 = 5;
    /// Start of authority.
    pub const SOA: u16 = 6;
    /// Host information, the filler of RFC 8482.
    pub const HINFO: u16 = 13;
    /// Pointer.
    pub const PTR: u16 = 12;
    /// Mail exchange.
    pub const MX: u16 = 15;
    /// Text.
    pub const TXT: u16 = 16;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// Service location.
    pub const SRV: u16 = 33;
    /// EDNS (RFC 6891).
    pub const OPT: u16 = 41;
    /// Transfers and mail groups, 249 to 254, are no data.
    pub const FIRST_META: u16 = 249;
    /// Any type (RFC 8482).
    pub const ANY: u16 = 255;
}

/// Class IN.
pub const CLASS_IN: u16 = 1;
/// Class CH.
pub const CLASS_CH: u16 = 3;
/// Class ANY.
pub const CLASS_ANY: u16 = 255;

/// Response codes; those above 15 need EDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NOERROR: Self = Self(0);
    /// The query cannot be read.
    pub const FORMERR: Self = Self(1);
    /// The server failed.
    pub const SERVFAIL: Self = Self(2);
    /// The name does not exist.
    pub const NXDOMAIN: Self = Self(3);
    /// Not implemented.
    pub const NOTIMP: Self = Self(4);
    /// The server will not.
    pub const REFUSED: Self = Self(5);
    /// EDNS version not supported (RFC 6891).
    pub const BADVERS: Self = Self(16);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            16 => "BADVERS",
            other => return write!(f, "RCODE{other}"),
        };
        f.write_str(text)
    }
}

/// A name in wire form, uncompressed, with where its labels start.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; MAX_NAME],
    len: u8,
    /// Bit n is set when a label starts at byte n.
    starts: [u64; 4],
}

impl Name {
    /// The root.
    pub const ROOT: Self = Self {
        bytes: [0; MAX_NAME],
        len: 1,
        starts: [1, 0, 0, 0],
    };

    /// Reads an uncompressed name at the start of `wire`, as a question has it. `None` when it is
    /// cut short, too long, or holds anything but plain labels.
    #[must_use]
    pub fn read(wire: &[u8]) -> Option<Self> {
        let mut starts = [0u64; 4];
        let mut at = 0usize;
        loop {
            let label = usize::from(*wire.get(at)?);
            // Compression has nothing to point to in a question, and 0x40 and 0x80 are reserved.
            if label > 63 || at + 1 + label > MAX_NAME {
                return None;
            }
            starts[at >> 6] |= 1 << (at & 63);
            at += 1 + label;
            if label == 0 {
                break;
            }
        }
        let mut bytes = [0; MAX_NAME];
        bytes[..at].copy_from_slice(wire.get(..at)?);
        Some(Self {
            bytes,
            len: at as u8,
            starts,
        })
    }

    /// Reads a name in text form. A final dot may be left out; `\.` and `\065` are understood.
    /// `None` for empty labels, labels over 63 bytes and names over 255.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        if text != "." && !text.is_empty() {
            let mut start = 0;
            wire.push(0);
            let mut bytes = text.strip_suffix('.').unwrap_or(text).bytes();
            while let Some(byte) = bytes.next() {
                let byte = match byte {
                    b'.' => {
                        start = close_label(&mut wire, start)?;
                        continue;
                    }
                    b'\\' => match bytes.next()? {
                        digit @ b'0'..=b'9' => {
                            let rest = [bytes.next()?, bytes.next()?];
                            let digits = [digit, rest[0], rest[1]];
                            std::str::from_utf8(&digits).ok()?.parse().ok()?
                        }
                        other => other,
                    },
                    other => other,
                };
                wire.push(byte);
            }
            close_label(&mut wire, start)?;
        } else {
            wire.push(0);
        }
        Self::read(&wire)
    }

    /// Returns the wire form.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Returns the name in lower case. Only ASCII letters change (RFC 4343).
    #[must_use]
    pub fn to_lowercase(mut self) -> Self {
        // Lengths of labels are at most 63 and so below every letter.
        self.bytes[..usize::from(self.len)].make_ascii_lowercase();
        self
    }

    /// Returns whether `self` is `apex` or below it, byte for byte.
    #[must_use]
    pub fn is_within(&self, apex: &Self) -> bool {
        let Some(at) = usize::from(self.len).checked_sub(usize::from(apex.len)) else {
            return false;
        };
        self.starts[at >> 6] >> (at & 63) & 1 == 1
            && self.bytes[at..usize::from(self.len)] == *apex.as_wire()
    }

    /// Iterates over the labels, leftmost first, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_wire();
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first()?;
            if length == 0 {
                return None;
            }
            let (label, tail) = tail.split_at_checked(usize::from(length))?;
            rest = tail;
            Some(label)
        })
    }

    /// Returns the name with one more label in front; `None` when it gets too long.
    #[must_use]
    pub fn below(label: &str, parent: &Self) -> Option<Self> {
        let mut wire = vec![u8::try_from(label.len()).ok()?];
        wire.extend_from_slice(label.as_bytes());
        wire.extend_from_slice(parent.as_wire());
        Self::read(&wire)
    }
}

/// Writes the length of the label that began at `start` and opens the next one.
fn close_label(wire: &mut Vec<u8>, start: usize) -> Option<usize> {
    let length = wire.len() - start - 1;
    if length == 0 || length > 63 {
        return None;
    }
    wire[start] = length as u8;
    wire.push(0);
    Some(wire.len() - 1)
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_wire() == other.as_wire()
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Prints the text form with the final dot (RFC 1035, section 5.1).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == 1 {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", byte as char)?,
                    0x21..=0x7e => write!(f, "{}", byte as char)?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

/// What EDNS a query carries (RFC 6891).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns<'a> {
    /// The largest datagram that the client takes, at least 512.
    pub payload: u16,
    /// The version; we know version 0.
    pub version: u8,
    /// Whether DNSSEC records are wanted.
    pub dnssec_ok: bool,
    /// The content of a cookie option (RFC 7873).
    pub cookie: Option<&'a [u8]>,
}

/// A query that can be answered.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The message's id.
    pub id: u16,
    /// The header's flags, opcode and rcode.
    pub flags: u16,
    /// The whole question as sent, from the first byte of the name.
    pub question: &'a [u8],
    /// The name in lower case; the case as sent is in `question`.
    pub name: Name,
    /// The type asked for.
    pub qtype: u16,
    /// The class asked for.
    pub qclass: u16,
    /// EDNS, when present.
    pub edns: Option<Edns<'a>>,
}

impl Query<'_> {
    /// Returns the opcode.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        opcode(self.flags)
    }
}

const fn opcode(flags: u16) -> u8 {
    ((flags >> 11) & 0xf) as u8
}

/// Why a message is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Not to be answered at all: shorter than a header, or itself a reply. Answering replies makes
    /// loops.
    Silent,
    /// To be answered with this code and without a question.
    Reply {
        /// The message's id.
        id: u16,
        /// Its flags.
        flags: u16,
        /// What to say.
        rcode: Rcode,
    },
}

/// Reads a query.
///
/// # Errors
/// What to do with a message that is none: see [`Unreadable`].
pub fn read_query(message: &[u8]) -> Result<Query<'_>, Unreadable> {
    let header = message.get(..HEADER).ok_or(Unreadable::Silent)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (id, flags) = (word(0), word(2));
    if flags & QR != 0 {
        return Err(Unreadable::Silent);
    }
    let fail = |rcode| Unreadable::Reply { id, flags, rcode };
    // Other opcodes have sections of their own; nothing but the header is ours to read.
    if opcode(flags) != 0 {
        return Err(fail(Rcode::NOTIMP));
    }
    if word(4) != 1 || word(6) != 0 || word(8) != 0 {
        return Err(fail(Rcode::FORMERR));
    }
    let formerr = || fail(Rcode::FORMERR);
    let body = &message[HEADER..];
    let name = Name::read(body).ok_or_else(formerr)?;
    let after = name.as_wire().len();
    let question = body.get(..after + 4).ok_or_else(formerr)?;
    let edns = read_additional(&body[after + 4..], word(10)).ok_or_else(formerr)?;
    Ok(Query {
        id,
        flags,
        question,
        name: name.to_lowercase(),
        qtype: u16::from_be_bytes([question[after], question[after + 1]]),
        qclass: u16::from_be_bytes([question[after + 2], question[after + 3]]),
        edns,
    })
}

/// Reads the additional section of a query: at most one OPT (RFC 6891, section 6.1.1), and nothing
/// left over.
#[expect(clippy::option_option, reason = "outer: malformed; inner: no EDNS")]
fn read_additional(mut rest: &[u8], count: u16) -> Option<Option<Edns<'_>>> {
    let mut edns = None;
    for _ in 0..count {
        let owner = skip_name(rest)?;
        let fixed = rest.get(owner..owner + 10)?;
        let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        let rdata = rest.get(owner + 10..owner + 10 + length)?;
        if u16::from_be_bytes([fixed[0], fixed[1]]) == rtype::OPT {
            if owner != 1 || edns.is_some() {
                return None;
            }
            edns = Some(Edns {
                payload: u16::from_be_bytes([fixed[2], fixed[3]]).max(512),
                version: fixed[5],
                dnssec_ok: fixed[6] & 0x80 != 0,
                cookie: find_cookie(rdata)?,
            });
        }
        rest = &rest[owner + 10 + length..];
    }
    rest.is_empty().then_some(edns)
}

/// Option code of cookies (RFC 7873).
pub(crate) const OPTION_COOKIE: u16 = 10;
/// Option code of extended errors (RFC 8914).
pub(crate) const OPTION_EDE: u16 = 15;

#[expect(clippy::option_option, reason = "outer: malformed; inner: no cookie")]
fn find_cookie(mut options: &[u8]) -> Option<Option<&[u8]>> {
    let mut cookie = None;
    while !options.is_empty() {
        let head = options.get(..4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = options.get(4..4 + length)?;
        if u16::from_be_bytes([head[0], head[1]]) == OPTION_COOKIE && cookie.is_none() {
            // RFC 7873, section 5.2.2: 8 bytes of the client's, then none or 8 to 32 of ours.
            if length != 8 && !(16..=40).contains(&length) {
                return None;
            }
            cookie = Some(value);
        }
        options = &options[4 + length..];
    }
    Some(cookie)
}

/// Returns the number of bytes of the name at the start of `wire`, compressed or not, without
/// following pointers.
#[must_use]
pub fn skip_name(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *wire.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0..=0xff => return (at + 1 < wire.len()).then_some(at + 2),
            _ => return None,
        }
    }
}

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

/// Reads the name at `at`, following compression. Every pointer must point before the name it
/// ends, so the walk ends.
#[must_use]
pub fn expand_name(message: &[u8], mut at: usize) -> Option<Name> {
    let mut wire = Vec::with_capacity(64);
    let mut limit = at;
    loop {
        match *message.get(at)? {
            0 => {
                wire.push(0);
                return Name::read(&wire);
            }
            length @ 1..=63 => {
                let end = at + 1 + usize::from(length);
                wire.extend_from_slice(message.get(at..end)?);
                if wire.len() >= MAX_NAME {
                    return None;
                }
                at = end;
            }
            high @ 0xc0..=0xff => {
                let target = usize::from(high & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                if target >= limit {
                    return None;
                }
                (at, limit) = (target, target);
            }
            _ => return None,
        }
    }
}

/// Writes a message into a buffer that is used again and again.
#[derive(Debug)]
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// Starts a message with empty sections.
    pub fn start(out: &'b mut Vec<u8>, id: u16, flags: u16) -> Self {
        out.clear();
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&[0; 8]);
        Self { out }
    }

    /// Returns what is written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.out
    }

    /// Adds the question, as it was sent. It must come first.
    pub fn question(&mut self, question: &[u8]) {
        self.out[5] = 1;
        self.out.extend_from_slice(question);
    }

    /// Adds a record. `owner` is a name in wire form or a pointer to one.
    pub fn record(&mut self, section: Section, owner: &[u8], rtype: u16, ttl: u32, data: &[&[u8]]) {
        self.out.extend_from_slice(owner);
        self.out.extend_from_slice(&rtype.to_be_bytes());
        self.out.extend_from_slice(&CLASS_IN.to_be_bytes());
        self.out.extend_from_slice(&ttl.to_be_bytes());
        let length: usize = data.iter().map(|part| part.len()).sum();
        self.out.extend_from_slice(&(length as u16).to_be_bytes());
        for part in data {
            self.out.extend_from_slice(part);
        }
        self.count(section);
    }

    /// Adds answer and authority sections that are in wire form already. They must come right after
    /// the question, where their compression pointers expect them.
    pub fn sections(&mut self, body: &[u8], counts: [u16; 2]) {
        self.out.extend_from_slice(body);
        self.out[6..8].copy_from_slice(&counts[0].to_be_bytes());
        self.out[8..10].copy_from_slice(&counts[1].to_be_bytes());
    }

    /// Adds an OPT record (RFC 6891, section 6.1.2) with options already in wire form.
    pub fn opt(&mut self, payload: u16, rcode: Rcode, dnssec_ok: bool, options: &[&[u8]]) {
        self.out.push(0);
        self.out.extend_from_slice(&rtype::OPT.to_be_bytes());
        self.out.extend_from_slice(&payload.to_be_bytes());
        let high = (rcode.0 >> 4) as u8;
        let flags = if dnssec_ok { 0x80 } else { 0 };
        self.out.extend_from_slice(&[high, 0, flags, 0]);
        let length: usize = options.iter().map(|option| option.len()).sum();
        self.out.extend_from_slice(&(length as u16).to_be_bytes());
        for option in options {
            self.out.extend_from_slice(option);
        }
        self.count(Section::Additional);
    }

    fn count(&mut self, section: Section) {
        let at = match section {
            Section::Answer => 6,
            Section::Authority => 8,
            Section::Additional => 10,
        };
        let count = u16::from_be_bytes([self.out[at], self.out[at + 1]]).wrapping_add(1);
        self.out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
}

/// A pointer to the question's name, which always stands right after the header.
pub const QUESTION_NAME: [u8; 2] = [0xc0, HEADER as u8];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        for (text, printed) in [
            (".", "."),
            ("a.b", "a.b."),
            ("A.b.", "A.b."),
            (r"a\.b.c", r"a\.b.c."),
            (r"a\032b", r"a\032b."),
        ] {
            assert_eq!(Name::parse(text).unwrap().to_string(), printed);
        }
        let long = "a".repeat(64);
        for text in [
            "a..b",
            ".a",
            long.as_str(),
            &format!("{}e", "abc.".repeat(64)),
            r"a\25",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_zone_ends_at_a_label_boundary() {
        let within = |name: &str, apex: &str| {
            Name::parse(name)
                .unwrap()
                .is_within(&Name::parse(apex).unwrap())
        };
        assert!(within(
            "localhost.localstack.cloud",
            "localhost.localstack.cloud"
        ));
        assert!(within(
            "a.b.localhost.localstack.cloud",
            "localhost.localstack.cloud"
        ));
        assert!(!within(
            "notlocalhost.localstack.cloud",
            "localhost.localstack.cloud"
        ));
        assert!(!within("localstack.cloud", "localhost.localstack.cloud"));
        // The bytes of `\001b` inside a label look like the label `b`.
        assert!(!within(r"a\001b", "b"));
        assert!(within("anything", "."));
    }

    #[test]
    fn compression_is_followed_backwards_only() {
        let mut message = vec![0; 12];
        message.extend_from_slice(b"\x01b\0\x01a\xc0\x0c\xc0\x13");
        assert_eq!(expand_name(&message, 15).unwrap().to_string(), "a.b.");
        assert_eq!(expand_name(&message, 19), None, "it points to itself");
        assert_eq!(expand_name(&message, 99), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_query(&bytes);
            if let Some(reply) = Reply::read(&bytes) {
                reply.records().for_each(drop);
            }
            for at in 0..bytes.len() {
                let _ = expand_name(&bytes, at);
            }
        }

        #[test]
        fn a_name_survives_printing(labels in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 1..20), 0..8)) {
            let mut wire = Vec::new();
            for label in &labels {
                wire.push(label.len() as u8);
                wire.extend_from_slice(label);
            }
            wire.push(0);
            let name = Name::read(&wire).unwrap();
            prop_assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
    }
}
