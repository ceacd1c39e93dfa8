//! What a gateway is told: where to listen, where requests go, what URLs look like.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use lsconfig::addr::{HostPort, HostPortSpec};
use lsconfig::listen::ListenSet;
use serde::Serialize;

use crate::limits;
use crate::service::Services;

/// Everything a gateway is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The sockets to bind.
    pub listen: ListenSet,
    /// Where requests go that no route takes.
    pub upstream: Arc<Upstream>,
    /// Where other requests go; the first that matches wins.
    pub routes: Vec<Route>,
    /// Host, port and forms of returned URLs.
    pub urls: Urls,
    /// Origins that browsers may call from, besides the usual ones.
    pub cors: CorsConfig,
    /// Which certificate is shown.
    pub tls: TlsSource,
    /// Where our certificate authority is kept.
    pub state_dir: PathBuf,
    /// Worker threads, each with its own sockets; at least 1.
    pub workers: usize,
    /// Whether `/_lsconfig/` answers clients that are not on this machine.
    pub admin_from_anywhere: bool,
    /// How long upstreams are waited for.
    pub waits: Waits,
}

/// How long upstreams are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// For a connection.
    pub connect: Duration,
    /// For the head of a response, from the start of its request.
    pub response: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT_TIMEOUT,
            response: limits::RESPONSE_TIMEOUT,
        }
    }
}

/// Which certificate is shown to TLS clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// Leaves of our own authority, one for each name asked for.
    Own,
    /// One PEM file with key and chain, as `CUSTOM_SSL_CERT_PATH` names it.
    Pem(PathBuf),
    /// Certificate and key in two files.
    Pair {
        /// The chain.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
}

/// Whose host returned URLs carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mint {
    /// The host that the client used.
    Client,
    /// `LOCALSTACK_HOST`.
    Configured,
}

impl FromStr for Mint {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "client" => Ok(Self::Client),
            "configured" => Ok(Self::Configured),
            _ => Err(ConfigError::Mint(text.to_owned())),
        }
    }
}

/// The forms of returned URLs.
#[derive(Debug, Clone, Serialize)]
pub struct Urls {
    /// Whose host URLs carry.
    pub mint: Mint,
    /// `LOCALSTACK_HOST`, or its default.
    pub address: HostPort,
    /// The scheme, for URLs that do not follow the request: `USE_SSL`.
    pub scheme: &'static str,
    /// `SQS_ENDPOINT_STRATEGY`; `None` when it is not set.
    pub sqs_strategy: Option<String>,
    /// The first port that is listened on, which configured URLs of Lambda functions carry.
    pub listen_port: u16,
}

/// The settings behind the list of allowed origins.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CorsConfig {
    /// `EXTRA_CORS_ALLOWED_ORIGINS`, split.
    pub extra_origins: Vec<String>,
    /// `EXTRA_CORS_ALLOWED_HEADERS`, split.
    pub extra_headers: Vec<String>,
    /// `EXTRA_CORS_EXPOSE_HEADERS`, split.
    pub extra_expose_headers: Vec<String>,
    /// `DISABLE_CORS_HEADERS`.
    pub no_headers: bool,
    /// `DISABLE_CORS_CHECKS`.
    pub no_checks: bool,
    /// `DISABLE_PREFLIGHT_PROCESSING`.
    pub no_preflight: bool,
    /// `DISABLE_CUSTOM_CORS_S3`.
    pub check_s3: bool,
    /// `DISABLE_CUSTOM_CORS_APIGATEWAY`.
    pub check_api_gateway: bool,
}

/// An emulator behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// How to reach it.
    #[serde(flatten)]
    pub url: UpstreamUrl,
    /// What it can do.
    pub profile: Profile,
}

/// How an upstream is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP/1.1.
    Http,
    /// HTTP/1.1 in TLS.
    Https,
    /// HTTP/2 without TLS, by prior knowledge.
    H2c,
}

/// The URL of an upstream: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpstreamUrl {
    /// The protocol.
    pub scheme: Scheme,
    /// Where to connect.
    pub address: HostPort,
}

/// Why a text is no upstream or route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL does not start with a scheme that we speak.
    #[error("expected `http://`, `https://` or `h2c://` in `{0}`")]
    Scheme(String),
    /// There is more than scheme, host and port.
    #[error("an upstream has no path, query or user: `{0}`")]
    ExtraParts(String),
    /// Host and port are unreadable.
    #[error("`{text}` is no host with port: {source}")]
    Address {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: lsconfig::addr::ParseAddrError,
    },
    /// The host is missing.
    #[error("no host in `{0}`")]
    NoHost(String),
    /// A route has no `=`.
    #[error("expected `SERVICE=URL` or `HOSTPATTERN=URL`, not `{0}`")]
    RouteForm(String),
    /// A route names no service.
    #[error("`{0}` is no service and no host pattern")]
    UnknownService(String),
    /// A profile is unknown.
    #[error(
        "`{0}` is no profile, expected localstack, moto, ministack, fakecloud, minio, elasticmq or generic"
    )]
    Profile(String),
    /// Something else is asked for than the host of the client or of the settings.
    #[error("expected `client` or `configured`, not `{0}`")]
    Mint(String),
}

impl FromStr for UpstreamUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| ConfigError::Scheme(text.to_owned()))?;
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "h2c" => (Scheme::H2c, 80),
            _ => return Err(ConfigError::Scheme(text.to_owned())),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(ConfigError::ExtraParts(text.to_owned()));
        }
        let spec: HostPortSpec = authority.parse().map_err(|source| ConfigError::Address {
            text: authority.to_owned(),
            source,
        })?;
        let host = spec
            .host
            .ok_or_else(|| ConfigError::NoHost(text.to_owned()))?;
        Ok(Self {
            scheme,
            address: HostPort {
                host,
                port: spec.port.unwrap_or(default_port),
            },
        })
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::H2c => "h2c",
        };
        write!(f, "{scheme}://{}", self.address)
    }
}

