//! SQS: queue URLs by every strategy.

use serde::Serialize;

use super::kinds::{Input, Kind};
use super::minted::{Fallback, Minted, Part, mint};
use super::parse::sqs::guess_strategy;
use super::{Endpoints, Rules};
use crate::addr::Host;
use crate::aws::{AccountId, NameOf, QueueName, Region};
use crate::release::{Line, Semantics};
use crate::resolve::CLOUD;

/// The region whose queues have no region in `domain` URLs.
const DEFAULT_REGION: &str = "us-east-1";

/// `SQS_ENDPOINT_STRATEGY`: which form queue URLs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SqsStrategy {
    /// `sqs.REGION.HOST/ACCOUNT/QUEUE`: the default since 3.0.
    Standard,
    /// `[REGION.]queue.HOST/ACCOUNT/QUEUE`; no region for us-east-1.
    Domain,
    /// `HOST/queue/REGION/ACCOUNT/QUEUE`.
    Path,
    /// One of the first three, guessed from the request's `Host` header; since 3.2.
    Dynamic,
    /// `HOST/ACCOUNT/QUEUE`: the default up to 2.3.
    Off,
}

impl SqsStrategy {
    /// Reads the variable as LocalStack does: exactly, and any other word acts like `off`.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text {
            "standard" => Self::Standard,
            "domain" => Self::Domain,
            "path" => Self::Path,
            "dynamic" => Self::Dynamic,
            _ => Self::Off,
        }
    }

    /// Returns the default: `off` up to 2.3, then `standard`.
    #[must_use]
    pub fn default_of(semantics: Semantics) -> Self {
        match Rules::of(semantics).legacy {
            Some(_) => Self::Off,
            None => Self::Standard,
        }
    }
}

/// Mints the URLs of SQS.
///
/// Without a request, URLs are those of a request to the gateway's own URL.
#[derive(Debug, Clone, Copy)]
pub struct Sqs<'a> {
    endpoints: Endpoints<'a>,
    strategy: SqsStrategy,
    request_scheme: &'a str,
    request_host: Option<&'a str>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of SQS.
    #[must_use]
    pub fn sqs(self) -> Sqs<'a> {
        Sqs {
            strategy: self.sqs,
            request_scheme: self.scheme,
            request_host: None,
            endpoints: self,
        }
    }
}

impl<'a> Sqs<'a> {
    /// Answers a request over `http` or `https`.
    #[must_use]
    pub fn request_scheme(mut self, scheme: &'a str) -> Self {
        self.request_scheme = scheme;
        self
    }

    /// Answers a request with this `Host` header, port included.
    #[must_use]
    pub fn request_host(mut self, host: &'a str) -> Self {
        self.request_host = Some(host);
        self
    }

    /// Uses another strategy than the configured one.
    #[must_use]
    pub fn strategy(mut self, strategy: SqsStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Returns the URL of a queue.
    #[must_use]
    pub fn queue_url(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        account: &'a (impl NameOf<AccountId> + ?Sized),
        queue: &'a (impl NameOf<QueueName> + ?Sized),
    ) -> Minted<'a> {
        let queue = Queue {
            region: region.as_text(),
            account: account.as_text(),
            name: queue.as_text(),
        };
        if self.endpoints.rules.legacy.is_some() {
            self.legacy_url(queue)
        } else {
            self.url(queue)
        }
    }

    /// 3.0 and later (`services/sqs/models.py`, `services/sqs/utils.py`).
    fn url(self, queue: Queue<'a>) -> Minted<'a> {
        let endpoints = &self.endpoints;
        let own = Base {
            host: endpoints.host(),
            colon: ":",
            port: endpoints.port.into(),
            takes_labels: endpoints.takes_labels(),
        };
        let configured = endpoints.scheme;
        let requested = self.request_scheme;
        match self.strategy {
            SqsStrategy::Standard => own.standard(requested, queue),
            SqsStrategy::Domain => own.domain(configured, queue),
            SqsStrategy::Path => own.path(configured, queue),
            SqsStrategy::Dynamic if endpoints.rules.sqs_dynamic => {
                let Some(host) = self.requested_host() else {
                    return own.path(requested, queue);
                };
                let (strategy, host) = self.guess(host);
                let base = Base {
                    host: Part::Text(host),
                    colon: "",
                    port: Part::Text(""),
                    takes_labels: endpoints.rules.labels_before_ip || !is_ip_authority(host),
                };
                match strategy {
                    SqsStrategy::Standard => base.standard(requested, queue),
                    SqsStrategy::Domain => base.domain(requested, queue),
                    _ => base.path(requested, queue),
                }
            }
            SqsStrategy::Dynamic | SqsStrategy::Off => own.off(configured, queue),
        }
    }

    /// Guesses the strategy. `sqs.SUFFIX` without a region loses the first label of its suffix in
    /// every release; normalized text keeps a suffix that is known.
    fn guess(self, host: &'a str) -> (SqsStrategy, &'a str) {
        if self.endpoints.rules.sqs_keeps_suffix
            && let Some(suffix) = host.strip_prefix("sqs.")
        {
            let name = suffix.split_once(':').map_or(suffix, |(name, _)| name);
            let own = self.endpoints.host.text;
            if [own, CLOUD, "localhost", "amazonaws.com"].contains(&name) || is_ip_authority(suffix)
            {
                return (SqsStrategy::Standard, suffix);
            }
        }
        guess_strategy(host)
    }

    /// The host of the request without the default port of its scheme, as Werkzeug gives it
    /// (`werkzeug/sansio/utils.py`, `get_host`).
    fn requested_host(self) -> Option<&'a str> {
        let default_port = match self.request_scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let host = self.request_host?;
        Some(host.strip_suffix(default_port).unwrap_or(host))
    }

