//! Diagnostics for people: the source line, underlined, with help.
//!
//! Values without a file are shown as one line of a virtual file. Whatever comes from outside is
//! stripped of control characters first, and secrets on a shown line are masked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use lsconfig::diagnostic::{Diagnostic, Label, Severity};
use lsconfig::redact::mask_line;

/// The widest line of a source that is shown around an underline, in bytes.
const MAX_LINE: usize = 240;

/// The texts of the sources that were read, by the name that origins carry.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    texts: BTreeMap<Arc<str>, Arc<str>>,
}

impl Sources {
    /// Remembers a text.
    pub(crate) fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) {
        self.texts.insert(name.into(), text.into());
    }
}

/// Writes to standard output, with or without colour as chosen.
pub(crate) fn out(text: &str) -> io::Result<()> {
    anstream::stdout().lock().write_all(text.as_bytes())
}

/// Returns `text` without control characters, so that no value can steer a terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_default())
        } else {
            safe.push(c)
        }
    }
    Cow::Owned(safe)
}

/// Controls, and the marks that reorder text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Breaks a paragraph into lines of at most `width` characters.
pub(crate) fn wrap(text: &str, width: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// Renders diagnostics, the worst first, otherwise in their order.
pub(crate) fn diagnostics(all: &[Diagnostic], sources: &Sources) -> String {
    let mut sorted: Vec<&Diagnostic> = all.iter().collect();
    sorted.sort_by_key(|d| std::cmp::Reverse(d.severity));
    let renderer = Renderer::styled();
    let mut text = String::new();
    for diagnostic in sorted {
        text.push_str(&one(diagnostic, sources, &renderer));
        text.push_str("\n\n");
    }
    text
}

fn one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = printable(&diagnostic.message);
    let mut views: Vec<View> = Vec::new();
    for label in &diagnostic.labels {
        add(&mut views, label, sources);
    }
    let mut group = Group::with_title(level.primary_title(&*message).id(diagnostic.code));
    for view in &views {
        let marks = view.marks.iter().map(|(span, remark, primary)| {
            let kind = if *primary {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let mark: Annotation<'_> = kind.span(span.clone());
            if remark.is_empty() {
                mark
            } else {
                mark.label(&**remark)
            }
        });
        let snippet = Snippet::source(&*view.line)
            .path(&*view.path)
            .line_start(view.number)
            .annotations(marks);
        group = group.element(snippet);
    }
    let help = diagnostic.help.as_deref().map(printable);
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(&**help));
    }
    renderer.render(&[group])
}

/// One line of a source, safe to show, with what to underline.
struct View {
    path: String,
    number: usize,
    line: String,
    marks: Vec<(Range<usize>, String, bool)>,
}

fn add(views: &mut Vec<View>, label: &Label, sources: &Sources) {
    let primary = views.is_empty();
    let remark = printable(&label.message).into_owned();
    let Some((path, number, line, span)) = locate(label, sources) else {
        return;
    };
    let (line, span) = safe_line(&line, span);
    match views
        .iter_mut()
        .find(|view| view.path == path && view.number == number && view.line == line)
    {
        Some(view) => view.marks.push((span, remark, primary)),
        None => views.push(View {
            path,
            number,
            line,
            marks: vec![(span, remark, primary)],
        }),
    }
}

/// Finds the line of a label and the bytes to underline in it.
fn locate(label: &Label, sources: &Sources) -> Option<(String, usize, String, Range<usize>)> {
    let origin = label.origin();
    let text = sources
        .texts
        .get(&origin.source)
        .filter(|_| origin.line > 0);
    let Some(text) = text else {
        return Some(virtual_line(label));
    };
    let number = origin.line as usize;
    let start = line_start(text, number)?;
    let line = text.get(start..)?.split(['\n', '\r']).next()?;
    let column = (origin.column as usize).saturating_sub(1);
    let at = line
        .char_indices()
        .nth(column)
        .map_or(line.len(), |(at, _)| at);
    let whole = match &origin.span {
        Some(span) if span.start >= start => {
            let end = (span.end - start).min(line.len());
            (span.start - start).min(end)..end
        }
        _ => at..line.len(),
    };
    // A part of the value can be shown when the value stands in the file as it is.
    let raw = label.raw().unwrap_or_default();
    let span = match label.part() {
        Some(part)
            if line
                .get(whole.clone())
                .is_some_and(|shown| shown.contains(&*raw)) =>
        {
            let offset = line[whole.clone()].find(&*raw).unwrap_or(0);
            whole.start + offset + part.start..whole.start + offset + part.end
        }
        _ => whole,
    };
    let path = printable(&origin.source).into_owned();
    Some((path, number, line.to_owned(), span))
}

/// Shows an occurrence that is in no file: `NAME=value` in a file called `<environment>`.
fn virtual_line(label: &Label) -> (String, usize, String, Range<usize>) {
    let path = format!("<{}>", printable(&label.origin().source));
    let name = label.variable().unwrap_or_default();
    let raw = label.raw().unwrap_or_default();
    let line = format!("{name}={raw}");
    let value = name.len() + 1..line.len();
    let span = match label.part() {
        Some(part) => value.start + part.start..(value.start + part.end).min(line.len()),
        None if raw.is_empty() => 0..line.len(),
        None => value,
    };
    (path, 1, line, span)
}

/// Returns the byte at which a line starts, lines ending in LF, CR LF or CR.
fn line_start(text: &str, number: usize) -> Option<usize> {
    let mut line = 1;
    let mut at = 0;
    let bytes = text.as_bytes();
    while line < number {
        let end = bytes[at..]
            .iter()
            .position(|b| matches!(b, b'\n' | b'\r'))?
            + at;
        at = end
            + if bytes[end] == b'\r' && bytes.get(end + 1) == Some(&b'\n') {
                2
            } else {
                1
            };
        line += 1;
    }
    Some(at)
}

/// Masks secrets, escapes controls, and cuts a long line around its underline.
fn safe_line(line: &str, span: Range<usize>) -> (String, Range<usize>) {
    let masked = mask_line(line);
    let floor = |at: usize| {
        let mut at = at.min(masked.len());
        while !masked.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (floor(span.start), floor(span.end.max(span.start)));
    let from = floor(if masked.len() > MAX_LINE {
        start.saturating_sub(MAX_LINE / 3)
    } else {
        0
    });
    let end = floor(end.min(from + MAX_LINE));
    let to = floor((from + MAX_LINE).max(end));
    let before = printable(&masked[from..start]);
    let marked = printable(&masked[start..end]);
    let after = printable(&masked[end..to]);
    let lead = if from > 0 { "…" } else { "" };
    let tail = if to < masked.len() { "…" } else { "" };
    let at = lead.len() + before.len();
    (
        format!("{lead}{before}{marked}{after}{tail}"),
        at..at + marked.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_cannot_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\nc");
        assert_eq!(printable("höst"), "höst");
    }

    #[test]
    fn lines_are_found_whatever_ends_them() {
        let text = "a\r\nb\rc\nd";
        let starts: Vec<_> = (1..=5).map(|n| line_start(text, n)).collect();
        assert_eq!(starts, [Some(0), Some(3), Some(5), Some(7), None]);
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let (shown, span) = safe_line(&line, 5000..5001);
        assert_eq!(&shown[span], "X");
        assert!(shown.len() < 300);
    }
}
