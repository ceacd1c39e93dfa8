//! The emulator: which container it is, and what it does with its settings.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use lsconfig::addr::HostPort;
use lsconfig::entrypoint::image_environment;
use lsconfig::facts::Facts as Place;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::listen::ListenSet;
use lsconfig::release::{Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use lsconfig::settings::Resolution;
use lsconfig::source::compose::Image;

use super::{DOMAIN, GATEWAY_PORT};
use crate::facts::{Answer, Container, Facts, Listener, Position, Record};

/// The first release whose web server binds IPv4 entries and names to all interfaces.
const BINDS_ALL_SINCE: TargetVersion = TargetVersion::exact(3, 5, 0);

/// Emulators besides LocalStack: how the last part of their image's name begins, and the port at
/// which they listen unless they are told otherwise.
const OTHERS: [(&str, u16); 6] = [
    ("moto", 5000),
    ("minio", 9000),
    ("elasticmq", 9324),
    ("ministack", GATEWAY_PORT),
    ("floci", GATEWAY_PORT),
    ("fakecloud", GATEWAY_PORT),
];

/// What the search for the emulator gave.
#[derive(Debug)]
pub enum Found<'f> {
    /// This one.
    One(Box<Emulator<'f>>),
    /// None; the flag says whether one was asked for by name.
    None,
    /// Several, of which one has to be named.
    Several(Vec<&'f Container>),
}

/// The emulator.
#[derive(Debug)]
pub struct Emulator<'f> {
    /// Its container.
    pub container: &'f Container,
    /// Whether it is LocalStack, by its image, its labels, or its answer.
    pub is_localstack: bool,
    /// Its release, where that is known.
    pub version: Option<TargetVersion>,
    /// Its settings as that release reads them.
    pub settings: Resolution,
    /// Its settings as whoever wrote them meant them.
    pub meant: Resolution,
    /// Where it listens for requests, by its settings or by what it is.
    pub listen: ListenSet,
    /// What listens, and how that is known.
    pub listening: Listening,
    /// The host in the URLs that it returns.
    pub minted_host: Option<String>,
    /// The port in the URLs that it returns.
    pub minted_port: Option<u16>,
    /// The names by which containers can know it.
    pub names: Vec<String>,
}

/// The sockets of the emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Where it listens.
    pub sockets: Vec<Listener>,
    /// Whether a probe saw them; otherwise they follow from the settings.
    pub seen: bool,
}

/// Finds the emulator: the one that was named, or the only container that looks like one.
#[must_use]
pub fn find(facts: &Facts) -> Found<'_> {
    let candidates: Vec<&Container> = match &facts.question.target {
        Some(wanted) => by_name(facts, wanted),
        None => {
            let strong: Vec<&Container> = facts
                .containers
                .iter()
                .filter(|c| is_localstack(c))
                .collect();
            // Where none is known as LocalStack, others are known by their image, or the port.
            let others: [fn(&Container) -> bool; 2] =
                [|c| default_port(c).is_some(), has_gateway_port];
            let mut fallbacks = others.into_iter().map(|is_other| {
                let containers = facts.containers.iter();
                containers.filter(|c| is_other(c)).collect::<Vec<_>>()
            });
            if strong.is_empty() {
                pick(
                    fallbacks
                        .find(|found| !found.is_empty())
                        .unwrap_or_default(),
                )
            } else {
                pick(strong)
            }
        }
    };
    match candidates.as_slice() {
        [] => Found::None,
        [container] => Found::One(Box::new(Emulator::new(facts, container))),
        _ => Found::Several(candidates),
    }
}

/// Prefers those that run.
fn pick(all: Vec<&Container>) -> Vec<&Container> {
    let up: Vec<_> = all.iter().copied().filter(|c| c.is_up()).collect();
    if up.is_empty() { all } else { up }
}

/// Finds containers by name, service or id; a prefix counts where nothing fits as a whole.
#[must_use]
pub fn by_name<'f>(facts: &'f Facts, wanted: &str) -> Vec<&'f Container> {
    let all = || facts.containers.iter();
    let exact: Vec<&Container> = all()
        .filter(|c| c.name == wanted || c.id == wanted)
        .collect();
    if !exact.is_empty() {
        return exact;
    }
    let service: Vec<&Container> = all()
        .filter(|c| c.compose.as_ref().is_some_and(|s| s.service == wanted))
        .collect();
    if !service.is_empty() {
        return service;
    }
    let starts = |c: &&Container| c.name.starts_with(wanted) || c.id.starts_with(wanted);
    all()
        .filter(|_| !wanted.is_empty())
        .filter(starts)
        .collect()
}

