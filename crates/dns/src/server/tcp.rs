//! Connections: many queries on each, answered as soon as each is known (RFC 7766).

use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{Instant, timeout};

use crate::server::event::Transport;
use crate::server::worker::{Incoming, Sink, Worker};

/// How long a connection may be idle (RFC 7766, section 6.2.3: seconds, not minutes).
const IDLE: Duration = Duration::from_secs(10);
/// The same when connections run short.
const IDLE_WHEN_BUSY: Duration = Duration::from_secs(2);
/// How long a message may take to come in or go out.
const TRANSFER: Duration = Duration::from_secs(5);
/// The share of all connections that one client may have, so that nobody takes all of them.
const SHARE_OF_CLIENT: usize = 4;
/// Queries of one connection that are under way at once; reading waits beyond.
const MAX_IN_FLIGHT: usize = 64;
/// Bytes of replies that a worker keeps for clients that do not read them. A connection whose reply
/// finds no room is closed.
const MAX_UNREAD: usize = 8 << 20;
/// Bytes of replies that wait for the client of a connection, beyond which its queries wait.
const MAX_UNREAD_OF_CONNECTION: usize = 128 << 10;
/// Room that a connection keeps for its next query, in bytes.
const USUAL_QUERY: usize = 512;
/// How long to wait when the system has no more descriptors, or a client does not read.
const PAUSE: Duration = Duration::from_millis(50);

/// The open connections of a worker. Where there is no room, the one that is idle the longest makes
/// room for a new one: who holds connections without using them shuts nobody out.
pub(crate) struct Connections {
    open: HashMap<u64, Open>,
    /// Connections by their last use.
    by_use: BTreeSet<(Instant, u64)>,
    /// How many each client has.
    of_client: HashMap<IpAddr, usize>,
    next: u64,
    limit: usize,
    /// Bytes of replies that wait for their clients.
    unread: Rc<Cell<usize>>,
}

struct Open {
    client: IpAddr,
    /// When it was opened, or its last query came in.
    used: Instant,
    /// The task that reads from it. Replies on their way are written by another one.
    reader: AbortHandle,
}

impl Connections {
    /// Room for `limit` connections, at least one.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            open: HashMap::new(),
            by_use: BTreeSet::new(),
            of_client: HashMap::new(),
            next: 0,
            limit: limit.max(1),
            unread: Rc::default(),
        }
    }

    /// Closes a connection when another one of `client` would be too many. Returns whether it did.
    fn make_room(&mut self, client: IpAddr) -> bool {
        let of_client = self.of_client.get(&client).copied().unwrap_or_default();
        let mut by_use = self.by_use.iter().map(|&(_, id)| id);
        let longest_idle = if of_client >= self.limit.div_ceil(SHARE_OF_CLIENT) {
            by_use.find(|id| self.open.get(id).is_some_and(|open| open.client == client))
        } else if self.open.len() >= self.limit {
            by_use.next()
        } else {
            None
        };
        let closed = longest_idle.and_then(|id| self.remove(id));
        if let Some(open) = &closed {
            open.reader.abort();
        }
        closed.is_some()
    }

    fn insert(&mut self, id: u64, open: Open) {
        self.by_use.insert((open.used, id));
        *self.of_client.entry(open.client).or_default() += 1;
        self.open.insert(id, open);
    }

    fn remove(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        self.by_use.remove(&(open.used, id));
        if let Entry::Occupied(mut count) = self.of_client.entry(open.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(open)
    }

    fn used(&mut self, id: u64, now: Instant) {
        if let Some(open) = self.open.get_mut(&id) {
            self.by_use.remove(&(open.used, id));
            open.used = now;
            self.by_use.insert((now, id));
        }
    }

    fn is_busy(&self) -> bool {
        self.open.len() > self.limit / 2
    }
}

/// Forgets a connection when its task ends, in whatever way.
struct Held {
    worker: Rc<Worker>,
    id: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(self.id);
        self.worker.counters().connections_closed.add();
    }
}

