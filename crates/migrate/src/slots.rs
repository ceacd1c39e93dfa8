//! Removing items from lists, mappings, lines and commands.
//!
//! Removals of one document are worked out together: when every item of `environment:` goes, the
//! key goes too, and a continuation chain stays whole whichever of its lines go.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::edit::Edit;
use crate::text::{line_span, with_line_break};

/// How an item is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// It cannot be removed without doubt.
    Fixed,
    /// An item of a block of the document.
    Item {
        /// Position in [`Document::blocks`](crate::scope::Document::blocks).
        block: usize,
        /// Position in [`Block::items`].
        index: usize,
    },
}

/// How the items of a block are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Each item on lines of its own: block YAML, `.env`, bodies of HCL.
    Lines,
    /// Items between commas; `trailing` says whether one may stand behind the last.
    Commas {
        /// Whether the syntax allows a comma behind the last item.
        trailing: bool,
    },
    /// Items between spaces: lists of Nix.
    Spaces,
    /// Words of a command or instruction; lines are joined by this character at their end.
    Words(char),
}

/// A list, mapping or command whose items can be removed.
#[derive(Debug, Clone)]
pub struct Block {
    /// How items are told apart.
    pub layout: Layout,
    /// The bytes of every item, also of those that are no setting, in order.
    pub items: Vec<Range<usize>>,
    /// The end of what stands before the first item: a bracket, a word.
    pub start: usize,
    /// The start of what stands behind the last item: a bracket.
    pub end: usize,
    /// The item that holds the whole block, removed when nothing is left of it.
    pub parent: Option<(usize, usize)>,
    /// The line of the key in front of a block of lines.
    pub key: Option<Range<usize>>,
    /// What may begin a comment at the end of a line.
    pub comments: &'static [&'static str],
}

/// Returns the edits that remove the items, or `None` when one of them cannot go.
#[must_use]
pub fn remove(text: &str, blocks: &[Block], slots: &[(usize, usize)]) -> Option<Vec<Edit>> {
    let mut wanted: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for &(block, index) in slots {
        blocks.get(block)?.items.get(index)?;
        wanted.entry(block).or_default().insert(index);
    }
    let mut edits = Vec::new();
    // Inner blocks come after the ones that hold them.
    while let Some((id, gone)) = wanted.pop_last() {
        let block = blocks.get(id)?;
        if gone.len() < block.items.len() {
            edits.extend(from_block(text, block, &gone)?);
            continue;
        }
        match (block.layout, &block.key, block.parent) {
            (Layout::Lines, Some(key), Some((parent, _))) => {
                // A mapping must not be left without entries.
                if blocks.get(parent)?.items.len() < 2 {
                    return None;
                }
                let alone = block.items.iter().all(|item| key.end <= item.start);
                if !alone || !begins_line(text, key.start) {
                    return None;
                }
                edits.push(Edit::delete(whole_lines(text, key.clone())));
                edits.extend(from_block(text, block, &gone)?);
            }
            // An instruction without words goes as a whole.
            (Layout::Words(_), None, Some((parent, index))) if parent < id => {
                wanted.entry(parent).or_default().insert(index);
            }
            (_, _, Some((parent, index))) => {
                if parent >= id || blocks.get(parent)?.items.len() < 2 {
                    return None;
                }
                wanted.entry(parent).or_default().insert(index);
            }
            (Layout::Lines, None, None) => edits.extend(from_block(text, block, &gone)?),
            // A text that holds options and nothing else.
            (Layout::Words(_), None, None) => {
                edits.push(Edit::delete(
                    block.items.first()?.start..block.items.last()?.end,
                ));
            }
            _ => return None,
        }
    }
    Some(merged(edits))
}

/// Returns the edit that puts `item` in front of an item, or `None` where it cannot stand.
#[must_use]
pub fn insert(
    text: &str,
    blocks: &[Block],
    (block, index): (usize, usize),
    item: &str,
) -> Option<Edit> {
    let block = blocks.get(block)?;
    let at = block.items.get(index)?.start;
    let line = line_span(text, at);
    let lead = text.get(line.start..at)?.trim_start_matches('\u{feff}');
    let first = begins_line(text, at);
    let broken = format!("{}{lead}", line_break(text, at));
    let between = match block.layout {
        Layout::Lines if first => broken,
        Layout::Lines => return None,
        Layout::Commas { .. } if first => format!(",{broken}"),
        Layout::Commas { .. } => ", ".to_owned(),
        Layout::Spaces if first => broken,
        Layout::Words(joiner) if first && index > 0 => format!(" {joiner}{broken}"),
        Layout::Spaces | Layout::Words(_) => " ".to_owned(),
    };
    Some(Edit::replace(at..at, format!("{item}{between}")))
}

