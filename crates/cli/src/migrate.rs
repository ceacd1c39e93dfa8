//! `lsconfig migrate`: the smallest edits that do what the findings say.

use std::path::PathBuf;
use std::process::ExitCode;

use lsconfig_migrate::file::{Change, File, Options};
use lsconfig_migrate::finding::Safety;
use lsconfig_migrate::report::{self, Counts};
use lsconfig_migrate::walk::Walk;
use lsconfig_migrate::write::{Replacement, WriteError, write};

use crate::args::{MigrateArgs, ScanFormat};
use crate::check::{self, text};
use crate::error::CliError;
use crate::exit;
use crate::render::{out, printable};

/// Shows a diff, or writes it.
pub(crate) fn run(args: &MigrateArgs) -> Result<ExitCode, CliError> {
    let options = Options {
        edit_markdown: args.markdown,
        keep_legacy: args.keep_legacy,
        strategy: args.sqs_strategy.clone(),
        ..Options::default()
    };
    let walk = check::scan(&args.scan, options)?;
    let level = if args.r#unsafe {
        Safety::Unsafe
    } else {
        Safety::Safe
    };
    if args.scan.paths == [PathBuf::from("-")] {
        return filter(&walk, level);
    }
    match args.scan.format {
        ScanFormat::Text | ScanFormat::Diff => {}
        other => out(&check::document(&walk.files, other)?)?,
    }
    let people = args.scan.format == ScanFormat::Text;
    if !args.write {
        if people || args.scan.format == ScanFormat::Diff {
            if people {
                anstream::eprint!("{}", text::findings(&walk.files, args.explain_today));
            }
            out(&diffs(&walk.files, level))?;
            let counts = Counts::of(&walk.files);
            anstream::eprint!("{}", text::summary(&counts, &walk, "Nothing written."));
        }
        return Ok(check::code(&walk, args.scan.exit_zero));
    }
    apply(args, &walk, level)
}

/// Reads a text and writes the edited one, for editors and hooks.
fn filter(walk: &Walk, level: Safety) -> Result<ExitCode, CliError> {
    use std::io::Write as _;
    for file in &walk.files {
        let change = file.change(level);
        let bytes = change.as_ref().map_or(&file.text.bytes, |c| &c.bytes);
        std::io::stdout().lock().write_all(bytes)?;
    }
    Ok(ExitCode::from(exit::CLEAN))
}

fn apply(args: &MigrateArgs, walk: &Walk, level: Safety) -> Result<ExitCode, CliError> {
    let changes = changes(&walk.files, level);
    let paths: Vec<PathBuf> = changes
        .iter()
        .map(|(file, _)| file.path.to_path_buf())
        .collect();
    check::refuse_uncommitted(&paths, args.allow_dirty)?;
    let replacements: Vec<Replacement> = changes
        .iter()
        .map(|(file, change)| Replacement {
            path: file.path.to_path_buf(),
            before: file.text.bytes.clone(),
            after: change.bytes.clone(),
        })
        .collect();
    write(&replacements).map_err(|error: WriteError| CliError::Write(Box::new(error)))?;
    let mut rest = Counts::of(&walk.files);
    let mut fixed = 0;
    for (file, change) in &changes {
        let done = file.findings.iter().filter_map(|f| f.fix.as_ref());
        for fix in done.filter(|fix| change.groups.contains(&fix.group)) {
            fixed += 1;
            match fix.safety {
                Safety::Safe => rest.safe -= 1,
                Safety::Unsafe => rest.r#unsafe -= 1,
            }
        }
        for _ in &change.dropped {
            let path = file.path.display().to_string();
            anstream::eprintln!(
                "note: an edit of {} overlaps another one and was left out",
                printable(&path)
            );
        }
    }
    if args.scan.format == ScanFormat::Text {
        for (file, _) in &changes {
            anstream::eprintln!("wrote {}", printable(&file.path.display().to_string()));
        }
        let end = match changes.len() {
            0 => "Nothing written.".to_owned(),
            1 => format!("{fixed} written to 1 file."),
            n => format!("{fixed} written to {n} files."),
        };
        anstream::eprint!("{}", text::summary(&rest, walk, &end));
    }
    if !walk.problems.is_empty() {
        return Ok(ExitCode::from(exit::USAGE));
    }
    if walk.seen == 0 && !args.scan.exit_zero {
        return Ok(ExitCode::from(exit::NO_INPUT));
    }
    let left = rest.any() && !args.scan.exit_zero;
    Ok(ExitCode::from(if left {
        exit::FINDINGS
    } else {
        exit::CLEAN
    }))
}

fn changes(files: &[File], level: Safety) -> Vec<(&File, Change)> {
    files
        .iter()
        .filter_map(|file| Some((file, file.change(level)?)))
        .collect()
}

/// Returns the unified diff of every file.
pub(crate) fn diffs(files: &[File], level: Safety) -> String {
    changes(files, level)
        .iter()
        .map(|(file, change)| report::unified(file, change))
        .collect()
}
