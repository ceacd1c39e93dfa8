//! From files to one merged value: documents, `include:`, `extends:`, and files over files.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::fault::Fault;
use super::merge::{Place, listed, merge, strip};
use super::value::{Converter, Kind, Node, Pair, Tag};
use super::{Input, ReadError, Source};
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::layer::Origin;
use crate::source::compose_dotenv;
use crate::source::yaml::{TextIndex, Tree};

/// How many files one project may read. Inclusion fans out; real projects read below ten.
const MAX_FILES: usize = 256;
/// How many services may extend one another in a row.
const MAX_EXTENDS: usize = 64;
/// How many values merging may touch; bounds time and memory for hostile projects; a file of
/// a megabyte has a tenth of it.
const MAX_STEPS: usize = 1_000_000;
/// How many bytes interpolation may add to all files.
const MAX_GROWTH: usize = 16 << 20;
/// How many diagnostics are kept; the first ones say enough about a file that is no Compose file.
const MAX_DIAGNOSTICS: usize = 200;

/// Variables for interpolation: those of the process over those of dotenv files.
pub(super) struct Scope<'i> {
    below: Option<Rc<Scope<'i>>>,
    environment: super::Environment<'i>,
    own: BTreeMap<Arc<str>, Arc<str>>,
}

impl Scope<'_> {
    /// Returns the value of a name.
    pub(super) fn get(&self, name: &str) -> Option<Arc<str>> {
        match &self.below {
            Some(below) => below.get(name),
            None => (self.environment)(name),
        }
        .or_else(|| self.own.get(name).cloned())
    }
}

/// Reads files and keeps what is to be said about them.
pub(super) struct Loader<'i> {
    pub(super) input: &'i Input<'i>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What interpolation took from secret variables.
    pub(super) secrets: Vec<Arc<str>>,
    /// The files that were read, in order.
    pub(super) files: Vec<Arc<str>>,
    /// For each file, the folder that its relative paths start from.
    folders: BTreeMap<Arc<str>, Arc<str>>,
    /// For each file that was included, its variables.
    scopes: BTreeMap<Arc<str>, Rc<Scope<'i>>>,
    /// Files that `extends:` named, by path.
    bases: BTreeMap<Arc<str>, Option<Rc<Services>>>,
    loads: usize,
    steps: usize,
    grown: usize,
    limit_reported: bool,
}

impl<'i> Loader<'i> {
    pub(super) fn new(input: &'i Input<'i>) -> Self {
        Self {
            input,
            diagnostics: Vec::new(),
            secrets: Vec::new(),
            files: Vec::new(),
            folders: BTreeMap::new(),
            scopes: BTreeMap::new(),
            bases: BTreeMap::new(),
            loads: 0,
            steps: 0,
            grown: 0,
            limit_reported: false,
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Says that a file has something which Compose refuses.
    pub(super) fn bad_file(&mut self, origin: Origin, fault: &Fault<'_>) {
        self.report(fault.at(origin));
    }

    /// Says once that a limit is exceeded, however much was said before.
    fn exceeded(&mut self, origin: Origin, message: String) {
        if !self.limit_reported {
            self.limit_reported = true;
            self.diagnostics.truncate(MAX_DIAGNOSTICS - 1);
            self.bad_file(origin, &Fault::Limit(message));
        }
    }

    /// Counts work; see [`is_exhausted`](Self::is_exhausted).
    pub(super) fn count(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            let source = self.files.first().cloned().unwrap_or_default();
            let message = format!("merging takes more than {MAX_STEPS} steps");
            self.exceeded(Origin::of_source(source), message);
        }
    }

    /// Whether the work for this project exceeds the limit, so that merging has to stop.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps > MAX_STEPS || self.grown > MAX_GROWTH
    }

    /// Counts the bytes that interpolation added.
    pub(super) fn grow(&mut self, origin: &Origin, bytes: usize) {
        self.grown = self.grown.saturating_add(bytes);
        if self.grown > MAX_GROWTH {
            let message = format!("interpolation adds more than {MAX_GROWTH} bytes");
            self.exceeded(origin.clone(), message);
        }
    }

    /// Resolves a path that stands at `origin`.
    pub(super) fn resolve(&self, path: &str, origin: &Origin) -> Arc<str> {
        let folder = self.folders.get(&origin.source).map_or("", |folder| folder);
        join(folder, path)
    }

