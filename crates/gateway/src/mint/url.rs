//! One value of a response: what it points to, and the text that points there for a client.

use lsconfig::addr::Host;
use lsconfig::endpoint::opensearch::Engine;
use lsconfig::endpoint::{EndpointConfig, OpenSearchStrategy, SqsStrategy};
use lsconfig::release::Semantics;

use super::client::Client;
use crate::config::{Mint, Urls};
use crate::virtual_host::{is_account, is_region, without_port};

/// What kind of text a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The URL of an SQS queue.
    Queue,
    /// The URL of a bucket or object.
    S3Location,
    /// A Lambda function URL.
    FunctionUrl,
    /// A link to the emulator that carries its own path and query, such as a presigned one.
    Link,
    /// The URL of an API without stage.
    ApiEndpoint,
    /// Host and port of a cluster, without scheme.
    ClusterEndpoint,
    /// The host name of a custom domain of an API.
    ApiDomain,
    /// The host name of a load balancer.
    LoadBalancer,
    /// The host name of a distribution.
    Distribution,
    /// The host name of an interface endpoint, with port.
    VpcEndpoint,
    /// Registry and repository of ECR, with or without scheme.
    Repository,
    /// The URL of a GraphQL API, for queries or subscriptions.
    GraphQl,
    /// Any text; only URLs that are recognised by their host are changed.
    Any,
}

/// The URL of a queue, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueParts<'a> {
    pub(crate) region: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) queue: &'a str,
}

/// Takes the URL of a queue apart, in any of LocalStack's forms.
pub(crate) fn queue_parts(url: &str) -> Option<QueueParts<'_>> {
    let (_, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let (region, account, queue) = match parts[..] {
        ["queue", region, account, queue] => (Some(region), account, queue),
        [account, queue] => (host_region(without_port(authority)), account, queue),
        _ => return None,
    };
    (!account.is_empty() && !queue.is_empty()).then_some(QueueParts {
        region,
        account,
        queue,
    })
}

fn host_region(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    match (labels.next()?, labels.next()?) {
        ("sqs", region) if is_region(region) => Some(region),
        (region, "queue") => Some(region),
        ("queue", _) => Some("us-east-1"),
        _ => None,
    }
}

/// Whom URLs are minted for.
pub(crate) struct Minter<'a> {
    pub(crate) client: &'a Client,
    pub(crate) urls: &'a Urls,
    /// The region of the request, for texts that carry none.
    pub(crate) region: &'a str,
}

