//! The topology for machines. It has every field that `probe` of LocalStack's docker-debug prints,
//! with the same meaning, and more.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::{ContainerNode, Interface, Mode, NetworkNode, Topology, word};
use crate::facts::{Published, Subnet};

/// The version of the document. It counts up when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'t> {
    schema: u32,
    networks: Vec<NetworkLine<'t>>,
    containers: Vec<ContainerLine<'t>>,
    paths: Vec<PathLine<'t>>,
}

#[derive(Serialize)]
struct PathLine<'t> {
    /// The name of the client; `null` is the host.
    from: Option<&'t str>,
    to: &'t str,
    url: &'t str,
    verdict: &'static str,
    outcome: &'t str,
    code: Option<&'static str>,
}

#[derive(Serialize)]
struct NetworkLine<'t> {
    id: &'t str,
    name: &'t str,
    /// The first, as docker-debug has it.
    subnet: Option<String>,
    gateway: Option<IpAddr>,
    driver: &'t str,
    internal: bool,
    subnets: &'t [Subnet],
    labels: &'t BTreeMap<String, String>,
    containers: Vec<ContainerLine<'t>>,
}

#[derive(Serialize)]
struct ContainerLine<'t> {
    id: &'t str,
    name: &'t str,
    image: &'t str,
    labels: &'t BTreeMap<String, String>,
    status: String,
    interfaces: Vec<InterfaceLine<'t>>,
    health: Option<String>,
    emulator: bool,
    mode: &'t Mode,
    compose_project: Option<&'t str>,
    compose_service: Option<&'t str>,
    ports: &'t [Published],
    ports_active: Option<bool>,
    dns: Vec<DnsLine<'t>>,
}

#[derive(Serialize)]
struct InterfaceLine<'t> {
    network_name: &'t str,
    /// The container's, else the network's.
    gateway: String,
    ip_address: String,
    ip6_address: Option<IpAddr>,
    pinned: bool,
    aliases: &'t [String],
    mac_address: &'t str,
}

#[derive(Serialize)]
struct DnsLine<'t> {
    address: &'t str,
    container: Option<&'t str>,
}

/// Renders the document.
#[must_use]
pub fn render(topology: &Topology) -> String {
    let document = Document {
        schema: SCHEMA,
        networks: topology
            .networks
            .iter()
            .map(|n| network(topology, n))
            .collect(),
        containers: topology
            .containers
            .iter()
            .map(|c| container(topology, c))
            .collect(),
        paths: topology
            .paths
            .iter()
            .map(|path| PathLine {
                from: path.from.map(|at| &*topology.containers[at].name),
                to: &topology.containers[path.to].name,
                url: &path.url,
                verdict: if path.works { "ok" } else { "fail" },
                outcome: &path.outcome,
                code: path.code,
            })
            .collect(),
    };
    // It has no map with keys that are no strings, and so cannot fail.
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    format!("{text}\n")
}

fn network<'t>(all: &'t Topology, node: &'t NetworkNode) -> NetworkLine<'t> {
    let own = node.subnets.iter().find_map(|s| s.gateway);
    NetworkLine {
        id: &node.id,
        name: &node.name,
        subnet: node.subnets.first().map(|s| s.subnet.to_string()),
        gateway: own.or_else(|| {
            let interfaces = node
                .members
                .iter()
                .flat_map(|at| &all.containers[*at].interfaces);
            let here = interfaces.filter(|i| all.networks[i.network].id == node.id);
            here.filter_map(|i| i.gateway).next()
        }),
        driver: &node.driver,
        internal: node.internal,
        subnets: &node.subnets,
        labels: &node.labels,
        containers: node
            .members
            .iter()
            .map(|at| container(all, &all.containers[*at]))
            .collect(),
    }
}

fn container<'t>(all: &'t Topology, node: &'t ContainerNode) -> ContainerLine<'t> {
    let (project, service) = node
        .service
        .as_ref()
        .map_or((None, None), |(project, service)| {
            (Some(project.as_str()), Some(service.as_str()))
        });
    ContainerLine {
        id: &node.id,
        name: &node.name,
        image: &node.image,
        labels: &node.labels,
        status: word(node.status),
        interfaces: node.interfaces.iter().map(|i| interface(all, i)).collect(),
        health: node.health.map(word),
        emulator: node.is_emulator,
        mode: &node.mode,
        compose_project: project,
        compose_service: service,
        ports: &node.ports,
        ports_active: node.ports_active,
        dns: node
            .dns
            .iter()
            .map(|server| DnsLine {
                address: &server.address,
                container: server.owner.map(|at| &*all.containers[at].name),
            })
            .collect(),
    }
}

fn interface<'t>(all: &'t Topology, of: &'t Interface) -> InterfaceLine<'t> {
    let network = &all.networks[of.network];
    let gateway = of
        .gateway
        .or_else(|| network.subnets.iter().find_map(|s| s.gateway));
    let text = |ip: Option<IpAddr>| ip.map_or(String::new(), |ip| ip.to_string());
    InterfaceLine {
        network_name: &network.name,
        gateway: text(gateway),
        ip_address: text(of.ip),
        ip6_address: of.ip6,
        pinned: of.pinned,
        aliases: &of.aliases,
        mac_address: &of.mac,
    }
}
