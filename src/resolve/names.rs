//! Diagnostics about names: misspelt, prefixed without effect, ignored without announcement.

use super::index::Index;
use crate::diagnostic::{Diagnostic, Label, codes};
use crate::entrypoint;
use crate::facts::Facts;
use crate::layer::Occurrence;
use crate::release::{Line, Semantics, TargetVersion};
use crate::settings::Resolution;
use crate::variable;

/// The number of unknown names that are compared with known ones, in the order of the source.
const MAX_UNKNOWN: usize = 4096;

/// Names that are misspelt, or prefixed without effect.
pub(super) fn names(
    resolution: &Resolution,
    index: &Index,
    facts: &Facts,
    remarks: &mut Vec<Diagnostic>,
) {
    let normalized = resolution.semantics == Semantics::Normalized;
    let line = match resolution.semantics {
        Semantics::Normalized => Line::V4,
        Semantics::LocalStack(version) => version.line(),
    };
    for occurrence in index.unknown.iter().rev().take(MAX_UNKNOWN) {
        let name = &*occurrence.name;
        if facts.through_entrypoint && entrypoint::is_fatal(name, line) {
            remarks.push(
                Diagnostic::new(
                    &codes::ENTRYPOINT_DIES,
                    format!(
                        "the image does not start with a variable `{}`",
                        name.escape_debug()
                    ),
                )
                .about(name.to_owned())
                .help("rename it; the part after `LOCALSTACK_` must be a name that a shell can set")
                .label(Label::of_name(occurrence, "")),
            );
            continue;
        }
        let bare = name.strip_prefix("LOCALSTACK_");
        if let Some(bare) = bare
            && variable::lookup(bare).is_some()
        {
            if entrypoint::copied_name(name, Line::V4).is_none() {
                remarks.push(
                    Diagnostic::new(
                        &codes::INERT_PREFIXED_NAME,
                        format!("`{name}` does nothing; names that begin with `LOCALSTACK_HOST` are never copied"),
                    )
                    .about(name.to_owned())
                    .help(format!("set `{bare}`, or its successor"))
                    .label(Label::of_name(occurrence, "")),
                );
            } else if normalized && !facts.in_container && !facts.through_entrypoint {
                remarks.push(
                    Diagnostic::new(
                        &codes::PREFIXED_NAME_OUTSIDE_IMAGE,
                        format!("`{name}` sets `{bare}` inside the image only, not for the CLI"),
                    )
                    .about(bare.to_owned())
                    .help(format!(
                        "set `{bare}` as well when you use `localstack start`"
                    ))
                    .label(Label::of_name(occurrence, "")),
                );
            } else if !normalized && !facts.through_entrypoint {
                remarks.push(
                    Diagnostic::new(
                        &codes::PREFIXED_NAME_OUTSIDE_IMAGE,
                        format!(
                            "`{name}` sets `{bare}` when the image starts; it is not applied here"
                        ),
                    )
                    .about(bare.to_owned())
                    .help(format!("set `{bare}` to see what a container makes of it"))
                    .label(Label::of_name(occurrence, "")),
                );
            }
        } else if let Some(message) = unannounced(occurrence, resolution.semantics) {
            remarks.push(
                Diagnostic::new(&codes::IGNORED_VARIABLE, message)
                    .about(name.to_owned())
                    .help("remove it; LocalStack does not announce that it is ignored")
                    .label(Label::of_name(occurrence, "")),
            );
        } else if let Some(meant) = variable::did_you_mean(name) {
            remarks.push(
                Diagnostic::new(
                    &codes::MISSPELT_NAME,
                    format!(
                        "`{name}` is not a variable of LocalStack; did you mean `{}`?",
                        meant.name
                    ),
                )
                .about(name.to_owned())
                .help(if name.eq_ignore_ascii_case(meant.name) {
                    format!("names are case-sensitive: write `{}`", meant.name)
                } else {
                    format!("write `{}`", meant.name)
                })
                .suggest(meant.name, &*occurrence.raw)
                .label(Label::of_name(occurrence, "")),
            );
        }
    }
}

/// Services that had ports and backends of their own up to 2.0 (`S3_PORT`, `KINESIS_BACKEND`).
const SERVICES: [&str; 24] = [
    "ACM",
    "APIGATEWAY",
    "CLOUDFORMATION",
    "CLOUDWATCH",
    "DYNAMODB",
    "DYNAMODBSTREAMS",
    "EC2",
    "ES",
    "EVENTS",
    "FIREHOSE",
    "IAM",
    "KINESIS",
    "KMS",
    "LAMBDA",
    "LOGS",
    "REDSHIFT",
    "ROUTE53",
    "S3",
    "SECRETSMANAGER",
    "SES",
    "SNS",
    "SQS",
    "SSM",
    "STEPFUNCTIONS",
];
/// The first release that reads no port or backend of a single service.
const ONE_PORT_FOR_ALL: TargetVersion = TargetVersion::exact(2, 1, 0);

/// Says what is wrong with names that LocalStack ignores without announcing it.
fn unannounced(occurrence: &Occurrence, semantics: Semantics) -> Option<String> {
    if let Semantics::LocalStack(version) = semantics
        && version < ONE_PORT_FOR_ALL
    {
        return None;
    }
    let name = &*occurrence.name;
    let suffix = ["_PORT_EXTERNAL", "_PORT", "_BACKEND"];
    let of_service = suffix.iter().any(|suffix| {
        name.strip_suffix(suffix)
            .is_some_and(|service| SERVICES.contains(&service))
    });
    let ports = name == "SERVICES" && occurrence.raw.split(',').any(|item| item.contains(':'));
    if of_service {
        Some(format!(
            "`{name}` has no effect since {ONE_PORT_FOR_ALL}; all services share one port"
        ))
    } else if ports {
        Some(format!(
            "ports in `{name}` have no effect since {ONE_PORT_FOR_ALL}"
        ))
    } else {
        None
    }
}
