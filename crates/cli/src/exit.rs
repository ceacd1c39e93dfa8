//! Exit codes. They do not change between minor releases.

use std::process::ExitCode;

use lsconfig::diagnostic::{Diagnostic, Severity};

/// Nothing of error severity was found.
pub(crate) const CLEAN: u8 = 0;
/// The answer holds a diagnostic of error severity.
pub(crate) const FINDINGS: u8 = 1;
/// The command line is wrong, or a file cannot be read or written.
pub(crate) const USAGE: u8 = 2;
/// The named folders hold no file.
pub(crate) const NO_INPUT: u8 = 3;
/// No container engine can be asked.
pub(crate) const NO_ENGINE: u8 = 3;
/// A fix failed or did not help, and everything is as it was.
pub(crate) const ROLLED_BACK: u8 = 4;
/// Something that a fix did is still there and could not be undone.
pub(crate) const NOT_ROLLED_BACK: u8 = 5;

/// Returns the exit code of an answer.
pub(crate) fn of<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> ExitCode {
    let found = diagnostics
        .into_iter()
        .any(|d| d.severity == Severity::Error);
    ExitCode::from(if found { FINDINGS } else { CLEAN })
}
