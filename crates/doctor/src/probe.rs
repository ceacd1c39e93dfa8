//! What a probe does inside a network namespace: names, connections, TLS, identity, listeners.
//!
//! A [`Plan`] says what to try, [`run`] tries it and hands out a [`Record`] for each step. It talks to
//! nobody but the addresses of the plan and those that its names lead to; every step has a deadline
//! and every buffer a limit. It judges nothing, and needs no file, tool or privilege of the container
//! that it looks out from.

mod dns;
mod http;
pub(crate) mod listeners;
mod tls;

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::facts::{Connect, Lookup, Record};

/// How long one step may take.
pub(crate) const STEP: Duration = Duration::from_secs(2);
/// How many URLs, names and questions a plan may have.
const MAX_ITEMS: usize = 32;
/// How many addresses of a name are tried.
const MAX_ADDRESSES: usize = 3;
/// How much of a file is read.
const MAX_FILE: usize = 64 << 10;

/// What to try.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// URLs to go to the end: name, connection, TLS, identity.
    pub urls: Vec<PlanUrl>,
    /// Names to look up as a client there would.
    pub names: Vec<String>,
    /// Questions to single DNS servers, which change nothing: what if `dns:` were this address?
    pub what_if: Vec<WhatIf>,
    /// Whether to list the sockets that listen.
    pub listeners: bool,
    /// Whether to read `/etc/hosts` and `/etc/resolv.conf`.
    pub files: bool,
}

impl Plan {
    /// Adds what another plan asks, once.
    pub(crate) fn add(&mut self, other: Self) {
        fn extend<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
            for item in more {
                if !all.contains(&item) {
                    all.push(item);
                }
            }
        }
        extend(&mut self.urls, other.urls);
        extend(&mut self.names, other.names);
        extend(&mut self.what_if, other.what_if);
        self.listeners |= other.listeners;
        self.files |= other.files;
    }
}

/// A URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanUrl {
    /// As records name it.
    pub url: String,
    /// The host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it is `https`.
    pub tls: bool,
}

/// A question to one DNS server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIf {
    /// Whom to ask.
    pub server: IpAddr,
    /// For what.
    pub name: String,
}

/// Goes through a plan. Independent steps run at the same time; records come in the order of the plan.
pub fn run(mut plan: Plan, record: &mut dyn FnMut(Record)) {
    plan.urls.truncate(MAX_ITEMS);
    plan.names.truncate(MAX_ITEMS);
    plan.what_if.truncate(MAX_ITEMS);
    let resolver = dns::Resolver::of_system();
    let mut seen: Vec<Record> = Vec::new();
    if plan.files {
        seen.push(Record::Files {
            resolv_conf: read("/etc/resolv.conf"),
            hosts: read("/etc/hosts"),
        });
    }
    if plan.listeners {
        seen.push(Record::Listeners {
            sockets: listeners::all(),
        });
    }
    seen.into_iter().for_each(&mut *record);
    std::thread::scope(|scope| {
        let resolver = &resolver;
        let urls = plan
            .urls
            .iter()
            .map(|url| scope.spawn(|| path(resolver, url)));
        let urls: Vec<_> = urls.collect();
        let names = plan.names.iter();
        let names: Vec<_> = names
            .map(|name| scope.spawn(|| resolver.lookup(name).0))
            .collect();
        let questions = plan.what_if.iter();
        let questions: Vec<_> = questions
            .map(|q| scope.spawn(|| vec![dns::ask_one(&q.name, SocketAddr::new(q.server, 53))]))
            .collect();
        for thread in urls.into_iter().chain(names).chain(questions) {
            thread
                .join()
                .unwrap_or_default()
                .into_iter()
                .for_each(&mut *record);
        }
    });
}

/// Goes one URL to its end.
fn path(resolver: &dns::Resolver, url: &PlanUrl) -> Vec<Record> {
    let (mut records, addresses) = match url.host.parse::<IpAddr>() {
        Ok(ip) => (Vec::new(), vec![ip]),
        Err(_) => resolver.lookup(&url.host),
    };
    for ip in addresses.into_iter().take(MAX_ADDRESSES) {
        let address = SocketAddr::new(connectable(ip), url.port);
        let start = Instant::now();
        let connected = TcpStream::connect_timeout(&address, STEP);
        records.push(Record::Tcp {
            address: SocketAddr::new(ip, url.port),
            outcome: connected.as_ref().map_or_else(outcome_of, |_| Connect::Ok),
            ms: ms(start),
        });
        let Ok(stream) = connected else { continue };
        let _ = stream.set_read_timeout(Some(STEP));
        let _ = stream.set_write_timeout(Some(STEP));
        let named = SocketAddr::new(ip, url.port);
        if url.tls {
            let (record, stream) = tls::shake(stream, named, &url.host);
            records.push(record);
            if let Some(mut stream) = stream {
                records.push(http::identify(&mut stream, url, named));
            }
        } else {
            let mut stream = stream;
            records.push(http::identify(&mut stream, url, named));
        }
        break;
    }
    records
}

/// A connection to the unspecified address goes to loopback; saying so keeps records readable.
fn connectable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        ip => ip,
    }
}

fn outcome_of(error: &io::Error) -> Connect {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Connect::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Connect::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Connect::Unreachable,
        _ => Connect::Failed,
    }
}

fn ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn read(path: &str) -> Option<String> {
    use io::Read as _;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(MAX_FILE as u64).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A record of a lookup.
fn resolved(name: &str, server: String, outcome: Lookup, answers: Vec<IpAddr>, ms: u64) -> Record {
    Record::Resolve {
        name: name.to_owned(),
        server,
        outcome,
        answers,
        ms,
    }
}
