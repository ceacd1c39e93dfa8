//! The root crate does no IO: its sources name nothing that could.

use std::path::{Path, PathBuf};

use lsconfig_xtask::root;

/// What the sources of the root crate never name, with the reason.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::fs", "files come in as text"),
    ("std::env", "the environment comes in as a layer"),
    ("std::process", "the root crate starts and ends nothing"),
    ("std::io", "the root crate reads and writes nothing"),
    ("std::thread", "the root crate has no threads"),
    ("std::time", "time comes in as a fact"),
    ("std::os", "the root crate knows no operating system"),
    ("net::Tcp", "the root crate has no sockets"),
    ("net::Udp", "the root crate has no sockets"),
    ("ToSocketAddrs", "the root crate resolves no names"),
    ("println!", "only the CLI prints"),
    ("print!", "only the CLI prints"),
    ("dbg!", "only the CLI prints"),
    ("static mut", "no global state"),
    ("thread_local!", "no global state"),
    ("OnceLock", "no global state"),
    ("LazyLock", "no global state"),
    ("OnceCell", "no global state"),
    ("Mutex", "no global state"),
    ("RwLock", "no global state"),
    ("Atomic", "no global state"),
    ("HashMap", "output must not depend on a hash"),
    ("HashSet", "output must not depend on a hash"),
    ("unsafe", "forbidden in the workspace"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Drops comments, documentation and what follows `#[cfg(test)]`.
fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = product
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_root_crate_names_nothing_impure() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    assert!(files.len() > 10);
    for file in files {
        let code = code(&std::fs::read_to_string(&file).unwrap());
        for (name, reason) in FORBIDDEN {
            assert!(
                !code.contains(name),
                "{}: `{name}`: {reason}",
                file.display()
            );
        }
    }
}

#[test]
fn files_stay_readable_in_one_sitting() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("crates"), &mut files);
    for file in files {
        // The table of variables grows by a row for each variable.
        if file.ends_with("variable/table.rs") {
            continue;
        }
        let lines = code(&std::fs::read_to_string(&file).unwrap())
            .lines()
            .count();
        assert!(lines <= 600, "{} has {lines} lines of code", file.display());
    }
}
