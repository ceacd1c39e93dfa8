//! The sockets that listen in this network namespace, from `/proc/net` (proc(5)).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::read;
use crate::facts::Listener;

/// Docker's DNS server listens here in every container of a user's network.
const DOCKER_DNS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// Lists TCP sockets that accept and UDP sockets that are bound, without those of Docker itself.
pub(crate) fn all() -> Vec<Listener> {
    let mut sockets = Vec::new();
    for (table, udp) in [
        ("tcp", false),
        ("tcp6", false),
        ("udp", true),
        ("udp6", true),
    ] {
        let text = read(&format!("/proc/net/{table}")).unwrap_or_default();
        sockets.extend(parse(&text, udp));
    }
    sockets.sort_unstable();
    sockets.dedup();
    sockets
}

fn parse(text: &str, udp: bool) -> Vec<Listener> {
    let state = if udp { "07" } else { "0A" };
    let socket = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (ip, port) = fields.next()?.split_once(':')?;
        let is_listening = fields.nth(1)? == state;
        let port = u16::from_str_radix(port, 16).ok()?;
        let mut bytes = Vec::new();
        for at in (0..ip.len()).step_by(8) {
            // Words stand there as the machine's own integers of network bytes.
            let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        let ip: IpAddr = match bytes.as_slice() {
            &[a, b, c, d] => [a, b, c, d].into(),
            all => <[u8; 16]>::try_from(all).ok()?.into(),
        };
        (is_listening && ip != DOCKER_DNS).then(|| Listener {
            address: SocketAddr::new(ip.to_canonical(), port),
            udp,
        })
    };
    text.lines().skip(1).filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read() {
        let head = "  sl  local_address rem_address   st tx_queue\n";
        let rows = "   0: 0100007F:11D6 00000000:0000 0A 0:0\n   1: 0B00007F:9C41 00000000:0000 0A 0:0\n   2: 0100007F:1111 0100007F:2222 01 0:0\n   3: broken\n";
        let shown = |text: &str, udp| -> Vec<String> {
            parse(&format!("{head}{text}"), udp)
                .iter()
                .map(|l| l.address.to_string())
                .collect()
        };
        if cfg!(target_endian = "little") {
            assert_eq!(shown(rows, false), ["127.0.0.1:4566"]);
            let any6 = format!(
                "  0: {}:11D6 {}:0000 0A 0\n",
                "0".repeat(32),
                "0".repeat(32)
            );
            assert_eq!(shown(&any6, false), ["[::]:4566"]);
        }
        assert_eq!(
            shown("  0: 00000000:0035 00000000:0000 07 0\n", true),
            ["0.0.0.0:53"]
        );
    }
}
