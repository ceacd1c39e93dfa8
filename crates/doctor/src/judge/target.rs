//! Checks of the emulator itself.

use lsconfig::diagnostic::{Diagnostic, Severity};
use lsconfig::variable;

use crate::facts::{Engine, Health, Status};
use crate::finding::{Finding, Subject};
use crate::fix::{Change, Edit, Fix};
use crate::judge::{World, plan};
use crate::path::Outcome;

/// Texts of engines that cannot bind a port of the host.
const TAKEN: [&str; 4] = [
    "port is already allocated",
    "address already in use",
    "Ports are not available",
    "cannot assign requested address",
];

pub(crate) fn host_port_taken(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let error = target.start_error.as_str();
    if target.is_up() || !TAKEN.iter().any(|text| error.contains(text)) {
        return Vec::new();
    }
    let mut finding = Finding::new(
        "PORT005",
        Subject::of(target, &["ports"]),
        format!(
            "`{}` cannot start: a port of the host is taken",
            world.emulator.name()
        ),
    )
    .proven(true)
    .evidence(format!("the engine says: {error}"));
    let wanted = target.ports.iter().filter_map(|p| p.host_port);
    for port in wanted {
        let owner = world.facts.containers.iter().find(|c| {
            c.id != target.id && c.is_up() && c.ports.iter().any(|p| p.host_port == Some(port))
        });
        if let Some(owner) = owner {
            finding = finding
                .evidence(format!("port {port} belongs to `{}`", owner.name))
                .fix(
                    Fix::say(format!("stop the owner, `{}`", owner.name))
                        .command(format!("docker stop {}", owner.name)),
                );
        }
    }
    let port = world.emulator.port();
    vec![finding.fix(Fix::change(
        "publish another port",
        vec![Change::of(
            target,
            Edit::Republish {
                container_port: port,
                entry: format!("127.0.0.1:{}:{port}", port.saturating_add(10_000)),
            },
        )],
    ))]
}

pub(crate) fn not_running(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let state = match target.status {
        Status::Created => "was never started",
        Status::Exited => "has ended",
        Status::Dead => "is dead",
        Status::Restarting => "ends and restarts again and again",
        Status::Running | Status::Paused | Status::Declared => return Vec::new(),
    };
    let mut finding = Finding::new(
        "CT003",
        Subject::of(target, &[]),
        format!("`{}` {state}", world.emulator.name()),
    )
    .proven(true);
    if let Some(code) = target.exit_code {
        finding = finding.evidence(format!("exit code {code}"));
    }
    if target.oom_killed {
        finding = finding.evidence("the kernel ended it for want of memory");
    }
    if !target.start_error.is_empty() {
        finding = finding.evidence(format!("the engine says: {}", target.start_error));
    }
    if let Some(failure) = &world.emulator.settings.failure {
        finding = finding.evidence(format!("its settings end it: {failure}"));
    }
    vec![
        finding
            .fix(Fix::say("start it").command(format!("docker start {}", target.name)))
            .fix(
                Fix::say("see why it ended")
                    .command(format!("docker logs --tail 50 {}", target.name)),
            ),
    ]
}

pub(crate) fn not_ready(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let name = world.emulator.name();
    let subject = Subject::of(target, &[]);
    if target.status == Status::Paused {
        return vec![
            Finding::new("CT004", subject, format!("`{name}` is paused"))
                .proven(true)
                .evidence("connections stand, and nothing is answered")
                .fix(Fix::say("let it go on").command(format!("docker unpause {}", target.name))),
        ];
    }
    let logs =
        Fix::say("see what it is doing").command(format!("docker logs --tail 50 {}", target.name));
    match target.health {
        Some(Health::Unhealthy) => vec![
            Finding::new("CT004", subject, format!("`{name}` is unhealthy"))
                .proven(true)
                .evidence("its health check fails")
                .fix(logs),
        ],
        Some(Health::Starting) => vec![
            Finding::new("CT004", subject, format!("`{name}` is still starting"))
                .proven(true)
                .severity(Severity::Warning)
                .fix(Fix::say("wait, then ask again")),
        ],
        _ => {
            let uses = world.cases.iter().flat_map(|case| &case.uses);
            let mut stalled = uses.filter(|u| {
                u.observed
                    .as_ref()
                    .is_some_and(|p| p.outcome == Outcome::Stalled)
            });
            match stalled.next() {
                Some(used) => vec![
                    Finding::new(
                        "CT004",
                        subject,
                        format!("`{name}` takes connections and answers nothing"),
                    )
                    .proven(true)
                    .evidence(format!("no answer to {}/_localstack/health", used.url.text))
                    .fix(logs),
                ],
                None => Vec::new(),
            }
        }
    }
}

