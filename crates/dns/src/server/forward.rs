//! Questions under way to upstreams.
//!
//! One [`Question`] stands for all clients that ask the same at the same time. It is sent to one
//! upstream after the other until one answers; replies to earlier attempts still count. State
//! lives in tables, not in a task for each question, and replies come in by the batch.

mod message;
mod port;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::Instant;

use crate::answer::{self, Decision, Ede};
use crate::relay::{Age, Stored, relay};
use crate::server::cache::Key;
use crate::server::event::{Event, Source, Transport};
use crate::server::random::Random;
use crate::server::upstream::{Group, Upstream};
use crate::server::worker::{Sink, Waiter, Worker};
use crate::wire::{HEADER, Query, Rcode, Reply, TC, read_query};
use message::{TCP_LIMIT, over_tcp, strip_edns, upstream_query};
use port::Port;

/// When the next attempt is made, from the start of a question. The last one ends it: LocalStack
/// waits 7 seconds for its only attempt.
const ATTEMPTS: [Duration; 5] = [
    Duration::from_millis(400),
    Duration::from_millis(1000),
    // RFC 8767, section 5: a stale answer is due after 1.8 seconds.
    Duration::from_millis(1800),
    Duration::from_millis(4000),
    Duration::from_millis(7000),
];
/// The attempt after which a stale answer is sent.
const STALE_AFTER: usize = 2;
/// What counts as tries of an upstream that said no: more than there are attempts.
const FAILED: u8 = 16;
/// Questions under way in a worker; more are answered SERVFAIL.
const MAX_QUESTIONS: usize = 8192;
/// Questions under way from which on they are shared out among clients.
const CROWDED: usize = MAX_QUESTIONS / 2;
/// Questions of one client in a crowd, so that nobody takes all of them.
const MAX_OF_CLIENT: usize = MAX_QUESTIONS / 8;
/// Clients that wait for one question; more are answered SERVFAIL.
const MAX_WAITERS: usize = 256;
/// How often one client may wait for one question: the others want to know it too.
const MAX_WAITS_OF_CLIENT: usize = MAX_WAITERS / 2;
/// How exactly deadlines are kept.
const TICK: Duration = Duration::from_millis(20);

struct Question {
    key: Arc<[u8]>,
    /// The query to send; the id is filled in for each attempt.
    message: Vec<u8>,
    waiters: Vec<Waiter>,
    /// Who asked first, and is charged for it.
    client: IpAddr,
    group: Arc<Group>,
    since: Instant,
    /// How often each upstream of the group was tried.
    tries: Vec<u8>,
    /// How many attempts ran out of time.
    expired: usize,
    due: Instant,
    sent: Vec<(Rc<Port>, u16)>,
    stale: Option<Arc<Stored>>,
    /// An answer that another upstream may improve on, such as SERVFAIL.
    poor: Option<Arc<Stored>>,
    without_edns: bool,
}

impl Question {
    fn tries_of(&mut self, upstream: &Upstream) -> Option<&mut u8> {
        let mut all = self.group.upstreams.iter();
        let place = all.position(|other| other.addr == upstream.addr)?;
        self.tries.get_mut(place)
    }

    fn tried_all(&self) -> bool {
        let mut all = self.group.upstreams.iter().zip(&self.tries);
        all.all(|(upstream, tries)| *tries > 0 || upstream.is_looping())
    }

    /// Returns whether an attempt is neither answered nor known to have failed. `id` is its own.
    fn expects_reply(&self, id: u64) -> bool {
        let open = |(port, wire_id): &(Rc<Port>, u16)| port.ids.borrow().get(wire_id) == Some(&id);
        self.sent.iter().any(open)
    }
}

#[derive(Default)]
pub(crate) struct Forwarder {
    questions: HashMap<u64, Question>,
    by_key: HashMap<Arc<[u8]>, u64>,
    /// How many questions are charged to each client.
    charged: HashMap<IpAddr, usize>,
    due: BTreeSet<(Instant, u64)>,
    ports: Vec<Rc<Port>>,
    unsent: Vec<Rc<Port>>,
    next: u64,
    random: Random,
}

impl Forwarder {
    pub(crate) fn is_idle(&self) -> bool {
        self.questions.is_empty()
    }

    pub(crate) fn flush(&mut self) {
        for port in self.unsent.drain(..) {
            port.outbox.borrow_mut().flush(port.socket.as_raw_fd());
        }
    }

