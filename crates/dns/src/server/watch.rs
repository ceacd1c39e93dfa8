//! What changes around a running server: addresses, routes, resolv.conf, and the health of
//! upstreams. One worker does this beside its queries.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
};
use tokio::net::UdpSocket;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::server::Shared;
use crate::server::event::Event;
use crate::server::random::Random;
use crate::server::upstream::Upstream;
use crate::server::worker::Worker;
use crate::wire::{Name, RD, Rcode, Reply, Writer};

/// How often files and upstreams are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often addresses are read when the system reports no changes, as LocalStack does.
const NETWORK_AGE: Duration = Duration::from_secs(10);
/// How long an upstream may take to answer a probe.
const PROBE_LIMIT: Duration = Duration::from_millis(900);
/// Changes of links, addresses and routes of both families (`linux/rtnetlink.h`).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// Watches until the runtime ends.
pub(crate) async fn watch(worker: Rc<Worker>) {
    let shared = &worker.shared;
    if shared.observes() {
        spawn_local(follow_network(Rc::clone(&worker)));
    }
    // Nothing is seen yet: the file may have changed since the server read it.
    let mut seen = None;
    let mut probed: Vec<Arc<Upstream>> = Vec::new();
    let mut random = Random::default();
    loop {
        let policy = shared.policy.load_full();
        for upstream in policy.upstreams() {
            if !probed.iter().any(|known| Arc::ptr_eq(known, upstream)) {
                probed.push(Arc::clone(upstream));
                let token: String = (0..4)
                    .map(|_| format!("{:04x}", random.next_u16()))
                    .collect();
                shared.expect_loop(&token, upstream);
                if let Some(name) = Name::below(&token, &shared.loop_suffix) {
                    spawn_local(probe(Rc::clone(&worker), Arc::clone(upstream), name));
                }
            } else if upstream.is_down() {
                spawn_local(probe(Rc::clone(&worker), Arc::clone(upstream), Name::ROOT));
            }
        }
        probed.retain(|known| policy.upstreams().any(|u| Arc::ptr_eq(known, u)));
        drop(policy);
        tokio::time::sleep(LOOK).await;
        if let Some(path) = shared.resolv_conf() {
            let now = modified(&path);
            if seen != Some(now) {
                seen = Some(now);
                shared.rebuild_policy();
            }
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// Asks an upstream something harmless. Any reply shows that it is there.
async fn probe(worker: Rc<Worker>, upstream: Arc<Upstream>, name: Name) {
    let exchange = async {
        let local = if upstream.addr.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(upstream.addr).await?;
        let id = Random::default().next_u16();
        let mut question = name.as_wire().to_vec();
        question.extend_from_slice(&[0, 2, 0, 1]);
        let mut message = Vec::new();
        Writer::start(&mut message, id, RD).question(&question);
        socket.send(&message).await?;
        let mut buffer = [0; 2048];
        loop {
            let length = socket.recv(&mut buffer).await?;
            let reply = buffer.get(..length).and_then(Reply::read);
            if let Some(reply) = reply.filter(|reply| reply.id == id && reply.asks(&question)) {
                return io::Result::Ok(reply.rcode());
            }
        }
    };
    if let Ok(Ok(rcode)) = timeout(PROBE_LIMIT, exchange).await
        && rcode != Rcode::SERVFAIL
        && upstream.answered()
    {
        worker.shared.report(Event::UpstreamUp(upstream.addr));
    }
}

/// Reads addresses and routes again whenever the system reports a change.
async fn follow_network(worker: Rc<Worker>) {
    let events = open_netlink();
    let mut buffer = [0; 4096];
    loop {
        match &events {
            Ok(events) => {
                if let Ok(Ok(_)) = timeout(NETWORK_AGE, events.recv(&mut buffer)).await {
                    // Changes come in groups: link, address, route. What they say does not matter;
                    // everything is read again.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    while events.try_recv(&mut buffer).is_ok() {}
                }
            }
            Err(_) => tokio::time::sleep(NETWORK_AGE).await,
        }
        if worker.shared.observe_network() {
            worker.shared.report(Event::NetworkChanged);
        }
    }
}

/// Opens a socket for the kernel's reports. It speaks datagrams, and that is all that tokio's type
/// for UDP relies on.
fn open_netlink() -> io::Result<UdpSocket> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    UdpSocket::from_std(fd.into())
}

impl Shared {
    /// Remembers which upstream a probe was sent to.
    fn expect_loop(&self, token: &str, upstream: &Arc<Upstream>) {
        let mut probes = self.lock_probes();
        probes.retain(|(_, known)| known.strong_count() > 0);
        probes.push((token.to_owned(), Arc::downgrade(upstream)));
    }

    /// Marks the upstream whose probe came back to us. Returns false for probes of others.
    pub(crate) fn caught_loop(&self, name: &Name) -> bool {
        let Some(token) = name.labels().next() else {
            return false;
        };
        let probes = self.lock_probes();
        let sent = probes.iter().find(|(sent, _)| sent.as_bytes() == token);
        let Some(upstream) = sent.and_then(|(_, upstream)| upstream.upgrade()) else {
            return false;
        };
        if upstream.set_looping() {
            self.report(Event::UpstreamLoops(upstream.addr));
        }
        true
    }
}
