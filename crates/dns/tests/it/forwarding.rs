//! Upstreams: what passes through, what is cached, and what happens when they fail.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lsconfig_dns::record::RecordData;
use lsconfig_dns::server::{Event, ForwardConfig, ServerConfig, Source, Transport};
use lsconfig_dns::wire::{AA, AD, CD, Name, QR, RA, Section, Writer, rtype};

use crate::dig::{ask, dig, show, tcp, udp};
use crate::support::{Upstream, a, eventually, reply, serve, serve_with, truncated};

fn answering(address: &'static str) -> Upstream {
    Upstream::start(move |query, _| vec![reply(query, 0, &[a(address, 77)])])
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

#[test]
fn records_pass_and_additional_ones_do_not() {
    let upstream = Upstream::start(|query, _| {
        let mut message = Vec::new();
        let mut writer = Writer::start(&mut message, query.id, QR | RA | AA | AD);
        writer.question(query.question);
        let name = [0xc0, 12];
        writer.record(Section::Answer, &name, rtype::MX, 60, &[&[0, 10], &name]);
        // HTTPS, which LocalStack's text round trip loses.
        writer.record(Section::Answer, &name, 65, 60, &[&[0, 1, 0]]);
        writer.record(Section::Authority, &name, rtype::NS, 50, &[&name]);
        writer.opt(1232, lsconfig_dns::wire::Rcode(0), false, &[]);
        writer.record(Section::Additional, &name, rtype::A, 60, &[&[1, 2, 3, 4]]);
        vec![message]
    });
    let server = serve(&[upstream.addr]);
    let shown = dig(server.addr, &ask("Mx.Example.test", "MX"));
    assert_eq!(
        shown.answer,
        [
            "Mx.Example.test. 60 IN MX 10 Mx.Example.test.",
            "Mx.Example.test. 60 IN HTTPS [00, 01, 00]"
        ]
    );
    assert_eq!(
        shown.authority,
        ["Mx.Example.test. 50 IN NS Mx.Example.test."]
    );
    assert_eq!(shown.flags, ["qr", "aa", "rd", "ra", "ad"]);
    assert!(shown.edns);
    // From the cache, in the letters of the second client and no longer authoritative.
    let again = dig(server.addr, &ask("mX.example.test", "MX").without_edns());
    assert_eq!(
        again.answer[0],
        "mX.example.test. 60 IN MX 10 mX.example.test."
    );
    assert_eq!(
        (again.has("aa"), again.edns, upstream.asked()),
        (false, false, 1)
    );
}

#[test]
fn the_wishes_of_the_client_pass_through() {
    let seen: Arc<Mutex<Vec<(u16, bool, u16)>>> = Arc::default();
    let log = Arc::clone(&seen);
    let upstream = Upstream::start(move |query, _| {
        let edns = query.edns.unwrap();
        log.lock().unwrap().push((
            query.flags & (CD | AD | 0x100),
            edns.dnssec_ok,
            edns.payload,
        ));
        vec![reply(query, 0, &[a("203.0.113.1", 60)])]
    });
    let server = serve(&[upstream.addr]);
    let mut query = ask("a.test", "A");
    query.flags |= CD;
    query.edns = Some((4096, true));
    let shown = dig(server.addr, &query);
    assert!(shown.has("cd"));
    dig(server.addr, &ask("a.test", "A").without_edns());
    let seen = seen.lock().unwrap().clone();
    assert_eq!(
        seen,
        [(CD | AD | 0x100, true, 1232), (AD | 0x100, false, 1232)]
    );
}

#[test]
fn answers_are_cached_for_their_ttl_and_failures_are_not() {
    let counts: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let log = Arc::clone(&counts);
    let upstream = Upstream::start(move |query, _| {
        let name = query.name.to_string();
        *log.lock().unwrap().entry(name.clone()).or_default() += 1;
        let soa = [query.name.as_wire(), &[0], &[0, 0, 0, 9].repeat(5)].concat();
        let with_soa = |rcode| {
            let mut message = reply(query, rcode, &[]);
            let mut writer_message = Vec::new();
            let mut writer = Writer::start(&mut writer_message, query.id, QR | RA | rcode);
            writer.question(query.question);
            writer.record(Section::Authority, &[0xc0, 12], rtype::SOA, 100, &[&soa]);
            std::mem::swap(&mut message, &mut writer_message);
            message
        };
        vec![match name.as_str() {
            "nx.test." => with_soa(3),
            "nodata.test." => with_soa(0),
            "bare.test." => reply(query, 3, &[]),
            "servfail.test." => reply(query, 2, &[]),
            "refused.test." => reply(query, 5, &[]),
            "zero.test." => reply(query, 0, &[a("203.0.113.1", 0)]),
            _ => reply(query, 0, &[a("203.0.113.1", 60)]),
        }]
    });
    let server = serve(&[upstream.addr]);
    for (name, status, asked_twice) in [
        ("a.test", "NOERROR", false),
        ("nx.test", "NXDOMAIN", false),
        ("nodata.test", "NOERROR", false),
        ("bare.test", "NXDOMAIN", true),
        ("servfail.test", "SERVFAIL", true),
        ("refused.test", "REFUSED", true),
        ("zero.test", "NOERROR", true),
    ] {
        for _ in 0..2 {
            assert_eq!(dig(server.addr, &ask(name, "A")).status, status, "{name}");
        }
        let asked = counts.lock().unwrap()[&format!("{name}.")];
        assert_eq!(asked, 1 + usize::from(asked_twice), "{name}");
    }
    let sources: Vec<_> = server
        .events
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            Event::Query(query) => Some(query.source),
            _ => None,
        })
        .collect();
    assert_eq!(sources[..2], [Source::Upstream, Source::Cache]);
}