/// Hands on what the settings say about themselves, under the number of a row.
fn of_settings(world: &World<'_>, number: &str, code: &str) -> Vec<Finding> {
    let target = world.emulator.container;
    if !world.emulator.is_localstack || world.emulator.version.is_none() {
        return Vec::new();
    }
    let all = world.emulator.settings.diagnostics.iter();
    all.filter(|d| d.code == code)
        .map(|d| finding_of(number, d, target))
        .collect()
}

fn finding_of(number: &str, d: &Diagnostic, target: &crate::facts::Container) -> Finding {
    let name = d.variable.as_deref().unwrap_or_default();
    let key = format!("environment.{name}");
    let subject = Subject::of(target, &[&key, "environment"]);
    let mut finding = Finding::new(number, subject, d.message.clone())
        .severity(d.severity)
        .proven(true);
    if let Some(value) = target.env.get(name) {
        finding = finding.evidence(format!("{name}={value}"));
    }
    let suggested = d
        .suggestion
        .as_ref()
        .and_then(|s| Some((s.variable()?.to_owned(), s.value()?.to_owned())));
    match (suggested, &d.help) {
        (Some((new, value)), _) => {
            let title = format!("set `{new}={value}` instead");
            let edit = Edit::Rename {
                from: name.to_owned(),
                to: new,
                value,
            };
            finding.fix(Fix::change(title, vec![Change::of(target, edit)]))
        }
        (None, Some(help)) => finding.fix(Fix::say(help.to_string())),
        (None, None) => finding,
    }
}

pub(crate) fn ignored_variable(world: &World<'_>) -> Vec<Finding> {
    let emulator = &world.emulator;
    let target = emulator.container;
    let Some(version) = emulator.version.filter(|_| emulator.is_localstack) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for name in target.env.keys() {
        let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
        let known = variable::lookup(name).or_else(|| variable::lookup(bare));
        let Some(known) = known.filter(|v| !v.is_read_by(version)) else {
            continue;
        };
        let mentioned = emulator.settings.diagnostics.iter().find(|d| {
            d.variable.as_deref() == Some(known.name)
                && matches!(d.code, "deprecated-variable" | "ignored-variable")
        });
        let Some(diagnostic) = mentioned else {
            continue;
        };
        let key = format!("environment.{name}");
        let mut finding = Finding::new(
            "CFG001",
            Subject::of(target, &[&key, "environment"]),
            diagnostic.message.clone(),
        )
        .proven(true)
        .evidence(format!("{name}={}", target.env[name]));
        // What stands in another file, such as one of `env_file:`, is removed there by hand.
        let elsewhere = target.set_elsewhere(&key);
        let successor = match known.name {
            "EDGE_PORT" | "EDGE_PORT_HTTP" | "EDGE_BIND_HOST" => {
                plan::moved(world).map(|listen| ("GATEWAY_LISTEN", listen))
            }
            "HOSTNAME_EXTERNAL" | "LOCALSTACK_HOSTNAME" => {
                plan::host(world).map(|host| ("LOCALSTACK_HOST", host.to_string()))
            }
            _ => None,
        };
        let title = match (&successor, &elsewhere) {
            (Some((new, value)), None) => format!("set `{new}={value}` instead"),
            (Some((new, value)), Some(file)) => {
                format!("set `{new}={value}` instead, and remove `{name}` from {file}")
            }
            (None, None) => format!("remove `{name}`"),
            (None, Some(file)) => format!("remove `{name}` from {file}"),
        };
        let edit = match (successor, &elsewhere) {
            (Some((new, value)), None) => Some(Edit::Rename {
                from: name.clone(),
                to: new.to_owned(),
                value,
            }),
            (Some((new, value)), Some(_)) => Some(Edit::Set(new.to_owned(), value)),
            (None, None) => Some(Edit::Unset(name.clone())),
            (None, Some(_)) => None,
        };
        let changes = edit.map(|edit| Change::of(target, edit));
        finding = finding.fix(Fix::change(title, changes.into_iter().collect()));
        findings.push(finding);
    }
    findings
}

