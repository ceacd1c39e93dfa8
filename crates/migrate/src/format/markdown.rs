//! Markdown: what stands in fenced blocks is read by its own format.

use std::ops::Range;

use lsconfig_formats::tree;

use super::containers::{self, Rules};
use super::shell::Dialect;
use super::{commands, dockerfile, dotenv};
use crate::scope::{Document, Owner};

/// A fenced block.
struct Fence {
    language: String,
    body: Range<usize>,
    indent: usize,
}

pub(crate) fn read(text: &str, document: &mut Document) {
    for fence in fences(text) {
        let body = text.get(fence.body.clone()).unwrap_or_default();
        let first = document.scopes.len();
        match fence.language.as_str() {
            "yaml" | "yml" | "compose" | "docker-compose" => yaml(text, &fence, document),
            "sh" | "bash" | "shell" | "zsh" | "console" | "shell-session" | "terminal" => {
                commands::read(text, fence.body.clone(), Dialect::Posix, document);
            }
            "powershell" | "ps1" | "pwsh" => {
                commands::read(text, fence.body.clone(), Dialect::PowerShell, document);
            }
            "dockerfile" | "docker" => dockerfile::read(text, fence.body.clone(), document),
            "env" | "dotenv" => dotenv::read(text, fence.body.clone(), document),
            "" if body.contains("docker run") || body.contains("localstack start") => {
                commands::read(text, fence.body.clone(), Dialect::Posix, document);
            }
            "" if body.contains("image:") => yaml(text, &fence, document),
            _ => {}
        }
        for scope in document.scopes.iter_mut().skip(first) {
            // Nobody says who loads a file that a document shows.
            if scope.owner == Owner::File {
                scope.owner = Owner::Other;
            }
        }
    }
}

/// Reads a block of YAML in place: everything else is blanked, so that offsets stay right.
fn yaml(text: &str, fence: &Fence, document: &mut Document) {
    let body = text.get(fence.body.clone()).unwrap_or_default();
    let masked: String = body
        .split_inclusive('\n')
        .map(|line| {
            let lead = line.len() - line.trim_start_matches([' ', '\t']).len();
            if lead >= fence.indent || line.trim().is_empty() {
                line
            } else {
                "\n"
            }
        })
        .collect();
    if masked.len() != body.len() {
        return;
    }
    let Ok(roots) = tree::parse_yaml(body) else {
        return;
    };
    let mut inner = Document::default();
    for root in &roots {
        containers::read(body, root, Rules::YAML, &mut inner);
    }
    shift(&mut inner, fence.body.start, document.blocks.len());
    document.scopes.append(&mut inner.scopes);
    document.blocks.append(&mut inner.blocks);
}

/// Moves a document that was read from a part of a text.
fn shift(document: &mut Document, base: usize, blocks: usize) {
    let moved = |span: &mut Range<usize>| *span = span.start + base..span.end + base;
    for scope in &mut document.scopes {
        for setting in &mut scope.settings {
            moved(&mut setting.name_span);
            moved(&mut setting.value_span);
            if let crate::slots::Slot::Item { block, .. } = &mut setting.slot {
                *block += blocks;
            }
        }
    }
    for block in &mut document.blocks {
        block.items.iter_mut().for_each(moved);
        block.start += base;
        block.end += base;
        block.key.iter_mut().for_each(moved);
        if let Some((parent, _)) = &mut block.parent {
            *parent += blocks;
        }
    }
}

fn fences(text: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut open: Option<(Fence, char, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_end_matches(['\n', '\r']);
        let body = content.trim_start_matches(' ');
        let indent = content.len() - body.len();
        let sign = body.chars().next().filter(|c| matches!(c, '`' | '~'));
        let run = sign.map_or(0, |c| body.len() - body.trim_start_matches(c).len());
        match &mut open {
            Some((fence, character, length))
                if sign == Some(*character) && run >= *length && body[run..].trim().is_empty() =>
            {
                fence.body.end = start;
                if let Some((fence, ..)) = open.take() {
                    found.push(fence);
                }
            }
            Some(_) => {}
            None if run >= 3 => {
                let info = body.get(run..).unwrap_or_default().trim();
                let language = info.split([' ', '{', ',', ':']).next().unwrap_or_default();
                let fence = Fence {
                    language: language.to_ascii_lowercase(),
                    body: at..at,
                    indent,
                };
                open = Some((fence, sign.unwrap_or('`'), run));
            }
            None => {}
        }
    }
    found
}
