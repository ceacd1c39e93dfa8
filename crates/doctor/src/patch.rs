//! A fix as a change of the user's own Compose file: bytes outside of it stay as they are.
//!
//! Each [`Change`] becomes edits on the text, which is read again after every one, so that spans are
//! always true. What cannot be placed for certain (anchors, flow style, a service that is not there)
//! gives no patch at all; the snippet still says what to write.

mod environment;

use std::ops::Range;

use lsconfig::redact::mask_line;
use lsconfig::source::yaml::{Node, Tree};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::fix::{Change, Edit};

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// The file.
    pub file: String,
    /// The unified diff, secrets masked.
    pub diff: String,
    /// The whole new text.
    #[serde(skip)]
    pub text: String,
}

/// Applies changes to the text of a Compose file. `None` when one of them cannot be placed.
#[must_use]
pub fn patch(file: &str, text: &str, changes: &[Change]) -> Option<Patch> {
    if changes.is_empty() || text.contains('\r') {
        return None;
    }
    let mut new = text.to_owned();
    for change in changes {
        new = apply(&new, change)?;
        Tree::parse(&new).ok()?;
    }
    (new != text).then(|| Patch {
        file: file.to_owned(),
        diff: unified(file, text, &new),
        text: new,
    })
}

fn apply(text: &str, change: &Change) -> Option<String> {
    let service = ["services", &change.container];
    if !matches!(change.edit, Edit::Subnet { .. } | Edit::External { .. }) {
        at(text, &service)?;
    }
    match &change.edit {
        Edit::Dns(ip) => set(text, &[&service[..], &["dns"]].concat(), &format!("[{ip}]")),
        Edit::Attach { network, address } => {
            let attached = [&service[..], &["networks"]].concat();
            let text = to_mapping(text, &attached)?;
            // Naming a network leaves the default one; only that one is lost, so it is kept.
            let alone = at(&text, &attached).is_none() && network != "default" && address.is_none();
            let text = if alone {
                set(&text, &[&attached[..], &["default"]].concat(), "{}")?
            } else {
                text
            };
            let path = [&attached[..], &[network]].concat();
            match address {
                Some(ip) => set(
                    &text,
                    &[&path[..], &["ipv4_address"]].concat(),
                    &ip.to_string(),
                ),
                None if at(&text, &path).is_some() => Some(text),
                None => set(&text, &path, "{}"),
            }
        }
        Edit::Subnet { network, subnet } => {
            let path = ["networks", network, "ipam", "config"];
            if at(text, &path).is_some() {
                return None;
            }
            set(text, &path, &format!("[{{subnet: {subnet}}}]"))
        }
        Edit::External { network, name } => {
            let text = set(text, &["networks", network, "name"], name)?;
            set(&text, &["networks", network, "external"], "true")
        }
        Edit::Publish(entry) => {
            let path = [&service[..], &["ports"]].concat();
            match at(text, &path) {
                Some(_) => add_item(text, &path, &format!("\"{entry}\"")),
                None => set(text, &path, &format!("[\"{entry}\"]")),
            }
        }
        Edit::Republish {
            container_port,
            entry,
        } => republish(text, &service, *container_port, entry),
        Edit::Set(name, value) => environment::assign(text, &service, name, value),
        Edit::Rename { from, to, value } => environment::rename(text, &service, from, to, value),
        Edit::Repoint {
            name,
            from,
            to,
            rest,
        } => environment::repoint(text, &service, name, (from, to), rest),
        Edit::Unset(name) => environment::unset(text, &service, name),
        Edit::Remove(key) => remove(text, &[&service[..], &[key]].concat()),
        Edit::RemoveItem(key, item) => {
            let tree = Tree::parse(text).ok()?;
            let list = find(&tree, &[&service[..], &[key]].concat())?;
            let only = list.items().len() == 1;
            let host = item.split([':', '=']).next()?;
            if list.is_sequence() {
                let found = list.items().find(|i| {
                    i.value
                        .as_str()
                        .is_some_and(|t| t == item || t.split([':', '=']).next() == Some(host))
                })?;
                let span = whole_lines(text, found.span.clone())?;
                if only {
                    remove(text, &[&service[..], &[key]].concat())
                } else {
                    Some(cut(text, span))
                }
            } else {
                remove(text, &[&service[..], &[key, host]].concat())
            }
        }
    }
}

