//! Crates depend on each other in one direction only.

use std::collections::BTreeMap;
use std::process::Command;

use lsconfig_xtask::root;
use serde_json::Value;

/// What each crate of the workspace may depend on, tests aside.
const MAY_USE: &[(&str, &[&str])] = &[
    ("lsconfig", &[]),
    ("lsconfig-testkit", &["lsconfig"]),
    ("lsconfig-dns", &["lsconfig"]),
    ("lsconfig-gateway", &["lsconfig"]),
    ("lsconfig-formats", &["lsconfig"]),
    ("lsconfig-migrate", &["lsconfig", "lsconfig-formats"]),
    ("lsconfig-doctor", &["lsconfig", "lsconfig-formats"]),
    (
        "lsconfig-cli",
        &[
            "lsconfig",
            "lsconfig-formats",
            "lsconfig-dns",
            "lsconfig-gateway",
            "lsconfig-migrate",
            "lsconfig-doctor",
        ],
    ),
    ("lsconfig-xtask", &["lsconfig"]),
];

/// What the root crate may pull in from outside, features included.
const ROOT_DEPENDENCIES: &[&str] = &[
    "figment",
    "ipnet",
    "saphyr-parser",
    "serde",
    "serde_json",
    "smallvec",
    "smol_str",
    "thiserror",
    "toml_edit",
];

/// What cargo knows about the workspace, from what is already on this machine.
pub(crate) fn metadata(arguments: &[&str]) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The dependencies of every crate of the workspace, tests aside.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap();
    let crates = packages.iter().map(|package| {
        let all = package["dependencies"].as_array().unwrap();
        let normal = all.iter().filter(|d| d["kind"] != "dev");
        (
            text(&package["name"]),
            normal.map(|d| text(&d["name"])).collect(),
        )
    });
    crates.collect()
}

#[test]
fn crates_depend_downwards_only() {
    let dependencies = dependencies();
    for (name, uses) in &dependencies {
        let row = MAY_USE.iter().find(|(known, _)| known == name);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{name} has no row here"));
        for used in uses.iter().filter(|used| dependencies.contains_key(*used)) {
            assert!(allowed.contains(&used.as_str()), "{name} depends on {used}");
        }
    }
}

#[test]
fn the_root_crate_stays_light() {
    for used in &dependencies()["lsconfig"] {
        assert!(ROOT_DEPENDENCIES.contains(&used.as_str()), "{used} is new");
    }
}
