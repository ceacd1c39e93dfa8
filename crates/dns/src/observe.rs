//! What is read from the system: our addresses and routes, resolv.conf, and who has a port.
//!
//! The only module that reads files. Everything it returns is data for pure functions.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ipnet::IpNet;
use lsconfig::network::InterfaceAddress;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::SockaddrStorage;

use crate::server::Transport;

/// Returns the addresses of our interfaces, in the order of the system. Empty when the system does
/// not say.
#[must_use]
pub fn interfaces() -> Vec<InterfaceAddress> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    all.filter_map(|entry| {
        let ip = to_ip(entry.address.as_ref()?)?;
        let mask = to_ip(entry.netmask.as_ref()?)?;
        Some(InterfaceAddress {
            index: if_nametoindex(entry.interface_name.as_str()).unwrap_or_default(),
            interface: entry.interface_name.into(),
            net: IpNet::with_netmask(ip, mask).ok()?,
        })
    })
    .collect()
}

fn to_ip(address: &SockaddrStorage) -> Option<IpAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(v4.ip().into());
    }
    Some(address.as_sockaddr_in6()?.ip().into())
}

/// Returns the gateways of our default routes. Empty when there are none.
#[must_use]
pub fn default_gateways() -> Vec<IpAddr> {
    let v4 = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    let mut all = parse_route(&v4);
    all.extend(parse_ipv6_route(&v6));
    all
}

/// Flag of a route that leads through a gateway (`RTF_GATEWAY`).
const VIA_GATEWAY: u32 = 2;

fn parse_route(text: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |n: usize| u32::from_str_radix(fields.get(n)?, 16).ok();
        // Addresses stand there as the machine's own integers of network bytes.
        let (destination, gateway, flags, mask) = (number(1)?, number(2)?, number(3)?, number(7)?);
        (destination == 0 && mask == 0 && flags & VIA_GATEWAY != 0)
            .then(|| Ipv4Addr::from(gateway.to_ne_bytes()).into())
    };
    text.lines().skip(1).filter_map(gateway).collect()
}

fn parse_ipv6_route(text: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let flags = u32::from_str_radix(fields.get(8)?, 16).ok()?;
        let next = u128::from_str_radix(fields.get(4)?, 16).ok()?;
        let default = *fields.get(1)? == "00" && fields.first()?.bytes().all(|b| b == b'0');
        (default && flags & VIA_GATEWAY != 0 && next != 0).then(|| Ipv6Addr::from(next).into())
    };
    text.lines().filter_map(gateway).collect()
}

/// Returns the servers that a resolv.conf names, with port 53.
#[must_use]
pub fn nameservers(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        if words.next()? != "nameserver" {
            return None;
        }
        let word = words.next()?;
        let (address, scope) = word.split_once('%').unwrap_or((word, ""));
        match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(ip) => Some(SocketAddr::from((ip, 53))),
            IpAddr::V6(ip) => {
                let scope = scope
                    .parse()
                    .or_else(|_| if_nametoindex(scope))
                    .unwrap_or_default();
                Some(std::net::SocketAddrV6::new(ip, 53, 0, scope).into())
            }
        }
    };
    text.lines().filter_map(server).collect()
}

/// Reads the servers of a resolv.conf; empty when there is no such file.
#[must_use]
pub fn read_nameservers(path: &Path) -> Vec<SocketAddr> {
    nameservers(&fs::read_to_string(path).unwrap_or_default())
}

/// A process that has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

/// Returns who listens where `addr` would. `None` when nobody does, or when the process belongs to
/// another user or namespace and cannot be seen.
#[must_use]
pub fn owner_of(addr: SocketAddr, transport: Transport) -> Option<Owner> {
    let (tables, state) = match transport {
        Transport::Udp => (["/proc/net/udp", "/proc/net/udp6"], "07"),
        Transport::Tcp => (["/proc/net/tcp", "/proc/net/tcp6"], "0A"),
    };
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|text| inodes_of(&text, addr, state))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let mut open = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        let owns = open.any(|fd| {
            fs::read_link(fd.path()).is_ok_and(|link| {
                inodes
                    .iter()
                    .any(|inode| link.as_os_str() == inode.as_str())
            })
        });
        owns.then(|| Owner {
            pid,
            name: fs::read_to_string(process.path().join("comm"))
                .unwrap_or_default()
                .trim()
                .to_owned(),
        })
    })
}

/// Returns the inodes of the sockets in a table of `/proc/net` that collide with `addr`.
fn inodes_of(table: &str, addr: SocketAddr, state: &str) -> Vec<u64> {
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (ip, port) = fields.get(1)?.split_once(':')?;
        if u16::from_str_radix(port, 16).ok()? != addr.port() || *fields.get(3)? != state {
            return None;
        }
        let mut bytes = Vec::new();
        for word in ip.as_bytes().chunks(8) {
            let word = std::str::from_utf8(word).ok()?;
            bytes.extend_from_slice(&u32::from_str_radix(word, 16).ok()?.to_ne_bytes());
        }
        let ip: IpAddr = match bytes.as_slice() {
            &[a, b, c, d] => [a, b, c, d].into(),
            all => <[u8; 16]>::try_from(all).ok()?.into(),
        };
        let collides = ip.is_unspecified()
            || addr.ip().is_unspecified()
            || ip.to_canonical() == addr.ip().to_canonical();
        collides.then(|| fields.get(9)?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_read() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t01011FAC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    eth0\t00011FAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        if cfg!(target_endian = "little") {
            assert_eq!(parse_route(text), ["172.31.1.1".parse::<IpAddr>().unwrap()]);
        }
        let zero = "0".repeat(32);
        let text = format!(
            "{zero} 00 {zero} 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo\n\
             fd000000000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth0\n"
        );
        assert_eq!(
            parse_ipv6_route(&text),
            ["fd00::1".parse::<IpAddr>().unwrap()]
        );
        assert!(parse_route("").is_empty());
    }

    #[test]
    fn nameservers_are_read_like_the_system_reads_them() {
        let text = "# comment\nnameserver 127.0.0.11\nsearch a b\nnameserver\tfe80::1%7\n\
                    nameserver bad\n nameserver 10.0.0.1 # tail\n";
        let servers: Vec<_> = nameservers(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["127.0.0.11:53", "[fe80::1%7]:53", "10.0.0.1:53"]);
    }

    #[test]
    fn loopback_is_observed() {
        assert!(interfaces().iter().any(|i| i.net.addr().is_loopback()));
    }
}
