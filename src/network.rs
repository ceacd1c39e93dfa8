//! Which of our addresses a client is told, as a pure function of what was observed.
//!
//! [`Network`] holds the addresses of our interfaces, the gateways and the user's choices;
//! [`Network::view`] says what one client is told and by which [`Rule`]. It reads no interface and
//! no route itself: `crates/dns` observes and hands over.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// One address of one of our interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The interface's name, for people.
    pub interface: Arc<str>,
    /// The interface's index, which is the scope of link-local clients; 0 when not known.
    pub index: u32,
    /// Our address with the length of its prefix.
    pub net: IpNet,
}

/// A view that the user chose: these clients are told this address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExplicitView {
    /// Whom it is for.
    pub clients: IpNet,
    /// What they are told.
    pub address: IpAddr,
}

impl fmt::Display for ExplicitView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.clients, self.address)
    }
}

/// A text that is no `CIDR=ADDRESS`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseViewError {
    /// There is no `=`.
    #[error("view is not `CIDR=ADDRESS`")]
    Shape,
    /// The left side is neither a network nor an address.
    #[error("`{0}` is not a network such as 10.0.2.0/24")]
    Clients(String),
    /// The right side is no address.
    #[error("`{0}` is not an IP address")]
    Address(String),
}

/// Reads `10.0.2.0/24=10.0.2.20`. A bare address on the left stands for that one client.
impl FromStr for ExplicitView {
    type Err = ParseViewError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (clients, address) = text.split_once('=').ok_or(ParseViewError::Shape)?;
        Ok(Self {
            clients: parse_network(clients.trim())
                .ok_or_else(|| ParseViewError::Clients(clients.trim().to_owned()))?,
            address: address
                .trim()
                .parse()
                .map_err(|_| ParseViewError::Address(address.trim().to_owned()))?,
        })
    }
}

/// Reads a network in CIDR form, or an address as the network of that address alone.
#[must_use]
pub fn parse_network(text: &str) -> Option<IpNet> {
    let net = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(net.trunc())
}

/// What is known about our place in the network, ready to be asked.
///
/// An empty one tells every client `127.0.0.1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// The longest prefix first; among equals the order of the operating system.
    addresses: Vec<InterfaceAddress>,
    /// What is looked up for every query, worked out beforehand; one for each of `addresses`.
    routes: Vec<Route>,
    /// The longest prefix first; among equals the order in which the user wrote them.
    views: Vec<ExplicitView>,
    gateways: Vec<IpAddr>,
    resolve_ip: Option<IpAddr>,
}

impl Network {
    /// Sets the addresses of our interfaces, in the order of the operating system.
    #[must_use]
    pub fn with_addresses(mut self, addresses: Vec<InterfaceAddress>) -> Self {
        self.addresses = addresses;
        self.addresses
            .sort_by_key(|address| std::cmp::Reverse(address.net.prefix_len()));
        let route = |own| Route::new(own, &self.addresses);
        self.routes = self.addresses.iter().map(route).collect();
        self
    }

    /// Sets the gateways: a query that comes from one of them comes from the host. Leave them out
    /// when we do not run in a container, where a gateway is a router.
    #[must_use]
    pub fn with_gateways(mut self, gateways: Vec<IpAddr>) -> Self {
        self.gateways = gateways;
        self
    }

    /// Sets the views that the user chose.
    #[must_use]
    pub fn with_views(mut self, views: Vec<ExplicitView>) -> Self {
        self.views = views;
        self.views
            .sort_by_key(|view| std::cmp::Reverse(view.clients.prefix_len()));
        self
    }

    /// Sets `DNS_RESOLVE_IP`. Its default `127.0.0.1` counts as unset, as in LocalStack
    /// (`localstack/dns/server.py`).
    #[must_use]
    pub fn with_resolve_ip(mut self, address: Option<IpAddr>) -> Self {
        self.resolve_ip = address.filter(|&ip| ip != IpAddr::V4(Ipv4Addr::LOCALHOST));
        self
    }

    /// Returns the addresses of our interfaces, the longest prefix first.
    #[must_use]
    pub fn addresses(&self) -> &[InterfaceAddress] {
        &self.addresses
    }

