//! Pipelines of Jenkins: commands in the texts of Groovy, and containers of its Docker plugin.
//!
//! This is no reader of Groovy: it finds texts in quotes, and comments. A text that names a command
//! is read as a script; `docker.image('IMAGE').withRun('OPTIONS')` as that command.

use std::ops::Range;

use super::shell::Dialect;
use super::{commands, escape};
use crate::scope::Document;

/// Calls of the Docker plugin whose text holds options of `docker run`.
const RUNNERS: [&str; 3] = [".withRun(", ".run(", ".inside("];

pub(crate) fn read(text: &str, document: &mut Document) {
    let mut image: Option<(String, usize)> = None;
    for (body, before) in texts(text) {
        let Some(inner) = text.get(body.clone()) else {
            continue;
        };
        let lead = text.get(..before).unwrap_or_default();
        if lead.ends_with(".image(") {
            image = Some((inner.to_owned(), body.end));
            continue;
        }
        // The image stands right before, in the same chain of calls.
        let chained = image
            .as_ref()
            .filter(|(_, end)| text.get(*end..before).is_some_and(is_chain));
        if let Some((image, _)) = chained
            && RUNNERS.iter().any(|call| lead.ends_with(call))
        {
            let image = image.clone();
            commands::options(text, body, &image, document);
            continue;
        }
        if commands::STARTS.iter().any(|word| inner.contains(word)) {
            script(text, body, document);
        }
    }
}

/// Returns whether only the end of one call and the start of the next stand between two texts.
fn is_chain(gap: &str) -> bool {
    gap.len() < 200
        && RUNNERS.iter().any(|call| gap.trim_end().ends_with(call))
        && gap.matches('(').count() == 1
}

fn script(text: &str, body: Range<usize>, document: &mut Document) {
    let first = document.scopes.len();
    let inner = text.get(body.clone()).unwrap_or_default();
    if !inner.contains('\\') {
        commands::read(text, body, Dialect::Posix, document);
        return;
    }
    let mut copy = text.to_owned();
    copy.replace_range(body.clone(), &escape::plain(inner));
    commands::read(&copy, body, Dialect::Escaped, document);
    if escape::is_simple_groovy(inner) {
        return;
    }
    for scope in document.scopes.iter_mut().skip(first) {
        scope.sealed = Some("the script stands in a text with escapes");
    }
}

/// Returns the inside of every text in quotes, and where its quotes begin.
fn texts(text: &str) -> Vec<(Range<usize>, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |n| n + 2);
        } else if byte == b'\'' || byte == b'"' {
            let three: &str = if byte == b'"' { "\"\"\"" } else { "'''" };
            let quote = if rest.starts_with(three) {
                three
            } else {
                &three[..1]
            };
            let start = at + quote.len();
            let Some(len) = closing(text.get(start..).unwrap_or_default(), quote) else {
                return found;
            };
            found.push((start..start + len, at));
            at = start + len + quote.len();
        } else {
            at += 1;
        }
    }
    found
}

/// Returns where a text ends, its escapes heeded; one in single quotes ends with its line.
fn closing(text: &str, quote: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' if quote.len() == 1 => return None,
            _ if bytes.get(at..)?.starts_with(quote.as_bytes()) => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_and_comments_are_not() {
        let text = "a 'b' // 'c'\n\"\"\"d\"e\"\"\" /* \"f\" */ \"g\\\"h\"";
        let found: Vec<&str> = texts(text).into_iter().map(|(r, _)| &text[r]).collect();
        assert_eq!(found, ["b", "d\"e", "g\\\"h"]);
    }
}
