//! AppSync (LocalStack Pro, from its documentation).

use serde::Serialize;

use super::kinds::{Input, Inputs, Kind};
use super::minted::{Fallback, Minted, mint};
use super::{Endpoints, Port};

/// `GRAPHQL_ENDPOINT_STRATEGY`: which form the URLs of GraphQL APIs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AppSyncStrategy {
    /// `HOST/graphql/ID`, with a port of its own for subscriptions: the default.
    #[default]
    Legacy,
    /// `ID.appsync-api.HOST/graphql`.
    Domain,
    /// `HOST/appsync-api/ID/graphql`.
    Path,
}

impl AppSyncStrategy {
    /// Reads the variable: `domain`, `path`, or anything else for `legacy`.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text {
            "domain" => Self::Domain,
            "path" => Self::Path,
            _ => Self::Legacy,
        }
    }
}

/// Mints the URLs of AppSync.
#[derive(Debug, Clone, Copy)]
pub struct AppSync<'a> {
    endpoints: Endpoints<'a>,
    strategy: AppSyncStrategy,
    port: Port<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of AppSync.
    #[must_use]
    pub fn appsync(self) -> AppSync<'a> {
        AppSync {
            strategy: self.appsync,
            port: self.service_port,
            endpoints: self,
        }
    }
}

impl<'a> AppSync<'a> {
    /// Uses another strategy than the configured one.
    #[must_use]
    pub fn strategy(mut self, strategy: AppSyncStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the port for subscriptions with [`AppSyncStrategy::Legacy`]; by default the first one
    /// of the range for service instances.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Port::Number(port);
        self
    }

    /// Returns the URL for queries, `uris.GRAPHQL`.
    #[must_use]
    pub fn graphql_url(self, id: &'a str) -> Minted<'a> {
        self.url(self.endpoints.scheme, self.endpoints.port, id)
    }

    /// Returns the URL for subscriptions, `uris.REALTIME`.
    #[must_use]
    pub fn realtime_url(self, id: &'a str) -> Minted<'a> {
        match (self.strategy, self.endpoints.scheme) {
            (AppSyncStrategy::Legacy, _) => self.url("ws", self.port, id),
            (_, "https") => self.url("wss", self.endpoints.port, id),
            _ => self.url("ws", self.endpoints.port, id),
        }
    }

    fn url(self, scheme: &'a str, port: Port<'a>, id: &'a str) -> Minted<'a> {
        let host = self.endpoints.host();
        let path = mint![
            scheme,
            "://",
            host,
            ":",
            port,
            "/appsync-api/",
            id,
            "/graphql"
        ];
        match self.strategy {
            AppSyncStrategy::Legacy => mint![scheme, "://", host, ":", port, "/graphql/", id],
            AppSyncStrategy::Domain if self.endpoints.takes_labels() => {
                mint![
                    scheme,
                    "://",
                    id,
                    ".appsync-api.",
                    host,
                    ":",
                    port,
                    "/graphql"
                ]
            }
            AppSyncStrategy::Domain => path.with_fallback(Some(Fallback::PathForm)),
            AppSyncStrategy::Path => path,
        }
    }
}

const INPUTS: &[Input] = &[
    Input::text("api_id", "id of the GraphQL API"),
    Input::strategy(&["legacy", "domain", "path"]),
    Input::port("port for subscriptions, for `legacy`"),
];

fn configured<'a>(endpoints: Endpoints<'a>, inputs: &Inputs<'a>) -> AppSync<'a> {
    let mut appsync = endpoints.appsync();
    if let Some(strategy) = inputs.get("strategy") {
        appsync = appsync.strategy(AppSyncStrategy::from_text(strategy));
    }
    match inputs.port() {
        Some(port) => appsync.port(port),
        None => appsync,
    }
}

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "appsync.graphql_url",
        cli: "appsync",
        help: "URL of a GraphQL API",
        inputs: INPUTS,
        mint: |endpoints, inputs| {
            configured(endpoints, inputs)
                .graphql_url(inputs.text("api_id"))
                .into()
        },
    },
    Kind {
        name: "appsync.realtime_url",
        cli: "appsync-realtime",
        help: "URL for the subscriptions of a GraphQL API",
        inputs: INPUTS,
        mint: |endpoints, inputs| {
            configured(endpoints, inputs)
                .realtime_url(inputs.text("api_id"))
                .into()
        },
    },
];
