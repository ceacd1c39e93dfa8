//! HTTP/1.1 as the engine speaks it: one request for each connection (RFC 9112).
//!
//! A deadline covers the whole call, not only single reads, so that an engine that drips bytes ends
//! it as well.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::stream::Stream;
use super::{Address, EngineError};

/// The longest head of an answer.
const MAX_HEAD: u64 = 64 << 10;

/// What is asked for.
pub(super) struct Request<'a> {
    method: &'static str,
    path: String,
    text: Option<String>,
    upload: Option<(&'a mut dyn Read, u64)>,
    limit: usize,
    cut: bool,
    within: Duration,
}

impl<'a> Request<'a> {
    fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            text: None,
            upload: None,
            limit: 0,
            cut: false,
            within: Duration::ZERO,
        }
    }

    pub(super) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(super) fn delete(path: &str) -> Self {
        Self::new("DELETE", path)
    }

    pub(super) fn post(path: &str, body: Option<&str>) -> Self {
        Self {
            text: Some(body.unwrap_or_default().to_owned()),
            ..Self::new("POST", path)
        }
    }

    /// The largest body of an answer.
    pub(super) fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// A body over the limit is cut instead of refused.
    pub(super) fn cut_short(self) -> Self {
        Self { cut: true, ..self }
    }

    pub(super) fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    pub(super) fn body(self, body: &'a mut dyn Read, length: u64) -> Self {
        Self {
            upload: Some((body, length)),
            ..self
        }
    }

    fn head(&self) -> String {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n",
            self.method, self.path
        );
        if let Some((_, length)) = &self.upload {
            head.push_str(&format!(
                "Content-Type: application/x-tar\r\nContent-Length: {length}\r\n"
            ));
        } else if let Some(text) = &self.text {
            head.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                text.len()
            ));
        }
        head.push_str("\r\n");
        head
    }
}

/// A whole answer with a status of success.
#[derive(Debug)]
pub(super) struct Response {
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Reads the body as JSON; an empty one is null.
    pub(super) fn json(&self) -> Result<Value, EngineError> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|_| EngineError::Malformed("it is no JSON"))
    }
}

/// Makes a call and reads the whole answer.
pub(super) fn call(address: &Address, request: &Request<'_>) -> Result<Response, EngineError> {
    let mut stream = connect(address, request.within)?;
    send(&mut stream, request).map_err(|e| timed(e, request.within))?;
    finish(stream, request.limit, request.cut, request.within)
}

/// Makes a call with a long body.
pub(super) fn upload(address: &Address, mut request: Request<'_>) -> Result<Response, EngineError> {
    let mut stream = connect(address, request.within)?;
    stream
        .write_all(request.head().as_bytes())
        .map_err(|e| timed(e, request.within))?;
    if let Some((body, _)) = &mut request.upload {
        io::copy(body, &mut stream).map_err(|e| timed(e, request.within))?;
    }
    stream.flush().map_err(|e| timed(e, request.within))?;
    finish(stream, request.limit, request.cut, request.within)
}

/// Makes a call whose answer is read bit by bit. With `renew` the time starts anew at every read.
pub(super) fn open(
    address: &Address,
    request: &Request<'_>,
    renew: bool,
) -> Result<Body, EngineError> {
    let mut stream = connect(address, request.within)?;
    send(&mut stream, request).map_err(|e| timed(e, request.within))?;
    let (_, mut body) = answer(stream, request.within)?;
    body.renew = renew.then_some(request.within);
    Ok(body)
}

fn connect(address: &Address, within: Duration) -> Result<Stream, EngineError> {
    Stream::connect(address, within).map_err(|error| timed(error, within))
}

fn send(stream: &mut Stream, request: &Request<'_>) -> io::Result<()> {
    stream.write_all(request.head().as_bytes())?;
    if let Some(text) = &request.text {
        stream.write_all(text.as_bytes())?;
    }
    stream.flush()
}