    /// Returns whether `ip` is one of our own addresses.
    #[must_use]
    pub fn is_ours(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.addresses.iter().any(|own| own.net.addr() == ip)
    }

    /// Returns whether `client` is on a network that one of our interfaces is on.
    #[must_use]
    pub fn is_connected(&self, client: IpAddr, scope: u32) -> bool {
        self.interface_of(client.to_canonical(), scope).is_some()
    }

    /// Says what a client is told. `scope` is the index of the interface through which a
    /// link-local client came, 0 otherwise.
    ///
    /// The first rule that applies decides: an explicit view (longest prefix, each family by
    /// itself), `DNS_RESOLVE_IP`, the gateway rule, the interface whose network has the longest
    /// prefix around the client, and `127.0.0.1` for everybody else (semantics of LocalStack
    /// 4.12, which knows no views and no IPv6).
    #[must_use]
    pub fn view(&self, client: IpAddr, scope: u32) -> ClientView<'_> {
        let client = client.to_canonical();
        if let Some(view) = self.explicit(client) {
            return view;
        }
        if let Some(address) = self.resolve_ip {
            return ClientView::of(Rule::ResolveIp, [address]);
        }
        if self.gateways.contains(&client) {
            return ClientView::of(Rule::Gateway, [Ipv4Addr::LOCALHOST.into()]);
        }
        match self.interface_of(client, scope) {
            Some((own, route)) => ClientView {
                rule: Rule::Interface,
                interface: Some(&own.interface),
                v4: route.v4,
                v6: route.v6,
            },
            None => ClientView::of(Rule::Unconnected, [Ipv4Addr::LOCALHOST.into()]),
        }
    }

    fn explicit(&self, client: IpAddr) -> Option<ClientView<'_>> {
        let mut matching = self
            .views
            .iter()
            .filter(|view| view.clients.contains(&client))
            .peekable();
        matching.peek()?;
        Some(ClientView::of(
            Rule::Explicit,
            matching.map(|view| view.address),
        ))
    }

    fn interface_of(&self, client: IpAddr, scope: u32) -> Option<(&InterfaceAddress, &Route)> {
        let bits = bits_of(client);
        let any_interface = scope == 0 || !is_link_local(client);
        self.addresses
            .iter()
            .zip(&self.routes)
            .find(|(own, route)| {
                route.contains(client, bits) && (any_interface || own.index == scope)
            })
    }
}

/// A network that we are on, in the form in which clients are compared with it, and what clients on
/// it are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Route {
    is_v4: bool,
    network: u128,
    mask: u128,
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

impl Route {
    /// The matching address first, then the interface's others, so that each family gets the best
    /// address that the interface has.
    fn new(own: &InterfaceAddress, all: &[InterfaceAddress]) -> Self {
        let siblings = all.iter().filter(|other| other.interface == own.interface);
        let addresses = std::iter::once(own)
            .chain(siblings)
            .map(|address| address.net.addr())
            // A link-local address is of no use in an answer: it needs a scope.
            .filter(|&ip| !(ip.is_ipv6() && is_link_local(ip)));
        let view = ClientView::of(Rule::Interface, addresses);
        let mask = bits_of(own.net.netmask());
        Self {
            is_v4: own.net.addr().is_ipv4(),
            network: bits_of(own.net.addr()) & mask,
            mask,
            v4: view.v4,
            v6: view.v6,
        }
    }

    fn contains(&self, client: IpAddr, bits: u128) -> bool {
        bits & self.mask == self.network && client.is_ipv4() == self.is_v4
    }
}

fn bits_of(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// What one client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientView<'n> {
    /// The rule that decided.
    pub rule: Rule,
    /// The interface, where rule is [`Rule::Interface`].
    pub interface: Option<&'n str>,
    /// The answer to A; `None` means there is no data.
    pub v4: Option<Ipv4Addr>,
    /// The answer to AAAA; `None` means there is no data.
    pub v6: Option<Ipv6Addr>,
}

