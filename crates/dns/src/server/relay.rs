//! Turns an upstream's answer into the reply to one client.

use crate::answer::{Cookie, Ede, finish};
use crate::server::cache::{STALE_TTL, Stored};
use crate::wire::{AA, AD, CD, HEADER, QR, Query, RA, RD, Rcode, TC, Writer};

/// How old an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// It just came.
    New,
    /// It was in the cache for so many seconds.
    Cached(u32),
    /// Its TTL ran out.
    Stale,
}

/// Writes the reply. The question keeps the client's letters (0x20), the client's own flags are
/// repeated, TTLs are counted down, and what is too long is cut as in [`crate::answer::write`].
pub(crate) fn relay(
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
    let mut writer = Writer::start(out, query.id, flags);
    writer.question(query.question);
    writer.sections(&stored.body, stored.counts);
    finish(&mut writer, query, Rcode::NOERROR, ede, cookie);
    if writer.bytes().len() > limit {
        let mut writer = Writer::start(out, query.id, flags | TC);
        writer.question(query.question);
        finish(&mut writer, query, Rcode::NOERROR, ede, cookie);
        return;
    }
    let start = HEADER + query.question.len();
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
