//! The rows of ISC's EDNS compliance matrix, over UDP and TCP: what a server says to versions, flags
//! and options that it does not know decides whether it breaks when the protocol grows.

use lsconfig_dns::record::RecordData;
use lsconfig_dns::wire::{AA, AD, CD, Name, QR, RA, RD, Reply, TC, rtype};

use crate::dig::{Ask, ask, show, tcp, udp};
use crate::support::{Running, serve};

const APEX: &str = "localhost.localstack.cloud";

/// Every flag of the header that RFC 1035, section 4.1.1, wants to be zero.
const Z: u16 = 0x0040;

/// The options that servers are asked with in practice, and one that nobody knows.
const UNKNOWN: &[u8] = &[0, 100, 0, 0];
const NSID: &[u8] = &[0, 3, 0, 0];
const SUBNET: &[u8] = &[0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2];
const EXPIRE: &[u8] = &[0, 9, 0, 0];
const KEEPALIVE: &[u8] = &[0, 11, 0, 0];
const PADDING: &[u8] = &[0, 12, 0, 4, 0, 0, 0, 0];
const COOKIE: &[u8] = &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// The OPT record of a reply: payload, upper bits of the code, version, flags.
fn opt_of(message: &[u8]) -> Option<(u16, u8, u8, u16)> {
    let reply = Reply::read(message).unwrap();
    let opt = reply
        .records()
        .map(Result::unwrap)
        .find(|record| record.rtype == rtype::OPT)?;
    let [rcode, version, high, low] = opt.ttl.to_be_bytes();
    Some((opt.class, rcode, version, u16::from_be_bytes([high, low])))
}

fn over_both(server: &Running, message: &[u8]) -> [Vec<u8>; 2] {
    let over_tcp = tcp(server.addr, &[message.to_vec()]).remove(0);
    [udp(server.addr, message).unwrap(), over_tcp]
}

/// Asks for the apex and checks code, OPT, and the codes of the options that come back.
#[track_caller]
fn check(server: &Running, row: &str, query: &Ask, status: &str, options: &[u16]) {
    for message in over_both(server, &query.to_wire()) {
        let shown = show(&message);
        assert_eq!(shown.status, status, "{row}");
        assert_eq!(
            shown.answer.len(),
            usize::from(status == "NOERROR"),
            "{row}"
        );
        let came: Vec<u16> = shown.options.iter().map(|(code, _)| *code).collect();
        assert_eq!(came, options, "{row}: options");
        let (payload, _, version, flags) = opt_of(&message).expect(row);
        // RFC 6891, section 6.1.3: the version is the highest that we know, whatever was asked.
        assert_eq!((payload, version), (1232, 0), "{row}");
        // RFC 3225, section 3: DO comes back; section 6.1.4 of RFC 6891: nothing else does.
        let dnssec_ok = query.edns.unwrap().1;
        assert_eq!(flags, u16::from(dnssec_ok) << 15, "{row}: flags");
    }
}

fn with_options(version: u8, dnssec_ok: bool, options: &[&[u8]]) -> Ask {
    let mut query = ask(APEX, "A");
    query.version = version;
    query.edns = Some((4096, dnssec_ok));
    query.options = options.concat();
    query
}

#[test]
fn rfc6891_7_plain_dns_gets_plain_dns() {
    let server = serve(&[]);
    for message in over_both(&server, &ask(APEX, "A").without_edns().to_wire()) {
        let shown = show(&message);
        assert_eq!((shown.status.as_str(), shown.edns), ("NOERROR", false));
    }
}

#[test]
fn rfc6891_6_1_2_unknown_options_are_ignored_and_not_echoed() {
    let server = serve(&[]);
    let all = [UNKNOWN, NSID, SUBNET, EXPIRE, KEEPALIVE, PADDING];
    check(
        &server,
        "edns",
        &with_options(0, false, &[]),
        "NOERROR",
        &[],
    );
    check(&server, "do", &with_options(0, true, &[]), "NOERROR", &[]);
    for option in all {
        let row = format!("option {}", option[1]);
        check(
            &server,
            &row,
            &with_options(0, false, &[option]),
            "NOERROR",
            &[],
        );
    }
    check(
        &server,
        "optlist",
        &with_options(0, true, &all),
        "NOERROR",
        &[],
    );
    let with_cookie = [&all[..], &[COOKIE]].concat();
    check(
        &server,
        "docookie",
        &with_options(0, true, &with_cookie),
        "NOERROR",
        &[10],
    );
}

