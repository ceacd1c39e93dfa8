//! Diagnostics that do not belong to the reading of one value: deprecations, names without effect,
//! misspelt names, traps of a release.

use std::borrow::Cow;
use std::sync::Arc;

use super::index::{Found, Index};
use super::rows::{
    EDGE_BIND_HOST, EDGE_PORT, EXTERNAL_SERVICE_PORTS_START, GATEWAY_LISTEN, GATEWAY_SERVER,
    LOCALSTACK_HOST, PROVIDER_OVERRIDE_EVENTS, SKIP_SSL_CERT_DOWNLOAD,
};
use super::{listening, names};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::facts::Facts;
use crate::layer::SourceKind;
use crate::python;
use crate::redact::redact;
use crate::release::{Line, NEWEST_KNOWN, Semantics, TargetVersion};
use crate::settings::{Derivation, Resolution, Value};
use crate::variable::{FallbackRule, Kind, Replacement, Row, Variable};

/// From this release on the default web server binds IPv4 entries and names to all interfaces.
const TWISTED_BY_DEFAULT: TargetVersion = TargetVersion::exact(3, 5, 0);

/// Adds the remarks of a resolution. Deprecations come first, in LocalStack's own order.
pub(super) fn add(resolution: &mut Resolution, index: &Index, facts: &Facts) {
    let mut remarks = Vec::with_capacity(index.present().len() + resolution.diagnostics.len());
    let mut modern = Modern::default();
    for found in index.found() {
        presence(resolution, found, &mut modern, &mut remarks);
    }
    shadowing(index, &mut remarks);
    overruled(resolution.semantics, index, &mut remarks);
    remarks.append(&mut resolution.diagnostics);
    failure(resolution, index, &mut remarks);
    addresses(resolution, index, &mut remarks);
    listening::remarks(resolution, &mut remarks);
    values(resolution, &mut remarks);
    names::names(resolution, index, facts, &mut remarks);
    resolution.diagnostics = remarks;
}

/// A variable is present: deprecated, or without effect in this release.
fn presence(
    resolution: &Resolution,
    found: Found,
    modern: &mut Modern,
    remarks: &mut Vec<Diagnostic>,
) {
    let variable = found.row.variable();
    let (version, deprecated) = match resolution.semantics {
        Semantics::LocalStack(version) => (version, variable.is_announced_by(version)),
        Semantics::Normalized => (
            NEWEST_KNOWN,
            variable
                .lifecycle
                .deprecated
                .is_some_and(|d| d.listed.is_some() && d.delisted.is_none()),
        ),
    };
    if found.row == PROVIDER_OVERRIDE_EVENTS {
        return legacy_provider(version, found, remarks);
    }
    let name = found.written();
    let works =
        variable.is_read_by(version) && variable.lifecycle.inert.is_none_or(|i| version < i);
    if deprecated {
        let since = variable.lifecycle.deprecated.map_or(version, |d| d.since);
        let fate = match (resolution.semantics, works) {
            (_, true) => None,
            (Semantics::LocalStack(v), false) => Some((" and has no effect in ", Some(v))),
            (Semantics::Normalized, false) => Some(match gone(variable) {
                Some(gone) if gone > TargetVersion::exact(1, 0, 0) => {
                    (" and has no effect since ", Some(gone))
                }
                _ => (" and has no effect", None),
            }),
        };
        let (fate, gone) = fate.unwrap_or(("", None));
        let gone = gone.map(TargetVersion::text);
        let gone = gone.as_deref().unwrap_or_default();
        let message = text![
            "`",
            name,
            "` is deprecated since ",
            &since.text(),
            fate,
            gone
        ];
        let mut diagnostic = Diagnostic::new(&codes::DEPRECATED_VARIABLE, message)
            .about(variable.name)
            .label(Label::of_name(found.occurrence, ""));
        diagnostic = with_replacement(diagnostic, resolution, variable, modern);
        remarks.push(diagnostic);
    } else if !works {
        let message = match variable.lifecycle.introduced {
            Some(introduced) if version < introduced => {
                format!("`{name}` is not read by {version}; it appears in {introduced}")
            }
            _ if resolution.semantics == Semantics::Normalized => {
                let gone = gone(variable).unwrap_or(version);
                text!["`", name, "` has no effect since ", &gone.text()]
            }
            _ => text!["`", name, "` has no effect in ", &version.text()],
        };
        remarks.push(
            Diagnostic::new(&codes::IGNORED_VARIABLE, message)
                .about(variable.name)
                .label(Label::of_name(found.occurrence, "")),
        );
    }
}

