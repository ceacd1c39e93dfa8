//! `lsconfig check`: legacy settings in files, and what to do about them.

mod git;
mod progress;
pub(crate) mod text;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lsconfig::release::TargetVersion;
use lsconfig_migrate::config::CheckConfig;
use lsconfig_migrate::decision::DECISIONS;
use lsconfig_migrate::file::{File, Options, Successor};
use lsconfig_migrate::project::settle;
use lsconfig_migrate::report::{self, Counts};
use lsconfig_migrate::walk::{Disk, Request, Walk, walk};

use crate::args::{CheckArgs, ScanArgs, ScanFormat};
use crate::error::CliError;
use crate::exit;
use crate::render::out;
use progress::Progress;

pub(crate) use git::refuse_uncommitted;

/// Where the tool's own settings of a project stand.
const CONFIG: &str = "lsconfig.toml";

/// Reports findings and changes nothing.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, CliError> {
    let walk = scan(&args.scan, Options::default())?;
    let counts = Counts::of(&walk.files);
    let text = match args.scan.format {
        ScanFormat::Text => {
            let mut text = text::findings(&walk.files, args.explain_today);
            text.push_str(&text::summary(&counts, &walk, "Nothing written."));
            text
        }
        other => document(&walk.files, other)?,
    };
    out(&text)?;
    Ok(code(
        &walk,
        args.scan.exit_zero || args.scan.format == ScanFormat::Sarif,
    ))
}

/// Returns the exit code of a scan.
pub(crate) fn code(walk: &Walk, zero: bool) -> ExitCode {
    if !walk.problems.is_empty() {
        return ExitCode::from(exit::USAGE);
    }
    if walk.seen == 0 && !zero {
        return ExitCode::from(exit::NO_INPUT);
    }
    let found = Counts::of(&walk.files).any() && !zero;
    ExitCode::from(if found { exit::FINDINGS } else { exit::CLEAN })
}

/// Renders findings for machines.
pub(crate) fn document(files: &[File], format: ScanFormat) -> Result<String, CliError> {
    Ok(match format {
        ScanFormat::Json => format!(
            "{}\n",
            serde_json::to_string_pretty(&report::document(files))?
        ),
        ScanFormat::Sarif => {
            let log = report::log(files, env!("CARGO_PKG_VERSION"));
            format!("{}\n", serde_json::to_string_pretty(&log)?)
        }
        ScanFormat::Github => report::annotations(files),
        ScanFormat::Text => text::findings(files, false),
        ScanFormat::Diff => crate::migrate::diffs(files, lsconfig_migrate::finding::Safety::Safe),
    })
}

/// Reads what the arguments name.
pub(crate) fn scan(args: &ScanArgs, base: Options) -> Result<Walk, CliError> {
    let config = config()?;
    let successor = args.to.as_deref();
    let successor = Successor::ALL
        .into_iter()
        .find(|engine| successor == Some(engine.name()));
    let to = args.to.as_deref().filter(|_| successor.is_none());
    let mut options = Options {
        from: release(args.from.as_deref())?,
        to: release(to)?,
        successor,
        select: if args.select.is_empty() {
            config.select
        } else {
            args.select.clone()
        },
        ignore: config.ignore,
        ..base
    };
    options.ignore.extend(args.ignore.iter().cloned());
    for code in options.select.iter().chain(&options.ignore) {
        let own = DECISIONS.iter().any(|row| row.rule.code == code);
        if !own && lsconfig::diagnostic::codes::lookup(code).is_none() {
            return Err(CliError::usage(
                format!(
                    "there is no diagnostic `{}`",
                    crate::render::printable(code)
                ),
                "`lsconfig rule --all` lists the codes",
            ));
        }
    }
    if let [only] = &args.paths[..]
        && only == Path::new("-")
    {
        let name = args.stdin_filename.clone();
        return stdin(
            &name.unwrap_or_else(|| PathBuf::from("compose.yaml")),
            &options,
        );
    }
    let here = [PathBuf::from(".")];
    let roots = if args.paths.is_empty() {
        &here[..]
    } else {
        &args.paths[..]
    };
    let progress = Progress::new();
    let request = Request {
        roots,
        exclude: &config.exclude,
        options: &options,
        progress: &|seen| progress.show(seen),
    };
    let walk = walk(request);
    progress.clear();
    let walk = walk.map_err(|error| {
        CliError::usage(
            format!("a pattern in `check.exclude` is wrong: {error}"),
            "",
        )
    })?;
    for problem in &walk.problems {
        let path = problem.path.display().to_string();
        anstream::eprintln!(
            "error: cannot read {}: {}",
            crate::render::printable(&path),
            problem.source
        );
    }
    Ok(walk)
}

fn stdin(name: &Path, options: &Options) -> Result<Walk, CliError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(CliError::Stdin)?;
    let file = File::analyse(name, bytes, &Disk, options).ok_or_else(|| {
        CliError::usage(
            format!(
                "`{}` has no format that is read",
                crate::render::printable(&name.display().to_string())
            ),
            "name the text with --stdin-filename, for example compose.yaml",
        )
    })?;
    let foreign = file.foreign;
    let mut files = vec![file];
    settle(&mut files);
    Ok(Walk {
        files,
        seen: 1,
        foreign,
        ..Walk::default()
    })
}

fn config() -> Result<CheckConfig, CliError> {
    match std::fs::read_to_string(CONFIG) {
        Ok(text) => CheckConfig::parse(&text)
            .map_err(|error| CliError::usage(format!("{CONFIG}: {error}"), "")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(CheckConfig::default()),
        Err(source) => Err(CliError::Read {
            path: PathBuf::from(CONFIG),
            source,
        }),
    }
}

fn release(text: Option<&str>) -> Result<Option<TargetVersion>, CliError> {
    text.map(|text| {
        text.parse()
            .map_err(|error: lsconfig::release::ParseVersionError| {
                CliError::usage(error.to_string(), "")
            })
    })
    .transpose()
}
