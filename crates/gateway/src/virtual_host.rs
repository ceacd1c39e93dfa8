//! Hosts that say more than where the gateway is: buckets, APIs, functions, domains, queues.
//!
//! LocalStack 4.12 recognises them as written here (`docs/gateway.md`, edge routes).

use std::borrow::Cow;

use lsconfig::addr::Host;
use lsconfig::resolve::CLOUD;

/// What a request is for, by host and path alone: LocalStack's edge routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeRoute<'a> {
    /// An invocation of an API: its id, and the path from the stage on.
    ExecuteApi {
        /// The id as written; it compares without case.
        id: &'a str,
        /// `/STAGE/...`, or `/`.
        path: &'a str,
    },
    /// A Lambda function URL.
    LambdaUrl {
        /// The id as written; it compares without case.
        id: &'a str,
        /// The region in the host.
        region: &'a str,
    },
    /// A website of an S3 bucket.
    S3Website {
        /// The bucket.
        bucket: &'a str,
    },
    /// A request to an OpenSearch or Elasticsearch cluster.
    Cluster {
        /// The domain.
        domain: &'a str,
        /// Its region.
        region: &'a str,
        /// `opensearch` or `es`.
        service: &'a str,
    },
    /// A request to a queue at its own URL.
    Queue {
        /// Twelve digits.
        account: &'a str,
        /// The region, where host or path tell it.
        region: Option<&'a str>,
        /// The name.
        queue: &'a str,
    },
    /// `/_localstack/...`, on any host.
    Internal,
}

impl EdgeRoute<'_> {
    /// Returns the service that answers, botocore's name.
    #[must_use]
    pub fn service(&self) -> Option<&'static str> {
        Some(match self {
            Self::ExecuteApi { .. } => "apigateway",
            Self::LambdaUrl { .. } => "lambda",
            Self::S3Website { .. } => "s3",
            Self::Cluster { service, .. } if *service == "es" => "es",
            Self::Cluster { .. } => "opensearch",
            Self::Queue { .. } => "sqs",
            Self::Internal => return None,
        })
    }
}

/// Recognises an edge route.
///
/// `api_id` is the header `x-apigw-api-id`, which names the API at VPC endpoints.
#[must_use]
pub fn edge_route<'a>(
    method: &str,
    host: &'a str,
    path: &'a str,
    api_id: Option<&'a str>,
) -> Option<EdgeRoute<'a>> {
    if path.starts_with("/_localstack/") {
        return Some(EdgeRoute::Internal);
    }
    let name = without_port(host);
    execute_api(name, path, api_id)
        .or_else(|| lambda_url(name))
        .or_else(|| {
            let (bucket, rest) = split_at(name, ".s3-website.")?;
            (!bucket.is_empty() && !rest.is_empty()).then_some(EdgeRoute::S3Website { bucket })
        })
        .or_else(|| cluster(name, path))
        .or_else(|| matches!(method, "GET" | "POST").then(|| queue(name, path))?)
}

fn execute_api<'a>(name: &'a str, path: &'a str, api_id: Option<&'a str>) -> Option<EdgeRoute<'a>> {
    if let Some((id, rest)) = split_at(name, ".execute-api.")
        && !rest.is_empty()
    {
        if id.starts_with("vpce-") {
            return Some(EdgeRoute::ExecuteApi { id: api_id?, path });
        }
        let id = id.split_once("-vpce-").map_or(id, |(id, _)| id);
        return (!id.is_empty() && !id.contains('.')).then_some(EdgeRoute::ExecuteApi { id, path });
    }
    if let Some(rest) = path.strip_prefix("/_aws/execute-api/") {
        let (id, _) = rest.split_once('/')?;
        let path = rest.get(id.len()..)?;
        return (!id.is_empty()).then_some(EdgeRoute::ExecuteApi { id, path });
    }
    let (id, rest) = path.strip_prefix("/restapis/")?.split_once('/')?;
    let (_, rest) = rest.split_once('/')?;
    let asked = rest.strip_prefix("_user_request_")?;
    (asked.is_empty() || asked.starts_with('/')).then_some(EdgeRoute::ExecuteApi { id, path })
}

fn lambda_url(name: &str) -> Option<EdgeRoute<'_>> {
    let (id, rest) = split_at(name, ".lambda-url.")?;
    let (region, rest) = rest.split_once('.')?;
    let known = !id.is_empty() && !rest.is_empty() && is_lambda_url_region(region);
    known.then_some(EdgeRoute::LambdaUrl { id, region })
}

