//! The one table of variables: everything known about each name, and nothing twice.
//!
//! Parsing, `explain`, deprecation warnings, did-you-mean, renames, the reference page and the JSON
//! schema are all derived from [`TABLE`]. Facts about releases are data with a version. To add a
//! variable, add a row; the tests of the table name what else is missing.

mod table;

pub use table::TABLE;

use std::num::NonZero;

use crate::release::{NEWEST_KNOWN, TargetVersion};

/// What is known about one environment variable of LocalStack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The name, case-sensitive.
    pub name: &'static str,
    /// The chapter of the reference page it stands in.
    pub family: Family,
    /// Whether it changes sockets or returned URLs.
    pub role: Role,
    /// How its text is read.
    pub kind: Kind,
    /// Defaults, oldest first; the last one whose release is not newer applies.
    pub defaults: &'static [Default],
    /// Read instead when this one is unset: the name, and the release that stopped doing so.
    pub fallback: Option<Fallback>,
    /// When it came, was deprecated, and went.
    pub lifecycle: Lifecycle,
    /// What to set instead.
    pub replacement: Replacement,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// One line for people.
    pub help: &'static str,
    /// How other engines read the same name.
    pub dialects: &'static [Dialect],
}

/// A chapter of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Where the gateway binds, and the name in returned URLs.
    Listening,
    /// How services form their URLs, and the port range of their instances.
    Services,
    /// The DNS server.
    Dns,
    /// Certificates.
    Tls,
    /// Containers and networks.
    Docker,
    /// Cross-origin requests.
    Cors,
    /// Profiles, credentials, regions and other settings that touch networking.
    Runtime,
    /// Deprecated names that have nothing to do with networking.
    Retired,
}

/// What kind of effect a variable has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Changes sockets or behaviour.
    Functional,
    /// Changes the names and ports in returned URLs.
    Cosmetic,
}

/// How the text of a variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Comma-separated `host:port` entries.
    AddressList,
    /// One `host:port`.
    Address,
    /// A host without port.
    Host,
    /// A whole number, read by Python's `int()`.
    Integer,
    /// True for `1` and `true`, otherwise false.
    Flag,
    /// False for `0` and `false`, otherwise true.
    Switch,
    /// True, false or unset.
    TriState,
    /// Free text.
    Text(Text),
    /// One of a few words; `strip` as for text. Any other word acts like `unknown`.
    OneOf {
        /// The words.
        values: &'static [&'static str],
        /// What any other word acts like.
        unknown: &'static str,
        /// Whether surrounding space is removed first.
        strip: bool,
    },
    /// A name that is known and not read: deprecated, or without effect on addresses and names.
    Unmodelled,
}

/// How a free text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text {
    /// Whether surrounding space is removed.
    pub strip: bool,
    /// Whether a present but empty value counts as set.
    pub keep_empty: bool,
}

/// The default of a variable from one release on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Default {
    /// The first release with this default.
    pub since: TargetVersion,
    /// In a container; `None` means unset.
    pub container: Option<&'static str>,
    /// Outside a container; `None` means unset.
    pub host: Option<&'static str>,
}

/// Another variable that is read when one is unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// Its name.
    pub name: &'static str,
    /// The first release that no longer does so.
    pub until: Option<TargetVersion>,
    /// What it counts beside the other one.
    pub rule: FallbackRule,
}

impl Fallback {
    /// Returns whether `version` reads the other one, by this rule.
    #[must_use]
    pub fn counts_in(&self, version: TargetVersion, rule: FallbackRule) -> bool {
        self.rule == rule && self.until.is_none_or(|until| version < until)
    }
}

/// What an older name counts in releases that read it beside its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackRule {
    /// It is read where the successor is unset.
    WhenUnset,
    /// Either of the two turns the feature on, so it wins over a successor that is off. Normalized
    /// semantics read it where the successor is unset.
    EitherOn,
}

/// The life of a variable in releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle {
    /// The first release that read it; `None` when it was there before 0.11.
    pub introduced: Option<TargetVersion>,
    /// Its entry in LocalStack's own list of deprecations.
    pub deprecated: Option<Deprecation>,
    /// The first release in which it is read without effect.
    pub inert: Option<TargetVersion>,
    /// The first release that does not read it.
    pub removed: Option<TargetVersion>,
}

/// An entry in LocalStack's list of deprecations, which warns when the name is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// The release that LocalStack names ("since").
    pub since: TargetVersion,
    /// The first release whose list has it; `None` for names that LocalStack never announced.
    pub listed: Option<TargetVersion>,
    /// The first release whose list has it no more.
    pub delisted: Option<TargetVersion>,
}

/// What to set instead of a deprecated variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// Nothing replaces it.
    None,
    /// Another variable.
    Variable(&'static str),
    /// Something else, in words.
    Advice(&'static str),
}

/// An emulator or launcher that shares names with LocalStack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// lstk, the launcher that succeeds the LocalStack CLI.
    Lstk,
    /// ministack.
    Ministack,
    /// floci.
    Floci,
    /// overcast.
    Overcast,
}

