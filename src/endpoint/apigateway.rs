//! API Gateway: REST, HTTP and WebSocket APIs, and custom domain names.

use super::keccak::shake128_prefix;
use super::kinds::{Input, Kind, MintedValue};
use super::minted::{Fallback, Minted, Part, mint};
use super::{Endpoints, Port};
use crate::aws::{ApiId, NameOf, Region};

/// Mints the URLs of API Gateway (`apigateway/helpers.py`).
#[derive(Debug, Clone, Copy)]
pub struct ApiGateway<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of API Gateway.
    #[must_use]
    pub fn apigateway(self) -> ApiGateway<'a> {
        ApiGateway { endpoints: self }
    }
}

impl<'a> ApiGateway<'a> {
    /// Returns the URL of a REST API in its host form. `stage` may be empty; `path` is empty or
    /// begins with `/`.
    #[must_use]
    pub fn url(
        self,
        id: &'a (impl NameOf<ApiId> + ?Sized),
        stage: &'a str,
        path: &'a str,
    ) -> Minted<'a> {
        if !self.endpoints.takes_labels() {
            let url = self.path_url(id, stage, path);
            return url.with_fallback(Some(Fallback::PathForm));
        }
        // Up to 2.3 `http` is fixed.
        let scheme = match self.endpoints.rules.legacy {
            Some(_) => "http",
            None => self.endpoints.scheme,
        };
        self.host_form(scheme, id.as_text(), stage, path)
    }

    /// Returns the URL of a REST API in its path form: `/_aws/execute-api` since 3.8.0, before that
    /// [`legacy_path_url`](Self::legacy_path_url).
    #[must_use]
    pub fn path_url(
        self,
        id: &'a (impl NameOf<ApiId> + ?Sized),
        stage: &'a str,
        path: &'a str,
    ) -> Minted<'a> {
        if self.endpoints.rules.execute_api_path {
            self.path_form(self.endpoints.scheme, id.as_text(), stage, path)
        } else {
            self.legacy_path_url(id, stage, path)
        }
    }

    /// Returns the URL of a REST API in the older path form, which every release serves.
    #[must_use]
    pub fn legacy_path_url(
        self,
        id: &'a (impl NameOf<ApiId> + ?Sized),
        stage: &'a str,
        path: &'a str,
    ) -> Minted<'a> {
        let (host, port) = match self.endpoints.rules.legacy {
            Some(_) => (Part::Text("localhost"), self.endpoints.legacy.url_port),
            None => (self.endpoints.plain_host(), self.endpoints.port),
        };
        let (scheme, id) = (self.endpoints.scheme, id.as_text());
        let (restapis, user_request) = ("/restapis/", "/_user_request_");
        mint![
            scheme,
            "://",
            host,
            ":",
            port,
            restapis,
            id,
            "/",
            stage,
            user_request,
            path
        ]
    }

    /// Returns `ApiEndpoint` of an HTTP API (LocalStack Pro, from its documentation).
    #[must_use]
    pub fn http_api_url(self, id: &'a (impl NameOf<ApiId> + ?Sized)) -> Minted<'a> {
        self.url(id, "", "")
    }

    /// Returns the URL of a WebSocket API (LocalStack Pro, from its documentation).
    #[must_use]
    pub fn websocket_url(
        self,
        id: &'a (impl NameOf<ApiId> + ?Sized),
        stage: &'a str,
    ) -> Minted<'a> {
        let scheme = match self.endpoints.scheme {
            "https" => "wss",
            _ => "ws",
        };
        if self.endpoints.takes_labels() {
            self.host_form(scheme, id.as_text(), stage, "")
        } else {
            let url = self.path_form(scheme, id.as_text(), stage, "");
            url.with_fallback(Some(Fallback::PathForm))
        }
    }

    /// Returns the URL of a WebSocket API on a port of its own, by default the first of the range
    /// for service instances (LocalStack Pro, from its documentation).
    #[must_use]
    pub fn websocket_port_url(self, port: Option<u16>) -> Minted<'a> {
        let port = port.map_or(self.endpoints.service_port, Port::Number);
        mint!["ws://", self.endpoints.host(), ":", port]
    }

    /// Returns `regionalDomainName` of a custom domain, without a port. Its first label is a hash
    /// of the domain, from 4.13.0 on of domain and region.
    #[must_use]
    pub fn regional_domain_name(
        self,
        domain: &str,
        region: &(impl NameOf<Region> + ?Sized),
    ) -> Minted<'a> {
        let region = match self.endpoints.rules.regional_domain_hash {
            true => region.as_text(),
            false => "",
        };
        let hash = shake128_prefix(&[domain, region]);
        let (parent, fallback) = self.endpoints.parent(self.endpoints.plain_host());
        mint!["d-", Part::Hex(hash), ".execute-api.", parent].with_fallback(fallback)
    }

    fn host_form(self, scheme: &'a str, id: &'a str, stage: &'a str, path: &'a str) -> Minted<'a> {
        let (host, port) = (self.endpoints.plain_host(), self.endpoints.port);
        let slash = if stage.is_empty() { "" } else { "/" };
        mint![
            scheme,
            "://",
            id,
            ".execute-api.",
            host,
            ":",
            port,
            slash,
            stage,
            path
        ]
    }

    fn path_form(self, scheme: &'a str, id: &'a str, stage: &'a str, path: &'a str) -> Minted<'a> {
        let (host, port) = (self.endpoints.plain_host(), self.endpoints.port);
        let slash = if stage.is_empty() { "" } else { "/" };
        mint![
            scheme,
            "://",
            host,
            ":",
            port,
            "/_aws/execute-api/",
            id,
            slash,
            stage,
            path
        ]
    }
}

