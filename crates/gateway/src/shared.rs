//! What all workers share, and what a reload replaces.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio_rustls::TlsConnector;

use crate::config::{Config, Scheme};
use crate::cors::Cors;
use crate::health::Health;
use crate::metrics::{AccessRecord, Metrics};
use crate::tls::{Tls, TlsError};

/// Called with every request that was answered.
pub type Logger = Box<dyn Fn(&AccessRecord) + Send + Sync>;

/// What a reload replaces as a whole.
pub struct State {
    /// The settings.
    pub config: Config,
    /// The rules for browsers, derived from the settings.
    pub cors: Cors,
    /// The certificates shown to clients.
    pub tls: Tls,
    /// The trust in upstreams, where one is reached by HTTPS.
    pub(crate) upstream_tls: Option<TlsConnector>,
}

impl State {
    /// Derives what follows from the settings.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when the certificate is unreadable or the state directory is not writable.
    pub fn new(config: Config) -> Result<Self, TlsError> {
        Self::after(config, None)
    }

    /// Derives what follows from the settings, and keeps the authority of `previous` where it is still
    /// the one that is asked for.
    ///
    /// # Errors
    ///
    /// As [`State::new`].
    pub fn after(config: Config, previous: Option<&Self>) -> Result<Self, TlsError> {
        let https = std::iter::once(&config.upstream)
            .chain(config.routes.iter().map(|route| &route.upstream))
            .any(|upstream| upstream.url.scheme == Scheme::Https);
        Ok(Self {
            cors: Cors::new(&config.cors, &config.listen, &config.urls),
            tls: Tls::load(&config, previous.map(|state| &state.tls))?,
            upstream_tls: https.then(crate::tls::client_connector).flatten(),
            config,
        })
    }
}

/// What all workers share.
pub struct Shared {
    state: ArcSwap<State>,
    /// Counters.
    pub metrics: Metrics,
    /// What is known about the upstreams.
    pub health: Health,
    logger: Option<Logger>,
    traces: bool,
    started: Instant,
    draining: AtomicBool,
    bound: ArcSwap<Vec<SocketAddr>>,
}

impl Shared {
    /// Starts with `state`. With `traces` every record says how its service was decided.
    #[must_use]
    pub fn new(state: State, logger: Option<Logger>, traces: bool) -> Self {
        Self {
            state: ArcSwap::from_pointee(state),
            metrics: Metrics::default(),
            health: Health::default(),
            logger,
            traces,
            started: Instant::now(),
            draining: AtomicBool::new(false),
            bound: ArcSwap::default(),
        }
    }

    /// Returns the settings in force.
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Puts other settings in force. Requests under way keep those they began with.
    pub fn replace(&self, state: State) {
        self.state.store(Arc::new(state));
        crate::metrics::add(&self.metrics.reloads);
    }

    /// Returns the addresses that are bound.
    pub fn bound(&self) -> Vec<SocketAddr> {
        self.bound.load().to_vec()
    }

    pub(crate) fn set_bound(&self, addresses: Vec<SocketAddr>) {
        self.bound.store(Arc::new(addresses));
    }

    /// Returns whether the gateway is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn uptime(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    pub(crate) fn wants_records(&self) -> bool {
        self.logger.is_some()
    }

    pub(crate) fn wants_traces(&self) -> bool {
        self.traces
    }

    pub(crate) fn log(&self, record: AccessRecord) {
        if let Some(logger) = &self.logger {
            logger(&record);
        }
        self.metrics.remember(record);
    }
}
