//! Who is who among the facts: the emulator, its clients, and the URLs that they use.
//!
//! Everything borrows from [`Facts`]. What the emulator does follows from its settings, read as its
//! release reads them, unless a probe saw it.

pub mod client_url;
mod emulator;

use std::collections::BTreeMap;
use std::net::IpAddr;

pub use client_url::{ClientUrl, Holder, UrlFrom};
pub use emulator::{Emulator, Found, Listening, by_name, find};

use crate::facts::{Container, Facts, HostSide, Position, Standing, Status, WrittenIn};
use crate::gather::{LABEL, STAND_IN};

/// The domain whose names lead to a local emulator.
pub const DOMAIN: &str = "localhost.localstack.cloud";
/// The port that everything uses by default.
pub const GATEWAY_PORT: u16 = 4566;

/// A client and what it uses.
#[derive(Debug, Clone)]
pub struct Client<'f> {
    /// Where it stands.
    pub position: Position,
    /// Its container; `None` on the host.
    pub container: Option<&'f Container>,
    /// The container whose network it uses: its own, or that of `network_mode: container:...`.
    pub network: Option<&'f Container>,
    /// What files say of the host, which counts where it is one.
    pub host: &'f HostSide,
    /// How the host, where it is one, stands to the engine's machine.
    pub standing: Option<Standing>,
    /// Whether it was named, or is the only client that there can be.
    pub asked: bool,
    /// The URLs that it uses, the most important first.
    pub urls: Vec<ClientUrl>,
}

impl Client<'_> {
    /// Returns the name under which people know it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.container {
            Some(container) => container.label(),
            None if !self.host.name.is_empty() => &self.host.name,
            None if self.standing == Some(Standing::Elsewhere) => "the engine's host",
            None => "this host",
        }
    }

    /// Returns whether it is a process outside of the virtual machine in which the engine runs.
    #[must_use]
    pub fn outside_of_vm(&self) -> bool {
        self.container.is_none() && self.standing == Some(Standing::VirtualMachine)
    }

    /// Returns whether it is a process on the host, or shares the host's network.
    #[must_use]
    pub fn on_host(&self) -> bool {
        self.network.is_none_or(|c| c.network_mode == "host")
    }

    /// Returns a variable of its environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env().get(name).map(String::as_str)
    }

    /// Returns its environment, as far as it is known.
    #[must_use]
    pub fn env(&self) -> &BTreeMap<String, String> {
        self.container.map_or(&self.host.env, |c| &c.env)
    }
}

impl Container {
    /// Returns the name for people: that of the Compose service, else of the container.
    #[must_use]
    pub fn label(&self) -> &str {
        match &self.compose {
            Some(compose) if !compose.service.is_empty() => &compose.service,
            _ => &self.name,
        }
    }

    /// Returns whether it is ours and stands in for the emulator.
    #[must_use]
    pub fn is_stand_in(&self) -> bool {
        self.labels.get(LABEL).map(String::as_str) == Some(STAND_IN)
    }

    /// Returns the kind of file that describes it; that of Compose also where none does.
    #[must_use]
    pub fn written_in(&self) -> WrittenIn {
        let own = self.compose.as_ref();
        own.map_or(WrittenIn::Compose, |own| own.written_in)
    }

    /// Returns the file in which one of its keys stands, where that is no Compose file of its own.
    #[must_use]
    pub fn set_elsewhere(&self, key: &str) -> Option<&str> {
        let own = self.compose.as_ref()?;
        let file = &own.places.get(key)?.file;
        let patched = own.written_in == WrittenIn::Compose && own.files.contains(file);
        (!patched).then_some(file)
    }

    /// Returns whether it takes part in networks: it runs, or a file says that it will.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(
            self.status,
            Status::Running | Status::Paused | Status::Declared
        )
    }

    /// Returns the networks on which names resolve that both are attached to.
    pub fn shared_networks<'a>(&'a self, other: &'a Container) -> impl Iterator<Item = &'a str> {
        let own = self.endpoints.keys().map(String::as_str);
        own.filter(|name| !is_special(name) && other.endpoints.contains_key(*name))
    }

    /// Returns whether both are on the default bridge.
    #[must_use]
    pub fn shares_default_bridge(&self, other: &Container) -> bool {
        self.endpoints.contains_key("bridge") && other.endpoints.contains_key("bridge")
    }

    /// Returns every address that it has, or will have, on any network.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let endpoints = self.endpoints.values();
        endpoints.flat_map(|e| [e.ip.or(e.pinned_ip), e.ip6].into_iter().flatten())
    }

    /// Returns whether Docker's DNS answers for `name` with this container on `network`.
    #[must_use]
    pub fn is_called(&self, name: &str, network: &str) -> bool {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        let short_id = self.id.get(..12).is_some_and(same);
        let service = self.compose.as_ref().is_some_and(|c| same(&c.service));
        let endpoint = self.endpoints.get(network);
        let alias = endpoint.is_some_and(|e| e.aliases.iter().any(|a| same(a)));
        endpoint.is_some() && (same(&self.name) || alias || service || short_id)
    }
}

