//! Requests that two servers in a row have been seen to read differently (RFC 9112, section 11.2).
//!
//! Each case is sent as bytes. It is refused, its answer names the reason, nothing of it reaches the
//! upstream, and a request that hides in it is never answered.

use std::io::Write as _;

use lsconfig_gateway::config::Profile;

use crate::harness::{Running, config, read_all, read_until, recording};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What would be smuggled.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

struct Case {
    name: &'static str,
    /// Behind a request line and `Host: a`, unless it begins with another request line.
    bytes: &'static str,
    status: u16,
    reason: &'static str,
}

const fn case(name: &'static str, bytes: &'static str, status: u16, reason: &'static str) -> Case {
    Case {
        name,
        bytes,
        status,
        reason,
    }
}

const BOTH: &str = "both Content-Length and Transfer-Encoding";
const CODING: &str = "Transfer-Encoding is not `chunked` once";
const LENGTH: &str = "Content-Length is not one number";
const SIZE: &str = "the size of a chunk";

/// Heads that are unsound.
const HEADS: &[Case] = &[
    case(
        "cl.te",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        BOTH,
    ),
    case(
        "te.cl",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n",
        400,
        BOTH,
    ),
    case(
        "te.cl-zero",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        400,
        BOTH,
    ),
    case(
        "te.te",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-list-chunked-twice",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-identity",
        "Transfer-Encoding: identity\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-chunked-not-last",
        "Transfer-Encoding: chunked, gzip\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-xchunked",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-quoted",
        "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-empty",
        "Transfer-Encoding:\r\n\r\n0\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-parameter",
        "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-vertical-tab",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        400,
        "control character",
    ),
    case(
        "te-folded",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        400,
        CODING,
    ),
    case(
        "te-space-before-colon",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        400,
        "its colon",
    ),
    case(
        "te-unknown-coding",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
        "codings",
    ),
    case(
        "te-in-http-1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "HTTP/1.0",
    ),
    case(
        "cl-different",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
        "headers differ",
    ),
    case("cl-list", "Content-Length: 1, 1\r\n\r\na", 400, LENGTH),
    case("cl-plus", "Content-Length: +1\r\n\r\na", 400, LENGTH),
    case("cl-minus", "Content-Length: -1\r\n\r\na", 400, LENGTH),
    case(
        "cl-hexadecimal",
        "Content-Length: 0x1\r\n\r\na",
        400,
        LENGTH,
    ),
    case("cl-empty", "Content-Length:\r\n\r\n", 400, LENGTH),
    case(
        "cl-overflow",
        "Content-Length: 18446744073709551617\r\n\r\na",
        400,
        LENGTH,
    ),
    case(
        "cl-inner-space",
        "Content-Length: 1 0\r\n\r\na",
        400,
        LENGTH,
    ),
    case(
        "cl-space-before-colon",
        "Content-Length : 1\r\n\r\na",
        400,
        "its colon",
    ),
    case(
        "cl-tab-before-colon",
        "Content-Length\t: 1\r\n\r\na",
        400,
        "its colon",
    ),
    case("obs-fold", "X: 1\r\n 2\r\n\r\n", 400, "second line"),
    case(
        "obs-fold-tab",
        "X: 1\r\n\tTransfer-Encoding: chunked\r\n\r\n",
        400,
        "second line",
    ),
    case(
        "space-before-first-header",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        400,
        "second line",
    ),
    case(
        "bare-cr-in-value",
        "X: 1\rTransfer-Encoding: chunked\r\n\r\n",
        400,
        "carriage return stands inside",
    ),
    case(
        "bare-cr-in-name",
        "X\r: 1\r\n\r\n",
        400,
        "carriage return stands inside",
    ),
    case(
        "bare-cr-in-request-line",
        "GET / HTTP/1.1\rX: y\r\nHost: a\r\n\r\n",
        400,
        "carriage return stands inside",
    ),
    case(
        "bare-lf",
        "X: 1\nContent-Length: 5\r\n\r\n",
        400,
        "without carriage return",
    ),
    case(
        "bare-lf-at-end",
        "X: 1\r\n\n",
        400,
        "without carriage return",
    ),
    case("nul-in-value", "X: a\0b\r\n\r\n", 400, "control character"),
    case("nul-in-name", "X\0: a\r\n\r\n", 400, "a header's name"),
    case("no-colon", "X\r\n\r\n", 400, "a header's name"),
    case("empty-name", ": x\r\n\r\n", 400, "a header's name"),
    case("two-hosts", "Host: b\r\n\r\n", 400, "more than one Host"),
    case("no-host", "GET / HTTP/1.1\r\nX: 1\r\n\r\n", 400, "no Host"),
    case(
        "host-with-space",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        400,
        "no host",
    ),
    case(
        "host-with-path",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        400,
        "no host",
    ),
    case(
        "space-in-target",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "the request line",
    ),
    case(
        "two-spaces",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "the request line",
    ),
    case(
        "tab-in-request-line",
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "the request line",
    ),
    case("http-0.9", "GET /\r\n\r\n", 400, "the request line"),
    case(
        "http-1.2",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        505,
        "version",
    ),
    case(
        "http-2-in-http-1",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        505,
        "version",
    ),
    case(
        "lower-case-version",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        400,
        "the request line",
    ),
    case(
        "connect",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
        405,
        "CONNECT",
    ),
];

