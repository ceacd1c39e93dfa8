//! The command `lsconfig`: reads sources, asks the library, prints the answer.
//!
//! Only this crate reads the process environment, prints, and exits. `args` defines the command
//! line, one module for each command does the work, `render` shows diagnostics, `exit` names the exit
//! codes.

mod args;
mod batch;
mod check;
mod dns;
mod doctor;
mod engine;
mod error;
mod exit;
mod explain;
mod gateway;
mod input;
mod migrate;
mod render;
mod rule;
mod setup;
mod suggest;
mod tls;
mod topology;
mod up;
mod url;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};
use error::CliError;

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(url::spell_out(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            // A help text that nobody reads to the end is no failure.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                exit::USAGE
            } else {
                exit::CLEAN
            });
        }
    };
    cli.color.apply();
    let result = match &cli.command {
        Command::Explain(args) => explain::run(args),
        Command::Url(args) => url::run(args),
        Command::Dns(args) => dns::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Probe(args) => doctor::probe(args),
        Command::StandIn(args) => doctor::stand_in(args),
        Command::Topology(args) => topology::run(args),
        Command::Check(args) => check::run(args),
        Command::Migrate(args) => migrate::run(args),
        Command::Rule(args) => rule::run(args),
        Command::Gateway(args) => gateway::run(args),
        Command::Tls(args) => tls::run(args),
        Command::Up(args) => up::run(args),
        Command::Completions(args) => setup::completions(args),
        Command::Man(args) => setup::man(args),
    };
    match result.and_then(|code| {
        io::stdout()
            .flush()
            .map_err(CliError::Output)
            .map(|()| code)
    }) {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => ExitCode::from(exit::CLEAN),
        Err(error) => {
            error.print();
            ExitCode::from(exit::USAGE)
        }
    }
}
