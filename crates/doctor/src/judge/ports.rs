//! Checks of published ports and of the port in a URL, for one client.

use std::net::IpAddr;

use super::network::{Kind, about, first, kind, use_url};
use super::{Case, Use, World};
use crate::facts::Connect;
use crate::finding::{Finding, Subject};
use crate::fix::{Change, Edit, Fix, attachment};
use crate::path::{Outcome, Resolved};
use crate::world::is_special;

/// Returns the uses that go through the host: from it, or from a container through a gateway.
fn through_host<'a, 'f>(
    world: &'a World<'f>,
    case: &'a Case<'f>,
) -> impl Iterator<Item = &'a Use<'f>> {
    case.uses.iter().filter(move |used| {
        let kind = kind(world, &used.url);
        let gateway =
            matches!(&used.path().resolved, Resolved::Address(ip) if world.facts.is_gateway(*ip));
        let host = case.client.on_host() && matches!(kind, Kind::Loopback | Kind::Domain);
        (host || kind == Kind::Gateway || gateway) && used.fails()
    })
}

fn refused(used: &Use<'_>) -> bool {
    matches!(
        used.path().outcome,
        Outcome::NotConnected(Connect::Refused | Connect::Timeout)
    )
}

pub(crate) fn published_elsewhere(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let found = through_host(world, case)
        .filter(|u| refused(u))
        .find_map(|used| {
            let port = target.ports.iter().find(|p| {
                p.protocol == "tcp" && p.host_port == Some(used.url.port) && p.host_ip.is_some()
            })?;
            let bound = port.host_ip?;
            let wants_v6 = matches!(used.path().address, Some(IpAddr::V6(_)));
            let other = !(case.client.on_host() && (bound.is_loopback() || wants_v6));
            other.then_some((used, port, bound))
        });
    first(found.map(|(used, port, bound)| {
        let message = format!(
            "port {} is published on {bound} only, and `{}` comes from elsewhere",
            used.url.port,
            case.client.name()
        );
        let mut finding = about(case, used, "PORT002", &[], message);
        finding.subject = Subject::of(target, &["ports"]);
        if let Some(own) = case.client.network.filter(|_| !case.client.on_host()) {
            let user = target.endpoints.keys().find(|n| !is_special(n)).map(String::as_str);
            let mut changes = attachment(own, target, user);
            if own.shared_networks(target).next().is_some() {
                changes.clear();
            }
            let mut fix = use_url(case, used, world.emulator.best_name(), world.emulator.port());
            changes.append(&mut fix.changes);
            finding = finding.fix(Fix::change(
                format!("share a network and use http://{}:{}", world.emulator.best_name(), world.emulator.port()),
                changes,
            ));
        }
        let wide = format!("{}:{}", used.url.port, port.container_port);
        finding.fix(Fix::change(
            "or publish on all addresses; the API has no authentication, so everybody who reaches this host can use it",
            vec![Change::of(
                target,
                Edit::Republish {
                    container_port: port.container_port,
                    entry: wide,
                },
            )],
        ))
    }))
}

pub(crate) fn ipv6_loopback(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    if !case.client.on_host() {
        return Vec::new();
    }
    let v4_only = |port: u16| {
        let mut bound = target
            .ports
            .iter()
            .filter(|p| p.protocol == "tcp" && p.host_port == Some(port));
        let mut any = false;
        bound.all(|p| {
            any = true;
            matches!(p.host_ip, Some(IpAddr::V4(_)))
        }) && any
    };
    let mut uses = case.uses.iter().filter(|used| {
        let v6 = used
            .url
            .ip()
            .or(used.path().address)
            .is_some_and(|ip| ip.is_ipv6() && ip.is_loopback());
        v6 && used.fails() && v4_only(used.url.port)
    });
    first(uses.next().map(|used| {
        let port = used.url.port;
        let inner = target
            .ports
            .iter()
            .find(|p| p.host_port == Some(port))
            .map_or(port, |p| p.container_port);
        let message = format!("port {port} is published for IPv4 only, and the client uses ::1");
        about(case, used, "PORT006", &[], message)
            .fix(Fix::say(format!("use http://127.0.0.1:{port}")))
            .fix(Fix::change(
                "publish on ::1 as well",
                vec![Change::of(
                    target,
                    Edit::Publish(format!("[::1]:{port}:{inner}")),
                )],
            ))
    }))
}

pub(crate) fn service_port(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let mut uses = through_host(world, case).filter(|used| {
        let published = target
            .ports
            .iter()
            .any(|p| p.host_port == Some(used.url.port));
        refused(used) && (4510..4560).contains(&used.url.port) && !published
    });
    first(uses.next().map(|used| {
        let message = format!(
            "port {} of a service instance is not published",
            used.url.port
        );
        let mut finding = about(case, used, "PORT007", &[], message);
        finding.subject = Subject::of(target, &["ports"]);
        finding.fix(Fix::change(
            "publish the range",
            vec![Change::of(
                target,
                Edit::Publish("127.0.0.1:4510-4559:4510-4559".into()),
            )],
        ))
    }))
}

pub(crate) fn not_published(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    // The host is a client that nobody asked about, where containers are clients.
    if target.network_mode == "host" || (case.client.container.is_none() && !case.client.asked) {
        return Vec::new();
    }
    let mut uses = through_host(world, case).filter(|used| {
        let bound = target
            .ports
            .iter()
            .any(|p| p.host_port == Some(used.url.port));
        refused(used) && !bound
    });
    first(uses.next().map(|used| {
        let port = world.emulator.port();
        let published = world.emulator.published_gateway().and_then(|p| p.host_port);
        let message = match published {
            Some(other) => format!(
                "the emulator is published at port {other}, not {}",
                used.url.port
            ),
            None => format!(
                "port {port} of `{}` is not published",
                world.emulator.name()
            ),
        };
        let mut finding = about(case, used, "PORT001", &[], message);
        finding.subject = Subject::of(target, &["ports"]);
        match published {
            Some(other) => finding.fix(use_url(case, used, &used.url.host, other)),
            None => {
                let loopback = case.client.on_host();
                let entry = if loopback {
                    format!("127.0.0.1:{}:{port}", used.url.port)
                } else {
                    format!("{}:{port}", used.url.port)
                };
                finding.fix(Fix::change(
                    "publish the port",
                    vec![Change::of(target, Edit::Publish(entry))],
                ))
            }
        }
    }))
}

pub(crate) fn wrong_port(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let emulator = &world.emulator;
    let mut uses = case.uses.iter().filter(|used| {
        let path = used.path();
        let to_target = match &path.resolved {
            Resolved::Containers(all) => all.len() == 1 && all[0].id == target.id,
            Resolved::Address(ip) => target.addresses().any(|own| own == *ip),
            _ => false,
        };
        to_target
            && path.outcome == Outcome::NotConnected(Connect::Refused)
            && emulator.listens(used.url.port) != Some(true)
    });
    first(uses.next().map(|used| {
        let message = format!(
            "`{}` does not listen at port {}",
            emulator.name(),
            used.url.port
        );
        let sockets: Vec<String> = emulator
            .listening
            .sockets
            .iter()
            .filter(|s| !s.udp)
            .map(|s| s.address.to_string())
            .collect();
        about(case, used, "PORT008", &[], message)
            .evidence(format!("it listens at {}", sockets.join(", ")))
            .fix(use_url(case, used, &used.url.host, emulator.port()))
    }))
}
