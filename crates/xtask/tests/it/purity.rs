//! The root crate does no IO: its sources name nothing that could.

use lsconfig_xtask::{root, sources};

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
    let files: Vec<_> = sources()
        .into_iter()
        .filter(|path| path.starts_with(root().join("src")))
        .collect();
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
    for file in sources() {
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
