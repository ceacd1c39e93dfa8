//! What is worth saying about the user's input.
//!
//! A [`Diagnostic`] is plain data: a stable code, a severity, a message, labels with origins, help
//! and perhaps a replacement. Rendering belongs to the CLI. Every code is one row of
//! [`codes::RULES`].

pub mod codes;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::layer::{Occurrence, Origin};
use crate::redact::{conceal, redact};

/// How bad it is. The order is from mild to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing has to change.
    Note,
    /// Works and should change, or is without effect.
    Warning,
    /// The emulator refuses or breaks.
    Error,
}

/// One row of the catalogue of diagnostics.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable name, kebab-case.
    pub code: &'static str,
    /// The usual severity; a diagnostic may carry another one where the row says so.
    pub severity: Severity,
    /// One line: what it reports.
    pub summary: &'static str,
    /// What it means, why it matters, what to do; Markdown, printed by `lsconfig rule`.
    pub explanation: &'static str,
}

/// A place in the input with a remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Where the value stands.
    #[serde(flatten)]
    pub origin: Origin,
    /// The variable as written there, when the place is an occurrence.
    pub variable: Option<Arc<str>>,
    /// Its value, redacted, when the place is an occurrence.
    pub raw: Option<Arc<str>>,
    /// What the remark is about.
    #[serde(skip)]
    pub mark: Mark,
    /// The remark; may be empty.
    pub message: Cow<'static, str>,
}

/// The part of a place that a remark is about: what an underline covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mark {
    /// The whole value, or the place itself where it is no occurrence.
    #[default]
    Value,
    /// Some bytes of the value.
    Part(Range<usize>),
    /// The name of the variable, which stands before the value.
    Name,
}

impl Label {
    /// Labels the value of an occurrence.
    pub fn of(occurrence: &Occurrence, message: impl Into<Cow<'static, str>>) -> Self {
        let shown = redact(&occurrence.name, &occurrence.raw);
        Self {
            origin: occurrence.origin.clone(),
            variable: Some(Arc::clone(
                occurrence.written_name.as_ref().unwrap_or(&occurrence.name),
            )),
            raw: Some(if shown == *occurrence.raw {
                Arc::clone(&occurrence.raw)
            } else {
                Arc::from(&*shown)
            }),
            mark: Mark::Value,
            message: message.into(),
        }
    }

    /// Labels the name of an occurrence. The position stays the one of its value.
    pub fn of_name(occurrence: &Occurrence, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            mark: Mark::Name,
            ..Self::of(occurrence, message)
        }
    }

    /// Labels some bytes of an occurrence's value.
    pub fn of_part(
        occurrence: &Occurrence,
        part: Range<usize>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let whole = Self::of(occurrence, message);
        let verbatim = whole.raw.as_deref() == Some(&*occurrence.raw);
        Self {
            mark: if verbatim {
                Mark::Part(part)
            } else {
                Mark::Value
            },
            ..whole
        }
    }

    /// Returns the bytes of the value that the remark is about, where it is about some of them.
    #[must_use]
    pub fn part(&self) -> Option<Range<usize>> {
        match &self.mark {
            Mark::Part(part) => Some(part.clone()),
            Mark::Value | Mark::Name => None,
        }
    }

    /// Labels a place that is no occurrence, for example a `ports:` entry.
    pub fn at(origin: Origin, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            origin,
            variable: None,
            raw: None,
            mark: Mark::Value,
            message: message.into(),
        }
    }
}

/// A text that would mend what a diagnostic reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The variable to set; `None` means the occurrence should go without replacement.
    pub variable: Option<Cow<'static, str>>,
    /// The value to set it to; `None` keeps the present one, which is not shown when it holds a
    /// secret.
    pub value: Option<String>,
}

/// Something about the user's input that is worth saying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The stable code.
    pub code: &'static str,
    /// How bad it is here.
    pub severity: Severity,
    /// A lower-case fragment without full stop; names in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<Cow<'static, str>>,
    /// The variable it is about, where it is about one.
    pub variable: Option<Cow<'static, str>>,
    /// A replacement, where one exists.
    pub suggestion: Option<Suggestion>,
    /// The places it is about, the most important first.
    pub labels: Vec<Label>,
}

impl Diagnostic {
    /// Starts a diagnostic of `rule` with its usual severity.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self {
            code: rule.code,
            severity: rule.severity,
            message: message.into(),
            help: None,
            variable: None,
            suggestion: None,
            labels: Vec::new(),
        }
    }

    /// Sets another severity than the usual one.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Adds help.
    #[must_use]
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names the variable it is about.
    #[must_use]
    pub fn about(mut self, variable: impl Into<Cow<'static, str>>) -> Self {
        self.variable = Some(variable.into());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, label: Label) -> Self {
        self.labels.push(label);
        self
    }

    /// Suggests to set `variable` to `value`. A value that holds a secret is left out.
    #[must_use]
    pub fn suggest(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        let may_show = redact(variable, &value) == value;
        self.suggestion = Some(Suggestion {
            variable: Some(variable.into()),
            value: may_show.then_some(value),
        });
        self
    }

    /// Takes texts that must not be shown out of everything that it says.
    pub fn conceal(&mut self, secrets: &[Arc<str>]) {
        if secrets.is_empty() {
            return;
        }
        self.message = conceal(&*self.message, secrets).into_owned();
        if let Some(help) = &mut self.help {
            *help = Cow::Owned(conceal(&**help, secrets).into_owned());
        }
        if let Some(suggestion) = &mut self.suggestion {
            let value = suggestion.value.take();
            suggestion.value = value.filter(|value| conceal(value, secrets) == *value);
        }
        for label in &mut self.labels {
            if let Some(raw) = &label.raw
                && let Cow::Owned(concealed) = conceal(&**raw, secrets)
            {
                // Offsets into the value say nothing any more.
                label.raw = Some(concealed.into());
                if label.part().is_some() {
                    label.mark = Mark::Value;
                }
            }
        }
    }

    /// Suggests to remove the occurrence.
    #[must_use]
    pub fn suggest_removal(mut self) -> Self {
        self.suggestion = Some(Suggestion {
            variable: None,
            value: None,
        });
        self
    }
}
