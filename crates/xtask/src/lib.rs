//! Maintenance tasks of the workspace: the generated reference pages.
//!
//! Every page is a function from the tables to Markdown. [`PAGES`] lists them; a test of this crate
//! fails when a page on disk differs, and `cargo xtask docs` writes them anew.

mod diagnostics;
mod releases;
mod urls;
mod variables;

use std::path::PathBuf;

/// A page that is derived from a table.
pub struct Page {
    /// Where it stands, from the root of the repository.
    pub path: &'static str,
    /// Gives its text.
    pub render: fn() -> String,
}

/// Every generated page.
pub static PAGES: &[Page] = &[
    Page {
        path: "docs/diagnostics.md",
        render: diagnostics::render,
    },
    Page {
        path: "docs/reference/releases.md",
        render: releases::render,
    },
    Page {
        path: "docs/reference/urls.md",
        render: urls::render,
    },
    Page {
        path: "docs/reference/variables.md",
        render: variables::render,
    },
];

/// The line under the title of a generated page.
const GENERATED: &str =
    "<!-- Written by `cargo xtask docs` from the tables of the crate; edits here are lost. -->";

/// Returns the root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root.pop();
    root
}

/// Lists the Rust sources of the root crate and of the crates below `crates/`, tests left out.
#[must_use]
pub fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root().join("src"), root().join("crates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "tests" && name != "target" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Writes every page whose text differs from the one on disk, and returns their paths.
///
/// # Errors
///
/// The first file that cannot be written.
pub fn write_pages() -> std::io::Result<Vec<&'static str>> {
    let mut written = Vec::new();
    for page in PAGES {
        let path = root().join(page.path);
        let text = (page.render)();
        if std::fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text)?;
        written.push(page.path);
    }
    Ok(written)
}

/// Makes a text fit into a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