/// Bodies that are unsound, in a request that begins soundly.
const CHUNKS: &[Case] = &[
    case(
        "chunk-size-not-hexadecimal",
        "zz\r\nab\r\n0\r\n\r\n",
        400,
        SIZE,
    ),
    case("chunk-size-0x", "0x2\r\nab\r\n0\r\n\r\n", 400, SIZE),
    case("chunk-size-plus", "+2\r\nab\r\n0\r\n\r\n", 400, SIZE),
    case("chunk-size-space", "2 \r\nab\r\n0\r\n\r\n", 400, SIZE),
    case("chunk-size-empty", "\r\nab\r\n0\r\n\r\n", 400, SIZE),
    case(
        "chunk-size-overflow",
        "10000000000000002\r\nab\r\n0\r\n\r\n",
        400,
        SIZE,
    ),
    case(
        "chunk-size-bare-lf",
        "2\nab\r\n0\r\n\r\n",
        400,
        "without carriage return",
    ),
    case(
        "chunk-extension-bare-lf",
        "2;x\nab\r\n0\r\n\r\n",
        400,
        "without carriage return",
    ),
    case(
        "chunk-extension-bare-cr",
        "2;x\rab\r\n0\r\n\r\n",
        400,
        "carriage return stands inside",
    ),
    case(
        "chunk-longer-than-size",
        "2\r\nabc\r\n0\r\n\r\n",
        400,
        "longer than its size",
    ),
    case(
        "chunk-end-bare-lf",
        "2\r\nab\n0\r\n\r\n",
        400,
        "longer than its size",
    ),
    case("trailer-folded", "0\r\n x: y\r\n\r\n", 400, "second line"),
    case(
        "trailer-bare-lf",
        "0\r\nx: y\n\r\n",
        400,
        "without carriage return",
    ),
    case(
        "trailer-space-before-colon",
        "0\r\nx : y\r\n\r\n",
        400,
        "its colon",
    ),
];

#[track_caller]
fn check(gateway: &Running, case: &Case, request: &str) {
    let answer = gateway.exchange(format!("{request}{HIDDEN}").as_bytes());
    let name = case.name;
    let status = format!("HTTP/1.1 {} ", case.status);
    assert!(answer.starts_with(&status), "{name}: {answer}");
    assert!(answer.contains(case.reason), "{name}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{name}: {answer}");
}

#[test]
fn unsound_heads_are_refused_with_the_reason() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    for case in HEADS {
        let whole = ["GET", "POST", "CONNECT"]
            .iter()
            .any(|m| case.bytes.starts_with(m));
        let start = if whole {
            ""
        } else {
            "POST /b HTTP/1.1\r\nHost: a\r\n"
        };
        check(&gateway, case, &format!("{start}{}", case.bytes));
        assert_eq!(requests.try_recv().ok(), None, "{}", case.name);
    }
}

