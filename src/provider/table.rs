//! One table of `lsconfig.toml` as a provider that knows where everything stands.
//!
//! figment's own reader of TOML forgets lines and columns; errors would name a key and a file. This one
//! keeps the place of each key and value, so that [`Table::diagnose`] turns an error of figment into a
//! diagnostic that underlines what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use figment::error::{Actual, Kind};
use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};
use toml_edit::{Item, TableLike};

use crate::diagnostic::{Diagnostic, Label, codes};
use crate::layer::Origin;
use crate::source::toml::document;
use crate::source::{LineEnds, Positions};

/// Names from the table down to a key; items of lists are numbers from 0.
type Path = Vec<String>;

/// One table of a TOML file, and where its keys and values stand.
///
/// ```
/// use figment::Figment;
/// use lsconfig::provider::Table;
///
/// let table = Table::parse("[gateway]\nworkers = 'two'\n", "lsconfig.toml", "gateway").unwrap();
/// let error = Figment::from(&table).extract_inner::<u16>("workers").unwrap_err();
/// let diagnostic = table.diagnose(&error).unwrap();
/// assert_eq!(diagnostic.labels[0].origin().to_string(), "lsconfig.toml:2:11");
/// assert_eq!(diagnostic.message, "`workers` of `[gateway]` cannot be used");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    source: Arc<str>,
    name: String,
    data: Dict,
    places: BTreeMap<Path, Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    key: Origin,
    value: Origin,
}

impl Table {
    /// Reads the table `name` of a text; a text without it gives an empty table. `source` is what
    /// origins call the text.
    ///
    /// # Errors
    ///
    /// A diagnostic with the place when the text is no TOML, exceeds
    /// [`MAX_BYTES`](crate::source::toml::MAX_BYTES), or `name` is something else than a table.
    pub fn parse(text: &str, source: &str, name: &str) -> Result<Self, Box<Diagnostic>> {
        let document = document(text, source)?;
        let mut reader = Reader {
            text,
            source,
            places: BTreeMap::new(),
        };
        let data = match document.as_table().get(name) {
            None => Dict::new(),
            Some(item) => match item.as_table_like() {
                Some(table) => reader.table(table, &[]),
                None => {
                    let place = reader.origin(item.span());
                    return Err(Box::new(
                        Diagnostic::new(&codes::BAD_FILE, format!("`{name}` is no table"))
                            .help(format!("write a line `[{name}]`, and its keys below"))
                            .label(Label::at(place, "expected a table")),
                    ));
                }
            },
        };
        Ok(Self {
            source: source.into(),
            name: name.to_owned(),
            data,
            places: reader.places,
        })
    }

    /// Returns where the key at the end of `path` stands.
    #[must_use]
    pub fn key(&self, path: &[&str]) -> Option<&Origin> {
        self.place(path).map(|place| &place.key)
    }

    /// Returns where the value at the end of `path` stands.
    #[must_use]
    pub fn value(&self, path: &[&str]) -> Option<&Origin> {
        self.place(path).map(|place| &place.value)
    }

    fn place(&self, path: &[&str]) -> Option<&Place> {
        let path: Path = path.iter().map(|&part| part.to_owned()).collect();
        self.places.get(&path)
    }

    /// Makes a diagnostic of an error about a value of this table; `None` when another provider gave
    /// the value.
    #[must_use]
    pub fn diagnose(&self, error: &Error) -> Option<Diagnostic> {
        let ours = error.metadata.as_ref()?.name == self.metadata().name;
        let path: Vec<&str> = error.path.iter().map(String::as_str).collect();
        ours.then(|| match &error.kind {
            Kind::UnknownField(field, known) => {
                let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                self.at_key(&path, format!("there is no key `{field}` here"), "unknown")
                    .help(format!("the keys are {}", known.join(", ")))
            }
            kind => self.at_value(&path, remark(kind)),
        })
    }

    /// Makes a diagnostic that underlines a key.
    #[must_use]
    pub fn at_key(&self, path: &[&str], message: String, remark: &'static str) -> Diagnostic {
        let place = self.key(path).cloned();
        Diagnostic::new(&codes::BAD_FILE, message).label(Label::at(self.or_source(place), remark))
    }

    /// Makes a diagnostic that underlines a value and says what is wrong with it.
    #[must_use]
    pub fn at_value(&self, path: &[&str], remark: String) -> Diagnostic {
        let message = if path.is_empty() {
            format!("`[{}]` cannot be used", self.name)
        } else {
            format!("`{}` of `[{}]` cannot be used", path.join("."), self.name)
        };
        let place = self.value(path).cloned();
        Diagnostic::new(&codes::BAD_FILE, message).label(Label::at(self.or_source(place), remark))
    }

    fn or_source(&self, place: Option<Origin>) -> Origin {
        place.unwrap_or_else(|| Origin::of_source(Arc::clone(&self.source)))
    }
}

impl Provider for Table {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("`[{}]` of {}", self.name, self.source))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.data.clone()))
    }
}

/// Returns what an error says, in fewer words than figment: `expected a string, found bool true`.
#[must_use]
pub fn remark(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            // serde's words for types, in those of people who write files.
            let expected = match expected.as_str() {
                "u64" => "a whole number",
                "a nonzero usize" => "a whole number above 0",
                other => other,
            };
            match found {
                Actual::Signed(number) => format!("expected {expected}, found `{number}`"),
                Actual::Unsigned(number) => format!("expected {expected}, found `{number}`"),
                found => format!("expected {expected}, found {found}"),
            }
        }
        Kind::MissingField(name) => format!("`{name}` is missing"),
        kind => kind.to_string(),
    }
}

/// Reads items and remembers where they stand.
struct Reader<'a> {
    text: &'a str,
    source: &'a str,
    places: BTreeMap<Path, Place>,
}

