//! A server on port 0 and upstreams that follow a script.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lsconfig_dns::record::RecordData;
use lsconfig_dns::server::{Event, ForwardConfig, Handle, Server, ServerConfig, Transport};
use lsconfig_dns::wire::{QR, Query, RA, RD, Section, TC, Writer, read_query};
use lsconfig_dns::zone::{LocalZone, Zone};

/// A running server that stops when it goes out of scope.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) handle: Handle,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a server on a free port of 127.0.0.1.
pub(crate) fn serve(upstreams: &[SocketAddr]) -> Running {
    serve_with(ServerConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        forward: ForwardConfig {
            upstreams: upstreams.to_vec(),
            ..ForwardConfig::default()
        },
        workers: 1,
        ..ServerConfig::default()
    })
}

pub(crate) fn serve_with(mut config: ServerConfig) -> Running {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    config.log_queries = true;
    config.observer = Some(Arc::new(move |event| {
        seen.lock().unwrap().push(event.clone())
    }));
    let server = Server::bind(config, LocalZone::new(Zone::localstack())).unwrap();
    Running {
        addr: server.addresses()[0],
        metrics: server.metrics_address(),
        handle: server.handle(),
        events,
        thread: Some(std::thread::spawn(move || server.run().unwrap())),
    }
}

impl Running {
    /// Stops the server and waits for its end.
    pub(crate) fn stop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.handle.metrics();
        let line = text
            .lines()
            .find(|l| l.starts_with(&format!("lsconfig_dns_{name} ")));
        line.unwrap_or_else(|| panic!("no {name}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits until `condition` holds; fails when a busy machine would have got there long ago.
#[track_caller]
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < until, "the condition never held");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What an upstream does with a query: messages to send back, none for silence.
pub(crate) type Script = dyn Fn(&Query<'_>, Transport) -> Vec<Vec<u8>> + Send + Sync;

/// An upstream on a free port, over UDP and TCP.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    asked: Arc<AtomicUsize>,
    quit: Arc<AtomicBool>,
}

impl Upstream {
    pub(crate) fn start(
        script: impl Fn(&Query<'_>, Transport) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let upstream = Self {
            addr: udp.local_addr().unwrap(),
            asked: Arc::default(),
            quit: Arc::default(),
        };
        let script: Arc<Script> = Arc::new(script);
        let (asked, quit) = (Arc::clone(&upstream.asked), Arc::clone(&upstream.quit));
        let for_tcp = Arc::clone(&script);
        udp.set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !quit.load(Ordering::Relaxed) {
                let Ok((length, peer)) = udp.recv_from(&mut buffer) else {
                    continue;
                };
                let query = read_query(&buffer[..length]).expect("we send readable queries");
                // Probes of the server's own are not counted.
                if query.name.to_string().ends_with("loop.lsconfig.test.")
                    || query.name.labels().next().is_none()
                {
                    udp.send_to(&reply(&query, 3, &[]), peer).unwrap();
                    continue;
                }
                asked.fetch_add(1, Ordering::Relaxed);
                for message in script(&query, Transport::Udp) {
                    udp.send_to(&message, peer).unwrap();
                }
            }
        });
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = tcp.accept() {
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    continue;
                }
                let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut message).unwrap();
                let query = read_query(&message).expect("we send readable queries");
                for message in for_tcp(&query, Transport::Tcp) {
                    stream
                        .write_all(&(message.len() as u16).to_be_bytes())
                        .unwrap();
                    stream.write_all(&message).unwrap();
                }
            }
        });
        upstream
    }

    /// How often it was asked over UDP.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Relaxed);
    }
}

/// A reply with the records as answer, named like the question.
pub(crate) fn reply(query: &Query<'_>, rcode: u16, records: &[RecordData]) -> Vec<u8> {
    let mut message = Vec::new();
    let flags = QR | RA | query.flags & RD | rcode;
    let mut writer = Writer::start(&mut message, query.id, flags);
    writer.question(query.question);
    for record in records {
        writer.record(
            Section::Answer,
            &[0xc0, 12],
            record.rtype,
            record.ttl,
            &[&record.data],
        );
    }
    message
}

/// An empty, truncated reply.
pub(crate) fn truncated(query: &Query<'_>) -> Vec<u8> {
    let mut message = reply(query, 0, &[]);
    message[2] |= (TC >> 8) as u8;
    message
}

/// An A record with a TTL.
pub(crate) fn a(address: &str, ttl: u32) -> RecordData {
    RecordData {
        ttl,
        ..RecordData::a(address.parse().unwrap())
    }
}
