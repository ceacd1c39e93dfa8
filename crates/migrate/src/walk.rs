//! Finding the files worth reading: ignore files respected, everything in parallel.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aho_corasick::AhoCorasick;
use ignore::{WalkBuilder, WalkState, overrides::OverrideBuilder};

use crate::file::{File, Options};
use crate::format::Format;
use crate::names;
use crate::project::Files;

/// The largest file that is read, in bytes. Hand-written files stay far below.
pub const MAX_FILE: u64 = 8 << 20;
/// Bytes in which a NUL makes a file binary.
const SNIFFED: usize = 8 << 10;

/// Folders that hold other people's files or none that are written by hand.
const SKIPPED_FOLDERS: [&str; 14] = [
    ".git",
    ".hg",
    ".svn",
    ".jj",
    "node_modules",
    "bower_components",
    ".venv",
    "venv",
    "site-packages",
    "__pycache__",
    ".terraform",
    "vendor",
    "third_party",
    ".tox",
];

/// Ends of names of files that are copies.
const BACKUPS: [&str; 5] = ["~", ".bak", ".orig", ".rej", ".swp"];

/// What a walk saw.
#[derive(Debug, Default)]
pub struct Walk {
    /// Files with findings, by path.
    pub files: Vec<File>,
    /// Files that were looked at.
    pub seen: usize,
    /// Files that were left out because of their size or because they are binary.
    pub skipped: usize,
    /// Files that could not be read.
    pub problems: Vec<Problem>,
}

/// A file or folder that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Files on disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let meta = std::fs::metadata(path).ok()?;
        (meta.is_file() && meta.len() <= MAX_FILE).then(|| std::fs::read(path).ok())?
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let shown = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let Ok(entries) = std::fs::read_dir(shown) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|t| t.is_file()))
            .map(|entry| folder.join(entry.file_name()))
            .take(4096)
            .collect();
        paths.sort();
        paths
    }
}

/// Reads every file under `roots` that may hold one of the names.
///
/// `exclude` holds patterns as in `.gitignore`. Roots that are files are read whatever ignore files
/// say.
///
/// # Errors
///
/// Returns the pattern that is none.
pub fn walk(
    roots: &[PathBuf],
    exclude: &[String],
    options: &Options,
) -> Result<Walk, ignore::Error> {
    let candidates = candidates();
    let mut result = Walk::default();
    let mut folders = Vec::new();
    for root in roots {
        match std::fs::metadata(root) {
            Ok(meta) if meta.is_dir() => folders.push(root),
            Ok(_) => {
                let read = read(root, true, &candidates, options);
                keep(&mut result, root, read);
            }
            Err(source) => result.problems.push(Problem {
                path: root.clone(),
                source,
            }),
        }
    }
    if let Some((first, rest)) = folders.split_first() {
        let mut builder = WalkBuilder::new(first);
        rest.iter().for_each(|root| {
            builder.add(root);
        });
        let mut overrides = OverrideBuilder::new(first);
        for pattern in exclude {
            overrides.add(&format!("!{pattern}"))?;
        }
        builder
            .hidden(false)
            .require_git(false)
            .overrides(overrides.build()?)
            .filter_entry(|entry| {
                let name = entry.file_name().to_string_lossy();
                let folder = entry.file_type().is_some_and(|t| t.is_dir());
                !(folder && entry.depth() > 0 && SKIPPED_FOLDERS.contains(&name.as_ref()))
            });
        let shared = Mutex::new(&mut result);
        builder.build_parallel().run(|| {
            Box::new(|entry| {
                visit(entry, &shared, &candidates, options);
                WalkState::Continue
            })
        });
    }
    result.files.sort_by(|a, b| a.path.cmp(&b.path));
    result.problems.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(result)
}

fn visit(
    entry: Result<ignore::DirEntry, ignore::Error>,
    shared: &Mutex<&mut Walk>,
    candidates: &AhoCorasick,
    options: &Options,
) {
    let mut path = PathBuf::new();
    let read = match entry {
        Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) => {
            entry.path().clone_into(&mut path);
            if let Ok(plain) = path.strip_prefix("./") {
                path = plain.to_path_buf();
            }
            read(&path, false, candidates, options)
        }
        Ok(_) => return,
        Err(error) => {
            let text = error.to_string();
            Read::Failed(
                error
                    .into_io_error()
                    .unwrap_or_else(|| io::Error::other(text)),
            )
        }
    };
    let mut walk = shared.lock().unwrap_or_else(PoisonError::into_inner);
    keep(&mut walk, &path, read);
}

enum Read {
    /// Nothing to say, or a format that is not read.
    Clean,
    Skipped,
    Failed(io::Error),
    Found(Box<File>),
}

fn keep(walk: &mut Walk, path: &Path, read: Read) {
    walk.seen += 1;
    match read {
        Read::Clean => {}
        Read::Skipped => walk.skipped += 1,
        Read::Failed(source) => walk.problems.push(Problem {
            path: path.to_path_buf(),
            source,
        }),
        Read::Found(file) => walk.files.push(*file),
    }
}

/// Returns a searcher for the names that make a file worth parsing.
fn candidates() -> AhoCorasick {
    AhoCorasick::new(names::CANDIDATES).expect("a few short patterns")
}

fn read(path: &Path, named: bool, candidates: &AhoCorasick, options: &Options) -> Read {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy())
        .unwrap_or_default();
    let backup = BACKUPS.iter().any(|end| name.ends_with(end)) || name.contains(".bak.");
    let script = !name.contains('.');
    if !named && (backup || (Format::of(path, "").is_none() && !script)) {
        return Read::Clean;
    }
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_FILE => return Read::Skipped,
        Ok(_) => {}
        Err(error) => return Read::Failed(error),
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Read::Failed(error),
    };
    if !candidates.is_match(&bytes) {
        return Read::Clean;
    }
    if bytes.iter().take(SNIFFED).any(|b| *b == 0) {
        return Read::Skipped;
    }
    match File::analyse(path, bytes, &Disk, options) {
        Some(file) if !file.findings.is_empty() || file.silenced > 0 => Read::Found(Box::new(file)),
        _ => Read::Clean,
    }
}
