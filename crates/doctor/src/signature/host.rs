//! Whom an error text names: host, port, and what kind of name it is.

use std::net::IpAddr;

use serde::Serialize;

use super::clean::Cleaned;

/// The domain whose names lead to a local emulator.
const DOMAIN: &str = "localhost.localstack.cloud";
/// How far from an error its URL is looked for, in bytes.
const NEAR: usize = 2000;
/// How many URLs of a text are looked at.
const MAX_URLS: usize = 200;

/// What kind of name a host is, which decides what a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostClass {
    /// `localhost`, `127.0.0.1`, `0.0.0.0`.
    Localhost,
    /// `::1`.
    LoopbackV6,
    /// `localhost.localstack.cloud`, or a name below it.
    Domain,
    /// A single word: the name of a service or container.
    Service,
    /// A name with an underscore.
    Underscore,
    /// A name below the name of a service: `bucket.localstack`.
    BelowService,
    /// A name below an address: `bucket.192.168.0.10`.
    BelowAddress,
    /// `host.docker.internal` and its relatives.
    DockerHost,
    /// A name of a Kubernetes service.
    Kubernetes,
    /// AWS itself.
    Aws,
    /// An address of a private range.
    PrivateIp,
    /// Any other name or address.
    Other,
}

/// Where a request went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// The host as the client knew it: the name, where the text has it.
    pub(super) host: String,
    /// The address that the name led to, where the text has it.
    pub(super) ip: Option<IpAddr>,
    /// The port.
    pub(super) port: Option<u16>,
    /// What stands after the port.
    pub(super) path: String,
}

impl Target {
    /// Reads a host, or an address with brackets or without.
    pub(super) fn host(text: &str, port: Option<u16>) -> Option<Self> {
        let host = text
            .trim_matches(['[', ']'])
            .trim_end_matches(['.', ':'])
            .to_ascii_lowercase();
        let sane = !host.is_empty() && host.len() <= 253;
        sane.then(|| Self {
            ip: host.parse().ok(),
            host,
            port,
            path: String::new(),
        })
    }

    /// Reads `host:port`, also with an IPv6 address without brackets, as Node writes it.
    pub(super) fn addr(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && !host.is_empty() => match port.parse().ok() {
                Some(port) if host != ":" => (host, Some(port)),
                _ => (text, None),
            },
            _ => (text, None),
        };
        Self::host(host, port)
    }

    /// Reads a URL.
    pub(super) fn url(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
        let bracketed = authority.starts_with('[') && authority.ends_with(']');
        let mut target = if bracketed {
            Self::host(authority, None)?
        } else {
            Self::addr(authority)?
        };
        if matches!(&*target.host, "http" | "https") {
            return None;
        }
        let usual = if scheme.eq_ignore_ascii_case("https") {
            443
        } else {
            80
        };
        target.port = target.port.or(Some(usual));
        path.clone_into(&mut target.path);
        Some(target)
    }

    /// Returns the kind of the name.
    pub(super) fn class(&self) -> HostClass {
        class(&self.host)
    }

    /// Returns whether this is a name that may have led to `ip`: that of a container never leads to
    /// loopback, and `localhost` to nothing else.
    pub(super) fn may_lead_to(&self, ip: IpAddr) -> bool {
        let elsewhere = matches!(
            self.class(),
            HostClass::Service
                | HostClass::Underscore
                | HostClass::DockerHost
                | HostClass::Kubernetes
                | HostClass::Aws
        );
        let loopback = self.class() == HostClass::Localhost;
        self.ip.is_none()
            && if ip.is_loopback() {
                !elsewhere
            } else {
                !loopback
            }
    }

    /// Returns whether the path is that of a queue: an account of 12 digits, then a name.
    pub(super) fn is_queue(&self) -> bool {
        let mut parts = self.path.split('/').filter(|part| !part.is_empty());
        parts.any(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()))
            || self.host.starts_with("sqs.")
    }
}

/// Tells what kind of name a host is.
#[must_use]
pub fn class(host: &str) -> HostClass {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return match ip {
            IpAddr::V4(ip) if ip.is_loopback() || ip.is_unspecified() => HostClass::Localhost,
            IpAddr::V4(ip) if ip.is_private() => HostClass::PrivateIp,
            IpAddr::V6(ip) if ip.is_loopback() => HostClass::LoopbackV6,
            IpAddr::V6(ip) if ip.is_unspecified() => HostClass::Localhost,
            // fc00::/7, unique local addresses (RFC 4193, section 3.1).
            IpAddr::V6(ip) if ip.segments()[0] & 0xfe00 == 0xfc00 => HostClass::PrivateIp,
            _ => HostClass::Other,
        };
    }
    let is_below = |apex: &str| {
        let head = host.strip_suffix(apex);
        head.is_some_and(|head| head.is_empty() || head.ends_with('.'))
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    match &*host {
        "localhost" => HostClass::Localhost,
        "host.docker.internal"
        | "gateway.docker.internal"
        | "host.containers.internal"
        | "docker.for.mac.localhost"
        | "docker.for.win.localhost"
        | "host.lima.internal" => HostClass::DockerHost,
        _ if is_below(DOMAIN) => HostClass::Domain,
        _ if is_below("amazonaws.com") || is_below("amazonaws.com.cn") || is_below("api.aws") => {
            HostClass::Aws
        }
        _ if is_below("cluster.local") || last == "svc" => HostClass::Kubernetes,
        _ if host.contains('_') => HostClass::Underscore,
        _ if !host.contains('.') => HostClass::Service,
        _ if ends_in_address(&host) => HostClass::BelowAddress,
        _ if is_word_of_docker(last) => HostClass::BelowService,
        _ => HostClass::Other,
    }
}

