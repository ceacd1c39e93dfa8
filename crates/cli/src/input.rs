//! Reading what the user named into layers and facts.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use lsconfig::diagnostic::Diagnostic;
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::python;
use lsconfig::settings::Resolution;

use crate::args::{ExplainArgs, InContainer};
use crate::error::CliError;
use crate::render::Sources;

/// The largest file that is read whole, in bytes. Settings files are far below.
const MAX_FILE: u64 = 64 << 20;

/// Everything that resolution needs, and what is needed to show its answer.
pub(crate) struct Input {
    /// The raw texts.
    pub(crate) layers: Layers,
    /// Where the emulator runs.
    pub(crate) facts: Facts,
    /// The texts of the files, for underlines.
    pub(crate) sources: Sources,
    /// What the readers of the files had to say.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Input {
    /// Reads what the arguments name.
    pub(crate) fn read(args: &ExplainArgs) -> Result<Self, CliError> {
        let mut layers = Layers::default();
        if args.env || args.files.is_empty() {
            layers.push(process_environment());
        }
        let in_container = match args.in_container {
            InContainer::True => true,
            InContainer::False => false,
            InContainer::Auto => detect(&layers, args.files.is_empty()),
        };
        Ok(Self {
            layers,
            facts: Facts {
                in_container,
                through_entrypoint: false,
            },
            sources: Sources::default(),
            diagnostics: Vec::new(),
        })
    }

    /// Checks published ports against a resolution.
    pub(crate) fn check_ports(&self, _: &Resolution) -> Vec<Diagnostic> {
        Vec::new()
    }
    pub(crate) fn published_endpoints(&self, _: &Resolution) -> Option<Vec<String>> {
        None
    }
    pub(crate) fn service_name(&self) -> Option<&str> {
        None
    }
    pub(crate) fn port_table(&self, _: &Resolution) -> Option<Vec<[String; 3]>> {
        None
    }
}

/// Reads the environment of this process. Names and values that are not UTF-8 are shown with
/// replacement characters.
fn process_environment() -> Layer {
    let pairs = std::env::vars_os().map(|(name, value)| {
        (
            Arc::from(name.to_string_lossy()),
            Arc::from(value.to_string_lossy()),
        )
    });
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = pairs.collect();
    pairs.sort();
    Layer::from_pairs(SourceKind::Environment, "environment", pairs)
}

/// Decides where the emulator runs: as `OVERRIDE_IN_DOCKER` says, else where this process runs when
/// its environment is what is explained.
fn detect(layers: &Layers, this_process: bool) -> bool {
    let forced = layers
        .occurrences()
        .find(|o| &*o.name == "OVERRIDE_IN_DOCKER");
    match forced.map(|o| &*o.raw) {
        Some(raw) if python::is_true(raw) => true,
        Some(raw) if python::is_false(raw) => false,
        _ => {
            let marks = ["/.dockerenv", "/run/.containerenv"];
            this_process && marks.iter().any(|mark| Path::new(mark).exists())
        }
    }
}

/// Opens a file, or standard input for `-`.
pub(crate) fn open(path: &Path) -> Result<BufReader<Box<dyn Read>>, CliError> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| read_error(path, error))?)
    };
    Ok(BufReader::with_capacity(1 << 16, source))
}

/// Reads a file, or standard input for `-`, up to a limit.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let mut limited = open(path)?.take(MAX_FILE + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(|error| read_error(path, error))?;
    if bytes.len() as u64 > MAX_FILE {
        let error = io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the file is larger than 64 MiB",
        );
        return Err(read_error(path, error));
    }
    Ok(bytes)
}

/// Names the file that could not be read.
pub(crate) fn read_error(path: &Path, source: io::Error) -> CliError {
    if path == Path::new("-") {
        CliError::Stdin(source)
    } else {
        CliError::Read {
            path: path.to_owned(),
            source,
        }
    }
}

/// Quotes a value for a shell and for env files, when it needs quotes.
pub(crate) fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:/[]@%+=".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}
