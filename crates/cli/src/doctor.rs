//! `lsconfig doctor`: why a client cannot reach the emulator.

pub(crate) mod args;
mod error_text;
pub(crate) mod files;
pub(crate) mod live;
mod text;

use std::path::Path;
use std::process::ExitCode;

use lsconfig::diagnostic::Severity;
use lsconfig_doctor::facts::{Engine, Facts, SCHEMA};
use lsconfig_doctor::fix::Change;
use lsconfig_doctor::judge::{Judgement, judge};
use lsconfig_doctor::patch::Patch;
use lsconfig_doctor::probe::Plan;
use lsconfig_doctor::report::{self, Document};

use crate::error::CliError;
use crate::exit;
use crate::render::{out, printable};
use args::{DoctorArgs, DoctorFormat, FailOn, ProbeArgs};

/// The largest bundle that is read.
const MAX_BUNDLE: u64 = 64 << 20;

/// Finds facts, judges them, and answers.
pub(crate) fn run(args: &DoctorArgs) -> Result<ExitCode, CliError> {
    if let Some(text) = &args.from_error {
        return error_text::run(text, args.format);
    }
    if args.replay.is_none() && !args.files.is_empty() {
        return answer(&files::facts(&args.files, args)?, args);
    }
    let facts = match &args.replay {
        Some(path) => replay(path, args)?,
        None => live::facts(args)?,
    };
    if let Some(path) = &args.bundle {
        let text = format!("{}\n", serde_json::to_string_pretty(&facts)?);
        std::fs::write(path, text).map_err(CliError::Output)?;
    }
    answer(&[facts], args)
}

/// Judges each system by itself, and answers for all of them.
fn answer(systems: &[Facts], args: &DoctorArgs) -> Result<ExitCode, CliError> {
    let judged: Vec<(&Facts, Judgement<'_>)> = systems.iter().map(|f| (f, judge(f))).collect();
    if args.diff {
        let diffs = judged
            .iter()
            .map(|(facts, judgement)| diff(facts, judgement));
        out(&diffs.collect::<String>())?;
    } else {
        let version = env!("CARGO_PKG_VERSION");
        let documents = judged.iter().map(|(facts, judgement)| {
            let patches = |changes: &[Change]| files::patch(facts, changes);
            Document::new(facts, judgement, version, &patches)
        });
        let document = documents.reduce(|mut all, next| {
            all.add(next);
            all
        });
        if let Some(document) = document {
            out(&render(&document, args)?)?;
        }
    }
    let codes = judged
        .iter()
        .map(|(facts, judgement)| code(facts, judgement, args));
    Ok(ExitCode::from(codes.max().unwrap_or(exit::CLEAN)))
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

/// The best fix of every finding, as one change of the file.
fn diff(facts: &Facts, judgement: &Judgement<'_>) -> String {
    let mut changes: Vec<Change> = Vec::new();
    for finding in &judgement.findings {
        let best = finding.fixes.iter().find(|fix| !fix.changes.is_empty());
        for change in best.into_iter().flat_map(|fix| &fix.changes) {
            if !changes.contains(change) {
                changes.push(change.clone());
            }
        }
    }
    let patch: Option<Patch> = files::patch(facts, &changes);
    patch.map_or(String::new(), |patch| patch.diff)
}

fn code(facts: &Facts, judgement: &Judgement<'_>, args: &DoctorArgs) -> u8 {
    let engine = matches!(
        facts.engine,
        Engine::Unreachable { .. } | Engine::Denied { .. } | Engine::TooOld { .. }
    );
    if engine {
        return exit::NO_ENGINE;
    }
    let threshold = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return exit::CLEAN,
    };
    let found = judgement.findings.iter().any(|f| f.severity >= threshold);
    if found { exit::FINDINGS } else { exit::CLEAN }
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