/// `bucket.192.168.0.10`.
fn ends_in_address(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    let numbers = labels.by_ref().take(4).filter(|l| l.parse::<u8>().is_ok());
    numbers.count() == 4 && labels.next().is_some()
}

/// Whether the last label can only be the name of a container: it is `localstack` in some form, or
/// another usual name of an emulator.
fn is_word_of_docker(label: &str) -> bool {
    label.contains("localstack")
        || matches!(
            label,
            "localhost" | "emulator" | "moto" | "awslocal" | "aws" | "s3" | "sqs"
        )
}

/// Finds what belongs to an error at `at`: the nearest before it, else the nearest after it.
pub(super) fn nearest(
    mentioned: &[(usize, Target)],
    at: usize,
    fits: impl Fn(&Target) -> bool,
) -> Option<&Target> {
    // What comes before an error is its context; what comes after is often the next thing.
    let distance = |start: usize| match at.checked_sub(start) {
        Some(before) => before,
        None => 3 * (start - at),
    };
    let near = mentioned
        .iter()
        .filter(|(start, _)| distance(*start) <= NEAR);
    let fitting = near.filter(|(_, target)| fits(target));
    fitting
        .min_by_key(|(start, _)| distance(*start))
        .map(|(_, target)| target)
}

/// Lists the URLs of a text, and the `hostname:` of Node's errors, with their places.
pub(super) fn mentioned(text: &Cleaned) -> Vec<(usize, Target)> {
    let urls = text.lower.match_indices("://").take(MAX_URLS);
    let urls = urls.filter_map(|(at, _)| {
        let mut words = text.lower[..at].rsplit(|c: char| !c.is_ascii_alphabetic());
        let scheme = words.next().filter(|s| matches!(*s, "http" | "https"))?;
        let start = at - scheme.len();
        let rest = &text.text[start..];
        let is_end = |c: char| c.is_whitespace() || "\"'<>(),;".contains(c);
        let end = rest.find(is_end).unwrap_or(rest.len());
        let url = rest.get(..end.min(2048))?.trim_end_matches(['.', ':']);
        Some((start, Target::url(url)?))
    });
    let names = ["hostname: '", "hostname\":\"", "\"hostname\": \""].into_iter();
    let names = names.flat_map(|key| {
        let found = text.lower.match_indices(key).take(MAX_URLS);
        found.filter_map(move |(at, key)| {
            let value = text.text.get(at + key.len()..)?;
            let end = value.find(['"', '\''])?;
            Some((at, Target::host(value.get(..end)?, None)?))
        })
    });
    urls.chain(names).collect()
}

/// Returns whether a host may be an emulator's, as opposed to a page that is linked to.
pub(super) fn may_be_emulator(target: &Target) -> bool {
    target.class() != HostClass::Other || !matches!(target.port, None | Some(80 | 443))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_classified() {
        for (host, expected) in [
            ("LOCALHOST", HostClass::Localhost),
            ("127.0.0.1", HostClass::Localhost),
            ("::1", HostClass::LoopbackV6),
            ("[::1]", HostClass::LoopbackV6),
            (
                "sqs.us-east-1.localhost.localstack.cloud.",
                HostClass::Domain,
            ),
            ("mylocalhost.localstack.cloud", HostClass::Other),
            ("localstack", HostClass::Service),
            ("localstack_main", HostClass::Underscore),
            ("bkt.localstack", HostClass::BelowService),
            ("bkt.localhost", HostClass::BelowService),
            ("aws.192.168.0.10", HostClass::BelowAddress),
            ("host.docker.internal", HostClass::DockerHost),
            ("ls.default.svc.cluster.local", HostClass::Kubernetes),
            ("sqs.us-east-1.amazonaws.com", HostClass::Aws),
            ("172.18.0.4", HostClass::PrivateIp),
            ("fd00::2", HostClass::PrivateIp),
            ("example.org", HostClass::Other),
        ] {
            assert_eq!(class(host), expected, "{host}");
        }
    }

    #[test]
    fn targets_are_read() {
        let check = |target: Option<Target>, host: &str, port: Option<u16>| {
            let target = target.unwrap();
            assert_eq!((&*target.host, target.port), (host, port));
        };
        check(Target::addr("::1:4566"), "::1", Some(4566));
        check(Target::addr("[::1]:4566"), "::1", Some(4566));
        check(Target::addr("a:4566"), "a", Some(4566));
        check(Target::addr("a"), "a", None);
        check(Target::addr("::1"), "::1", None);
        check(Target::url("https://a/b"), "a", Some(443));
        check(Target::url("http://u:p@a:1?x"), "a", Some(1));
        check(Target::url("http://[::1]:4566/"), "::1", Some(4566));
        assert_eq!(Target::url("http:///x"), None);
    }

    #[test]
    fn the_url_before_an_error_belongs_to_it() {
        let text =
            Cleaned::new("see https://docs.x.org Put \"http://a.b:4566/\": refused http://c:1");
        let at = text.lower.find("refused").unwrap();
        assert_eq!(
            nearest(&mentioned(&text), at, may_be_emulator)
                .unwrap()
                .host,
            "a.b"
        );
    }
}
