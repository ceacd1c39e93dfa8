//! What mends a finding: changes of containers and networks, in terms of their settings.
//!
//! A [`Change`] names what is to be set; how it is written in a Compose file or on a command line
//! follows from it. Nothing here touches a container.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::facts::{Container, Facts, WrittenIn};
use crate::world::{Client, Emulator, is_special};

/// One way to mend a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fix {
    /// What it does, as a fragment.
    pub title: String,
    /// The changes, where it is about settings of containers.
    pub changes: Vec<Change>,
    /// Commands, ready to run.
    pub commands: Vec<String>,
    /// Whether containers have to be made anew.
    pub needs_recreate: bool,
}

impl Fix {
    /// A fix in words.
    #[must_use]
    pub fn say(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// A fix by settings; containers have to be made anew for them.
    #[must_use]
    pub fn change(title: impl Into<String>, changes: Vec<Change>) -> Self {
        Self {
            title: title.into(),
            needs_recreate: !changes.is_empty(),
            changes,
            ..Self::default()
        }
    }

    /// Adds a command.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// One setting of a container or network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The container, by its name or that of its service.
    pub container: String,
    /// What to set.
    pub edit: Edit,
}

/// What to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replaces `dns:`.
    Dns(IpAddr),
    /// Attaches to a network of the project, with a fixed address where there is one.
    Attach {
        /// The network as its project calls it.
        network: String,
        /// The address.
        address: Option<IpAddr>,
    },
    /// Gives a network of the project a subnet.
    Subnet {
        /// The network as its project calls it.
        network: String,
        /// The range.
        subnet: IpNet,
    },
    /// Declares a network that somebody else made.
    External {
        /// How the project calls it.
        network: String,
        /// Its name for Docker.
        name: String,
    },
    /// Adds an entry to `ports:`.
    Publish(String),
    /// Replaces an entry of `ports:` that leads to a container port.
    Republish {
        /// The container port of the entry that goes.
        container_port: u16,
        /// What comes.
        entry: String,
    },
    /// Sets a variable.
    Set(String, String),
    /// Sets a variable in the place of another one, which goes.
    Rename {
        /// The one that goes.
        from: String,
        /// The one that comes.
        to: String,
        /// Its value.
        value: String,
    },
    /// Lets a URL in a variable begin otherwise.
    Repoint {
        /// The variable.
        name: String,
        /// Scheme, host and port as they are.
        from: String,
        /// Scheme, host and port as they shall be.
        to: String,
        /// What follows and stays. Secrets in it are masked.
        rest: String,
    },
    /// Removes a variable.
    Unset(String),
    /// Removes a key.
    Remove(&'static str),
    /// Removes the entry of a list that starts like this.
    RemoveItem(&'static str, String),
}

impl Change {
    /// A change of a container.
    #[must_use]
    pub fn of(container: &Container, edit: Edit) -> Self {
        Self {
            container: container.label().to_owned(),
            edit,
        }
    }
}

/// Returns an address that the emulator can have for good, and the changes that give it.
///
/// An address that is pinned already is kept. Otherwise a subnet is chosen that collides with no
/// network.
#[must_use]
pub fn pin(
    facts: &Facts,
    emulator: &Emulator<'_>,
    client: Option<&Client<'_>>,
) -> (IpAddr, Vec<Change>) {
    let target = emulator.container;
    let own = client.and_then(|c| c.container);
    let shared = own.and_then(|own| own.shared_networks(target).next());
    let any = || {
        target
            .endpoints
            .keys()
            .map(String::as_str)
            .find(|n| !is_special(n))
    };
    let network = shared.or_else(any);
    let key = network
        .map_or("aws", |name| network_key(target, name))
        .to_owned();
    let attach = |address| Edit::Attach {
        network: key.clone(),
        address,
    };
    let mut changes = Vec::new();
    let pinned = network.and_then(|name| target.endpoints.get(name)?.pinned_ip);
    let address = match pinned {
        Some(address) => address,
        None => {
            let subnet = free_subnet(facts, network.unwrap_or("aws"));
            let address = subnet.hosts().nth(1).unwrap_or(subnet.addr());
            changes.push(Change::of(
                target,
                Edit::Subnet {
                    network: key.clone(),
                    subnet,
                },
            ));
            changes.push(Change::of(target, attach(Some(address))));
            address
        }
    };
    if let Some(own) = own
        && shared.is_none()
    {
        changes.extend(attachment(own, target, network));
    }
    (address, changes)
}

/// Returns the changes that attach `client` to a network of `target`.
#[must_use]
pub fn attachment(client: &Container, target: &Container, network: Option<&str>) -> Vec<Change> {
    let key = network.map_or("aws", |name| network_key(target, name));
    let project = |c: &Container| c.compose.as_ref().map(|s| s.project.clone());
    let attach = |network: &str| {
        Change::of(
            client,
            Edit::Attach {
                network: network.to_owned(),
                address: None,
            },
        )
    };
    match network {
        Some(name) if project(client) != project(target) => vec![
            Change::of(
                client,
                Edit::External {
                    network: "aws".into(),
                    name: name.to_owned(),
                },
            ),
            attach("aws"),
        ],
        _ => vec![attach(key)],
    }
}

/// Returns how the project of a container calls a network: `default` for `project_default`.
#[must_use]
pub fn network_key<'n>(container: &Container, network: &'n str) -> &'n str {
    let project = container.compose.as_ref().map(|c| c.project.as_str());
    project
        .and_then(|project| network.strip_prefix(project)?.strip_prefix('_'))
        .unwrap_or(network)
}

