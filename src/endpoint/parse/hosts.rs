//! Host names as LocalStack routes them.
//!
//! Matching is case-sensitive where LocalStack's is.

use super::Target;
use crate::aws;
use crate::endpoint::opensearch::Engine;
use crate::python;

/// Returns the bucket of a virtual-host style `Host` header: everything before the last `.s3.`.
///
/// Names of websites, `s3-REGION`, `s3-control` and `s3-accelerate` do not match, nor does
/// upper-case `S3`.
#[must_use]
pub fn vhost_bucket(host: &str) -> Option<&str> {
    host.rsplit_once(".s3.")
        .map(|(bucket, _)| bucket)
        .filter(|bucket| !bucket.is_empty())
}

/// Returns the bucket of a website: what stands before `.s3-website.`. A region after it is fine;
/// `s3-website-REGION` does not match.
#[must_use]
pub fn website_bucket(host: &str) -> Option<&str> {
    host.rsplit_once(".s3-website.")
        .map(|(bucket, _)| bucket)
        .filter(|bucket| !bucket.is_empty())
}

/// The host of a request to API Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecuteApi<'a> {
    /// The id of the API, as written; LocalStack compares it without regard to case. `None` for the
    /// name of a VPC endpoint, where the header `x-apigw-api-id` names the API.
    pub id: Option<&'a str>,
    /// The VPC endpoint that the name goes through.
    pub vpc_endpoint: Option<&'a str>,
    /// What follows `.execute-api.`.
    pub rest: &'a str,
}

/// Recognises `ID[-vpce-X].execute-api.ANYTHING` and `vpce-X.execute-api.REGION.vpce.ANYTHING`. The
/// id is the shortest text before `.execute-api.`.
#[must_use]
pub fn execute_api(host: &str) -> Option<ExecuteApi<'_>> {
    let (name, rest) = host.split_once(".execute-api.")?;
    if name.is_empty() || rest.is_empty() {
        return None;
    }
    if name.starts_with("vpce-")
        && leading_region(rest).is_some_and(|(_, r)| r.starts_with("vpce."))
    {
        return Some(ExecuteApi {
            id: None,
            vpc_endpoint: Some(name),
            rest,
        });
    }
    let (id, vpc_endpoint) = match name.find("-vpce-") {
        Some(at) if at > 0 => (&name[..at], Some(&name[at + 1..])),
        _ => (name, None),
    };
    Some(ExecuteApi {
        id: Some(id),
        vpc_endpoint,
        rest,
    })
}

/// The host of a Lambda function URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LambdaUrl<'a> {
    /// The id, as written; LocalStack compares it without regard to case.
    pub id: &'a str,
    /// The region.
    pub region: &'a str,
    /// Whether LocalStack routes the region; see [`is_lambda_region`].
    pub routable: bool,
}

/// Recognises `ID.lambda-url.REGION.ANYTHING`, also for regions that LocalStack does not route.
#[must_use]
pub fn lambda_url(host: &str) -> Option<LambdaUrl<'_>> {
    let (id, rest) = host.split_once(".lambda-url.")?;
    let (region, rest) = rest.split_once('.')?;
    let routable = is_lambda_region(region);
    let known = !id.is_empty() && !rest.is_empty() && (routable || aws::is_region(region));
    known.then_some(LambdaUrl {
        id,
        region,
        routable,
    })
}

/// Returns whether LocalStack routes function URLs of a region:
/// `(us(-gov)?|ap|ca|cn|eu|sa)-(central|(north|south)?(east|west)?)-` and a digit. Function URLs of
/// me-, af-, il- and mx- regions are minted and lead nowhere.
#[must_use]
pub fn is_lambda_region(region: &str) -> bool {
    const AREAS: [&str; 7] = ["us-gov-", "us-", "ap-", "ca-", "cn-", "eu-", "sa-"];
    AREAS.into_iter().any(|area| {
        let Some((place, number)) = region.strip_prefix(area).and_then(|r| r.rsplit_once('-'))
        else {
            return false;
        };
        let half = place
            .strip_prefix("north")
            .or_else(|| place.strip_prefix("south"))
            .unwrap_or(place);
        let mut digits = number.chars();
        let is_digit = digits
            .next()
            .is_some_and(|c| python::decimal_digit(c).is_some());
        (place == "central" || matches!(half, "" | "east" | "west"))
            && is_digit
            && digits.next().is_none()
    })
}

