//! What the RFCs ask of a server, a test for each, named after the section.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use lsconfig_dns::answer::{Client, Decision, answer};
use lsconfig_dns::wire::{self, Rcode, read_query};
use lsconfig_dns::zone::Zone;

use crate::dig::{Ask, ask, dig, read_framed, show, tcp, type_number, udp, udp_within};
use crate::support::{Running, serve};

const APEX: &str = "localhost.localstack.cloud";
const SOON: Duration = Duration::from_millis(100);

fn apex(qtype: &str) -> Ask {
    ask(APEX, qtype)
}

/// Status of the reply to a raw message; the reply may lack a question.
fn rcode(server: &Running, message: &[u8]) -> Option<u16> {
    let reply = udp(server.addr, message)?;
    assert_eq!(reply[..2], message[..2], "the id is repeated");
    Some(u16::from(reply[3] & 0xf))
}

#[test]
fn rfc1035_4_1_1_id_and_rd_are_repeated_and_replies_are_never_answered() {
    let server = serve(&[]);
    let shown = dig(server.addr, &apex("A"));
    assert_eq!(
        (shown.id, shown.flags),
        (0x1234, vec!["qr", "aa", "rd", "ra"])
    );
    let mut query = apex("A");
    query.flags = 0;
    assert_eq!(dig(server.addr, &query).flags, ["qr", "aa", "ra"]);
    query.flags = wire::QR;
    assert_eq!(udp_within(server.addr, &query.to_wire(), SOON), None);
    for length in 0..12 {
        assert_eq!(
            udp_within(server.addr, &apex("A").to_wire()[..length], SOON / 10),
            None
        );
    }
}

#[test]
fn rfc1035_4_1_1_other_opcodes_are_not_implemented() {
    let server = serve(&[]);
    for opcode in 1..16 {
        let mut query = apex("A");
        query.flags = opcode << 11 | wire::RD;
        let reply = udp(server.addr, &query.to_wire()).unwrap();
        assert_eq!(reply[3] & 0xf, 4, "opcode {opcode}");
        assert_eq!(
            u16::from(reply[2] >> 3 & 0xf),
            opcode,
            "the opcode is repeated"
        );
        assert_eq!(reply.len(), 12);
    }
}

#[test]
fn rfc1035_4_1_2_malformed_questions_are_format_errors() {
    let server = serve(&[]);
    let good = apex("A").without_edns().to_wire();
    let mut two = good.clone();
    two[5] = 2;
    let mut none = good[..12].to_vec();
    none[5] = 0;
    let mut pointer = good[..12].to_vec();
    pointer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
    let mut long_label = good[..12].to_vec();
    long_label.extend_from_slice(&[64; 65]);
    let mut long_name = good[..12].to_vec();
    long_name.extend_from_slice(&[[63; 64]; 4].concat());
    long_name.extend_from_slice(&[0, 0, 1, 0, 1]);
    let mut answers = good.clone();
    answers[7] = 1;
    let trailing = [&good[..], b"x"].concat();
    let cases = [
        two,
        none,
        pointer,
        long_label,
        long_name,
        answers,
        trailing,
        good[..good.len() - 1].to_vec(),
    ];
    for (n, case) in cases.iter().enumerate() {
        assert_eq!(rcode(&server, case), Some(1), "case {n}");
    }
}

#[test]
fn rfc2308_2_2_a_type_without_data_gets_the_soa_of_the_zone() {
    let server = serve(&[]);
    for qtype in ["AAAA", "MX", "TXT", "HTTPS", "SVCB", "SRV", "CAA", "CNAME"] {
        let shown = dig(server.addr, &ask("a.b.localhost.localstack.cloud", qtype));
        assert_eq!(shown.status, "NOERROR", "{qtype}");
        assert_eq!(shown.answer.len(), 0, "{qtype}");
        assert_eq!(
            shown.authority,
            [
                "localhost.localstack.cloud. 60 IN SOA localhost.localstack.cloud. \
                 hostmaster.localhost.localstack.cloud. 1 3600 10800 86400 60"
            ],
            "{qtype}"
        );
        assert!(shown.has("aa"));
    }
}

