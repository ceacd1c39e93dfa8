//! Cognito (LocalStack Pro, from its documentation).

use super::Endpoints;
use super::kinds::{Input, Kind};
use super::minted::{Fallback, Minted, mint};

/// Mints the URLs of Cognito.
#[derive(Debug, Clone, Copy)]
pub struct Cognito<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the URLs of Cognito.
    #[must_use]
    pub fn cognito(self) -> Cognito<'a> {
        Cognito { endpoints: self }
    }
}

impl<'a> Cognito<'a> {
    /// Returns the issuer of a user pool, `iss` in its tokens.
    #[must_use]
    pub fn issuer(self, pool: &'a str) -> Minted<'a> {
        self.url("/", pool)
    }

    /// Returns the token endpoint.
    #[must_use]
    pub fn token_endpoint(self) -> Minted<'a> {
        self.url("/_aws/cognito-idp/oauth2/token", "")
    }

    /// Returns the login page of the hosted UI.
    #[must_use]
    pub fn login_url(self) -> Minted<'a> {
        self.url("/_aws/cognito-idp/login", "")
    }

    fn url(self, path: &'a str, rest: &'a str) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        let (label, fallback) = if self.endpoints.takes_labels() {
            ("cognito-idp.", None)
        } else {
            ("", Some(Fallback::PathForm))
        };
        mint![
            scheme,
            "://",
            label,
            self.endpoints.host(),
            ":",
            port,
            path,
            rest
        ]
        .with_fallback(fallback)
    }
}

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "cognito.issuer",
        cli: "cognito-issuer",
        help: "issuer of a user pool",
        inputs: &[Input::text(
            "pool",
            "id of the user pool, such as `us-east-1_Ab1`",
        )],
        mint: |endpoints, inputs| endpoints.cognito().issuer(inputs.text("pool")).into(),
    },
    Kind {
        name: "cognito.token_endpoint",
        cli: "cognito-token",
        help: "token endpoint of user pools",
        inputs: &[],
        mint: |endpoints, _| endpoints.cognito().token_endpoint().into(),
    },
    Kind {
        name: "cognito.login_url",
        cli: "cognito-login",
        help: "login page of the hosted UI",
        inputs: &[],
        mint: |endpoints, _| endpoints.cognito().login_url().into(),
    },
];
