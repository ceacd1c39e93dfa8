//! The way back: from a URL or host name to the parts it was made from.
//!
//! [`parse_url`] recognises every form that [`Endpoints`](super::Endpoints) mints. [`sqs`] and
//! [`hosts`] hold the rules of LocalStack itself, faults included, for gateways and vectors.
//! Nothing here panics, and every function is linear in its input.

pub mod hosts;
pub mod sqs;
pub mod template;

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::opensearch::Engine;
use super::{DEFAULT_SERVICE_PORT, iot, sns};
use crate::aws;
use hosts::is_account;

/// A URL, authority or host name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedUrl<'a> {
    /// The scheme, unless the text has none.
    pub scheme: Option<&'a str>,
    /// The whole host as written; empty when the text is a path.
    pub host: &'a str,
    /// The port, unless it was left out.
    pub port: Option<u16>,
    /// What it names.
    pub target: Target<'a>,
}

impl Serialize for ParsedUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            kind: &'static str,
            scheme: Option<&'a str>,
            host: &'a str,
            port: Option<u16>,
            #[serde(flatten)]
            target: &'a Target<'a>,
        }
        let Self {
            scheme,
            host,
            port,
            ref target,
        } = *self;
        let kind = target.kind();
        Flat {
            kind,
            scheme,
            host,
            port,
            target,
        }
        .serialize(serializer)
    }
}

/// What a URL names. Fields are called like the inputs of the form that mints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "every field is documented by the input of its kind"
)]
pub enum Target<'a> {
    /// A queue; the region where the form holds one.
    Queue {
        region: Option<&'a str>,
        account: &'a str,
        queue: &'a str,
    },
    /// A bucket or object below `BUCKET.s3.HOST`. The key is decoded.
    VirtualHost { bucket: &'a str, key: Cow<'a, str> },
    /// A bucket or object below `HOST/BUCKET`. The key is decoded.
    PathStyle { bucket: &'a str, key: Cow<'a, str> },
    /// A static website.
    Website { bucket: &'a str, path: &'a str },
    /// A Lambda function URL. LocalStack does not route some regions that it mints, such as
    /// me-south-1.
    FunctionUrl {
        url_id: &'a str,
        region: &'a str,
        path: &'a str,
        routable: bool,
    },
    /// The code of a Lambda function.
    Code {
        region: &'a str,
        account: &'a str,
        function: &'a str,
        uuid: &'a str,
        presigned: &'a str,
    },
    /// The confirmation of a subscription.
    Subscribe { topic_arn: &'a str, token: &'a str },
    /// The end of a subscription.
    Unsubscribe { subscription_arn: &'a str },
    /// The certificate that signs notifications.
    SigningCert {},
    /// An API in its host form. Without `api_id` the request names the API in a header.
    Api {
        api_id: Option<&'a str>,
        vpce: Option<&'a str>,
        stage: &'a str,
        path: &'a str,
    },
    /// An API in its path form.
    ApiPath {
        api_id: &'a str,
        stage: &'a str,
        path: &'a str,
    },
    /// An API in its older path form.
    ApiLegacyPath {
        api_id: &'a str,
        stage: &'a str,
        path: &'a str,
    },
    /// A custom domain of API Gateway; `hash` is 8 hexadecimal digits.
    ApiDomain { hash: &'a str, path: &'a str },
    /// A domain of OpenSearch or Elasticsearch.
    Search {
        engine: Engine,
        region: &'a str,
        domain: &'a str,
        path: &'a str,
    },
    /// An interface endpoint in a VPC.
    VpcEndpoint {
        vpce: &'a str,
        uid: &'a str,
        service: &'a str,
        region: &'a str,
    },
    /// A distribution of CloudFront.
    Distribution {
        distribution: &'a str,
        path: &'a str,
    },
    /// A load balancer.
    LoadBalancer { name: &'a str, path: &'a str },
    /// A load balancer in its path form.
    LoadBalancerPath { name: &'a str, path: &'a str },
    /// A repository of ECR.
    Repository {
        account: &'a str,
        region: &'a str,
        repository: &'a str,
    },
    /// A user pool of Cognito.
    UserPool { pool: &'a str, path: &'a str },
    /// The token endpoint of Cognito.
    Token {},
    /// The login page of Cognito.
    Login {},
    /// A GraphQL API of AppSync.
    GraphQl { api_id: &'a str, realtime: bool },
    /// The broker of IoT.
    Broker { account: &'a str, region: &'a str },
    /// The root certificate of IoT.
    RootCa {},
    /// A repository of CodeArtifact.
    Packages {
        domain: &'a str,
        account: &'a str,
        region: &'a str,
        format: &'a str,
        repository: &'a str,
    },
    /// A container of MediaStore.
    Container { container: &'a str, path: &'a str },
    /// An instance on a port of its own: a database, cache, broker or registry.
    Instance { path: &'a str },
    /// The gateway itself.
    Gateway {},
}

impl Target<'_> {
    /// Returns the name of the form on the command line.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Queue { .. } => "sqs-queue",
            Self::VirtualHost { .. } => "s3-virtual-host",
            Self::PathStyle { .. } => "s3-path",
            Self::Website { .. } => "s3-website",
            Self::FunctionUrl { .. } => "lambda-url",
            Self::Code { .. } => "lambda-code",
            Self::Subscribe { .. } => "sns-subscribe",
            Self::Unsubscribe { .. } => "sns-unsubscribe",
            Self::SigningCert {} => "sns-cert",
            Self::Api { .. } => "apigateway",
            Self::ApiPath { .. } => "apigateway-path",
            Self::ApiLegacyPath { .. } => "apigateway-legacy-path",
            Self::ApiDomain { .. } => "apigateway-domain",
            Self::Search {
                engine: Engine::OpenSearch,
                ..
            } => "opensearch-endpoint",
            Self::Search {
                engine: Engine::Es, ..
            } => "es-endpoint",
            Self::VpcEndpoint { .. } => "ec2-vpc-endpoint",
            Self::Distribution { .. } => "cloudfront",
            Self::LoadBalancer { .. } => "elb",
            Self::LoadBalancerPath { .. } => "elb-path",
            Self::Repository { .. } => "ecr",
            Self::UserPool { .. } => "cognito-issuer",
            Self::Token {} => "cognito-token",
            Self::Login {} => "cognito-login",
            Self::GraphQl {
                realtime: false, ..
            } => "appsync",
            Self::GraphQl { realtime: true, .. } => "appsync-realtime",
            Self::Broker { .. } => "iot",
            Self::RootCa {} => "iot-ca",
            Self::Packages { .. } => "codeartifact",
            Self::Container { .. } => "mediastore",
            Self::Instance { .. } => "instance",
            Self::Gateway {} => "gateway",
        }
    }
}