/// `(us(-gov)?|ap|ca|cn|eu|sa)-(central|(north|south)?(east|west)?)-N`: LocalStack mints URLs for
/// `me-`, `af-`, `il-` and `mx-` regions too, and cannot route them.
fn is_lambda_url_region(region: &str) -> bool {
    let Some((area, number)) = region.rsplit_once('-') else {
        return false;
    };
    let Some((area, direction)) = area.rsplit_once('-') else {
        return false;
    };
    let vertical = direction
        .strip_prefix("north")
        .or_else(|| direction.strip_prefix("south"));
    matches!(area, "us" | "us-gov" | "ap" | "ca" | "cn" | "eu" | "sa")
        && (direction == "central" || matches!(vertical.unwrap_or(direction), "" | "east" | "west"))
        && number.len() == 1
        && number.bytes().all(|b| b.is_ascii_digit())
}

fn cluster<'a>(name: &'a str, path: &'a str) -> Option<EdgeRoute<'a>> {
    let of = |domain: &'a str, region: &'a str, service: &'a str| {
        let whole = is_region(region) && !domain.is_empty();
        whole.then_some(EdgeRoute::Cluster {
            domain,
            region,
            service,
        })
    };
    let mut labels = name.splitn(4, '.');
    if let (Some(domain), Some(region), Some(service @ ("opensearch" | "es")), Some(_)) =
        (labels.next(), labels.next(), labels.next(), labels.next())
        && let Some(route) = of(domain, region, service)
    {
        return Some(route);
    }
    let mut parts = path.strip_prefix('/')?.splitn(4, '/');
    match (parts.next()?, parts.next()?, parts.next()?) {
        (service @ ("opensearch" | "es"), region, domain) => of(domain, region, service),
        _ => None,
    }
}

/// Returns whether `text` is shaped like a region: `us-east-1`, `us-gov-west-1`.
pub(crate) fn is_region(text: &str) -> bool {
    let parts = text.split('-').count();
    (3..=4).contains(&parts)
        && text.rsplit_once('-').is_some_and(|(area, number)| {
            !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
                && area.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
                && !area.split('-').any(str::is_empty)
        })
}

fn queue<'a>(name: &'a str, path: &'a str) -> Option<EdgeRoute<'a>> {
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let (account, queue, region) = match parts[..] {
        ["queue", region, account, queue] => (account, queue, Some(region)),
        [account, queue] => (account, queue, queue_region(name)),
        _ => return None,
    };
    let valid = is_account(account) && is_queue_name(queue);
    valid.then_some(EdgeRoute::Queue {
        account,
        region,
        queue,
    })
}

fn queue_region(name: &str) -> Option<&str> {
    let mut labels = name.split('.');
    let (first, second) = (labels.next()?, labels.next()?);
    match (first, second) {
        ("sqs", region) => Some(region),
        ("queue", _) => Some("us-east-1"),
        (region, "queue") => Some(region),
        _ => None,
    }
}

/// Returns whether `text` is an account id: twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_queue_name(text: &str) -> bool {
    let base = text.strip_suffix(".fifo").unwrap_or(text);
    !base.is_empty()
        && base
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Returns the bucket of a virtual-host request: what stands before the last `.s3.` of the host.
///
/// Case matters, as it does to LocalStack; a port may follow.
#[must_use]
pub fn s3_bucket(host: &str) -> Option<&str> {
    let at = memchr::memmem::rfind(host.as_bytes(), b".s3.")?;
    (at > 0).then(|| &host[..at])
}

/// Returns host and path of the same request in path style.
#[must_use]
pub fn to_path_style<'a>(host: &'a str, path: &'a str) -> (Cow<'a, str>, Cow<'a, str>) {
    match s3_bucket(host) {
        Some(bucket) => (
            Cow::Borrowed(&host[bucket.len() + 1..]),
            Cow::Owned(format!("/{bucket}{path}")),
        ),
        None => (Cow::Borrowed(host), Cow::Borrowed(path)),
    }
}