#[test]
fn unsound_chunks_are_refused_whether_the_body_is_read_here_or_passed_on() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    for case in CHUNKS {
        let framing = "Host: a\r\nTransfer-Encoding: chunked\r\n";
        let passed_on = format!("POST /b/k HTTP/1.1\r\n{framing}\r\n{}", case.bytes);
        check(&gateway, case, &passed_on);
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let read_here = format!("POST / HTTP/1.1\r\n{framing}{form}\r\n{}", case.bytes);
        check(&gateway, case, &read_here);
    }
    drop(gateway);
    for seen in requests.try_iter() {
        // Of a body that breaks off, the upstream may have seen the start, and never the end.
        let part = seen.starts_with("POST /b/k ") && !seen.ends_with("0\r\n\r\n");
        assert!(part, "{seen}");
    }
}

#[test]
fn long_heads_are_refused_with_the_limit() {
    let (address, _requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let long = format!(
        "POST /b HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(70_000)
    );
    check(&gateway, &case("long", "", 431, "65536 bytes"), &long);
    let many = format!(
        "POST /b HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X: 1\r\n".repeat(300)
    );
    check(&gateway, &case("many", "", 431, "200 headers"), &many);
}

#[test]
fn a_refusal_comes_behind_the_answers_to_earlier_requests() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let sound = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    let bad = "GET /c HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n";
    let answer = gateway.exchange(format!("{sound}{sound}{bad}{HIDDEN}").as_bytes());
    let statuses: Vec<_> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at..at + 12])
        .collect();
    assert_eq!(
        statuses,
        ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 400"],
        "{answer}"
    );
    assert_eq!(requests.try_iter().count(), 2);
}

#[test]
fn heads_and_chunks_may_come_in_any_pieces() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let request = "\r\nPOST /b/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=y\r\nabc\r\n0\r\nt: u\r\n\r\n";
    let requests_in_a_row =
        format!("{request}{request}GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for step in [1, 2, 7, 61] {
        let mut stream = gateway.connect();
        for piece in requests_in_a_row.as_bytes().chunks(step) {
            stream.write_all(piece).unwrap();
        }
        let answer = read_all(&mut stream);
        assert_eq!(
            answer.matches("HTTP/1.1 200").count(),
            3,
            "{step}: {answer}"
        );
        let seen: Vec<_> = requests.try_iter().collect();
        assert_eq!(seen.len(), 3, "{seen:?}");
        for request in &seen[..2] {
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            assert_eq!(joined(body), "abc", "{request}");
        }
    }
}

/// What a chunked body says, however it is cut: bytes that arrive apart may be passed on apart.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        body += &rest[..size];
        chunks = rest[size..].strip_prefix("\r\n").unwrap();
        if size == 0 {
            assert_eq!(chunks, "", "{body}");
            return body;
        }
    }
}

#[test]
fn the_same_length_twice_is_one_length() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let answer = gateway.exchange(
        b"PUT /b/k HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\ncontent-length: 2\r\n\
          Connection: close\r\n\r\nab",
    );
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = requests.recv().unwrap().to_ascii_lowercase();
    assert_eq!(seen.matches("content-length").count(), 1, "{seen}");
}

#[test]
fn h2c_upgrades_are_ignored_and_never_tunnelled() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let mut stream = gateway.connect();
    let upgrade = "GET /b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).unwrap();
    let answer = read_until(&mut stream, "\r\n\r\nok");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = requests.recv().unwrap().to_ascii_lowercase();
    assert!(
        !seen.contains("upgrade") && !seen.contains("http2-settings"),
        "{seen}"
    );
    // The connection goes on as HTTP/1.1.
    stream
        .write_all(b"GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert!(read_all(&mut stream).ends_with("ok"));
}

#[test]
fn an_upgrade_that_is_refused_leaves_no_tunnel() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let upgrade =
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let bad = "GET /c HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n";
    let answer = gateway.exchange(format!("{upgrade}{bad}").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains("HTTP/1.1 400 ") && answer.contains("its colon"),
        "{answer}"
    );
    assert_eq!(requests.try_iter().count(), 1);
}
