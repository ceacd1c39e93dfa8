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
                        counts.notes += 1
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
