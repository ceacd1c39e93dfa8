//! The plain-language summary: where to connect, from where, by which name.

use lsconfig::addr::HostPort;
use lsconfig::settings::Resolution;

use crate::input::Input;
use crate::render::printable;

/// Returns the sentences of the summary.
pub(super) fn sentences(resolution: &Resolution, input: &Input) -> Vec<String> {
    if let Some(failure) = &resolution.failure {
        return vec![format!(
            "The emulator does not start: `{}` is refused ({}).",
            failure.variable,
            printable(&failure.message)
        )];
    }
    let mut sentences = Vec::new();
    let bind: Vec<String> = resolution.bind.iter().map(ToString::to_string).collect();
    sentences.push(format!("The gateway binds {}.", printable(&list(&bind))));
    sentences.extend(from_this_machine(resolution, input));
    sentences.extend(from_containers(resolution, input));
    sentences.extend(crate::url::examples(resolution));
    sentences
}

/// How clients on this machine connect.
fn from_this_machine(resolution: &Resolution, input: &Input) -> Option<String> {
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
            format!("Clients on this machine use {}.", list(&urls))
        });
    }
    let set = resolution.listen_set();
    let first = set.iter().next()?;
    let address = connectable(first);
    Some(if resolution.in_container {
        format!(
            "Clients on this machine use {scheme}://localhost:PORT, where PORT is published to {}.",
            first.port
        )
    } else {
        format!(
            "Clients on this machine use {scheme}://{}.",
            printable(&address.to_string())
        )
    })
}

/// How clients in other containers connect.
fn from_containers(resolution: &Resolution, input: &Input) -> Option<String> {
    let set = resolution.listen_set();
    let port = set.first_port()?;
    let scheme = resolution.scheme();
    if let Some(emulator) = &input.emulator {
        let name = printable(emulator.name());
        return Some(format!(
            "Containers on the same network use {scheme}://{name}:{port}."
        ));
    }
    let loopback = set
        .iter()
        .all(|a| a.host.ip().is_some_and(|ip| ip.is_loopback()));
    Some(if resolution.in_container {
        format!("Containers on the same network use {scheme}://CONTAINER-NAME:{port}.")
    } else if loopback {
        "Containers cannot reach it: it listens on loopback only.".to_owned()
    } else {
        format!("Containers use {scheme}://host.docker.internal:{port}, or the host's address.")
    })
}

/// Returns the address to connect to for a listen address: loopback for a wildcard.
fn connectable(address: &HostPort) -> HostPort {
    if address.host.is_wildcard() {
        HostPort::new("localhost", address.port)
    } else {
        address.clone()
    }
}

/// Joins items as prose.
fn list(items: &[String]) -> String {
    match items {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
