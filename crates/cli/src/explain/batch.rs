//! `explain --batch`: one JSON object in for each line, one document out, in constant memory.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use lsconfig::explain::Document;
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{label, remark_release};
use crate::args::ExplainArgs;
use crate::error::CliError;
use crate::exit;
use crate::input;

/// One line in.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    env: BTreeMap<String, String>,
    #[serde(default)]
    in_docker: bool,
    as_of: Option<String>,
}

/// Answers every line. A line that cannot be read is answered with `error`; the others go on.
pub(super) fn run(path: &Path, args: &ExplainArgs) -> Result<ExitCode, CliError> {
    let mut lines = input::open(path)?;
    let stdout = io::stdout().lock();
    let mut out = io::BufWriter::with_capacity(1 << 16, stdout);
    let mut line = String::new();
    let mut failed = false;
    loop {
        line.clear();
        match lines.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) if line.trim().is_empty() => continue,
            Ok(_) => {
                failed |= !answer(&line, args, &mut out)?;
                out.write_all(b"\n")?;
            }
            Err(error) => return Err(input::read_error(path, error)),
        }
    }
    out.flush()?;
    Ok(ExitCode::from(if failed {
        exit::USAGE
    } else {
        exit::CLEAN
    }))
}

/// Writes the answer to one line; false when the line cannot be read.
fn answer(line: &str, args: &ExplainArgs, out: &mut impl io::Write) -> Result<bool, CliError> {
    let request: Request<'_> = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return refuse(line, &error.to_string(), out),
    };
    let as_of = request.as_of.as_deref().or(args.as_of.as_deref());
    let (semantics, name) = match as_of {
        None => (Semantics::Normalized, "normalized".to_owned()),
        Some("normalized") => (Semantics::Normalized, "normalized".to_owned()),
        Some(text) => match text.parse::<TargetVersion>() {
            Ok(version) => (version.into(), label(text)),
            Err(error) => return refuse(line, &error.to_string(), out),
        },
    };
    let layer = Layer::from_pairs(SourceKind::Environment, "environment", request.env);
    let facts = Facts {
        in_container: request.in_docker,
        through_entrypoint: false,
    };
    let mut resolution = resolve(&Layers::from_iter([layer]), &facts, semantics);
    if let Semantics::LocalStack(version) = semantics {
        resolution.diagnostics.splice(..0, remark_release(version));
    }
    let mut document = Document::new(&resolution);
    document.semantics = name.into();
    // The id goes in front of the document's members; a flattened struct would cost a tenth.
    let body = serde_json::to_vec(&document)?;
    write!(
        out,
        "{{\"id\":{},",
        request.id.map_or("null", RawValue::get)
    )?;
    out.write_all(body.get(1..).unwrap_or_default())?;
    Ok(true)
}

/// The part of a broken line that may still be readable.
#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// Answers a line that cannot be read.
pub(crate) fn refuse(line: &str, why: &str, out: &mut impl io::Write) -> Result<bool, CliError> {
    #[derive(Serialize)]
    struct Refusal<'a> {
        id: Option<&'a RawValue>,
        error: &'a str,
    }
    let id = serde_json::from_str::<Identified<'_>>(line)
        .ok()
        .and_then(|line| line.id);
    serde_json::to_writer(out, &Refusal { id, error: why })?;
    Ok(false)
}
