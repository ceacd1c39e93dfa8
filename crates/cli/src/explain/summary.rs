//! The plain-language summary: what is wrong, where to connect, from where, by which name.

use lsconfig::addr::HostPort;
use lsconfig::diagnostic::{Severity, codes};
use lsconfig::listen::ListenSet;
use lsconfig::release::Semantics;
use lsconfig::settings::{Basis, Derivation, Resolution};

use crate::input::Input;
use crate::render::{join, printable};
use crate::url::QueueUrl;

/// How many listen addresses the summary lists.
const MAX_ADDRESSES: usize = 8;
/// How many errors the summary repeats.
const MAX_ERRORS: usize = 3;

/// Returns the sentences of the summary.
pub(super) fn sentences(resolution: &Resolution, input: &Input) -> Vec<String> {
    if let Some(failure) = &resolution.failure {
        return vec![
            format!(
                "The emulator does not start: `{}` is refused ({}).",
                failure.variable,
                printable(&failure.message)
            ),
            count(resolution),
        ];
    }
    let mut sentences = errors(resolution, input);
    let mut bind: Vec<String> = resolution
        .bind
        .iter()
        .take(MAX_ADDRESSES)
        .map(|address| shown(resolution, address))
        .collect();
    if resolution.bind.len() > MAX_ADDRESSES {
        bind.push(format!("{} more", resolution.bind.len() - MAX_ADDRESSES));
    }
    let listen = resolution.gateway_listen.as_ref().map(|s| &s.derivation);
    let legacy = resolution.legacy.as_ref();
    let derivations = [
        listen,
        legacy.map(|l| &l.edge_bind_host.derivation),
        legacy.map(|l| &l.edge_port_http.derivation),
        legacy.map(|l| &l.edge_port.derivation),
    ];
    let reason = because(derivations.into_iter().flatten());
    sentences.push(format!("The gateway binds {}{reason}.", join(&bind)));
    if let Some(host) = &resolution.localstack_host
        && legacy.is_none()
    {
        let reason = because([&host.derivation].into_iter());
        sentences.push(format!(
            "Returned URLs carry {}{reason}.",
            shown(resolution, &host.value)
        ));
    }
    let set = resolution.listen_set();
    let client = client(resolution, &set, input);
    sentences.extend(from_this_machine(resolution, &set, input));
    sentences.extend(from_containers(resolution, &set, input));
    if let Some(queue) = QueueUrl::mint(resolution, &client) {
        sentences.extend(queues(&queue, input));
        if resolution.semantics == Semantics::Normalized {
            sentences.extend(of_the_image(&queue, &client, input));
        }
    }
    sentences.push(count(resolution));
    sentences
}

/// Shows something that came from the user: no controls, no secrets.
fn shown(resolution: &Resolution, value: impl ToString) -> String {
    printable(&resolution.shown(value)).into_owned()
}

/// Repeats what is wrong, since the diagnostics may have left the screen.
fn errors(resolution: &Resolution, input: &Input) -> Vec<String> {
    let errors: Vec<_> = resolution
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .collect();
    let told = errors.iter().take(MAX_ERRORS);
    let mut sentences: Vec<String> = told
        .map(|d| format!("Wrong: {}.", printable(&d.message)))
        .collect();
    if errors.len() > MAX_ERRORS {
        sentences.push(format!(
            "Wrong: {} more, see above.",
            errors.len() - MAX_ERRORS
        ));
    }
    let has = |code: &str| errors.iter().any(|d| d.code == code);
    if has(codes::IMAGE_READS_DIFFERENTLY.code) {
        sentences.extend(today(input));
        sentences.push("What the settings mean is something else:".to_owned());
    } else if has(codes::BAD_FILE.code) || has(codes::MISSING_FILE.code) {
        sentences.push("What follows leaves out what could not be read:".to_owned());
    }
    sentences
}

/// Says where clients on this machine arrive with the image that is in use.
fn today(input: &Input) -> Option<String> {
    let emulator = input.emulator.as_ref()?;
    let (version, real) = emulator.today(input)?;
    if !real.starts() {
        return None;
    }
    let published = emulator.published(&real);
    Some(if published.is_empty() {
        format!(
            "With {version}, clients on this machine reach nothing: no published port leads to it."
        )
    } else {
        let urls: Vec<String> = published
            .iter()
            .map(|a| format!("{}://{a}", real.scheme()))
            .collect();
        format!(
            "With {version}, clients on this machine reach it at {}.",
            join(&urls)
        )
    })
}

/// Says how URLs look with the image that is in use, where that is something else.
fn of_the_image(meant: &QueueUrl, client: &str, input: &Input) -> Option<String> {
    let (version, real) = input.emulator.as_ref()?.today(input)?;
    if !real.starts() {
        return None;
    }
    let queue = QueueUrl::mint(&real, client).filter(|queue| queue != meant)?;
    Some(format!(
        "With {version}, the image in use, queue URLs {}.",
        queue.looks()
    ))
}

