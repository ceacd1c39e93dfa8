//! Compose files: judged alone, or as the place where containers of an engine are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsconfig::source::compose::{self, Input, Project, ReadError, Service, Source};
use lsconfig_doctor::facts::{Facts, Position, Question};
use lsconfig_doctor::fix::Change;
use lsconfig_doctor::patch::Patch;
use lsconfig_doctor::world::{self, Found};
use lsconfig_doctor::{patch, project};

use super::args::DoctorArgs;
use crate::error::CliError;
use crate::input::{file_text, variable};

/// Judges files alone.
pub(super) fn facts(paths: &[PathBuf], args: &DoctorArgs) -> Result<Facts, CliError> {
    let question = Question {
        source: args
            .source_container
            .clone()
            .map(Position::Container)
            .or_else(|| args.host.then_some(Position::Host)),
        target: args.target_container.clone(),
        endpoints: args.endpoints.clone(),
    };
    let facts = inventory(paths, &question)?;
    if let Some(Position::Container(name)) = &facts.question.source
        && facts.container(name).is_none()
    {
        return Err(CliError::usage(
            format!("no service is called `{}`", crate::render::printable(name)),
            "",
        ));
    }
    Ok(facts)
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
