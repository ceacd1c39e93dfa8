//! The server: sockets, workers, and the handle that a program holds.
//!
//! ```
//! use lsconfig_dns::check::check;
//! use lsconfig_dns::record::RecordData;
//! use lsconfig_dns::server::{NetworkConfig, Server, ServerConfig};
//! use lsconfig_dns::wire::{Name, rtype};
//! use lsconfig_dns::zone::{LocalZone, Zone};
//!
//! let zone = LocalZone::new(Zone::localstack());
//! let config = ServerConfig {
//!     listen: vec!["127.0.0.1:0".parse()?],
//!     network: NetworkConfig::observed(),
//!     ..ServerConfig::default()
//! };
//! let server = Server::bind(config, zone.clone())?;
//! let (addr, handle) = (server.addresses()[0], server.handle());
//! let serving = std::thread::spawn(move || server.run());
//!
//! // Later, from any thread: each change is seen by a query as a whole or not at all.
//! let name = Name::parse("db.internal.test").unwrap();
//! zone.update(|zone| zone.add_record(&name, RecordData::a([10, 0, 2, 30].into())));
//! assert_eq!(check(addr, &name, rtype::A)?.answers, ["db.internal.test. 300 A 10.0.2.30"]);
//! zone.update(|zone| {
//!     zone.remove_records(&name, None);
//!     zone.add_record(&name, RecordData::a([10, 0, 2, 31].into()));
//! });
//! assert_eq!(check(addr, &name, rtype::A)?.answers, ["db.internal.test. 300 A 10.0.2.31"]);
//! zone.update(Zone::clear);
//! assert!(check(addr, &name, rtype::A)?.answers.is_empty());
//!
//! handle.stop();
//! serving.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each worker is a thread with sockets of its own (`SO_REUSEPORT`) and a runtime of its own.
//! Workers share the zone, the policy and the cache.

mod cache;
mod cookie;
mod datagram;
mod event;
mod forward;
mod http;
mod limit;
mod metrics;
mod random;
#[cfg(test)]
mod replay;
mod socket;
mod tcp;
mod udp;
mod upstream;
mod watch;
mod worker;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use lsconfig::network::{ExplicitView, Network};
use tokio::sync::watch as channel;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

pub use event::{Event, Observer, QueryEvent, Source, Transport};
pub use socket::BindError;
pub use upstream::ForwardConfig;

use crate::observe;
use crate::wire::Name;
use crate::zone::LocalZone;
use cache::Cache;
use cookie::Cookies;
use metrics::Counters;
use socket::Sockets;
use upstream::{Policy, Upstream};
use worker::Worker;

/// How long questions that are under way may take after a stop.
const DRAIN: Duration = Duration::from_secs(3);
/// How long a worker waits for datagrams that are on their way at a stop.
const LAST_ARRIVALS: Duration = Duration::from_millis(20);
/// More workers than this gain nothing for a server of local names.
const MAX_WORKERS: usize = 4;

/// TCP connections at once, when nothing else is said: within the 1024 descriptors that a process
/// usually may have, sockets to upstreams included.
pub const TCP_CONNECTIONS: usize = 640;

/// What a server needs to start.
pub struct ServerConfig {
    /// Addresses to listen on, UDP and TCP each; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Sockets that were opened by somebody else, beside `listen`.
    pub inherited_udp: Vec<UdpSocket>,
    /// The same for TCP.
    pub inherited_tcp: Vec<TcpListener>,
    /// Where `GET /metrics` and `GET /ready` are answered; nowhere by default.
    pub metrics: Option<SocketAddr>,
    /// How names that are not ours are resolved.
    pub forward: ForwardConfig,
    /// A file whose servers are the upstreams as long as `forward` has none; it is followed.
    pub resolv_conf: Option<PathBuf>,
    /// How our place in the network is found.
    pub network: NetworkConfig,
    /// Threads that answer; 0 means one for each processor, at most four.
    pub workers: usize,
    /// Bytes of memory for cached answers; 0 switches the cache off.
    pub cache_bytes: usize,
    /// TCP connections at once, shared out among the workers; one client may have a quarter of them.
    /// Each takes a descriptor and about two kilobytes.
    pub tcp_connections: usize,
    /// Whether the observer is told about every query; the others it always gets.
    pub log_queries: bool,
    /// Told about events.
    pub observer: Option<Observer>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            inherited_udp: Vec::new(),
            inherited_tcp: Vec::new(),
            metrics: None,
            forward: ForwardConfig::default(),
            resolv_conf: None,
            network: NetworkConfig::default(),
            workers: 0,
            cache_bytes: 4 << 20,
            tcp_connections: TCP_CONNECTIONS,
            log_queries: false,
            observer: None,
        }
    }
}

