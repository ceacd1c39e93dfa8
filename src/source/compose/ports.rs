//! `ports:` in its short and its long form.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::fault::Fault;
use super::load::Loader;
use super::service::spanned;
use super::value::{Kind, Node};
use crate::layer::Origin;

/// The protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    fn parse(text: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Sctp]
            .into_iter()
            .find(|protocol| protocol.as_str().eq_ignore_ascii_case(text))
    }

    /// Returns the lower-case name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// Ports from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port, not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Returns whether the range has the port.
    #[must_use]
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Returns how far the last port is from the first one; 0 for a single port.
    #[must_use]
    pub fn width(self) -> u16 {
        self.last.saturating_sub(self.first)
    }

    /// Reads `8000` or `8000-8010`.
    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|_| digits)
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(text)?, number(text)?),
        };
        (first <= last).then_some(Self { first, last })
    }
}

/// Prints `8000` or `8000-8010`.
impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last > self.first {
            write!(f, "-{}", self.last)?;
        }
        Ok(())
    }
}

/// One entry of `ports:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The address on the host; all of them where there is none.
    pub host_ip: Option<IpAddr>,
    /// The ports on the host. As wide as `target`, or wider than a single one, from which Docker
    /// takes any. `None` lets Docker choose from all.
    pub published: Option<PortRange>,
    /// The ports in the container.
    pub target: PortRange,
    /// The protocol.
    pub protocol: Protocol,
    /// The place of the entry.
    pub origin: Origin,
}

impl Port {
    /// Returns the port in the container that a port on the host leads to.
    ///
    /// Where Docker chooses from a range, every port of it may lead to the target.
    #[must_use]
    pub fn target_of(&self, published: u16) -> Option<u16> {
        let range = self.published.filter(|range| range.contains(published))?;
        if self.target.width() == 0 {
            return Some(self.target.first);
        }
        self.target.first.checked_add(published - range.first)
    }

    /// Returns the ports on the host that a port in the container is published as.
    #[must_use]
    pub fn published_of(&self, target: u16) -> Option<PortRange> {
        let range = self.published.filter(|_| self.target.contains(target))?;
        if self.target.width() == 0 {
            return Some(range);
        }
        let port = range.first.checked_add(target - self.target.first)?;
        Some(PortRange {
            first: port,
            last: port,
        })
    }

    /// Reads the short form, as Docker does: `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`.
    fn parse(text: &str, origin: Origin) -> Result<Self, PortError> {
        let (target, rest) = match text.rsplit_once(':') {
            Some((rest, target)) => (target, Some(rest)),
            None => (text, None),
        };
        let (host_ip, published) = match rest.map(|rest| rest.rsplit_once(':')) {
            None => ("", ""),
            Some(None) => ("", rest.unwrap_or_default()),
            Some(Some(pair)) => pair,
        };
        let (target, protocol) = match target.split_once('/') {
            Some((target, protocol)) => (target, protocol.split('/').next().unwrap_or_default()),
            None => (target, ""),
        };
        let target = PortRange::parse(target).ok_or(PortError::Target)?;
        let published = match published {
            "" => None,
            text => Some(PortRange::parse(text).ok_or(PortError::Published)?),
        };
        let port = Self {
            host_ip: match host_ip {
                "" => None,
                text => Some(address(text).ok_or(PortError::Address)?),
            },
            published,
            target,
            protocol: match protocol {
                "" => Protocol::Tcp,
                text => Protocol::parse(text).ok_or(PortError::Protocol)?,
            },
            origin,
        };
        port.checked()
    }

    fn parse_long(node: &Node) -> Result<Self, PortError> {
        let text = |key: &str| node.get(key).and_then(|value| value.text());
        let target = text("target").and_then(|text| PortRange::parse(text));
        let port = Self {
            host_ip: match text("host_ip").filter(|text| !text.is_empty()) {
                None => None,
                Some(text) => Some(address(text).ok_or(PortError::Address)?),
            },
            published: match text("published").filter(|text| !text.is_empty()) {
                None => None,
                Some(text) => Some(PortRange::parse(text).ok_or(PortError::Published)?),
            },
            target: target.filter(|t| t.width() == 0).ok_or(PortError::Target)?,
            protocol: match text("protocol").filter(|text| !text.is_empty()) {
                None => Protocol::Tcp,
                Some(text) => Protocol::parse(text).ok_or(PortError::Protocol)?,
            },
            origin: node.origin.clone(),
        };
        port.checked()
    }

    fn checked(mut self) -> Result<Self, PortError> {
        // Docker chooses a port where 0 is published.
        if self.published == Some(PortRange { first: 0, last: 0 }) {
            self.published = None;
        }
        match self.published {
            Some(published)
                if self.target.width() > 0 && published.width() != self.target.width() =>
            {
                Err(PortError::Widths)
            }
            _ => Ok(self),
        }
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    inner.unwrap_or(text).parse().ok()
}

/// Why an entry is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum PortError {
    #[error("its container port is no port and no range of ports")]
    Target,
    #[error("its published port is no port and no range of ports")]
    Published,
    #[error("its host address is no IP address")]
    Address,
    #[error("its protocol is not `tcp`, `udp` or `sctp`")]
    Protocol,
    #[error("its ranges differ in length")]
    Widths,
    #[error("an item of `ports` is no text, number or mapping")]
    Form,
}

