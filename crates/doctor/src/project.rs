//! From Compose files to [`Facts`]: what the files promise, with the place of every key.
//!
//! Services become containers that are declared, and addresses are known where they are pinned. The
//! judgement is the same as for a running system; what only an engine knows stays unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use lsconfig::layer::{Layers, Origin};
use lsconfig::source::compose::{Network as ComposeNetwork, Project, Protocol, Service};

use crate::facts::{
    ComposeService, Container, Endpoint, Facts, Network, Place, Published, Question, Status, Subnet,
};
use crate::gather::shown_value;

/// How many ports of a range become ports of their own.
const MAX_RANGE: u16 = 64;

/// Makes facts of a project. `environment` gives what a service gets from its files and keys.
#[must_use]
pub fn facts(
    project: &Project,
    question: Question,
    environment: &dyn Fn(&Service) -> Layers,
) -> Facts {
    let mut containers: Vec<Container> = project
        .services
        .iter()
        .map(|s| container(project, s, &environment(s)))
        .collect();
    containers.sort_by(|a, b| a.name.cmp(&b.name));
    let mut networks: Vec<Network> = project.networks.iter().map(network).collect();
    let uses_default = containers
        .iter()
        .any(|c| c.endpoints.contains_key("default"));
    if uses_default && !networks.iter().any(|n| n.name == "default") {
        networks.push(Network {
            id: "default".into(),
            name: "default".into(),
            driver: "bridge".into(),
            ..Network::default()
        });
    }
    networks.sort_by(|a, b| a.name.cmp(&b.name));
    Facts {
        question,
        networks,
        containers,
        ..Facts::default()
    }
}

/// Gives containers of an engine the places of their keys in a project.
pub fn add_places(facts: &mut Facts, project: &Project, files: &[String]) {
    for container in &mut facts.containers {
        if let Some(own) = &mut container.compose
            && own.files == files
            && let Some(service) = project.service(&own.service)
        {
            own.places = places(service);
        }
    }
}

fn network(network: &ComposeNetwork) -> Network {
    let name = if network.external {
        network.name.as_ref().unwrap_or(&network.key)
    } else {
        &network.key
    };
    Network {
        id: name.value.to_string(),
        name: name.value.to_string(),
        driver: network
            .driver
            .as_ref()
            .map_or("bridge".to_owned(), |d| d.value.to_string()),
        internal: network.internal,
        subnets: network
            .subnets
            .iter()
            .filter_map(|s| {
                Some(Subnet {
                    subnet: s.subnet.as_ref()?.value.parse().ok()?,
                    gateway: s.gateway.as_ref().and_then(|g| g.value.parse().ok()),
                })
            })
            .collect(),
        place: Some(place(&network.key.origin)),
        ..Network::default()
    }
}

fn container(project: &Project, service: &Service, environment: &Layers) -> Container {
    let name = service.container_name.as_ref().unwrap_or(&service.name);
    let mode = service.network_mode.as_ref().map_or("", |m| &*m.value);
    let texts = |all: &[lsconfig::source::compose::Spanned]| -> Vec<String> {
        all.iter().map(|s| s.value.to_string()).collect()
    };
    let mut env = BTreeMap::new();
    let mut places = places(service);
    for occurrence in environment.occurrences() {
        let name = occurrence.written().to_owned();
        // Also those of `env_file:`.
        if occurrence.origin.line > 0 {
            let key = format!("environment.{name}");
            places
                .entry(key)
                .or_insert_with(|| place(&occurrence.origin));
        }
        env.entry(name)
            .or_insert_with_key(|name| shown_value(name, &occurrence.raw));
    }
    Container {
        id: service.name.value.to_string(),
        name: name.value.to_string(),
        image: service
            .image
            .as_ref()
            .map_or(String::new(), |i| i.value.to_string()),
        status: Status::Declared,
        hostname: service
            .hostname
            .as_ref()
            .map_or(String::new(), |h| h.value.to_string()),
        network_mode: if mode.is_empty() {
            "default".into()
        } else {
            mode.to_owned()
        },
        dns: texts(&service.dns),
        extra_hosts: service
            .extra_hosts
            .iter()
            .map(|h| format!("{}:{}", h.value.0, h.value.1))
            .collect(),
        ports: service.ports.iter().flat_map(published).collect(),
        exposed: service
            .expose
            .iter()
            .map(|e| format!("{}/tcp", e.value))
            .collect(),
        mounts: service
            .volumes
            .iter()
            .map(|v| v.value.split(':').nth(1).unwrap_or(&v.value).to_owned())
            .collect(),
        endpoints: endpoints(project, service, mode),
        env,
        compose: Some(ComposeService {
            project: String::new(),
            service: service.name.value.to_string(),
            files: project.files.iter().map(ToString::to_string).collect(),
            places,
            ..ComposeService::default()
        }),
        ..Container::default()
    }
}

