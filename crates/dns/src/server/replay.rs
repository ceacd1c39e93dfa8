//! Plays the scenarios of `tests/data/replay`: a server, its clients and its upstreams, with time
//! that passes only when the scenario says so. `tests/data/replay/README.md` has the language.
//!
//! Clients are in memory, so they may have any address; upstreams are sockets on this machine.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, LocalSet, spawn_local, yield_now};
use tokio::time::Instant;

use crate::check::{parse_type, text_of};
use crate::record::read_records;
use crate::server::event::Transport;
use crate::server::forward::keep_time;
use crate::server::tcp::{Place, Unread};
use crate::server::watch::watch;
use crate::server::worker::{Incoming, Sink, Worker};
use crate::server::{ForwardConfig, Server, ServerConfig};
use crate::wire::{
    AA, AD, CD, HEADER, Name, QR, Query, RA, RD, Rcode, Reply, Section, TC, Writer, read_query,
    rtype,
};
use crate::zone::{LocalZone, Zone};

/// Turns of the scheduler after which everything that can happen has happened.
const TURNS: usize = 40;
/// How far time jumps at once while questions are under way.
const STEP: Duration = Duration::from_millis(10);
/// How long a scenario may really take.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn every_scenario_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/replay");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let scenes = files.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains("RFC "), "{name}: line 1 names the RFC");
        std::thread::spawn(move || play(&name, &text))
    });
    let scenes: Vec<_> = scenes.collect();
    let failed = scenes.into_iter().filter_map(|scene| scene.join().err());
    assert_eq!(failed.count(), 0, "scenarios that fail");
}

fn play(file: &str, text: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        // As long as a blocking task runs, paused time moves only when it is told to.
        let (finished, wait) = std::sync::mpsc::channel::<()>();
        let name = file.to_owned();
        tokio::task::spawn_blocking(move || {
            if wait.recv_timeout(LIMIT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                panic!("{name} hangs");
            }
        });
        let mut scene = Scene::open(file, text).await;
        for (n, line) in text.lines().enumerate() {
            scene.at = format!("{file}:{}: {line}", n + 1);
            if !line.is_empty() && !line.starts_with('#') && !line.starts_with("config ") {
                scene.step(line).await;
            }
        }
        drop(finished);
    });
}

/// One upstream of a scenario.
struct Upstream {
    addr: SocketAddr,
    /// Whether it answers probes and hears anything at all.
    there: Rc<Cell<bool>>,
    heard: Rc<RefCell<VecDeque<Heard>>>,
    /// The query that is answered next.
    current: Option<Heard>,
    udp: Option<Rc<UdpSocket>>,
    tasks: Vec<AbortHandle>,
}

/// A query that an upstream got.
struct Heard {
    message: Vec<u8>,
    way: Way,
}

enum Way {
    Udp(SocketAddr),
    Tcp(TcpStream),
}

impl Upstream {
    async fn start(address: &str) -> Self {
        let mut upstream = Self {
            addr: SocketAddr::new(address.parse().unwrap(), 0),
            there: Rc::new(Cell::new(true)),
            heard: Rc::default(),
            current: None,
            udp: None,
            tasks: Vec::new(),
        };
        upstream.open().await;
        upstream
    }

    /// Opens the sockets; the first time at a port that is free for both kinds.
    async fn open(&mut self) {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind(self.addr).await.unwrap();
            let addr = udp.local_addr().unwrap();
            match TcpListener::bind(addr).await {
                Ok(tcp) => {
                    self.addr = addr;
                    break (Rc::new(udp), tcp);
                }
                Err(error) => assert_eq!(self.addr.port(), 0, "{error}"),
            }
        };
        self.udp = Some(Rc::clone(&udp));
        let (there, heard) = (Rc::clone(&self.there), Rc::clone(&self.heard));
        let over_udp = spawn_local(async move {
            let mut buffer = [0; 4096];
            loop {
                let Ok((length, peer)) = udp.recv_from(&mut buffer).await else {
                    continue;
                };
                let query = read_query(&buffer[..length]).expect("we send readable queries");
                let is_probe = query.qtype == rtype::NS;
                if is_probe && there.get() {
                    let reply = reply_to(&query, QR | Rcode::REFUSED.0, "", None);
                    udp.send_to(&reply, peer).await.unwrap();
                } else if there.get() {
                    heard.borrow_mut().push_back(Heard {
                        message: buffer[..length].to_vec(),
                        way: Way::Udp(peer),
                    });
                }
            }
        });
        let heard = Rc::clone(&self.heard);
        let over_tcp = spawn_local(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut message = vec![0; usize::from(length)];
                stream.read_exact(&mut message).await.unwrap();
                let way = Way::Tcp(stream);
                heard.borrow_mut().push_back(Heard { message, way });
            }
        });
        self.tasks = vec![over_udp.abort_handle(), over_tcp.abort_handle()];
    }

    fn close(&mut self) {
        self.udp = None;
        self.tasks.drain(..).for_each(|task| task.abort());
    }
}

