//! OpenSearch and Elasticsearch: endpoints of domains, which have no scheme.

use serde::Serialize;

use super::kinds::{Input, Inputs, Kind, MintedValue};
use super::minted::{Fallback, Minted, Part, mint};
use super::{Endpoints, Port};
use crate::aws::{NameOf, Region, SearchDomain};

/// `OPENSEARCH_ENDPOINT_STRATEGY`: which form endpoints have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenSearchStrategy {
    /// `DOMAIN.REGION.opensearch.HOST`: the default.
    #[default]
    Domain,
    /// `HOST/opensearch/REGION/DOMAIN`.
    Path,
    /// `HOST:PORT` with a port of the domain's own.
    Port,
}

impl OpenSearchStrategy {
    /// Reads the variable as LocalStack does: exactly; `off` is `port`, and endpoints for any other
    /// word are minted like `domain`.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text {
            "path" => Self::Path,
            "port" | "off" => Self::Port,
            _ => Self::Domain,
        }
    }
}

/// The two services, which differ in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// `opensearch`.
    OpenSearch,
    /// `es`.
    Es,
}

impl Engine {
    /// Returns the word in host names and paths.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenSearch => "opensearch",
            Self::Es => "es",
        }
    }
}

/// Mints the endpoints of one engine (`opensearch/cluster_manager.py`).
#[derive(Debug, Clone, Copy)]
pub struct OpenSearch<'a> {
    endpoints: Endpoints<'a>,
    engine: Engine,
    strategy: OpenSearchStrategy,
    port: Port<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the endpoints of OpenSearch or Elasticsearch.
    #[must_use]
    pub fn opensearch(self, engine: Engine) -> OpenSearch<'a> {
        OpenSearch {
            engine,
            strategy: self.opensearch,
            port: self.service_port,
            endpoints: self,
        }
    }
}

impl<'a> OpenSearch<'a> {
    /// Uses another strategy than the configured one.
    #[must_use]
    pub fn strategy(mut self, strategy: OpenSearchStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the port of the domain for [`OpenSearchStrategy::Port`]; by default the first one of
    /// the range for service instances.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Port::Number(port);
        self
    }

    /// Returns `Endpoint` of a domain. A custom endpoint stands there as the user wrote it, and is
    /// not minted.
    #[must_use]
    pub fn endpoint(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        domain: &'a (impl NameOf<SearchDomain> + ?Sized),
    ) -> Minted<'a> {
        let Endpoints { rules, legacy, .. } = self.endpoints;
        let (region, domain) = (region.as_text(), domain.as_text());
        let engine = self.engine.as_str();
        let own = self.endpoints.host();
        // Up to 2.3: LOCALSTACK_HOSTNAME, in names the constant; always EDGE_PORT.
        let (host, port) = match rules.legacy {
            Some(_) => (Part::Text(legacy.hostname), legacy.edge_port),
            None => (own, self.endpoints.port),
        };
        let path = mint![host, ":", port, "/", engine, "/", region, "/", domain];
        match self.strategy {
            OpenSearchStrategy::Domain if self.endpoints.takes_labels() => {
                mint![domain, ".", region, ".", engine, ".", own, ":", port]
            }
            OpenSearchStrategy::Domain => path.with_fallback(Some(Fallback::PathForm)),
            OpenSearchStrategy::Path => path,
            OpenSearchStrategy::Port => mint![host, ":", self.port],
        }
    }
}

const INPUTS: &[Input] = &[
    Input::REGION,
    Input::name("domain", "name of the domain", |text| {
        SearchDomain::new(text).map(drop)
    }),
    Input::strategy(&["domain", "path", "port", "off"]),
    Input::port("port of the domain, for `port`"),
    Input::optional(
        "custom_endpoint",
        "custom endpoint of the domain, returned as it is",
    ),
];

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "opensearch.endpoint",
        cli: "opensearch-endpoint",
        help: "`Endpoint` of an OpenSearch domain",
        inputs: INPUTS,
        mint: |endpoints, inputs| mint_endpoint(endpoints.opensearch(Engine::OpenSearch), inputs),
    },
    Kind {
        name: "es.endpoint",
        cli: "es-endpoint",
        help: "`Endpoint` of an Elasticsearch domain",
        inputs: INPUTS,
        mint: |endpoints, inputs| mint_endpoint(endpoints.opensearch(Engine::Es), inputs),
    },
];

fn mint_endpoint<'a>(mut service: OpenSearch<'a>, inputs: &Inputs<'a>) -> MintedValue {
    if let Some(custom) = inputs.get("custom_endpoint") {
        return custom.into();
    }
    if let Some(strategy) = inputs.get("strategy") {
        service = service.strategy(OpenSearchStrategy::from_text(strategy));
    }
    if let Some(port) = inputs.port() {
        service = service.port(port);
    }
    service
        .endpoint(inputs.text("region"), inputs.text("domain"))
        .into()
}