/// Returns whether a container is LocalStack by its image or labels.
pub(crate) fn is_localstack(container: &Container) -> bool {
    Image::parse(&container.image).is_localstack()
        || container.labels.get("authors").map(String::as_str) == Some("LocalStack Contributors")
}

/// Returns the usual port of an emulator other than LocalStack, which its image tells.
fn default_port(container: &Container) -> Option<u16> {
    let repository = container.image.split(['@', ' ']).next()?;
    let last = repository.rsplit('/').next()?.split(':').next()?;
    let known = OTHERS.iter().find(|(name, _)| last.starts_with(name));
    known.map(|(_, port)| *port)
}

/// Returns where it listens: LocalStack by its settings, another one at the usual port of its image,
/// or at the only port that its container shows.
fn listen_set(container: &Container, settings: &Resolution, is_localstack: bool) -> ListenSet {
    if is_localstack || container.env.contains_key("GATEWAY_LISTEN") {
        return settings.listen_set();
    }
    let published = container.ports.iter().filter(|p| p.protocol == "tcp");
    let exposed = container.exposed.iter().filter_map(|port| {
        let (port, protocol) = port.split_once('/')?;
        port.parse().ok().filter(|_| protocol == "tcp")
    });
    let shown: BTreeSet<u16> = published.map(|p| p.container_port).chain(exposed).collect();
    let usual = default_port(container).unwrap_or(GATEWAY_PORT);
    let port = match (shown.contains(&usual), shown.len(), shown.first()) {
        (false, 1, Some(&only)) => only,
        _ => usual,
    };
    ListenSet::from_iter([HostPort::new("0.0.0.0", port)])
}

fn has_gateway_port(container: &Container) -> bool {
    if container.is_stand_in() {
        return false;
    }
    let exposed = container.exposed.iter().any(|port| port == "4566/tcp");
    let published = container
        .ports
        .iter()
        .any(|p| p.container_port == GATEWAY_PORT);
    exposed || published || container.env.contains_key("GATEWAY_LISTEN")
}

impl<'f> Emulator<'f> {
    fn new(facts: &'f Facts, container: &'f Container) -> Self {
        let image = Image::parse(&container.image);
        let answered = answered(facts);
        let is_localstack = is_localstack(container) || answered.is_some();
        let tag = image.version().filter(|_| image.is_localstack());
        let version = answered.flatten().or(tag);
        // What the image sets itself is no setting of a user; resolving brings it back.
        let of_image = version
            .filter(|_| is_localstack)
            .map_or(&[][..], |v| image_environment(v.line()));
        let pairs = container.env.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let pairs = pairs.filter(|pair| !of_image.contains(pair));
        let layers = Layers::from_iter([Layer::from_pairs(
            SourceKind::Environment,
            "environment",
            pairs,
        )]);
        let place = Place {
            in_container: true,
            through_entrypoint: is_localstack,
        };
        let semantics = match version {
            Some(version) => Semantics::LocalStack(version),
            None => Semantics::Normalized,
        };
        let settings = resolve(&layers, &place, semantics);
        // Another emulator has a host of its own in its URLs, or none.
        let told = is_localstack || container.env.contains_key("LOCALSTACK_HOST");
        let url = settings.url_address().filter(|_| told);
        let listen = listen_set(container, &settings, is_localstack);
        let binds_all = is_localstack && version.is_some_and(|v| v >= BINDS_ALL_SINCE);
        let listening = listening(facts, container, &listen, binds_all);
        Self {
            is_localstack,
            version,
            minted_host: url.as_ref().map(|a| a.host.as_str().to_ascii_lowercase()),
            minted_port: url.as_ref().map(|a| a.port),
            names: names(container),
            listen,
            listening,
            settings,
            meant: resolve(&layers, &place, Semantics::Normalized),
            container,
        }
    }

