//! A picture of networks and containers, from the facts: what stands where, under which address, who
//! asks whom for names, and where probes were run, which paths work.
//!
//! [`Topology::from`] is a pure function, and so is each format: [`text`], [`json`], [`mermaid`],
//! [`dot`], [`svg`]. The same facts give the same bytes. Environments never get in, labels only when
//! asked for, and whatever names containers have, every format stays whole.

pub mod dot;
pub mod json;
pub mod mermaid;
pub mod svg;
pub mod text;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::facts::{Container, Facts, Health, Network, Published, Status, Subnet};
use crate::judge::judge;
use crate::path::Outcome;
use crate::world::{Found, find, is_special};

/// What a picture shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// The networks, in the order of their names, those without containers too; those that every
    /// engine has come last.
    pub networks: Vec<NetworkNode>,
    /// The containers: by their first network, then by name.
    pub containers: Vec<ContainerNode>,
    /// The paths that probes went, by the place of the client; those from the host come first.
    pub paths: Vec<TriedPath>,
}

/// A path that a probe went.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TriedPath {
    /// The client, as a place in [`Topology::containers`]; `None` is the host.
    pub from: Option<usize>,
    /// The emulator, which it was to reach.
    pub to: usize,
    /// The URL, without path and user.
    pub url: String,
    /// Whether the emulator answered.
    pub works: bool,
    /// How it ended, as a fragment.
    pub outcome: String,
    /// The code of what is wrong for this client, where it fails and that is known.
    pub code: Option<&'static str>,
}

impl TriedPath {
    /// Says it in a few words: `http://localstack:4566 works`, or the code of its cause.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.url, self.verdict())
    }

    /// `works`, or why not.
    pub(crate) fn verdict(&self) -> String {
        if self.works {
            return "works".to_owned();
        }
        format!("fails: {}", self.code.unwrap_or(&self.outcome))
    }
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkNode {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `bridge`, `host`, ...; empty where the engine does not know the network any more.
    pub driver: String,
    /// Whether it has no route to the outside.
    pub internal: bool,
    /// Its ranges with their gateways.
    pub subnets: Vec<Subnet>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The containers on it, as places in [`Topology::containers`].
    pub members: Vec<usize>,
    /// Its colour, as a place in a palette: by its name, so that it keeps it.
    pub color: usize,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerNode {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its state.
    pub status: Status,
    /// What its health check says.
    pub health: Option<Health>,
    /// The project and service of Compose.
    pub service: Option<(String, String)>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is the emulator.
    pub is_emulator: bool,
    /// What it uses instead of networks of its own.
    pub mode: Mode,
    /// Its attachments, in the order of the networks.
    pub interfaces: Vec<Interface>,
    /// The ports that it publishes.
    pub ports: Vec<Published>,
    /// Whether they are really open.
    pub ports_active: Option<bool>,
    /// The DNS servers that were set for it.
    pub dns: Vec<DnsServer>,
}

/// What a container uses for its network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Networks.
    #[default]
    Networks,
    /// That of the host.
    Host,
    /// None at all.
    None,
    /// That of another container, by name.
    Shared(String),
}

/// An attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// The network, as a place in [`Topology::networks`].
    pub network: usize,
    /// The IPv4 address, or the one that it will have.
    pub ip: Option<IpAddr>,
    /// Whether that address is pinned.
    pub pinned: bool,
    /// The IPv6 address.
    pub ip6: Option<IpAddr>,
    /// The gateway.
    pub gateway: Option<IpAddr>,
    /// The names it has there.
    pub aliases: Vec<String>,
    /// The hardware address.
    pub mac: String,
}

impl Interface {
    /// Lists the addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.ip.into_iter().chain(self.ip6)
    }
}

/// A DNS server that a container was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsServer {
    /// Its address.
    pub address: String,
    /// The container that has it, as a place in [`Topology::containers`].
    pub owner: Option<usize>,
}

/// How many colours a palette has.
pub(crate) const COLORS: usize = 8;

impl Topology {
    /// Returns the same without labels.
    #[must_use]
    pub fn without_labels(mut self) -> Self {
        self.networks.iter_mut().for_each(|n| n.labels.clear());
        self.containers.iter_mut().for_each(|c| c.labels.clear());
        self
    }
}

