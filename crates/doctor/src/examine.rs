//! What is worth probing, and from where: plans that follow from the facts.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Mutex;

use crate::facts::{Facts, Observation, Position, Record, Status};
use crate::judge::names::CONTROL;
use crate::launch::Launcher;
use crate::probe::{Plan, PlanUrl, WhatIf, run};
use crate::world::{self, Client, DOMAIN, Emulator, Found};

/// How many clients are probed; further ones are predicted.
const MAX_PROBED: usize = 8;
/// How many probes run at the same time: all, since most of their time is waiting for others.
const WORKERS: usize = MAX_PROBED + 2;

/// A plan for a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where: the container whose network it is.
    pub position: Position,
    /// Containers that share its network, hosts file and DNS servers, and so see the same.
    pub also: Vec<Position>,
    /// What.
    pub plan: Plan,
}

/// Picks the clients that are looked at: those first that differ from the ones before in what decides
/// about their paths.
fn chosen<'c, 'f>(clients: &'c [Client<'f>]) -> Vec<&'c Client<'f>> {
    let mut seen = BTreeSet::new();
    let (new, known): (Vec<_>, Vec<_>) = clients.iter().partition(|client| {
        let own = client.network;
        seen.insert((
            own.map(|c| {
                (
                    c.endpoints.keys().collect::<Vec<_>>(),
                    &c.dns,
                    &c.extra_hosts,
                )
            }),
            own.map(|c| (&c.network_mode, &c.links)),
            client.urls.iter().map(|url| &url.text).collect::<Vec<_>>(),
        ))
    });
    new.into_iter().chain(known).take(MAX_PROBED + 1).collect()
}

/// Returns the ids of the containers whose files decide about names, emulator and clients, and were
/// not read by a probe.
#[must_use]
pub fn unread(facts: &Facts) -> Vec<String> {
    let Found::One(emulator) = world::find(facts) else {
        return Vec::new();
    };
    let clients = world::clients(facts, &emulator);
    let clients = chosen(&clients).into_iter().filter_map(|c| c.network);
    let all = clients.chain([emulator.container]);
    let ids = all.filter(|c| c.hosts_file.is_none()).map(|c| c.id.clone());
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Plans the probes, one for each network namespace. Containers that do not run cannot be joined and
/// are left out.
#[must_use]
pub fn plan(facts: &Facts) -> Vec<Planned> {
    let Found::One(emulator) = world::find(facts) else {
        return Vec::new();
    };
    let mut plans: Vec<Planned> = Vec::new();
    let target = emulator.container;
    let runs = |status| status == Status::Running;
    if runs(target.status) && target.network_mode != "host" {
        plans.push(Planned {
            position: Position::Container(target.id.clone()),
            also: Vec::new(),
            plan: Plan {
                listeners: true,
                files: true,
                ..Plan::default()
            },
        });
    }
    let clients = world::clients(facts, &emulator);
    for client in chosen(&clients) {
        let joinable = client.container.is_none_or(|c| runs(c.status))
            && client.network.is_none_or(|c| runs(c.status));
        if !joinable {
            continue;
        }
        let own = of_client(&emulator, client);
        let position = match client.network {
            Some(network) => Position::Container(network.id.clone()),
            None => client.position.clone(),
        };
        let at = plans.iter().position(|p| p.position == position);
        let at = at.unwrap_or_else(|| {
            plans.push(Planned {
                position,
                also: Vec::new(),
                plan: Plan::default(),
            });
            plans.len() - 1
        });
        let planned = &mut plans[at];
        if planned.position != client.position {
            planned.also.push(client.position.clone());
        }
        planned.plan.add(own);
    }
    plans
}

fn of_client(emulator: &Emulator<'_>, client: &Client<'_>) -> Plan {
    let mut names: Vec<String> = Vec::new();
    let mut what_if = Vec::new();
    let in_domain = client
        .urls
        .iter()
        .any(|url| world::is_within(&url.host, DOMAIN));
    if in_domain {
        names.push(CONTROL.to_owned());
    }
    if !client.on_host() {
        if let Some(host) = emulator
            .minted_host
            .as_deref()
            .filter(|h| h.parse::<IpAddr>().is_err())
        {
            names.push(format!("sqs.us-east-1.{host}"));
        }
        let name = client
            .urls
            .iter()
            .map(|u| u.host.as_str())
            .find(|h| world::is_within(h, DOMAIN));
        // Elsewhere nothing answers, and waiting for that takes longest of all.
        let shared = client.network.into_iter().flat_map(|c| c.endpoints.keys());
        let shared = shared.filter_map(|network| emulator.container.endpoints.get(network));
        what_if = shared
            .filter_map(|endpoint| endpoint.ip.or(endpoint.ip6))
            .take(2)
            .map(|server| WhatIf {
                server,
                name: name.unwrap_or(DOMAIN).to_owned(),
            })
            .collect();
    }
    Plan {
        urls: client
            .urls
            .iter()
            .chain(&world::forms(emulator))
            .map(|url| PlanUrl {
                url: url.text.clone(),
                host: url.host.clone(),
                port: url.port,
                tls: url.tls,
            })
            .collect(),
        names,
        what_if,
        listeners: false,
        files: client.container.is_some(),
    }
}

/// Runs plans, a few at a time, and adds what they saw. `on_this_host` says whether this process runs
/// where the engine does; otherwise the host's position stays unknown.
pub fn probe(
    facts: &mut Facts,
    plans: &[Planned],
    launcher: Option<&Launcher>,
    on_this_host: bool,
    progress: &(dyn Fn(&Position) + Sync),
) {
    let queue = Mutex::new(plans.iter());
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(plans.len()) {
            scope.spawn(|| {
                loop {
                    let Some(planned) = queue.lock().ok().and_then(|mut q| q.next()) else {
                        return;
                    };
                    progress(&planned.position);
                    let observation = match (&planned.position, launcher) {
                        (Position::Host, _) if on_this_host => Some(locally(&planned.plan)),
                        (Position::Container(id), Some(launcher)) => {
                            Some(launcher.observe(id, &planned.plan))
                        }
                        _ => None,
                    };
                    if let (Some(observation), Ok(mut seen)) = (observation, seen.lock()) {
                        seen.extend(planned.also.iter().map(|position| Observation {
                            position: position.clone(),
                            ..observation.clone()
                        }));
                        seen.push(observation);
                    }
                }
            });
        }
    });
    let mut seen: Vec<Observation> = seen.into_inner().unwrap_or_default();
    seen.sort_by(|a, b| a.position.cmp(&b.position));
    for observation in &seen {
        let Position::Container(id) = &observation.position else {
            continue;
        };
        let files = observation.records.iter().find_map(|record| match record {
            Record::Files { resolv_conf, hosts } => Some((resolv_conf, hosts)),
            _ => None,
        });
        if let Some((resolv_conf, hosts)) = files
            && let Some(container) = facts.containers.iter_mut().find(|c| c.id == *id)
        {
            container.resolv_conf.clone_from(resolv_conf);
            container.hosts_file.clone_from(hosts);
        }
    }
    facts.observations = seen;
}

fn locally(plan: &Plan) -> Observation {
    let mut records = Vec::new();
    run(plan.clone(), &mut |record| records.push(record));
    Observation {
        position: Position::Host,
        records,
        failure: None,
    }
}
