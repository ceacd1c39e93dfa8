//! Dockerfiles: `ENV` of a stage that builds on LocalStack.

use std::ops::Range;

use super::containers::of_image;
use super::shell::{Dialect, split};
use crate::scope::{Document, Owner, Scope, Setting, Writing};
use crate::slots::{Block, Layout, Slot};

pub(crate) fn read(text: &str, span: Range<usize>, document: &mut Document) {
    let mut scope: Option<Scope> = None;
    let mut arguments: Vec<(String, String)> = Vec::new();
    for instruction in instructions(text, span) {
        let script = split(text, instruction.clone(), Dialect::Posix);
        let Some(command) = script.commands.first() else {
            continue;
        };
        let mut words = command.words.iter();
        let Some(keyword) = words.next() else {
            continue;
        };
        match keyword.text.to_ascii_uppercase().as_str() {
            "FROM" => {
                document.scopes.extend(scope.take());
                let image = words.find(|w| !w.text.starts_with("--"));
                let image = image.map(|w| w.text.clone()).unwrap_or_default();
                let mut plain = image.clone();
                for (name, value) in &arguments {
                    plain = plain
                        .replace(&format!("${{{name}}}"), value)
                        .replace(&format!("${name}"), value);
                }
                scope = Some(Scope::new(format!("FROM {image}"), of_image(&plain)));
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
    let items: Vec<Range<usize>> = if first.text.contains('=') {
        words.iter().map(|w| w.span.clone()).collect()
    } else {
        std::iter::once(start..end).collect()
    };
    // An instruction with one pair goes as a whole.
    let single = words.len() == 2 || !first.text.contains('=');
    let block = document.blocks.len();
    document.blocks.push(Block {
        layout: if single {
            Layout::Lines
        } else {
            Layout::Words('\\')
        },
        items: if single {
            std::iter::once(start..end).collect()
        } else {
            items
        },
        start,
        end,
        parent: None,
        key: None,
        comment: "#",
    });
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
    for (index, word) in words.iter().enumerate().skip(1) {
        let index = if single { 0 } else { index };
        let setting = super::commands::setting(word, 0, Slot::Item { block, index });
        scope.settings.extend(setting);
    }
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
