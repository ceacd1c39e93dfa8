//! Which AWS service a request is for.
//!
//! [`decide`] follows LocalStack 4.12 rule by rule, the first rule that decides wins, and can say
//! which one it was. `tests/data/oracle/routing.jsonl` is the measure. It reads no body beyond the
//! bytes it is given; [`needs_body`] says when these matter.

mod clues;

use std::borrow::Cow;
use std::fmt;

use crate::service::{Service, Services};
use crate::virtual_host::split_at;

pub(crate) use clues::{decoded, has_parameter, starts_with_ignore_case};
use clues::{parameter, rpc_v2_target, s3_shape, shared_signing_name};
pub use clues::{signing_name, signing_region};

/// What a decision looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestView<'a> {
    /// `GET`, `POST`, ...
    pub method: &'a str,
    /// The path as sent, still percent-encoded.
    pub path: &'a str,
    /// The query without `?`; empty when there is none.
    pub query: &'a str,
    /// The `Host` header, with its port.
    pub host: &'a str,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `X-Amz-Target` header.
    pub target: Option<&'a str>,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The `Smithy-Protocol` header.
    pub smithy_protocol: Option<&'a str>,
    /// The first bytes of the body, as far as read.
    pub body: &'a [u8],
}

/// The answer of [`decide`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request is for this service.
    Service {
        /// botocore's name of the service.
        name: &'static str,
        /// The protocol, where the rules tell it.
        protocol: Option<&'static str>,
        /// Whether the rules leave several services open; LocalStack picks one at random then.
        ambiguous: bool,
    },
    /// The credential scope names no service. LocalStack answers 500.
    UnknownService(String),
    /// No rule decides. LocalStack answers 404.
    Undecided,
}

impl Verdict {
    /// Returns the name of the service.
    #[must_use]
    pub fn service(&self) -> Option<&'static str> {
        match self {
            Self::Service { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// One remark of a decision: a rule and what it made of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The rule, numbered as in `docs/gateway.md`.
    pub rule: Rule,
    /// What it found.
    pub found: String,
}

/// The rules in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The service in the credential scope of `Authorization`.
    Credential,
    /// The path, for signing names that services share.
    SharedSigningName,
    /// `X-Amz-Target`, or the path of Smithy RPC v2.
    Target,
    /// Paths that only one service has.
    Path,
    /// The first labels of the host.
    Host,
    /// `Action` and `Version` in query or form.
    Action,
    /// Services that are known to collide.
    Conflict,
    /// What looks like S3.
    S3,
    /// The signing name itself, or any candidate.
    Fallback,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "1 credential scope",
            Self::SharedSigningName => "1b shared signing name",
            Self::Target => "2 target",
            Self::Path => "3 path",
            Self::Host => "4 host",
            Self::Action => "5 action",
            Self::Conflict => "6 conflict",
            Self::S3 => "7 s3",
            Self::Fallback => "8 fallback",
        })
    }
}

/// Decides which service `request` is for.
#[must_use]
pub fn decide(request: &RequestView<'_>) -> Verdict {
    Decision::new(request, None).run()
}

/// Decides like [`decide`], and says how.
#[must_use]
pub fn explain(request: &RequestView<'_>) -> (Verdict, Vec<Step>) {
    let mut steps = Vec::new();
    let verdict = Decision::new(request, Some(&mut steps)).run();
    (verdict, steps)
}

/// Returns whether the first bytes of the body can change the decision.
///
/// That is so for forms that carry `Action` or the key of an S3 upload, and for the body of an S3
/// multi-delete, and only where no header decides before.
#[must_use]
pub fn needs_body(request: &RequestView<'_>) -> bool {
    let form = request.content_type.is_some_and(|t| {
        starts_with_ignore_case(t, "application/x-www-form-urlencoded")
            || starts_with_ignore_case(t, "multipart/form-data")
    });
    request.method == "POST"
        && request.target.is_none()
        && (form || has_parameter(request.query, "delete"))
        && !matches!(
            decide(&RequestView {
                body: &[],
                ..*request
            }),
            Verdict::Service {
                ambiguous: false,
                ..
            }
        )
}

struct Decision<'a, 't> {
    request: &'a RequestView<'a>,
    services: &'static Services,
    candidates: Vec<&'static Service>,
    steps: Option<&'t mut Vec<Step>>,
}

