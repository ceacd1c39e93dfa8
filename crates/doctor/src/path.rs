//! The path from a client to the emulator by one URL: what should happen, and what was seen.
//!
//! [`predict`] follows the rules of Docker's networks from the facts alone; [`observe`] reads what a
//! probe saw. Where both exist the probe counts, and where they differ that is worth a finding.

use std::net::IpAddr;

use crate::facts::{Answer, Connect, Container, Facts, Handshake, Lookup, Record, Standing};
use crate::world::client_url::HOST_NAMES;
use crate::world::{Client, ClientUrl, DOMAIN, Emulator, is_special, is_within};

/// How a path ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The emulator answers.
    Ok,
    /// This cannot be told.
    Unknown,
    /// The name gives no address.
    Unresolved(Lookup),
    /// The address takes no connection.
    NotConnected(Connect),
    /// The connection is closed before anything is answered.
    Closed,
    /// The connection stands and nothing is answered.
    Stalled,
    /// Something that is not the emulator answers.
    Foreign(u16),
    /// TLS was tried on a port that speaks none.
    Plain,
    /// The TLS handshake fails.
    TlsFailed,
    /// What answers is no HTTP.
    NotHttp,
}

impl Outcome {
    /// Returns whether the client certainly fails.
    #[must_use]
    pub fn fails(&self) -> bool {
        !matches!(self, Self::Ok | Self::Unknown)
    }

    /// Says it for people, as a fragment.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Ok => "the emulator answers".into(),
            Self::Unknown => "not known".into(),
            Self::Unresolved(Lookup::NoData) => "name has no IPv4 address (NODATA)".into(),
            Self::Unresolved(Lookup::ServFail) => "DNS server fails (SERVFAIL)".into(),
            Self::Unresolved(Lookup::Timeout | Lookup::Refused) => {
                "DNS server does not answer".into()
            }
            Self::Unresolved(_) => "name is not known (NXDOMAIN)".into(),
            Self::NotConnected(Connect::Timeout) => "connection times out".into(),
            Self::NotConnected(Connect::Unreachable) => "no route to the address".into(),
            Self::NotConnected(_) => "connection is refused".into(),
            Self::Closed => "connection is closed without an answer".into(),
            Self::Stalled => "connection stands, nothing is answered".into(),
            Self::Foreign(status) => format!("something else answers (status {status})"),
            Self::Plain => "port speaks no TLS".into(),
            Self::TlsFailed => "TLS handshake fails".into(),
            Self::NotHttp => "what answers is no HTTP".into(),
        }
    }
}

/// What a name leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved<'f> {
    /// The client itself.
    Own,
    /// These containers, which share a network with the client.
    Containers(Vec<&'f Container>),
    /// This address.
    Address(IpAddr),
    /// Nobody knows it.
    Nowhere,
    /// The DNS server at this address does not answer.
    Dead(IpAddr),
    /// This cannot be told.
    Unknown,
}

/// Who says what a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// It is an address already.
    Literal,
    /// The hosts file: `extra_hosts`, a link, or its own name.
    Hosts,
    /// Docker's DNS server.
    Docker,
    /// The DNS server at this address.
    Server(IpAddr),
    /// The DNS servers of the host or of the internet.
    Public,
}

/// A path and its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Path<'f> {
    /// How it ends.
    pub outcome: Outcome,
    /// What the name leads to.
    pub resolved: Resolved<'f>,
    /// Who says so.
    pub by: By,
    /// The address that was tried, where one is known.
    pub address: Option<IpAddr>,
}

/// What stands behind an address in `dns:`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DnsServer<'f> {
    /// The emulator, reachable.
    Emulator(IpAddr),
    /// Another container, reachable.
    Container(IpAddr, &'f Container),
    /// The host, through the gateway of a network.
    Gateway(IpAddr),
    /// Nobody has the address any more, or its owner cannot be reached.
    Dead(IpAddr),
    /// A server outside of Docker.
    Outside(IpAddr),
}

