//! `lsconfig doctor`: why a client cannot reach the emulator.

pub(crate) mod args;
mod at_end;
mod error_text;
pub(crate) mod files;
mod fix;
pub(crate) mod live;
mod text;
mod watch;
mod write;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use lsconfig::diagnostic::Severity;
use lsconfig_doctor::facts::{Engine, Facts, SCHEMA};
use lsconfig_doctor::fix::Change;
use lsconfig_doctor::intervention::READY;
use lsconfig_doctor::judge::{Judgement, judge};
use lsconfig_doctor::probe::Plan;
use lsconfig_doctor::report::{self, Document};

use crate::error::CliError;
use crate::exit;
use crate::render::{out, printable};
use args::{DoctorArgs, DoctorFormat, FailOn, ProbeArgs, StandInArgs};

/// The largest bundle that is read.
const MAX_BUNDLE: u64 = 64 << 20;

/// Finds facts, judges them, and answers.
pub(crate) fn run(args: &DoctorArgs) -> Result<ExitCode, CliError> {
    if let Some(text) = &args.from_error {
        return error_text::run(text, args.format);
    }
    if args.undo {
        return fix::undo(args);
    }
    if args.fix {
        return fix::run(args);
    }
    if args.replay.is_none() && !args.files.is_empty() {
        return answer(&files::facts(&args.files, args)?, args);
    }
    if args.replay.is_none() {
        fix::undo_interrupted(args);
    }
    if args.watch {
        return watch::watch(args);
    }
    let facts = match (&args.replay, args.wait) {
        (Some(path), _) => replay(path, args)?,
        (None, Some(seconds)) => watch::wait(args, seconds)?,
        (None, None) => live::facts(args)?,
    };
    if let Some(path) = &args.bundle {
        let text = format!("{}\n", serde_json::to_string_pretty(&facts)?);
        std::fs::write(path, text).map_err(CliError::Output)?;
    }
    answer(&[facts], args)
}

/// A part of what is judged: a system, or a job of a workflow.
type Judged<'f> = (&'f Facts, Judgement<'f>);

/// Judges each system by itself, and answers for all of them.
fn answer(systems: &[Facts], args: &DoctorArgs) -> Result<ExitCode, CliError> {
    systems.iter().for_each(fix::remind);
    let judged: Vec<Judged<'_>> = systems.iter().map(|f| (f, judge(f))).collect();
    if args.write {
        return write(&judged, args);
    }
    if args.diff {
        let patches = write::best(&judged, args.fail_on);
        patches.tell_left();
        out(&patches.diff())?;
    } else {
        tell(&judged, args)?;
    }
    Ok(worst(&judged, args))
}

