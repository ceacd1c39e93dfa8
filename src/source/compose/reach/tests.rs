use super::*;
use crate::layer::SourceKind;
use crate::source::compose::tests::project;

fn addresses(text: &str) -> Vec<HostPort> {
    let address = |text: &str| {
        let spec: HostPortSpec = text.parse().unwrap();
        spec.or(&HostPort::new("0.0.0.0", 4566))
    };
    text.split(',').map(address).collect()
}

fn occurrence(name: &str, raw: &str) -> Arc<Occurrence> {
    Arc::new(Occurrence {
        name: name.into(),
        written_name: None,
        raw: raw.into(),
        origin: Origin::of_source("env"),
        kind: SourceKind::Compose,
    })
}

/// Judges a service with these lines against a value of `GATEWAY_LISTEN`, a port for URLs, and a
/// release; prints severity, code and labelled text of each finding.
#[track_caller]
fn check(lines: &str, listen: &str, url_port: u16, version: &str, expected: &[&str]) {
    let text = format!("services:\n  a:\n    image: localstack/localstack\n{lines}");
    let project = project(&text);
    let addresses = addresses(listen);
    let variable = occurrence("GATEWAY_LISTEN", listen);
    let listening = Listening {
        addresses: &addresses,
        listen_variable: Some(&variable),
        url_port: Some(url_port),
        url_variable: None,
        service_ports: PortRange {
            first: 4510,
            last: 4560,
        },
        version: version.parse().ok(),
    };
    let found = super::check(&project.services[0], &listening);
    let shown: Vec<String> = found
        .iter()
        .map(|d| format!("{:?} {}: {}", d.severity, d.code, d.message))
        .collect();
    assert_eq!(shown, expected, "{lines}{listen}");
    for label in found.iter().flat_map(|d| &d.labels) {
        let source = if &*label.origin().source == "env" {
            listen
        } else {
            &text
        };
        let span = label.part().or(label.origin().span.clone());
        assert!(span.is_none_or(|span| source.get(span).is_some()));
    }
}

const USUAL: &str = "    ports: ['127.0.0.1:4566:4566', '127.0.0.1:4510-4559:4510-4559']\n";

#[test]
fn the_usual_file_is_clean() {
    check(USUAL, "0.0.0.0:4566", 4566, "4", &[]);
    check(
        "    ports: ['4566:4566', '53:53', '53:53/udp', 4510]\n",
        ":4566",
        4566,
        "4",
        &[],
    );
    check(
        "    ports: ['443:443', '4566:4566']\n",
        ":4566,:443",
        4566,
        "4",
        &[],
    );
    check(
        "    ports: ['4566-4599:4566-4599']\n",
        ":4566",
        4566,
        "0.10",
        &[],
    );
    check(
        "    ports: ['4566:4566', '4571:4571']\n",
        ":4566",
        4566,
        "0.10",
        &[],
    );
    check("    network_mode: host\n", "127.0.0.1:4566", 4566, "3", &[]);
}

#[test]
fn published_ports_need_a_listener() {
    check(
        "    ports: ['7001:7001']\n",
        ":4566",
        4566,
        "4",
        &[
            "Error published-not-listened: published container port 7001 reaches no listener",
            "Note listened-not-published: listen port 4566 is not published",
        ],
    );
    check(
        "    ports: ['4566:4566', '8080-8081:8080-8081']\n",
        ":4566",
        4566,
        "4",
        &["Warning published-not-listened: published container ports 8080-8081 reach no listener"],
    );
    check(
        "    ports: ['4566:4566', '443:443']\n",
        ":4566",
        4566,
        "4",
        &["Note published-not-listened: published container port 443 reaches no listener"],
    );
    check(
        "    ports: ['4566:4566/udp']\n",
        ":4566",
        4566,
        "4",
        &["Note listened-not-published: listen port 4566 is not published"],
    );
}

#[test]
fn listen_ports_should_be_published() {
    let note = "Note listened-not-published: listen port 4566 is not published";
    check("", ":4566", 4566, "4", &[note]);
    check(
        USUAL,
        "0.0.0.0:4566,127.0.0.2:9000,127.0.0.3:9000,0.0.0.0:9000",
        4566,
        "2.3",
        &["Note listened-not-published: listen port 9000 is not published"],
    );
}

