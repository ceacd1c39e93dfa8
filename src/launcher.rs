//! What `localstack start` makes of the environment it runs in: a model of the CLI of 4.12.
//!
//! The CLI reads some variables itself, hands others on to the container, and publishes ports.
//! [`plan`] says with what the container starts, [`diagnose`] where that differs from what the user
//! asked for. Nothing here starts anything. What the image does with the environment it is given is
//! [`entrypoint`](crate::entrypoint)'s; other launchers, such as lstk, do otherwise.

mod forwarded;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::addr::{Authority, Dialect, Host};
use crate::diagnostic::{Diagnostic, Label, Severity, codes};
use crate::facts::Facts;
use crate::layer::{Layers, Occurrence, SourceKind};
use crate::python::{self, Int};
use crate::release::TargetVersion;
use crate::resolve::{default_bind_host, resolve};
use crate::settings::{StartFailure, Value};

pub use ports::{PortMapping, PortsError};

/// The release whose CLI is modelled.
pub const VERSION: TargetVersion = TargetVersion::exact(4, 12, 0);

/// The debugger port that `DEVELOP=1` publishes unless `DEVELOP_PORT` names another one.
const DEFAULT_DEVELOP_PORT: i64 = 5678;

/// With what `localstack start` starts the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The variables that the container is given. Those with which the CLI tells the container about
    /// Docker and volumes are left out.
    pub environment: BTreeMap<Arc<str>, Arc<str>>,
    /// The published ports, in the order in which the CLI lists them.
    pub published: Vec<PortMapping>,
    /// The host that every port is published on.
    pub publish_host: Host,
    /// What is left of `DOCKER_FLAGS` for the container engine, verbatim.
    pub additional_flags: String,
    /// The container's name.
    pub container_name: Arc<str>,
    /// `GATEWAY_LISTEN` as the CLI resolved it.
    pub gateway_listen: Vec<Authority>,
    /// Names that are handed on without prefix, about which the CLI warns.
    pub unprefixed: Vec<Arc<str>>,
}

impl Plan {
    /// Returns the values of the `-p` flags in order, `127.0.0.1:4566:4566`. As in the CLI, an IPv6
    /// host has no brackets.
    pub fn publish_flags(&self) -> impl Iterator<Item = String> {
        let host = self.publish_host.as_str();
        self.published
            .iter()
            .map(move |map| format!("{host}:{map}"))
    }
}

/// Why the CLI starts nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The CLI does not load its own configuration.
    #[error("the value of `{variable}` is refused ({0})", variable = .0.variable)]
    Configuration(StartFailure),
    /// The ports cannot be published.
    #[error(transparent)]
    Ports(#[from] PortsError),
}

/// Plans the start of a container from the environment of the CLI: its process environment, and the
/// profiles it reads.
///
/// `facts` tells whether the CLI itself runs in a container, which `OVERRIDE_IN_DOCKER` overrules.
/// Options on the CLI's command line are not modelled: `--network`, `--host-dns`, `-e`, `-p` and `-v`
/// come on top.
///
/// # Errors
///
/// [`PlanError`] when the CLI ends with an exception, or when so many ports would be published that
/// no engine does it.
pub fn plan(layers: &Layers, facts: &Facts) -> Result<Plan, PlanError> {
    let host_environment = effective(layers);
    let raw = |name: &str| host_environment.get(name).map(|o| &*o.raw);
    let in_container = match raw("OVERRIDE_IN_DOCKER") {
        Some(text) if python::is_true(text) => true,
        Some(text) if python::is_false(text) => false,
        _ => facts.in_container,
    };
    let place = Facts {
        in_container,
        through_entrypoint: false,
    };
    let resolution = resolve(layers, &place, VERSION);
    if let Some(failure) = resolution.failure {
        return Err(PlanError::Configuration(failure));
    }
    let default_host = default_bind_host(in_container);
    let gateway_listen = resolution
        .gateway_listen
        .as_ref()
        .map(|setting| setting.value.clone())
        .unwrap_or_default();
    let publish_host = gateway_listen
        .first()
        .map_or_else(|| default_host.clone(), |first| first.host.clone());
    let number = |name: &str| match resolution.value(name) {
        Some(Value::Number(number)) => number.clone(),
        _ => Int::from(0u16),
    };
    let services = (
        number("EXTERNAL_SERVICE_PORTS_START"),
        number("EXTERNAL_SERVICE_PORTS_END"),
    );

    let develop_port = develop_port(raw("DEVELOP_PORT"))?;
    let mut published = ports::Ports::default();
    let additional_flags = ports::take_published(
        python::strip(raw("DOCKER_FLAGS").unwrap_or("")),
        &mut published,
    )?;
    if raw("DEVELOP").is_some_and(python::is_true) {
        published.add(&develop_port, &develop_port)?;
    }
    published.add(&services.0, &services.1)?;
    for address in &gateway_listen {
        published.add(&address.port, &address.port)?;
    }

    let mut environment: BTreeMap<Arc<str>, Arc<str>> = host_environment
        .values()
        .filter(|o| forwarded::is_forwarded(&o.name))
        .map(|o| (Arc::clone(&o.name), Arc::clone(&o.raw)))
        .collect();
    let unprefixed = unprefixed(layers, &environment);
    environment.insert(
        "GATEWAY_LISTEN".into(),
        handed_on(&gateway_listen, default_host.as_str()).into(),
    );
    environment.insert(
        "EXTERNAL_SERVICE_PORTS_START".into(),
        services.0.to_string().into(),
    );
    environment.insert(
        "EXTERNAL_SERVICE_PORTS_END".into(),
        services.1.to_string().into(),
    );
    Ok(Plan {
        environment,
        published: published.into_vec(),
        publish_host,
        additional_flags,
        container_name: resolution
            .value("MAIN_CONTAINER_NAME")
            .map_or("", Value::as_str)
            .into(),
        gateway_listen,
        unprefixed,
    })
}

