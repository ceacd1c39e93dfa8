//! Prefixes that AWS SDKs put in front of an endpoint's host.
//!
//! Some operations name a prefix for the host. One that ends in a dot makes a sub-domain; one that
//! ends in a hyphen is glued to the first label: `http://sync-localhost.localstack.cloud:4566`.
//! With an IP address or `localhost` as endpoint, such a name resolves nowhere.

/// A prefix that is glued to the first label, and the operations that use it (botocore 1.42.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPrefix {
    /// The prefix with its hyphen.
    pub text: &'static str,
    /// The operations, for people.
    pub operations: &'static str,
}

/// The ten prefixes. `doctor` explains them, certificates and the DNS server cover them.
pub const HOST_PREFIXES: [HostPrefix; 10] = [
    prefix("analytics-", "HealthOmics, analytics"),
    prefix("control-storage-", "HealthOmics, control of storage"),
    prefix(
        "data-",
        "Cloud Map DiscoverInstances, Lake Formation GetWorkUnitResults",
    ),
    prefix("query-", "Lake Formation, status and statistics of queries"),
    prefix("runtime-", "HealthImaging, data plane"),
    prefix("storage-", "HealthOmics, storage"),
    prefix("streaming-", "Logs StartLiveTail and GetLogObject"),
    prefix("sync-", "Step Functions StartSyncExecution and TestState"),
    prefix("tags-", "HealthOmics, tags"),
    prefix("workflows-", "HealthOmics, workflows"),
];

const fn prefix(text: &'static str, operations: &'static str) -> HostPrefix {
    HostPrefix { text, operations }
}

/// Returns the names that SDKs make of `host`, `sync-` and nine others in front of it.
pub fn prefixed(host: &str) -> impl Iterator<Item = String> {
    HOST_PREFIXES
        .into_iter()
        .map(move |prefix| format!("{}{host}", prefix.text))
}

/// Returns the prefix that `name` has in front of `host`.
#[must_use]
pub fn strip(name: &str, host: &str) -> Option<HostPrefix> {
    let front = name.strip_suffix(host)?;
    HOST_PREFIXES
        .into_iter()
        .find(|prefix| prefix.text == front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefixed_name_goes_back_to_its_host() {
        for name in prefixed("localhost.localstack.cloud") {
            assert!(
                strip(&name, "localhost.localstack.cloud").is_some(),
                "{name}"
            );
        }
        assert_eq!(prefixed("h").next().as_deref(), Some("analytics-h"));
        assert_eq!(strip("sync.h", "h"), None);
    }
}
