//! The loop that answers datagrams.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::time::Instant;

use crate::server::datagram::{BATCH, Inbox, Local, Outbox};
use crate::server::event::Transport;
use crate::server::worker::{Incoming, Sink, Worker};

/// Batches that are handled before other tasks of the worker get their turn.
const BATCHES_PER_TURN: usize = 8;
/// A batch of this many shows that more is on its way.
const BUSY: usize = BATCH / 4;

/// How long to wait when the system cannot say that there is something to read.
const PAUSE: Duration = Duration::from_millis(5);

/// A socket that queries come in on. It does not block.
pub(crate) struct Listener {
    socket: UdpSocket,
    outbox: RefCell<Outbox>,
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Listener {
    pub(crate) fn new(socket: UdpSocket) -> Rc<Self> {
        Rc::new(Self {
            socket,
            outbox: RefCell::new(Outbox::new()),
        })
    }

    /// Queues the datagram that `write` writes.
    pub(crate) fn send(
        &self,
        peer: SocketAddr,
        local: Option<Local>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let mut outbox = self.outbox.borrow_mut();
        write(outbox.room(self.as_raw_fd()));
        outbox.commit(Some(peer), local);
    }

    pub(crate) fn flush(&self) {
        let mut outbox = self.outbox.borrow_mut();
        if !outbox.is_empty() {
            outbox.flush(self.as_raw_fd());
        }
    }
}

/// Answers what comes in until the runtime ends.
///
/// A socket that somebody waits for costs more to send on: the system looks for waiters at every
/// datagram that leaves. So it is waited for only while there is little to do, and read without
/// waiting as long as batches are large.
pub(crate) async fn serve(worker: Rc<Worker>, listener: Rc<Listener>) {
    let mut inbox = Inbox::new();
    loop {
        let again = listener.socket.try_clone();
        let Ok(waiting) = again.and_then(tokio::net::UdpSocket::from_std) else {
            // The system has no room for one more descriptor.
            answer_batch(&worker, &listener, &mut inbox);
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut count = 0;
        while count < BUSY {
            if waiting.readable().await.is_err() {
                return;
            }
            let tried = waiting.try_io(Interest::READABLE, || {
                count = answer_batch(&worker, &listener, &mut inbox);
                // The queue was empty then; what arrives later makes the socket ready again.
                Err::<(), _>(io::ErrorKind::WouldBlock.into())
            });
            drop(tried);
        }
        drop(waiting);
        let mut batches = 0;
        while answer_batch(&worker, &listener, &mut inbox) >= BUSY {
            batches += 1;
            if batches % BATCHES_PER_TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Receives a batch and answers it. Returns how many datagrams it had.
fn answer_batch(worker: &Rc<Worker>, listener: &Rc<Listener>, inbox: &mut Inbox) -> usize {
    let mut receive = || inbox.receive(listener.as_raw_fd());
    let received = receive().or_else(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Err(error),
        // What the network said about an earlier answer, which is said once.
        _ => receive(),
    });
    let Ok(count) = received else { return 0 };
    let now = Instant::now();
    let zone = worker.shared.zone.guard();
    for n in 0..count {
        let Some((message, arrival)) = inbox.get(n).filter(|(_, arrival)| !arrival.cut) else {
            continue;
        };
        // Port 0 cannot be answered, and replies to it are errors.
        let Some(peer) = arrival.peer.filter(|peer| peer.port() != 0) else {
            continue;
        };
        let incoming = Incoming {
            message,
            peer,
            transport: Transport::Udp,
            now,
        };
        let mut outbox = listener.outbox.borrow_mut();
        let out = outbox.room(listener.as_raw_fd());
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
    drop(zone);
    worker.flush();
    count
}
