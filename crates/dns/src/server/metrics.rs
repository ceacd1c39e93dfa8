//! What the server counts, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($field:ident = $name:literal, $help:literal;)*) => {
        /// The counters of one worker, on cache lines of its own.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Counters {
            $(pub(crate) $field: Counter,)*
        }

        /// Writes the sums over all workers.
        pub(crate) fn write_counters(all: &[Counters], out: &mut String) {
            $(
                let sum: u64 = all.iter().map(|one| one.$field.0.load(Ordering::Relaxed)).sum();
                let _ = write!(
                    out,
                    "# HELP lsconfig_dns_{0} {1}\n# TYPE lsconfig_dns_{0} counter\nlsconfig_dns_{0} {2}\n",
                    $name, $help, sum
                );
            )*
        }
    };
}

counters! {
    udp = "udp_queries_total", "Messages received over UDP";
    tcp = "tcp_queries_total", "Messages received over TCP";
    connections = "tcp_connections_total", "TCP connections accepted";
    connections_closed = "tcp_connections_closed_total", "TCP connections that ended";
    connections_refused = "tcp_connections_refused_total", "TCP connections closed at a limit";
    unreadable = "unreadable_total", "Messages that are no query";
    local = "local_answers_total", "Answers of our own";
    refused = "refused_total", "Queries that were refused";
    rate_limited = "rate_limited_total", "Answers cut by response-rate limiting";
    cache_hits = "cache_hits_total", "Answers from the cache";
    cache_stale = "cache_stale_total", "Stale answers, because no upstream answered";
    forwarded = "forwarded_total", "Questions sent upstream";
    merged = "merged_total", "Queries that joined a question already in flight";
    upstream_replies = "upstream_replies_total", "Replies of upstreams that were used";
    upstream_mismatched = "upstream_mismatched_total", "Replies dropped: id or question do not match";
    upstream_timeouts = "upstream_timeouts_total", "Attempts without reply in time";
    upstream_tcp = "upstream_tcp_total", "Questions asked again over TCP after truncation";
    failed = "failed_total", "Queries answered SERVFAIL by us";
}

/// A number that only grows. One worker writes it, so no locked instruction is needed.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0
            .store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// Writes one gauge.
pub(crate) fn write_gauge(name: &str, help: &str, value: usize, out: &mut String) {
    let _ = write!(
        out,
        "# HELP lsconfig_dns_{name} {help}\n# TYPE lsconfig_dns_{name} gauge\nlsconfig_dns_{name} {value}\n"
    );
}
