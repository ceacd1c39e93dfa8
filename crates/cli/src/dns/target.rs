//! `--target-container`: the addresses of a container as views, followed through the engine.
//!
//! For a server that runs beside the emulator, on the host or in a container of its own. Clients on
//! a network that the container is attached to are told its address there; the network's gateway
//! is the host, which reaches published ports on loopback.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;
use lsconfig::network::ExplicitView;
use lsconfig_doctor::engine::{Engine, EngineError};
use lsconfig_doctor::facts::{Container, Network};
use lsconfig_doctor::gather;

use crate::engine;
use crate::error::CliError;

/// How long nothing may happen before the addresses are read anyway.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before an engine that went away is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// How many namespaces are followed from one container to the next.
const MAX_SHARED: usize = 8;

/// A container that is followed.
pub(crate) struct Target {
    engine: Engine,
    name: String,
    views: Vec<ExplicitView>,
}

impl Target {
    /// Finds a container by name or id, and reads its addresses.
    pub(crate) fn find(name: &str) -> Result<Self, CliError> {
        let mut target = Self {
            engine: engine::find()?.engine,
            name: name.to_owned(),
            views: Vec::new(),
        };
        target.views = target.read().map_err(|error| {
            if error.is_not_found() {
                not_found(&target.engine, name)
            } else {
                CliError::usage(format!("cannot read the container `{name}`: {error}"), "")
            }
        })?;
        Ok(target)
    }

    /// Returns the views as they were read last.
    pub(crate) fn views(&self) -> &[ExplicitView] {
        &self.views
    }

    /// Calls `changed` with the views of now, and whenever they change. While the container does not
    /// run it has no addresses; its last ones stay until it is back.
    pub(crate) fn follow(
        mut self,
        changed: impl Fn(&[ExplicitView]) + Send + 'static,
    ) -> io::Result<()> {
        changed(&self.views);
        let watch = move || loop {
            // What happens from here on is an event, so nothing is missed between both.
            let events = self.engine.events(PATIENCE);
            self.refresh(&changed);
            for _ in events.into_iter().flatten() {
                self.refresh(&changed);
            }
            std::thread::sleep(RETRY);
        };
        std::thread::Builder::new()
            .name("target".to_owned())
            .spawn(watch)?;
        Ok(())
    }

    /// An engine or container that is away changes nothing.
    fn refresh(&mut self, changed: &impl Fn(&[ExplicitView])) {
        if let Ok(views) = self.read()
            && !views.is_empty()
            && views != self.views
        {
            changed(&views);
            self.views = views;
        }
    }

    fn read(&self) -> Result<Vec<ExplicitView>, EngineError> {
        let mut container = gather::container(&self.engine.inspect(&self.name)?);
        for _ in 0..MAX_SHARED {
            let Some(owner) = container.network_mode.strip_prefix("container:") else {
                break;
            };
            container = gather::container(&self.engine.inspect(owner)?);
        }
        let networks = self.engine.networks()?;
        let networks: Vec<Network> = networks.iter().map(gather::network).collect();
        Ok(views_of(&container, &networks))
    }
}

fn not_found(engine: &Engine, name: &str) -> CliError {
    let all = engine.containers(None).unwrap_or_default();
    let mut names: Vec<&str> = all
        .iter()
        .filter_map(|container| container.pointer("/Names/0")?.as_str())
        .map(|name| name.trim_start_matches('/'))
        .collect();
    names.sort_unstable();
    names.truncate(20);
    CliError::usage(
        format!("there is no container called `{name}`"),
        if names.is_empty() {
            "the engine has no containers; start the emulator first".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        },
    )
}

/// What clients on the networks of a container are told.
fn views_of(container: &Container, networks: &[Network]) -> Vec<ExplicitView> {
    let mut views = Vec::new();
    for (name, endpoint) in &container.endpoints {
        let own: Vec<IpAddr> = endpoint.ip.into_iter().chain(endpoint.ip6).collect();
        let subnets = networks
            .iter()
            .filter(|network| network.name == *name && !own.is_empty())
            .flat_map(|network| &network.subnets);
        for subnet in subnets {
            views.extend(own.iter().map(|&address| ExplicitView {
                clients: subnet.subnet,
                address,
            }));
            // The engine names a gateway that it chose itself at the attachment only.
            let chosen = endpoint.gateway.filter(|ip| subnet.subnet.contains(ip));
            views.extend(subnet.gateway.or(chosen).map(|gateway| ExplicitView {
                clients: IpNet::from(gateway),
                address: Ipv4Addr::LOCALHOST.into(),
            }));
        }
    }
    views
}

#[cfg(test)]
mod tests {
    use lsconfig_doctor::facts::{Endpoint, Subnet};

    use super::*;

    fn network(name: &str, subnets: &[(&str, &str)]) -> Network {
        let subnet = |(subnet, gateway): &(&str, &str)| Subnet {
            subnet: subnet.parse().unwrap(),
            gateway: gateway.parse().ok(),
        };
        Network {
            name: name.to_owned(),
            subnets: subnets.iter().map(subnet).collect(),
            ..Network::default()
        }
    }

    fn endpoint(ip: &str, ip6: &str) -> Endpoint {
        Endpoint {
            ip: ip.parse().ok(),
            ip6: ip6.parse().ok(),
            ..Endpoint::default()
        }
    }

    #[test]
    fn every_network_has_its_view_and_the_host_has_loopback() {
        let networks = [
            network("a", &[("10.0.2.0/24", "10.0.2.1")]),
            network("b", &[("10.0.3.0/24", ""), ("fd00:3::/64", "fd00:3::1")]),
            network("elsewhere", &[("10.0.4.0/24", "10.0.4.1")]),
        ];
        let attached = [
            ("a", endpoint("10.0.2.20", "")),
            (
                "b",
                Endpoint {
                    gateway: "10.0.3.1".parse().ok(),
                    ..endpoint("10.0.3.20", "fd00:3::20")
                },
            ),
            ("gone", endpoint("10.0.9.9", "")),
        ];
        let container = Container {
            endpoints: attached.map(|(n, e)| (n.to_owned(), e)).into(),
            ..Container::default()
        };
        let views: Vec<String> = views_of(&container, &networks)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            "10.0.2.0/24=10.0.2.20",
            "10.0.2.1/32=127.0.0.1",
            "10.0.3.0/24=10.0.3.20",
            "10.0.3.0/24=fd00:3::20",
            "10.0.3.1/32=127.0.0.1",
            "fd00:3::/64=10.0.3.20",
            "fd00:3::/64=fd00:3::20",
            "fd00:3::1/128=127.0.0.1",
        ];
        assert_eq!(views, expected);
    }

    #[test]
    fn a_container_that_does_not_run_has_no_view() {
        let container = Container {
            endpoints: [("a".to_owned(), endpoint("", ""))].into(),
            ..Container::default()
        };
        let networks = [network("a", &[("10.0.2.0/24", "10.0.2.1")])];
        assert!(views_of(&container, &networks).is_empty());
    }
}
