//! HTTP/2 as a hostile or careless client speaks it: the cases of RFC 9113, frame by frame.
//!
//! A connection error may end the connection without a GOAWAY that arrives (section 5.4.1), so that
//! floods, which are cut off while the client still sends, accept that; single frames do not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use lsconfig_gateway::config::Profile;

use crate::harness::{Running, config, recording};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Frame types, section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// What h2 says of every frame that it cannot read, and of blocks with fields that cannot be: the
/// connection ends, with this code where the RFC has a special one, and for a stream where the RFC
/// would have ended that alone.
const UNREADABLE: Outcome = Outcome::Connection(PROTOCOL_ERROR);

// Flags.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

// Error codes, section 7.
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header field, literal and never indexed (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0];
    for text in [name, value] {
        // Lengths up to 126 are one byte.
        block.push(u8::try_from(text.len()).ok().filter(|&n| n < 127).unwrap());
        block.extend(text.as_bytes());
    }
    block
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let fields = fields.iter();
    fields
        .flat_map(|(name, value)| field(name, value))
        .collect()
}

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "h"),
    (":path", "/b"),
];

/// GET with other fields behind it.
fn get_with(more: &[(&str, &str)]) -> Vec<u8> {
    block(&[&GET[..], more].concat())
}

fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, block)
}

/// The head of a request whose body follows.
fn open(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = GET.to_vec();
    fields[0].1 = "PUT";
    fields.extend(more);
    frame(HEADERS, END_HEADERS, stream, &block(&fields))
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    let mut payload = id.to_be_bytes().to_vec();
    payload.extend(value.to_be_bytes());
    frame(SETTINGS, 0, 0, &payload)
}

fn window(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// A client of HTTP/2 that sends what it is told.
struct Client(TcpStream);

#[derive(Debug, PartialEq)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Client {
    /// Connects, and sends the preface with `first`, its first frames.
    fn start(gateway: &Running, first: &[u8]) -> Self {
        let mut stream = gateway.connect();
        stream
            .set_write_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(&[PREFACE, first].concat()).unwrap();
        Self(stream)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Reads the next frame; `None` at the end of the connection.
    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, s, t, u, v] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]).try_into().unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s, t, u, v]),
            payload,
        })
    }

    /// Reads until something is said about the connection, or about `stream`.
    fn outcome(&mut self, stream: u32) -> Outcome {
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap());
        while let Some(frame) = self.next() {
            match frame.kind {
                GOAWAY => return Outcome::Connection(number(&frame.payload[4..])),
                RST_STREAM if frame.stream == stream => {
                    return Outcome::Stream(number(&frame.payload));
                }
                HEADERS if frame.stream == stream => return Outcome::answered(&frame.payload),
                PING if frame.flags & ACK != 0 && stream == 0 => return Outcome::Pong,
                _ => {}
            }
        }
        Outcome::Closed
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// GOAWAY with a code.
    Connection(u32),
    /// RST_STREAM with a code.
    Stream(u32),
    /// A response.
    Answered(u16),
    /// The answer to a PING.
    Pong,
    /// The connection ended.
    Closed,
}

impl Outcome {
    /// Reads the status, which comes first: an index of the static table, or a literal of that name.
    fn answered(block: &[u8]) -> Self {
        let indexed = [(0x88, 200), (0x8c, 400), (0x8d, 404), (0x8e, 500)];
        let found = indexed.iter().find(|(byte, _)| *byte == block[0]);
        // Other codes are written out; all that is expected here is 431, whose digits may be packed.
        Self::Answered(found.map_or(431, |(_, status)| *status))
    }
}

fn gateway() -> Running {
    let (address, _requests) = recording(ANSWER);
    Running::start(config(address, Profile::Generic))
}