impl Engine {
    /// Returns the engine's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lstk => "lstk",
            Self::Ministack => "ministack",
            Self::Floci => "floci",
            Self::Overcast => "overcast",
        }
    }
}

/// How another engine reads a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Whose reading this is.
    pub engine: Engine,
    /// What it does with the variable.
    pub reading: Reading,
}

/// What an engine does with a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It has the meaning that it had in LocalStack.
    Honoured,
    /// The launcher sets it itself and overrules the user's value.
    Overruled,
}

impl Variable {
    /// Returns the default in a release and place; `None` when unset.
    #[must_use]
    pub fn default_in(&self, version: TargetVersion, in_container: bool) -> Option<&'static str> {
        let row = self.defaults.iter().rev().find(|d| d.since <= version)?;
        if in_container {
            row.container
        } else {
            row.host
        }
    }

    /// Returns whether that release reads the variable at all.
    #[must_use]
    pub fn is_read_by(&self, version: TargetVersion) -> bool {
        self.lifecycle
            .introduced
            .is_none_or(|introduced| introduced <= version)
            && self
                .lifecycle
                .removed
                .is_none_or(|removed| version < removed)
    }

    /// Returns whether that release warns about the variable when it is present.
    #[must_use]
    pub fn is_announced_by(&self, version: TargetVersion) -> bool {
        self.lifecycle.deprecated.is_some_and(|deprecation| {
            deprecation.listed.is_some_and(|listed| listed <= version)
                && deprecation
                    .delisted
                    .is_none_or(|delisted| version < delisted)
        })
    }

    /// Returns whether the newest release still gives it an effect.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.is_read_by(NEWEST_KNOWN) && self.lifecycle.inert.is_none()
    }
}

/// How many slots [`SLOTS`] has: a power of two, far more than rows, so that few share one.
const SLOT_COUNT: usize = 1024;

/// Rows by the hash of their names; a row whose slot is taken has the next free one.
static SLOTS: [Option<NonZero<u16>>; SLOT_COUNT] = slots();

const fn slots() -> [Option<NonZero<u16>>; SLOT_COUNT] {
    assert!(TABLE.len() < SLOT_COUNT / 4, "the table outgrew its index");
    let mut slots = [None; SLOT_COUNT];
    let mut row = 0;
    while row < TABLE.len() {
        let mut slot = hash(TABLE[row].name.as_bytes());
        while slots[slot].is_some() {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = NonZero::new(row as u16 + 1);
        row += 1;
    }
    slots
}

/// FNV-1a over the ends and the length of a name, which tell the rows apart well enough.
const fn hash(name: &[u8]) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ name.len() as u64;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at] as u64).wrapping_mul(0x0100_0000_01b3);
        // Six bytes from the front, six from the back.
        at = if at == 5 && name.len() > 12 {
            name.len() - 6
        } else {
            at + 1
        };
    }
    (hash >> 20) as usize % SLOT_COUNT
}

/// Returns the row of a name. Names are case-sensitive.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Variable> {
    position(name).map(|at| &TABLE[at])
}

