//! The address variables as each LocalStack release reads them (`docs/reference/releases.md`).

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Found, Index};
use super::rows::{
    EDGE_BIND_HOST, EDGE_PORT, EDGE_PORT_HTTP, GATEWAY_LISTEN, HOSTNAME_EXTERNAL, LOCALSTACK_HOST,
    LOCALSTACK_HOSTNAME,
};
use super::{CLOUD, DEFAULT_PORT, Place, default_bind_host, read_shown, values};
use crate::addr::{Authority, Dialect, Host};
use crate::python::{self, Int};
use crate::release::{Line, Semantics, TargetVersion};
use crate::settings::{Basis, Derivation, Legacy, Resolution, Setting, StartFailure};
use crate::variable::Row;

/// Reads everything as `version` does.
pub(super) fn resolve(index: &Index, in_container: bool, version: TargetVersion) -> Resolution {
    let place = Place {
        version,
        in_container,
    };
    let mut resolution = Resolution {
        semantics: Semantics::LocalStack(version),
        in_container,
        failure: None,
        gateway_listen: None,
        localstack_host: None,
        bind: Vec::new(),
        legacy: None,
        values: Vec::new(),
        diagnostics: Vec::new(),
        secrets: Vec::new(),
    };
    let read = match version.line() {
        Line::V1 => Reader { index, place }.first(),
        Line::V2Lenient | Line::V2Strict | Line::V2Dedup => Reader { index, place }.second(),
        Line::V3 | Line::V4 => Reader { index, place }.modern(),
    };
    match read {
        Ok(addresses) => {
            resolution.gateway_listen = addresses.gateway_listen;
            resolution.localstack_host = addresses.localstack_host;
            resolution.bind = addresses.bind;
            resolution.legacy = addresses.legacy;
        }
        Err(failure) => resolution.failure = Some(failure),
    }
    let (values, failure) = values::read(index, place);
    resolution.values = values;
    if let Some(failure) = failure
        && resolution.failure.is_none()
    {
        resolution.failure = Some(failure);
    }
    if resolution.failure.is_some() {
        resolution.gateway_listen = None;
        resolution.localstack_host = None;
        resolution.legacy = None;
        resolution.bind = Vec::new();
    }
    resolution
}

/// The addresses of a release that starts.
struct Addresses {
    gateway_listen: Option<Setting<Vec<Authority>>>,
    localstack_host: Option<Setting<Authority>>,
    bind: Vec<Authority>,
    legacy: Option<Legacy>,
}

struct Reader<'a> {
    index: &'a Index<'a>,
    place: Place,
}

