//! `lsconfig.toml`: variables as TOML keys, with the position of every value.

use std::ops::Range;

use toml_edit::{Array, Document, Item, Table, Value};

use super::{LineEnds, Positions};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::layer::{Layer, Origin, SourceKind};
use crate::variable;

/// The table that may hold the variables instead of the top level.
pub const TABLE: &str = "settings";

/// The longest text that is read, 8 MiB. Hand-written files stay far below.
pub const MAX_BYTES: usize = 8 << 20;

/// Reads `lsconfig.toml` into a layer of kind [`File`](SourceKind::File).
///
/// Keys at the top level and in `[settings]` are variables; a key that names a known variable in
/// lower case (`gateway_listen`) sets it, others keep their spelling. Other tables are left alone. A
/// string is taken verbatim, a number or date as written in decimal, an array is joined by commas,
/// `true` and `false` are themselves. What is nested deeper is reported and skipped.
///
/// ```
/// let (layer, diagnostics) = lsconfig::source::toml::parse(
///     "edge_port = 4510\n[settings]\ngateway_listen = ['0.0.0.0:4566', ':443']\n",
///     "lsconfig.toml",
/// );
/// assert!(diagnostics.is_empty());
/// let listen = layer.last("GATEWAY_LISTEN").unwrap();
/// assert_eq!((&*listen.raw, listen.origin.line), ("0.0.0.0:4566,:443", 3));
/// assert_eq!(&*layer.last("EDGE_PORT").unwrap().raw, "4510");
/// ```
#[must_use]
pub fn parse(text: &str, source: &str) -> (Layer, Vec<Diagnostic>) {
    let mut layer = Layer::new(SourceKind::File);
    let mut diagnostics = Vec::new();
    let document = match document(text, source) {
        Ok(document) => document,
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            return (layer, diagnostics);
        }
    };
    let mut positions = Positions::new(text, source, LineEnds::All);
    for (name, item, span) in entries(document.as_table()) {
        let written = text.get(span.clone()).unwrap_or_default();
        let Some(raw) = item.as_value().and_then(|value| render(value, text)) else {
            let message = format!("`{name}` has no value that a variable can hold");
            diagnostics.push(Diagnostic::new(&codes::BAD_LINE, message).label(Label::at(
                positions.origin(span),
                "expected a text, a number, `true`, `false` or a list of these",
            )));
            continue;
        };
        let quotes = quotes_around(written, &raw);
        let inner = span.start + quotes..span.end - quotes;
        let known = variable::lookup(&name.to_ascii_uppercase());
        let name = known.map_or(name, |row| row.name);
        layer.push(name, raw, positions.origin(inner));
    }
    (layer, diagnostics)
}

/// Reads a whole text, or says why it is none that can be read.
pub(crate) fn document<'a>(
    text: &'a str,
    source: &str,
) -> Result<Document<&'a str>, Box<Diagnostic>> {
    if text.len() > MAX_BYTES {
        let label = Label::at(Origin::of_source(source), "the limit is 8 MiB");
        return Err(Box::new(
            Diagnostic::new(&codes::BAD_FILE, "the file is too large to be read").label(label),
        ));
    }
    Document::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let place = Positions::new(text, source, LineEnds::All).origin(span);
        let said = error.message();
        let said = said.trim_end_matches('.').replace('\n', ", ");
        Box::new(
            Diagnostic::new(&codes::BAD_FILE, "the file is not valid TOML")
                .help(help(&said))
                .label(Label::at(place, said)),
        )
    })
}

/// Returns the fix for what the parser says.
fn help(said: &str) -> &'static str {
    let rows = [
        ("duplicate", "remove one of the two"),
        ("invalid basic string", "close the quote"),
        ("invalid literal string", "close the quote"),
        (
            "array",
            "close the bracket: `gateway_listen = [\"0.0.0.0:4566\", \":443\"]`",
        ),
        (
            "table",
            "close the bracket, the header of a table is a line such as `[settings]`",
        ),
        ("leading", "put the value in quotes"),
        (
            "string",
            "put texts in quotes: `gateway_listen = \"0.0.0.0:4566\"`",
        ),
    ];
    let row = rows.iter().find(|(part, _)| said.contains(part));
    row.map_or(
        "a line is `name = \"value\"`, for example `gateway_listen = \"0.0.0.0:4566\"`",
        |(_, help)| help,
    )
}

