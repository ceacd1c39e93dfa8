//! What the files around a file say about it.

use std::path::{Path, PathBuf};

use crate::format::Format;
use crate::scope::{Document, Owner, Scope};
use crate::text::{Text, find_word};

/// Access to other files of a project.
pub trait Files: Sync {
    /// Returns the bytes of a file, if there is one of a sane size.
    fn read(&self, path: &Path) -> Option<Vec<u8>>;
    /// Lists the files of a folder in a stable order, or nothing.
    fn list(&self, folder: &Path) -> Vec<PathBuf>;
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

    /// Gives a service of an override file the image of the file it overrides.
    pub(crate) fn complete(&self, scope: &mut Scope) {
        if scope.owner != Owner::Other || !is_compose(self.path) || self.format != Format::Yaml {
            return;
        }
        let built = scope.shared == Some("the image is built here; its own settings are not read");
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

    /// Says where else the same service sets a name.
    pub(crate) fn elsewhere(&self, scope: &Scope, name: &str) -> Option<String> {
        if self.format == Format::Dotenv {
            return None;
        }
        self.compose.iter().find_map(|(path, _, document)| {
            let other = document.scopes.iter().find(|s| s.label == scope.label)?;
            let sets = other.settings.iter().any(|s| s.name == name);
            sets.then(|| {
                path.file_name()
                    .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
            })
        })
    }
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