/// One client of a scenario.
struct Client {
    addr: SocketAddr,
    send: mpsc::Sender<Unread>,
    receive: mpsc::Receiver<Unread>,
    /// The cookie that the server gave it.
    cookie: Vec<u8>,
}

struct Scene {
    worker: Rc<Worker>,
    upstreams: BTreeMap<String, Upstream>,
    clients: BTreeMap<String, Client>,
    steps: usize,
    /// The line that is played, for messages.
    at: String,
}

impl Scene {
    async fn open(file: &str, text: &str) -> Self {
        let mut config = ServerConfig {
            workers: 1,
            ..ServerConfig::default()
        };
        let (mut upstreams, mut clients) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines().filter_map(|line| line.strip_prefix("config ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["upstream", name, address] => {
                    let upstream = Upstream::start(address).await;
                    config.forward.upstreams.push(upstream.addr);
                    upstreams.insert(name.to_owned(), upstream);
                }
                ["forward", domain, upstream] => {
                    let domain = Name::parse(domain).unwrap();
                    let addr = upstreams[upstream].addr;
                    config.forward.domains.push((domain, addr));
                }
                ["client", name, address] => {
                    let (send, receive) = mpsc::channel(1024);
                    let client = Client {
                        addr: SocketAddr::new(address.parse().unwrap(), 5300),
                        send,
                        receive,
                        cookie: Vec::new(),
                    };
                    clients.insert(name.to_owned(), client);
                }
                ["cache", bytes] => config.cache_bytes = bytes.parse().unwrap(),
                ["allow", net] => config.forward.allow_from.push(net.parse().unwrap()),
                _ => panic!("{file}: config {line}"),
            }
        }
        // Upstreams of single domains are not asked for everything.
        let single: Vec<_> = config
            .forward
            .domains
            .iter()
            .map(|(_, addr)| *addr)
            .collect();
        let ForwardConfig { upstreams: all, .. } = &mut config.forward;
        all.retain(|addr| !single.contains(addr));
        let server = Server::bind(config, LocalZone::new(Zone::localstack())).unwrap();
        let worker = Worker::new(server.shared, 0);
        spawn_local(keep_time(Rc::clone(&worker)));
        spawn_local(watch(Rc::clone(&worker)));
        Self {
            worker,
            upstreams,
            clients,
            steps: 0,
            at: String::new(),
        }
    }

    async fn step(&mut self, line: &str) {
        let (number, line) = line.split_once(' ').unwrap_or_default();
        self.steps += 1;
        assert_eq!(number, self.steps.to_string(), "{}: number", self.at);
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["pass", seconds] => self.pass(seconds.parse().unwrap()).await,
            ["counter", name, "is", value] => {
                assert_eq!(self.metric(name).to_string(), value, "{}", self.at);
            }
            ["counter", name, "at", "most", value] => {
                assert!(self.metric(name) <= value.parse().unwrap(), "{}", self.at);
            }
            [who, "asks", name, qtype, ref options @ ..] => {
                self.ask(who, name, qtype, options).await;
            }
            [who, "gets", ..] if self.clients.contains_key(who) => {
                let wanted = line.split_once(" gets ").unwrap_or_default().1;
                let got = self.reply_of(who).await;
                assert_eq!(got, wanted, "{}", self.at);
            }
            [who, "gets", ..] => {
                let wanted = line.split_once(" gets ").unwrap_or_default().1;
                let got = self.query_of(who).await;
                assert_eq!(got, wanted, "{}", self.at);
            }
            [who, "answers", ref words @ ..] => self.answer(who, words, line).await,
            [who, act @ ("goes" | "returns" | "closes" | "opens")] => {
                let upstream = self.upstreams.get_mut(who).expect(who);
                match act {
                    "closes" => upstream.close(),
                    "opens" => upstream.open().await,
                    act => upstream.there.set(act == "returns"),
                }
                self.settle().await;
            }
            _ => panic!("{}: no such step", self.at),
        }
    }

    async fn settle(&self) {
        for _ in 0..TURNS {
            yield_now().await;
        }
    }

    fn metric(&self, name: &str) -> usize {
        let text = self.worker.shared.metrics_text();
        let prefix = format!("lsconfig_dns_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        line.expect(name).parse().unwrap()
    }

    async fn pass(&self, seconds: f64) {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < until {
            let left = until - Instant::now();
            // Nothing of importance happens early in a long wait without questions.
            let idle = self.worker.forwarder.borrow().is_idle() && left > 4 * LIMIT;
            let step = if idle {
                left - 2 * LIMIT
            } else {
                STEP.min(left)
            };
            tokio::time::advance(step).await;
            for _ in 0..4 {
                yield_now().await;
            }
        }
        self.settle().await;
    }

    async fn ask(&mut self, who: &str, name: &str, qtype: &str, options: &[&str]) {
        let client = self.clients.get_mut(who).expect(who);
        let mut flags = RD | AD;
        let (mut edns, mut payload, mut dnssec_ok, mut version) = (true, 1232, false, 0);
        let (mut transport, mut times) = (Transport::Udp, 1);
        let mut extra = Vec::new();
        for option in options {
            match option.split_once('=').unwrap_or((option, "")) {
                ("tcp", "") => transport = Transport::Tcp,
                ("noedns", "") => edns = false,
                ("do", "") => dnssec_ok = true,
                ("cd", "") => flags |= CD,
                ("norecurse", "") => flags &= !RD,
                ("payload", size) => payload = size.parse().unwrap(),
                ("version", number) => version = number.parse().unwrap(),
                ("times", number) => times = number.parse().unwrap(),
                ("cookie", "new") => extra = [&[0, 10, 0, 8][..], b"clientid"].concat(),
                ("cookie", "kept") => extra = [&[0, 10, 0, 24][..], &client.cookie].concat(),
                ("cookie", "forged") => {
                    extra = [&[0, 10, 0, 24][..], &client.cookie].concat();
                    extra[20] ^= 1;
                }
                _ => panic!("{}: option {option}", self.at),
            }
        }
        let mut question = Name::parse(name).unwrap().as_wire().to_vec();
        question.extend_from_slice(&parse_type(qtype).unwrap().to_be_bytes());
        question.extend_from_slice(&[0, 1]);
        let mut message = Vec::new();
        let mut writer = Writer::start(&mut message, 77, flags);
        writer.question(&question);
        if edns {
            writer.opt(payload, Rcode::NOERROR, dnssec_ok, &[&extra]);
            let at = HEADER + question.len() + 6;
            message[at] = version;
        }
        for _ in 0..times {
            let permit = client.send.clone().reserve_owned().await.unwrap();
            let mut place = Some(Place::new(permit, Default::default()));
            let incoming = Incoming {
                message: &message,
                peer: client.addr,
                transport,
                now: Instant::now(),
            };
            let mut out = Vec::new();
            let zone = self.worker.shared.zone.load();
            let sink = || place.take().map(Sink::Tcp);
            if self.worker.handle(&zone, &incoming, &mut out, sink)
                && let Some(place) = place
            {
                place.send(out);
            }
            self.worker.flush();
        }
        self.settle().await;
    }

    /// The reply in words: code, flags that matter, extended error, and records.
    async fn reply_of(&mut self, who: &str) -> String {
        self.settle().await;
        let client = self.clients.get_mut(who).expect(who);
        let Ok(message) = client.receive.try_recv().map(Unread::take) else {
            return "nothing".to_owned();
        };
        let reply = Reply::read(&message).expect("we send readable replies");
        assert_eq!(reply.id, 77, "{}", self.at);
        let mut code = reply.rcode().0;
        let mut words = Vec::new();
        for (flag, name) in [(AA, "aa"), (TC, "tc"), (AD, "ad")] {
            if reply.flags & flag != 0 {
                words.push(name.to_owned());
            }
        }
        let mut records = Vec::new();
        for record in reply.records().map(Result::unwrap) {
            match record.section {
                Section::Answer => {
                    let (head, data) = text_of(&message, &record);
                    let head = head.split_once(' ').unwrap_or_default().1.to_owned();
                    // Texts are long where their length is the point.
                    let data = match record.data.len() {
                        0..100 => data,
                        length => format!("of {length} bytes"),
                    };
                    records.push(format!("| {head} {data}"));
                }
                Section::Authority => words.push(format!("negative={}", record.ttl)),
                Section::Additional => {
                    code |= ((record.ttl >> 24) as u16) << 4;
                    let mut rest = record.data;
                    while let [_, option, _, length, tail @ ..] = rest {
                        let (content, tail) = tail.split_at(usize::from(*length));
                        rest = tail;
                        if *option == 15 {
                            words.push(format!("ede={}", content[1]));
                        } else {
                            client.cookie = content.to_vec();
                            words.push("cookie".to_owned());
                        }
                    }
                }
            }
        }
        let code = Rcode(code).to_string();
        [vec![code], words, records].concat().join(" ")
    }

    /// The next query that an upstream got, in words.
    async fn query_of(&mut self, who: &str) -> String {
        self.settle().await;
        let upstream = self.upstreams.get_mut(who).expect(who);
        let Some(heard) = upstream.heard.borrow_mut().pop_front() else {
            return "nothing".to_owned();
        };
        let query = read_query(&heard.message).unwrap();
        let name = query.name.to_string();
        let mut words = vec![
            name.trim_end_matches('.').to_owned(),
            crate::check::type_name(query.qtype),
        ];
        if matches!(heard.way, Way::Tcp(_)) {
            words.push("tcp".to_owned());
        }
        match query.edns {
            None => words.push("noedns".to_owned()),
            Some(edns) => {
                assert_eq!(edns.payload, 1232, "{}", self.at);
                if edns.dnssec_ok {
                    words.push("do".to_owned());
                }
            }
        }
        if query.flags & CD != 0 {
            words.push("cd".to_owned());
        }
        upstream.current = Some(heard);
        words.join(" ")
    }

    /// Answers the query that `query_of` took last; a spoofed answer leaves it to be answered again.
    async fn answer(&mut self, who: &str, words: &[&str], line: &str) {
        let upstream = self.upstreams.get_mut(who).expect(who);
        let heard = upstream.current.as_mut().expect("a query was taken");
        let query = read_query(&heard.message).unwrap();
        let mut flags = QR | RA | query.flags & RD;
        let (mut soa, mut spoof) = (None, None);
        for word in words.iter().take_while(|word| **word != "|") {
            match word.split_once('=').unwrap_or((word, "")) {
                ("NOERROR", "") => {}
                ("FORMERR", "") => flags |= Rcode::FORMERR.0,
                ("SERVFAIL", "") => flags |= Rcode::SERVFAIL.0,
                ("NXDOMAIN", "") => flags |= Rcode::NXDOMAIN.0,
                ("REFUSED", "") => flags |= Rcode::REFUSED.0,
                ("tc", "") => flags |= TC,
                ("aa", "") => flags |= AA,
                ("ad", "") => flags |= AD,
                ("soa", numbers) => {
                    let (ttl, minimum) = numbers.split_once('/').unwrap();
                    soa = Some((ttl.parse().unwrap(), minimum.parse().unwrap()));
                }
                ("spoof", what) => spoof = Some(what),
                _ => panic!("{}: {word}", self.at),
            }
        }
        let records = line.split_once('|').unwrap_or_default().1;
        let mut message = reply_to(&query, flags, records, soa);
        let question = HEADER + query.name.as_wire().len();
        match spoof {
            None => {}
            Some("id") => message[1] ^= 1,
            Some("name") => message[HEADER + 1] ^= 1,
            Some("type") => message[question + 1] ^= 1,
            Some("query") => message[2] &= 0x7f,
            Some("short") => message.truncate(question),
            Some(other) => panic!("{}: spoof {other}", self.at),
        }
        match &mut heard.way {
            Way::Udp(peer) => {
                let socket = upstream.udp.as_ref().expect("it is open");
                socket.send_to(&message, *peer).await.unwrap();
            }
            Way::Tcp(stream) => {
                stream.write_u16(message.len() as u16).await.unwrap();
                stream.write_all(&message).await.unwrap();
            }
        }
        self.settle().await;
    }
}

