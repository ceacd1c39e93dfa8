//! The AWS services as LocalStack tells them apart.
//!
//! The table is derived from botocore's service models (`data/derive.py`). It holds what a decision
//! needs and nothing else: names, protocols, prefixes, API versions, and operation names where they
//! decide.

use std::collections::BTreeMap;
use std::sync::LazyLock;

static ROWS: &str = include_str!("../data/services.txt");

/// One service in one protocol.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// botocore's name: `sqs`, `stepfunctions`.
    pub name: &'static str,
    /// The protocol, where the service has one; SQS has a row for each of its two.
    pub protocol: Option<&'static str>,
    /// The first labels of its host names.
    pub endpoint_prefix: &'static str,
    /// The service in a credential scope.
    pub signing_name: &'static str,
    /// The text before the operation in `X-Amz-Target`, where requests carry it.
    pub target_prefix: Option<&'static str>,
    /// Whether a request without target can still be for it.
    pub needs_target: bool,
    /// The `Version` of query requests.
    pub version: &'static str,
    operations: &'static str,
}

impl Service {
    /// Returns whether the service has `operation`, as far as the table knows operations.
    ///
    /// Operations are kept where they decide: for the query protocol, and where services share a
    /// target prefix.
    #[must_use]
    pub fn has_operation(&self, operation: &str) -> bool {
        self.operations.split(',').any(|o| o == operation)
    }

    /// Returns whether the service takes `Action` parameters.
    #[must_use]
    pub fn speaks_query(&self) -> bool {
        matches!(self.protocol, Some("query" | "ec2") | None)
    }
}

/// All services, with the indexes that decisions use.
#[derive(Debug)]
pub struct Services {
    rows: Vec<Service>,
    by_signing_name: BTreeMap<&'static str, Vec<usize>>,
    by_target: BTreeMap<&'static str, Vec<usize>>,
    by_endpoint: BTreeMap<&'static str, Vec<usize>>,
}

static SERVICES: LazyLock<Services> = LazyLock::new(|| Services::read(ROWS));

impl Services {
    /// Returns the table.
    #[must_use]
    pub fn all() -> &'static Self {
        &SERVICES
    }

    fn read(text: &'static str) -> Self {
        let rows: Vec<Service> = text.lines().filter_map(row).collect();
        let index = |key: fn(&Service) -> Option<&'static str>| {
            let mut index: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
            for (n, service) in rows.iter().enumerate() {
                if let Some(key) = key(service) {
                    index.entry(key).or_default().push(n);
                }
            }
            index
        };
        Self {
            by_signing_name: index(|s| Some(s.signing_name)),
            by_target: index(|s| s.target_prefix),
            by_endpoint: index(|s| Some(s.endpoint_prefix)),
            rows,
        }
    }

    /// Iterates over all rows, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        self.rows.iter()
    }

    /// Returns the service named `name`; of two protocols the first.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Service> {
        let at = self.rows.partition_point(|s| s.name < name);
        self.rows.get(at).filter(|s| s.name == name)
    }

    pub(crate) fn signing<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Service> + use<'a> {
        self.pick(self.by_signing_name.get(name))
    }

    pub(crate) fn targeted<'a>(
        &'a self,
        prefix: &str,
    ) -> impl Iterator<Item = &'a Service> + use<'a> {
        self.pick(self.by_target.get(prefix))
    }

    /// Iterates over the services whose endpoint prefix is the longest that `host` starts with.
    pub(crate) fn at_host<'a>(&'a self, host: &str) -> impl Iterator<Item = &'a Service> + use<'a> {
        let longest = host
            .rmatch_indices('.')
            .find_map(|(dot, _)| self.by_endpoint.get(&host[..dot]));
        self.pick(longest)
    }

    fn pick<'a>(
        &'a self,
        found: Option<&'a Vec<usize>>,
    ) -> impl Iterator<Item = &'a Service> + use<'a> {
        found
            .into_iter()
            .flatten()
            .filter_map(|&n| self.rows.get(n))
    }
}

fn row(line: &'static str) -> Option<Service> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = line.split(' ');
    let mut next = || fields.next();
    let (name, protocol, endpoint_prefix, signing_name) = (next()?, next()?, next()?, next()?);
    let (target, version, operations) = (next()?, next()?, next()?);
    Some(Service {
        name,
        protocol: (protocol != "multi").then_some(protocol),
        endpoint_prefix,
        signing_name,
        target_prefix: (target != "-").then_some(target),
        needs_target: target != "-" && protocol != "multi",
        version,
        operations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_sorted() {
        let rows = ROWS.lines().filter(|l| !l.starts_with('#')).count();
        let services = Services::all();
        assert_eq!(services.rows.len(), rows);
        assert!(services.rows.is_sorted_by_key(|s| s.name));
    }

    #[test]
    fn the_longest_endpoint_prefix_wins() {
        let at = |host| -> Vec<_> { Services::all().at_host(host).map(|s| s.name).collect() };
        assert_eq!(at("api.ecr.us-east-1.x"), ["ecr"]);
        assert_eq!(
            at("sms-voice.pinpoint.x"),
            ["pinpoint-sms-voice", "sms-voice"]
        );
        assert_eq!(at("sms-voice.x"), ["pinpoint-sms-voice-v2"]);
        assert_eq!(at("sqs"), [""; 0]);
    }
}
