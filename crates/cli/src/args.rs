//! The command line, as `clap` sees it. Completions, man pages and the reference derive from it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::dns::args::DnsArgs;
use crate::doctor::args::{DoctorArgs, ProbeArgs, StandInArgs};
use crate::topology::TopologyArgs;

/// Where does my local AWS emulator listen, by which name does each client reach it, and why not
/// right now?
#[derive(Debug, Parser)]
#[command(name = "lsconfig", version = env!("LSCONFIG_VERSION"))]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  lsconfig explain docker-compose.yml
  lsconfig explain .env --as-of 1.4..4.14
  EDGE_PORT=9000 lsconfig explain
  lsconfig url sqs-queue --name orders
  lsconfig check .
  lsconfig migrate docker-compose.yml
  lsconfig up --upstream http://127.0.0.1:5000
  lsconfig doctor --source-container app
  lsconfig rule deprecated-variable

Exit codes: 0 nothing wrong, 1 findings of error severity, 2 usage or input/output.")]
pub(crate) struct Cli {
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Explain(ExplainArgs),
    Url(UrlArgs),
    Check(CheckArgs),
    Migrate(MigrateArgs),
    Dns(DnsArgs),
    Doctor(DoctorArgs),
    #[command(hide = true)]
    Probe(ProbeArgs),
    #[command(hide = true)]
    StandIn(StandInArgs),
    Topology(TopologyArgs),
    Gateway(crate::gateway::args::GatewayArgs),
    Up(crate::gateway::args::UpArgs),
    Tls(crate::gateway::args::TlsArgs),
    Rule(RuleArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes the choice for both output streams.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Show the effective settings, where each came from, and what is wrong.
///
/// Reads the files that are named, in order of increasing precedence, or the environment of this
/// process when none is. Without `--as-of` the answer is what you mean: legacy variables are mapped
/// onto their successors. With it, the answer is what that LocalStack release really does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig explain docker-compose.yml --service localstack
  lsconfig explain .env --in-container true
  lsconfig explain docker-compose.yml --as-of 3.8
  lsconfig explain .env --as-of 1.4..4.14
  env | lsconfig explain -
  lsconfig explain docker-compose.yml --format env > normalized.env
  lsconfig explain --batch environments.jsonl")]
pub(crate) struct ExplainArgs {
    /// Files to read: Compose files, `.env` files, `lsconfig.toml`, or `-` for `KEY=VALUE` lines.
    #[arg(value_name = "FILE", conflicts_with = "batch")]
    pub(crate) files: Vec<PathBuf>,
    /// Also read the environment of this process, above all files.
    #[arg(long, overrides_with = "no_env")]
    pub(crate) env: bool,
    /// Do not read the environment of this process, neither as settings nor for interpolation.
    #[arg(long, overrides_with = "env")]
    pub(crate) no_env: bool,
    /// The Compose service that runs the emulator; found by its image when left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Read the files as this format instead of judging by their names.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) input_format: Option<InputFormat>,
    /// Also read profiles of the LocalStack CLI, comma-separated.
    #[arg(long, value_name = "NAMES")]
    pub(crate) profile: Option<String>,
    /// Directory of the profiles.
    #[arg(long, value_name = "DIR", requires = "profile")]
    pub(crate) config_dir: Option<PathBuf>,
    /// Answer for a LocalStack release, or for a range of them: `3.8`, `2.3.2`, `1.4..4.14`.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) as_of: Option<String>,
    /// Whether the emulator runs in a container, which decides the default bind host.
    #[arg(long, value_enum, default_value_t = InContainer::Auto, value_name = "WHERE")]
    pub(crate) in_container: InContainer,
    /// How to answer.
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text, value_name = "FORMAT")]
    pub(crate) format: ExplainFormat,
    /// Show every setting, not only those that are set or matter for addresses, and every diagnostic
    /// in full: notes too, and none grouped.
    #[arg(long)]
    pub(crate) all: bool,
    /// Read one JSON object for each line, `{"id", "env", "in_docker", "as_of"}`, and answer each
    /// with one line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) batch: Option<PathBuf>,
}

/// The format of an input file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// Docker Compose.
    Compose,
    /// `.env` as LocalStack's profiles are read (python-dotenv).
    Dotenv,
    /// `.env` as Docker Compose reads it.
    ComposeDotenv,
    /// `KEY=VALUE` lines, verbatim.
    Pairs,
    /// `lsconfig.toml`.
    Toml,
}

/// Where the emulator runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InContainer {
    /// In a container for Compose files. Otherwise as `OVERRIDE_IN_DOCKER` says, else where this
    /// process runs for its own environment, and outside for files.
    Auto,
    True,
    False,
}

/// How `explain` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people.
    Text,
    /// The document of `docs/explain.schema.json`.
    Json,
    /// The modern variables, ready for `source` or an env file.
    Env,
}

/// Mint one URL from the effective settings, or take one apart.
///
/// Every input of a kind is a flag of its own; `--list` names them. `--name` stands for the first one
/// that is needed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  LOCALSTACK_HOST=foo.bar:5000 lsconfig url sqs-queue --name myqueue
  lsconfig url s3-virtual-host --bucket photos --key cat.jpg --file docker-compose.yml
  lsconfig url sqs-queue --name q --strategy dynamic --request-host localhost:4566
  lsconfig url --list
  lsconfig url parse http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/orders
  lsconfig url --batch requests.jsonl")]
