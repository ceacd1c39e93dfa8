//! Connections: many queries on each, answered as soon as each is known (RFC 7766).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, timeout};

use crate::server::event::Transport;
use crate::server::worker::{Incoming, Sink, Worker};

/// How long a connection may be idle (RFC 7766, section 6.2.3: seconds, not minutes).
const IDLE: Duration = Duration::from_secs(10);
/// The same when connections run short.
const IDLE_WHEN_BUSY: Duration = Duration::from_secs(2);
/// How long a message may take to come in or go out.
const TRANSFER: Duration = Duration::from_secs(5);
/// Connections of a worker; each costs a few kilobytes.
const MAX_CONNECTIONS: usize = 400;
/// Connections of one client to a worker, so that nobody takes all of them.
const MAX_PER_CLIENT: usize = 100;
/// Queries of one connection that are under way at once; reading waits beyond.
const MAX_IN_FLIGHT: usize = 64;
/// Room that a connection keeps for its next query, in bytes.
const USUAL_QUERY: usize = 512;
/// How long to wait when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// The open connections of a worker. Where there is no room, the one that is idle the longest makes
/// room for a new one: who holds connections without using them shuts nobody out.
#[derive(Default)]
pub(crate) struct Connections {
    open: HashMap<u64, Open>,
    next: u64,
}

struct Open {
    client: IpAddr,
    /// When it was opened, or its last query came in.
    used: Instant,
    /// The task that reads from it. Replies on their way are written by another one.
    reader: AbortHandle,
}

impl Connections {
    /// Closes a connection when another one of `client` would be too many. Returns whether it did.
    fn make_room(&mut self, client: IpAddr) -> bool {
        let of_client = |open: &Open| open.client == client;
        let longest_idle =
            if self.open.values().filter(|open| of_client(open)).count() >= MAX_PER_CLIENT {
                self.longest_idle(of_client)
            } else if self.open.len() >= MAX_CONNECTIONS {
                self.longest_idle(|_| true)
            } else {
                None
            };
        let closed = longest_idle.and_then(|id| self.open.remove(&id));
        if let Some(open) = &closed {
            open.reader.abort();
        }
        closed.is_some()
    }

    fn longest_idle(&self, of: impl Fn(&Open) -> bool) -> Option<u64> {
        let among = self.open.iter().filter(|(_, open)| of(open));
        among.min_by_key(|(_, open)| open.used).map(|(id, _)| *id)
    }

    fn is_busy(&self) -> bool {
        self.open.len() > MAX_CONNECTIONS / 2
    }
}

/// Forgets a connection when its task ends, in whatever way.
struct Entry {
    worker: Rc<Worker>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().open.remove(&self.id);
    }
}

impl Entry {
    fn used(&self) {
        if let Some(open) = self.worker.connections.borrow_mut().open.get_mut(&self.id) {
            open.used = Instant::now();
        }
    }
}

/// Accepts connections until the runtime ends.
pub(crate) async fn serve(worker: Rc<Worker>, listener: TcpListener) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        worker.counters().connections.add();
        let client = peer.ip().to_canonical();
        let mut connections = worker.connections.borrow_mut();
        if connections.make_room(client) {
            worker.counters().connections_refused.add();
        }
        let id = connections.next;
        connections.next += 1;
        let entry = Entry {
            worker: Rc::clone(&worker),
            id,
        };
        let open = Open {
            client,
            used: Instant::now(),
            reader: spawn_local(connection(entry, stream, peer)).abort_handle(),
        };
        connections.open.insert(id, open);
    }
}

async fn connection(entry: Entry, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let (send, receive) = mpsc::channel(MAX_IN_FLIGHT);
    let writer = spawn_local(write_replies(write, receive));
    read_queries(&entry, read, peer, send).await;
    // Ends when the last query under way is answered: nothing is lost by a client that closes its
    // sending side early.
    let _ = writer.await;
}

async fn read_queries(
    entry: &Entry,
    mut read: OwnedReadHalf,
    peer: SocketAddr,
    send: mpsc::Sender<Vec<u8>>,
) {
    let worker = &entry.worker;
    let mut message = Vec::new();
    loop {
        let busy = worker.connections.borrow().is_busy();
        let idle = if busy { IDLE_WHEN_BUSY } else { IDLE };
        let Ok(Ok(length)) = timeout(idle, read.read_u16()).await else {
            return;
        };
        // Room is made for what comes, not for what is announced.
        message.clear();
        message.shrink_to(USUAL_QUERY);
        let mut rest = (&mut read).take(length.into());
        match timeout(TRANSFER, rest.read_to_end(&mut message)).await {
            Ok(Ok(read)) if read == usize::from(length) => {}
            _ => return,
        }
        entry.used();
        // The permit is the place in the queue of replies, so replies never wait for room.
        let Ok(permit) = send.clone().reserve_owned().await else {
            return;
        };
        let mut permit = Some(permit);
        let mut out = Vec::new();
        let zone = worker.shared.zone.load();
        let incoming = Incoming {
            message: &message,
            peer,
            transport: Transport::Tcp,
            now: Instant::now(),
        };
        let replied = worker.handle(&zone, &incoming, &mut out, || permit.take().map(Sink::Tcp));
        worker.flush();
        match permit {
            Some(permit) if replied => {
                permit.send(out);
            }
            // Unreadable and not to be answered: whoever sends this speaks another protocol.
            Some(_) => return,
            None => {}
        }
    }
}

async fn write_replies(mut write: OwnedWriteHalf, mut receive: mpsc::Receiver<Vec<u8>>) {
    let mut framed = Vec::new();
    while let Some(first) = receive.recv().await {
        framed.clear();
        frame(&first, &mut framed);
        // What else is ready leaves in the same segment (RFC 7766, section 8).
        while let Ok(next) = receive.try_recv() {
            frame(&next, &mut framed);
        }
        match timeout(TRANSFER, write.write_all(&framed)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// Adds a message with its length in front (RFC 1035, section 4.2.2).
pub(crate) fn frame(message: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(message);
}
