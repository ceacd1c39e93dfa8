//! Findings as documents: JSON, SARIF, workflow annotations, unified diffs.

mod diff;
mod github;
mod json;
mod sarif;

pub use diff::unified;
pub use github::annotations;
pub use json::document;
pub use sarif::log;

use crate::file::File;
use crate::finding::{Finding, Safety};

/// What notes are about, and the codes of each kind; other codes belong to the last but one, and
/// warnings that a release turns into notes to the last.
pub const KINDS: [(&str, &[&str]); 7] = [
    ("application code", &["injected-name"]),
    ("test code", &["test-container"]),
    ("text that becomes another file", &["produced-text"]),
    ("without known owner", &["no-owner"]),
    ("template", &["unreadable-file"]),
    ("other", &[]),
    ("needed by its release", &[]),
];

/// How many findings of which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Fixed by `--write`.
    pub safe: usize,
    /// Fixed by `--unsafe` on top.
    pub r#unsafe: usize,
    /// A person has to decide.
    pub person: usize,
    /// Worth knowing; nothing has to change.
    pub notes: usize,
    /// The notes by what they are about, for people: how many, and of what.
    #[serde(skip)]
    pub kinds: [usize; KINDS.len()],
    /// Silenced by a comment.
    pub silenced: usize,
}

impl Counts {
    /// Counts the findings of files.
    #[must_use]
    pub fn of(files: &[File]) -> Self {
        let mut counts = Self::default();
        for file in files {
            counts.silenced += file.silenced;
            for finding in &file.findings {
                match fate(finding) {
                    Some(Safety::Safe) => counts.safe += 1,
                    Some(Safety::Unsafe) => counts.r#unsafe += 1,
                    None if finding.severity == lsconfig::diagnostic::Severity::Note => {
                        counts.notes += 1;
                        let code = finding.rule.code;
                        let kind = KINDS.iter().position(|(_, codes)| codes.contains(&code));
                        let kept = finding.rule.severity != lsconfig::diagnostic::Severity::Note;
                        let kind = kind.unwrap_or(KINDS.len() - 2 + usize::from(kept));
                        counts.kinds[kind] += 1;
                    }
                    None => counts.person += 1,
                }
            }
        }
        counts
    }

    /// Returns whether something would change or needs a person.
    #[must_use]
    pub fn any(&self) -> bool {
        self.safe + self.r#unsafe + self.person > 0
    }
}

fn fate(finding: &Finding) -> Option<Safety> {
    finding.fix.as_ref().map(|fix| fix.safety)
}

/// Returns a path with `/` between its parts.
fn slashes(path: &std::path::Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
