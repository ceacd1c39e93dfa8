//! The environment of a service: `environment:` over `env_file:`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::fault::Fault;
use super::load::{Loader, Scope, missing_file, place};
use super::merge::environment_pairs;
use super::value::{Kind, Node};
use super::{Input, Service, Source};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::layer::{Layer, Layers, Origin, SourceKind};
use crate::source::compose_dotenv::{self, Dotenv};
use crate::source::yaml::TextIndex;

/// The largest `env_file` that is read, in bytes, and the largest total of one service.
const MAX_ENV_BYTES: usize = 8 << 20;

/// A variable in `environment:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: Arc<str>,
    /// Its value as the container gets it: interpolated, booleans and numbers as Compose prints
    /// them. `None` where it is handed on from the environment and not set there; the container
    /// does not get the variable then, whatever `env_file` says.
    pub value: Option<Arc<str>>,
    /// The place of the value; of the name where the value is handed on.
    pub origin: Origin,
    /// Whether the value is handed on from the environment that Compose runs in (or `.env`).
    pub handed_on: bool,
}

/// What a service gets from `env_file` and `environment`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvironmentLayers {
    /// A layer of kind [`SourceKind::File`] for each `env_file` in order, and one of kind
    /// [`SourceKind::Compose`].
    pub layers: Layers,
    /// The files that were read.
    pub files: Vec<Arc<str>>,
    /// Missing and malformed files.
    pub diagnostics: Vec<Diagnostic>,
}

pub(super) fn variables(
    loader: &mut Loader<'_>,
    scope: &Scope<'_>,
    node: Option<&Rc<Node>>,
) -> Vec<Variable> {
    let Some(node) = node else {
        return Vec::new();
    };
    if let Kind::Text(_) = node.kind {
        loader.bad_file(node.origin.clone(), &Fault::Environment);
    }
    for item in node.items() {
        if !matches!(&item.kind, Kind::Text(text) if text.is_string) {
            loader.bad_file(item.origin.clone(), &Fault::EnvironmentItem);
        }
    }
    let pairs = environment_pairs(node);
    let mut variables = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        if key.name.ends_with(char::is_whitespace) {
            let fault = Fault::NameEndsWithSpace(key.name.trim_end());
            loader.bad_file(key.origin.clone(), &fault);
        }
        if matches!(value.kind, Kind::List(_) | Kind::Map(_) | Kind::Pairs(_)) {
            loader.bad_file(value.origin.clone(), &Fault::VariableValue(&key.name));
            continue;
        }
        if key.name.is_empty() {
            continue;
        }
        let handed_on = value.text().is_none();
        variables.push(Variable {
            value: match value.text() {
                Some(text) => Some(Arc::clone(text)),
                // An item of a list, whose name is all there is, sees the `.env` of its own file.
                None if value.origin == key.origin => match loader.scope_of(&key.origin) {
                    Some(own) => own.get(&key.name),
                    None => scope.get(&key.name),
                },
                None => scope.get(&key.name),
            },
            origin: if handed_on {
                key.origin
            } else {
                value.value_origin()
            },
            name: key.name,
            handed_on,
        });
    }
    variables
}

