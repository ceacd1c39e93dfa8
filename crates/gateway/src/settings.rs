//! What is set for the gateway alone: the table `[gateway]` of `lsconfig.toml`, under flags.
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
//!
//! The caller stacks figment's providers; every rule for a value is here, so that it is the same for a
//! file and for a flag, and an error of figment names the value that breaks it.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use lsconfig::addr::HostPortSpec;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::{Mint, Profile, TlsSource, UpstreamUrl};

/// What file and flags say about the gateway. What is `None` or empty has a default elsewhere.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Where requests go that no route takes.
    #[serde(deserialize_with = "text")]
    pub upstream: Option<UpstreamUrl>,
    /// What the upstream is.
    #[serde(deserialize_with = "text")]
    pub profile: Option<Profile>,
    /// Where to listen; the file's stand under `GATEWAY_LISTEN`, those of flags over it.
    pub listen: Vec<Listen>,
    /// Whose host URLs carry.
    #[serde(deserialize_with = "text")]
    pub mint: Option<Mint>,
    /// Where our certificate authority is kept.
    pub state_dir: Option<PathBuf>,
    /// Worker threads.
    pub workers: Option<NonZeroUsize>,
    /// Seconds to wait for a connection to an upstream.
    pub connect_timeout: Option<u64>,
    /// Seconds to wait for the head of a response.
    pub response_timeout: Option<u64>,
    /// Services or host patterns, and where they go.
    pub routes: BTreeMap<String, RouteTarget>,
    /// A certificate of the user.
    pub tls: Option<TlsFiles>,
}

/// A `host:port` text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen(pub HostPortSpec);

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Where a route goes: a URL, or a table with URL and profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTarget {
    /// How to reach it.
    pub upstream: UpstreamUrl,
    /// What it is; the profile of the default upstream where it is left out.
    pub profile: Option<Profile>,
}

/// The user's certificate: one PEM file, or a table with certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles(pub TlsSource);

/// Reads a text by the rules of its type.
fn text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

/// A value that is written as a text or, in full, as a table.
trait TextOrTable: Sized {
    /// The table.
    type Table: DeserializeOwned + Into<Self>;
    /// What is expected, for errors.
    const EXPECTED: &str;

    fn from_text<E: Error>(text: &str) -> Result<Self, E>;
}

struct TextOrTableVisitor<T>(PhantomData<T>);

impl<'de, T: TextOrTable> Visitor<'de> for TextOrTableVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Table::deserialize(MapAccessDeserializer::new(map)).map(Into::into)
    }
}

impl TextOrTable for RouteTarget {
    type Table = RouteTable;
    const EXPECTED: &str = "a URL, or a table with `upstream` and `profile`";

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        let upstream = text.parse().map_err(E::custom)?;
        Ok(Self {
            upstream,
            profile: None,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteTable {
    #[serde(deserialize_with = "required")]
    upstream: UpstreamUrl,
    #[serde(default, deserialize_with = "text")]
    profile: Option<Profile>,
}

fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UpstreamUrl, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

impl From<RouteTable> for RouteTarget {
    fn from(RouteTable { upstream, profile }: RouteTable) -> Self {
        Self { upstream, profile }
    }
}

impl<'de> Deserialize<'de> for RouteTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTableVisitor(PhantomData))
    }
}

impl TextOrTable for TlsFiles {
    type Table = TlsTable;
    const EXPECTED: &str = "a file, or a table with `cert` and `key`";

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self(TlsSource::Pem(text.into())))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    cert: PathBuf,
    key: Option<PathBuf>,
}

impl From<TlsTable> for TlsFiles {
    fn from(TlsTable { cert, key }: TlsTable) -> Self {
        Self(match key {
            Some(key) => TlsSource::Pair { cert, key },
            None => TlsSource::Pem(cert),
        })
    }
}