impl ClientView<'_> {
    /// Takes the first address of each family.
    fn of(rule: Rule, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut view = Self {
            rule,
            interface: None,
            v4: None,
            v6: None,
        };
        for address in addresses {
            match address {
                IpAddr::V4(ip) => view.v4 = view.v4.or(Some(ip)),
                IpAddr::V6(ip) => view.v6 = view.v6.or(Some(ip)),
            }
        }
        view
    }
}

/// The rule by which a client's view was found. The text form is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The user chose it for this client's network.
    Explicit,
    /// `DNS_RESOLVE_IP` is the answer for everybody.
    ResolveIp,
    /// The client is the network's gateway, which is the host.
    Gateway,
    /// Our address in the client's own network.
    Interface,
    /// No network of ours holds the client.
    Unconnected,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "explicit-view",
            Self::ResolveIp => "dns-resolve-ip",
            Self::Gateway => "gateway",
            Self::Interface => "interface",
            Self::Unconnected => "unconnected",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(interface: &str, index: u32, net: &str) -> InterfaceAddress {
        InterfaceAddress {
            interface: interface.into(),
            index,
            net: net.parse().unwrap(),
        }
    }

    fn network() -> Network {
        Network::default()
            .with_addresses(vec![
                address("lo", 1, "127.0.0.1/8"),
                address("lo", 1, "::1/128"),
                address("eth0", 2, "172.31.1.2/24"),
                address("eth0", 2, "fe80::2/64"),
                address("eth1", 3, "10.92.2.20/24"),
                address("eth1", 3, "fd00:2::20/64"),
                address("eth1", 3, "fe80::3/64"),
                address("eth2", 4, "fd00:4::4/64"),
                address("wide", 5, "10.0.0.1/8"),
            ])
            .with_gateways(vec!["172.31.1.1".parse().unwrap()])
    }

    #[track_caller]
    fn check(network: &Network, client: &str, scope: u32, rule: Rule, told: &str) {
        let view = network.view(client.parse().unwrap(), scope);
        let shown = format!(
            "{} {}",
            view.v4.map_or("-".into(), |ip| ip.to_string()),
            view.v6.map_or("-".into(), |ip| ip.to_string())
        );
        assert_eq!((view.rule, shown.as_str()), (rule, told), "{client}");
    }

    #[test]
    fn a_client_is_told_the_address_in_its_own_network() {
        let n = network();
        check(&n, "172.31.1.3", 0, Rule::Interface, "172.31.1.2 -");
        check(&n, "172.31.1.2", 0, Rule::Interface, "172.31.1.2 -");
        check(
            &n,
            "10.92.2.30",
            0,
            Rule::Interface,
            "10.92.2.20 fd00:2::20",
        );
        check(&n, "10.92.2.1", 0, Rule::Interface, "10.92.2.20 fd00:2::20");
        check(&n, "10.93.0.1", 0, Rule::Interface, "10.0.0.1 -");
        check(&n, "127.0.0.53", 0, Rule::Interface, "127.0.0.1 ::1");
        check(&n, "::1", 0, Rule::Interface, "127.0.0.1 ::1");
        check(&n, "fd00:4::9", 0, Rule::Interface, "- fd00:4::4");
        check(&n, "::ffff:172.31.1.3", 0, Rule::Interface, "172.31.1.2 -");
    }

    #[test]
    fn a_link_local_client_is_placed_by_its_scope_and_never_told_a_link_local_address() {
        let n = network();
        check(&n, "fe80::9", 3, Rule::Interface, "10.92.2.20 fd00:2::20");
        check(&n, "fe80::9", 2, Rule::Interface, "172.31.1.2 -");
        check(&n, "fe80::9", 4, Rule::Unconnected, "127.0.0.1 -");
    }

    #[test]
    fn the_gateway_is_the_host_and_strangers_get_loopback() {
        let n = network();
        check(&n, "172.31.1.1", 0, Rule::Gateway, "127.0.0.1 -");
        check(&n, "192.168.77.5", 0, Rule::Unconnected, "127.0.0.1 -");
        check(&n, "2001:db8::1", 0, Rule::Unconnected, "127.0.0.1 -");
        let host = n.with_gateways(vec![]);
        check(&host, "172.31.1.1", 0, Rule::Interface, "172.31.1.2 -");
    }

    #[test]
    fn what_the_user_chose_comes_first() {
        let views = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        let n = network().with_resolve_ip(Some("198.51.100.7".parse().unwrap()));
        check(&n, "172.31.1.1", 0, Rule::ResolveIp, "198.51.100.7 -");
        check(&n, "127.0.0.1", 0, Rule::ResolveIp, "198.51.100.7 -");
        let n = n.with_views(views(&[
            "172.31.0.0/16=172.31.9.9",
            "172.31.1.0/24=172.31.1.77",
            "172.31.0.0/16=fd00::1",
        ]));
        check(&n, "172.31.1.3", 0, Rule::Explicit, "172.31.1.77 fd00::1");
        check(&n, "172.31.2.3", 0, Rule::Explicit, "172.31.9.9 fd00::1");
        check(&n, "10.92.2.30", 0, Rule::ResolveIp, "198.51.100.7 -");
        let n = network().with_resolve_ip(Some("127.0.0.1".parse().unwrap()));
        check(&n, "172.31.1.3", 0, Rule::Interface, "172.31.1.2 -");
    }

    #[test]
    fn views_are_read_from_text() {
        let view: ExplicitView = "10.0.2.9/24 = 10.0.2.20".parse().unwrap();
        assert_eq!(view.clients.to_string(), "10.0.2.0/24");
        let one: ExplicitView = "10.0.2.9=::1".parse().unwrap();
        assert_eq!(one.clients.to_string(), "10.0.2.9/32");
        let error = |text: &str| text.parse::<ExplicitView>().unwrap_err();
        assert_eq!(error("10.0.2.0/24"), ParseViewError::Shape);
        assert_eq!(
            error("10.0.2.0/33=1.1.1.1"),
            ParseViewError::Clients("10.0.2.0/33".into())
        );
        assert_eq!(
            error("10.0.2.0/24=host"),
            ParseViewError::Address("host".into())
        );
    }

    fn any_v4_net() -> impl Strategy<Value = IpNet> {
        (any::<u32>(), 0u8..=32)
            .prop_map(|(ip, prefix)| IpNet::new(Ipv4Addr::from(ip).into(), prefix).unwrap())
    }

    proptest! {
        #[test]
        fn the_longest_prefix_wins_and_every_client_is_told_something(
            nets in proptest::collection::vec(any_v4_net(), 0..8),
            client in any::<u32>(),
        ) {
            let client = IpAddr::from(Ipv4Addr::from(client));
            let addresses: Vec<_> = nets.iter().enumerate().map(|(n, &net)| InterfaceAddress {
                interface: format!("eth{n}").into(),
                index: n as u32 + 1,
                net,
            }).collect();
            let network = Network::default().with_addresses(addresses.clone());
            let view = network.view(client, 0);
            // The reference: a plain scan that keeps the first of the longest prefixes.
            let mut best: Option<IpNet> = None;
            for net in nets.iter().filter(|net| net.contains(&client)) {
                if best.is_none_or(|b| net.prefix_len() > b.prefix_len()) {
                    best = Some(*net);
                }
            }
            match best {
                Some(net) => {
                    prop_assert_eq!(view.rule, Rule::Interface);
                    prop_assert_eq!(view.v4.map(IpAddr::from), Some(net.addr()));
                }
                None => prop_assert_eq!(view.v4, Some(Ipv4Addr::LOCALHOST)),
            }
        }

        #[test]
        fn an_ipv6_answer_is_never_loopback_for_a_remote_client(client in any::<u128>()) {
            let client = Ipv6Addr::from(client);
            prop_assume!(!client.is_loopback());
            let network = network();
            let view = network.view(client.into(), 0);
            prop_assert!(view.v6.is_none_or(|ip| !ip.is_loopback()));
        }

        #[test]
        fn parsing_a_view_never_panics_and_printing_it_parses_back(text in ".{0,40}") {
            if let Ok(view) = text.parse::<ExplicitView>() {
                let again = format!("{}={}", view.clients, view.address);
                prop_assert_eq!(again.parse::<ExplicitView>().unwrap(), view);
            }
        }
    }
}