/// The one deprecation that depends on a value: the old provider of EventBridge, announced since
/// 4.0.0 (`localstack/deprecations.py`).
fn legacy_provider(version: TargetVersion, found: Found<'_>, remarks: &mut Vec<Diagnostic>) {
    let since = TargetVersion::exact(4, 0, 0);
    let (name, raw) = (found.written(), found.raw());
    if version >= since && matches!(raw, "v1" | "legacy") {
        let message = format!("`{name}={raw}` is deprecated since {since}");
        remarks.push(
            Diagnostic::new(&codes::DEPRECATED_VARIABLE, message)
                .about("PROVIDER_OVERRIDE_EVENTS")
                .help("remove it")
                .suggest_removal()
                .label(Label::of(found.occurrence, "")),
        );
    }
}

/// Returns the first release in which a variable has no effect.
fn gone(variable: &Variable) -> Option<TargetVersion> {
    [variable.lifecycle.inert, variable.lifecycle.removed]
        .into_iter()
        .flatten()
        .min()
}

/// Adds what to do instead: the value in normalized semantics, the name otherwise.
fn with_replacement(
    mut diagnostic: Diagnostic,
    resolution: &Resolution,
    variable: &Variable,
    modern: &mut Modern,
) -> Diagnostic {
    let normalized = resolution.semantics == Semantics::Normalized;
    match variable.replacement {
        Replacement::Variable(name @ ("GATEWAY_LISTEN" | "LOCALSTACK_HOST")) if normalized => {
            let derivation = if name == "GATEWAY_LISTEN" {
                resolution.gateway_listen.as_ref().map(|s| &s.derivation)
            } else {
                resolution.localstack_host.as_ref().map(|s| &s.derivation)
            };
            if !counts(derivation, variable) {
                return diagnostic.help(text!["remove it; `", name, "` takes its place"]);
            }
            let value = if name == "GATEWAY_LISTEN" {
                modern.listen(resolution)
            } else {
                modern.host(resolution)
            };
            diagnostic
                .help(text!["use `", name, "=", &value, "`"])
                .suggest(name, value)
        }
        Replacement::Variable(name) => diagnostic.help(text!["use `", name, "`"]),
        Replacement::Advice(advice) => diagnostic.help(text!["instead: ", advice]),
        Replacement::None => {
            diagnostic.help = Some(Cow::Borrowed("remove it"));
            diagnostic.suggest_removal()
        }
    }
}

/// The values of the modern variables, once they are needed.
#[derive(Default)]
struct Modern {
    listen: Option<Arc<str>>,
    host: Option<Arc<str>>,
}

impl Modern {
    fn listen(&mut self, resolution: &Resolution) -> Arc<str> {
        let value = || resolution.listen_set().to_string().into();
        Arc::clone(self.listen.get_or_insert_with(value))
    }

    fn host(&mut self, resolution: &Resolution) -> Arc<str> {
        let value = || localstack_host_value(resolution).into();
        Arc::clone(self.host.get_or_insert_with(value))
    }
}

/// The shortest value of `LOCALSTACK_HOST`: without port where the port follows anyway.
fn localstack_host_value(resolution: &Resolution) -> String {
    let Some(address) = resolution.url_address() else {
        return String::new();
    };
    let first = resolution.bind.first().and_then(|first| first.port.port());
    if first == Some(address.port) {
        address.host.to_string()
    } else {
        address.to_string()
    }
}

/// Returns whether a variable's own value is behind a setting.
fn counts(derivation: Option<&Derivation>, variable: &Variable) -> bool {
    derivation.is_some_and(|d| d.used.iter().any(|used| *used.name == *variable.name))
}

/// The same name set to different texts in several sources.
fn shadowing(index: &Index, remarks: &mut Vec<Diagnostic>) {
    for winner in index.found() {
        for loser in index.losers(winner.row) {
            // What an image sets is there to be overruled, and nobody can remove it.
            if loser.raw == winner.occurrence.raw || loser.kind == SourceKind::Image {
                continue;
            }
            let message = if loser.written() == winner.written() {
                let source = &winner.occurrence.origin.source;
                format!("`{}` is set again in {source}", loser.written())
            } else {
                format!(
                    "`{}` is overruled by `{}`",
                    loser.written(),
                    winner.written()
                )
            };
            remarks.push(
                Diagnostic::new(&codes::SHADOWED_VARIABLE, message)
                    .about(winner.name())
                    .help("remove the one that is not used")
                    .label(Label::of(loser, "not used"))
                    .label(Label::of(winner.occurrence, "used instead")),
            );
        }
    }
}

