//! LocalStack releases: version numbers, and which semantics an answer follows.

use std::fmt;
use std::str::FromStr;

use crate::python;

/// A version of LocalStack, `major.minor.patch`.
///
/// Parsing completes a partial number with the newest release of that line: `2.3` is 2.3.2, `4`
/// is 4.14.0. Suffixes that name a build of the same code are dropped: `v3.0.2`, `3.0.0.post4`,
/// `4.1.0-amd64`, `4.0.3.dev12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetVersion {
    /// 0 to 4, or the year since the calendar versions of 2026.
    pub major: u16,
    /// The minor number.
    pub minor: u16,
    /// The patch number.
    pub patch: u16,
}

/// Oldest release whose behaviour was observed; older ones are read like it.
pub const OLDEST_KNOWN: TargetVersion = TargetVersion::exact(1, 0, 0);
/// Newest release whose behaviour was observed; newer ones are read like it.
pub const NEWEST_KNOWN: TargetVersion = TargetVersion::exact(4, 14, 0);

/// The newest patch of every minor release between [`OLDEST_KNOWN`] and [`NEWEST_KNOWN`].
const NEWEST_PATCHES: [TargetVersion; 32] = [
    TargetVersion::exact(1, 0, 4),
    TargetVersion::exact(1, 1, 0),
    TargetVersion::exact(1, 2, 0),
    TargetVersion::exact(1, 3, 1),
    TargetVersion::exact(1, 4, 0),
    TargetVersion::exact(2, 0, 2),
    TargetVersion::exact(2, 1, 0),
    TargetVersion::exact(2, 2, 0),
    TargetVersion::exact(2, 3, 2),
    TargetVersion::exact(3, 0, 2),
    TargetVersion::exact(3, 1, 0),
    TargetVersion::exact(3, 2, 0),
    TargetVersion::exact(3, 3, 0),
    TargetVersion::exact(3, 4, 0),
    TargetVersion::exact(3, 5, 0),
    TargetVersion::exact(3, 6, 0),
    TargetVersion::exact(3, 7, 2),
    TargetVersion::exact(3, 8, 1),
    TargetVersion::exact(4, 0, 3),
    TargetVersion::exact(4, 1, 1),
    TargetVersion::exact(4, 2, 0),
    TargetVersion::exact(4, 3, 0),
    TargetVersion::exact(4, 4, 0),
    TargetVersion::exact(4, 5, 0),
    TargetVersion::exact(4, 6, 0),
    TargetVersion::exact(4, 7, 0),
    TargetVersion::exact(4, 8, 1),
    TargetVersion::exact(4, 9, 2),
    TargetVersion::exact(4, 10, 0),
    TargetVersion::exact(4, 11, 1),
    TargetVersion::exact(4, 12, 0),
    TargetVersion::exact(4, 13, 1),
];

impl TargetVersion {
    /// Returns exactly that version.
    #[must_use]
    pub const fn exact(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Returns the newest patch release of `major.minor`, or `major.minor.0` where none is known.
    #[must_use]
    pub fn new(major: u16, minor: u16) -> Self {
        NEWEST_PATCHES
            .into_iter()
            .find(|v| (v.major, v.minor) == (major, minor))
            .unwrap_or(Self::exact(major, minor, 0))
    }

    /// Returns the newest release of a major line.
    fn newest_of(major: u16) -> Self {
        let mut all = NEWEST_PATCHES.into_iter().chain([NEWEST_KNOWN]);
        all.rfind(|v| v.major == major)
            .unwrap_or(Self::exact(major, 0, 0))
    }

    /// Returns whether the behaviour of this release was observed or read in its source.
    ///
    /// Others are accepted too and read like the nearest known one.
    #[must_use]
    pub fn is_known(self) -> bool {
        (OLDEST_KNOWN..=NEWEST_KNOWN).contains(&self)
    }

    /// Returns the release line whose behaviour this version has.
    #[must_use]
    pub fn line(self) -> Line {
        match (self.major, self.minor, self.patch) {
            (0..=1, ..) => Line::V1,
            (2, 0..=2, _) => Line::V2Lenient,
            (2, 3, 0..=1) => Line::V2Strict,
            (2, ..) => Line::V2Dedup,
            (3, ..) => Line::V3,
            _ => Line::V4,
        }
    }

    /// Lists one version of every minor release known, oldest first.
    pub fn minors() -> impl Iterator<Item = Self> {
        NEWEST_PATCHES.into_iter().chain([NEWEST_KNOWN])
    }
}

impl fmt::Display for TargetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl TargetVersion {
    /// Returns the version as text that is not allocated: messages name versions often.
    pub(crate) fn text(self) -> VersionText {
        let mut text = [0; 17];
        let mut at = text.len();
        for (n, number) in [self.patch, self.minor, self.major].into_iter().enumerate() {
            if n > 0 {
                at -= 1;
                text[at] = b'.';
            }
            let mut rest = number;
            loop {
                at -= 1;
                text[at] = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
        }
        VersionText { text, at }
    }
}

/// A version as text.
pub(crate) struct VersionText {
    /// Three numbers of at most five digits, and two dots; at the end.
    text: [u8; 17],
    at: usize,
}

impl std::ops::Deref for VersionText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.text[self.at..]).unwrap_or_default()
    }
}

