//! One worker: a thread with its own sockets, its own runtime and nothing to wait for.
//!
//! [`Worker::handle`] takes a message from any transport and either writes the reply at once or
//! hands the question to the [`Forwarder`], which replies later through the [`Sink`].

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::answer::{self, Answer, Client, Cookie, Decision, Ede, MAX_DATAGRAM};
use crate::relay::{Age, relay};
use crate::server::Shared;
use crate::server::cache::{Cached, Key};
use crate::server::datagram::{Inbox, Local};
use crate::server::event::{Event, QueryEvent, Source, Transport};
use crate::server::forward::Forwarder;
use crate::server::limit::{RateLimit, Verdict, may_forward};
use crate::server::metrics::Counters;
use crate::server::tcp::{Connections, Place};
use crate::server::udp::Listener;
use crate::wire::{QR, Query, RA, RD, Rcode, TC, Unreadable, Writer, read_query};
use crate::zone::Zone;

/// Exchanges with upstreams over TCP at once; more wait. Each takes a descriptor and up to 64 kB.
const UPSTREAM_TCP: usize = 64;
/// Largest message over TCP.
const MAX_MESSAGE: usize = 65_535;

pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) number: usize,
    pub(crate) forwarder: RefCell<Forwarder>,
    /// For upstream replies; one for all sockets, since a batch is handled before the next.
    pub(crate) inbox: RefCell<Inbox>,
    pub(crate) listeners: RefCell<Vec<Rc<Listener>>>,
    rate_limit: RefCell<RateLimit>,
    pub(crate) connections: RefCell<Connections>,
    /// Wakes the task that keeps deadlines.
    pub(crate) due: Notify,
    /// Exchanges with upstreams over TCP that may be open at once.
    pub(crate) upstream_tcp: Semaphore,
}

/// A message that came in.
pub(crate) struct Incoming<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) peer: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) now: Instant,
}

/// Where a reply goes.
pub(crate) enum Sink {
    Udp {
        listener: Rc<Listener>,
        peer: SocketAddr,
        local: Option<Local>,
    },
    Tcp(Place),
}

