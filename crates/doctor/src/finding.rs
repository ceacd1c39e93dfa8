//! What a judgement says: findings with evidence, and the fixes that are offered.

use serde::Serialize;

use lsconfig::diagnostic::Severity;

use crate::check::{Check, by_number};
use crate::facts::{Container, Place};
use crate::fix::Fix;

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A probe saw it, or the engine says so.
    Proven,
    /// It follows from settings.
    Predicted,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The container or service; empty for the engine and the host.
    pub name: String,
    /// Where that is written, where a file is known.
    pub place: Option<Place>,
}

impl Subject {
    /// The container as a whole, at the place of one of its keys: the first that is known.
    #[must_use]
    pub fn of(container: &Container, keys: &[&str]) -> Self {
        let places = container.compose.as_ref().map(|c| &c.places);
        let place = keys
            .iter()
            .chain(&[""])
            .find_map(|key| places?.get(*key).cloned());
        Self {
            name: container.label().to_owned(),
            place,
        }
    }
}

/// One cause of trouble.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The row of the table.
    pub check: &'static Check,
    /// How bad it is here.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it is about.
    pub subject: Subject,
    /// The client that suffers, where it is one.
    pub client: Option<String>,
    /// A fragment that names the things.
    pub message: String,
    /// What it rests on, one fragment for each fact.
    pub evidence: Vec<String>,
    /// What mends it, the best first.
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// Starts a finding of a row with its usual severity.
    #[must_use]
    pub fn new(number: &str, subject: Subject, message: impl Into<String>) -> Self {
        let check = by_number(number);
        Self {
            check,
            severity: check.rule.severity,
            confidence: Confidence::Predicted,
            subject,
            client: None,
            message: message.into(),
            evidence: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// Sets another severity.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Marks it as seen, not predicted.
    #[must_use]
    pub fn proven(self, proven: bool) -> Self {
        let confidence = if proven {
            Confidence::Proven
        } else {
            self.confidence
        };
        Self { confidence, ..self }
    }

    /// Adds a fact that it rests on.
    #[must_use]
    pub fn evidence(mut self, text: impl Into<String>) -> Self {
        self.evidence.push(text.into());
        self
    }

    /// Adds a fix after those that it has.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fixes.push(fix);
        self
    }
}
