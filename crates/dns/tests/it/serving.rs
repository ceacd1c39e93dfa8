//! Sockets, transports, and the life of a server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lsconfig_dns::record::RecordData;
use lsconfig_dns::server::{ForwardConfig, NetworkConfig, ServerConfig};
use lsconfig_dns::wire::Name;

use crate::dig::{ask, dig, read_framed, show, tcp, udp};
use crate::support::{Upstream, a, eventually, reply, serve, serve_with};

const APEX: &str = "localhost.localstack.cloud";

fn config(listen: &[&str]) -> ServerConfig {
    ServerConfig {
        listen: listen.iter().map(|addr| addr.parse().unwrap()).collect(),
        workers: 2,
        ..ServerConfig::default()
    }
}

#[test]
fn both_transports_of_both_families_answer() {
    let server = serve_with(ServerConfig {
        network: NetworkConfig::observed(),
        ..config(&["127.0.0.1:0", "[::1]:0"])
    });
    let zone = server.handle.zone().load();
    let has_v6 = zone
        .network()
        .addresses()
        .iter()
        .any(|i| i.net.addr().is_ipv6());
    let query = ask("x.localhost.localstack.cloud", "A");
    let expected = ["x.localhost.localstack.cloud. 300 IN A 127.0.0.1"];
    assert_eq!(dig(server.addr, &query).answer, expected);
    assert_eq!(
        show(&tcp(server.addr, &[query.to_wire()])[0]).answer,
        expected
    );
    if has_v6 {
        let aaaa = dig(server.addr, &ask(APEX, "AAAA"));
        assert_eq!(aaaa.answer, ["localhost.localstack.cloud. 300 IN AAAA ::1"]);
    }
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let server = serve_with(config(&["0.0.0.0:0"]));
    // A connected socket takes datagrams from that address alone.
    for address in ["127.0.0.1", "127.0.0.5", "127.99.0.1"] {
        let asked = SocketAddr::new(address.parse().unwrap(), server.addr.port());
        assert_eq!(dig(asked, &ask(APEX, "A")).status, "NOERROR", "{address}");
    }
}

#[test]
fn a_burst_is_answered_whole() {
    let server = serve(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.addr).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    for n in 0..200 {
        let mut query = ask(&format!("n{n}.{APEX}"), "A");
        query.id = n;
        socket.send(&query.to_wire()).unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut buffer = [0; 2048];
    while seen.len() < 200 {
        let length = socket.recv(&mut buffer).unwrap();
        let shown = show(&buffer[..length]);
        assert_eq!(
            shown.answer,
            [format!("n{}.{APEX}. 300 IN A 127.0.0.1", shown.id)]
        );
        seen.insert(shown.id);
    }
}

#[test]
fn records_and_names_change_while_the_server_runs() {
    let server = serve(&[]);
    let query = ask("db.test", "A");
    assert_eq!(dig(server.addr, &query).status, "SERVFAIL");
    let name = Name::parse("db.test").unwrap();
    let zone = server.handle.zone();
    zone.update(|zone| zone.add_record(&name, RecordData::a("10.0.0.5".parse().unwrap())));
    assert_eq!(
        dig(server.addr, &query).answer,
        ["db.test. 300 IN A 10.0.0.5"]
    );
    assert_eq!(dig(server.addr, &ask("db.test", "MX")).status, "NOERROR");
    zone.update(|zone| {
        zone.remove_records(&name, None);
        zone.add_suffix("aws.test");
    });
    assert_eq!(dig(server.addr, &query).status, "SERVFAIL");
    assert_eq!(dig(server.addr, &ask("a.b.aws.test", "A")).answer.len(), 1);
    zone.update(|zone| {
        zone.add_record(
            &name,
            RecordData::cname(&Name::parse("x.aws.test").unwrap()),
        );
    });
    assert_eq!(
        dig(server.addr, &query).answer,
        [
            "db.test. 300 IN CNAME x.aws.test.",
            "x.aws.test. 300 IN A 127.0.0.1"
        ]
    );
    zone.update(lsconfig_dns::zone::Zone::clear);
    assert_eq!(dig(server.addr, &query).status, "SERVFAIL");
}

#[test]
fn views_change_while_the_server_runs() {
    for network in [NetworkConfig::observed(), NetworkConfig::default()] {
        let server = serve_with(ServerConfig {
            network,
            ..config(&["127.0.0.1:0"])
        });
        let answer = || dig(server.addr, &ask(APEX, "A")).answer;
        assert_eq!(answer(), ["localhost.localstack.cloud. 300 IN A 127.0.0.1"]);
        let view = "127.0.0.0/8=10.0.2.20".parse().unwrap();
        server.handle.set_views(vec![view]);
        assert_eq!(answer(), ["localhost.localstack.cloud. 300 IN A 10.0.2.20"]);
        server.handle.set_views(Vec::new());
        assert_eq!(answer(), ["localhost.localstack.cloud. 300 IN A 127.0.0.1"]);
    }
}

#[test]
fn rfc7766_7_replies_overtake_slow_ones_on_a_connection() {
    let released = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&released);
    let upstream = Upstream::start(move |query, _| {
        while !gate.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        vec![reply(query, 0, &[a("203.0.113.1", 60)])]
    });
    let server = serve(&[upstream.addr]);
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut send = |name: &str, id| {
        let mut query = ask(name, "A");
        query.id = id;
        let message = query.to_wire();
        stream
            .write_all(&(message.len() as u16).to_be_bytes())
            .unwrap();
        stream.write_all(&message).unwrap();
    };
    send("slow.test", 1);
    send(APEX, 2);
    // The client may close its side; what it asked is answered (RFC 7766, section 6.2.3).
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(show(&read_framed(&mut stream).unwrap()).id, 2);
    released.store(true, Ordering::Relaxed);
    let late = show(&read_framed(&mut stream).unwrap());
    assert_eq!((late.id, late.answer.len()), (1, 1));
    assert_eq!(
        stream.read(&mut [0; 1]).unwrap(),
        0,
        "then the server closes"
    );
}