    /// Returns the variables for the file that an included service stands in.
    pub(super) fn scope_of(&self, origin: &Origin) -> Option<Rc<Scope<'i>>> {
        self.scopes.get(&origin.source).cloned()
    }

    /// Returns the variables of the project: the environment over its dotenv files.
    pub(super) fn project_scope(&mut self) -> Rc<Scope<'i>> {
        let mut scope = Scope {
            below: None,
            environment: self.input.environment,
            own: BTreeMap::new(),
        };
        for file in self.input.dotenv {
            self.add_dotenv(&mut scope, file);
        }
        // Compose always sets this one; a name that nobody knows here is empty, not unset.
        let name = self.input.project_name.clone().unwrap_or_default();
        let variable = Arc::from("COMPOSE_PROJECT_NAME");
        scope.own.entry(variable).or_insert(name);
        Rc::new(scope)
    }

    fn add_dotenv(&mut self, scope: &mut Scope<'i>, file: &Source) {
        self.name_file(&file.name);
        let look_up = |name: &str| match &scope.below {
            Some(below) => below.get(name),
            None => (scope.environment)(name),
        };
        let earlier = |name: &str| scope.own.get(name).cloned();
        let read = compose_dotenv::parse(&file.text, &look_up, &earlier);
        if let Some(error) = read.error {
            let origin = place(&TextIndex::new(&file.text), &file.name, error.span.clone());
            self.bad_file(origin, &Fault::Dotenv(&error));
        }
        for binding in read.bindings {
            let secrets = binding.references.iter().filter_map(|r| r.secret.clone());
            self.secrets.extend(secrets);
            scope.own.insert(binding.name, binding.value);
        }
    }

    fn name_file(&mut self, name: &Arc<str>) {
        if !self.files.contains(name) {
            self.files.push(Arc::clone(name));
        }
    }

    /// Loads the files given on the command line, each over the ones before it.
    pub(super) fn load_all(&mut self, scope: &Rc<Scope<'i>>) -> Rc<Node> {
        let folder: Arc<str> = match self.input.files.first() {
            Some(first) => parent(&first.name).into(),
            None => "".into(),
        };
        let mut whole = nothing();
        for file in self.input.files {
            let chain = [Arc::clone(&file.name)];
            whole = self.load(file, &folder, scope, &chain, &whole);
        }
        whole
    }

    /// Loads one file over `base`.
    fn load(
        &mut self,
        file: &Source,
        folder: &Arc<str>,
        scope: &Rc<Scope<'i>>,
        chain: &[Arc<str>],
        base: &Rc<Node>,
    ) -> Rc<Node> {
        let mut whole = Rc::clone(base);
        for document in self.documents(file, folder, scope) {
            let included = self.include(&document, scope, chain);
            let extended = self.extend_all(&included, scope);
            whole = merge(self, &whole, &extended, Place::Root);
            whole = strip(self, &whole);
        }
        whole
    }

    /// Parses and interpolates the documents of a file.
    fn documents(
        &mut self,
        file: &Source,
        folder: &Arc<str>,
        scope: &Rc<Scope<'i>>,
    ) -> Vec<Rc<Node>> {
        self.name_file(&file.name);
        self.folders
            .insert(Arc::clone(&file.name), Arc::clone(folder));
        let tree = match Tree::parse(&file.text) {
            Ok(tree) => tree,
            Err(error) => {
                let origin = Origin {
                    source: Arc::clone(&file.name),
                    line: error.line,
                    column: error.column,
                    span: Some(error.offset..error.offset),
                };
                self.bad_file(origin, &Fault::Yaml(&error.kind));
                return Vec::new();
            }
        };
        let look_up = |name: &str| scope.get(name);
        let name = Arc::clone(&file.name);
        let mut converter = Converter::new(self, name, &file.text, &tree, &look_up);
        let mut documents = Vec::new();
        for document in tree.documents() {
            let node = converter.convert(document);
            match node.kind {
                Kind::Map(_) => documents.push(node),
                Kind::Null => {}
                _ => {
                    let origin = node.origin.clone();
                    converter.loader.bad_file(origin, &Fault::TopLevel);
                }
            }
        }
        documents
    }

    fn read(&mut self, path: &Arc<str>, origin: &Origin) -> Option<Source> {
        self.loads += 1;
        if self.loads > MAX_FILES {
            let message = format!("project reads more than {MAX_FILES} files");
            self.exceeded(origin.clone(), message);
            return None;
        }
        match (self.input.read)(path) {
            Ok(text) => Some(Source {
                name: Arc::clone(path),
                text,
            }),
            Err(error) => {
                self.report(missing_file(path, error, origin.clone()));
                None
            }
        }
    }

    /// Puts what `include:` names below the document.
    fn include(
        &mut self,
        document: &Rc<Node>,
        scope: &Rc<Scope<'i>>,
        chain: &[Arc<str>],
    ) -> Rc<Node> {
        let Some(includes) = document.get("include") else {
            return Rc::clone(document);
        };
        let mut below = nothing();
        for item in listed(includes) {
            let paths = match item.get("path") {
                Some(path) => listed(path),
                None => listed(&item),
            };
            let imported = self.include_one(&item, &paths, scope, chain);
            below = merge(self, &below, &imported, Place::Root);
        }
        merge(self, &below, document, Place::Root)
    }

    fn include_one(
        &mut self,
        item: &Rc<Node>,
        paths: &[Rc<Node>],
        scope: &Rc<Scope<'i>>,
        chain: &[Arc<str>],
    ) -> Rc<Node> {
        let mut whole = nothing();
        let Some((first, first_text)) = paths.iter().find_map(|p| Some((p, p.text()?))) else {
            self.bad_file(item.origin.clone(), &Fault::IncludeWithoutPath);
            return whole;
        };
        let main = self.resolve(first_text, &first.origin);
        if chain.contains(&main) {
            self.bad_file(first.origin.clone(), &Fault::IncludeCycle);
            return whole;
        }
        let folder: Arc<str> = match item.get("project_directory").and_then(|d| d.text()) {
            Some(directory) => self.resolve(directory, &item.origin),
            None => parent(&main).into(),
        };
        let inner = self.included_scope(item, &folder, scope);
        let chain: Vec<_> = chain.iter().cloned().chain([main]).collect();
        for path in paths {
            let Some(text) = path.text() else { continue };
            let resolved = self.resolve(text, &path.origin);
            if let Some(file) = self.read(&resolved, &path.origin) {
                self.scopes.insert(Arc::clone(&resolved), Rc::clone(&inner));
                whole = self.load(&file, &folder, &inner, &chain, &whole);
            }
        }
        whole
    }

    /// The variables for an included file: those of the project over its own `env_file`, or over
    /// the `.env` in its folder.
    fn included_scope(
        &mut self,
        item: &Rc<Node>,
        folder: &str,
        scope: &Rc<Scope<'i>>,
    ) -> Rc<Scope<'i>> {
        let mut inner = Scope {
            below: Some(Rc::clone(scope)),
            environment: scope.environment,
            own: BTreeMap::new(),
        };
        match item.get("env_file") {
            Some(named) => {
                for path in listed(named) {
                    let Some(text) = path.text().filter(|text| &***text != "/dev/null") else {
                        continue;
                    };
                    let resolved = self.resolve(text, &path.origin);
                    if let Some(file) = self.read(&resolved, &path.origin) {
                        self.add_dotenv(&mut inner, &file);
                    }
                }
            }
            None => {
                let path = join(folder, ".env");
                if let Ok(text) = (self.input.read)(&path) {
                    self.add_dotenv(&mut inner, &Source { name: path, text });
                }
            }
        }
        Rc::new(inner)
    }

    /// Replaces every service that extends another one by what both give.
    fn extend_all(&mut self, document: &Rc<Node>, scope: &Rc<Scope<'i>>) -> Rc<Node> {
        let Some((key, services)) = document.pair("services").cloned() else {
            return Rc::clone(document);
        };
        if services
            .pairs()
            .iter()
            .all(|(_, service)| service.get("extends").is_none())
        {
            return Rc::clone(document);
        }
        let among = Services::of(&services);
        let pairs = services.pairs().iter().map(|(name, service)| {
            let chain = Chain {
                name: (Arc::clone(&name.origin.source), Arc::clone(&name.name)),
                above: None,
                length: 1,
            };
            (name.clone(), self.extend(service, &among, scope, &chain))
        });
        let extended = Rc::new(Node {
            kind: Kind::Map(pairs.collect()),
            origin: services.origin.clone(),
            tag: services.tag,
        });
        let replaced = document.pairs().iter().map(|(name, value)| {
            if name.name == key.name {
                (name.clone(), Rc::clone(&extended))
            } else {
                (name.clone(), Rc::clone(value))
            }
        });
        Rc::new(Node {
            kind: Kind::Map(replaced.collect()),
            origin: document.origin.clone(),
            tag: document.tag,
        })
    }

    fn extend(
        &mut self,
        service: &Rc<Node>,
        services: &Services,
        scope: &Rc<Scope<'i>>,
        chain: &Chain<'_>,
    ) -> Rc<Node> {
        let Some((key, extends)) = service.pair("extends") else {
            return Rc::clone(service);
        };
        let named = extends.get("service").unwrap_or(extends);
        let Some(base_name) = named.text() else {
            self.bad_file(extends.origin.clone(), &Fault::ExtendsNothing);
            return Rc::clone(service);
        };
        let elsewhere = match extends.get("file").filter(|f| f.text().is_some()) {
            None => None,
            Some(file) => match self.base_services(file, scope) {
                Some(found) => Some(found),
                None => return Rc::clone(service),
            },
        };
        let among = elsewhere.as_deref().unwrap_or(services);
        let Some((base_key, base)) = among.0.get(base_name) else {
            self.bad_file(named.origin.clone(), &Fault::ExtendsMissing(base_name));
            return Rc::clone(service);
        };
        let link = Chain {
            name: (Arc::clone(&base_key.origin.source), Arc::clone(base_name)),
            above: Some(chain),
            length: chain.length + 1,
        };
        if link.is_cycle() || link.length > MAX_EXTENDS {
            self.bad_file(key.origin.clone(), &Fault::ExtendsCycle);
            return Rc::clone(service);
        }
        let base = self.extend(base, among, scope, &link);
        let base = strip(self, &base);
        merge(self, &base, service, Place::Service)
    }

    /// Returns the services of a file that `extends:` names. Its own `include:` is not followed.
    fn base_services(&mut self, file: &Rc<Node>, scope: &Rc<Scope<'i>>) -> Option<Rc<Services>> {
        let path = self.resolve(file.text()?, &file.origin);
        if let Some(known) = self.bases.get(&path) {
            return known.clone();
        }
        let services = self.read(&path, &file.origin).map(|source| {
            let folder: Arc<str> = parent(&path).into();
            let mut whole = nothing();
            for document in self.documents(&source, &folder, scope) {
                whole = merge(self, &whole, &document, Place::Root);
            }
            let services = whole.get("services").map_or_else(nothing, Rc::clone);
            Rc::new(Services::of(&services))
        });
        self.bases.insert(path, services.clone());
        services
    }
}

