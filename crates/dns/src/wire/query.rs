//! Reading queries.

use super::name::{Name, skip_name};
use super::{HEADER, OPTION_COOKIE, QR, Rcode, opcode, rtype};

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
    let mut name = Name::read(body).ok_or_else(formerr)?;
    let after = name.as_wire().len();
    let question = body.get(..after + 4).ok_or_else(formerr)?;
    let edns = read_additional(&body[after + 4..], word(10)).ok_or_else(formerr)?;
    name.make_lowercase();
    Ok(Query {
        id,
        flags,
        question,
        name,
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