/// Why a text is not one of the forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseUrlError {
    /// The text is empty.
    #[error("the URL is empty")]
    Empty,
    /// A scheme is followed by no host.
    #[error("the URL has no host")]
    NoHost,
    /// The host contains a character that no host has.
    #[error("the host contains {0:?}")]
    HostCharacter(char),
    /// What follows the host's colon is not a port.
    #[error("port is not a number from 0 to 65535")]
    Port,
}

/// Takes apart a URL, an authority, a host name, or a path such as CreateBucket returns.
///
/// The host is judged first, then the path; where two forms coincide, the one that LocalStack
/// serves first wins. `/000000000000/q` is a queue, although a bucket could be called like an
/// account. A port from 4510 to 4560 is that of an instance.
///
/// # Errors
///
/// [`ParseUrlError`] when the text cannot be a URL at all. Any other text has a target: a path that
/// is nothing else is an object in a bucket.
pub fn parse_url(text: &str) -> Result<ParsedUrl<'_>, ParseUrlError> {
    if text.is_empty() {
        return Err(ParseUrlError::Empty);
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, text),
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.is_empty() && (scheme.is_some() || !tail.starts_with('/')) {
        return Err(ParseUrlError::NoHost);
    }
    let (host, port) = split_authority(authority)?;
    let tail = tail.split_once('#').map_or(tail, |(tail, _)| tail);
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let url = Url {
        realtime: matches!(scheme, Some("ws" | "wss")),
        host,
        port,
        path,
        query,
    };
    let target = url
        .of_host()
        .or_else(|| url.of_path())
        .unwrap_or_else(|| url.of_rest());
    Ok(ParsedUrl {
        scheme,
        host,
        port,
        target,
    })
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Splits at the last colon, so that the unbracketed IPv6 literals of releases are taken too.
fn split_authority(authority: &str) -> Result<(&str, Option<u16>), ParseUrlError> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => {
            let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let number = port.parse().ok().filter(|_| is_number);
            (host, Some(number.ok_or(ParseUrlError::Port)?))
        }
        _ => (authority, None),
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '\\');
    match host.chars().find(|&c| odd(c)) {
        Some(c) => Err(ParseUrlError::HostCharacter(c)),
        None if host.is_empty() && port.is_some() => Err(ParseUrlError::NoHost),
        None => Ok((host, port)),
    }
}