/// Returns domain, region and engine of `DOMAIN.REGION.opensearch|es.BASE`.
#[must_use]
pub fn search_domain(host: &str) -> Option<(&str, &str, Engine)> {
    let (domain, rest) = host.split_once('.')?;
    let (region, rest) = leading_region(rest)?;
    let engine = match rest.split_once('.')?.0 {
        "opensearch" => Engine::OpenSearch,
        "es" => Engine::Es,
        _ => return None,
    };
    (!domain.is_empty()).then_some((domain, region, engine))
}

/// Returns the region of `sqs.REGION.BASE`, `REGION.queue.BASE` and `queue.BASE`.
#[must_use]
pub fn queue_region(host: &str) -> Option<&str> {
    if let Some(rest) = host.strip_prefix("sqs.") {
        return leading_region(rest).map(|(region, _)| region);
    }
    if host.starts_with("queue.") {
        return Some("us-east-1");
    }
    let (region, rest) = leading_region(host)?;
    rest.starts_with("queue.").then_some(region)
}

/// Recognises `VPCE-UID.SERVICE.REGION.vpce.BASE`.
pub(super) fn vpc_endpoint(host: &str) -> Option<Target<'_>> {
    let (name, rest) = host.split_once('.')?;
    let (vpce, uid) = name.rsplit_once('-')?;
    let (service, rest) = rest.split_once('.')?;
    let (region, rest) = leading_region(rest)?;
    let found = vpce.starts_with("vpce-") && rest.starts_with("vpce.");
    found.then_some(Target::VpcEndpoint {
        vpce,
        uid,
        service,
        region,
    })
}

/// Returns whether `text` is an account: 12 digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Splits a region off the front of a name; something has to follow it.
pub(super) fn leading_region(name: &str) -> Option<(&str, &str)> {
    let (region, rest) = name.split_once('.')?;
    aws::is_region(region).then_some((region, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_end_at_the_last_s3_label() {
        for (host, bucket) in [
            ("a.b.s3.foo:80", Some("a.b")),
            ("b.s3.s3.foo", Some("b.s3")),
            ("b.s3.", Some("b")),
            ("b.s3", None),
            ("s3.foo", None),
            (".s3.foo", None),
            ("b.s3-website.foo", None),
        ] {
            assert_eq!(vhost_bucket(host), bucket, "{host}");
        }
        assert_eq!(website_bucket("a.b.s3-website.us-east-1.foo"), Some("a.b"));
        assert_eq!(website_bucket("b.s3-website-us-east-1.amazonaws.com"), None);
    }

    #[test]
    fn api_ids_are_the_shortest_front() {
        let id = |host| execute_api(host).map(|api| (api.id, api.vpc_endpoint));
        assert_eq!(id("abc.execute-api.h"), Some((Some("abc"), None)));
        assert_eq!(
            id("abc-vpce-1.execute-api.h"),
            Some((Some("abc"), Some("vpce-1")))
        );
        assert_eq!(
            id("vpce-1.execute-api.us-east-1.vpce.h"),
            Some((None, Some("vpce-1")))
        );
        assert_eq!(id("a.execute-api.execute-api.h"), Some((Some("a"), None)));
        assert_eq!(id(".execute-api.h"), None);
        assert_eq!(id("abc.execute-api."), None);
        assert_eq!(id("abc.Execute-Api.h"), None);
    }

    #[test]
    fn some_minted_function_urls_are_not_routed() {
        for region in [
            "us-east-1",
            "us-gov-west-1",
            "ap-southeast-2",
            "eu-central-1",
            "us--1",
        ] {
            assert!(is_lambda_region(region), "{region}");
        }
        for region in [
            "me-south-1",
            "af-south-1",
            "il-central-1",
            "mx-central-1",
            "us-east-10",
            "us-iso-east-1",
        ] {
            assert!(!is_lambda_region(region), "{region}");
        }
        let url = lambda_url("Abc.lambda-url.me-south-1.foo.bar").unwrap();
        assert_eq!(
            (url.id, url.region, url.routable),
            ("Abc", "me-south-1", false)
        );
        assert_eq!(lambda_url("abc.lambda-url.nowhere.foo"), None);
    }

    #[test]
    fn regions_tell_names_apart() {
        assert_eq!(queue_region("sqs.foo.bar"), None);
        assert_eq!(queue_region("eu-west-1.queue.h"), Some("eu-west-1"));
        assert_eq!(
            search_domain("d.us-east-1.es.h"),
            Some(("d", "us-east-1", Engine::Es))
        );
        assert_eq!(search_domain("d.us-east-1.search.h"), None);
    }
}
