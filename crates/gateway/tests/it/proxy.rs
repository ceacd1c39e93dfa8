//! Requests through a gateway, byte by byte.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use lsconfig_gateway::config::{Profile, Route};

use crate::harness::{Running, config, read_all, read_until, recording, upstream};

const OK: &str = "HTTP/1.1 200 OK\r\nServer: theirs\r\nX-Case: Kept\r\nContent-Length: 2\r\n\r\nok";

fn through(profile: Profile, request: &str) -> (String, String) {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, profile));
    let answer = gateway.exchange(request.as_bytes());
    (requests.try_recv().unwrap_or_default(), answer)
}

fn dead() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn what_is_not_ours_passes_unchanged() {
    let request = "PUT /b/a%2Fb//c%20+~?x=%41&y&z= HTTP/1.1\r\nHost: foo.bar:5000\r\nX-UPPER: a\r\n\
        x-dup: 1\r\nX-Empty:\r\nx-dup: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
        X-Forwarded-For: 9.9.9.9\r\nContent-Length: 3\r\n\r\nabc";
    let (seen, answer) = through(Profile::LocalStack, request);
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[0], "PUT /b/a%2Fb//c%20+~?x=%41&y&z= HTTP/1.1");
    for line in [
        "Host: foo.bar:5000",
        "X-UPPER: a",
        "x-dup: 1",
        "x-dup: 2",
        "X-Empty:",
    ] {
        assert!(lines.contains(&line), "{line} is not in {seen}");
    }
    assert!(
        !seen.contains("X-Hop") && !seen.contains("9.9.9.9"),
        "{seen}"
    );
    assert!(seen.contains("X-Forwarded-For: 127.0.0.1\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\nabc"), "{seen}");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("Server: theirs\r\nX-Case: Kept\r\n"),
        "{answer}"
    );
    assert!(!answer.to_ascii_lowercase().contains("date:"), "{answer}");
}

#[test]
fn buckets_in_hosts_become_paths_where_the_upstream_needs_it() {
    let request = "GET /k?versionId=1 HTTP/1.1\r\nHost: my.bucket.s3.localhost.localstack.cloud:4566\r\n\
        Connection: close\r\n\r\n";
    let (seen, _) = through(Profile::Generic, request);
    assert!(
        seen.starts_with("GET /my.bucket/k?versionId=1 HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(
        seen.contains("\r\nHost: s3.localhost.localstack.cloud:4566\r\n"),
        "{seen}"
    );
    let (seen, _) = through(Profile::LocalStack, request);
    assert!(
        seen.starts_with("GET /k?versionId=1 HTTP/1.1\r\n"),
        "{seen}"
    );
}

#[test]
fn apis_in_hosts_have_the_host_that_the_upstream_knows() {
    let request = "GET /dev HTTP/1.1\r\nHost: 1a2b3c4d.execute-api.localhost.localstack.cloud:4566\r\n\
        Connection: close\r\n\r\n";
    let host = |profile| {
        through(profile, request)
            .0
            .lines()
            .nth(1)
            .map(str::to_owned)
    };
    let theirs = "Host: 1a2b3c4d.execute-api.localhost".to_owned();
    assert_eq!(host(Profile::MiniStack), Some(theirs));
    let same = "Host: 1a2b3c4d.execute-api.localhost.localstack.cloud:4566".to_owned();
    assert_eq!(host(Profile::LocalStack), Some(same));
}

#[test]
fn continue_is_the_upstreams_to_say() {
    let says_continue = upstream(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let body = read_until(&mut stream, "abc");
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{body}");
    });
    let gateway = Running::start(config(says_continue, Profile::Generic));
    let mut stream = gateway.connect();
    let head = "PUT /b/k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\
        Connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(
        read_until(&mut stream, "\r\n\r\n"),
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    stream.write_all(b"abc").unwrap();
    assert!(read_all(&mut stream).ends_with("\r\n\r\nabc"));

    let (refuses, _requests) = {
        let (sender, receiver) = std::sync::mpsc::channel();
        let address = upstream(move |mut stream| {
            let _ = sender.send(read_until(&mut stream, "\r\n\r\n"));
            let answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
        });
        (address, receiver)
    };
    let gateway = Running::start(config(refuses, Profile::Generic));
    let mut stream = gateway.connect();
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn upgraded_connections_carry_bytes_both_ways() {
    let echo = upstream(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(
            head.to_ascii_lowercase().contains("upgrade: websocket"),
            "{head}"
        );
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        let mut buffer = [0; 64];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..n]).unwrap();
        }
    });
    let gateway = Running::start(config(echo, Profile::LocalStack));
    let mut stream = gateway.connect();
    let head = "GET /dev HTTP/1.1\r\nHost: a.execute-api.localhost.localstack.cloud\r\n\
        Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("Sec-WebSocket-Accept: x"), "{answer}");
    stream.write_all(b"\x81\x02hi").unwrap();
    let mut echoed = [0; 4];
    stream.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"\x81\x02hi");
}