/// A retired name beside its successor: the successor counts.
fn overruled(semantics: Semantics, index: &Index, remarks: &mut Vec<Diagnostic>) {
    for winner in index.found() {
        let variable = winner.row.variable();
        let (Some(rule), Some(older)) = (variable.fallback, winner.row.fallback()) else {
            continue;
        };
        let competes = match semantics {
            Semantics::Normalized => true,
            Semantics::LocalStack(version) => rule.counts_in(version, FallbackRule::WhenUnset),
        };
        if let Some(loser) = index.get(older)
            && older.variable().lifecycle.deprecated.is_some()
            && competes
            && !python::strip(winner.raw()).is_empty()
        {
            let (lost, won) = (loser.written(), winner.written());
            remarks.push(
                Diagnostic::new(
                    &codes::SHADOWED_VARIABLE,
                    format!("`{lost}` is overruled by `{won}`"),
                )
                .about(loser.name())
                .help("remove it")
                .label(Label::of(loser.occurrence, "not used"))
                .label(Label::of(winner.occurrence, "used instead")),
            );
        }
    }
}

fn failure(resolution: &Resolution, index: &Index, remarks: &mut Vec<Diagnostic>) {
    let Some(failure) = &resolution.failure else {
        return;
    };
    let message = format!(
        "{} does not start: {failure}",
        product(resolution.semantics)
    );
    let mut diagnostic = Diagnostic::new(&codes::DOES_NOT_START, message).about(failure.variable);
    if let Some(found) = index.find(failure.variable) {
        diagnostic = diagnostic.label(Label::of(found.occurrence, "this value is refused"));
    }
    remarks.push(diagnostic);
}

fn product(semantics: Semantics) -> String {
    match semantics {
        Semantics::Normalized => "LocalStack".to_owned(),
        Semantics::LocalStack(version) => format!("LocalStack {version}"),
    }
}