/// An emulator that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Profile {
    /// LocalStack, which knows all host forms and answers `/_localstack/`.
    LocalStack,
    /// moto's server.
    Moto,
    /// ministack.
    MiniStack,
    /// fakecloud.
    FakeCloud,
    /// MinIO, which checks signatures: host and path must stay as signed.
    MinIo,
    /// ElasticMQ.
    ElasticMq,
    /// Any other.
    #[default]
    Generic,
}

impl Profile {
    const NAMES: [(&'static str, Self); 7] = [
        ("localstack", Self::LocalStack),
        ("moto", Self::Moto),
        ("ministack", Self::MiniStack),
        ("fakecloud", Self::FakeCloud),
        ("minio", Self::MinIo),
        ("elasticmq", Self::ElasticMq),
        ("generic", Self::Generic),
    ];

    /// Returns whether buckets in hosts have to become buckets in paths.
    #[must_use]
    pub fn needs_path_style(self) -> bool {
        !matches!(self, Self::LocalStack | Self::MinIo)
    }

    /// Returns whether the upstream checks origins itself and answers `/_localstack/`.
    #[must_use]
    pub fn is_localstack(self) -> bool {
        self == Self::LocalStack
    }

    /// Returns the host below which the upstream looks for APIs, where it looks below one alone.
    ///
    /// ministack knows them below its own name, `localhost` unless `MINISTACK_HOST` says otherwise.
    #[must_use]
    pub fn host_of_apis(self) -> Option<&'static str> {
        (self == Self::MiniStack).then_some("localhost")
    }

    /// Returns whether the upstream must see its own address in `Host`.
    ///
    /// moto takes the first label of a host it does not know for a bucket.
    #[must_use]
    pub fn wants_own_host(self) -> bool {
        self == Self::Moto
    }
}

impl FromStr for Profile {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, profile)| *profile)
            .ok_or_else(|| ConfigError::Profile(text.to_owned()))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, profile)| profile == self);
        f.write_str(name.map_or("generic", |(name, _)| name))
    }
}

/// Where some requests go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Which requests.
    pub matches: Matcher,
    /// Where they go.
    pub upstream: Arc<Upstream>,
}

/// Which requests a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Matcher {
    /// Requests for a service, botocore's name.
    Service(String),
    /// Requests to hosts of a pattern, in which `*` stands for any text.
    Host(String),
}

impl Route {
    /// Reads `SERVICE=URL` or `HOSTPATTERN=URL`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the text has another form, or the service is not known.
    pub fn parse(text: &str, profile: Profile) -> Result<Self, ConfigError> {
        let (left, url) = text
            .split_once('=')
            .ok_or_else(|| ConfigError::RouteForm(text.to_owned()))?;
        Ok(Self {
            matches: left.parse()?,
            upstream: Arc::new(Upstream {
                url: url.parse()?,
                profile,
            }),
        })
    }

    /// Returns whether the route takes a request for `service` to `host`, which has no port.
    #[must_use]
    pub fn takes(&self, service: Option<&str>, host: &str) -> bool {
        match &self.matches {
            Matcher::Service(name) => service == Some(name),
            Matcher::Host(pattern) => glob(pattern.as_bytes(), host.as_bytes()),
        }
    }
}

impl FromStr for Matcher {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text.contains(['*', '.']) {
            return Ok(Self::Host(text.to_ascii_lowercase()));
        }
        match Services::all().named(text) {
            Some(service) => Ok(Self::Service(service.name.to_owned())),
            None => Err(ConfigError::UnknownService(text.to_owned())),
        }
    }
}

/// Matches without case; `*` stands for any text. Runs in `O(pattern * text)`.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .is_none_or(|rest| rest.iter().all(|&b| b == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let url: Result<UpstreamUrl, _> = text.parse();
        let shown = url.map_or_else(|e| e.to_string(), |u| u.to_string());
        assert_eq!(shown, expected);
    }

    #[test]
    fn upstreams_are_scheme_host_and_port() {
        check("http://127.0.0.1:5000", "http://127.0.0.1:5000");
        check("HTTP://moto:5000/", "http://moto:5000");
        check("http://moto", "http://moto:80");
        check("https://[::1]", "https://[::1]:443");
        check("h2c://h:1", "h2c://h:1");
        check(
            "moto:5000",
            "expected `http://`, `https://` or `h2c://` in `moto:5000`",
        );
        check(
            "http://h/p",
            "an upstream has no path, query or user: `http://h/p`",
        );
        check("http://:1", "no host in `http://:1`");
    }

    #[test]
    fn routes_take_services_or_hosts() {
        let takes = |text, service, host| {
            Route::parse(text, Profile::Generic)
                .unwrap()
                .takes(service, host)
        };
        assert!(takes("sqs=http://h:1", Some("sqs"), "x"));
        assert!(!takes("sqs=http://h:1", Some("s3"), "sqs.x"));
        let pattern = "*.s3.localhost.localstack.cloud=http://h:1";
        assert!(takes(pattern, None, "B.s3.localhost.localstack.cloud"));
        assert!(!takes(pattern, None, "s3.localhost.localstack.cloud"));
        assert!(takes("*.a.*.b=http://h:1", None, "x.a.y.a.z.b"));
        let error = |text| Route::parse(text, Profile::Generic).unwrap_err();
        assert_eq!(
            error("sqsx=http://h"),
            ConfigError::UnknownService("sqsx".into())
        );
        assert_eq!(error("sqs"), ConfigError::RouteForm("sqs".into()));
    }
}