/// Returns a range of 256 addresses that no network has, another one for each network of the facts.
#[must_use]
pub fn free_subnet(facts: &Facts, network: &str) -> IpNet {
    let before = facts.networks.iter().filter(|n| !is_special(&n.name));
    let nth = before.take_while(|n| n.name != network).count();
    let taken: Vec<IpNet> = facts
        .networks
        .iter()
        .flat_map(|n| &n.subnets)
        .map(|s| s.subnet)
        .collect();
    let candidates = (44..=255).chain(0..44).map(|third| {
        let base = std::net::Ipv4Addr::new(172, 28, third, 0);
        IpNet::new_assert(base.into(), 24)
    });
    let free = |net: &IpNet| {
        !taken
            .iter()
            .any(|t| t.contains(&net.network()) || net.contains(&t.network()))
    };
    let mut candidates = candidates.filter(free);
    candidates
        .nth(nth)
        .unwrap_or_else(|| IpNet::new_assert(std::net::Ipv4Addr::new(192, 168, 244, 0).into(), 24))
}

/// Writes the changes as part of a Compose file, or of the job of a workflow.
#[must_use]
pub fn snippet(changes: &[Change], written_in: WrittenIn) -> String {
    let mut services: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    let mut networks: Vec<&Edit> = Vec::new();
    for change in changes {
        match &change.edit {
            edit @ (Edit::Subnet { .. } | Edit::External { .. }) => {
                if !networks.contains(&edit) {
                    networks.push(edit);
                }
            }
            edit => services.entry(&change.container).or_default().push(edit),
        }
    }
    let mut out = String::new();
    if !services.is_empty() {
        out.push_str("services:\n");
    }
    for (service, edits) in services {
        let _ = writeln!(out, "  {service}:");
        let of_kind = |head: &str, lines: Vec<String>, out: &mut String| {
            if !lines.is_empty() {
                let _ = writeln!(out, "    {head}:");
                for line in lines {
                    let _ = writeln!(out, "      {line}");
                }
            }
        };
        let mut kinds: [Vec<String>; 4] = Default::default();
        for edit in edits {
            match edit {
                Edit::Dns(ip) => {
                    let _ = writeln!(out, "    dns: [{ip}]");
                }
                Edit::Attach { network, address } => kinds[0].push(match address {
                    Some(ip) => format!("{network}: {{ipv4_address: {ip}}}"),
                    None => format!("{network}: {{}}"),
                }),
                Edit::Publish(entry) | Edit::Republish { entry, .. } => {
                    kinds[1].push(format!("- \"{entry}\""));
                }
                Edit::Set(name, value) => kinds[2].push(format!("{name}: \"{value}\"")),
                Edit::Rename { from, to, value } => {
                    kinds[2].push(format!("# remove {from}"));
                    kinds[2].push(format!("{to}: \"{value}\""));
                }
                Edit::Repoint { name, to, rest, .. } => {
                    kinds[2].push(format!("{name}: \"{to}{rest}\""));
                }
                Edit::Unset(name) => kinds[2].push(format!("# remove {name}")),
                Edit::Remove(key) => {
                    let _ = writeln!(out, "    # remove {key}");
                }
                Edit::RemoveItem(key, item) => {
                    let _ = writeln!(out, "    # remove from {key}: {item}");
                }
                Edit::Subnet { .. } | Edit::External { .. } => {}
            }
        }
        let [attached, ports, environment, _] = kinds;
        of_kind("networks", attached, &mut out);
        of_kind("ports", ports, &mut out);
        let key = match written_in {
            WrittenIn::Workflow => "env",
            WrittenIn::Compose | WrittenIn::DevContainer => "environment",
        };
        of_kind(key, environment, &mut out);
    }
    if !networks.is_empty() {
        out.push_str("networks:\n");
    }
    for edit in networks {
        let _ = match edit {
            Edit::Subnet { network, subnet } => {
                writeln!(
                    out,
                    "  {network}:\n    ipam:\n      config:\n        - subnet: {subnet}"
                )
            }
            Edit::External { network, name } => {
                writeln!(out, "  {network}:\n    name: {name}\n    external: true")
            }
            _ => Ok(()),
        };
    }
    out
}

