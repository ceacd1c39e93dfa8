//! CodeArtifact (LocalStack Pro, from its documentation).

use super::Endpoints;
use super::kinds::{Input, Kind};
use super::minted::{Minted, mint};
use crate::aws::{AccountId, NameOf, Region};

/// Mints the URLs of CodeArtifact.
#[derive(Debug, Clone, Copy)]
pub struct CodeArtifact<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of CodeArtifact.
    #[must_use]
    pub fn codeartifact(self) -> CodeArtifact<'a> {
        CodeArtifact { endpoints: self }
    }
}

impl<'a> CodeArtifact<'a> {
    /// Returns the URL of a repository for one format, such as `pypi`.
    #[must_use]
    pub fn repository_url(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        account: &'a (impl NameOf<AccountId> + ?Sized),
        domain: &'a str,
        format: &'a str,
        repository: &'a str,
    ) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        let (parent, fallback) = self.endpoints.parent(self.endpoints.host());
        mint![
            scheme,
            "://",
            domain,
            "-",
            account.as_text(),
            ".d.codeartifact.",
            region.as_text(),
            ".",
            parent,
            ":",
            port,
            "/",
            format,
            "/",
            repository,
            "/",
        ]
        .with_fallback(fallback)
    }
}

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "codeartifact.repository_url",
    cli: "codeartifact",
    help: "URL of a repository",
    inputs: &[
        Input::REGION,
        Input::ACCOUNT,
        Input::text("domain", "name of the domain"),
        Input::text("format", "format of the packages, such as `pypi`"),
        Input::text("repository", "name of the repository"),
    ],
    mint: |endpoints, inputs| {
        let url = endpoints.codeartifact().repository_url(
            inputs.text("region"),
            inputs.text("account"),
            inputs.text("domain"),
            inputs.text("format"),
            inputs.text("repository"),
        );
        url.into()
    },
}];