impl<'a, 't> Decision<'a, 't> {
    fn new(request: &'a RequestView<'a>, steps: Option<&'t mut Vec<Step>>) -> Self {
        Self {
            request,
            services: Services::all(),
            candidates: Vec::new(),
            steps,
        }
    }

    fn note(&mut self, rule: Rule, found: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.push(Step {
                rule,
                found: found(),
            });
        }
    }

    fn run(mut self) -> Verdict {
        let signing_name = self.request.authorization.and_then(signing_name);
        if let Some(name) = signing_name
            && let Some(verdict) = self.by_signing_name(name)
        {
            return verdict;
        }
        if let Some(verdict) = self
            .by_target()
            .or_else(|| self.by_path())
            .or_else(|| self.by_host())
            .or_else(|| self.by_action())
            .or_else(|| self.by_conflict())
            .or_else(|| self.by_s3_shape())
        {
            return verdict;
        }
        self.fall_back(signing_name)
    }

    fn by_signing_name(&mut self, name: &str) -> Option<Verdict> {
        self.candidates.extend(self.services.signing(name));
        if let [service] = self.candidates[..] {
            self.note(Rule::Credential, || {
                format!("`{name}` belongs to {} alone", service.name)
            });
            return Some(verdict_of(service));
        }
        if let Some(service) = shared_signing_name(name, self.request.path) {
            self.candidates.clear();
            self.note(Rule::SharedSigningName, || {
                format!("`{name}` with path {} is {service}", self.request.path)
            });
            return Some(match self.services.named(service) {
                Some(service) => verdict_of(service),
                None => Verdict::UnknownService(service.to_owned()),
            });
        }
        if self.steps.is_some() {
            let open = names(&self.candidates);
            self.note(Rule::Credential, || format!("`{name}` may be {open}"));
        }
        None
    }

    fn by_target(&mut self) -> Option<Verdict> {
        let rpc = rpc_v2_target(self.request);
        let target = self.request.target.and_then(|t| t.split_once('.'));
        // Prefixes may contain dots (`com.amazonaws...`), operations do not.
        let target = target.and_then(|_| self.request.target?.rsplit_once('.'));
        let Some((prefix, operation)) = target.or(rpc) else {
            self.candidates.retain(|s| !s.needs_target);
            return self.only_candidate(Rule::Target, "no target is given");
        };
        let owners: Vec<_> = self.services.targeted(prefix).collect();
        if let [service] = owners[..] {
            self.note(Rule::Target, || format!("{prefix} is {}", service.name));
            let verdict = verdict_of(service);
            return Some(match verdict {
                Verdict::Service {
                    name,
                    protocol: None,
                    ambiguous,
                } => Verdict::Service {
                    name,
                    protocol: Some(if rpc.is_some() {
                        "smithy-rpc-v2-cbor"
                    } else {
                        "json"
                    }),
                    ambiguous,
                },
                verdict => verdict,
            });
        }
        self.add(&owners);
        self.candidates.retain(|s| s.has_operation(operation));
        self.only_candidate(Rule::Target, "the operation is known")
    }

    fn by_path(&mut self) -> Option<Verdict> {
        let service = self
            .request
            .path
            .starts_with("/2015-03-31/functions")
            .then(|| self.services.named("lambda"))??;
        self.note(Rule::Path, || "a path of lambda".to_owned());
        Some(verdict_of(service))
    }

    fn by_host(&mut self) -> Option<Verdict> {
        let host = self.request.host;
        if split_at(host, ".s3.").is_none() {
            let owners: Vec<_> = self.services.at_host(host).collect();
            if let [service] = owners[..] {
                self.note(Rule::Host, || format!("{host} is {}", service.name));
                return Some(verdict_of(service));
            }
            if !owners.is_empty() {
                self.note(Rule::Host, || format!("{host} may be {}", names(&owners)));
            }
            self.add(&owners);
        }
        let data_plane = [(".lambda-url.", "lambda"), (".s3-website.", "s3")];
        for (part, service) in data_plane {
            if split_at(host, part).is_some() {
                self.note(Rule::Host, || format!("{host} contains {part}"));
                return self.services.named(service).map(verdict_of);
            }
        }
        None
    }

    fn by_action(&mut self) -> Option<Verdict> {
        let action = self.parameter("Action")?;
        let mut owners: Vec<_> = self
            .services
            .iter()
            .filter(|s| s.speaks_query() && s.has_operation(&action))
            .collect();
        if owners.len() > 1
            && let Some(version) = self.parameter("Version")
        {
            owners.retain(|s| s.version == version);
        }
        self.note(Rule::Action, || {
            format!("{action} belongs to {}", names(&owners))
        });
        if let [service] = owners[..] {
            return Some(verdict_of(service));
        }
        self.add(&owners);
        None
    }

    fn by_conflict(&mut self) -> Option<Verdict> {
        let mut open: Vec<_> = self.candidates.iter().map(|s| s.name).collect();
        open.sort_unstable();
        open.dedup();
        let (name, protocol) = match open[..] {
            ["timestream-query", "timestream-write"] => ("timestream-query", None),
            ["docdb", "neptune", "rds"] => ("rds", None),
            ["sqs"] => {
                let json = self
                    .request
                    .content_type
                    .is_some_and(|t| t.starts_with("application/x-amz-json"));
                ("sqs", Some(if json { "json" } else { "query" }))
            }
            _ => return None,
        };
        self.note(Rule::Conflict, || format!("of {open:?} take {name}"));
        let service = self.services.named(name)?;
        Some(Verdict::Service {
            name: service.name,
            protocol: protocol.or(service.protocol),
            ambiguous: false,
        })
    }

    fn by_s3_shape(&mut self) -> Option<Verdict> {
        let shape = s3_shape(self.request)?;
        self.note(Rule::S3, || shape.to_owned());
        self.services.named("s3").map(verdict_of)
    }

    fn fall_back(mut self, signing_name: Option<&str>) -> Verdict {
        if let Some(name) = signing_name {
            self.note(Rule::Fallback, || format!("the signing name `{name}`"));
            return match self.services.named(name) {
                Some(service) => verdict_of(service),
                None => Verdict::UnknownService(name.to_owned()),
            };
        }
        let Some(service) = self.candidates.first().copied() else {
            self.note(Rule::Fallback, || "no rule decides".to_owned());
            return Verdict::Undecided;
        };
        let open = names(&self.candidates);
        self.note(Rule::Fallback, || {
            format!("{open} are open; the first is taken")
        });
        Verdict::Service {
            name: service.name,
            protocol: service.protocol,
            ambiguous: true,
        }
    }

    fn only_candidate(&mut self, rule: Rule, why: &str) -> Option<Verdict> {
        let [service] = self.candidates[..] else {
            return None;
        };
        self.note(rule, || {
            format!("{why}, which leaves {} alone", service.name)
        });
        Some(verdict_of(service))
    }

    fn add(&mut self, services: &[&'static Service]) {
        for service in services {
            if !self.candidates.contains(service) {
                self.candidates.push(service);
            }
        }
    }

    fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        parameter(self.request.query, name).or_else(|| {
            let form = self
                .request
                .content_type
                .is_some_and(|t| starts_with_ignore_case(t, "application/x-www-form-urlencoded"));
            parameter(
                std::str::from_utf8(self.request.body)
                    .ok()
                    .filter(|_| form)?,
                name,
            )
        })
    }
}

