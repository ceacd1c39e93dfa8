//! Finding the files worth reading: ignore files respected, everything in parallel.

mod places;

use std::fs::File as Handle;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aho_corasick::{AhoCorasick, packed};
use ignore::{WalkBuilder, WalkState, overrides::OverrideBuilder};

use crate::file::{File, Options};
use crate::format::Format;
use crate::names;
use crate::project::{Files, settle};
use places::Urls;

/// The largest file that is read, in bytes. Hand-written files stay far below.
pub const MAX_FILE: u64 = 8 << 20;
/// Bytes that are read at once; nearly every file written by hand fits.
const BUFFER: usize = 64 << 10;
/// Bytes in which a NUL makes a file binary.
const SNIFFED: usize = 8 << 10;

/// Folders of version control.
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".jj"];

/// Folders that hold other people's files or none that are written by hand.
const VENDORED: [&str; 10] = [
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
    /// Folders of other people's files, which were not entered.
    pub vendored: usize,
    /// Files whose names say that they are copies.
    pub copies: usize,
    /// Settings of other software that have the same names.
    pub foreign: usize,
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

/// What to read, and whom to tell about it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Files and folders. Files are read whatever ignore files say.
    pub roots: &'a [PathBuf],
    /// Patterns as in `.gitignore` of what is not read.
    pub exclude: &'a [String],
    /// What is asked for.
    pub options: &'a Options,
    /// Called now and then with the number of files seen, from any thread.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

/// Reads every file that may hold one of the names.
///
/// # Errors
///
/// Returns the pattern that is none.
pub fn walk(request: Request<'_>) -> Result<Walk, ignore::Error> {
    let mut result = Walk::default();
    let mut folders = Vec::new();
    let mut buffer = Vec::new();
    let reader = Reader {
        needles: Needles::new(),
        urls: Urls::default(),
        options: request.options,
    };
    for root in request.roots {
        match std::fs::metadata(root) {
            Ok(meta) if meta.is_dir() => folders.push(root.clone()),
            Ok(_) => {
                result.seen += 1;
                let read = reader.read(root, true, &mut buffer);
                keep(&mut result, root, read);
            }
            Err(source) => result.problems.push(Problem {
                path: root.clone(),
                source,
            }),
        }
    }
    if !folders.is_empty() {
        let seen = AtomicUsize::new(0);
        let shared = Mutex::new(&mut result);
        let visit = |path: &Path, buffer: &mut Vec<u8>| {
            let count = seen.fetch_add(1, Ordering::Relaxed) + 1;
            if count.is_multiple_of(REPORTED) {
                (request.progress)(count);
            }
            let read = reader.read(path, false, buffer);
            if !matches!(read, Read::Clean) {
                keep(&mut lock(&shared), path, read);
            }
        };
        let failed = |error| keep(&mut lock(&shared), Path::new(""), Read::Failed(error));
        let vendored = each_file(&folders, request.exclude, &visit, &failed)?;
        result.seen += seen.into_inner();
        result.vendored += vendored;
    }
    result.files.sort_by(|a, b| a.path.cmp(&b.path));
    // A file may be named and stand in a folder that is named too.
    result.files.dedup_by(|b, a| a.path == b.path);
    result.problems.sort_by(|a, b| a.path.cmp(&b.path));
    settle(&mut result.files);
    reader.urls.add_to(&mut result.files);
    Ok(result)
}

/// Files between two calls of [`Request::progress`].
const REPORTED: usize = 1000;

fn lock<'l, T>(mutex: &'l Mutex<T>) -> std::sync::MutexGuard<'l, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `visit` with every file of some folders that is worth a look, with a buffer to read into.
///
/// Returns how many vendored folders were not entered.
fn each_file(
    folders: &[PathBuf],
    exclude: &[String],
    visit: &(dyn Fn(&Path, &mut Vec<u8>) + Sync),
    failed: &(dyn Fn(io::Error) + Sync),
) -> Result<usize, ignore::Error> {
    let Some((first, rest)) = folders.split_first() else {
        return Ok(0);
    };
    let vendored = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&vendored);
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
        .filter_entry(move |entry| {
            if entry.depth() == 0 || !entry.file_type().is_some_and(|t| t.is_dir()) {
                return true;
            }
            let name = entry.file_name().to_str().unwrap_or_default();
            let other = VENDORED.contains(&name);
            count.fetch_add(usize::from(other), Ordering::Relaxed);
            !other && !VERSION_CONTROL.contains(&name)
        });
    builder.build_parallel().run(|| {
        let mut buffer = Vec::new();
        Box::new(move |entry| {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) => {
                    let path = entry.path();
                    visit(path.strip_prefix("./").unwrap_or(path), &mut buffer);
                }
                Ok(_) => {}
                Err(error) => {
                    let text = error.to_string();
                    failed(
                        error
                            .into_io_error()
                            .unwrap_or_else(|| io::Error::other(text)),
                    );
                }
            }
            WalkState::Continue
        })
    });
    Ok(vendored.load(Ordering::Relaxed))
}

