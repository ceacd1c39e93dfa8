//! Networks, of the project and of a service.

use std::rc::Rc;
use std::sync::Arc;

use super::Spanned;
use super::merge::{listed, named};
use super::service::{flag, spanned, spanned_list};
use super::value::{Key, Node};

/// A network of the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The key by which services name it.
    pub key: Spanned,
    /// `name:`, the name that Docker knows it by.
    pub name: Option<Spanned>,
    /// `driver:`.
    pub driver: Option<Spanned>,
    /// `ipam.config`.
    pub subnets: Vec<Subnet>,
    /// `internal: true`, without a route to the outside.
    pub internal: bool,
    /// `external: true`, made by somebody else.
    pub external: bool,
}

/// One entry of `ipam.config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet:`, in CIDR notation as written.
    pub subnet: Option<Spanned>,
    /// `gateway:`, an address as written.
    pub gateway: Option<Spanned>,
}

/// A network that a service is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceNetwork {
    /// The key of the network.
    pub key: Spanned,
    /// Further names of the service there.
    pub aliases: Vec<Spanned>,
    /// The fixed IPv4 address, as written.
    pub ipv4_address: Option<Spanned>,
    /// The fixed IPv6 address, as written.
    pub ipv6_address: Option<Spanned>,
}

pub(super) fn network(key: &Key, node: &Rc<Node>) -> Network {
    let configs = node.get("ipam").and_then(|ipam| ipam.get("config"));
    let subnets = configs.map(listed).unwrap_or_default();
    Network {
        key: Spanned {
            value: Arc::clone(&key.name),
            origin: key.origin.clone(),
        },
        name: spanned(node.get("name")),
        driver: spanned(node.get("driver")),
        subnets: subnets
            .iter()
            .map(|config| Subnet {
                subnet: spanned(config.get("subnet")),
                gateway: spanned(config.get("gateway")),
            })
            .collect(),
        internal: flag(node.get("internal")),
        // The old form `external: {name: ...}` counts as well.
        external: node
            .get("external")
            .is_some_and(|external| !external.pairs().is_empty() || flag(Some(external))),
    }
}

pub(super) fn service_networks(node: Option<&Rc<Node>>) -> Vec<ServiceNetwork> {
    let Some(node) = node else {
        return Vec::new();
    };
    named(node)
        .pairs()
        .iter()
        .map(|(key, settings)| ServiceNetwork {
            key: Spanned {
                value: Arc::clone(&key.name),
                origin: key.origin.clone(),
            },
            aliases: spanned_list(settings.get("aliases")),
            ipv4_address: spanned(settings.get("ipv4_address")),
            ipv6_address: spanned(settings.get("ipv6_address")),
        })
        .collect()
}
