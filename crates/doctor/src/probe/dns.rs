//! Name lookups as the C library makes them, with the answer of each server kept apart.
//!
//! The hosts file first, then the servers of resolv.conf in order (resolv.conf(5)): the first one that
//! answers decides, a name that does not exist is final, one that fails passes on to the next.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Instant;

use super::{STEP, ms, read, resolved};
use crate::facts::{Lookup, Record};
use crate::path::host_lines;

/// How many servers and search domains count (resolv.conf(5)).
const MAX_SERVERS: usize = 3;
const MAX_SEARCH: usize = 6;
/// The largest answer that is read.
const MAX_MESSAGE: usize = 4096;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

/// What decides about names here.
pub(super) struct Resolver {
    hosts: String,
    servers: Vec<IpAddr>,
    search: Vec<String>,
    ndots: usize,
}

impl Resolver {
    /// Reads `/etc/hosts` and `/etc/resolv.conf`.
    pub(super) fn of_system() -> Self {
        let text = read("/etc/resolv.conf").unwrap_or_default();
        Self::of_texts(read("/etc/hosts").unwrap_or_default(), &text)
    }

    fn of_texts(hosts: String, resolv_conf: &str) -> Self {
        let mut resolver = Self {
            hosts,
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
        };
        for line in resolv_conf.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => resolver
                    .servers
                    .extend(words.next().and_then(|w| w.parse::<IpAddr>().ok())),
                Some("search" | "domain") => {
                    resolver.search = words.take(MAX_SEARCH).map(str::to_owned).collect()
                }
                Some("options") => {
                    for word in words {
                        if let Some(n) = word.strip_prefix("ndots:").and_then(|n| n.parse().ok()) {
                            resolver.ndots = n;
                        }
                    }
                }
                _ => {}
            }
        }
        resolver.servers.truncate(MAX_SERVERS);
        if resolver.servers.is_empty() {
            resolver.servers.push(Ipv4Addr::LOCALHOST.into());
        }
        resolver
    }

    /// Looks a name up. The first record is the one that decides.
    pub(super) fn lookup(&self, name: &str) -> (Vec<Record>, Vec<IpAddr>) {
        let named = host_lines(&self.hosts)
            .filter(|(_, names)| names.iter().any(|n| n.eq_ignore_ascii_case(name)));
        let mut answers: Vec<IpAddr> = named.map(|(ip, _)| ip).take(8).collect();
        if answers.is_empty() && name.eq_ignore_ascii_case("localhost") {
            answers.push(Ipv4Addr::LOCALHOST.into());
        }
        if !answers.is_empty() {
            let record = resolved(name, "hosts".into(), Lookup::Found, answers.clone(), 0);
            return (vec![record], answers);
        }
        let mut failed = Vec::new();
        let mut last = None;
        for candidate in self.candidates(name) {
            let start = Instant::now();
            let (server, outcome, answers) = self.ask(&candidate, name, &mut failed);
            let record = resolved(
                name,
                server.to_string(),
                outcome,
                answers.clone(),
                ms(start),
            );
            let is_final = outcome == Lookup::Found;
            // A name that exists without addresses says more than one that does not exist.
            if last.is_none() || is_final || outcome == Lookup::NoData {
                last = Some((record, answers));
            }
            if is_final || !matches!(outcome, Lookup::NxDomain | Lookup::NoData) {
                break;
            }
        }
        let Some((record, answers)) = last else {
            return (failed, Vec::new());
        };
        let mut records = vec![record];
        records.append(&mut failed);
        (records, answers)
    }

    fn candidates(&self, name: &str) -> Vec<String> {
        let searched = self
            .search
            .iter()
            .map(|s| format!("{name}.{}", s.trim_end_matches('.')));
        let whole = std::iter::once(name.to_owned());
        if name.matches('.').count() >= self.ndots {
            whole.chain(searched).collect()
        } else {
            searched.chain(whole).collect()
        }
    }

    /// Asks the servers in turn until one decides.
    fn ask(
        &self,
        name: &str,
        shown: &str,
        failed: &mut Vec<Record>,
    ) -> (IpAddr, Lookup, Vec<IpAddr>) {
        let mut result = (IpAddr::from([127, 0, 0, 1]), Lookup::Timeout, Vec::new());
        for (n, &server) in self.servers.iter().enumerate() {
            let start = Instant::now();
            let (outcome, answers) = ask(name, SocketAddr::new(server, 53));
            if matches!(outcome, Lookup::Found | Lookup::NxDomain | Lookup::NoData) {
                return (server, outcome, answers);
            }
            if n + 1 < self.servers.len() {
                failed.push(resolved(
                    shown,
                    server.to_string(),
                    outcome,
                    Vec::new(),
                    ms(start),
                ));
            }
            result = (server, outcome, answers);
        }
        result
    }
}

