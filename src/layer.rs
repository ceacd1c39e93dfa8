//! The input of resolution: raw texts with origins, stacked and never merged.
//!
//! A source (a file, the environment, flags) becomes a [`Layer`] of [`Occurrence`]s. [`Layers`]
//! keeps all of them, so that winner and losers are a question asked of the stack.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::Serialize;
use smallvec::SmallVec;

use crate::redact::redact;

/// What kind of source a layer comes from. The order is the order of precedence, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SourceKind {
    /// Values set by a container image (`ENV` of its Dockerfile).
    Image,
    /// A profile of the LocalStack CLI, `~/.localstack/NAME.env`.
    Profile,
    /// A file of settings: `.env`, `env_file:`, `lsconfig.toml`.
    File,
    /// The `environment:` of a Compose service.
    Compose,
    /// The environment of a process.
    Environment,
    /// A flag on a command line.
    Flag,
}

/// Where exactly a text stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// The name of the source, as a user would write it: `docker-compose.yml`, `environment`.
    pub source: Arc<str>,
    /// Line, from 1; 0 where the source has no lines.
    pub line: u32,
    /// Column of the value's first character, from 1, counted in characters; 0 with line 0.
    pub column: u32,
    /// The bytes of the value in the source, as far as known: what an underline covers.
    #[serde(skip)]
    pub span: Option<Range<usize>>,
}

impl Origin {
    /// An origin without a position.
    #[must_use]
    pub fn of_source(source: impl Into<Arc<str>>) -> Self {
        Self {
            source: source.into(),
            line: 0,
            column: 0,
            span: None,
        }
    }
}

/// Prints `source:line:column`, or the source alone where there is no position.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// One variable set in one source.
#[derive(Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The name of the variable it sets, after prefix stripping.
    pub name: Arc<str>,
    /// The name as written, where that differs (`LOCALSTACK_EDGE_PORT` sets `EDGE_PORT`).
    pub written_name: Option<Arc<str>>,
    /// The value after the source's own unquoting and interpolation.
    pub raw: Arc<str>,
    /// Where the value stands.
    pub origin: Origin,
    /// The kind of its layer.
    pub kind: SourceKind,
}

impl Occurrence {
    /// Returns the name as the user wrote it.
    #[must_use]
    pub fn written(&self) -> &str {
        self.written_name.as_deref().unwrap_or(&self.name)
    }
}

/// Shows no secret.
impl fmt::Debug for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Occurrence")
            .field("name", &self.written())
            .field("raw", &redact(&self.name, &self.raw))
            .field("origin", &self.origin)
            .field("kind", &self.kind)
            .finish()
    }
}

/// A few occurrences, in order; derefs to a slice.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Occurrences(SmallVec<[Arc<Occurrence>; 2]>);

impl Occurrences {
    /// No occurrence.
    #[must_use]
    pub const fn new() -> Self {
        Self(SmallVec::new_const())
    }

    /// Moves what `other` holds to the end.
    pub fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }
}

impl Deref for Occurrences {
    type Target = [Arc<Occurrence>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a> IntoIterator for &'a Occurrences {
    type Item = &'a Arc<Occurrence>;
    type IntoIter = std::slice::Iter<'a, Arc<Occurrence>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Arc<Occurrence>> for Occurrences {
    fn extend<I: IntoIterator<Item = Arc<Occurrence>>>(&mut self, occurrences: I) {
        for occurrence in occurrences {
            self.0.push(occurrence);
        }
    }
}

impl fmt::Debug for Occurrences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One source of occurrences, in the order in which they stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What kind of source this is.
    pub kind: SourceKind,
    /// What it sets. A name may occur more than once; the last one wins.
    pub occurrences: Vec<Arc<Occurrence>>,
    /// Texts that interpolation took from secret variables. Whatever holds one of them is not shown.
    pub secrets: Vec<Arc<str>>,
}

