//! What was observed: the engine, its networks and containers, and what probes saw.
//!
//! Plain data. It is what a bundle holds, so a saved file can be judged elsewhere. What is not known
//! is `None` or absent, never a guess. Secrets are taken out where facts are made, so no output can
//! show them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The version of the saved form. It counts up when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Everything that a judgement is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// [`SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// When, in seconds since 1970; absent where that does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<i64>,
    /// What was asked.
    #[serde(default)]
    pub question: Question,
    /// The engine, or why there is none.
    pub engine: Engine,
    /// What files say about the host itself.
    #[serde(default, skip_serializing_if = "HostSide::is_empty")]
    pub host: HostSide,
    /// The networks, in the order of their names.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// The containers, in the order of their names, stopped ones too.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// What probes saw, one entry for each position that was probed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<Observation>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            taken_at: None,
            question: Question::default(),
            engine: Engine::NotAsked,
            host: HostSide::default(),
            networks: Vec::new(),
            containers: Vec::new(),
            observations: Vec::new(),
        }
    }
}

impl Facts {
    /// Returns how the program that made them stands to the engine's machine, where that is known.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        match &self.engine {
            Engine::Reached { standing, .. } => *standing,
            _ => None,
        }
    }

    /// Returns the container of a full id or name.
    #[must_use]
    pub fn container(&self, id_or_name: &str) -> Option<&Container> {
        let named = |c: &&Container| c.id == id_or_name || c.name == id_or_name;
        self.containers.iter().find(named)
    }

    /// Returns the network of a full id or name.
    #[must_use]
    pub fn network(&self, id_or_name: &str) -> Option<&Network> {
        let named = |n: &&Network| n.id == id_or_name || n.name == id_or_name;
        self.networks.iter().find(named)
    }

    /// Returns the records of the probe at a position; `None` where none ran.
    #[must_use]
    pub fn observed(&self, position: &Position) -> Option<&Observation> {
        self.observations.iter().find(|o| o.position == *position)
    }
}

/// What the user asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The client that has the trouble; every client in sight when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Position>,
    /// The name or id by which the emulator was named; found by its image when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// URLs that the client uses, besides those in its environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
}

/// The host as files describe it: the runner of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostSide {
    /// What people call it; empty where it has no name of its own.
    pub name: String,
    /// The variables of processes there, as those of containers.
    pub env: BTreeMap<String, String>,
    /// Where they stand: `environment.NAME`.
    pub places: BTreeMap<String, Place>,
}

impl HostSide {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a client stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// A process on the machine that runs the engine.
    Host,
    /// Inside the container of this id.
    Container(String),
}

/// The engine, or why nothing is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Engine {
    /// Only files were read.
    NotAsked,
    /// It answered.
    Reached {
        /// Where: `unix:///var/run/docker.sock`.
        address: String,
        /// How the address was found: `DOCKER_HOST`, `context NAME`, `default socket`.
        found_by: String,
        /// Its release.
        version: String,
        /// The version of the API that both sides speak.
        api_version: String,
        /// `Debian GNU/Linux 12`, `Docker Desktop`.
        operating_system: String,
        /// Whether it runs without root; `None` when it does not say.
        rootless: Option<bool>,
        /// How the program that asked stands to its machine; `None` when that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standing: Option<Standing>,
    },
    /// Nothing answers at any of the addresses.
    Unreachable {
        /// The addresses and why each failed.
        tried: Vec<Attempt>,
    },
    /// There is a socket, and it may not be opened.
    Denied {
        /// Which.
        address: String,
    },
    /// It speaks only versions of the API that are too old.
    TooOld {
        /// Where.
        address: String,
        /// The newest version that it speaks.
        api_version: String,
    },
}

/// How a program stands to the machine of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It runs on that machine, outside of containers.
    SameMachine,
    /// That machine is a virtual one on the machine where it runs: published ports arrive here, and
    /// the addresses of containers do not.
    VirtualMachine,
    /// It runs somewhere else: on another machine, or in a container.
    Elsewhere,
}

/// One address at which the engine was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The address.
    pub address: String,
    /// How it was found.
    pub found_by: String,
    /// What went wrong, as a fragment.
    pub error: String,
}