#[test]
fn a_client_may_close_its_side_first() {
    let (address, _requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let mut stream = gateway.connect();
    stream
        .write_all(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(read_all(&mut stream).ends_with("\r\n\r\nok"));
}

#[test]
fn connections_to_the_upstream_are_used_again_and_replaced_when_closed() {
    let (accepted, count) = std::sync::mpsc::channel();
    let address = upstream(move |mut stream| {
        // Two requests for each connection, without saying that it ends then.
        for n in 0..2 {
            if read_until(&mut stream, "\r\n\r\n").is_empty() {
                return;
            }
            if n == 0 {
                accepted.send(()).unwrap();
            }
            stream.write_all(OK.as_bytes()).unwrap();
        }
    });
    let gateway = Running::start(config(address, Profile::Generic));
    let mut stream = gateway.connect();
    for _ in 0..6 {
        stream
            .write_all(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        assert!(read_until(&mut stream, "\r\n\r\nok").contains("200 OK"));
    }
    assert_eq!(count.try_iter().count(), 3);
}

#[test]
fn failures_name_the_cause_and_the_setting() {
    let mut config = config(dead(), Profile::Generic);
    let route = format!("sqs=http://{}", dead());
    config
        .routes
        .push(Route::parse(&route, Profile::Generic).unwrap());
    let gateway = Running::start(config);
    let s3 = gateway.exchange(b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(s3.starts_with("HTTP/1.1 502 "), "{s3}");
    assert!(
        s3.contains("<Message>") && s3.contains("--upstream"),
        "{s3}"
    );
    let sqs = gateway.exchange(
        b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nConnection: close\r\n\r\n",
    );
    assert!(sqs.contains("\"__type\":\"UpstreamFailed\""), "{sqs}");
    assert!(
        sqs.contains("the route of sqs") && sqs.contains("onnection refused"),
        "{sqs}"
    );
}

#[test]
fn an_upstream_that_dies_in_a_body_ends_the_connection() {
    let address = upstream(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            .unwrap();
    });
    let gateway = Running::start(config(address, Profile::Generic));
    let answer = gateway.exchange(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\nabc"), "{answer}");
}

#[test]
fn queue_urls_fit_the_client_and_come_back() {
    let (address, requests) = recording(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nx-amz-crc32: 1\r\n\
         Content-Length: 49\r\n\r\n{\"QueueUrl\": \"http://127.0.0.1:1/000000000000/q\"}",
    );
    let gateway = Running::start(config(address, Profile::Moto));
    let send = |host: &str, body: &str| {
        gateway.exchange(
            format!(
                "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.GetQueueUrl\r\n\
                 Content-Type: application/x-amz-json-1.0\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        )
    };
    let answer = send("emulator:4566", "{}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        "{\"QueueUrl\": \"http://emulator:4566/queue/us-east-1/000000000000/q\"}"
    );
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
    assert!(!head.contains("x-amz-crc32: 1\r\n"), "{head}");
    requests.recv().unwrap();
    send(
        "localhost:1",
        "{\"QueueUrl\":\"http://emulator:4566/queue/us-east-1/000000000000/q\"}",
    );
    let seen = requests.recv().unwrap();
    let expected = format!("{{\"QueueUrl\":\"http://{address}/000000000000/q\"}}");
    assert!(seen.ends_with(&expected), "{seen}");
}

#[test]
fn bodies_that_are_too_long_to_mint_pass_through() {
    let address = upstream(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let piece = "x".repeat(1 << 20);
        let _ = write!(stream, "\"");
        for _ in 0..6 {
            let _ = stream.write_all(piece.as_bytes());
        }
        let _ = write!(stream, "\"");
    });
    let gateway = Running::start(config(address, Profile::Moto));
    let answer = gateway.exchange(
        b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.matches('x').count() >= 6 << 20);
}

#[test]
fn a_drain_answers_what_was_asked() {
    let (asked, was_asked) = std::sync::mpsc::channel();
    let address = upstream(move |mut stream| {
        // The check of its health connects and says nothing.
        if read_until(&mut stream, "\r\n\r\n").is_empty() {
            return;
        }
        asked.send(()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
        let _ = stream.write_all(OK.as_bytes());
    });
    let mut gateway = Running::start(config(address, Profile::Generic));
    let mut idle = gateway.connect();
    let mut stream = gateway.connect();
    stream
        .write_all(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    was_asked.recv().unwrap();
    gateway.stop();
    let answer = read_all(&mut stream);
    assert!(answer.ends_with("\r\n\r\nok"), "{answer:?}");
    assert_eq!(read_all(&mut idle), "");
}

#[test]
fn a_connection_that_was_accepted_before_a_drain_is_answered() {
    let (address, _requests) = recording("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let mut gateway = Running::start(config(address, Profile::Generic));
    let mut client = gateway.connect();
    let shared = Arc::clone(&gateway.shared);
    // It is accepted when it is counted.
    let accepted = || gateway.shared.metrics.to_prometheus(&BTreeMap::new());
    while !accepted().contains("lsconfig_gateway_connections 1") {
        std::thread::yield_now();
    }
    let asks = std::thread::spawn(move || {
        while !shared.is_draining() {
            std::thread::yield_now();
        }
        client
            .write_all(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        read_all(&mut client)
    });
    gateway.stop();
    let answer = asks.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("ok"), "{answer}");
}

#[test]
fn the_gateways_own_pages_are_for_this_machine() {
    let (address, _requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Moto));
    let get = |host: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        gateway.exchange(request.as_bytes())
    };
    assert!(get("localhost:1", "/_lsconfig/").contains("<title>lsconfig gateway</title>"));
    assert!(get("localhost:1", "/_lsconfig/settings").contains("\"profile\":\"moto\""));
    assert!(get("localhost:1", "/_lsconfig/metrics").contains("lsconfig_gateway_connections 1"));
    assert!(get("localhost:1", "/_lsconfig/ready").contains("ready"));
    assert!(get("rebound.example", "/_lsconfig/settings").starts_with("HTTP/1.1 403"));
    assert!(get("x", "/_localstack/health").contains("\"sqs\":\"available\""));
    assert!(get("x", "/_localstack/nope").starts_with("HTTP/1.1 404"));
    assert_eq!(gateway.shared.metrics.recent().len(), 2);
}
