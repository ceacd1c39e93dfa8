//! Sockets to listen on: one of each kind for every worker, and an error that helps when a port is
//! taken.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::observe::{Owner, owner_of};
use crate::server::event::Transport;

/// Room for datagrams that wait for a busy worker, in bytes. The system may give less.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often a port is tried when the system chooses it and TCP finds it taken.
const PORT_TRIES: usize = 20;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} over {transport}: {source}{}", owned(.owner.as_ref()))]
pub struct BindError {
    /// The address.
    pub addr: SocketAddr,
    /// UDP or TCP.
    pub transport: Transport,
    /// What the system says.
    pub source: io::Error,
    /// Who has the port, where that can be seen.
    pub owner: Option<Owner>,
}

fn owned(owner: Option<&Owner>) -> String {
    owner.map_or_else(String::new, |owner| {
        format!(
            "; the port belongs to {} (process {})",
            owner.name, owner.pid
        )
    })
}

impl BindError {
    /// Returns what the user can do about it, a sentence for each way out.
    #[must_use]
    pub fn ways_out(&self) -> Vec<String> {
        let port = self.addr.port();
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                let owner = self.owner.as_ref().map(|owner| owner.name.as_str());
                let stop = match owner {
                    Some("systemd-resolve" | "systemd-resolved") => {
                        "set `DNSStubListener=no` in /etc/systemd/resolved.conf and restart \
                         systemd-resolved"
                            .to_owned()
                    }
                    Some(name) => format!("stop {name}"),
                    None => "stop the program that has the port".to_owned(),
                };
                vec![
                    stop,
                    format!(
                        "listen on another address or port, for example `--listen 127.0.0.2:{port}` \
                         or `--listen 127.0.0.1:5353`"
                    ),
                ]
            }
            io::ErrorKind::PermissionDenied => vec![
                "start as root (privileges are dropped after binding) or give the program \
                 CAP_NET_BIND_SERVICE"
                    .to_owned(),
                "listen on a port from 1024 on, for example `--listen 127.0.0.1:5353`".to_owned(),
            ],
            _ => Vec::new(),
        }
    }
}

/// The sockets of one worker.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) tcp: Vec<TcpListener>,
}

/// Binds `addr` over UDP and TCP once for each worker. Port 0 lets the system choose one that is
/// free for both. Returns the address that was bound.
pub(crate) fn bind(addr: SocketAddr, workers: &mut [Sockets]) -> Result<SocketAddr, BindError> {
    let mut tries = if addr.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match bind_both(addr, workers.len()) {
            Ok((bound, udp, tcp)) => {
                for ((worker, udp), tcp) in workers.iter_mut().zip(udp).zip(tcp) {
                    worker.udp.push(udp);
                    worker.tcp.push(tcp);
                }
                return Ok(bound);
            }
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

type Bound = (SocketAddr, Vec<UdpSocket>, Vec<TcpListener>);

fn bind_both(addr: SocketAddr, count: usize) -> Result<Bound, BindError> {
    let fail = |addr: SocketAddr, transport| {
        move |source: io::Error| {
            let taken = source.kind() == io::ErrorKind::AddrInUse;
            BindError {
                addr,
                transport,
                owner: taken.then(|| owner_of(addr, transport)).flatten(),
                source,
            }
        }
    };
    // The first socket does not share its port: sharing would succeed beside another server of the
    // same user, which then gets half of the queries.
    let probe = open_udp(addr, false).map_err(fail(addr, Transport::Udp))?;
    let bound = probe.local_addr().map_err(fail(addr, Transport::Udp))?;
    drop(probe);
    let alone = open_tcp(bound, false).map_err(fail(bound, Transport::Tcp))?;
    drop(alone);
    let udp = (0..count)
        .map(|_| open_udp(bound, true))
        .collect::<Result<_, _>>()
        .map_err(fail(bound, Transport::Udp))?;
    let tcp = (0..count)
        .map(|_| open_tcp(bound, true))
        .collect::<Result<_, _>>()
        .map_err(fail(bound, Transport::Tcp))?;
    Ok((bound, udp, tcp))
}

fn open_udp(addr: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(shared)?;
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    let _ = forbid_fragments(&socket, addr);
    socket.bind(&addr.into())?;
    if addr.ip().is_unspecified() {
        if addr.is_ipv6() {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        }
    }
    Ok(socket.into())
}

/// Answers are never sent in fragments, which are easy to forge (RFC 9715, section 3.1): none is
/// longer than what passes every path, and reports of a smaller path are not believed. It also
/// spares the system a search for an id that fragments would need.
fn forbid_fragments(socket: &Socket, addr: SocketAddr) -> io::Result<()> {
    use rustix::net::sockopt;
    if addr.is_ipv6() {
        sockopt::set_ipv6_mtu_discover(socket, sockopt::Ipv6PathMtuDiscovery::PROBE)?;
    } else {
        sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::PROBE)?;
    }
    Ok(())
}

fn open_tcp(addr: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

/// Gives inherited sockets (systemd socket activation) to every worker.
pub(crate) fn share(inherited: &Sockets, workers: &mut [Sockets]) -> io::Result<()> {
    for worker in workers {
        for socket in &inherited.udp {
            let socket = socket.try_clone()?;
            socket.set_nonblocking(true)?;
            worker.udp.push(socket);
        }
        for socket in &inherited.tcp {
            let socket = socket.try_clone()?;
            socket.set_nonblocking(true)?;
            worker.tcp.push(socket);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_owner_and_two_ways_out() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = taken.local_addr().unwrap();
        let error = bind(addr, &mut [Sockets::default()]).unwrap_err();
        assert_eq!(error.owner.as_ref().unwrap().pid, std::process::id());
        assert!(error.to_string().contains("the port belongs to"), "{error}");
        assert_eq!(error.ways_out().len(), 2);
    }

    #[test]
    fn every_worker_gets_both_kinds_on_one_port() {
        let mut workers = [Sockets::default(), Sockets::default()];
        let bound = bind("127.0.0.1:0".parse().unwrap(), &mut workers).unwrap();
        for worker in &workers {
            assert_eq!(worker.udp[0].local_addr().unwrap(), bound);
            assert_eq!(worker.tcp[0].local_addr().unwrap(), bound);
        }
        // A second server is refused although the first one shares its port.
        assert!(bind(bound, &mut [Sockets::default()]).is_err());
    }
}
