//! Diagnostics about what is bound: addresses that no client reaches.

use crate::addr::{Host, HostPort};
use crate::diagnostic::{Diagnostic, Label, Severity, codes};
use crate::release::{NEWEST_KNOWN, Semantics, TargetVersion};
use crate::settings::{Derivation, Resolution};

/// From here on the default web server binds every IPv4 entry and name to all interfaces.
const BINDS_ALL_SINCE: TargetVersion = TargetVersion::exact(3, 5, 0);

/// What a label says of a loopback address inside a container.
pub(crate) const LOOPBACK: &str = "means this container alone";

/// Adds what is to be said about the bound addresses.
pub(super) fn remarks(resolution: &Resolution, remarks: &mut Vec<Diagnostic>) {
    let Some(listen) = deciding(resolution) else {
        return;
    };
    let Some(occurrence) = listen.used.first() else {
        return;
    };
    if resolution.bind.iter().any(|address| address.port.is_zero()) {
        remarks.push(
            Diagnostic::new(
                &codes::LISTEN_PORT_ZERO,
                "port 0 is listened on, which means a random port",
            )
            .about(occurrence.name.to_string())
            .help("set the port that clients use, for example 4566")
            .label(Label::of(occurrence, "")),
        );
    }
    if !resolution.in_container || !resolution.bind.iter().any(|a| is_loopback(&a.host)) {
        return;
    }
    let version = match resolution.semantics {
        Semantics::Normalized => None,
        Semantics::LocalStack(version) => Some(version),
    };
    let set = resolution.listen_set();
    for address in &set {
        if let Some(diagnostic) = loopback(address, set.as_slice(), version) {
            remarks.push(
                diagnostic
                    .about(occurrence.name.to_string())
                    .label(Label::of(occurrence, LOOPBACK)),
            );
        }
    }
}

/// Returns what decides the bound addresses, where something does.
fn deciding(resolution: &Resolution) -> Option<&Derivation> {
    let legacy = resolution.legacy.as_ref();
    let listen = resolution.gateway_listen.as_ref().map(|s| &s.derivation);
    let candidates = [
        listen,
        legacy.map(|l| &l.edge_bind_host.derivation),
        legacy.map(|l| &l.edge_port.derivation),
    ];
    let mut decided = candidates.into_iter().flatten();
    decided.find(|derivation| !derivation.used.is_empty())
}

/// Reports a listen address that is loopback inside a container, unless another one of its port is
/// not. The caller adds the label.
pub(crate) fn loopback(
    address: &HostPort,
    all: &[HostPort],
    version: Option<TargetVersion>,
) -> Option<Diagnostic> {
    let elsewhere = |other: &HostPort| other.port == address.port && !is_loopback(&other.host);
    if !is_loopback(&address.host) || all.iter().any(elsewhere) {
        return None;
    }
    let binds_all = version.is_some_and(|version| {
        (BINDS_ALL_SINCE..=NEWEST_KNOWN).contains(&version) && !address.host.is_ipv6()
    });
    let message = match version {
        Some(version) if binds_all => format!(
            "`{address}` is loopback inside the container; LocalStack {version} binds all \
             interfaces instead"
        ),
        _ => format!("`{address}` is loopback inside the container"),
    };
    let others = all.iter().any(|other| !is_loopback(&other.host));
    let severity = if binds_all || others {
        Severity::Warning
    } else {
        Severity::Error
    };
    Some(
        Diagnostic::new(&codes::LISTEN_LOOPBACK_IN_CONTAINER, message)
            .severity(severity)
            .help(format!(
                "listen on `0.0.0.0:{0}`, and publish `\"127.0.0.1:{0}:{0}\"`",
                address.port
            )),
    )
}

fn is_loopback(host: &Host) -> bool {
    match host.ip() {
        Some(ip) => ip.to_canonical().is_loopback(),
        None => {
            let name = host.as_str().trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}
