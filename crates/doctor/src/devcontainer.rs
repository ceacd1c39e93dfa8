//! From `devcontainer.json` to [`Facts`]: the container in which somebody works is the client.
//!
//! With a Compose file it is one of its services, and its variables come on top of those. Without one
//! it is a container of its own, on the default bridge unless its flags say otherwise.

use std::collections::BTreeMap;

use lsconfig_formats::devcontainer::DevContainer;
use lsconfig_formats::place::Placed;

use crate::facts::{
    ComposeService, Container, Endpoint, Facts, Place, Position, Status, WrittenIn,
};
use crate::gather::shown_value;

/// The name of a container that no Compose file describes.
const NAME: &str = "devcontainer";

/// Adds a development container to facts of the Compose files around it, and makes it the client that
/// is asked about, where nobody asked about another one. `file` is shown as it is.
pub fn add(facts: &mut Facts, file: &str, read: &DevContainer) {
    let service = read.service.as_ref().map(|s| s.text.as_str());
    let known = |c: &&mut Container| {
        service.is_some_and(|s| c.compose.as_ref().is_some_and(|own| own.service == s))
    };
    let id = match facts.containers.iter_mut().find(known) {
        Some(container) => {
            variables(container, file, read);
            container.id.clone()
        }
        None => {
            let mut container = alone(facts, file, read);
            variables(&mut container, file, read);
            facts.containers.push(container);
            facts.containers.sort_by(|a, b| a.name.cmp(&b.name));
            NAME.to_owned()
        }
    };
    let position = Position::Container(id);
    facts.question.source.get_or_insert(position);
}

fn variables(container: &mut Container, file: &str, read: &DevContainer) {
    for variable in &read.env {
        let value = shown_value(&variable.name, &variable.value.text);
        container.env.insert(variable.name.clone(), value);
        if let Some(own) = &mut container.compose {
            let key = format!("environment.{}", variable.name);
            own.places.insert(key, place(file, &variable.value));
        }
    }
}

fn alone(facts: &Facts, file: &str, read: &DevContainer) -> Container {
    let flag = |name: &str| -> Vec<&Placed> {
        let mut found = Vec::new();
        let mut args = read.run_args.iter();
        while let Some(arg) = args.next() {
            match arg.text.strip_prefix(name) {
                Some("") => found.extend(args.next()),
                Some(rest) if rest.starts_with('=') => found.push(arg),
                _ => {}
            }
        }
        found
    };
    let texts = |name: &str| -> Vec<String> {
        let texts = flag(name).into_iter().map(|arg| {
            let bare = arg
                .text
                .strip_prefix(name)
                .and_then(|t| t.strip_prefix('='));
            bare.unwrap_or(&arg.text).to_owned()
        });
        texts.collect()
    };
    let mut networks = texts("--network");
    networks.extend(texts("--net"));
    let network = networks.first().map_or("bridge", String::as_str);
    // Compose puts the name of the project in front of the name in the file.
    let named = facts.networks.iter().find(|n| {
        network == n.name
            || network
                .strip_suffix(&n.name)
                .is_some_and(|p| p.ends_with('_'))
    });
    let network = named.map_or(network, |n| n.name.as_str());
    let mut places = BTreeMap::from([(
        String::new(),
        Place {
            file: file.to_owned(),
            line: 1,
            column: 1,
        },
    )]);
    places.extend(
        read.image
            .iter()
            .map(|i| ("image".to_owned(), place(file, i))),
    );
    let at_network = flag("--network").into_iter().chain(flag("--net")).next();
    places.extend(at_network.map(|n| ("networks".to_owned(), place(file, n))));
    places.extend(
        flag("--dns")
            .first()
            .map(|d| ("dns".to_owned(), place(file, d))),
    );
    Container {
        id: NAME.into(),
        name: NAME.into(),
        image: read
            .image
            .as_ref()
            .map_or(String::new(), |i| i.text.clone()),
        status: Status::Declared,
        network_mode: network.to_owned(),
        dns: texts("--dns"),
        extra_hosts: texts("--add-host"),
        endpoints: BTreeMap::from([(network.to_owned(), Endpoint::default())]),
        compose: Some(ComposeService {
            service: NAME.into(),
            files: vec![file.to_owned()],
            places,
            written_in: WrittenIn::DevContainer,
            ..ComposeService::default()
        }),
        ..Container::default()
    }
}

fn place(file: &str, at: &Placed) -> Place {
    Place {
        file: file.to_owned(),
        line: at.line,
        column: at.column,
    }
}
