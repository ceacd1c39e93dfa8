//! EC2: DNS names of interface endpoints in a VPC.

use super::Endpoints;
use super::kinds::{Input, Kind, MintedValue};
use super::minted::{Minted, mint};
use crate::aws::{NameOf, Region, VpcEndpointId};

/// Mints the names of EC2 (`ec2/patches.py`).
#[derive(Debug, Clone, Copy)]
pub struct Ec2<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the names of EC2.
    #[must_use]
    pub fn ec2(self) -> Ec2<'a> {
        Ec2 { endpoints: self }
    }
}

impl<'a> Ec2<'a> {
    /// Returns the DNS name of an interface endpoint. It carries a port, in every release and in
    /// normalized text, because it has to be reached as it is.
    ///
    /// `service` is the last part of the service name, such as `execute-api`; `uid` is drawn, 8
    /// hexadecimal digits.
    #[must_use]
    pub fn vpc_endpoint_dns(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        id: &'a (impl NameOf<VpcEndpointId> + ?Sized),
        service: &'a str,
        uid: &'a str,
    ) -> Minted<'a> {
        let (region, id) = (region.as_text(), id.as_text());
        let (parent, fallback) = self.endpoints.parent(self.endpoints.host());
        let port = self.endpoints.port;
        mint![
            id, "-", uid, ".", service, ".", region, ".vpce.", parent, ":", port
        ]
        .with_fallback(fallback)
    }
}

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "ec2.vpc_endpoint_dns",
    cli: "ec2-vpc-endpoint",
    help: "DNS name of an interface endpoint in a VPC",
    inputs: &[
        Input::REGION,
        Input::name(
            "vpce",
            "id of the endpoint, `vpce-` and 17 digits",
            |text| VpcEndpointId::new(text).map(drop),
        ),
        Input::text(
            "service",
            "last part of the service name, such as `execute-api`",
        ),
        Input::defaulted("uid", "<uid>", "8 random digits, by default a placeholder"),
    ],
    mint: |endpoints, inputs| {
        let name = endpoints.ec2().vpc_endpoint_dns(
            inputs.text("region"),
            inputs.text("vpce"),
            inputs.text("service"),
            inputs.text("uid"),
        );
        MintedValue::List(vec![name.into()])
    },
}];