impl Minter<'_> {
    /// Returns the text that points to the same thing for the client; `None` when it stays.
    pub(crate) fn mint(&self, kind: Kind, text: &str) -> Option<String> {
        let minted = match kind {
            Kind::Queue => self.queue(queue_parts(text)?),
            Kind::S3Location => self.s3_location(text)?,
            Kind::FunctionUrl => self.function_url(text)?,
            Kind::Link => self.link(text)?,
            Kind::ApiEndpoint => self.api(text)?,
            Kind::ClusterEndpoint => self.cluster(text)?,
            Kind::ApiDomain => self.api_domain(text)?,
            Kind::LoadBalancer => self.load_balancer(text)?,
            Kind::Distribution => self.distribution(text)?,
            Kind::VpcEndpoint => self.vpc_endpoint(text)?,
            Kind::Repository => self.repository(text)?,
            Kind::GraphQl => self.graphql(text)?,
            Kind::Any => self.any(text)?,
        };
        (minted != text).then_some(minted)
    }

    /// What mints for the client; for forms that need a name below the host, another host may stand
    /// in ([`Client::with_subdomains`]).
    pub(super) fn config(&self, client: &Client) -> EndpointConfig {
        let mut config = EndpointConfig::new(client.address(), Semantics::Normalized);
        config.use_ssl = client.scheme == "https";
        if self.urls.mint == Mint::Configured {
            config.first_listen_port = self.urls.listen_port.into();
        }
        config
    }

    /// `SQS_ENDPOINT_STRATEGY` when it is set; else the form that the client itself used, and for a
    /// client that used none of them, the default where names below its host resolve and the path
    /// form elsewhere.
    fn queue(&self, parts: QueueParts<'_>) -> String {
        let configured = self.urls.sqs_strategy.as_deref();
        let (client, mint) = (self.client, self.urls.mint);
        let strategy = match (configured.map(SqsStrategy::from_text), mint) {
            (Some(strategy), _) => strategy,
            (None, Mint::Client) if client.queue_label == Some("queue") => SqsStrategy::Domain,
            (None, _) => SqsStrategy::Standard,
        };
        let labels = matches!(strategy, SqsStrategy::Standard | SqsStrategy::Domain);
        let strategy = if labels && mint == Mint::Client && !client.has_subdomains {
            SqsStrategy::Path
        } else {
            strategy
        };
        let region = parts.region.unwrap_or(self.region);
        let config = self.config(client);
        let sqs = config.endpoints().sqs().strategy(strategy);
        let sqs = sqs.request_scheme(client.request_scheme);
        let sqs = sqs.request_host(&client.asked);
        sqs.queue_url(region, parts.account, parts.queue).to_url()
    }

    /// A bucket goes into the host for `localhost.localstack.cloud` and into the path for every
    /// other host. The key keeps its bytes.
    fn s3_location(&self, text: &str) -> Option<String> {
        let (_, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = without_port(authority);
        let (bucket, key) = match bucket_in_host(host) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        if bucket.is_empty() {
            return None;
        }
        let config = self.config(self.client);
        let base = config
            .endpoints()
            .s3()
            .multipart_location(bucket, "")
            .to_url();
        Some(base + key)
    }

    fn function_url(&self, text: &str) -> Option<String> {
        let (_, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (id, rest) = without_port(authority).split_once(".lambda-url.")?;
        let region = rest.split('.').next()?;
        let config = self.config(&self.client.with_subdomains(self.urls));
        let base = config
            .endpoints()
            .lambda()
            .function_url(region, id)
            .to_url();
        Some(base + path)
    }

    fn link(&self, text: &str) -> Option<String> {
        let (_, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = without_port(authority);
        let bucket = bucket_in_host(host);
        if bucket.is_none() && host.ends_with(".amazonaws.com") && !host.starts_with("s3") {
            return None;
        }
        let config = self.config(self.client);
        let base = config.endpoints().url().to_url();
        Some(match bucket {
            Some(bucket) => format!("{base}/{bucket}/{path}"),
            None => format!("{base}/{path}"),
        })
    }

    /// The host form where names below the host resolve, else LocalStack's path form, which wants
    /// the stage next.
    fn api(&self, text: &str) -> Option<String> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (id, _) = without_port(authority).split_once(".execute-api.")?;
        let config = self.config(self.client);
        let apis = config.endpoints().apigateway();
        let minted = if self.client.has_subdomains {
            apis.url(id, "", path).to_url()
        } else {
            let (stage, path) = match path.get(1..).and_then(|p| p.find('/')) {
                Some(slash) => path.split_at(slash + 1),
                None => (path, ""),
            };
            let stage = stage.trim_start_matches('/');
            apis.path_url(id, stage, path).to_url()
        };
        Some(if matches!(scheme, "ws" | "wss") {
            minted.replacen("http", "ws", 1)
        } else {
            minted
        })
    }

    fn cluster(&self, text: &str) -> Option<String> {
        let (authority, path) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        let (domain, region, service) = cluster_parts(without_port(authority)).or_else(|| {
            let mut parts = path.split('/').skip(1);
            let service = parts.next().filter(|s| matches!(*s, "opensearch" | "es"))?;
            let region = parts.next()?;
            Some((parts.next()?, region, service))
        })?;
        let engine = if service == "es" {
            Engine::Es
        } else {
            Engine::OpenSearch
        };
        let strategy = if self.client.has_subdomains {
            OpenSearchStrategy::Domain
        } else {
            OpenSearchStrategy::Path
        };
        let config = self.config(self.client);
        let clusters = config.endpoints().opensearch(engine).strategy(strategy);
        Some(clusters.endpoint(region, domain).to_url())
    }

    fn any(&self, text: &str) -> Option<String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return self.host_name(text);
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = without_port(authority);
        if !matches!(scheme, "http" | "https" | "ws" | "wss") || rest.contains(char::is_whitespace)
        {
            return None;
        }
        if host.contains(".execute-api.") {
            return self.api(text);
        }
        if host.contains(".lambda-url.") {
            return self.function_url(text);
        }
        if let Some((bucket, _)) = host.split_once(".s3-website") {
            let path = rest.get(authority.len()..)?;
            let config = self.config(&self.client.with_subdomains(self.urls));
            return Some(config.endpoints().s3().website_url(bucket).to_url() + path);
        }
        let parts = queue_parts(text).filter(|p| is_account(p.account))?;
        Some(self.queue(parts))
    }
}