#[test]
fn rfc1034_4_2_1_the_apex_has_soa_and_ns() {
    let server = serve(&[]);
    let soa = dig(server.addr, &apex("SOA"));
    assert!(
        soa.answer[0].starts_with("localhost.localstack.cloud. 86400 IN SOA "),
        "{soa:?}"
    );
    assert_eq!(
        dig(server.addr, &apex("NS")).answer,
        ["localhost.localstack.cloud. 86400 IN NS localhost.localstack.cloud."]
    );
    assert_eq!(
        dig(server.addr, &ask("sync-localhost.localstack.cloud", "SOA"))
            .answer
            .len(),
        1
    );
}

#[test]
fn rfc8020_2_no_name_below_the_zone_is_denied() {
    let server = serve(&[]);
    // NXDOMAIN would say that nothing exists below either.
    for name in ["s3", "us-east-1.s3", "*", "_x._tcp", "a.b.c.d.e.f.g"] {
        let shown = dig(server.addr, &ask(&format!("{name}.{APEX}"), "TXT"));
        assert_eq!(shown.status, "NOERROR", "{name}");
    }
}

#[test]
fn rfc4343_3_case_does_not_matter_and_comes_back_as_sent() {
    let server = serve(&[]);
    let query = ask("FoO.LocalHost.LOCALSTACK.cloud", "A");
    let shown = dig(server.addr, &query);
    assert_eq!(shown.question, query.question());
    assert_eq!(
        shown.answer,
        ["FoO.LocalHost.LOCALSTACK.cloud. 300 IN A 127.0.0.1"]
    );
}

#[test]
fn rfc8482_4_any_is_answered_small() {
    let server = serve(&[]);
    let shown = dig(server.addr, &apex("ANY"));
    assert_eq!(
        shown.answer,
        ["localhost.localstack.cloud. 300 IN A 127.0.0.1"]
    );
}

#[test]
fn rfc8482_4_2_any_without_addresses_is_hinfo() {
    let mut zone = Zone::localstack();
    let address = lsconfig::network::InterfaceAddress {
        interface: "eth0".into(),
        index: 2,
        net: "fe80::2/64".parse().unwrap(),
    };
    zone.set_network(lsconfig::network::Network::default().with_addresses(vec![address]));
    let message = apex("ANY").to_wire();
    let query = read_query(&message).unwrap();
    let client = Client {
        ip: "fe80::9".parse().unwrap(),
        scope: 2,
        may_forward: true,
    };
    let mut out = Vec::new();
    let decision = answer(&query, &client, &zone);
    lsconfig_dns::answer::write(&query, &decision, 512, None, &mut out);
    assert_eq!(
        show(&out).answer,
        ["localhost.localstack.cloud. 300 IN HINFO \"RFC8482\" \"\""]
    );
}

#[test]
fn rfc3597_unknown_types_and_other_classes() {
    let server = serve(&[]);
    assert_eq!(dig(server.addr, &apex("TYPE65280")).status, "NOERROR");
    for class in [0, 2, 3, 4, 254, 255, 65_280] {
        let mut query = apex("A");
        query.class = class;
        assert_eq!(dig(server.addr, &query).status, "REFUSED", "class {class}");
    }
    for (qtype, status) in [
        (0, "FORMERR"),
        (41, "FORMERR"),
        (252, "REFUSED"),
        (251, "REFUSED"),
        (249, "REFUSED"),
    ] {
        let mut query = apex("A");
        query.qtype = qtype;
        assert_eq!(dig(server.addr, &query).status, status, "type {qtype}");
    }
}