/// A network of the engine, or of a Compose file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// The id; the name for networks of files.
    pub id: String,
    /// The name.
    pub name: String,
    /// `bridge`, `host`, `null`, `overlay`, ...
    pub driver: String,
    /// Whether it has no route to the outside.
    pub internal: bool,
    /// Whether it hands out IPv6 addresses.
    pub enable_ipv6: bool,
    /// Its subnets; empty when the engine does not say or when a file leaves the choice to it.
    pub subnets: Vec<Subnet>,
    /// Whether containers may talk to each other; `None` when the engine does not say.
    pub icc: Option<bool>,
    /// The labels, redacted.
    pub labels: BTreeMap<String, String>,
    /// Where it is written, for networks of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Network {
    /// Returns whether this is the default bridge, on which names do not resolve.
    #[must_use]
    pub fn is_default_bridge(&self) -> bool {
        self.name == "bridge"
    }
}

/// A subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The range.
    pub subnet: IpNet,
    /// The gateway, where the engine names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
}

/// The state of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Known from a file only.
    #[default]
    Declared,
    /// Made, never started.
    Created,
    /// Runs.
    Running,
    /// Runs and is stopped in its tracks.
    Paused,
    /// Ends and starts again.
    Restarting,
    /// Ended.
    Exited,
    /// The engine could not remove it.
    Dead,
}

/// What a health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Not yet decided.
    Starting,
    /// Passes.
    Healthy,
    /// Fails.
    Unhealthy,
}

/// A container of the engine, or a service of a Compose file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// The full id; the name for services of files.
    pub id: String,
    /// The name, without the leading slash.
    pub name: String,
    /// The image as the user wrote it.
    pub image: String,
    /// The state.
    pub status: Status,
    /// What the health check says, where there is one.
    pub health: Option<Health>,
    /// The exit code of the last run, where it ended.
    pub exit_code: Option<i64>,
    /// Whether the kernel ended it for want of memory.
    pub oom_killed: bool,
    /// Why the engine could not start it; empty when it could.
    pub start_error: String,
    /// The host name inside.
    pub hostname: String,
    /// `default`, `bridge`, `host`, `none`, `container:ID`, or the name of a network.
    pub network_mode: String,
    /// `dns:`, the addresses that were set; empty means those of the engine.
    pub dns: Vec<String>,
    /// `extra_hosts:` as `name:address`.
    pub extra_hosts: Vec<String>,
    /// Legacy links as `container:alias`.
    pub links: Vec<String>,
    /// The ports that are published, or were to be.
    pub ports: Vec<Published>,
    /// Whether the engine really published them; `None` when it is not running.
    pub ports_active: Option<bool>,
    /// The ports that the image exposes, as `4566/tcp`.
    pub exposed: Vec<String>,
    /// The environment. Values that do not matter here are replaced, secrets always.
    pub env: BTreeMap<String, String>,
    /// The labels, redacted.
    pub labels: BTreeMap<String, String>,
    /// Where the file systems of the host appear inside.
    pub mounts: Vec<String>,
    /// The attachments by the name of the network.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// `/etc/hosts` inside, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts_file: Option<String>,
    /// `/etc/resolv.conf` inside, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolv_conf: Option<String>,
    /// The Compose service that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose: Option<ComposeService>,
}

/// Which service of which files a container comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComposeService {
    /// The project.
    pub project: String,
    /// The service.
    pub service: String,
    /// The files, as Compose recorded them.
    pub files: Vec<String>,
    /// Where its keys stand, by path below the service: `ports`, `dns`, `environment.EDGE_PORT`.
    pub places: BTreeMap<String, Place>,
    /// The kind of those files.
    #[serde(skip_serializing_if = "WrittenIn::is_compose")]
    pub written_in: WrittenIn,
}

/// The kind of file that describes a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrittenIn {
    /// A Compose file.
    #[default]
    Compose,
    /// A GitHub workflow.
    Workflow,
    /// `devcontainer.json`.
    DevContainer,
}

