//! Which reader a file gets.

pub(crate) mod commands;
pub(crate) mod containers;
mod dockerfile;
mod dotenv;
mod jenkins;
mod markdown;
pub(crate) mod shell;
mod source;

use std::path::Path;

use crate::scope::{Document, Scope};
use containers::Rules;
use lsconfig_formats::tree;
use shell::Dialect;
use tree::Syntax;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Compose, workflows, pipelines, manifests, Helm values, Taskfiles.
    Yaml,
    /// `.env` files.
    Dotenv,
    /// POSIX shells.
    Shell,
    /// PowerShell scripts.
    PowerShell,
    /// Makefiles.
    Make,
    /// Dockerfiles.
    Dockerfile,
    /// JSON with or without comments: containers of development, task definitions.
    Json,
    /// HCL: the provider for Docker, Nomad.
    Hcl,
    /// Nix.
    Nix,
    /// TOML: tasks and test settings.
    Toml,
    /// Pipelines of Jenkins: the commands in their texts.
    Jenkins,
    /// Markdown: its fenced blocks.
    Markdown,
    /// Program code and formats without a reader of their own: remarks only, never edits.
    Source,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 13] = [
        Self::Yaml,
        Self::Dotenv,
        Self::Shell,
        Self::PowerShell,
        Self::Make,
        Self::Dockerfile,
        Self::Json,
        Self::Hcl,
        Self::Nix,
        Self::Toml,
        Self::Jenkins,
        Self::Markdown,
        Self::Source,
    ];

    /// Returns the name of the format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Dotenv => ".env",
            Self::Shell => "shell",
            Self::PowerShell => "PowerShell",
            Self::Make => "Makefile",
            Self::Dockerfile => "Dockerfile",
            Self::Json => "JSON",
            Self::Hcl => "HCL",
            Self::Nix => "Nix",
            Self::Toml => "TOML",
            Self::Jenkins => "a pipeline of Jenkins",
            Self::Markdown => "Markdown",
            Self::Source => "source code",
        }
    }

    /// Returns the format of a file, by its name and, for scripts without one, its first line.
    #[must_use]
    pub fn of(path: &Path, first_line: &str) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
        if name == ".env" || name.starts_with(".env.") || extension == "env" {
            return Some(Self::Dotenv);
        }
        if name == "makefile" || name == "gnumakefile" || extension == "mk" {
            return Some(Self::Make);
        }
        if name == "dockerfile"
            || name == "containerfile"
            || name.starts_with("dockerfile.")
            || extension == "dockerfile"
        {
            return Some(Self::Dockerfile);
        }
        if name == "jenkinsfile" || name.starts_with("jenkinsfile.") || extension == "jenkinsfile" {
            return Some(Self::Jenkins);
        }
        Some(match extension {
            "yml" | "yaml" => Self::Yaml,
            "json" | "jsonc" => Self::Json,
            "tf" | "hcl" | "nomad" => Self::Hcl,
            "nix" => Self::Nix,
            "toml" => Self::Toml,
            "sh" | "bash" | "zsh" | "ksh" => Self::Shell,
            "ps1" => Self::PowerShell,
            "md" | "markdown" | "mdx" => Self::Markdown,
            "java" | "kt" | "kts" | "go" | "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "py"
            | "cs" | "rb" | "rs" | "groovy" | "scala" => Self::Source,
            _ if first_line.starts_with("#!") && (first_line.contains("sh")) => Self::Shell,
            _ => return None,
        })
    }

    /// Reads a text.
    #[must_use]
    pub fn read(self, path: &Path, text: &str) -> Document {
        let mut document = Document::default();
        match self {
            Self::Yaml => yaml(text, &mut document),
            Self::Dotenv => dotenv::read(text, 0..text.len(), &mut document),
            Self::Shell => shell(path, text, Dialect::Posix, &mut document),
            Self::PowerShell => shell(path, text, Dialect::PowerShell, &mut document),
            Self::Make => shell(path, text, Dialect::Make, &mut document),
            Self::Dockerfile => dockerfile::read(text, 0..text.len(), &mut document),
            Self::Json => brace(text, Syntax::Json, Rules::JSON, &mut document),
            Self::Hcl => brace(text, Syntax::Hcl, Rules::HCL, &mut document),
            Self::Nix => brace(text, Syntax::Nix, Rules::NIX, &mut document),
            Self::Toml => match tree::parse_toml(text) {
                Ok(root) => read_tree(text, &root, Rules::TOML, &mut document),
                Err(error) => document.broken = Some(error),
            },
            Self::Jenkins => jenkins::read(text, &mut document),
            Self::Markdown => markdown::read(text, &mut document),
            Self::Source => source::read(text, &mut document),
        }
        document
    }
}

