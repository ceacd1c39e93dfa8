//! What the server knows without asking anybody: its names, static records, aliases, and the
//! patterns that go upstream nevertheless.
//!
//! A [`Zone`] is a value. [`LocalZone`] holds the current one for servers to read and programs to
//! change while they run: a change is one atomic swap, readers never wait.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use lsconfig::network::Network;

use crate::record::RecordData;
use crate::skip::SkipPatterns;
use crate::wire::Name;

/// The public domain whose names lead to the emulator.
pub const CLOUD: &str = "localhost.localstack.cloud";

/// What AWS SDKs put in front of the endpoint's host without a dot (LocalStack 4.5.0,
/// `localstack/dns/server.py`, `HOST_PREFIXES_NO_SUBDOMAIN`).
pub const HOST_PREFIXES: [&str; 10] = [
    "analytics-",
    "control-storage-",
    "data-",
    "query-",
    "runtime-",
    "storage-",
    "streaming-",
    "sync-",
    "tags-",
    "workflows-",
];

/// TTL of local answers, in seconds, as in LocalStack.
pub const TTL: u32 = 300;
/// TTL of SOA and NS records, in seconds, as in LocalStack.
pub const APEX_TTL: u32 = 86400;
/// How long resolvers may remember that there is no data (RFC 2308, section 5), in seconds. Short,
/// because a network with IPv6 may be attached at any time.
pub const NEGATIVE_TTL: u32 = 60;

/// The top of a zone of ours.
#[derive(Debug, Clone)]
pub struct Apex {
    /// Its name, in lower case.
    pub name: Name,
    /// Whether names below it are ours as well.
    pub below: bool,
    /// The data of its SOA record.
    pub(crate) soa: Box<[u8]>,
}

impl Apex {
    fn new(name: Name, below: bool) -> Self {
        let name = name.to_lowercase();
        // The zone names itself as its server: that name leads to us for every client.
        let mut soa = name.as_wire().to_vec();
        match Name::below("hostmaster", &name) {
            Some(mailbox) => soa.extend_from_slice(mailbox.as_wire()),
            None => soa.extend_from_slice(name.as_wire()),
        }
        // Serial, refresh, retry, expire, minimum; refresh to expire as in LocalStack.
        for field in [1, 3600, 10800, APEX_TTL, NEGATIVE_TTL] {
            soa.extend_from_slice(&field.to_be_bytes());
        }
        Self {
            name,
            below,
            soa: soa.into(),
        }
    }
}

/// Says at the time of a query whether an alias target is healthy.
pub type HealthCheck = Arc<dyn Fn() -> bool + Send + Sync>;

/// One target of an alias.
#[derive(Clone)]
pub struct AliasTarget {
    /// The name whose addresses are answered.
    pub name: Name,
    /// Must pass for the target to count; none always passes.
    pub health: Option<HealthCheck>,
}

impl fmt::Debug for AliasTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AliasTarget")
            .field("name", &self.name)
            .field("health", &self.health.is_some())
            .finish()
    }
}

#[derive(Debug, Clone)]
struct Alias {
    /// In lower case; a label `*` stands for any one label.
    name: Name,
    targets: Arc<[AliasTarget]>,
}

impl Alias {
    fn matches(&self, name: &Name) -> bool {
        let (mut own, mut asked) = (self.name.labels(), name.labels());
        loop {
            match (own.next(), asked.next()) {
                (None, None) => return true,
                (Some(own), Some(asked)) if own == b"*" || own == asked => {}
                _ => return false,
            }
        }
    }
}

/// Everything that can be answered locally.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    apexes: Vec<Apex>,
    records: HashMap<Box<[u8]>, Vec<RecordData>>,
    aliases: Vec<Alias>,
    skip: SkipPatterns,
    network: Network,
}

impl Zone {
    /// The zone of LocalStack's domain and its host-prefix names.
    #[must_use]
    pub fn localstack() -> Self {
        let mut zone = Self::default();
        zone.add_host(CLOUD);
        zone
    }

