//! `lsconfig doctor --wait` and `--watch`: diagnosing again when something happens.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lsconfig_doctor::facts::Facts;
use lsconfig_doctor::judge::judge;
use lsconfig_doctor::report::{Document, FindingLine, PathLine};
use lsconfig_doctor::watch::{Watcher, Woken};

use super::args::{DoctorArgs, DoctorFormat};
use super::live::Session;
use super::{document, is_found, text};
use crate::error::CliError;
use crate::render::{out, printable};
use crate::rule::severity;

/// How long nothing may happen before the paths are tried again: an emulator that gets ready makes no
/// event.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same where nobody waits for it.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait for an engine that is away.
const AWAY: Duration = Duration::from_secs(1);

/// Diagnoses until nothing is found or the time is up, and returns the last facts.
pub(super) fn wait(args: &DoctorArgs, seconds: u32) -> Result<Facts, CliError> {
    let deadline = Instant::now() + Duration::from_secs(seconds.into());
    let mut told = false;
    loop {
        let left = || deadline.saturating_duration_since(Instant::now());
        let session = match Session::open(args) {
            Ok(session) => session,
            Err(no_engine) if left().is_zero() => return Ok(*no_engine),
            Err(_) => {
                tell(&mut told, "no container engine answers", seconds);
                std::thread::sleep(AWAY.min(left()));
                continue;
            }
        };
        let mut watcher = Watcher::new(&session.found.engine);
        loop {
            let facts = match session.observe() {
                Ok(facts) => facts,
                // The source may not be there yet, and the engine may restart.
                Err(error @ (CliError::Engine(_) | CliError::Usage { .. })) => {
                    if left().is_zero() {
                        return Err(error);
                    }
                    tell(&mut told, &error.to_string(), seconds);
                    if watcher.wait(PATIENCE.min(left())) == Woken::Gone {
                        break;
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let judgement = judge(&facts);
            if !is_found(&judgement, args) {
                return Ok(facts);
            }
            if left().is_zero() {
                anstream::eprintln!("note: this is still so after {seconds} s");
                return Ok(facts);
            }
            if let Some(worst) = judgement.findings.first() {
                tell(&mut told, &worst.message, seconds);
            }
            watcher.wait(PATIENCE.min(left()));
        }
    }
}

/// Says once why it takes time.
fn tell(told: &mut bool, why: &str, seconds: u32) {
    if !std::mem::replace(told, true) {
        anstream::eprintln!("waiting up to {seconds} s: {}", printable(why));
    }
}

/// Prints a diagnosis, and then what changes, until the process is asked to end.
pub(super) fn watch(args: &DoctorArgs) -> Result<ExitCode, CliError> {
    if !matches!(args.format, DoctorFormat::Text | DoctorFormat::Json) {
        return Err(CliError::usage(
            "changes are shown as text or JSON",
            "use `--format text` or `--format json`",
        ));
    }
    let mut before: Option<Document> = None;
    loop {
        let session = match Session::open(args) {
            Ok(session) => session,
            Err(no_engine) => {
                show(&no_engine, &mut before, args)?;
                std::thread::sleep(AWAY);
                continue;
            }
        };
        let mut watcher = Watcher::new(&session.found.engine);
        loop {
            match session.observe() {
                Ok(facts) => show(&facts, &mut before, args)?,
                Err(CliError::Engine(_)) => break,
                Err(error) => return Err(error),
            }
            match watcher.wait(IDLE) {
                Woken::Gone => break,
                Woken::Changed | Woken::Quiet => {}
            }
        }
        std::thread::sleep(AWAY);
    }
}

/// Prints a document whole the first time, and what changed later.
fn show(facts: &Facts, before: &mut Option<Document>, args: &DoctorArgs) -> Result<(), CliError> {
    let judgement = judge(facts);
    let now = document(facts, &judgement);
    let text = match (before.as_ref(), args.format) {
        (None, DoctorFormat::Text) => text::render(&now, args.verbose),
        (Some(before), DoctorFormat::Text) => changes(before, &now),
        (before, _) if before.is_none_or(|before| !changes(before, &now).is_empty()) => {
            format!("{}\n", serde_json::to_string(&now)?)
        }
        _ => String::new(),
    };
    out(&text)?;
    *before = Some(now);
    Ok(())
}

/// Says what is new, what is gone, and which paths end in another way.
fn changes(before: &Document, now: &Document) -> String {
    let key = |f: &FindingLine| (f.code, f.client.clone(), f.message.clone());
    let mut text = String::new();
    for gone in &before.findings {
        if !now.findings.iter().any(|f| key(f) == key(gone)) {
            let _ = writeln!(
                text,
                "gone: {}[{}]: {}",
                severity(gone.severity),
                gone.code,
                printable(&gone.message)
            );
        }
    }
    let old = paths(before);
    for (path, line) in paths(now) {
        if old.get(&path).map(|p| (p.verdict, &p.outcome)) != Some((line.verdict, &line.outcome)) {
            text::path_line(&mut text, path.0, line);
        }
    }
    for finding in &now.findings {
        if !before.findings.iter().any(|f| key(f) == key(finding)) {
            text::one(&mut text, finding, false);
        }
    }
    text
}

fn paths(document: &Document) -> BTreeMap<(&str, &str), &PathLine> {
    let lines = document.clients.iter().flat_map(|client| {
        let name = client.name.as_str();
        client
            .paths
            .iter()
            .map(move |p| ((name, p.url.as_str()), p))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use lsconfig_doctor::facts::{Engine, Facts};

    use super::*;

    #[test]
    fn only_what_changed_is_said() {
        let away = Facts {
            engine: Engine::Unreachable { tried: Vec::new() },
            ..Facts::default()
        };
        let empty = Facts::default();
        let (away, empty) = (
            document(&away, &judge(&away)),
            document(&empty, &judge(&empty)),
        );
        assert_eq!(changes(&away, &away), "");
        let back = changes(&away, &empty);
        assert!(
            back.starts_with("gone: error[engine-unreachable]"),
            "{back}"
        );
        assert!(back.contains("[emulator-not-found]"), "{back}");
    }
}