fn shell(path: &Path, text: &str, dialect: Dialect, document: &mut Document) {
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let folder = path.to_string_lossy();
    let hook = [
        "ready.d/",
        "boot.d/",
        "start.d/",
        "shutdown.d/",
        "docker-entrypoint-initaws.d/",
    ]
    .iter()
    .any(|part| folder.contains(part));
    if hook {
        source::init_hook(text, document);
        return;
    }
    commands::read(text, start..text.len(), dialect, document);
}

/// Reads a stream of YAML documents: containers, and scripts in scalars.
fn yaml(text: &str, document: &mut Document) {
    let roots = match tree::parse_yaml(text) {
        Ok(roots) => roots,
        Err(error) => {
            document.broken = Some(error);
            return;
        }
    };
    for root in &roots {
        read_tree(text, root, Rules::YAML, document);
    }
}

/// Reads the containers of a tree, and the commands in its texts.
fn read_tree(text: &str, root: &tree::Node, rules: Rules, document: &mut Document) {
    containers::read(text, root, rules, document);
    scripts(text, root, document, &mut 100_000);
}

/// Reads a tree in braces.
fn brace(text: &str, syntax: Syntax, rules: Rules, document: &mut Document) {
    match tree::parse_brace(text, syntax) {
        Ok(root) => read_tree(text, &root, rules, document),
        Err(error) => document.broken = Some(error),
    }
}

/// What a copy of the text counts in nodes.
const COPY: usize = 2_000;

/// Reads the scalars that hold commands.
fn scripts(text: &str, node: &tree::Node, document: &mut Document, budget: &mut usize) {
    let Some(left) = budget.checked_sub(1) else {
        return;
    };
    *budget = left;
    if let Some(scalar) = node.scalar() {
        let starts = ["docker ", "podman ", "localstack "]
            .iter()
            .any(|w| scalar.text.contains(w));
        if !starts {
            return;
        }
        let first = document.scopes.len();
        let raw = text.get(scalar.inner.clone()).unwrap_or_default();
        let escaped = scalar.quoted && !scalar.verbatim && raw.contains('\\');
        if escaped {
            // What the escapes of quotes and lines stand for, in as many bytes.
            let Some(left) = budget.checked_sub(COPY) else {
                return;
            };
            *budget = left;
            let mut copy = text.to_owned();
            copy.replace_range(scalar.inner.clone(), &unescaped(raw));
            commands::read(&copy, scalar.inner.clone(), Dialect::Posix, document);
        } else if !scalar.literal && raw.contains('\n') {
            // Lines of folded and quoted texts are joined by spaces. The copy is costly.
            let Some(left) = budget.checked_sub(COPY) else {
                return;
            };
            *budget = left;
            let folded = text.replace(['\n', '\r'], " ");
            commands::read(&folded, scalar.inner.clone(), Dialect::Posix, document);
        } else {
            commands::read(text, scalar.inner.clone(), Dialect::Posix, document);
        }
        let readable = scalar.literal || scalar.verbatim || !raw.contains(['\n', '\\']);
        if !readable || node.shared || (scalar.quoted && raw.contains(['"', '\''])) {
            seal(
                &mut document.scopes[first..],
                "the script stands in a text with escapes or folding",
            );
        }
        return;
    }
    for item in node.list() {
        scripts(text, item, document, budget);
    }
    for entry in node.entries() {
        scripts(text, &entry.value, document, budget);
    }
}

/// Puts what escapes stand for in their place, filled with spaces to the same length.
fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    let mut open = false;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (plain, len) = match rest.as_bytes().get(1) {
            Some(b'"') => {
                open = !open;
                (if open { " \"" } else { "\" " }, 2)
            }
            Some(b'n') => (" \n", 2),
            Some(b'\\') => (" \\", 2),
            _ => ("\\", 1),
        };
        out.push_str(plain);
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

fn seal(scopes: &mut [Scope], reason: &'static str) {
    for scope in scopes {
        scope.sealed = Some(reason);
    }
}
