//! The one table of variables: everything known about each name, and nothing twice.
//!
//! Parsing, `explain`, deprecation warnings, did-you-mean, renames, the reference page and the JSON
//! schema are all derived from [`TABLE`]. Facts about releases are data with a version. To add a
//! variable, add a row; the tests of the table name what else is missing.

mod near;
mod row;
mod table;

pub use near::did_you_mean;
pub(crate) use near::resembles_secret;
pub(crate) use row::{Row, RowSet};
pub use table::TABLE;

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

/// Returns the row of a name. Names are case-sensitive.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Variable> {
    Row::of(name).map(Row::variable)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