impl<'de> Deserialize<'de> for TlsFiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTableVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::value::Value;
    use lsconfig::provider::{self, Table};

    use super::*;

    fn read(text: &str, flags: &[(&str, Value)]) -> Result<Settings, String> {
        let shown = |d: &lsconfig::diagnostic::Diagnostic| {
            format!("{} {}", d.labels[0].origin(), d.labels[0].message)
        };
        let table = Table::parse(text, "f", "gateway").map_err(|d| shown(&d))?;
        Figment::from(&table)
            .merge(provider::Settings::new("flags", flags.iter().cloned()))
            .extract()
            .map_err(|error| match table.diagnose(&error) {
                Some(diagnostic) => shown(&diagnostic),
                None => format!("{} {}", error.path.join("-"), provider::remark(&error.kind)),
            })
    }

    #[test]
    fn the_documented_file_is_read() {
        let text: String = include_str!("settings.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//!").to_owned() + "\n")
            .collect();
        let settings = read(&text, &[]).unwrap();
        let shown = settings.upstream.unwrap().to_string();
        assert_eq!(
            (&*shown, settings.mint),
            ("http://127.0.0.1:5000", Some(Mint::Client))
        );
        assert_eq!(settings.listen[0].0.to_string(), "127.0.0.1:4566");
        assert_eq!(settings.routes["sqs"].profile, None);
        let minio = &settings.routes["*.s3.localhost.localstack.cloud"];
        assert_eq!(minio.profile, Some(Profile::MinIo));
        let pair = TlsSource::Pair {
            cert: "cert.pem".into(),
            key: "key.pem".into(),
        };
        assert_eq!(settings.tls, Some(TlsFiles(pair)));
    }

    #[test]
    fn flags_win_and_replace_a_certificate_as_a_whole() {
        let text = "[gateway]\nworkers = 1\nlisten = [':1']\ntls = { cert = 'a', key = 'b' }\n";
        let flags = [
            ("workers", Value::from(2)),
            ("listen", vec![":2"].into()),
            ("tls", "c".into()),
        ];
        let settings = read(text, &flags).unwrap();
        assert_eq!(settings.workers.unwrap().get(), 2);
        assert_eq!(settings.listen.len(), 1);
        assert_eq!(settings.listen[0].0.to_string(), ":2");
        assert_eq!(settings.tls, Some(TlsFiles(TlsSource::Pem("c".into()))));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (line, expected) in [
            ("upstraem = 'x'", "f:2:1 unknown"),
            ("upstream = 3", "f:2:12 expected a string, found `3`"),
            (
                "upstream = 'x'",
                "f:2:12 expected `http://`, `https://` or `h2c://` in `x`",
            ),
            (
                "profile = 'motto'",
                "f:2:11 `motto` is no profile, expected localstack, moto, \
             ministack, fakecloud, minio, elasticmq or generic",
            ),
            (
                "mint = 'x'",
                "f:2:8 expected `client` or `configured`, not `x`",
            ),
            (
                "listen = [':1', 'a:b']",
                "f:2:17 port is not a number from 0 to 65535",
            ),
            (
                "workers = 0",
                "f:2:11 expected a whole number above 0, found `0`",
            ),
            (
                "routes.sqs = 3",
                "f:2:14 expected a URL, or a table with `upstream` and `profile`, found `3`",
            ),
            (
                "connect-timeout = 'x'",
                "f:2:19 expected a whole number, found string \"x\"",
            ),
            (
                "routes.sqs = { upstream = 'x' }",
                "f:2:27 expected `http://`, `https://` or `h2c://` in `x`",
            ),
            (
                "routes.sqs = { profile = 'moto' }",
                "f:2:14 `upstream` is missing",
            ),
            ("tls = { key = 'k' }", "f:2:7 `cert` is missing"),
        ] {
            let found = read(&format!("[gateway]\n{line}\n"), &[]).unwrap_err();
            assert_eq!(found, expected, "{line}");
        }
        let flags = [("profile", Value::from("motto"))];
        let found = read("[gateway]\nprofile = 'moto'\n", &flags).unwrap_err();
        assert!(
            found.starts_with("profile `motto` is no profile"),
            "{found}"
        );
    }
}
