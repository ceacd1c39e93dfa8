//! Hands the commit to `--version`, where the source is a git checkout.

use std::process::Command;

fn main() {
    for name in ["HEAD", "refs", "packed-refs"] {
        let path = Command::new("git")
            .args(["rev-parse", "--git-path", name])
            .output();
        if let Some(path) = path
            .ok()
            .and_then(|output| String::from_utf8(output.stdout).ok())
        {
            println!("cargo::rerun-if-changed={}", path.trim());
        }
    }
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output();
    let commit = output.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = env!("CARGO_PKG_VERSION");
    match commit.as_deref().map(str::trim) {
        Some(commit) if !commit.is_empty() => {
            println!("cargo::rustc-env=LSCONFIG_VERSION={version} ({commit})");
        }
        _ => println!("cargo::rustc-env=LSCONFIG_VERSION={version}"),
    }
}
