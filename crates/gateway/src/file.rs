//! The table `[gateway]` of `lsconfig.toml`.
//!
//! ```toml
//! [gateway]
//! upstream = "http://127.0.0.1:5000"
//! profile = "moto"
//! listen = ["127.0.0.1:4566"]
//! mint = "client"
//!
//! [gateway.routes]
//! sqs = "http://127.0.0.1:9324"
//! "*.s3.localhost.localstack.cloud" = { upstream = "http://127.0.0.1:9000", profile = "minio" }
//!
//! [gateway.tls]
//! cert = "cert.pem"
//! key = "key.pem"
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::config::{ConfigError, Profile, Route, Upstream};

/// What a file says about the gateway.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GatewayFile {
    /// Where requests go that no route takes.
    pub upstream: Option<String>,
    /// What the upstream is.
    pub profile: Option<String>,
    /// `host:port` texts, over `GATEWAY_LISTEN`.
    #[serde(default)]
    pub listen: Vec<String>,
    /// `client` or `configured`.
    pub mint: Option<String>,
    /// Where our certificate authority is kept.
    pub state_dir: Option<PathBuf>,
    /// Worker threads.
    pub workers: Option<usize>,
    /// Seconds to wait for a connection to an upstream.
    pub connect_timeout: Option<u64>,
    /// Seconds to wait for the head of a response.
    pub response_timeout: Option<u64>,
    /// Services or host patterns, and where they go.
    #[serde(default)]
    pub routes: BTreeMap<String, RouteFile>,
    /// A certificate of the user.
    pub tls: Option<TlsFile>,
}

/// Where a route of a file goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum RouteFile {
    /// An upstream of the usual profile.
    Url(String),
    /// An upstream with a profile of its own.
    Full {
        /// The URL.
        upstream: String,
        /// What it is.
        profile: String,
    },
}

/// A certificate in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFile {
    /// The chain, or key and chain in one file.
    pub cert: PathBuf,
    /// The key, where it is a file of its own.
    pub key: Option<PathBuf>,
}

/// Why a file says nothing usable.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FileError(#[from] toml_edit::de::Error);

#[derive(Deserialize, Default)]
struct Whole {
    gateway: Option<GatewayFile>,
}

/// Reads the table `[gateway]`; other tables and keys belong to others.
///
/// # Errors
///
/// [`FileError`] when the text is no TOML, or the table has an unknown key or a wrong type.
pub fn parse(text: &str) -> Result<GatewayFile, FileError> {
    let whole: Whole = toml_edit::de::from_str(text)?;
    Ok(whole.gateway.unwrap_or_default())
}

impl GatewayFile {
    /// Returns the routes. Services come before host patterns, as the names are sorted.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] of the first route that is wrong.
    pub fn routes(&self, profile: Profile) -> Result<Vec<Route>, ConfigError> {
        self.routes
            .iter()
            .map(|(matches, to)| {
                let (url, profile) = match to {
                    RouteFile::Url(url) => (url, profile),
                    RouteFile::Full { upstream, profile } => (upstream, profile.parse()?),
                };
                Ok(Route {
                    matches: matches.parse()?,
                    upstream: Arc::new(Upstream {
                        url: url.parse()?,
                        profile,
                    }),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_file_is_read() {
        let text: String = include_str!("file.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//!").to_owned() + "\n")
            .collect();
        let file = parse(&text).unwrap();
        assert_eq!(file.upstream.as_deref(), Some("http://127.0.0.1:5000"));
        let routes = file.routes(Profile::Moto).unwrap();
        assert_eq!(routes.len(), 2);
        assert!(routes[0].takes(None, "b.s3.localhost.localstack.cloud"));
        assert_eq!(routes[0].upstream.profile, Profile::MinIo);
        assert_eq!(routes[1].upstream.profile, Profile::Moto);
    }

    #[test]
    fn other_tables_are_left_alone_and_unknown_keys_are_not() {
        assert!(
            parse("gateway_listen = ':1'\n[dns]\nx = 1\n")
                .unwrap()
                .upstream
                .is_none()
        );
        let error = parse("[gateway]\nupstraem = 'x'\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("upstraem"), "{error}");
    }
}
