//! Probes on loopback: what a plan sees of servers that are good, silent, or lie.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use lsconfig_doctor::examine::plan;
use lsconfig_doctor::facts::{
    Answer, Connect, Container, Endpoint, Facts, Handshake, Position, Record, Status,
};
use lsconfig_doctor::probe::{Plan, PlanUrl, run};

/// A server that says the same to everybody.
fn server(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

fn see(address: SocketAddr, tls: bool) -> Vec<Record> {
    let mut records = Vec::new();
    let scheme = if tls { "https" } else { "http" };
    let plan = Plan {
        urls: vec![PlanUrl {
            url: format!("{scheme}://{address}"),
            host: "127.0.0.1".into(),
            port: address.port(),
            tls,
        }],
        ..Plan::default()
    };
    run(plan, &mut |record| records.push(record));
    records
}

fn answer(records: &[Record]) -> &Answer {
    records
        .iter()
        .find_map(|r| match r {
            Record::Http { outcome, .. } => Some(outcome),
            _ => None,
        })
        .unwrap()
}

#[test]
fn servers_are_told_apart() {
    let health = b"HTTP/1.0 200 OK\r\n\r\n{\"services\": {}, \"version\": \"4.12.0\"}";
    assert!(
        matches!(answer(&see(server(health), false)), Answer::LocalStack { version: Some(v), .. } if v == "4.12.0")
    );
    let liar = b"HTTP/1.1 200 OK\r\nServer: liar\x1b[31m\r\nContent-Length: 2\r\n\r\nok";
    assert!(matches!(
        answer(&see(server(liar), false)),
        Answer::Other { status: 200, .. }
    ));
    assert_eq!(*answer(&see(server(b""), false)), Answer::Closed);
    assert_eq!(
        *answer(&see(server(b"220 mail\r\n"), false)),
        Answer::NotHttp
    );
}

#[test]
fn a_port_without_listener_is_refused_and_tls_to_a_plain_port_is_seen() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(matches!(
        see(address, false)[0],
        Record::Tcp {
            outcome: Connect::Refused,
            ..
        }
    ));
    let plain = see(server(b"HTTP/1.1 400 Bad Request\r\n\r\n"), true);
    assert!(
        matches!(
            plain[1],
            Record::Tls {
                outcome: Handshake::Plain,
                ..
            }
        ),
        "{plain:?}"
    );
}

#[test]
fn our_own_listener_is_in_the_table() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut records = Vec::new();
    let plan = Plan {
        listeners: true,
        files: true,
        ..Plan::default()
    };
    run(plan, &mut |record| records.push(record));
    let seen = records.iter().any(|r| {
        matches!(r, Record::Listeners { sockets } if sockets.iter().any(|s| s.address == address && !s.udp))
    });
    assert!(seen, "{records:?}");
}

#[test]
fn one_probe_answers_for_all_who_share_a_network_and_the_different_ones_come_first() {
    let container = |id: &str, mode: &str, network: &str, url: &str| Container {
        id: id.into(),
        name: id.into(),
        image: "app".into(),
        status: Status::Running,
        network_mode: mode.into(),
        endpoints: BTreeMap::from([(network.to_owned(), Endpoint::default())]),
        env: BTreeMap::from([("AWS_ENDPOINT_URL".to_owned(), url.to_owned())]),
        ..Container::default()
    };
    let url = "http://localstack:4566";
    let mut emulator = container("localstack", "one", "one", "");
    emulator.image = "localstack/localstack:4.12".into();
    let mut sharing = container(
        "sidecar",
        "container:app-00",
        "one",
        "http://localhost:4566",
    );
    sharing.endpoints.clear();
    let mut containers: Vec<_> = (0..20)
        .map(|n| container(&format!("app-{n:02}"), "one", "one", url))
        .collect();
    containers.push(container("other", "two", "two", url));
    containers.extend([emulator, sharing]);
    let facts = Facts {
        containers,
        ..Facts::default()
    };
    let plans = plan(&facts);
    let of = |id: &str| {
        let position = Position::Container(id.into());
        plans.iter().find(|p| p.position == position)
    };
    // The namespace of the sidecar is that of another one, which asks for both.
    assert!(of("sidecar").is_none());
    let shared = of("app-00").unwrap();
    assert_eq!(shared.also, [Position::Container("sidecar".into())]);
    let asked = |url: &str| shared.plan.urls.iter().any(|u| u.url == url);
    assert!(asked(url) && asked("http://localhost:4566"));
    // Twenty that are alike do not hide the one that is not.
    assert!(of("other").is_some());
    assert!(of("app-19").is_none());
    assert!(plans.len() <= 10);
}