/// A reply with the records `TTL TYPE DATA`, separated by `|`, and perhaps an SOA of TTL and minimum.
fn reply_to(query: &Query<'_>, flags: u16, records: &str, soa: Option<(u32, u32)>) -> Vec<u8> {
    let owner = Name::parse("x").unwrap();
    let mut message = Vec::new();
    let mut writer = Writer::start(&mut message, query.id, flags);
    writer.question(query.question);
    for text in records.split('|').filter(|text| !text.trim().is_empty()) {
        let mut text = text.trim().to_owned();
        if let Some((ttl, length)) = text.split_once(" TXT of ") {
            text = format!("{ttl} TXT {}", "x".repeat(length.parse().unwrap()));
        }
        let mut zone = Zone::default();
        let errors = read_records(&format!("x {text}"), &mut zone);
        assert_eq!(errors, []);
        let record = &zone.records_of(&owner).unwrap()[0];
        let (rtype, ttl, data) = (record.rtype, record.ttl, &record.data);
        writer.record(Section::Answer, &[0xc0, 12], rtype, ttl, &[data]);
    }
    if let Some((ttl, minimum)) = soa {
        let names = [&[0xc0, 12][..]; 2].concat();
        let fields = [1, 3600, 600, 86400, minimum]
            .map(u32::to_be_bytes)
            .concat();
        let data: &[&[u8]] = &[&names, &fields];
        writer.record(Section::Authority, &[0xc0, 12], rtype::SOA, ttl, data);
    }
    message
}