/// Returns what stands behind every address in `dns:` of a client.
#[must_use]
pub fn dns_servers<'f>(
    facts: &'f Facts,
    emulator: &Emulator<'f>,
    client: &Client<'f>,
) -> Vec<DnsServer<'f>> {
    let Some(own) = client.network else {
        return Vec::new();
    };
    let addresses = own.dns.iter().filter_map(|text| text.parse().ok());
    addresses
        .map(|ip: IpAddr| {
            if facts.is_gateway(ip) {
                return DnsServer::Gateway(ip);
            }
            match facts.owner_of(ip) {
                Some((owner, network)) if own.endpoints.contains_key(network) => {
                    if owner.id == emulator.container.id {
                        DnsServer::Emulator(ip)
                    } else {
                        DnsServer::Container(ip, owner)
                    }
                }
                Some(_) => DnsServer::Dead(ip),
                None if in_a_network(facts, ip) => DnsServer::Dead(ip),
                None => DnsServer::Outside(ip),
            }
        })
        .collect()
}

fn in_a_network(facts: &Facts, ip: IpAddr) -> bool {
    let mut subnets = facts.networks.iter().flat_map(|n| &n.subnets);
    subnets.any(|s| s.subnet.contains(&ip))
}

/// Says what a name leads to in the place of a client.
#[must_use]
pub fn resolve<'f>(
    facts: &'f Facts,
    emulator: &Emulator<'f>,
    client: &Client<'f>,
    name: &str,
) -> (Resolved<'f>, By) {
    if let Ok(ip) = name.parse::<IpAddr>() {
        let own = ip.is_loopback() || ip.is_unspecified();
        let resolved = if own {
            Resolved::Own
        } else {
            Resolved::Address(ip)
        };
        return (resolved, By::Literal);
    }
    if name == "localhost" || name.ends_with(".localhost") {
        return (Resolved::Own, By::Hosts);
    }
    if let Some(resolved) = client.network.and_then(|own| from_hosts(facts, own, name)) {
        return (resolved, By::Hosts);
    }
    if let Some(own) = client.network {
        if own.network_mode == "none" {
            return (Resolved::Nowhere, By::Docker);
        }
        let user_networks = own.endpoints.keys().filter(|n| !is_special(n));
        for network in user_networks {
            let known = facts.containers.iter();
            let found: Vec<&Container> = known
                .filter(|c| c.is_up() && c.is_called(name, network))
                .collect();
            if !found.is_empty() {
                return (Resolved::Containers(found), By::Docker);
            }
        }
        // The first server that answers decides; a dead one costs time, and an error when it is alone.
        let servers = dns_servers(facts, emulator, client);
        let alive = servers.iter().find(|s| !matches!(s, DnsServer::Dead(_)));
        if let Some(&server) = alive.or(servers.first()) {
            match server {
                DnsServer::Emulator(ip) => {
                    return match emulator.serves_dns() {
                        Some(false) => (Resolved::Dead(ip), By::Server(ip)),
                        _ if emulator.answers_for(name) => (
                            Resolved::Containers(vec![emulator.container]),
                            By::Server(ip),
                        ),
                        _ => (public(emulator, name), By::Server(ip)),
                    };
                }
                DnsServer::Dead(ip) => return (Resolved::Dead(ip), By::Server(ip)),
                DnsServer::Gateway(ip) => {
                    // Through the host the emulator sees no client that it knows a network of.
                    let published = emulator.container.ports.iter();
                    let serves =
                        published.filter(|p| p.protocol == "udp" && p.host_port == Some(53));
                    return if serves.count() > 0 && emulator.answers_for(name) {
                        (Resolved::Own, By::Server(ip))
                    } else {
                        (Resolved::Unknown, By::Server(ip))
                    };
                }
                DnsServer::Container(ip, _) => return (Resolved::Unknown, By::Server(ip)),
                DnsServer::Outside(ip) => return (public(emulator, name), By::Server(ip)),
            }
        }
    }
    (public(emulator, name), By::Public)
}