impl From<&Facts> for Topology {
    fn from(facts: &Facts) -> Self {
        let mut networks: Vec<NetworkNode> = facts.networks.iter().map(network).collect();
        // A network may vanish while it is read, or be left out of a bundle.
        for name in facts.containers.iter().flat_map(|c| c.endpoints.keys()) {
            if !networks.iter().any(|n| n.name == *name) {
                networks.push(NetworkNode {
                    id: name.clone(),
                    name: name.clone(),
                    ..NetworkNode::default()
                });
            }
        }
        networks.sort_by(|a, b| {
            (is_special(&a.name), &a.name, &a.id).cmp(&(is_special(&b.name), &b.name, &b.id))
        });
        spread_colors(&mut networks);
        let places: BTreeMap<String, usize> = networks
            .iter()
            .enumerate()
            .rev()
            .map(|(at, n)| (n.name.clone(), at))
            .collect();

        let emulator = match find(facts) {
            Found::One(emulator) => Some(emulator.container.id.clone()),
            _ => None,
        };
        let mut containers: Vec<(&Container, ContainerNode)> = facts
            .containers
            .iter()
            .map(|c| (c, container(facts, c, &places, emulator.as_deref())))
            .collect();
        containers.sort_by(|(_, a), (_, b)| order(a).cmp(&order(b)));

        let owner = |address: &str| {
            let ip = address.parse().ok()?;
            let (owner, _) = facts.owner_of(ip)?;
            containers.iter().position(|(_, c)| c.id == owner.id)
        };
        let dns: Vec<Vec<DnsServer>> = containers
            .iter()
            .map(|(facts, _)| {
                let servers = facts.dns.iter().map(|address| DnsServer {
                    address: address.clone(),
                    owner: owner(address),
                });
                servers.collect()
            })
            .collect();
        let mut containers: Vec<ContainerNode> = containers.into_iter().map(|(_, c)| c).collect();
        for (at, (node, dns)) in containers.iter_mut().zip(dns).enumerate() {
            node.dns = dns;
            for interface in &node.interfaces {
                networks[interface.network].members.push(at);
            }
        }
        let paths = tried(facts, &containers);
        Self {
            networks,
            containers,
            paths,
        }
    }
}

/// Lists what probes saw of the paths that clients use, with the worst cause for each client.
fn tried(facts: &Facts, containers: &[ContainerNode]) -> Vec<TriedPath> {
    if facts.observations.is_empty() {
        return Vec::new();
    }
    let judgement = judge(facts);
    let Some(world) = &judgement.world else {
        return Vec::new();
    };
    let place = |id: &str| containers.iter().position(|c| c.id == id);
    let Some(to) = place(&world.emulator.container.id) else {
        return Vec::new();
    };
    let mut paths = Vec::new();
    for case in &world.cases {
        let from = match case.client.container {
            None => None,
            Some(container) => match place(&container.id) {
                Some(at) => Some(at),
                None => continue,
            },
        };
        let name = case.client.name();
        let mut findings = judgement.findings.iter();
        let cause = findings.find(|f| f.client.as_deref().is_none_or(|client| client == name));
        for used in &case.uses {
            let Some(path) = &used.observed else { continue };
            let works = path.outcome == Outcome::Ok;
            if path.outcome == Outcome::Unknown {
                continue;
            }
            paths.push(TriedPath {
                from,
                to,
                url: used.url.text.clone(),
                works,
                outcome: path.outcome.describe(),
                code: cause.filter(|_| !works).map(|f| f.check.rule.code),
            });
        }
    }
    paths.sort();
    paths
}

/// Containers on the same first network stand together, the emulator before the others.
fn order(node: &ContainerNode) -> (usize, bool, &str, &str) {
    let first = node.interfaces.first().map_or(usize::MAX, |i| i.network);
    (first, !node.is_emulator, &node.name, &node.id)
}

fn network(facts: &Network) -> NetworkNode {
    NetworkNode {
        id: facts.id.clone(),
        name: facts.name.clone(),
        driver: facts.driver.clone(),
        internal: facts.internal,
        subnets: facts.subnets.clone(),
        labels: facts.labels.clone(),
        ..NetworkNode::default()
    }
}

fn container(
    facts: &Facts,
    of: &Container,
    places: &BTreeMap<String, usize>,
    emulator: Option<&str>,
) -> ContainerNode {
    let mut interfaces: Vec<Interface> = of
        .endpoints
        .iter()
        .filter_map(|(name, endpoint)| {
            Some(Interface {
                network: *places.get(name)?,
                ip: endpoint.ip.or(endpoint.pinned_ip),
                pinned: endpoint.pinned_ip.is_some(),
                ip6: endpoint.ip6,
                gateway: endpoint.gateway,
                aliases: endpoint.aliases.clone(),
                mac: endpoint.mac.clone(),
            })
        })
        .collect();
    interfaces.sort_by_key(|i| i.network);
    let joined = of.network_mode.strip_prefix("container:");
    let joined = joined.or_else(|| of.network_mode.strip_prefix("service:"));
    let mode = match (&*of.network_mode, joined) {
        (_, Some(id)) => Mode::Shared(facts.container(id).map_or(id, |c| &c.name).to_owned()),
        ("host", _) => Mode::Host,
        ("none", _) => Mode::None,
        _ => Mode::Networks,
    };
    let mut ports = of.ports.clone();
    ports.sort_by(|a, b| port_key(a).cmp(&port_key(b)));
    ports.dedup();
    ContainerNode {
        id: of.id.clone(),
        name: of.name.clone(),
        image: of.image.clone(),
        status: of.status,
        health: of.health,
        service: of
            .compose
            .as_ref()
            .map(|c| (c.project.clone(), c.service.clone())),
        labels: of.labels.clone(),
        is_emulator: emulator == Some(&of.id),
        mode,
        interfaces,
        ports,
        ports_active: of.ports_active,
        dns: Vec::new(),
    }
}