/// Asks one server once.
pub(super) fn ask_one(name: &str, server: SocketAddr) -> Record {
    let start = Instant::now();
    let (outcome, answers) = ask(name, server);
    resolved(name, server.ip().to_string(), outcome, answers, ms(start))
}

/// Asks for IPv4 addresses, and for IPv6 ones where there are none.
fn ask(name: &str, server: SocketAddr) -> (Lookup, Vec<IpAddr>) {
    let first = exchange(name, TYPE_A, server);
    if first.0 == Lookup::NoData {
        let second = exchange(name, TYPE_AAAA, server);
        if second.0 == Lookup::Found {
            return second;
        }
    }
    first
}

fn exchange(name: &str, qtype: u16, server: SocketAddr) -> (Lookup, Vec<IpAddr>) {
    let id = random();
    let Some(query) = query(id, name, qtype) else {
        return (Lookup::NxDomain, Vec::new());
    };
    match over_udp(&query, id, server) {
        Ok(answer) if answer.get(2).is_some_and(|flags| flags & 0x02 != 0) => {
            match over_tcp(&query, server) {
                Some(whole) => understand(&whole, id, qtype),
                None => understand(&answer, id, qtype),
            }
        }
        Ok(answer) => understand(&answer, id, qtype),
        Err(outcome) => (outcome, Vec::new()),
    }
}

fn over_udp(query: &[u8], id: u16, server: SocketAddr) -> Result<Vec<u8>, Lookup> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Lookup::Refused,
        _ => Lookup::Timeout,
    };
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).map_err(failed)?;
    socket.connect(server).map_err(failed)?;
    let deadline = Instant::now() + STEP;
    let mut buffer = vec![0; MAX_MESSAGE];
    // Once more after half of the time: datagrams get lost.
    for attempt in 1..=2u32 {
        socket.send(query).map_err(failed)?;
        let until = deadline - STEP * (2 - attempt) / 2;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            socket.set_read_timeout(Some(left)).map_err(failed)?;
            match socket.recv(&mut buffer) {
                Ok(length)
                    if length >= 12 && buffer[..2] == id.to_be_bytes() && buffer[2] & 0x80 != 0 =>
                {
                    buffer.truncate(length);
                    return Ok(buffer);
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    return Err(Lookup::Refused);
                }
                Err(_) => break,
            }
        }
    }
    Err(Lookup::Timeout)
}

fn over_tcp(query: &[u8], server: SocketAddr) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, STEP).ok()?;
    stream.set_read_timeout(Some(STEP)).ok()?;
    stream.set_write_timeout(Some(STEP)).ok()?;
    let length = u16::try_from(query.len()).ok()?;
    stream
        .write_all(&[&length.to_be_bytes()[..], query].concat())
        .ok()?;
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    let mut body = vec![0; usize::from(u16::from_be_bytes(head)).min(MAX_MESSAGE * 4)];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

/// Builds a query with recursion desired (RFC 1035, 4.1). `None` for texts that are no name.
fn query(id: u16, name: &str, qtype: u16) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(64);
    message.extend(id.to_be_bytes());
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let name = name.trim_end_matches('.');
    if name.len() > 253 {
        return None;
    }
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 {
            return None;
        }
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(qtype.to_be_bytes());
    message.extend([0, 1]);
    Some(message)
}