    /// Takes a question out of all tables.
    fn remove(&mut self, id: u64) -> Option<Question> {
        let question = self.questions.remove(&id)?;
        self.by_key.remove(&question.key);
        self.due.remove(&(question.due, id));
        if let Entry::Occupied(mut count) = self.charged.entry(question.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        for (port, wire_id) in &question.sent {
            let mut ids = port.ids.borrow_mut();
            // Where the reply came, another question may have the id by now.
            if ids.get(wire_id) == Some(&id) {
                ids.remove(wire_id);
            }
        }
        Some(question)
    }

    fn set_due(&mut self, id: u64, at: Instant) {
        if let Some(question) = self.questions.get_mut(&id) {
            self.due.remove(&(question.due, id));
            question.due = at;
            self.due.insert((at, id));
        }
    }
}

impl Worker {
    /// Asks an upstream on behalf of a client, or lets the client join a question under way. That
    /// also ends loops: a question that comes back to us waits for itself and multiplies no more.
    pub(crate) fn ask(
        self: &Rc<Self>,
        query: &Query<'_>,
        key: &Key,
        group: &Arc<Group>,
        stale: Option<Arc<Stored>>,
        waiter: Waiter,
    ) {
        let mut forwarder = self.forwarder.borrow_mut();
        if let Some(id) = forwarder.by_key.get(key.as_bytes()).copied()
            && let Some(question) = forwarder.questions.get_mut(&id)
        {
            self.counters().merged.add();
            question.waiters.push(waiter);
            return;
        }
        let id = forwarder.next;
        forwarder.next += 1;
        let key: Arc<[u8]> = key.as_bytes().into();
        let now = waiter.since;
        forwarder.by_key.insert(Arc::clone(&key), id);
        let client = waiter.client.ip();
        *forwarder.charged.entry(client).or_default() += 1;
        forwarder.questions.insert(
            id,
            Question {
                key,
                message: upstream_query(query),
                waiters: vec![waiter],
                client,
                group: Arc::clone(group),
                since: now,
                tries: vec![0; group.upstreams.len()],
                expired: 0,
                due: now,
                sent: Vec::new(),
                stale,
                poor: None,
                without_edns: false,
            },
        );
        forwarder.set_due(id, now + ATTEMPTS[0]);
        drop(forwarder);
        self.due.notify_one();
        // Where nothing can be sent, the next attempt is made when this one is overdue.
        self.attempt(id);
    }

    /// Returns whether `client` can wait for an upstream.
    pub(crate) fn has_room(&self, key: &Key, client: IpAddr) -> bool {
        let forwarder = self.forwarder.borrow();
        let under_way = forwarder
            .by_key
            .get(key.as_bytes())
            .and_then(|id| forwarder.questions.get(id));
        match under_way {
            Some(question) => {
                let waiters = question.waiters.iter();
                let waits = waiters.filter(|waiter| waiter.client.ip() == client);
                question.waiters.len() < MAX_WAITERS && waits.count() < MAX_WAITS_OF_CLIENT
            }
            None => {
                let charged = forwarder.charged.get(&client).copied().unwrap_or_default();
                forwarder.questions.len() < CROWDED
                    || forwarder.questions.len() < MAX_QUESTIONS && charged < MAX_OF_CLIENT
            }
        }
    }

    /// Sends a question to the next upstream. Returns false when nothing could be sent.
    fn attempt(self: &Rc<Self>, id: u64) -> bool {
        let mut forwarder = self.forwarder.borrow_mut();
        let Forwarder {
            questions,
            ports,
            unsent,
            random,
            ..
        } = &mut *forwarder;
        let Some(question) = questions.get_mut(&id) else {
            return false;
        };
        let Some(place) = question.group.choose(&question.tries) else {
            return false;
        };
        let upstream = &question.group.upstreams[place];
        question.tries[place] = question.tries[place].saturating_add(1);
        let Ok(port) = self.port_for(upstream, ports, random) else {
            return false;
        };
        let mut ids = port.ids.borrow_mut();
        let mut wire_id = random.next_u16();
        while ids.contains_key(&wire_id) {
            wire_id = wire_id.wrapping_add(1);
        }
        ids.insert(wire_id, id);
        drop(ids);
        let mut outbox = port.outbox.borrow_mut();
        let room = outbox.room(port.socket.as_raw_fd());
        room.clear();
        room.extend_from_slice(&wire_id.to_be_bytes());
        room.extend_from_slice(question.message.get(2..).unwrap_or_default());
        outbox.commit(None, None);
        drop(outbox);
        question.sent.push((Rc::clone(&port), wire_id));
        if !unsent.iter().any(|other| Rc::ptr_eq(other, &port)) {
            unsent.push(port);
        }
        self.counters().forwarded.add();
        true
    }

