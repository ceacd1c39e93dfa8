//! What the user means: every legacy variable mapped onto `GATEWAY_LISTEN` and `LOCALSTACK_HOST`.
//!
//! The mapping is the promise of LocalStack's networking announcement of 2023, with a decision
//! where releases disagree (`docs/reference/divergences.md` lists them with reasons): the HTTP port
//! comes first, `localhost` as a legacy host is unset, a legacy port of 0 is unset.

mod addresses;

use std::borrow::Cow;
use std::sync::Arc;

use addresses::{UNQUOTE, host_problem, is_quoted};

use super::index::{Found, Index};
use super::rows::{
    EDGE_BIND_HOST, EDGE_FORWARD_URL, EDGE_PORT, EDGE_PORT_HTTP, GATEWAY_LISTEN, HOSTNAME_EXTERNAL,
    LOCALSTACK_HOST, LOCALSTACK_HOSTNAME, SQS_PORT_EXTERNAL,
};
use super::values::Values;
use super::{CLOUD, DEFAULT_PORT, Place, default_bind_host, values};
use crate::addr::{Authority, Host, HostPort, HostPortSpec};
use crate::diagnostic::{Diagnostic, Label, Rule, Severity, codes};
use crate::layer::Occurrence;
use crate::listen::ListenSet;
use crate::python::{self, Int};
use crate::release::{NEWEST_KNOWN, Semantics};
use crate::settings::{Basis, Derivation, Resolution, Setting};
use crate::variable::Row;

/// The number of entries of `GATEWAY_LISTEN` that are read. Nobody binds more sockets, and every entry
/// may give a diagnostic.
const MAX_ENTRIES: usize = 1024;

const LEGACY_LISTEN: [Row; 3] = [EDGE_BIND_HOST, EDGE_PORT_HTTP, EDGE_PORT];
const LEGACY_HOSTS: [Row; 2] = [HOSTNAME_EXTERNAL, LOCALSTACK_HOSTNAME];

/// Resolves what is meant.
pub(super) fn resolve(index: &Index, in_container: bool) -> Resolution {
    let mut mapper = Mapper {
        index,
        in_container,
        diagnostics: Vec::new(),
    };
    let listen = mapper.listen();
    let first_port = listen.value.first_port().unwrap_or(DEFAULT_PORT);
    let localstack_host = mapper.localstack_host(first_port, &listen.derivation);
    mapper.unmapped(&localstack_host.value);
    let mut diagnostics = mapper.diagnostics;
    let bind: Vec<Authority> = listen.value.iter().cloned().map(Authority::from).collect();
    let values = values(index, in_container, &mut diagnostics);
    Resolution {
        semantics: Semantics::Normalized,
        in_container,
        failure: None,
        gateway_listen: Some(Setting {
            value: bind.clone(),
            derivation: listen.derivation,
        }),
        localstack_host: Some(Setting {
            value: localstack_host.value.into(),
            derivation: localstack_host.derivation,
        }),
        bind,
        legacy: None,
        values,
        diagnostics,
        secrets: Vec::new(),
    }
}