/// How our place in the network is found.
#[derive(Debug, Clone, Default)]
pub struct NetworkConfig {
    /// Whether addresses and routes are read from the system and followed. Otherwise the zone's
    /// [`Network`] stays as the program set it.
    pub observe: bool,
    /// Whether default gateways are the host, which is so in a container.
    pub gateways_are_host: bool,
    /// Further addresses that are the host.
    pub host_addresses: Vec<IpAddr>,
    /// Views that the user chose.
    pub views: Vec<ExplicitView>,
    /// `DNS_RESOLVE_IP`.
    pub resolve_ip: Option<IpAddr>,
}

impl NetworkConfig {
    /// Follows the system, outside a container.
    #[must_use]
    pub fn observed() -> Self {
        Self {
            observe: true,
            ..Self::default()
        }
    }

    /// Returns the addresses whose queries come from the host, as of now.
    #[must_use]
    pub fn host_gateways(&self) -> Vec<IpAddr> {
        let mut gateways = self.host_addresses.clone();
        if self.gateways_are_host {
            gateways.extend(observe::default_gateways());
        }
        gateways
    }

    /// Reads addresses and routes now.
    #[must_use]
    pub fn read(&self) -> Network {
        Network::default()
            .with_addresses(observe::interfaces())
            .with_gateways(self.host_gateways())
            .with_views(self.views.clone())
            .with_resolve_ip(self.resolve_ip)
    }
}

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) zone: Arc<LocalZone>,
    pub(crate) policy: ArcSwap<Policy>,
    pub(crate) cache: Cache,
    pub(crate) cookies: Cookies,
    pub(crate) counters: Vec<Counters>,
    pub(crate) observer: Option<Observer>,
    pub(crate) log_queries: bool,
    pub(crate) tcp_connections: usize,
    /// Locked while addresses are read, so that what is read last is what counts.
    network: Mutex<NetworkConfig>,
    /// Probes for loops are names below this one.
    pub(crate) loop_suffix: Name,
    forward: Mutex<(ForwardConfig, Option<PathBuf>)>,
    listening: Vec<SocketAddr>,
    probes: Mutex<Vec<(String, Weak<Upstream>)>>,
    stop: channel::Sender<bool>,
}

impl Shared {
    pub(crate) fn report(&self, event: Event) {
        if let Some(observer) = &self.observer {
            observer(&event);
        }
    }

    /// Reads our addresses and routes. Returns whether they changed.
    pub(crate) fn observe_network(&self) -> bool {
        let config = self.lock_network();
        let network = config.read();
        if *self.zone.guard().network() == network {
            return false;
        }
        self.zone.update(|zone| zone.set_network(network.clone()));
        self.rebuild_policy();
        true
    }

    /// Returns the file that upstreams are read from.
    pub(crate) fn resolv_conf(&self) -> Option<PathBuf> {
        let config = self.lock_forward();
        let (forward, path) = &*config;
        path.clone().filter(|_| forward.upstreams.is_empty())
    }

    /// Applies the forwarding configuration as it is now.
    pub(crate) fn rebuild_policy(&self) {
        let path = self.resolv_conf();
        let mut config = self.lock_forward().0.clone();
        if let Some(path) = path {
            config.upstreams = observe::read_nameservers(&path);
        }
        let before = self.policy.load_full();
        let zone = self.zone.load();
        let policy = Policy::new(&config, &before, &self.listening, zone.network());
        let addrs = |policy: &Policy| policy.upstreams().map(|u| u.addr).collect::<Vec<_>>();
        let (old, new) = (addrs(&before), addrs(&policy));
        for &addr in policy
            .ourselves
            .iter()
            .filter(|addr| !before.ourselves.contains(addr))
        {
            self.report(Event::UpstreamIsOurselves(addr));
        }
        self.policy.store(Arc::new(policy));
        if new.is_empty() && !old.is_empty() {
            self.report(Event::NoUpstream);
        }
        if old != new {
            self.report(Event::UpstreamsChanged(new));
        }
    }