/// A text is not a version of LocalStack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a LocalStack version; expected a number such as 3.8, 2.3.2 or `latest`")]
pub struct ParseVersionError {
    /// The text as given.
    pub text: Box<str>,
}

impl FromStr for TargetVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseVersionError { text: text.into() };
        let stripped = python::strip(text);
        if matches!(stripped, "latest" | "stable") {
            return Ok(NEWEST_KNOWN);
        }
        let number = stripped.strip_prefix(['v', 'V']).unwrap_or(stripped);
        let number = number
            .split_once(['-', '+'])
            .map_or(number, |(number, _)| number);
        let mut parts = number.split('.');
        let mut next = || match parts.next() {
            None => Ok(None),
            Some(part) if part.starts_with("post") || part.starts_with("dev") => Ok(None),
            Some(part) if part.bytes().all(|b| b.is_ascii_digit()) => {
                part.parse::<u16>().map(Some).map_err(|_| error())
            }
            Some(_) => Err(error()),
        };
        let major = next()?.ok_or_else(error)?;
        let Some(minor) = next()? else {
            return Ok(Self::newest_of(major));
        };
        let Some(patch) = next()? else {
            return Ok(Self::new(major, minor));
        };
        next()?;
        Ok(Self::exact(major, minor, patch))
    }
}

/// A range of releases with the same reading of the address variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// 1.0.0 to 1.4.0, and what came before.
    V1,
    /// 2.0.0 to 2.2.0: `GATEWAY_LISTEN` appears; only its first entry is bound.
    V2Lenient,
    /// 2.3.0 and 2.3.1: strict address parser, all entries are bound, duplicates too.
    V2Strict,
    /// 2.3.2: as before, with duplicates removed.
    V2Dedup,
    /// 3.0.0 to 3.8.1: legacy variables are no longer read.
    V3,
    /// 4.0.0 and later: IPv6 in addresses, duplicates removed by port.
    V4,
}

/// Whose reading of the variables an answer follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantics {
    /// What the user means: every legacy variable is mapped onto its modern successor.
    #[default]
    Normalized,
    /// What that release of LocalStack really does.
    LocalStack(TargetVersion),
}

impl From<TargetVersion> for Semantics {
    fn from(version: TargetVersion) -> Self {
        Self::LocalStack(version)
    }
}

impl fmt::Display for Semantics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normalized => f.write_str("normalized"),
            Self::LocalStack(version) => write!(f, "localstack-{version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: (u16, u16, u16), line: Line) {
        let version: TargetVersion = text.parse().unwrap();
        assert_eq!(
            (version.major, version.minor, version.patch),
            expected,
            "{text}"
        );
        assert_eq!(version.line(), line, "{text}");
    }

    #[test]
    fn published_numbers_map_to_their_line() {
        check("0.14.3.6", (0, 14, 3), Line::V1);
        check("1", (1, 4, 0), Line::V1);
        check("2.0", (2, 0, 2), Line::V2Lenient);
        check("2.0.0.post1", (2, 0, 0), Line::V2Lenient);
        check("v2.3.1", (2, 3, 1), Line::V2Strict);
        check("2.3", (2, 3, 2), Line::V2Dedup);
        check("3.0.0.post4", (3, 0, 0), Line::V3);
        check("3.8", (3, 8, 1), Line::V3);
        check("4.14.1.dev3", (4, 14, 1), Line::V4);
        check("4.1.0-amd64", (4, 1, 0), Line::V4);
        check("2026.8.2", (2026, 8, 2), Line::V4);
        check("latest", (4, 14, 0), Line::V4);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "x", "3.x", "3..1", "-1", "3.8.1.a", "99999.1", "nightly",
        ] {
            assert!(text.parse::<TargetVersion>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn unknown_versions_are_accepted_but_not_known() {
        assert!(!TargetVersion::new(2026, 3).is_known());
        assert!(TargetVersion::new(2, 3).is_known());
    }
}
