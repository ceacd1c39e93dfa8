//! Completion scripts and man pages, from the same definitions as the command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::error::CliError;
use crate::exit;

/// Prints a completion script.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<ExitCode, CliError> {
    // Into memory first: the generator panics when the pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lsconfig", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::from(exit::CLEAN))
}

/// Prints the main man page, or writes one for each command.
pub(crate) fn man(args: &ManArgs) -> Result<ExitCode, CliError> {
    let command = Cli::command();
    match &args.dir {
        Some(dir) => clap_mangen::generate_to(command, dir).map_err(CliError::Output)?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            io::stdout().write_all(&page)?;
        }
    }
    Ok(ExitCode::from(exit::CLEAN))
}
