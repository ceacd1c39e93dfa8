//! IoT (LocalStack Pro, from its documentation).

use super::kinds::{Input, Kind};
use super::minted::{Fallback, Minted, mint};
use super::{Endpoints, Port};
use crate::aws::{AccountId, NameOf, Region};

/// The path of the root certificate of the broker.
pub(super) const ROOT_CA_PATH: &str = "/_aws/iot/LocalStackIoTRootCA.pem";

/// Mints the addresses of IoT.
#[derive(Debug, Clone, Copy)]
pub struct Iot<'a> {
    endpoints: Endpoints<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the addresses of IoT.
    #[must_use]
    pub fn iot(self) -> Iot<'a> {
        Iot { endpoints: self }
    }
}

impl<'a> Iot<'a> {
    /// Returns the address of the broker, on `port` or the first one of the range for service
    /// instances. With an IP address as host, host and port.
    #[must_use]
    pub fn endpoint_address(
        self,
        region: &'a (impl NameOf<Region> + ?Sized),
        account: &'a (impl NameOf<AccountId> + ?Sized),
        port: Option<u16>,
    ) -> Minted<'a> {
        let port = port.map_or(self.endpoints.service_port, Port::Number);
        let host = self.endpoints.host();
        if self.endpoints.takes_labels() {
            mint![
                account.as_text(),
                ".iot.",
                region.as_text(),
                ".",
                host,
                ":",
                port
            ]
        } else {
            mint![host, ":", port].with_fallback(Some(Fallback::PathForm))
        }
    }

    /// Returns the URL of the broker's root certificate.
    #[must_use]
    pub fn root_ca_url(self) -> Minted<'a> {
        let Endpoints { scheme, port, .. } = self.endpoints;
        mint![
            scheme,
            "://",
            self.endpoints.host(),
            ":",
            port,
            ROOT_CA_PATH
        ]
    }
}

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "iot.endpoint_address",
        cli: "iot",
        help: "address of the broker",
        inputs: &[
            Input::REGION,
            Input::ACCOUNT,
            Input::port("port of the broker"),
        ],
        mint: |endpoints, inputs| {
            let (region, account) = (inputs.text("region"), inputs.text("account"));
            endpoints
                .iot()
                .endpoint_address(region, account, inputs.port())
                .into()
        },
    },
    Kind {
        name: "iot.root_ca_url",
        cli: "iot-ca",
        help: "URL of the broker's root certificate",
        inputs: &[],
        mint: |endpoints, _| endpoints.iot().root_ca_url().into(),
    },
];