#[test]
fn rfc6891_6_1_1_opt_answers_opt_and_nothing_else() {
    let server = serve(&[]);
    assert!(!dig(server.addr, &apex("A").without_edns()).edns);
    let mut query = apex("A");
    for (payload, dnssec_ok) in [(0, false), (512, true), (1232, false), (65_535, true)] {
        query.edns = Some((payload, dnssec_ok));
        let message = udp(server.addr, &query.to_wire()).unwrap();
        let shown = show(&message);
        assert!(shown.edns && shown.options.is_empty());
        let opt = &message[message.len() - 11..];
        assert_eq!(opt[..5], [0, 0, 41, 4, 208], "we take 1232 bytes");
        assert_eq!(opt[7] & 0x80 != 0, dnssec_ok, "RFC 3225, section 3");
    }
    // Unknown options and the flags of tomorrow are ignored.
    query.options = b"\xff\xfe\0\x03abc".to_vec();
    assert_eq!(dig(server.addr, &query).status, "NOERROR");
    let mut flags = query.to_wire();
    let at = flags.len() - 7 - 4;
    flags[at] = 0x7f;
    assert_eq!(rcode(&server, &flags), Some(0));
}

#[test]
fn rfc6891_6_1_1_two_opt_records_or_an_owner_are_format_errors() {
    let server = serve(&[]);
    let query = apex("A").to_wire();
    let opt = query[query.len() - 11..].to_vec();
    let mut two = [&query[..], &opt].concat();
    two[11] = 2;
    assert_eq!(rcode(&server, &two), Some(1));
    let mut owned = query[..query.len() - 11].to_vec();
    owned.extend_from_slice(b"\x01a");
    owned.extend_from_slice(&opt);
    assert_eq!(rcode(&server, &owned), Some(1));
    let mut cut = query.clone();
    let last = cut.len() - 1;
    cut[last] = 9;
    assert_eq!(rcode(&server, &cut), Some(1));
}

#[test]
fn rfc6891_6_1_3_another_version_is_badvers() {
    let server = serve(&[]);
    let mut query = apex("A");
    query.version = 1;
    let shown = dig(server.addr, &query);
    assert_eq!(
        (shown.status.as_str(), shown.answer.len(), shown.edns),
        ("BADVERS", 0, true)
    );
}

#[test]
fn rfc7873_5_2_cookies_are_answered_and_bad_lengths_are_format_errors() {
    let server = serve(&[]);
    let mut query = apex("A");
    let with = |content: &[u8]| {
        let mut option = vec![0, 10, 0, content.len() as u8];
        option.extend_from_slice(content);
        option
    };
    query.options = with(b"12345678");
    let first = dig(server.addr, &query).options;
    assert_eq!(
        (first[0].0, first[0].1.len(), &first[0].1[..8]),
        (10, 24, &b"12345678"[..])
    );
    query.options = with(&first[0].1);
    assert_eq!(dig(server.addr, &query).status, "NOERROR");
    for length in [0, 7, 9, 15, 41] {
        query.options = with(&vec![1; length]);
        assert_eq!(rcode(&server, &query.to_wire()), Some(1), "{length}");
    }
}

#[test]
fn rfc5358_4_strangers_are_refused_with_a_reason_and_local_names_are_not() {
    let zone = Zone::localstack();
    let stranger = Client {
        ip: "8.8.8.8".parse().unwrap(),
        scope: 0,
        may_forward: false,
    };
    let decide = |name: &str| {
        let message = ask(name, "A").to_wire();
        let query = read_query(&message).unwrap();
        let decision = answer(&query, &stranger, &zone);
        let mut out = Vec::new();
        lsconfig_dns::answer::write(&query, &decision, 512, None, &mut out);
        (matches!(decision, Decision::Forward), show(&out))
    };
    let (forwarded, shown) = decide("example.com");
    assert!(!forwarded);
    // RFC 8914, section 4.19.
    assert_eq!((shown.status.as_str(), shown.ede()), ("REFUSED", Some(18)));
    assert_eq!(decide(APEX).1.status, "NOERROR");
}

