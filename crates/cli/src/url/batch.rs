//! `url --batch`: one request in, one URL out.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use lsconfig::endpoint::EndpointConfig;
use lsconfig::endpoint::kinds::{self, MintedValue};
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::batch::{self, Refusal};
use crate::error::CliError;

/// The release that the vectors were recorded from.
const RECORDED: TargetVersion = TargetVersion::exact(4, 12, 0);

/// One line in.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    config: BTreeMap<String, String>,
    kind: String,
    #[serde(default)]
    input: BTreeMap<String, Value>,
    as_of: Option<String>,
    #[serde(default)]
    in_docker: bool,
}

/// One line out.
#[derive(Serialize)]
struct Response<'a> {
    id: Option<&'a RawValue>,
    url: MintedValue,
}

/// Answers every line; a release in the line counts more than the one on the command line.
pub(super) fn run(path: &Path, as_of: Option<&str>) -> Result<ExitCode, CliError> {
    batch::run(path, |line, out| answer(line, as_of, out))
}

fn answer(line: &str, as_of: Option<&str>, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let request: Request<'_> = serde_json::from_str(line)?;
    let semantics = match request.as_of.as_deref().or(as_of) {
        None => RECORDED.into(),
        Some("normalized") => Semantics::Normalized,
        Some(text) => text.parse::<TargetVersion>().map_err(Refusal::new)?.into(),
    };
    let kind = kinds::lookup(&request.kind).ok_or_else(|| {
        Refusal::new(format!("there is no kind of URL called `{}`", request.kind))
    })?;
    let layer = Layer::from_pairs(SourceKind::Environment, "config", request.config);
    let facts = Facts {
        in_container: request.in_docker,
        through_entrypoint: false,
    };
    let resolution = resolve(&Layers::from_iter([layer]), &facts, semantics);
    if let Some(failure) = &resolution.failure {
        return Err(Refusal::new(failure));
    }
    let config = EndpointConfig::from(&resolution);
    // Numbers and booleans count as their text.
    let texts: Vec<(&str, String)> = request
        .input
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value {
            Value::String(text) => (name.as_str(), text.clone()),
            other => (name.as_str(), other.to_string()),
        })
        .collect();
    let read = |name: &str| {
        texts
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, text)| text.as_str())
    };
    let url = kinds::mint(kind, &config, &read).map_err(Refusal::new)?;
    serde_json::to_writer(
        out,
        &Response {
            id: request.id,
            url,
        },
    )?;
    Ok(())
}