/// Finds the node at a path of keys; aliases are not followed, because editing them edits others.
fn find<'t>(tree: &'t Tree, path: &[&str]) -> Option<Node<'t>> {
    let mut node = tree.documents().next()?;
    for key in path {
        node = node.get(key)?.value;
        if node.is_alias() {
            return None;
        }
    }
    Some(node)
}

fn at(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let tree = Tree::parse(text).ok()?;
    Some(find(&tree, path)?.span())
}

/// Sets the value at a path, making the mappings on the way in block style.
fn set(text: &str, path: &[&str], value: &str) -> Option<String> {
    let tree = Tree::parse(text).ok()?;
    let mut node = tree.documents().next()?;
    for (depth, key) in path.iter().enumerate() {
        if node.is_flow() || !node.is_mapping() {
            return None;
        }
        let rest = &path[depth + 1..];
        let Some(entry) = node.get(key) else {
            let indent = column(text, node.entries().next()?.key.span().start);
            let last = node.entries().last()?;
            let end = content_end(text, last.span.end.max(last.value.span().end));
            return Some(insert(text, end, &lines(&path[depth..], indent, value)));
        };
        let old = entry.value;
        if old.is_alias() || old.anchor().is_some() {
            return None;
        }
        let colon = entry.colon? + 1;
        let span = old.span();
        let is_empty =
            old.is_null() || (old.is_flow() && old.is_mapping() && old.entries().len() == 0);
        if rest.is_empty() {
            let is_block = (old.is_sequence() || old.is_mapping()) && !old.is_flow();
            return Some(if old.is_null() && span.is_empty() {
                format!("{} {value}{}", &text[..colon], &text[colon..])
            } else if is_block {
                let end = content_end(text, span.end);
                format!("{} {value}{}", &text[..colon], &text[end..])
            } else {
                format!("{}{value}{}", &text[..span.start], &text[span.end..])
            });
        }
        if is_empty {
            let indent = column(text, entry.key.span().start) + 2;
            let end = content_end(text, span.end.max(colon));
            let head = format!("{}{}", &text[..colon], &text[line_end(text, end)..]);
            return Some(insert(&head, colon, &lines(rest, indent, value)));
        }
        node = old;
    }
    None
}

/// Writes a path of keys in block style.
fn lines(path: &[&str], indent: usize, value: &str) -> String {
    let mut out = String::new();
    for (depth, key) in path.iter().enumerate() {
        let value = if depth + 1 == path.len() {
            format!(" {value}")
        } else {
            String::new()
        };
        out.push_str(&format!("{:1$}{key}:{value}\n", "", indent + 2 * depth));
    }
    out
}

/// Inserts whole lines below the line of the byte `at`.
fn insert(text: &str, at: usize, lines: &str) -> String {
    let end = line_end(text, at);
    let (head, tail) = text.split_at(end);
    match tail.strip_prefix('\n') {
        Some(tail) => format!("{head}\n{lines}{tail}"),
        None => format!("{head}\n{}", lines.trim_end_matches('\n')),
    }
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |n| at + n)
}

/// Returns the end of what stands before `end`, without space and line ends.
fn content_end(text: &str, end: usize) -> usize {
    text[..end].trim_end().len()
}

fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |n| n + 1)
}

/// Returns the lines that a node stands on, when nothing else does.
fn whole_lines(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let start = text[..span.start].rfind('\n').map_or(0, |n| n + 1);
    let content = content_end(text, span.end).max(span.start);
    let end = (line_end(text, content) + 1).min(text.len());
    let before = text[start..span.start].trim();
    matches!(before, "" | "-").then_some(start..end)
}

fn cut(text: &str, span: Range<usize>) -> String {
    format!("{}{}", &text[..span.start], &text[span.end..])
}

