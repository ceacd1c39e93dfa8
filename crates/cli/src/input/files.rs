//! Opening and reading files.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use lsconfig::diagnostic::{Diagnostic, Label, codes};
use lsconfig::layer::Origin;
use lsconfig::source;

use crate::args::InputFormat;
use crate::error::CliError;

/// The largest file that is read, in bytes. Settings files are far below.
const MAX_FILE: u64 = 64 << 20;

/// Judges the format of a file by its name; what has no telling name is a dotenv file.
pub(crate) fn format_of(path: &Path) -> InputFormat {
    if path == Path::new("-") {
        return InputFormat::Pairs;
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml" | "json") => InputFormat::Compose,
        Some("toml") => InputFormat::Toml,
        _ => InputFormat::Dotenv,
    }
}

/// Returns whether a file is, by its name, of a kind in which settings stand among other things. Only
/// `check` and `migrate` read such files.
pub(crate) fn is_program(path: &Path) -> bool {
    const EXTENSIONS: &[&str] = &[
        "bash", "bat", "cs", "fish", "go", "gradle", "groovy", "hcl", "java", "js", "jsonc", "kt",
        "kts", "md", "mjs", "mk", "nix", "nomad", "ps1", "py", "rb", "rs", "sh", "tf", "ts", "zsh",
    ];
    const NAMES: &[&str] = &[
        "Containerfile",
        "Dockerfile",
        "Jenkinsfile",
        "Justfile",
        "Makefile",
    ];
    let part = |part: Option<&std::ffi::OsStr>, known: &[&str]| {
        part.and_then(|part| part.to_str())
            .is_some_and(|part| known.iter().any(|k| k.eq_ignore_ascii_case(part)))
    };
    part(path.extension(), EXTENSIONS) || part(path.file_name(), NAMES)
}

/// Returns the name that origins carry for a file: the path as it was given.
pub(crate) fn name_of(path: &Path) -> Arc<str> {
    if path == Path::new("-") {
        "stdin".into()
    } else {
        path.display().to_string().into()
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

/// Reads a file, or standard input for `-`, as text.
///
/// Bytes that are not UTF-8 are replaced, and the first of them is reported.
pub(crate) fn text(path: &Path) -> Result<(Arc<str>, Option<Diagnostic>), CliError> {
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
    Ok(match source::decode(&bytes) {
        Ok(text) => (text.into(), None),
        Err(error) => {
            let mut origin = Origin::of_source(name_of(path));
            (origin.line, origin.column) = (error.line, error.column);
            let diagnostic = Diagnostic::new(&codes::BAD_FILE, "the file is not UTF-8")
                .help("save it as UTF-8; the bytes at fault are read as U+FFFD")
                .label(Label::at(origin, "first byte at fault"));
            (String::from_utf8_lossy(&bytes).into(), Some(diagnostic))
        }
    })
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