fn finish(
    stream: Stream,
    limit: usize,
    cut: bool,
    within: Duration,
) -> Result<Response, EngineError> {
    let (headers, body) = answer(stream, within)?;
    let mut bytes = Vec::new();
    body.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| timed(e, within))?;
    if bytes.len() > limit {
        if !cut {
            return Err(EngineError::TooLarge(limit));
        }
        bytes.truncate(limit);
    }
    Ok(Response {
        headers,
        body: bytes,
    })
}

/// Reads the head of an answer; a status of failure becomes an error with the engine's words.
fn answer(stream: Stream, within: Duration) -> Result<(Vec<(String, String)>, Body), EngineError> {
    let mut reader = BufReader::new(stream);
    let mut head = (&mut reader).take(MAX_HEAD);
    let mut line = String::new();
    let mut next = |line: &mut String| -> Result<(), EngineError> {
        line.clear();
        match head.read_line(line) {
            Ok(0) => Err(EngineError::Malformed("it ends early")),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(EngineError::Malformed("its head is no text"))
            }
            Err(error) => Err(timed(error, within)),
        }
    };
    next(&mut line)?;
    let mut words = line.split_whitespace();
    let is_http = words.next().is_some_and(|w| w.starts_with("HTTP/1."));
    let status: u16 = words
        .next()
        .filter(|_| is_http)
        .and_then(|w| w.parse().ok())
        .ok_or(EngineError::Malformed("it is no HTTP"))?;
    let mut headers = Vec::new();
    loop {
        next(&mut line)?;
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let of = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v);
    let framing = if of("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        Framing::Chunked {
            left: 0,
            first: true,
        }
    } else if let Some(length) = of("content-length").and_then(|v| v.parse().ok()) {
        Framing::Length(length)
    } else if matches!(status, 204 | 304) {
        Framing::Length(0)
    } else {
        Framing::Close
    };
    let mut body = Body {
        reader,
        framing,
        renew: None,
    };
    if (200..300).contains(&status) || status == 304 {
        return Ok((headers, body));
    }
    let mut bytes = Vec::new();
    // What can be read of the reason is enough.
    let _ = (&mut body).take(8 << 10).read_to_end(&mut bytes);
    let reason = serde_json::from_slice::<Value>(&bytes).ok();
    let message = match reason.as_ref().and_then(|v| v.get("message")?.as_str()) {
        Some(message) => message.to_owned(),
        None => String::from_utf8_lossy(&bytes).trim().to_owned(),
    };
    Err(EngineError::Status { status, message })
}

/// How the end of a body is known.
#[derive(Debug)]
enum Framing {
    Length(u64),
    Chunked { left: u64, first: bool },
    Close,
    Done,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Body {
    reader: BufReader<Stream>,
    framing: Framing,
    renew: Option<Duration>,
}

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(within) = self.renew {
            self.reader.get_mut().deadline = Instant::now() + within;
        }
        let left = match &mut self.framing {
            Framing::Done => return Ok(0),
            Framing::Close => return self.reader.read(out),
            Framing::Length(left) => left,
            Framing::Chunked { left, first } => {
                if *left == 0 {
                    *left = chunk(&mut self.reader, *first)?;
                    *first = false;
                }
                left
            }
        };
        if *left == 0 {
            self.framing = Framing::Done;
            return Ok(0);
        }
        let most = out.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let read = self.reader.read(&mut out[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= read as u64;
        Ok(read)
    }
}

/// Reads the size of the next chunk, after the line end of the one before.
fn chunk(reader: &mut BufReader<Stream>, first: bool) -> io::Result<u64> {
    let mut line = String::new();
    let mut limited = reader.take(256);
    if !first {
        limited.read_line(&mut line)?;
        line.clear();
    }
    limited.read_line(&mut line)?;
    let size = line.split(';').next().unwrap_or_default().trim();
    u64::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData.into())
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    // Linux reports a passed read timeout as `WouldBlock`.
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

fn timed(error: io::Error, within: Duration) -> EngineError {
    if is_timeout(&error) {
        EngineError::Timeout(within)
    } else {
        EngineError::Io(error)
    }
}
