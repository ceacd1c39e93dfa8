//! A gateway on a free port, and an upstream that does what a test says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lsconfig::addr::HostPort;
use lsconfig_gateway::config::{
    Config, CorsConfig, Mint, Profile, Scheme, TlsSource, Upstream, UpstreamUrl, Urls, Waits,
};
use lsconfig_gateway::server::{Hooks, Reload, Server};
use lsconfig_gateway::{Shared, State};
use tokio::sync::watch;

/// Settings for a gateway on a free loopback port.
pub(crate) fn config(upstream: SocketAddr, profile: Profile) -> Config {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("lsconfig-gateway-{}-{n}", std::process::id());
    Config {
        listen: [HostPort::new("127.0.0.1", 0)].into_iter().collect(),
        upstream: Arc::new(Upstream {
            url: UpstreamUrl {
                scheme: Scheme::Http,
                address: HostPort::new("127.0.0.1", upstream.port()),
            },
            profile,
        }),
        routes: Vec::new(),
        urls: Urls {
            mint: Mint::Client,
            address: HostPort::new("localhost.localstack.cloud", 4566),
            scheme: "http",
            sqs_strategy: None,
            listen_port: 4566,
        },
        cors: CorsConfig::default(),
        tls: TlsSource::Own,
        state_dir: std::env::temp_dir().join(name),
        workers: 1,
        admin_from_anywhere: false,
        waits: Waits::default(),
    }
}

/// A gateway that ends when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    state_dir: PathBuf,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(config: Config) -> Self {
        Self::start_with(config, Box::new(|_| None))
    }

    /// Starts with something to do on SIGHUP.
    pub(crate) fn start_with(config: Config, reload: Reload) -> Self {
        let state_dir = config.state_dir.clone();
        let shared = Arc::new(Shared::new(State::new(config).unwrap(), None, false));
        let server = Server::bind(Arc::clone(&shared)).unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = watch::channel(());
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::spawn(move || {
            let hooks = Hooks {
                reload,
                event: Box::new(move |_| {
                    let _ = ready.send(());
                }),
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(server.run_until(hooks, stopped)).unwrap();
        });
        is_ready.recv().unwrap();
        Self {
            address,
            shared,
            state_dir,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Asks the gateway to end, and returns when it has drained.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Sends bytes and returns what comes back until the connection ends.
    pub(crate) fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read_all(&mut stream)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.state_dir);
    }
}

pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n) = stream.read(&mut buffer) {
        if n == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..n]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until `end` has been read.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(end.as_bytes()) && stream.read(&mut byte).is_ok_and(|n| n > 0) {
        bytes.push(byte[0]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An upstream that gives each connection to `serve`.
pub(crate) fn upstream(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// An upstream that answers every head with `response`, and what it was sent: head and body.
pub(crate) fn recording(response: &'static str) -> (SocketAddr, mpsc::Receiver<String>) {
    let (seen, requests) = mpsc::channel();
    let address = upstream(move |mut stream| {
        loop {
            let mut request = read_until(&mut stream, "\r\n\r\n");
            if request.is_empty() {
                return;
            }
            let lower = request.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let length = length.map_or(0, |rest| rest.split('\r').next().unwrap().parse().unwrap());
            if lower.contains("transfer-encoding: chunked") {
                request += &read_until(&mut stream, "0\r\n\r\n");
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            request += &String::from_utf8_lossy(&body);
            let _ = seen.send(request);
            stream.write_all(response.as_bytes()).unwrap();
        }
    });
    (address, requests)
}