/// What makes two entries the same; a later one takes the place of an earlier one.
type Identity = (Option<IpAddr>, Option<PortRange>, PortRange, Protocol);

pub(super) fn ports(loader: &mut Loader<'_>, node: Option<&Rc<Node>>) -> Vec<Port> {
    let Some(node) = node else {
        return Vec::new();
    };
    if let Kind::Text(_) | Kind::Map(_) = node.kind {
        loader.bad_file(node.origin.clone(), &Fault::Ports);
    }
    let mut ports: Vec<Port> = Vec::new();
    let mut places: BTreeMap<Identity, usize> = BTreeMap::new();
    for item in node.items() {
        let read = match &item.kind {
            Kind::Text(text) => Port::parse(&text.value, item.value_origin()),
            Kind::Map(_) => Port::parse_long(item),
            _ => Err(PortError::Form),
        };
        let port = match read {
            Ok(port) => port,
            Err(error) => {
                let shown = spanned(Some(item)).map(|text: super::Spanned<Arc<str>>| text.value);
                let fault = Fault::Port(shown.as_deref(), error.to_string());
                loader.bad_file(item.origin.clone(), &fault);
                continue;
            }
        };
        let unspecified = |ip: &IpAddr| *ip != IpAddr::from([0, 0, 0, 0]);
        let identity = (
            port.host_ip.filter(unspecified),
            port.published,
            port.target,
            port.protocol,
        );
        let place = *places.entry(identity).or_insert(ports.len());
        match ports.get_mut(place) {
            Some(slot) => *slot = port,
            None => ports.push(port),
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = match Port::parse(text, Origin::of_source("")) {
            Err(error) => format!("error: {error}"),
            Ok(port) => {
                let host = port.host_ip.map_or("*".to_owned(), |ip| ip.to_string());
                let published = port.published.map_or("?".to_owned(), |p| p.to_string());
                format!(
                    "{host} {published} > {} {}",
                    port.target,
                    port.protocol.as_str()
                )
            }
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn the_short_form_has_many_shapes() {
        check("4566", "* ? > 4566 tcp");
        check("4566:4566", "* 4566 > 4566 tcp");
        check("8080:4566/udp", "* 8080 > 4566 udp");
        check("4566/TCP", "* ? > 4566 tcp");
        check("4566/", "* ? > 4566 tcp");
        check("127.0.0.1:4566:4566", "127.0.0.1 4566 > 4566 tcp");
        check("127.0.0.1::4566", "127.0.0.1 ? > 4566 tcp");
        check("[::1]:80:8080", "::1 80 > 8080 tcp");
        check("::1:80:8080", "::1 80 > 8080 tcp");
        check("4510-4559:4510-4559", "* 4510-4559 > 4510-4559 tcp");
        check("4510-4559", "* ? > 4510-4559 tcp");
        check("8000-8010:80", "* 8000-8010 > 80 tcp");
        check("0:80", "* ? > 80 tcp");
        check(":80", "* ? > 80 tcp");
    }

    #[test]
    fn malformed_entries_are_refused() {
        check(
            "",
            "error: its container port is no port and no range of ports",
        );
        check(
            "x",
            "error: its container port is no port and no range of ports",
        );
        check(
            "80:",
            "error: its container port is no port and no range of ports",
        );
        check(
            "65536:80",
            "error: its published port is no port and no range of ports",
        );
        check(
            "+80",
            "error: its container port is no port and no range of ports",
        );
        check(
            "90-80",
            "error: its container port is no port and no range of ports",
        );
        check(
            "localhost:80:80",
            "error: its host address is no IP address",
        );
        check(
            "80/http",
            "error: its protocol is not `tcp`, `udp` or `sctp`",
        );
        check("80-82:80-81", "error: its ranges differ in length");
    }

    #[test]
    fn ports_map_both_ways() {
        let read = |text| Port::parse(text, Origin::of_source("")).unwrap();
        let range = read("5000-5002:4510-4512");
        assert_eq!(range.target_of(5001), Some(4511));
        assert_eq!(range.published_of(4512).map(|r| r.first), Some(5002));
        assert_eq!(
            (range.target_of(4999), range.published_of(4513)),
            (None, None)
        );
        let any = read("8000-8010:80");
        assert_eq!(any.target_of(8003), Some(80));
        assert_eq!(
            any.published_of(80),
            Some(PortRange {
                first: 8000,
                last: 8010
            })
        );
        assert_eq!(read("80").published_of(80), None);
    }
}
