//! Answers of upstreams, kept for as long as their TTL says (RFC 1035, section 7.4; RFC 2308), and
//! a bounded time longer for when no upstream answers (RFC 8767).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::relay::Stored;
use crate::wire::Query;

/// How long an answer may be used after its TTL ran out while no upstream answers (RFC 8767,
/// section 5).
const STALE_FOR: Duration = Duration::from_secs(86_400);
/// What an entry costs beside its bytes: map slot, queue slot, allocations. Rounded up.
const OVERHEAD: usize = 256;
/// Locks; queries of different names seldom meet.
const SHARDS: usize = 8;

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
    use crate::wire::{Name, QR, Reply, Section, Writer, read_query, rtype};

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
