//! What can be done at once about a judgement, and why nothing can where that is so.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use lsconfig::diagnostic::Severity;

use super::{Intervention, Named, Place, StandIn};
use crate::facts::{Connect, Container, Facts, Status};
use crate::finding::Finding;
use crate::judge::{Case, Judgement, Use, World};
use crate::path::{Outcome, Resolved};
use crate::world::is_special;

/// What can be done, and what not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What can be done, in the order of the findings.
    pub proposals: Vec<Proposal>,
    /// The findings for which nothing can.
    pub without: Vec<Without>,
}

/// One intervention and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What to do.
    pub intervention: Intervention,
    /// The findings that must be gone afterwards.
    pub mends: Vec<Mends>,
}

/// A finding, as it is found again in another judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mends {
    /// Its code.
    pub code: &'static str,
    /// How bad it was.
    pub severity: Severity,
    /// The client that it is about, where it is about one.
    pub client: Option<String>,
}

/// A finding for which nothing can be done at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Without {
    /// Its code.
    pub code: &'static str,
    /// What it says.
    pub message: String,
    /// Why, as a fragment.
    pub why: &'static str,
}

const SETTINGS: &str = "the settings of a running container cannot be changed";
const NETWORKS: &str =
    "a running container that leaves a network again keeps other files than it had";
const NOT_STARTED: &str = "a container that was started and stopped again is not as it was";

/// Plans what can be done about the findings. Only what a probe saw fail is worked on: a prediction is
/// no reason to act.
#[must_use]
pub fn plan(judgement: &Judgement<'_>) -> Plan {
    let mut plan = Plan::default();
    let Some(world) = &judgement.world else {
        return plan;
    };
    let important = |f: &&Finding| f.severity > Severity::Note;
    for finding in judgement.findings.iter().filter(important) {
        let found = interventions(world, finding);
        if found.is_empty() {
            plan.without.push(Without {
                code: finding.check.rule.code,
                message: finding.message.clone(),
                why: why_not(finding),
            });
        }
        for intervention in found {
            plan.add(intervention, finding);
        }
    }
    plan
}

/// Returns whether nothing is left, in a later judgement, of the findings that were to be mended.
#[must_use]
pub fn mended(proposals: &[Proposal], judgement: &Judgement<'_>) -> bool {
    let mut all = proposals.iter().flat_map(|p| &p.mends);
    all.all(|wanted| {
        !judgement.findings.iter().any(|finding| {
            finding.check.rule.code == wanted.code
                && finding.client == wanted.client
                && finding.severity >= wanted.severity
        })
    })
}

impl Plan {
    /// Adds an intervention; stand-ins at the same place become one.
    fn add(&mut self, intervention: Intervention, finding: &Finding) {
        let mends = Mends {
            code: finding.check.rule.code,
            severity: finding.severity,
            client: finding.client.clone(),
        };
        for proposal in &mut self.proposals {
            if merge(&mut proposal.intervention, &intervention) {
                if !proposal.mends.contains(&mends) {
                    proposal.mends.push(mends);
                }
                return;
            }
        }
        self.proposals.push(Proposal {
            intervention,
            mends: vec![mends],
        });
    }
}

/// Lets `one` do what `other` does as well. Returns whether it can.
fn merge(one: &mut Intervention, other: &Intervention) -> bool {
    if one == other {
        return true;
    }
    let (Intervention::StandIn(one), Intervention::StandIn(other)) = (one, other) else {
        return false;
    };
    if one.route != other.route || one.target != other.target {
        return false;
    }
    match (&mut one.place, &other.place) {
        (
            Place::Network { network, aliases },
            Place::Network {
                network: same,
                aliases: more,
            },
        ) if network == same => aliases.extend(more.iter().cloned()),
        (a, b) if a == b => {}
        _ => return false,
    }
    one.ports.extend(&other.ports);
    true
}

fn why_not(finding: &Finding) -> &'static str {
    match finding.check.number {
        "NET001" | "NET002" | "NET004" | "NET010" | "DNS011" => NETWORKS,
        "CT003" | "CT005" | "PORT005" => NOT_STARTED,
        _ => SETTINGS,
    }
}

fn interventions(world: &World<'_>, finding: &Finding) -> Vec<Intervention> {
    let resume = |container: &Container| {
        let paused = container.status == Status::Paused;
        let container = named(container);
        paused.then_some(Intervention::Resume { container })
    };
    let client = finding.client.as_deref();
    let cases = || {
        world
            .cases
            .iter()
            .filter(move |case| Some(case.client.name()) == client)
    };
    match finding.check.number {
        "CT004" => resume(world.emulator.container).into_iter().collect(),
        "CT005" => cases()
            .filter_map(|case| resume(case.client.container?))
            .collect(),
        "URL002" => minted_port(world).into_iter().collect(),
        _ => cases()
            .flat_map(|case| {
                case.uses
                    .iter()
                    .filter_map(|used| stand_in(world, case, used))
            })
            .map(Intervention::StandIn)
            .collect(),
    }
}

fn named(container: &Container) -> Named {
    Named {
        id: container.id.clone(),
        name: container.name.clone(),
    }
}