#[test]
fn urls_need_a_port_on_both_sides() {
    check(
        "    ports: ['8080:4566']\n",
        ":4566",
        4566,
        "4",
        &[
            "Warning url-port-not-published: returned URLs carry port 4566, which the host cannot reach",
        ],
    );
    check(
        "    ports: ['8080:4566']\n",
        ":4566",
        8080,
        "4",
        &[
            "Note url-port-not-published: returned URLs carry port 8080, which works from the host alone",
        ],
    );
    check(
        USUAL,
        ":4566",
        9000,
        "4",
        &[
            "Warning url-port-not-published: returned URLs carry port 9000, where nothing can be reached",
        ],
    );
    check(
        "    ports: [4566]\n",
        ":4566",
        4566,
        "4",
        &[
            "Warning url-port-not-published: returned URLs carry port 4566, which the host cannot reach",
        ],
    );
    check(
        "    ports: ['8000-8100:4566', '4566:4566']\n",
        ":4566",
        4566,
        "4",
        &[],
    );
}

#[test]
fn loopback_is_not_reached_from_outside() {
    let plain = |address: &str| {
        format!("Error listen-loopback-in-container: `{address}` is loopback inside the container")
    };
    for address in [
        "127.0.0.1:4566",
        "127.9.9.9:4566",
        "localhost:4566",
        "[::1]:4566",
    ] {
        check(USUAL, address, 4566, "3.4", &[&plain(address)]);
    }
    check(USUAL, "[::1]:4566", 4566, "4", &[&plain("[::1]:4566")]);
    check(
        USUAL,
        "127.0.0.1:4566",
        4566,
        "4.14.0",
        &[
            "Warning listen-loopback-in-container: `127.0.0.1:4566` is loopback inside the container; \
           LocalStack 4.14.0 binds all interfaces instead",
        ],
    );
    check(
        USUAL,
        "127.0.0.1:4566",
        4566,
        "5.0.0",
        &[&plain("127.0.0.1:4566")],
    );
    check(USUAL, "127.0.0.1:4566,0.0.0.0:4566", 4566, "3.4", &[]);
}

#[test]
fn labels_point_at_the_entry_of_the_list() {
    let project = project("services: {a: {ports: ['1:1', '2:2']}}");
    let addresses = addresses("0.0.0.0:1,127.0.0.1:2");
    let variable = occurrence("GATEWAY_LISTEN", "0.0.0.0:1, 127.0.0.1:2");
    let listening = Listening {
        addresses: &addresses,
        listen_variable: Some(&variable),
        url_port: None,
        url_variable: None,
        service_ports: PortRange {
            first: 4510,
            last: 4560,
        },
        version: None,
    };
    let found = super::check(&project.services[0], &listening);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].labels[0].part(), Some(11..22));
}

#[test]
fn routes_lead_to_listen_addresses() {
    let ports = "services: {a: {ports: ['127.0.0.1:80:4566', '4510-4512:4510-4512', '4565-4567:4565-4567', \
                 '53:53/udp', 443, 9]}}";
    let project = project(ports);
    let addresses = addresses("0.0.0.0:4566,10.0.0.1:4566");
    let listening = Listening {
        addresses: &addresses,
        listen_variable: None,
        url_port: None,
        url_variable: None,
        service_ports: PortRange {
            first: 4510,
            last: 4560,
        },
        version: None,
    };
    let shown: Vec<String> = routes(&project.services[0], &listening)
        .iter()
        .map(|route| {
            let host = route.host_ip.map_or("*".to_owned(), |ip| ip.to_string());
            let published = route.published.map_or("?".to_owned(), |p| p.to_string());
            let listen: Arc<str> = match &route.listen {
                Some(listen) => listen.to_string().into(),
                None => "-".into(),
            };
            format!(
                "{host}:{published} > {} > {listen} {:?}",
                route.target, route.purpose
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "127.0.0.1:80 > 4566 > 0.0.0.0:4566 Gateway",
            "127.0.0.1:80 > 4566 > 10.0.0.1:4566 Gateway",
            "*:4510-4512 > 4510-4512 > - Services",
            "*:4566 > 4566 > 0.0.0.0:4566 Gateway",
            "*:4566 > 4566 > 10.0.0.1:4566 Gateway",
            "*:4565-4567 > 4565-4567 > - Nothing",
            "*:53 > 53 > - Dns",
            "*:? > 443 > - Https",
            "*:? > 9 > - Nothing",
        ]
    );
}