impl Layer {
    /// An empty layer.
    #[must_use]
    pub fn new(kind: SourceKind) -> Self {
        Self {
            kind,
            occurrences: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Makes a layer of a source without positions, texts verbatim.
    ///
    /// This is the way in for environments: figment's provider for them would turn `04566` into a
    /// number and `[::1]` into a list.
    pub fn from_pairs<N, V>(
        kind: SourceKind,
        source: &str,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let source: Arc<str> = source.into();
        let mut layer = Self::new(kind);
        for (name, value) in pairs {
            layer.push(name, value, Origin::of_source(Arc::clone(&source)));
        }
        layer
    }

    /// Adds an occurrence.
    pub fn push(&mut self, name: impl Into<Arc<str>>, raw: impl Into<Arc<str>>, origin: Origin) {
        self.occurrences.push(Arc::new(Occurrence {
            name: name.into(),
            written_name: None,
            raw: raw.into(),
            origin,
            kind: self.kind,
        }));
    }

    /// Returns the last occurrence of `name`, which is the one that counts in this layer.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&Arc<Occurrence>> {
        self.occurrences.iter().rev().find(|o| &*o.name == name)
    }
}

/// All layers of one environment, ordered by precedence, lowest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layers {
    layers: Vec<Layer>,
}

impl Layers {
    /// Adds a layer above all layers of its kind and of lower kinds.
    pub fn push(&mut self, layer: Layer) {
        let at = self
            .layers
            .partition_point(|present| present.kind <= layer.kind);
        self.layers.insert(at, layer);
    }

    /// Iterates over the layers, lowest precedence first.
    pub fn iter(&self) -> std::slice::Iter<'_, Layer> {
        self.layers.iter()
    }

    /// Returns the texts that interpolation took from secret variables, the longest first, so that
    /// none is left over when a part of it is replaced.
    #[must_use]
    pub fn secrets(&self) -> Vec<Arc<str>> {
        let mut secrets = Vec::new();
        for secret in self.iter().flat_map(|layer| &layer.secrets) {
            secrets.push(Arc::clone(secret));
            // Messages quote some values with escapes.
            let escaped = secret.escape_debug().to_string();
            if escaped != **secret {
                secrets.push(escaped.into());
            }
        }
        secrets.sort_by_key(|secret: &Arc<str>| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }

    /// Returns the number of occurrences.
    pub(crate) fn len(&self) -> usize {
        self.layers
            .iter()
            .map(|layer| layer.occurrences.len())
            .sum()
    }

    /// Iterates over all occurrences, highest precedence first: the first of a name is the one
    /// that counts, the others are shadowed.
    pub fn occurrences(&self) -> impl Iterator<Item = &Arc<Occurrence>> {
        self.layers
            .iter()
            .rev()
            .flat_map(|layer| layer.occurrences.iter().rev())
    }
}

impl FromIterator<Layer> for Layers {
    fn from_iter<I: IntoIterator<Item = Layer>>(layers: I) -> Self {
        let mut all = Self::default();
        layers.into_iter().for_each(|layer| all.push(layer));
        all
    }
}

impl<'a> IntoIterator for &'a Layers {
    type Item = &'a Layer;
    type IntoIter = std::slice::Iter<'a, Layer>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_goes_above_its_own_kind_and_below_higher_ones() {
        let layer = |kind, source| Layer::from_pairs(kind, source, [("A", source)]);
        let mut layers = Layers::default();
        layers.push(layer(SourceKind::Environment, "env"));
        layers.push(layer(SourceKind::File, "first"));
        layers.push(layer(SourceKind::File, "second"));
        let order: Vec<_> = layers.occurrences().map(|o| &*o.raw).collect();
        assert_eq!(order, ["env", "second", "first"]);
    }

    #[test]
    fn a_secret_is_not_printed_for_debugging() {
        let pairs = [("LOCALSTACK_AUTH_TOKEN", "ls-abc"), ("EDGE_PORT", "4566")];
        let shown = format!("{:?}", Layer::from_pairs(SourceKind::File, ".env", pairs));
        assert!(
            shown.contains("4566") && !shown.contains("ls-abc"),
            "{shown}"
        );
    }

    #[test]
    fn origins_print_like_compilers_do() {
        let mut origin = Origin::of_source("docker-compose.yml");
        assert_eq!(origin.to_string(), "docker-compose.yml");
        (origin.line, origin.column) = (12, 9);
        assert_eq!(origin.to_string(), "docker-compose.yml:12:9");
    }
}
