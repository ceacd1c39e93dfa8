//! The floor of `compare.sh`: sends every datagram back, by the batch and on one thread, without
//! looking at it. What it costs is the system's part of a DNS server.
//!
//! `echo ADDRESS:PORT` runs until it is ended.

use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

/// As in the server.
const BATCH: usize = 32;

fn main() -> std::io::Result<()> {
    // `cargo bench` and `cargo test` name no address.
    let Some(address) = std::env::args().nth(1).filter(|text| text.contains(':')) else {
        return Ok(());
    };
    let socket = UdpSocket::bind(address)?;
    let fd = socket.as_raw_fd();
    let mut rooms = vec![[0; 2048]; BATCH];
    let mut incoming = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut outgoing = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    loop {
        let mut slices: Vec<_> = rooms.iter_mut().map(|r| [IoSliceMut::new(r)]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(fd, &mut incoming, slices.iter_mut(), flags, None)?;
        let arrivals: Vec<_> = received.map(|m| (m.bytes, m.address)).collect();
        for room in rooms.iter_mut().take(arrivals.len()) {
            // A load generator counts replies alone.
            room[2] |= 0x80;
        }
        let replies: Vec<_> = rooms
            .iter()
            .zip(&arrivals)
            .map(|(room, (length, _))| [IoSlice::new(&room[..*length])])
            .collect();
        let peers: Vec<_> = arrivals.iter().map(|(_, peer)| *peer).collect();
        sendmmsg(fd, &mut outgoing, &replies, &peers, [], MsgFlags::empty())?.for_each(drop);
    }
}
