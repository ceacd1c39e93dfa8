//! Checks of networks and published ports, for one client.

use std::net::IpAddr;

use lsconfig::diagnostic::Severity;

use super::{Case, Use, World};
use crate::facts::{Connect, Container, WrittenIn};
use crate::finding::{Finding, Subject};
use crate::fix::{Change, Edit, Fix, attachment, pin};
use crate::path::{By, Outcome, Resolved, host_lines};
use crate::world::client_url::HOST_NAMES;
use crate::world::{ClientUrl, DOMAIN, is_special, is_within};

/// What a URL names, in relation to the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name of the domain, or of the host that the emulator was told.
    Domain,
    /// A name of the emulator's container, or one below it.
    Name,
    /// The client itself.
    Loopback,
    /// The host, from inside a container.
    Gateway,
    /// An address of the emulator.
    Address,
    /// A single label that is no name of the emulator.
    Stranger,
    /// Anything else.
    Other,
}

pub(crate) fn kind(world: &World<'_>, url: &ClientUrl) -> Kind {
    let emulator = &world.emulator;
    let host = url.host.as_str();
    let named = emulator
        .names
        .iter()
        .any(|name| host == name || (!name.contains('.') && is_within(host, name)));
    if is_within(host, DOMAIN) {
        Kind::Domain
    } else if url.is_loopback() {
        Kind::Loopback
    } else if named {
        Kind::Name
    } else if emulator.answers_for(host) {
        Kind::Domain
    } else if HOST_NAMES.contains(&host) || url.ip().is_some_and(|ip| world.facts.is_gateway(ip)) {
        Kind::Gateway
    } else if url
        .ip()
        .is_some_and(|ip| emulator.container.addresses().any(|own| own == ip))
    {
        Kind::Address
    } else if !host.contains('.') && url.ip().is_none() {
        Kind::Stranger
    } else {
        Kind::Other
    }
}

/// Starts a finding about a URL of a client.
pub(crate) fn about(
    case: &Case<'_>,
    used: &Use<'_>,
    number: &str,
    keys: &[&str],
    message: String,
) -> Finding {
    let holder = used.url.from.holders().first();
    let variable = holder.map(|holder| format!("environment.{}", holder.name));
    let all: Vec<&str> = keys.iter().copied().chain(variable.as_deref()).collect();
    let subject = match case.client.container {
        Some(container) => Subject::of(container, &all),
        None => Subject {
            name: case.client.name().to_owned(),
            place: variable
                .as_ref()
                .and_then(|key| case.client.host.places.get(key).cloned()),
        },
    };
    let mut finding = Finding::new(number, subject, message)
        .proven(used.observed.is_some())
        .evidence(format!(
            "{} {} {}",
            used.url.from,
            if used.url.from.holders().len() > 1 {
                "are at"
            } else {
                "is"
            },
            used.url.text
        ));
    if used.path().outcome.fails() {
        let verb = if used.observed.is_some() {
            "tried from inside"
        } else {
            "predicted"
        };
        finding = finding.evidence(format!("{verb}: {}", used.path().outcome.describe()));
    }
    finding
}

/// Returns the failing uses of some kinds.
pub(crate) fn failing<'a, 'f>(
    world: &'a World<'f>,
    case: &'a Case<'f>,
    kinds: &'a [Kind],
) -> impl Iterator<Item = &'a Use<'f>> {
    case.uses
        .iter()
        .filter(|used| used.fails() && kinds.contains(&kind(world, &used.url)))
}

pub(crate) fn first<T>(found: Option<T>) -> Vec<T> {
    found.into_iter().collect()
}

/// The change that lets a client use another URL, in every variable that holds the old one.
pub(crate) fn use_url(case: &Case<'_>, used: &Use<'_>, host: &str, port: u16) -> Fix {
    let url = format!("http://{host}:{port}");
    let title = format!("use {url}");
    let holders = used.url.from.holders();
    let container = case.client.container;
    let elsewhere = container.and_then(|container| {
        let mut keys = holders.iter().map(|h| format!("environment.{}", h.name));
        keys.find_map(|key| container.set_elsewhere(&key))
    });
    if let Some(file) = elsewhere {
        return Fix::say(format!("{title} in {file}"));
    }
    match container {
        // What tells only a host can't tell a scheme or, to most programs, a port.
        Some(container) if holders.iter().any(|h| h.rest.is_some()) => {
            let changes = holders.iter().filter_map(|holder| {
                let edit = Edit::Repoint {
                    name: holder.name.clone(),
                    from: used.url.text.clone(),
                    to: url.clone(),
                    rest: holder.rest.clone()?,
                };
                Some(Change::of(container, edit))
            });
            Fix::change(title, changes.collect())
        }
        _ => Fix::say(title),
    }
}

