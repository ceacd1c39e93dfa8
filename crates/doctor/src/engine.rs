//! The Docker Engine API, as far as it is needed: a few reads, and what runs a container of our own.
//!
//! Blocking HTTP/1.1 over a unix socket, TCP, TLS or ssh, one connection for each call. Every answer is
//! bounded in size and in time. [`discover()`] finds the engine; [`Engine`] asks it. Nothing here judges.

pub mod discover;
mod http;
mod ssh;
pub mod standing;
mod stream;
mod tar;
pub mod tls;

use std::fmt;
use std::io::{self, BufRead as _, Read};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

pub use discover::{Found, Surroundings, discover};
pub use standing::Machine;
use tls::Tls;

/// The newest version of the API that is spoken here.
pub const NEWEST_API: ApiVersion = ApiVersion {
    major: 1,
    minor: 47,
};
/// The oldest version that has all that is needed: Docker 19.03.
pub const OLDEST_API: ApiVersion = ApiVersion {
    major: 1,
    minor: 40,
};

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);
/// How long the first call may take, which decides whether there is an engine at all.
const PING: Duration = Duration::from_secs(3);
/// How long an image may take to arrive.
const IMPORT: Duration = Duration::from_secs(120);
/// The largest answer in JSON: 500 containers give about 2 MB.
const MAX_JSON: usize = 32 << 20;
/// The largest event; the stream ends at a larger one.
const MAX_EVENT: usize = 1 << 20;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// Host and port, without TLS.
    Tcp(String),
    /// Host and port, with TLS.
    Tls {
        /// Host and port.
        authority: String,
        /// Whom to trust, and who we are.
        tls: Tls,
    },
    /// A machine to log in to, whose own docker client leads to its engine.
    Ssh(ssh::Target),
}

impl Address {
    /// Reads the text of `DOCKER_HOST`.
    ///
    /// # Errors
    /// When the text is none of the forms, or one that is not supported.
    ///
    /// With `tls`, an address of TCP is one of TLS, and its usual port 2376 instead of 2375.
    pub fn parse(text: &str, tls: Option<Tls>) -> Result<Self, EngineError> {
        let unsupported = || EngineError::Unsupported(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(unsupported)?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "tcp" | "http" | "https" => {
                let authority = rest.split('/').next().unwrap_or_default();
                let has_port = authority
                    .rsplit_once(':')
                    .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                let usual = if tls.is_some() { 2376 } else { 2375 };
                let authority = match (authority, has_port) {
                    ("", _) => return Err(unsupported()),
                    (_, true) => authority.to_owned(),
                    (_, false) => format!("{authority}:{usual}"),
                };
                match tls {
                    Some(tls) => Ok(Self::Tls { authority, tls }),
                    None if scheme == "https" => Err(EngineError::NoCertificates),
                    None => Ok(Self::Tcp(authority)),
                }
            }
            "ssh" => ssh::Target::parse(rest)
                .map(Self::Ssh)
                .ok_or_else(unsupported),
            "npipe" => Err(EngineError::NamedPipe),
            _ => Err(unsupported()),
        }
    }

    /// Returns whether it leads to this machine, as far as its text says.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(authority) | Self::Tls { authority, .. } => {
                let host = authority.rsplit_once(':').map_or("", |(host, _)| host);
                let host = host.trim_matches(['[', ']']);
                host == "localhost"
                    || host
                        .parse()
                        .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
            Self::Ssh(_) => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) | Self::Tls { authority, .. } => write!(f, "tcp://{authority}"),
            Self::Ssh(target) => write!(f, "ssh://{target}"),
        }
    }
}

/// A version of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// Always 1 so far.
    pub major: u16,
    /// Counts up.
    pub minor: u16,
}

