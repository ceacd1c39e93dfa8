//! Writing: all files or none, and each file old or new at every instant.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The file; a symbolic link stays one.
    pub path: PathBuf,
    /// The bytes that it must still have.
    pub before: Vec<u8>,
    /// The bytes that it gets.
    pub after: Vec<u8>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file changed after it was read.
    #[error("{} changed while it was being read; nothing was written", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}; nothing was changed", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system refused, and putting back what was already written failed too.
    #[error("cannot write {}; {} files were already changed", path.display(), changed.len())]
    Partial {
        /// The file that failed.
        path: PathBuf,
        /// The files that hold new bytes.
        changed: Vec<PathBuf>,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Replaces the files.
///
/// Every new text is on disk beside its file before the first file is replaced. When a replacement
/// fails, the ones before it are put back.
///
/// # Errors
///
/// [`WriteError`]; except for [`WriteError::Partial`] every file is as it was.
pub fn write(replacements: &[Replacement]) -> Result<(), WriteError> {
    let fail = |path: &Path| {
        let path = path.to_path_buf();
        move |source| WriteError::Io { path, source }
    };
    let mut ready = Vec::new();
    for replacement in replacements {
        let path = &replacement.path;
        let target = std::fs::canonicalize(path).map_err(fail(path))?;
        if std::fs::read(&target).map_err(fail(path))? != replacement.before {
            return Err(WriteError::Changed { path: path.clone() });
        }
        let file = prepare(&target, &replacement.after).map_err(fail(path))?;
        ready.push((target, file, replacement));
    }
    let mut done: Vec<(PathBuf, &Replacement)> = Vec::new();
    for (target, file, replacement) in ready {
        if let Err(error) = file.persist(&target) {
            let path = replacement.path.clone();
            let lost = put_back(&done);
            return Err(if lost.is_empty() {
                WriteError::Io {
                    path,
                    source: error.error,
                }
            } else {
                WriteError::Partial {
                    path,
                    changed: lost,
                    source: error.error,
                }
            });
        }
        done.push((target, replacement));
    }
    Ok(())
}

/// Writes a text beside its file, with the mode and owner of the file.
fn prepare(target: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let meta = std::fs::metadata(target)?;
    if meta.permissions().readonly() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file is read-only",
        ));
    }
    let mut file = tempfile::Builder::new()
        .prefix(".lsconfig-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(meta.permissions())?;
    keep_owner(file.path(), &meta)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(unix)]
fn keep_owner(path: &Path, meta: &std::fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let own = std::fs::metadata(path)?;
    if (own.uid(), own.gid()) == (meta.uid(), meta.gid()) {
        return Ok(());
    }
    chown(path, Some(meta.uid()), Some(meta.gid()))?;
    // A change of owner may clear bits of the mode.
    std::fs::set_permissions(path, meta.permissions())
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &std::fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Puts old bytes back; returns the files for which that failed.
fn put_back(done: &[(PathBuf, &Replacement)]) -> Vec<PathBuf> {
    let mut lost = Vec::new();
    for (target, replacement) in done {
        let restored = prepare(target, &replacement.before)
            .and_then(|file| file.persist(target).map_err(|e| e.error));
        if restored.is_err() {
            lost.push(replacement.path.clone());
        }
    }
    lost
}
