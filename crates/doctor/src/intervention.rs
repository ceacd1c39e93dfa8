//! Changes of a running system that can be taken back whole, each with its undo.
//!
//! Docker has no call that takes a running container off a network and leaves its `/etc/hosts` as it
//! was (20.10: the line of its own name goes, or that of the network stays; a container of the default
//! bridge keeps another `resolv.conf` too). So no container that is not ours is ever attached to
//! anything. What is out of place is met from the other side: a container of ours **stands in** for the
//! emulator where the client looks for it, and hands connections on. To undo that is to remove it.
//!
//! [`plan`](plan()) says what can be done about a judgement. An [`Act`] is one intervention as the
//! [`journal`] keeps it: it holds all that its undo needs, and undoing twice, or undoing what was never
//! done, does no harm.

pub mod journal;
mod plan;

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use plan::{Plan, Proposal, Without, mended, plan};

use crate::engine::{Engine, EngineError, demultiplex};
use crate::gather::{LABEL, STAND_IN};

/// The label that names the run to which a stand-in belongs.
pub const RUN_LABEL: &str = "cloud.lsconfig.run";
/// What a stand-in says when it takes connections.
pub const READY: &str = "ready\n";
/// How long a stand-in may take to get ready.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How much of what it says is read.
const MAX_OUTPUT: usize = 64 << 10;
/// The memory of a stand-in, in bytes: 512 connections with their stacks and buffers.
const MEMORY: u64 = 256 << 20;

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its full id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
}

/// A change that can be taken back whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Intervention {
    /// Lets a paused container go on; undone by pausing it.
    Resume {
        /// The container.
        container: Named,
    },
    /// Runs a container of ours; undone by removing it.
    StandIn(StandIn),
}

/// A container of ours that hands connections on to the emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// Where it takes connections.
    pub place: Place,
    /// At which ports.
    pub ports: BTreeSet<u16>,
    /// The network by which it reaches the emulator; `None` where that is the place itself.
    pub route: Option<String>,
    /// The emulator as it is called there: `host:port`.
    pub target: String,
    /// The name of the emulator, for people.
    pub emulator: String,
}

/// Where a stand-in takes connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "kebab-case")]
pub enum Place {
    /// On a network, under these names.
    Network {
        /// The network.
        network: String,
        /// The names, which nothing else there has.
        aliases: BTreeSet<String>,
    },
    /// In the network namespace of a container, on its loopback.
    Namespace {
        /// The container.
        container: Named,
        /// Its loopback address that is used.
        address: IpAddr,
    },
    /// On the host.
    Host {
        /// The address of the host.
        address: IpAddr,
    },
}

impl fmt::Display for Intervention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = match self {
            Self::Resume { container } => return write!(f, "let `{}` go on", container.name),
            Self::StandIn(own) => own,
        };
        let ports: Vec<String> = own.ports.iter().map(u16::to_string).collect();
        let ports = ports.join(", ");
        match &own.place {
            Place::Network { network, aliases } => {
                let names: Vec<String> = aliases.iter().map(|a| format!("`{a}`")).collect();
                write!(
                    f,
                    "run a container that answers to {} at port {ports} on `{network}`",
                    names.join(", ")
                )?;
            }
            Place::Namespace { container, address } => write!(
                f,
                "run a container that listens at {} inside `{}`",
                listed(*address, &own.ports),
                container.name
            )?,
            Place::Host { address } => write!(
                f,
                "run a container that is published at {}",
                listed(*address, &own.ports)
            )?,
        }
        write!(f, " and hands on to `{}`", own.emulator)
    }
}

fn listed(address: IpAddr, ports: &BTreeSet<u16>) -> String {
    let all = ports
        .iter()
        .map(|&p| SocketAddr::new(address, p).to_string());
    all.collect::<Vec<_>>().join(", ")
}

/// An intervention of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Counts up within the run.
    pub number: u32,
    /// What.
    pub intervention: Intervention,
    /// Since when a container that is resumed runs, as the engine writes it. Its undo is for this life
    /// of the container only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
}

/// Why an act was not made, or not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActError {
    /// The system is not as it was when the act was planned.
    #[error("{0}")]
    Outdated(String),
    /// The stand-in ended before it took connections.
    #[error("the stand-in does not start: {0}")]
    StandIn(String),
    /// The engine refused or went away.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What came of an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was.
    Done,
    /// There was nothing to undo any more.
    Nothing,
}

impl Act {
    /// Makes sure that the system is still as it was planned for, and takes down what the undo needs.
    /// Changes nothing.
    ///
    /// # Errors
    /// When the system changed, or the engine does not answer.
    pub fn prepare(
        engine: &Engine,
        number: u32,
        intervention: &Intervention,
    ) -> Result<Self, ActError> {
        let mut started_at = None;
        if let Intervention::Resume { container } = intervention {
            let (paused, since) = life(&engine.inspect(&container.id)?);
            if !paused {
                let message = format!("`{}` is not paused any more", container.name);
                return Err(ActError::Outdated(message));
            }
            started_at = Some(since);
        }
        Ok(Self {
            number,
            intervention: intervention.clone(),
            started_at,
        })
    }

    /// Makes it. `image` is that of this program. The journal must have it before.
    ///
    /// # Errors
    /// When it was not made whole; it has to be undone then.
    pub fn perform(&self, engine: &Engine, run: &str, image: &str) -> Result<(), ActError> {
        match &self.intervention {
            Intervention::Resume { container } => Ok(engine.unpause(&container.id)?),
            Intervention::StandIn(own) => own.start(engine, &self.name(run), run, image),
        }
    }