fn names(services: &[&'static Service]) -> String {
    if services.is_empty() {
        return "no service".to_owned();
    }
    let names: Vec<_> = services.iter().map(|s| s.name).collect();
    names.join(", ")
}

fn verdict_of(service: &'static Service) -> Verdict {
    Verdict::Service {
        name: service.name,
        protocol: service.protocol,
        ambiguous: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_undecided_forms_need_their_body() {
        let form = RequestView {
            method: "POST",
            path: "/",
            host: "localhost:4566",
            content_type: Some("application/x-www-form-urlencoded"),
            ..RequestView::default()
        };
        assert!(needs_body(&form));
        let signed = "AWS4-HMAC-SHA256 Credential=k/d/r/sqs/aws4_request";
        assert!(!needs_body(&RequestView {
            authorization: Some(signed),
            ..form
        }));
        assert!(!needs_body(&RequestView {
            content_type: Some("text/plain"),
            ..form
        }));
        assert!(needs_body(&RequestView {
            query: "delete",
            content_type: None,
            ..form
        }));
    }

    #[test]
    fn a_trace_names_the_rule_that_decides() {
        let (verdict, steps) = explain(&RequestView {
            method: "POST",
            path: "/",
            host: "rds.localhost.localstack.cloud",
            ..RequestView::default()
        });
        assert_eq!(verdict.service(), Some("rds"));
        let rules: Vec<_> = steps.iter().map(|s| s.rule).collect();
        assert_eq!(rules, [Rule::Host, Rule::Conflict]);
    }
}