fn endpoints(project: &Project, service: &Service, mode: &str) -> BTreeMap<String, Endpoint> {
    let mut endpoints = BTreeMap::new();
    match mode {
        "host" | "none" | "bridge" => {
            endpoints.insert(mode.to_owned(), Endpoint::default());
        }
        _ if service.shares_network() => {}
        _ if service.networks.is_empty() => {
            endpoints.insert("default".to_owned(), Endpoint::default());
        }
        _ => {
            for attached in &service.networks {
                let declared = project
                    .networks
                    .iter()
                    .find(|n| n.key.value == attached.key.value);
                let external = declared
                    .filter(|n| n.external)
                    .and_then(|n| n.name.as_ref());
                let name = external.map_or(&attached.key.value, |n| &n.value);
                let pinned = attached.ipv4_address.as_ref();
                endpoints.insert(
                    name.to_string(),
                    Endpoint {
                        pinned_ip: pinned.and_then(|ip| ip.value.parse().ok()),
                        ip6: attached
                            .ipv6_address
                            .as_ref()
                            .and_then(|ip| ip.value.parse().ok()),
                        aliases: attached
                            .aliases
                            .iter()
                            .map(|a| a.value.to_string())
                            .collect(),
                        ..Endpoint::default()
                    },
                );
            }
        }
    }
    endpoints
}

fn published(port: &lsconfig::source::compose::Port) -> Vec<Published> {
    let protocol = if port.protocol == Protocol::Udp {
        "udp"
    } else {
        "tcp"
    };
    let width = port.target.width().min(MAX_RANGE);
    (0..=width)
        .map(|n| {
            let container_port = port.target.first.saturating_add(n);
            Published {
                host_ip: port.host_ip.filter(|ip| !ip.is_unspecified()),
                host_port: port
                    .published_of(container_port)
                    .filter(|range| range.width() == 0)
                    .map(|range| range.first),
                container_port,
                protocol: protocol.to_owned(),
            }
        })
        .collect()
}

fn place(origin: &Origin) -> Place {
    Place {
        file: origin.source.to_string(),
        line: origin.line,
        column: origin.column,
    }
}

fn places(service: &Service) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    let mut add = |key: String, origin: &Origin| {
        if origin.line > 0 {
            places.entry(key).or_insert_with(|| place(origin));
        }
    };
    add(String::new(), &service.name.origin);
    let one = |s: &Option<lsconfig::source::compose::Spanned>| s.as_ref().map(|s| s.origin.clone());
    for (key, origin) in [
        ("image", one(&service.image)),
        ("network_mode", one(&service.network_mode)),
        ("ports", service.ports.first().map(|p| p.origin.clone())),
        ("dns", service.dns.first().map(|d| d.origin.clone())),
        (
            "networks",
            service.networks.first().map(|n| n.key.origin.clone()),
        ),
        (
            "extra_hosts",
            service.extra_hosts.first().map(|h| h.origin.clone()),
        ),
        ("volumes", service.volumes.first().map(|v| v.origin.clone())),
        (
            "environment",
            service.environment.first().map(|v| v.origin.clone()),
        ),
    ] {
        if let Some(origin) = origin {
            add(key.to_owned(), &origin);
        }
    }
    for variable in &service.environment {
        add(
            format!("environment.{}", Arc::clone(&variable.name)),
            &variable.origin,
        );
    }
    places
}
