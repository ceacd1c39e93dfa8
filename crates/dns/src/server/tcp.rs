//! Connections: many queries on each, answered as soon as each is known (RFC 7766).

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
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
/// How long to wait when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(50);

type PerClient = Rc<RefCell<HashMap<IpAddr, usize>>>;

/// Accepts connections until the runtime ends.
pub(crate) async fn serve(worker: Rc<Worker>, listener: TcpListener) {
    let clients = PerClient::default();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let ip = peer.ip().to_canonical();
        let of_client = clients.borrow().get(&ip).copied().unwrap_or_default();
        if worker.connections.get() >= MAX_CONNECTIONS || of_client >= MAX_PER_CLIENT {
            worker.counters().connections_refused.add();
            continue;
        }
        worker.counters().connections.add();
        worker.connections.set(worker.connections.get() + 1);
        clients.borrow_mut().insert(ip, of_client + 1);
        let (worker, clients) = (Rc::clone(&worker), Rc::clone(&clients));
        spawn_local(async move {
            connection(&worker, stream, peer).await;
            worker.connections.set(worker.connections.get() - 1);
            let mut clients = clients.borrow_mut();
            match clients.get_mut(&ip) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    clients.remove(&ip);
                }
            }
        });
    }
}

async fn connection(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let (send, receive) = mpsc::channel(MAX_IN_FLIGHT);
    let writer = spawn_local(write_replies(write, receive));
    read_queries(worker, read, peer, send).await;
    // Ends when the last query under way is answered: nothing is lost by a client that closes its
    // sending side early.
    let _ = writer.await;
}

async fn read_queries(
    worker: &Rc<Worker>,
    mut read: OwnedReadHalf,
    peer: SocketAddr,
    send: mpsc::Sender<Vec<u8>>,
) {
    let mut message = Vec::new();
    loop {
        let busy = worker.connections.get() > MAX_CONNECTIONS / 2;
        let idle = if busy { IDLE_WHEN_BUSY } else { IDLE };
        let mut length = [0; 2];
        match timeout(idle, read.read_exact(&mut length)).await {
            Ok(Ok(_)) => {}
            _ => return,
        }
        message.resize(usize::from(u16::from_be_bytes(length)), 0);
        match timeout(TRANSFER, read.read_exact(&mut message)).await {
            Ok(Ok(_)) => {}
            _ => return,
        }
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