impl Reader<'_> {
    /// 1.0 to 1.4: one bind host, one or two ports.
    fn first(&self) -> Result<Addresses, StartFailure> {
        let host = match self.raw(EDGE_BIND_HOST).map(python::strip) {
            None | Some("") => "127.0.0.1",
            Some(host) => host,
        };
        let zero = || Ok(Int::from(0u16));
        let parse = |row: Row| match self.raw(row) {
            None | Some("") => zero(),
            Some(text) => int(row.name(), text),
        };
        let port = parse(EDGE_PORT)?;
        let port = if port.is_zero() {
            DEFAULT_PORT.into()
        } else {
            port
        };
        let http = parse(EDGE_PORT_HTTP)?;
        let legacy = self.legacy(host, port, http);
        Ok(Addresses {
            gateway_listen: None,
            localstack_host: None,
            bind: edge_bind(&legacy),
            legacy: Some(legacy),
        })
    }

    /// 2.0 to 2.3: `LOCALSTACK_HOST` first, then `GATEWAY_LISTEN`, then the legacy variables,
    /// which count only while `GATEWAY_LISTEN` is absent.
    fn second(&self) -> Result<Addresses, StartFailure> {
        let line = self.place.version.line();
        let host = self.localstack_host(&DEFAULT_PORT.into())?;
        let url_port = &host.value.port;
        let default_host = default_bind_host(self.place.in_container);
        let explicit = self.raw(GATEWAY_LISTEN);
        let default_port = if line == Line::V2Lenient {
            Int::from(DEFAULT_PORT)
        } else {
            url_port.clone()
        };
        let mut listen = match explicit {
            Some(text) => self.listen_list(text, &default_host, &default_port)?,
            None => vec![Authority::new(default_host.clone(), url_port.clone())],
        };
        let first = listen.first().cloned();
        let first = first.unwrap_or_else(|| Authority::new(default_host.clone(), DEFAULT_PORT));
        let legacy = if explicit.is_some() {
            self.legacy(first.host.as_str(), first.port, Int::from(0u16))
        } else {
            let bind_host = self.raw(EDGE_BIND_HOST).unwrap_or(first.host.as_str());
            let parse = |row: Row, default: Int| match self.raw(row) {
                None => Ok(default),
                Some(text) => int(row.name(), text),
            };
            let port = parse(EDGE_PORT, first.port.clone())?;
            let http = parse(EDGE_PORT_HTTP, Int::from(0u16))?;
            self.legacy(bind_host, port, http)
        };
        let mut used: &[Row] = &[GATEWAY_LISTEN];
        if line != Line::V2Lenient && explicit.is_none() {
            used = &[EDGE_PORT, EDGE_PORT_HTTP, LOCALSTACK_HOST];
            listen = vec![Authority::new(
                default_host.clone(),
                legacy.edge_port.value.clone(),
            )];
            if !legacy.edge_port_http.value.is_zero() {
                listen.push(Authority::new(
                    default_host,
                    legacy.edge_port_http.value.clone(),
                ));
            }
        } else if explicit.is_none() {
            used = &[LOCALSTACK_HOST];
        }
        if line == Line::V2Dedup {
            listen = merge_appending(listen);
        }
        let bind = match line {
            Line::V2Lenient => edge_bind(&legacy),
            _ => listen.clone(),
        };
        let gateway_listen = self.setting(listen, used, explicit.is_some());
        Ok(Addresses {
            gateway_listen: Some(gateway_listen),
            localstack_host: Some(host),
            bind,
            legacy: Some(legacy),
        })
    }

    /// 3.0 and later: `GATEWAY_LISTEN` first; `LOCALSTACK_HOST` takes its port from it.
    fn modern(&self) -> Result<Addresses, StartFailure> {
        let default_host = default_bind_host(self.place.in_container);
        let default_port = Int::from(DEFAULT_PORT);
        let explicit = self.raw(GATEWAY_LISTEN);
        let listen = match explicit {
            Some(text) => self.listen_list(text, &default_host, &default_port)?,
            None => vec![Authority::new(default_host, default_port.clone())],
        };
        let first_port = listen
            .first()
            .map_or(default_port, |first| first.port.clone());
        let mut host = self.localstack_host(&first_port)?;
        if host.derivation.used.is_empty() && explicit.is_some() {
            host.derivation = self.index.derive(Basis::Derived, &[GATEWAY_LISTEN]);
        }
        let listen = if self.place.version.line() == Line::V4 {
            merge_by_port(listen)
        } else {
            merge_appending(listen)
        };
        Ok(Addresses {
            bind: listen.clone(),
            gateway_listen: Some(self.setting(listen, &[GATEWAY_LISTEN], explicit.is_some())),
            localstack_host: Some(host),
            legacy: None,
        })
    }

    fn raw(&self, row: Row) -> Option<&str> {
        self.index.get(row).map(Found::raw)
    }

    fn setting<T>(&self, value: T, rows: &[Row], explicit: bool) -> Setting<T> {
        let mut derivation = self.index.derive(Basis::Set, rows);
        if derivation.used.is_empty() {
            derivation.basis = Basis::Default;
        } else if !explicit {
            derivation.basis = Basis::Derived;
        }
        Setting { value, derivation }
    }

    fn localstack_host(&self, default_port: &Int) -> Result<Setting<Authority>, StartFailure> {
        let default_host = Host::name(CLOUD);
        let value = match self.raw(LOCALSTACK_HOST) {
            None => Authority::new(default_host, default_port.clone()),
            Some(text) => read_shown(text, |text| {
                self.address(LOCALSTACK_HOST, text, &default_host, default_port)
            })?,
        };
        Ok(self.setting(value, &[LOCALSTACK_HOST], true))
    }

    fn listen_list(
        &self,
        text: &str,
        host: &Host,
        port: &Int,
    ) -> Result<Vec<Authority>, StartFailure> {
        read_shown(text, |text| {
            let entries = text.split(',').map(python::strip);
            entries
                .map(|entry| self.address(GATEWAY_LISTEN, entry, host, port))
                .collect()
        })
    }

    fn address(
        &self,
        row: Row,
        text: &str,
        host: &Host,
        port: &Int,
    ) -> Result<Authority, StartFailure> {
        match Dialect::of(self.place.version).parse(text) {
            Ok(spec) => Ok(spec.or(host, port)),
            Err(error) => Err(StartFailure {
                variable: row.name(),
                message: error.python_message().to_owned(),
            }),
        }
    }

    fn legacy(&self, host: &str, port: Int, http: Int) -> Legacy {
        // Without an own variable, or with `GATEWAY_LISTEN` above it, a value follows from others.
        let derive = |row, others: &[Row], overruled: bool| {
            let mut own = self.index.derive(Basis::Set, &[row]);
            if own.used.is_empty() || overruled {
                let mut derived = self.index.derive(Basis::Derived, others);
                if derived.used.is_empty() {
                    return Derivation::default_value();
                }
                derived.shadowed.append(&mut own.used);
                derived.shadowed.append(&mut own.shadowed);
                return derived;
            }
            own
        };
        let explicit = self.place.version.line() != Line::V1 && self.raw(GATEWAY_LISTEN).is_some();
        let (listen, port_source): (&[Row], &[Row]) = match self.place.version.line() {
            Line::V1 => (&[], &[]),
            _ if explicit => (&[GATEWAY_LISTEN], &[GATEWAY_LISTEN]),
            _ => (&[], &[LOCALSTACK_HOST]),
        };
        let name = |row| {
            let text = match self.raw(row).map(python::strip) {
                None | Some("") => "localhost",
                Some(text) => text,
            };
            Setting {
                value: text.into(),
                derivation: derive(row, &[], false),
            }
        };
        Legacy {
            edge_bind_host: Setting {
                value: host.into(),
                derivation: derive(EDGE_BIND_HOST, listen, explicit),
            },
            edge_port: Setting {
                value: port,
                derivation: derive(EDGE_PORT, port_source, explicit),
            },
            edge_port_http: Setting {
                value: http,
                derivation: derive(EDGE_PORT_HTTP, listen, explicit),
            },
            hostname_external: name(HOSTNAME_EXTERNAL),
            localstack_hostname: name(LOCALSTACK_HOSTNAME),
        }
    }
}

