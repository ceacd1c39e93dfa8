//! `lsconfig rule`: the long explanation of a diagnostic code.

use std::process::ExitCode;

use lsconfig::diagnostic::{Rule, Severity, codes};
use serde_json::json;

use crate::args::{RuleArgs, TextOrJson};
use crate::error::CliError;
use crate::exit;
use crate::render::{out, wrap};
use crate::suggest;

/// Explains one code, or lists all.
pub(crate) fn run(args: &RuleArgs) -> Result<ExitCode, CliError> {
    let rules: Vec<&Rule> = match &args.code {
        Some(code) => vec![find(code)?],
        None => all().collect(),
    };
    match args.format {
        TextOrJson::Json => {
            let document: Vec<_> = rules.iter().map(|rule| json(rule)).collect();
            out(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        TextOrJson::Text if args.all => {
            let width = rules.iter().map(|rule| rule.code.len()).max().unwrap_or(0);
            let lines = rules.iter().map(|r| {
                format!(
                    "{:width$}  {:7}  {}\n",
                    r.code,
                    severity(r.severity),
                    r.summary
                )
            });
            out(&lines.collect::<String>())?;
        }
        TextOrJson::Text => {
            for rule in rules {
                let head = format!(
                    "{} ({})\n{}\n",
                    rule.code,
                    severity(rule.severity),
                    rule.summary
                );
                out(&format!("{head}\n{}\n", wrap(rule.explanation, 80)))?;
            }
        }
    }
    Ok(ExitCode::from(exit::CLEAN))
}

/// The rules of settings, then those of `check` and `migrate`, then those of `doctor`.
fn all() -> impl Iterator<Item = &'static Rule> {
    let decisions = lsconfig_migrate::decision::DECISIONS
        .iter()
        .map(|row| &row.rule);
    let causes = lsconfig_doctor::check::own_rules();
    let texts = lsconfig_doctor::signature::rules::RULES.iter().copied();
    let settings = codes::RULES.iter().copied();
    settings.chain(decisions).chain(causes).chain(texts)
}

fn find(code: &str) -> Result<&'static Rule, CliError> {
    all().find(|rule| rule.code == code).ok_or_else(|| {
        let codes: Vec<&str> = all().map(|rule| rule.code).collect();
        let near = suggest::nearest(code, codes.into_iter());
        let hint = near.map_or_else(String::new, |code| format!("did you mean `{code}`? "));
        CliError::usage(
            format!(
                "there is no diagnostic `{}`",
                crate::render::printable(code)
            ),
            format!("{hint}`lsconfig rule --all` lists the codes"),
        )
    })
}

fn json(rule: &Rule) -> serde_json::Value {
    json!({
        "code": rule.code,
        "severity": severity(rule.severity),
        "summary": rule.summary,
        "explanation": rule.explanation,
    })
}

/// Returns the word for a severity.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
