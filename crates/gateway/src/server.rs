//! The process: sockets, workers, signals, reload and drain.
//!
//! One current-thread runtime for each worker, each with its own sockets on the same addresses
//! (SO_REUSEPORT); the kernel spreads connections. The calling thread waits for signals.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, SystemTime};

use lsconfig::listen::ListenSet;
use socket2::SockRef;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::config::TlsSource;
use crate::listen::{Bound, ListenError, bind};
use crate::proxy::Gateway;
use crate::shared::{Shared, State};
use crate::{connection, limits};

/// How often certificate files are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// How often a worker wakes up for nothing. It is shorter than every wait that requests begin: tokio
/// interrupts its own wait for events, with two system calls, whenever a timer begins that ends before
/// all others, and so there is always one that ends sooner.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// How long a worker rests when it cannot accept, for example without file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a caller may want to tell its supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// All sockets are bound and served.
    Ready,
    /// Settings are being read again.
    Reloading,
    /// No new connections are taken.
    Stopping,
}

/// Reads the settings again; is given those in force.
pub type Reload = Box<dyn FnMut(&State) -> Option<State> + Send>;

/// What a caller does for the server.
pub struct Hooks {
    /// Reads the settings again; `None` keeps those in force. Called on SIGHUP and when a
    /// certificate file changes.
    pub reload: Reload,
    /// Hears about events.
    pub event: Box<dyn Fn(Event) + Send>,
}

enum Command {
    Listen(SocketAddr, TcpListener),
    Stop(SocketAddr),
}

/// A gateway whose sockets are bound.
pub struct Server {
    shared: Arc<Shared>,
    sockets: Vec<Bound>,
    inherited: Vec<TcpListener>,
    workers: usize,
}

impl Server {
    /// Binds every address of the settings, or none.
    ///
    /// # Errors
    ///
    /// [`ListenError`] with every address that failed.
    pub fn bind(shared: Arc<Shared>) -> Result<Self, ListenError> {
        let (listen, workers) = {
            let state = shared.state();
            (state.config.listen.clone(), state.config.workers.max(1))
        };
        let sockets = bind(&listen, workers)?;
        shared.set_bound(sockets.iter().map(|bound| bound.address).collect());
        Ok(Self {
            shared,
            sockets,
            inherited: Vec::new(),
            workers,
        })
    }

    /// Serves sockets that a supervisor has bound, and binds none.
    #[must_use]
    pub fn inherit(shared: Arc<Shared>, sockets: Vec<TcpListener>) -> Self {
        let addresses = sockets.iter().filter_map(|s| s.local_addr().ok()).collect();
        shared.set_bound(addresses);
        let workers = shared.state().config.workers.max(1);
        Self {
            shared,
            sockets: Vec::new(),
            inherited: sockets,
            workers,
        }
    }

    /// Returns the addresses that are bound.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.shared.bound()
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    ///
    /// When threads, runtimes or signal handlers cannot be made.
    pub fn run(self, hooks: Hooks) -> io::Result<()> {
        let runtime = runtime()?;
        let (stop, _) = watch::channel(());
        runtime.block_on(self.run_until(hooks, stop.subscribe()))
    }

    /// Serves until a signal comes or `stop` changes, then drains.
    ///
    /// # Errors
    ///
    /// As [`Server::run`].
    pub async fn run_until(
        self,
        mut hooks: Hooks,
        mut stop: watch::Receiver<()>,
    ) -> io::Result<()> {
        let (drain, draining) = watch::channel(false);
        let mut control = Control {
            shared: Arc::clone(&self.shared),
            workers: Vec::new(),
            bound: BTreeMap::new(),
            inherited: !self.inherited.is_empty(),
        };
        for n in 0..self.workers {
            control.start_worker(n, draining.clone())?;
        }
        for socket in self.inherited {
            control.listen_everywhere(&socket)?;
        }
        control.listen(self.sockets);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut watch = Watched::new(&self.shared);
        let health = tokio::spawn(crate::health::watch(Arc::clone(&self.shared)));
        (hooks.event)(Event::Ready);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                Ok(()) = stop.changed() => break,
                _ = hangup.recv() => {}
                () = watch.changed() => {}
            }
            (hooks.event)(Event::Reloading);
            if let Some(state) = (hooks.reload)(&self.shared.state()) {
                control.reload(state);
                watch = Watched::new(&self.shared);
            }
            (hooks.event)(Event::Ready);
        }
        (hooks.event)(Event::Stopping);
        health.abort();
        self.shared.drain();
        control.stop_listening();
        let _ = drain.send(true);
        let drained = tokio::time::timeout(limits::DRAIN_TIMEOUT, self.shared.idle()).await;
        if drained.is_err() {
            tracing::warn!("requests were cut after the drain timeout");
        }
        Ok(())
    }
}

