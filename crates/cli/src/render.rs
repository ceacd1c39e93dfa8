//! Diagnostics for people: the source line, underlined, with help.
//!
//! Values without a file are shown as one line of a virtual file. Whatever comes from outside is
//! stripped of control characters first, and secrets on a shown line are masked.

mod group;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

pub(crate) use group::join;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use lsconfig::diagnostic::{Diagnostic, Label, Mark, Marked, Severity};
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

    /// Notes in every label what its underline covers, for programs.
    pub(crate) fn mark(&self, diagnostics: &mut [Diagnostic]) {
        for label in diagnostics.iter_mut().flat_map(|d| &mut d.labels) {
            label.marked = self.line_of(label).map(|(number, line, span)| {
                let characters = |span: Range<usize>| {
                    let text = line.get(span).unwrap_or_default();
                    text.chars().count() as u32
                };
                Marked {
                    line: number as u32,
                    column: characters(0..span.start) + 1,
                    length: characters(span),
                }
            });
        }
    }

    /// Finds the line of a label, in a source that has lines, and the bytes to underline in it.
    fn line_of(&self, label: &Label) -> Option<(usize, &str, Range<usize>)> {
        let origin = label.origin();
        let text = self.texts.get(&origin.source);
        let text = text.filter(|_| origin.line > 0)?;
        let number = origin.line as usize;
        let start = line_start(text, number)?;
        // An editor shows no byte order mark, and counts no column for it.
        let start = match text.strip_prefix(BOM) {
            Some(_) if start == 0 => BOM.len_utf8(),
            _ => start,
        };
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
        let span = match label.mark() {
            Mark::Part(part)
                if line
                    .get(whole.clone())
                    .is_some_and(|shown| shown.contains(&*raw)) =>
            {
                let offset = line[whole.clone()].find(&*raw).unwrap_or(0);
                whole.start + offset + part.start..whole.start + offset + part.end
            }
            Mark::Name => name_before(line, whole.start, label).unwrap_or(whole),
            _ => whole,
        };
        Some((number, line, span))
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

/// Renders every diagnostic in full, the worst first, otherwise in their order.
pub(crate) fn diagnostics(all: &[Diagnostic], sources: &Sources) -> String {
    let renderer = Renderer::styled();
    sorted(all)
        .into_iter()
        .map(|diagnostic| one(diagnostic, sources, &renderer) + "\n\n")
        .collect()
}

/// Renders errors and warnings, those that say the same of several variables as one, and each kind
/// of note as one line.
pub(crate) fn digest(all: &[Diagnostic], sources: &Sources) -> String {
    let renderer = Renderer::styled();
    let grave: Vec<&Diagnostic> = sorted(all)
        .into_iter()
        .filter(|d| d.severity > Severity::Note)
        .collect();
    let mut text: String = group::merged(&grave)
        .iter()
        .map(|diagnostic| one(diagnostic, sources, &renderer) + "\n\n")
        .collect();
    let notes = group::notes(all);
    if !notes.is_empty() {
        text.push_str(&notes);
        text.push('\n');
    }
    text
}

fn sorted(all: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = all.iter().collect();
    sorted.sort_by_key(|d| std::cmp::Reverse(d.severity));
    sorted
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
    let views = adjacent(views);
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

/// Lines of a source, safe to show, with what to underline.
struct View {
    path: String,
    number: usize,
    line: String,
    marks: Vec<(Range<usize>, String, bool)>,
}

/// Puts lines that follow one another in a file into one view.
fn adjacent(views: Vec<View>) -> Vec<View> {
    let mut joined: Vec<View> = Vec::new();
    let mut rest = views;
    while !rest.is_empty() {
        let mut view = rest.remove(0);
        let end = |view: &View| view.number + view.line.matches('\n').count();
        while let Some(at) = rest.iter().position(|other| {
            other.path == view.path
                && !view.path.starts_with('<')
                && (other.number == end(&view) + 1 || other.number + 1 == view.number)
        }) {
            let other = rest.remove(at);
            let (above, below) = if other.number < view.number {
                (other, view)
            } else {
                (view, other)
            };
            let shift = above.line.len() + 1;
            let moved = below.marks.into_iter().map(|(span, remark, primary)| {
                (span.start + shift..span.end + shift, remark, primary)
            });
            view = View {
                line: format!("{}\n{}", above.line, below.line),
                marks: above.marks.into_iter().chain(moved).collect(),
                ..above
            };
        }
        joined.push(view);
    }
    joined
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

/// Finds what to show of a label: its line, or a virtual one where the source has no lines.
fn locate(label: &Label, sources: &Sources) -> Option<(String, usize, String, Range<usize>)> {
    let origin = label.origin();
    if origin.line == 0 || !sources.texts.contains_key(&origin.source) {
        // A place that is neither a line nor a variable has nothing to show.
        return label.variable().map(|_| virtual_line(label));
    }
    let (number, line, span) = sources.line_of(label)?;
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
    let span = match label.mark() {
        Mark::Part(part) => value.start + part.start..(value.start + part.end).min(line.len()),
        Mark::Name => 0..name.len(),
        Mark::Value if raw.is_empty() => 0..line.len(),
        Mark::Value => value,
    };
    (path, 1, line, span)
}

/// Finds the name of a label's variable where it stands on the line of its value, before it.
fn name_before(line: &str, value: usize, label: &Label) -> Option<Range<usize>> {
    let name = label.variable().filter(|name| !name.is_empty())?;
    let before = line.get(..value)?;
    // `lsconfig.toml` takes known names in lower case, too.
    let at = before
        .rfind(name)
        .or_else(|| before.rfind(&name.to_ascii_lowercase()))?;
    Some(at..at + name.len())
}

/// The byte order mark, which some editors put in front of a text.
const BOM: char = '\u{feff}';

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
    use lsconfig::layer::{Layer, Origin, SourceKind};

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
    fn a_byte_order_mark_has_no_column() {
        let mut sources = Sources::default();
        sources.add("f", "\u{feff}A=1");
        let mut origin = Origin::of_source("f");
        (origin.line, origin.column, origin.span) = (1, 3, Some(5..6));
        let (_, _, line, span) = locate(&Label::at(origin, ""), &sources).unwrap();
        assert_eq!((&*line, span), ("A=1", 2..3));
    }

    #[test]
    fn a_label_of_a_name_underlines_the_name() {
        let mut sources = Sources::default();
        sources.add("f", "  - A: 1\nedge_port = 1\nB:\n 1");
        let mark = |name: &str, line: u32, span: Range<usize>| {
            let mut layer = Layer::new(SourceKind::File);
            let mut origin = Origin::of_source("f");
            (origin.line, origin.column, origin.span) = (line, 1, Some(span));
            layer.push(name, "1", origin);
            let label = Label::of_name(&layer.occurrences[0], "");
            let (_, _, line, span) = locate(&label, &sources).unwrap();
            line[span].to_owned()
        };
        assert_eq!(mark("A", 1, 7..8), "A");
        assert_eq!(mark("EDGE_PORT", 2, 21..22), "edge_port");
        assert_eq!(mark("B", 4, 27..28), "1");
        let layer = Layer::from_pairs(SourceKind::Environment, "env", [("A", "1")]);
        let virtual_ = locate(&Label::of_name(&layer.occurrences[0], ""), &sources);
        assert_eq!(virtual_.unwrap().3, 0..1);
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let (shown, span) = safe_line(&line, 5000..5001);
        assert_eq!(&shown[span], "X");
        assert!(shown.len() < 300);
    }
}
