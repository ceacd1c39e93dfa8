//! What is worth probing, and from where: plans that follow from the facts.

use std::net::IpAddr;
use std::sync::Mutex;

use crate::facts::{Facts, Observation, Position, Status};
use crate::judge::names::CONTROL;
use crate::launch::Launcher;
use crate::probe::{Plan, PlanUrl, WhatIf, run};
use crate::world::{self, Client, DOMAIN, Emulator, Found};

/// How many clients are probed; further ones are predicted.
const MAX_PROBED: usize = 8;
/// How many probes run at the same time.
const WORKERS: usize = 4;

/// A plan for a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where.
    pub position: Position,
    /// What.
    pub plan: Plan,
}

/// Returns the ids of the containers whose files decide about names: emulator and clients.
#[must_use]
pub fn of_interest(facts: &Facts) -> Vec<String> {
    let Found::One(emulator) = world::find(facts) else {
        return Vec::new();
    };
    let clients = world::clients(facts, &emulator);
    let mut ids: Vec<String> = clients
        .iter()
        .filter_map(|c| c.network)
        .map(|c| c.id.clone())
        .take(MAX_PROBED)
        .collect();
    ids.push(emulator.container.id.clone());
    ids.sort();
    ids.dedup();
    ids
}

/// Plans the probes. Containers that do not run cannot be joined and are left out.
#[must_use]
pub fn plan(facts: &Facts) -> Vec<Planned> {
    let Found::One(emulator) = world::find(facts) else {
        return Vec::new();
    };
    let mut plans = Vec::new();
    let target = emulator.container;
    let runs = |status| status == Status::Running;
    if runs(target.status) && target.network_mode != "host" {
        plans.push(Planned {
            position: Position::Container(target.id.clone()),
            plan: Plan {
                listeners: true,
                ..Plan::default()
            },
        });
    }
    for client in world::clients(facts, &emulator).iter().take(MAX_PROBED + 1) {
        let joinable = client.container.is_none_or(|c| runs(c.status));
        if !joinable {
            continue;
        }
        let own = of_client(&emulator, client);
        match plans.iter_mut().find(|p| p.position == client.position) {
            Some(planned) => {
                planned.plan.urls = own.urls;
                planned.plan.names = own.names;
            }
            None => plans.push(Planned {
                position: client.position.clone(),
                plan: own,
            }),
        }
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
        what_if = emulator
            .container
            .addresses()
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
        files: false,
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
                        seen.push(observation);
                    }
                }
            });
        }
    });
    let mut seen: Vec<Observation> = seen.into_inner().unwrap_or_default();
    seen.sort_by(|a, b| a.position.cmp(&b.position));
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
