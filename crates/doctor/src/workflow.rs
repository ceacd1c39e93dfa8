//! From GitHub workflows to [`Facts`]: what each job promises, with the place of every key.
//!
//! The runner makes one network for a job. Services are in it under their keys, and so are the steps
//! where the job has a `container:`; otherwise steps run on the runner itself, which reaches services
//! by published ports only.

use std::collections::BTreeMap;

use lsconfig_formats::place::{Placed, Variable};
use lsconfig_formats::workflow::{self, Container as Declared, Job};

use crate::facts::{
    ComposeService, Container, Endpoint, Facts, HostSide, Network, Place, Position, Published,
    Question, Status, WrittenIn,
};
use crate::gather::shown_value;
use crate::world::{Found, find};

/// The network of a job.
const NETWORK: &str = "github_network";

/// Makes facts of every job that has the emulator among its services. `file` is shown as it is.
///
/// # Errors
/// When the text is no YAML; the message names the line.
pub fn facts(file: &str, text: &str, question: &Question) -> Result<Vec<Facts>, String> {
    let workflow = workflow::read(text)?;
    let jobs = workflow.jobs.iter().map(|job| of_job(file, job, question));
    Ok(jobs
        .filter(|facts| !matches!(find(facts), Found::None))
        .collect())
}

fn of_job(file: &str, job: &Job, question: &Question) -> Facts {
    let mut containers: Vec<Container> = job
        .services
        .iter()
        .map(|(key, declared)| container(file, job, key, declared))
        .collect();
    let mut host = HostSide::default();
    let mut question = question.clone();
    match &job.container {
        Some(declared) => {
            let mut own = container(file, job, &job.key, declared);
            for variable in &job.env {
                set(
                    &mut own.env,
                    file,
                    variable,
                    own.compose.as_mut().map(|c| &mut c.places),
                );
            }
            // The runner itself asks for nothing.
            let position = Position::Container(own.id.clone());
            question.source.get_or_insert(position);
            containers.push(own);
        }
        None => {
            host.name = format!("the runner of `{}`", job.key.text);
            for variable in &job.env {
                set(&mut host.env, file, variable, Some(&mut host.places));
            }
        }
    }
    containers.sort_by(|a, b| a.name.cmp(&b.name));
    Facts {
        question,
        host,
        networks: vec![Network {
            id: NETWORK.into(),
            name: NETWORK.into(),
            driver: "bridge".into(),
            ..Network::default()
        }],
        containers,
        ..Facts::default()
    }
}

fn container(file: &str, job: &Job, key: &Placed, declared: &Declared) -> Container {
    let mut places = BTreeMap::from([(String::new(), place(file, key))]);
    for (name, at) in [
        ("image", declared.image.as_ref()),
        ("ports", declared.ports.first()),
        ("volumes", declared.volumes.first()),
        ("environment", declared.env.first().map(|v| &v.value)),
    ] {
        places.extend(at.map(|at| (name.to_owned(), place(file, at))));
    }
    let mut env = BTreeMap::new();
    for variable in &declared.env {
        set(&mut env, file, variable, Some(&mut places));
    }
    Container {
        id: key.text.clone(),
        name: key.text.clone(),
        image: declared
            .image
            .as_ref()
            .map_or(String::new(), |i| i.text.clone()),
        status: Status::Declared,
        network_mode: NETWORK.into(),
        ports: declared
            .ports
            .iter()
            .filter_map(|p| published(&p.text))
            .collect(),
        mounts: declared
            .volumes
            .iter()
            .map(|v| v.text.split(':').nth(1).unwrap_or(&v.text).to_owned())
            .collect(),
        endpoints: BTreeMap::from([(
            NETWORK.to_owned(),
            Endpoint {
                aliases: aliases(declared.options.as_ref().map_or("", |o| &o.text)),
                ..Endpoint::default()
            },
        )]),
        env,
        compose: Some(ComposeService {
            project: job.key.text.clone(),
            service: key.text.clone(),
            files: vec![file.to_owned()],
            places,
            written_in: WrittenIn::Workflow,
        }),
        ..Container::default()
    }
}

/// Sets a variable; the last one counts.
fn set(
    env: &mut BTreeMap<String, String>,
    file: &str,
    variable: &Variable,
    places: Option<&mut BTreeMap<String, Place>>,
) {
    let value = shown_value(&variable.name, &variable.value.text);
    env.insert(variable.name.clone(), value);
    if let Some(places) = places {
        let key = format!("environment.{}", variable.name);
        places.insert(key, place(file, &variable.value));
    }
}

fn place(file: &str, at: &Placed) -> Place {
    Place {
        file: file.to_owned(),
        line: at.line,
        column: at.column,
    }
}

/// Reads `4566:4566`, `127.0.0.1:4566:4566/tcp`, or `4566`, for which the engine chooses the port of
/// the host. Ranges and expressions are left out.
fn published(text: &str) -> Option<Published> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (outside, inside) = match ports.rsplit_once(':') {
        Some((outside, inside)) => (Some(outside), inside),
        None => (None, ports),
    };
    let (host_ip, host_port) = match outside.map(|o| o.rsplit_once(':').unwrap_or(("", o))) {
        Some((ip, port)) => {
            let ip = ip.trim_matches(['[', ']']).parse().ok();
            (ip, Some(port.parse().ok()?))
        }
        None => (None, None),
    };
    Some(Published {
        host_ip: host_ip.filter(|ip: &std::net::IpAddr| !ip.is_unspecified()),
        host_port,
        container_port: inside.parse().ok()?,
        protocol: protocol.to_owned(),
    })
}

/// The names that flags of `docker create` give in the network.
fn aliases(options: &str) -> Vec<String> {
    let mut words = options.split_whitespace();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        match word.strip_prefix("--network-alias") {
            Some("") => found.extend(words.next().map(str::to_owned)),
            Some(rest) => found.extend(rest.strip_prefix('=').map(str::to_owned)),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_aliases_are_read_as_docker_reads_them() {
        let shown = |text| {
            let port = published(text)?;
            Some((
                port.host_ip.map(|ip| ip.to_string()),
                port.host_port,
                port.container_port,
            ))
        };
        assert_eq!(shown("4566:4566/tcp"), Some((None, Some(4566), 4566)));
        assert_eq!(
            shown("127.0.0.1:80:4566"),
            Some((Some("127.0.0.1".into()), Some(80), 4566))
        );
        assert_eq!(shown("4566"), Some((None, None, 4566)));
        for text in ["${{ env.PORT }}:4566", "4510-4559:4510-4559", ""] {
            assert_eq!(shown(text), None, "{text}");
        }
        assert_eq!(
            aliases("--network-alias=a -e X=1 --network-alias b"),
            ["a", "b"]
        );
    }
}
