//! The data of a Compose file: merge keys applied, references replaced, every value with its place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::fault::Fault;
use super::load::Loader;
use super::scalar;
use crate::layer::Origin;
use crate::source::interpolate::{InterpolateError, LookUp, Reference, interpolate};
use crate::source::yaml::{Node as Yaml, Style, Tree};

/// A value. Shared where an alias or a merge key repeats it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) origin: Origin,
    pub(super) tag: Tag,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Text(Text),
    List(Vec<Rc<Node>>),
    Map(Vec<Pair>),
    /// An `environment:` merged from several files: pairs, in which the last of a name counts.
    Pairs(Vec<Pair>),
}

/// Key and value.
pub(super) type Pair = (Key, Rc<Node>);

/// A key with its place.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: Arc<str>,
    pub(super) origin: Origin,
}

/// What Compose's own tags ask for when files are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    /// `!reset`: remove what stands there.
    Reset,
    /// `!override`: replace what stands there, do not merge.
    Override,
}

/// A scalar.
#[derive(Debug)]
pub(super) struct Text {
    /// After interpolation, and as Compose prints it.
    pub(super) value: Arc<str>,
    /// Before interpolation, when that differs.
    template: Option<Arc<str>>,
    /// Whether Compose takes it for a text rather than a number or a boolean.
    pub(super) is_string: bool,
    /// The byte of the source where the template begins, when it stands there as it is.
    verbatim: Option<usize>,
    /// The references in the template.
    references: Vec<Reference>,
}

impl Node {
    /// Returns the text of a scalar.
    pub(super) fn text(&self) -> Option<&Arc<str>> {
        match &self.kind {
            Kind::Text(text) => Some(&text.value),
            _ => None,
        }
    }

    /// Returns the last value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.pair(key).map(|(_, value)| value)
    }

    /// Returns the last pair of a key.
    pub(super) fn pair(&self, key: &str) -> Option<&Pair> {
        self.pairs().iter().rfind(|(name, _)| &*name.name == key)
    }

    /// Returns the pairs of a mapping.
    pub(super) fn pairs(&self) -> &[Pair] {
        match &self.kind {
            Kind::Map(pairs) | Kind::Pairs(pairs) => pairs,
            _ => &[],
        }
    }

    /// Returns the items of a list.
    pub(super) fn items(&self) -> &[Rc<Node>] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the place of some bytes of the template, or of the whole scalar where escapes or
    /// folding hide them.
    pub(super) fn origin_of(&self, part: Range<usize>) -> Origin {
        let Kind::Text(text) = &self.kind else {
            return self.origin.clone();
        };
        let template = text.template();
        let (Some(start), Some(before)) = (text.verbatim, template.get(..part.start)) else {
            return self.origin.clone();
        };
        let begin = self.origin.span.as_ref().map_or(start, |span| span.start);
        let quote = u32::from(start > begin);
        let columns = u32::try_from(before.chars().count()).unwrap_or(u32::MAX);
        Origin {
            source: Arc::clone(&self.origin.source),
            line: self.origin.line,
            column: self
                .origin
                .column
                .saturating_add(quote)
                .saturating_add(columns),
            span: Some(start + part.start..start + part.end),
        }
    }

    /// Returns the place of the text of a scalar, without quotes; of any other value as a whole.
    pub(super) fn value_origin(&self) -> Origin {
        match &self.kind {
            Kind::Text(text) => self.origin_of(0..text.template().len()),
            _ => self.origin.clone(),
        }
    }

    /// Iterates over the references of a scalar that are unset, with their places.
    pub(super) fn unset(&self) -> impl Iterator<Item = (&str, Origin)> {
        let references = match &self.kind {
            Kind::Text(text) => text.references.as_slice(),
            _ => &[],
        };
        let unset = references.iter().filter(|reference| reference.unset);
        unset.map(|reference| (&*reference.name, self.origin_of(reference.span.clone())))
    }

    /// Splits a scalar at the first `=`: the name, and a node for the value with its own place.
    pub(super) fn split_pair(self: &Rc<Self>) -> Option<(Arc<str>, Option<Rc<Node>>)> {
        let Kind::Text(text) = &self.kind else {
            return None;
        };
        let Some((name, value)) = text.value.split_once('=') else {
            return Some((Arc::clone(&text.value), None));
        };
        let template = text.template();
        let origin = match template.split_once('=') {
            Some((before, _)) if before == name => self.origin_of(before.len() + 1..template.len()),
            _ => self.origin.clone(),
        };
        let node = Node {
            kind: Kind::Text(Text {
                value: value.into(),
                template: None,
                is_string: true,
                verbatim: None,
                references: Vec::new(),
            }),
            origin,
            tag: Tag::None,
        };
        Some((name.into(), Some(Rc::new(node))))
    }
}

impl Text {
    fn template(&self) -> &str {
        self.template.as_deref().unwrap_or(&self.value)
    }
}

/// Turns the documents of one file into values.
pub(super) struct Converter<'a, 'l, 'i> {
    pub(super) loader: &'l mut Loader<'i>,
    pub(super) source: Arc<str>,
    pub(super) text: &'a str,
    pub(super) look_up: LookUp<'a>,
    /// What a node became, by its number.
    done: Vec<Option<Rc<Node>>>,
    tree: &'a Tree,
}

impl<'a, 'l, 'i> Converter<'a, 'l, 'i> {
    pub(super) fn new(
        loader: &'l mut Loader<'i>,
        source: Arc<str>,
        text: &'a str,
        tree: &'a Tree,
        look_up: LookUp<'a>,
    ) -> Self {
        Self {
            loader,
            source,
            text,
            look_up,
            done: vec![None; tree.node_count()],
            tree,
        }
    }