    /// Takes a datagram from an upstream; `cut` when it is longer than what was received of it.
    fn on_datagram(self: &Rc<Self>, port: &Rc<Port>, message: &[u8], cut: bool) {
        let counters = self.counters();
        let reply = Reply::read(message);
        let id = reply.and_then(|reply| port.ids.borrow().get(&reply.id).copied());
        let (Some(reply), Some(id)) = (reply, id) else {
            counters.upstream_mismatched.add();
            return;
        };
        let mut forwarder = self.forwarder.borrow_mut();
        let Some(question) = forwarder.questions.get_mut(&id) else {
            return;
        };
        let asked = question.message.get(HEADER..HEADER + reply.question.len());
        if !asked.is_some_and(|asked| reply.asks(asked)) {
            // RFC 5452, section 9.1: it is not the answer; the right one may still come.
            counters.upstream_mismatched.add();
            return;
        }
        port.ids.borrow_mut().remove(&reply.id);
        let upstream = Arc::clone(&port.upstream);
        if cut || reply.flags & TC != 0 {
            counters.upstream_tcp.add();
            let message = question.message.clone();
            // The exchange has its own limit; no further attempt is due before.
            let until = Instant::now() + TCP_LIMIT;
            forwarder.set_due(id, until);
            drop(forwarder);
            let worker = Rc::clone(self);
            spawn_local(async move {
                match over_tcp(&upstream, &message, id as u16, &worker.upstream_tcp).await {
                    Some(reply) => worker.on_reply(id, &upstream, &reply),
                    None => worker.next_attempt(id, &upstream),
                }
                worker.flush();
            });
            return;
        }
        drop(forwarder);
        self.on_reply(id, &upstream, message);
    }

    /// Takes a whole reply to a question.
    fn on_reply(self: &Rc<Self>, id: u64, upstream: &Arc<Upstream>, message: &[u8]) {
        self.counters().upstream_replies.add();
        if upstream.answered() {
            self.shared.report(Event::UpstreamUp(upstream.addr));
        }
        let stored = Reply::read(message).and_then(|reply| Stored::new(&reply));
        let Some(stored) = stored.map(Arc::new) else {
            self.next_attempt(id, upstream);
            return;
        };
        let mut forwarder = self.forwarder.borrow_mut();
        let Some(question) = forwarder.questions.get_mut(&id) else {
            return;
        };
        match stored.rcode {
            Rcode::FORMERR if !question.without_edns => {
                // RFC 6891, section 7: the server does not know EDNS.
                question.without_edns = true;
                // The same one once more.
                if let Some(tries) = question.tries_of(upstream) {
                    *tries = 0;
                }
                strip_edns(&mut question.message);
                drop(forwarder);
                self.attempt(id);
            }
            Rcode::SERVFAIL | Rcode::REFUSED | Rcode::NOTIMP if !question.tried_all() => {
                if let Some(tries) = question.tries_of(upstream) {
                    *tries = FAILED;
                }
                question.poor = Some(stored);
                drop(forwarder);
                self.attempt(id);
            }
            rcode => {
                let Some(question) = forwarder.remove(id) else {
                    return;
                };
                drop(forwarder);
                self.shared
                    .cache
                    .insert(&question.key, &stored, Instant::now());
                // RFC 8767, section 4: rather old data than a failure.
                match question.stale.filter(|_| rcode == Rcode::SERVFAIL) {
                    Some(old) => self.deliver(question.waiters, &old, Age::Stale),
                    None => self.deliver(question.waiters, &stored, Age::New),
                }
            }
        }
    }

    /// Goes on when the attempt at `failed` cannot succeed any more.
    fn next_attempt(self: &Rc<Self>, id: u64, failed: &Upstream) {
        let mut forwarder = self.forwarder.borrow_mut();
        let Some(question) = forwarder.questions.get_mut(&id) else {
            return;
        };
        if let Some(tries) = question.tries_of(failed) {
            *tries = FAILED;
        }
        let tries_left = question.sent.len() < question.tries.len().max(2);
        let expects_reply = question.expects_reply(id);
        if tries_left {
            forwarder.set_due(id, Instant::now() + ATTEMPTS[0]);
        }
        drop(forwarder);
        let sent = tries_left && self.attempt(id);
        // What was sent to another upstream may still be answered, until the next deadline.
        if !sent && !expects_reply {
            self.end(id);
        }
    }

    /// Ends a question without a good answer.
    fn end(self: &Rc<Self>, id: u64) {
        let Some(question) = self.forwarder.borrow_mut().remove(id) else {
            return;
        };
        let (stale, poor) = (question.stale.as_deref(), question.poor.as_deref());
        self.give_up(question.waiters, stale, poor);
    }

