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

/// Saves the original and writes the new text. When an earlier run did not restore, its saved
/// original is what counts.
///
/// # Errors
/// When a file cannot be read or written. The original is still in place then, or saved.
pub fn apply(path: &Path, server: IpAddr) -> io::Result<()> {
    let saved = saved_path(path);
    let original = match fs::read_to_string(&saved) {
        Ok(original) => original,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let original = fs::read_to_string(path)?;
            // Complete under another name first: a copy cut short must not pass for the original.
            let mut name = saved.file_name().unwrap_or_default().to_owned();
            name.push(".part");
            let part = saved.with_file_name(name);
            write_through(&part, &original)?;
            fs::rename(&part, &saved)?;
            original
        }
        Err(error) => return Err(error),
    };
    write_through(path, &rewritten(&original, server))
}

/// Writes the saved original back and removes the copy. Returns false when nothing was saved.
///
/// # Errors
/// When a file cannot be read or written. The saved original stays then.
pub fn restore(path: &Path) -> io::Result<bool> {
    let saved = saved_path(path);
    let original = match fs::read_to_string(&saved) {
        Ok(original) => original,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    write_through(path, &original)?;
    fs::remove_file(&saved)?;
    Ok(true)
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
}