    /// Adds a host, everything below it, and its host-prefix names. Texts that are no name, IP
    /// literals among them, add nothing and return false: names below an address do not exist.
    pub fn add_host(&mut self, host: &str) -> bool {
        if lsconfig::addr::Host::new(host.trim_matches('.'))
            .ip()
            .is_some()
        {
            return false;
        }
        let Some(name) = Name::parse(host).filter(|&name| name != Name::ROOT) else {
            return false;
        };
        self.add_apex(name, true);
        let host = name.to_string();
        for prefix in HOST_PREFIXES {
            if let Some(name) = Name::parse(&format!("{prefix}{host}")) {
                self.add_apex(name, false);
            }
        }
        true
    }

    /// Adds a suffix: its name and everything below it. Returns false for texts that are no name.
    pub fn add_suffix(&mut self, suffix: &str) -> bool {
        let suffix = suffix.trim_start_matches("*.").trim_start_matches('.');
        match Name::parse(suffix).filter(|&name| name != Name::ROOT) {
            Some(name) => {
                self.add_apex(name, true);
                true
            }
            None => false,
        }
    }

    /// The nearest apex answers, so the longest names come first.
    fn add_apex(&mut self, name: Name, below: bool) {
        let apex = Apex::new(name, below);
        match self.apexes.iter_mut().find(|a| a.name == apex.name) {
            Some(present) => present.below |= below,
            None => self.apexes.push(apex),
        }
        self.apexes
            .sort_by_key(|apex| std::cmp::Reverse(apex.name.as_wire().len()));
    }

    /// Returns the apexes, the longest names first.
    #[must_use]
    pub fn apexes(&self) -> &[Apex] {
        &self.apexes
    }

    /// Sets the patterns of names that go upstream.
    pub fn set_skip(&mut self, skip: SkipPatterns) {
        self.skip = skip;
    }

    /// Returns whether a name, in lower case, matches a pattern that sends it upstream.
    #[must_use]
    pub fn skips(&self, name: &Name) -> bool {
        self.skip.matches(name)
    }

    /// Sets what is known about our networks.
    pub fn set_network(&mut self, network: Network) {
        self.network = network;
    }

    /// Returns what is known about our networks.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Adds a static record.
    pub fn add_record(&mut self, name: &Name, record: RecordData) {
        self.records
            .entry(name.to_lowercase().as_wire().into())
            .or_default()
            .push(record);
    }

    /// Removes the static records of a name; of one type, or all. Returns how many went.
    pub fn remove_records(&mut self, name: &Name, rtype: Option<u16>) -> usize {
        let key = name.to_lowercase();
        let Some(records) = self.records.get_mut(key.as_wire()) else {
            return 0;
        };
        let before = records.len();
        records.retain(|record| rtype.is_some_and(|rtype| record.rtype != rtype));
        let removed = before - records.len();
        if records.is_empty() {
            self.records.remove(key.as_wire());
        }
        removed
    }

    /// Adds an alias: A and AAAA of `name` are answered from the first healthy target. A label `*`
    /// of the name stands for any one label (LocalStack 4.9.0).
    pub fn add_alias(&mut self, name: &Name, targets: Vec<AliasTarget>) {
        self.aliases.push(Alias {
            name: name.to_lowercase(),
            targets: targets.into(),
        });
    }

    /// Removes the aliases of a name. Returns how many went.
    pub fn remove_alias(&mut self, name: &Name) -> usize {
        let before = self.aliases.len();
        let name = name.to_lowercase();
        self.aliases.retain(|alias| alias.name != name);
        before - self.aliases.len()
    }

    /// Removes all static records and aliases. Names, patterns and networks stay.
    pub fn clear(&mut self) {
        self.records.clear();
        self.aliases.clear();
    }

    /// Returns the apex that a name, in lower case, belongs to.
    #[must_use]
    pub fn apex_of(&self, name: &Name) -> Option<&Apex> {
        self.apexes.iter().find(|apex| {
            if apex.below {
                name.is_within(&apex.name)
            } else {
                *name == apex.name
            }
        })
    }

    /// Returns the static records of a name, in lower case.
    #[must_use]
    pub fn records_of(&self, name: &Name) -> Option<&[RecordData]> {
        if self.records.is_empty() {
            return None;
        }
        self.records.get(name.as_wire()).map(Vec::as_slice)
    }

