//! Dockerfiles: `ENV` of a stage that builds on LocalStack.

use std::ops::Range;

use super::containers::of_image;
use super::shell::{Dialect, split};
use crate::scope::{Document, Owner, Scope, Setting, Writing};
use crate::slots::{Block, Layout, Slot};

pub(crate) fn read(text: &str, span: Range<usize>, document: &mut Document) {
    let mut scope: Option<Scope> = None;
    let mut arguments: Vec<(String, String)> = Vec::new();
    let mut stages: Vec<(String, Scope)> = Vec::new();
    let mut name = String::new();
    let joined = without_comments(text, span.clone());
    for instruction in instructions(text, span) {
        let script = split(&joined, instruction.clone(), Dialect::Posix);
        let Some(command) = script.commands.first() else {
            continue;
        };
        let mut words = command.words.iter();
        let Some(keyword) = words.next() else {
            continue;
        };
        match keyword.text.to_ascii_uppercase().as_str() {
            "FROM" => {
                if let Some(stage) = scope.take() {
                    stages.push((std::mem::take(&mut name), stage.clone()));
                    document.scopes.push(stage);
                }
                let image = words.find(|w| !w.text.starts_with("--"));
                let image = image.map(|w| w.text.clone()).unwrap_or_default();
                let mut plain = image.clone();
                for (name, value) in &arguments {
                    plain = plain
                        .replace(&format!("${{{name}}}"), value)
                        .replace(&format!("${name}"), value);
                }
                let mut stage = Scope::new(format!("FROM {image}"), of_image(&plain));
                let base = stages.iter().rfind(|(name, _)| *name == plain);
                if let Some((_, base)) = base.filter(|_| !plain.is_empty()) {
                    stage.owner = base.owner.clone();
                    stage.sealed = base.sealed;
                    stage.inherited.clone_from(&base.inherited);
                    let pairs = base.settings.iter();
                    let pairs = pairs.filter_map(|s| Some((s.name.clone(), s.value.clone()?)));
                    stage.inherited.extend(pairs);
                }
                scope = Some(stage);
                if words
                    .next()
                    .is_some_and(|w| w.text.eq_ignore_ascii_case("as"))
                {
                    name = words.next().map(|w| w.text.clone()).unwrap_or_default();
                }
            }
            "ARG" => {
                for word in words {
                    if let Some((name, value)) = word.text.split_once('=') {
                        arguments.push((name.to_owned(), value.to_owned()));
                    }
                }
            }
            "ENV" => {
                let Some(scope) = &mut scope else { continue };
                if script.lost || script.commands.len() > 1 {
                    scope.sealed = Some("an instruction is not read with certainty");
                    continue;
                }
                environment(&command.words, document, scope);
            }
            "ENTRYPOINT" | "CMD" => {
                if let Some(scope) = &mut scope
                    && matches!(scope.owner, Owner::Server(_))
                {
                    scope.sealed = Some("the container runs a program of its own");
                }
            }
            _ => {}
        }
    }
    document.scopes.extend(scope);
}

fn environment(words: &[super::shell::Word], document: &mut Document, scope: &mut Scope) {
    let Some(first) = words.get(1) else { return };
    let (start, end) = (words[0].span.start, words[words.len() - 1].span.end);
    let mut push = |layout, items: Vec<Range<usize>>, parent| {
        document.blocks.push(Block {
            layout,
            start: items.first().map_or(start, |item| item.start),
            items,
            end,
            parent,
            key: None,
            comments: &["#"],
        });
        document.blocks.len() - 1
    };
    let whole = push(Layout::Lines, std::iter::once(start..end).collect(), None);
    // An instruction with one pair goes as a whole.
    let single = words.len() == 2 || !first.text.contains('=');
    let block = if single {
        whole
    } else {
        let pairs = words.iter().skip(1).map(|w| w.span.clone()).collect();
        push(Layout::Words('\\'), pairs, Some((whole, 0)))
    };
    if !first.text.contains('=') {
        // The old form: `ENV NAME the whole rest`.
        let value = words.get(2..).unwrap_or_default();
        let text: Vec<&str> = value.iter().map(|w| w.text.as_str()).collect();
        let span = value.first().map_or(end..end, |w| w.span.start..end);
        scope.settings.push(Setting {
            name: first.text.clone(),
            name_span: first.span.clone(),
            value: Some(text.join(" ")),
            value_span: span,
            writing: if value.len() == 1 {
                Writing::Free
            } else {
                Writing::Fixed
            },
            slot: Slot::Item { block, index: 0 },
        });
        return;
    }
    for (index, word) in words.iter().skip(1).enumerate() {
        let setting = super::commands::setting(word, 0, Slot::Item { block, index });
        scope.settings.extend(setting);
    }
}

/// Puts joints in the place of comments, which may stand between joined lines.
fn without_comments(text: &str, span: Range<usize>) -> String {
    let mut joined = text.to_owned();
    let mut at = span.start;
    let mut open = false;
    for line in text.get(span).unwrap_or_default().split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        if !content.trim_start().starts_with('#') {
            open = content.trim_end().ends_with('\\');
        } else if open {
            let blank = format!("{}\\", " ".repeat(content.len() - 1));
            joined.replace_range(at..at + content.len(), &blank);
        }
        at += line.len();
    }
    joined
}

/// Splits a text into instructions; lines are joined by a backslash.
fn instructions(text: &str, span: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = span.start;
    let mut open: Option<usize> = None;
    for line in text.get(span).unwrap_or_default().split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim();
        if content.starts_with('#') || (content.is_empty() && open.is_some()) {
            continue;
        }
        let from = *open.get_or_insert(start);
        if content.ends_with('\\') {
            continue;
        }
        if !content.is_empty() {
            found.push(from..start + line.trim_end().len());
        }
        open = None;
    }
    if let Some(from) = open {
        found.push(from..at);
    }
    found
}
