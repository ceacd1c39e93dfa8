//! What an upstream said, and the reply to one client that it becomes. Pure, like [`crate::answer`].

use crate::answer::{Cookie, Ede, finish};
use crate::wire::{
    AA, AD, CD, HEADER, QR, Query, RA, RD, Rcode, Reply, Section, TC, Writer, rtype,
};

/// The longest time that a record is kept, in seconds (RFC 8767, section 4).
const MAX_TTL: u32 = 86_400;
/// The longest time that a missing name or type is remembered, in seconds (RFC 2308, section 5).
const MAX_NEGATIVE_TTL: u32 = 3_600;
/// The TTL of a stale answer, in seconds (RFC 8767, section 4).
const STALE_TTL: u32 = 30;

/// An upstream's answer without id, question and additional section.
#[derive(Debug)]
pub struct Stored {
    pub(crate) rcode: Rcode,
    /// The flags of the reply.
    flags: u16,
    /// Number of answer and authority records.
    counts: [u16; 2],
    /// Both sections. Compression pointers stay valid behind any question of the same length.
    pub(crate) body: Box<[u8]>,
    /// Where in `body` the TTLs stand.
    pub(crate) ttls: Box<[u16]>,
    /// Seconds to keep it; 0 means not at all.
    pub(crate) keep: u32,
}

impl Stored {
    /// Takes over a reply. `None` when its records are cut short.
    #[must_use]
    pub fn new(reply: &Reply<'_>) -> Option<Self> {
        let start = crate::wire::HEADER + reply.question.len();
        let mut end = start;
        let mut counts = [0u16; 2];
        let mut ttls = Vec::new();
        let mut rcode = reply.rcode();
        let (mut shortest, mut negative) = (MAX_TTL, None);
        for record in reply.records() {
            let record = record.ok()?;
            let section = match record.section {
                Section::Answer => 0,
                Section::Authority => 1,
                Section::Additional => {
                    // RFC 6891, section 6.1.3: the upper bits of the code. None of those that need
                    // them, such as BADVERS, is about the client's question.
                    if record.rtype == rtype::OPT && record.ttl >> 24 != 0 {
                        rcode = Rcode::SERVFAIL;
                    }
                    // Minimal responses: glue is of no use to a stub resolver.
                    continue;
                }
            };
            if record.rtype == rtype::OPT {
                return None;
            }
            counts[section] += 1;
            end = record.end;
            ttls.push(u16::try_from(record.ttl_at - start).ok()?);
            // RFC 2181, section 8: a TTL with the top bit set is 0.
            let ttl = if record.ttl > i32::MAX as u32 {
                0
            } else {
                record.ttl
            };
            shortest = shortest.min(ttl);
            if section == 1 && record.rtype == rtype::SOA && record.data.len() >= 22 {
                let minimum = record
                    .data
                    .last_chunk::<4>()
                    .map_or(0, |b| u32::from_be_bytes(*b));
                negative = Some(ttl.min(minimum).min(MAX_NEGATIVE_TTL));
            }
        }
        let keep = match rcode {
            Rcode::NOERROR if counts[0] > 0 => shortest,
            // RFC 2308, section 5: without SOA a negative answer is not kept.
            Rcode::NOERROR | Rcode::NXDOMAIN => negative.unwrap_or(0),
            _ => 0,
        };
        Some(Self {
            rcode,
            flags: reply.flags,
            counts,
            body: reply.message.get(start..end)?.into(),
            ttls: ttls.into(),
            keep,
        })
    }
}

/// How old an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It just came.
    New,
    /// It was in the cache for so many seconds.
    Cached(u32),
    /// Its TTL ran out.
    Stale,
}

/// Writes the reply. The question keeps the client's letters (0x20), the client's own flags are
/// repeated, TTLs are counted down, and what is too long is cut as in [`crate::answer::write`].
pub fn relay(
    query: &Query<'_>,
    stored: &Stored,
    age: Age,
    limit: usize,
    cookie: Option<&Cookie>,
    out: &mut Vec<u8>,
) {
    let mut flags = QR | RA | query.flags & (RD | CD) | stored.rcode.0 & 0xf;
    // RFC 6840, section 5.7: AD is for clients that showed interest in it.
    if query.flags & AD != 0 || query.edns.is_some_and(|edns| edns.dnssec_ok) {
        flags |= stored.flags & AD;
    }
    if age == Age::New {
        flags |= stored.flags & AA;
    }
    let ede = (age == Age::Stale).then_some(Ede::STALE);
    let start = HEADER + query.question.len();
    // What is far too long is not written at all: buffers would keep room for it.
    let mut fits = start + stored.body.len() <= limit;
    if fits {
        let mut writer = Writer::start(out, query.id, flags);
        writer.question(query.question);
        writer.sections(&stored.body, stored.counts);
        finish(&mut writer, query.edns, Rcode::NOERROR, ede, cookie);
        fits = writer.bytes().len() <= limit;
    }
    if !fits {
        let mut writer = Writer::start(out, query.id, flags | TC);
        writer.question(query.question);
        finish(&mut writer, query.edns, Rcode::NOERROR, ede, cookie);
        return;
    }
    for &at in &stored.ttls {
        let at = start + usize::from(at);
        if let Some(ttl) = out
            .get_mut(at..at + 4)
            .and_then(|s| s.first_chunk_mut::<4>())
        {
            let before = u32::from_be_bytes(*ttl);
            let now = match age {
                Age::New => continue,
                Age::Cached(seconds) => before.saturating_sub(seconds),
                Age::Stale => STALE_TTL,
            };
            *ttl = now.to_be_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Name, read_query};

    #[test]
    fn a_long_answer_leaves_no_long_buffer_behind() {
        let name = Name::parse("long.test").unwrap();
        let question = [name.as_wire(), &[0, 16, 0, 1]].concat();
        let (mut asked, mut reply) = (Vec::new(), Vec::new());
        Writer::start(&mut asked, 7, RD).question(&question);
        let mut writer = Writer::start(&mut reply, 7, QR);
        writer.question(&question);
        writer.record(Section::Answer, &[0xc0, 12], 16, 60, &[&[1; 50_000]]);
        let stored = Stored::new(&Reply::read(&reply).unwrap()).unwrap();
        let query = read_query(&asked).unwrap();
        let mut out = Vec::new();
        relay(&query, &stored, Age::New, 1232, None, &mut out);
        assert!(Reply::read(&out).unwrap().flags & TC != 0);
        assert!(out.capacity() < 2048, "{}", out.capacity());
    }
}