#[derive(Clone, Copy)]
struct Url<'a> {
    realtime: bool,
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
    query: &'a str,
}

impl<'a> Url<'a> {
    /// Judges by the host. The first names are those that LocalStack routes before any service.
    fn of_host(self) -> Option<Target<'a>> {
        let Self { host, path, .. } = self;
        if let Some(name) = hosts::vpc_endpoint(host) {
            return Some(name);
        }
        if let Some(api) = hosts::execute_api(host) {
            return Some(self.api(api));
        }
        if let Some(function) = hosts::lambda_url(host) {
            return Some(Target::FunctionUrl {
                url_id: function.id,
                region: function.region,
                path,
                routable: function.routable,
            });
        }
        if let Some(bucket) = hosts::website_bucket(host) {
            return Some(Target::Website { bucket, path });
        }
        if let Some((domain, region, engine)) = hosts::search_domain(host) {
            return Some(Target::Search {
                engine,
                region,
                domain,
                path,
            });
        }
        if let Some(region) = hosts::queue_region(host)
            && let Some((account, queue)) = queue_path(path)
        {
            return Some(Target::Queue {
                region: Some(region),
                account,
                queue,
            });
        }
        if let Some(bucket) = hosts::vhost_bucket(host) {
            return Some(Target::VirtualHost {
                bucket,
                key: decode(path.strip_prefix('/').unwrap_or(path)),
            });
        }
        self.of_pro_host()
    }

    /// Names of services that only LocalStack Pro has.
    fn of_pro_host(self) -> Option<Target<'a>> {
        let Self { host, path, .. } = self;
        if let Some((distribution, _)) = front(host, ".cloudfront.") {
            return Some(Target::Distribution { distribution, path });
        }
        if let Some((account, rest)) = front(host, ".dkr.ecr.")
            && is_account(account)
            && let Some((region, _)) = leading_region(rest)
        {
            return Some(Target::Repository {
                account,
                region,
                repository: path.strip_prefix('/')?,
            });
        }
        if let Some((name, rest)) = front(host, ".d.codeartifact.")
            && let Some((domain, account)) = name.rsplit_once('-')
            && let Some((region, _)) = leading_region(rest)
            && let Some((format, repository)) = path.strip_prefix('/')?.split_once('/')
        {
            return Some(Target::Packages {
                domain,
                account,
                region,
                format,
                repository: repository.strip_suffix('/').unwrap_or(repository),
            });
        }
        if let Some((account, rest)) = front(host, ".iot.")
            && is_account(account)
            && let Some((region, _)) = leading_region(rest)
        {
            return Some(Target::Broker { account, region });
        }
        if let Some((api_id, _)) = front(host, ".appsync-api.") {
            let realtime = self.realtime;
            return Some(Target::GraphQl { api_id, realtime });
        }
        if let Some((name, _)) = front(host, ".mediastore.")
            && let Some(container) = name.strip_prefix("mediastore-")
        {
            return Some(Target::Container { container, path });
        }
        if let Some((name, _)) = front(host, ".elb.") {
            return Some(Target::LoadBalancer { name, path });
        }
        if host.starts_with("cognito-idp.") {
            return self.of_path().or_else(|| self.user_pool());
        }
        None
    }

    /// Judges by the path, on any host.
    fn of_path(self) -> Option<Target<'a>> {
        let Self { path, query, .. } = self;
        match path {
            sns::CERTIFICATE_PATH => return Some(Target::SigningCert {}),
            iot::ROOT_CA_PATH => return Some(Target::RootCa {}),
            "/_aws/cognito-idp/oauth2/token" => return Some(Target::Token {}),
            "/_aws/cognito-idp/login" => return Some(Target::Login {}),
            "/" if query.starts_with("Action=") => return action(query),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/_aws/execute-api/") {
            let (api_id, rest) = split_segment(rest);
            let (stage, path) = stage_and_path(rest);
            return Some(Target::ApiPath {
                api_id,
                stage,
                path,
            });
        }
        if let Some(rest) = path.strip_prefix("/_aws/elb/") {
            let (name, path) = split_segment(rest);
            return Some(Target::LoadBalancerPath { name, path });
        }
        if let Some(rest) = path.strip_prefix("/restapis/")
            && let Some((api, path)) = rest.split_once("/_user_request_")
            && let Some((api_id, stage)) = api.split_once('/')
        {
            return Some(Target::ApiLegacyPath {
                api_id,
                stage,
                path,
            });
        }
        if let Some(rest) = path.strip_prefix("/awslambda-") {
            return code(rest, query);
        }
        if let Some(rest) = path.strip_prefix("/queue/")
            && let Some((region, _)) = rest.split_once('/')
            && let Some((account, queue)) = queue_path(&rest[region.len()..])
        {
            return Some(Target::Queue {
                region: Some(region),
                account,
                queue,
            });
        }
        for engine in [Engine::OpenSearch, Engine::Es] {
            if let Some(rest) = path.strip_prefix('/')
                && let Some(rest) = rest.strip_prefix(engine.as_str())
                && let Some((region, rest)) = rest.strip_prefix('/')?.split_once('/')
                && aws::is_region(region)
            {
                let (domain, path) = split_segment(rest);
                return Some(Target::Search {
                    engine,
                    region,
                    domain,
                    path,
                });
            }
        }
        let realtime = self.realtime;
        if let Some(api_id) = path.strip_prefix("/graphql/") {
            return Some(Target::GraphQl { api_id, realtime });
        }
        if let Some(rest) = path.strip_prefix("/appsync-api/")
            && let Some(api_id) = rest.strip_suffix("/graphql")
        {
            return Some(Target::GraphQl { api_id, realtime });
        }
        let (account, queue) = queue_path(path)?;
        Some(Target::Queue {
            region: None,
            account,
            queue,
        })
    }

    /// What is neither: an instance, the gateway, a user pool or an object.
    fn of_rest(self) -> Target<'a> {
        let path = self.path;
        let instances = DEFAULT_SERVICE_PORT..=DEFAULT_SERVICE_PORT + 50;
        if self.port.is_some_and(|port| instances.contains(&port)) {
            return Target::Instance { path };
        }
        let segments = path.strip_prefix('/').unwrap_or(path);
        if segments.is_empty() {
            return Target::Gateway {};
        }
        if let Some(pool) = self.user_pool() {
            return pool;
        }
        let (bucket, key) = segments.split_once('/').unwrap_or((segments, ""));
        Target::PathStyle {
            bucket,
            key: decode(key),
        }
    }

    /// `/REGION_ID`: the underscore tells a user pool from a bucket.
    fn user_pool(self) -> Option<Target<'a>> {
        let (pool, path) = split_segment(self.path.strip_prefix('/')?);
        let (region, id) = pool.split_once('_')?;
        let is_pool = aws::is_region(region) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        is_pool.then_some(Target::UserPool { pool, path })
    }

    fn api(self, api: hosts::ExecuteApi<'a>) -> Target<'a> {
        let path = self.path;
        if let Some(hash) = api.id.and_then(|id| id.strip_prefix("d-"))
            && hash.len() == 8
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Target::ApiDomain { hash, path };
        }
        let (stage, path) = stage_and_path(path);
        Target::Api {
            api_id: api.id,
            vpce: api.vpc_endpoint,
            stage,
            path,
        }
    }
}