#[test]
fn rfc2181_9_what_does_not_fit_is_truncated_to_nothing() {
    let mut zone = Zone::localstack();
    let name = lsconfig_dns::wire::Name::parse("many.test").unwrap();
    for n in 0..100 {
        let record = lsconfig_dns::record::RecordData::a([10, 0, 0, n].into());
        zone.add_record(&name, record);
    }
    let client = Client {
        ip: "127.0.0.1".parse().unwrap(),
        scope: 0,
        may_forward: true,
    };
    for (limit, cut) in [(512, true), (1232, true), (65_535, false)] {
        let message = ask("many.test", "A").to_wire();
        let query = read_query(&message).unwrap();
        let mut out = Vec::new();
        let decision = answer(&query, &client, &zone);
        lsconfig_dns::answer::write(&query, &decision, limit, None, &mut out);
        let shown = show(&out);
        assert!(out.len() <= limit);
        assert_eq!(
            (shown.has("tc"), shown.answer.len()),
            (cut, if cut { 0 } else { 100 })
        );
    }
}

#[test]
fn rfc7766_6_2_1_1_queries_may_be_pipelined() {
    let server = serve(&[]);
    let messages: Vec<_> = (0..500)
        .map(|n| {
            let mut query = ask(&format!("n{n}.{APEX}"), "A");
            query.id = n;
            query.to_wire()
        })
        .collect();
    let mut ids: Vec<_> = tcp(server.addr, &messages)
        .iter()
        .map(|m| show(m).id)
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..500).collect::<Vec<_>>());
}

#[test]
fn rfc7766_8_a_message_may_come_in_pieces() {
    let server = serve(&[]);
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let message = apex("A").to_wire();
    for byte in (message.len() as u16).to_be_bytes().iter().chain(&message) {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(show(&read_framed(&mut stream).unwrap()).status, "NOERROR");
    // What is no DNS at all ends the connection.
    stream.write_all(b"\0\x03abc").unwrap();
    assert_eq!(read_framed(&mut stream), None);
}

#[test]
fn garbage_of_every_length_does_no_harm() {
    let server = serve(&[]);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in (0..1500).step_by(7) {
        let mut bytes = vec![0; length];
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state as u8;
        }
        socket.send_to(&bytes, server.addr).unwrap();
    }
    assert_eq!(dig(server.addr, &apex("A")).status, "NOERROR");
    assert_eq!(Rcode(type_number("TYPE24")).to_string(), "RCODE24");
}