#[test]
fn connections_without_use_shut_nobody_out() {
    let server = serve_with(ServerConfig {
        workers: 1,
        tcp_connections: 400,
        ..config(&["127.0.0.1:0"])
    });
    let idle: Vec<_> = (0..150)
        .map(|_| TcpStream::connect(server.addr).unwrap())
        .collect();
    eventually(|| server.metric("tcp_connections_total") == 150);
    assert_eq!(server.metric("tcp_connections_refused_total"), 50);
    // The oldest of this client's were closed, the newest serve.
    assert_eq!((&idle[0]).read(&mut [0; 1]).unwrap(), 0);
    let message = ask(APEX, "A").to_wire();
    assert_eq!(
        show(&tcp(server.addr, std::slice::from_ref(&message))[0])
            .answer
            .len(),
        1
    );
    let mut last = idle[149].try_clone().unwrap();
    last.write_all(&[&(message.len() as u16).to_be_bytes()[..], &message].concat())
        .unwrap();
    assert!(read_framed(&mut last).is_some());
}

#[test]
fn a_stop_ends_what_is_under_way() {
    let arrived = Arc::new(AtomicBool::new(false));
    let released = Arc::new(AtomicBool::new(false));
    let (seen, gate) = (Arc::clone(&arrived), Arc::clone(&released));
    let upstream = Upstream::start(move |query, _| {
        seen.store(true, Ordering::Relaxed);
        while !gate.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        vec![reply(query, 0, &[a("203.0.113.1", 60)])]
    });
    let mut server = serve(&[upstream.addr]);
    let addr = server.addr;
    let client = std::thread::spawn(move || udp(addr, &ask("slow.test", "A").to_wire()));
    eventually(|| arrived.load(Ordering::Relaxed));
    server.handle.stop();
    released.store(true, Ordering::Relaxed);
    assert_eq!(show(&client.join().unwrap().unwrap()).answer.len(), 1);
    server.stop();
    assert!(UdpSocket::bind(addr).is_ok(), "the port is free again");
}

