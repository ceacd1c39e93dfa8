//! `lsconfig doctor --fix` and `--undo`: interventions with a journal, and the way back.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lsconfig_doctor::engine::{Address, Engine, EngineError, discover};
use lsconfig_doctor::facts::Facts;
use lsconfig_doctor::intervention::journal::{Journal, JournalError, Run};
use lsconfig_doctor::intervention::{Act, Plan, Undone, mended, plan};
use lsconfig_doctor::judge::{Judgement, judge};
use lsconfig_doctor::launch::run_id;

use super::args::{DoctorArgs, DoctorFormat};
use super::live::Session;
use super::{code, document, render};
use crate::engine;
use crate::error::CliError;
use crate::exit;
use crate::gateway::settings::state_dir;
use crate::render::{out, printable};

/// Diagnoses, does what can be done, and diagnoses again.
pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode, CliError> {
    let session = match Session::open(args) {
        Ok(session) => session,
        Err(no_engine) => return answer(&no_engine, args),
    };
    // A dry run leaves no file behind.
    let journal = match args.dry_run {
        true => None,
        false => {
            let mut journal = Journal::open(&directory(args))?;
            if !undo_runs(&mut journal, |run| !run.kept)? {
                return Ok(ExitCode::from(exit::NOT_ROLLED_BACK));
            }
            Some(journal)
        }
    };
    let facts = session.observe()?;
    let judgement = judge(&facts);
    let plan = plan(&judgement);
    if args.format == DoctorFormat::Text {
        out(&render(&document(&facts, &judgement), args)?)?;
    }
    anstream::eprint!("{}", announce(&plan));
    let Some(journal) = journal.filter(|_| !plan.proposals.is_empty()) else {
        if args.format != DoctorFormat::Text {
            out(&render(&document(&facts, &judgement), args)?)?;
        }
        return Ok(code(&facts, &judgement, args));
    };
    let Some(launcher) = session.launcher() else {
        return Err(CliError::usage(
            "there is no static executable to stand in for the emulator with",
            "name one with --probe-executable",
        ));
    };
    if !args.yes && !agreed()? {
        anstream::eprintln!("Nothing was done.");
        return Ok(code(&facts, &judgement, args));
    }
    let work = Work::begin(journal, &session.found.engine)?;
    let at_signal = work.clone();
    session.at_end.undo(Some(Box::new(move || {
        // Says itself what it did, and what it could not do.
        let _ = at_signal.roll_back();
    })));
    for (n, proposal) in plan.proposals.iter().enumerate() {
        anstream::eprintln!("{} ...", printable(&proposal.intervention.to_string()));
        let number = u32::try_from(n).unwrap_or(u32::MAX);
        if let Err(why) = work.act(number, &proposal.intervention, launcher.image()) {
            anstream::eprintln!("error: {}", printable(&why));
            return Ok(rolled_back(work.roll_back()?));
        }
    }
    let facts = session.observe()?;
    let judgement = judge(&facts);
    out(&render(&document(&facts, &judgement), args)?)?;
    if !mended(&plan.proposals, &judgement) {
        anstream::eprintln!("This did not help.");
        if args.yes || !stays()? {
            return Ok(rolled_back(work.roll_back()?));
        }
    }
    work.keep()?;
    session.at_end.undo(None);
    anstream::eprint!("{}", afterwards(&judgement));
    Ok(code(&facts, &judgement, args))
}

/// Takes back what earlier runs did.
pub(super) fn undo(args: &DoctorArgs) -> Result<ExitCode, CliError> {
    let directory = directory(args);
    if !Journal::is_there(&directory) {
        anstream::eprintln!("There is nothing to undo.");
        return Ok(ExitCode::from(exit::CLEAN));
    }
    let mut journal = Journal::open(&directory)?;
    if args.dry_run {
        for run in journal.runs().rev() {
            for act in run.acts.iter().rev() {
                out(&format!("{}\n", printable(&act.by_hand(&run.id))))?;
            }
        }
        return Ok(ExitCode::from(exit::CLEAN));
    }
    Ok(ExitCode::from(if undo_runs(&mut journal, |_| true)? {
        exit::CLEAN
    } else {
        exit::NOT_ROLLED_BACK
    }))
}

/// Takes back what a run that was cut off left. A run that is at work is left alone, and a journal that
/// cannot be used is only told about: nothing that follows changes anything.
pub(super) fn undo_interrupted(args: &DoctorArgs) {
    let directory = directory(args);
    if !Journal::is_there(&directory) {
        return;
    }
    let undone = match Journal::open(&directory) {
        Err(JournalError::Busy) => return,
        Err(error) => Err(error),
        Ok(mut journal) => undo_runs(&mut journal, |run| !run.kept),
    };
    if let Err(error) = undone {
        CliError::from(error).print();
    }
}

/// Says that stand-ins are at work, which a diagnosis sees through.
pub(super) fn remind(facts: &Facts) {
    for own in facts.stand_ins() {
        anstream::eprintln!(
            "note: `{}` stands in for the emulator since `doctor --fix`; `lsconfig doctor --undo` takes it away",
            printable(&own.name)
        );
    }
}

fn answer(facts: &Facts, args: &DoctorArgs) -> Result<ExitCode, CliError> {
    let judgement = judge(facts);
    out(&render(&document(facts, &judgement), args)?)?;
    Ok(code(facts, &judgement, args))
}

fn directory(args: &DoctorArgs) -> PathBuf {
    state_dir(args.state_dir.as_ref())
}

