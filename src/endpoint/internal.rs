//! The gateway itself, from outside and for the emulator's own clients.

use super::Endpoints;
use super::kinds::Kind;
use super::minted::{Minted, mint};

impl<'a> Endpoints<'a> {
    /// Returns the URL that the emulator's own clients use: the first listen port on `localhost`,
    /// whatever `LOCALSTACK_HOST` says. Up to 2.3 the host is `LOCALSTACK_HOSTNAME`.
    #[must_use]
    pub fn internal_url(self) -> Minted<'a> {
        let host = match self.rules.legacy {
            Some(_) => self.legacy.hostname,
            None => "localhost",
        };
        mint![self.scheme, "://", host, ":", self.listen_port]
    }
}

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "gateway.url",
        cli: "gateway",
        help: "URL of the gateway, as returned URLs have it",
        inputs: &[],
        mint: |endpoints, _| endpoints.url().into(),
    },
    Kind {
        name: "internal.url",
        cli: "internal",
        help: "URL of the gateway for the emulator's own clients",
        inputs: &[],
        mint: |endpoints, _| endpoints.internal_url().into(),
    },
];