/// The bucket in a host, in the forms of AWS and of LocalStack.
fn bucket_in_host(host: &str) -> Option<&str> {
    crate::virtual_host::s3_bucket(host).or_else(|| {
        // `BUCKET.s3-REGION.amazonaws.com`
        let (bucket, rest) = host.split_once(".s3-")?;
        rest.ends_with(".amazonaws.com").then_some(bucket)
    })
}

/// `DOMAIN.REGION.opensearch|es.HOST`, or AWS' `search-DOMAIN-ID.REGION.es.amazonaws.com`.
fn cluster_parts(host: &str) -> Option<(&str, &str, &str)> {
    let mut labels = host.splitn(4, '.');
    let (domain, region) = (labels.next()?, labels.next()?);
    let service = labels
        .next()
        .filter(|s| matches!(*s, "opensearch" | "es"))?;
    let rest = labels.next()?;
    let domain = if rest == "amazonaws.com" {
        let named = domain.strip_prefix("search-").unwrap_or(domain);
        named.rsplit_once('-').map_or(named, |(name, _)| name)
    } else {
        domain
    };
    (is_region(region) && Host::new(host).ip().is_none()).then_some((domain, region, service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsconfig::addr::HostPort;
    use lsconfig::resolve::CLOUD;

    #[track_caller]
    fn check(host: &str, kind: Kind, text: &str, expected: Option<&str>) {
        let urls = Urls {
            mint: Mint::Client,
            address: HostPort::new(CLOUD, 4566),
            scheme: "http",
            sqs_strategy: None,
            listen_port: 4566,
        };
        let client = Client::of(host, false, &urls);
        let minter = Minter {
            client: &client,
            urls: &urls,
            region: "eu-west-1",
        };
        assert_eq!(
            minter.mint(kind, text).as_deref(),
            expected,
            "{host} {text}"
        );
    }

    #[test]
    fn queue_urls_take_the_form_that_works_for_the_client() {
        let moto = "http://127.0.0.1:5000/000000000000/q";
        let check = |host, text, expected| check(host, Kind::Queue, text, expected);
        let path = "http://emulator:4566/queue/eu-west-1/000000000000/q";
        check("emulator:4566", moto, Some(path));
        let standard = "http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/q";
        check("localhost.localstack.cloud:4566", moto, Some(standard));
        check(
            "sqs.us-east-1.localhost.localstack.cloud:4566",
            moto,
            Some(standard),
        );
        check("localhost.localstack.cloud:4566", standard, None);
        let domain = "http://eu-west-1.queue.x.y:80/000000000000/q";
        check("queue.x.y", moto, Some(domain));
        check("localhost:4566", "not a url", None);
    }

    #[test]
    fn locations_and_endpoints_follow_the_client() {
        let location = "http://b.s3.amazonaws.com/a%20b";
        check(
            "localhost:1",
            Kind::S3Location,
            location,
            Some("http://localhost:1/b/a%20b"),
        );
        let vhost = "http://b.s3.localhost.localstack.cloud:4566/a%20b";
        check(
            "localhost.localstack.cloud:4566",
            Kind::S3Location,
            location,
            Some(vhost),
        );
        let function = "https://abc.lambda-url.us-east-1.on.aws/";
        let minted = "http://abc.lambda-url.us-east-1.localhost.localstack.cloud:4566/";
        check("127.0.0.1:4566", Kind::FunctionUrl, function, Some(minted));
        let api = "https://id.execute-api.us-east-1.amazonaws.com";
        check(
            "e:1",
            Kind::ApiEndpoint,
            api,
            Some("http://e:1/_aws/execute-api/id"),
        );
        let minted = "http://id.execute-api.localhost.localstack.cloud:1/dev";
        let api = "https://id.execute-api.us-east-1.amazonaws.com/dev";
        check("localhost.localstack.cloud:1", Kind::Any, api, Some(minted));
        let cluster = "search-d-1a2b.us-east-1.es.amazonaws.com";
        check(
            "e:1",
            Kind::ClusterEndpoint,
            cluster,
            Some("e:1/es/us-east-1/d"),
        );
    }

    #[test]
    fn other_texts_stay() {
        for text in [
            "plain",
            "https://example.com/a/b",
            "arn:aws:sqs:x",
            "http://",
            "s3://b/k",
        ] {
            check("localhost:1", Kind::Any, text, None);
        }
    }

    /// LocalStack's own URLs come out of the gateway as LocalStack mints them for the same settings.
    #[test]
    fn configured_urls_are_those_of_localstack() {
        let text = include_str!("../../../../tests/data/oracle/urls.jsonl");
        let (mut cases, mut wrong) = (0, Vec::new());
        for line in text.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let (config, input) = (&record["config"], &record["input"]);
            let field = |name: &str| input[name].as_str().unwrap_or_default();
            let host = config["LOCALSTACK_HOST"].as_str().unwrap_or(CLOUD);
            if host.starts_with('[') {
                continue; // LocalStack's own texts are no valid URLs there.
            }
            if field("strategy") == "dynamic" && field("request_host").starts_with("sqs.localhost")
            {
                continue; // LocalStack takes `localhost` for a region and drops it.
            }
            let listen_port = match config["GATEWAY_LISTEN"].as_str() {
                Some(listen) => listen.split([':', ',']).nth(1).unwrap().parse().unwrap(),
                None => 4566,
            };
            let spec: lsconfig::addr::HostPortSpec = host.parse().unwrap();
            let strategy = field("strategy");
            let scheme = if config["USE_SSL"] == "1" {
                "https"
            } else {
                "http"
            };
            let urls = Urls {
                mint: Mint::Configured,
                address: spec.or(&HostPort::new(CLOUD, listen_port)),
                scheme,
                sqs_strategy: Some(strategy.to_owned()),
                listen_port,
            };
            let tls = field("request_scheme") == "https";
            let client = Client::of(field("request_host"), tls, &urls);
            let (region, account) = (field("region"), field("account"));
            let minter = Minter {
                client: &client,
                urls: &urls,
                region,
            };
            let up = "http://u:5000";
            let expected = record["url"].as_str();
            let (kind, from) = match record["kind"].as_str().unwrap() {
                "sqs.queue_url" => (Kind::Queue, format!("{up}/{account}/{}", field("queue"))),
                "s3.complete_multipart_location" => (
                    Kind::S3Location,
                    format!("{up}/{}/{}", field("bucket"), field("key")),
                ),
                "s3.create_bucket_location" if region != "us-east-1" => {
                    (Kind::S3Location, format!("{up}/{}/", field("bucket")))
                }
                "lambda.function_url" => {
                    let id = field("url_id");
                    (
                        Kind::FunctionUrl,
                        format!("http://{id}.lambda-url.{region}.u:5000/"),
                    )
                }
                "lambda.code_location" => {
                    let (_, path) = expected.unwrap().split_once("://").unwrap();
                    (
                        Kind::Link,
                        format!("{up}/{}", path.split_once('/').unwrap().1),
                    )
                }
                kind @ ("opensearch.endpoint" | "es.endpoint") if strategy == "domain" => {
                    let service = kind.split('.').next().unwrap();
                    let domain = field("domain");
                    (
                        Kind::ClusterEndpoint,
                        format!("u:5000/{service}/{region}/{domain}"),
                    )
                }
                _ => continue,
            };
            cases += 1;
            let minted = minter.mint(kind, &from).unwrap_or(from);
            if Some(minted.as_str()) != expected {
                wrong.push(format!("{minted} for {record}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(cases > 400, "{cases}");
    }
}
