//! Compose files: judged alone, or as the place where containers of an engine are written.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lsconfig::source::compose::{self, Input, Project, ReadError, Service, Source};
use lsconfig_doctor::facts::{Facts, Position, Question};
use lsconfig_doctor::fix::Change;
use lsconfig_doctor::patch::Patch;
use lsconfig_doctor::world::{self, Found};
use lsconfig_doctor::{patch, project};
use lsconfig_formats::devcontainer::{self, DevContainer};
use lsconfig_formats::workflow;

use super::args::DoctorArgs;
use crate::error::CliError;
use crate::input::{file_text, variable};
use crate::render::printable;

/// What the arguments name, by kind.
#[derive(Default)]
struct Named {
    compose: Vec<PathBuf>,
    workflows: Vec<(String, Arc<str>)>,
    containers: Vec<(PathBuf, DevContainer)>,
}

impl Named {
    fn read(paths: &[PathBuf]) -> Result<Self, CliError> {
        let mut named = Self::default();
        for path in paths {
            let shown = path.display().to_string();
            let name = path.file_name().map(|n| n.to_string_lossy());
            if name.is_some_and(|n| n.trim_start_matches('.') == "devcontainer.json") {
                let text = file_text(path)?;
                let read = devcontainer::read(&text).map_err(|error| broken(&shown, &error))?;
                named.containers.push((path.clone(), read));
                continue;
            }
            let text = file_text(path)?;
            if workflow::is_workflow(&text) {
                named.workflows.push((shown, text));
            } else {
                named.compose.push(path.clone());
            }
        }
        Ok(named)
    }
}

fn broken(file: &str, error: &str) -> CliError {
    let (file, error) = (printable(file), printable(error));
    CliError::usage(format!("`{file}` cannot be read: {error}"), "")
}

/// Judges files alone: a Compose project as a whole, and each job of a workflow by itself.
pub(super) fn facts(paths: &[PathBuf], args: &DoctorArgs) -> Result<Vec<Facts>, CliError> {
    let question = Question {
        source: args
            .source_container
            .clone()
            .map(Position::Container)
            .or_else(|| args.host.then_some(Position::Host)),
        target: args.target_container.clone(),
        endpoints: args.endpoints.clone(),
    };
    let named = Named::read(paths)?;
    let mut systems = Vec::new();
    for (file, text) in &named.workflows {
        let jobs = lsconfig_doctor::workflow::facts(file, text, &question);
        systems.extend(jobs.map_err(|error| broken(file, &error))?);
    }
    for (path, container) in &named.containers {
        let folder = path.parent().unwrap_or(Path::new(""));
        let own = container.compose_files.iter();
        let own = own.map(|file| plain(&folder.join(&file.text)));
        let files: Vec<PathBuf> = named.compose.iter().cloned().chain(own).collect();
        let mut facts = inventory(&files, &question)?;
        lsconfig_doctor::devcontainer::add(&mut facts, &path.display().to_string(), container);
        systems.push(facts);
    }
    if named.containers.is_empty() && (!named.compose.is_empty() || systems.is_empty()) {
        systems.push(inventory(&named.compose, &question)?);
    }
    if let Some(Position::Container(name)) = &question.source {
        systems.retain(|facts| facts.container(name).is_some());
        if systems.is_empty() {
            return Err(CliError::usage(
                format!("no service is called `{}`", printable(name)),
                "",
            ));
        }
    }
    Ok(systems)
}

/// Takes `..` out of a path that goes up from a folder of its own, for people.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Reads what the files say that there will be.
pub(crate) fn inventory(paths: &[PathBuf], question: &Question) -> Result<Facts, CliError> {
    let mut sources = Vec::new();
    for path in paths {
        sources.push(Source {
            name: path.display().to_string().into(),
            text: file_text(path)?,
        });
    }
    Ok(with_project(&sources, |project, environment| {
        project::facts(project, question.clone(), environment)
    }))
}

type EnvironmentOf<'a> = &'a dyn Fn(&Service) -> lsconfig::layer::Layers;

fn with_project<T>(sources: &[Source], f: impl FnOnce(&Project, EnvironmentOf<'_>) -> T) -> T {
    let read = |path: &str| match file_text(Path::new(path)) {
        Ok(text) => Ok(text),
        Err(CliError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(ReadError::NotFound)
        }
        Err(_) => Err(ReadError::Unreadable),
    };
    let mut dotenv = Vec::new();
    if let Some(first) = sources.first() {
        let beside = Path::new(&*first.name).with_file_name(".env");
        if let Ok(text) = file_text(&beside) {
            dotenv.push(Source {
                name: beside.display().to_string().into(),
                text,
            });
        }
    }
    let environment = |name: &str| -> Option<Arc<str>> { variable(name) };
    let input = Input {
        files: sources,
        dotenv: &dotenv,
        project_name: None,
        environment: &environment,
        read: &read,
    };
    let project = compose::read(&input);
    f(&project, &|service| compose::layers(service, &input).layers)
}

/// Gives the containers of an engine the places of their keys, where their files are on this machine.
pub(super) fn add_places(facts: &mut Facts) {
    let mut projects: Vec<Vec<String>> = Vec::new();
    for container in &facts.containers {
        if let Some(own) = &container.compose
            && !own.files.is_empty()
            && !projects.contains(&own.files)
        {
            projects.push(own.files.clone());
        }
    }
    /// How many projects are read.
    const MAX_PROJECTS: usize = 20;
    for files in projects.into_iter().take(MAX_PROJECTS) {
        let sources: Result<Vec<Source>, CliError> = files
            .iter()
            .map(|file| {
                Ok(Source {
                    name: file.as_str().into(),
                    text: file_text(Path::new(file))?,
                })
            })
            .collect();
        if let Ok(sources) = sources {
            with_project(&sources, |project, _| {
                project::add_places(facts, project, &files)
            });
        }
    }
}

/// Writes changes into the one Compose file that describes all containers they are about.
pub(super) fn patch(facts: &Facts, changes: &[Change]) -> Option<Patch> {
    let mut files = changes.iter().map(|change| file_of(facts, change));
    let file = files.next()??;
    if files.any(|other| other != Some(file)) {
        return None;
    }
    let file = relative(file);
    let text = file_text(Path::new(&file)).ok()?;
    patch::patch(&file, &text, changes)
}

/// Returns the file that describes the container of a change. `None` where there is none, or where it
/// is not clear which: several projects may have a service of the same name.
fn file_of<'f>(facts: &'f Facts, change: &Change) -> Option<&'f str> {
    let Found::One(emulator) = world::find(facts) else {
        return None;
    };
    let clients = world::clients(facts, &emulator);
    let clients = clients.iter().flat_map(|c| [c.container, c.network]);
    let involved = std::iter::once(emulator.container).chain(clients.flatten());
    let mut files = involved
        .filter(|c| c.label() == change.container)
        .map(|own| {
            // Files of interpolation stand there as well; the project's own is the only other one.
            let all = own.compose.as_ref()?.files.iter();
            let mut own = all.filter(|file| !file.ends_with(".env"));
            let only = own.next()?;
            own.next().is_none().then_some(only.as_str())
        });
    let file = files.next()??;
    files.all(|other| other == Some(file)).then_some(file)
}

/// Names a file from here where it is below the current directory, as `patch -p1` wants it.
fn relative(file: &str) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| Some(Path::new(file).strip_prefix(here).ok()?.to_owned()));
    below.map_or_else(|| file.to_owned(), |path| path.display().to_string())
}