struct Mapper<'a> {
    index: &'a Index<'a>,
    in_container: bool,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Mapper<'a> {
    fn default_host(&self) -> Host {
        default_bind_host(self.in_container)
    }

    fn report(&mut self, rule: &'static Rule, message: String, found: Found) -> &mut Diagnostic {
        let label = Label::of(found.occurrence, "");
        let diagnostic = Diagnostic::new(rule, message).about(found.name());
        self.diagnostics.push(diagnostic.label(label));
        self.diagnostics.last_mut().expect("one was pushed")
    }

    /// Steps 2 to 5 of the mapping.
    fn listen(&mut self) -> Setting<ListenSet> {
        let index = self.index;
        if let Some(found) = index.get(GATEWAY_LISTEN) {
            let (addresses, basis) = self.gateway_listen(found);
            for row in LEGACY_LISTEN {
                self.shadowed_by(found, row);
            }
            let mut derivation = index.derive(basis, &[GATEWAY_LISTEN]);
            derivation.shadowed.extend(counting(index, &LEGACY_LISTEN));
            return Setting {
                value: self.absorb(addresses, found),
                derivation,
            };
        }
        let host = self.legacy_bind_host();
        let http = self.legacy_port(EDGE_PORT_HTTP);
        let port = self.legacy_port(EDGE_PORT);
        let used: Vec<Row> = [
            (host.is_some(), EDGE_BIND_HOST),
            (http.is_some(), EDGE_PORT_HTTP),
            (port.is_some(), EDGE_PORT),
        ]
        .into_iter()
        .filter_map(|(set, row)| set.then_some(row))
        .collect();
        let derivation = if used.is_empty() {
            Derivation::default_value()
        } else {
            index.derive(Basis::Mapped, &used)
        };
        let host = host.unwrap_or_else(|| self.default_host());
        let port = port.unwrap_or(DEFAULT_PORT);
        let addresses = http.into_iter().chain([port]);
        let value = addresses
            .map(|port| HostPort {
                host: host.clone(),
                port,
            })
            .collect();
        Setting { value, derivation }
    }

    /// Reads the entries that can be read; without any, the default.
    fn gateway_listen(&mut self, found: Found) -> (Vec<HostPort>, Basis) {
        let default = HostPort {
            host: self.default_host(),
            port: DEFAULT_PORT,
        };
        if python::strip(found.raw()).is_empty() {
            let message = format!("`GATEWAY_LISTEN` is empty, which means `{default}`");
            self.report(&codes::EMPTY_VALUE, message, found).help = Some(Cow::Borrowed(
                "an empty `GATEWAY_LISTEN` still disables the legacy variables; remove it or set it",
            ));
            return (vec![default], Basis::Set);
        }
        let commas = found.raw().bytes().filter(|&byte| byte == b',').count();
        let mut entries = found.raw().split(',');
        let mut addresses = Vec::with_capacity(commas.min(MAX_ENTRIES - 1) + 1);
        let mut at = 0;
        for entry in entries.by_ref().take(MAX_ENTRIES) {
            match entry.parse::<HostPortSpec>() {
                Ok(spec) => {
                    if self.is_host(&spec, at..at + entry.len(), found) {
                        self.remark_number_as_host(&spec, at, entry, found);
                        self.remark_bare_ipv6(&spec, at, entry, found);
                        addresses.push(spec.or(&default));
                    }
                }
                Err(error) => {
                    let span = error.span.start + at..error.span.end + at;
                    self.invalid_address(found, error.kind, span);
                }
            }
            at += entry.len() + 1;
        }
        if entries.next().is_some() {
            let message = format!("`GATEWAY_LISTEN` lists more than {MAX_ENTRIES} addresses");
            self.report(&codes::INVALID_VALUE, message, found).help =
                Some(Cow::Borrowed("the entries after these are not read"));
        }
        if addresses.is_empty() {
            return (vec![default], Basis::Invalid);
        }
        (addresses, Basis::Set)
    }

    /// Merges addresses and reports what a wildcard or a twin covers.
    fn absorb(&mut self, addresses: Vec<HostPort>, found: Found) -> ListenSet {
        ListenSet::merge(addresses, |absorbed, by| {
            let message = match by {
                Some(by) => format!("`{absorbed}` is covered by `{by}`"),
                None => format!("`{absorbed}` is listed twice"),
            };
            self.report(&codes::ABSORBED_LISTEN_ADDRESS, message, found)
                .labels[0]
                .message = Cow::Borrowed("one socket serves both");
        })
    }

    /// Reports a present legacy variable that a modern one overrules.
    fn shadowed_by(&mut self, winning: Found, loser: Row) {
        let Some(losing) = self.index.get(loser) else {
            return;
        };
        let (winner, loser) = (winning.name(), losing.name());
        let empty = python::strip(winning.raw()).is_empty();
        if matches!(losing.row, EDGE_PORT | EDGE_PORT_HTTP)
            && let Err(problem) = legacy_port(losing.raw())
        {
            let message = format!("invalid value for `{loser}`, never read beside `{winner}`");
            let diagnostic = self.report(&codes::INVALID_VALUE, message, losing);
            diagnostic.severity = Severity::Warning;
            diagnostic.labels[0].message = Cow::Borrowed(problem);
        }
        let (by, help) = if empty {
            let help = text![
                "remove the empty `",
                winner,
                "`, or put the value of `",
                loser,
                "` into it"
            ];
            ("` is overruled by an empty `", Cow::Owned(help))
        } else {
            ("` is overruled by `", Cow::Borrowed("remove it"))
        };
        let message = text!["`", loser, by, winner, "`"];
        let diagnostic = self.report(&codes::SHADOWED_VARIABLE, message, losing);
        diagnostic.labels[0].message = Cow::Borrowed("not used");
        let winning = Label::of(winning.occurrence, "used instead");
        diagnostic.labels.push(winning);
        diagnostic.help = Some(help);
    }

    fn legacy_bind_host(&mut self) -> Option<Host> {
        let found = self.index.get(EDGE_BIND_HOST)?;
        let text = python::strip(found.raw());
        if text.is_empty() {
            self.empty(found);
            return None;
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        let host = Host::new(bare);
        let (forbidden, host) = if host.is_ipv6() {
            (&[',', ']'][..], host)
        } else {
            (&[',', ':', '/', '[', ']'][..], Host::new(text))
        };
        if !host.as_str().contains(forbidden) && host_problem(&host).is_none() {
            return Some(host);
        }
        let message = format!("invalid value for `{}`", found.written());
        let diagnostic = self.report(&codes::INVALID_VALUE, message, found);
        diagnostic.labels[0].message = Cow::Borrowed("not a host");
        diagnostic.help = Some(Cow::Borrowed(if is_quoted(found.raw()) {
            UNQUOTE
        } else {
            "expected a name or an IP address; ports belong into `EDGE_PORT`"
        }));
        None
    }

    fn empty(&mut self, found: Found) {
        let name = found.written();
        let empty = python::strip(found.raw()).is_empty();
        let shown = if empty { "empty" } else { "0" };
        let fate = match (found.row, empty) {
            (EDGE_PORT | EDGE_PORT_HTTP, true) => ", and LocalStack 2.x does not start with it",
            (EDGE_PORT, false) => ", and LocalStack 2.x binds a random port for it",
            _ => "",
        };
        let message = format!("`{name}` is {shown}, which counts as unset{fate}");
        self.report(&codes::EMPTY_VALUE, message, found).help = Some(Cow::Borrowed("remove it"));
    }

    /// Reads a legacy port. Empty and 0 are unset, anything unreadable is an error.
    fn legacy_port(&mut self, row: Row) -> Option<u16> {
        let found = self.index.get(row)?;
        match legacy_port(found.raw()) {
            Ok(Some(port)) => Some(port),
            Ok(None) => {
                self.empty(found);
                None
            }
            Err(problem) => {
                let message = format!("invalid value for `{}`", found.written());
                let diagnostic = self.report(&codes::INVALID_VALUE, message, found);
                diagnostic.labels[0].message = Cow::Borrowed(problem);
                diagnostic.help = Some(Cow::Borrowed(if is_quoted(found.raw()) {
                    UNQUOTE
                } else {
                    "a port is a number from 1 to 65535"
                }));
                None
            }
        }
    }

    /// Steps 6 to 8 of the mapping.
    fn localstack_host(&mut self, first_port: u16, listen: &Derivation) -> Setting<HostPort> {
        let index = self.index;
        let default = HostPort::new(Host::name(CLOUD), first_port);
        if let Some(found) = index.get(LOCALSTACK_HOST) {
            for row in LEGACY_HOSTS {
                self.shadowed_by(found, row);
            }
            let mut derivation = index.derive(Basis::Set, &[LOCALSTACK_HOST]);
            derivation.shadowed.extend(counting(index, &LEGACY_HOSTS));
            let spec = found.raw().parse::<HostPortSpec>().unwrap_or_else(|error| {
                self.invalid_address(found, error.kind, error.span);
                derivation.basis = Basis::Invalid;
                HostPortSpec::default()
            });
            if python::strip(found.raw()).is_empty() {
                let message = format!("`LOCALSTACK_HOST` is empty, which means `{default}`");
                self.report(&codes::EMPTY_VALUE, message, found).help = Some(Cow::Borrowed(
                    "an empty `LOCALSTACK_HOST` still disables the legacy variables; remove it or set it",
                ));
            }
            let spec = if self.is_host(&spec, 0..found.raw().len(), found) {
                self.remark_number_as_host(&spec, 0, found.raw(), found);
                self.remark_bare_ipv6(&spec, 0, found.raw(), found);
                spec
            } else {
                derivation.basis = Basis::Invalid;
                HostPortSpec { host: None, ..spec }
            };
            return Setting {
                value: spec.or(&default),
                derivation,
            };
        }
        let external = self.legacy_host(HOSTNAME_EXTERNAL);
        let internal = self.legacy_host(LOCALSTACK_HOSTNAME);
        self.remark_conflict(external.as_ref(), internal.as_ref(), &default);
        let (row, spec) = match (external, internal) {
            (Some(spec), _) => (HOSTNAME_EXTERNAL, spec),
            (None, Some(spec)) => (LOCALSTACK_HOSTNAME, spec),
            (None, None) => {
                let derivation = if listen.basis == Basis::Default {
                    Derivation::default_value()
                } else {
                    Derivation {
                        basis: Basis::Derived,
                        ..listen.clone()
                    }
                };
                return Setting {
                    value: default,
                    derivation,
                };
            }
        };
        let mut derivation = index.derive(Basis::Mapped, &[row]);
        if row == HOSTNAME_EXTERNAL {
            let losers = counting(index, &[LOCALSTACK_HOSTNAME]);
            derivation.shadowed.extend(losers);
        }
        Setting {
            value: spec.or(&default),
            derivation,
        }
    }

    /// Reads a legacy host. Empty and `localhost` are unset; a port is split off.
    fn legacy_host(&mut self, row: Row) -> Option<HostPortSpec> {
        let found = self.index.get(row)?;
        let name = found.name();
        let text = python::strip(found.raw());
        if text.is_empty() {
            self.empty(found);
            return None;
        }
        let spec = match text.parse::<HostPortSpec>() {
            Ok(spec) => spec,
            Err(error) => {
                let offset = python::leading_space(found.raw());
                let span = error.span.start + offset..error.span.end + offset;
                self.invalid_address(found, error.kind, span);
                return None;
            }
        };
        let Some(host) = &spec.host else {
            let message = format!("invalid value for `{}`", found.written());
            let diagnostic = self.report(&codes::INVALID_VALUE, message, found);
            diagnostic.labels[0].message = Cow::Borrowed("a port without a host");
            diagnostic.help = Some(format!("set `LOCALSTACK_HOST={text}`").into());
            return None;
        };
        if host.as_str().eq_ignore_ascii_case("localhost") {
            let port = spec.port.map_or("", |_| "; its port is not used either");
            let message =
                format!("`{name}` is `localhost`, its default, which counts as unset{port}");
            self.report(&codes::LOCALHOST_IS_DEFAULT, message, found)
                .help = Some(Cow::Borrowed("remove it"));
            return None;
        }
        if !self.is_host(&spec, 0..found.raw().len(), found) {
            return None;
        }
        if let Some(port) = spec.port {
            let message =
                format!("`{name}` carries port {port}, which LocalStack does not split off");
            self.report(&codes::HOST_CARRIES_PORT, message, found).help =
                Some(format!("set `LOCALSTACK_HOST={spec}`").into());
        }
        Some(spec)
    }

    fn remark_conflict(
        &mut self,
        external: Option<&HostPortSpec>,
        internal: Option<&HostPortSpec>,
        default: &HostPort,
    ) {
        let (Some(external), Some(internal)) = (external, internal) else {
            return;
        };
        let index = self.index;
        let losing = index.get(LOCALSTACK_HOSTNAME);
        let (Some(losing), Some(winning)) = (losing, index.get(HOSTNAME_EXTERNAL)) else {
            return;
        };
        let (used, lost) = (external.clone().or(default), internal.clone().or(default));
        let same_name = used.host.as_str().eq_ignore_ascii_case(lost.host.as_str());
        if (used.host == lost.host || same_name) && used.port == lost.port {
            return;
        }
        let message = format!(
            "`HOSTNAME_EXTERNAL` is `{external}` and `LOCALSTACK_HOSTNAME` is `{internal}`; `{external}` is used"
        );
        let diagnostic = self.report(&codes::CONFLICTING_HOSTS, message, losing);
        diagnostic.labels[0].message = Cow::Borrowed("not used");
        diagnostic
            .labels
            .push(Label::of(winning.occurrence, "used instead"));
        diagnostic.help = Some(
            format!("set `LOCALSTACK_HOST={external}` and remove both, or choose `{internal}`")
                .into(),
        );
    }

    /// Step 9: legacy variables without an automatic successor.
    fn unmapped(&mut self, host: &HostPort) {
        let index = self.index;
        if let Some(found) = index.get(SQS_PORT_EXTERNAL)
            && let Some(port) = self.legacy_port(SQS_PORT_EXTERNAL)
            && port != host.port
        {
            let message = format!(
                "`SQS_PORT_EXTERNAL` is {port}, but returned URLs carry port {}; it is not applied",
                host.port
            );
            let help = format!(
                "set `LOCALSTACK_HOST={}:{port}` and `SQS_ENDPOINT_STRATEGY=off` for the same queue \
                 URLs, or remove it",
                host.host
            );
            self.report(&codes::SQS_PORT_EXTERNAL, message, found).help = Some(help.into());
        }
        if let Some(found) = index.get(EDGE_FORWARD_URL)
            && !python::strip(found.raw()).is_empty()
        {
            let message = "`EDGE_FORWARD_URL` has no successor and no effect since 3.0".to_owned();
            self.report(&codes::FORWARD_URL_DROPPED, message, found)
                .help = Some(Cow::Borrowed("remove it"));
        }
    }
}