impl ApiVersion {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The address has a scheme that is not supported.
    #[error(
        "`{0}` is no supported address; supported are unix:///path, tcp://host:port and ssh://host"
    )]
    Unsupported(String),
    /// A named pipe of Windows.
    #[error(
        "named pipes exist on Windows only; in WSL use unix:///var/run/docker.sock, which Docker \
         Desktop offers there"
    )]
    NamedPipe,
    /// The address wants TLS, and nothing says whom to trust.
    #[error("no certificates: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a context")]
    NoCertificates,
    /// The files for TLS are no good.
    #[error("TLS: {0}")]
    Tls(#[from] tls::TlsError),
    /// A context is named that does not exist.
    #[error("there is no context called `{0}`")]
    NoContext(String),
    /// The connection failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// What came back is no HTTP, no JSON, or lacks what it must have.
    #[error("answer of the engine cannot be read: {0}")]
    Malformed(&'static str),
    /// The answer exceeds its limit.
    #[error("answer of the engine is larger than {0} bytes")]
    TooLarge(usize),
    /// The engine refused.
    #[error("engine says {status}: {message}")]
    Status {
        /// The status code.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The engine speaks only older versions.
    #[error("engine speaks version {0} of its API, {OLDEST_API} is needed")]
    TooOld(ApiVersion),
}

impl EngineError {
    /// Returns whether the socket exists and may not be opened.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Returns whether the engine does not know the thing that was asked for.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }
}

/// A connected engine.
#[derive(Debug, Clone)]
pub struct Engine {
    address: Address,
    api: ApiVersion,
}

impl Engine {
    /// Asks whether an engine answers, and agrees on a version of the API.
    ///
    /// # Errors
    /// When nothing answers, or only an engine that is too old.
    pub fn connect(address: Address) -> Result<Self, EngineError> {
        let response = http::call(
            &address,
            &http::Request::get("/_ping").limit(1 << 16).within(PING),
        )?;
        let offered = response
            .header("api-version")
            .and_then(ApiVersion::parse)
            .ok_or(EngineError::Malformed("it names no version of its API"))?;
        if offered < OLDEST_API {
            return Err(EngineError::TooOld(offered));
        }
        Ok(Self {
            address,
            api: offered.min(NEWEST_API),
        })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the agreed version.
    #[must_use]
    pub fn api(&self) -> ApiVersion {
        self.api
    }

    fn path(&self, rest: &str) -> String {
        format!("/v{}{rest}", self.api)
    }

    fn get(&self, rest: &str) -> Result<Value, EngineError> {
        let request = http::Request::get(&self.path(rest))
            .limit(MAX_JSON)
            .within(CALL);
        http::call(&self.address, &request)?.json()
    }

    fn post(&self, rest: &str, body: Option<&Value>) -> Result<Value, EngineError> {
        let body = body.map(Value::to_string);
        let request = http::Request::post(&self.path(rest), body.as_deref())
            .limit(MAX_JSON)
            .within(CALL);
        http::call(&self.address, &request)?.json()
    }

    fn delete(&self, rest: &str) -> Result<(), EngineError> {
        let request = http::Request::delete(&self.path(rest))
            .limit(MAX_JSON)
            .within(CALL);
        http::call(&self.address, &request).map(drop)
    }

    /// `GET /version`.
    ///
    /// # Errors
    /// As for every call.
    pub fn version(&self) -> Result<Value, EngineError> {
        self.get("/version")
    }

    /// `GET /info`.
    ///
    /// # Errors
    /// As for every call.
    pub fn info(&self) -> Result<Value, EngineError> {
        self.get("/info")
    }

    /// Lists containers, stopped ones too, as the engine describes them in lists.
    ///
    /// # Errors
    /// As for every call.
    pub fn containers(&self, filters: Option<&Value>) -> Result<Vec<Value>, EngineError> {
        let filters = filters.map_or(String::new(), |filters| {
            format!("&filters={}", escape(&filters.to_string()))
        });
        list(self.get(&format!("/containers/json?all=1{filters}"))?)
    }

    /// Inspects a container by id or name.
    ///
    /// # Errors
    /// As for every call.
    pub fn inspect(&self, container: &str) -> Result<Value, EngineError> {
        self.get(&format!("/containers/{}/json", escape(container)))
    }

    /// Lists networks with their settings, without their containers.
    ///
    /// # Errors
    /// As for every call.
    pub fn networks(&self) -> Result<Vec<Value>, EngineError> {
        list(self.get("/networks")?)
    }

    /// Reads one small file of a container, running or not. `None` when it has no such file.
    ///
    /// # Errors
    /// As for every call.
    pub fn file(
        &self,
        container: &str,
        path: &str,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let rest = format!(
            "/containers/{}/archive?path={}",
            escape(container),
            escape(path)
        );
        let request = http::Request::get(&self.path(&rest))
            .limit(limit + tar::OVERHEAD)
            .cut_short()
            .within(CALL);
        match http::call(&self.address, &request) {
            Ok(response) => Ok(tar::first_file(&response.body, limit)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Follows what happens to containers and networks. The iterator ends when the engine goes away;
    /// it gives `None` inside when nothing happened for `patience`.
    ///
    /// # Errors
    /// When the stream cannot be opened.
    pub fn events(&self, patience: Duration) -> Result<Events, EngineError> {
        let filters = escape(r#"{"type":["container","network"]}"#);
        let request = http::Request::get(&self.path(&format!("/events?filters={filters}")))
            .limit(MAX_JSON)
            .within(patience);
        Ok(Events {
            stream: io::BufReader::new(http::open(&self.address, &request, true)?),
            line: Vec::new(),
        })
    }

    /// Returns whether there is an image of this name.
    ///
    /// # Errors
    /// As for every call.
    pub fn has_image(&self, name: &str) -> Result<bool, EngineError> {
        match self.get(&format!("/images/{}/json", escape(name))) {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lists the names of the images that carry a label.
    ///
    /// # Errors
    /// As for every call.
    pub fn images(&self, label: &str) -> Result<Vec<String>, EngineError> {
        let filters = serde_json::json!({ "label": [label] }).to_string();
        let images = list(self.get(&format!("/images/json?filters={}", escape(&filters)))?)?;
        let tags = images.iter().flat_map(|image| {
            let tags = image.get("RepoTags").and_then(Value::as_array);
            tags.into_iter().flatten().filter_map(Value::as_str)
        });
        Ok(tags.map(str::to_owned).collect())
    }

    /// Makes an image with one file in it, from `file` with `size` bytes.
    ///
    /// # Errors
    /// As for every call, and when the file cannot be read.
    pub fn import(
        &self,
        repository: &str,
        tag: &str,
        changes: &[String],
        name: &str,
        file: &mut dyn Read,
        size: u64,
    ) -> Result<(), EngineError> {
        let mut rest = format!(
            "/images/create?fromSrc=-&repo={}&tag={}",
            escape(repository),
            escape(tag)
        );
        for change in changes {
            rest.push_str(&format!("&changes={}", escape(change)));
        }
        let head = tar::header(name, size);
        let tail = tar::trailer(size);
        let length = head.len() as u64 + size + tail.len() as u64;
        let mut body = head.as_slice().chain(file).chain(tail.as_slice());
        let request = http::Request::post(&self.path(&rest), None)
            .limit(1 << 20)
            .within(IMPORT)
            .body(&mut body, length);
        let response = http::upload(&self.address, request)?;
        // The engine answers 200 first and reports what goes wrong in the stream.
        for line in response.body.split(|&b| b == b'\n') {
            let error = serde_json::from_slice::<Value>(line).ok();
            if let Some(message) = error.as_ref().and_then(|v| v.get("error")?.as_str()) {
                return Err(EngineError::Status {
                    status: 200,
                    message: message.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Removes an image.
    ///
    /// # Errors
    /// As for every call.
    pub fn remove_image(&self, name: &str) -> Result<(), EngineError> {
        self.delete(&format!("/images/{}", escape(name)))
    }

    /// Creates a container and returns its id.
    ///
    /// # Errors
    /// As for every call.
    pub fn create(&self, name: &str, settings: &Value) -> Result<String, EngineError> {
        let rest = format!("/containers/create?name={}", escape(name));
        let answer = self.post(&rest, Some(settings))?;
        let id = answer.get("Id").and_then(Value::as_str);
        id.map(str::to_owned)
            .ok_or(EngineError::Malformed("a new container has no id"))
    }

    /// Starts a container.
    ///
    /// # Errors
    /// As for every call.
    pub fn start(&self, container: &str) -> Result<(), EngineError> {
        self.post(&format!("/containers/{}/start", escape(container)), None)
            .map(drop)
    }

    /// Lets a paused container go on.
    ///
    /// # Errors
    /// As for every call.
    pub fn unpause(&self, container: &str) -> Result<(), EngineError> {
        self.post(&format!("/containers/{}/unpause", escape(container)), None)
            .map(drop)
    }

    /// Stops a container in its tracks.
    ///
    /// # Errors
    /// As for every call.
    pub fn pause(&self, container: &str) -> Result<(), EngineError> {
        self.post(&format!("/containers/{}/pause", escape(container)), None)
            .map(drop)
    }

    /// Attaches a container to a network. There is no call that takes a container off again: on a
    /// running one that changes its hosts file for good.
    ///
    /// # Errors
    /// As for every call.
    pub fn attach_to_network(&self, network: &str, container: &str) -> Result<(), EngineError> {
        let settings = serde_json::json!({ "Container": container });
        self.post(
            &format!("/networks/{}/connect", escape(network)),
            Some(&settings),
        )
        .map(drop)
    }

    /// Opens the output of a container that is not started yet. It ends when the container does, and
    /// its frames are taken apart by [`demultiplex`].
    ///
    /// # Errors
    /// As for every call.
    pub fn attach(&self, container: &str, limit: Duration) -> Result<impl Read, EngineError> {
        let rest = format!(
            "/containers/{}/attach?stream=1&stdout=1&stderr=1",
            escape(container)
        );
        let request = http::Request::post(&self.path(&rest), None)
            .limit(MAX_JSON)
            .within(limit);
        http::open(&self.address, &request, false)
    }

    /// Removes a container, running or not.
    ///
    /// # Errors
    /// As for every call.
    pub fn remove(&self, container: &str) -> Result<(), EngineError> {
        self.delete(&format!("/containers/{}?force=1&v=1", escape(container)))
    }
}

/// What happens, one document at a time.
#[derive(Debug)]
pub struct Events {
    stream: io::BufReader<http::Body>,
    /// What came of a document before the patience ended.
    line: Vec<u8>,
}

impl Iterator for Events {
    type Item = Option<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = MAX_EVENT.saturating_sub(self.line.len());
        let mut limited = (&mut self.stream).take(left as u64);
        match limited.read_until(b'\n', &mut self.line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_slice(&std::mem::take(&mut self.line)).ok()),
            Err(error) if http::is_timeout(&error) => Some(None),
            Err(_) => None,
        }
    }
}

fn list(answer: Value) -> Result<Vec<Value>, EngineError> {
    match answer {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        _ => Err(EngineError::Malformed("a list is no list")),
    }
}

/// Escapes what a path segment or a query value cannot hold.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Splits the frames in which the engine sends standard output and standard error as one stream.
#[must_use]
pub fn demultiplex(mut bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some((head, rest)) = bytes.split_at_checked(8) {
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        if head[0] == 2 {
            err.extend_from_slice(payload);
        } else {
            out.extend_from_slice(payload);
        }
        bytes = rest;
    }
    (out, err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        let shown = |text| Address::parse(text, None).map(|a| a.to_string()).ok();
        assert_eq!(
            shown("unix:///run/d.sock").as_deref(),
            Some("unix:///run/d.sock")
        );
        assert_eq!(
            shown("tcp://10.0.0.1").as_deref(),
            Some("tcp://10.0.0.1:2375")
        );
        assert_eq!(shown("tcp://h:1/x").as_deref(), Some("tcp://h:1"));
        assert_eq!(shown("ssh://me@host").as_deref(), Some("ssh://me@host"));
        for text in [
            "ssh://-oProxyCommand=x",
            "https://h",
            "npipe:////./pipe/x",
            "unix://rel",
            "",
            "tcp://",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn frames_are_taken_apart_even_when_cut_short() {
        let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 2, b'a', b'b'];
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 1, b'e', 1, 0, 0, 0, 0, 0, 0, 9, b'c']);
        assert_eq!(demultiplex(&bytes), (b"abc".to_vec(), b"e".to_vec()));
        assert_eq!(demultiplex(&[1, 0, 0]), (vec![], vec![]));
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape("a/b?c=ü"), "a%2Fb%3Fc%3D%C3%BC");
    }
}