    /// 1.x and 2.x: the request is mirrored unless `SQS_PORT_EXTERNAL` or `domain` is set.
    fn legacy_url(self, queue: Queue<'a>) -> Minted<'a> {
        let legacy = &self.endpoints.legacy;
        let configured = self.endpoints.scheme;
        let scheme = self.request_scheme;
        let mirrored = match self.requested_host() {
            Some(host) => Base::new(Part::Text(host), "", Part::Text("")),
            None => Base::new(Part::Text("localhost"), ":", legacy.url_port.into()),
        };
        let is_v1 = self
            .endpoints
            .rules
            .legacy
            .is_some_and(|version| version.line() == Line::V1);
        match self.strategy {
            SqsStrategy::Domain => {
                Base::new(Part::Text(CLOUD), ":", legacy.edge_port.into()).domain(scheme, queue)
            }
            // 1.4.0 prints two slashes.
            SqsStrategy::Path if is_v1 => mirrored.path_below(scheme, "//queue/", queue),
            SqsStrategy::Path => mirrored.path(scheme, queue),
            _ => match legacy.sqs_port {
                Some(port) => {
                    Base::new(Part::Text(legacy.external), ":", port.into()).off(configured, queue)
                }
                None => mirrored.off(scheme, queue),
            },
        }
    }
}

/// The parts of a queue URL that every strategy has.
#[derive(Clone, Copy)]
struct Queue<'a> {
    region: &'a str,
    account: &'a str,
    name: &'a str,
}

/// The authority that a queue URL is built on.
#[derive(Clone, Copy)]
struct Base<'a> {
    host: Part<'a>,
    colon: &'static str,
    port: Part<'a>,
    takes_labels: bool,
}

impl<'a> Base<'a> {
    fn new(host: Part<'a>, colon: &'static str, port: Part<'a>) -> Self {
        Self {
            host,
            colon,
            port,
            takes_labels: true,
        }
    }

    fn standard(self, scheme: &'a str, queue: Queue<'a>) -> Minted<'a> {
        if !self.takes_labels {
            return self
                .path(scheme, queue)
                .with_fallback(Some(Fallback::PathForm));
        }
        let (
            Queue {
                region,
                account,
                name,
            },
            Self {
                host, colon, port, ..
            },
        ) = (queue, self);
        mint![
            scheme, "://sqs.", region, ".", host, colon, port, "/", account, "/", name
        ]
    }

    fn domain(self, scheme: &'a str, queue: Queue<'a>) -> Minted<'a> {
        if !self.takes_labels {
            return self
                .path(scheme, queue)
                .with_fallback(Some(Fallback::PathForm));
        }
        let (
            Queue {
                region,
                account,
                name,
            },
            Self {
                host, colon, port, ..
            },
        ) = (queue, self);
        let (region, label) = match region {
            DEFAULT_REGION => ("", "queue."),
            region => (region, ".queue."),
        };
        mint![
            scheme, "://", region, label, host, colon, port, "/", account, "/", name
        ]
    }

    fn path(self, scheme: &'a str, queue: Queue<'a>) -> Minted<'a> {
        self.path_below(scheme, "/queue/", queue)
    }

    fn path_below(self, scheme: &'a str, prefix: &'a str, queue: Queue<'a>) -> Minted<'a> {
        let (
            Queue {
                region,
                account,
                name,
            },
            Self {
                host, colon, port, ..
            },
        ) = (queue, self);
        mint![
            scheme, "://", host, colon, port, prefix, region, "/", account, "/", name
        ]
    }

    fn off(self, scheme: &'a str, queue: Queue<'a>) -> Minted<'a> {
        let (
            Queue { account, name, .. },
            Self {
                host, colon, port, ..
            },
        ) = (queue, self);
        mint![scheme, "://", host, colon, port, "/", account, "/", name]
    }
}

/// Returns whether a `Host` header holds an IP literal.
fn is_ip_authority(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    host.is_some_and(|host| Host::new(host).ip().is_some())
}

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "sqs.queue_url",
    cli: "sqs-queue",
    help: "URL of a queue",
    inputs: &[
        Input::REGION,
        Input::ACCOUNT,
        Input::name("queue", "name of the queue", |text| {
            QueueName::new(text).map(drop)
        }),
        Input::strategy(&["standard", "domain", "path", "dynamic", "off"]),
        Input::optional(
            "request_host",
            "`Host` header of the request, for `dynamic`",
        ),
        Input::optional(
            "request_scheme",
            "scheme of the request, for `standard` and `dynamic`",
        ),
    ],
    mint: |endpoints, inputs| {
        let mut sqs = endpoints.sqs();
        if let Some(strategy) = inputs.get("strategy") {
            sqs = sqs.strategy(SqsStrategy::from_text(strategy));
        }
        if let Some(host) = inputs.get("request_host") {
            sqs = sqs.request_host(host);
        }
        if let Some(scheme) = inputs.get("request_scheme") {
            sqs = sqs.request_scheme(scheme);
        }
        sqs.queue_url(
            inputs.text("region"),
            inputs.text("account"),
            inputs.text("queue"),
        )
        .into()
    },
}];
