//! Answers of upstreams, kept for as long as their TTL says (RFC 1035, section 7.4; RFC 2308), and
//! a bounded time longer for when no upstream answers (RFC 8767).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::wire::{Query, Rcode, Reply, Section, rtype};

/// The longest time that a record is kept, in seconds (RFC 8767, section 4).
const MAX_TTL: u32 = 86_400;
/// The longest time that a missing name or type is remembered, in seconds (RFC 2308, section 5).
const MAX_NEGATIVE_TTL: u32 = 3_600;
/// How long an answer may be used after its TTL ran out while no upstream answers (RFC 8767,
/// section 5).
const STALE_FOR: Duration = Duration::from_secs(86_400);
/// The TTL of a stale answer, in seconds (RFC 8767, section 4).
pub(crate) const STALE_TTL: u32 = 30;
/// What an entry costs beside its bytes: map slot, queue slot, allocations. Rounded up.
const OVERHEAD: usize = 256;
/// Locks; queries of different names seldom meet.
const SHARDS: usize = 8;

/// An upstream's answer without id, question and additional section.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) rcode: Rcode,
    /// The flags of the reply.
    pub(crate) flags: u16,
    /// Number of answer and authority records.
    pub(crate) counts: [u16; 2],
    /// Both sections. Compression pointers stay valid behind any question of the same length.
    pub(crate) body: Box<[u8]>,
    /// Where in `body` the TTLs stand.
    pub(crate) ttls: Box<[u16]>,
    /// Seconds to keep it; 0 means not at all.
    pub(crate) keep: u32,
}

impl Stored {
    /// Takes over a reply. `None` when its records are cut short.
    pub(crate) fn new(reply: &Reply<'_>) -> Option<Self> {
        let start = crate::wire::HEADER + reply.question.len();
        let mut end = start;
        let mut counts = [0u16; 2];
        let mut ttls = Vec::new();
        let (mut shortest, mut negative) = (MAX_TTL, None);
        for record in reply.records() {
            let record = record.ok()?;
            let section = match record.section {
                Section::Answer => 0,
                Section::Authority => 1,
                // Minimal responses: glue is of no use to a stub resolver.
                Section::Additional => continue,
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
        let keep = match reply.rcode() {
            Rcode::NOERROR if counts[0] > 0 => shortest,
            // RFC 2308, section 5: without SOA a negative answer is not kept.
            Rcode::NOERROR | Rcode::NXDOMAIN => negative.unwrap_or(0),
            _ => 0,
        };
        Some(Self {
            rcode: reply.rcode(),
            flags: reply.flags,
            counts,
            body: reply.message.get(start..end)?.into(),
            ttls: ttls.into(),
            keep,
        })
    }
}

/// The part of a query that its answer depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; 260],
    len: u16,
}

impl Key {
    pub(crate) fn new(query: &Query<'_>) -> Self {
        let name = query.name.as_wire();
        let mut bytes = [0; 260];
        bytes[..name.len()].copy_from_slice(name);
        bytes[name.len()..name.len() + 2].copy_from_slice(&query.qtype.to_be_bytes());
        bytes[name.len() + 2..name.len() + 4].copy_from_slice(&query.qclass.to_be_bytes());
        let dnssec_ok = query.edns.is_some_and(|edns| edns.dnssec_ok);
        let recursive = query.flags & crate::wire::RD != 0;
        let checking_disabled = query.flags & crate::wire::CD != 0;
        bytes[name.len() + 4] =
            u8::from(dnssec_ok) | u8::from(checking_disabled) << 1 | u8::from(!recursive) << 2;
        Self {
            bytes,
            len: name.len() as u16 + 5,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

struct Entry {
    stored: Arc<Stored>,
    since: Instant,
    /// Used since the hand last passed.
    visited: bool,
}

impl Entry {
    fn cost(&self, key: &[u8]) -> usize {
        self.stored.body.len() + 2 * self.stored.ttls.len() + 2 * key.len() + OVERHEAD
    }
}

#[derive(Default)]
struct Shard {
    map: HashMap<Arc<[u8]>, Entry>,
    /// In order of insertion; the front is looked at first when room is needed.
    queue: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

/// A cache of bounded size, shared by all workers.
pub(crate) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    limit: usize,
}

/// What the cache knows.
pub(crate) enum Cached {
    /// Good for use; the age is in seconds.
    Fresh(Arc<Stored>, u32),
    /// To be used only when no upstream answers.
    Stale(Arc<Stored>),
    Nothing,
}

impl Cache {
    /// A cache of at most `limit` bytes; 0 keeps nothing.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            shards: Default::default(),
            hasher: RandomState::new(),
            limit: limit / SHARDS,
        }
    }

    fn shard(&self, key: &[u8]) -> std::sync::MutexGuard<'_, Shard> {
        let n = self.hasher.hash_one(key) as usize % SHARDS;
        // A panic while the lock was held cannot leave anything worse than a wrong byte count.
        self.shards[n]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &Key, now: Instant) -> Cached {
        if self.limit == 0 {
            return Cached::Nothing;
        }
        let mut shard = self.shard(key.as_bytes());
        let Some(entry) = shard.map.get_mut(key.as_bytes()) else {
            return Cached::Nothing;
        };
        let age = now.saturating_duration_since(entry.since);
        let keep = Duration::from_secs(entry.stored.keep.into());
        entry.visited = true;
        if age < keep {
            Cached::Fresh(Arc::clone(&entry.stored), age.as_secs() as u32)
        } else if age < keep + STALE_FOR {
            Cached::Stale(Arc::clone(&entry.stored))
        } else {
            Cached::Nothing
        }
    }