fn port_key(port: &Published) -> (u16, &str, Option<u16>, Option<IpAddr>) {
    (
        port.container_port,
        &port.protocol,
        port.host_port,
        port.host_ip,
    )
}

/// Gives each network a colour by its name; the next free one where two would get the same.
fn spread_colors(networks: &mut [NetworkNode]) {
    let mut taken = [false; COLORS];
    for network in networks {
        // FNV-1a: stable over releases and machines, unlike the hashes of the standard library.
        let hash = network
            .name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let wanted = usize::try_from(hash % COLORS as u64).unwrap_or(0);
        if taken.iter().all(|t| *t) {
            taken = [false; COLORS];
        }
        let free = (0..COLORS)
            .map(|step| (wanted + step) % COLORS)
            .find(|at| !taken[*at]);
        network.color = free.unwrap_or(wanted);
        taken[network.color] = true;
    }
}

impl NetworkNode {
    /// Returns whether a picture can do without it: every engine has it, and nobody uses it.
    pub(crate) fn is_beside_the_point(&self) -> bool {
        self.members.is_empty() && is_special(&self.name)
    }

    /// Says what kind of network it is: `bridge, 172.28.44.0/24, internal`.
    pub(crate) fn describe(&self) -> String {
        let mut parts = vec![if self.driver.is_empty() {
            "unknown".to_owned()
        } else {
            self.driver.clone()
        }];
        parts.extend(self.subnets.iter().map(|s| s.subnet.to_string()));
        if self.internal {
            parts.push("internal".into());
        }
        parts.join(", ")
    }
}

impl ContainerNode {
    /// Says what it does: `running, healthy`.
    pub(crate) fn state(&self) -> String {
        let status = word(self.status);
        match self.health {
            Some(health) => format!("{status}, {}", word(health)),
            None => status,
        }
    }

    /// Returns whether it is known to the engine and does not run.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(
            self.status,
            Status::Created | Status::Exited | Status::Dead | Status::Restarting
        )
    }

    /// Returns whether its published ports take connections, as far as that is known.
    pub(crate) fn ports_are_open(&self) -> bool {
        self.ports_active != Some(false) && !self.is_stopped()
    }

    /// Says what it uses instead of a network; `None` where it has networks of its own.
    pub(crate) fn instead(&self) -> Option<String> {
        match &self.mode {
            Mode::Networks if self.interfaces.is_empty() => Some("not attached".into()),
            Mode::Networks => None,
            Mode::Host => Some("network of the host".into()),
            Mode::None => Some("no network".into()),
            Mode::Shared(name) => Some(format!("network of {name}")),
        }
    }

    /// Says whom it asks for names: `172.28.44.2 (emulator)`.
    pub(crate) fn servers(&self, all: &Topology) -> Vec<String> {
        let servers = self.dns.iter().map(|server| match server.owner {
            Some(at) => format!("{} ({})", server.address, all.containers[at].name),
            None => server.address.clone(),
        });
        servers.collect()
    }
}

/// Writes a published port: `127.0.0.1:4566 → 4566/tcp`, with any arrow.
pub(crate) fn port(published: &Published, arrow: &str) -> String {
    let host = match (published.host_ip, published.host_port) {
        (Some(IpAddr::V6(ip)), port) => format!("[{ip}]:{}", shown(port)),
        (Some(ip), port) => format!("{ip}:{}", shown(port)),
        (None, port) => shown(port),
    };
    format!(
        "{host} {arrow} {}/{}",
        published.container_port,
        plain(&published.protocol, 8)
    )
}

fn shown(port: Option<u16>) -> String {
    port.map_or("any".into(), |port| port.to_string())
}

/// The name of a container's place on a network, in formats where every place needs one.
pub(crate) fn place(container: usize, network: usize) -> String {
    format!("c{container}n{network}")
}

/// The name of the place at which lines to a container end.
pub(crate) fn first(container: usize, node: &ContainerNode) -> String {
    match node.interfaces.first() {
        Some(interface) => place(container, interface.network),
        None => format!("c{container}"),
    }
}

/// The word that the facts use for a state.
pub(crate) fn word(state: impl Serialize) -> String {
    let value = serde_json::to_value(state).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns a text without what could steer a terminal, reorder a line, or break a document, and not
/// longer than `most` columns.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let mut columns = 0;
    let mut plain = String::new();
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{e000}'..='\u{f8ff}');
        let c = if hidden { '\u{fffd}' } else { c };
        columns += if wide(c) { 2 } else { 1 };
        if columns > most {
            plain.pop();
            plain.push('…');
            return plain;
        }
        plain.push(c);
    }
    plain
}

/// Whether a character takes two columns: roughly, scripts of East Asia and pictures.
fn wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}