/// What public DNS says: the domain is 127.0.0.1, a name without a dot is nothing.
fn public<'f>(emulator: &Emulator<'f>, name: &str) -> Resolved<'f> {
    if is_within(name, DOMAIN) {
        return Resolved::Own;
    }
    let below_a_container = emulator
        .names
        .iter()
        .any(|known| !known.contains('.') && is_within(name, known));
    if !name.contains('.') || below_a_container || HOST_NAMES.contains(&name) {
        return Resolved::Nowhere;
    }
    Resolved::Unknown
}

fn from_hosts<'f>(facts: &'f Facts, own: &'f Container, name: &str) -> Option<Resolved<'f>> {
    let by_address = |text: &str| match text {
        "host-gateway" => facts.host_gateway().map(Resolved::Address),
        _ => match text.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() => Some(Resolved::Own),
            Ok(ip) => Some(Resolved::Address(ip)),
            Err(_) => None,
        },
    };
    for line in &own.extra_hosts {
        let (host, address) = line.split_once([':', '='])?;
        if host.eq_ignore_ascii_case(name) {
            return Some(by_address(address).unwrap_or(Resolved::Unknown));
        }
    }
    for link in &own.links {
        let (container, alias) = link.split_once(':')?;
        if alias.eq_ignore_ascii_case(name) || container.eq_ignore_ascii_case(name) {
            let linked = facts.container(container)?;
            return linked.is_up().then(|| Resolved::Containers(vec![linked]));
        }
    }
    let text = own.hosts_file.as_deref().unwrap_or_default();
    host_lines(text)
        .find(|(_, names)| names.iter().any(|n| n.eq_ignore_ascii_case(name)))
        .map(|(ip, _)| {
            if ip.is_loopback() || own.addresses().any(|a| a == ip) {
                Resolved::Own
            } else {
                Resolved::Address(ip)
            }
        })
}

/// Reads the lines of a hosts file.
pub(crate) fn host_lines(text: &str) -> impl Iterator<Item = (IpAddr, Vec<&str>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let ip = words.next()?.parse().ok()?;
        Some((ip, words.collect()))
    })
}

/// Says how the path by a URL should end.
#[must_use]
pub fn predict<'f>(
    facts: &'f Facts,
    emulator: &Emulator<'f>,
    client: &Client<'f>,
    url: &ClientUrl,
) -> Path<'f> {
    let (resolved, by) = resolve(facts, emulator, client, &url.host);
    let (outcome, address) = match &resolved {
        Resolved::Nowhere => (Outcome::Unresolved(Lookup::NxDomain), None),
        Resolved::Dead(_) => (Outcome::Unresolved(Lookup::Timeout), None),
        Resolved::Unknown => (Outcome::Unknown, None),
        Resolved::Own => (own(emulator, client, url), url.ip()),
        Resolved::Containers(all) => match all.as_slice() {
            [one] if one.id == emulator.container.id => {
                let address = shared_address(client, one);
                (within(facts, emulator, client, url.port), address)
            }
            _ => (Outcome::Unknown, None),
        },
        Resolved::Address(ip) => (to_address(facts, emulator, client, *ip, url), Some(*ip)),
    };
    Path {
        outcome,
        resolved,
        by,
        address,
    }
}

fn shared_address(client: &Client<'_>, container: &Container) -> Option<IpAddr> {
    let own = client.network?;
    let mut shared = own
        .endpoints
        .keys()
        .filter_map(|n| container.endpoints.get(n));
    shared.find_map(|e| e.ip.or(e.pinned_ip).or(e.ip6))
}