pub(crate) fn shadowed_variable(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    if !world.emulator.is_localstack || world.emulator.version.is_none() {
        return Vec::new();
    }
    let all = world.emulator.meant.diagnostics.iter();
    all.filter(|d| d.code == "shadowed-variable")
        .map(|d| finding_of("CFG002", d, target))
        .collect()
}

pub(crate) fn bind_host_ignored(world: &World<'_>) -> Vec<Finding> {
    of_settings(world, "CFG003", "bind-host-ignored")
}

pub(crate) fn hostname_overridden(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let Some(value) = target
        .env
        .get("HOSTNAME")
        .filter(|_| world.emulator.is_localstack)
    else {
        return Vec::new();
    };
    vec![
        Finding::new(
            "CFG005",
            Subject::of(target, &["environment.HOSTNAME", "environment"]),
            format!(
                "`HOSTNAME` of `{}` is set to `{value}`",
                world.emulator.name()
            ),
        )
        .evidence("LocalStack looks for its own container by this name")
        .fix(Fix::change(
            "remove the variable",
            vec![Change::of(target, Edit::Unset("HOSTNAME".into()))],
        )),
    ]
}

/// Services that start containers.
const STARTERS: [&str; 5] = ["lambda", "ecs", "ec2", "batch", "codebuild"];

pub(crate) fn docker_socket_missing(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let has_socket = target.mounts.iter().any(|m| m.ends_with("docker.sock"))
        || target.env.contains_key("DOCKER_HOST");
    if has_socket || !world.emulator.is_localstack {
        return Vec::new();
    }
    let services = target.env.get("SERVICES").map_or("", String::as_str);
    let named = services
        .split(',')
        .map(str::trim)
        .find(|s| STARTERS.contains(s));
    let lambda = target.env.keys().find(|name| name.starts_with("LAMBDA_"));
    let evidence = match (named, lambda) {
        (Some(service), _) => format!("`SERVICES` names {service}"),
        (None, Some(name)) => format!("`{name}` is set"),
        (None, None) => return Vec::new(),
    };
    vec![
        Finding::new(
            "CFG006",
            Subject::of(target, &["volumes", "environment"]),
            format!(
                "`{}` cannot start containers for Lambda and the like",
                world.emulator.name()
            ),
        )
        .evidence(evidence)
        .evidence("nothing is mounted at /var/run/docker.sock")
        .fix(Fix::say(
            "mount the socket: volumes: [\"/var/run/docker.sock:/var/run/docker.sock\"]",
        )),
    ]
}

/// The places of the variables that decide where the gateway listens.
const LISTEN_KEYS: [&str; 5] = [
    "environment.GATEWAY_LISTEN",
    "environment.LOCALSTACK_GATEWAY_LISTEN",
    "environment.EDGE_PORT",
    "environment.EDGE_BIND_HOST",
    "environment",
];

pub(crate) fn listens_on_loopback(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let port = world.emulator.port();
    if target.network_mode == "host" || !world.emulator.listens_on_loopback_only(port) {
        return Vec::new();
    }
    let sockets: Vec<String> = world
        .emulator
        .listening
        .sockets
        .iter()
        .filter(|s| !s.udp && s.address.port() == port)
        .map(|s| s.address.to_string())
        .collect();
    vec![
        Finding::new(
            "PORT004",
            Subject::of(target, &LISTEN_KEYS),
            format!(
                "`{}` listens on its own loopback only",
                world.emulator.name()
            ),
        )
        .severity(Severity::Error)
        .proven(world.emulator.listening.seen)
        .evidence(format!("it listens at {}", sockets.join(", ")))
        .fix(Fix::change(
            "listen on all addresses of the container",
            plan::listen_at(world, port),
        )),
    ]
}