const API: Input = Input::name("api_id", "id of the API", |text| ApiId::new(text).map(drop));
const STAGE: Input = Input::defaulted("stage", "", "name of the stage");
const PATH: Input = Input::defaulted("path", "", "path below the stage, beginning with `/`");

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "apigateway.url",
        cli: "apigateway",
        help: "URL of a REST API",
        inputs: &[API, STAGE, PATH],
        mint: |endpoints, inputs| {
            let (id, stage, path) = (
                inputs.text("api_id"),
                inputs.text("stage"),
                inputs.text("path"),
            );
            endpoints.apigateway().url(id, stage, path).into()
        },
    },
    Kind {
        name: "apigateway.path_url",
        cli: "apigateway-path",
        help: "URL of a REST API in its path form",
        inputs: &[API, STAGE, PATH],
        mint: |endpoints, inputs| {
            let (id, stage, path) = (
                inputs.text("api_id"),
                inputs.text("stage"),
                inputs.text("path"),
            );
            endpoints.apigateway().path_url(id, stage, path).into()
        },
    },
    Kind {
        name: "apigateway.legacy_path_url",
        cli: "apigateway-legacy-path",
        help: "URL of a REST API in its older path form",
        inputs: &[API, STAGE, PATH],
        mint: |endpoints, inputs| {
            let (id, stage, path) = (
                inputs.text("api_id"),
                inputs.text("stage"),
                inputs.text("path"),
            );
            endpoints
                .apigateway()
                .legacy_path_url(id, stage, path)
                .into()
        },
    },
    Kind {
        name: "apigatewayv2.api_endpoint",
        cli: "apigatewayv2",
        help: "`ApiEndpoint` of an HTTP API",
        inputs: &[API],
        mint: |endpoints, inputs| {
            endpoints
                .apigateway()
                .http_api_url(inputs.text("api_id"))
                .into()
        },
    },
    Kind {
        name: "apigatewayv2.websocket_url",
        cli: "apigatewayv2-websocket",
        help: "URL of a WebSocket API",
        inputs: &[API, STAGE],
        mint: |endpoints, inputs| {
            let (id, stage) = (inputs.text("api_id"), inputs.text("stage"));
            endpoints.apigateway().websocket_url(id, stage).into()
        },
    },
    Kind {
        name: "apigateway.domain_name",
        cli: "apigateway-domain",
        help: "names of a custom domain",
        inputs: &[Input::REGION, Input::text("domain", "the custom domain")],
        mint: |endpoints, inputs| {
            let (domain, region) = (inputs.text("domain"), inputs.text("region"));
            let regional = endpoints.apigateway().regional_domain_name(domain, region);
            MintedValue::Object(vec![
                ("regionalDomainName", regional.into()),
                ("distributionDomainName", MintedValue::Null),
                ("regionalHostedZoneId", MintedValue::Null),
            ])
        },
    },
];
