//! Relative links in Markdown files lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lsconfig_xtask::root;

/// Lists the Markdown files of the repository, without build results and dependencies.
fn pages() -> Vec<PathBuf> {
    let mut folders = vec![root()];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                let skipped = ["target", "node_modules"];
                if !name.starts_with('.') && !skipped.contains(&&*name) && !path.is_symlink() {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// Finds the targets of `[text](target)` outside code.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        // Text between backticks is code; every second piece is outside.
        let prose: String = line.split('`').step_by(2).collect();
        for piece in prose.split("](").skip(1) {
            if let Some((target, _)) = piece.split_once(')') {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

/// The anchors of a page: its headings in lower case, with hyphens for spaces.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(page).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn relative_links_lead_somewhere() {
    let mut dead = Vec::new();
    let mut checked = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() {
                page.clone()
            } else {
                page.with_file_name("").join(file)
            };
            let exists = file.exists() && (anchor.is_empty() || anchors(&file).contains(anchor));
            if !exists {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(checked > 0);
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn links_are_found() {
    let text = "see [a](b.md#c) and `[x](y)`, [d](e)\n```\n[f](g)\n```\n";
    assert_eq!(targets(text), ["b.md#c", "e"]);
}

/// The index of the documentation leads to every page.
#[test]
fn the_index_links_every_page() {
    let docs = root().join("docs");
    let index = std::fs::read_to_string(docs.join("README.md")).unwrap();
    let linked: BTreeSet<PathBuf> = targets(&index).iter().map(|t| docs.join(t)).collect();
    for page in pages() {
        let listed = page.starts_with(&docs) && page != docs.join("README.md");
        assert!(!listed || linked.contains(&page), "{}", page.display());
    }
}
