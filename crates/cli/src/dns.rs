//! `lsconfig dns`: runs the DNS server, asks one, and points a container at it.

pub(crate) mod args;
mod check;
mod log;
mod resolv_conf;
mod serve;
pub(crate) mod setup;
mod target;

use std::process::ExitCode;

use crate::error::CliError;
use args::{DnsArgs, DnsCommand};

/// Runs the command.
pub(crate) fn run(args: &DnsArgs) -> Result<ExitCode, CliError> {
    match &args.command {
        None => serve::run(&args.serve),
        Some(DnsCommand::Check(args)) => check::run(args),
        Some(DnsCommand::ResolvConf(args)) => resolv_conf::run(args),
    }
}
