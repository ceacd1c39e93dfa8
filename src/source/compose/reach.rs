//! Published ports against listen addresses and the port in returned URLs.
//!
//! [`routes`] is the table that `explain` prints; [`check`] judges it. Both are pure: what listens
//! comes from a resolution.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Port, PortRange, Protocol, Service};
use crate::addr::{Host, HostPort, HostPortSpec};
use crate::diagnostic::{Diagnostic, Label, Severity, codes};
use crate::layer::{Occurrence, Origin};
use crate::release::TargetVersion;
use crate::resolve::listening;

/// The port of the DNS server.
const DNS_PORT: u16 = 53;
/// The HTTPS port, which the licensed edition serves by default and LocalStack's own Compose file
/// publishes in any edition.
const HTTPS_PORT: u16 = 443;
/// The ports of single services before 0.11.5, and of Elasticsearch for longer.
const PORTS_OF_0X: PortRange = PortRange {
    first: 4567,
    last: 4599,
};

/// What listens in the container, and what URLs say.
#[derive(Debug, Clone, Copy)]
pub struct Listening<'a> {
    /// The addresses of the gateway.
    pub addresses: &'a [HostPort],
    /// The variable they come from, unless they are the default.
    pub listen_variable: Option<&'a Arc<Occurrence>>,
    /// The port in returned URLs, where it is one.
    pub url_port: Option<u16>,
    /// The variable it comes from, unless it is the default.
    pub url_variable: Option<&'a Arc<Occurrence>>,
    /// The ports for instances of services, `EXTERNAL_SERVICE_PORTS_START` to `..._END`.
    pub service_ports: PortRange,
    /// The release, where it is known.
    pub version: Option<TargetVersion>,
}

/// What a container port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The gateway listens there.
    Gateway,
    /// Instances of services (OpenSearch, RDS, ...) get ports from this range.
    Services,
    /// The DNS server.
    Dns,
    /// HTTPS on 443, which depends on the edition.
    Https,
    /// Nothing listens there.
    Nothing,
}

/// One way from the host into the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The address on the host; all of them where there is none.
    pub host_ip: Option<IpAddr>,
    /// The port on the host; a range where Docker chooses from it, `None` where it chooses freely.
    pub published: Option<PortRange>,
    /// The port in the container.
    pub target: PortRange,
    /// The protocol.
    pub protocol: Protocol,
    /// The listen address that the port leads to.
    pub listen: Option<HostPort>,
    /// What the port is for.
    pub purpose: Purpose,
    /// The `ports:` entry.
    pub origin: Origin,
}

/// Returns the ways into the container, in the order of `ports:`.
///
/// An entry gives one route for each listen address in its range, and one for the whole range where
/// it has ports besides these. A service without a network of its own publishes nothing.
#[must_use]
pub fn routes(service: &Service, listening: &Listening<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    if service.shares_network() {
        return routes;
    }
    for port in &service.ports {
        let route = |published, target, listen, purpose| Route {
            host_ip: port.host_ip,
            published,
            target,
            protocol: port.protocol,
            listen,
            purpose,
            origin: port.origin.clone(),
        };
        let mut reached = 0;
        for address in listening.addresses {
            if reaches(port, address) {
                let single = PortRange {
                    first: address.port,
                    last: address.port,
                };
                let published = port.published_of(address.port);
                routes.push(route(
                    published,
                    single,
                    Some(address.clone()),
                    Purpose::Gateway,
                ));
                reached += 1;
            }
        }
        if reached == 0 || port.target.width() > 0 {
            let purpose = purpose(port, listening);
            routes.push(route(port.published, port.target, None, purpose));
        }
    }
    routes
}

