//! A service: what its keys mean, as far as networking is concerned.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::environment::{Variable, variables};
use super::fault::Fault;
use super::load::{Loader, Scope};
use super::merge::{hosts, listed, named};
use super::network::{ServiceNetwork, service_networks};
use super::ports::{Port, ports};
use super::value::{Key, Kind, Node};
use super::{Image, Spanned};
use crate::diagnostic::{Diagnostic, Label, codes};

/// How many unset references of one service are reported.
const MAX_UNSET: usize = 50;

/// A service of a Compose project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its key.
    pub name: Spanned,
    /// `image:`; see [`image`](Self::image).
    pub image: Option<Spanned>,
    /// `environment:` in order, those of lower files first. The last of a name counts.
    pub environment: Vec<Variable>,
    /// `env_file:`; later files win.
    pub env_files: Vec<EnvFile>,
    /// `ports:`.
    pub ports: Vec<Port>,
    /// The place of the key `ports:`, where there is one.
    pub ports_key: Option<crate::layer::Origin>,
    /// `expose:`, as written.
    pub expose: Vec<Spanned>,
    /// `networks:`; without it a service is attached to the network `default`.
    pub networks: Vec<ServiceNetwork>,
    /// `network_mode:`.
    pub network_mode: Option<Spanned>,
    /// `dns:`, addresses as written.
    pub dns: Vec<Spanned>,
    /// `extra_hosts:`, name and address as written.
    pub extra_hosts: Vec<Spanned<(Arc<str>, Arc<str>)>>,
    /// `hostname:`.
    pub hostname: Option<Spanned>,
    /// `container_name:`.
    pub container_name: Option<Spanned>,
    /// `healthcheck.test`, a list joined with spaces.
    pub healthcheck: Option<Spanned>,
    /// `depends_on:`.
    pub depends_on: Vec<Spanned>,
    /// `entrypoint:`, a list joined with spaces.
    pub entrypoint: Option<Spanned>,
    /// `command:`, a list joined with spaces.
    pub command: Option<Spanned>,
    /// `volumes:` as `source:target`.
    pub volumes: Vec<Spanned>,
    /// `profiles:`.
    pub profiles: Vec<Spanned>,
    /// What interpolation took from secret variables, anywhere in the project.
    pub secrets: Vec<Arc<str>>,
    /// What is to be said about this service alone: unset references.
    pub diagnostics: Vec<Diagnostic>,
}

/// An entry of `env_file:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// The path, resolved as Compose does: from the folder of the project, or of the file that
    /// `include:` or `extends:` named.
    pub path: Spanned,
    /// Whether Compose refuses to start without the file.
    pub required: bool,
    /// `format:`; `raw` means that values are taken as they are.
    pub format: Option<Spanned>,
}

impl Service {
    /// Returns the image, taken apart.
    #[must_use]
    pub fn image(&self) -> Option<Image<'_>> {
        self.image.as_ref().map(|image| Image::parse(&image.value))
    }

    /// Returns whether the service has no network of its own, so that `ports:` publishes nothing:
    /// `network_mode:` `host`, `none`, `service:...` or `container:...`.
    #[must_use]
    pub fn shares_network(&self) -> bool {
        self.network_mode.as_ref().is_some_and(|mode| {
            let mode = &*mode.value;
            matches!(mode, "host" | "none")
                || mode.starts_with("service:")
                || mode.starts_with("container:")
        })
    }

    /// Returns whether other containers of the project know the service by `name`.
    ///
    /// Docker's DNS answers for the service, the container, and the aliases of every network;
    /// `hostname:` is known inside the container only.
    #[must_use]
    pub fn is_known_as(&self, name: &str) -> bool {
        let same = |known: &Spanned| known.value.eq_ignore_ascii_case(name);
        same(&self.name)
            || self.container_name.as_ref().is_some_and(same)
            || self
                .networks
                .iter()
                .flat_map(|network| &network.aliases)
                .any(same)
    }
}

pub(super) fn service(
    loader: &mut Loader<'_>,
    scope: &Scope<'_>,
    key: &Key,
    node: &Rc<Node>,
) -> Service {
    if !matches!(node.kind, Kind::Map(_)) {
        loader.bad_file(node.origin.clone(), &Fault::Service(&key.name));
    }
    let mut diagnostics = Vec::new();
    report_unset(loader, node, &mut diagnostics);
    // A project that exceeds the limit of work has said so; its other services stay empty.
    let exhausted = loader.is_exhausted();
    let get = |key: &str| node.get(key).filter(|_| !exhausted);
    let names = |key: &str| {
        let named = get(key).map(named);
        let pairs = named.as_ref().map_or(&[][..], |node| node.pairs());
        let name = |(key, _): &super::value::Pair| Spanned {
            value: Arc::clone(&key.name),
            origin: key.origin.clone(),
        };
        pairs.iter().map(name).collect()
    };
    Service {
        name: Spanned {
            value: Arc::clone(&key.name),
            origin: key.origin.clone(),
        },
        image: spanned(get("image")),
        environment: variables(loader, scope, get("environment")),
        env_files: env_files(loader, get("env_file")),
        ports: ports(loader, get("ports")),
        ports_key: node.pair("ports").map(|(key, _)| key.origin.clone()),
        expose: unique(spanned_list(get("expose"))),
        networks: service_networks(get("networks")),
        network_mode: spanned(get("network_mode")),
        dns: unique(spanned_list(get("dns"))),
        extra_hosts: extra_hosts(loader, get("extra_hosts")),
        hostname: spanned(get("hostname")),
        container_name: spanned(get("container_name")),
        healthcheck: joined(get("healthcheck").and_then(|check| check.get("test"))),
        depends_on: names("depends_on"),
        entrypoint: joined(get("entrypoint")),
        command: joined(get("command")),
        volumes: volumes(get("volumes")),
        profiles: spanned_list(get("profiles")),
        secrets: Vec::new(),
        diagnostics,
    }
}