/// The occurrence of each name that counts.
fn effective(layers: &Layers) -> BTreeMap<&str, &Arc<Occurrence>> {
    let mut environment = BTreeMap::new();
    for occurrence in layers.occurrences() {
        environment.entry(&*occurrence.name).or_insert(occurrence);
    }
    environment
}

fn develop_port(raw: Option<&str>) -> Result<Int, PlanError> {
    match raw.map(python::strip) {
        None | Some("") => Ok(Int::from(DEFAULT_DEVELOP_PORT)),
        Some(text) => Int::parse(text).map_err(|error| {
            PlanError::Configuration(StartFailure {
                variable: "DEVELOP_PORT",
                message: error.to_string(),
            })
        }),
    }
}

/// The value of `GATEWAY_LISTEN` for the container: without the host where it is the default one of
/// the CLI, and without brackets.
fn handed_on(listen: &[Authority], default_host: &str) -> String {
    let entries = listen.iter().map(|Authority { host, port }| {
        let host = host.as_str();
        let shown = if host == default_host { "" } else { host };
        format!("{shown}:{port}")
    });
    entries.collect::<Vec<_>>().join(",")
}

/// Names that a profile sets are never warned about, even when the environment sets them too.
fn unprefixed(layers: &Layers, forwarded: &BTreeMap<Arc<str>, Arc<str>>) -> Vec<Arc<str>> {
    let profiles = layers.iter().filter(|l| l.kind == SourceKind::Profile);
    let from_profile: BTreeSet<&str> = profiles
        .flat_map(|layer| &layer.occurrences)
        .map(|occurrence| &*occurrence.name)
        .collect();
    forwarded
        .keys()
        .filter(|name| {
            !name.starts_with("LOCALSTACK_") && &***name != "CI" && !from_profile.contains(&***name)
        })
        .map(Arc::clone)
        .collect()
}

/// Variables that the CLI obeys without prefix only; inside the container they mean the same or
/// nothing.
const READ_BY_THE_CLI: [&str; 6] = [
    "MAIN_CONTAINER_NAME",
    "EXTERNAL_SERVICE_PORTS_START",
    "EXTERNAL_SERVICE_PORTS_END",
    "DOCKER_FLAGS",
    "DEVELOP",
    "DEVELOP_PORT",
];