#[test]
fn the_same_question_is_asked_once_for_all_who_wait() {
    let released = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&released);
    let upstream = Upstream::start(move |query, _| {
        while !gate.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        vec![reply(query, 0, &[a("203.0.113.1", 0)])]
    });
    let server = serve(&[upstream.addr]);
    let clients: Vec<_> = (0..10)
        .map(|n| {
            let addr = server.addr;
            let mut query = ask("same.test", "A");
            query.id = n;
            std::thread::spawn(move || show(&udp(addr, &query.to_wire()).unwrap()))
        })
        .collect();
    eventually(|| server.metric("merged_total") == 9);
    released.store(true, Ordering::Relaxed);
    for (n, client) in clients.into_iter().enumerate() {
        let shown = client.join().unwrap();
        assert_eq!((usize::from(shown.id), shown.answer.len()), (n, 1));
    }
    assert_eq!(upstream.asked(), 1);
}

#[test]
fn a_silent_upstream_is_passed_over() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    let silent = Upstream::start(move |query, _| {
        names.lock().unwrap().push(query.name);
        vec![]
    });
    let good = answering("203.0.113.2");
    let server = serve(&[silent.addr, good.addr]);
    for n in 0..4 {
        assert_eq!(
            dig(server.addr, &ask(&format!("n{n}.test"), "A"))
                .answer
                .len(),
            1
        );
    }
    let down = |event: &Event| matches!(event, Event::UpstreamDown(addr) if *addr == silent.addr);
    assert!(server.events.lock().unwrap().iter().any(down));
    // From now on the good one is asked first.
    dig(server.addr, &ask("fast.test", "A"));
    let fast = Name::parse("fast.test").unwrap();
    assert!(!asked.lock().unwrap().contains(&fast));
    // The silent one answers probes, so it is found to be up again.
    let up = |event: &Event| matches!(event, Event::UpstreamUp(addr) if *addr == silent.addr);
    eventually(|| server.events.lock().unwrap().iter().any(up));
}

#[test]
fn an_upstream_that_refuses_or_is_not_there_costs_no_time() {
    let refusing = Upstream::start(|query, _| vec![reply(query, 5, &[])]);
    let good = answering("203.0.113.2");
    // Were each of them waited for, the good one would be asked after seconds.
    let bad = [nobody(), refusing.addr, nobody(), refusing.addr];
    let server = serve(&[&bad[..], &[good.addr]].concat());
    let before = Instant::now();
    assert_eq!(dig(server.addr, &ask("a.test", "A")).answer.len(), 1);
    assert!(
        before.elapsed() < Duration::from_secs(3),
        "{:?}",
        before.elapsed()
    );
}

#[test]
fn without_upstream_local_names_are_answered_and_others_fail_with_the_reason() {
    let server = serve(&[]);
    assert_eq!(
        dig(server.addr, &ask("localhost.localstack.cloud", "A")).status,
        "NOERROR"
    );
    let failed = dig(server.addr, &ask("a.test", "A"));
    assert_eq!(
        (failed.status.as_str(), failed.ede()),
        ("SERVFAIL", Some(23))
    );
    let dead = serve(&[nobody()]);
    let failed = dig(dead.addr, &ask("a.test", "A"));
    assert_eq!(
        (failed.status.as_str(), failed.ede()),
        ("SERVFAIL", Some(22))
    );
}

#[test]
fn what_does_not_answer_the_question_is_dropped() {
    let upstream = Upstream::start(|query, _| {
        let forged = reply(query, 0, &[a("6.6.6.6", 60)]);
        let mut wrong_id = forged.clone();
        wrong_id[1] ^= 1;
        let mut wrong_name = forged.clone();
        wrong_name[13] ^= 1;
        let mut no_reply = forged.clone();
        no_reply[2] &= 0x7f;
        vec![
            wrong_id,
            wrong_name,
            no_reply,
            forged[..7].to_vec(),
            reply(query, 0, &[a("203.0.113.1", 60)]),
        ]
    });
    let server = serve(&[upstream.addr]);
    let shown = dig(server.addr, &ask("a.test", "A"));
    assert_eq!(shown.answer, ["a.test. 60 IN A 203.0.113.1"]);
    assert_eq!(server.metric("upstream_mismatched_total"), 4);
}

