//! Which occurrence of a name counts, and which lost.

use std::sync::Arc;

use crate::entrypoint;
use crate::facts::Facts;
use crate::layer::{Layer, Layers, Occurrence, SourceKind};
use crate::release::{Line, Semantics};
use crate::settings::{Basis, Derivation};
use crate::variable::{self, TABLE};

/// No further occurrence of a name.
const END: u32 = u32::MAX;

/// The occurrences of every name in the table, best first, and the unknown names.
pub(super) struct Index {
    /// For each row of the table the first and the last of its occurrences.
    ends: [(u32, u32); TABLE.len()],
    entries: Vec<Entry>,
    /// Occurrences of names that are in no row, highest precedence first.
    pub(super) unknown: Vec<Arc<Occurrence>>,
}

struct Entry {
    occurrence: Arc<Occurrence>,
    next: u32,
}

impl Index {
    /// Indexes layers. Where the environment passes the image's entrypoint, and in normalized
    /// semantics, `LOCALSTACK_X` sets `X` and wins over it.
    pub(super) fn new(layers: &Layers, facts: &Facts, semantics: Semantics) -> Self {
        let strips = match semantics {
            Semantics::Normalized => Some(Line::V4),
            Semantics::LocalStack(version) => facts.through_entrypoint.then(|| version.line()),
        };
        let mut index = Self {
            ends: [(END, END); TABLE.len()],
            entries: Vec::new(),
            unknown: Vec::new(),
        };
        if let Some(line) = strips {
            for occurrence in layers.occurrences() {
                let Some(name) = entrypoint::copied_name(&occurrence.name, line) else {
                    continue;
                };
                let Some(row) = variable::position(name) else {
                    continue;
                };
                let copy = Occurrence {
                    name: name.into(),
                    written_name: Some(Arc::clone(&occurrence.name)),
                    ..Occurrence::clone(occurrence)
                };
                index.append(row, Arc::new(copy));
            }
        }
        for occurrence in layers.occurrences() {
            match variable::position(&occurrence.name) {
                Some(row) => index.append(row, Arc::clone(occurrence)),
                None => index.unknown.push(Arc::clone(occurrence)),
            }
        }
        if let Semantics::LocalStack(version) = semantics
            && facts.through_entrypoint
        {
            let image = entrypoint::image_environment(version.line());
            let layer = Layer::from_pairs(SourceKind::Image, "image", image.iter().copied());
            for occurrence in layer.occurrences {
                if let Some(row) = variable::position(&occurrence.name) {
                    index.append(row, occurrence);
                }
            }
        }
        index
    }

    fn append(&mut self, row: usize, occurrence: Arc<Occurrence>) {
        let new = self.entries.len() as u32;
        let (first, last) = &mut self.ends[row];
        match self.entries.get_mut(*last as usize) {
            Some(entry) => entry.next = new,
            None => *first = new,
        }
        *last = new;
        self.entries.push(Entry {
            occurrence,
            next: END,
        });
    }

    /// Iterates over the occurrences of a row, the one that counts first.
    fn of_row(&self, row: usize) -> impl Iterator<Item = &Arc<Occurrence>> {
        let mut at = self.ends[row].0;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            at = entry.next;
            Some(&entry.occurrence)
        })
    }

    /// Returns the occurrence of `name` that counts.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Occurrence>> {
        self.of_row(variable::position(name)?).next()
    }

    /// Returns the occurrences of `name` that lost to [`get`](Self::get).
    pub(super) fn shadowed(&self, name: &str) -> impl Iterator<Item = &Arc<Occurrence>> {
        variable::position(name)
            .into_iter()
            .flat_map(|row| self.of_row(row).skip(1))
    }

    /// Iterates over the rows that occur, in the order of the table.
    pub(super) fn present(&self) -> impl Iterator<Item = (usize, &Arc<Occurrence>)> {
        (0..TABLE.len()).filter_map(|row| Some((row, self.at(row)?)))
    }

    /// Returns the occurrences of a row that lost to the one that counts.
    pub(super) fn losers(&self, row: usize) -> impl Iterator<Item = &Arc<Occurrence>> {
        self.of_row(row).skip(1)
    }

    /// Returns whether a row occurs.
    pub(super) fn occurs(&self, row: usize) -> bool {
        self.ends[row].0 != END
    }

    /// Returns the occurrence of a row that counts, by its position in the table.
    pub(super) fn at(&self, row: usize) -> Option<&Arc<Occurrence>> {
        self.of_row(row).next()
    }

    /// Returns the derivation of a value that `names` give together, the first of them mattering
    /// most. Names that do not occur are skipped.
    pub(super) fn derive(&self, basis: Basis, names: &[&str]) -> Derivation {
        let used = names
            .iter()
            .filter_map(|name| self.get(name))
            .map(Arc::clone)
            .collect();
        let lost = names
            .iter()
            .flat_map(|name| self.shadowed(name))
            .map(Arc::clone)
            .collect();
        Derivation {
            basis,
            used,
            shadowed: lost,
        }
    }
}
