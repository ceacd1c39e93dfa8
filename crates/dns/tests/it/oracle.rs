//! Answers of LocalStack 4.12's server (`tests/data/oracle/dns.jsonl`) against ours.
//!
//! What differs must be listed in `known_divergences.txt` with the aspects that differ and the name
//! of a reason in `docs/reference/dns-divergences.md`; what is listed must differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::network::{InterfaceAddress, Network};
use lsconfig::release::Semantics;
use lsconfig::resolve::resolve;
use lsconfig_dns::answer::{Client, Decision, MAX_DATAGRAM, answer, write};
use lsconfig_dns::settings::DnsSettings;
use lsconfig_dns::wire::{self, Rcode, Unreadable, read_query};
use serde_json::Value;

use crate::dig::{Ask, Shown, ask, show};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The environment of a set-up, whether it is a container, and whether there is a default route.
fn setup(text: &str) -> (Vec<(&'static str, &'static str)>, bool, bool) {
    let mut pairs = vec![
        ("DNS_SERVER", "10.92.2.53"),
        ("LOCALSTACK_HOST", "ls.corp.test:4566"),
        (
            "DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM",
            "skip\\.localhost\\.localstack\\.cloud;\"quoted.*\"",
        ),
    ];
    let container = !text.contains("host mode");
    match text {
        t if t.starts_with("DNS_RESOLVE_IP=198.51.100.7") => {
            pairs = vec![
                ("DNS_SERVER", "10.92.2.53"),
                ("DNS_RESOLVE_IP", "198.51.100.7"),
            ];
        }
        t if t.starts_with("both pattern variables") => {
            pairs = vec![
                ("DNS_SERVER", "10.92.2.53"),
                ("LOCALSTACK_HOST", "10.92.2.20:4566"),
                ("DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM", "new\\."),
                ("DNS_LOCAL_NAME_PATTERNS", "old\\."),
            ];
        }
        "LOCALSTACK_HOST=sub.localhost.localstack.cloud" => {
            pairs = vec![
                ("DNS_SERVER", "10.92.2.53"),
                ("LOCALSTACK_HOST", "sub.localhost.localstack.cloud"),
            ];
        }
        t if t.starts_with("invalid regex") => {
            pairs = vec![
                ("DNS_SERVER", "10.92.2.53"),
                ("DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM", "("),
            ];
        }
        t if t.contains("DNS_ADDRESS=172.31.1.2") => pairs.push(("DNS_ADDRESS", "172.31.1.2")),
        "DNS_ADDRESS=0" => pairs.push(("DNS_ADDRESS", "0")),
        _ => {}
    }
    (pairs, container, !text.contains("without default route"))
}

fn client(text: &str) -> &'static str {
    match text {
        "net-a client" => "172.31.1.3",
        "net-b client" => "10.92.2.30",
        "net-a gateway (host)" => "172.31.1.1",
        "net-b gateway (host)" => "10.92.2.1",
        "loopback" => "127.0.0.1",
        "routed client" => "192.168.77.5",
        "own address" => "172.31.1.2",
        other => panic!("unknown client {other}"),
    }
}

fn query(record: &Value) -> Ask {
    let q = &record["query"];
    let mut ask = ask(q["name"].as_str().unwrap(), q["type"].as_str().unwrap());
    for option in q["opts"].as_array().unwrap() {
        match option.as_str().unwrap() {
            "+noedns" => ask.edns = None,
            "+bufsize=4096" => ask.edns = Some((4096, false)),
            "+bufsize=1232 +dnssec" | "+dnssec" => ask.edns = Some((1232, true)),
            "+norecurse" => ask.flags &= !wire::RD,
            "+cdflag" => ask.flags |= wire::CD,
            "+opcode=NOTIFY" => ask.flags |= 4 << 11,
            "+opcode=UPDATE" => ask.flags |= 5 << 11,
            "+opcode=STATUS" => ask.flags |= 2 << 11,
            "+cookie" => ask.options = b"\0\x0a\0\x0812345678".to_vec(),
            "-c CH" | "CH" => ask.class = 3,
            "+tcp" | "-c" | "+bufsize=1232" => {}
            other => panic!("unknown option {other}"),
        }
    }
    ask
}

/// What ours does: no server, a forward, or a reply.
enum Ours {
    Nothing,
    Forward,
    Reply(Shown),
}