/// Section of RFC 9113 and what is sent, the frames, and what has to come of it. The first stream is
/// the one that is watched, 0 stands for the connection.
type Case = (&'static str, Vec<u8>, u32, Outcome);

#[track_caller]
fn check(cases: Vec<Case>) {
    let gateway = gateway();
    let settings = frame(SETTINGS, 0, 0, &[]);
    let mut wrong = Vec::new();
    for (name, frames, stream, expected) in cases {
        let mut client = Client::start(&gateway, &[settings.as_slice(), &frames].concat());
        let found = client.outcome(stream);
        if found != expected {
            wrong.push(format!("{name}: {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

use Outcome::{Answered, Closed, Connection, Pong, Stream};

#[test]
fn frames_of_the_wrong_size_or_unknown() {
    let get = headers(1, &block(&GET));
    let cat = |frames: &[&[u8]]| frames.concat();
    check(vec![
        (
            "4.1 an unknown type is ignored",
            cat(&[&frame(0xfa, 0, 0, b"x"), &get]),
            1,
            Answered(200),
        ),
        (
            "4.1 unknown flags are ignored",
            frame(PING, 0x16, 0, &[0; 8]),
            0,
            Pong,
        ),
        (
            "4.1 the reserved bit is ignored",
            frame(PING, 0, 1 << 31, &[0; 8]),
            0,
            Pong,
        ),
        (
            "4.2 DATA above the limit",
            cat(&[&open(1, &[]), &frame(DATA, 0, 1, &[0; 16_385])]),
            0,
            Connection(FRAME_SIZE_ERROR),
        ),
        (
            "4.2 HEADERS above the limit",
            frame(HEADERS, 5, 1, &[0; 16_385]),
            0,
            Connection(FRAME_SIZE_ERROR),
        ),
        (
            "4.3 a block that is no HPACK",
            headers(1, &[0xff; 6]),
            0,
            UNREADABLE,
        ),
        (
            "4.3 PRIORITY within a block",
            cat(&[
                &frame(HEADERS, END_STREAM, 1, &block(&GET)),
                &frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]),
            ]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "4.3 HEADERS of another stream within a block",
            cat(&[
                &frame(HEADERS, END_STREAM, 1, &block(&GET)),
                &headers(3, &block(&GET)),
            ]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
    ]);
}

#[test]
fn frames_that_the_state_of_their_stream_forbids() {
    let get = block(&GET);
    let cat = |frames: &[&[u8]]| frames.concat();
    let answered = headers(1, &get);
    check(vec![
        (
            "5.1 idle: DATA",
            frame(DATA, END_STREAM, 1, b"x"),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "5.1 idle: RST_STREAM",
            frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "5.1 idle: WINDOW_UPDATE",
            window(1, 1),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "5.1 idle: CONTINUATION",
            frame(CONTINUATION, END_HEADERS, 1, &get),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "5.1.1 an even number",
            headers(2, &get),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "5.1.1 a lower number",
            cat(&[&headers(5, &get), &headers(3, &get)]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.1 DATA without stream",
            frame(DATA, 0, 0, b"x"),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.1 DATA with more padding than payload",
            cat(&[&open(1, &[]), &frame(DATA, PADDED, 1, &[9, 0])]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.2 HEADERS without stream",
            headers(0, &get),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.2 HEADERS with more padding than payload",
            frame(HEADERS, PADDED | 5, 1, &[9, 0]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.3 PRIORITY without stream",
            frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 1]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.4 RST_STREAM without stream",
            frame(RST_STREAM, 0, 0, &[0, 0, 0, 8]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.4 RST_STREAM of the wrong size",
            cat(&[&open(1, &[]), &frame(RST_STREAM, 0, 1, &[0; 3])]),
            0,
            UNREADABLE,
        ),
        (
            "6.6 PUSH_PROMISE by a client",
            cat(&[
                &open(1, &[]),
                &frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
            ]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.10 CONTINUATION without stream",
            frame(CONTINUATION, END_HEADERS, 0, &get),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.10 CONTINUATION behind a complete block",
            cat(&[&answered, &frame(CONTINUATION, END_HEADERS, 1, &get)]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.10 a block in three frames",
            cat(&[
                &frame(HEADERS, END_STREAM, 1, &get[..3]),
                &frame(CONTINUATION, 0, 1, &get[3..9]),
                &frame(CONTINUATION, END_HEADERS, 1, &get[9..]),
            ]),
            1,
            Answered(200),
        ),
    ]);
}

#[test]
fn frames_of_the_connection() {
    let cat = |frames: &[&[u8]]| frames.concat();
    let get = headers(1, &block(&GET));
    check(vec![
        (
            "6.5 an acknowledgement with payload",
            frame(SETTINGS, ACK, 0, &[0; 6]),
            0,
            UNREADABLE,
        ),
        (
            "6.5 SETTINGS of a stream",
            frame(SETTINGS, 0, 1, &[]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.5 SETTINGS of the wrong size",
            frame(SETTINGS, 0, 0, &[0; 5]),
            0,
            UNREADABLE,
        ),
        (
            "6.5.2 ENABLE_PUSH that is no flag",
            setting(2, 2),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.5.2 a frame size below the least",
            setting(5, 16_383),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.5.2 a frame size above the greatest",
            setting(5, 1 << 24),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.5.2 an unknown setting is ignored",
            cat(&[&setting(0xff, 1), &get]),
            1,
            Answered(200),
        ),
        (
            "6.7 PING is answered",
            frame(PING, 0, 0, b"12345678"),
            0,
            Pong,
        ),
        (
            "6.7 PING of a stream",
            frame(PING, 0, 1, &[0; 8]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.7 PING of the wrong size",
            frame(PING, 0, 0, &[0; 6]),
            0,
            UNREADABLE,
        ),
        (
            "6.8 GOAWAY of a stream",
            frame(GOAWAY, 0, 1, &[0; 8]),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.9 WINDOW_UPDATE of nothing",
            window(0, 0),
            0,
            Connection(PROTOCOL_ERROR),
        ),
        (
            "6.9 WINDOW_UPDATE of the wrong size",
            frame(WINDOW_UPDATE, 0, 0, &[0; 3]),
            0,
            UNREADABLE,
        ),
        (
            "6.9.1 a window of the connection above the greatest",
            cat(&[&window(0, 0x7fff_ffff), &window(0, 0x7fff_ffff)]),
            0,
            Connection(FLOW_CONTROL_ERROR),
        ),
        (
            "6.9.1 a window of a stream above the greatest",
            cat(&[&open(1, &[]), &window(1, 0x7fff_ffff)]),
            1,
            Stream(FLOW_CONTROL_ERROR),
        ),
        (
            "6.9.2 an initial window above the greatest",
            setting(4, 1 << 31),
            0,
            UNREADABLE,
        ),
    ]);
}

#[test]
fn requests_that_are_malformed() {
    let with = |more: &[(&str, &str)]| headers(1, &get_with(more));
    let without = |name: &str| {
        let kept: Vec<_> = GET
            .into_iter()
            .filter(|(known, _)| *known != name)
            .collect();
        headers(1, &block(&kept))
    };
    let late = [&[("x", "y")], &GET[..]].concat();
    let cat = |frames: &[&[u8]]| frames.concat();
    let refused = Stream(PROTOCOL_ERROR);
    check(vec![
        (
            "8.1 trailers that do not end the stream",
            cat(&[
                &open(1, &[]),
                &frame(HEADERS, END_HEADERS, 1, &block(&[("x", "y")])),
            ]),
            1,
            refused,
        ),
        (
            "8.1.1 a body longer than its length",
            cat(&[
                &open(1, &[("content-length", "1")]),
                &frame(DATA, END_STREAM, 1, b"xy"),
            ]),
            1,
            refused,
        ),
        (
            "8.1.1 a body shorter than its length",
            cat(&[
                &open(1, &[("content-length", "3")]),
                &frame(DATA, END_STREAM, 1, b"xy"),
            ]),
            1,
            refused,
        ),
        (
            "8.2.1 an upper-case name",
            with(&[("X-Y", "z")]),
            1,
            UNREADABLE,
        ),
        (
            "8.2.1 a line end in a value",
            with(&[("x", "a\r\nb: c")]),
            1,
            UNREADABLE,
        ),
        (
            "8.2.2 Connection",
            with(&[("connection", "keep-alive")]),
            1,
            refused,
        ),
        (
            "8.2.2 Transfer-Encoding",
            with(&[("transfer-encoding", "chunked")]),
            1,
            refused,
        ),
        (
            "8.2.2 TE of something else than trailers",
            with(&[("te", "gzip")]),
            1,
            refused,
        ),
        (
            "8.2.2 TE of trailers",
            with(&[("te", "trailers")]),
            1,
            Answered(200),
        ),
        (
            "8.3 an unknown pseudo-header",
            with(&[(":x", "y")]),
            1,
            UNREADABLE,
        ),
        (
            "8.3 a pseudo-header of responses",
            with(&[(":status", "200")]),
            1,
            refused,
        ),
        (
            "8.3 a pseudo-header behind a header",
            headers(1, &block(&late)),
            1,
            refused,
        ),
        (
            "8.3 a pseudo-header twice",
            with(&[(":path", "/c")]),
            1,
            refused,
        ),
        ("8.3.1 no method", without(":method"), 1, refused),
        ("8.3.1 no scheme", without(":scheme"), 1, refused),
        ("8.3.1 no path", without(":path"), 1, refused),
        (
            "8.3.1 an empty path",
            headers(1, &block(&[GET[0], GET[1], GET[2], (":path", "")])),
            1,
            refused,
        ),
    ]);
}

#[test]
fn data_behind_the_end_of_its_stream() {
    let gateway = gateway();
    let mut client = Client::start(&gateway, &frame(SETTINGS, 0, 0, &[]));
    client.send(&headers(1, &block(&GET)));
    client.send(&frame(DATA, END_STREAM, 1, b"x"));
    let found = client.outcome(u32::MAX);
    // Section 5.1 has a stream error; h2 ends the connection, with a code that depends on whether the
    // response is through.
    assert!(
        matches!(found, Connection(PROTOCOL_ERROR | STREAM_CLOSED)),
        "{found:?}"
    );
}

#[test]
fn a_window_of_one_byte_is_kept_to() {
    let gateway = gateway();
    let first = [setting(4, 1), headers(1, &block(&GET))].concat();
    let mut client = Client::start(&gateway, &first);
    let mut body = Vec::new();
    while let Some(frame) = client.next() {
        if frame.kind == DATA {
            assert!(frame.payload.len() <= 1, "{frame:?}");
            body.extend(&frame.payload);
            if body.ends_with(b"ok") {
                return;
            }
            client.send(&window(1, 1));
        }
    }
    panic!("the connection ended behind {body:?}");
}

#[test]
fn streams_above_the_limit_are_refused() {
    let gateway = gateway();
    let mut client = Client::start(&gateway, &frame(SETTINGS, 0, 0, &[]));
    // Bodies that do not end, so that no stream does.
    let requests: Vec<u8> = (0..300).flat_map(|n| open(2 * n + 1, &[])).collect();
    client.send(&requests);
    let found = client.outcome(2 * 299 + 1);
    assert!(
        matches!(found, Stream(REFUSED_STREAM) | Connection(PROTOCOL_ERROR)),
        "{found:?}"
    );
}

/// Sends without end of `more(n)`, until the gateway says something about the connection or ends it.
#[track_caller]
fn flood(gateway: &Running, name: &str, first: &[u8], count: u32, more: impl Fn(u32) -> Vec<u8>) {
    let first = [frame(SETTINGS, 0, 0, &[]).as_slice(), first].concat();
    let mut client = Client::start(gateway, &first);
    let mut writer = client.0.try_clone().unwrap();
    let frames: Vec<u8> = (0..count).flat_map(more).collect();
    let sender = thread::spawn(move || {
        // The gateway may have had enough.
        let _ = writer.write_all(&frames);
        let _ = writer.shutdown(std::net::Shutdown::Write);
    });
    let found = client.outcome(u32::MAX);
    assert!(
        matches!(found, Connection(ENHANCE_YOUR_CALM) | Closed),
        "{name}: {found:?}"
    );
    drop(client);
    sender.join().unwrap();
    // Others are served as before.
    let mut other = Client::start(gateway, &frame(SETTINGS, 0, 0, &[]));
    other.send(&headers(1, &block(&GET)));
    assert_eq!(other.outcome(1), Answered(200), "{name}");
}

#[test]
fn floods_end_their_connection_and_no_other() {
    let gateway = gateway();
    let get = block(&GET);
    let start = frame(HEADERS, END_STREAM, 1, &get);
    flood(&gateway, "continuation", &start, 20_000, |n| {
        frame(CONTINUATION, 0, 1, &field("x", &n.to_string()))
    });
    flood(&gateway, "empty continuation", &start, 100_000, |_| {
        frame(CONTINUATION, 0, 1, &[])
    });
    flood(&gateway, "rapid reset", &[], 20_000, |n| {
        let stream = 2 * n + 1;
        [
            headers(stream, &get),
            frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    });
    flood(&gateway, "made you reset", &[], 20_000, |n| {
        [open(2 * n + 1, &[]), window(2 * n + 1, 0x7fff_ffff)].concat()
    });
    flood(&gateway, "empty data", &open(1, &[]), 100_000, |_| {
        frame(DATA, 0, 1, &[])
    });
    // These cost no more than reading them, and are read to their end.
    flood(&gateway, "settings", &[], 20_000, |_| setting(4, 65_535));
    flood(&gateway, "ping", &[], 20_000, |_| {
        frame(PING, 0, 0, &[0; 8])
    });
    flood(&gateway, "priority", &[], 20_000, |n| {
        frame(PRIORITY, 0, 2 * n + 1, &[0, 0, 0, 0, 1])
    });
}

#[test]
fn header_lists_above_the_limit_are_refused() {
    let gateway = gateway();
    // One entry in the dynamic table, named again and again: a few bytes that stand for many.
    let value = "v".repeat(4000);
    let mut bomb = get_with(&[]);
    bomb.extend([0x40, 1, b'x', 0x7f]);
    // What a length has above 127 follows in groups of seven bits (RFC 7541, section 5.1).
    let rest = 4000_u16 - 127;
    bomb.extend([0x80 | (rest % 128), rest / 128].map(|group| u8::try_from(group).unwrap()));
    bomb.extend(value.as_bytes());
    bomb.extend([0xbe; 1000]);
    let mut client = Client::start(&gateway, &frame(SETTINGS, 0, 0, &[]));
    client.send(&headers(1, &bomb));
    let found = client.outcome(1);
    assert!(
        matches!(found, Answered(431) | Stream(_) | Connection(_)),
        "{found:?}"
    );
}

#[test]
fn a_preface_that_is_broken_off_is_no_http_2() {
    let gateway = gateway();
    let answer = gateway.exchange(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
}