/// Splits a host at the first `label`; what stands in front is not empty.
fn front<'a>(host: &'a str, label: &str) -> Option<(&'a str, &'a str)> {
    host.split_once(label)
        .filter(|(front, _)| !front.is_empty())
}

/// Splits a region off the front of a name; something has to follow it.
fn leading_region(name: &str) -> Option<(&str, &str)> {
    let (region, rest) = name.split_once('.')?;
    aws::is_region(region).then_some((region, rest))
}

/// Splits `segment/more` before the slash.
fn split_segment(text: &str) -> (&str, &str) {
    text.split_at(text.find('/').unwrap_or(text.len()))
}

/// Splits `/stage/more`.
fn stage_and_path(path: &str) -> (&str, &str) {
    split_segment(path.strip_prefix('/').unwrap_or(path))
}

/// `/ACCOUNT/QUEUE`, the account of 12 digits.
fn queue_path(path: &str) -> Option<(&str, &str)> {
    let (account, queue) = path.strip_prefix('/')?.split_once('/')?;
    (is_account(account) && !queue.is_empty() && !queue.contains('/')).then_some((account, queue))
}

/// The query of SNS. ARNs and tokens stand there as they are.
fn action(query: &str) -> Option<Target<'_>> {
    if let Some(rest) = query.strip_prefix("Action=ConfirmSubscription&TopicArn=") {
        let (topic_arn, token) = rest.split_once("&Token=")?;
        return Some(Target::Subscribe { topic_arn, token });
    }
    let subscription_arn = query.strip_prefix("Action=Unsubscribe&SubscriptionArn=")?;
    Some(Target::Unsubscribe { subscription_arn })
}