/// Returns a scalar that is not empty, with its place.
pub(super) fn spanned(node: Option<&Rc<Node>>) -> Option<Spanned> {
    let node = node?;
    let value = node.text().filter(|text| !text.is_empty())?;
    Some(Spanned {
        value: Arc::clone(value),
        origin: node.value_origin(),
    })
}

/// Returns the scalars of a list, or a scalar alone.
pub(super) fn spanned_list(node: Option<&Rc<Node>>) -> Vec<Spanned> {
    let items = node.map(listed).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| spanned(Some(item)))
        .collect()
}

/// Returns whether a value is `true`, as Compose reads booleans that come from interpolation.
pub(super) fn flag(node: Option<&Rc<Node>>) -> bool {
    let text = node.and_then(|node| node.text());
    text.is_some_and(|text| {
        ["true", "y", "yes", "on"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
    })
}

/// Leaves one of each value: at the place of the first one, with the origin of the last one.
fn unique(items: Vec<Spanned>) -> Vec<Spanned> {
    let mut places: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut kept: Vec<Spanned> = Vec::new();
    for item in items {
        let place = *places.entry(Arc::clone(&item.value)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(slot) => *slot = item,
            None => kept.push(item),
        }
    }
    kept
}

fn joined(node: Option<&Rc<Node>>) -> Option<Spanned> {
    let node = node?;
    if node.text().is_some() {
        return spanned(Some(node));
    }
    let words: Vec<&str> = node
        .items()
        .iter()
        .filter_map(|i| i.text().map(|t| &**t))
        .collect();
    (!words.is_empty()).then(|| Spanned {
        value: words.join(" ").into(),
        origin: node.origin.clone(),
    })
}

fn env_files(loader: &mut Loader<'_>, node: Option<&Rc<Node>>) -> Vec<EnvFile> {
    let mut places: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut files: Vec<EnvFile> = Vec::new();
    let items = match node {
        Some(node) if matches!(node.kind, Kind::Map(_)) => vec![Rc::clone(node)],
        Some(node) => listed(node),
        None => Vec::new(),
    };
    for item in items {
        let path = match &item.kind {
            Kind::Map(_) => item.get("path"),
            _ => Some(&item),
        };
        let Some(path) = spanned(path) else {
            loader.bad_file(item.origin.clone(), &Fault::EnvFileWithoutPath);
            continue;
        };
        let resolved = loader.resolve(&path.value, &path.origin);
        let file = EnvFile {
            path: Spanned {
                value: Arc::clone(&resolved),
                origin: path.origin,
            },
            required: item
                .get("required")
                .is_none_or(|required| flag(Some(required))),
            format: spanned(item.get("format")),
        };
        let place = *places.entry(resolved).or_insert(files.len());
        match files.get_mut(place) {
            Some(slot) => *slot = file,
            None => files.push(file),
        }
    }
    files
}

fn extra_hosts(
    loader: &mut Loader<'_>,
    node: Option<&Rc<Node>>,
) -> Vec<Spanned<(Arc<str>, Arc<str>)>> {
    let mut all: Vec<Spanned<(Arc<str>, Arc<str>)>> = Vec::new();
    let mut add = |name: &str, addresses: &str, node: &Rc<Node>| {
        for address in addresses.split(',') {
            let inner = address.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
            all.push(Spanned {
                value: (name.into(), inner.unwrap_or(address).into()),
                origin: node.value_origin(),
            });
        }
    };
    for item in node.map(hosts).unwrap_or_default() {
        if let [(key, value)] = item.pairs() {
            for address in listed(value) {
                add(&key.name, address.text().map_or("", |text| text), &address);
            }
        } else if let Some(text) = item.text() {
            match text.split_once('=').or_else(|| text.split_once(':')) {
                Some((name, addresses)) => add(name, addresses, &item),
                None => {
                    loader.bad_file(item.origin.clone(), &Fault::ExtraHost);
                }
            }
        }
    }
    all
}

fn volumes(node: Option<&Rc<Node>>) -> Vec<Spanned> {
    let items = node.map(listed).unwrap_or_default();
    let volume = |item: &Rc<Node>| {
        if item.text().is_some() {
            return spanned(Some(item));
        }
        let part = |key: &str| item.get(key).and_then(|part| part.text().cloned());
        let target = part("target")?;
        Some(Spanned {
            value: match part("source") {
                Some(source) => format!("{source}:{target}").into(),
                None => target,
            },
            origin: item.origin.clone(),
        })
    };
    items.iter().filter_map(volume).collect()
}

/// Reports the references below a node that are unset and have no default.
fn report_unset(loader: &mut Loader<'_>, node: &Rc<Node>, diagnostics: &mut Vec<Diagnostic>) {
    loader.count(1);
    if loader.is_exhausted() {
        return;
    }
    for (name, origin) in node.unset() {
        let message = format!("variable `{name}` is not set; an empty text takes its place");
        let known = diagnostics.iter().any(|present: &Diagnostic| {
            present.labels.iter().any(|label| *label.origin() == origin)
        });
        if !known && diagnostics.len() < MAX_UNSET {
            diagnostics.push(
                Diagnostic::new(&codes::UNSET_IN_INTERPOLATION, message)
                    .about(name.to_owned())
                    .label(Label::at(origin, "not set")),
            );
        }
    }
    let values = node.pairs().iter().map(|(_, value)| value);
    for child in node.items().iter().chain(values) {
        report_unset(loader, child, diagnostics);
    }
}
