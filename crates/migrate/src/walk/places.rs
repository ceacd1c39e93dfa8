//! Lines of other files that name what a fix moves: listed with the finding, never edited.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use aho_corasick::AhoCorasick;

use super::{each_file, fill, is_passed_over, lock};
use crate::file::File;
use crate::finding::{Moves, Related};
use crate::format::Format;
use crate::text::{Text, find_word};

/// Places of one finding that are listed at most, its own file included.
const LISTED: usize = 8;
/// The account and queue that every client of a default setup has in its URLs.
const ACCOUNT: &str = "/000000000000/";

/// Adds the places of other files to the findings that move a port or a host.
///
/// The folder of the file and what lies below is searched, once for all findings.
pub(super) fn add(
    files: &mut [File],
    roots: &[PathBuf],
    exclude: &[String],
) -> Result<(), ignore::Error> {
    let moves: BTreeSet<Moves> = files
        .iter()
        .flat_map(|file| file.findings.iter().filter_map(|f| f.moves.clone()))
        .collect();
    if moves.is_empty() || roots.is_empty() {
        return Ok(());
    }
    let moves: Vec<Moves> = moves.into_iter().collect();
    let needles = moves.iter().map(|moved| match moved {
        Moves::Port(port) => port.as_str(),
        Moves::QueueUrls => ACCOUNT,
    });
    let Ok(searcher) = AhoCorasick::new(needles) else {
        return Ok(());
    };
    let found: Mutex<BTreeMap<(PathBuf, u32), BTreeSet<usize>>> = Mutex::default();
    let visit = |path: &Path, buffer: &mut Vec<u8>| {
        if is_passed_over(path) || !fill(path, buffer).unwrap_or(false) {
            return;
        }
        if !searcher.is_match(&buffer) || buffer.contains(&0) {
            return;
        }
        let text = Text::new(buffer.clone());
        for (at, line) in text.as_str().lines().enumerate() {
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            for (which, moved) in moves.iter().enumerate() {
                if names(line, moved, path) {
                    let key = (path.to_path_buf(), number);
                    lock(&found).entry(key).or_default().insert(which);
                }
            }
        }
    };
    each_file(roots, exclude, &visit, &|_| {})?;
    let found = lock(&found);
    for file in files {
        let own = file.path.clone();
        let folder = own.parent().unwrap_or(Path::new(""));
        for finding in &mut file.findings {
            let Some(moved) = &finding.moves else { continue };
            let Some(which) = moves.iter().position(|m| m == moved) else {
                continue;
            };
            let lines = found.iter().filter(|((path, _), all)| {
                // The lines of the file itself that name a port are listed already.
                let other = *path != *own || *moved == Moves::QueueUrls;
                all.contains(&which) && path.starts_with(folder) && other
            });
            let mut left = 0;
            for ((path, line), _) in lines {
                if finding.related.len() >= LISTED {
                    left += 1;
                    continue;
                }
                let message = match moved {
                    Moves::Port(port) => format!("names port {port}"),
                    Moves::QueueUrls => "holds the URL of a queue".to_owned(),
                };
                finding.related.push(Related {
                    path: Some(path.clone()).filter(|path| *path != *own),
                    line: *line,
                    message,
                });
            }
            if left > 0 {
                finding.help.push(format!("{left} more lines name it"));
            }
        }
    }
    Ok(())
}

/// Returns whether a line names what is moved: a port in an address or setting, or a whole URL.
fn names(line: &str, moved: &Moves, path: &Path) -> bool {
    let comment = line.trim_start();
    if comment.starts_with(['#', ';']) || comment.starts_with("//") {
        return false;
    }
    match moved {
        Moves::QueueUrls => line
            .find(ACCOUNT)
            .is_some_and(|at| line[..at].contains("://")),
        Moves::Port(port) => {
            let code = matches!(
                Format::of(path, ""),
                None | Some(Format::Source | Format::Markdown)
            );
            let Some(at) = find_word(line, port) else {
                return false;
            };
            let before = line.get(..at).unwrap_or_default();
            // In code and prose a number alone is no port.
            !code || before.ends_with(':') && line.contains("://")
        }
    }
}
