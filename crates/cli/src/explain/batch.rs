//! `explain --batch`: one environment in, one document out.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use lsconfig::explain::Document;
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{ParseVersionError, Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{label, remark_release};
use crate::args::ExplainArgs;
use crate::batch::{self, Refusal};
use crate::error::CliError;

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

/// Answers every line; a release in the line counts more than the one on the command line.
pub(super) fn run(path: &Path, args: &ExplainArgs) -> Result<ExitCode, CliError> {
    batch::run(path, |line, out| answer(line, args.as_of.as_deref(), out))
}

fn answer(line: &str, as_of: Option<&str>, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let request: Request<'_> = serde_json::from_str(line)?;
    let (semantics, name) = match request.as_of.as_deref().or(as_of) {
        None | Some("normalized") => (Semantics::Normalized, "normalized".to_owned()),
        Some(text) => {
            let version: TargetVersion = text
                .parse()
                .map_err(|error: ParseVersionError| Refusal::new(error))?;
            (version.into(), label(text))
        }
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
    let id = request.id.map_or("null", RawValue::get);
    write!(out, "{{\"id\":{id}").expect("memory takes any answer");
    let brace = out.len();
    document.write_json(out);
    out[brace] = b',';
    Ok(())
}
