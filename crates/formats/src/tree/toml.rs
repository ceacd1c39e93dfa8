//! TOML, by the spans that its parser keeps.

use std::ops::Range;

use toml_edit::{Array, Document, Item, TableLike, Value};

use super::{Entry, Kind, Node, Scalar};

/// Reads a text into one tree.
///
/// # Errors
/// When the text is not of that language; the message says where.
pub fn parse(text: &str) -> Result<Node, String> {
    let bom = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let body = text.get(bom..).unwrap_or_default();
    let document = Document::parse(body).map_err(|e| e.message().to_owned())?;
    let reader = Reader { text, bom };
    let entries = reader.entries(document.as_table());
    Ok(Node {
        span: 0..text.len(),
        shared: false,
        kind: Kind::Map(entries, false),
    })
}

struct Reader<'a> {
    text: &'a str,
    /// Bytes that the parser did not see.
    bom: usize,
}

impl Reader<'_> {
    fn place(&self, span: Option<Range<usize>>) -> Option<Range<usize>> {
        span.map(|span| span.start + self.bom..span.end + self.bom)
    }

    fn entries(&self, table: &dyn TableLike) -> Vec<Entry> {
        let each = table.iter().filter_map(|(name, item)| {
            let key = self.place(table.key(name)?.span())?;
            let value = self.item(item)?;
            // A table may begin before its key, in a header.
            let span = key.start..value.span.end.max(key.end);
            let raw = self.text.get(key.clone())?;
            Some(Entry {
                key: scalar(name.to_owned(), raw, key),
                value,
                span,
            })
        });
        each.collect()
    }

    fn item(&self, item: &Item) -> Option<Node> {
        match item {
            Item::None => None,
            Item::Value(value) => self.value(value),
            Item::Table(table) => Some(Node {
                span: self.place(table.span())?,
                shared: false,
                kind: Kind::Map(self.entries(table), false),
            }),
            Item::ArrayOfTables(tables) => {
                let items = tables.iter().filter_map(|table| {
                    Some(Node {
                        span: self.place(table.span())?,
                        shared: false,
                        kind: Kind::Map(self.entries(table), false),
                    })
                });
                Some(Node {
                    span: self.place(tables.span())?,
                    shared: false,
                    kind: Kind::List(items.collect(), false),
                })
            }
        }
    }

    fn value(&self, value: &Value) -> Option<Node> {
        let span = self.place(value.span())?;
        let raw = self.text.get(span.clone())?;
        let kind = match value {
            Value::String(text) => Kind::Scalar(scalar(text.value().clone(), raw, span.clone())),
            Value::Array(array) => Kind::List(self.items(array), true),
            Value::InlineTable(table) => Kind::Map(self.entries(table), true),
            _ => Kind::Scalar(scalar(raw.to_owned(), raw, span.clone())),
        };
        Some(Node {
            span,
            shared: false,
            kind,
        })
    }

    fn items(&self, array: &Array) -> Vec<Node> {
        array.iter().filter_map(|value| self.value(value)).collect()
    }
}

fn scalar(text: String, raw: &str, span: Range<usize>) -> Scalar {
    let quote = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| raw.starts_with(quote) && raw.len() >= 2 * quote.len());
    let len = quote.map_or(0, str::len);
    // A line break right behind three quotes is not part of the text.
    let body = raw.get(len..).unwrap_or_default();
    let skipped = match (len, body) {
        (3, body) if body.starts_with("\r\n") => 2,
        (3, body) if body.starts_with('\n') => 1,
        _ => 0,
    };
    let inner = span.start + len + skipped..span.end - len;
    let verbatim = raw.get(len + skipped..raw.len() - len) == Some(text.as_str());
    Scalar {
        literal: len == 3 && verbatim,
        text,
        inner,
        quoted: quote.is_some(),
        verbatim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_texts_have_their_bytes() {
        let text = "\u{feff}[a.b]\nenv = [\"K=V\", 'L=W'] # c\nx = { y = 1 }\n";
        let root = parse(text).unwrap();
        let table = &root.get("a").unwrap().value.get("b").unwrap().value;
        let env = &table.get("env").unwrap().value;
        assert_eq!(env.texts(), ["K=V", "L=W"]);
        let second = env.list()[1].scalar().unwrap();
        assert_eq!(&text[second.inner.clone()], "L=W");
        assert_eq!(table.text_at(&["x", "y"]), Some("1"));
        assert!(parse("a = ").is_err());
    }
}