/// Loopback of the client: the emulator when they share a namespace, its published port on the host.
fn own(emulator: &Emulator<'_>, client: &Client<'_>, url: &ClientUrl) -> Outcome {
    let target = emulator.container;
    if client.on_host() {
        // Which loopback the host's network means is a matter of the product that made the machine.
        let in_vm = client.standing == Some(Standing::VirtualMachine);
        if in_vm && (client.container.is_some() || target.network_mode == "host") {
            return Outcome::Unknown;
        }
        if target.network_mode == "host" {
            return listening(emulator.listening_anywhere(url.port));
        }
        let ip = url.ip().unwrap_or(IpAddr::from([127, 0, 0, 1]));
        return through_host(emulator, ip, url.port);
    }
    if client.network.is_some_and(|own| own.id == target.id) {
        return listening(emulator.listening_anywhere(url.port));
    }
    Outcome::NotConnected(Connect::Refused)
}

fn listening(listens: Option<bool>) -> Outcome {
    match listens {
        Some(true) => Outcome::Ok,
        Some(false) => Outcome::NotConnected(Connect::Refused),
        None => Outcome::Unknown,
    }
}

/// A published port: docker-proxy takes the connection whatever is behind it.
fn through_host(emulator: &Emulator<'_>, ip: IpAddr, port: u16) -> Outcome {
    let target = emulator.container;
    if target.network_mode == "host" {
        return listening(emulator.listens(port));
    }
    let mut published = target.ports.iter().filter(|p| {
        p.protocol == "tcp"
            && p.host_port == Some(port)
            && match p.host_ip {
                None => true,
                Some(bound) => bound == ip,
            }
    });
    match published.next() {
        Some(_) if target.ports_active == Some(false) => Outcome::NotConnected(Connect::Refused),
        Some(port) => match emulator.listens(port.container_port) {
            Some(true) => Outcome::Ok,
            Some(false) => Outcome::Closed,
            None => Outcome::Unknown,
        },
        None => Outcome::NotConnected(Connect::Refused),
    }
}

/// A connection to the emulator's own address on a network that both are on.
fn within(facts: &Facts, emulator: &Emulator<'_>, client: &Client<'_>, port: u16) -> Outcome {
    if client.outside_of_vm() {
        return Outcome::NotConnected(Connect::Timeout);
    }
    let Some(own) = client.network else {
        // The host has an address on every bridge.
        return listening(emulator.listens(port));
    };
    if own.network_mode == "host" {
        return listening(emulator.listens(port));
    }
    let mut shared = own
        .endpoints
        .keys()
        .filter(|n| emulator.container.endpoints.contains_key(*n));
    let Some(first) = shared.next() else {
        return Outcome::NotConnected(Connect::Timeout);
    };
    let open = std::iter::once(first)
        .chain(shared)
        .any(|name| facts.network(name).and_then(|network| network.icc) != Some(false));
    if open {
        listening(emulator.listens(port))
    } else {
        Outcome::NotConnected(Connect::Timeout)
    }
}

fn to_address(
    facts: &Facts,
    emulator: &Emulator<'_>,
    client: &Client<'_>,
    ip: IpAddr,
    url: &ClientUrl,
) -> Outcome {
    if facts.is_gateway(ip) {
        return through_host(emulator, ip, url.port);
    }
    match facts.owner_of(ip) {
        Some((owner, _)) if owner.id == emulator.container.id => {
            within(facts, emulator, client, url.port)
        }
        None if in_a_network(facts, ip) => Outcome::NotConnected(Connect::Unreachable),
        _ => Outcome::Unknown,
    }
}

impl Emulator<'_> {
    /// Returns whether something listens at `port` for connections from inside its namespace.
    fn listening_anywhere(&self, port: u16) -> Option<bool> {
        if self.listens_on_loopback_only(port) {
            return Some(true);
        }
        self.listens(port)
    }
}

