//! One shape for every format that is a tree: YAML, JSON, HCL, Nix.
//!
//! A tree finds places. Nothing is printed back from it.

mod brace;
mod toml;

use std::ops::Range;

use lsconfig::source::yaml::{self, Style};

pub(crate) use brace::{Syntax, parse as parse_brace};
pub(crate) use toml::parse as parse_toml;

/// A node with the bytes it was written with.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    /// Reached through an alias, or anchored: other places see the same bytes.
    pub(crate) shared: bool,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Scalar(Scalar),
    /// Items, and whether they stand in brackets.
    List(Vec<Node>, bool),
    Map(Vec<Entry>, bool),
    /// An expression, or nothing.
    Other,
}

#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// The bytes between the quotes.
    pub(crate) inner: Range<usize>,
    pub(crate) quoted: bool,
    /// The bytes are the text: no escapes, no folding.
    pub(crate) verbatim: bool,
    /// A block of lines that a shell can read as they stand.
    pub(crate) literal: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Scalar,
    pub(crate) value: Node,
    /// From the key to the end of the value, terminator included.
    pub(crate) span: Range<usize>,
}

impl Node {
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        self.scalar().map(|s| s.text.as_str())
    }

    pub(crate) fn list(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items, _) => items,
            _ => &[],
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries, _) => entries,
            _ => &[],
        }
    }

    pub(crate) fn is_flow(&self) -> bool {
        matches!(&self.kind, Kind::List(_, true) | Kind::Map(_, true))
    }

    /// Returns the last entry of that key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rfind(|e| e.key.text == key)
    }

    /// Returns the text at the end of a chain of keys, whichever of equal keys leads there.
    pub(crate) fn text_at(&self, keys: &[&str]) -> Option<&str> {
        let Some((first, rest)) = keys.split_first() else {
            return self.text();
        };
        let mut entries = self.entries().iter().filter(|e| e.key.text == *first);
        entries.find_map(|entry| entry.value.text_at(rest))
    }

    /// Returns the text of an entry.
    pub(crate) fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.value.text()
    }

    /// Returns the texts of a scalar or a list of scalars.
    pub(crate) fn texts(&self) -> Vec<String> {
        let own = self.text().into_iter();
        own.chain(self.list().iter().filter_map(Node::text))
            .map(str::to_owned)
            .collect()
    }
}

/// Reads every document of a YAML text.
pub(crate) fn parse_yaml(text: &str) -> Result<Vec<Node>, String> {
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