    pub(crate) fn insert(&self, key: &[u8], stored: &Arc<Stored>, now: Instant) {
        if stored.keep == 0 {
            return;
        }
        let entry = Entry {
            stored: Arc::clone(stored),
            since: now,
            visited: false,
        };
        let cost = entry.cost(key);
        if cost > self.limit {
            return;
        }
        let mut shard = self.shard(key);
        if let Some(old) = shard.map.get_mut(key) {
            let old_cost = old.cost(key);
            *old = entry;
            shard.bytes = shard.bytes + cost - old_cost;
        } else {
            let key: Arc<[u8]> = key.into();
            shard.queue.push_back(Arc::clone(&key));
            shard.map.insert(key, entry);
            shard.bytes += cost;
        }
        shard.make_room(self.limit);
    }

    /// Returns entries and bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.shards.iter().fold((0, 0), |(entries, bytes), shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            (entries + shard.map.len(), bytes + shard.bytes)
        })
    }

    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::default();
        }
    }
}

impl Shard {
    /// Second chance: what was used since the last pass goes to the back of the queue.
    fn make_room(&mut self, limit: usize) {
        while self.bytes > limit {
            let Some(key) = self.queue.pop_front() else {
                break;
            };
            match self.map.get_mut(&key) {
                Some(entry) if entry.visited => {
                    entry.visited = false;
                    self.queue.push_back(key);
                }
                Some(entry) => {
                    self.bytes -= entry.cost(&key);
                    self.map.remove(&key);
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Name, QR, Writer, read_query};

    /// A query message for `name`, and a reply to it with one A record of `ttl` seconds.
    fn exchange(name: &str, ttl: u32) -> (Vec<u8>, Vec<u8>) {
        let mut question = Name::parse(name).unwrap().as_wire().to_vec();
        question.extend_from_slice(&[0, 1, 0, 1]);
        let (mut query, mut reply) = (Vec::new(), Vec::new());
        Writer::start(&mut query, 1, crate::wire::RD).question(&question);
        let mut writer = Writer::start(&mut reply, 1, QR);
        writer.question(&question);
        writer.record(
            Section::Answer,
            &[0xc0, 12],
            rtype::A,
            ttl,
            &[&[1, 2, 3, 4]],
        );
        (query, reply)
    }

    fn put(cache: &Cache, name: &str, ttl: u32, now: Instant) -> Key {
        let (query, reply) = exchange(name, ttl);
        let key = Key::new(&read_query(&query).unwrap());
        let stored = Stored::new(&Reply::read(&reply).unwrap()).unwrap();
        cache.insert(key.as_bytes(), &Arc::new(stored), now);
        key
    }

    #[test]
    fn an_answer_ages_turns_stale_and_goes() {
        let cache = Cache::new(1 << 20);
        let now = Instant::now();
        let key = put(&cache, "a.test", 60, now);
        let at = |seconds| cache.get(&key, now + Duration::from_secs(seconds));
        assert!(matches!(at(59), Cached::Fresh(_, 59)));
        assert!(matches!(at(60), Cached::Stale(_)));
        assert!(matches!(at(60 + 86_400), Cached::Nothing));
        let key = put(&cache, "zero.test", 0, now);
        assert!(matches!(cache.get(&key, now), Cached::Nothing));
    }

    #[test]
    fn the_size_is_bounded_and_used_answers_stay() {
        let cache = Cache::new(SHARDS * 4096);
        let now = Instant::now();
        let used = put(&cache, "used.test", 60, now);
        for n in 0..500 {
            put(&cache, &format!("n{n}.test"), 60, now);
            assert!(matches!(cache.get(&used, now), Cached::Fresh(..)), "{n}");
        }
        let (entries, bytes) = cache.size();
        assert!(
            bytes <= SHARDS * 4096 && entries > SHARDS,
            "{entries} {bytes}"
        );
        cache.clear();
        assert_eq!(cache.size(), (0, 0));
    }
}