/// A stand-in at the port of the host that is in the URLs which the emulator returns.
fn minted_port(world: &World<'_>) -> Option<Intervention> {
    let port = world.emulator.minted_port?;
    let own = on_host(world, Ipv4Addr::LOCALHOST.into(), port)?;
    Some(Intervention::StandIn(own))
}

/// The stand-in that makes one URL work.
fn stand_in(world: &World<'_>, case: &Case<'_>, used: &Use<'_>) -> Option<StandIn> {
    let path = used.observed.as_ref().filter(|p| p.outcome.fails())?;
    let port = used.url.port;
    let refused = path.outcome == Outcome::NotConnected(Connect::Refused);
    let facts = world.facts;
    if refused && let Some(ip) = path.address.filter(|&ip| facts.is_gateway(ip)) {
        return on_host(world, ip, port);
    }
    if case.client.on_host() {
        let loopback = path.address.filter(IpAddr::is_loopback);
        return loopback
            .filter(|_| refused)
            .and_then(|ip| on_host(world, ip, port));
    }
    let own = case.client.network?;
    if refused && path.resolved == Resolved::Own {
        let address = path.address.filter(IpAddr::is_loopback)?;
        return inside(world, own, address, port).or_else(|| on_network(world, own, used));
    }
    let unresolved = matches!(path.outcome, Outcome::Unresolved(_));
    unresolved.then(|| on_network(world, own, used)).flatten()
}

/// Returns the port of the emulator that a stand-in can hand on to.
fn gateway(world: &World<'_>) -> Option<u16> {
    let emulator = &world.emulator;
    let port = emulator.port();
    let runs = emulator.container.status == Status::Running;
    (runs && emulator.listens(port) != Some(false)).then_some(port)
}

/// Returns whether containers of a network can talk to each other.
fn is_open(facts: &Facts, network: &str) -> bool {
    facts.network(network).and_then(|n| n.icc) != Some(false)
}

/// Returns the emulator as it is called on a network, by a name that none of `taken` is.
fn called(emulator: &Container, network: &str, taken: &BTreeSet<String>) -> Option<String> {
    if !is_special(network) {
        let short = emulator.id.get(..12)?;
        let is_free = !taken.iter().any(|t| t.eq_ignore_ascii_case(&emulator.name));
        return Some(
            if is_free {
                emulator.name.as_str()
            } else {
                short
            }
            .to_owned(),
        );
    }
    // No names are known on the default bridge.
    let ip = emulator.endpoints.get(network)?.ip?;
    Some(ip.to_string())
}

/// Returns the networks of a container that ours can join, those with names first.
fn networks<'f>(facts: &Facts, container: &'f Container) -> impl Iterator<Item = &'f str> {
    let all = || container.endpoints.keys().map(String::as_str);
    let user = all().filter(|n| !is_special(n));
    let open = |name: &&str| is_open(facts, name);
    let joinable = user.chain(all().filter(|n| *n == "bridge"));
    joinable.filter(open).collect::<Vec<_>>().into_iter()
}

fn on_host(world: &World<'_>, address: IpAddr, port: u16) -> Option<StandIn> {
    let target = world.emulator.container;
    let mut routes = networks(world.facts, target);
    // Nothing is published for a container whose network leads nowhere.
    let route = routes.find(|n| world.facts.network(n).is_some_and(|n| !n.internal))?;
    let host = called(target, route, &BTreeSet::new())?;
    Some(StandIn {
        place: Place::Host { address },
        ports: BTreeSet::from([port]),
        route: Some(route.to_owned()),
        target: format!("{host}:{}", gateway(world)?),
        emulator: world.emulator.name().to_owned(),
    })
}

fn inside(world: &World<'_>, own: &Container, address: IpAddr, port: u16) -> Option<StandIn> {
    let target = world.emulator.container;
    let shared = networks(world.facts, target).find(|n| own.endpoints.contains_key(*n))?;
    let host = called(target, shared, &BTreeSet::new())?;
    Some(StandIn {
        place: Place::Namespace {
            container: named(own),
            address,
        },
        ports: BTreeSet::from([port]),
        route: None,
        target: format!("{host}:{}", gateway(world)?),
        emulator: world.emulator.name().to_owned(),
    })
}

fn on_network(world: &World<'_>, own: &Container, used: &Use<'_>) -> Option<StandIn> {
    let host = used.url.host.as_str();
    if used.url.ip().is_some() || host == "localhost" || host.ends_with(".localhost") {
        return None;
    }
    let facts = world.facts;
    let target = world.emulator.container;
    let network = networks(facts, own).find(|n| !is_special(n))?;
    let taken = facts
        .containers
        .iter()
        .any(|c| c.is_up() && c.is_called(host, network));
    if taken {
        return None;
    }
    let shared = target.endpoints.contains_key(network);
    let route = if shared {
        network
    } else {
        networks(facts, target).next()?
    };
    let aliases = BTreeSet::from([host.to_owned()]);
    Some(StandIn {
        target: format!("{}:{}", called(target, route, &aliases)?, gateway(world)?),
        place: Place::Network {
            network: network.to_owned(),
            aliases,
        },
        ports: BTreeSet::from([used.url.port]),
        route: (!shared).then(|| route.to_owned()),
        emulator: world.emulator.name().to_owned(),
    })
}