/// The services of a file by name.
struct Services(BTreeMap<Arc<str>, Pair>);

impl Services {
    fn of(node: &Node) -> Self {
        let pairs = node.pairs().iter();
        Self(
            pairs
                .map(|pair| (Arc::clone(&pair.0.name), pair.clone()))
                .collect(),
        )
    }
}

/// Services that extend one another, the outermost last.
struct Chain<'c> {
    name: (Arc<str>, Arc<str>),
    above: Option<&'c Chain<'c>>,
    length: usize,
}

impl Chain<'_> {
    fn is_cycle(&self) -> bool {
        let mut above = self.above;
        while let Some(link) = above {
            if link.name == self.name {
                return true;
            }
            above = link.above;
        }
        false
    }
}

fn nothing() -> Rc<Node> {
    Rc::new(Node {
        kind: Kind::Map(Vec::new()),
        origin: Origin::of_source(""),
        tag: Tag::None,
    })
}

/// Says that a file cannot be read.
pub(super) fn missing_file(path: &str, error: ReadError, origin: Origin) -> Diagnostic {
    let message = match error {
        ReadError::NotFound => format!("file `{path}` is missing"),
        ReadError::Unreadable => format!("file `{path}` cannot be read"),
    };
    Diagnostic::new(&codes::MISSING_FILE, message)
        .help("create the file or correct the path; an `env_file:` may say `required: false`")
        .label(Label::at(origin, "named here"))
}

