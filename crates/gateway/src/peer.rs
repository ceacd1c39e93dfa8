//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;

/// The ends of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    client: IpAddr,
    /// The client as headers name it, written once for all requests of a connection.
    shown: HeaderValue,
    tls: bool,
}

impl Peer {
    /// A connection from `client`, with or without TLS.
    #[must_use]
    pub fn new(client: SocketAddr, tls: bool) -> Self {
        let client = client.ip().to_canonical();
        Self {
            client,
            shown: HeaderValue::try_from(client.to_string())
                .unwrap_or(HeaderValue::from_static("unknown")),
            tls,
        }
    }

    /// Returns the address of the client.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// Returns the address of the client as headers name it.
    pub(crate) fn shown(&self) -> &HeaderValue {
        &self.shown
    }

    /// Returns whether the request came over TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.tls
    }
}
