//! Which files hold changes that no commit has.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns those of `paths` that have uncommitted changes; `None` outside a repository.
pub(crate) fn uncommitted(paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
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
