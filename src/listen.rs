//! The set of addresses that a gateway binds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;
use smol_str::SmolStr;

use crate::addr::{Host, HostPort};

/// How many addresses a set compares one by one, which needs no memory beside the set.
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
    /// covers it. Every present address of the port is looked at: collect an iterator to build a
    /// large set.
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
        Self::merge(addresses, |_, _| {})
    }
}

impl ListenSet {
    /// Inserts every address in turn, in `n log n` time, and hands on each one that becomes
    /// redundant, with the wildcard that covers it or `None` for a twin.
    pub(crate) fn merge(
        addresses: impl IntoIterator<Item = HostPort>,
        mut absorbed: impl FnMut(&HostPort, Option<&HostPort>),
    ) -> Self {
        let mut addresses = addresses.into_iter();
        let mut few = Self::default();
        for address in addresses.by_ref().take(FEW) {
            for redundant in few.insert(address) {
                let by = few.covering(&redundant).filter(|by| **by != redundant);
                absorbed(&redundant, by);
            }
        }
        let Some(next) = addresses.next() else {
            return few;
        };
        let mut groups = Groups::default();
        for address in few.addresses {
            groups.insert(address, |_, _| {});
        }
        for address in std::iter::once(next).chain(addresses) {
            groups.insert(address, &mut absorbed);
        }
        let groups = groups.groups.into_iter();
        Self {
            addresses: groups.flat_map(|group| group.addresses).collect(),
        }
    }
}

/// A large set while it grows: one group for each port, in order of first appearance.
#[derive(Default)]
struct Groups {
    places: BTreeMap<u16, usize>,
    groups: Vec<Group>,
}

impl Groups {
    fn insert(&mut self, address: HostPort, absorbed: impl FnMut(&HostPort, Option<&HostPort>)) {
        let next = self.groups.len();
        let place = *self.places.entry(address.port).or_insert(next);
        if place == next {
            self.groups.push(Group::default());
        }
        self.groups[place].insert(address, absorbed);
    }
}

/// The addresses of one port.
#[derive(Default)]
struct Group {
    addresses: Vec<HostPort>,
    /// Their hosts, by what equal ones have in common.
    hosts: BTreeSet<(Option<IpAddr>, SmolStr)>,
    /// Where the wildcard stands. There is one at most: `::` covers `0.0.0.0`.
    wildcard: Option<usize>,
}

impl Group {
    fn insert(
        &mut self,
        address: HostPort,
        mut absorbed: impl FnMut(&HostPort, Option<&HostPort>),
    ) {
        let key = |host: &Host| {
            let (ip, text) = host.key();
            (ip, SmolStr::from(text))
        };
        let host = key(&address.host);
        if self.hosts.contains(&host) {
            return absorbed(&address, None);
        }
        let wildcard = self.wildcard.map(|place| &self.addresses[place]);
        if let Some(by) = wildcard.filter(|by| by.host.covers(&address.host)) {
            return absorbed(&address, Some(by));
        }
        if address.host.is_wildcard() {
            // At most twice for each port: once for `0.0.0.0`, once for `::`.
            let all = std::mem::take(&mut self.addresses);
            let (redundant, kept): (Vec<_>, Vec<_>) = all
                .into_iter()
                .partition(|present| address.host.covers(&present.host));
            for redundant in &redundant {
                self.hosts.remove(&key(&redundant.host));
                absorbed(redundant, Some(&address));
            }
            self.addresses = kept;
            // It takes the place of what it covers.
            let place = if redundant.is_empty() {
                self.addresses.len()
            } else {
                0
            };
            self.wildcard = Some(place);
            self.addresses.insert(place, address);
        } else {
            self.addresses.push(address);
        }
        self.hosts.insert(host);
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

    /// Merges a long list at once, and one by one; both must say the same.
    #[track_caller]
    fn check_long(list: impl Iterator<Item = String> + Clone) -> ListenSet {
        let list = list.map(|text| at(&text));
        assert!(list.clone().count() > FEW, "the list is short");
        let mut one_by_one = (ListenSet::default(), Vec::new());
        for address in list.clone() {
            for redundant in one_by_one.0.insert(address) {
                let by = one_by_one.0.covering(&redundant).cloned();
                let by = by.filter(|by| *by != redundant);
                one_by_one.1.push((redundant, by));
            }
        }
        let mut said = Vec::new();
        let merged = ListenSet::merge(list, |redundant, by| {
            said.push((redundant.clone(), by.cloned()));
        });
        assert_eq!((merged, said), one_by_one);
        one_by_one.0
    }

    #[test]
    fn a_long_list_gives_what_insertion_gives() {
        let twins = (0..500).map(|n| format!("10.0.0.{}:{}", n % 7, 1 + n % 90));
        check_long(twins);
        let one_port = (0..200).map(|n| format!("10.0.0.{n}:1"));
        let v6 = (0..200).map(|n| format!("[fe80::{n}]:1"));
        let both = one_port.chain(v6);
        let any = |text: &str| std::iter::once(text.to_owned());
        check_long(both.clone());
        check_long(any("0.0.0.0:1").chain(both.clone()).chain(any("[::]:2")));
        check_long(any("[::1]:1").chain(any("0.0.0.0:1")).chain(both.clone()));
        let all = check_long(both.clone().chain(any("0.0.0.0:1")).chain(both.clone()));
        assert_eq!(all.as_slice().len(), 201);
        let late = both.clone().chain(any("0.0.0.0:1")).chain(any("[::]:1"));
        assert_eq!(check_long(late.chain(both)).to_string(), "[::]:1");
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
