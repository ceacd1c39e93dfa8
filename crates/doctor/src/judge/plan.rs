//! What is offered for the settings of the emulator, decided once for a run, so that what one finding
//! offers fits what the others do: all best fixes can be taken together.

use lsconfig::addr::HostPort;
use lsconfig::release::TargetVersion;

use super::World;
use crate::fix::{Change, Edit};

/// The first release that reads `GATEWAY_LISTEN`.
const READS_GATEWAY_LISTEN: TargetVersion = TargetVersion::exact(2, 0, 0);

/// Returns where the gateway is to listen from now on, as `GATEWAY_LISTEN` has it. `None` where it
/// stays, since the ports that are published fit where it listens today, or not where it is meant to.
pub(crate) fn moved(world: &World<'_>) -> Option<String> {
    let emulator = &world.emulator;
    let meant = emulator.meant.listen_set();
    let mut ports = emulator.container.ports.iter();
    let wanted = ports.any(|p| meant.iter().any(|at| at.port == p.container_port));
    (wanted && emulator.published_gateway().is_none()).then(|| meant.to_string())
}

/// Returns the port at which the gateway listens once the offers are taken.
pub(crate) fn port(world: &World<'_>) -> u16 {
    let emulator = &world.emulator;
    let meant = || emulator.meant.listen_set().first_port();
    let moved = moved(world).and_then(|_| meant());
    moved.unwrap_or_else(|| emulator.port())
}

/// Returns the `LOCALSTACK_HOST` that is offered: the host that is meant, and a port that clients
/// reach. Where no container is a client that is the published one.
pub(crate) fn host(world: &World<'_>) -> Option<HostPort> {
    let emulator = &world.emulator;
    let port = port(world);
    let mut ports = emulator.container.ports.iter();
    let published = ports.find(|p| p.protocol == "tcp" && p.container_port == port);
    let published = published
        .filter(|_| !has_containers(world))
        .and_then(|p| p.host_port);
    Some(HostPort {
        port: published.unwrap_or(port),
        ..emulator.meant.url_address()?
    })
}

/// Returns whether a container is a client, for which the ports of the host mean nothing.
pub(crate) fn has_containers(world: &World<'_>) -> bool {
    world.cases.iter().any(|case| !case.client.on_host())
}

/// Returns the changes that let the gateway listen at `port` on all addresses of its container, in
/// the names that its release reads.
pub(crate) fn listen_at(world: &World<'_>, port: u16) -> Vec<Change> {
    let target = world.emulator.container;
    let set = |name: &str, value: String| Change::of(target, Edit::Set(name.into(), value));
    let version = world.emulator.version;
    if version.is_some_and(|v| v < READS_GATEWAY_LISTEN) {
        return vec![
            set("EDGE_BIND_HOST", "0.0.0.0".into()),
            set("EDGE_PORT", port.to_string()),
        ];
    }
    vec![set("GATEWAY_LISTEN", format!("0.0.0.0:{port}"))]
}