    /// Returns the name under which people know it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.container.label()
    }

    /// Returns the port that clients in other containers use.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listen.first_port().unwrap_or(GATEWAY_PORT)
    }

    /// Returns the port at which the host reaches the gateway, or the usual one.
    #[must_use]
    pub fn published_port(&self) -> u16 {
        self.published_gateway()
            .and_then(|p| p.host_port)
            .unwrap_or(GATEWAY_PORT)
    }

    /// Returns the published port that leads to the gateway.
    #[must_use]
    pub fn published_gateway(&self) -> Option<&'f crate::facts::Published> {
        let mut ports = self.container.ports.iter();
        let found = ports.find(|p| p.protocol == "tcp" && self.is_gateway_port(p.container_port));
        found.filter(|_| self.container.ports_active != Some(false))
    }

    /// Returns whether the settings make the gateway listen at `port`.
    #[must_use]
    pub fn is_gateway_port(&self, port: u16) -> bool {
        self.listen.iter().any(|address| address.port == port)
            || (self.listen.as_slice().is_empty() && port == GATEWAY_PORT)
    }

    /// Returns whether something listens at `port` for connections that come through the network.
    /// `None` means that this is not known.
    #[must_use]
    pub fn listens(&self, port: u16) -> Option<bool> {
        self.socket(port, false, |ip| !ip.is_loopback())
    }

    /// Returns whether something listens at `port` on loopback alone.
    #[must_use]
    pub fn listens_on_loopback_only(&self, port: u16) -> bool {
        self.socket(port, false, |ip| ip.is_loopback()) == Some(true)
            && self.listens(port) == Some(false)
    }

    /// Returns whether its DNS server answers, as far as that is known.
    #[must_use]
    pub fn serves_dns(&self) -> Option<bool> {
        if self.listening.seen {
            return self.socket(53, true, |ip| !ip.is_loopback());
        }
        if !self.is_localstack
            || self
                .version
                .is_some_and(|v| v < TargetVersion::exact(2, 3, 0))
        {
            return self.is_localstack.then_some(false);
        }
        Some(!self.dns_switched_off())
    }

    /// Returns whether its settings switch the DNS server off.
    #[must_use]
    pub fn dns_switched_off(&self) -> bool {
        let env = &self.container.env;
        let value = env
            .get("DNS_ADDRESS")
            .or_else(|| env.get("LOCALSTACK_DNS_ADDRESS"));
        value.is_some_and(|v| matches!(v.as_str(), "0" | "false" | "False"))
    }

    /// Returns whether its DNS server answers for `name`.
    #[must_use]
    pub fn answers_for(&self, name: &str) -> bool {
        super::is_within(name, DOMAIN)
            || self
                .minted_host
                .as_deref()
                .is_some_and(|host| super::is_within(name, host))
    }

    /// Returns the best name for containers: one that is short and valid.
    #[must_use]
    pub fn best_name(&self) -> &str {
        let valid = |name: &&String| {
            !name.contains('_') && name.contains(|c: char| c.is_ascii_alphabetic())
        };
        let name = self.names.iter().find(valid);
        name.map_or(self.container.name.as_str(), String::as_str)
    }

    fn socket(&self, port: u16, udp: bool, on: impl Fn(IpAddr) -> bool) -> Option<bool> {
        let mut sockets = self.listening.sockets.iter();
        let found = sockets.any(|s| s.udp == udp && s.address.port() == port && on(s.address.ip()));
        // The settings of LocalStack say where its gateway listens, and nothing of other programs.
        (found || self.listening.seen || self.is_localstack || self.is_gateway_port(port))
            .then_some(found)
    }
}

/// Returns whether a probe saw LocalStack, and the release that it named.
fn answered(facts: &Facts) -> Option<Option<TargetVersion>> {
    let records = facts.observations.iter().flat_map(|o| &o.records);
    let mut versions = records.filter_map(|record| match record {
        Record::Http {
            outcome: Answer::LocalStack { version, .. },
            ..
        } => Some(version.as_deref().and_then(|v| v.parse().ok())),
        _ => None,
    });
    versions.next()
}

fn listening(facts: &Facts, container: &Container, set: &ListenSet, binds_all: bool) -> Listening {
    let seen = facts
        .observed(&Position::Container(container.id.clone()))
        .and_then(|o| {
            o.records.iter().find_map(|record| match record {
                Record::Listeners { sockets } => Some(sockets.clone()),
                _ => None,
            })
        });
    if let Some(sockets) = seen {
        return Listening {
            sockets,
            seen: true,
        };
    }
    let socket = |address: &HostPort| {
        // A name is bound at the address that it resolves to inside; only loopback is certain.
        let ip = match address.host.ip() {
            Some(IpAddr::V4(_)) | None if binds_all => Ipv4Addr::UNSPECIFIED.into(),
            Some(ip) => ip,
            None if address.host.as_str() == "localhost" => Ipv4Addr::LOCALHOST.into(),
            None => Ipv4Addr::UNSPECIFIED.into(),
        };
        Listener {
            address: SocketAddr::new(ip, address.port),
            udp: false,
        }
    };
    Listening {
        sockets: set.iter().map(socket).collect(),
        seen: false,
    }
}

/// The names of a container, the service first, without generated ones.
fn names(container: &Container) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let known = names.iter().any(|n| n.eq_ignore_ascii_case(name));
        // Docker adds the start of the id to the aliases.
        let generated = name.len() == 12 && container.id.starts_with(name);
        if !name.is_empty() && !known && !generated {
            names.push(name.to_ascii_lowercase());
        }
    };
    if let Some(compose) = &container.compose {
        add(&compose.service);
    }
    add(&container.name);
    for endpoint in container.endpoints.values() {
        endpoint.aliases.iter().for_each(|alias| add(alias));
    }
    names
}