/// A client that waits for an upstream.
pub(crate) struct Waiter {
    /// The query by itself; it is read again for the reply.
    pub(crate) message: Vec<u8>,
    pub(crate) sink: Sink,
    pub(crate) client: SocketAddr,
    pub(crate) limit: usize,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) since: Instant,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, number: usize) -> Rc<Self> {
        let connections = shared.tcp_connections.div_ceil(shared.counters.len());
        Rc::new(Self {
            shared,
            number,
            forwarder: RefCell::default(),
            inbox: RefCell::new(Inbox::new()),
            listeners: RefCell::default(),
            rate_limit: RefCell::new(RateLimit::new(Instant::now())),
            connections: RefCell::new(Connections::new(connections)),
            due: Notify::new(),
            upstream_tcp: Semaphore::new(UPSTREAM_TCP),
        })
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters[self.number]
    }

    /// Handles a message. Returns true when the reply is in `out`; otherwise there is none, or it
    /// comes later through what `sink` returns.
    pub(crate) fn handle(
        self: &Rc<Self>,
        zone: &Zone,
        incoming: &Incoming<'_>,
        out: &mut Vec<u8>,
        sink: impl FnOnce() -> Option<Sink>,
    ) -> bool {
        let counters = self.counters();
        let &Incoming {
            message,
            peer,
            transport,
            now,
        } = incoming;
        match transport {
            Transport::Udp => counters.udp.add(),
            Transport::Tcp => counters.tcp.add(),
        }
        let policy = self.shared.policy.load();
        let scope = match peer {
            SocketAddr::V6(v6) => v6.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        let client = Client {
            ip: peer.ip(),
            scope,
            may_forward: may_forward(peer.ip(), scope, zone.network(), &policy.allow_from),
        };
        let query = match read_query(message) {
            Ok(query) => query,
            Err(unreadable) => {
                let mut proved = false;
                match unreadable {
                    Unreadable::Silent => {
                        counters.unreadable.add();
                        return false;
                    }
                    Unreadable::Reply { id, flags, rcode } => {
                        counters.unreadable.add();
                        // The opcode and RD are repeated (RFC 1035, section 4.1.1).
                        Writer::start(out, id, QR | RA | flags & (0x7800 | RD) | rcode.0);
                    }
                    Unreadable::CookieOnly { id, flags, edns } => {
                        let content = edns.cookie.unwrap_or_default();
                        let Some(reply) = self.shared.cookies.reply(content, client.ip) else {
                            return false;
                        };
                        proved = reply.1;
                        answer::write_cookie(id, flags, edns, &reply.0, proved, out);
                    }
                }
                return self.verdict(&client, transport, proved, now) == Verdict::Send;
            }
        };
        let limit = match (transport, query.edns) {
            (Transport::Tcp, _) => MAX_MESSAGE,
            (Transport::Udp, None) => 512,
            (Transport::Udp, Some(edns)) => usize::from(edns.payload).min(MAX_DATAGRAM),
        };
        let mut proved = false;
        let cookie = query.edns.and_then(|edns| edns.cookie).and_then(|content| {
            let (cookie, fine) = self.shared.cookies.reply(content, client.ip)?;
            proved = fine;
            Some(cookie)
        });
        match self.verdict(&client, transport, proved, now) {
            Verdict::Send => {}
            Verdict::Drop => return false,
            Verdict::Slip => {
                let mut writer = Writer::start(out, query.id, QR | TC | query.flags & RD);
                writer.question(query.question);
                answer::finish(&mut writer, query.edns, Rcode::NOERROR, None, None);
                return true;
            }
        }
        let decision = answer::answer(&query, &client, zone);
        if let Decision::Forward = decision {
            let waiting = Pending {
                query: &query,
                incoming,
                limit,
                cookie,
            };
            return self.forward(&waiting, &policy, out, sink);
        }
        match &decision {
            Decision::Answer(_) => counters.local.add(),
            _ => counters.refused.add(),
        }
        answer::write(&query, &decision, limit, cookie.as_ref(), out);
        if self.shared.log_queries {
            let source = match &decision {
                Decision::Answer(Answer::Addresses { rule, .. }) => Source::View(*rule),
                Decision::Answer(_) => Source::Zone,
                _ => Source::Policy,
            };
            self.log(&query, peer, transport, source, out, now);
        }
        true
    }

    /// Strangers over UDP are answered at a limited rate, unless a cookie proves their address.
    fn verdict(
        &self,
        client: &Client,
        transport: Transport,
        proved: bool,
        now: Instant,
    ) -> Verdict {
        if client.may_forward || proved || transport == Transport::Tcp {
            return Verdict::Send;
        }
        let verdict = self.rate_limit.borrow_mut().judge(client.ip, now);
        if verdict != Verdict::Send {
            self.counters().rate_limited.add();
        }
        verdict
    }

    fn forward(
        self: &Rc<Self>,
        waiting: &Pending<'_>,
        policy: &crate::server::upstream::Policy,
        out: &mut Vec<u8>,
        sink: impl FnOnce() -> Option<Sink>,
    ) -> bool {
        let query = waiting.query;
        let key = Key::new(query);
        let stale = match self.shared.cache.get(&key, waiting.incoming.now) {
            Cached::Fresh(stored, age) => {
                self.counters().cache_hits.add();
                let age = Age::Cached(age);
                relay(
                    query,
                    &stored,
                    age,
                    waiting.limit,
                    waiting.cookie.as_ref(),
                    out,
                );
                self.log(
                    query,
                    waiting.incoming.peer,
                    waiting.incoming.transport,
                    Source::Cache,
                    out,
                    waiting.incoming.now,
                );
                return true;
            }
            Cached::Stale(stored) => Some(stored),
            Cached::Nothing => None,
        };
        if query.name.is_within(&self.shared.loop_suffix) && self.shared.caught_loop(&query.name) {
            self.fail(waiting, Rcode::REFUSED, None, out);
            return true;
        }
        let group = policy
            .group_of(&query.name)
            .filter(|group| group.is_usable());
        let Some(group) = group else {
            match stale {
                Some(stored) => {
                    self.counters().cache_stale.add();
                    relay(
                        query,
                        &stored,
                        Age::Stale,
                        waiting.limit,
                        waiting.cookie.as_ref(),
                        out,
                    );
                }
                None => self.fail(waiting, Rcode::SERVFAIL, Some(Ede::NO_UPSTREAM), out),
            }
            return true;
        };
        if !self.has_room(&key, waiting.incoming.peer.ip()) {
            self.fail(waiting, Rcode::SERVFAIL, None, out);
            return true;
        }
        let Some(sink) = sink() else { return false };
        let waiter = Waiter {
            message: query.to_message(),
            sink,
            client: waiting.incoming.peer,
            limit: waiting.limit,
            cookie: waiting.cookie,
            since: waiting.incoming.now,
        };
        self.ask(query, &key, group, stale, waiter);
        false
    }

    fn fail(&self, waiting: &Pending<'_>, rcode: Rcode, ede: Option<Ede>, out: &mut Vec<u8>) {
        self.counters().failed.add();
        let decision = Decision::Fail(rcode, ede);
        answer::write(
            waiting.query,
            &decision,
            waiting.limit,
            waiting.cookie.as_ref(),
            out,
        );
        self.log(
            waiting.query,
            waiting.incoming.peer,
            waiting.incoming.transport,
            Source::Policy,
            out,
            waiting.incoming.now,
        );
    }

    /// Reports a query that was answered with the message `reply`.
    pub(crate) fn log(
        &self,
        query: &Query<'_>,
        client: SocketAddr,
        transport: Transport,
        source: Source,
        reply: &[u8],
        since: Instant,
    ) {
        if let Some(observer) = self
            .shared
            .observer
            .as_ref()
            .filter(|_| self.shared.log_queries)
        {
            observer(&Event::Query(Box::new(QueryEvent {
                client,
                transport,
                name: query.name,
                qtype: query.qtype,
                source,
                rcode: Rcode(u16::from(reply.get(3).copied().unwrap_or_default() & 0xf)),
                truncated: reply.get(2).is_some_and(|flags| flags & 2 != 0),
                elapsed: since.elapsed(),
            })));
        }
    }

    /// Sends what waits in every outbox.
    pub(crate) fn flush(&self) {
        for listener in &*self.listeners.borrow() {
            listener.flush();
        }
        self.forwarder.borrow_mut().flush();
    }
}