/// `REGION-tasks/snapshots/ACCOUNT/FUNCTION-UUID`.
fn code<'a>(rest: &'a str, presigned: &'a str) -> Option<Target<'a>> {
    const UUID_LEN: usize = 36;
    let (region, rest) = rest.split_once("-tasks/snapshots/")?;
    let (account, name) = rest.split_once('/')?;
    // A UUID has hyphens of its own.
    let at = match name.len().checked_sub(UUID_LEN + 1) {
        Some(at) if name.get(at..)?.bytes().filter(|&b| b == b'-').count() == 5 => at,
        _ => name.rfind('-')?,
    };
    Some(Target::Code {
        region,
        account,
        function: name.get(..at)?,
        uuid: name.get(at..)?.strip_prefix('-')?,
        presigned,
    })
}

/// Decodes percent-encoded UTF-8; what is not stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |b: u8| char::from(b).to_digit(16).map(|digit| digit as u8);
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Returns the host of a URL as LocalStack's `hostname_from_url` does: what follows the last `://`,
/// up to the first `/`, up to the first `:`. The host of `http://[::1]:80` is `[`.
#[must_use]
pub fn hostname_from_url(url: &str) -> &str {
    let rest = url.rsplit_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest
        .split_once('/')
        .map_or(rest, |(authority, _)| authority);
    authority
        .split_once(':')
        .map_or(authority, |(host, _)| host)
}

/// Returns path and query of a URL as LocalStack's `path_from_url` does. A text without `://` is a
/// path already.
#[must_use]
pub fn path_from_url(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return url;
    };
    rest.find('/').map_or("/", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Target<'_>) {
        assert_eq!(parse_url(text).unwrap().target, expected, "{text}");
    }

    #[test]
    fn queues_are_found_in_every_form() {
        let queue = |region| Target::Queue {
            region,
            account: "000000000000",
            queue: "q",
        };
        check(
            "http://sqs.eu-west-1.h:1/000000000000/q",
            queue(Some("eu-west-1")),
        );
        check("http://queue.h:1/000000000000/q", queue(Some("us-east-1")));
        check(
            "http://eu-west-1.queue.h:1/000000000000/q",
            queue(Some("eu-west-1")),
        );
        check(
            "http://[::1]:1/queue/eu-west-1/000000000000/q",
            queue(Some("eu-west-1")),
        );
        check("http://localhost/000000000000/q?Action=x", queue(None));
    }

    #[test]
    fn a_path_that_is_nothing_else_is_an_object() {
        let key = |bucket, key: &'static str| Target::PathStyle {
            bucket,
            key: key.into(),
        };
        check("http://h:1/000000000000/a/b", key("000000000000", "a/b"));
        check("/bucket", key("bucket", ""));
        check("http://h/queue/us-east-1/x", key("queue", "us-east-1/x"));
        check("http://h/b/%C3%BC%2F%zz", key("b", "ü/%zz"));
        check("http://h/b/%ff", key("b", "%ff"));
    }

    #[test]
    fn texts_that_are_no_url_are_refused() {
        let error = |text: &str| parse_url(text).unwrap_err();
        assert_eq!(error(""), ParseUrlError::Empty);
        assert_eq!(error("http:///x"), ParseUrlError::NoHost);
        assert_eq!(error(":80"), ParseUrlError::NoHost);
        assert_eq!(error("?x"), ParseUrlError::NoHost);
        assert_eq!(error("h:65536"), ParseUrlError::Port);
        assert_eq!(error("h:+1"), ParseUrlError::Port);
        assert_eq!(error("a b"), ParseUrlError::HostCharacter(' '));
        assert_eq!(error("http://u@h"), ParseUrlError::HostCharacter('@'));
    }

    #[test]
    fn names_that_localstack_routes_first_win() {
        check(
            "https://vpce-0a1b2c3d.execute-api.us-east-1.vpce.h/dev/x",
            Target::Api {
                api_id: None,
                vpce: Some("vpce-0a1b2c3d"),
                stage: "dev",
                path: "/x",
            },
        );
        check(
            "http://d-34e15fd5.execute-api.h",
            Target::ApiDomain {
                hash: "34e15fd5",
                path: "",
            },
        );
        check("h:4511", Target::Instance { path: "" });
        check("http://h:4566/", Target::Gateway {});
    }
}
