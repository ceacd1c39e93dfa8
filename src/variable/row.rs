//! Rows of the table: found by name at compile time or by one look-up, and sets of them.

use std::num::NonZero;

use super::{Kind, TABLE, Variable};

/// The position of a variable in [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row(u16);

impl Row {
    /// Returns the row of a name that is written in the code. In a constant, a name that is in no
    /// row does not compile.
    pub(crate) const fn named(name: &str) -> Self {
        let mut row = 0;
        while !equal(TABLE[row].name, name) {
            row += 1;
            assert!(row < TABLE.len(), "no row has this name");
        }
        Self(row as u16)
    }

    /// Returns the row of a name that comes from outside.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let mut slot = hash(name.as_bytes());
        while let Some(row) = SLOTS[slot] {
            let row = Self(row.get() - 1);
            if row.name() == name {
                return Some(row);
            }
            slot = (slot + 1) % SLOT_COUNT;
        }
        None
    }

    /// Iterates over all rows.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(|row| Self(row as u16))
    }

    /// Returns the position in [`TABLE`].
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns what is known about the variable.
    pub(crate) fn variable(self) -> &'static Variable {
        &TABLE[self.index()]
    }

    /// Returns the name of the variable.
    pub(crate) fn name(self) -> &'static str {
        self.variable().name
    }

    /// Returns whether it is read as a value: it is no address, and not merely known by name.
    pub(crate) fn is_value(self) -> bool {
        RowSet::VALUES.contains(self)
    }

    /// Returns the row that is read when this one is unset.
    pub(crate) fn fallback(self) -> Option<Self> {
        FALLBACKS[self.index()]
    }
}

/// A set of rows, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSet([u64; WORDS]);

const WORDS: usize = TABLE.len().div_ceil(64);

impl RowSet {
    /// No row.
    pub(crate) const EMPTY: Self = Self([0; WORDS]);

    /// The rows that are read as values of their own.
    pub(crate) const VALUES: Self = {
        let (mut values, mut row) = (Self::EMPTY, 0);
        while row < TABLE.len() {
            if is_value(&TABLE[row]) {
                values.insert(Row(row as u16));
            }
            row += 1;
        }
        values
    };

    /// The rows that fall back to an older one.
    pub(crate) const FALLING_BACK: Self = {
        let (mut rows, mut row) = (Self::EMPTY, 0);
        while row < TABLE.len() {
            if TABLE[row].fallback.is_some() {
                rows.insert(Row(row as u16));
            }
            row += 1;
        }
        rows
    };

    /// Adds a row.
    pub(crate) const fn insert(&mut self, row: Row) {
        self.0[row.index() / 64] |= 1 << (row.index() % 64);
    }

    /// Returns whether a row is in the set.
    pub(crate) const fn contains(self, row: Row) -> bool {
        self.0[row.index() / 64] & 1 << (row.index() % 64) != 0
    }

    /// Returns how many rows there are.
    pub(crate) fn len(self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Returns the rows that are in both sets.
    pub(crate) fn and(mut self, other: Self) -> Self {
        let words = self.0.iter_mut().zip(other.0);
        words.for_each(|(word, other)| *word &= other);
        self
    }
}

impl IntoIterator for RowSet {
    type Item = Row;
    type IntoIter = Rows;

    fn into_iter(self) -> Rows {
        Rows {
            left: self,
            word: 0,
        }
    }
}

/// Iterates over a [`RowSet`].
pub(crate) struct Rows {
    left: RowSet,
    word: usize,
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let bits = self.left.0.get_mut(self.word)?;
            if *bits != 0 {
                let bit = bits.trailing_zeros();
                // Clears the lowest bit that is set.
                *bits &= *bits - 1;
                return Some(Row((self.word * 64) as u16 + bit as u16));
            }
            self.word += 1;
        }
    }
}

/// How many slots [`SLOTS`] has: a power of two, far more than rows, so that few share one.
const SLOT_COUNT: usize = 1024;

/// Rows by the hash of their names; a row whose slot is taken has the next free one.
static SLOTS: [Option<NonZero<u16>>; SLOT_COUNT] = slots();

const fn slots() -> [Option<NonZero<u16>>; SLOT_COUNT] {
    assert!(TABLE.len() < SLOT_COUNT / 4, "the table outgrew its index");
    let mut slots = [None; SLOT_COUNT];
    let mut row = 0;
    while row < TABLE.len() {
        let mut slot = hash(TABLE[row].name.as_bytes());
        while slots[slot].is_some() {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = NonZero::new(row as u16 + 1);
        row += 1;
    }
    slots
}

/// FNV-1a over the ends and the length of a name, which tell the rows apart well enough.
const fn hash(name: &[u8]) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ name.len() as u64;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at] as u64).wrapping_mul(0x0100_0000_01b3);
        // Six bytes from the front, six from the back.
        at = if at == 5 && name.len() > 12 {
            name.len() - 6
        } else {
            at + 1
        };
    }
    (hash >> 20) as usize % SLOT_COUNT
}

/// For each row the one that is read when it is unset.
static FALLBACKS: [Option<Row>; TABLE.len()] = {
    let mut fallbacks = [None; TABLE.len()];
    let mut row = 0;
    while row < TABLE.len() {
        if let Some(fallback) = TABLE[row].fallback {
            fallbacks[row] = Some(Row::named(fallback.name));
        }
        row += 1;
    }
    fallbacks
};

/// Numbers that are no values of their own: parts of addresses, and aliases that are read through
/// the variables that fall back to them, or not at all.
const READ_ELSEWHERE: [Row; 4] = [
    Row::named("EDGE_PORT"),
    Row::named("EDGE_PORT_HTTP"),
    Row::named("SERVICE_INSTANCES_PORTS_START"),
    Row::named("SERVICE_INSTANCES_PORTS_END"),
];

const fn is_value(variable: &Variable) -> bool {
    let mut n = 0;
    while n < READ_ELSEWHERE.len() {
        if equal(variable.name, TABLE[READ_ELSEWHERE[n].index()].name) {
            return false;
        }
        n += 1;
    }
    !matches!(
        variable.kind,
        Kind::AddressList | Kind::Address | Kind::Host | Kind::Unmodelled
    )
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_row() {
        for row in Row::all() {
            assert_eq!(
                Row::of(row.name()),
                Some(row),
                "{} is there twice",
                row.name()
            );
            assert_eq!(Row::named(row.name()), row);
        }
        assert_eq!(Row::of("gateway_listen"), None);
    }

    #[test]
    fn a_set_gives_its_rows_in_the_order_of_the_table() {
        let mut set = RowSet::EMPTY;
        let rows: Vec<Row> = Row::all().step_by(7).collect();
        rows.iter().rev().for_each(|row| set.insert(*row));
        assert_eq!(set.into_iter().collect::<Vec<_>>(), rows);
        assert!(Row::all().all(|row| set.contains(row) == rows.contains(&row)));
        assert_eq!(set.and(RowSet::EMPTY).into_iter().next(), None);
        assert_eq!((set.and(set), set.len()), (set, rows.len()));
    }
}
