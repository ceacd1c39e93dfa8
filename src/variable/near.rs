//! Names that resemble one in the table.

use super::{Family, Row, TABLE, Variable};

/// The most edits that a misspelt name is away from the one that is meant.
const MAX_EDITS: usize = 2;

/// No name in the table is longer.
const MAX_NAME: usize = 63;

/// The number of characters from which on two edits are forgiven instead of one.
const LONG_NAME: usize = 8;

/// Returns the variable that a misspelt name probably means.
///
/// A name qualifies when it differs from a known one in case alone, or by at most two edits (one
/// for names under eight characters), and when exactly one known name is that near. Known names,
/// bare or with the prefix `LOCALSTACK_`, are not misspelt.
#[must_use]
pub fn did_you_mean(name: &str) -> Option<&'static Variable> {
    let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
    if bare.len() < 5 || Row::of(name).is_some() || Row::of(bare).is_some() {
        return None;
    }
    let budget = if bare.len() < LONG_NAME { 1 } else { MAX_EDITS };
    let mut best: Option<(usize, &'static Variable)> = None;
    let mut tied = false;
    // `LOCALSTACK_HOSTS` must be compared whole: its prefix belongs to the name it resembles.
    for spelling in &[bare, name][..if bare == name { 1 } else { 2 }] {
        for variable in resembling(spelling, budget) {
            if variable.family == Family::Retired {
                continue;
            }
            if variable.name.eq_ignore_ascii_case(bare) {
                return Some(variable);
            }
            let Some(distance) = edit_distance(spelling, variable.name, budget) else {
                continue;
            };
            match best {
                Some((shortest, _)) if distance > shortest => {}
                Some((shortest, row)) if distance == shortest => {
                    tied |= !std::ptr::eq(row, variable);
                }
                _ => (best, tied) = (Some((distance, variable)), false),
            }
        }
    }
    best.filter(|_| !tied).map(|(_, variable)| variable)
}

/// Returns whether a name is at most two edits away from one whose value is secret.
pub(crate) fn resembles_secret(name: &str) -> bool {
    resembling(name, MAX_EDITS)
        .any(|row| row.secret && edit_distance(name, row.name, MAX_EDITS).is_some())
}

/// Returns the rows that are not ruled out by the length of the name and by which letters it has:
/// nearly all are.
fn resembling(name: &str, edits: usize) -> impl Iterator<Item = &'static Variable> {
    let longest = (name.len() + edits).min(MAX_NAME);
    let shortest = name.len().saturating_sub(edits).min(longest + 1);
    let range = usize::from(FIRST[shortest])..usize::from(FIRST[longest + 1]);
    let letters = letters(name);
    BY_LENGTH[range]
        .iter()
        // An edit adds one letter to the set, takes one, or both.
        .filter(move |known| (known.letters ^ letters).count_ones() as usize <= 2 * edits)
        .map(|known| &TABLE[usize::from(known.row)])
}

#[derive(Clone, Copy)]
struct Known {
    row: u16,
    letters: u32,
}

/// The rows, the shortest names first.
static BY_LENGTH: [Known; TABLE.len()] = {
    let mut sorted = [Known { row: 0, letters: 0 }; TABLE.len()];
    let (mut length, mut at) = (0, 0);
    while length <= MAX_NAME {
        let mut row = 0;
        while row < TABLE.len() {
            if TABLE[row].name.len() == length {
                sorted[at] = Known {
                    row: row as u16,
                    letters: letters(TABLE[row].name),
                };
                at += 1;
            }
            row += 1;
        }
        length += 1;
    }
    assert!(at == TABLE.len(), "a name is too long");
    sorted
};

/// For every length the first row in [`BY_LENGTH`] whose name is at least that long.
static FIRST: [u16; MAX_NAME + 2] = {
    let mut first = [0; MAX_NAME + 2];
    let mut length = 1;
    while length < first.len() {
        let (mut row, mut shorter) = (0, 0);
        while row < TABLE.len() {
            shorter += (TABLE[row].name.len() < length) as u16;
            row += 1;
        }
        first[length] = shorter;
        length += 1;
    }
    first
};

/// The set of letters of a name: a bit for the lowest five bits of each byte, the same for both
/// cases of a letter.
const fn letters(name: &str) -> u32 {
    let (mut letters, mut at) = (0, 0);
    while at < name.len() {
        letters |= 1 << (name.as_bytes()[at] % 32);
        at += 1;
    }
    letters
}

/// Damerau-Levenshtein distance with adjacent swaps to a name of the table, when at most `limit`.
fn edit_distance(text: &str, known: &str, limit: usize) -> Option<usize> {
    let (a, b) = (text.as_bytes(), known.as_bytes());
    if a.len().abs_diff(b.len()) > limit || b.len() > MAX_NAME {
        return None;
    }
    // The row of the matrix that is filled, and the two before it.
    let mut rows = [[0_u8; MAX_NAME + 1]; 3];
    let [mut before, mut last, mut row] = rows.each_mut();
    for (n, distance) in last.iter_mut().enumerate() {
        *distance = n as u8;
    }
    for i in 1..=a.len() {
        row[0] = i as u8;
        for j in 1..=b.len() {
            let cost = u8::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        (before, last, row) = (last, row, before);
    }
    Some(usize::from(last[b.len()])).filter(|&distance| distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(did_you_mean(name).map(|row| row.name), expected, "{name}");
    }

    #[test]
    fn near_misses_are_recognised() {
        check("GATEWAY_LISTENS", Some("GATEWAY_LISTEN"));
        check("GATEWAY_LISTN", Some("GATEWAY_LISTEN"));
        check("gateway_listen", Some("GATEWAY_LISTEN"));
        check("LOCALSTACK_HOSTS", Some("LOCALSTACK_HOST"));
        check("LOCALSTACK_GATEWAY_LISTENS", Some("GATEWAY_LISTEN"));
        check("EDGE_PROT", Some("EDGE_PORT"));
        check("LOCALSTACK_HOST", None);
        check("LOCALSTACK_EDGE_PORT", None);
        check("PATH", None);
        check("HOME", None);
        check("COMPLETELY_DIFFERENT", None);
    }
}
