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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;

    /// The page of a command and of those below it.
    fn describe(command: clap::Command, name: &str, page: &mut String) {
        let mut command = command.term_width(100);
        let _ = write!(
            page,
            "\n## {name}\n\n```text\n{}\n```\n",
            command.render_long_help().to_string().trim_end()
        );
        let below: Vec<clap::Command> = command.get_subcommands().cloned().collect();
        for command in below {
            let name = format!("{name} {}", command.get_name());
            describe(command, &name, page);
        }
    }

    /// With `UPDATE_EXPECT=1` the page is written instead of compared.
    #[test]
    fn the_page_of_the_command_line_is_up_to_date() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/command-line.md");
        let mut page = "# Command line\n\n\
            <!-- Written by `UPDATE_EXPECT=1 cargo test -p lsconfig-cli`; edits here are lost. -->\n\n\
            What `--help` prints for every command.\n"
            .to_owned();
        let mut command = Cli::command();
        command.build();
        describe(command, "lsconfig", &mut page);
        let page: String = page
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &page).expect("the page can be written");
        }
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            present == page,
            "docs/reference/command-line.md is stale; run the test with UPDATE_EXPECT=1"
        );
    }
}
