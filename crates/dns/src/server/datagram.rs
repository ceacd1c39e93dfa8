//! Datagrams by the batch: one system call receives or sends up to [`BATCH`] of them.
//!
//! On a socket that is bound to a wildcard address, the address that a query was sent to comes with
//! it, and the answer leaves from there; otherwise a client behind another route drops it. Sockets
//! with an address of their own carry no control data.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg,
    sendmmsg,
};

/// Datagrams for each system call.
pub(crate) const BATCH: usize = 32;
/// Room for one datagram; queries are far smaller, and upstreams are told 1232.
const ROOM: usize = 2048;

/// Our address that a datagram was sent to, with the interface it came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) ip: IpAddr,
    interface: u32,
}

/// What came with a datagram.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    length: usize,
    /// Whether it was longer than the room for it.
    pub(crate) cut: bool,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) local: Option<Local>,
}

/// Receives batches.
pub(crate) struct Inbox {
    rooms: Vec<[u8; ROOM]>,
    headers: Headers,
    arrivals: Vec<Arrival>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            rooms: vec![[0; ROOM]; BATCH],
            // The larger of both families.
            headers: headers(Some(cmsg_space!(libc::in6_pktinfo))),
            arrivals: Vec::with_capacity(BATCH),
        }
    }

    /// Receives what is there, at most [`BATCH`] datagrams. Returns how many.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing; what the network reported for a connected socket.
    pub(crate) fn receive(&mut self, socket: RawFd) -> io::Result<usize> {
        self.arrivals.clear();
        let mut rooms = self.rooms.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(rooms.next().map_or(&mut [], |room| room))]);
        let received = recvmmsg(
            socket,
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        for message in received {
            let local = message
                .cmsgs()
                .ok()
                .and_then(|mut all| all.find_map(local_of));
            self.arrivals.push(Arrival {
                length: message.bytes,
                cut: message.flags.contains(MsgFlags::MSG_TRUNC),
                peer: message.address.as_ref().and_then(to_std),
                local,
            });
        }
        Ok(self.arrivals.len())
    }

    /// Returns a datagram of the last batch.
    pub(crate) fn get(&self, n: usize) -> Option<(&[u8], &Arrival)> {
        let arrival = self.arrivals.get(n)?;
        Some((self.rooms.get(n)?.get(..arrival.length)?, arrival))
    }
}

fn local_of(message: ControlMessageOwned) -> Option<Local> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Local {
            // Kept in network order.
            ip: IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()),
            interface: info.ipi_ifindex as u32,
        }),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Local {
            ip: IpAddr::from(info.ipi6_addr.s6_addr),
            interface: info.ipi6_ifindex,
        }),
        _ => None,
    }
}

type Headers = MultiHeaders<SockaddrStorage>;

fn headers(control: Option<Vec<u8>>) -> Headers {
    MultiHeaders::preallocate(BATCH, control)
}

/// Collects datagrams and sends them by the batch.
pub(crate) struct Outbox {
    rooms: Vec<Vec<u8>>,
    peers: [Option<SockaddrStorage>; BATCH],
    locals: [Option<Local>; BATCH],
    filled: usize,
    /// For calls that leave the local address to the system, or name one; made when first used.
    plain: Option<Headers>,
    from_v4: Option<Headers>,
    from_v6: Option<Headers>,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            rooms: vec![Vec::new(); BATCH],
            peers: [None; BATCH],
            locals: [None; BATCH],
            filled: 0,
            plain: None,
            from_v4: None,
            from_v6: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Returns the buffer for the next datagram, after sending those before when there is no room.
    pub(crate) fn room(&mut self, socket: RawFd) -> &mut Vec<u8> {
        if self.filled == BATCH {
            self.flush(socket);
        }
        &mut self.rooms[self.filled]
    }

    /// Queues what was written to [`Self::room`].
    pub(crate) fn commit(&mut self, peer: Option<SocketAddr>, local: Option<Local>) {
        self.peers[self.filled] = peer.map(SockaddrStorage::from);
        self.locals[self.filled] = local;
        self.filled += 1;
    }

    /// Sends everything. A datagram that cannot be sent is lost, as datagrams are.
    pub(crate) fn flush(&mut self, socket: RawFd) {
        let filled = std::mem::take(&mut self.filled);
        let mut start = 0;
        while start < filled {
            // Control data is shared by a call, so a call takes a run of one local address.
            let local = self.locals[start];
            let run = self.locals[start..filled]
                .iter()
                .take_while(|other| **other == local)
                .count();
            let sent = self.send_run(socket, start, start + run, local);
            // At an error the first datagram of the run is given up; it may be the one at fault.
            start += sent.max(1);
        }
    }

    fn send_run(&mut self, socket: RawFd, start: usize, end: usize, local: Option<Local>) -> usize {
        let mut rooms = self.rooms[start..end].iter();
        let slices: [[IoSlice<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSlice::new(rooms.next().map_or(&[], |room| room))]);
        let slices = &slices[..end - start];
        let peers = &self.peers[start..end];
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = match local.map(|local| (local.ip, local.interface)) {
            None => {
                let headers = self.plain.get_or_insert_with(|| headers(None));
                sendmmsg(socket, headers, slices, peers, [], flags).map(Iterator::count)
            }
            Some((IpAddr::V4(ip), _)) => {
                let address = libc::in_addr {
                    s_addr: u32::from_ne_bytes(ip.octets()),
                };
                let info = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: address,
                    ipi_addr: address,
                };
                let control = [ControlMessage::Ipv4PacketInfo(&info)];
                let make = || headers(Some(cmsg_space!(libc::in_pktinfo)));
                let headers = self.from_v4.get_or_insert_with(make);
                sendmmsg(socket, headers, slices, peers, control, flags).map(Iterator::count)
            }
            Some((IpAddr::V6(ip), interface)) => {
                let scoped = ip.is_unicast_link_local();
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: ip.octets(),
                    },
                    ipi6_ifindex: if scoped { interface } else { 0 },
                };
                let control = [ControlMessage::Ipv6PacketInfo(&info)];
                let make = || headers(Some(cmsg_space!(libc::in6_pktinfo)));
                let headers = self.from_v6.get_or_insert_with(make);
                sendmmsg(socket, headers, slices, peers, control, flags).map(Iterator::count)
            }
        };
        sent.unwrap_or(0)
    }
}

/// Turns a socket address of the system into one of the standard library.
fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::new(v4.ip(), v4.port()).into());
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddrV6::new(v6.ip(), v6.port(), v6.flowinfo(), v6.scope_id()).into())
}