/// Returns the line break that the text has around a place.
fn line_break(text: &str, at: usize) -> &'static str {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let end = match (after.find('\n'), before.rfind('\n')) {
        (Some(n), _) => at + n,
        (None, Some(n)) => n,
        (None, None) => return "\n",
    };
    let carriage = end > 0 && text.as_bytes().get(end - 1) == Some(&b'\r');
    if carriage { "\r\n" } else { "\n" }
}

/// Joins deletions that touch, so that no line break is counted twice.
fn merged(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_unstable();
    edits.dedup();
    let mut out: Vec<Edit> = Vec::new();
    for edit in edits {
        match out.last_mut() {
            Some(last) if last.end >= edit.start => last.end = last.end.max(edit.end),
            _ => out.push(edit),
        }
    }
    out
}

fn from_block(text: &str, block: &Block, gone: &BTreeSet<usize>) -> Option<Vec<Edit>> {
    match block.layout {
        Layout::Lines => gone
            .iter()
            .map(|&index| {
                let item = block.items.get(index)?;
                if !alone(text, item, block.comments, &[]) {
                    return None;
                }
                Some(Edit::delete(whole_lines(text, item.clone())))
            })
            .collect(),
        Layout::Commas { trailing } => commas(text, block, gone, trailing),
        Layout::Spaces => commas(text, block, gone, true),
        Layout::Words(joiner) => words(text, block, gone, joiner),
    }
}

/// Returns the lines of a span with their line break.
fn whole_lines(text: &str, span: Range<usize>) -> Range<usize> {
    let start = line_span(text, span.start).start;
    let end = line_span(text, span.end).end;
    with_line_break(text, start..end)
}

fn begins_line(text: &str, at: usize) -> bool {
    let line = line_span(text, at);
    let lead = text.get(line.start..at).unwrap_or("x");
    lead.chars().all(|c| matches!(c, ' ' | '\t' | '\u{feff}'))
}

/// Returns whether nothing but space, the allowed signs and a comment share the lines of an item.
fn alone(text: &str, item: &Range<usize>, comments: &[&str], signs: &[char]) -> bool {
    let line = line_span(text, item.end);
    let tail = text.get(item.end..line.end).unwrap_or("x").trim();
    let tail = tail.trim_start_matches(signs).trim_start();
    begins_line(text, item.start)
        && (tail.is_empty() || comments.iter().any(|sign| tail.starts_with(sign)))
}

fn commas(text: &str, block: &Block, gone: &BTreeSet<usize>, trailing: bool) -> Option<Vec<Edit>> {
    let comma = |index: usize| {
        let from = block.items.get(index)?.end;
        let to = block
            .items
            .get(index + 1)
            .map_or(block.end, |next| next.start);
        comma_in(text, from..to, block.comments)
    };
    let mut edits = Vec::new();
    let last = (0..block.items.len()).rfind(|n| !gone.contains(n))?;
    let closed = comma(block.items.len() - 1).is_some();
    let own_line = |item: &Range<usize>| alone(text, item, block.comments, &[',']);
    let tail = block.items.get(last + 1..)?;
    let joined = !closed && !tail.is_empty() && !tail.iter().any(own_line);
    if joined {
        edits.push(Edit::delete(block.items.get(last)?.end..tail.last()?.end));
    }
    for &index in gone.iter().filter(|n| !joined || **n < last) {
        let item = block.items.get(index)?;
        let after = comma(index);
        let end = after.map_or(item.end, |at| at + 1);
        if alone(text, item, block.comments, &[',']) {
            edits.push(Edit::delete(whole_lines(text, item.clone())));
            continue;
        }
        let blank = |c: char| matches!(c, ' ' | '\t');
        let rest = text.get(end..)?;
        let gap = rest.len() - rest.trim_start_matches(blank).len();
        let next = rest.get(gap..)?.chars().next();
        if after.is_some() && block.items.len() > index + 1 && !matches!(next, Some('\r' | '\n')) {
            edits.push(Edit::delete(item.start..end + gap));
        } else {
            let lead = text.get(..item.start)?.trim_end_matches(blank).len();
            edits.push(Edit::delete(lead.max(block.start)..end));
        }
    }
    // A comma in front of removed items stays only where the syntax allows one at the end.
    if !tail.is_empty() && !closed && !joined && !trailing {
        let at = comma(last)?;
        edits.push(Edit::delete(at..at + 1));
    }
    Some(edits)
}