/// Returns the place of some bytes of a text.
pub(super) fn place(index: &TextIndex, name: &Arc<str>, span: std::ops::Range<usize>) -> Origin {
    let (line, column) = index.position(span.start);
    Origin {
        source: Arc::clone(name),
        line,
        column,
        span: Some(span),
    }
}

/// Returns the folder of a path, without the final `/`; empty for the current one.
fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => "",
    }
}

/// Joins a folder and a path, and takes `.` and `..` out as far as that is possible by text.
fn join(folder: &str, path: &str) -> Arc<str> {
    let absolute = path.starts_with('/');
    let whole = if absolute || folder.is_empty() {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.is_empty() && whole.starts_with('/') => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let root = if whole.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_by_text() {
        for (folder, path, expected) in [
            ("", "a.env", "a.env"),
            ("deploy", "./a.env", "deploy/a.env"),
            ("deploy/x", "../a.env", "deploy/a.env"),
            ("deploy", "../../a.env", "../a.env"),
            ("/srv/x", "../../../a", "/a"),
            ("deploy", "/etc/a", "/etc/a"),
            ("/", "a", "/a"),
        ] {
            assert_eq!(&*join(folder, path), expected);
        }
        assert_eq!(
            (parent("a/b/c"), parent("/c"), parent("c")),
            ("a/b", "/", "")
        );
    }
}
