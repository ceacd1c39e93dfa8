//! What the files around a file say about it.

mod extends;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::file::File;
use crate::finding::{Finding, Fix, Safety};
use crate::format::Format;
use crate::format::containers::of_image;
use crate::judge::Elsewhere;
use crate::names;
use crate::scope::{Document, Owner, Scope, is_dynamic};
use crate::text::{Text, find_word};

/// Access to other files of a project.
pub trait Files: Sync {
    /// Returns the bytes of a file, if there is one of a sane size.
    fn read(&self, path: &Path) -> Option<Vec<u8>>;
    /// Lists the files of a folder in a stable order, or nothing.
    fn list(&self, folder: &Path) -> Vec<PathBuf>;
}

/// Lets those fixes stand that every file of a service can make together, and drops the others.
///
/// Edits of a base file and an override must not be made by halves: the one that is left would
/// count alone. A fix with partners is applied only after this has seen all its files.
pub fn settle(files: &mut [File]) {
    // What is dropped in one file may be what another one waits for.
    loop {
        let all: Vec<BTreeSet<usize>> = files.iter().map(|file| unmet(file, files)).collect();
        if all.iter().all(BTreeSet::is_empty) {
            break;
        }
        for (file, unmet) in files.iter_mut().zip(&all) {
            let findings = file.findings.iter_mut();
            findings.for_each(|finding| drop_fix(finding, unmet));
        }
    }
    let safe: Vec<Vec<Safety>> = files
        .iter()
        .map(|file| file.findings.iter().map(|f| safety(f, files)).collect())
        .collect();
    for (file, safe) in files.iter_mut().zip(safe) {
        for (finding, safety) in file.findings.iter_mut().zip(safe) {
            let Some(fix) = finding.fix.as_mut().filter(|f| !f.partners.is_empty()) else {
                continue;
            };
            let names = listed(&fix.partners);
            fix.met = true;
            if fix.safety < safety {
                fix.safety = safety;
                fix.why = Some(format!("{names} changes with it"));
            }
            finding.help.push(format!("changed together with {names}"));
        }
    }
}

/// Takes the fix of a finding away if its group cannot be made.
fn drop_fix(finding: &mut Finding, unmet: &BTreeSet<usize>) {
    let Some(fix) = finding.fix.take_if(|fix| unmet.contains(&fix.group)) else {
        return;
    };
    finding.after = None;
    finding.alternatives.clear();
    finding.help.push(if fix.partners.is_empty() {
        "not edited: what goes with it cannot change".to_owned()
    } else {
        let names = listed(&fix.partners);
        format!("not edited: it is also set in {names}, where the same edit is not possible")
    });
}

fn listed(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    names.join(" and ")
}

/// Returns the groups of a file of which one fix waits in vain.
fn unmet(file: &File, files: &[File]) -> BTreeSet<usize> {
    let waiting = file
        .findings
        .iter()
        .filter(|f| partners(f, files).is_none());
    waiting
        .filter_map(|f| Some(f.fix.as_ref()?.group))
        .collect()
}

/// Returns the findings of other files that a fix waits for; `None` where one is missing.
fn partners<'f>(finding: &Finding, files: &'f [File]) -> Option<Vec<&'f Finding>> {
    let fix = finding.fix.as_ref()?;
    let label = |f: &Finding| f.scope.split(" (").next().unwrap_or_default().to_owned();
    let come = |fix: &Fix| -> Vec<String> {
        fix.announced
            .come
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    };
    let found = fix.partners.iter().map(|path| {
        let file = files.iter().find(|f| clean(&f.path) == clean(path))?;
        file.findings.iter().find(|other| {
            let same = other.name == finding.name && label(other) == label(finding);
            let alike = |o: &Fix| o.announced.gone == fix.announced.gone && come(o) == come(fix);
            same && other.fix.as_ref().is_some_and(alike)
        })
    });
    found.collect()
}

/// The safety of a fix and all that go with it.
fn safety(finding: &Finding, files: &[File]) -> Safety {
    let own = finding.fix.iter();
    let others = partners(finding, files).unwrap_or_default();
    let others = others.iter().filter_map(|f| f.fix.as_ref());
    own.chain(others)
        .map(|fix| fix.safety)
        .max()
        .unwrap_or(Safety::Safe)
}

/// A project of one file.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Option<Vec<u8>> {
        None
    }

    fn list(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Files that are looked into at most for readers of a variable.
const MAX_MOUNTED: usize = 64;

/// The Compose files around a file.
pub(crate) struct Neighbours<'a> {
    path: &'a Path,
    format: Format,
    text: &'a str,
    files: &'a dyn Files,
    compose: Vec<(PathBuf, Text, Document)>,
}

