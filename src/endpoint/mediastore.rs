//! MediaStore (LocalStack Pro, from its documentation).

use super::Endpoints;
use super::kinds::{Input, Kind};
use super::minted::{Minted, mint};

/// Mints the endpoints of MediaStore.
#[derive(Debug, Clone, Copy)]
pub struct MediaStore<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the endpoints of MediaStore.
    #[must_use]
    pub fn mediastore(self) -> MediaStore<'a> {
        MediaStore { endpoints: self }
    }
}

impl<'a> MediaStore<'a> {
    /// Returns the endpoint of a container.
    #[must_use]
    pub fn container_url(self, container: &'a str) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        let (parent, fallback) = self.endpoints.parent(self.endpoints.host());
        let (prefix, name) = ("://mediastore-", ".mediastore.");
        mint![scheme, prefix, container, name, parent, ":", port].with_fallback(fallback)
    }
}

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "mediastore.container_url",
    cli: "mediastore",
    help: "endpoint of a container",
    inputs: &[Input::text("container", "name of the container")],
    mint: |endpoints, inputs| {
        endpoints
            .mediastore()
            .container_url(inputs.text("container"))
            .into()
    },
}];