/// Removes a key and its value. Where it was the last one of its mapping, the mapping goes too.
fn remove(text: &str, path: &[&str]) -> Option<String> {
    let tree = Tree::parse(text).ok()?;
    let (key, parents) = path.split_last()?;
    let parent = find(&tree, parents)?;
    let Some(entry) = parent.get(key) else {
        return Some(text.to_owned());
    };
    if parent.is_flow() {
        return None;
    }
    if parent.entries().len() == 1 && parents.len() > 2 {
        return remove(text, parents);
    }
    let end = entry.span.end.max(entry.value.span().end);
    Some(cut(text, whole_lines(text, entry.key.span().start..end)?))
}

/// Makes a list of names a mapping, so that one of them can have settings.
fn to_mapping(text: &str, path: &[&str]) -> Option<String> {
    let tree = Tree::parse(text).ok()?;
    let Some(list) = find(&tree, path).filter(|node| node.is_sequence()) else {
        return Some(text.to_owned());
    };
    let names: Vec<&str> = list
        .items()
        .filter_map(|item| item.value.as_str())
        .collect();
    let mut new = text.to_owned();
    if list.is_flow() {
        let pairs: Vec<String> = names.iter().map(|n| format!("{n}: {{}}")).collect();
        // Block style is what further keys can be added to.
        new = set(&new, path, "{}")?;
        for pair in pairs {
            let name = pair.split(':').next()?;
            new = set(&new, &[path, &[name]].concat(), "{}")?;
        }
        return Some(new);
    }
    for item in list.items().rev() {
        let name = item.value.as_str()?;
        let dash = item.dash?;
        new = format!(
            "{}{name}: {{}}{}",
            &new[..dash],
            &new[item.value.span().end..]
        );
    }
    Some(new)
}

/// Adds an item to a list.
fn add_item(text: &str, path: &[&str], item: &str) -> Option<String> {
    let tree = Tree::parse(text).ok()?;
    let list = find(&tree, path).filter(|node| node.is_sequence())?;
    if list.is_flow() {
        let end = list.span().end.checked_sub(1)?;
        let comma = if list.items().len() == 0 { "" } else { ", " };
        return Some(format!("{}{comma}{item}{}", &text[..end], &text[end..]));
    }
    let last = list.items().next_back()?;
    let indent = column(text, last.dash?);
    let end = content_end(text, last.value.span().end);
    Some(insert(text, end, &format!("{:indent$}- {item}\n", "")))
}

/// Replaces the entry of `ports:` that leads to a container port, or adds one.
fn republish(text: &str, service: &[&str], container_port: u16, entry: &str) -> Option<String> {
    let path = [service, &["ports"]].concat();
    let tree = Tree::parse(text).ok()?;
    let Some(list) = find(&tree, &path) else {
        return set(text, &path, &format!("[\"{entry}\"]"));
    };
    let found = list.items().find(|item| {
        let short = item
            .value
            .as_str()
            .map(|t| t.split('/').next().unwrap_or(t).to_owned());
        let long = item
            .value
            .get("target")
            .and_then(|e| e.value.as_str().map(str::to_owned));
        let port = long.or_else(|| short?.rsplit(':').next().map(str::to_owned));
        port.and_then(|p| p.parse().ok()) == Some(container_port)
    });
    match found {
        Some(item) if item.value.scalar().is_some() => {
            let span = item.value.span();
            Some(format!(
                "{}\"{entry}\"{}",
                &text[..span.start],
                &text[span.end..]
            ))
        }
        Some(_) => None,
        None => add_item(text, &path, &format!("\"{entry}\"")),
    }
}

/// One line of a difference, as it is shown.
struct Line {
    tag: ChangeTag,
    /// How many lines of the old and of the new text stand before it.
    before: (usize, usize),
    shown: String,
    masked: bool,
    ends: bool,
}

