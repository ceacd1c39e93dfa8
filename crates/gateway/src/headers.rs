//! Headers that belong to one connection, and headers that say who asked.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::peer::Peer;

/// Headers of one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

const FORWARDED: [HeaderName; 5] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-port"),
];

/// Removes the headers of one connection, and those that `Connection` names.
///
/// The order of the others stays. `TE: trailers` stays too, because the next hop is asked the same.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let connection: Vec<HeaderValue> = headers
        .get_all(header::CONNECTION)
        .iter()
        .cloned()
        .collect();
    let is_named = |name: &HeaderName| {
        connection
            .iter()
            .flat_map(|value| value.as_bytes().split(|&b| b == b','))
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_ref()))
            && !is_essential(name)
    };
    let trailers = headers
        .get(header::TE)
        .is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    let goes = |name: &HeaderName| {
        (HOP_BY_HOP.contains(name) || is_named(name)) && !(trailers && *name == header::TE)
    };
    retain(headers, |name| !goes(name));
}

/// A `Connection` header may not take away what gives a message its meaning.
fn is_essential(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::HOST | header::AUTHORIZATION | header::CONTENT_LENGTH | header::CONTENT_TYPE
    )
}

/// Keeps the headers that `keep` wants, in order.
fn retain(headers: &mut HeaderMap, keep: impl Fn(&HeaderName) -> bool) {
    let Some(first) = headers.keys().position(|name| !keep(name)) else {
        return;
    };
    // `HeaderMap::remove` moves the last header to where the removed one was, so it keeps the order
    // where only the last ones go. Servers often say `Connection` last.
    if !headers.keys().skip(first).any(&keep) {
        let gone: Vec<HeaderName> = headers.keys().skip(first).cloned().collect();
        for name in gone.iter().rev() {
            headers.remove(name);
        }
        return;
    }
    let mut kept = HeaderMap::with_capacity(headers.len());
    let mut keeps = false;
    let mut current = None;
    for (name, value) in headers.drain() {
        if let Some(name) = name {
            keeps = keep(&name);
            current = Some(name);
        }
        if let (true, Some(name)) = (keeps, &current) {
            kept.append(name.clone(), value);
        }
    }
    *headers = kept;
}

/// Says who asked, replacing what the client said about itself.
pub(crate) fn set_forwarded(headers: &mut HeaderMap, peer: &Peer, host: &HeaderValue) {
    retain(headers, |name| !FORWARDED.contains(name));
    let scheme = if peer.tls() { "https" } else { "http" };
    let (open, close) = if peer.client().is_ipv6() {
        ("for=\"[", "]\"")
    } else {
        ("for=", "")
    };
    let forwarded = [
        open.as_bytes(),
        peer.shown().as_bytes(),
        close.as_bytes(),
        b";host=\"",
        host.as_bytes(),
        b"\";proto=",
        scheme.as_bytes(),
    ]
    .concat();
    let [name_forwarded, name_for, name_host, name_proto, _] = FORWARDED;
    headers.insert(name_proto, HeaderValue::from_static(scheme));
    headers.insert(name_for, peer.shown().clone());
    headers.insert(name_host, host.clone());
    if let Ok(forwarded) = HeaderValue::try_from(forwarded) {
        headers.insert(name_forwarded, forwarded);
    }
}

/// Returns the protocol that an `Upgrade` asks for, except `h2c`, which is obsolete (RFC 9113,
/// section 3.1) and concerns this connection alone.
pub(crate) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get_all(header::CONNECTION).iter().any(|value| {
        value.to_str().is_ok_and(|value| {
            value
                .split(',')
                .any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
        })
    });
    let protocol = headers.get(header::UPGRADE).filter(|_| asked)?;
    let h2c = protocol
        .as_bytes()
        .split(|&b| b == b',')
        .all(|p| p.trim_ascii().eq_ignore_ascii_case(b"h2c"));
    (!h2c).then(|| protocol.clone())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn shown(headers: &HeaderMap) -> Vec<String> {
        headers
            .iter()
            .map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn connection_headers_go_and_order_stays() {
        let mut headers = map(&[
            ("host", "h"),
            ("connection", "keep-alive, X-Mine, Host"),
            ("x-mine", "1"),
            ("a", "1"),
            ("a", "2"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("b", ""),
        ]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(
            shown(&headers),
            ["host: h", "a: 1", "a: 2", "te: trailers", "b: "]
        );
    }

    #[test]
    fn clients_cannot_say_who_they_are() {
        let mut headers = map(&[("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=9.9.9.9")]);
        let set = |headers: &mut HeaderMap, client: &str, host, tls| {
            let peer = Peer::new((client.parse::<IpAddr>().unwrap(), 1).into(), tls);
            set_forwarded(headers, &peer, &HeaderValue::from_static(host));
        };
        set(&mut headers, "::ffff:10.0.0.2", "h:1", true);
        assert_eq!(
            shown(&headers),
            [
                "x-forwarded-proto: https",
                "x-forwarded-for: 10.0.0.2",
                "x-forwarded-host: h:1",
                "forwarded: for=10.0.0.2;host=\"h:1\";proto=https",
            ]
        );
        let mut headers = HeaderMap::new();
        set(&mut headers, "::1", "h", false);
        let forwarded = "for=\"[::1]\";host=\"h\";proto=http";
        assert_eq!(headers["forwarded"], forwarded);
    }

    #[test]
    fn upgrades_need_both_headers_and_another_protocol() {
        let check = |connection, protocol, expected| {
            let headers = map(&[("connection", connection), ("upgrade", protocol)]);
            assert_eq!(upgrade(&headers).is_some(), expected);
        };
        check("Upgrade", "websocket", true);
        check("keep-alive, upgrade", "websocket", true);
        check("keep-alive", "websocket", false);
        check("Upgrade, HTTP2-Settings", "h2c", false);
    }
}