/// A place in the queue of replies of a connection. Every query under way has one, so replies never
/// wait for room.
pub(crate) struct Place {
    permit: OwnedPermit<Unread>,
    /// Bytes that wait on this connection, and on all of the worker.
    counts: [Rc<Cell<usize>>; 2],
}

impl Place {
    /// A place whose replies are counted on a connection and on its worker.
    pub(crate) fn new(permit: OwnedPermit<Unread>, counts: [Rc<Cell<usize>>; 2]) -> Self {
        Self { permit, counts }
    }

    /// Queues a reply. What no room is left for is lost, and the connection ends.
    pub(crate) fn send(self, reply: Vec<u8>) {
        let reply = Unread::new(reply, self.counts);
        self.permit.send(reply);
    }
}

/// A reply that its client has not read, and is counted as long as it exists.
pub(crate) struct Unread {
    /// `None` when there was no room for it.
    reply: Option<Vec<u8>>,
    size: usize,
    counts: [Rc<Cell<usize>>; 2],
}

impl Unread {
    fn new(reply: Vec<u8>, counts: [Rc<Cell<usize>>; 2]) -> Self {
        let fits = counts[1].get() + reply.len() <= MAX_UNREAD;
        let size = if fits { reply.len() } else { 0 };
        for count in &counts {
            count.set(count.get() + size);
        }
        Self {
            reply: fits.then_some(reply),
            size,
            counts,
        }
    }

