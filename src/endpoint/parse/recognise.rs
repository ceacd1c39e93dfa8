//! Which form a URL has: its host is judged first, then its path.

use std::borrow::Cow;

use super::hosts::{is_account, leading_region};
use super::{Target, hosts};
use crate::aws;
use crate::endpoint::opensearch::Engine;
use crate::endpoint::{DEFAULT_SERVICE_PORT, iot, sns};

/// A URL in pieces, without scheme and fragment.
#[derive(Clone, Copy)]
pub(super) struct Url<'a> {
    /// Whether the scheme is that of a web socket.
    pub(super) realtime: bool,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Url<'a> {
    /// Returns what it names: the host is judged first, then the path.
    pub(super) fn target(self) -> Target<'a> {
        self.of_host()
            .or_else(|| self.of_path())
            .unwrap_or_else(|| self.of_rest())
    }

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