/// Says where a plan differs from what the environment asks for.
#[must_use]
pub fn diagnose(layers: &Layers, plan: &Plan) -> Vec<Diagnostic> {
    let environment = effective(layers);
    let mut found = Vec::new();
    if let Some(listen) = environment.get("GATEWAY_LISTEN") {
        lost_brackets(listen, &mut found);
        published_wider(listen, plan, &mut found);
    }
    if let Some(prefixed) = environment.get("LOCALSTACK_GATEWAY_LISTEN") {
        moved_inside(prefixed, plan, &mut found);
    }
    for bare in READ_BY_THE_CLI {
        let name = format!("LOCALSTACK_{bare}");
        let Some(prefixed) = environment.get(&*name) else {
            continue;
        };
        if environment.get(bare).is_none_or(|o| o.raw != prefixed.raw) {
            found.push(
                Diagnostic::new(
                    &codes::PREFIXED_NAME_OUTSIDE_IMAGE,
                    format!("`localstack start` does not read `{name}`"),
                )
                .about(bare)
                .help(format!("set `{bare}`"))
                .label(Label::of(prefixed, "")),
            );
        }
    }
    found
}

/// The entries of a list with their bytes and what they mean; unreadable ones are left out.
fn entries(
    listen: &Arc<Occurrence>,
) -> impl Iterator<Item = (std::ops::Range<usize>, Option<Host>, Option<Int>)> {
    let mut at = 0;
    listen.raw.split(',').filter_map(move |written| {
        let entry = python::strip(written);
        let start = at + written.find(entry).unwrap_or(0);
        at += written.len() + 1;
        let spec = Dialect::Bracketed.parse(entry).ok()?;
        Some((start..start + entry.len(), spec.host, spec.port))
    })
}

fn lost_brackets(listen: &Arc<Occurrence>, found: &mut Vec<Diagnostic>) {
    let labels: Vec<Label> = entries(listen)
        .filter(|(_, host, _)| host.as_ref().is_some_and(Host::is_ipv6))
        .map(|(part, ..)| Label::of_part(listen, part, "arrives without brackets"))
        .collect();
    if labels.is_empty() {
        return;
    }
    let mut diagnostic = Diagnostic::new(
        &codes::LAUNCHER_LOSES_BRACKETS,
        "`localstack start` hands an IPv6 address on without brackets, and the container exits",
    )
    .about("GATEWAY_LISTEN")
    .help("start the container yourself, or listen on `0.0.0.0`");
    diagnostic.labels = labels;
    found.push(diagnostic);
}

fn published_wider(listen: &Arc<Occurrence>, plan: &Plan, found: &mut Vec<Diagnostic>) {
    let published = &plan.publish_host;
    for (part, host, port) in entries(listen) {
        let (Some(host), Some(port)) = (host, port.or(Some(crate::resolve::DEFAULT_PORT.into())))
        else {
            continue;
        };
        let both_loopback = is_loopback(&host) && is_loopback(published);
        if host.covers(published) || both_loopback {
            continue;
        }
        found.push(
            Diagnostic::new(
                &codes::LAUNCHER_PUBLISHES_WIDER,
                format!(
                    "`localstack start` publishes port {port} on `{published}`, not on `{host}`"
                ),
            )
            .about("GATEWAY_LISTEN")
            .help("put the address with the narrowest host first, or publish ports yourself")
            .label(Label::of_part(listen, part, "only the first host counts")),
        );
    }
}

fn is_loopback(host: &Host) -> bool {
    host.ip().is_some_and(|ip| ip.is_loopback()) || host.as_str() == "localhost"
}

