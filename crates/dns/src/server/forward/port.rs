//! Sockets to upstreams: few at a time, replaced often, each connected, so that a reply has to come
//! from the upstream to a port that is hard to guess (RFC 5452, section 9.2).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::server::datagram::{BATCH, Inbox, Outbox};
use crate::server::random::Random;

use crate::server::upstream::Upstream;
use crate::server::worker::Worker;

/// Sockets, and so source ports, that a worker uses for an upstream at a time.
const PORTS: usize = 4;
/// Queries after which a socket is replaced by one with another port.
const QUERIES_PER_PORT: u32 = 2048;
/// How often it is looked whether a retired port can be closed.
const PORT_REVIEW: Duration = Duration::from_secs(10);

/// Room for replies that wait for a busy worker, in bytes. The system may give less.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A connected socket to an upstream: the system drops what comes from elsewhere.
pub(super) struct Port {
    pub(super) socket: UdpSocket,
    pub(super) upstream: Arc<Upstream>,
    /// Ids in use, and the questions that use them.
    pub(super) ids: RefCell<HashMap<u16, u64>>,
    pub(super) outbox: RefCell<Outbox>,
    used: Cell<u32>,
}

impl Worker {
    /// Returns one of the ports to an upstream, at random; opens one when there are few.
    pub(super) fn port_for(
        self: &Rc<Self>,
        upstream: &Arc<Upstream>,
        ports: &mut Vec<Rc<Port>>,
        random: &mut Random,
    ) -> io::Result<Rc<Port>> {
        ports.retain(|port| port.used.get() < QUERIES_PER_PORT);
        let of_upstream = || {
            ports
                .iter()
                .filter(|port| port.upstream.addr == upstream.addr)
        };
        let count = of_upstream().count();
        let chosen = usize::from(random.next_u16()) % PORTS;
        if let Some(port) = of_upstream().nth(chosen).filter(|_| chosen < count) {
            port.used.set(port.used.get() + 1);
            return Ok(Rc::clone(port));
        }
        // The system chooses a port at random.
        let socket = if upstream.addr.is_ipv4() {
            std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?
        } else {
            std::net::UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?
        };
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        socket.set_nonblocking(true)?;
        socket.connect(upstream.addr)?;
        let port = Rc::new(Port {
            socket: UdpSocket::from_std(socket)?,
            upstream: Arc::clone(upstream),
            ids: RefCell::default(),
            outbox: RefCell::new(Outbox::new()),
            used: Cell::new(1),
        });
        ports.push(Rc::clone(&port));
        spawn_local(read_replies(Rc::clone(self), Rc::clone(&port)));
        spawn_local(read_errors(Rc::clone(self), Rc::clone(&port)));
        Ok(port)
    }
}

/// Reads replies until the port is retired and nothing is expected on it any more.
async fn read_replies(worker: Rc<Worker>, port: Rc<Port>) {
    while let Some(true) = becomes(&port, Interest::READABLE).await {
        loop {
            let mut inbox = worker.inbox.borrow_mut();
            match receive(&port.socket, &mut inbox) {
                Ok(0) => break,
                Ok(count) => {
                    for n in 0..count {
                        if let Some((message, arrival)) = inbox.get(n) {
                            worker.on_datagram(&port, message, arrival.cut);
                        }
                    }
                    worker.flush();
                }
                Err(_) => {
                    drop(inbox);
                    worker.on_port_error(&port);
                    worker.flush();
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Receives a batch; 0 when there is none.
///
/// A batch that is not full leaves an empty queue, so the socket counts as not ready from then on,
/// and the call that would find that out is saved: what arrives later makes the socket ready again.
fn receive(socket: &UdpSocket, inbox: &mut Inbox) -> io::Result<usize> {
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

/// Watches for reports of the network, such as that nobody listens at the upstream.
async fn read_errors(worker: Rc<Worker>, port: Rc<Port>) {
    while let Some(true) = becomes(&port, Interest::ERROR).await {
        if let Ok(Some(_)) = port.socket.take_error() {
            worker.on_port_error(&port);
            worker.flush();
        }
        // Taking the error is what makes the socket ready for the next one.
        let _: io::Result<()> = port
            .socket
            .try_io(Interest::ERROR, || Err(io::ErrorKind::WouldBlock.into()));
        tokio::task::yield_now().await;
    }
}

/// Waits for a socket. `None` when the port is retired and nothing is expected on it any more.
async fn becomes(port: &Port, interest: Interest) -> Option<bool> {
    loop {
        let retired = port.used.get() >= QUERIES_PER_PORT;
        match timeout(PORT_REVIEW, port.socket.ready(interest)).await {
            Ok(ready) => return Some(ready.is_ok()),
            Err(_) if retired && port.ids.borrow().is_empty() => return None,
            Err(_) => {}
        }
    }
}