/// Reads a number as `int()` does.
pub(super) fn int(variable: &'static str, text: &str) -> Result<Int, StartFailure> {
    read_shown(text, |text| {
        Int::parse(text).map_err(|error| StartFailure {
            variable,
            message: error.to_string(),
        })
    })
}

/// 1.x and 2.0 to 2.2: the HTTP port first, unless it is the same.
fn edge_bind(legacy: &Legacy) -> Vec<Authority> {
    let host = Host::new(legacy.edge_bind_host.value.clone());
    let (port, http) = (&legacy.edge_port.value, &legacy.edge_port_http.value);
    let mut bind = Vec::with_capacity(2);
    if !http.is_zero() && http != port {
        bind.push(Authority::new(host.clone(), http.clone()));
    }
    bind.push(Authority::new(host, port.clone()));
    bind
}

/// 2.3.2 to 3.8: entries are appended one by one.
///
/// A wildcard that comes later rewrites the host of *every* entry on its port, which can leave
/// equal entries behind. That is kept.
fn merge_appending(listen: Vec<Authority>) -> Vec<Authority> {
    const WILDCARD: &str = "0.0.0.0";
    if listen.len() <= 1 {
        return listen;
    }
    let mut merged: Vec<Authority> = Vec::with_capacity(listen.len());
    let mut ports: BTreeMap<String, Group> = BTreeMap::new();
    for new in listen {
        let group = ports.entry(new.port.to_string()).or_default();
        if group.hosts.contains(new.host.as_str()) || group.hosts.contains(WILDCARD) {
            continue;
        }
        let wildcard = new.host.as_str() == WILDCARD;
        group.hosts.insert(new.host.as_str().into());
        if wildcard && !group.places.is_empty() {
            for place in &group.places {
                merged[*place].host = new.host.clone();
            }
        } else {
            group.places.push(merged.len());
            merged.push(new);
        }
    }
    merged
}

/// The entries of one port.
#[derive(Default)]
struct Group {
    hosts: BTreeSet<Box<str>>,
    /// Where they stand in the list.
    places: Vec<usize>,
}

/// 4.0 and later: one group for each port; a wildcard replaces its group, equal texts are merged.
///
/// LocalStack takes the hosts of a group from a Python set, in random order; here they keep the
/// order in which they were written.
fn merge_by_port(listen: Vec<Authority>) -> Vec<Authority> {
    if listen.len() <= 1 {
        return listen;
    }
    let mut groups: Vec<Vec<Authority>> = Vec::new();
    let mut ports: BTreeMap<String, (usize, BTreeSet<Box<str>>)> = BTreeMap::new();
    for new in listen {
        let (place, hosts) = ports
            .entry(new.port.to_string())
            .or_insert_with(|| (groups.len(), BTreeSet::new()));
        if *place == groups.len() {
            groups.push(Vec::new());
        }
        if hosts.insert(new.host.as_str().into()) {
            groups[*place].push(new);
        }
    }
    for group in &mut groups {
        let wildcard = ["::", "0.0.0.0"]
            .iter()
            .find_map(|wildcard| group.iter().find(|a| a.host.as_str() == *wildcard).cloned());
        if let Some(wildcard) = wildcard {
            *group = vec![wildcard];
        }
    }
    groups.into_iter().flatten().collect()
}