/// The entrypoint overwrites `GATEWAY_LISTEN` in the container, the CLI publishes something else.
fn moved_inside(prefixed: &Arc<Occurrence>, plan: &Plan, found: &mut Vec<Diagnostic>) {
    let default = Int::from(crate::resolve::DEFAULT_PORT);
    let inside: Vec<Int> = entries(prefixed)
        .map(|(.., port)| port.unwrap_or_else(|| default.clone()))
        .collect();
    let published = |port: &Int| plan.gateway_listen.iter().any(|a| a.port == *port);
    let lost: Vec<String> = inside
        .iter()
        .filter(|port| !published(port))
        .map(ToString::to_string)
        .collect();
    if lost.is_empty() {
        return;
    }
    found.push(
        Diagnostic::new(
            &codes::PREFIXED_NAME_OUTSIDE_IMAGE,
            format!(
                "`localstack start` does not read `LOCALSTACK_GATEWAY_LISTEN`: the container \
                 listens on port {}, which is not published",
                lost.join(", ")
            ),
        )
        .severity(Severity::Error)
        .about("GATEWAY_LISTEN")
        .help("set `GATEWAY_LISTEN` instead")
        .suggest("GATEWAY_LISTEN", &*prefixed.raw)
        .label(Label::of(prefixed, "")),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Layer;

    fn layers(profile: &[(&str, &str)], environment: &[(&str, &str)]) -> Layers {
        [
            Layer::from_pairs(SourceKind::Profile, "default.env", profile.iter().copied()),
            Layer::from_pairs(
                SourceKind::Environment,
                "environment",
                environment.iter().copied(),
            ),
        ]
        .into_iter()
        .collect()
    }

    #[track_caller]
    fn check(environment: &[(&str, &str)], expected: &[&str]) {
        let layers = layers(&[], environment);
        let plan = plan(&layers, &Facts::default()).unwrap();
        let shown: Vec<String> = diagnose(&layers, &plan)
            .iter()
            .map(|d| {
                let parts = d.labels.iter().map(|label| {
                    let raw = label.raw().unwrap_or_default();
                    let part = label.part().unwrap_or(0..raw.len());
                    raw[part].to_owned()
                });
                format!("{} {}", d.code, parts.collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(shown, expected, "{environment:?}");
    }

    #[test]
    fn brackets_are_lost() {
        check(
            &[("GATEWAY_LISTEN", "0.0.0.0:4566, [::1]:443,[fe80::1%eth0]")],
            &[
                "launcher-loses-brackets [::1]:443 [fe80::1%eth0]",
                "launcher-publishes-wider [::1]:443",
                "launcher-publishes-wider [fe80::1%eth0]",
            ],
        );
    }

    #[test]
    fn the_first_host_publishes_every_port() {
        check(
            &[("GATEWAY_LISTEN", "0.0.0.0:4566,127.0.0.1:443")],
            &["launcher-publishes-wider 127.0.0.1:443"],
        );
        check(
            &[("GATEWAY_LISTEN", "10.0.0.1:1, 10.0.0.2:2")],
            &["launcher-publishes-wider 10.0.0.2:2"],
        );
        check(&[("GATEWAY_LISTEN", "127.0.0.1:4566,0.0.0.0:443,:80")], &[]);
        check(&[("GATEWAY_LISTEN", "127.0.0.1:4566,localhost:443")], &[]);
    }

    #[test]
    fn prefixed_names_do_not_reach_the_cli() {
        let moved = "prefixed-name-outside-image 0.0.0.0:4567";
        check(&[("LOCALSTACK_GATEWAY_LISTEN", "0.0.0.0:4567")], &[moved]);
        check(
            &[
                ("LOCALSTACK_GATEWAY_LISTEN", ":4567"),
                ("GATEWAY_LISTEN", ":4567"),
            ],
            &[],
        );
        check(&[("LOCALSTACK_GATEWAY_LISTEN", "0.0.0.0")], &[]);
        check(
            &[
                ("LOCALSTACK_MAIN_CONTAINER_NAME", "x"),
                ("LOCALSTACK_FOO", "y"),
            ],
            &["prefixed-name-outside-image x"],
        );
        check(&[("LOCALSTACK_DEVELOP", "1"), ("DEVELOP", "1")], &[]);
    }

    #[test]
    fn names_of_profiles_are_handed_on_without_warning() {
        let layers = layers(
            &[("DEBUG", "0"), ("USE_SSL", "1")],
            &[("DEBUG", "1"), ("EDGE_PORT", "9"), ("CI", "1")],
        );
        let plan = plan(&layers, &Facts::default()).unwrap();
        assert_eq!(&*plan.environment["DEBUG"], "1");
        assert_eq!(&*plan.environment["USE_SSL"], "1");
        let unprefixed: Vec<_> = plan.unprefixed.iter().map(|name| &**name).collect();
        assert_eq!(unprefixed, ["EDGE_PORT"]);
    }

    #[test]
    fn refusals_say_which_value() {
        for (name, value, message) in [
            (
                "GATEWAY_LISTEN",
                ":x",
                "the value of `GATEWAY_LISTEN` is refused (ValueError: specified port x not a number)",
            ),
            (
                "EXTERNAL_SERVICE_PORTS_START",
                "-5",
                "-5 is not a port that can be published",
            ),
            (
                "EXTERNAL_SERVICE_PORTS_END",
                "999999",
                "too many ports are published",
            ),
        ] {
            let error = plan(&layers(&[], &[(name, value)]), &Facts::default()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
