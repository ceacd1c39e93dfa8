//! Pointing a container's resolv.conf at us, and giving it back.
//!
//! The original is saved beside the file before anything changes, so a crash loses nothing: the next
//! start finds the saved copy and goes on from it. The file itself is written in place, because in a
//! container it is a mount that cannot be replaced.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// What stands above our line, so that people know who wrote it.
const REMARK: &str = "# written by lsconfig dns; the original is restored when it ends";

/// Returns what a resolv.conf becomes: an empty line, a remark, our server, and the old text without
/// lines that start with `nameserver`. Indented lines stay and there is no final line end, as in
/// LocalStack from 3.5 on (`localstack/dns/server.py`).
#[must_use]
pub fn rewritten(old: &str, server: IpAddr) -> String {
    let mut lines = vec![
        String::new(),
        REMARK.to_owned(),
        format!("nameserver {server}"),
    ];
    let kept = old.lines().filter(|line| !line.starts_with("nameserver"));
    lines.extend(kept.map(str::to_owned));
    lines.join("\n")
}

/// Returns where the original of `path` is saved.
#[must_use]
pub fn saved_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".before-lsconfig");
    path.with_file_name(name)
}

/// Returns whether `text` is what we wrote, or the part of it, or of the `original` that was being
/// restored, that a crash left. Anything else was written by somebody since, such as an engine that
/// started the container again.
fn is_of_ours(text: &str, original: &str) -> bool {
    text.contains(REMARK) || format!("\n{REMARK}").starts_with(text) || original.starts_with(text)
}

/// Saves the original and writes the new text. When an earlier run did not restore, its saved
/// original is what counts, unless the file was written anew since.
///
/// # Errors
/// When a file cannot be read or written. The original is still in place then, or saved.
pub fn apply(path: &Path, server: IpAddr) -> io::Result<()> {
    let saved = saved_path(path);
    let current = fs::read_to_string(path)?;
    let original = match read_saved(&saved)? {
        Some(original) if is_of_ours(&current, &original) => original,
        _ => {
            // Complete under another name first: a copy cut short must not pass for the original.
            let mut name = saved.file_name().unwrap_or_default().to_owned();
            name.push(".part");
            let part = saved.with_file_name(name);
            write_through(&part, &current)?;
            fs::rename(&part, &saved)?;
            current
        }
    };
    write_through(path, &rewritten(&original, server))
}

/// Writes the saved original back and removes the copy. Returns false when nothing was saved, or the
/// file was written by somebody else since: then it stays as it is.
///
/// # Errors
/// When a file cannot be read or written. The saved original stays then.
pub fn restore(path: &Path) -> io::Result<bool> {
    let saved = saved_path(path);
    let Some(original) = read_saved(&saved)? else {
        return Ok(false);
    };
    let ours = is_of_ours(&fs::read_to_string(path)?, &original);
    if ours {
        write_through(path, &original)?;
    }
    fs::remove_file(&saved)?;
    Ok(ours)
}

fn read_saved(saved: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(saved) {
        Ok(original) => Ok(Some(original)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_through(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str =
        "# Docker\nnameserver 127.0.0.11\nsearch a b\n nameserver 1.1.1.1\noptions ndots:0\n";

    #[test]
    fn our_server_replaces_the_others() {
        assert_eq!(
            rewritten(OLD, [127, 0, 0, 1].into()),
            format!(
                "\n{REMARK}\nnameserver 127.0.0.1\n# Docker\nsearch a b\n nameserver 1.1.1.1\noptions ndots:0"
            )
        );
    }

    #[test]
    fn the_original_comes_back_even_after_a_crash() {
        let path = std::env::temp_dir().join(format!("lsconfig-resolv-{}", std::process::id()));
        fs::write(&path, OLD).unwrap();
        apply(&path, [127, 0, 0, 1].into()).unwrap();
        // A crash here: the next start must not take the rewritten file for the original.
        apply(&path, [127, 0, 0, 2].into()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("nameserver 127.0.0.2") && !text.contains("127.0.0.1\n"),
            "{text}"
        );
        assert!(restore(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
        assert!(!restore(&path).unwrap());
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_others_wrote_since_is_kept() {
        let path = std::env::temp_dir().join(format!("lsconfig-resolv-new-{}", std::process::id()));
        fs::write(&path, OLD).unwrap();
        apply(&path, [127, 0, 0, 1].into()).unwrap();
        // A crash, and then the engine starts the container again with a file of its own.
        let new = "nameserver 10.0.0.53\n";
        fs::write(&path, new).unwrap();
        apply(&path, [127, 0, 0, 1].into()).unwrap();
        assert!(restore(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), new);
        // The same without another start in between.
        apply(&path, [127, 0, 0, 1].into()).unwrap();
        fs::write(&path, OLD).unwrap();
        assert!(!restore(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
        assert!(!saved_path(&path).exists());
        // A file that a crash cut short is ours.
        apply(&path, [127, 0, 0, 1].into()).unwrap();
        for cut in ["", "\n# written by", &OLD[..20]] {
            fs::write(&path, cut).unwrap();
            apply(&path, [127, 0, 0, 1].into()).unwrap();
        }
        assert!(restore(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
        fs::remove_file(&path).unwrap();
    }
}