impl WrittenIn {
    // The signature is that of serde.
    fn is_compose(&self) -> bool {
        *self == Self::Compose
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The address on the host; `None` means all.
    #[serde(default)]
    pub host_ip: Option<IpAddr>,
    /// The port on the host; `None` where the engine chooses it.
    #[serde(default)]
    pub host_port: Option<u16>,
    /// The port in the container.
    pub container_port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// The attachment of a container to a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// The IPv4 address; `None` while the container does not run.
    pub ip: Option<IpAddr>,
    /// The IPv6 address.
    pub ip6: Option<IpAddr>,
    /// The IPv4 address that was asked for; `None` means the engine chose.
    pub pinned_ip: Option<IpAddr>,
    /// The names it has there, besides the container's.
    pub aliases: Vec<String>,
    /// The gateway that it uses there.
    pub gateway: Option<IpAddr>,
    /// The hardware address.
    pub mac: String,
}

/// What was seen from one position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Where.
    pub position: Position,
    /// What, in the order in which it was done.
    #[serde(default)]
    pub records: Vec<Record>,
    /// Why the probe could not run or ended early, as a fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// One step of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Record {
    /// A name was looked up.
    Resolve {
        /// The name.
        name: String,
        /// Who was asked: an address, or `hosts` for the hosts file.
        server: String,
        /// What came of it.
        outcome: Lookup,
        /// The addresses.
        #[serde(default)]
        answers: Vec<IpAddr>,
        /// How long it took.
        ms: u64,
    },
    /// A connection was tried.
    Tcp {
        /// Where to.
        address: SocketAddr,
        /// What came of it.
        outcome: Connect,
        /// How long it took.
        ms: u64,
    },
    /// A TLS handshake was tried on a connection.
    Tls {
        /// Where to.
        address: SocketAddr,
        /// The name that was asked for.
        sni: String,
        /// What came of it.
        outcome: Handshake,
        /// The names in the certificate that was served.
        #[serde(default)]
        sans: Vec<String>,
        /// The end of its validity, in seconds since 1970.
        #[serde(default)]
        not_after: Option<i64>,
        /// Whether it is its own issuer.
        #[serde(default)]
        self_signed: Option<bool>,
    },
    /// A request was sent on a connection.
    Http {
        /// The URL.
        url: String,
        /// Where it went.
        address: SocketAddr,
        /// What came of it.
        outcome: Answer,
        /// How long it took.
        ms: u64,
    },
    /// The sockets that listen in the namespace.
    Listeners {
        /// TCP sockets that accept connections, and UDP sockets that are bound.
        sockets: Vec<Listener>,
    },
    /// Files that decide about names.
    Files {
        /// `/etc/resolv.conf`.
        resolv_conf: Option<String>,
        /// `/etc/hosts`.
        hosts: Option<String>,
    },
}

/// How a lookup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// There are addresses.
    Found,
    /// Nobody knows the name.
    NxDomain,
    /// The name exists and has no such address.
    NoData,
    /// The server could not or would not say.
    ServFail,
    /// The server did not answer in time.
    Timeout,
    /// Nothing listens at the server's port.
    Refused,
}

/// How a connection attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connect {
    /// It stands.
    Ok,
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    Timeout,
    /// There is no way there.
    Unreachable,
    /// Anything else.
    Failed,
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handshake {
    /// It completed; whether the certificate is good is judged later.
    Ok,
    /// The other side speaks no TLS.
    Plain,
    /// It was cut off or failed.
    Failed,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Answer {
    /// LocalStack's health document came back.
    LocalStack {
        /// Its release, where it says so.
        version: Option<String>,
        /// Its edition, where it says so.
        edition: Option<String>,
    },
    /// Something else answered.
    Other {
        /// The status code.
        status: u16,
        /// The `Server` header, cut short.
        server: Option<String>,
    },
    /// The connection was closed without an answer.
    Closed,
    /// Nothing came in time.
    Stalled,
    /// What came is no HTTP.
    NotHttp,
}

/// A socket that takes connections or datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    /// Where it is bound.
    pub address: SocketAddr,
    /// Whether it is UDP.
    pub udp: bool,
}
