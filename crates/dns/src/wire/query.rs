//! Reading queries.

use super::name::{Name, skip_name};
use super::writer::Writer;
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
    /// Returns a message that asks the same and is at most 282 bytes long, whatever else the client
    /// sent: what is kept while an upstream is asked. Options of EDNS are left out.
    #[must_use]
    pub fn to_message(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(HEADER + self.question.len() + 11);
        let mut writer = Writer::start(&mut message, self.id, self.flags);
        writer.question(self.question);
        if let Some(edns) = self.edns {
            writer.opt(edns.payload, Rcode::NOERROR, edns.dnssec_ok, &[]);
        }
        message
    }

    /// Returns the opcode.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        opcode(self.flags)
    }
}

/// Why a message is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable<'a> {
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
    /// It asks for a cookie and nothing else (RFC 7873, section 5.4).
    CookieOnly {
        /// The message's id.
        id: u16,
        /// Its flags.
        flags: u16,
        /// Its EDNS, which has a cookie.
        edns: Edns<'a>,
    },
}

/// Reads a query.
///
/// # Errors
/// What to do with a message that is none: see [`Unreadable`].
pub fn read_query(message: &[u8]) -> Result<Query<'_>, Unreadable<'_>> {
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
    let formerr = || fail(Rcode::FORMERR);
    let body = &message[HEADER..];
    if word(4) > 1 || word(6) != 0 || word(8) != 0 {
        return Err(formerr());
    }
    if word(4) == 0 {
        let edns = read_additional(body, word(10)).ok_or_else(formerr)?;
        let edns = edns
            .filter(|edns| edns.cookie.is_some())
            .ok_or_else(formerr)?;
        return Err(Unreadable::CookieOnly { id, flags, edns });
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    #[test]
    fn what_is_kept_of_a_query_is_small_and_asks_the_same() {
        let name = Name::parse("Some.Name.test").unwrap();
        let question = [name.as_wire(), &[0, 28, 0, 1]].concat();
        let padding = [&[0, 12, 0xf0, 0][..], &[0; 0xf000]].concat();
        let mut message = Vec::new();
        let mut writer = Writer::start(&mut message, 7, crate::wire::RD);
        writer.question(&question);
        writer.opt(1232, Rcode::NOERROR, true, &[&padding]);
        let query = read_query(&message).unwrap();
        let kept = query.to_message();
        assert!(
            message.len() > 60_000 && kept.len() <= 282,
            "{}",
            kept.len()
        );
        let again = read_query(&kept).unwrap();
        assert_eq!(
            (again.id, again.flags, again.question, again.edns),
            (query.id, query.flags, query.question, query.edns)
        );
    }
}