/// Writes a unified diff. A line that only stands by and holds a secret is left out, and its hunk is
/// taken apart there, so that the diff still applies.
fn unified(file: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = format!("--- a/{file}\n+++ b/{file}\n");
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        let mut at = hunk
            .ops()
            .first()
            .map_or((0, 0), |op| (op.old_range().start, op.new_range().start));
        let lines: Vec<Line> = hunk
            .iter_changes()
            .map(|change| {
                let text = change.value();
                let bare = text.trim_end_matches('\n');
                let shown = mask_line(bare);
                let line = Line {
                    tag: change.tag(),
                    before: at,
                    masked: shown != bare,
                    shown,
                    ends: text.ends_with('\n'),
                };
                at.0 += usize::from(line.tag != ChangeTag::Insert);
                at.1 += usize::from(line.tag != ChangeTag::Delete);
                line
            })
            .collect();
        let stands_by = |line: &Line| line.masked && line.tag == ChangeTag::Equal;
        let mut parts = lines.split(stands_by).peekable();
        while let Some(mut part) = parts.next() {
            let context = |line: &&Line| line.tag == ChangeTag::Equal;
            let before = part.iter().take_while(context).count();
            let after = part.iter().rev().take_while(context).count();
            if before == part.len() {
                continue;
            }
            // A hunk with less context after it than before it is taken for the end of the file.
            if parts.peek().is_some() {
                part = &part[before.saturating_sub(after)..];
            }
            write_hunk(&mut out, part);
        }
    }
    out
}

