//! `lsconfig doctor --from-error`: the likely causes of a text, without looking at anything else.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Reset};
use lsconfig_doctor::signature::{Answer, Cause, Likelihood, diagnose};

use super::args::DoctorFormat;
use crate::error::CliError;
use crate::exit;
use crate::render::{out, printable};

/// How much of standard input is read. The start and the end of a text are what counts.
const MAX_INPUT: u64 = 64 << 20;

/// Names the causes; finding some gives the exit code of findings.
pub(super) fn run(text: &str, format: DoctorFormat) -> Result<ExitCode, CliError> {
    let text = if text == "-" {
        standard_input()?
    } else {
        text.to_owned()
    };
    let causes = diagnose(&text);
    match format {
        DoctorFormat::Text => out(&render(&causes))?,
        DoctorFormat::Json => {
            let document = Answer::new(&causes);
            out(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        DoctorFormat::Sarif | DoctorFormat::Github => {
            return Err(CliError::usage(
                "an error text has no places in files",
                "use `--format text` or `--format json`",
            ));
        }
    }
    let found = if causes.is_empty() {
        exit::CLEAN
    } else {
        exit::FINDINGS
    };
    Ok(ExitCode::from(found))
}

/// PowerShell writes UTF-16 into files and pipes; everything else is taken as UTF-8.
fn standard_input() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock().take(MAX_INPUT);
    input.read_to_end(&mut bytes).map_err(CliError::Stdin)?;
    let units = |pair: fn([u8; 2]) -> u16| {
        let pairs = bytes[2..].chunks_exact(2);
        pairs.map(|b| pair([b[0], b[1]])).collect::<Vec<u16>>()
    };
    Ok(match bytes.get(..2) {
        Some([0xff, 0xfe]) => String::from_utf16_lossy(&units(u16::from_le_bytes)),
        Some([0xfe, 0xff]) => String::from_utf16_lossy(&units(u16::from_be_bytes)),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    })
}

fn render(causes: &[Cause]) -> String {
    if causes.is_empty() {
        return "no error text that is known here\n\n\
                help: paste all of the output, with the lines before the error; `lsconfig doctor` \
                looks at what runs\n"
            .to_owned();
    }
    let mut text = String::new();
    let mut shown = "";
    for cause in causes {
        let (word, style) = match cause.likelihood {
            Likelihood::Likely => ("likely", AnsiColor::Red.on_default().bold()),
            Likelihood::Possible => ("possible", AnsiColor::Yellow.on_default().bold()),
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{style}{word}[{}]{Reset}: {}",
            cause.code,
            printable(&cause.why)
        );
        if shown != cause.seen.excerpt {
            shown = &cause.seen.excerpt;
            let _ = writeln!(text, "  = seen: {}", printable(shown));
        }
        let _ = writeln!(text, "  = make sure: {}", printable(&cause.confirm));
        let _ = writeln!(text, "  = fix: {}\n", printable(&cause.fix));
    }
    text.push_str(
        "help: `lsconfig doctor` finds out which it is; `lsconfig rule CODE` says more\n",
    );
    text
}