    /// Whether addresses and routes are followed.
    pub(crate) fn observes(&self) -> bool {
        self.lock_network().observe
    }

    fn lock_network(&self) -> MutexGuard<'_, NetworkConfig> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_forward(&self) -> MutexGuard<'_, (ForwardConfig, Option<PathBuf>)> {
        self.forward.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_probes(&self) -> MutexGuard<'_, Vec<(String, Weak<Upstream>)>> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metrics_text(&self) -> String {
        let mut text = String::new();
        metrics::write_counters(&self.counters, &mut text);
        let (entries, bytes) = self.cache.size();
        let policy = self.policy.load();
        let usable = policy
            .upstreams()
            .filter(|u| !u.is_down() && !u.is_looping());
        for (name, help, value) in [
            ("cache_entries", "Answers in the cache", entries),
            ("cache_bytes", "Memory of the cache", bytes),
            (
                "upstreams",
                "Upstreams that are known",
                policy.upstreams().count(),
            ),
            ("upstreams_usable", "Upstreams that answer", usable.count()),
        ] {
            metrics::write_gauge(name, help, value, &mut text);
        }
        text
    }
}

/// A server that has its sockets and has not started yet.
pub struct Server {
    shared: Arc<Shared>,
    sockets: Vec<Sockets>,
    metrics: Option<TcpListener>,
}

/// Controls a running server; may be cloned and sent to any thread.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Server {
    /// Opens all sockets. Privileges may be dropped afterwards.
    ///
    /// # Errors
    /// [`BindError`] names the address, the reason, and who has the port.
    pub fn bind(config: ServerConfig, zone: Arc<LocalZone>) -> Result<Self, BindError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = match config.workers {
            0 => processors.min(MAX_WORKERS),
            chosen => chosen,
        };
        let mut sockets: Vec<Sockets> = (0..workers).map(|_| Sockets::default()).collect();
        let mut listening = Vec::new();
        for &addr in &config.listen {
            listening.push(socket::bind(addr, &mut sockets)?);
        }
        let inherited = Sockets {
            udp: config.inherited_udp,
            tcp: config.inherited_tcp,
        };
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let fail = |addr, transport| {
            move |source| BindError {
                addr,
                transport,
                source,
                owner: None,
            }
        };
        socket::share(&inherited, &mut sockets).map_err(fail(unknown, Transport::Udp))?;
        listening.extend(
            inherited
                .udp
                .iter()
                .filter_map(|socket| socket.local_addr().ok()),
        );
        let metrics = match config.metrics {
            Some(addr) => {
                let open = || {
                    let listener = TcpListener::bind(addr)?;
                    listener.set_nonblocking(true)?;
                    io::Result::Ok(listener)
                };
                Some(open().map_err(fail(addr, Transport::Tcp))?)
            }
            None => None,
        };
        if config.network.observe {
            let network = config.network.read();
            zone.update(|zone| zone.set_network(network.clone()));
        }
        let shared = Arc::new(Shared {
            zone,
            policy: ArcSwap::default(),
            cache: Cache::new(config.cache_bytes),
            cookies: Cookies::new(),
            counters: (0..workers).map(|_| Counters::default()).collect(),
            log_queries: config.log_queries && config.observer.is_some(),
            observer: config.observer,
            tcp_connections: config.tcp_connections,
            network: Mutex::new(config.network),
            loop_suffix: Name::parse("loop.lsconfig.test").unwrap_or(Name::ROOT),
            forward: Mutex::new((config.forward, config.resolv_conf)),
            listening,
            probes: Mutex::default(),
            stop: channel::Sender::new(false),
        });
        shared.rebuild_policy();
        if shared.policy.load().upstreams().next().is_none() {
            shared.report(Event::NoUpstream);
        }
        Ok(Self {
            shared,
            sockets,
            metrics,
        })
    }

    /// Returns the addresses that queries are taken on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.shared.listening
    }

    /// Returns the address of metrics and readiness.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// Returns a handle that works from now on.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Answers queries until [`Handle::stop`], then ends what is under way and returns.
    ///
    /// # Errors
    /// When a thread or its runtime cannot be made.
    pub fn run(self) -> io::Result<()> {
        let mut metrics = self.metrics;
        let mut threads = Vec::new();
        for (number, sockets) in self.sockets.into_iter().enumerate() {
            let shared = Arc::clone(&self.shared);
            let metrics = metrics.take();
            let thread = std::thread::Builder::new()
                .name(format!("dns-{number}"))
                .spawn(move || work(shared, number, sockets, metrics))?;
            threads.push(thread);
        }
        for thread in threads {
            thread
                .join()
                .map_err(|_| io::Error::other("a worker panicked"))??;
        }
        Ok(())
    }
}