enum Read {
    /// Nothing to say, or a format that is not read.
    Clean,
    Skipped,
    Copy,
    Failed(io::Error),
    Found(Box<File>),
}

fn keep(walk: &mut Walk, path: &Path, read: Read) {
    match read {
        Read::Clean => {}
        Read::Skipped => walk.skipped += 1,
        Read::Copy => walk.copies += 1,
        Read::Failed(source) => walk.problems.push(Problem {
            path: path.to_path_buf(),
            source,
        }),
        Read::Found(file) => {
            walk.foreign += file.foreign;
            if !file.findings.is_empty() || file.silenced > 0 {
                walk.files.push(*file);
            }
        }
    }
}

/// Returns what is said of a file by its name alone: that it is a copy, or of no format that is read.
fn passed_over(path: &Path) -> Option<Read> {
    let name = path.file_name().map(|n| n.to_string_lossy());
    let name = name.unwrap_or_default();
    if BACKUPS.iter().any(|end| name.ends_with(end)) || name.contains(".bak.") {
        return Some(Read::Copy);
    }
    // A script may have no extension.
    (name.contains('.') && Format::of(path, "").is_none()).then_some(Read::Clean)
}

/// Reads a file into a buffer, with as few calls as it takes; `None` where it is too large.
fn fill<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> io::Result<Option<&'b [u8]>> {
    let mut handle = Handle::open(path)?;
    // What stands in the buffer is written over; clearing it first would cost more than reading.
    buffer.resize(BUFFER, 0);
    let mut len = 0;
    while len < BUFFER {
        match handle.read(&mut buffer[len..]) {
            // Less than asked for is the end of a file; a second call would only say so.
            Ok(n) if len == 0 && n > 0 && n < BUFFER => return Ok(buffer.get(..n)),
            Ok(0) => return Ok(buffer.get(..len)),
            Ok(n) => len += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    handle.take(MAX_FILE - len as u64 + 1).read_to_end(buffer)?;
    Ok((buffer.len() as u64 <= MAX_FILE).then_some(&buffer[..]))
}

/// Finds the names that make a file worth parsing.
struct Needles {
    /// The search by vector instructions, where the machine has them.
    packed: Option<packed::Searcher>,
    plain: AhoCorasick,
}

impl Needles {
    fn new() -> Self {
        Self {
            packed: packed::Searcher::new(names::CANDIDATES),
            plain: AhoCorasick::new(names::CANDIDATES).expect("a few short patterns"),
        }
    }

    fn are_in(&self, bytes: &[u8]) -> bool {
        match &self.packed {
            Some(packed) => packed.find(bytes).is_some(),
            None => self.plain.is_match(bytes),
        }
    }
}

/// What every file is read with.
struct Reader<'a> {
    needles: Needles,
    urls: Urls,
    options: &'a Options,
}

impl Reader<'_> {
    fn read(&self, path: &Path, named: bool, buffer: &mut Vec<u8>) -> Read {
        if let Some(read) = passed_over(path).filter(|_| !named) {
            return read;
        }
        let bytes = match fill(path, buffer) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Read::Skipped,
            Err(error) => return Read::Failed(error),
        };
        self.urls.read(path, bytes);
        if !self.needles.are_in(bytes) {
            return Read::Clean;
        }
        if bytes.iter().take(SNIFFED).any(|b| *b == 0) {
            return Read::Skipped;
        }
        match File::analyse(path, bytes.to_vec(), &Disk, self.options) {
            Some(file) => Read::Found(Box::new(file)),
            None => Read::Clean,
        }
    }
}