    /// Takes it back. What was not made, or is gone, is left alone.
    ///
    /// # Errors
    /// When the engine refuses or does not answer; it is still to be undone then.
    pub fn undo(&self, engine: &Engine, run: &str) -> Result<Undone, EngineError> {
        let (id, ours) = match &self.intervention {
            Intervention::Resume { container } => (container.id.clone(), false),
            Intervention::StandIn(_) => (self.name(run), true),
        };
        let state = match engine.inspect(&id) {
            Err(error) if error.is_not_found() => return Ok(Undone::Nothing),
            other => other?,
        };
        if ours {
            let labels = state.pointer("/Config/Labels");
            let owner = labels.and_then(|l| l.get(RUN_LABEL)?.as_str());
            let id = state.get("Id").and_then(Value::as_str);
            let (Some(id), true) = (id, owner == Some(run)) else {
                return Ok(Undone::Nothing);
            };
            return match engine.remove(id) {
                Err(error) if error.is_not_found() => Ok(Undone::Nothing),
                other => other.map(|()| Undone::Done),
            };
        }
        let runs = state.pointer("/State/Running").and_then(Value::as_bool) == Some(true);
        let (paused, since) = life(&state);
        if !runs || paused || self.started_at.as_ref() != Some(&since) {
            return Ok(Undone::Nothing);
        }
        engine.pause(&id).map(|()| Undone::Done)
    }

    /// Returns the command that undoes it by hand.
    #[must_use]
    pub fn by_hand(&self, run: &str) -> String {
        match &self.intervention {
            Intervention::Resume { container } => format!("docker pause {}", container.name),
            Intervention::StandIn(_) => format!("docker rm -f {}", self.name(run)),
        }
    }

    /// The name of its stand-in.
    fn name(&self, run: &str) -> String {
        format!("lsconfig-stand-in-{run}-{}", self.number)
    }
}

/// Returns whether a container is paused, and since when it runs.
fn life(state: &Value) -> (bool, String) {
    let paused = state.pointer("/State/Paused").and_then(Value::as_bool) == Some(true);
    let since = state.pointer("/State/StartedAt").and_then(Value::as_str);
    (paused, since.unwrap_or_default().to_owned())
}

impl StandIn {
    /// Runs it and waits until it takes connections.
    fn start(&self, engine: &Engine, name: &str, run: &str, image: &str) -> Result<(), ActError> {
        let id = engine.create(name, &self.settings(run, image))?;
        let joined = matches!(self.place, Place::Network { .. });
        if let (Some(network), true) = (&self.route, joined) {
            engine.attach_to_network(network, &id)?;
        }
        let mut output = engine.attach(&id, READY_WITHIN)?;
        engine.start(&id)?;
        let mut bytes = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            let read = output.read(&mut buffer).map_err(EngineError::from)?;
            bytes.extend_from_slice(&buffer[..read]);
            let (out, err) = demultiplex(&bytes);
            if out == READY.as_bytes() {
                return Ok(());
            }
            if read == 0 || bytes.len() > MAX_OUTPUT {
                let complaint = String::from_utf8_lossy(&err).trim().to_owned();
                return Err(ActError::StandIn(complaint));
            }
        }
    }

    /// The settings with which it is created. It needs no rights, and writes nothing.
    fn settings(&self, run: &str, image: &str) -> Value {
        let listen = match &self.place {
            Place::Namespace { address, .. } => *address,
            Place::Network { .. } | Place::Host { .. } => IpAddr::from([0, 0, 0, 0]),
        };
        let mut words = Vec::new();
        for &port in &self.ports {
            words.push("--listen".to_owned());
            words.push(SocketAddr::new(listen, port).to_string());
        }
        words.extend(["--to".to_owned(), self.target.clone()]);
        let mut labels = Map::new();
        labels.insert(LABEL.to_owned(), STAND_IN.into());
        labels.insert(RUN_LABEL.to_owned(), run.into());
        let mut settings = json!({
            "Image": image,
            "Entrypoint": ["/lsconfig", "stand-in"],
            "Cmd": words,
            "User": "65534:65534",
            "Labels": labels,
            "AttachStdout": true,
            "AttachStderr": true,
        });
        let mut host = json!({
            "ReadonlyRootfs": true,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "AutoRemove": true,
            "LogConfig": {"Type": "none"},
            "Memory": MEMORY,
        });
        match &self.place {
            Place::Network { network, aliases } => {
                host["NetworkMode"] = network.as_str().into();
                let mut endpoints = Map::new();
                endpoints.insert(network.clone(), json!({ "Aliases": aliases }));
                settings["NetworkingConfig"] = json!({ "EndpointsConfig": endpoints });
            }
            Place::Namespace { container, .. } => {
                host["NetworkMode"] = format!("container:{}", container.id).into();
            }
            Place::Host { address } => {
                host["NetworkMode"] = self.route.as_deref().unwrap_or("bridge").into();
                let mut exposed = Map::new();
                let mut bindings = Map::new();
                for port in &self.ports {
                    let binding = json!([{
                        "HostIp": address.to_string(),
                        "HostPort": port.to_string(),
                    }]);
                    exposed.insert(format!("{port}/tcp"), json!({}));
                    bindings.insert(format!("{port}/tcp"), binding);
                }
                settings["ExposedPorts"] = exposed.into();
                host["PortBindings"] = bindings.into();
            }
        }
        settings["HostConfig"] = host;
        settings
    }
}