fn ours(record: &Value) -> Ours {
    let (pairs, in_container, default_route) = setup(record["setup"].as_str().unwrap());
    let mut layers = Layers::default();
    layers.push(Layer::from_pairs(
        SourceKind::Environment,
        "environment",
        pairs,
    ));
    let facts = Facts {
        in_container,
        ..Facts::default()
    };
    let mut settings = DnsSettings::of(&resolve(&layers, &facts, Semantics::Normalized));
    let ip = client(record["client"].as_str().unwrap());
    let listens = settings.listen.iter().any(|addr| {
        addr.ip().is_unspecified()
            || record["client"] != "loopback"
                && addr.ip() != ip.parse::<std::net::IpAddr>().unwrap()
    });
    if !settings.enabled || !listens {
        return Ours::Nothing;
    }
    let address = |interface: &str, index, net: &str| InterfaceAddress {
        interface: interface.into(),
        index,
        net: net.parse().unwrap(),
    };
    let gateways = if in_container && default_route {
        vec!["172.31.1.1".parse().unwrap()]
    } else {
        vec![]
    };
    let network = Network::default()
        .with_addresses(vec![
            address("lo", 1, "127.0.0.1/8"),
            address("lo", 1, "::1/128"),
            address("eth0", 2, "172.31.1.2/24"),
            address("eth1", 3, "10.92.2.20/24"),
        ])
        .with_gateways(gateways)
        .with_resolve_ip(settings.resolve_ip);
    settings.zone.set_network(network);
    let message = query(record).to_wire();
    let mut out = Vec::new();
    match read_query(&message) {
        Ok(query) => {
            let client = Client {
                ip: ip.parse().unwrap(),
                scope: 0,
                may_forward: true,
            };
            let decision = answer(&query, &client, &settings.zone);
            if matches!(decision, Decision::Forward) {
                return Ours::Forward;
            }
            write(&query, &decision, MAX_DATAGRAM, None, &mut out);
        }
        Err(Unreadable::CookieOnly { .. }) => unreachable!("no record has a cookie"),
        Err(Unreadable::Reply { rcode, .. }) => {
            assert_eq!(rcode, Rcode::NOTIMP);
            return Ours::Reply(Shown {
                status: rcode.to_string(),
                flags: vec!["qr", "rd", "ra"],
                answer: vec![],
                authority: vec![],
                ..show(&{
                    let mut m = message.clone();
                    m[2] = 0x80;
                    m
                })
            });
        }
        Err(Unreadable::Silent) => return Ours::Nothing,
    }
    Ours::Reply(show(&out))
}

/// Names the aspects in which both differ.
fn differences(record: &Value) -> Vec<&'static str> {
    let observed = &record["observed"];
    let forwarded = observed["forwarded"]
        .as_array()
        .is_some_and(|f| !f.is_empty());
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().unwrap().iter();
        all.map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let no_reply = observed["no_reply"] == true;
    match ours(record) {
        Ours::Nothing if no_reply => vec![],
        Ours::Nothing => vec!["reply"],
        Ours::Forward | Ours::Reply(_) if no_reply => vec!["reply"],
        Ours::Forward if forwarded => vec![],
        // The reply of the upstream is compared in `forwarding.rs`; here it is that nobody is asked.
        Ours::Forward
            if observed["seconds"] == 7 || observed["answer"] == serde_json::json!([]) =>
        {
            vec!["unreachable"]
        }
        Ours::Forward => vec!["forwarded"],
        Ours::Reply(_) if forwarded => vec!["forwarded"],
        Ours::Reply(shown) => {
            let mut all = vec![];
            if observed["status"] != shown.status.as_str() {
                all.push("status");
            }
            let mut flags = texts(&observed["flags"]);
            if flags.iter().any(|f| f == "ad") && !shown.has("ad") {
                all.push("ad");
                flags.retain(|f| f != "ad");
            }
            if flags != shown.flags {
                all.push("flags");
            }
            if texts(&observed["answer"]) != shown.answer {
                all.push("answer");
            }
            if texts(&observed["authority"]) != shown.authority {
                all.push("authority");
            }
            all
        }
    }
}

#[test]
fn answers_agree_with_localstack_or_are_listed_with_a_reason() {
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let known_path = "tests/data/oracle/known_divergences.txt";
    let mut known = BTreeMap::new();
    let mut reasons = std::collections::BTreeSet::new();
    for line in read(known_path)
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let mut words = line.split_whitespace();
        let id = words.next().unwrap().to_owned();
        let differing = words.next().unwrap().to_owned();
        let why: Vec<String> = words.map(str::to_owned).collect();
        assert!(!why.is_empty(), "{id} has no reason");
        reasons.extend(why);
        known.insert(id, differing);
    }
    let docs = read("../../docs/reference/dns-divergences.md");
    for reason in &reasons {
        assert!(
            docs.contains(&format!("## {reason}\n")),
            "{reason} is not in the docs"
        );
    }
    let (mut report, mut agreeing, mut run) = (String::new(), 0, 0);
    for line in read("tests/data/oracle/dns.jsonl").lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let id = record["id"].as_str().unwrap();
        let found = differences(&record).join(",");
        run += 1;
        match (known.remove(id), found.as_str()) {
            (None, "") => agreeing += 1,
            (Some(listed), found) if listed == found => {}
            (listed, found) => {
                let _ = writeln!(report, "{id}: listed {listed:?}, found {found:?}");
            }
        }
    }
    for (id, _) in known {
        let _ = writeln!(report, "{id} is listed and was not run");
    }
    assert!(
        report.is_empty(),
        "{agreeing} of {run} agree; not as listed:\n{report}"
    );
}
