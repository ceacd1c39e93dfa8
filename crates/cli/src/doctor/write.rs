//! Patches of Compose files: printed, or written as `migrate` writes.

use std::path::{Path, PathBuf};

use lsconfig::diagnostic::Severity;
use lsconfig_doctor::facts::Facts;
use lsconfig_doctor::finding::Finding;
use lsconfig_doctor::fix::Change;
use lsconfig_doctor::patch::Patch;
use lsconfig_migrate::write::{Replacement, write as replace};

use super::args::FailOn;
use super::{Judged, files};
use crate::check;
use crate::error::CliError;
use crate::input::file_text;
use crate::render::printable;

/// The best fixes of all findings, as one patch of each file.
#[derive(Default)]
pub(super) struct Patches {
    /// The patches, in the order of the findings.
    pub(super) patches: Vec<Patch>,
    /// The codes and titles of the fixes that no file holds.
    left: Vec<String>,
}

/// Collects the best fix of every finding that has one in settings. A note asks for no change, unless
/// it counts as a finding here.
pub(super) fn best(judged: &[Judged<'_>], fail_on: FailOn) -> Patches {
    let mut all = Patches::default();
    let mut of_file: Vec<(String, &Facts, Vec<Change>)> = Vec::new();
    let asks = |f: &&Finding| f.severity > Severity::Note || fail_on == FailOn::Note;
    for (facts, judgement) in judged {
        for finding in judgement.findings.iter().filter(asks) {
            let best = finding.fixes.iter().find(|fix| !fix.changes.is_empty());
            let Some(fix) = best else { continue };
            let Some(patch) = files::patch(facts, &fix.changes) else {
                let code = finding.check.rule.code;
                all.left.push(format!("{code}: {}", fix.title));
                continue;
            };
            let known = of_file.iter().position(|(file, ..)| *file == patch.file);
            let at = known.unwrap_or_else(|| {
                of_file.push((patch.file, facts, Vec::new()));
                of_file.len() - 1
            });
            for change in &fix.changes {
                if !of_file[at].2.contains(change) {
                    of_file[at].2.push(change.clone());
                }
            }
        }
    }
    let patches = of_file.iter();
    all.patches = patches
        .filter_map(|(_, facts, changes)| files::patch(facts, changes))
        .collect();
    all
}

impl Patches {
    /// Returns all diffs.
    pub(super) fn diff(&self) -> String {
        self.patches.iter().map(|p| p.diff.as_str()).collect()
    }

    /// Says which fixes are in no patch.
    pub(super) fn tell_left(&self) {
        for left in &self.left {
            anstream::eprintln!("note: no file is known for {}", printable(left));
        }
    }

    /// Replaces the files; all or none.
    pub(super) fn write(&self, allow_dirty: bool) -> Result<(), CliError> {
        let paths: Vec<PathBuf> = self.patches.iter().map(|p| (&p.file).into()).collect();
        check::refuse_uncommitted(&paths, allow_dirty)?;
        let mut replacements = Vec::new();
        for (patch, path) in self.patches.iter().zip(paths) {
            let before = file_text(Path::new(&path))?;
            replacements.push(Replacement {
                path,
                before: before.as_bytes().to_vec(),
                after: patch.text.as_bytes().to_vec(),
            });
        }
        replace(&replacements).map_err(|error| CliError::Write(Box::new(error)))?;
        for patch in &self.patches {
            anstream::eprintln!("wrote {}", printable(&patch.file));
        }
        Ok(())
    }
}
