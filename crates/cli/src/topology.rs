//! `lsconfig topology`: a picture of networks and containers.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use lsconfig_doctor::facts::{Engine, Facts, Question};
use lsconfig_doctor::topology::{Topology, dot, json, mermaid, svg, text};

use crate::doctor::{files, live, read_bundle};
use crate::error::CliError;
use crate::exit;
use crate::render::{out, printable};

/// Draw networks and containers: who is where, under which address, with which ports and DNS servers.
///
/// Asks the container engine, and only reads. With files the Compose project is drawn as it would
/// run, with `--from` what a bundle of `doctor` holds, with the paths that its probes went. Environments are never shown, and labels only
/// with `--include-labels`, so that a picture can be shared.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig topology
  lsconfig topology --format svg > topology.svg
  lsconfig topology --format mermaid docker-compose.yml
  lsconfig topology --from report.json --format json

Exit codes: 0 drawn, 2 usage or input/output, 3 no engine.")]
pub(crate) struct TopologyArgs {
    /// Compose files to draw without an engine.
    #[arg(value_name = "FILE", conflicts_with = "from")]
    files: Vec<PathBuf>,
    /// Draw what `lsconfig doctor --bundle` observed.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// How to draw.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
    /// Also show labels, in JSON. What looks like a secret in them is masked.
    #[arg(long)]
    include_labels: bool,
}

/// How `topology` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// The document of `docs/topology.schema.json`. Has all fields of `probe` of docker-debug.
    Json,
    /// A flowchart, which code hosts draw.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A finished picture.
    Svg,
}

/// Draws what the engine, the files or the bundle have.
pub(crate) fn run(args: &TopologyArgs) -> Result<ExitCode, CliError> {
    let facts = match (&args.from, args.files.as_slice()) {
        (Some(path), _) => read_bundle(path)?,
        (None, []) => live::inventory()?,
        (None, files) => files::inventory(files, &Question::default())?,
    };
    if let Some(why) = unreachable(&facts) {
        anstream::eprintln!("error: {why}");
        return Ok(ExitCode::from(exit::NO_ENGINE));
    }
    let mut topology = Topology::from(&facts);
    if !args.include_labels {
        topology = topology.without_labels();
    }
    out(&match args.format {
        Format::Text => text::render(&topology),
        Format::Json => json::render(&topology),
        Format::Mermaid => mermaid::render(&topology),
        Format::Dot => dot::render(&topology),
        Format::Svg => svg::render(&topology),
    })?;
    Ok(ExitCode::from(exit::CLEAN))
}

fn unreachable(facts: &Facts) -> Option<String> {
    Some(match &facts.engine {
        Engine::Reached { .. } | Engine::NotAsked => return None,
        Engine::Unreachable { tried } => {
            let tried = tried.iter().map(|attempt| {
                let (address, error) = (printable(&attempt.address), printable(&attempt.error));
                format!("\n  {address} ({}): {error}", printable(&attempt.found_by))
            });
            format!("no container engine answers{}", tried.collect::<String>())
        }
        Engine::Denied { address } => format!("{} may not be opened", printable(address)),
        Engine::TooOld {
            address,
            api_version,
        } => format!(
            "{} speaks version {} of the API, which is too old",
            printable(address),
            printable(api_version)
        ),
    })
}
