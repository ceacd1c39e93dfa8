//! Facts of a running engine.

use std::cell::OnceCell;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lsconfig_doctor::engine::{Found, discover};
use lsconfig_doctor::examine;
use lsconfig_doctor::facts::{Facts, Position, Question, Standing};
use lsconfig_doctor::gather::{gather, read_files};
use lsconfig_doctor::launch::Launcher;
use lsconfig_doctor::world::by_name;

use super::args::DoctorArgs;
use super::at_end::AtEnd;
use super::files;
use crate::engine;
use crate::error::CliError;
use crate::render::printable;

/// An engine that is asked about one question, once or again and again.
pub(super) struct Session<'a> {
    args: &'a DoctorArgs,
    /// The engine.
    pub(super) found: Found,
    question: Question,
    launcher: OnceCell<Option<Arc<Launcher>>>,
    /// What is to be put in order when the process is asked to end.
    pub(super) at_end: Arc<AtEnd>,
}

/// Asks the engine once.
pub(super) fn facts(args: &DoctorArgs) -> Result<Facts, CliError> {
    match Session::open(args) {
        Ok(session) => session.observe(),
        Err(no_engine) => Ok(*no_engine),
    }
}

impl<'a> Session<'a> {
    /// Finds the engine; where there is none the facts say why.
    pub(super) fn open(args: &'a DoctorArgs) -> Result<Self, Box<Facts>> {
        let question = Question {
            target: args.target_container.clone(),
            source: args.host.then_some(Position::Host),
            endpoints: args.endpoints.clone(),
        };
        match discover(&engine::surroundings()) {
            Ok(found) => Ok(Self {
                args,
                found,
                question,
                launcher: OnceCell::new(),
                at_end: AtEnd::watch(),
            }),
            Err(engine) => Err(Box::new(Facts {
                engine: *engine,
                question,
                ..Facts::default()
            })),
        }
    }

    /// Asks the engine, and tries the paths unless that is forbidden.
    pub(super) fn observe(&self) -> Result<Facts, CliError> {
        let mut facts = gather(&self.found, self.question.clone()).map_err(CliError::Engine)?;
        facts.taken_at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|now| i64::try_from(now.as_secs()).ok());
        if let Some(source) = source(&facts, self.args)? {
            facts.question.source = Some(source);
        }
        files::add_places(&mut facts);
        if !self.args.no_probe {
            self.probe(&mut facts);
        }
        // A probe brings the files with it; asking the engine for them takes longer.
        let ids = examine::unread(&facts);
        read_files(&self.found.engine, &mut facts, &ids).map_err(CliError::Engine)?;
        Ok(facts)
    }

    /// Returns what runs probes, made at the first need; `None` where nothing can.
    pub(super) fn launcher(&self) -> Option<&Arc<Launcher>> {
        let made = self.launcher.get_or_init(|| {
            let own = PathBuf::from("/proc/self/exe");
            let executable = self.args.probe_executable.as_deref().unwrap_or(&own);
            match Launcher::prepare(&self.found.engine, executable) {
                Ok(launcher) => {
                    let launcher = Arc::new(launcher);
                    self.at_end.clean(Arc::clone(&launcher));
                    Some(launcher)
                }
                Err(error) => {
                    anstream::eprintln!("note: nothing is tried from inside containers: {error}");
                    None
                }
            }
        });
        made.as_ref()
    }

    fn probe(&self, facts: &mut Facts) {
        let plans = examine::plan(facts);
        if plans.is_empty() {
            return;
        }
        let progress = std::io::stderr().is_terminal();
        let launcher = self.launcher();
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
        examine::probe(facts, &plans, launcher.map(Arc::as_ref), local, &show);
        if launcher.is_none() {
            return;
        }
        for observation in &facts.observations {
            if let Some(why) = &observation.failure {
                anstream::eprintln!("note: one position could not be tried: {}", printable(why));
            }
        }
    }
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