#[test]
fn a_reload_changes_upstreams_and_keeps_the_cache() {
    let first = Upstream::start(|query, _| vec![reply(query, 0, &[a("203.0.113.1", 60)])]);
    let second = Upstream::start(|query, _| vec![reply(query, 0, &[a("203.0.113.2", 60)])]);
    let server = serve(&[first.addr]);
    let one = |name: &str| dig(server.addr, &ask(name, "A")).answer.concat();
    assert!(one("a.test").ends_with("203.0.113.1"));
    let forward = ForwardConfig {
        upstreams: vec![second.addr],
        ..ForwardConfig::default()
    };
    server.handle.reload(forward, None);
    assert!(one("b.test").ends_with("203.0.113.2"));
    assert!(one("a.test").ends_with("203.0.113.1"));
    server.handle.clear_cache();
    assert!(one("a.test").ends_with("203.0.113.2"));
}

#[test]
fn a_reload_changes_what_is_told() {
    let server = serve_with(config(&["127.0.0.1:0"]));
    let told = || dig(server.addr, &ask(APEX, "A")).answer.concat();
    assert!(told().ends_with(" A 127.0.0.1"));
    server.handle.set_network(NetworkConfig {
        resolve_ip: Some([10, 0, 2, 20].into()),
        ..NetworkConfig::default()
    });
    assert!(told().ends_with(" A 10.0.2.20"), "{}", told());
}

#[test]
fn upstreams_are_read_from_a_resolv_conf_and_followed() {
    let upstream = Upstream::start(|query, _| vec![reply(query, 0, &[a("203.0.113.1", 60)])]);
    let path = std::env::temp_dir().join(format!("lsconfig-dns-{}.conf", std::process::id()));
    std::fs::write(&path, "nameserver 127.0.0.1\n").unwrap();
    let server = serve_with(ServerConfig {
        resolv_conf: Some(path.clone()),
        ..config(&["127.0.0.1:0"])
    });
    // Port 53 of this machine is not ours, so the server is kept.
    assert_eq!(server.metric("upstreams"), 1);
    std::fs::write(&path, "nameserver 127.0.0.2\nnameserver 127.0.0.3\n").unwrap();
    eventually(|| server.metric("upstreams") == 2);
    std::fs::remove_file(&path).unwrap();
    eventually(|| server.metric("upstreams") == 0);
    drop(upstream);
}

#[test]
fn metrics_and_readiness_are_served() {
    let server = serve_with(ServerConfig {
        metrics: Some("127.0.0.1:0".parse().unwrap()),
        ..config(&["127.0.0.1:0"])
    });
    dig(server.addr, &ask(APEX, "A"));
    let get = |path: &str| {
        let mut stream = TcpStream::connect(server.metrics.unwrap()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(get("/metrics").contains("\nlsconfig_dns_local_answers_total 1\n"));
    assert!(get("/ready").starts_with("HTTP/1.1 200 "));
    assert!(get("/other").starts_with("HTTP/1.1 404 "));
}

#[test]
fn the_server_explains_an_answer() {
    let server = serve(&[]);
    let explain = |name: &str| {
        let mut query = ask(&format!("{name}.explain.lsconfig"), "TXT");
        query.class = 3;
        dig(server.addr, &query).answer.concat()
    };
    assert!(explain("a.localhost.localstack.cloud").contains("rule=unconnected"));
    assert!(explain("example.com").contains("source=upstream rule=not-in-zone"));
}

#[test]
fn a_check_shows_the_answer_and_its_reason() {
    let upstream = Upstream::start(|query, _| vec![reply(query, 0, &[a("203.0.113.1", 60)])]);
    let server = serve(&[upstream.addr]);
    let check = |name: &str, qtype| {
        lsconfig_dns::check::check(server.addr, &Name::parse(name).unwrap(), qtype).unwrap()
    };
    let local = check(APEX, 1);
    assert_eq!(
        local.answers,
        ["localhost.localstack.cloud. 300 A 127.0.0.1"]
    );
    assert!(
        local
            .explanation
            .unwrap()
            .starts_with("source=local zone=localhost.localstack.cloud.")
    );
    let other = check("example.com", 1);
    assert_eq!(
        other.addresses,
        ["203.0.113.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(
        other.explanation.as_deref(),
        Some("source=upstream rule=not-in-zone")
    );
}