#[test]
fn a_truncated_reply_is_fetched_over_tcp_and_cut_for_the_client() {
    let text = "x".repeat(2000);
    let upstream = Upstream::start(move |query, transport| {
        vec![match transport {
            Transport::Udp => truncated(query),
            Transport::Tcp => reply(query, 0, &[RecordData::txt(&text)]),
        }]
    });
    let server = serve(&[upstream.addr]);
    let mut query = ask("big.test", "TXT");
    query.edns = Some((4096, false));
    let cut = dig(server.addr, &query);
    assert!(cut.has("tc") && cut.answer.is_empty() && cut.length < 512);
    let whole = show(&tcp(server.addr, &[query.to_wire()])[0]);
    assert!(!whole.has("tc"));
    assert_eq!(whole.answer.len(), 1);
    assert_eq!(
        server.metric("upstream_tcp_total"),
        1,
        "the second answer is cached"
    );
}

#[test]
fn a_server_that_does_not_know_edns_is_asked_without() {
    let upstream = Upstream::start(|query, _| {
        vec![match query.edns {
            Some(_) => reply(query, 1, &[]),
            None => reply(query, 0, &[a("203.0.113.1", 60)]),
        }]
    });
    let server = serve(&[upstream.addr]);
    assert_eq!(dig(server.addr, &ask("a.test", "A")).answer.len(), 1);
}

#[test]
fn a_domain_has_upstreams_of_its_own() {
    let (corp, other) = (answering("10.1.1.1"), answering("203.0.113.9"));
    let server = serve_with(ServerConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        forward: ForwardConfig {
            upstreams: vec![other.addr],
            domains: vec![(Name::parse("corp.test").unwrap(), corp.addr)],
            ..ForwardConfig::default()
        },
        workers: 1,
        ..ServerConfig::default()
    });
    let one = |name: &str| dig(server.addr, &ask(name, "A")).answer.concat();
    assert!(one("a.CORP.test").ends_with("10.1.1.1"));
    assert!(one("xcorp.test").ends_with("203.0.113.9"));
}

#[test]
fn a_stale_answer_serves_while_no_upstream_does() {
    let alive = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&alive);
    let upstream = Upstream::start(move |query, _| {
        if switch.load(Ordering::Relaxed) {
            vec![reply(query, 0, &[a("203.0.113.1", 1)])]
        } else {
            vec![reply(query, 2, &[])]
        }
    });
    let server = serve(&[upstream.addr]);
    assert_eq!(
        dig(server.addr, &ask("a.test", "A")).answer,
        ["a.test. 1 IN A 203.0.113.1"]
    );
    alive.store(false, Ordering::Relaxed);
    eventually(|| {
        let shown = dig(server.addr, &ask("a.test", "A"));
        shown.answer == ["a.test. 30 IN A 203.0.113.1"] && shown.ede() == Some(3)
    });
    alive.store(true, Ordering::Relaxed);
    assert_eq!(
        dig(server.addr, &ask("a.test", "A")).answer,
        ["a.test. 1 IN A 203.0.113.1"]
    );
}

#[test]
fn an_upstream_that_leads_back_to_us_is_found() {
    let first = serve(&[nobody()]);
    let second = serve(&[first.addr]);
    let forward = ForwardConfig {
        upstreams: vec![second.addr],
        ..ForwardConfig::default()
    };
    first.handle.reload(forward, None);
    let looping = |event: &Event| matches!(event, Event::UpstreamLoops(_));
    eventually(|| {
        first.events.lock().unwrap().iter().any(looping)
            || second.events.lock().unwrap().iter().any(looping)
    });
    assert_eq!(dig(first.addr, &ask("a.test", "A")).status, "SERVFAIL");
}

#[test]
fn rfc6891_6_2_5_a_reply_longer_than_was_asked_for_is_fetched_over_tcp() {
    // Like LocalStack's server, this one does not look at sizes and does not truncate.
    let many: Vec<_> = (0..200).map(|_| a("203.0.113.9", 60)).collect();
    let upstream = Upstream::start(move |query, _| vec![reply(query, 0, &many)]);
    let server = serve(&[upstream.addr]);
    let replies = tcp(server.addr, &[ask("many.test", "A").to_wire()]);
    assert_eq!(show(&replies[0]).answer.len(), 200);
    assert_eq!(server.metric("upstream_tcp_total"), 1);
}
