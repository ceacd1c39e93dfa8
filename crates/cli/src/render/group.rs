//! Diagnostics that say the same of several variables, told once; and notes, told briefly.

use std::borrow::Cow;

use lsconfig::diagnostic::{Diagnostic, Severity, codes};

use super::printable;

/// Merges diagnostics of one code, severity and help whose messages differ in their first word, a
/// name in backticks. Keeps the order of the first of each group.
pub(super) fn merged(all: &[&Diagnostic]) -> Vec<Diagnostic> {
    let mut groups: Vec<Vec<&Diagnostic>> = Vec::new();
    for diagnostic in all {
        let fits = |group: &&mut Vec<&Diagnostic>| alike(group[0], diagnostic);
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(diagnostic),
            None => groups.push(vec![diagnostic]),
        }
    }
    groups.iter().map(|group| merge(group)).collect()
}

fn alike(a: &Diagnostic, b: &Diagnostic) -> bool {
    if (a.code, a.severity, &a.help) != (b.code, b.severity, &b.help) {
        return false;
    }
    match (subject(&a.message), subject(&b.message)) {
        (Some((_, a)), Some((_, b))) => a == b || may_differ(a) && may_differ(b),
        _ => false,
    }
}

/// Splits a message into the name that it begins with and the rest.
fn subject(message: &str) -> Option<(&str, &str)> {
    let (name, rest) = message.strip_prefix('`')?.split_once("` ")?;
    Some((name, rest))
}

/// Whether the rest of a message is a deprecation, which may name another release for each name.
fn may_differ(rest: &str) -> bool {
    rest.starts_with("is deprecated since ")
}

fn merge(group: &[&Diagnostic]) -> Diagnostic {
    let first = group[0];
    let [_, _, ..] = group else {
        return first.clone();
    };
    let parts: Vec<(&str, &str)> = group.iter().filter_map(|d| subject(&d.message)).collect();
    let mut names: Vec<String> = Vec::new();
    for (name, _) in &parts {
        let name = format!("`{name}`");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let rest = parts[0].1;
    let same = parts.iter().all(|(_, other)| *other == rest);
    let predicate = match (names.len(), same) {
        (1, true) => rest.to_owned(),
        (_, true) => plural(rest),
        (_, false) => "are deprecated".to_owned(),
    };
    let mut merged = Diagnostic {
        message: format!("{} {predicate}", join(&names)),
        help: first.help.as_deref().map(|help| {
            let several = help.strip_prefix("remove it").filter(|_| names.len() > 1);
            Cow::Owned(several.map_or_else(
                || help.to_owned(),
                |tail| {
                    let tail = tail.replace(" takes its place", " takes their place");
                    format!("remove them{tail}")
                },
            ))
        }),
        labels: Vec::new(),
        ..first.clone()
    };
    for (diagnostic, (_, rest)) in group.iter().zip(&parts) {
        for label in &diagnostic.labels {
            let mut label = label.clone();
            if !same && label.message.is_empty() {
                label.message = Cow::Owned(since(rest));
            }
            if !merged.labels.contains(&label) {
                merged.labels.push(label);
            }
        }
    }
    merged
}

/// Shortens a deprecation to its releases, for a label.
fn since(rest: &str) -> String {
    rest.trim_start_matches("is deprecated ")
        .replace(" and has ", ", ")
}

/// Puts a predicate into the plural.
fn plural(rest: &str) -> String {
    let rest = match rest.split_once(' ') {
        Some(("is", tail)) => format!("are {tail}"),
        Some(("has", tail)) => format!("have {tail}"),
        Some(("does", tail)) => format!("do {tail}"),
        _ => rest.to_owned(),
    };
    rest.replace(" and has no effect", " and have no effect")
}

/// Joins names as prose.
pub(crate) fn join(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Renders the notes: one line for each code, with the first message and how many more there are.
pub(super) fn notes(all: &[Diagnostic]) -> String {
    let notes: Vec<&Diagnostic> = all
        .iter()
        .filter(|d| d.severity == Severity::Note)
        .collect();
    if notes.is_empty() {
        return String::new();
    }
    let mut text = "Notes (`--all` shows them in full)\n\n".to_owned();
    let of_code = |code: &str| notes.iter().filter(|d| d.code == code).count();
    let listed = codes::RULES.iter().filter(|rule| of_code(rule.code) > 0);
    let width = listed
        .clone()
        .map(|rule| rule.code.len())
        .max()
        .unwrap_or(0);
    for rule in listed {
        let first = notes.iter().find(|d| d.code == rule.code);
        let message = first.map_or("", |d| &d.message);
        let more = match of_code(rule.code) {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        text.push_str(&format!(
            "  {:width$}  {}{more}\n",
            rule.code,
            printable(message)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deprecated(name: &str, rest: &str) -> Diagnostic {
        Diagnostic::new(&codes::DEPRECATED_VARIABLE, format!("`{name}` {rest}")).help("remove it")
    }

    #[track_caller]
    fn check(all: &[Diagnostic], messages: &[&str]) {
        let merged = merged(&all.iter().collect::<Vec<_>>());
        let shown: Vec<&str> = merged.iter().map(|d| &*d.message).collect();
        assert_eq!(shown, messages);
    }

    #[test]
    fn what_is_said_of_several_names_is_said_once() {
        let same = "is deprecated since 2.0.0 and has no effect since 3.0.0";
        check(
            &[
                deprecated("A", same),
                deprecated("B", same),
                deprecated("C", same),
            ],
            &["`A`, `B` and `C` are deprecated since 2.0.0 and have no effect since 3.0.0"],
        );
        check(
            &[
                deprecated("A", same),
                deprecated("B", "is deprecated since 1.0.0"),
            ],
            &["`A` and `B` are deprecated"],
        );
        check(
            &[deprecated("A", same), deprecated("A", same)],
            &["`A` is deprecated since 2.0.0 and has no effect since 3.0.0"],
        );
    }

    #[test]
    fn what_has_another_fix_or_form_stays_apart() {
        let same = "is deprecated since 2.0.0";
        let other = deprecated("B", same).help("use `C`");
        check(
            &[deprecated("A", same), other],
            &[
                "`A` is deprecated since 2.0.0",
                "`B` is deprecated since 2.0.0",
            ],
        );
        let bad = |message| Diagnostic::new(&codes::BAD_FILE, message);
        check(&[bad("a file"), bad("a file")], &["a file", "a file"]);
    }

    #[test]
    fn notes_are_counted_by_code() {
        let note = |message| Diagnostic::new(&codes::EMPTY_VALUE, message);
        let text = notes(&[note("`A` is empty"), note("`B` is empty")]);
        assert!(
            text.ends_with("  empty-value  `A` is empty (and 1 more)\n"),
            "{text}"
        );
        assert_eq!(notes(&[]), "");
    }
}
