//! The command line of `doctor` and of the probe that it runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

/// Find out why a client cannot reach the emulator, and what mends it.
///
/// Without files the container engine is asked, and the paths are tried from inside the network
/// namespace of each client, in short-lived containers of our own. Nothing that is not ours is
/// changed. With files the Compose project, each job of a workflow with its services, or the container
/// of a devcontainer.json is judged as it would run, without any engine.
///
/// `--fix` does what can be taken back whole: a container of ours stands in for the emulator where the
/// client looks for it, and a paused container goes on. For the rest there are `--diff` and `--write`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("live").args(["fix", "undo"]))]
#[command(after_help = "Examples:
  lsconfig doctor
  lsconfig doctor --source-container app
  lsconfig doctor --source-container app --endpoint http://abc.execute-api.localstack:4566
  lsconfig doctor docker-compose.yml
  lsconfig doctor .github/workflows/test.yml
  lsconfig doctor .devcontainer/devcontainer.json docker-compose.yml
  lsconfig doctor --bundle report.json
  lsconfig doctor --replay report.json
  lsconfig doctor --from-error 'connect ECONNREFUSED 127.0.0.1:4566'
  docker logs app 2>&1 | lsconfig doctor --from-error -
  lsconfig doctor --fix --dry-run
  lsconfig doctor --fix --yes
  lsconfig doctor --undo
  lsconfig doctor --diff | patch -p1
  lsconfig doctor docker-compose.yml --write
  lsconfig doctor --wait=120 && run-the-tests
  lsconfig doctor --watch

Exit codes: 0 nothing of the chosen severity, 1 findings, 2 usage or input/output, 3 no engine,
4 a fix did not help or failed and was undone, 5 something could not be undone.")]
pub(crate) struct DoctorArgs {
    /// Files to judge without an engine: Compose files, GitHub workflows, devcontainer.json.
    #[arg(value_name = "FILE", conflicts_with_all = ["replay", "bundle"])]
    pub(crate) files: Vec<PathBuf>,
    /// The container that has the trouble, by name, service or id; every client when left out.
    #[arg(short, long, value_name = "NAME", conflicts_with = "host")]
    pub(crate) source_container: Option<String>,
    /// The client is a process on this host.
    #[arg(long)]
    pub(crate) host: bool,
    /// The container that runs the emulator; found by image and port when left out.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) target_container: Option<String>,
    /// A URL that the client uses, besides those in its environment.
    #[arg(long = "endpoint", value_name = "URL")]
    pub(crate) endpoints: Vec<String>,
    /// Only read: make no container, and try nothing.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// A static Linux build of lsconfig to probe with, where this one is not static.
    #[arg(long, value_name = "FILE", conflicts_with = "no_probe")]
    pub(crate) probe_executable: Option<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text, value_name = "FORMAT")]
    pub(crate) format: DoctorFormat,
    /// Print only the best fixes, as a diff of the Compose file.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Put the best fixes into the Compose files; all files or none.
    #[arg(long, conflicts_with_all = ["replay", "bundle", "diff"])]
    pub(crate) write: bool,
    /// Write also where files have uncommitted changes.
    #[arg(long, requires = "write")]
    pub(crate) allow_dirty: bool,
    /// Mend what can be mended at once and taken back; asks first.
    #[arg(long, conflicts_with_all = ["files", "replay", "bundle", "diff", "write", "no_probe"])]
    pub(crate) fix: bool,
    /// Do not ask.
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
    /// Take back what earlier runs of `--fix` did.
    #[arg(
        long,
        conflicts_with_all = [
            "files", "replay", "bundle", "diff", "write", "source_container", "target_container",
            "host", "endpoints", "probe_executable", "no_probe", "format",
        ]
    )]
    pub(crate) undo: bool,
    /// Only say what `--fix` or `--undo` would do.
    #[arg(long, requires = "live")]
    pub(crate) dry_run: bool,
    /// Where the journal of `--fix` is kept; by default `$XDG_STATE_HOME/lsconfig`.
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Wait until nothing of the chosen severity is found, at most this many seconds.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "60",
        value_parser = clap::value_parser!(u32).range(1..=86_400),
        conflicts_with_all = ["files", "replay", "live", "write"]
    )]
    pub(crate) wait: Option<u32>,
    /// Go on looking, and print what changes whenever containers or networks do.
    #[arg(
        long,
        conflicts_with_all = ["files", "replay", "live", "write", "bundle", "diff", "wait"]
    )]
    pub(crate) watch: bool,
    /// Write what was observed to a file, without secrets, for `--replay` elsewhere.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Judge what a `--bundle` observed, without an engine.
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// Name the likely causes of a pasted error text, or of standard input with `-`, asking nobody.
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with_all = [
            "files", "replay", "bundle", "diff", "source_container", "target_container", "host",
            "endpoints", "probe_executable", "no_probe", "live", "write", "wait", "watch",
        ]
    )]
    pub(crate) from_error: Option<String>,
    /// The mildest severity that gives exit code 1.
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "SEVERITY")]
    pub(crate) fail_on: FailOn,
    /// Also show every form of endpoint from every position, and the checks that were made.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// How `doctor` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorFormat {
    /// For people.
    Text,
    /// The document of `docs/doctor.schema.json`.
    Json,
    /// SARIF 2.1.0, for code hosts.
    Sarif,
    /// Annotations of a GitHub workflow.
    Github,
}

/// The mildest severity that gives exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

/// Go through a plan inside a network namespace; `doctor` runs this in a container of its own.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The plan, as JSON.
    #[arg(value_name = "PLAN")]
    pub(crate) plan: String,
}

/// Take connections for the emulator and hand them on; `doctor --fix` runs this in a container of its
/// own.
#[derive(Debug, Args)]
pub(crate) struct StandInArgs {
    /// Where to take connections.
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Where to hand them on.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) to: String,
}