/// A query on its way to an upstream, with what its reply needs.
struct Pending<'a> {
    query: &'a Query<'a>,
    incoming: &'a Incoming<'a>,
    limit: usize,
    cookie: Option<Cookie>,
}

#[cfg(test)]
mod tests {
    use allocation_counter::measure;

    use super::*;
    use crate::server::{Server, ServerConfig};
    use crate::wire::{Name, Writer};
    use crate::zone::LocalZone;

    #[test]
    fn a_local_answer_allocates_nothing() {
        let config = ServerConfig {
            workers: 1,
            ..ServerConfig::default()
        };
        let server = Server::bind(config, LocalZone::new(Zone::localstack())).unwrap();
        let worker = Worker::new(server.shared, 0);
        let name = Name::parse("bucket.s3.localhost.localstack.cloud").unwrap();
        let question = [name.as_wire(), &[0, 1, 0, 1]].concat();
        let mut message = Vec::new();
        let mut writer = Writer::start(&mut message, 7, RD);
        writer.question(&question);
        writer.opt(1232, Rcode::NOERROR, false, &[&[0, 10, 0, 8], b"clientid"]);
        let incoming = Incoming {
            message: &message,
            peer: "127.0.0.1:5300".parse().unwrap(),
            transport: Transport::Udp,
            now: Instant::now(),
        };
        let zone = worker.shared.zone.load();
        let mut out = Vec::with_capacity(MAX_DATAGRAM);
        // The first look at what workers share makes room for this thread.
        assert!(worker.handle(&zone, &incoming, &mut out, || None));
        let counted = measure(|| {
            assert!(worker.handle(&zone, &incoming, &mut out, || None));
        });
        assert_eq!(counted.count_total, 0);
    }

    #[test]
    fn one_client_leaves_room_for_the_questions_of_others() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // Hears everything and says nothing.
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let config = ServerConfig {
            workers: 1,
            forward: crate::server::ForwardConfig {
                upstreams: vec![silent.local_addr().unwrap()],
                ..Default::default()
            },
            ..ServerConfig::default()
        };
        let server = Server::bind(config, LocalZone::new(Zone::localstack())).unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let worker = Worker::new(server.shared, 0);
            let listener = Listener::new(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
            let zone = worker.shared.zone.load();
            let ask = |client: &str, n: usize| {
                let name = Name::parse(&format!("n{n}.test")).unwrap();
                let mut message = Vec::new();
                let question = [name.as_wire(), &[0, 1, 0, 1]].concat();
                Writer::start(&mut message, 7, RD).question(&question);
                let peer: SocketAddr = client.parse().unwrap();
                let incoming = Incoming {
                    message: &message,
                    peer,
                    transport: Transport::Udp,
                    now: Instant::now(),
                };
                let sink = Sink::Udp {
                    listener: Rc::clone(&listener),
                    peer,
                    local: None,
                };
                // Whether it is refused at once.
                worker.handle(&zone, &incoming, &mut Vec::new(), || Some(sink))
            };
            let taken = (0..20_000).filter(|n| !ask("10.0.0.1:53", *n)).count();
            assert_eq!(taken, 4096, "half of all, while nobody else asks");
            assert!(!ask("10.0.0.2:53", 30_000));
            let taken = (40_000..50_000).filter(|n| !ask("10.0.0.2:53", *n));
            assert_eq!(taken.count(), 1023, "an eighth each from then on");
            assert!(!ask("10.0.0.3:53", 60_000));
        });
    }
}
