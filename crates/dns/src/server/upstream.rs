//! Whom queries are forwarded to, and how each of them is doing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ipnet::IpNet;
use lsconfig::network::Network;

use crate::wire::Name;

/// Unanswered attempts in a row after which an upstream counts as down.
const FAILURES_UNTIL_DOWN: u32 = 3;

/// One upstream, shared by all workers.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    failures: AtomicU32,
    /// Its queries come back to us.
    looping: AtomicBool,
}

impl Upstream {
    fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            failures: AtomicU32::new(0),
            looping: AtomicBool::new(false),
        }
    }

    /// Notes an answer. Returns whether the upstream was down before.
    pub(crate) fn answered(&self) -> bool {
        // Loaded first, so that the usual case writes nothing that other cores read.
        self.failures.load(Ordering::Relaxed) != 0
            && self.failures.swap(0, Ordering::Relaxed) >= FAILURES_UNTIL_DOWN
    }

    /// Notes a missing answer. Returns whether the upstream is down since now.
    pub(crate) fn missed(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) + 1 == FAILURES_UNTIL_DOWN
    }

    pub(crate) fn is_down(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= FAILURES_UNTIL_DOWN
    }

    pub(crate) fn set_looping(&self) -> bool {
        !self.looping.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_looping(&self) -> bool {
        self.looping.load(Ordering::Relaxed)
    }
}

/// Upstreams that serve the same names.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// In lower case; the root for all names.
    suffix: Option<Name>,
    pub(crate) upstreams: Vec<Arc<Upstream>>,
}

impl Group {
    /// Returns the upstream for the next attempt of a question, as its place in `upstreams`.
    /// `tries` has what was tried so far: the least tried one in the user's order, where one that
    /// is down counts as tried once more. So a lost datagram is repeated before one that is down is
    /// asked, and that one is asked before it is given up.
    pub(crate) fn choose(&self, tries: &[u8]) -> Option<usize> {
        let usable = self.upstreams.iter().zip(tries).enumerate();
        let usable = usable.filter(|(_, (upstream, _))| !upstream.is_looping());
        let cost = |upstream: &Upstream, tries: u8| {
            let down = upstream.is_down();
            (tries.saturating_add(u8::from(down)), down)
        };
        let best = usable.min_by_key(|(_, (upstream, tries))| cost(upstream, **tries));
        best.map(|(place, _)| place)
    }

    /// Returns whether there is anybody to ask.
    pub(crate) fn is_usable(&self) -> bool {
        self.upstreams.iter().any(|upstream| !upstream.is_looping())
    }

    pub(crate) fn all_down(&self) -> bool {
        self.upstreams.iter().all(|u| u.is_down() || u.is_looping())
    }
}

/// How names that are not ours are resolved.
#[derive(Debug, Clone, Default)]
pub struct ForwardConfig {
    /// Upstreams, asked in this order.
    pub upstreams: Vec<SocketAddr>,
    /// Upstreams of single domains and everything below them; the longest domain decides.
    pub domains: Vec<(Name, SocketAddr)>,
    /// Networks whose queries are forwarded, beside loopback, private and connected ones.
    pub allow_from: Vec<IpNet>,
}

/// The current [`ForwardConfig`] with the state of each upstream.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    /// The longest suffix first; all names last.
    groups: Vec<Arc<Group>>,
    pub(crate) allow_from: Vec<IpNet>,
    /// Upstreams that were left out because they are this server.
    pub(crate) ourselves: Vec<SocketAddr>,
}

impl Policy {
    /// Takes over a configuration, keeping the state of upstreams that stay.
    pub(crate) fn new(
        config: &ForwardConfig,
        before: &Self,
        listening: &[SocketAddr],
        network: &Network,
    ) -> Self {
        let mut policy = Self {
            allow_from: config.allow_from.clone(),
            ..Self::default()
        };
        let known: Vec<Arc<Upstream>> = before.upstreams().cloned().collect();
        let mut add = |suffix: Option<Name>, addr: SocketAddr| {
            if is_ourselves(addr, listening, network) {
                policy.ourselves.push(addr);
                return;
            }
            let upstream = known.iter().find(|u| u.addr == addr).cloned();
            let upstream = upstream.unwrap_or_else(|| Arc::new(Upstream::new(addr)));
            let group = policy
                .groups
                .iter_mut()
                .find(|group| group.suffix == suffix);
            match group.and_then(Arc::get_mut) {
                Some(group) => group.upstreams.push(upstream),
                None => policy.groups.push(Arc::new(Group {
                    suffix,
                    upstreams: vec![upstream],
                })),
            }
        };
        for &(suffix, addr) in &config.domains {
            add(Some(suffix.to_lowercase()), addr);
        }
        for &addr in &config.upstreams {
            add(None, addr);
        }
        policy.groups.sort_by_key(|group| {
            std::cmp::Reverse(group.suffix.map_or(0, |name| name.as_wire().len()))
        });
        policy
    }

