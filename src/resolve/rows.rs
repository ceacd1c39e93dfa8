//! The rows that the rules name, found at compile time.

use crate::variable::Row;

macro_rules! rows {
    ($($name:ident)*) => {
        $(pub(super) const $name: Row = Row::named(stringify!($name));)*
    };
}

rows! {
    DNS_PORT
    EDGE_BIND_HOST
    EDGE_FORWARD_URL
    EDGE_PORT
    EDGE_PORT_HTTP
    EXTERNAL_SERVICE_PORTS_END
    EXTERNAL_SERVICE_PORTS_START
    GATEWAY_LISTEN
    GATEWAY_SERVER
    HOSTNAME_EXTERNAL
    LOCALSTACK_HOST
    LOCALSTACK_HOSTNAME
    OPENSEARCH_ENDPOINT_STRATEGY
    PROVIDER_OVERRIDE_EVENTS
    SKIP_SSL_CERT_DOWNLOAD
    SQS_PORT_EXTERNAL
}
