//! `lsconfig dns check`.

use std::path::Path;
use std::process::ExitCode;

use lsconfig_dns::check::{check, parse_type};
use lsconfig_dns::observe::read_nameservers;
use lsconfig_dns::wire::{Name, Rcode};

use crate::args::TextOrJson;
use crate::dns::args::CheckArgs;
use crate::error::CliError;
use crate::exit;
use crate::render::{out, printable};

/// Runs the command. An answer without records is a finding.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, CliError> {
    let name = Name::parse(&args.name).ok_or_else(|| {
        CliError::usage("the name is no domain name", "labels have 1 to 63 bytes")
    })?;
    let qtype = parse_type(&args.qtype)
        .ok_or_else(|| CliError::usage("the type is not known", "for example A, AAAA, TYPE65"))?;
    let system = || {
        read_nameservers(Path::new("/etc/resolv.conf"))
            .into_iter()
            .next()
    };
    let server = args.server.or_else(system).ok_or_else(|| {
        CliError::usage("no server is known", "name one with `--server ADDR[:PORT]`")
    })?;
    let checked = check(server, &name, qtype).map_err(|error| {
        CliError::usage(
            format!("{server} does not answer: {error}"),
            "is a server running there? `lsconfig dns --listen ADDR:PORT` starts one",
        )
    })?;
    let reason = checked.explanation.as_deref();
    match args.format {
        TextOrJson::Json => {
            let document = serde_json::json!({
                "name": name.to_string(),
                "server": server.to_string(),
                "status": checked.rcode.to_string(),
                "answer": checked.answers,
                "reason": reason,
                "milliseconds": checked.elapsed.as_secs_f64() * 1000.0,
            });
            out(&format!("{document}\n"))?;
        }
        TextOrJson::Text => {
            let milliseconds = checked.elapsed.as_secs_f64() * 1000.0;
            let mut text = format!("{} from {server} in {milliseconds:.1} ms\n", checked.rcode);
            for answer in &checked.answers {
                text.push_str(&format!("  {}\n", printable(answer)));
            }
            match reason {
                Some(reason) => {
                    for word in reason.split(' ') {
                        let (key, value) = word.split_once('=').unwrap_or(("", word));
                        text.push_str(&format!("{key:>10}: {}\n", printable(value)));
                    }
                }
                None => text.push_str("the server does not explain its answers\n"),
            }
            out(&text)?;
        }
    }
    let found = checked.rcode == Rcode::NOERROR && !checked.answers.is_empty();
    Ok(ExitCode::from(if found {
        exit::CLEAN
    } else {
        exit::FINDINGS
    }))
}