impl Shared {
    /// Waits until no connection is open.
    async fn idle(&self) {
        while self.metrics.connections.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

struct Control {
    shared: Arc<Shared>,
    workers: Vec<mpsc::UnboundedSender<Command>>,
    bound: BTreeMap<SocketAddr, String>,
    inherited: bool,
}

impl Control {
    fn start_worker(&mut self, n: usize, drain: watch::Receiver<bool>) -> io::Result<()> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let shared = Arc::clone(&self.shared);
        let runtime = runtime()?;
        thread::Builder::new()
            .name(format!("gateway-{n}"))
            .spawn(move || runtime.block_on(work(shared, receiver, drain)))?;
        self.workers.push(commands);
        Ok(())
    }

    fn listen(&mut self, sockets: Vec<Bound>) {
        for bound in sockets {
            self.bound.insert(bound.address, bound.asked.to_string());
            for (worker, socket) in self.workers.iter().zip(bound.sockets) {
                let _ = worker.send(Command::Listen(bound.address, socket));
            }
        }
    }

    /// All workers accept from one socket that was handed to us.
    fn listen_everywhere(&mut self, socket: &TcpListener) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        for worker in &self.workers {
            let _ = worker.send(Command::Listen(address, socket.try_clone()?));
        }
        Ok(())
    }

    fn stop_listening(&self) {
        for address in self.shared.bound() {
            self.stop(address);
        }
    }

    fn stop(&self, address: SocketAddr) {
        for worker in &self.workers {
            let _ = worker.send(Command::Stop(address));
        }
    }

    /// Puts other settings in force: first new sockets, then the settings, then old sockets go.
    fn reload(&mut self, state: State) {
        if self.inherited {
            self.shared.replace(state);
            return;
        }
        let wanted = &state.config.listen;
        let is_wanted = |asked: &str| wanted.iter().any(|address| address.to_string() == asked);
        let removed: Vec<SocketAddr> = self
            .bound
            .iter()
            .filter(|(_, asked)| !is_wanted(asked))
            .map(|(address, _)| *address)
            .collect();
        let added: ListenSet = wanted
            .iter()
            .filter(|address| {
                !self
                    .bound
                    .values()
                    .any(|asked| *asked == address.to_string())
            })
            .cloned()
            .collect();
        match bind(&added, self.workers.len()) {
            Ok(sockets) => self.listen(sockets),
            Err(error) => {
                tracing::error!(%error, "the settings in force stay");
                return;
            }
        }
        self.shared.replace(state);
        for address in removed {
            self.bound.remove(&address);
            self.stop(address);
        }
        self.shared.set_bound(self.bound.keys().copied().collect());
    }
}

/// One worker: accepts from its sockets until it drains.
async fn work(
    shared: Arc<Shared>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    drain: watch::Receiver<bool>,
) {
    let gateway = Gateway::new(Arc::clone(&shared));
    let mut accepting: BTreeMap<SocketAddr, AbortHandle> = BTreeMap::new();
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        let command = tokio::select! {
            command = commands.recv() => command,
            _ = heartbeat.tick() => continue,
        };
        let Some(command) = command else { break };
        match command {
            Command::Listen(address, listener) => {
                let listener = match listening(listener) {
                    Ok(listener) => listener,
                    Err(error) => {
                        tracing::error!(%error, %address, "listen");
                        continue;
                    }
                };
                let loops = accept(
                    listener,
                    gateway.clone(),
                    Arc::clone(&shared),
                    drain.clone(),
                );
                accepting.insert(address, tokio::spawn(loops).abort_handle());
            }
            Command::Stop(address) => {
                if let Some(task) = accepting.remove(&address) {
                    task.abort();
                }
            }
        }
    }
    // The control task is gone; what is still served ends with the process.
    std::future::pending::<()>().await;
}

/// Makes a socket one of this worker's runtime. What it accepts sends without delay: it takes that
/// over from here, which saves a system call for each connection.
fn listening(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    SockRef::from(&listener).set_tcp_nodelay(true)?;
    tokio::net::TcpListener::from_std(listener)
}

async fn accept(
    listener: tokio::net::TcpListener,
    gateway: Gateway,
    shared: Arc<Shared>,
    drain: watch::Receiver<bool>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let served = connection::serve(
                    stream,
                    client,
                    gateway.clone(),
                    Arc::clone(&shared),
                    drain.clone(),
                );
                tokio::spawn(served);
            }
            Err(error) => {
                tracing::warn!(%error, "accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The certificate files of the settings in force, and when they changed last.
struct Watched {
    files: Vec<(PathBuf, Option<SystemTime>)>,
}

impl Watched {
    fn new(shared: &Shared) -> Self {
        let state = shared.state();
        let files = match &state.config.tls {
            TlsSource::Own => Vec::new(),
            TlsSource::Pem(path) => vec![path.clone()],
            TlsSource::Pair { cert, key } => vec![cert.clone(), key.clone()],
        };
        let files = files.into_iter().map(|f| (f.clone(), modified(&f)));
        Self {
            files: files.collect(),
        }
    }

    /// Ends when a file has changed.
    async fn changed(&mut self) {
        if self.files.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            let mut changed = false;
            for (file, last) in &mut self.files {
                let now = modified(file);
                changed |= now != *last;
                *last = now;
            }
            if changed {
                return;
            }
        }
    }
}

fn modified(path: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_sockets_send_without_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listening(listener).unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