    fn give_up(&self, waiters: Vec<Waiter>, stale: Option<&Stored>, poor: Option<&Stored>) {
        if let Some(stored) = stale {
            self.deliver(waiters, stored, Age::Stale);
        } else if let Some(stored) = poor {
            self.deliver(waiters, stored, Age::New);
        } else {
            let failure = Decision::Fail(Rcode::SERVFAIL, Some(Ede::UNREACHABLE));
            for waiter in waiters {
                self.counters().failed.add();
                self.reply(waiter, Source::Policy, |query, waiter, out| {
                    answer::write(query, &failure, waiter.limit, waiter.cookie.as_ref(), out);
                });
            }
        }
    }

    fn deliver(&self, waiters: Vec<Waiter>, stored: &Stored, age: Age) {
        let source = match age {
            Age::Stale => Source::Stale,
            _ => Source::Upstream,
        };
        for waiter in waiters {
            if age == Age::Stale {
                self.counters().cache_stale.add();
            }
            self.reply(waiter, source, |query, waiter, out| {
                relay(
                    query,
                    stored,
                    age,
                    waiter.limit,
                    waiter.cookie.as_ref(),
                    out,
                );
            });
        }
    }

    fn reply(
        &self,
        waiter: Waiter,
        source: Source,
        write: impl Fn(&Query<'_>, &Waiter, &mut Vec<u8>),
    ) {
        let message = waiter.message.clone();
        let Ok(query) = read_query(&message) else {
            return;
        };
        let (client, since) = (waiter.client, waiter.since);
        match &waiter.sink {
            Sink::Udp {
                listener,
                peer,
                local,
            } => listener.send(*peer, *local, |out| {
                write(&query, &waiter, out);
                self.log(&query, client, Transport::Udp, source, out, since);
            }),
            Sink::Tcp(_) => {
                let mut out = Vec::new();
                write(&query, &waiter, &mut out);
                self.log(&query, client, Transport::Tcp, source, &out, since);
                if let Sink::Tcp(place) = waiter.sink {
                    place.send(out);
                }
            }
        }
    }

    /// Handles the questions whose time is up.
    fn on_tick(self: &Rc<Self>, now: Instant) {
        loop {
            let first = self.forwarder.borrow().due.first().copied();
            let Some((_, id)) = first.filter(|(at, _)| *at <= now) else {
                break;
            };
            self.on_due(id, now);
        }
        self.flush();
    }

    fn on_due(self: &Rc<Self>, id: u64, now: Instant) {
        self.counters().upstream_timeouts.add();
        let mut forwarder = self.forwarder.borrow_mut();
        let Some(question) = forwarder.questions.get_mut(&id) else {
            return;
        };
        if let Some((port, _)) = question.sent.last()
            && port.upstream.missed()
        {
            self.shared.report(Event::UpstreamDown(port.upstream.addr));
        }
        let expired = question.expired;
        question.expired += 1;
        let hopeless = expired >= STALE_AFTER && question.group.all_down();
        let Some(next) = ATTEMPTS.get(expired + 1).filter(|_| !hopeless) else {
            drop(forwarder);
            self.end(id);
            return;
        };
        let mut early = Vec::new();
        if expired >= STALE_AFTER && question.stale.is_some() {
            // The question stays under way to refresh the cache.
            early = std::mem::take(&mut question.waiters);
        }
        let stale = question.stale.clone();
        // An exchange over TCP may have moved the deadline past the next one.
        let at = (question.since + *next).max(now + TICK);
        forwarder.set_due(id, at);
        drop(forwarder);
        if let Some(stored) = stale.filter(|_| !early.is_empty()) {
            self.deliver(early, &stored, Age::Stale);
        }
        self.attempt(id);
    }

    /// The system says that nobody listens at an upstream: no need to wait for a timeout.
    fn on_port_error(self: &Rc<Self>, port: &Rc<Port>) {
        if port.upstream.missed() {
            self.shared.report(Event::UpstreamDown(port.upstream.addr));
        }
        let waiting: Vec<u64> = port.ids.borrow_mut().drain().map(|(_, id)| id).collect();
        for id in waiting {
            self.next_attempt(id, &port.upstream);
        }
    }
}

/// Keeps the deadlines of a worker's questions.
pub(crate) async fn keep_time(worker: Rc<Worker>) {
    loop {
        if worker.forwarder.borrow().due.is_empty() {
            worker.due.notified().await;
        }
        tokio::time::sleep(TICK).await;
        worker.on_tick(Instant::now());
    }
}
