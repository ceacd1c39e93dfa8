//! `lsconfig url`: mints one URL, or takes one apart.

use std::process::ExitCode;

use lsconfig::settings::Resolution;

use crate::args::UrlArgs;
use crate::error::CliError;

/// Runs the command.
pub(crate) fn run(_: &UrlArgs) -> Result<ExitCode, CliError> {
    Err(CliError::usage("not built yet", ""))
}

/// Sentences with example URLs.
pub(crate) fn examples(_: &Resolution) -> Vec<String> {
    Vec::new()
}
