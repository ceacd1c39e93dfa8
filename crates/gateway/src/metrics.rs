//! Counters, and what happened last.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Version};
use serde::{Serialize, Serializer};
use smol_str::SmolStr;

use crate::config::Upstream;
use crate::health::Condition;

/// Upper bounds of the duration histogram, in seconds.
const BOUNDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0];

/// Requests that the status page shows.
const RECENT: usize = 50;

/// One request, as access log and status page show it.
///
/// Every request makes one, so the fields are what is at hand; texts are written when one is shown.
#[derive(Debug, Clone, Serialize)]
pub struct AccessRecord {
    /// The number that the log and the response share.
    pub id: SmolStr,
    /// Who asked.
    pub client: IpAddr,
    /// The method; empty when none could be read.
    #[serde(serialize_with = "method")]
    pub method: Option<Method>,
    /// The `Host` header.
    pub host: SmolStr,
    /// Path without query, which may hold credentials.
    pub path: SmolStr,
    /// `HTTP/1.1` or `HTTP/2.0`; empty when none could be read.
    #[serde(serialize_with = "version")]
    pub version: Option<Version>,
    /// Whether the request came over TLS.
    pub tls: bool,
    /// The service, when decided.
    pub service: Option<&'static str>,
    /// Where it went; `None` when it was answered here.
    #[serde(serialize_with = "upstream")]
    pub upstream: Option<Arc<Upstream>>,
    /// The status of the response.
    pub status: u16,
    /// From the head of the request to the head of the response.
    pub micros: u64,
    /// How the service was decided; only when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<String>,
}

impl AccessRecord {
    /// A record of a request of which nothing was read.
    pub(crate) fn new(id: SmolStr, client: IpAddr, tls: bool) -> Self {
        Self {
            id,
            client,
            method: None,
            host: SmolStr::default(),
            path: SmolStr::default(),
            version: None,
            tls,
            service: None,
            upstream: None,
            status: 0,
            micros: 0,
            trace: Vec::new(),
        }
    }
}

fn method<S: Serializer>(method: &Option<Method>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(method.as_ref().map_or("", Method::as_str))
}

fn version<S: Serializer>(version: &Option<Version>, out: S) -> Result<S::Ok, S::Error> {
    match version {
        Some(version) => out.collect_str(&format_args!("{version:?}")),
        None => out.serialize_str(""),
    }
}

fn upstream<S: Serializer>(upstream: &Option<Arc<Upstream>>, out: S) -> Result<S::Ok, S::Error> {
    match upstream {
        Some(upstream) => out.collect_str(&upstream.url),
        None => out.serialize_none(),
    }
}

/// Counters of one process.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that are open.
    pub connections: AtomicI64,
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// TLS handshakes done.
    pub tls_handshakes: AtomicU64,
    /// Connections that spoke no known protocol or nothing in time, and unsound requests.
    pub rejected: AtomicU64,
    /// Requests that wait for their response.
    pub in_flight: AtomicI64,
    /// Requests that no upstream answered.
    pub upstream_failures: AtomicU64,
    /// Responses whose URLs were changed.
    pub minted: AtomicU64,
    /// Settings taken over without restart.
    pub reloads: AtomicU64,
    statuses: [AtomicU64; 6],
    durations: [AtomicU64; BOUNDS.len() + 1],
    duration_sum: AtomicU64,
    recent: Mutex<VecDeque<AccessRecord>>,
}

impl Metrics {
    /// Counts a response.
    pub(crate) fn responded(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100);
        add(self.statuses.get(class).unwrap_or(&self.statuses[0]));
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|&bound| seconds <= bound);
        add(&self.durations[bucket.unwrap_or(BOUNDS.len())]);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.duration_sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// Keeps a record for the status page.
    pub(crate) fn remember(&self, record: AccessRecord) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(record);
    }

    /// Returns the last requests, the newest first.
    #[must_use]
    pub fn recent(&self) -> Vec<AccessRecord> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().cloned().collect()
    }

    /// Returns the counters in Prometheus' text format.
    #[must_use]
    pub fn to_prometheus(&self, upstreams: &BTreeMap<String, Condition>) -> String {
        let mut out = String::with_capacity(2048);
        let mut simple = |name: &str, kind: &str, help: &str, value: String| {
            let _ = writeln!(
                out,
                "# HELP lsconfig_gateway_{name} {help}\n# TYPE lsconfig_gateway_{name} {kind}\n\
                 lsconfig_gateway_{name} {value}"
            );
        };
        let gauges = [
            ("connections", "Open connections.", &self.connections),
            ("requests_in_flight", "Requests that wait.", &self.in_flight),
        ];
        for (name, help, value) in gauges {
            simple(
                name,
                "gauge",
                help,
                value.load(Ordering::Relaxed).to_string(),
            );
        }
        let counters = [
            ("connections_total", "Connections accepted.", &self.accepted),
            (
                "tls_handshakes_total",
                "TLS handshakes.",
                &self.tls_handshakes,
            ),
            (
                "rejected_total",
                "Connections without protocol, unsound requests.",
                &self.rejected,
            ),
            (
                "upstream_failures_total",
                "Requests without answer.",
                &self.upstream_failures,
            ),
            ("minted_total", "Responses with changed URLs.", &self.minted),
            ("reloads_total", "Settings taken over.", &self.reloads),
        ];
        for (name, help, value) in counters {
            simple(
                name,
                "counter",
                help,
                value.load(Ordering::Relaxed).to_string(),
            );
        }
        let name = "lsconfig_gateway_upstream_up";
        let _ = writeln!(
            out,
            "# HELP {name} Whether the upstream takes connections.\n# TYPE {name} gauge"
        );
        for (url, condition) in upstreams {
            let _ = writeln!(
                out,
                "{name}{{upstream=\"{url}\"}} {}",
                u8::from(condition.up)
            );
        }
        self.requests(&mut out);
        out
    }

    fn requests(&self, out: &mut String) {
        let name = "lsconfig_gateway_responses_total";
        let _ = writeln!(
            out,
            "# HELP {name} Responses by class.\n# TYPE {name} counter"
        );
        for (class, count) in self.statuses.iter().enumerate().skip(1) {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}{{class=\"{class}xx\"}} {count}");
        }
        let name = "lsconfig_gateway_duration_seconds";
        let _ = writeln!(
            out,
            "# HELP {name} Until the response.\n# TYPE {name} histogram"
        );
        let mut total = 0;
        for (n, count) in self.durations.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            let bound = BOUNDS.get(n).map_or("+Inf".to_owned(), f64::to_string);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        let sum = Duration::from_micros(self.duration_sum.load(Ordering::Relaxed));
        let _ = writeln!(
            out,
            "{name}_sum {}\n{name}_count {total}",
            sum.as_secs_f64()
        );
    }
}

/// Adds one.
pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts while it lives.
pub(crate) struct Counted<'a>(&'a AtomicI64);

impl<'a> Counted<'a> {
    pub(crate) fn new(gauge: &'a AtomicI64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_cumulative() {
        let metrics = Metrics::default();
        metrics.responded(200, Duration::from_micros(500));
        metrics.responded(502, Duration::from_secs(3600));
        let text = metrics.to_prometheus(&BTreeMap::new());
        for line in [
            "lsconfig_gateway_responses_total{class=\"2xx\"} 1",
            "lsconfig_gateway_responses_total{class=\"5xx\"} 1",
            "lsconfig_gateway_duration_seconds_bucket{le=\"0.001\"} 1",
            "lsconfig_gateway_duration_seconds_bucket{le=\"+Inf\"} 2",
            "lsconfig_gateway_duration_seconds_count 2",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
