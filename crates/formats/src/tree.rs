//! One shape for every format that is a tree: YAML, JSON, HCL, Nix, TOML.
//!
//! A tree finds places. Nothing is printed back from it.

mod brace;
mod toml;

use std::ops::Range;

use lsconfig::source::yaml::{self, Style};

pub use brace::{Syntax, parse as parse_brace};
pub use toml::parse as parse_toml;

/// A node with the bytes it was written with.
#[derive(Debug, Clone)]
pub struct Node {
    /// Those bytes.
    pub span: Range<usize>,
    /// Reached through an alias, or anchored: other places see the same bytes.
    pub shared: bool,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A text.
    Scalar(Scalar),
    /// Items, and whether they stand in brackets.
    List(Vec<Node>, bool),
    /// Entries, those with equal keys too, and whether they stand in braces.
    Map(Vec<Entry>, bool),
    /// An expression, or nothing.
    Other,
}

/// A text.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// What it says, after unquoting.
    pub text: String,
    /// The bytes between the quotes.
    pub inner: Range<usize>,
    /// Whether it stands in quotes.
    pub quoted: bool,
    /// The bytes are the text: no escapes, no folding.
    pub verbatim: bool,
    /// A block of lines that a shell can read as they stand.
    pub literal: bool,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: Scalar,
    /// The value.
    pub value: Node,
    /// From the key to the end of the value, terminator included.
    pub span: Range<usize>,
}

impl Node {
    /// Returns the scalar, where it is one.
    #[must_use]
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the text, where it is a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|s| s.text.as_str())
    }

    /// Returns the items of a list; none of anything else.
    #[must_use]
    pub fn list(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items, _) => items,
            _ => &[],
        }
    }

    /// Returns the entries of a mapping; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries, _) => entries,
            _ => &[],
        }
    }

    /// Returns whether it is a list or mapping in brackets or braces.
    #[must_use]
    pub fn is_flow(&self) -> bool {
        matches!(&self.kind, Kind::List(_, true) | Kind::Map(_, true))
    }

    /// Returns the last entry of that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rfind(|e| e.key.text == key)
    }

    /// Returns the text at the end of a chain of keys, whichever of equal keys leads there.
    #[must_use]
    pub fn text_at(&self, keys: &[&str]) -> Option<&str> {
        let Some((first, rest)) = keys.split_first() else {
            return self.text();
        };
        let mut entries = self.entries().iter().filter(|e| e.key.text == *first);
        entries.find_map(|entry| entry.value.text_at(rest))
    }

    /// Returns the text of an entry.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.value.text()
    }

    /// Returns the texts of a scalar or a list of scalars.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let own = self.text().into_iter();
        own.chain(self.list().iter().filter_map(Node::text))
            .map(str::to_owned)
            .collect()
    }
}

/// Reads every document of a YAML text.
///
/// # Errors
/// When it is no YAML, or aliases make it too large; the message names the line.
pub fn parse_yaml(text: &str) -> Result<Vec<Node>, String> {
    let tree = yaml::Tree::parse(text).map_err(|error| error.to_string())?;
    let mut budget = MAX_CONVERTED;
    tree.documents()
        .map(|node| convert(text, node, false, &mut budget).ok_or_else(|| TOO_LARGE.to_owned()))
        .collect()
}

/// Nodes that are converted at most, aliases followed.
const MAX_CONVERTED: usize = 400_000;
const TOO_LARGE: &str = "aliases expand to too many nodes";

fn convert(text: &str, node: yaml::Node<'_>, shared: bool, budget: &mut usize) -> Option<Node> {
    *budget = budget.checked_sub(1)?;
    let shared = shared || node.is_alias() || node.anchor().is_some();
    let target = node.target();
    let shared = shared || target.anchor().is_some();
    let span = if node.is_alias() {
        node.span()
    } else {
        target.span()
    };
    let kind = if let Some((value, style)) = target.scalar() {
        Kind::Scalar(scalar(text, target, value, style))
    } else if target.is_sequence() {
        let items = target
            .items()
            .map(|item| convert(text, item.value, shared, budget))
            .collect::<Option<_>>()?;
        Kind::List(items, target.is_flow())
    } else if target.is_mapping() {
        let mut entries = Vec::new();
        for entry in target.entries() {
            let Some((key, style)) = entry.key.scalar() else {
                continue;
            };
            // A merge brings entries that stand elsewhere.
            let merge = key == "<<" && style == Style::Plain;
            let value = convert(text, entry.value, shared || merge, budget)?;
            if merge {
                merge_into(&mut entries, &value);
                continue;
            }
            entries.push(Entry {
                key: scalar(text, entry.key.target(), key, style),
                span: entry.span,
                value,
            });
        }
        Kind::Map(entries, target.is_flow())
    } else {
        Kind::Other
    };
    Some(Node { span, shared, kind })
}

/// Puts merged entries in front: own keys come later and win.
fn merge_into(entries: &mut Vec<Entry>, value: &Node) {
    let mut merged: Vec<Entry> = Vec::new();
    for list in value.list().iter().rev() {
        merged.extend(list.entries().iter().cloned());
    }
    merged.extend(value.entries().iter().cloned());
    for entry in &mut merged {
        entry.value.shared = true;
    }
    merged.append(entries);
    *entries = merged;
}

fn scalar(text: &str, node: yaml::Node<'_>, value: &str, style: Style) -> Scalar {
    let span = node.span();
    let quoted = matches!(style, Style::Single | Style::Double);
    let literal = style == Style::Literal;
    let inner = if quoted && span.len() >= 2 {
        span.start + 1..span.end - 1
    } else if literal {
        let header = text.get(span.clone()).and_then(|s| s.find('\n'));
        span.start + header.map_or(span.len(), |n| n + 1)..span.end
    } else {
        span
    };
    let verbatim = text.get(inner.clone()) == Some(value);
    Scalar {
        text: value.to_owned(),
        inner,
        quoted,
        verbatim,
        literal,
    }
}