fn rolled_back(whole: bool) -> ExitCode {
    ExitCode::from(if whole {
        exit::ROLLED_BACK
    } else {
        exit::NOT_ROLLED_BACK
    })
}

/// What will be done, and for what nothing can be.
fn announce(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.proposals.is_empty() {
        text.push_str(
            "\nThis can be done at once, and taken back with `lsconfig doctor --undo`:\n",
        );
    }
    for proposal in &plan.proposals {
        let codes: Vec<&str> = proposal.mends.iter().map(|m| m.code).collect();
        let _ = writeln!(
            text,
            "  - {} (for {})",
            printable(&proposal.intervention.to_string()),
            codes.join(", ")
        );
    }
    if !plan.without.is_empty() {
        text.push_str("\nNothing can be done at once about:\n");
    }
    for without in &plan.without {
        let _ = writeln!(
            text,
            "  - {}: {} ({})",
            without.code,
            printable(&without.message),
            without.why
        );
    }
    if !plan.without.is_empty() {
        text.push_str(FOR_GOOD);
    }
    text
}

const FOR_GOOD: &str = "\
`lsconfig doctor --diff` prints the change of the Compose file that mends for good, `--write` makes it;
the fixes above say the same for containers without one.
";

fn afterwards(judgement: &Judgement<'_>) -> String {
    let left = plan(judgement);
    let now = match (left.proposals.is_empty(), left.without.is_empty()) {
        (true, true) => "The diagnosis is clean now.",
        (false, _) => "This is mended; `lsconfig doctor --fix` mends more of what is left.",
        (true, false) => "This is mended; what is left needs a change of settings.",
    };
    format!(
        "\n{now} It holds while the containers run as they are, until `lsconfig doctor --undo`.\n{FOR_GOOD}"
    )
}

/// Asks on the terminal.
fn ask(question: &str) -> Result<bool, CliError> {
    anstream::eprint!("{question} [y/N] ");
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(CliError::Stdin)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn agreed() -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "nobody can be asked",
            "pass --yes to have it done, or --dry-run to see what would be",
        ));
    }
    ask("\nDo it?")
}

fn stays() -> Result<bool, CliError> {
    ask("Leave it as it is now?")
}

/// A run at work. At a signal another thread rolls it back, which waits for the act that is being made.
#[derive(Clone)]
struct Work {
    engine: Engine,
    run: String,
    state: Arc<Mutex<State>>,
}

struct State {
    journal: Journal,
    ended: bool,
}

impl Work {
    fn begin(mut journal: Journal, engine: &Engine) -> Result<Self, JournalError> {
        let run = run_id();
        journal.begin(&run, &engine.address().to_string())?;
        Ok(Self {
            engine: engine.clone(),
            run,
            state: Arc::new(Mutex::new(State {
                journal,
                ended: false,
            })),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an intervention, which the journal has before. The error is a fragment.
    fn act(
        &self,
        number: u32,
        intervention: &lsconfig_doctor::intervention::Intervention,
        image: &str,
    ) -> Result<(), String> {
        let mut state = self.state();
        if state.ended {
            return Err("the run was stopped".to_owned());
        }
        let act = Act::prepare(&self.engine, number, intervention).map_err(|e| e.to_string())?;
        state
            .journal
            .record(&self.run, &act)
            .map_err(|e| e.to_string())?;
        act.perform(&self.engine, &self.run, image)
            .map_err(|e| e.to_string())
    }

    fn keep(&self) -> Result<(), JournalError> {
        let mut state = self.state();
        state.ended = true;
        state.journal.keep(&self.run)
    }

    /// Undoes this run. Returns whether everything is as it was.
    fn roll_back(&self) -> Result<bool, JournalError> {
        let mut state = self.state();
        if std::mem::replace(&mut state.ended, true) {
            return Ok(true);
        }
        undo_runs(&mut state.journal, |run| run.id == self.run)
    }
}

/// Undoes the runs that `which` picks, the last act first, and says so. Returns whether all of it could
/// be undone; what could not stays in the journal.
fn undo_runs(journal: &mut Journal, which: impl Fn(&Run) -> bool) -> Result<bool, JournalError> {
    let mut runs: Vec<Run> = journal.runs().filter(|run| which(run)).cloned().collect();
    runs.reverse();
    let mut whole = true;
    for run in runs {
        let engine = engine_at(&run.engine);
        for act in run.acts.iter().rev() {
            let undone = match &engine {
                Ok(engine) => act.undo(engine, &run.id).map_err(|e| e.to_string()),
                Err(error) => Err(error_at(&run.engine, error)),
            };
            let what = act.intervention.to_string();
            match undone {
                Ok(undone) => {
                    let how = match undone {
                        Undone::Done => "undone",
                        Undone::Nothing => "nothing to undo",
                    };
                    anstream::eprintln!("{how}: {}", printable(&what));
                    journal.undone(&run.id, act.number)?;
                }
                Err(why) => {
                    whole = false;
                    anstream::eprintln!(
                        "error: this could not be undone: {}: {}\n  by hand: {}",
                        printable(&what),
                        printable(&why),
                        printable(&act.by_hand(&run.id))
                    );
                }
            }
        }
    }
    Ok(whole)
}

/// Connects to the engine of a run. What TLS needs is not in the journal: it is that of today.
fn engine_at(address: &str) -> Result<Engine, EngineError> {
    match discover(&engine::surroundings()) {
        Ok(found) if found.engine.address().to_string() == address => Ok(found.engine),
        _ => Address::parse(address, None).and_then(Engine::connect),
    }
}

fn error_at(address: &str, error: &EngineError) -> String {
    format!("the engine at {address} does not answer: {error}")
}
