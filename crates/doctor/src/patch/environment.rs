//! Variables of a service, in the form and the quotes that its `environment:` has already.

use std::ops::Range;

use lsconfig::redact::REDACTED;
use lsconfig::source::yaml::{Node, Style, Tree};

use super::{add_item, cut, find, remove, set, whole_lines};

/// Sets a variable.
pub(super) fn assign(text: &str, service: &[&str], name: &str, value: &str) -> Option<String> {
    let path = path_of(service);
    let tree = Tree::parse(text).ok()?;
    let Some(variables) = find(&tree, &path).filter(|node| node.is_sequence()) else {
        let own = [&path[..], &[name]].concat();
        let old = find(&tree, &own).and_then(|node| node.scalar());
        return set(
            text,
            &own,
            &written(value, old.map(|(_, style)| style), VALUE),
        );
    };
    let pair = format!("{name}={value}");
    match item(variables, name) {
        Some(old) => Some(replace(text, old.span(), &like(&pair, old))),
        None => {
            let last = variables.items().next_back();
            let style = last.and_then(|i| i.value.scalar()).map(|(_, style)| style);
            add_item(text, &path, &written(&pair, style, ITEM))
        }
    }
}

/// Removes a variable. With the last one, `environment:` goes too.
pub(super) fn unset(text: &str, service: &[&str], name: &str) -> Option<String> {
    let path = path_of(service);
    let tree = Tree::parse(text).ok()?;
    let Some(variables) = find(&tree, &path).filter(|node| node.is_sequence()) else {
        return remove(text, &[&path[..], &[name]].concat());
    };
    let mut items = variables.items();
    let Some(old) = items.find(|item| names(item.value, name)) else {
        return Some(text.to_owned());
    };
    match (variables.is_flow(), variables.items().len()) {
        (true, _) => None,
        (false, 1) => remove(text, &path),
        (false, _) => Some(cut(
            text,
            whole_lines(text, old.dash?..old.value.span().end)?,
        )),
    }
}

/// Sets a variable on the line of another one, which goes. Where that one isn't written here, or the
/// new one is set already, it is set as usual.
pub(super) fn rename(
    text: &str,
    service: &[&str],
    from: &str,
    to: &str,
    value: &str,
) -> Option<String> {
    let path = path_of(service);
    let tree = Tree::parse(text).ok()?;
    let variables = find(&tree, &path)?;
    let is_set = variables.get(to).is_some() || item(variables, to).is_some();
    if !is_set && variables.is_sequence() {
        if let Some(old) = item(variables, from) {
            let pair = format!("{to}={value}");
            return Some(replace(text, old.span(), &like(&pair, old)));
        }
    } else if !is_set
        && let Some(old) = variables.get(from)
        && !old.value.is_alias()
        && let Some((_, style)) = old.value.scalar()
    {
        let text = replace(text, old.value.span(), &written(value, Some(style), VALUE));
        return Some(replace(&text, old.key.span(), to));
    }
    let text = unset(text, service, from)?;
    assign(&text, service, to, value)
}

/// Lets the URL in a variable begin otherwise; what follows stays as it is written.
pub(super) fn repoint(
    text: &str,
    service: &[&str],
    name: &str,
    (from, to): (&str, &str),
    rest: &str,
) -> Option<String> {
    let path = path_of(service);
    let tree = Tree::parse(text).ok()?;
    let old = find(&tree, &path).and_then(|variables| {
        let value = variables.get(name).map(|entry| entry.value);
        value.or_else(|| item(variables, name))
    });
    let place = old.filter(|old| !old.is_alias()).and_then(|old| {
        let span = old.span();
        // Names of hosts are written in any case.
        let written = text[span.clone()].to_ascii_lowercase();
        let start = span.start + written.find(&from.to_ascii_lowercase())?;
        let end = start + from.len();
        // `http://a:45` is also the beginning of `http://a:4566`.
        let ends = !text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '.' || c == ':');
        ends.then_some(start..end)
    });
    match place {
        Some(place) => Some(replace(text, place, to)),
        None if rest.contains(REDACTED) => None,
        None => assign(text, service, name, &format!("{to}{rest}")),
    }
}

fn path_of<'s>(service: &[&'s str]) -> Vec<&'s str> {
    [service, &["environment"]].concat()
}

fn names(item: Node<'_>, name: &str) -> bool {
    item.as_str()
        .is_some_and(|text| text.split('=').next() == Some(name))
}

/// Returns the item of a list that sets a variable.
fn item<'t>(variables: Node<'t>, name: &str) -> Option<Node<'t>> {
    let mut items = variables.items();
    Some(items.find(|item| names(item.value, name))?.value)
}

fn replace(text: &str, span: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..span.start], &text[span.end..])
}

/// What comes before a scalar, so that it can be tried how it reads.
const ITEM: &str = "- ";
const VALUE: &str = "k: ";

/// Writes an item in the quotes of another one.
fn like(pair: &str, old: Node<'_>) -> String {
    written(pair, old.scalar().map(|(_, style)| style), ITEM)
}

/// Writes a scalar in some quotes, or in none where it is plain and still reads as the same text.
fn written(text: &str, style: Option<Style>, context: &str) -> String {
    match style {
        Some(Style::Single) if !text.contains(['\'', '\n']) => format!("'{text}'"),
        None | Some(Style::Plain) if is_plain(text, context) => text.to_owned(),
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

fn is_plain(text: &str, context: &str) -> bool {
    // Compose refuses booleans as values, and flow style has separators of its own.
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '/';
    let document = format!("{context}{text}\n");
    !is_word
        && text.starts_with(begins)
        && !text.contains([',', '[', ']', '{', '}'])
        && Tree::parse(&document).is_ok_and(|tree| {
            let root = tree.documents().next();
            let first = root.and_then(|root| {
                let item = root.items().next().map(|item| item.value);
                item.or_else(|| root.entries().next().map(|entry| entry.value))
            });
            first.and_then(Node::scalar) == Some((text, Style::Plain))
        })
}