/// Writes the changes as flags of `docker run`, a line for each container.
#[must_use]
pub fn flags(changes: &[Change]) -> Vec<String> {
    let mut first = Vec::new();
    let mut runs: BTreeMap<&str, String> = BTreeMap::new();
    for change in changes {
        let flag = match &change.edit {
            Edit::Subnet { network, subnet } => {
                first.push(format!("docker network create --subnet {subnet} {network}"));
                continue;
            }
            Edit::External { .. } => continue,
            Edit::Dns(ip) => format!("--dns {ip}"),
            Edit::Attach { network, address } => match address {
                Some(ip) => format!("--network {network} --ip {ip}"),
                None => {
                    let external = changes.iter().find_map(|c| match &c.edit {
                        Edit::External { network: n, name } if n == network => Some(name),
                        _ => None,
                    });
                    format!("--network {}", external.unwrap_or(network))
                }
            },
            Edit::Publish(entry) | Edit::Republish { entry, .. } => format!("-p {entry}"),
            Edit::Set(name, value) => format!("-e {name}={value}"),
            Edit::Rename { from, to, value } => format!("(without -e {from}) -e {to}={value}"),
            Edit::Repoint { name, to, rest, .. } => format!("-e {name}={to}{rest}"),
            Edit::Unset(name) => format!("(without -e {name})"),
            Edit::Remove("network_mode") => "(without --network host)".to_owned(),
            Edit::Remove(key) => format!("(without {key})"),
            Edit::RemoveItem(_, item) => format!("(without --add-host {item})"),
        };
        let line = runs.entry(&change.container).or_default();
        line.push(' ');
        line.push_str(&flag);
    }
    first.extend(
        runs.into_iter()
            .map(|(name, flags)| format!("docker run --name {name}{flags} ...")),
    );
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_written_for_files_and_for_the_command_line() {
        let change = |container: &str, edit| Change {
            container: container.into(),
            edit,
        };
        let ip: IpAddr = "172.28.44.2".parse().unwrap();
        let changes = [
            change(
                "ls",
                Edit::Subnet {
                    network: "aws".into(),
                    subnet: "172.28.44.0/24".parse().unwrap(),
                },
            ),
            change(
                "ls",
                Edit::Attach {
                    network: "aws".into(),
                    address: Some(ip),
                },
            ),
            change("app", Edit::Dns(ip)),
            change("app", Edit::Set("A".into(), "b".into())),
        ];
        let text = snippet(&changes, WrittenIn::Compose);
        assert!(lsconfig::source::yaml::Tree::parse(&text).is_ok());
        assert_eq!(
            text,
            "services:\n  app:\n    dns: [172.28.44.2]\n    environment:\n      A: \"b\"\n  ls:\n    networks:\n      aws: {ipv4_address: 172.28.44.2}\nnetworks:\n  aws:\n    ipam:\n      config:\n        - subnet: 172.28.44.0/24\n"
        );
        assert_eq!(
            flags(&changes),
            [
                "docker network create --subnet 172.28.44.0/24 aws",
                "docker run --name app --dns 172.28.44.2 -e A=b ...",
                "docker run --name ls --network aws --ip 172.28.44.2 ...",
            ]
        );
    }

    #[test]
    fn a_subnet_is_chosen_that_nobody_has() {
        let mut facts = Facts::default();
        assert_eq!(free_subnet(&facts, "a").to_string(), "172.28.44.0/24");
        facts.networks.push(crate::facts::Network {
            subnets: vec![crate::facts::Subnet {
                subnet: "172.28.0.0/16".parse().unwrap(),
                gateway: None,
            }],
            ..Default::default()
        });
        assert_eq!(free_subnet(&facts, "a").to_string(), "192.168.244.0/24");
    }
}
