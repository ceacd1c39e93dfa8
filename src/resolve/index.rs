//! Which occurrence of a name counts, and which lost.

use std::sync::Arc;

use crate::entrypoint;
use crate::facts::Facts;
use crate::layer::{Layer, Layers, Occurrence, SourceKind};
use crate::release::{Line, Semantics};
use crate::settings::{Basis, Derivation};
use crate::variable::{Row, RowSet, TABLE};

/// No further occurrence of a name.
const END: u32 = u32::MAX;

/// What the image adds to an environment.
pub(super) struct Added {
    /// `X` for every `LOCALSTACK_X`; these win over what the layers set.
    copies: Vec<Arc<Occurrence>>,
    /// What the image sets itself, where nothing else does.
    defaults: Vec<Arc<Occurrence>>,
}

impl Added {
    /// Copies prefixed names where the environment passes the image's entrypoint, and in normalized
    /// semantics.
    pub(super) fn new(layers: &Layers, facts: &Facts, semantics: Semantics) -> Self {
        let (strips, image) = match semantics {
            Semantics::Normalized => (Some(Line::V4), None),
            Semantics::LocalStack(version) => {
                let line = facts.through_entrypoint.then(|| version.line());
                (line, line)
            }
        };
        let copies = strips.into_iter().flat_map(|line| {
            layers.occurrences().filter_map(move |occurrence| {
                let name = entrypoint::copied_name(&occurrence.name, line)?;
                Row::of(name)?;
                Some(Arc::new(Occurrence {
                    name: name.into(),
                    written_name: Some(Arc::clone(&occurrence.name)),
                    ..Occurrence::clone(occurrence)
                }))
            })
        });
        let defaults = image.map_or_else(Vec::new, |line| {
            let set = entrypoint::image_environment(line).iter().copied();
            Layer::from_pairs(SourceKind::Image, "image", set).occurrences
        });
        Self {
            copies: copies.collect(),
            defaults,
        }
    }
}

/// The occurrences of every name in the table, best first, and the unknown names.
pub(super) struct Index<'a> {
    /// For each row the first and the last of its occurrences.
    ends: [(u32, u32); TABLE.len()],
    present: RowSet,
    entries: Vec<Entry<'a>>,
    /// Occurrences of names that are in no row, highest precedence first.
    pub(super) unknown: Vec<&'a Arc<Occurrence>>,
}

struct Entry<'a> {
    occurrence: &'a Arc<Occurrence>,
    next: u32,
}

/// The occurrence of a row that counts.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) row: Row,
    pub(super) occurrence: &'a Arc<Occurrence>,
}

impl<'a> Found<'a> {
    /// Returns the name in the table.
    pub(super) fn name(self) -> &'static str {
        self.row.name()
    }

    /// Returns the name as the user wrote it.
    pub(super) fn written(self) -> &'a str {
        self.occurrence.written()
    }

    /// Returns the text.
    pub(super) fn raw(self) -> &'a str {
        &self.occurrence.raw
    }
}

impl<'a> Index<'a> {
    /// Indexes layers and what the image adds to them: one look-up for each occurrence.
    pub(super) fn new(layers: &'a Layers, added: &'a Added) -> Self {
        let mut index = Self {
            ends: [(END, END); TABLE.len()],
            present: RowSet::EMPTY,
            entries: Vec::with_capacity(layers.len() + added.copies.len() + added.defaults.len()),
            unknown: Vec::new(),
        };
        let all = added.copies.iter().chain(layers.occurrences());
        for occurrence in all.chain(&added.defaults) {
            match Row::of(&occurrence.name) {
                Some(row) => index.append(row, occurrence),
                None => index.unknown.push(occurrence),
            }
        }
        index
    }

    fn append(&mut self, row: Row, occurrence: &'a Arc<Occurrence>) {
        let new = self.entries.len() as u32;
        let (first, last) = &mut self.ends[row.index()];
        match self.entries.get_mut(*last as usize) {
            Some(entry) => entry.next = new,
            None => *first = new,
        }
        *last = new;
        self.present.insert(row);
        self.entries.push(Entry {
            occurrence,
            next: END,
        });
    }

    /// Iterates over the occurrences of a row, the one that counts first.
    fn all_of(&self, row: Row) -> impl Iterator<Item = &'a Arc<Occurrence>> {
        let mut at = self.ends[row.index()].0;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            at = entry.next;
            Some(entry.occurrence)
        })
    }

    /// Returns the occurrence of a row that counts.
    pub(super) fn get(&self, row: Row) -> Option<Found<'a>> {
        let occurrence = self.all_of(row).next()?;
        Some(Found { row, occurrence })
    }

    /// Returns the occurrence of a name that counts.
    pub(super) fn find(&self, name: &str) -> Option<Found<'a>> {
        self.get(Row::of(name)?)
    }

    /// Returns the occurrences of a row that lost to the one that counts.
    pub(super) fn losers(&self, row: Row) -> impl Iterator<Item = &'a Arc<Occurrence>> {
        self.all_of(row).skip(1)
    }

    /// Returns the rows that occur.
    pub(super) fn present(&self) -> RowSet {
        self.present
    }

    /// Iterates over the rows that occur, in the order of the table.
    pub(super) fn found(&self) -> impl Iterator<Item = Found<'a>> {
        self.present.into_iter().filter_map(|row| self.get(row))
    }

    /// Returns whether a row occurs.
    pub(super) fn occurs(&self, row: Row) -> bool {
        self.present.contains(row)
    }

    /// Returns the derivation of a value that `rows` give together, the first of them mattering
    /// most. Rows that do not occur are skipped.
    pub(super) fn derive(&self, basis: Basis, rows: &[Row]) -> Derivation {
        let mut derivation = Derivation {
            basis,
            ..Derivation::default_value()
        };
        for row in rows {
            let mut all = self.all_of(*row).map(Arc::clone);
            derivation.used.extend(all.next());
            derivation.shadowed.extend(all);
        }
        derivation
    }
}