#[test]
fn rfc7873_5_4_an_empty_question_asks_for_a_cookie() {
    let server = serve(&[]);
    // Header without question, OPT with the cookie.
    let ask_for = |content: &[u8], version: u8| {
        let mut message = vec![0x12, 0x34, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        message.extend_from_slice(&[0, 0, 41, 4, 208, 0, version, 0, 0]);
        message.extend_from_slice(&(content.len() as u16 + 4).to_be_bytes());
        message.extend_from_slice(&[0, 10, 0, content.len() as u8]);
        message.extend_from_slice(content);
        message
    };
    let get = |content: &[u8], version| {
        let reply = udp(server.addr, &ask_for(content, version)).unwrap();
        assert_eq!(
            reply[4..12],
            [0, 0, 0, 0, 0, 0, 0, 1],
            "OPT and nothing else"
        );
        let rcode = u16::from(reply[17]) << 4 | u16::from(reply[3] & 0xf);
        (Rcode(rcode).to_string(), reply[27..].to_vec())
    };
    let (status, cookie) = get(b"12345678", 0);
    assert_eq!((status.as_str(), cookie.len()), ("NOERROR", 24));
    assert_eq!(cookie[..8], *b"12345678");
    assert_eq!(get(&cookie, 0).0, "NOERROR");
    let mut forged = cookie;
    forged[23] ^= 1;
    let (status, fresh) = get(&forged, 0);
    assert_eq!((status.as_str(), fresh.len()), ("BADCOOKIE", 24));
    assert_eq!(get(&fresh, 0).0, "NOERROR");
    assert_eq!(get(b"12345678", 1).0, "BADVERS");
    // Without a cookie an empty question is an error as before.
    let bare = &ask_for(b"", 0)[..12];
    let mut bare = bare.to_vec();
    bare[11] = 0;
    assert_eq!(rcode(&server, &bare), Some(1));
    let plain = [&bare[..11], &[1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(rcode(&server, &plain), Some(1));
}

#[test]
fn rfc1035_2_3_4_a_name_may_have_255_bytes_and_no_more() {
    let server = serve(&[]);
    let fill = 255 - (APEX.len() + 2);
    let name = |fill: usize| {
        let labels = ["a".repeat(63), "b".repeat(63), "c".repeat(63)];
        let rest = "d".repeat(fill - 3 * 64 - 1);
        format!("{}.{rest}.{APEX}", labels.join("."))
    };
    let shown = dig(server.addr, &ask(&name(fill), "A"));
    assert_eq!((shown.status.as_str(), shown.answer.len()), ("NOERROR", 1));
    assert_eq!(
        dig(server.addr, &ask(&name(fill), "TXT")).authority.len(),
        1
    );
    // One byte more, written by hand because no writer takes it.
    let mut long = ask(&name(fill), "A").without_edns().to_wire();
    let last = 12 + 3 * 64;
    long[last] += 1;
    long.insert(last + 1, b'd');
    assert_eq!(rcode(&server, &long), Some(1));
}

#[test]
fn rfc1996_3_and_rfc2136_3_notify_and_update_are_not_implemented_whatever_they_carry() {
    let server = serve(&[]);
    for opcode in [4u16, 5] {
        let mut message = ask(APEX, "SOA").without_edns().to_wire();
        message[2..4].copy_from_slice(&(opcode << 11).to_be_bytes());
        // An update says what to change in what a query calls the authority section.
        message[9] = 1;
        message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
        assert_eq!(rcode(&server, &message), Some(4), "opcode {opcode}");
    }
    assert_eq!(dig(server.addr, &apex("A")).answer.len(), 1);
}

#[test]
fn rfc4892_2_the_version_is_told_to_nobody() {
    let server = serve(&[]);
    for name in [
        "version.bind",
        "hostname.bind",
        "id.server",
        "version.server",
    ] {
        let mut query = ask(name, "TXT");
        query.class = 3;
        assert_eq!(dig(server.addr, &query).status, "REFUSED", "{name}");
    }
}

#[test]
fn rfc2308_3_the_soa_of_an_alias_belongs_to_the_zone_of_its_target() {
    let mut zone = Zone::localstack();
    let alias = "a-label-that-is-longer-than-the-zone-of-the-target.app.test";
    let name = |text: &str| lsconfig_dns::wire::Name::parse(text).unwrap();
    let target = lsconfig_dns::zone::AliasTarget {
        name: name(APEX),
        health: None,
    };
    zone.add_alias(&name(alias), vec![target]);
    let client = Client {
        ip: "10.0.2.9".parse().unwrap(),
        scope: 0,
        may_forward: true,
    };
    let message = ask(alias, "AAAA").to_wire();
    let query = read_query(&message).unwrap();
    let mut out = Vec::new();
    let decision = answer(&query, &client, &zone);
    lsconfig_dns::answer::write(&query, &decision, 512, None, &mut out);
    let shown = show(&out);
    assert_eq!(shown.answer.len(), 0);
    assert!(
        shown.authority[0].starts_with("localhost.localstack.cloud. 60 IN SOA "),
        "{shown:?}"
    );
}
