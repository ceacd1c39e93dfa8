//! Texts with the place where they stand.

use crate::tree::{Node, Scalar};

/// A text and where its first character stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The text, after unquoting.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

/// A variable that a file sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, at its place.
    pub value: Placed,
}

/// The starts of the lines of a text, to tell places from bytes.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds the lines.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    /// Returns line and column of a byte.
    #[must_use]
    pub fn position(&self, at: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..at).unwrap_or_default();
        let column = before.trim_start_matches('\u{feff}').chars().count() + 1;
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (narrow(line), narrow(column))
    }

    pub(crate) fn scalar(&self, scalar: &Scalar) -> Placed {
        let (line, column) = self.position(scalar.inner.start);
        Placed {
            text: scalar.text.clone(),
            line,
            column,
        }
    }

    /// The text of a node, where it is one.
    pub(crate) fn text(&self, node: &Node) -> Option<Placed> {
        node.scalar().map(|scalar| self.scalar(scalar))
    }

    /// A text, or the texts of a list.
    pub(crate) fn texts(&self, node: &Node) -> Vec<Placed> {
        let own = self.text(node).into_iter();
        own.chain(node.list().iter().filter_map(|item| self.text(item)))
            .collect()
    }

    /// The variables of a mapping.
    pub(crate) fn variables(&self, node: Option<&Node>) -> Vec<Variable> {
        let entries = node.map(Node::entries).unwrap_or_default();
        let all = entries.iter().filter_map(|entry| {
            Some(Variable {
                name: entry.key.text.clone(),
                value: self.text(&entry.value)?,
            })
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let lines = Lines::new("\u{feff}a\nä€b\n");
        assert_eq!(lines.position(3), (1, 1));
        assert_eq!(lines.position(10), (2, 3));
        assert_eq!(lines.position(99), (3, 1));
    }
}