pub(crate) fn published_not_listened(world: &World<'_>) -> Vec<Finding> {
    let emulator = &world.emulator;
    let target = emulator.container;
    let gateway = |port: u16| !matches!(port, 53 | 443 | 4510..=4560);
    let tcp = || {
        target
            .ports
            .iter()
            .filter(|p| p.protocol == "tcp" && gateway(p.container_port))
    };
    let reached = tcp().any(|p| emulator.listens(p.container_port) == Some(true));
    let mut seen = Vec::new();
    let mut findings = Vec::new();
    for port in tcp().filter(|p| emulator.listens(p.container_port) == Some(false)) {
        if seen.contains(&port.container_port) {
            continue;
        }
        seen.push(port.container_port);
        let listens: Vec<String> = emulator
            .listening
            .sockets
            .iter()
            .filter(|s| !s.udp)
            .map(|s| s.address.to_string())
            .collect();
        let right = emulator
            .listening
            .sockets
            .iter()
            .filter(|s| !s.udp && !s.address.ip().is_loopback())
            .map(|s| s.address.port())
            .find(|&p| emulator.is_gateway_port(p))
            .unwrap_or_else(|| emulator.port());
        let host_port = port.host_port.unwrap_or(port.container_port);
        let publish = Fix::change(
            format!("publish port {right}"),
            vec![Change::of(
                target,
                Edit::Republish {
                    container_port: port.container_port,
                    entry: format!("127.0.0.1:{host_port}:{right}"),
                },
            )],
        );
        let moves = plan::moved(world).is_some() && plan::port(world) == port.container_port;
        let listen = Fix::change(
            format!("listen at port {}", port.container_port),
            plan::listen_at(world, port.container_port),
        );
        let fixes = if moves {
            [listen, publish]
        } else {
            [publish, listen]
        };
        let mut finding = Finding::new(
            "PORT003",
            Subject::of(target, &["ports"]),
            format!(
                "port {host_port} of the host leads to port {} of `{}`, where nothing listens",
                port.container_port,
                emulator.name()
            ),
        )
        .severity(if reached {
            Severity::Warning
        } else {
            Severity::Error
        })
        .proven(emulator.listening.seen)
        .evidence(format!("it listens at {}", listens.join(", ")))
        .evidence("connections are accepted by the engine and closed at once");
        finding.fixes.extend(fixes);
        findings.push(finding);
    }
    findings
}

pub(crate) fn on_host_network(world: &World<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    if target.network_mode != "host" {
        return Vec::new();
    }
    let suffers = world
        .cases
        .iter()
        .any(|case| !case.client.on_host() && case.uses.iter().any(super::Use::fails));
    let ignored = !target.ports.is_empty();
    if !suffers && !ignored {
        return Vec::new();
    }
    let port = world.emulator.port();
    let mut finding = Finding::new(
        "NET006",
        Subject::of(target, &["network_mode"]),
        format!("`{}` uses the host's network", world.emulator.name()),
    )
    .severity(if suffers {
        Severity::Error
    } else {
        Severity::Warning
    })
    .proven(matches!(world.facts.engine, Engine::Reached { .. }));
    if ignored {
        finding = finding.evidence("`ports:` is set and nothing is published");
    }
    if suffers {
        finding = finding.evidence("other containers do not know its name");
    }
    let mut changes = vec![Change::of(target, Edit::Remove("network_mode"))];
    if !ignored {
        changes.push(Change::of(
            target,
            Edit::Publish(format!("127.0.0.1:{port}:{port}")),
        ));
    }
    vec![finding.fix(Fix::change(
        "give it a network of its own and publish its port",
        changes,
    ))]
}

pub(crate) fn overlapping_subnets(world: &World<'_>) -> Vec<Finding> {
    let all: Vec<_> = world
        .facts
        .networks
        .iter()
        .flat_map(|n| n.subnets.iter().map(move |s| (n, s.subnet)))
        .collect();
    let mut findings = Vec::new();
    for (i, (a, range)) in all.iter().enumerate() {
        for (b, other) in &all[i + 1..] {
            let overlap = range.contains(&other.network()) || other.contains(&range.network());
            let ours = |name: &str| world.emulator.container.endpoints.contains_key(name);
            if a.id != b.id && overlap && (ours(&a.name) || ours(&b.name)) {
                let mut subject = Subject {
                    name: b.name.clone(),
                    place: b.place.clone(),
                };
                subject.place = subject.place.or_else(|| a.place.clone());
                findings.push(
                    Finding::new(
                        "NET009",
                        subject,
                        format!("networks `{}` and `{}` overlap", a.name, b.name),
                    )
                    .evidence(format!("{range} and {other}"))
                    .fix(Fix::say(format!(
                        "give one of them another subnet, for example {}",
                        crate::fix::free_subnet(world.facts, &b.name)
                    ))),
                );
            }
        }
    }
    findings
}