/// Returns the position of a name in [`TABLE`].
#[must_use]
pub(crate) fn position(name: &str) -> Option<usize> {
    let mut slot = hash(name.as_bytes());
    while let Some(row) = SLOTS[slot] {
        let row = usize::from(row.get() - 1);
        if TABLE[row].name == name {
            return Some(row);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
    None
}

/// What is derived of every row once, at compile time.
static ROWS: [Row; TABLE.len()] = rows();

#[derive(Clone, Copy)]
struct Row {
    /// Whether it is read as a value of its own.
    is_value: bool,
    /// The row that is read when this one is unset.
    fallback: Option<u16>,
    /// Which letters its name has.
    letters: u64,
}

const fn rows() -> [Row; TABLE.len()] {
    let mut rows = [Row {
        is_value: false,
        fallback: None,
        letters: 0,
    }; TABLE.len()];
    let mut n = 0;
    while n < TABLE.len() {
        let variable = &TABLE[n];
        rows[n].letters = letters(variable.name);
        rows[n].is_value = !matches!(
            variable.kind,
            Kind::AddressList | Kind::Address | Kind::Host | Kind::Unmodelled
        );
        let mut m = 0;
        while m < READ_ELSEWHERE.len() {
            if equal(variable.name, READ_ELSEWHERE[m]) {
                rows[n].is_value = false;
            }
            m += 1;
        }
        if let Some(fallback) = variable.fallback {
            let mut m = 0;
            while !equal(TABLE[m].name, fallback.name) {
                m += 1;
            }
            rows[n].fallback = Some(m as u16);
        }
        n += 1;
    }
    rows
}

/// Numbers that are no values of their own: parts of addresses, and aliases that are read through
/// the variables that fall back to them, or not at all.
const READ_ELSEWHERE: [&str; 4] = [
    "EDGE_PORT",
    "EDGE_PORT_HTTP",
    "SERVICE_INSTANCES_PORTS_START",
    "SERVICE_INSTANCES_PORTS_END",
];

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// The set of letters of a name, by the lowest six bits of each.
const fn letters(name: &str) -> u64 {
    let (mut set, mut at) = (0, 0);
    while at < name.len() {
        set |= 1 << (name.as_bytes()[at] % 64);
        at += 1;
    }
    set
}

/// Returns whether a row is read as a value: it is no address, and not merely known by name.
pub(crate) fn is_value(row: usize) -> bool {
    ROWS[row].is_value
}

/// Returns the row that is read when this one is unset.
pub(crate) fn fallback(row: usize) -> Option<usize> {
    ROWS[row].fallback.map(usize::from)
}

/// Returns the variable that a misspelt name probably means.
///
/// A name qualifies when it differs from a known one in case alone, or by at most two edits (one
/// for names under eight characters), and when exactly one known name is that near. Known names,
/// bare or with the prefix `LOCALSTACK_`, are not misspelt.
#[must_use]
pub fn did_you_mean(name: &str) -> Option<&'static Variable> {
    let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
    if bare.len() < 5 || lookup(name).is_some() || lookup(bare).is_some() {
        return None;
    }
    let modelled = || {
        TABLE
            .iter()
            .zip(&ROWS)
            .filter(|(v, _)| v.family != Family::Retired)
    };
    if let Some((row, _)) = modelled().find(|(v, _)| v.name.eq_ignore_ascii_case(bare)) {
        return Some(row);
    }
    let budget = if bare.len() < 8 { 1 } else { 2 };
    // `LOCALSTACK_HOSTS` must be compared whole: its prefix belongs to the name it resembles.
    let spellings = [(name, letters(name)), (bare, letters(bare))];
    let spellings = &spellings[..if bare == name { 1 } else { 2 }];
    let candidates = modelled().filter_map(|(variable, row)| {
        let distances = spellings.iter().filter_map(|(spelling, letters)| {
            if spelling.len().abs_diff(variable.name.len()) > budget {
                return None;
            }
            // An edit adds one letter to the set, takes one, or both.
            let differing = (letters ^ row.letters).count_ones() as usize;
            (differing <= 2 * budget).then(|| edit_distance(spelling, variable.name, budget))?
        });
        Some((distances.min()?, variable))
    });
    let mut best: Option<(usize, &'static Variable)> = None;
    let mut tied = false;
    for (distance, row) in candidates {
        match best {
            Some((shortest, _)) if distance > shortest => {}
            Some((shortest, _)) if distance == shortest => tied = true,
            _ => (best, tied) = (Some((distance, row)), false),
        }
    }
    best.filter(|_| !tied).map(|(_, row)| row)
}

/// Returns whether a name is at most two edits away from one whose value is secret.
pub(crate) fn resembles_secret(name: &str) -> bool {
    let mut secret = TABLE.iter().filter(|row| row.secret);
    secret.any(|row| edit_distance(name, row.name, 2).is_some())
}

/// Damerau-Levenshtein distance with adjacent swaps, when at most `limit`.
fn edit_distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    Some(last[b.len()]).filter(|&distance| distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_finds_every_row() {
        for row in TABLE {
            assert_eq!(lookup(row.name), Some(row), "{} is there twice", row.name);
        }
        assert_eq!(lookup("gateway_listen"), None);
    }

    #[test]
    fn replacements_are_rows() {
        for row in TABLE {
            if let Replacement::Variable(name) = row.replacement {
                assert!(lookup(name).is_some(), "{} is replaced by {name}", row.name);
            }
            if let Some(fallback) = row.fallback {
                assert!(lookup(fallback.name).is_some(), "{} falls back", row.name);
            }
        }
    }

    #[test]
    fn lifecycles_are_in_order() {
        for row in TABLE {
            let Lifecycle {
                introduced,
                deprecated,
                inert,
                removed,
            } = row.lifecycle;
            assert!(
                introduced <= inert.or(removed).or(introduced),
                "{}",
                row.name
            );
            assert!(
                removed.is_none() || deprecated.is_some(),
                "{} went unannounced",
                row.name
            );
            if let Some(Deprecation {
                listed: Some(from),
                delisted: Some(to),
                ..
            }) = deprecated
            {
                assert!(from < to, "{}", row.name);
            }
        }
    }

    #[test]
    fn help_is_one_sentence_without_full_stop() {
        for row in TABLE {
            assert!(
                !row.help.is_empty() && !row.help.ends_with('.'),
                "{}",
                row.name
            );
        }
    }

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(did_you_mean(name).map(|row| row.name), expected, "{name}");
    }

    #[test]
    fn near_misses_are_recognised() {
        check("GATEWAY_LISTENS", Some("GATEWAY_LISTEN"));
        check("GATEWAY_LISTN", Some("GATEWAY_LISTEN"));
        check("gateway_listen", Some("GATEWAY_LISTEN"));
        check("LOCALSTACK_HOSTS", Some("LOCALSTACK_HOST"));
        check("LOCALSTACK_GATEWAY_LISTENS", Some("GATEWAY_LISTEN"));
        check("EDGE_PROT", Some("EDGE_PORT"));
        check("LOCALSTACK_HOST", None);
        check("LOCALSTACK_EDGE_PORT", None);
        check("PATH", None);
        check("HOME", None);
        check("COMPLETELY_DIFFERENT", None);
    }
}