    /// Converts a node; each one once, however often aliases repeat it.
    pub(super) fn convert(&mut self, yaml: Yaml<'_>) -> Rc<Node> {
        if let Some(Some(done)) = self.done.get(yaml.number()) {
            return Rc::clone(done);
        }
        let yaml = yaml.target();
        let origin = self.origin(yaml.span());
        let tag = match yaml.tag() {
            Some("!reset") => Tag::Reset,
            Some("!override") => Tag::Override,
            _ => Tag::None,
        };
        let kind = if yaml.is_sequence() {
            Kind::List(yaml.items().map(|item| self.convert(item.value)).collect())
        } else if yaml.is_mapping() {
            self.mapping(yaml)
        } else if yaml.is_null() {
            Kind::Null
        } else {
            Kind::Text(self.scalar(yaml, &origin))
        };
        let node = Rc::new(Node { kind, origin, tag });
        if let Some(slot) = self.done.get_mut(yaml.number()) {
            *slot = Some(Rc::clone(&node));
        }
        node
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        let (line, column) = self.tree.position(span.start);
        Origin {
            source: Arc::clone(&self.source),
            line,
            column,
            span: Some(span),
        }
    }

    /// Explicit keys win over merged ones, and earlier merged ones over later ones.
    fn mapping(&mut self, yaml: Yaml<'_>) -> Kind {
        let mut pairs: Vec<Pair> = Vec::new();
        let mut places: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut merged: Vec<Rc<Node>> = Vec::new();
        let mut merge_keys = 0;
        for entry in yaml.entries() {
            let origin = self.origin(entry.key.span());
            let Some((name, style)) = entry.key.scalar() else {
                self.loader.bad_file(origin, &Fault::KeyForm);
                continue;
            };
            if name == "<<" && style == Style::Plain {
                merge_keys += 1;
                if merge_keys > 1 {
                    self.loader.bad_file(origin, &Fault::KeyTwice("<<"));
                }
                let value = self.convert(entry.value);
                match &value.kind {
                    Kind::Map(_) => merged.push(value),
                    Kind::List(items) if items.iter().all(|i| matches!(i.kind, Kind::Map(_))) => {
                        merged.extend(items.iter().cloned());
                    }
                    _ => {
                        let place = self.origin(entry.value.span());
                        self.loader.bad_file(place, &Fault::MergeKey);
                    }
                }
                continue;
            }
            if style == Style::Plain && entry.key.tag().is_none() && !is_text(name) {
                self.loader
                    .bad_file(origin.clone(), &Fault::KeyIsNoText(name));
            }
            let value = self.convert(entry.value);
            let key = Key {
                name: name.into(),
                origin,
            };
            if let Some(slot) = places.get(&key.name).and_then(|&at| pairs.get_mut(at)) {
                self.loader
                    .bad_file(key.origin.clone(), &Fault::KeyTwice(name));
                *slot = (key, value);
            } else {
                places.insert(Arc::clone(&key.name), pairs.len());
                pairs.push((key, value));
            }
        }
        for map in merged {
            self.loader.count(map.pairs().len());
            for (key, value) in map.pairs() {
                if !places.contains_key(&key.name) {
                    places.insert(Arc::clone(&key.name), pairs.len());
                    pairs.push((key.clone(), Rc::clone(value)));
                }
            }
        }
        Kind::Map(pairs)
    }

    fn scalar(&mut self, yaml: Yaml<'_>, origin: &Origin) -> Text {
        let (written, style) = yaml.scalar().unwrap_or(("", Style::Plain));
        let inner = match style {
            Style::Plain => Some(yaml.span()),
            Style::Single | Style::Double => {
                let span = yaml.span();
                Some(span.start + 1..span.end.saturating_sub(1).max(span.start + 1))
            }
            Style::Literal | Style::Folded => None,
        };
        let verbatim = inner.filter(|inner| self.text.get(inner.clone()) == Some(written));
        let mut text = Text {
            value: written.into(),
            template: None,
            is_string: true,
            verbatim: verbatim.map(|inner| inner.start),
            references: Vec::new(),
        };
        if written.contains('$') && !self.loader.is_exhausted() {
            match interpolate(written, self.look_up) {
                Ok(result) => {
                    self.loader
                        .grow(origin, result.text.len().saturating_sub(written.len()));
                    let secrets = result.references.iter().filter_map(|r| r.secret.clone());
                    self.loader.secrets.extend(secrets);
                    text.template = Some(Arc::clone(&text.value));
                    text.value = result.text.into();
                    text.references = result.references;
                }
                Err(error) => self.refuse(&text, origin, &error),
            }
        } else if style == Style::Plain && yaml.tag().is_none() {
            let rendered = scalar::render(written);
            text.is_string = is_text(written);
            if rendered != written {
                text.template = Some(Arc::clone(&text.value));
                text.value = rendered.into();
            }
        }
        text
    }

    fn refuse(&mut self, text: &Text, origin: &Origin, error: &InterpolateError) {
        let place = match text.verbatim {
            Some(start) => self.origin(start + error.span.start..start + error.span.end),
            None => origin.clone(),
        };
        self.loader.bad_file(place, &Fault::Interpolation(error));
    }
}

/// Whether Compose takes a plain scalar for a text: no null, boolean or number.
fn is_text(text: &str) -> bool {
    let null = matches!(text, "" | "~" | "null" | "Null" | "NULL");
    let number = || {
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))
            && text.parse::<f64>().is_ok()
    };
    !null && !matches!(text, "true" | "false") && scalar::render(text) == text && !number()
}
