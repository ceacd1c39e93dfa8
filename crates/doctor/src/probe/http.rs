//! Who answers: one request for the health document (RFC 9112).

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use super::{PlanUrl, STEP, ms};
use crate::facts::{Answer, Record};

/// How much of an answer is read.
const MAX_ANSWER: usize = 64 << 10;
/// How much of a `Server` header is kept.
const MAX_SERVER: usize = 60;

/// Asks for the health document on a connection.
pub(super) fn identify(
    stream: &mut (impl Read + Write),
    url: &PlanUrl,
    address: SocketAddr,
) -> Record {
    let start = Instant::now();
    let host = if url.host.contains(':') {
        format!("[{}]", url.host)
    } else {
        url.host.clone()
    };
    let request = format!(
        "GET /_localstack/health HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: lsconfig-probe\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
        url.port
    );
    let sent = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush());
    let outcome = match sent {
        Ok(()) => read_answer(stream, start),
        Err(_) => Answer::Closed,
    };
    Record::Http {
        url: url.url.clone(),
        address,
        outcome,
        ms: ms(start),
    }
}

fn read_answer(stream: &mut impl Read, start: Instant) -> Answer {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let mut stalled = false;
    // A server that drips bytes ends at the deadline as well.
    while bytes.len() < MAX_ANSWER && start.elapsed() < STEP && !is_whole(&bytes) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                stalled = matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                );
                break;
            }
        }
    }
    if bytes.is_empty() {
        return if stalled || start.elapsed() >= STEP {
            Answer::Stalled
        } else {
            Answer::Closed
        };
    }
    understand(&bytes)
}

/// Returns whether a body of known length is complete.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = header(head, "content-length").and_then(|v| v.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (n, value) = line.split_once(':')?;
        n.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn understand(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut words = head.lines().next().unwrap_or_default().split_whitespace();
    let is_http = words.next().is_some_and(|w| w.starts_with("HTTP/"));
    let Some(status) = words
        .next()
        .filter(|_| is_http)
        .and_then(|w| w.parse().ok())
    else {
        return Answer::NotHttp;
    };
    // The document is one object, whether it comes in chunks or not.
    let document = body
        .find('{')
        .zip(body.rfind('}'))
        .and_then(|(from, to)| serde_json::from_str::<Value>(body.get(from..=to)?).ok());
    if let Some(document) = document.filter(|d| d.get("services").is_some_and(Value::is_object)) {
        let text = |name: &str| {
            let text = document.get(name)?.as_str()?;
            (text.len() <= MAX_SERVER).then(|| text.to_owned())
        };
        return Answer::LocalStack {
            version: text("version"),
            edition: text("edition"),
        };
    }
    Answer::Other {
        status,
        server: header(head, "server").map(|s| s.chars().take(MAX_SERVER).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_document_tells_localstack_from_others() {
        let health = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{\"services\": {\"s3\": \"available\"}, \"version\": \"4.12.0\"}";
        assert_eq!(
            understand(health),
            Answer::LocalStack {
                version: Some("4.12.0".into()),
                edition: None
            }
        );
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n{\"services\": {}, \"a\": \"xxxx\"}\r\n0\r\n\r\n";
        assert!(matches!(understand(chunked), Answer::LocalStack { .. }));
        assert_eq!(
            understand(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n{\"services\": 1}"),
            Answer::Other {
                status: 404,
                server: Some("nginx".into())
            }
        );
        assert_eq!(understand(b"SSH-2.0-x\r\n"), Answer::NotHttp);
        assert_eq!(understand(b"HTTP/1.1"), Answer::NotHttp);
    }
}
