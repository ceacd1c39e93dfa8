//! CloudFront (LocalStack Pro, from its documentation).

use super::Endpoints;
use super::kinds::{Input, Kind};
use super::minted::{Minted, mint};

/// Mints the names of CloudFront.
#[derive(Debug, Clone, Copy)]
pub struct CloudFront<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the names of CloudFront.
    #[must_use]
    pub fn cloudfront(self) -> CloudFront<'a> {
        CloudFront { endpoints: self }
    }
}

impl<'a> CloudFront<'a> {
    /// Returns `DomainName` of a distribution, without a port.
    #[must_use]
    pub fn domain_name(self, distribution: &'a str) -> Minted<'a> {
        let (parent, fallback) = self.endpoints.parent(self.endpoints.host());
        mint![distribution, ".cloudfront.", parent].with_fallback(fallback)
    }

    /// Returns the URL of a distribution, with the port that requests need.
    #[must_use]
    pub fn url(self, distribution: &'a str) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        let (parent, fallback) = self.endpoints.parent(self.endpoints.host());
        mint![
            scheme,
            "://",
            distribution,
            ".cloudfront.",
            parent,
            ":",
            port
        ]
        .with_fallback(fallback)
    }
}

const DISTRIBUTION: Input = Input::text("distribution", "id of the distribution");

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "cloudfront.domain_name",
        cli: "cloudfront-domain",
        help: "`DomainName` of a distribution",
        inputs: &[DISTRIBUTION],
        mint: |endpoints, inputs| {
            endpoints
                .cloudfront()
                .domain_name(inputs.text("distribution"))
                .into()
        },
    },
    Kind {
        name: "cloudfront.url",
        cli: "cloudfront",
        help: "URL of a distribution",
        inputs: &[DISTRIBUTION],
        mint: |endpoints, inputs| {
            endpoints
                .cloudfront()
                .url(inputs.text("distribution"))
                .into()
        },
    },
];