#[test]
fn rfc6891_6_1_3_badvers_names_our_version_with_options_and_flags() {
    let server = serve(&[]);
    for version in [1, 2, 255] {
        for (row, dnssec_ok, options) in [
            ("edns1", false, &[][..]),
            ("edns1do", true, &[]),
            ("edns1opt", false, &[UNKNOWN]),
            ("edns1optlist", true, &[NSID, SUBNET, EXPIRE]),
        ] {
            check(
                &server,
                row,
                &with_options(version, dnssec_ok, options),
                "BADVERS",
                &[],
            );
        }
    }
}

#[test]
fn rfc6891_6_1_4_unknown_flags_come_back_clear() {
    let server = serve(&[]);
    let mut message = ask(APEX, "A").to_wire();
    let flags = message.len() - 4;
    for bits in [0x0001_u16, 0x0040, 0x4000, 0x7fff] {
        message[flags..flags + 2].copy_from_slice(&bits.to_be_bytes());
        for reply in over_both(&server, &message) {
            assert_eq!(opt_of(&reply), Some((1232, 0, 0, 0)), "{bits:04x}");
            assert_eq!(show(&reply).answer.len(), 1);
        }
    }
}

#[test]
fn rfc1035_4_1_1_and_rfc4035_3_1_6_flags_of_the_header() {
    let server = serve(&[]);
    for (asked, expected) in [
        (RD | Z, RD),
        // We validated nothing.
        (RD | AD, RD),
        (CD, CD),
        // Flags of replies mean nothing in a query.
        (RD | AA | TC | RA, RD),
    ] {
        let mut query = ask(APEX, "A");
        query.flags = asked;
        for message in over_both(&server, &query.to_wire()) {
            let flags = u16::from_be_bytes([message[2], message[3]]);
            assert_eq!(flags, expected | QR | AA | RA, "{asked:04x}");
        }
    }
}

#[test]
fn rfc6891_6_2_5_the_size_of_the_client_counts_and_tcp_has_none() {
    let server = serve(&[]);
    let name = Name::parse("large.test").unwrap();
    let text = "x".repeat(900);
    let record = RecordData::txt(&text);
    server
        .handle
        .zone()
        .update(|zone| zone.add_record(&name, record.clone()));
    for (payload, cut) in [
        (Some(512), true),
        // RFC 6891, section 6.2.3: less than 512 counts as 512.
        (Some(0), true),
        (Some(1232), false),
        (Some(65_535), false),
        (None, true),
    ] {
        let mut query = ask("large.test", "TXT");
        query.edns = payload.map(|size| (size, false));
        let [over_udp, over_tcp] = over_both(&server, &query.to_wire()).map(|m| show(&m));
        assert_eq!(
            (over_udp.has("tc"), over_udp.answer.is_empty()),
            (cut, cut),
            "{payload:?}"
        );
        assert_eq!(
            (over_tcp.has("tc"), over_tcp.answer.len()),
            (false, 1),
            "{payload:?}"
        );
        assert_eq!(over_udp.edns, payload.is_some());
    }
}

#[test]
fn rfc7873_5_2_3_a_cookie_of_ours_is_good_over_both_transports() {
    let server = serve(&[]);
    let first = udp(server.addr, &with_options(0, false, &[COOKIE]).to_wire()).unwrap();
    let cookie = show(&first).options.remove(0).1;
    let option = [&[0, 10, 0, 24][..], &cookie].concat();
    check(
        &server,
        "cookie",
        &with_options(0, false, &[&option]),
        "NOERROR",
        &[10],
    );
    // RFC 6891, section 6.1.3, goes first.
    let badvers = with_options(1, false, &[COOKIE]);
    check(&server, "edns1cookie", &badvers, "BADVERS", &[10]);
}

#[test]
fn rfc7766_8_and_rfc1035_4_2_2_lengths_that_lie_end_the_connection_and_nothing_else() {
    use std::io::{Read, Write};
    let server = serve(&[]);
    let good = ask(APEX, "A").to_wire();
    let length = good.len() as u16;
    for (announced, sent) in [
        (0, 0),
        (5, 5),
        (length - 1, usize::from(length) - 1),
        (11, 11),
    ] {
        let mut stream = std::net::TcpStream::connect(server.addr).unwrap();
        stream.write_all(&u16::to_be_bytes(announced)).unwrap();
        stream.write_all(&good[..sent]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        // A whole header can be answered (FORMERR), less cannot.
        let answered = sent >= 12;
        assert_eq!(rest.len(), if answered { 14 } else { 0 }, "{announced}");
    }
    assert_eq!(show(&tcp(server.addr, &[good])[0]).answer.len(), 1);
}
