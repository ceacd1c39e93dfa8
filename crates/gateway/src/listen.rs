//! Binding every address of a listen set, all or none.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;

use lsconfig::addr::HostPort;
use lsconfig::listen::ListenSet;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted, for each socket. The kernel caps it at `somaxconn`.
const BACKLOG: i32 = 1024;

/// The sockets of one address, one for each worker.
#[derive(Debug)]
pub struct Bound {
    /// The address as it was asked for.
    pub asked: HostPort,
    /// The address that is bound; with the port that the system chose where 0 was asked for.
    pub address: SocketAddr,
    /// One socket for each worker.
    pub sockets: Vec<TcpListener>,
}

/// Why a gateway does not listen: every address that failed.
#[derive(Debug, thiserror::Error)]
pub struct ListenError {
    /// The addresses, in order.
    pub failures: Vec<Failure>,
}

/// Why one address cannot be bound.
#[derive(Debug)]
pub struct Failure {
    /// The address.
    pub address: HostPort,
    /// The reason.
    pub reason: Reason,
}

/// Reasons why an address cannot be bound.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// Another socket has it; its process, where it can be seen.
    Busy(Option<Owner>),
    /// The port needs privileges.
    Privileged,
    /// No interface has the address.
    NotOurs,
    /// The name does not resolve, or another error.
    Other(io::Error),
}

/// A process that has a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("listen on ")?;
        for (n, failure) in self.failures.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", failure.address, failure.reason)?;
        }
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(Some(owner)) => {
                write!(f, "in use by `{}` (process {})", owner.name, owner.pid)
            }
            Self::Busy(None) => f.write_str("in use by another process"),
            Self::Privileged => f.write_str("the port needs privileges"),
            Self::NotOurs => f.write_str("no interface has this address"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

/// Binds every address of `set` with `workers` sockets each.
///
/// # Errors
///
/// [`ListenError`] with every address that failed; nothing stays bound then.
pub fn bind(set: &ListenSet, workers: usize) -> Result<Vec<Bound>, ListenError> {
    let mut bound = Vec::new();
    let mut failures = Vec::new();
    for asked in set {
        match bind_one(asked, workers.max(1)) {
            Ok(sockets) => bound.extend(sockets),
            Err(reason) => failures.push(Failure {
                address: asked.clone(),
                reason,
            }),
        }
    }
    if failures.is_empty() {
        Ok(bound)
    } else {
        Err(ListenError { failures })
    }
}

fn bind_one(asked: &HostPort, workers: usize) -> Result<Vec<Bound>, Reason> {
    let addresses = resolve(asked).map_err(Reason::Other)?;
    let several = addresses.len() > 1;
    let mut bound = Vec::new();
    let mut skipped = None;
    for address in addresses {
        match sockets(address, workers) {
            Ok(sockets) => {
                let address = sockets
                    .first()
                    .and_then(|s| s.local_addr().ok())
                    .unwrap_or(address);
                bound.push(Bound {
                    asked: asked.clone(),
                    address,
                    sockets,
                });
            }
            Err(error) => match reason(error, address) {
                // A name such as `localhost` may have an address of a family that is switched off.
                reason @ (Reason::NotOurs | Reason::Other(_)) if several => skipped = Some(reason),
                reason => return Err(reason),
            },
        }
    }
    match skipped {
        Some(reason) if bound.is_empty() => Err(reason),
        _ => Ok(bound),
    }
}

fn resolve(asked: &HostPort) -> io::Result<Vec<SocketAddr>> {
    let port = asked.port;
    if let Some(ip) = asked.host.ip()
        && !asked.host.as_str().contains('%')
    {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let mut addresses: Vec<_> = (asked.host.as_str(), port).to_socket_addrs()?.collect();
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(io::Error::new(
            ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(addresses)
}

fn sockets(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    if workers == 1 {
        return Ok(vec![listener(address, false)?]);
    }
    // With SO_REUSEPORT a second gateway would silently share the port, so that a socket without it
    // asks first.
    let probe = listener(address, false)?;
    let address = probe.local_addr()?;
    drop(probe);
    (0..workers).map(|_| listener(address, true)).collect()
}

fn listener(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if let IpAddr::V6(ip) = address.ip() {
        socket.set_only_v6(!ip.is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn reason(error: io::Error, address: SocketAddr) -> Reason {
    match error.kind() {
        ErrorKind::AddrInUse => Reason::Busy(owner(address.port())),
        ErrorKind::PermissionDenied => Reason::Privileged,
        ErrorKind::AddrNotAvailable => Reason::NotOurs,
        _ => Reason::Other(error),
    }
}

/// Finds the process that listens on `port`, as far as `/proc` shows it to us.
fn owner(port: u16) -> Option<Owner> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    let wanted: Vec<String> = inodes.iter().map(|i| format!("socket:[{i}]")).collect();
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let files = std::fs::read_dir(process.path().join("fd")).ok()?;
        let has = files
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|target| wanted.iter().any(|w| target == Path::new(w)));
        let name = std::fs::read_to_string(process.path().join("comm")).ok()?;
        has.then(|| Owner {
            pid,
            name: name.trim().to_owned(),
        })
    })
}

/// The inodes of sockets that listen on `port`, from a table as `/proc/net/tcp` has it.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let listens = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTEN;
            listens.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(addresses: &[HostPort]) -> ListenSet {
        addresses.iter().cloned().collect()
    }

    #[test]
    fn every_worker_gets_a_socket_of_its_own() {
        let bound = bind(&set(&[HostPort::new("127.0.0.1", 0)]), 3).unwrap();
        assert_eq!(bound.len(), 1);
        assert_eq!(bound[0].sockets.len(), 3);
        assert_ne!(bound[0].address.port(), 0);
    }

    #[test]
    fn failures_name_every_address_and_the_owner() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let asked = set(&[
            HostPort::new("127.0.0.1", port),
            HostPort::new("192.0.2.1", port),
        ]);
        for workers in [1, 2] {
            let error = bind(&asked, workers).unwrap_err();
            let text = error.to_string();
            let me = std::process::id();
            assert!(
                text.contains(&format!("127.0.0.1:{port}: in use by `")),
                "{text}"
            );
            assert!(text.contains(&format!("(process {me})")), "{text}");
            let other = format!("192.0.2.1:{port}: no interface has this address");
            assert!(text.contains(&other), "{text}");
        }
    }

    #[test]
    fn the_ipv6_wildcard_takes_ipv4_too() {
        let Ok(bound) = bind(&set(&[HostPort::new("::", 0)]), 1) else {
            return; // No IPv6 on this machine.
        };
        let port = bound[0].address.port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn only_listening_sockets_own_a_port() {
        let table = "  sl  local_address rem_address st\n\
            0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1\n\
            1: 0100007F:11D6 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 78 1\n";
        assert_eq!(listening(table, 4566), ["77"]);
        assert_eq!(listening(table, 4567), [""; 0]);
    }
}
