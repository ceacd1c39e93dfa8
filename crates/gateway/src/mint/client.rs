//! The host that a client used, without the labels that name a service.

use lsconfig::addr::{Host, HostPort};
use lsconfig::resolve::CLOUD;

use crate::config::{Mint, Urls};
use crate::service::Services;
use crate::virtual_host::{is_region, s3_bucket, without_port};

/// Where returned URLs point for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// The scheme of the request.
    pub(crate) request_scheme: &'static str,
    /// The `Host` header as the client wrote it.
    pub(crate) asked: String,
    /// The host without service labels, for forms that add none.
    pub(crate) host: Host,
    /// The port as the client wrote it; `None` where it wrote none.
    pub(crate) port: Option<u16>,
    /// Whether names below `host` lead to us, as far as known.
    pub(crate) has_subdomains: bool,
    /// The first label when it asks for a form of queue URLs: `sqs` or `queue`.
    pub(crate) queue_label: Option<&'static str>,
}

impl Client {
    /// Reads the `Host` header of a request.
    pub(crate) fn of(host: &str, tls: bool, urls: &Urls) -> Self {
        let asked = without_port(host);
        let queue_label = queue_label(asked);
        let request_scheme = if tls { "https" } else { "http" };
        if urls.mint == Mint::Configured {
            return Self {
                scheme: urls.scheme,
                request_scheme,
                asked: host.to_owned(),
                host: urls.address.host.clone(),
                port: Some(urls.address.port),
                has_subdomains: urls.address.host.ip().is_none(),
                queue_label,
            };
        }
        let port = host
            .get(asked.len()..)
            .and_then(|rest| rest.strip_prefix(':')?.parse().ok());
        let bracketed = asked.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
        let base = Host::new(base(bracketed.unwrap_or(asked), &urls.address.host));
        let known = base == urls.address.host || base.as_str() == CLOUD;
        Self {
            scheme: request_scheme,
            request_scheme,
            asked: host.to_owned(),
            // A client that used a name below another one shows that such names resolve.
            has_subdomains: (known || base.as_str() != asked) && is_dotted_name(&base),
            host: base,
            port,
            queue_label,
        }
    }

    /// Prints the host and the port that a client without a default port needs.
    pub(crate) fn address(&self) -> HostPort {
        let default = if self.scheme == "https" { 443 } else { 80 };
        HostPort {
            host: self.host.clone(),
            port: self.port.unwrap_or(default),
        }
    }

    /// Returns the client as it is for forms that need a name below the host.
    ///
    /// On this machine `localhost.localstack.cloud` and all names below it resolve to loopback; a
    /// name or address that cannot have names below it is replaced by that where it means the same,
    /// and by the configured host elsewhere.
    pub(crate) fn with_subdomains(&self, urls: &Urls) -> Self {
        if self.has_subdomains {
            return self.clone();
        }
        let loopback =
            self.host.as_str() == "localhost" || self.host.ip().is_some_and(|ip| ip.is_loopback());
        let host = if loopback {
            Host::new(CLOUD)
        } else if self.host.ip().is_some() {
            urls.address.host.clone()
        } else {
            self.host.clone()
        };
        Self {
            host,
            has_subdomains: true,
            ..self.clone()
        }
    }
}

fn is_dotted_name(host: &Host) -> bool {
    host.ip().is_none() && host.as_str().contains('.')
}

fn queue_label(name: &str) -> Option<&'static str> {
    let mut labels = name.split('.');
    match (labels.next()?, labels.next()?) {
        ("sqs", _) => Some("sqs"),
        ("queue", _) | (_, "queue") => Some("queue"),
        _ => None,
    }
}

/// Removes the labels that name a service, bucket, API or region.
fn base<'a>(name: &'a str, configured: &Host) -> &'a str {
    for suffix in [configured.as_str(), CLOUD] {
        if let Some(before) = name.strip_suffix(suffix)
            && (before.is_empty() || before.ends_with('.'))
        {
            return &name[before.len()..];
        }
    }
    let marked = s3_bucket(name)
        .map(|bucket| bucket.len() + ".s3.".len())
        .or_else(|| {
            let parts = [
                ".s3-website.",
                ".lambda-url.",
                ".execute-api.",
                ".opensearch.",
                ".queue.",
            ];
            parts
                .iter()
                .find_map(|part| Some(name.find(part)? + part.len()))
        })
        .or_else(|| {
            let prefix = Services::all().at_host(name).next()?.endpoint_prefix;
            Some(prefix.len() + 1)
        })
        .or_else(|| name.starts_with("queue.").then_some("queue.".len()));
    let rest = marked.and_then(|at| name.get(at..)).unwrap_or(name);
    match rest.split_once('.') {
        Some((region, below)) if is_region(region) => below,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(mint: Mint) -> Urls {
        Urls {
            mint,
            address: HostPort::new("foo.bar", 5000),
            scheme: "http",
            sqs_strategy: None,
            listen_port: 4566,
        }
    }

    #[track_caller]
    fn check(host: &str, expected: &str, subdomains: bool) {
        let client = Client::of(host, false, &urls(Mint::Client));
        assert_eq!(client.address().to_string(), expected, "{host}");
        assert_eq!(client.has_subdomains, subdomains, "{host}");
    }

    #[test]
    fn service_labels_are_removed() {
        check("foo.bar:5000", "foo.bar:5000", true);
        check("sqs.eu-west-1.foo.bar", "foo.bar:80", true);
        check("a.b.s3.foo.bar:1", "foo.bar:1", true);
        check("sqs.us-east-1.other.name:1", "other.name:1", true);
        check("b.s3.us-east-1.other.name:1", "other.name:1", true);
        check(
            "x.execute-api.localhost.localstack.cloud:2",
            "localhost.localstack.cloud:2",
            true,
        );
        check("other.name:1", "other.name:1", false);
        check("emulator:4566", "emulator:4566", false);
        check("localhost:4566", "localhost:4566", false);
        check("10.0.0.2:4566", "10.0.0.2:4566", false);
        check("[::1]:4566", "[::1]:4566", false);
    }

    #[test]
    fn configured_hosts_win_when_asked_for() {
        let client = Client::of("localhost:1", true, &urls(Mint::Configured));
        assert_eq!(client.scheme, "http");
        assert_eq!(client.address().to_string(), "foo.bar:5000");
    }

    #[test]
    fn loopback_clients_have_a_name_with_subdomains() {
        let at = |host| {
            let client = Client::of(host, false, &urls(Mint::Client));
            client
                .with_subdomains(&urls(Mint::Client))
                .address()
                .to_string()
        };
        assert_eq!(at("127.0.0.1:4566"), "localhost.localstack.cloud:4566");
        assert_eq!(at("10.0.0.2:4566"), "foo.bar:4566");
        assert_eq!(at("emulator:4566"), "emulator:4566");
    }
}