/// Returns whether a network is one on which Docker's DNS does not serve names.
#[must_use]
pub fn is_special(network: &str) -> bool {
    matches!(network, "bridge" | "host" | "none")
}

/// Returns whether `name` is the domain or below it, or below the host that the emulator was told.
#[must_use]
pub fn is_within(name: &str, apex: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let apex = apex.to_ascii_lowercase();
    name == apex
        || name
            .strip_suffix(&apex)
            .is_some_and(|head| head.ends_with('.'))
}

/// Lists the clients that are judged.
///
/// A client that was named is the only one. Otherwise every container with a URL of the emulator in
/// its environment is one; the host is one as well, and the only possible one where there are none.
#[must_use]
pub fn clients<'f>(facts: &'f Facts, emulator: &Emulator<'f>) -> Vec<Client<'f>> {
    let build = |position: Position, container: Option<&'f Container>, asked| {
        let mut urls = client_url::of(facts, container, emulator);
        let none_known = urls.is_empty();
        urls.extend(
            facts
                .question
                .endpoints
                .iter()
                .filter_map(|text| ClientUrl::parse(text, UrlFrom::Question)),
        );
        if none_known && facts.question.endpoints.is_empty() {
            urls = client_url::assumed(container, emulator);
        }
        Client {
            position,
            container,
            network: container.map(|c| facts.network_of(c)),
            host: &facts.host,
            standing: facts.standing(),
            asked,
            urls,
        }
    };
    if let Some(source) = &facts.question.source {
        let container = match source {
            Position::Host => None,
            Position::Container(id) => match facts.container(id) {
                Some(container) => Some(container),
                None => return Vec::new(),
            },
        };
        return vec![build(source.clone(), container, true)];
    }
    let mut clients: Vec<Client<'f>> = facts
        .containers
        .iter()
        .filter(|c| c.id != emulator.container.id && c.is_up())
        .filter(|c| !client_url::of(facts, Some(c), emulator).is_empty())
        .map(|c| build(Position::Container(c.id.clone()), Some(c), false))
        .collect();
    let alone = clients.is_empty();
    clients.insert(0, build(Position::Host, None, alone));
    clients
}

/// Returns the forms of endpoint that are tried from every position.
#[must_use]
pub fn forms(emulator: &Emulator<'_>) -> Vec<ClientUrl> {
    let port = emulator.port();
    let texts = [
        format!("http://localhost:{}", emulator.published_port()),
        format!("http://{}:{port}", emulator.best_name()),
        format!("http://{DOMAIN}:{port}"),
    ];
    let urls = texts.iter();
    urls.filter_map(|text| ClientUrl::parse(text, UrlFrom::Assumed))
        .collect()
}

impl Facts {
    /// Returns the container whose network namespace `container` uses, itself unless it joined
    /// another one.
    #[must_use]
    pub fn network_of<'f>(&'f self, container: &'f Container) -> &'f Container {
        let joined = container.network_mode.strip_prefix("container:");
        let joined = joined.or_else(|| container.network_mode.strip_prefix("service:"));
        joined
            .and_then(|id| self.container(id))
            .unwrap_or(container)
    }

    /// Returns the container that has `ip` on some network, and the network.
    #[must_use]
    pub fn owner_of(&self, ip: IpAddr) -> Option<(&Container, &str)> {
        self.containers.iter().find_map(|container| {
            let mut endpoints = container.endpoints.iter();
            let (name, _) =
                endpoints.find(|(_, e)| e.ip.or(e.pinned_ip) == Some(ip) || e.ip6 == Some(ip))?;
            container.is_up().then_some((container, name.as_str()))
        })
    }

    /// Returns the containers of ours that stand in for the emulator.
    pub fn stand_ins(&self) -> impl Iterator<Item = &Container> {
        self.containers
            .iter()
            .filter(|c| c.is_stand_in() && c.is_up())
    }

    /// Returns the gateway that stands for the host in a container, where one is known: what
    /// `host-gateway` becomes.
    #[must_use]
    pub fn host_gateway(&self) -> Option<IpAddr> {
        let bridge = self.networks.iter().find(|n| n.is_default_bridge())?;
        bridge.subnets.iter().find_map(|s| s.gateway).or_else(|| {
            let endpoints = self
                .containers
                .iter()
                .filter_map(|c| c.endpoints.get("bridge"));
            endpoints.filter_map(|e| e.gateway).next()
        })
    }

    /// Returns whether `ip` is the gateway of a network, which is the host.
    #[must_use]
    pub fn is_gateway(&self, ip: IpAddr) -> bool {
        let networks = self.networks.iter().flat_map(|n| &n.subnets);
        networks.filter_map(|s| s.gateway).any(|g| g == ip)
            || self
                .containers
                .iter()
                .flat_map(|c| c.endpoints.values())
                .any(|e| e.gateway == Some(ip))
    }
}
