//! The URLs by which a client means to reach the emulator.

use std::fmt;
use std::net::IpAddr;

use lsconfig::addr::HostPortSpec;

use super::emulator::Emulator;
use super::{DOMAIN, GATEWAY_PORT, is_within};
use crate::facts::{Container, Facts};

/// A variable that holds a URL of the emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: String,
    /// What follows host and port in its value: path and query. `None` where the value is only a
    /// host, or a host and a port.
    pub rest: Option<String>,
}

/// Where a URL of a client is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlFrom {
    /// Variables of its environment, at least one.
    Variables(Vec<Holder>),
    /// The user named it.
    Question,
    /// Nothing is known; this is what such a client usually uses.
    Assumed,
}

impl UrlFrom {
    /// Returns the variables that hold the URL.
    #[must_use]
    pub fn holders(&self) -> &[Holder] {
        match self {
            Self::Variables(all) => all,
            Self::Question | Self::Assumed => &[],
        }
    }

    /// Returns whether one of these variables holds the URL.
    #[must_use]
    pub fn is_one_of(&self, names: &[&str]) -> bool {
        self.holders().iter().any(|h| names.contains(&&*h.name))
    }
}

impl fmt::Display for UrlFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variables(all) => {
                for (at, holder) in all.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    write!(f, "`{}`", holder.name)?;
                }
                Ok(())
            }
            Self::Question => f.write_str("`--endpoint`"),
            Self::Assumed => f.write_str("the usual URL"),
        }
    }
}

/// A URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientUrl {
    /// As written, without path, query and user.
    pub text: String,
    /// Whether it is `https`.
    pub tls: bool,
    /// The host, without brackets, in lower case.
    pub host: String,
    /// The port, the one of the scheme where none is written.
    pub port: u16,
    /// Where it is known from.
    pub from: UrlFrom,
}

impl ClientUrl {
    /// Reads `http://host:port/...` and `https://...`.
    #[must_use]
    pub fn parse(text: &str, from: UrlFrom) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit('@').next()?;
        let spec: HostPortSpec = authority.parse().ok()?;
        let host = spec.host?;
        let port = spec.port.unwrap_or(if tls { 443 } else { 80 });
        if host.as_str().is_empty() || host.as_str().len() > 253 {
            return None;
        }
        let explicit = spec.port.map_or(String::new(), |port| format!(":{port}"));
        Some(Self {
            text: format!("{}://{host}{explicit}", if tls { "https" } else { "http" }),
            tls,
            host: host.as_str().to_ascii_lowercase(),
            port,
            from,
        })
    }

    /// Returns the address, where the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Returns whether the host stands for the client itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .ip()
                .is_some_and(|ip| ip.is_loopback() || ip.is_unspecified())
    }
}

/// Names by which containers reach the host that runs the engine.
pub(crate) const HOST_NAMES: [&str; 4] = [
    "host.docker.internal",
    "gateway.docker.internal",
    "host.containers.internal",
    "host-gateway",
];

/// Returns the URLs of the emulator in the environment of a container, or of the host, without
/// repetition.
#[must_use]
pub fn of(facts: &Facts, container: Option<&Container>, emulator: &Emulator<'_>) -> Vec<ClientUrl> {
    let mut urls: Vec<ClientUrl> = Vec::new();
    let mut add =
        |url: ClientUrl, holder: Holder| match urls.iter_mut().find(|known| known.text == url.text)
        {
            Some(ClientUrl {
                from: UrlFrom::Variables(all),
                ..
            }) => all.push(holder),
            _ => urls.push(ClientUrl {
                from: UrlFrom::Variables(vec![holder]),
                ..url
            }),
        };
    for (name, value) in container.map_or(&facts.host.env, |c| &c.env) {
        let upper = name.to_ascii_uppercase();
        if upper.contains("PROXY") {
            continue;
        }
        if let Some(url) = ClientUrl::parse(value, UrlFrom::Assumed)
            && (upper.starts_with("AWS_ENDPOINT_URL") || is_meant(facts, &url, emulator))
        {
            let authority = value.find("://").map_or(0, |at| at + 3);
            let end = value[authority..].find(['/', '?', '#']);
            let rest = end.map_or("", |at| &value[authority + at..]);
            let holder = Holder {
                name: name.clone(),
                rest: Some(rest.trim_end().to_owned()),
            };
            add(url, holder);
        }
        // What older applications are told: a host, with the default port.
        if matches!(upper.as_str(), "LOCALSTACK_HOSTNAME" | "LOCALSTACK_HOST") && !value.is_empty()
        {
            let text = format!("http://{value}");
            if let Some(mut url) = ClientUrl::parse(&text, UrlFrom::Assumed) {
                if !value.contains(':') {
                    url.port = GATEWAY_PORT;
                    url.text = format!("http://{value}:{GATEWAY_PORT}");
                }
                let holder = Holder {
                    name: name.clone(),
                    rest: None,
                };
                add(url, holder);
            }
        }
    }
    urls
}

/// Returns whether a URL leads, or was meant to lead, to the emulator.
fn is_meant(facts: &Facts, url: &ClientUrl, emulator: &Emulator<'_>) -> bool {
    let host = url.host.as_str();
    let in_domain = is_within(host, DOMAIN)
        || emulator
            .minted_host
            .as_deref()
            .is_some_and(|apex| apex != "localhost" && is_within(host, apex));
    let named = emulator
        .names
        .iter()
        .any(|name| host == name || (!name.contains('.') && is_within(host, name)));
    let addressed = url
        .ip()
        .is_some_and(|ip| emulator.container.addresses().any(|own| own == ip));
    let to_host = url.is_loopback()
        || HOST_NAMES.contains(&host)
        || url.ip().is_some_and(|ip| facts.is_gateway(ip));
    let port = emulator.is_gateway_port(url.port)
        || emulator
            .container
            .ports
            .iter()
            .any(|p| p.host_port == Some(url.port) && p.protocol == "tcp");
    in_domain || named || addressed || (to_host && port)
}

/// Returns what a client uses of which nothing is known.
#[must_use]
pub fn assumed(container: Option<&Container>, emulator: &Emulator<'_>) -> Vec<ClientUrl> {
    let text = match container {
        None => format!("http://localhost:{}", emulator.published_port()),
        Some(container) if container.network_mode == "host" => {
            format!("http://localhost:{}", emulator.published_port())
        }
        Some(_) => format!("http://{}:{}", emulator.best_name(), emulator.port()),
    };
    ClientUrl::parse(&text, UrlFrom::Assumed)
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let parse = |text| {
            let url = ClientUrl::parse(text, UrlFrom::Question)?;
            Some((url.text, url.host, url.port))
        };
        let is = |text: &str, host: &str, port| Some((text.to_owned(), host.to_owned(), port));
        assert_eq!(
            parse("http://LocalStack:4566/x"),
            is("http://LocalStack:4566", "localstack", 4566)
        );
        assert_eq!(parse("https://u:p@h/?q"), is("https://h", "h", 443));
        assert_eq!(
            parse("http://[::1]:4566"),
            is("http://[::1]:4566", "::1", 4566)
        );
        assert_eq!(parse("ftp://h"), None);
        assert_eq!(parse("http://"), None);
        assert_eq!(parse("http://h:x"), None);
    }
}