/// Reads the addresses of a reply, whatever their owner: a chain of aliases stands in one answer.
fn understand(message: &[u8], id: u16, qtype: u16) -> (Lookup, Vec<IpAddr>) {
    let bad = (Lookup::ServFail, Vec::new());
    let number = |at: usize| {
        Some(u16::from_be_bytes([
            *message.get(at)?,
            *message.get(at + 1)?,
        ]))
    };
    let (Some(flags), Some(questions), Some(count)) = (number(2), number(4), number(6)) else {
        return bad;
    };
    if number(0) != Some(id) {
        return bad;
    }
    match flags & 0xf {
        0 => {}
        3 => return (Lookup::NxDomain, Vec::new()),
        _ => return bad,
    }
    let mut at = 12;
    for _ in 0..questions {
        match skip_name(message, at) {
            Some(end) => at = end + 4,
            None => return bad,
        }
    }
    let mut answers = Vec::new();
    for _ in 0..count {
        let Some(end) = skip_name(message, at) else {
            break;
        };
        let (Some(rtype), Some(length)) = (number(end), number(end + 8)) else {
            break;
        };
        let Some(data) = message.get(end + 10..end + 10 + usize::from(length)) else {
            break;
        };
        if rtype == qtype {
            if let Ok(v4) = <[u8; 4]>::try_from(data) {
                answers.push(IpAddr::from(v4));
            } else if let Ok(v6) = <[u8; 16]>::try_from(data) {
                answers.push(IpAddr::from(v6));
            }
        }
        at = end + 10 + usize::from(length);
    }
    answers.truncate(8);
    let outcome = if answers.is_empty() {
        Lookup::NoData
    } else {
        Lookup::Found
    };
    (outcome, answers)
}

fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            n if n & 0xc0 == 0xc0 => return Some(at + 2),
            n => at += 1 + usize::from(n & 0x3f),
        }
    }
}

/// A number that nobody can guess, so that no stranger can answer.
fn random() -> u16 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let hasher = std::hash::RandomState::new().build_hasher();
    (hasher.finish() & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_comes_first() {
        let resolver = Resolver::of_texts("10.0.0.1 a A.b # x\n::1 a\n".into(), "");
        let (records, answers) = resolver.lookup("a");
        assert_eq!(answers.len(), 2);
        assert!(matches!(&records[0], Record::Resolve { server, .. } if server == "hosts"));
        assert_eq!(
            resolver.lookup("a.B").1,
            ["10.0.0.1".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(resolver.lookup("localhost").1.len(), 1);
    }

    #[test]
    fn the_search_list_follows_ndots() {
        let resolver = Resolver::of_texts(
            String::new(),
            "search x y\noptions ndots:2\nnameserver 10.0.0.1\n",
        );
        assert_eq!(resolver.candidates("a.b"), ["a.b.x", "a.b.y", "a.b"]);
        assert_eq!(resolver.candidates("a.b.c")[0], "a.b.c");
    }

    #[test]
    fn replies_are_understood() {
        let mut reply = query(7, "a.b", TYPE_A).unwrap();
        reply[2] = 0x81;
        assert_eq!(understand(&reply, 7, TYPE_A), (Lookup::NoData, vec![]));
        reply[7] = 1;
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 2, 20]);
        let (outcome, answers) = understand(&reply, 7, TYPE_A);
        assert_eq!(
            (outcome, answers[0].to_string().as_str()),
            (Lookup::Found, "10.0.2.20")
        );
        assert_eq!(understand(&reply, 8, TYPE_A).0, Lookup::ServFail);
        reply[3] = 3;
        assert_eq!(understand(&reply, 7, TYPE_A).0, Lookup::NxDomain);
        for end in 0..reply.len() {
            let _ = understand(&reply[..end], 7, TYPE_A);
        }
    }

    #[test]
    fn texts_that_are_no_names_are_not_asked_for() {
        assert!(query(1, "a..b", TYPE_A).is_none());
        assert!(query(1, &"x".repeat(64), TYPE_A).is_none());
    }
}