impl Reader<'_> {
    fn origin(&self, span: Option<std::ops::Range<usize>>) -> Origin {
        match span {
            Some(span) => Positions::new(self.text, self.source, LineEnds::All).origin(span),
            None => Origin::of_source(self.source),
        }
    }

    fn table(&mut self, table: &dyn TableLike, path: &[String]) -> Dict {
        let mut dict = Dict::new();
        for (name, item) in table.iter() {
            let key = table.key(name).and_then(toml_edit::Key::span);
            let path = [path, &[name.to_owned()]].concat();
            let place = Place {
                // A table that only its parts name has no place of its own.
                value: self.origin(item.span().or_else(|| key.clone())),
                key: self.origin(key),
            };
            self.places.insert(path.clone(), place);
            if let Some(value) = self.item(item, &path) {
                dict.insert(name.to_owned(), value);
            }
        }
        dict
    }

    fn item(&mut self, item: &Item, path: &[String]) -> Option<Value> {
        Some(match item {
            Item::None => return None,
            Item::Value(value) => self.value(value, path),
            Item::Table(table) => self.table(table, path).into(),
            Item::ArrayOfTables(tables) => {
                let tables = tables.iter().enumerate();
                let items = tables.map(|(n, table)| {
                    let path = [path, &[n.to_string()]].concat();
                    Value::from(self.table(table, &path))
                });
                items.collect::<Vec<_>>().into()
            }
        })
    }

    fn value(&mut self, value: &toml_edit::Value, path: &[String]) -> Value {
        match value {
            toml_edit::Value::String(text) => text.value().as_str().into(),
            toml_edit::Value::Integer(number) => (*number.value()).into(),
            toml_edit::Value::Float(number) => (*number.value()).into(),
            toml_edit::Value::Boolean(on) => (*on.value()).into(),
            toml_edit::Value::Datetime(date) => date.value().to_string().into(),
            toml_edit::Value::InlineTable(table) => self.table(table, path).into(),
            toml_edit::Value::Array(array) => {
                let items = array.iter().enumerate().map(|(n, item)| {
                    let path = [path, &[n.to_string()]].concat();
                    let origin = self.origin(item.span());
                    let place = Place {
                        key: origin.clone(),
                        value: origin,
                    };
                    self.places.insert(path.clone(), place);
                    self.value(item, &path)
                });
                items.collect::<Vec<_>>().into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use serde::Deserialize;

    use super::*;
    use crate::provider::Settings;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Wanted {
        port: u16,
        listen: Vec<String>,
        on: bool,
        share: f64,
        day: String,
        sub: BTreeMap<String, u8>,
        several: Vec<BTreeMap<String, u8>>,
    }

    fn read(text: &str, above: &[(&str, Value)]) -> Result<Wanted, String> {
        let shown = |d: &Diagnostic| {
            let label = &d.labels[0];
            format!("{}: {}: {}", label.origin(), d.message, label.message)
        };
        let table = Table::parse(text, "f", "t").map_err(|d| shown(&d))?;
        Figment::from(&table)
            .merge(Settings::new("above", above.iter().cloned()))
            .extract()
            .map_err(|error| match table.diagnose(&error) {
                Some(diagnostic) => shown(&diagnostic),
                None => format!("{}: {}", error.path.join("."), remark(&error.kind)),
            })
    }

    #[track_caller]
    fn fails(text: &str, expected: &str) {
        assert_eq!(read(text, &[]).unwrap_err(), expected, "{text:?}");
    }

    #[test]
    fn values_of_every_kind_are_read_from_one_table() {
        let text = "x = 1\n[t]\nport = 80\nlisten = ['a', 'b']\non = true\nshare = 0.5\n\
            day = 2024-01-02\nsub = { a = 1 }\n[[t.several]]\nb = 2\n[other]\nport = 'x'\n";
        let wanted = read(text, &[]).unwrap();
        assert_eq!((wanted.port, wanted.on, wanted.share), (80, true, 0.5));
        assert_eq!((wanted.listen.len(), &*wanted.day), (2, "2024-01-02"));
        assert_eq!((wanted.sub["a"], wanted.several[0]["b"]), (1, 2));
        assert_eq!(read("[other]\na = 1\n", &[]).unwrap().port, 0);
    }

    #[test]
    fn errors_point_at_the_value_or_the_key() {
        fails(
            "\u{feff}[t]\nport = 'é'\n",
            "f:2:8: `port` of `[t]` cannot be used: expected u16, found string \"é\"",
        );
        fails(
            "[t]\nlisten = [\n  'a',\n  3,\n]\n",
            "f:4:3: `listen.1` of `[t]` cannot be used: expected a string, found `3`",
        );
        fails(
            "[t.sub]\na = 1\nb = 256\n",
            "f:3:5: `sub.b` of `[t]` cannot be used: expected u8, found `256`",
        );
        fails(
            "[t]\nprot = 1\n",
            "f:2:1: there is no key `prot` here: unknown",
        );
        fails(
            "[[t.several]]\nb = 'x'\n",
            "f:2:5: `several.0.b` of `[t]` cannot be used: expected u8, found string \"x\"",
        );
        fails("t = 3\n", "f:1:5: `t` is no table: expected a table");
        assert!(
            read("[t\n", &[])
                .unwrap_err()
                .starts_with("f:1:3: the file is not valid TOML")
        );
    }

    #[test]
    fn errors_about_other_providers_are_theirs() {
        let error = read("[t]\nport = 80\n", &[("port", "x".into())]).unwrap_err();
        assert_eq!(error, "port: expected u16, found string \"x\"");
        assert_eq!(
            read("[t]\nport = 'x'\n", &[("port", 1.into())])
                .unwrap()
                .port,
            1
        );
    }
}
