//! Who may have queries forwarded, and how fast strangers are answered.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use tokio::time::Instant;

use ipnet::IpNet;
use lsconfig::network::Network;

/// Returns whether queries of `client` are forwarded: loopback, private and link-local addresses,
/// networks that we are on, and what the user allowed. Everybody else could use us as an open
/// resolver (RFC 5358).
#[must_use]
pub(crate) fn may_forward(
    client: IpAddr,
    scope: u32,
    network: &Network,
    allowed: &[IpNet],
) -> bool {
    let client = client.to_canonical();
    let private = match client {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    private
        || allowed.iter().any(|net| net.contains(&client))
        || network.is_connected(client, scope)
}

/// Answers a second to one network of strangers before the rest is cut.
const RATE: f32 = 20.0;
/// Answers that may come at once.
const BURST: f32 = 60.0;
/// Networks that are counted; more share a counter, which is on the safe side.
const SLOTS: usize = 4096;

/// What happens to an answer to a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is sent.
    Send,
    /// An empty truncated one is sent, so that a real client comes back over TCP.
    Slip,
    /// Nothing is sent.
    Drop,
}

/// Response-rate limiting: a token bucket per /24 or /56, in a table of fixed size.
pub(crate) struct RateLimit {
    slots: Vec<Bucket>,
    hasher: RandomState,
    start: Instant,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    tokens: f32,
    /// Milliseconds since `start`; a smaller type would count coarsely after some months.
    at: u64,
    cut: u8,
}

impl RateLimit {
    pub(crate) fn new(now: Instant) -> Self {
        let full = Bucket {
            tokens: BURST,
            ..Bucket::default()
        };
        Self {
            slots: vec![full; SLOTS],
            hasher: RandomState::new(),
            start: now,
        }
    }

    pub(crate) fn judge(&mut self, client: IpAddr, now: Instant) -> Verdict {
        let network = match client.to_canonical() {
            IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
            IpAddr::V6(ip) => (Ipv6Addr::to_bits(ip) >> 72) as u64 | 1 << 63,
        };
        let slot = self.hasher.hash_one(network) as usize % SLOTS;
        let at = now.saturating_duration_since(self.start).as_millis() as u64;
        let bucket = &mut self.slots[slot];
        let seconds = (at - bucket.at) as f32 / 1000.0;
        bucket.tokens = (seconds * RATE + bucket.tokens).min(BURST);
        bucket.at = at;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Verdict::Send;
        }
        bucket.cut = bucket.cut.wrapping_add(1);
        if bucket.cut.is_multiple_of(2) {
            Verdict::Slip
        } else {
            Verdict::Drop
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn strangers_are_not_forwarded_for() {
        let allowed = ["203.0.113.0/24".parse().unwrap()];
        let network =
            Network::default().with_addresses(vec![lsconfig::network::InterfaceAddress {
                interface: "eth0".into(),
                index: 2,
                net: "198.51.100.2/24".parse().unwrap(),
            }]);
        for (client, expected) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:192.168.0.1", true),
            ("203.0.113.9", true),
            ("198.51.100.77", true),
            ("8.8.8.8", false),
            ("2001:db8::1", false),
        ] {
            let client = client.parse().unwrap();
            assert_eq!(
                may_forward(client, 0, &network, &allowed),
                expected,
                "{client}"
            );
        }
    }

    #[test]
    fn a_flood_is_cut_and_the_network_recovers() {
        let start = Instant::now();
        let mut limit = RateLimit::new(start);
        let client = "203.0.113.9".parse().unwrap();
        let verdicts: Vec<_> = (0..100).map(|_| limit.judge(client, start)).collect();
        assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Send).count(), 60);
        assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Slip).count(), 20);
        let neighbour = "203.0.113.200".parse().unwrap();
        assert_ne!(limit.judge(neighbour, start), Verdict::Send);
        assert_eq!(
            limit.judge(client, start + Duration::from_secs(1)),
            Verdict::Send
        );
    }

    #[test]
    fn years_later_the_rate_is_the_same() {
        let start = Instant::now();
        let mut limit = RateLimit::new(start);
        let client = "203.0.113.9".parse().unwrap();
        let late = start + Duration::from_secs(5 * 365 * 86_400);
        // Half the rate for ten seconds: nothing is cut.
        for n in 0..100 {
            let at = late + Duration::from_millis(n * 100);
            assert_eq!(limit.judge(client, at), Verdict::Send, "{n}");
        }
    }
}
