//! `.env` files: one setting a line.
//!
//! Programs differ in how they read quotes and escapes, so only lines on which all of them agree
//! are edited.

use std::ops::Range;

use crate::scope::{Document, Owner, Scope, Setting, Writing};
use crate::slots::{Block, Layout, Slot};

pub(crate) fn read(text: &str, span: Range<usize>, document: &mut Document) {
    let mut scope = Scope::new(".env", Owner::File);
    let mut items = Vec::new();
    let block = document.blocks.len();
    let mut at = span.start;
    // A quote that stays open swallows the lines after it.
    let mut open: Option<char> = None;
    for line in text
        .get(span.clone())
        .unwrap_or_default()
        .split_inclusive('\n')
    {
        let start = at;
        at += line.len();
        let content = line.trim_end_matches(['\n', '\r']);
        if let Some(quote) = open {
            if content.contains(quote) {
                open = None;
            }
            continue;
        }
        let bom = content.len() - content.trim_start_matches('\u{feff}').len();
        let lead = bom + (content[bom..].len() - content[bom..].trim_start().len());
        let body = content.get(lead..).unwrap_or_default();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let exported = body
            .strip_prefix("export ")
            .map_or(0, |rest| body.len() - rest.trim_start().len());
        let from = start + lead + exported;
        let body = body.get(exported..).unwrap_or_default();
        let Some((name, raw)) = body.split_once('=') else {
            continue;
        };
        let name_len = name.trim_end().len();
        let name = name.trim_end();
        let plain_name = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if !plain_name {
            continue;
        }
        let value_at = from + body.len() - raw.len();
        let gap = raw.len() - raw.trim_start_matches([' ', '\t']).len();
        let raw = raw.get(gap..).unwrap_or_default();
        let value = value(raw, value_at + gap);
        if let Some(quote) = value.open {
            open = Some(quote);
        }
        let sure = value.sure && name_len > 0;
        items.push(
            start + lead..start + lead + content.get(lead..).map_or(0, |c| c.trim_end().len()),
        );
        let index = items.len() - 1;
        scope.settings.push(Setting {
            name: name.to_owned(),
            name_span: from..from + name.len(),
            value: Some(value.text),
            value_span: value.span,
            writing: if sure { Writing::Free } else { Writing::Fixed },
            slot: if value.open.is_none() {
                Slot::Item { block, index }
            } else {
                Slot::Fixed
            },
        });
    }
    document.blocks.push(Block {
        layout: Layout::Lines,
        items,
        start: span.start,
        end: span.end,
        parent: None,
        key: None,
        comments: &["#"],
    });
    document.scopes.push(scope);
}

struct Value {
    text: String,
    span: Range<usize>,
    sure: bool,
    open: Option<char>,
}

fn value(raw: &str, at: usize) -> Value {
    let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote {
        let rest = raw.get(1..).unwrap_or_default();
        return match rest.find(quote) {
            Some(len) => {
                let text = rest.get(..len).unwrap_or_default();
                let tail = rest.get(len + 1..).unwrap_or_default().trim();
                Value {
                    text: text.to_owned(),
                    span: at + 1..at + 1 + len,
                    sure: !text.contains('\\') && (tail.is_empty() || tail.starts_with('#')),
                    open: None,
                }
            }
            None => Value {
                text: rest.to_owned(),
                span: at..at + raw.len(),
                sure: false,
                open: Some(quote),
            },
        };
    }
    let end = raw
        .find(" #")
        .or_else(|| raw.find("\t#"))
        .unwrap_or(raw.len());
    let text = raw.get(..end).unwrap_or_default().trim_end();
    Value {
        text: text.to_owned(),
        span: at..at + text.len(),
        sure: !text.contains(['\\', '"', '\'', '#']),
        open: None,
    }
}