/// Returns the environment of a service as layers, reading its `env_file` entries.
///
/// `input` is the one the project was read from. A variable that `environment:` hands on, and that
/// is not set, is removed from all layers, as Compose does.
#[must_use]
pub fn layers(service: &Service, input: &Input<'_>) -> EnvironmentLayers {
    let mut out = EnvironmentLayers::default();
    let mut loader = Loader::new(input);
    let scope = loader.project_scope();

    let mut effective: BTreeMap<&str, Option<&Arc<str>>> = BTreeMap::new();
    for variable in &service.environment {
        effective.insert(&variable.name, variable.value.as_ref());
    }
    let removed: BTreeSet<&str> = effective
        .iter()
        .filter_map(|(name, value)| value.is_none().then_some(*name))
        .collect();

    let mut earlier: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
    let mut budget = MAX_ENV_BYTES;
    for file in &service.env_files {
        let path = &file.path;
        let text = match (input.read)(&path.value) {
            Ok(text) => text,
            Err(super::ReadError::NotFound) if !file.required => continue,
            Err(error) => {
                out.diagnostics
                    .push(missing_file(&path.value, error, path.origin.clone()));
                continue;
            }
        };
        if text.len() > budget {
            let message = format!("file `{}` is too long", path.value);
            let label = Label::at(path.origin.clone(), "named here");
            out.diagnostics
                .push(Diagnostic::new(&codes::BAD_FILE, message).label(label));
            continue;
        }
        budget -= text.len();
        out.files.push(Arc::clone(&path.value));
        let read = if file
            .format
            .as_ref()
            .is_some_and(|format| &*format.value == "raw")
        {
            raw(&text)
        } else {
            let look_up = |name: &str| {
                let own = || effective.get(name).copied().flatten().cloned();
                scope.get(name).or_else(own)
            };
            compose_dotenv::parse(&text, &look_up, &|name| earlier.get(name).cloned())
        };
        let file = Source {
            name: Arc::clone(&path.value),
            text,
        };
        let layer = file_layer(&file, read, &removed, &mut earlier, &mut out.diagnostics);
        out.layers.push(layer);
    }

    let mut layer = Layer::new(SourceKind::Compose);
    layer.secrets.clone_from(&service.secrets);
    for variable in &service.environment {
        if let Some(value) = &variable.value
            && !removed.contains(&*variable.name)
        {
            let (name, value) = (Arc::clone(&variable.name), Arc::clone(value));
            layer.push(name, value, variable.origin.clone());
        }
    }
    out.layers.push(layer);
    out
}

/// Reads one file as Compose reads an `env_file` or its `.env`, without a project around it.
#[must_use]
pub fn dotenv_layer(
    file: &Source,
    environment: super::Environment<'_>,
) -> (Layer, Vec<Diagnostic>) {
    let read = compose_dotenv::parse(&file.text, environment, &|_| None);
    let mut diagnostics = Vec::new();
    let (removed, mut earlier) = (BTreeSet::new(), BTreeMap::new());
    let layer = file_layer(file, read, &removed, &mut earlier, &mut diagnostics);
    (layer, diagnostics)
}

fn file_layer(
    file: &Source,
    read: Dotenv,
    removed: &BTreeSet<&str>,
    earlier: &mut BTreeMap<Arc<str>, Arc<str>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Layer {
    let index = TextIndex::new(&file.text);
    if let Some(error) = read.error {
        let origin = place(&index, &file.name, error.span.clone());
        diagnostics.push(Fault::Dotenv(&error).at(origin));
    }
    let mut layer = Layer::new(SourceKind::File);
    for binding in read.bindings {
        let secrets = binding.references.iter().filter_map(|r| r.secret.clone());
        layer.secrets.extend(secrets);
        let origin = place(&index, &file.name, binding.span);
        for reference in binding
            .references
            .iter()
            .filter(|reference| reference.unset)
        {
            let name = reference.name.to_string();
            let message = format!("variable `{name}` is not set; an empty text takes its place");
            diagnostics.push(
                Diagnostic::new(&codes::UNSET_IN_INTERPOLATION, message)
                    .about(name)
                    .label(Label::at(origin.clone(), "not set")),
            );
        }
        earlier.insert(Arc::clone(&binding.name), Arc::clone(&binding.value));
        if !removed.contains(&*binding.name) {
            layer.push(binding.name, binding.value, origin);
        }
    }
    layer
}

/// Reads `format: raw`, as `docker run --env-file` does: lines of `NAME=VALUE`, values verbatim,
/// `#` at the start of a line for comments.
fn raw(text: &str) -> Dotenv {
    let mut out = Dotenv::default();
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut at = text.len() - body.len();
    for line in body.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_end_matches(['\n', '\r']);
        let trimmed = content.trim_start();
        let indent = content.len() - trimmed.len();
        if trimmed.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = trimmed.split_once('=') {
            let name_start = start + indent;
            let value_start = name_start + name.len() + 1;
            out.bindings.push(compose_dotenv::Binding {
                name: name.into(),
                name_span: name_start..name_start + name.len(),
                value: value.into(),
                span: value_start..value_start + value.len(),
                inherited: false,
                references: Vec::new(),
            });
        }
    }
    out
}