pub(crate) fn without_network(_: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let own = case.client.network.filter(|c| c.network_mode == "none");
    first(own.zip(case.uses.first()).map(|(own, used)| {
        let message = format!("`{}` has no network", case.client.name());
        about(case, used, "NET004", &["network_mode"], message)
            .proven(true)
            .fix(Fix::change(
                "remove `network_mode: none`",
                vec![Change::of(own, Edit::Remove("network_mode"))],
            ))
    }))
}

pub(crate) fn own_loopback(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if case.client.on_host() {
        return Vec::new();
    }
    first(failing(world, case, &[Kind::Loopback]).next().map(|used| {
        let client = case.client.name();
        let message = format!("`{}` is `{client}` itself, not the emulator", used.url.host);
        about(case, used, "URL004", &[], message).fix(use_url(
            case,
            used,
            world.emulator.best_name(),
            world.emulator.port(),
        ))
    }))
}

pub(crate) fn address_in_vm(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if !case.client.outside_of_vm() {
        return Vec::new();
    }
    first(failing(world, case, &[Kind::Address]).next().map(|used| {
        let message = format!(
            "`{}` is an address inside the engine's virtual machine, which {} does not reach",
            used.url.host,
            case.client.name()
        );
        let port = world.emulator.published_port();
        about(case, used, "NET013", &[], message).fix(use_url(case, used, "localhost", port))
    }))
}

pub(crate) fn names_on_host(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if !case.client.on_host() {
        return Vec::new();
    }
    let kinds = [Kind::Name, Kind::Stranger];
    let mut uses = failing(world, case, &kinds)
        .filter(|used| matches!(used.path().outcome, Outcome::Unresolved(_)));
    first(uses.next().map(|used| {
        let port = world.emulator.published_port();
        let message = format!(
            "`{}` is no name for `{}`, which uses the DNS of the host",
            used.url.host,
            case.client.name()
        );
        let mut finding = about(case, used, "NET003", &["network_mode"], message).fix(use_url(
            case,
            used,
            "localhost",
            port,
        ));
        if let Some(own) = case.client.network {
            finding = finding.fix(Fix::change(
                "leave the host's network",
                vec![Change::of(own, Edit::Remove("network_mode"))],
            ));
        }
        finding
    }))
}

/// Returns whether client and emulator are on no common network at all, by attachments.
fn apart(world: &World<'_>, own: &Container) -> bool {
    let target = world.emulator.container;
    own.id != target.id
        && !own
            .endpoints
            .keys()
            .any(|name| target.endpoints.contains_key(name) && name != "none")
}