/// Traps in how a release binds addresses and forms names.
fn addresses(resolution: &Resolution, index: &Index, remarks: &mut Vec<Diagnostic>) {
    let listen = resolution.gateway_listen.as_ref();
    if let Semantics::LocalStack(version) = resolution.semantics
        && let Some(listen) = listen
    {
        let line = version.line();
        if line == Line::V2Lenient
            && index.occurs(GATEWAY_LISTEN)
            && let [_, second, others @ ..] = listen.value.as_slice()
        {
            let more = match others.len() {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            let message = format!("{version} does not bind `{second}`{more}, only the first entry");
            remarks.push(labelled(
                &codes::LISTEN_ADDRESS_NOT_BOUND,
                message,
                index,
                GATEWAY_LISTEN,
            ));
        }
        let couples = matches!(line, Line::V2Lenient | Line::V2Strict | Line::V2Dedup)
            && [GATEWAY_LISTEN, EDGE_PORT]
                .iter()
                .all(|row| !index.occurs(*row));
        if couples
            && let Some(first) = resolution.bind.last()
            && index.occurs(LOCALSTACK_HOST)
        {
            let message = format!(
                "in {version} `LOCALSTACK_HOST` changes no URL, its port {} becomes the listen port",
                first.port
            );
            remarks.push(
                labelled(
                    &codes::LOCALSTACK_HOST_MOVES_PORT,
                    message,
                    index,
                    LOCALSTACK_HOST,
                )
                .help("set `GATEWAY_LISTEN` to keep the listen port"),
            );
        }
        if matches!(line, Line::V2Strict | Line::V2Dedup)
            && !index.occurs(GATEWAY_LISTEN)
            && index.occurs(EDGE_BIND_HOST)
        {
            let message = format!("{version} does not bind the host in `EDGE_BIND_HOST`");
            remarks.push(
                labelled(&codes::BIND_HOST_IGNORED, message, index, EDGE_BIND_HOST)
                    .help("put the host into `GATEWAY_LISTEN`"),
            );
        }
        let twisted = resolution
            .value_of(GATEWAY_SERVER)
            .is_some_and(|v| v.as_str() == "twisted");
        let narrow = listen
            .value
            .iter()
            .find(|a| !a.host.is_ipv6() && a.host.as_str() != "0.0.0.0");
        if version >= TWISTED_BY_DEFAULT
            && twisted
            && index.occurs(GATEWAY_LISTEN)
            && let Some(address) = narrow
        {
            let message = format!(
                "{version} binds `0.0.0.0:{}`, all interfaces, for `{address}`",
                address.port
            );
            remarks.push(labelled(
                &codes::BIND_HOST_IGNORED,
                message,
                index,
                GATEWAY_LISTEN,
            ));
        }
    }
    if let Some(host) = &resolution.localstack_host
        && host.value.host.ip().is_some()
    {
        let message = format!(
            "`{}` is an IP address, which takes no sub-domains",
            host.value.host
        );
        remarks.push(
            labelled(&codes::IP_AS_URL_HOST, message, index, LOCALSTACK_HOST)
                .help("use a name that resolves to this address"),
        );
    }
}

fn labelled(
    rule: &'static crate::diagnostic::Rule,
    message: String,
    index: &Index,
    row: Row,
) -> Diagnostic {
    let diagnostic = Diagnostic::new(rule, message).about(row.name());
    match index.get(row) {
        Some(found) => diagnostic.label(Label::of(found.occurrence, "")),
        None => diagnostic,
    }
}

/// Traps in values that are read without complaint.
fn values(resolution: &Resolution, remarks: &mut Vec<Diagnostic>) {
    for (row, setting) in &resolution.values {
        let variable = row.variable();
        let Some(occurrence) = setting.derivation.used.first() else {
            continue;
        };
        let text = setting.value.as_str();
        let shown = || redact(variable.name, text).escape_debug().to_string();
        let about = |rule, message: String| {
            Diagnostic::new(rule, message)
                .about(variable.name)
                .label(Label::of(occurrence, ""))
        };
        if let Kind::OneOf {
            values, unknown, ..
        } = variable.kind
            && !values.contains(&text)
        {
            let known = values.join("`, `");
            remarks.push(
                about(
                    &codes::UNKNOWN_STRATEGY,
                    format!(
                        "`{}` is no strategy of `{}`; it acts like `{unknown}`",
                        shown(),
                        variable.name
                    ),
                )
                .help(format!("use one of `{known}`")),
            );
        }
        match variable.name {
            "DNS_ADDRESS" if !matches!(text, "0" | "false" | "False") && is_meant_off(text) => {
                remarks.push(
                    about(
                        &codes::DNS_NOT_DISABLED,
                        format!(
                            "`DNS_ADDRESS={}` does not switch the DNS server off",
                            shown()
                        ),
                    )
                    .help("write `DNS_ADDRESS=0`"),
                );
            }
            "DNS_SERVER" if !text.is_empty() && text.parse::<std::net::IpAddr>().is_err() => {
                remarks.push(
                    about(
                        &codes::DNS_SERVER_NOT_IP,
                        format!(
                            "`DNS_SERVER={}` is no IP address, forwarding fails",
                            shown()
                        ),
                    )
                    .help("write the address of the server"),
                );
            }
            "CUSTOM_SSL_CERT_PATH" if !resolution.is_on(SKIP_SSL_CERT_DOWNLOAD) => {
                remarks.push(
                    about(
                        &codes::CERTIFICATE_MAY_BE_REPLACED,
                        "LocalStack overwrites this certificate once it is older than a day"
                            .to_owned(),
                    )
                    .help("set `SKIP_SSL_CERT_DOWNLOAD=1`"),
                );
            }
            "MAIN_DOCKER_NETWORK" if text != python::strip(text) => {
                remarks.push(about(
                    &codes::NETWORK_NAME_HAS_SPACE,
                    format!("the name `{}` keeps its space", shown()),
                ));
            }
            "LAMBDA_DOCKER_NETWORK" if text.split(',').any(|item| item != python::strip(item)) => {
                remarks.push(about(
                    &codes::NETWORK_NAME_HAS_SPACE,
                    format!("an item of `{}` keeps its space", shown()),
                ));
            }
            "EXTERNAL_SERVICE_PORTS_END" => {
                inverted_range(resolution, &setting.value, about, remarks)
            }
            _ => {}
        }
    }
}

/// Returns whether a text is meant to switch something off.
fn is_meant_off(text: &str) -> bool {
    let word = python::strip(text).to_ascii_lowercase();
    python::is_false(text) || matches!(&*word, "no" | "none" | "off")
}

fn inverted_range(
    resolution: &Resolution,
    end: &Value,
    about: impl Fn(&'static crate::diagnostic::Rule, String) -> Diagnostic,
    remarks: &mut Vec<Diagnostic>,
) {
    if let (Some(Value::Number(start)), Value::Number(end)) =
        (resolution.value_of(EXTERNAL_SERVICE_PORTS_START), end)
        && let (Some(first), Some(last)) = (start.as_i64(), end.as_i64())
        && last < first
    {
        remarks.push(about(
            &codes::PORT_RANGE_INVERTED,
            format!("the range for service ports ends at {last}, before it starts at {first}"),
        ));
    }
}
