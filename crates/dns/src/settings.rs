//! From resolved settings to what the server needs. Pure; the caller adds what flags say.

use std::net::{IpAddr, SocketAddr};

use lsconfig::diagnostic::{Diagnostic, Label, codes};
use lsconfig::settings::{Resolution, Value};

use crate::skip::SkipPatterns;
use crate::zone::Zone;

/// What the `DNS_*` variables and `LOCALSTACK_HOST` say.
#[derive(Debug, Clone)]
pub struct DnsSettings {
    /// False when `DNS_ADDRESS` is exactly `0`, `false` or `False`.
    pub enabled: bool,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// `DNS_SERVER`, when it is an address; a port may follow, otherwise it is 53.
    pub upstream: Option<SocketAddr>,
    /// `DNS_RESOLVE_IP`.
    pub resolve_ip: Option<IpAddr>,
    /// The names that are ours, and the patterns that are not.
    pub zone: Zone,
    /// What is worth saying about values that cannot be used.
    pub diagnostics: Vec<Diagnostic>,
}

/// The default of `DNS_PORT`.
const DNS_PORT: u16 = 53;

impl DnsSettings {
    /// Reads a resolution.
    ///
    /// In a container LocalStack binds every interface whatever `DNS_ADDRESS` says; outside it
    /// binds that address (4.12, `localstack/dns/plugins.py`).
    #[must_use]
    pub fn of(resolution: &Resolution) -> Self {
        let mut diagnostics = Vec::new();
        let text = |name| resolution.value(name).map_or("", Value::as_str);
        let address = text("DNS_ADDRESS");
        let port = match resolution.value("DNS_PORT") {
            Some(Value::Number(number)) => number.port().unwrap_or_else(|| {
                diagnostics.push(unusable(resolution, "DNS_PORT", "a port from 0 to 65535"));
                DNS_PORT
            }),
            _ => DNS_PORT,
        };
        let enabled = !matches!(address, "0" | "false" | "False");
        let listen = if resolution.in_container {
            vec![
                SocketAddr::from(([0, 0, 0, 0], port)),
                SocketAddr::from(([0u16; 8], port)),
            ]
        } else {
            match address.parse::<IpAddr>() {
                Ok(ip) => vec![SocketAddr::new(ip, port)],
                Err(_) => {
                    if enabled && !address.is_empty() {
                        diagnostics.push(unusable(resolution, "DNS_ADDRESS", "an IP address"));
                    }
                    vec![SocketAddr::from(([0, 0, 0, 0], port))]
                }
            }
        };
        let resolve_ip = text("DNS_RESOLVE_IP");
        let resolve_ip = match resolve_ip.parse() {
            Ok(ip) => Some(ip),
            Err(_) => {
                if !resolve_ip.is_empty() {
                    diagnostics.push(unusable(resolution, "DNS_RESOLVE_IP", "an IP address"));
                }
                None
            }
        };
        let mut zone = Zone::localstack();
        if let Some(address) = resolution.url_address() {
            zone.add_host(address.host.as_str());
        }
        let (skip, refused) = SkipPatterns::compile([
            text("DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM"),
            text("DNS_LOCAL_NAME_PATTERNS"),
        ]);
        zone.set_skip(skip);
        diagnostics.extend(refused.into_iter().map(|(pattern, error)| {
            let name = "DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM";
            let message = format!("pattern `{pattern}` is not used: {error}");
            Diagnostic::new(&codes::DNS_PATTERN_REFUSED, message).about(name)
        }));
        Self {
            enabled,
            listen,
            upstream: parse_server(text("DNS_SERVER")),
            resolve_ip,
            zone,
            diagnostics,
        }
    }
}

fn unusable(resolution: &Resolution, name: &'static str, wanted: &str) -> Diagnostic {
    let message = format!("`{name}` is not {wanted}; the default is used");
    let mut diagnostic = Diagnostic::new(&codes::INVALID_VALUE, message).about(name);
    let used = resolution.setting(name).map(|s| &s.derivation.used);
    for occurrence in used.into_iter().flatten() {
        diagnostic = diagnostic.label(Label::of(occurrence, ""));
    }
    diagnostic
}

/// Reads the address of a DNS server: `10.0.0.1`, `10.0.0.1:5353`, `fd00::1`, `[fd00::1]:5353`.
#[must_use]
pub fn parse_server(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    text.parse().ok().or_else(|| {
        Some(SocketAddr::new(
            bare.unwrap_or(text).parse().ok()?,
            DNS_PORT,
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsconfig::facts::Facts;
    use lsconfig::layer::{Layer, Layers, SourceKind};
    use lsconfig::release::Semantics;
    use lsconfig::resolve::resolve;

    fn settings(in_container: bool, pairs: &[(&str, &str)]) -> DnsSettings {
        let mut layers = Layers::default();
        let pairs = pairs.iter().copied();
        layers.push(Layer::from_pairs(
            SourceKind::Environment,
            "environment",
            pairs,
        ));
        let facts = Facts {
            in_container,
            ..Facts::default()
        };
        DnsSettings::of(&resolve(&layers, &facts, Semantics::Normalized))
    }

    #[test]
    fn exactly_three_spellings_switch_the_server_off() {
        for (text, enabled) in [
            ("0", false),
            ("false", false),
            ("False", false),
            ("FALSE", true),
        ] {
            assert_eq!(
                settings(true, &[("DNS_ADDRESS", text)]).enabled,
                enabled,
                "{text}"
            );
        }
        assert!(settings(true, &[]).enabled);
    }

    #[test]
    fn a_container_listens_everywhere_and_a_host_where_it_is_told() {
        let pairs = [("DNS_ADDRESS", "172.31.1.2"), ("DNS_PORT", "5353")];
        let shown = |s: DnsSettings| s.listen.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(settings(true, &pairs)), ["0.0.0.0:5353", "[::]:5353"]);
        assert_eq!(shown(settings(false, &pairs)), ["172.31.1.2:5353"]);
        let bad = settings(
            false,
            &[("DNS_ADDRESS", "nowhere"), ("DNS_RESOLVE_IP", "x")],
        );
        assert_eq!(bad.diagnostics.len(), 2);
        assert_eq!(shown(bad), ["0.0.0.0:53"]);
    }

    #[test]
    fn servers_are_read_with_and_without_port() {
        for (text, expected) in [
            ("10.0.0.1", Some("10.0.0.1:53")),
            ("10.0.0.1:5353", Some("10.0.0.1:5353")),
            ("fd00::1", Some("[fd00::1]:53")),
            ("[fd00::1]", Some("[fd00::1]:53")),
            ("[fd00::1]:54", Some("[fd00::1]:54")),
            ("dns.example", None),
            ("", None),
        ] {
            let shown = parse_server(text).map(|addr| addr.to_string());
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn bad_patterns_are_reported_and_good_ones_work() {
        let s = settings(
            true,
            &[
                ("DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM", "(?=x);new\\."),
                ("DNS_LOCAL_NAME_PATTERNS", "old"),
                ("LOCALSTACK_HOST", "ls.corp.test:4566"),
            ],
        );
        assert_eq!(s.diagnostics.len(), 1);
        let name = |text: &str| crate::wire::Name::parse(text).unwrap();
        assert!(s.zone.skips(&name("new.test")) && s.zone.skips(&name("old.test")));
        assert!(s.zone.apex_of(&name("a.ls.corp.test")).is_some());
    }
}
