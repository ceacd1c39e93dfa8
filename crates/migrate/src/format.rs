//! Which reader a file gets.

pub(crate) mod commands;
pub(crate) mod containers;
mod dockerfile;
mod dotenv;
mod escape;
mod jenkins;
mod markdown;
mod pip;
pub(crate) mod shell;
mod source;
mod variables;

use std::path::Path;

use crate::scope::{Document, Scope};
use containers::Rules;
use lsconfig_formats::tree;
use shell::Dialect;
use tree::Syntax;
use variables::Variables;

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
    let mut reader = Scripts {
        text,
        variables: Variables::of_tree(root),
        document,
        budget: 100_000,
    };
    reader.visit(root, Dialect::Posix);
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
struct Scripts<'a> {
    text: &'a str,
    variables: Variables,
    document: &'a mut Document,
    budget: usize,
}

impl Scripts<'_> {
    fn visit(&mut self, node: &tree::Node, dialect: Dialect) {
        if !self.pay(1) {
            return;
        }
        if let Some(scalar) = node.scalar() {
            if commands::STARTS.iter().any(|w| scalar.text.contains(w)) {
                self.script(scalar, node.shared, dialect);
            }
            return;
        }
        for item in node.list() {
            self.visit(item, dialect);
        }
        let shell = node.get_text("shell");
        for entry in node.entries() {
            let power = match entry.key.text.as_str() {
                "pwsh" | "powershell" => true,
                "run" => matches!(shell, Some("pwsh" | "powershell")),
                _ => false,
            };
            let dialect = if power { Dialect::PowerShell } else { dialect };
            self.visit(&entry.value, dialect);
        }
    }

    fn pay(&mut self, price: usize) -> bool {
        let left = self.budget.checked_sub(price);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }

    fn script(&mut self, scalar: &tree::Scalar, shared: bool, dialect: Dialect) {
        let first = self.document.scopes.len();
        let span = scalar.inner.clone();
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let plain = scalar.literal || scalar.verbatim;
        let escaped = scalar.quoted && !plain && raw.contains('\\');
        // What is no text as it stands is read in a copy of the same length, which is costly.
        if !plain && !self.pay(COPY) {
            return;
        }
        let (copy, dialect) = match (plain, escaped) {
            (true, _) => (None, dialect),
            (_, true) => {
                let mut copy = self.text.to_owned();
                copy.replace_range(span.clone(), &escape::plain(raw));
                (Some(copy), Dialect::Escaped)
            }
            _ => (Some(self.text.replace(['\n', '\r'], " ")), dialect),
        };
        let text = copy.as_deref().unwrap_or(self.text);
        commands::read_with(text, span, dialect, &self.variables, self.document);
        let simple = escaped && !raw.contains('\n') && escape::is_simple(raw);
        if !(plain || simple) || shared {
            seal(
                self.document.scopes.get_mut(first..).unwrap_or_default(),
                "the script stands in a text with escapes or folding",
            );
        }
    }
}

fn seal(scopes: &mut [Scope], reason: &'static str) {
    for scope in scopes {
        scope.sealed = Some(reason);
    }
}
