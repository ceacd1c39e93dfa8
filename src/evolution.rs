//! How the reading of one environment changes from release to release.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::explain::entries;
use crate::facts::Facts;
use crate::layer::Layers;
use crate::release::TargetVersion;
use crate::resolve::resolve;
use crate::settings::Resolution;
use crate::variable::Row;

/// What changed for addresses and URLs in a release, with the reason.
pub struct Milestone {
    /// The first release with the new behaviour.
    pub since: TargetVersion,
    /// What changed there, as a fragment.
    pub what: &'static str,
}

/// The releases that read address variables differently than the one before.
pub static MILESTONES: [Milestone; 7] = [
    Milestone {
        since: TargetVersion::exact(2, 0, 0),
        what: "`GATEWAY_LISTEN` and `LOCALSTACK_HOST` appear; the bind host follows the container",
    },
    Milestone {
        since: TargetVersion::exact(2, 3, 0),
        what: "addresses are parsed strictly, every listen address is bound, `EDGE_BIND_HOST` no longer binds the gateway",
    },
    Milestone {
        since: TargetVersion::exact(2, 3, 2),
        what: "duplicate listen addresses are merged",
    },
    Milestone {
        since: TargetVersion::exact(3, 0, 0),
        what: "legacy variables are no longer read; `LOCALSTACK_HOST` decides returned URLs and takes its port from `GATEWAY_LISTEN`",
    },
    Milestone {
        since: TargetVersion::exact(3, 2, 0),
        what: "the web server can be chosen",
    },
    Milestone {
        since: TargetVersion::exact(3, 5, 0),
        what: "the default web server binds IPv4 entries to all interfaces",
    },
    Milestone {
        since: TargetVersion::exact(4, 0, 0),
        what: "IPv6 addresses in brackets are read; listen addresses are merged by port",
    },
];

/// One setting that a release reads differently than the release before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The setting, or `bind`, `starts`, `external_url`, `internal_url`.
    pub setting: &'static str,
    /// The first release with the new value.
    #[serde(serialize_with = "text")]
    pub since: TargetVersion,
    /// The value before; null where there was none.
    pub before: Option<String>,
    /// The value from then on; null where there is none.
    pub after: Option<String>,
    /// Why it changes.
    pub why: String,
}

fn text<S: serde::Serializer>(version: &TargetVersion, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(version)
}

/// Compares the readings of all releases from `first` to `last`, both included.
///
/// Settings that the environment does not touch are compared too, so that a default that changes
/// under a user is seen. Changes come in the order of releases, then of settings.
#[must_use]
pub fn changes(
    layers: &Layers,
    facts: &Facts,
    first: TargetVersion,
    last: TargetVersion,
) -> Vec<Change> {
    let inner = TargetVersion::minors().chain(MILESTONES.iter().map(|m| m.since));
    let mut versions: Vec<TargetVersion> = inner
        .filter(|v| first < *v && *v < last)
        .chain([first, last])
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let mut changes = Vec::new();
    let mut before: Option<(TargetVersion, Reading)> = None;
    for version in versions {
        let now = reading(&resolve(layers, facts, version));
        if let Some((previous, before)) = &before {
            compare(before, &now, *previous, version, &mut changes);
        }
        before = Some((version, now));
    }
    changes
}

/// The values of a release, by a rank that keeps output in the order of settings.
type Reading = BTreeMap<(Option<Row>, &'static str), (Option<String>, bool)>;

fn reading(resolution: &Resolution) -> Reading {
    let mut values = Vec::new();
    let starts = resolution
        .failure
        .as_ref()
        .map_or("true".to_owned(), ToString::to_string);
    values.push(("starts", (Some(starts), true)));
    let bind: Vec<String> = resolution.bind.iter().map(ToString::to_string).collect();
    values.push((
        "bind",
        (
            (!bind.is_empty()).then(|| resolution.shown(bind.join(","))),
            true,
        ),
    ));
    values.push((
        "external_url",
        (
            resolution.external_url().map(|url| resolution.shown(url)),
            true,
        ),
    ));
    values.push((
        "internal_url",
        (
            resolution.internal_url().map(|url| resolution.shown(url)),
            true,
        ),
    ));
    for entry in entries(resolution) {
        let touched = !entry.used.is_empty();
        values.push((entry.name, (entry.value.map(String::from), touched)));
    }
    values
        .into_iter()
        .map(|(name, value)| ((Row::of(name), name), value))
        .collect()
}

fn compare(
    before: &Reading,
    now: &Reading,
    previous: TargetVersion,
    version: TargetVersion,
    changes: &mut Vec<Change>,
) {
    let keys: std::collections::BTreeSet<_> = before.keys().chain(now.keys()).collect();
    for &(rank, name) in keys {
        let get = |reading: &Reading| reading.get(&(rank, name)).cloned();
        let (old, new) = (get(before), get(now));
        // A setting that appears or goes with nothing set is no news to this user.
        let touched = old.iter().chain(&new).any(|(_, touched)| *touched);
        let both = old.is_some() && new.is_some();
        let value = |side: Option<(Option<String>, bool)>| side.and_then(|(value, _)| value);
        let (old, new) = (value(old), value(new));
        if old != new && (touched || both) {
            let why = reason(name, previous, version);
            changes.push(Change {
                setting: name,
                since: version,
                before: old,
                after: new,
                why,
            });
        }
    }
}

fn reason(name: &str, previous: TargetVersion, version: TargetVersion) -> String {
    if let Some(row) = crate::variable::lookup(name)
        && !matches!(name, "GATEWAY_LISTEN" | "LOCALSTACK_HOST")
    {
        let crossed = |v: Option<TargetVersion>| v.is_some_and(|v| previous < v && v <= version);
        if crossed(row.lifecycle.removed) {
            return format!("`{name}` is no longer read");
        }
        if crossed(row.lifecycle.introduced) {
            return format!("`{name}` appears");
        }
        if row.defaults.iter().any(|d| crossed(Some(d.since))) {
            return format!("the default of `{name}` changes");
        }
    }
    let crossed = MILESTONES
        .iter()
        .filter(|m| previous < m.since && m.since <= version);
    let reasons: Vec<&str> = crossed.map(|m| m.what).collect();
    reasons.join("; ")
}