pub(crate) fn no_shared_network(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let Some(own) = case
        .client
        .network
        .filter(|own| !case.client.on_host() && apart(world, own))
    else {
        return Vec::new();
    };
    let kinds = [Kind::Name, Kind::Domain, Kind::Address];
    first(failing(world, case, &kinds).next().map(|used| {
        let list = |c: &Container| {
            let names: Vec<String> = c.endpoints.keys().map(|n| format!("`{n}`")).collect();
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        let message = format!(
            "`{}` and `{}` share no network",
            case.client.name(),
            world.emulator.name()
        );
        let finding = about(case, used, "NET001", &["networks", "network_mode"], message)
            .evidence(format!("`{}` is on {}", case.client.name(), list(own)))
            .evidence(format!(
                "`{}` is on {}",
                world.emulator.name(),
                list(target)
            ));
        let user = target.endpoints.keys().find(|n| !is_special(n));
        if own.written_in() == WrittenIn::DevContainer {
            return finding
                .fix(Fix::say(
                    "name the Compose file in devcontainer.json, with `dockerComposeFile` and \
                     `service`, so that both are in its network",
                ))
                .fix(Fix::say(
                    "or put `\"runArgs\": [\"--network=PROJECT_default\"]` there, with the name \
                     that `docker network ls` shows",
                ));
        }
        match user {
            Some(network) => {
                let changes = attachment(own, target, Some(network));
                finding.fix(
                    Fix::change(
                        format!("attach `{}` to `{network}`", case.client.name()),
                        changes,
                    )
                    .command(format!("docker network connect {network} {}", own.name)),
                )
            }
            None => {
                let (_, changes) = pin(world.facts, &world.emulator, Some(&case.client));
                finding.fix(Fix::change("make a network and run both in it", changes))
            }
        }
    }))
}

pub(crate) fn default_bridge(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let Some(own) = case.client.network.filter(|own| {
        own.shares_default_bridge(target) && own.shared_networks(target).next().is_none()
    }) else {
        return Vec::new();
    };
    if own.id == target.id {
        return Vec::new();
    }
    first(failing(world, case, &[Kind::Name, Kind::Domain]).next().map(|used| {
        let (address, mut changes) = pin(world.facts, &world.emulator, Some(&case.client));
        changes.push(Change::of(own, Edit::Dns(address)));
        let message = format!(
            "`{}` and `{}` share the default bridge only, where names are not known",
            case.client.name(),
            world.emulator.name()
        );
        about(case, used, "NET002", &["network_mode"], message)
            .fix(Fix::change(
                "make a network, run both in it, and let the client ask the emulator's DNS",
                changes,
            ))
            .fix(Fix::say("or use the host's network (Linux only, no isolation)"))
            .fix(Fix::say("or go through the host: --add-host host.docker.internal:host-gateway and a port published beyond loopback"))
    }))
}

pub(crate) fn blocked(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let Some(own) = case.client.network.filter(|own| !apart(world, own)) else {
        return Vec::new();
    };
    let mut uses = case.uses.iter().filter(|used| {
        let path = used.path();
        let to_target = match &path.resolved {
            Resolved::Containers(all) => all.iter().any(|c| c.id == target.id),
            Resolved::Address(ip) => target.addresses().any(|own| own == *ip),
            _ => false,
        };
        to_target && path.outcome == Outcome::NotConnected(Connect::Timeout)
    });
    first(uses.next().map(|used| {
        let shared = own
            .endpoints
            .keys()
            .find(|n| target.endpoints.contains_key(*n));
        let name = shared.map_or("", String::as_str);
        let icc = world.facts.network(name).and_then(|n| n.icc);
        let message = format!("packets between containers of `{name}` are dropped");
        let finding = about(case, used, "NET005", &["networks"], message);
        if icc == Some(false) {
            finding
                .evidence("the network has com.docker.network.bridge.enable_icc=false")
                .fix(Fix::say(
                    "make the network without that option, or run both in another one",
                ))
        } else {
            finding
                .evidence("the network allows it, so something else drops them")
                .fix(Fix::say(
                    "look at the host's packet filter; restarting the engine writes its rules anew",
                ))
        }
    }))
}

pub(crate) fn two_owners(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    for used in &case.uses {
        if let Resolved::Containers(all) = &used.predicted.resolved
            && all.len() > 1
            && all.iter().any(|c| c.id == target.id)
        {
            let names: Vec<String> = all.iter().map(|c| format!("`{}`", c.name)).collect();
            let message = format!("{} answer to `{}`", names.join(" and "), used.url.host);
            let other = all.iter().find(|c| c.id != target.id);
            let other = other.map_or(String::new(), |c| c.name.clone());
            return vec![
                about(case, used, "NET008", &[], message)
                    .evidence("Docker's DNS returns both addresses in changing order")
                    .fix(Fix::say(format!(
                        "rename `{other}`, or remove its alias `{}`",
                        used.url.host
                    ))),
            ];
        }
    }
    Vec::new()
}

pub(crate) fn legacy_link(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let Some(own) = case.client.container else {
        return Vec::new();
    };
    let link = own
        .links
        .iter()
        .find(|l| l.split(':').next() == Some(target.name.as_str()));
    first(link.map(|link| {
        let (_, changes) = pin(world.facts, &world.emulator, Some(&case.client));
        let mut finding = Finding::new(
            "NET010",
            Subject::of(own, &["links"]),
            format!(
                "`{}` finds `{}` by a link",
                case.client.name(),
                world.emulator.name()
            ),
        )
        .proven(true)
        .evidence(format!("link {link}"));
        let stale = own.hosts_file.as_deref().is_some_and(|text| {
            host_lines(text).any(|(ip, names)| {
                names.contains(&target.name.as_str()) && !target.addresses().any(|own| own == ip)
            })
        });
        if stale {
            finding = finding
                .severity(Severity::Error)
                .evidence("the address in its hosts file is not the emulator's any more");
        }
        finding.fix(Fix::change("make a network and run both in it", changes))
    }))
}

pub(crate) fn name_of_nobody(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let kinds = [Kind::Stranger, Kind::Name, Kind::Other];
    let target = world.emulator.container;
    let mut uses = failing(world, case, &kinds).filter(|used| {
        let unresolved = matches!(used.path().outcome, Outcome::Unresolved(_));
        let whole = !world
            .emulator
            .names
            .iter()
            .any(|n| used.url.host.ends_with(&format!(".{n}")));
        let listed = !matches!(used.path().by, By::Server(_)) || used.observed.is_some();
        unresolved && whole && listed && kind(world, &used.url) != Kind::Other
    });
    let gone = case.uses.iter().find(|used| {
        // An address inside a network that no container has.
        used.url.ip().is_some()
            && used.path().outcome == Outcome::NotConnected(Connect::Unreachable)
            && !world
                .facts
                .is_gateway(used.url.ip().unwrap_or(IpAddr::from([0, 0, 0, 0])))
    });
    first(uses.next().or(gone).map(|used| {
        let names: Vec<String> = world
            .emulator
            .names
            .iter()
            .map(|n| format!("`{n}`"))
            .collect();
        let message = format!("`{}` is not the emulator", used.url.host);
        about(case, used, "NET011", &[], message)
            .evidence(format!(
                "`{}` is known as {}",
                target.name,
                names.join(", ")
            ))
            .fix(use_url(
                case,
                used,
                world.emulator.best_name(),
                world.emulator.port(),
            ))
    }))
}
