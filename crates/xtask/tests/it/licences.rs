//! Dependencies come from crates.io, under licences that `deny.toml` allows.

use std::collections::BTreeSet;

use lsconfig_xtask::root;
use serde_json::Value;

use crate::dependencies::metadata;

/// The licences of `deny.toml`.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("allow = "));
    serde_json::from_str(line.expect("the list stands on one line")).unwrap()
}

/// Returns whether an SPDX expression of `AND`, `OR`, `/` and parentheses is satisfied.
fn is_satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let satisfied = any_of(&words, &mut at, allowed);
    satisfied && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut satisfied = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        satisfied |= all_of(words, at, allowed);
    }
    satisfied
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut satisfied = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        satisfied &= one(words, at, allowed);
    }
    satisfied
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let satisfied = any_of(words, at, allowed);
        *at += 1;
        return satisfied;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    allowed.contains(word)
}

#[test]
fn dependencies_come_from_crates_io_under_known_licences() {
    let allowed = allowed();
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 20);
    for package in packages
        .iter()
        .filter(|package| !package["source"].is_null())
    {
        let name = &package["name"];
        let source = package["source"].as_str().unwrap();
        assert_eq!(
            source, "registry+https://github.com/rust-lang/crates.io-index",
            "{name}"
        );
        let Value::String(licence) = &package["license"] else {
            panic!("{name} states no licence");
        };
        assert!(is_satisfied(licence, &allowed), "{name} is under {licence}");
    }
}

#[test]
fn expressions_are_read() {
    let allowed = BTreeSet::from(["A".to_owned(), "B".to_owned()]);
    for (expression, satisfied) in [
        ("A", true),
        ("C", false),
        ("C OR A", true),
        ("A/C", true),
        ("A AND C", false),
        ("(A OR C) AND B", true),
        ("(C AND A) OR D", false),
        ("A WITH exception OR C", true),
        ("A )", false),
    ] {
        assert_eq!(
            is_satisfied(expression, &allowed),
            satisfied,
            "{expression}"
        );
    }
}
