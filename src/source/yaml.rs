//! YAML with exact positions.
//!
//! [`Tree::parse`] reads a stream of documents into nodes that know which bytes they were written
//! with. Nothing is interpreted: a scalar is its text and its style, duplicate keys stay, an alias
//! is a reference and never a copy. A parser for YAML 1.2 finds the structure; its positions count
//! characters and leave out quotes, headers of block scalars and indicators of entries, so the
//! module `build` finds those in the text.

mod build;
mod index;
mod input;
pub(crate) mod words;

use std::ops::Range;

pub use index::TextIndex;

/// The longest text that is read, in bytes. Hand-written files stay far below.
pub const MAX_BYTES: usize = 8 << 20;
/// The deepest nesting, aliases followed. Compose needs less than ten levels; whoever walks a tree
/// may recurse.
pub const MAX_DEPTH: usize = 64;
/// The largest number of nodes in one text; bounds memory to some tens of megabytes.
pub const MAX_NODES: usize = 200_000;
/// The largest number of nodes when every alias is followed. A few lines of aliases to aliases
/// reach billions ("billion laughs"); whoever walks a tree does no more steps than this.
pub const MAX_EXPANDED: u64 = 1_000_000;

/// The documents of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<Data>,
    documents: Vec<usize>,
    index: TextIndex,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Data {
    content: Content,
    span: Range<usize>,
    anchor: Option<Range<usize>>,
    tag: Option<Box<str>>,
    /// Start of anchor and tag, or of the node itself.
    start: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Scalar(Box<str>, Style),
    Sequence(Vec<RawItem>, bool),
    Mapping(Vec<RawEntry>, bool),
    Alias(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RawItem {
    value: usize,
    dash: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RawEntry {
    key: usize,
    value: usize,
    start: usize,
    colon: Option<usize>,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes. An empty plain scalar was left out: `key:`.
    Plain,
    /// In `'`.
    Single,
    /// In `"`.
    Double,
    /// A block after `|`.
    Literal,
    /// A block after `>`.
    Folded,
}

impl Tree {
    /// Reads all documents of `text`. A stream without document gives none.
    ///
    /// # Errors
    ///
    /// [`YamlError`] when the text is no YAML 1.2, an alias names its own container, or a limit of
    /// this module is exceeded.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        build::build(text)
    }

    /// Returns how many nodes all documents have.
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Iterates over the documents in their order.
    pub fn documents(&self) -> impl Iterator<Item = Node<'_>> {
        self.documents.iter().map(|&id| Node { tree: self, id })
    }

    /// Returns the line and column of a byte of the text, as [`TextIndex::position`] does.
    #[must_use]
    pub fn position(&self, offset: usize) -> (u32, u32) {
        self.index.position(offset)
    }
}

/// A node of a [`Tree`].
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    id: usize,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind<'t> {
    /// A text, after unquoting and folding.
    Scalar(&'t str, Style),
    /// A list.
    Sequence(Vec<Item<'t>>),
    /// Pairs of key and value, duplicates included.
    Mapping(Vec<Entry<'t>>),
    /// A reference; holds the node it refers to, which is no alias.
    Alias(Node<'t>),
}

/// One item of a sequence.
#[derive(Debug, Clone)]
pub struct Item<'t> {
    /// The item itself.
    pub value: Node<'t>,
    /// The byte of its `-`, in block sequences.
    pub dash: Option<usize>,
    /// Its bytes, from the `-` (block) or its anchor, tag or value (flow) to the end of the value.
    pub span: Range<usize>,
}

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub struct Entry<'t> {
    /// The key.
    pub key: Node<'t>,
    /// The value; an empty plain scalar where it is left out.
    pub value: Node<'t>,
    /// The byte of the `:`, where there is one.
    pub colon: Option<usize>,
    /// The bytes from the `?`, or the key's anchor, tag or text, to the end of the value.
    pub span: Range<usize>,
}

impl<'t> Node<'t> {
    fn data(self) -> &'t Data {
        &self.tree.nodes[self.id]
    }

    /// Returns the number of the node in its tree, aliases followed; lower than
    /// [`Tree::node_count`].
    pub(crate) fn number(self) -> usize {
        self.target().id
    }

    fn at(self, id: usize) -> Self {
        Self {
            tree: self.tree,
            id,
        }
    }

    /// Returns what the node is; an alias is not followed.
    #[must_use]
    pub fn kind(self) -> Kind<'t> {
        match &self.data().content {
            Content::Scalar(text, style) => Kind::Scalar(text, *style),
            Content::Sequence(..) => Kind::Sequence(self.items().collect()),
            Content::Mapping(..) => Kind::Mapping(self.entries().collect()),
            Content::Alias(target) => Kind::Alias(self.at(*target)),
        }
    }

    /// Returns the node that an alias refers to, and any other node itself.
    #[must_use]
    pub fn target(self) -> Self {
        match self.data().content {
            Content::Alias(target) => self.at(target),
            _ => self,
        }
    }

    /// Returns whether the node is an alias.
    #[must_use]
    pub fn is_alias(self) -> bool {
        matches!(self.data().content, Content::Alias(_))
    }

    /// Returns the text and style of a scalar, aliases followed.
    #[must_use]
    pub fn scalar(self) -> Option<(&'t str, Style)> {
        match &self.target().data().content {
            Content::Scalar(text, style) => Some((text, *style)),
            _ => None,
        }
    }

    /// Returns the text of a scalar, aliases followed.
    #[must_use]
    pub fn as_str(self) -> Option<&'t str> {
        self.scalar().map(|(text, _)| text)
    }

    /// Returns whether the node is null: left out, `~`, or `null` without quotes.
    #[must_use]
    pub fn is_null(self) -> bool {
        let tagged_text = self
            .tag()
            .is_some_and(|tag| tag == "tag:yaml.org,2002:str" || tag == "!");
        !tagged_text
            && matches!(
                self.scalar(),
                Some(("" | "~" | "null" | "Null" | "NULL", Style::Plain))
            )
    }

    /// Returns whether the node is a sequence, aliases followed.
    #[must_use]
    pub fn is_sequence(self) -> bool {
        matches!(self.target().data().content, Content::Sequence(..))
    }

    /// Returns whether the node is a mapping, aliases followed.
    #[must_use]
    pub fn is_mapping(self) -> bool {
        matches!(self.target().data().content, Content::Mapping(..))
    }

    /// Returns whether the node is a sequence or mapping in brackets, aliases followed.
    #[must_use]
    pub fn is_flow(self) -> bool {
        matches!(
            self.target().data().content,
            Content::Sequence(_, true) | Content::Mapping(_, true)
        )
    }

    /// Iterates over the items of a sequence, aliases followed; nothing for other nodes.
    pub fn items(self) -> impl DoubleEndedIterator<Item = Item<'t>> + ExactSizeIterator {
        let items: &'t [RawItem] = match &self.target().data().content {
            Content::Sequence(items, _) => items,
            _ => &[],
        };
        items.iter().map(move |item| {
            let value = self.at(item.value);
            let start = item.dash.unwrap_or(value.data().start);
            Item {
                value,
                dash: item.dash,
                span: start..value.data().span.end.max(start),
            }
        })
    }

    /// Iterates over the entries of a mapping, aliases followed; nothing for other nodes.
    pub fn entries(self) -> impl DoubleEndedIterator<Item = Entry<'t>> + ExactSizeIterator {
        let entries: &'t [RawEntry] = match &self.target().data().content {
            Content::Mapping(entries, _) => entries,
            _ => &[],
        };
        entries.iter().map(move |entry| {
            let value = self.at(entry.value);
            Entry {
                key: self.at(entry.key),
                value,
                colon: entry.colon,
                span: entry.start..value.data().span.end.max(entry.start),
            }
        })
    }

    /// Returns the last entry with a scalar key of that text, aliases followed.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Entry<'t>> {
        self.entries().rfind(|e| e.key.as_str() == Some(key))
    }

    /// Returns the bytes of the node: quotes, brackets and the header of a block scalar included,
    /// anchor and tag excluded.
    ///
    /// A block scalar ends with its last line that is not blank, without the line break. A block
    /// sequence or mapping ends with its last child. A node that was left out is empty and stands
    /// right after its `:` or `-`.
    #[must_use]
    pub fn span(self) -> Range<usize> {
        self.data().span.clone()
    }

    /// Returns the bytes of the node with its anchor and tag.
    #[must_use]
    pub fn full_span(self) -> Range<usize> {
        self.data().start..self.data().span.end
    }

    /// Returns line and column of the first byte of [`span`](Self::span), both from 1, columns in
    /// characters.
    #[must_use]
    pub fn position(self) -> (u32, u32) {
        self.tree.index.position(self.data().span.start)
    }

    /// Returns the bytes of the anchor's name, without `&`.
    #[must_use]
    pub fn anchor(self) -> Option<Range<usize>> {
        self.data().anchor.clone()
    }

    /// Returns the tag with its prefix: `!reset`, `tag:yaml.org,2002:str`.
    #[must_use]
    pub fn tag(self) -> Option<&'t str> {
        self.data().tag.as_deref()
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.kind().fmt(f)
    }
}

/// Why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at line {line}, column {column}")]
pub struct YamlError {
    /// What is wrong.
    pub kind: YamlErrorKind,
    /// The byte at which it was noticed; the length of the text at its end.
    pub offset: usize,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1, in characters.
    pub column: u32,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlErrorKind {
    /// The text is no YAML; holds the parser's words.
    #[error("{0}")]
    Syntax(Box<str>),
    /// More than [`MAX_BYTES`] bytes.
    #[error("text is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_DEPTH`] levels.
    #[error("nesting is deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More than [`MAX_NODES`] nodes.
    #[error("more than {MAX_NODES} nodes")]
    TooManyNodes,
    /// More than [`MAX_EXPANDED`] nodes with aliases followed.
    #[error("aliases expand to more than {MAX_EXPANDED} nodes")]
    TooManyAliases,
    /// An alias refers to a node that contains it.
    #[error("alias refers to a node that contains it")]
    Cycle,
}

#[cfg(test)]
mod tests;