/// Reads a legacy port: `None` for empty and 0.
fn legacy_port(raw: &str) -> Result<Option<u16>, &'static str> {
    if python::strip(raw).is_empty() {
        return Ok(None);
    }
    let number = Int::parse(raw).map_err(|_| "port is not a number from 1 to 65535")?;
    match number.port() {
        Some(0) => Ok(None),
        Some(port) => Ok(Some(port)),
        None => Err("port is out of range, 1 to 65535"),
    }
}

/// Returns the occurrences of rows that would count.
fn counting(index: &Index, rows: &[Row]) -> impl Iterator<Item = Arc<Occurrence>> {
    rows.iter()
        .filter_map(|row| index.get(*row))
        .map(|found| Arc::clone(found.occurrence))
}

/// Reads the other variables as the newest release does, with the old fallbacks kept alive.
fn values(index: &Index, in_container: bool, diagnostics: &mut Vec<Diagnostic>) -> Values {
    let place = Place {
        version: NEWEST_KNOWN,
        in_container,
    };
    let values = values::read_keeping_fallbacks(index, place, |failure| {
        if let Some(found) = index.find(failure.variable) {
            let message = format!("invalid value for `{}`", found.written());
            diagnostics.push(
                Diagnostic::new(&codes::INVALID_VALUE, message)
                    .about(failure.variable)
                    .help("expected a whole number")
                    .label(Label::of(found.occurrence, "not a whole number")),
            );
        }
    });
    for (row, setting) in &values {
        if setting.derivation.basis == Basis::Fallback
            && let Some(used) = setting.derivation.used.first()
        {
            let name = row.name();
            let message = text!["`", used.written(), "` sets `", name, "`, which is unset"];
            diagnostics.push(
                Diagnostic::new(&codes::FALLBACK_USED, message)
                    .about(used.name.to_string())
                    .help(text!["rename it to `", name, "`"])
                    .suggest(name, setting.value.to_string())
                    .label(Label::of(used, "")),
            );
        }
    }
    values
}