fn write_hunk(out: &mut String, lines: &[Line]) {
    let Some(first) = lines.first() else { return };
    let count = |not: ChangeTag| lines.iter().filter(|line| line.tag != not).count();
    // A range without lines is named by the line before it.
    let range = |before: usize, count: usize| match count {
        0 => format!("{before},0"),
        1 => format!("{}", before + 1),
        _ => format!("{},{count}", before + 1),
    };
    let old = range(first.before.0, count(ChangeTag::Insert));
    let new = range(first.before.1, count(ChangeTag::Delete));
    out.push_str(&format!("@@ -{old} +{new} @@\n"));
    for line in lines {
        let sign = match line.tag {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        out.push_str(&format!("{sign}{}\n", line.shown));
        if !line.ends {
            out.push_str("\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "services:\n  ls:\n    image: localstack/localstack\n    ports:\n      - \"4566:4566\"\n    environment:\n      - DNS_ADDRESS=0\n      - DEBUG=1\n  app:\n    image: app # ours\n    networks: [x]\n    extra_hosts:\n      - \"a:127.0.0.1\"\n\nnetworks:\n  x:\n";

    #[track_caller]
    fn check(container: &str, edit: Edit, expected: &str) {
        let change = Change {
            container: container.into(),
            edit,
        };
        let new = patch("f", FILE, &[change]).expect("it can be placed").text;
        let diff = unified("f", FILE, &new);
        let shown: Vec<&str> = diff
            .lines()
            .skip(2)
            .filter(|l| l.starts_with(['+', '-']))
            .collect();
        assert_eq!(shown.join("\n"), expected);
        assert!(Tree::parse(&new).is_ok());
    }

    #[test]
    fn edits_change_what_they_mean_and_nothing_else() {
        check(
            "app",
            Edit::Dns([10, 0, 0, 2].into()),
            "+    dns: [10.0.0.2]",
        );
        check("ls", Edit::Publish("1:2".into()), "+      - \"1:2\"");
        check(
            "ls",
            Edit::Republish {
                container_port: 4566,
                entry: "4566:5000".into(),
            },
            "-      - \"4566:4566\"\n+      - \"4566:5000\"",
        );
        check(
            "ls",
            Edit::Unset("DNS_ADDRESS".into()),
            "-      - DNS_ADDRESS=0",
        );
        check(
            "ls",
            Edit::Set("DEBUG".into(), "2".into()),
            "-      - DEBUG=1\n+      - DEBUG=2",
        );
        check(
            "ls",
            Edit::Rename {
                from: "DEBUG".into(),
                to: "LS_LOG".into(),
                value: "debug".into(),
            },
            "-      - DEBUG=1\n+      - LS_LOG=debug",
        );
        check(
            "app",
            Edit::Set("A".into(), "2".into()),
            "+    environment:\n+      A: \"2\"",
        );
        check(
            "app",
            Edit::RemoveItem("extra_hosts", "a:127.0.0.1".into()),
            "-    extra_hosts:\n-      - \"a:127.0.0.1\"",
        );
        check(
            "ls",
            Edit::Subnet {
                network: "x".into(),
                subnet: "10.0.0.0/24".parse().unwrap(),
            },
            "+    ipam:\n+      config: [{subnet: 10.0.0.0/24}]",
        );
        check(
            "ls",
            Edit::Attach {
                network: "x".into(),
                address: Some([10, 0, 0, 2].into()),
            },
            "+    networks:\n+      x:\n+        ipv4_address: 10.0.0.2",
        );
        check(
            "app",
            Edit::Attach {
                network: "x".into(),
                address: Some([10, 0, 0, 2].into()),
            },
            "-    networks: [x]\n+    networks:\n+      x:\n+        ipv4_address: 10.0.0.2",
        );
    }

    #[test]
    fn a_url_keeps_what_follows_its_port() {
        let edited = |text: &str, name: &str, rest: &str| {
            let edit = Edit::Repoint {
                name: name.into(),
                from: "http://localhost:4566".into(),
                to: "http://ls:4566".into(),
                rest: rest.into(),
            };
            let container = "app".into();
            Some(patch("f", text, &[Change { container, edit }])?.text)
        };
        let head = "services:\n  app:\n    environment:\n";
        for (before, after) in [
            (
                "      Q: http://LOCALHOST:4566/0/q # ours",
                "      Q: http://ls:4566/0/q # ours",
            ),
            (
                "      Q: 'http://localhost:4566'",
                "      Q: 'http://ls:4566'",
            ),
            (
                "      - \"Q=http://localhost:4566/0/q\"",
                "      - \"Q=http://ls:4566/0/q\"",
            ),
            // What is interpolated is written out.
            (
                "      - Q=http://${H}:4566/0/q",
                "      - Q=http://ls:4566/0/q",
            ),
            // From another file: what stands here wins.
            ("      - A=1", "      - A=1\n      - Q=http://ls:4566/0/q"),
        ] {
            let new = edited(&format!("{head}{before}\n"), "Q", "/0/q");
            assert_eq!(new, Some(format!("{head}{after}\n")), "{before}");
        }
        let secret = edited(
            &format!("{head}      Q: http://${{H}}/?t=1\n"),
            "Q",
            "/?t=<redacted>",
        );
        assert_eq!(secret, None);
    }

    #[test]
    fn secrets_that_stand_by_are_no_part_of_the_diff() {
        let text = "a: 1\nPASSWORD: hunter2\nb: 1\nc: 1\nTOKEN: hunter2\nd: 1\n";
        let new = text
            .replace("b: 1", "b: 2")
            .replace("d: 1\n", "d: 1\ne: 1\n");
        assert_eq!(
            unified("f", text, &new),
            "--- a/f\n+++ b/f\n@@ -3,2 +3,2 @@\n-b: 1\n+b: 2\n c: 1\n@@ -6 +6,2 @@\n d: 1\n+e: 1\n"
        );
        let alone = unified("f", "TOKEN: x1y2\n", "TOKEN: x1y2\ne: 1\n");
        assert_eq!(alone, "--- a/f\n+++ b/f\n@@ -1,0 +2 @@\n+e: 1\n");
    }

    #[test]
    fn what_cannot_be_placed_gives_no_patch() {
        let change = |container: &str| Change {
            container: container.into(),
            edit: Edit::Dns([10, 0, 0, 2].into()),
        };
        assert_eq!(patch("f", FILE, &[change("other")]), None);
        assert_eq!(
            patch("f", "services: {app: {image: x}}\n", &[change("app")]),
            None
        );
        assert_eq!(patch("f", "services:\n  app: *x\n", &[change("app")]), None);
        assert_eq!(patch("f", "a: [", &[change("app")]), None);
    }
}