/// Returns the first comma of a gap that stands in no comment.
fn comma_in(text: &str, gap: Range<usize>, comments: &[&str]) -> Option<usize> {
    let mut at = gap.start;
    for line in text.get(gap)?.split_inclusive('\n') {
        let end = comments.iter().filter_map(|sign| line.find(sign)).min();
        let code = end.map_or(line, |n| &line[..n]);
        if let Some(found) = code.find(',') {
            return Some(at + found);
        }
        at += line.len();
    }
    None
}

/// Removes words: runs of them at the start or end of a command with the joints that they leave,
/// others by the lines that they fill.
fn words(text: &str, block: &Block, gone: &BTreeSet<usize>, joiner: char) -> Option<Vec<Edit>> {
    let items = &block.items;
    let kept = |n: &usize| !gone.contains(n);
    let first = (0..items.len()).find(kept)?;
    let last = (0..items.len()).rfind(kept)?;
    // Nothing but blanks and joints: no redirection, no comment.
    let joint = |from: usize, to: usize| {
        let gap = text.get(from..to).unwrap_or("x");
        gap.chars().all(|c| c.is_ascii_whitespace() || c == joiner)
    };
    let mut edits = Vec::new();
    let next = items.get(first)?.start;
    let led = first > 0 && joint(items.get(first - 1)?.end, next);
    if led {
        edits.push(Edit::delete(items.first()?.start..next));
    }
    for (from, to) in rows(text, items, gone) {
        if led && from < first {
            continue;
        }
        let (head, tail) = (items.get(from)?.start, items.get(to)?.end);
        let before = match from.checked_sub(1) {
            Some(n) => items.get(n)?.end,
            None => block.start,
        };
        let line = line_span(text, tail);
        let rest = text.get(tail..line.end)?.trim();
        if from > last && (joint(before, head) || begins_line(text, head)) {
            // Nothing follows: the joints in front of it go too, but not a comment between.
            let end = line_span(text, before).end;
            if joint(before, head) {
                edits.push(Edit::delete(before..tail));
            } else if joint(before, end) {
                edits.push(Edit::delete(before..end));
                edits.push(Edit::delete(whole_lines(text, head..tail)));
            } else {
                return None;
            }
        } else if !begins_line(text, head) {
            let lead = text.get(..head)?.trim_end_matches(BLANK).len();
            edits.push(Edit::delete(lead..tail));
        } else if !rest.is_empty() && rest.chars().all(|c| c == joiner) {
            edits.push(Edit::delete(whole_lines(text, head..tail)));
        } else {
            let next = text.get(tail..)?;
            let gap = next.len() - next.trim_start_matches(BLANK).len();
            edits.push(Edit::delete(head..tail + gap));
        }
    }
    Some(edits)
}

const BLANK: [char; 2] = [' ', '\t'];