/// Compares what is published, what listens, and what URLs say.
///
/// Nothing is said about the port range of services, DNS, UDP, and services without a network of
/// their own.
#[must_use]
pub fn check(service: &Service, listening: &Listening<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if service.shares_network() {
        return found;
    }
    let tcp = || {
        service
            .ports
            .iter()
            .filter(|port| port.protocol == Protocol::Tcp)
    };
    let gateway_reached = tcp().any(|port| {
        let reached = |address| reaches(port, address);
        listening.addresses.iter().any(reached)
    });
    for port in tcp() {
        found.extend(published_not_listened(
            service,
            port,
            gateway_reached,
            listening,
        ));
    }
    found.extend(listened_not_published(service, listening));
    if gateway_reached {
        found.extend(url_port_not_published(service, listening));
    }
    for address in listening.addresses {
        found.extend(loopback(address, listening));
    }
    found
}

fn reaches(port: &Port, address: &HostPort) -> bool {
    port.protocol == Protocol::Tcp && port.target.contains(address.port)
}

/// What a container port is for that no listen address has.
fn purpose(port: &Port, listening: &Listening<'_>) -> Purpose {
    let services = listening.service_ports;
    let overlaps = port.target.first <= services.last && services.first <= port.target.last;
    if port.target.contains(DNS_PORT) {
        Purpose::Dns
    } else if port.protocol == Protocol::Tcp && overlaps {
        Purpose::Services
    } else if port.protocol == Protocol::Tcp && port.target.contains(HTTPS_PORT) {
        Purpose::Https
    } else {
        Purpose::Nothing
    }
}

fn published_not_listened(
    service: &Service,
    port: &Port,
    gateway_reached: bool,
    listening: &Listening<'_>,
) -> Option<Diagnostic> {
    if listening
        .addresses
        .iter()
        .any(|address| reaches(port, address))
    {
        return None;
    }
    let target = port.target;
    let severity = match purpose(port, listening) {
        Purpose::Gateway | Purpose::Services | Purpose::Dns => return None,
        Purpose::Https if service.image().is_some_and(|image| image.is_pro()) => return None,
        Purpose::Https => Severity::Note,
        Purpose::Nothing if is_old_service_port(target, listening.version) => return None,
        Purpose::Nothing if gateway_reached => Severity::Warning,
        Purpose::Nothing => Severity::Error,
    };
    let noun = if target.width() == 0 { "port" } else { "ports" };
    let message = format!(
        "published container {noun} {target} reach{} no listener",
        plural(noun)
    );
    let addresses = shown(listening.addresses);
    let which = match listening.addresses {
        [_] => "that port",
        _ => "one of these ports",
    };
    let help = format!(
        "the gateway listens on {addresses}: publish {which}, or add `:{}` to `GATEWAY_LISTEN`",
        target.first
    );
    let mut diagnostic = Diagnostic::new(&codes::PUBLISHED_NOT_LISTENED, message)
        .severity(severity)
        .help(help)
        .label(Label::at(port.origin.clone(), "nothing listens there"));
    if let Some(variable) = listening.listen_variable {
        diagnostic = diagnostic.label(Label::of(variable, "listen addresses come from here"));
    }
    Some(diagnostic)
}

fn plural(noun: &str) -> &'static str {
    if noun == "port" { "es" } else { "" }
}

fn is_old_service_port(target: PortRange, version: Option<TargetVersion>) -> bool {
    version.is_some_and(|version| version.major == 0)
        && PORTS_OF_0X.contains(target.first)
        && PORTS_OF_0X.contains(target.last)
}

fn listened_not_published(service: &Service, listening: &Listening<'_>) -> Vec<Diagnostic> {
    let mut seen: Vec<u16> = Vec::new();
    let mut found = Vec::new();
    for address in listening.addresses {
        let published = service.ports.iter().any(|port| reaches(port, address));
        if published || seen.contains(&address.port) {
            continue;
        }
        seen.push(address.port);
        let message = format!("listen port {} is not published", address.port);
        let place = service
            .ports_key
            .clone()
            .unwrap_or(service.name.origin.clone());
        let mut diagnostic = Diagnostic::new(&codes::LISTENED_NOT_PUBLISHED, message)
            .help(format!(
                "add `\"{0}:{0}\"` to `ports:` to reach it from the host",
                address.port
            ))
            .label(Label::at(place, "not published here"));
        if let Some(variable) = listening.listen_variable {
            let part = entry_of(variable, &address.host, Some(address.port));
            diagnostic = diagnostic.label(labelled(variable, part, "listens there"));
        }
        found.push(diagnostic);
    }
    found
}