/// Reads how the path by a URL ended when a probe went it. `None` when no probe did.
#[must_use]
pub fn observe<'f>(facts: &'f Facts, client: &Client<'f>, url: &ClientUrl) -> Option<Path<'f>> {
    let records = &facts.observed(&client.position)?.records;
    let (answers, lookup, by) = lookup_of(records, &url.host)?;
    let end = |outcome, address| {
        let resolved = match answers.as_slice() {
            [] => match lookup {
                Lookup::NxDomain | Lookup::NoData => Resolved::Nowhere,
                _ => Resolved::Unknown,
            },
            [first, ..] => of_address(facts, client, *first),
        };
        Some(Path {
            outcome,
            resolved,
            by: by.clone(),
            address,
        })
    };
    if answers.is_empty() {
        return end(Outcome::Unresolved(lookup), None);
    }
    let mut last = None;
    for &ip in &answers {
        let address = std::net::SocketAddr::new(ip, url.port);
        let Some(connect) = records.iter().find_map(|r| match r {
            Record::Tcp {
                address: a,
                outcome,
                ..
            } if *a == address => Some(*outcome),
            _ => None,
        }) else {
            continue;
        };
        if connect != Connect::Ok {
            last = last.or(Some((Outcome::NotConnected(connect), ip)));
            continue;
        }
        if url.tls {
            let shake = records.iter().find_map(|r| match r {
                Record::Tls {
                    address: a,
                    sni,
                    outcome,
                    ..
                } if *a == address && *sni == url.host => Some(*outcome),
                _ => None,
            });
            match shake {
                Some(Handshake::Plain) => return end(Outcome::Plain, Some(ip)),
                Some(Handshake::Failed) => return end(Outcome::TlsFailed, Some(ip)),
                Some(Handshake::Ok) | None => {}
            }
        }
        let answer = records.iter().find_map(|r| match r {
            Record::Http {
                url: u,
                address: a,
                outcome,
                ..
            } if *a == address && *u == url.text => Some(outcome),
            _ => None,
        });
        let outcome = match answer {
            Some(Answer::LocalStack { .. }) => Outcome::Ok,
            Some(Answer::Other { status, .. }) => Outcome::Foreign(*status),
            Some(Answer::Closed) => Outcome::Closed,
            Some(Answer::Stalled) => Outcome::Stalled,
            Some(Answer::NotHttp) => Outcome::NotHttp,
            None => Outcome::Unknown,
        };
        return end(outcome, Some(ip));
    }
    let (outcome, ip) = last?;
    end(outcome, Some(ip))
}

/// Returns what a probe was told about a name: addresses, the outcome, and by whom.
pub(crate) fn lookup_of(records: &[Record], name: &str) -> Option<(Vec<IpAddr>, Lookup, By)> {
    if let Ok(ip) = name.parse() {
        return Some((vec![ip], Lookup::Found, By::Literal));
    }
    let mut of_name = records.iter().filter_map(|record| match record {
        Record::Resolve {
            name: n,
            server,
            outcome,
            answers,
            ..
        } if n.eq_ignore_ascii_case(name) => Some((answers.clone(), *outcome, server_of(server))),
        _ => None,
    });
    // The probe asks in the order in which a client would; what was asked beyond that is a what-if.
    of_name.next()
}

fn server_of(server: &str) -> By {
    match server {
        "hosts" => By::Hosts,
        "127.0.0.11" => By::Docker,
        other => other.parse().map_or(By::Public, By::Server),
    }
}

fn of_address<'f>(facts: &'f Facts, client: &Client<'f>, ip: IpAddr) -> Resolved<'f> {
    if ip.is_loopback() {
        return Resolved::Own;
    }
    match facts.owner_of(ip) {
        Some((owner, network))
            if client
                .network
                .is_some_and(|own| own.endpoints.contains_key(network)) =>
        {
            Resolved::Containers(vec![owner])
        }
        _ => Resolved::Address(ip),
    }
}