pub(crate) struct UrlArgs {
    /// What to mint (see `--list`), or `parse`.
    #[arg(value_name = "KIND", required_unless_present_any = ["list", "batch"])]
    pub(crate) kind: Option<String>,
    /// The URL to take apart, with `parse`.
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// List the kinds and their inputs.
    #[arg(long)]
    pub(crate) list: bool,
    /// The queue, bucket, function, domain and so on.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Region, by default us-east-1.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Account id of 12 digits, by default 000000000000.
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// Endpoint strategy, over the one that is set.
    #[arg(long)]
    pub(crate) strategy: Option<String>,
    /// The `Host` header of the request that the URL answers, for dynamic forms.
    #[arg(long, value_name = "HOST")]
    pub(crate) request_host: Option<String>,
    /// An input of the kind by name; the same as `--NAME VALUE`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Files with settings; the environment of this process when none is named.
    #[arg(long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The Compose service that runs the emulator.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Do not read the environment of this process.
    #[arg(long)]
    pub(crate) no_env: bool,
    /// Mint as this LocalStack release does.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) as_of: Option<String>,
    /// Whether the emulator runs in a container.
    #[arg(long, value_enum, default_value_t = InContainer::Auto, value_name = "WHERE")]
    pub(crate) in_container: InContainer,
    /// How to answer.
    #[arg(long, value_enum, default_value_t = TextOrJson::Text, value_name = "FORMAT")]
    pub(crate) format: TextOrJson,
    /// Read one JSON object for each line, `{"id", "config", "kind", "input"}`, and answer each with
    /// one line; `-` is standard input. Mints as 4.12 does unless `as_of` says otherwise.
    #[arg(long, value_name = "FILE", conflicts_with = "kind")]
    pub(crate) batch: Option<PathBuf>,
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOrJson {
    Text,
    Json,
}

/// Explain a diagnostic code, offline.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig rule shadowed-variable
  lsconfig rule --all")]
pub(crate) struct RuleArgs {
    /// The code.
    #[arg(value_name = "CODE", required_unless_present = "all")]
    pub(crate) code: Option<String>,
    /// List every code.
    #[arg(long)]
    pub(crate) all: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t = TextOrJson::Text, value_name = "FORMAT")]
    pub(crate) format: TextOrJson,
}

/// Print a completion script.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  lsconfig completions bash > /etc/bash_completion.d/lsconfig")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Write man pages.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  lsconfig man --dir /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write one page for each command into this directory; without it, print the main page.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Find legacy networking settings in files, with what they do today and what was meant.
///
/// Reads the named files and folders, or the current folder, and writes nothing. Whose variable a
/// name is follows from the image or command it stands with, never from the name alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig check
  lsconfig check compose.yaml --explain-today
  lsconfig check --format sarif > lsconfig.sarif
  cat compose.yaml | lsconfig check - --stdin-filename compose.yaml

Exit codes: 0 nothing to do, 1 findings, 2 usage or input/output, 3 no file to read.")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    /// Show for each finding the effective settings today, as meant, and after its fix.
    #[arg(long)]
    pub(crate) explain_today: bool,
}

/// Rewrite legacy networking settings in files; shows a diff unless `--write` is given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig migrate
  lsconfig migrate --write
  lsconfig migrate --write --unsafe compose.yaml
  lsconfig migrate - --stdin-filename .env < .env

Exit codes: 0 nothing to do or all done, 1 something is left, 2 usage or input/output, 3 no file to\nread.")]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    /// Write the edits that provably change nothing.
    #[arg(long)]
    pub(crate) write: bool,
    /// Also make the edits that change what runs today.
    #[arg(long)]
    pub(crate) r#unsafe: bool,
    /// Show the diff and write nothing; this is the default.
    #[arg(long, conflicts_with = "write")]
    pub(crate) diff: bool,
    /// Also edit fenced blocks of Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Keep the legacy names beside the new ones, for releases on both sides of 2.0.
    #[arg(long)]
    pub(crate) keep_legacy: bool,
    /// Write `SQS_ENDPOINT_STRATEGY` beside a new host: `path`, `dynamic`, `domain` or `off`.
    #[arg(long, value_name = "WORD", value_parser = ["path", "dynamic", "domain", "off"])]
    pub(crate) sqs_strategy: Option<String>,
    /// Write files that have uncommitted changes, too.
    #[arg(long)]
    pub(crate) allow_dirty: bool,
    /// Show for each finding the effective settings today, as meant, and after its fix.
    #[arg(long)]
    pub(crate) explain_today: bool,
}

/// What `check` and `migrate` read.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Files and folders; `-` is standard input.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t = ScanFormat::Text, value_name = "FORMAT")]
    pub(crate) format: ScanFormat,
    /// The LocalStack release where a file names none.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) from: Option<String>,
    /// The LocalStack release to prepare for, or another engine: lstk, ministack, floci, overcast or
    /// moto, for which is listed what it keeps and what is lost.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) to: Option<String>,
    /// The name of the text on standard input, which decides its format.
    #[arg(long, value_name = "NAME")]
    pub(crate) stdin_filename: Option<PathBuf>,
    /// Report only these codes, comma-separated.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Do not report these codes, comma-separated.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// End with 0 whatever was found.
    #[arg(long)]
    pub(crate) exit_zero: bool,
}

/// How `check` and `migrate` answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// For people.
    Text,
    /// One document with byte-span edits.
    Json,
    /// SARIF 2.1.0, for code hosts.
    Sarif,
    /// Annotations of a GitHub workflow.
    Github,
    /// The unified diff alone.
    Diff,
}
