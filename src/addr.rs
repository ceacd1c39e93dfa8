//! Hosts, ports and the `host:port` grammars of the LocalStack releases.
//!
//! [`HostPortSpec`] is what a user may write: either half may be missing. [`HostPort`] is whole.
//! [`Authority`] is a pair as a release holds it, whose port may be any number. The module knows
//! no variable and no default; [`Dialect`] says whose grammar reads a text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZero;
use std::ops::Range;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use smol_str::SmolStr;

use crate::python::{self, Int};
use crate::release::{Line, TargetVersion};

/// The host part of an address: a name or an IP literal, with the text as written.
///
/// Two hosts are equal when they mean the same: IP literals compare by value, names by text. The
/// text is kept because LocalStack prints it back unchanged.
#[derive(Debug, Clone)]
pub struct Host {
    /// Short texts are held in place, so that addresses are copied without allocation.
    text: SmolStr,
    kind: HostKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum HostKind {
    V4(Ipv4Addr),
    /// The second field is the byte offset of the zone in the text; no address is longer than 45.
    V6(Ipv6Addr, Option<NonZero<u8>>),
    Name,
}

impl Host {
    /// `0.0.0.0`, every IPv4 interface.
    pub const ANY: Self = Self {
        text: SmolStr::new_static("0.0.0.0"),
        kind: HostKind::V4(Ipv4Addr::UNSPECIFIED),
    };

    /// `127.0.0.1`, this machine.
    pub const LOOPBACK: Self = Self {
        text: SmolStr::new_static("127.0.0.1"),
        kind: HostKind::V4(Ipv4Addr::LOCALHOST),
    };

    /// Makes a host of a name that is written in the code and is no IP literal.
    pub(crate) const fn name(text: &'static str) -> Self {
        Self {
            text: SmolStr::new_static(text),
            kind: HostKind::Name,
        }
    }

