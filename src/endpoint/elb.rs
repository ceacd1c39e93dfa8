//! Elastic Load Balancing (LocalStack Pro, from its documentation).

use super::Endpoints;
use super::kinds::{Input, Kind};
use super::minted::{Fallback, Minted, mint};

/// Mints the names of load balancers.
#[derive(Debug, Clone, Copy)]
pub struct Elb<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the names of load balancers.
    #[must_use]
    pub fn elb(self) -> Elb<'a> {
        Elb { endpoints: self }
    }
}

impl<'a> Elb<'a> {
    /// Returns `DNSName`, without a port. With an IP address as host, host and path of the path
    /// form, which does have one.
    #[must_use]
    pub fn dns_name(self, name: &'a str) -> Minted<'a> {
        let (host, port) = (self.endpoints.host(), self.endpoints.port);
        if self.endpoints.takes_labels() {
            mint![name, ".elb.", host]
        } else {
            mint![host, ":", port, "/_aws/elb/", name].with_fallback(Some(Fallback::PathForm))
        }
    }

    /// Returns the URL of a load balancer. `path` is empty or begins with `/`.
    #[must_use]
    pub fn url(self, name: &'a str, path: &'a str) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        if self.endpoints.takes_labels() {
            mint![
                scheme,
                "://",
                name,
                ".elb.",
                self.endpoints.host(),
                ":",
                port,
                path
            ]
        } else {
            self.path_url(name, path)
                .with_fallback(Some(Fallback::PathForm))
        }
    }

    /// Returns the URL of a load balancer in its path form, which the API never returns.
    #[must_use]
    pub fn path_url(self, name: &'a str, path: &'a str) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        mint![
            scheme,
            "://",
            self.endpoints.host(),
            ":",
            port,
            "/_aws/elb/",
            name,
            path
        ]
    }
}

const NAME: Input = Input::text("name", "name of the load balancer");
const PATH: Input = Input::defaulted("path", "", "path, beginning with `/`");

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "elb.dns_name",
        cli: "elb-domain",
        help: "`DNSName` of a load balancer",
        inputs: &[NAME],
        mint: |endpoints, inputs| endpoints.elb().dns_name(inputs.text("name")).into(),
    },
    Kind {
        name: "elb.url",
        cli: "elb",
        help: "URL of a load balancer",
        inputs: &[NAME, PATH],
        mint: |endpoints, inputs| {
            endpoints
                .elb()
                .url(inputs.text("name"), inputs.text("path"))
                .into()
        },
    },
    Kind {
        name: "elb.path_url",
        cli: "elb-path",
        help: "URL of a load balancer in its path form",
        inputs: &[NAME, PATH],
        mint: |endpoints, inputs| {
            endpoints
                .elb()
                .path_url(inputs.text("name"), inputs.text("path"))
                .into()
        },
    },
];
