//! `lsconfig dns resolv-conf`.

use std::fs;
use std::process::ExitCode;

use lsconfig_dns::resolvconf;

use crate::dns::args::ResolvConfArgs;
use crate::error::CliError;
use crate::exit;
use crate::render::out;

/// Runs the command.
pub(crate) fn run(args: &ResolvConfArgs) -> Result<ExitCode, CliError> {
    let failed = |source| CliError::Read {
        path: args.file.clone(),
        source,
    };
    if args.restore {
        let restored = resolvconf::restore(&args.file).map_err(failed)?;
        let file = args.file.display();
        anstream::eprintln!(
            "{}",
            if restored {
                format!("restored {file}")
            } else {
                format!("nothing to restore for {file}")
            }
        );
    } else if args.in_container {
        resolvconf::apply(&args.file, args.nameserver).map_err(failed)?;
    } else {
        let old = fs::read_to_string(&args.file).map_err(failed)?;
        out(&resolvconf::rewritten(&old, args.nameserver))?;
        out("\n")?;
    }
    Ok(ExitCode::from(exit::CLEAN))
}