    /// Returns the first healthy target of the first alias of a name, in lower case.
    #[must_use]
    pub fn alias_of(&self, name: &Name) -> Option<&Name> {
        self.aliases
            .iter()
            .filter(|alias| alias.matches(name))
            .flat_map(|alias| alias.targets.iter())
            .find(|target| target.health.as_ref().is_none_or(|healthy| healthy()))
            .map(|target| &target.name)
    }
}

/// The current [`Zone`], shared between a server and the program around it.
#[derive(Debug, Default)]
pub struct LocalZone {
    current: ArcSwap<Zone>,
}

impl LocalZone {
    /// Shares a zone.
    #[must_use]
    pub fn new(zone: Zone) -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwap::from_pointee(zone),
        })
    }

    /// Returns the zone as it is now.
    #[must_use]
    pub fn load(&self) -> Arc<Zone> {
        self.current.load_full()
    }

    /// Borrows the zone as it is now, without counting.
    pub(crate) fn guard(&self) -> arc_swap::Guard<Arc<Zone>> {
        self.current.load()
    }

    /// Changes the zone. Queries see all of the change or nothing of it. `change` may run more than
    /// once when another thread changes the zone too.
    pub fn update(&self, change: impl Fn(&mut Zone)) {
        self.current.rcu(|zone| {
            let mut zone = Zone::clone(zone);
            change(&mut zone);
            zone
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: &Zone, name: &str, expected: Option<&str>) {
        let name = Name::parse(name).unwrap().to_lowercase();
        let apex = zone.apex_of(&name).map(|apex| apex.name.to_string());
        assert_eq!(apex.as_deref(), expected, "{name}");
    }

    #[test]
    fn names_belong_to_the_nearest_apex_on_label_boundaries() {
        let mut zone = Zone::localstack();
        assert!(zone.add_host("ls.corp.test"));
        assert!(zone.add_host("sub.localhost.localstack.cloud"));
        assert!(zone.add_suffix("*.aws.test"));
        for refused in ["10.92.2.20", "::1", "", ".", "a..b"] {
            assert!(!zone.add_host(refused), "{refused}");
        }
        let cloud = Some("localhost.localstack.cloud.");
        check(&zone, CLOUD, cloud);
        check(&zone, "A.b.LOCALHOST.localstack.cloud", cloud);
        check(
            &zone,
            "x.sub.localhost.localstack.cloud",
            Some("sub.localhost.localstack.cloud."),
        );
        check(
            &zone,
            "Sync-localhost.localstack.cloud",
            Some("sync-localhost.localstack.cloud."),
        );
        check(&zone, "sync-ls.corp.test", Some("sync-ls.corp.test."));
        check(&zone, "bucket.s3.ls.corp.test", Some("ls.corp.test."));
        check(&zone, "x.aws.test", Some("aws.test."));
        for foreign in [
            "notlocalhost.localstack.cloud",
            "localstack.cloud",
            "localhost.localstack.cloud.evil.test",
            "localhostXlocalstackYcloud.test",
            "other-localhost.localstack.cloud",
            "x.sync-localhost.localstack.cloud",
            "xls.corp.test",
            "s3.10.92.2.20",
        ] {
            check(&zone, foreign, None);
        }
    }

    #[test]
    fn an_alias_follows_the_health_of_its_targets() {
        let name = |text: &str| Name::parse(text).unwrap();
        let healthy = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let zone = LocalZone::new(Zone::localstack());
        let flag = Arc::clone(&healthy);
        zone.update(|zone| {
            let flag = Arc::clone(&flag);
            let first = AliasTarget {
                name: name("first.test"),
                health: Some(Arc::new(move || {
                    flag.load(std::sync::atomic::Ordering::Relaxed)
                })),
            };
            let second = AliasTarget {
                name: name("second.test"),
                health: None,
            };
            zone.add_alias(&name("*.App.test"), vec![first, second]);
        });
        let target = |asked: &str| zone.load().alias_of(&name(asked)).map(ToString::to_string);
        assert_eq!(target("x.app.test").as_deref(), Some("first.test."));
        healthy.store(false, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(target("x.app.test").as_deref(), Some("second.test."));
        assert_eq!(target("app.test"), None);
        assert_eq!(target("x.y.app.test"), None);
        zone.update(|zone| assert_eq!(zone.remove_alias(&name("*.app.test")), 1));
        assert_eq!(target("x.app.test"), None);
    }
}
