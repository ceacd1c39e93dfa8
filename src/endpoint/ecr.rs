//! ECR (LocalStack Pro, from its documentation).

use serde::Serialize;

use super::kinds::{Input, Kind};
use super::minted::{Fallback, Minted, mint};
use super::{Endpoints, Port};
use crate::aws::{AccountId, NameOf, Region};

/// `ECR_ENDPOINT_STRATEGY`: which form repository URIs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EcrStrategy {
    /// `ACCOUNT.dkr.ecr.REGION.HOST:PORT/REPOSITORY`: the default.
    #[default]
    Domain,
    /// `HOST:PORT/REPOSITORY` with the registry's own port.
    Off,
}

impl EcrStrategy {
    /// Reads the variable: `off`, or anything else for `domain`.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text {
            "off" => Self::Off,
            _ => Self::Domain,
        }
    }
}

/// Mints the URIs of ECR.
#[derive(Debug, Clone, Copy)]
pub struct Ecr<'a> {
    endpoints: Endpoints<'a>,
    strategy: EcrStrategy,
    port: Port<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URIs of ECR.
    #[must_use]
    pub fn ecr(self) -> Ecr<'a> {
        Ecr {
            strategy: self.ecr,
            port: self.service_port,
            endpoints: self,
        }
    }
}

impl<'a> Ecr<'a> {
    /// Uses another strategy than the configured one.
    #[must_use]
    pub fn strategy(mut self, strategy: EcrStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the port of the registry; by default the first one of the range for service instances.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Port::Number(port);
        self
    }

    /// Returns `repositoryUri`, which has no scheme.
    #[must_use]
    pub fn repository_uri(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        account: &'a (impl NameOf<AccountId> + ?Sized),
        repository: &'a str,
    ) -> Minted<'a> {
        let (host, port) = (self.endpoints.host(), self.endpoints.port);
        let (region, account) = (region.as_text(), account.as_text());
        let off = mint![host, ":", self.port, "/", repository];
        match self.strategy {
            EcrStrategy::Off => off,
            EcrStrategy::Domain if self.endpoints.takes_labels() => {
                mint![
                    account,
                    ".dkr.ecr.",
                    region,
                    ".",
                    host,
                    ":",
                    port,
                    "/",
                    repository
                ]
            }
            EcrStrategy::Domain => off.with_fallback(Some(Fallback::PathForm)),
        }
    }
}

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "ecr.repository_uri",
    cli: "ecr",
    help: "URI of a repository",
    inputs: &[
        Input::REGION,
        Input::ACCOUNT,
        Input::text("repository", "name of the repository"),
        Input::strategy(&["domain", "off"]),
        Input::port("port of the registry, for `off`"),
    ],
    mint: |endpoints, inputs| {
        let mut ecr = endpoints.ecr();
        if let Some(strategy) = inputs.get("strategy") {
            ecr = ecr.strategy(EcrStrategy::from_text(strategy));
        }
        if let Some(port) = inputs.port() {
            ecr = ecr.port(port);
        }
        let (region, account) = (inputs.text("region"), inputs.text("account"));
        ecr.repository_uri(region, account, inputs.text("repository"))
            .into()
    },
}];
