//! CORS: which origins a gateway allows.

use std::collections::BTreeSet;

use super::{EndpointConfig, Rules};
use crate::python;
use crate::release::Semantics;
use crate::resolve::CLOUD;

/// Origins that are allowed whatever is configured.
const FIXED: [&str; 5] = [
    "https://app.localstack.cloud",
    "http://app.localstack.cloud",
    "https://localhost",
    "https://localhost.localstack.cloud",
    "file://",
];

/// The allowed origins of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigins {
    /// Exact origins, as LocalStack has them, in its order.
    pub exact: Vec<String>,
    /// The origin of returned URLs. LocalStack refuses it (a page served from `LOCALSTACK_HOST`
    /// cannot call its own emulator); normalized semantics allow it.
    pub added: Option<String>,
    /// Whether `EXTRA_CORS_ALLOWED_ORIGINS` contains `*`.
    pub all: bool,
    domains: Vec<String>,
    ports: BTreeSet<u16>,
}

impl AllowedOrigins {
    /// Collects the origins for a gateway that listens on `ports`, in order. `extra` is
    /// `EXTRA_CORS_ALLOWED_ORIGINS`: split at commas, items stripped, empty ones dropped.
    #[must_use]
    pub fn new(config: &EndpointConfig, ports: &[u16], extra: &str) -> Self {
        let mut exact: Vec<String> = FIXED.map(str::to_owned).into();
        for port in ports {
            for scheme in ["http", "https"] {
                exact.extend(["localhost", CLOUD].map(|host| format!("{scheme}://{host}:{port}")));
            }
        }
        let extra = extra
            .split(',')
            .map(python::strip)
            .filter(|origin| !origin.is_empty());
        exact.extend(extra.map(str::to_owned));
        let own = match Rules::of(config.semantics).legacy {
            Some(_) => config.legacy.hostname_external.to_string(),
            None => config.authority.host.to_string(),
        };
        let added = (config.semantics == Semantics::Normalized)
            .then(|| config.endpoints().url().to_url())
            .filter(|origin| !exact.contains(origin));
        Self {
            all: exact.iter().any(|origin| origin == "*"),
            exact,
            added,
            domains: vec!["localhost".to_owned(), CLOUD.to_owned(), own],
            ports: ports.iter().copied().collect(),
        }
    }

    /// Returns whether a request from `origin` is answered.
    ///
    /// An origin is allowed when it is listed, or is a website of S3 or CloudFront below a known
    /// host, on no port or on a listen port.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.all
            || self
                .exact
                .iter()
                .chain(&self.added)
                .any(|allowed| allowed == origin)
            || self.is_website(origin)
    }

    fn is_website(&self, origin: &str) -> bool {
        let Some((_, authority)) = origin.split_once("://") else {
            return false;
        };
        [".s3-website.", ".cloudfront."].into_iter().any(|service| {
            let Some((name, rest)) = authority.split_once(service) else {
                return false;
            };
            !name.is_empty()
                && self.domains.iter().any(|domain| {
                    let Some(port) = rest.strip_prefix(domain.as_str()) else {
                        return false;
                    };
                    port.is_empty()
                        || port
                            .strip_prefix(':')
                            .and_then(|port| port.parse().ok())
                            .is_some_and(|port| self.ports.contains(&port))
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::HostPort;
    use crate::release::TargetVersion;

    fn origins(host: &str, semantics: impl Into<Semantics>, extra: &str) -> AllowedOrigins {
        let config = EndpointConfig::new(HostPort::new(host, 5000), semantics);
        AllowedOrigins::new(&config, &[4566, 443], extra)
    }

    #[test]
    fn a_release_allows_its_ports_and_websites() {
        let origins = origins(
            "foo.bar",
            TargetVersion::new(4, 12),
            " http://a.example , ,b",
        );
        for allowed in [
            "file://",
            "https://localhost",
            "http://localhost:4566",
            "https://localhost.localstack.cloud:443",
            "http://a.example",
            "b",
            "http://site.s3-website.localhost.localstack.cloud:4566",
            "http://site.s3-website.foo.bar",
            "https://d1.cloudfront.localhost:443",
        ] {
            assert!(origins.allows(allowed), "{allowed}");
        }
        for refused in [
            "http://foo.bar:5000",
            "http://127.0.0.1:4566",
            "http://localhost",
            "http://localhost.localstack.cloud",
            "http://localhost:3000",
            "null",
            "http://site.s3-website.foo.bar:5000",
            "http://site.s3-website.evil",
            "http://.s3-website.foo.bar",
            "http://site.s3-website.foo.bar.evil",
        ] {
            assert!(!origins.allows(refused), "{refused}");
        }
        assert_eq!(origins.added, None);
    }

    #[test]
    fn normalized_semantics_add_the_minted_origin() {
        let foo = origins("foo.bar", Semantics::Normalized, "");
        assert_eq!(foo.added.as_deref(), Some("http://foo.bar:5000"));
        assert!(foo.allows("http://foo.bar:5000"));
        assert!(origins("foo.bar", Semantics::Normalized, "*").allows("null"));
    }

    #[test]
    fn the_websites_of_old_releases_follow_hostname_external() {
        let mut config = EndpointConfig::new(HostPort::new("foo.bar", 1), TargetVersion::new(2, 3));
        config.legacy.hostname_external = "ext".into();
        let origins = AllowedOrigins::new(&config, &[4566], "");
        assert!(origins.allows("http://a.s3-website.ext:4566"));
        assert!(!origins.allows("http://a.s3-website.foo.bar:4566"));
    }
}
