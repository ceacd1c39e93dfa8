//! What is worth saying about the user's input.
//!
//! A [`Diagnostic`] is plain data: a stable code, a severity, a message, labels with origins, help
//! and perhaps a replacement. Rendering belongs to the CLI. Every code is one row of
//! [`codes::RULES`].

pub mod codes;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::layer::{Occurrence, Origin};
use crate::redact::{conceal, redact};

/// How bad it is. The order is from mild to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
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
///
/// It shares the occurrence it is about. What may be shown of its value is decided when it is
/// shown: most diagnostics of a program that resolves settings are never looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    place: Place,
    mark: Mark,
    /// What may be shown of the value, where it holds something that is not shown.
    concealed: Option<Arc<str>>,
    /// The remark; may be empty.
    pub message: Cow<'static, str>,
    /// What an underline covers, once the text of the source was looked at: [`resolve`] never does.
    ///
    /// [`resolve`]: crate::resolve::resolve
    pub marked: Option<Marked>,
}

/// The characters of a source's line that an underline covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Marked {
    /// Line, from 1.
    pub line: u32,
    /// Column of the first character, from 1, in characters.
    pub column: u32,
    /// How many characters; 0 where something is missing.
    pub length: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Occurrence(Arc<Occurrence>),
    Other(Origin),
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
    pub fn of(occurrence: &Arc<Occurrence>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            place: Place::Occurrence(Arc::clone(occurrence)),
            mark: Mark::Value,
            concealed: None,
            message: message.into(),
            marked: None,
        }
    }

    /// Labels the name of an occurrence. The position stays the one of its value.
    pub fn of_name(occurrence: &Arc<Occurrence>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            mark: Mark::Name,
            ..Self::of(occurrence, message)
        }
    }

    /// Labels some bytes of an occurrence's value.
    pub fn of_part(
        occurrence: &Arc<Occurrence>,
        part: Range<usize>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            mark: Mark::Part(part),
            ..Self::of(occurrence, message)
        }
    }

    /// Labels a place that is no occurrence, for example a `ports:` entry.
    pub fn at(origin: Origin, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            place: Place::Other(origin),
            mark: Mark::Value,
            concealed: None,
            message: message.into(),
            marked: None,
        }
    }

    /// Returns where the value stands.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match &self.place {
            Place::Occurrence(occurrence) => &occurrence.origin,
            Place::Other(origin) => origin,
        }
    }

    /// Returns the variable as written there, when the place is an occurrence.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        self.occurrence().map(Occurrence::written)
    }

    /// Returns its value, redacted, when the place is an occurrence.
    #[must_use]
    pub fn raw(&self) -> Option<Cow<'_, str>> {
        let occurrence = self.occurrence()?;
        Some(match &self.concealed {
            Some(concealed) => Cow::Borrowed(concealed),
            None => redact(&occurrence.name, &occurrence.raw),
        })
    }

    /// Returns what an underline covers; the whole value where something in it is redacted.
    #[must_use]
    pub fn mark(&self) -> Mark {
        match &self.mark {
            Mark::Part(_) if self.part().is_none() => Mark::Value,
            mark => mark.clone(),
        }
    }

    /// Returns the bytes of [`raw`](Self::raw) that the remark is about; `None` for the whole
    /// value, and where something in it is redacted.
    #[must_use]
    pub fn part(&self) -> Option<Range<usize>> {
        let Mark::Part(part) = &self.mark else {
            return None;
        };
        let verbatim = *self.raw()? == *self.occurrence()?.raw;
        verbatim.then(|| part.clone())
    }

    fn occurrence(&self) -> Option<&Occurrence> {
        match &self.place {
            Place::Occurrence(occurrence) => Some(occurrence),
            Place::Other(_) => None,
        }
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let origin = self.origin();
        let mut label = serializer.serialize_struct("Label", 7)?;
        label.serialize_field("source", &origin.source)?;
        label.serialize_field("line", &origin.line)?;
        label.serialize_field("column", &origin.column)?;
        label.serialize_field("variable", &self.variable())?;
        label.serialize_field("raw", &self.raw())?;
        label.serialize_field("message", &self.message)?;
        label.serialize_field("marked", &self.marked)?;
        label.end()
    }
}

/// A text that would mend what a diagnostic reports.
#[derive(Clone, PartialEq, Eq)]
pub struct Suggestion {
    variable: Option<&'static str>,
    value: Option<Arc<str>>,
}

impl Suggestion {
    /// Returns the variable to set; `None` means the occurrence should go without replacement.
    #[must_use]
    pub fn variable(&self) -> Option<&'static str> {
        self.variable
    }

    /// Returns the value to set it to. `None` keeps the present one, which is not shown when it
    /// holds a secret.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        let (variable, value) = (self.variable?, self.value.as_deref()?);
        (redact(variable, value) == value).then_some(value)
    }
}

/// Shows no secret.
impl fmt::Debug for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suggestion")
            .field("variable", &self.variable())
            .field("value", &self.value())
            .finish()
    }
}

impl Serialize for Suggestion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut suggestion = serializer.serialize_struct("Suggestion", 2)?;
        suggestion.serialize_field("variable", &self.variable())?;
        suggestion.serialize_field("value", &self.value())?;
        suggestion.end()
    }
}

/// Something about the user's input that is worth saying.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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

    /// Suggests to set `variable` to `value`. A value that holds a secret is not shown.
    #[must_use]
    pub fn suggest(mut self, variable: &'static str, value: impl Into<Arc<str>>) -> Self {
        self.suggestion = Some(Suggestion {
            variable: Some(variable),
            value: Some(value.into()),
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
            suggestion.value = value.filter(|value| conceal(&**value, secrets) == **value);
        }
        for label in &mut self.labels {
            let raw = label.raw().unwrap_or_default();
            let shown = conceal(&*raw, secrets);
            if shown != raw {
                label.concealed = Some(shown.into());
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
