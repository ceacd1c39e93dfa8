//! Variables that a file assigns a plain text, and no other one elsewhere.

use std::collections::BTreeMap;
use std::ops::Range;

use super::commands::assignment;
use super::shell::{Dialect, Script};
use crate::scope::is_dynamic;
use lsconfig_formats::tree::Node;

/// Keys of mappings that set variables for the commands of a tree.
const KEYS: [&str; 4] = ["vars", "env", "environment", "variables"];

/// Names with the text that they are assigned, if it is always the same and plain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(BTreeMap<String, Option<String>>);

impl Variables {
    fn note(&mut self, name: &str, value: &str) {
        let plain = (!is_dynamic(value)).then(|| value.to_owned());
        self.0
            .entry(name.to_owned())
            .and_modify(|known| {
                if *known != plain {
                    *known = None;
                }
            })
            .or_insert(plain);
    }

    /// Collects what the mappings of a tree set: Taskfiles, workflows, pipelines.
    pub(crate) fn of_tree(root: &Node) -> Self {
        let mut variables = Self::default();
        variables.visit(root, &mut 100_000);
        variables
    }

    fn visit(&mut self, node: &Node, budget: &mut usize) {
        let Some(left) = budget.checked_sub(1) else {
            return;
        };
        *budget = left;
        for entry in node.entries() {
            if KEYS.contains(&entry.key.text.as_str()) {
                for inner in entry.value.entries() {
                    match inner.value.text() {
                        Some(value) => self.note(&inner.key.text, value),
                        // Computed by a command, for one.
                        None => self.note(&inner.key.text, "$"),
                    }
                }
            }
            self.visit(&entry.value, budget);
        }
        for item in node.list() {
            self.visit(item, budget);
        }
    }

    /// Adds what a script assigns.
    pub(crate) fn add_script(
        &mut self,
        text: &str,
        span: Range<usize>,
        script: &Script,
        dialect: Dialect,
    ) {
        if dialect == Dialect::Make {
            self.add_make(text.get(span).unwrap_or_default());
            return;
        }
        for command in &script.commands {
            let words = &command.words;
            if dialect == Dialect::PowerShell {
                if let [name, equals, value] = &words[..]
                    && equals.text == "="
                    && let Some(name) = name.text.strip_prefix('$')
                {
                    self.note(name, &value.text);
                }
                continue;
            }
            let exported = matches!(
                words.first().map(|w| w.text.as_str()),
                Some("export" | "readonly" | "local" | "declare")
            );
            for word in words.iter().skip(usize::from(exported)) {
                match assignment(word) {
                    Some((name, value)) => self.note(name, value),
                    None => break,
                }
            }
        }
    }

    fn add_make(&mut self, text: &str) {
        for line in text.lines() {
            if line.starts_with('\t') {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            let name = name.trim_end_matches([':', '?', '+']).trim();
            let name = name.strip_prefix("export ").unwrap_or(name).trim();
            self.note(name, value.split(" #").next().unwrap_or_default().trim());
        }
    }

    /// Replaces `$X`, `${X}`, `$(X)`, `{{.X}}` and `${{ env.X }}` by what the file assigns to `X`.
    pub(crate) fn substitute(&self, text: &str) -> String {
        let mut out = text.to_owned();
        if !text.contains(['$', '{']) {
            return out;
        }
        for (name, value) in &self.0 {
            let Some(value) = value else { continue };
            for form in [
                format!("${{{{ env.{name} }}}}"),
                format!("${{{name}}}"),
                format!("$({name})"),
                format!("{{{{.{name}}}}}"),
                format!("{{{{ .{name} }}}}"),
            ] {
                out = out.replace(&form, value);
            }
            let bare = format!("${name}");
            if let Some(at) = out.find(&bare) {
                let next = out.as_bytes().get(at + bare.len());
                if !next.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                    out.replace_range(at..at + bare.len(), value);
                }
            }
        }
        out
    }
}
