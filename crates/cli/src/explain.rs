//! `lsconfig explain`: the effective settings, where each came from, and what is wrong.

mod batch;
mod env;
mod summary;
mod text;

use std::process::ExitCode;

use lsconfig::diagnostic::{Diagnostic, codes};
use lsconfig::evolution;
use lsconfig::explain::Document;
use lsconfig::release::{NEWEST_KNOWN, OLDEST_KNOWN, Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use lsconfig::settings::Resolution;

use crate::args::{ExplainArgs, ExplainFormat};
use crate::error::CliError;
use crate::exit;
use crate::input::{Input, Wanted};
use crate::render::{self, out};

/// Whose reading is asked for, and the words it was asked with.
pub(crate) enum Asked {
    /// Normalized, or one release; with the name of the semantics.
    One(Semantics, String),
    /// A range of releases, both ends included.
    Range(TargetVersion, TargetVersion),
}

impl Asked {
    /// Reads the value of `--as-of`.
    pub(crate) fn parse(as_of: Option<&str>) -> Result<Self, CliError> {
        let Some(text) = as_of else {
            return Ok(Self::One(
                Semantics::Normalized,
                Semantics::Normalized.to_string(),
            ));
        };
        let version = |text: &str| {
            text.parse::<TargetVersion>()
                .map_err(|error| CliError::usage(error.to_string(), "for example `--as-of 3.8`"))
        };
        let Some((first, last)) = text.split_once("..") else {
            let version = version(text)?;
            return Ok(Self::One(version.into(), label(text)));
        };
        let last = last.strip_prefix('=').unwrap_or(last);
        let first = if first.is_empty() {
            OLDEST_KNOWN
        } else {
            version(&oldest(first))?
        };
        let last = if last.is_empty() {
            NEWEST_KNOWN
        } else {
            version(last)?
        };
        if last < first {
            return Err(CliError::usage(
                format!("the range `{text}` ends before it starts"),
                "write the older release first, for example `1.4..4.14`",
            ));
        }
        Ok(Self::Range(first, last))
    }
}

/// Completes the lower end of a range with the oldest release of its line: `2.3` is 2.3.0 there.
fn oldest(text: &str) -> String {
    let number = text.trim().bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match text.matches('.').count() {
        0 if number => format!("{text}.0.0"),
        1 if number => format!("{text}.0"),
        _ => text.to_owned(),
    }
}

/// Names the semantics of a release as it was asked for: `localstack-3.8`.
pub(crate) fn label(as_of: &str) -> String {
    let text = as_of.trim();
    format!(
        "localstack-{}",
        text.strip_prefix(['v', 'V']).unwrap_or(text)
    )
}

/// Notes that a release lies outside of what was observed.
pub(crate) fn remark_release(version: TargetVersion) -> Option<Diagnostic> {
    let (nearest, side) = if version < OLDEST_KNOWN {
        (OLDEST_KNOWN, "older")
    } else if version > NEWEST_KNOWN {
        (NEWEST_KNOWN, "newer")
    } else {
        return None;
    };
    let message = format!("{version} is {side} than what was observed; it is read like {nearest}");
    Some(Diagnostic::new(&codes::RELEASE_NOT_OBSERVED, message))
}

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs) -> Result<ExitCode, CliError> {
    if let Some(path) = &args.batch {
        return batch::run(path, args);
    }
    let asked = Asked::parse(args.as_of.as_deref())?;
    let version = match &asked {
        Asked::One(Semantics::LocalStack(version), _) | Asked::Range(_, version) => Some(*version),
        Asked::One(Semantics::Normalized, _) => None,
    };
    let input = Input::read(&Wanted::by(args, version))?;
    match asked {
        Asked::Range(first, last) => {
            let changes = evolution::changes(&input.layers, &input.facts, first, last);
            match args.format {
                ExplainFormat::Json => {
                    let mut diagnostics = input.diagnostics.clone();
                    input.sources.mark(&mut diagnostics);
                    let document = serde_json::json!({
                        "schema": "lsconfig.evolution/1",
                        "from": first.to_string(),
                        "to": last.to_string(),
                        "in_container": input.facts.in_container,
                        "changes": changes,
                        "diagnostics": diagnostics,
                    });
                    out(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
                }
                _ => out(&text::evolution(&changes, first, last, &input))?,
            }
            Ok(exit::of(&input.diagnostics))
        }
        Asked::One(semantics, name) => {
            let mut resolution = read(&input, semantics);
            if input.is_unknown() && args.format != ExplainFormat::Json {
                let shown = render::diagnostics(&input.diagnostics, &input.sources);
                anstream::eprint!("{shown}");
                return Ok(ExitCode::from(exit::FINDINGS));
            }
            match args.format {
                ExplainFormat::Json => {
                    input.sources.mark(&mut resolution.diagnostics);
                    let mut document = Document::new(&resolution);
                    document.semantics = name.into();
                    out(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
                }
                ExplainFormat::Env => out(&env::render(&resolution))?,
                ExplainFormat::Text => out(&text::render(&resolution, &name, &input, args.all))?,
            }
            Ok(exit::of(&resolution.diagnostics))
        }
    }
}

/// Resolves an input, with the diagnostics of its files before those of its values.
pub(crate) fn read(input: &Input, semantics: Semantics) -> Resolution {
    let mut resolution = resolve(&input.layers, &input.facts, semantics);
    let mut diagnostics = input.diagnostics.clone();
    if let Semantics::LocalStack(version) = semantics {
        diagnostics.extend(remark_release(version));
    }
    diagnostics.append(&mut resolution.diagnostics);
    for remark in input.launcher_remarks() {
        // The same trap may be seen from both sides.
        if !diagnostics
            .iter()
            .any(|d| (d.code, &d.variable) == (remark.code, &remark.variable))
        {
            diagnostics.push(remark);
        }
    }
    if input.emulator.is_some() {
        // What is known of the service and its image makes the better judgement.
        diagnostics.retain(|d| d.code != codes::LISTEN_LOOPBACK_IN_CONTAINER.code);
    }
    diagnostics.extend(input.emulator_remarks(&resolution));
    resolution.conceal_in(&mut diagnostics);
    resolution.diagnostics = diagnostics;
    resolution
}
