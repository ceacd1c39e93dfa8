//! What is reported, and what is offered.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use lsconfig::diagnostic::{Rule, Severity};
use serde::Serialize;

use crate::effect::Effect;
use crate::slots::Slot;

/// Whether a fix may be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Safety {
    /// The same release has the same effective settings before and after.
    Safe,
    /// What runs today changes.
    Unsafe,
}

/// One change of a document, in terms of its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Takes an item away.
    Remove(Slot),
    /// Replaces bytes.
    Replace(Range<usize>, String),
    /// Puts new items in front of one, written like it.
    Insert(Slot, Vec<Twin>),
}

/// A copy of an item with another name and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// The bytes of the name that is replaced, and its successor.
    pub name: (Range<usize>, String),
    /// The bytes of the value that is replaced, and its successor.
    pub value: (Range<usize>, String),
}

/// Changes that are made together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Whether it may be applied without asking.
    pub safety: Safety,
    /// What it does, as a fragment.
    pub title: String,
    /// Why it is not safe, where it is not.
    pub why: Option<String>,
    /// The changes.
    pub ops: Vec<Op>,
    /// Findings with the same number are fixed together.
    pub group: usize,
    /// The scope that it changes, by its position in the document.
    pub scope: usize,
    /// Names that go, and names with values that come.
    pub announced: Announced,
    /// Other files that set the same name for the same service, and must change with this one.
    pub partners: Vec<PathBuf>,
    /// Whether these can change too, as [`settle`](crate::project::settle) found.
    pub met: bool,
}

/// What a fix is going to change, for the proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// Names as written that go.
    pub gone: Vec<String>,
    /// Names as written that come, with their values.
    pub come: Vec<(String, String)>,
}

impl Announced {
    /// Returns whether a name comes.
    #[must_use]
    pub fn comes(&self, name: &str) -> bool {
        self.come.iter().any(|(come, _)| come == name)
    }
}

/// Another place that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// The file, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Line, from 1.
    pub line: u32,
    /// What stands there, as a fragment.
    pub message: String,
}

/// What a fix moves, and other lines may name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moves {
    /// The port that the server listens on.
    Port(String),
    /// The host in URLs of queues.
    QueueUrls,
}

/// One thing that is said about one place.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Code, summary and explanation.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// The file.
    pub path: Arc<PathBuf>,
    /// Line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// The bytes it is about.
    pub span: Range<usize>,
    /// The name as written, where it is about one.
    pub name: String,
    /// The value, fit to be shown.
    pub value: Option<String>,
    /// One fragment.
    pub message: String,
    /// Whose setting it is: `services.localstack (localstack/localstack:4)`.
    pub scope: String,
    /// The release that was judged by, and how it is known.
    pub release: String,
    /// What the settings do today, what was meant, and what they do after the fix.
    pub today: Option<Effect>,
    /// As meant by whoever wrote the legacy names.
    pub meant: Option<Effect>,
    /// After the fix.
    pub after: Option<Effect>,
    /// What a second line beside the fix would give: the line, and the settings then.
    pub alternatives: Vec<(String, Effect)>,
    /// What other lines may hold that a fix puts out of date.
    pub moves: Option<Moves>,
    /// Advice, most important first.
    pub help: Vec<String>,
    /// Other places.
    pub related: Vec<Related>,
    /// What is offered.
    pub fix: Option<Fix>,
}
