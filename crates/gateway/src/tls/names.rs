//! The names in the certificate that is shown when no single name was asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lsconfig::addr::Host;
use lsconfig::resolve::CLOUD;

/// Labels that AWS SDKs put in front of the endpoint's host without a dot.
const PREFIXES: [&str; 10] = [
    "analytics-",
    "control-storage-",
    "data-",
    "query-",
    "runtime-",
    "storage-",
    "streaming-",
    "sync-",
    "tags-",
    "workflows-",
];

/// Returns the names and addresses of the default certificate, for a host of returned URLs.
#[must_use]
pub fn names_of(host: &Host) -> Vec<String> {
    // No `*.localhost`: a wildcard below a name of one label is invalid to many clients.
    let mut names = vec!["localhost".to_owned()];
    let mut hosts = vec![CLOUD];
    if host.ip().is_none() && host.as_str() != CLOUD && host.as_str() != "localhost" {
        hosts.push(host.as_str());
    }
    for host in hosts {
        names.push(host.to_owned());
        if host.contains('.') {
            names.push(format!("*.{host}"));
        }
        names.push(format!("*.s3.{host}"));
    }
    names.extend(PREFIXES.iter().map(|prefix| format!("{prefix}{CLOUD}")));
    let mut addresses = vec![
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    addresses.extend(host.ip());
    addresses.extend(own_addresses().into_iter().filter(|a| is_local(*a)));
    addresses.dedup();
    names.extend(addresses.iter().map(ToString::to_string));
    names
}

/// Returns whether an address is of a loopback or private network (RFC 1918, RFC 4193, RFC 6598).
pub(super) fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            a.is_loopback() || a.is_private() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(a) => a.is_loopback() || a.is_unique_local(),
    }
}

/// Returns the addresses of this machine's interfaces, as `/proc` shows them.
#[must_use]
pub fn own_addresses() -> Vec<IpAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let mut addresses = ipv4(&read("/proc/net/fib_trie"));
    addresses.extend(ipv6(&read("/proc/net/if_inet6")));
    addresses.sort();
    addresses.dedup();
    addresses
}

/// Addresses that the kernel delivers locally: lines `|-- ADDRESS` before `/32 host LOCAL`.
fn ipv4(table: &str) -> Vec<IpAddr> {
    let mut last = None;
    let mut found = Vec::new();
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last.filter(|a| !a.is_loopback())
        {
            found.push(IpAddr::V4(address));
        }
    }
    found
}

/// Lines `HEX INDEX PREFIX SCOPE FLAGS NAME`; link-local addresses need a zone and are left out.
fn ipv6(table: &str) -> Vec<IpAddr> {
    table
        .lines()
        .filter_map(|line| u128::from_str_radix(line.split_whitespace().next()?, 16).ok())
        .map(Ipv6Addr::from_bits)
        .filter(|a| !a.is_loopback() && !a.is_unicast_link_local())
        .map(IpAddr::V6)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_not_local() {
        let local = |text: &str| is_local(text.parse().unwrap());
        assert!(
            local("127.0.0.9") && local("172.17.0.1") && local("100.64.0.1") && local("fd00::1")
        );
        assert!(!local("192.0.2.2") && !local("100.128.0.1") && !local("2001:db8::1"));
    }

    #[test]
    fn own_addresses_are_read_from_the_kernels_tables() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.0\n        /24 link UNICAST\n\
            |-- 10.0.0.7\n   /32 host LOCAL\n |-- 127.0.0.1\n  /32 host LOCAL\n";
        assert_eq!(ipv4(trie), ["10.0.0.7".parse::<IpAddr>().unwrap()]);
        let table = "fe800000000000000000000000000001 02 40 20 80 eth0\n\
            20010db8000000000000000000000001 02 40 00 80 eth0\n";
        assert_eq!(ipv6(table), ["2001:db8::1".parse::<IpAddr>().unwrap()]);
    }
}