impl Handle {
    /// Ends the server: connections are no longer accepted, questions under way are answered.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Replaces the forwarding configuration. No query is lost, the cache stays.
    pub fn reload(&self, forward: ForwardConfig, resolv_conf: Option<PathBuf>) {
        *self.shared.lock_forward() = (forward, resolv_conf);
        if self.shared.observes() {
            self.shared.observe_network();
        }
        self.shared.rebuild_policy();
    }

    /// Replaces how our place in the network is found. Whether the system is followed stays as the
    /// server was started with.
    pub fn set_network(&self, network: NetworkConfig) {
        let observe = self.shared.observes();
        if observe {
            *self.shared.lock_network() = NetworkConfig { observe, ..network };
            self.shared.observe_network();
            return;
        }
        // Addresses stay as the program set them.
        let mut config = self.shared.lock_network();
        *config = NetworkConfig { observe, ..network };
        self.shared.zone.update(|zone| {
            let known = zone.network().clone();
            let network = known
                .with_gateways(config.host_gateways())
                .with_views(config.views.clone())
                .with_resolve_ip(config.resolve_ip);
            zone.set_network(network);
        });
    }

    /// Replaces the views that the user chose. The next query is answered by the new ones.
    pub fn set_views(&self, views: Vec<ExplicitView>) {
        let mut config = self.shared.lock_network();
        config.views.clone_from(&views);
        self.shared.zone.update(|zone| {
            let network = zone.network().clone().with_views(views.clone());
            zone.set_network(network);
        });
    }

    /// Forgets all cached answers.
    pub fn clear_cache(&self) {
        self.shared.cache.clear();
    }

    /// Returns the zone that is answered from.
    #[must_use]
    pub fn zone(&self) -> &Arc<LocalZone> {
        &self.shared.zone
    }

    /// Returns all metrics in the text format of Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.shared.metrics_text()
    }
}

fn work(
    shared: Arc<Shared>,
    number: usize,
    sockets: Sockets,
    metrics: Option<TcpListener>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    LocalSet::new().block_on(&runtime, async move {
        let worker = Worker::new(shared, number);
        let mut datagrams: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        for socket in sockets.udp {
            let listener = udp::Listener::new(socket);
            worker.listeners.borrow_mut().push(Rc::clone(&listener));
            datagrams.push(Box::pin(udp::serve(Rc::clone(&worker), listener)));
        }
        let mut accepting = Vec::new();
        for listener in sockets.tcp {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accepting.push(spawn_local(tcp::serve(Rc::clone(&worker), listener)));
        }
        spawn_local(forward::keep_time(Rc::clone(&worker)));
        if number == 0 {
            spawn_local(watch::watch(Rc::clone(&worker)));
        }
        if let Some(listener) = metrics {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            spawn_local(http::serve(Arc::clone(&worker.shared), listener));
        }
        let mut stop = worker.shared.stop.subscribe();
        let life = async {
            // The sender lives in what the worker shares, so waiting cannot fail.
            let _ = stop.wait_for(|stop| *stop).await;
            accepting.iter().for_each(tokio::task::JoinHandle::abort);
            let until = Instant::now() + DRAIN;
            tokio::time::sleep(LAST_ARRIVALS).await;
            while !worker.forwarder.borrow().is_idle() && Instant::now() < until {
                tokio::time::sleep(LAST_ARRIVALS).await;
            }
        };
        beside(datagrams, life).await;
        worker.flush();
        Ok(())
    })
}

/// Runs `others` until `life` ends. What runs here, and not in a task of its own, gets a turn after
/// every few dozen tasks however many of them are ready: thousands of connections that do something
/// at once do not delay datagrams.
async fn beside(
    mut others: Vec<Pin<Box<dyn Future<Output = ()>>>>,
    life: impl Future<Output = ()>,
) {
    let mut life = std::pin::pin!(life);
    std::future::poll_fn(|context| {
        others.retain_mut(|other| other.as_mut().poll(context).is_pending());
        life.as_mut().poll(context)
    })
    .await;
}
