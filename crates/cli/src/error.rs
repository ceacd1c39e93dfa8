//! What ends a command early: the command line or the outside world is at fault.

use std::io;
use std::path::PathBuf;

use lsconfig_doctor::intervention::journal::JournalError;

use crate::render::printable;

/// A failure that is not about the user's settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A file that was named cannot be read.
    #[error("cannot read {}", printable(&path.display().to_string()))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Stdin(#[source] io::Error),
    /// Standard output cannot be written.
    #[error("cannot write the answer")]
    Output(#[source] io::Error),
    /// Files cannot be replaced.
    #[error(transparent)]
    Write(Box<lsconfig_migrate::write::WriteError>),
    /// The container engine went away or refused.
    #[error("cannot ask the container engine")]
    Engine(#[source] lsconfig_doctor::engine::EngineError),
    /// The settings are wrong; the rendered diagnostics say where.
    #[error("the settings are wrong")]
    Diagnosed(String),
    /// The journal of interventions cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The arguments do not fit together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
}

impl CliError {
    /// A usage error with help.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: help.into(),
        }
    }

    /// Returns whether the reader of the answer went away, which is no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Prints the error, its causes and the help to standard error.
    pub(crate) fn print(&self) {
        use std::error::Error as _;
        if let Self::Diagnosed(rendered) = self {
            anstream::eprint!("{rendered}");
            return;
        }
        let (red, reset) = (
            anstyle::AnsiColor::Red.on_default() | anstyle::Effects::BOLD,
            anstyle::Reset,
        );
        anstream::eprintln!("{red}error{reset}: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            anstream::eprintln!("  caused by: {}", printable(&error.to_string()));
            cause = error.source();
        }
        let help = match self {
            Self::Usage { help, .. } => help.as_str(),
            Self::Journal(error) => journal_help(error),
            _ => "",
        };
        if !help.is_empty() {
            anstream::eprintln!("\nhelp: {help}");
        }
    }
}

fn journal_help(error: &JournalError) -> &'static str {
    match error {
        JournalError::Busy => "wait until it is done",
        JournalError::Io { .. } => "name another directory with --state-dir",
        _ => {
            "look at the file, then move it away; \
             `docker ps -a --filter label=cloud.lsconfig.run` lists what runs of --fix left"
        }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}
