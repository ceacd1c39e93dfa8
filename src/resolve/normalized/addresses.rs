//! What is said about texts that should be addresses.

use std::ops::Range;

use super::super::index::Found;
use super::super::rows::GATEWAY_LISTEN;
use super::Mapper;
use crate::addr::{AddrErrorKind, Host, HostPort, HostPortSpec};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::python;

/// What to do about quotes that a source does not take off.
pub(super) const UNQUOTE: &str = "remove the quotes, or quote the whole entry";

/// The most characters that a name has (RFC 1035, 2.3.4, without the final dot).
const MAX_NAME: usize = 253;

/// Returns whether a text has quotes, which no address has.
pub(super) fn is_quoted(text: &str) -> bool {
    text.contains(['"', '\''])
}

/// Says why a text cannot be a host, and what to do about it.
pub(super) fn host_problem(host: &Host) -> Option<(&'static str, &'static str)> {
    if host.ip().is_some() {
        return None;
    }
    let text = host.as_str();
    let numeric = text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    Some(match text {
        _ if is_quoted(text) => ("the quotes are part of the value", UNQUOTE),
        _ if text.contains(['[', ']']) => ("not a host", "brackets are for IPv6 addresses"),
        _ if text.contains('*') => ("not a host", "write `0.0.0.0` for all interfaces"),
        _ if text.contains('/') => ("a host has no path", "leave out the path"),
        _ if text.contains('@') => ("a host has no user", "leave out what stands before the `@`"),
        _ if text.contains(',') => ("one host is expected", "this variable takes one address"),
        _ if text.contains(';') => ("not a host", "separate addresses with a comma"),
        _ if text.contains(python::is_space) => ("a host has no space", "remove the space"),
        _ if text.contains(char::is_control) => (
            "a host has no control characters",
            "remove what cannot be seen",
        ),
        _ if text.len() > MAX_NAME => ("too long for a host", "a name has at most 253 characters"),
        _ if numeric => ("not an IPv4 address", "each of four numbers is at most 255"),
        _ => return None,
    })
}

impl Mapper<'_> {
    /// A text without colon is a host, even when it looks like a port.
    pub(super) fn remark_number_as_host(
        &mut self,
        spec: &HostPortSpec,
        at: usize,
        entry: &str,
        found: Found,
    ) {
        let Some(host) = &spec.host else { return };
        let text = host.as_str();
        let is_number = text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok();
        if spec.port.is_some() || !is_number {
            return;
        }
        let message = format!("`{text}` in `{}` is a host, not a port", found.written());
        self.diagnostics.push(
            Diagnostic::new(&codes::LISTEN_HOST_IS_NUMBER, message)
                .about(found.name())
                .help(format!("write `:{text}` to mean the port"))
                .label(Label::of_part(
                    found.occurrence,
                    at..at + entry.len(),
                    "no colon, so this is a host",
                )),
        );
    }

    /// Without brackets no release reads an IPv6 address, and its last group may be meant as a port.
    pub(super) fn remark_bare_ipv6(
        &mut self,
        spec: &HostPortSpec,
        at: usize,
        entry: &str,
        found: Found,
    ) {
        let Some(host) = spec.host.as_ref().filter(|host| host.is_ipv6()) else {
            return;
        };
        let text = python::strip(entry);
        if text.starts_with('[') {
            return;
        }
        let meant = text.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse::<u16>().ok().filter(|&port| port > 0)?;
            let host = Host::new(host);
            host.is_ipv6().then(|| HostPort::new(host, port))
        });
        let help = match meant {
            Some(meant) => format!(
                "write `{meant}` to mean port {}, or `{host}` to mean this address",
                meant.port
            ),
            None => format!("write `{host}`: without brackets no release reads it"),
        };
        let message = format!(
            "`{text}` in `{}` is an IPv6 address without a port",
            found.written()
        );
        let start = at + python::leading_space(entry);
        let part = start..start + text.len();
        self.diagnostics.push(
            Diagnostic::new(&codes::IPV6_WITHOUT_BRACKETS, message)
                .about(found.name())
                .help(help)
                .label(Label::of_part(
                    found.occurrence,
                    part,
                    "no brackets, so all of it is the host",
                )),
        );
    }

    /// Reports a host that no resolver and no URL takes.
    pub(super) fn is_host(
        &mut self,
        spec: &HostPortSpec,
        span: Range<usize>,
        found: Found,
    ) -> bool {
        let Some((problem, help)) = spec.host.as_ref().and_then(host_problem) else {
            return true;
        };
        let message = format!("invalid host in `{}`", found.written());
        self.diagnostics.push(
            Diagnostic::new(&codes::INVALID_VALUE, message)
                .about(found.name())
                .help(help)
                .label(Label::of_part(found.occurrence, span, problem)),
        );
        false
    }

    /// Reports a text that is no address.
    pub(super) fn invalid_address(
        &mut self,
        found: Found,
        kind: AddrErrorKind,
        span: Range<usize>,
    ) {
        let text = found.raw().get(span.clone()).unwrap_or_default();
        let list = found.row == GATEWAY_LISTEN;
        let help = match kind {
            _ if is_quoted(text) => UNQUOTE,
            AddrErrorKind::PortNotANumber if text.starts_with("//") => {
                "leave out the scheme and the path: an address is `host:port`"
            }
            AddrErrorKind::PortNotANumber if text.contains(';') => {
                "separate addresses with a comma"
            }
            AddrErrorKind::PortNotANumber if text.contains(':') => {
                "an IPv6 address needs brackets: `[::1]:4566`"
            }
            AddrErrorKind::NotIpv6 => "brackets are for IPv6 addresses; leave them out",
            _ if list => "an address is `host:port`, `host` or `:port`, for example `0.0.0.0:4566`",
            _ => {
                "expected `host:port`, `host` or `:port`, for example `localhost.localstack.cloud:4566`"
            }
        };
        let message = format!("invalid address in `{}`", found.written());
        self.diagnostics.push(
            Diagnostic::new(&codes::INVALID_VALUE, message)
                .about(found.name())
                .help(help)
                .label(Label::of_part(found.occurrence, span, kind.to_string())),
        );
    }
}
