//! Whether upstreams take connections, asked from time to time.
//!
//! The answer is shown, and never decides about a request: a request finds out for itself, and says
//! more when it fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::config::{Config, UpstreamUrl};
use crate::shared::Shared;

/// Between two rounds. A restart of an emulator takes longer than that.
const INTERVAL: Duration = Duration::from_secs(5);

/// What is known about one upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Whether it takes connections.
    pub up: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is known about the upstreams; one that was not asked yet is not in it.
#[derive(Debug, Default)]
pub struct Health {
    conditions: Mutex<BTreeMap<String, Condition>>,
}

impl Health {
    /// Returns the upstreams by their URL.
    #[must_use]
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        self.lock().clone()
    }

    /// Returns what is wrong with upstreams, a line for each.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let down = |(url, condition): (&String, &Condition)| {
            let reason = condition.reason.as_deref()?;
            Some(format!("upstream {url}: {reason}"))
        };
        self.lock().iter().filter_map(down).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Condition>> {
        self.conditions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks all upstreams again and again.
pub(crate) async fn watch(shared: Arc<Shared>) {
    loop {
        let state = shared.state();
        let mut conditions = BTreeMap::new();
        for url in upstreams(&state.config) {
            let condition = ask(&url, state.config.waits.connect).await;
            conditions.insert(url.to_string(), condition);
        }
        *shared.health.lock() = conditions;
        drop(state);
        sleep(INTERVAL).await;
    }
}

fn upstreams(config: &Config) -> Vec<UpstreamUrl> {
    let all = std::iter::once(&config.upstream).chain(config.routes.iter().map(|r| &r.upstream));
    let mut urls: Vec<UpstreamUrl> = all.map(|upstream| upstream.url.clone()).collect();
    urls.dedup();
    urls
}

async fn ask(url: &UpstreamUrl, wait: Duration) -> Condition {
    let address = &url.address;
    let connected = timeout(
        wait,
        TcpStream::connect((address.host.as_str(), address.port)),
    )
    .await;
    let reason = match connected {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {wait:?}")),
    };
    Condition {
        up: reason.is_none(),
        reason,
    }
}