/// Says what decided a value, in as few words as possible.
fn because<'a>(derivations: impl Iterator<Item = &'a Derivation>) -> String {
    let mut places: Vec<(String, Vec<String>)> = Vec::new();
    for used in derivations
        .filter(|d| d.basis != Basis::Invalid)
        .flat_map(|d| &d.used)
    {
        let source = printable(&used.origin.source).into_owned();
        let name = format!("`{}`", printable(used.written()));
        match places.iter_mut().find(|(known, _)| *known == source) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => places.push((source, vec![name])),
        }
    }
    let places: Vec<String> = places
        .iter()
        .map(|(source, names)| match &**source {
            "environment" => format!("{} in the environment", join(names)),
            source => format!("{} in {source}", join(names)),
        })
        .collect();
    if places.is_empty() {
        " by default".to_owned()
    } else {
        format!(", set by {}", join(&places))
    }
}

/// Counts what was said, and names the next step.
fn count(resolution: &Resolution) -> String {
    let of = |severity: Severity, word: &str| {
        let all = resolution.diagnostics.iter();
        match all.filter(|d| d.severity == severity).count() {
            0 => None,
            1 => Some(format!("1 {word}")),
            n => Some(format!("{n} {word}s")),
        }
    };
    let counts: Vec<String> = [
        of(Severity::Error, "error"),
        of(Severity::Warning, "warning"),
        of(Severity::Note, "note"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if counts.is_empty() {
        return "Nothing to complain about.".to_owned();
    }
    let mut said = resolution.diagnostics.iter();
    let replaceable = said.any(|d| {
        d.suggestion
            .as_ref()
            .is_some_and(|s| s.variable().is_some())
    });
    let next = if replaceable {
        "; `--format env` prints the variables to set instead"
    } else {
        ""
    };
    format!("{}{next}.", join(&counts))
}

/// Returns the host and port that a client on this machine connects to, as far as known.
fn client(resolution: &Resolution, set: &ListenSet, input: &Input) -> String {
    let published = input.emulator.as_ref().and_then(|emulator| {
        let published = emulator.published(resolution);
        published.into_iter().next()
    });
    let listening = set.iter().next().map(|first| {
        let host = if resolution.in_container {
            HostPort::new("localhost", first.port)
        } else {
            connectable(first)
        };
        host.to_string()
    });
    published.or(listening).unwrap_or_default()
}

/// How clients on this machine connect.
fn from_this_machine(resolution: &Resolution, set: &ListenSet, input: &Input) -> Option<String> {
    let scheme = resolution.scheme();
    if let Some(emulator) = &input.emulator {
        let published = emulator.published(resolution);
        return Some(if published.is_empty() {
            "Clients on this machine reach nothing: no listen port is published.".to_owned()
        } else {
            let urls: Vec<String> = published
                .iter()
                .map(|a| format!("{scheme}://{a}"))
                .collect();
            format!("Clients on this machine use {}.", join(&urls))
        });
    }
    let first = set.iter().next()?;
    let address = connectable(first);
    if resolution.in_container && is_loopback(set) {
        return None;
    }
    Some(if resolution.in_container {
        format!(
            "Clients on this machine use {scheme}://localhost:PORT, where PORT is published to {}.",
            first.port
        )
    } else {
        format!(
            "Clients on this machine use {scheme}://{}.",
            shown(resolution, &address)
        )
    })
}

/// How clients in other containers connect.
fn from_containers(resolution: &Resolution, set: &ListenSet, input: &Input) -> Option<String> {
    let port = set.first_port()?;
    let scheme = resolution.scheme();
    if let Some(emulator) = &input.emulator {
        let name = printable(emulator.name());
        return Some(format!(
            "Containers on the same network use {scheme}://{name}:{port}."
        ));
    }
    let loopback = is_loopback(set);
    Some(if resolution.in_container && loopback {
        "Nothing outside the container reaches it: it listens on loopback only.".to_owned()
    } else if resolution.in_container {
        format!("Containers on the same network use {scheme}://CONTAINER-NAME:{port}.")
    } else if loopback {
        "Containers cannot reach it: it listens on loopback only.".to_owned()
    } else {
        format!("Containers use {scheme}://host.docker.internal:{port}, or the host's address.")
    })
}

/// What queue URLs look like, and for whom they lead elsewhere.
fn queues(queue: &QueueUrl, input: &Input) -> Vec<String> {
    let mut sentences = vec![format!("Queue URLs {}.", queue.looks())];
    if queue.mirrors {
        return sentences;
    }
    let emulator = input.emulator.as_ref();
    if let (Some(emulator), Some(host)) = (emulator, queue.host())
        && let [first, more @ ..] = emulator.strays(host)
    {
        let clients = match more.len() {
            0 => format!("`{}`", printable(first)),
            1 => format!("`{}` and another service", printable(first)),
            n => format!("`{}` and {n} other services", printable(first)),
        };
        sentences.push(format!(
            "From {clients} that host leads elsewhere, unless `dns:` names the emulator; with \
             `SQS_ENDPOINT_STRATEGY=dynamic` (since 3.2) URLs carry the name that the client uses."
        ));
    }
    sentences
}

/// Whether nothing but loopback is listened on.
fn is_loopback(set: &ListenSet) -> bool {
    set.iter()
        .all(|a| a.host.ip().is_some_and(|ip| ip.is_loopback()))
}

/// Returns the address to connect to for a listen address: loopback for a wildcard.
fn connectable(address: &HostPort) -> HostPort {
    if address.host.is_wildcard() {
        HostPort::new("localhost", address.port)
    } else {
        address.clone()
    }
}