    /// Classifies `text`, without brackets. Any text is a host; what is no IP literal is a name.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let kind = if let Ok(v4) = text.parse() {
            HostKind::V4(v4)
        } else if let Some((v6, zone)) = python::parse_ipv6(text) {
            let zone = zone.and_then(|zone| NonZero::new((text.len() - zone.len()) as u8));
            HostKind::V6(v6, zone)
        } else {
            HostKind::Name
        };
        Self {
            text: SmolStr::new(text),
            kind,
        }
    }

    /// Returns the text as written, without brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the address of an IP literal; a zone is left out.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self.kind {
            HostKind::V4(ip) => Some(ip.into()),
            HostKind::V6(ip, _) => Some(ip.into()),
            HostKind::Name => None,
        }
    }

    /// Returns whether the host is an IPv6 literal, which needs brackets before a port.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        matches!(self.kind, HostKind::V6(..))
    }

    /// Returns whether the host is `0.0.0.0` or `::`, without a zone.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.zone().is_none() && self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// Returns whether a socket bound to this host also receives what `other` would.
    ///
    /// `::` covers every host (dual stack). `0.0.0.0` covers IPv4 literals and names, which
    /// LocalStack binds over IPv4, but no IPv6 literal. Every host covers itself.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if self.is_wildcard() {
            return self.is_ipv6() || !other.is_ipv6();
        }
        self == other
    }

    /// Returns what equal hosts have in common: an address and its zone, or a name.
    pub(crate) fn key(&self) -> (Option<IpAddr>, &str) {
        match self.ip() {
            Some(ip) => (Some(ip), self.zone().unwrap_or_default()),
            None => (None, &self.text),
        }
    }

    fn zone(&self) -> Option<&str> {
        match self.kind {
            HostKind::V6(_, Some(at)) => Some(&self.text[usize::from(at.get())..]),
            _ => None,
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Host {}

impl std::hash::Hash for Host {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Prints the host as it stands in an authority: IPv6 literals in brackets (RFC 3986, 3.2.2).
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ipv6() {
            write!(f, "[{}]", self.text)
        } else {
            f.write_str(&self.text)
        }
    }
}

impl From<&str> for Host {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A host and a port, both known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Where to bind or connect.
    pub host: Host,
    /// 0 to 65535; 0 lets the system choose.
    pub port: u16,
}

impl HostPort {
    /// Joins a host and a port.
    #[must_use]
    pub fn new(host: impl Into<Host>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A host and a port as a release holds them: the port is any whole number.
///
/// Up to 2.2 nothing checks the range, so `EDGE_PORT=65536` is held, and printed, as such.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The host as written.
    pub host: Host,
    /// The port; a number that can be bound when [`Int::port`] says so.
    pub port: Int,
}

impl Authority {
    /// Joins a host and a port.
    #[must_use]
    pub fn new(host: Host, port: impl Into<Int>) -> Self {
        Self {
            host,
            port: port.into(),
        }
    }

    /// Returns the pair with a checked port.
    #[must_use]
    pub fn to_host_port(&self) -> Option<HostPort> {
        Some(HostPort {
            host: self.host.clone(),
            port: self.port.port()?,
        })
    }
}

impl From<HostPort> for Authority {
    fn from(address: HostPort) -> Self {
        Self {
            host: address.host,
            port: address.port.into(),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Serialize for Authority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which `host:port` grammar reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// 2.0 to 2.2: split at the first colon; a port that is no number becomes the default.
    Lenient,
    /// 2.3 to 3.8: split at the first colon; the port must be a number from 0 to 65535.
    Strict,
    /// 4.0 and later: as [`Strict`](Self::Strict), plus `[IPv6]:port`.
    Bracketed,
}

impl Dialect {
    /// Returns the grammar of a release; releases before 2.0 had none and get the oldest.
    #[must_use]
    pub fn of(version: TargetVersion) -> Self {
        match version.line() {
            Line::V1 | Line::V2Lenient => Self::Lenient,
            Line::V2Strict | Line::V2Dedup | Line::V3 => Self::Strict,
            Line::V4 => Self::Bracketed,
        }
    }

    /// Reads `text` as this grammar does. The text is not stripped as a whole.
    ///
    /// # Errors
    ///
    /// [`ParseAddrError`] with the bytes at fault. [`Lenient`](Self::Lenient) never fails.
    pub fn parse(self, text: &str) -> Result<AddrSpec, ParseAddrError> {
        if self == Self::Bracketed && text.starts_with('[') {
            return parse_bracketed(text);
        }
        let Some(colon) = text.bytes().position(|byte| byte == b':') else {
            return Ok(AddrSpec {
                host: non_empty_host(text),
                port: None,
            });
        };
        let (host, port) = (&text[..colon], &text[colon + 1..]);
        let span = text.len() - port.len()..text.len();
        let port = match Int::parse(port) {
            Ok(number) if self == Self::Lenient || number.port().is_some() => Some(number),
            Ok(_) => return Err(ParseAddrError::new(AddrErrorKind::PortRange, text, span)),
            Err(_) if self == Self::Lenient => None,
            Err(_) => {
                return Err(ParseAddrError::new(
                    AddrErrorKind::PortNotANumber,
                    text,
                    span,
                ));
            }
        };
        Ok(AddrSpec {
            host: non_empty_host(host),
            port,
        })
    }
}

/// `^\[HOST\](:DIGITS)?$`, where `$` also matches before one final newline (Python's `re`).
fn parse_bracketed(text: &str) -> Result<AddrSpec, ParseAddrError> {
    let malformed = || ParseAddrError::new(AddrErrorKind::Brackets, text, 0..text.len());
    let body = text.strip_suffix('\n').unwrap_or(text);
    let inside = body.strip_prefix('[').ok_or_else(malformed)?;
    let (host, rest) = inside.split_once(']').ok_or_else(malformed)?;
    if host.is_empty() {
        return Err(malformed());
    }
    let port = match rest.strip_prefix(':') {
        Some(digits)
            if !digits.is_empty() && digits.chars().all(|c| python::decimal_digit(c).is_some()) =>
        {
            Some(digits)
        }
        None if rest.is_empty() => None,
        _ => return Err(malformed()),
    };
    if python::parse_ipv6(host).is_none() {
        return Err(ParseAddrError::new(
            AddrErrorKind::NotIpv6,
            text,
            1..1 + host.len(),
        ));
    }
    let port = match port {
        None => None,
        Some(digits) => {
            let span = body.len() - digits.len()..body.len();
            // Digits alone fail only when there are more of them than Python converts.
            let number = Int::parse(digits).map_err(|_| {
                ParseAddrError::new(AddrErrorKind::PortNotANumber, text, span.clone())
            })?;
            if number.port().is_none() {
                return Err(ParseAddrError::new(AddrErrorKind::PortRange, text, span));
            }
            Some(number)
        }
    };
    Ok(AddrSpec {
        host: Some(Host::new(host)),
        port,
    })
}

fn non_empty_host(text: &str) -> Option<Host> {
    let host = python::strip(text);
    (!host.is_empty()).then(|| Host::new(host))
}

/// What a [`Dialect`] read: a host, a port, both or neither. The port may be any number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddrSpec {
    /// The host, unless it was left out.
    pub host: Option<Host>,
    /// The port, unless it was left out (or, leniently, unreadable).
    pub port: Option<Int>,
}

impl AddrSpec {
    /// Fills what is missing.
    #[must_use]
    pub fn or(self, host: &Host, port: &Int) -> Authority {
        Authority {
            host: self.host.unwrap_or_else(|| host.clone()),
            port: self.port.unwrap_or_else(|| port.clone()),
        }
    }
}

/// An address of which either half may be missing: `foo.bar:5000`, `foo.bar`, `:5000`.
///
/// This is the grammar of the newest release ([`Dialect::Bracketed`]) with surrounding space
/// removed and, beyond it, a bare IPv6 literal such as `::1` taken as a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct HostPortSpec {
    /// The host, unless it was left out.
    pub host: Option<Host>,
    /// The port, unless it was left out.
    pub port: Option<u16>,
}

impl HostPortSpec {
    /// Fills what is missing from `default`.
    #[must_use]
    pub fn or(self, default: &HostPort) -> HostPort {
        HostPort {
            host: self.host.unwrap_or_else(|| default.host.clone()),
            port: self.port.unwrap_or(default.port),
        }
    }
}

impl FromStr for HostPortSpec {
    type Err = ParseAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stripped = python::strip(text);
        // Every IPv6 literal has two colons. A zone may hold anything, but a bracket in it could not
        // be printed in brackets.
        let colons = stripped.bytes().filter(|&byte| byte == b':').count();
        if colons > 1 && !stripped.contains(']') && python::parse_ipv6(stripped).is_some() {
            return Ok(Self {
                host: Some(Host::new(stripped)),
                port: None,
            });
        }
        let spec = Dialect::Bracketed.parse(stripped).map_err(|mut error| {
            let offset = python::leading_space(text);
            error.span = error.span.start + offset..error.span.end + offset;
            error
        })?;
        Ok(Self {
            host: spec.host,
            port: spec.port.and_then(|port| port.port()),
        })
    }
}

impl fmt::Display for HostPortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            host.fmt(f)?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        Ok(())
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseAddrError {
    /// What is wrong.
    pub kind: AddrErrorKind,
    /// The bytes of the input that are at fault.
    pub span: Range<usize>,
    python: Box<str>,
}

impl ParseAddrError {
    fn new(kind: AddrErrorKind, text: &str, span: Range<usize>) -> Self {
        let fault = &text[span.clone()];
        let python = match kind {
            AddrErrorKind::PortNotANumber => format!("specified port {fault} not a number"),
            AddrErrorKind::PortRange => "port out of range".to_owned(),
            AddrErrorKind::NotIpv6 => format!(
                "input looks like an IPv6 address (is enclosed in square brackets), but is not \
                 valid: {fault}"
            ),
            AddrErrorKind::Brackets => format!(
                "input looks like an IPv6 address, but is invalid. Should be formatted \
                 \"[ip]:port\": {text}"
            ),
        };
        Self {
            kind,
            span,
            python: python.into(),
        }
    }

    /// Returns the message of the `ValueError` that LocalStack raises for the same text.
    #[must_use]
    pub fn python_message(&self) -> &str {
        &self.python
    }
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddrErrorKind {
    /// The text after the colon is not a number.
    #[error("port is not a number from 0 to 65535")]
    PortNotANumber,
    /// The number after the colon is no port.
    #[error("port is out of range, 0 to 65535")]
    PortRange,
    /// The text in brackets is no IPv6 address.
    #[error("the text in brackets is not an IPv6 address")]
    NotIpv6,
    /// The brackets do not form `[address]` or `[address]:port`.
    #[error("expected `[address]` or `[address]:port`")]
    Brackets,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let spec = text.parse::<HostPortSpec>();
        let shown = spec.map_or_else(|e| format!("{e} @{:?}", e.span), |s| s.to_string());
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn either_half_may_be_missing() {
        check("foo.bar:5000", "foo.bar:5000");
        check(" foo.bar ", "foo.bar");
        check(":5000", ":5000");
        check("", "");
        check("[::1]:80", "[::1]:80");
        check("::1", "[::1]");
    }

    #[test]
    fn errors_point_at_the_fault() {
        check(
            "foo.bar:45x6",
            "port is not a number from 0 to 65535 @8..12",
        );
        check("  h:65536", "port is out of range, 0 to 65535 @4..9");
        check(
            "[1.2.3.4]:80",
            "the text in brackets is not an IPv6 address @1..8",
        );
        check("[::1", "expected `[address]` or `[address]:port` @0..4");
    }

    #[test]
    fn ip_hosts_compare_by_value_and_print_as_written() {
        assert_eq!(Host::new("0:0:0:0:0:0:0:0"), Host::new("::"));
        assert_ne!(Host::new("::ffff:1.2.3.4"), Host::new("1.2.3.4"));
        assert_ne!(Host::new("fe80::1%a"), Host::new("fe80::1%b"));
        assert_eq!(
            HostPort::new("2001:DB8::A", 1).to_string(),
            "[2001:DB8::A]:1"
        );
    }

    #[test]
    fn coverage_follows_dual_stack() {
        let covers = |a: &str, b: &str| Host::new(a).covers(&Host::new(b));
        assert!(covers("::", "0.0.0.0") && covers("::", "localhost") && covers("::", "::1"));
        assert!(covers("0.0.0.0", "127.0.0.1") && covers("0.0.0.0", "localhost"));
        assert!(!covers("0.0.0.0", "::1") && !covers("0.0.0.0", "::ffff:1.2.3.4"));
        assert!(!covers("127.0.0.1", "0.0.0.0"));
    }
}