impl<'a> Neighbours<'a> {
    pub(crate) fn new(path: &'a Path, format: Format, text: &'a str, files: &'a dyn Files) -> Self {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut compose = Vec::new();
        let near = format == Format::Dotenv || is_compose(path);
        let mut folders = vec![folder];
        if format == Format::Dotenv {
            folders.extend(folder.parent());
        }
        for folder in folders.into_iter().filter(|_| near) {
            for other in files.list(folder) {
                if other == path || !is_compose(&other) {
                    continue;
                }
                let Some(bytes) = files.read(&other) else {
                    continue;
                };
                let text = Text::new(bytes);
                let document = Format::Yaml.read(&other, text.as_str());
                compose.push((other, text, document));
            }
        }
        Self {
            path,
            format,
            text,
            files,
            compose,
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Finds out what a service of Compose runs where its own text does not say: the image may be
    /// named by a variable of `.env`, by the file that this one overrides, or by a Dockerfile.
    pub(crate) fn complete(&self, scope: &mut Scope) {
        if !is_compose(self.path) || self.format != Format::Yaml {
            return;
        }
        self.interpolate(scope);
        if scope.owner != Owner::Other {
            return;
        }
        if scope.image.is_none() {
            self.built(scope);
        }
        let built = scope.build.is_some();
        for (_, _, document) in &self.compose {
            let other = document.scopes.iter().find(|s| s.label == scope.label);
            if let Some(other) = other
                && matches!(other.owner, Owner::Server(_))
                && !built
            {
                scope.owner = other.owner.clone();
                scope.ports.extend(other.ports.iter().cloned());
                scope.aliases.extend(other.aliases.iter().cloned());
                scope.mounts.extend(other.mounts.iter().cloned());
                return;
            }
        }
    }

    /// Returns what the `.env` beside a Compose file gives for an expression, as far as it can.
    pub(crate) fn expanded(&self, value: &str) -> String {
        let mut plain = value.to_owned();
        if is_compose(self.path) && self.format == Format::Yaml && value.contains('$') {
            for (name, value) in self.dotenv() {
                plain = filled(&plain, &name, &value);
            }
        }
        plain
    }

    /// Returns the plain settings of the `.env` beside the file.
    fn dotenv(&self) -> Vec<(String, String)> {
        let Some(bytes) = self.files.read(&self.folder().join(".env")) else {
            return Vec::new();
        };
        let text = Text::new(bytes);
        let document = Format::Dotenv.read(Path::new(".env"), text.as_str());
        let settings = document.scopes.into_iter().flat_map(|s| s.settings);
        let plain = settings.filter(|s| !s.is_dynamic());
        plain.filter_map(|s| Some((s.name, s.value?))).collect()
    }

    /// Fills variables in the name of an image with what the `.env` beside the file says.
    fn interpolate(&self, scope: &mut Scope) {
        let Some(image) = scope.image.as_deref().filter(|i| i.contains('$')) else {
            return;
        };
        let plain = self.expanded(image);
        if plain != image && !plain.contains('$') {
            let shown = format!("{image} ({plain} by .env)");
            scope.owner = of_image(&plain);
            if let Owner::Server(found) | Owner::Stray(found) = &mut scope.owner {
                found.text = shown;
            }
        }
    }

    /// Looks into the Dockerfile that an image is built from.
    fn built(&self, scope: &mut Scope) {
        let Some(build) = &scope.build else { return };
        if build.context.contains("://") || is_dynamic(&build.context) {
            return;
        }
        let name = build.dockerfile.as_deref().unwrap_or("Dockerfile");
        let path = clean(&self.folder().join(&build.context).join(name));
        let Some(bytes) = self.files.read(&path) else {
            return;
        };
        let text = Text::new(bytes);
        let document = Format::Dockerfile.read(&path, text.as_str());
        // The last stage is the one that runs.
        if let Some(stage) = document.scopes.last()
            && let Owner::Server(image) = &stage.owner
        {
            scope.owner = Owner::Server(image.clone());
            scope.sealed = scope.sealed.or(stage.sealed);
        }
    }

    /// Returns the settings above those of a file, when a server loads it.
    pub(crate) fn loader(&self, scope: &mut Scope) -> Option<Vec<(String, String)>> {
        let mut found: Option<(Owner, Vec<(String, String)>)> = None;
        let mut loaders = 0;
        let mut interpolated = false;
        for (path, text, document) in &self.compose {
            let folder = path.parent().unwrap_or(Path::new(""));
            for other in &document.scopes {
                let loads = other
                    .env_files
                    .iter()
                    .any(|f| clean(&folder.join(f)) == clean(self.path));
                if !loads {
                    continue;
                }
                loaders += 1;
                if let Owner::Server(_) = &other.owner {
                    let own = other
                        .settings
                        .iter()
                        .filter_map(|s| Some((s.name.clone(), s.value.clone()?)));
                    found = Some((other.owner.clone(), own.collect()));
                    scope.loaded_by = Some(other.label.clone());
                    scope.ports.extend(other.ports.iter().cloned());
                    scope.mounts.extend(other.mounts.iter().cloned());
                }
            }
            interpolated |= scope
                .settings
                .iter()
                .any(|s| expands(text.as_str(), &s.name));
        }
        let (owner, above) = found?;
        scope.owner = owner;
        if loaders > 1 {
            scope.shared = Some("several services load the file");
        } else if interpolated {
            scope.shared = Some("a Compose file also interpolates names of this file");
        }
        Some(above)
    }

    /// Returns whether this file or one around it speaks of LocalStack.
    pub(crate) fn mentions_localstack(&self) -> bool {
        let server = |d: &Document| d.scopes.iter().any(|s| matches!(s.owner, Owner::Server(_)));
        self.text
            .to_ascii_lowercase()
            .contains("localstack/localstack")
            || self.compose.iter().any(|(_, _, d)| server(d))
    }

    /// Returns the Compose file around that replaces `${NAME}` by what this file says.
    pub(crate) fn interpolates(&self, name: &str) -> Option<&Path> {
        let mut files = self.compose.iter();
        let found = files.find(|(_, text, _)| expands(text.as_str(), name))?;
        Some(&found.0)
    }

    /// Returns the settings of the files that a scope loads, and whether one is missing.
    pub(crate) fn env_files(&self, scope: &Scope) -> (Vec<(String, String)>, bool) {
        let mut pairs = Vec::new();
        let mut missing = false;
        for name in &scope.env_files {
            let Some(bytes) = self.files.read(&self.folder().join(name)) else {
                missing = true;
                continue;
            };
            let text = Text::new(bytes);
            let document = Format::Dotenv.read(Path::new(".env"), text.as_str());
            for setting in document.scopes.iter().flat_map(|s| &s.settings) {
                pairs.extend(setting.value.clone().map(|v| (setting.name.clone(), v)));
            }
        }
        pairs.extend(scope.inherited.iter().cloned());
        (pairs, missing)
    }

    /// Says who besides the server reads a variable of a scope.
    pub(crate) fn reader(&self, scope: &Scope, name: &str) -> Option<String> {
        let shell = matches!(scope.owner, Owner::Cli(_)) || self.format == Format::Dockerfile;
        if shell && expands(self.text, name) {
            return Some("the same file".to_owned());
        }
        for mount in &scope.mounts {
            if mount.starts_with(['/', '~', '$']) {
                continue;
            }
            let place = clean(&self.folder().join(mount));
            let mut inside = self.files.list(&place);
            inside.push(place);
            for path in inside.into_iter().take(MAX_MOUNTED) {
                let Some(bytes) = self.files.read(&path) else {
                    continue;
                };
                if expands(Text::new(bytes).as_str(), name) {
                    return Some(format!(
                        "`{}`, which is mounted into the container,",
                        path.display()
                    ));
                }
            }
        }
        None
    }

    /// Says which other Compose files set a name, or one that decides the same, for a service.
    pub(crate) fn elsewhere(&self, scope: &Scope, name: &str) -> Elsewhere {
        let mut found = Elsewhere::default();
        if self.format == Format::Dotenv {
            return found;
        }
        let family = names::family(names::bare(name));
        for (path, _, document) in &self.compose {
            let Some(other) = document.scopes.iter().find(|s| s.label == scope.label) else {
                continue;
            };
            if other.settings.iter().any(|s| s.name == name) {
                found.same.push(path.clone());
            }
            let related = other
                .settings
                .iter()
                .find(|s| s.name != name && family.contains(&names::bare(&s.name)));
            if let Some(setting) = related {
                found.other = Some((setting.name.clone(), path.clone()));
            }
        }
        found
    }
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}` in a text.
fn filled(text: &str, name: &str, value: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        let end = if from.starts_with("${") {
            from.find('}').map_or(from.len(), |n| n + 1)
        } else {
            let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            from[1..].find(word).map_or(from.len(), |n| n + 1)
        };
        let inner = from[1..end].trim_start_matches('{').trim_end_matches('}');
        let own = inner.split([':', '-']).next() == Some(name);
        out.push_str(if own { value } else { &from[..end] });
        rest = &from[end..];
    }
    out.push_str(rest);
    out
}

/// Returns whether a text expands `$NAME` or `${NAME...}`.
fn expands(text: &str, name: &str) -> bool {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| find_word(rest, name)) {
        let at = from + found;
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + name.len()..).unwrap_or_default().trim_start();
        let assigned = after.starts_with('=') && !after.starts_with("==");
        if before.ends_with('$') || before.ends_with("${") || before.ends_with("$env:") && !assigned
        {
            return true;
        }
        from = at + name.len();
    }
    false
}

fn is_compose(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().to_ascii_lowercase());
    let name = name.unwrap_or_default();
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    yaml && name.contains("compose")
}

/// Takes `.` and `..` out of a path, by its text alone.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
