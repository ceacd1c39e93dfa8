//! Services whose instances have a host and a port of their own: databases, caches, brokers,
//! clusters (LocalStack Pro, from its documentation).

use super::kinds::{Input, Inputs, Kind, MintedValue};
use super::minted::{Minted, mint};
use super::{Endpoints, Port};

/// Mints the addresses of one instance.
///
/// There is no name for an instance, only the host of returned URLs and a port from the range of
/// `EXTERNAL_SERVICE_PORTS_START`.
#[derive(Debug, Clone, Copy)]
pub struct Instance<'a> {
    endpoints: Endpoints<'a>,
    port: Port<'a>,
}

impl<'a> Endpoints<'a> {
    /// Returns what mints the addresses of an instance on `port`, by default the first of the
    /// range.
    #[must_use]
    pub fn instance(self, port: Option<u16>) -> Instance<'a> {
        Instance {
            port: port.map_or(self.service_port, Port::Number),
            endpoints: self,
        }
    }
}

impl<'a> Instance<'a> {
    /// Returns the host alone: `Endpoint.Address` of RDS, Neptune and ElastiCache, `Endpoint` of
    /// DocumentDB. An IPv6 literal has no brackets here, for it stands alone.
    #[must_use]
    pub fn host(self) -> Minted<'a> {
        mint![self.endpoints.host.text]
    }

    /// Returns the port alone.
    #[must_use]
    pub fn port(self) -> Minted<'a> {
        mint![self.port]
    }

    /// Returns `host:port`: cluster endpoints of RDS without `RDS_CLUSTER_ENDPOINT_HOST_ONLY`,
    /// Redshift, brokers of MSK.
    #[must_use]
    pub fn authority(self) -> Minted<'a> {
        mint![self.endpoints.host(), ":", self.port]
    }

    /// Returns a URL with the scheme of the protocol, such as `tcp` for MQ or `ftp` for Transfer.
    #[must_use]
    pub fn url(self, scheme: &'a str) -> Minted<'a> {
        mint![scheme, "://", self.endpoints.host(), ":", self.port]
    }
}

const PORT: &[Input] = &[Input::port("port of the instance")];

fn address<'a>(endpoints: Endpoints<'a>, inputs: &Inputs<'a>) -> MintedValue {
    let instance = endpoints.instance(inputs.port());
    let port = instance.port().to_url();
    MintedValue::Object(vec![
        ("Address", instance.host().into()),
        (
            "Port",
            port.parse()
                .map_or(MintedValue::Text(port), MintedValue::Number),
        ),
    ])
}

fn authority<'a>(endpoints: Endpoints<'a>, inputs: &Inputs<'a>) -> MintedValue {
    endpoints.instance(inputs.port()).authority().into()
}

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "rds.endpoint",
        cli: "rds",
        help: "`Endpoint` of a database instance",
        inputs: PORT,
        mint: address,
    },
    Kind {
        name: "rds.cluster_endpoint",
        cli: "rds-cluster",
        help: "`Endpoint` of a database cluster",
        inputs: PORT,
        mint: authority,
    },
    Kind {
        name: "neptune.endpoint",
        cli: "neptune",
        help: "`Endpoint` of a Neptune instance",
        inputs: PORT,
        mint: address,
    },
    Kind {
        name: "docdb.endpoint",
        cli: "docdb",
        help: "`Endpoint` of a DocumentDB instance",
        inputs: PORT,
        mint: address,
    },
    Kind {
        name: "elasticache.endpoint",
        cli: "elasticache",
        help: "`Endpoint` of a cache node",
        inputs: PORT,
        mint: address,
    },
    Kind {
        name: "redshift.endpoint",
        cli: "redshift",
        help: "address of a Redshift cluster",
        inputs: PORT,
        mint: authority,
    },
    Kind {
        name: "msk.bootstrap_brokers",
        cli: "msk",
        help: "address of a broker of MSK",
        inputs: PORT,
        mint: authority,
    },
    Kind {
        name: "mq.endpoint",
        cli: "mq",
        help: "endpoint of a broker of MQ",
        inputs: PORT,
        mint: |endpoints, inputs| endpoints.instance(inputs.port()).url("tcp").into(),
    },
    Kind {
        name: "transfer.endpoint",
        cli: "transfer",
        help: "endpoint of a Transfer server",
        inputs: PORT,
        mint: |endpoints, inputs| endpoints.instance(inputs.port()).url("ftp").into(),
    },
];
