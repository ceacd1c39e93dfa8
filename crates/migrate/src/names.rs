//! The names that are looked for.

/// Names that no current release reads, and their relatives.
pub const LEGACY: &[&str] = &[
    "EDGE_PORT_HTTP",
    "EDGE_PORT",
    "EDGE_BIND_HOST",
    "EDGE_FORWARD_URL",
    "HOSTNAME_EXTERNAL",
    "LOCALSTACK_HOSTNAME_EXTERNAL",
    "LOCALSTACK_HOSTNAME",
    "SQS_PORT_EXTERNAL",
    "ES_PORT_EXTERNAL",
    "ES_ENDPOINT_STRATEGY",
    "DNS_LOCAL_NAME_PATTERNS",
];

/// Parts of names that make a file worth reading.
pub const CANDIDATES: [&str; 9] = [
    "EDGE_PORT",
    "EDGE_BIND_HOST",
    "EDGE_FORWARD_URL",
    "HOSTNAME_EXTERNAL",
    "LOCALSTACK_HOST",
    "GATEWAY_LISTEN",
    "_PORT_EXTERNAL",
    "ES_ENDPOINT_STRATEGY",
    "DNS_LOCAL_NAME_PATTERNS",
];

/// Returns whether a name, bare or prefixed, is one of those that a decision exists for.
#[must_use]
pub fn is_legacy(name: &str) -> bool {
    let bare = bare(name);
    LEGACY.contains(&name) || LEGACY.contains(&bare) || is_external_port(bare)
}

/// Returns whether a name is `<SERVICE>_PORT_EXTERNAL`, of which only the one of SQS ever counted.
#[must_use]
pub fn is_external_port(name: &str) -> bool {
    name.strip_suffix("_PORT_EXTERNAL").is_some_and(|service| {
        !service.is_empty()
            && service
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

/// Returns the names that decide the same thing as one, itself among them.
#[must_use]
pub fn family(name: &str) -> &'static [&'static str] {
    const PORTS: &[&str] = &[
        "EDGE_PORT",
        "EDGE_PORT_HTTP",
        "EDGE_BIND_HOST",
        "GATEWAY_LISTEN",
    ];
    const HOSTS: &[&str] = &[
        "HOSTNAME_EXTERNAL",
        "LOCALSTACK_HOSTNAME",
        "LOCALSTACK_HOST",
        "SQS_PORT_EXTERNAL",
    ];
    let found = [PORTS, HOSTS]
        .into_iter()
        .find(|names| names.contains(&name));
    found.unwrap_or_default()
}

/// Returns the name that the image's entrypoint makes of `name`, or the name itself.
#[must_use]
pub fn bare(name: &str) -> &str {
    lsconfig::entrypoint::copied_name(name, lsconfig::release::Line::V4).unwrap_or(name)
}