/// The entries of the top level, without its tables, and of `[settings]`, in the order of the text.
fn entries(top: &Table) -> Vec<(&str, &Item, Range<usize>)> {
    let settings = top.get(TABLE).and_then(Item::as_table);
    let plain = top.iter().filter(|(_, item)| item.is_value());
    let mut found: Vec<(&str, &Item, Range<usize>)> = plain
        .chain(settings.into_iter().flat_map(Table::iter))
        .map(|(name, item)| (name, item, item.span().unwrap_or_default()))
        .collect();
    found.sort_by_key(|(_, _, span)| span.start);
    found
}

/// Returns a value as the text of a variable. TOML's own spelling of integers (`4_566`, `0x50`) is
/// not what Python reads, so they are printed anew; other numbers and dates are as written.
fn render(value: &Value, text: &str) -> Option<String> {
    Some(match value {
        Value::String(string) => string.value().clone(),
        Value::Integer(number) => number.value().to_string(),
        Value::Boolean(on) => on.value().to_string(),
        Value::Float(_) | Value::Datetime(_) => text.get(value.span()?)?.to_owned(),
        Value::Array(items) => join(items, text)?,
        Value::InlineTable(_) => return None,
    })
}

fn join(items: &Array, text: &str) -> Option<String> {
    let plain = |item: &&Value| !item.is_array();
    let rendered: Vec<String> = items
        .iter()
        .take_while(plain)
        .map_while(|item| render(item, text))
        .collect();
    (rendered.len() == items.len()).then(|| rendered.join(","))
}

/// Returns the length of the quotes around a string that is written without escapes, else 0.
fn quotes_around(written: &str, raw: &str) -> usize {
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| {
        let inner = written
            .strip_prefix(quotes)
            .and_then(|rest| rest.strip_suffix(quotes));
        inner == Some(raw)
    });
    quotes.map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let (layer, diagnostics) = parse(text, "f");
        let shown = layer
            .occurrences
            .iter()
            .map(|o| format!("{} {}={}", o.origin, o.name, o.raw))
            .chain(
                diagnostics
                    .iter()
                    .map(|d| format!("{} {}", d.labels[0].origin(), d.code)),
            );
        assert_eq!(shown.collect::<Vec<_>>().join("|"), expected, "{text:?}");
    }

    #[test]
    fn values_become_texts() {
        check(
            "A = 'x'\nB = \"é\"\nC = \"\\t\"",
            "f:1:6 A=x|f:2:6 B=é|f:3:5 C=\t",
        );
        check(
            "A=4_566\nB=0x50\nC=true\nD=1e3",
            "f:1:3 A=4566|f:2:3 B=80|f:3:3 C=true|f:4:3 D=1e3",
        );
        check("A = [':1', 2]\nB = ['''x''']", "f:1:5 A=:1,2|f:2:5 B=x");
    }

    #[test]
    fn known_names_are_found_in_lower_case() {
        check(
            "gateway_listen=':1'\nfoo=1",
            "f:1:17 GATEWAY_LISTEN=:1|f:2:5 foo=1",
        );
        check(
            "[settings]\nedge_port=1\n[other]\nx=1",
            "f:2:11 EDGE_PORT=1",
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_the_fix() {
        for (text, said, fix) in [
            ("A = 1\nA = 2", "duplicate key", "remove one"),
            ("A = \"1", "invalid basic string", "close the quote"),
            ("A = [1", "unclosed array", "close the bracket"),
            ("[a", "unclosed table", "close the bracket"),
            ("A = 04566", "leading zero", "in quotes"),
            ("A = 0.0.0.0:1", "", "a line is `name"),
            (
                "A = ",
                "string values must be quoted",
                "put texts in quotes",
            ),
        ] {
            let (_, diagnostics) = parse(text, "f");
            let label = &diagnostics[0].labels[0].message;
            assert!(label.contains(said), "{text}: {label}");
            let help = diagnostics[0].help.as_deref().unwrap_or_default();
            assert!(help.contains(fix), "{text}: {label}: {help}");
        }
    }

    #[test]
    fn what_does_not_fit_is_reported() {
        check(
            "A = [[1]]\nB = 1\n[settings]\nC.d = 1",
            "f:2:5 B=1|f:1:5 bad-line|f:4:1 bad-line",
        );
        check("A = 1\nB = 04566", "f:2:5 bad-file");
        check("A = 1\nA = 2", "f:2:1 bad-file");
    }
}
