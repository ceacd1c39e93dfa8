//! `lsconfig gateway explain-request`: for which service a request is, and why.

use std::io::{self, Write as _};
use std::process::ExitCode;

use lsconfig_gateway::decide::{RequestView, Verdict, explain};
use lsconfig_gateway::virtual_host::{edge_route, s3_bucket};
use serde_json::json;

use super::args::ExplainRequestArgs;
use crate::args::TextOrJson;
use crate::error::CliError;
use crate::exit;

pub(super) fn run(args: &ExplainRequestArgs) -> Result<ExitCode, CliError> {
    let mut headers = Vec::new();
    for header in &args.header {
        let pair = header.split_once(':').ok_or_else(|| {
            CliError::usage(format!("`{header}` is no header"), "write `NAME: VALUE`")
        })?;
        headers.push((pair.0.trim(), pair.1.trim()));
    }
    let header = |name: &str| {
        let found = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    };
    let (path, query) = args.target.split_once('?').unwrap_or((&args.target, ""));
    let view = RequestView {
        method: &args.method,
        path,
        query,
        host: &args.host,
        authorization: header("authorization"),
        target: header("x-amz-target"),
        content_type: header("content-type"),
        user_agent: header("user-agent"),
        smithy_protocol: header("smithy-protocol"),
        body: args.data.as_bytes(),
    };
    let route = edge_route(&args.method, &args.host, path, header("x-apigw-api-id"));
    let (verdict, steps) = explain(&view);
    let service = route
        .and_then(|r| r.service())
        .or_else(|| verdict.service());
    let mut out = io::stdout().lock();
    if args.format == TextOrJson::Json {
        let steps: Vec<_> = steps
            .iter()
            .map(|s| json!({ "rule": s.rule.to_string(), "found": s.found }))
            .collect();
        let answer = json!({
            "service": service,
            "edge_route": route.map(|r| format!("{r:?}")),
            "bucket": s3_bucket(&args.host),
            "steps": steps,
        });
        writeln!(out, "{answer}")?;
    } else {
        match &verdict {
            _ if service.is_some() => writeln!(out, "service: {}", service.unwrap_or_default())?,
            Verdict::UnknownService(name) => writeln!(out, "service: `{name}` is not known")?,
            _ => writeln!(out, "service: no rule decides")?,
        }
        if let Some(route) = route {
            writeln!(out, "edge route: {route:?}")?;
        }
        if let Some(bucket) = s3_bucket(&args.host) {
            writeln!(out, "bucket: {bucket}")?;
        }
        for step in steps {
            writeln!(out, "  {}: {}", step.rule, step.found)?;
        }
    }
    Ok(ExitCode::from(exit::CLEAN))
}