fn url_port_not_published(service: &Service, listening: &Listening<'_>) -> Option<Diagnostic> {
    let url_port = listening.url_port?;
    let listens = |port: u16| {
        listening
            .addresses
            .iter()
            .any(|address| address.port == port)
    };
    let from_host = service.ports.iter().any(|port| {
        port.protocol == Protocol::Tcp && port.target_of(url_port).is_some_and(listens)
    });
    let in_containers = listens(url_port);
    let (severity, message) = match (from_host, in_containers) {
        (true, true) => return None,
        (false, true) => (
            Severity::Warning,
            format!("returned URLs carry port {url_port}, which the host cannot reach"),
        ),
        (true, false) => (
            Severity::Note,
            format!("returned URLs carry port {url_port}, which works from the host alone"),
        ),
        (false, false) => (
            Severity::Warning,
            format!("returned URLs carry port {url_port}, where nothing can be reached"),
        ),
    };
    let gateway = service.ports.iter().find(|port| {
        listening
            .addresses
            .iter()
            .any(|address| reaches(port, address))
    })?;
    let help = match gateway.published {
        Some(published) if !from_host => format!(
            "publish the gateway as {url_port}, or set the port of `LOCALSTACK_HOST` to {published}"
        ),
        None => format!(
            "publish the gateway on a fixed port: `\"{url_port}:{}\"`",
            gateway.target
        ),
        Some(_) => {
            format!("let the gateway listen on {url_port} too, if containers use these URLs")
        }
    };
    let mut diagnostic = Diagnostic::new(&codes::URL_PORT_NOT_PUBLISHED, message)
        .severity(severity)
        .help(help);
    if let Some(variable) = listening.url_variable {
        diagnostic = diagnostic.label(Label::of(variable, "port of the URLs comes from here"));
    }
    Some(diagnostic.label(Label::at(
        gateway.origin.clone(),
        "the gateway is published here",
    )))
}

fn loopback(address: &HostPort, listening: &Listening<'_>) -> Option<Diagnostic> {
    let diagnostic = listening::loopback(address, listening.addresses, listening.version)?;
    let Some(variable) = listening.listen_variable else {
        return Some(diagnostic);
    };
    let part = entry_of(variable, &address.host, None);
    let label = labelled(variable, part, listening::LOOPBACK);
    Some(diagnostic.about(variable.name.to_string()).label(label))
}

/// Returns the bytes of the entry of a list that names the host (and the port, where one is given
/// and the entry has one).
fn entry_of(
    variable: &Arc<Occurrence>,
    host: &Host,
    port: Option<u16>,
) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    for entry in variable.raw.split(',') {
        let start = at + (entry.len() - entry.trim_start().len());
        let span = start..start + entry.trim().len();
        at += entry.len() + 1;
        let Ok(spec) = entry.trim().parse::<HostPortSpec>() else {
            continue;
        };
        let same_port = port.is_none() || spec.port.is_none() || spec.port == port;
        if spec.host.as_ref() == Some(host) && same_port {
            return Some(span);
        }
    }
    None
}

fn labelled(
    variable: &Arc<Occurrence>,
    part: Option<std::ops::Range<usize>>,
    message: &'static str,
) -> Label {
    match part {
        Some(part) => Label::of_part(variable, part, message),
        None => Label::of(variable, message),
    }
}

fn shown(addresses: &[HostPort]) -> String {
    let shown: Vec<String> = addresses
        .iter()
        .map(|address| format!("`{address}`"))
        .collect();
    if shown.is_empty() {
        "no address".to_owned()
    } else {
        shown.join(", ")
    }
}

#[cfg(test)]
mod tests;