/// Returns the first and last word of every run that goes and stands on one line.
fn rows(text: &str, items: &[Range<usize>], gone: &BTreeSet<usize>) -> Vec<(usize, usize)> {
    let mut rows: Vec<(usize, usize)> = Vec::new();
    for &index in gone {
        let follows = rows.last().filter(|(_, to)| {
            let gap = items.get(*to).zip(items.get(index));
            let gap = gap.and_then(|(a, b)| text.get(a.end..b.start));
            to + 1 == index && gap.is_some_and(|gap| gap.chars().all(|c| BLANK.contains(&c)))
        });
        match follows {
            Some(_) => {
                if let Some(row) = rows.last_mut() {
                    row.1 = index;
                }
            }
            None => rows.push((index, index)),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::apply;

    fn block(text: &str, layout: Layout, items: &[&str]) -> Block {
        let items: Vec<_> = items
            .iter()
            .map(|item| {
                let at = text.find(item).unwrap();
                at..at + item.len()
            })
            .collect();
        let (start, end) = (
            text.find(['[', 'c']).unwrap_or(0) + 1,
            text.rfind(']').unwrap_or(text.len()),
        );
        let start = if matches!(layout, Layout::Words(_)) {
            items[0].start
        } else {
            start
        };
        Block {
            layout,
            items,
            start,
            end,
            parent: None,
            key: None,
            comments: &["#"],
        }
    }

    #[track_caller]
    fn check(text: &str, layout: Layout, items: &[&str], gone: &[usize], expected: &str) {
        let blocks = [block(text, layout, items)];
        let slots: Vec<_> = gone.iter().map(|&n| (0, n)).collect();
        let edits = remove(text, &blocks, &slots).unwrap();
        let out = String::from_utf8(apply(text.as_bytes(), &edits).unwrap()).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn commas_stay_in_order() {
        let loose = Layout::Commas { trailing: true };
        let strict = Layout::Commas { trailing: false };
        for layout in [loose, strict] {
            check("[A, B, C]", layout, &["A", "B", "C"], &[0], "[B, C]");
            check("[A, B, C]", layout, &["A", "B", "C"], &[1], "[A, C]");
            check("[A, B, C]", layout, &["A", "B", "C"], &[2], "[A, B]");
            check("[A, B, C]", layout, &["A", "B", "C"], &[1, 2], "[A]");
            check("[A, B, C]", layout, &["A", "B", "C"], &[0, 2], "[B]");
            check("[\n A,\n B\n]", layout, &["A", "B"], &[0], "[\n B\n]");
        }
        check("[\n A,\n B\n]", loose, &["A", "B"], &[1], "[\n A,\n]");
        check("[\n A,\n B\n]", strict, &["A", "B"], &[1], "[\n A\n]");
        check(
            "[\n A, # x, y\n B # z\n]",
            strict,
            &["A", "B"],
            &[1],
            "[\n A # x, y\n]",
        );
    }

    #[track_caller]
    fn check_insert(text: &str, layout: Layout, items: &[&str], at: usize, expected: &str) {
        let blocks = [block(text, layout, items)];
        let edit = insert(text, &blocks, (0, at), "X").unwrap();
        let out = String::from_utf8(apply(text.as_bytes(), &[edit]).unwrap()).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn new_items_stand_in_front() {
        let commas = Layout::Commas { trailing: false };
        check_insert("[A, B]", commas, &["A", "B"], 1, "[A, X, B]");
        check_insert("[\n  A, # c\n]", commas, &["A"], 0, "[\n  X,\n  A, # c\n]");
        check_insert("[ A B ]", Layout::Spaces, &["A", "B"], 1, "[ A X B ]");
        check_insert(
            "k:\r\n  A\r\n",
            Layout::Lines,
            &["A"],
            0,
            "k:\r\n  X\r\n  A\r\n",
        );
        check_insert(
            "c -e A \\\n  -e B",
            Layout::Words('\\'),
            &["c", "-e A", "-e B"],
            2,
            "c -e A \\\n  X \\\n  -e B",
        );
        check_insert("A=1 c", Layout::Words('\\'), &["A=1", "c"], 0, "X A=1 c");
    }

    #[test]
    fn continuation_chains_stay_whole() {
        let words = Layout::Words('\\');
        check(
            "a -e B \\\n  -e C \\\n  d",
            words,
            &["a", "-e B", "-e C", "d"],
            &[2],
            "a -e B \\\n  d",
        );
        check(
            "a -e B \\\n  -e C \\\n  d",
            words,
            &["a", "-e B", "-e C", "d"],
            &[1],
            "a \\\n  -e C \\\n  d",
        );
        check("a b \\\n  -e C", words, &["a", "b", "-e C"], &[2], "a b");
        check(
            "a b \\\n  -e C \\\n  -e D\n",
            words,
            &["a", "b", "-e C", "-e D"],
            &[2, 3],
            "a b\n",
        );
        check("X=1 a b", words, &["X=1", "a", "b"], &[0], "a b");
        check(" X=1 Y=2 a", words, &["X=1", "Y=2", "a"], &[0, 1], " a");
        check(
            "X=1 \\\n  Y=2 \\\n  a\n",
            words,
            &["X=1", "Y=2", "a"],
            &[0, 1],
            "a\n",
        );
        check("-e A -e B", words, &["-e A", "-e B"], &[0, 1], "");
        check(
            "a \\\n  -e B -e C \\\n  d",
            words,
            &["a", "-e B", "-e C", "d"],
            &[1, 2],
            "a \\\n  d",
        );
        check("a B >c D", words, &["a", "B", "c", "D"], &[3], "a B >c");
    }
}
