//! The loop that answers datagrams.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;

use nix::sys::socket::SockaddrStorage;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::server::datagram::{BATCH, Inbox, Local, Outbox, to_std};
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
        let mut batches = 0;
        loop {
            match receive(&listener.socket, &mut inbox) {
                Ok(0) => break,
                Ok(count) => {
                    handle_batch(&worker, &listener, &inbox, count);
                    worker.flush();
                }
                // What the network said about an earlier answer; the next call reads on.
                Err(_) => {}
            }
            batches += 1;
            if batches == BATCHES_PER_TURN {
                tokio::task::yield_now().await;
                break;
            }
        }
    }
}

/// Receives a batch; 0 when there is none.
///
/// A batch that is not full leaves an empty queue, so the socket counts as not ready from then on,
/// and the call that would find that out is saved: what arrives later makes the socket ready again.
pub(crate) fn receive(socket: &UdpSocket, inbox: &mut Inbox) -> io::Result<usize> {
    let mut received = 0;
    let tried = socket.try_io(Interest::READABLE, || {
        received = inbox.receive(socket.as_raw_fd())?;
        if received < BATCH {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    });
    match tried {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(received),
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
