//! What a server tells the program around it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lsconfig::network::Rule;

use crate::wire::{Name, Rcode};

/// Called for every event, from any worker. It should return soon: the worker waits for it.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A query was answered.
    Query(Box<QueryEvent>),
    /// An upstream stopped answering.
    UpstreamDown(SocketAddr),
    /// An upstream answers again.
    UpstreamUp(SocketAddr),
    /// Queries to an upstream come back to us; it is not asked any more.
    UpstreamLoops(SocketAddr),
    /// An upstream is left out because it is this server.
    UpstreamIsOurselves(SocketAddr),
    /// There is nobody to forward to; local names are served.
    NoUpstream,
    /// Our addresses or routes changed.
    NetworkChanged,
    /// The list of upstreams changed.
    UpstreamsChanged(Vec<SocketAddr>),
}

/// One query and what it got.
#[derive(Debug, Clone)]
pub struct QueryEvent {
    /// Who asked.
    pub client: SocketAddr,
    /// Over what.
    pub transport: Transport,
    /// The name, in lower case.
    pub name: Name,
    /// The type.
    pub qtype: u16,
    /// Where the answer comes from.
    pub source: Source,
    /// The response code.
    pub rcode: Rcode,
    /// Whether the answer was cut.
    pub truncated: bool,
    /// From the arrival of the query to its answer.
    pub elapsed: Duration,
}

/// How a query arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// As a datagram.
    Udp,
    /// Over a connection.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}

/// Where an answer comes from. The text form is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An address of ours, by this rule.
    View(Rule),
    /// Other data of our zones.
    Zone,
    /// An error of our own.
    Policy,
    /// The cache.
    Cache,
    /// The cache, past the TTL.
    Stale,
    /// An upstream.
    Upstream,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::View(rule) => rule.fmt(f),
            Self::Zone => f.write_str("zone"),
            Self::Policy => f.write_str("policy"),
            Self::Cache => f.write_str("cache"),
            Self::Stale => f.write_str("stale"),
            Self::Upstream => f.write_str("upstream"),
        }
    }
}