/// Splits `BUCKET.HOST` where `HOST` is a host of returned URLs; for requests that are known to be for
/// S3.
///
/// SDKs put the bucket directly in front of the endpoint's host. LocalStack knows no such hosts; this
/// goes beyond it (`docs/reference/gateway-divergences.md`).
#[must_use]
pub fn bucket_label<'a>(host: &'a str, configured: &Host) -> Option<(&'a str, &'a str)> {
    let name = without_port(host);
    [configured.as_str(), CLOUD].iter().find_map(|base| {
        let bucket = name.strip_suffix(base)?.strip_suffix('.')?;
        let labels = bucket.split('.').next()?;
        let service = labels == "s3" || labels.starts_with("s3-");
        let rest = host.get(bucket.len() + 1..)?;
        (!bucket.is_empty() && !service).then_some((bucket, rest))
    })
}

/// Splits a host at the first `part`.
///
/// Every request asks for several parts, and `str::split_once` prepares itself for a long text each
/// time.
pub(crate) fn split_at<'a>(host: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let at = memchr::memmem::find(host.as_bytes(), part.as_bytes())?;
    Some((host.get(..at)?, host.get(at + part.len()..)?))
}

/// Returns a `Host` header without its port.
#[must_use]
pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_stand_before_the_last_s3_label() {
        let check = |host, expected| assert_eq!(s3_bucket(host), expected, "{host}");
        check("a.b.s3.foo", Some("a.b"));
        check("b.s3.s3.foo", Some("b.s3"));
        check("b.s3.", Some("b"));
        check("b.s3", None);
        check("s3.foo", None);
        check("b.s3-eu-west-1.amazonaws.com", None);
        check("b.S3.foo", None);
        check("s3.b.s3.x:4566", Some("s3.b"));
        check(".s3.x", None);
        assert_eq!(
            to_path_style("b.s3.x:1", "/k"),
            ("s3.x:1".into(), "/b/k".into())
        );
    }

    #[test]
    fn buckets_may_stand_right_before_the_host_of_urls() {
        let configured = Host::new("foo.bar");
        let check = |host, expected| assert_eq!(bucket_label(host, &configured), expected);
        check("b.foo.bar:5000", Some(("b", "foo.bar:5000")));
        check("a.b.localhost.localstack.cloud", Some(("a.b", CLOUD)));
        check("s3.foo.bar", None);
        check("s3.us-east-1.foo.bar", None);
        check("foo.bar", None);
        check("b.other", None);
    }

    #[track_caller]
    fn service(method: &str, host: &str, path: &str, expected: Option<&str>) {
        let route = edge_route(method, host, path, None);
        assert_eq!(route.and_then(|r| r.service()), expected, "{host}{path}");
    }

    #[test]
    fn edge_routes_are_recognised_by_host_or_path() {
        service("GET", "a.execute-api.x:1", "/dev", Some("apigateway"));
        service("GET", "execute-api.x", "/dev", None);
        service("GET", "vpce-1.execute-api.r.vpce.x", "/dev", None);
        service("GET", "x", "/_aws/execute-api/a/dev", Some("apigateway"));
        service(
            "GET",
            "x",
            "/restapis/a/dev/_user_request_",
            Some("apigateway"),
        );
        service("GET", "x", "/restapis/a/dev/_user_request_x", None);
        service("GET", "a.lambda-url.us-gov-west-1.x", "/", Some("lambda"));
        service("GET", "a.lambda-url.me-south-1.x", "/", None);
        service("GET", "b.s3-website.x", "/", Some("s3"));
        service("GET", "b.s3-website-us-east-1.x", "/", None);
        service(
            "GET",
            "d.us-east-1.opensearch.x:9",
            "/_search",
            Some("opensearch"),
        );
        service("GET", "x", "/es/us-east-1/d/_search", Some("es"));
        service("GET", "x", "/000000000000/q.fifo", Some("sqs"));
        service("PUT", "x", "/000000000000/q", None);
        service("GET", "x", "/00000000000/q", None);
        service("GET", "x", "/queue/eu-west-1/000000000000/q", Some("sqs"));
        service("GET", "x", "/000000000000/q/r", None);
    }

    #[test]
    fn vpc_endpoints_name_the_api_in_a_header() {
        let route = edge_route("GET", "vpce-1.execute-api.r.vpce.x", "/dev/", Some("abc"));
        assert_eq!(
            route,
            Some(EdgeRoute::ExecuteApi {
                id: "abc",
                path: "/dev/"
            })
        );
    }
}