    /// Returns the upstreams of a name, in lower case.
    pub(crate) fn group_of(&self, name: &Name) -> Option<&Arc<Group>> {
        self.groups
            .iter()
            .find(|group| group.suffix.is_none_or(|suffix| name.is_within(&suffix)))
    }

    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.groups.iter().flat_map(|group| group.upstreams.iter())
    }
}

/// Returns whether a query to `addr` would arrive at one of our own sockets.
fn is_ourselves(addr: SocketAddr, listening: &[SocketAddr], network: &Network) -> bool {
    let ip = addr.ip().to_canonical();
    listening.iter().any(|own| {
        let wildcard = own.ip().is_unspecified() && own.is_ipv4() == ip.is_ipv4();
        // Docker's resolver is an address of the container's loopback network that Docker owns.
        let docker = ip == IpAddr::from([127, 0, 0, 11]);
        own.port() == addr.port()
            && (own.ip() == ip
                || ip.is_unspecified()
                || wildcard && (network.is_ours(ip) || ip.is_loopback() && !docker))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(listening: &str, upstreams: &[&str], domains: &[(&str, &str)]) -> Policy {
        let config = ForwardConfig {
            upstreams: upstreams.iter().map(|u| u.parse().unwrap()).collect(),
            domains: domains
                .iter()
                .map(|(name, addr)| (Name::parse(name).unwrap(), addr.parse().unwrap()))
                .collect(),
            allow_from: Vec::new(),
        };
        let network =
            Network::default().with_addresses(vec![lsconfig::network::InterfaceAddress {
                interface: "eth0".into(),
                index: 2,
                net: "10.0.2.20/24".parse().unwrap(),
            }]);
        Policy::new(
            &config,
            &Policy::default(),
            &[listening.parse().unwrap()],
            &network,
        )
    }

    #[test]
    fn the_longest_domain_decides() {
        let policy = policy(
            "0.0.0.0:53",
            &["9.9.9.9:53"],
            &[
                ("corp.test", "10.1.1.1:53"),
                ("Deep.corp.test", "10.1.1.2:53"),
            ],
        );
        let chosen = |name: &str| {
            let group = policy.group_of(&Name::parse(name).unwrap()).unwrap();
            group.upstreams[0].addr.to_string()
        };
        assert_eq!(chosen("x.deep.corp.test"), "10.1.1.2:53");
        assert_eq!(chosen("corp.test"), "10.1.1.1:53");
        assert_eq!(chosen("notcorp.test"), "9.9.9.9:53");
    }

    #[test]
    fn we_are_never_our_own_upstream() {
        let texts = [
            "127.0.0.1:53",
            "10.0.2.20:53",
            "0.0.0.0:53",
            "127.0.0.11:53",
            "127.0.0.1:54",
        ];
        let policy = policy("0.0.0.0:53", &texts, &[]);
        let kept: Vec<_> = policy.upstreams().map(|u| u.addr.to_string()).collect();
        assert_eq!(kept, ["127.0.0.11:53", "127.0.0.1:54"]);
        assert_eq!(policy.ourselves.len(), 3);
    }

    #[test]
    fn an_upstream_that_is_down_comes_last_and_recovers() {
        let policy = policy("127.0.0.1:53", &["10.9.9.1:53", "10.9.9.2:53"], &[]);
        let group = policy.group_of(&Name::ROOT).unwrap();
        let first = |tries| group.choose(tries).unwrap();
        assert_eq!([first(&[0, 0]), first(&[1, 0]), first(&[1, 1])], [0, 1, 0]);
        let bad = Arc::clone(&group.upstreams[0]);
        assert_eq!(
            [bad.missed(), bad.missed(), bad.missed(), bad.missed()],
            [false, false, true, false]
        );
        assert_eq!([first(&[0, 0]), first(&[0, 1]), first(&[0, 2])], [1, 1, 0]);
        assert!(bad.answered());
        assert_eq!(first(&[0, 0]), 0);
        assert!(bad.set_looping());
        assert_eq!([first(&[0, 0]), first(&[0, 9])], [1, 1]);
    }
}