/// Prints one document about all systems.
fn tell(judged: &[Judged<'_>], args: &DoctorArgs) -> Result<(), CliError> {
    let documents = judged.iter().map(|(facts, j)| document(facts, j));
    let document = documents.reduce(|mut all, next| {
        all.add(next);
        all
    });
    if let Some(document) = document {
        out(&render(&document, args)?)?;
    }
    Ok(())
}

fn worst(judged: &[Judged<'_>], args: &DoctorArgs) -> ExitCode {
    let statuses = judged.iter().map(|(facts, j)| status(facts, j, args));
    ExitCode::from(statuses.max().unwrap_or(exit::CLEAN))
}

/// Puts the best fixes into the files. Files alone are judged again; an engine runs what it ran.
fn write(judged: &[Judged<'_>], args: &DoctorArgs) -> Result<ExitCode, CliError> {
    let patches = write::best(judged, args.fail_on);
    patches.write(args.allow_dirty)?;
    patches.tell_left();
    if args.files.is_empty() {
        if !patches.patches.is_empty() {
            anstream::eprintln!("Make the containers anew: docker compose up -d");
        }
        return Ok(worst(judged, args));
    }
    let systems = files::facts(&args.files, args)?;
    let judged: Vec<Judged<'_>> = systems.iter().map(|f| (f, judge(f))).collect();
    tell(&judged, args)?;
    Ok(worst(&judged, args))
}

/// Puts a judgement into words.
fn document(facts: &Facts, judgement: &Judgement<'_>) -> Document {
    let patches = |changes: &[Change]| files::patch(facts, changes);
    Document::new(facts, judgement, env!("CARGO_PKG_VERSION"), &patches)
}

fn render(document: &Document, args: &DoctorArgs) -> Result<String, CliError> {
    Ok(match args.format {
        DoctorFormat::Text => text::render(document, args.verbose),
        DoctorFormat::Json => format!("{}\n", serde_json::to_string_pretty(document)?),
        DoctorFormat::Sarif => format!(
            "{}\n",
            serde_json::to_string_pretty(&report::log(document))?
        ),
        DoctorFormat::Github => report::annotations(document),
    })
}

fn code(facts: &Facts, judgement: &Judgement<'_>, args: &DoctorArgs) -> ExitCode {
    ExitCode::from(status(facts, judgement, args))
}

fn status(facts: &Facts, judgement: &Judgement<'_>, args: &DoctorArgs) -> u8 {
    let engine = matches!(
        facts.engine,
        Engine::Unreachable { .. } | Engine::Denied { .. } | Engine::TooOld { .. }
    );
    if engine {
        return exit::NO_ENGINE;
    }
    if is_found(judgement, args) {
        exit::FINDINGS
    } else {
        exit::CLEAN
    }
}

/// Returns whether there is something of the chosen severity.
fn is_found(judgement: &Judgement<'_>, args: &DoctorArgs) -> bool {
    let threshold = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return false,
    };
    judgement.findings.iter().any(|f| f.severity >= threshold)
}

fn replay(path: &Path, args: &DoctorArgs) -> Result<Facts, CliError> {
    let mut facts = read_bundle(path)?;
    if args.target_container.is_some() {
        facts.question.target.clone_from(&args.target_container);
    }
    if let Some(source) = live::source(&facts, args)? {
        facts.question.source = Some(source);
    }
    facts
        .question
        .endpoints
        .extend(args.endpoints.iter().cloned());
    Ok(facts)
}

/// Reads what `--bundle` wrote.
pub(crate) fn read_bundle(path: &Path) -> Result<Facts, CliError> {
    let read = |source| CliError::Read {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(read)?.len() > MAX_BUNDLE {
        return Err(CliError::usage("the bundle is too large", ""));
    }
    let bytes = std::fs::read(path).map_err(read)?;
    let facts: Facts = serde_json::from_slice(&bytes).map_err(|error| {
        let name = path.display().to_string();
        CliError::usage(
            format!("`{}` is no bundle: {error}", printable(&name)),
            "`lsconfig doctor --bundle FILE` writes one",
        )
    })?;
    if facts.schema == SCHEMA {
        return Ok(facts);
    }
    Err(CliError::usage(
        format!(
            "the bundle has version {}, this program reads {SCHEMA}",
            facts.schema
        ),
        "",
    ))
}

/// Goes through a plan and prints a line for each step.
pub(crate) fn probe(args: &ProbeArgs) -> Result<ExitCode, CliError> {
    let plan: Plan = serde_json::from_str(&args.plan)
        .map_err(|error| CliError::usage(format!("this is no plan: {error}"), ""))?;
    let mut failed = None;
    lsconfig_doctor::probe::run(plan, &mut |record| {
        let line = serde_json::to_string(&record).map(|line| out(&format!("{line}\n")));
        if let Ok(Err(error)) = line {
            failed = Some(error);
        }
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(ExitCode::from(exit::CLEAN)),
    }
}

/// Hands connections on until the process ends.
pub(crate) fn stand_in(args: &StandInArgs) -> Result<ExitCode, CliError> {
    let ready = || {
        out(READY)?;
        std::io::stdout().flush()
    };
    lsconfig_doctor::relay::run(&args.listen, &args.to, ready).map_err(|error| {
        let listed: Vec<String> = args.listen.iter().map(ToString::to_string).collect();
        CliError::usage(
            format!("cannot listen at {}: {error}", listed.join(", ")),
            "",
        )
    })?;
    Ok(ExitCode::from(exit::CLEAN))
}
