//! Which files hold changes that no commit has.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::CliError;
use crate::render::printable;

/// Refuses to write where that could not be taken back with Git, and says so outside of a repository.
pub(crate) fn refuse_uncommitted(paths: &[PathBuf], allow_dirty: bool) -> Result<(), CliError> {
    match uncommitted(paths) {
        Some(dirty) if !dirty.is_empty() && !allow_dirty => {
            let names: Vec<String> = dirty
                .iter()
                .map(|p| printable(&p.display().to_string()).into_owned())
                .collect();
            return Err(CliError::usage(
                format!(
                    "uncommitted changes in {}; nothing was written",
                    names.join(", ")
                ),
                "commit them first, or pass --allow-dirty",
            ));
        }
        None if !paths.is_empty() => {
            anstream::eprintln!(
                "note: not in a Git repository, so there is no way back but your own copy"
            );
        }
        _ => {}
    }
    Ok(())
}

/// Returns those of `paths` that have uncommitted changes; `None` outside a repository.
fn uncommitted(paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let mut dirty = Vec::new();
    for path in paths {
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let answer = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["status", "--porcelain", "--ignored=no", "--"])
            .arg(path.file_name()?)
            .output()
            .ok()?;
        if !answer.status.success() {
            return None;
        }
        // An untracked file has no committed state to go back to, but nothing of it is at risk
        // that was not there before; only tracked files with changes count.
        let text = String::from_utf8_lossy(&answer.stdout);
        if text.lines().any(|line| !line.starts_with("??")) {
            dirty.push(path.clone());
        }
    }
    Some(dirty)
}
