//! The loop that answers datagrams.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

use nix::sys::socket::SockaddrStorage;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::server::datagram::{Inbox, Local, Outbox, to_std};
use crate::server::event::Transport;
use crate::server::worker::{Incoming, Sink, Worker};

/// Batches that are handled before other tasks of the worker get their turn.
const BATCHES_PER_TURN: usize = 8;

/// A socket that queries come in on.
pub(crate) struct Listener {
    socket: UdpSocket,
    outbox: RefCell<Outbox>,
}

impl Listener {
    /// Takes a socket that does not block. Must be called within the worker's runtime.
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Rc<Self>> {
        Ok(Rc::new(Self {
            socket: UdpSocket::from_std(socket)?,
            outbox: RefCell::new(Outbox::new()),
        }))
    }

    fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Queues the datagram that `write` writes.
    pub(crate) fn send(
        &self,
        peer: SockaddrStorage,
        local: Option<Local>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let mut outbox = self.outbox.borrow_mut();
        write(outbox.room(self.fd()));
        outbox.commit(Some(peer), local);
    }

    pub(crate) fn flush(&self) {
        let mut outbox = self.outbox.borrow_mut();
        if !outbox.is_empty() {
            outbox.flush(self.fd());
        }
    }
}

/// Answers what comes in until the runtime ends.
pub(crate) async fn serve(worker: Rc<Worker>, listener: Rc<Listener>) {
    let mut inbox = Inbox::new();
    loop {
        if listener.socket.readable().await.is_err() {
            return;
        }
        for _ in 0..BATCHES_PER_TURN {
            let received = listener
                .socket
                .try_io(Interest::READABLE, || inbox.receive(listener.fd()));
            match received {
                Ok(count) => {
                    handle_batch(&worker, &listener, &inbox, count);
                    worker.flush();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // What the network said about an earlier answer; the next call reads on.
                Err(_) => {}
            }
        }
        tokio::task::yield_now().await;
    }
}

fn handle_batch(worker: &Rc<Worker>, listener: &Rc<Listener>, inbox: &Inbox, count: usize) {
    let now = Instant::now();
    let zone = worker.shared.zone.guard();
    for n in 0..count {
        let Some((message, arrival)) = inbox.get(n) else {
            continue;
        };
        let Some(peer) = arrival.peer else { continue };
        // Port 0 cannot be answered, and replies to it are errors.
        let Some(address) = to_std(&peer).filter(|address| address.port() != 0) else {
            continue;
        };
        let incoming = Incoming {
            message,
            peer: address,
            transport: Transport::Udp,
            now,
        };
        let mut outbox = listener.outbox.borrow_mut();
        let out = outbox.room(listener.fd());
        let replied = worker.handle(&zone, &incoming, out, || {
            Some(Sink::Udp {
                listener: Rc::clone(listener),
                peer,
                local: arrival.local,
            })
        });
        if replied {
            outbox.commit(Some(peer), arrival.local);
        }
    }
}
