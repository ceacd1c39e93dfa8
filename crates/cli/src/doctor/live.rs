//! Facts of a running engine.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lsconfig_doctor::engine::{Engine, EngineError, Found, discover};
use lsconfig_doctor::examine;
use lsconfig_doctor::facts::{Facts, Observation, Position, Question, Standing};
use lsconfig_doctor::gather::{gather, read_files};
use lsconfig_doctor::launch::Launcher;
use lsconfig_doctor::world::by_name;

use super::args::DoctorArgs;
use super::files;
use crate::engine;
use crate::error::CliError;
use crate::render::printable;

/// Asks the engine, and tries the paths unless that is forbidden.
pub(crate) fn facts(args: &DoctorArgs) -> Result<Facts, CliError> {
    let question = Question {
        target: args.target_container.clone(),
        source: args.host.then_some(Position::Host),
        endpoints: args.endpoints.clone(),
    };
    let found = match discover(&engine::surroundings()) {
        Ok(found) => found,
        Err(engine) => {
            return Ok(Facts {
                engine: *engine,
                question,
                ..Facts::default()
            });
        }
    };
    observe(args, &found, question).map_err(CliError::Engine)?
}

/// Asks the engine what there is, and tries nothing.
pub(crate) fn inventory() -> Result<Facts, CliError> {
    match discover(&engine::surroundings()) {
        Ok(found) => gather(&found, Question::default()).map_err(CliError::Engine),
        Err(engine) => Ok(Facts {
            engine: *engine,
            ..Facts::default()
        }),
    }
}

type Observed = Result<Facts, CliError>;

fn observe(args: &DoctorArgs, found: &Found, question: Question) -> Result<Observed, EngineError> {
    let mut facts = gather(found, question)?;
    facts.taken_at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|now| i64::try_from(now.as_secs()).ok());
    match source(&facts, args) {
        Ok(Some(source)) => facts.question.source = Some(source),
        Ok(None) => {}
        Err(error) => return Ok(Err(error)),
    }
    files::add_places(&mut facts);
    if !args.no_probe {
        probe(args, &found.engine, &mut facts);
    }
    // A probe brings the files with it; asking the engine for them takes longer.
    let ids = examine::unread(&facts);
    read_files(&found.engine, &mut facts, &ids)?;
    Ok(Ok(facts))
}

/// Finds the container that was named as the source.
pub(super) fn source(facts: &Facts, args: &DoctorArgs) -> Result<Option<Position>, CliError> {
    if args.host {
        return Ok(Some(Position::Host));
    }
    let Some(wanted) = &args.source_container else {
        return Ok(None);
    };
    let found = by_name(facts, wanted);
    let shown = printable(wanted).into_owned();
    match found.as_slice() {
        [one] => Ok(Some(Position::Container(one.id.clone()))),
        [] => {
            let names = facts.containers.iter().take(10);
            let names: Vec<String> = names.map(|c| printable(&c.name).into_owned()).collect();
            Err(CliError::usage(
                format!("no container is called `{shown}`"),
                format!("containers: {}", names.join(", ")),
            ))
        }
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|c| printable(&c.name).into_owned())
                .collect();
            Err(CliError::usage(
                format!("several containers fit `{shown}`"),
                format!("name one of {}", names.join(", ")),
            ))
        }
    }
}

fn probe(args: &DoctorArgs, engine: &Engine, facts: &mut Facts) {
    let plans = examine::plan(facts);
    if plans.is_empty() {
        return;
    }
    let own = PathBuf::from("/proc/self/exe");
    let executable = args.probe_executable.as_deref().unwrap_or(&own);
    let progress = std::io::stderr().is_terminal();
    let launcher = match Launcher::prepare(engine, executable) {
        Ok(launcher) => Some(Arc::new(launcher)),
        Err(error) => {
            anstream::eprintln!("note: nothing is tried from inside containers: {error}");
            None
        }
    };
    let failure = launcher.is_none();
    if let Some(launcher) = &launcher {
        clean_on_signal(Arc::clone(launcher));
    }
    // Names must not be read while facts change.
    let names: Vec<(String, String)> = facts
        .containers
        .iter()
        .map(|c| (c.id.clone(), c.name.clone()))
        .collect();
    let show = move |position: &Position| {
        if progress {
            let name = match position {
                Position::Host => "this host",
                Position::Container(id) => {
                    names.iter().find(|(i, _)| i == id).map_or("", |(_, n)| n)
                }
            };
            anstream::eprintln!("trying from {} ...", printable(name));
        }
    };
    // Published ports arrive here from a virtual machine, too.
    let local = matches!(
        facts.standing(),
        Some(Standing::SameMachine | Standing::VirtualMachine)
    );
    examine::probe(facts, &plans, launcher.as_deref(), local, &show);
    if failure {
        return;
    }
    let failed: Vec<&Observation> = facts
        .observations
        .iter()
        .filter(|o| o.failure.is_some())
        .collect();
    for observation in failed {
        if let Some(why) = &observation.failure {
            anstream::eprintln!("note: one position could not be tried: {}", printable(why));
        }
    }
}

/// Removes our containers when the process is asked to end.
fn clean_on_signal(launcher: Arc<Launcher>) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        else {
            return;
        };
        let code = runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (mut term, mut hup) = (
                signal(SignalKind::terminate()).ok()?,
                signal(SignalKind::hangup()).ok()?,
            );
            Some(tokio::select! {
                _ = tokio::signal::ctrl_c() => 130,
                _ = term.recv() => 143,
                _ = hup.recv() => 129,
            })
        });
        if let Some(code) = code {
            launcher.clean();
            process::exit(code);
        }
    });
}
