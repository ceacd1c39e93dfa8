//! The set of addresses that a gateway binds.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::addr::HostPort;

/// How many addresses are put into a set without further preparation.
const FEW: usize = 64;

/// Listen addresses without redundancy, grouped by port in order of first appearance.
///
/// A wildcard absorbs what it covers on the same port: `::` everything, `0.0.0.0` everything but
/// IPv6 literals ([`Host::covers`](crate::addr::Host::covers)). Which sockets are bound does not
/// depend on the order of insertion; only their order does.
///
/// LocalStack 4 groups the same way, but drops IPv6 addresses next to `0.0.0.0` and orders the
/// hosts of one port at random. See `docs/reference/divergences.md`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct ListenSet {
    addresses: Vec<HostPort>,
}

impl ListenSet {
    /// Adds `address` and returns the addresses that are redundant now.
    ///
    /// These are the present ones that `address` covers, or `address` itself when a present one
    /// covers it.
    pub fn insert(&mut self, address: HostPort) -> Vec<HostPort> {
        let same_port = |present: &HostPort| present.port == address.port;
        let Some(first) = self.addresses.iter().position(same_port) else {
            self.addresses.push(address);
            return Vec::new();
        };
        let group = &self.addresses[first..];
        let group = &group[..group.iter().take_while(|p| same_port(p)).count()];
        if group.iter().any(|p| p.host.covers(&address.host)) {
            return vec![address];
        }
        let group = first..first + group.len();
        let covered = |present: &HostPort| address.host.covers(&present.host);
        if self.addresses[group.clone()].iter().any(covered) {
            let (absorbed, kept) = self.addresses[group.clone()]
                .iter()
                .cloned()
                .partition(covered);
            let kept: Vec<HostPort> = kept;
            self.addresses
                .splice(group, [address].into_iter().chain(kept));
            return absorbed;
        }
        self.addresses.insert(group.end, address);
        Vec::new()
    }

    /// Iterates over the addresses.
    pub fn iter(&self) -> std::slice::Iter<'_, HostPort> {
        self.addresses.iter()
    }

    /// Returns the addresses.
    #[must_use]
    pub fn as_slice(&self) -> &[HostPort] {
        &self.addresses
    }

    /// Returns the port that internal clients use and that returned URLs carry by default.
    #[must_use]
    pub fn first_port(&self) -> Option<u16> {
        self.addresses.first().map(|address| address.port)
    }

    /// Returns whether a connection to `address` reaches one of the sockets.
    #[must_use]
    pub fn covers(&self, address: &HostPort) -> bool {
        self.covering(address).is_some()
    }

    /// Returns the first address whose socket a connection to `address` reaches.
    #[must_use]
    pub fn covering(&self, address: &HostPort) -> Option<&HostPort> {
        self.iter()
            .find(|a| a.port == address.port && a.host.covers(&address.host))
    }
}

impl<'a> IntoIterator for &'a ListenSet {
    type Item = &'a HostPort;
    type IntoIter = std::slice::Iter<'a, HostPort>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<HostPort> for ListenSet {
    fn from_iter<I: IntoIterator<Item = HostPort>>(addresses: I) -> Self {
        let mut addresses = addresses.into_iter();
        let mut few = Self::default();
        for address in addresses.by_ref().take(FEW) {
            few.insert(address);
        }
        let rest: Vec<HostPort> = addresses.collect();
        if rest.is_empty() {
            return few;
        }
        // One set for each port, so that a long list of ports takes linear time.
        let addresses = few.addresses.into_iter().chain(rest);
        let mut places: BTreeMap<u16, usize> = BTreeMap::new();
        let mut groups: Vec<Self> = Vec::new();
        for address in addresses {
            let place = *places.entry(address.port).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Self::default());
            }
            groups[place].insert(address);
        }
        let mut groups = groups.into_iter();
        let mut all = groups.next().unwrap_or_default();
        all.addresses
            .extend(groups.flat_map(|group| group.addresses));
        all
    }
}

/// Prints the value of `GATEWAY_LISTEN` that gives this set.
impl fmt::Display for ListenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, address) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            address.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> HostPort {
        let spec: crate::addr::HostPortSpec = text.parse().unwrap();
        HostPort {
            host: spec.host.unwrap(),
            port: spec.port.unwrap(),
        }
    }

    #[track_caller]
    fn check(inserted: &str, expected: &str, last_absorbs: &str) {
        let mut set = ListenSet::default();
        let mut absorbed = Vec::new();
        for text in inserted.split(' ') {
            absorbed = set.insert(at(text));
        }
        assert_eq!(set.to_string(), expected, "{inserted}");
        let absorbed: Vec<_> = absorbed.iter().map(ToString::to_string).collect();
        assert_eq!(absorbed.join(" "), last_absorbs, "{inserted}");
    }

    #[test]
    fn a_long_list_gives_what_insertion_gives() {
        let list = || (0..500_u16).map(|n| at(&format!("10.0.0.{}:{}", n % 7, 1 + n % 90)));
        let mut one_by_one = ListenSet::default();
        for address in list() {
            one_by_one.insert(address);
        }
        assert_eq!(list().collect::<ListenSet>(), one_by_one);
    }

    #[test]
    fn a_wildcard_absorbs_earlier_addresses() {
        check(
            "127.0.0.1:4566 0.0.0.0:4566",
            "0.0.0.0:4566",
            "127.0.0.1:4566",
        );
        check(
            "127.0.0.1:1 [::1]:1 [::]:1",
            "[::]:1",
            "127.0.0.1:1 [::1]:1",
        );
        check("0.0.0.0:1 [::]:1", "[::]:1", "0.0.0.0:1");
    }

    #[test]
    fn a_wildcard_absorbs_later_addresses() {
        check(
            "0.0.0.0:4566 127.0.0.1:4566",
            "0.0.0.0:4566",
            "127.0.0.1:4566",
        );
        check("[::]:1 0.0.0.0:1", "[::]:1", "0.0.0.0:1");
        check("127.0.0.1:1 127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1");
    }

    #[test]
    fn ipv4_wildcards_keep_ipv6_and_other_ports() {
        check("[::1]:1 0.0.0.0:1", "[::1]:1,0.0.0.0:1", "");
        check("127.0.0.1:1 0.0.0.0:2", "127.0.0.1:1,0.0.0.0:2", "");
    }

    #[test]
    fn addresses_group_by_port_in_order_of_first_appearance() {
        check(
            "127.0.0.1:5000 127.0.0.1:6000 10.0.0.1:5000",
            "127.0.0.1:5000,10.0.0.1:5000,127.0.0.1:6000",
            "",
        );
        check(
            "127.0.0.1:5000 127.0.0.1:6000 0.0.0.0:5000",
            "0.0.0.0:5000,127.0.0.1:6000",
            "127.0.0.1:5000",
        );
    }
}