    /// Takes the reply out; it is empty where there was no room.
    #[cfg(test)]
    pub(crate) fn take(mut self) -> Vec<u8> {
        self.reply.take().unwrap_or_default()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        for count in &self.counts {
            count.set(count.get() - self.size);
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
        let held = Held {
            worker: Rc::clone(&worker),
            id,
        };
        let open = Open {
            client,
            used: Instant::now(),
            reader: spawn_local(connection(held, stream, peer)).abort_handle(),
        };
        connections.insert(id, open);
    }
}

async fn connection(held: Held, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let mut replies = Replies {
        write: Some(write),
        queue: None,
        unread: Rc::default(),
        of_worker: Rc::clone(&held.worker.connections.borrow().unread),
    };
    read_queries(&held, read, peer, &mut replies).await;
    // Ends when the last query under way is answered: nothing is lost by a client that closes its
    // sending side early.
    if let Some((send, writer)) = replies.queue {
        drop(send);
        let _ = writer.await;
    }
}

/// The way back to a client. What it needs is made for the first query: most of the connections of
/// a crowd are idle.
struct Replies {
    write: Option<OwnedWriteHalf>,
    queue: Option<(mpsc::Sender<Unread>, JoinHandle<()>)>,
    unread: Rc<Cell<usize>>,
    of_worker: Rc<Cell<usize>>,
}

impl Replies {
    /// Waits for a place. `None` when nobody writes any more, or the client does not read.
    async fn place(&mut self) -> Option<Place> {
        let until = Instant::now() + TRANSFER;
        while self.unread.get() > MAX_UNREAD_OF_CONNECTION {
            if Instant::now() > until {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(write) = self.write.take() {
            let (send, receive) = mpsc::channel(MAX_IN_FLIGHT);
            self.queue = Some((send, spawn_local(write_replies(write, receive))));
        }
        let (send, _) = self.queue.as_ref()?;
        let permit = send.clone().reserve_owned().await.ok()?;
        let counts = [Rc::clone(&self.unread), Rc::clone(&self.of_worker)];
        Some(Place::new(permit, counts))
    }
}

async fn read_queries(
    held: &Held,
    mut read: OwnedReadHalf,
    peer: SocketAddr,
    replies: &mut Replies,
) {
    let worker = &held.worker;
    let mut message = Vec::new();
    loop {
        let busy = worker.connections.borrow().is_busy();
        let idle = if busy { IDLE_WHEN_BUSY } else { IDLE };
        let Ok(Ok(length)) = timeout(idle, read.read_u16()).await else {
            return;
        };
        // Room is made for what comes, not for what is announced.
        let mut rest = (&mut read).take(length.into());
        match timeout(TRANSFER, rest.read_to_end(&mut message)).await {
            Ok(Ok(read)) if read == usize::from(length) => {}
            _ => return,
        }
        worker
            .connections
            .borrow_mut()
            .used(held.id, Instant::now());
        let Some(place) = replies.place().await else {
            return;
        };
        let mut place = Some(place);
        let mut out = Vec::new();
        let zone = worker.shared.zone.load();
        let incoming = Incoming {
            message: &message,
            peer,
            transport: Transport::Tcp,
            now: Instant::now(),
        };
        let replied = worker.handle(&zone, &incoming, &mut out, || place.take().map(Sink::Tcp));
        worker.flush();
        match place {
            Some(place) if replied => place.send(out),
            // Unreadable and not to be answered: whoever sends this speaks another protocol.
            Some(_) => return,
            None => {}
        }
        message.clear();
        message.shrink_to(USUAL_QUERY);
    }
}

async fn write_replies(mut write: OwnedWriteHalf, mut receive: mpsc::Receiver<Unread>) {
    let mut framed = Vec::new();
    let mut batch = Vec::new();
    while let Some(first) = receive.recv().await {
        // What else is ready leaves in the same segment (RFC 7766, section 8).
        batch.push(first);
        while let Ok(next) = receive.try_recv() {
            batch.push(next);
        }
        framed.clear();
        for unread in &batch {
            match &unread.reply {
                Some(reply) => frame(reply, &mut framed),
                None => return,
            }
        }
        match timeout(TRANSFER, write.write_all(&framed)).await {
            Ok(Ok(())) => batch.clear(),
            _ => return,
        }
        framed.shrink_to(USUAL_QUERY);
    }
}

/// Adds a message with its length in front (RFC 1035, section 4.2.2).
pub(crate) fn frame(message: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_nobody_reads_are_bounded_and_counted_off_again() {
        let counts = [Rc::default(), Rc::<Cell<usize>>::default()];
        let reply = || Unread::new(vec![0; 60_000], counts.clone());
        let held: Vec<_> = (0..1000).map(|_| reply()).collect();
        assert!(counts[1].get() <= MAX_UNREAD && counts[1].get() > MAX_UNREAD - 60_000);
        assert!(reply().reply.is_none());
        drop(held);
        assert_eq!((counts[0].get(), counts[1].get()), (0, 0));
        assert!(reply().reply.is_some());
    }

    fn connect(connections: &mut Connections, client: &str, now: Instant) -> u64 {
        let client = client.parse().unwrap();
        connections.make_room(client);
        let id = connections.next;
        connections.next += 1;
        let reader = spawn_local(std::future::pending::<()>()).abort_handle();
        let open = Open {
            client,
            used: now,
            reader,
        };
        connections.insert(id, open);
        id
    }

    #[test]
    fn the_longest_idle_makes_room_first_among_a_client_s_own() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let mut all = Connections::new(8);
            let start = Instant::now();
            let at = |n| start + Duration::from_secs(n);
            let other = connect(&mut all, "10.0.0.2", at(0));
            let first = connect(&mut all, "10.0.0.1", at(1));
            let second = connect(&mut all, "10.0.0.1", at(2));
            all.used(first, at(3));
            // A quarter is two: the third one replaces the one that is idle the longest.
            connect(&mut all, "10.0.0.1", at(4));
            assert!(!all.open.contains_key(&second));
            assert!(all.open.contains_key(&first) && all.open.contains_key(&other));
            for n in 0..9 {
                connect(&mut all, &format!("10.0.1.{n}"), at(5 + n));
            }
            assert_eq!((all.open.len(), all.by_use.len()), (8, 8));
            assert!(!all.open.contains_key(&other) && !all.open.contains_key(&first));
            assert_eq!(all.of_client.values().sum::<usize>(), 8);
        });
    }
}
