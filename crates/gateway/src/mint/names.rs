//! Host names that resources get, most of them without scheme or port.
//!
//! The label that names the resource stays, so that the emulator knows it when it comes back in a
//! `Host`; what stands below it becomes the host of the client.

use lsconfig::addr::Host;
use lsconfig::endpoint::appsync::AppSyncStrategy;
use lsconfig::endpoint::ecr::EcrStrategy;

use super::client::Client;
use super::url::Minter;
use crate::virtual_host::{is_account, is_region, s3_bucket, without_port};

impl Minter<'_> {
    /// `ID.execute-api.REGION.amazonaws.com` and LocalStack's `ID.execute-api.HOST`.
    pub(super) fn api_domain(&self, text: &str) -> Option<String> {
        let (id, _) = text.split_once(".execute-api.")?;
        self.below(id, "execute-api", text)
    }

    /// `NAME.REGION.elb.amazonaws.com` and LocalStack's `NAME.elb.HOST`.
    pub(super) fn load_balancer(&self, text: &str) -> Option<String> {
        let (front, _) = text.split_once(".elb.")?;
        let name = match front.rsplit_once('.') {
            Some((name, region)) if is_region(region) => name,
            _ => front,
        };
        self.below(name, "elb", text)
    }

    /// `ID.cloudfront.net` and LocalStack's `ID.cloudfront.HOST`.
    pub(super) fn distribution(&self, text: &str) -> Option<String> {
        let (id, _) = text.split_once(".cloudfront.")?;
        self.below(id, "cloudfront", text)
    }

    /// `ID.SERVICE.REGION.vpce.amazonaws.com`; LocalStack puts the port into the name.
    pub(super) fn vpc_endpoint(&self, text: &str) -> Option<String> {
        let (front, _) = text.split_once(".vpce.")?;
        if !is_host_name(front) {
            return None;
        }
        let config = self.config(&self.named());
        let address = config.endpoints().authority().to_url();
        Some(format!("{front}.vpce.{address}"))
    }

    /// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`. Registries on ports of their own are not ours.
    pub(super) fn repository(&self, text: &str) -> Option<String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (account, below) = authority.split_once(".dkr.ecr.")?;
        let region = below.split('.').next().filter(|r| is_region(r))?;
        if !is_account(account) {
            return None;
        }
        let client = self.named();
        let config = self.config(&client);
        let ecr = config.endpoints().ecr().strategy(EcrStrategy::Domain);
        let name = path.trim_start_matches('/');
        let uri = ecr.repository_uri(region, account, name).to_url();
        let uri = uri.strip_suffix('/').unwrap_or(&uri);
        Some(match scheme {
            Some(_) => format!("{}://{uri}", client.scheme),
            None => uri.to_owned(),
        })
    }

    /// `ID.appsync-api.HOST/graphql`, `HOST/appsync-api/ID/graphql` or `HOST/graphql/ID`. Subscriptions
    /// on a port of their own are not ours.
    pub(super) fn graphql(&self, text: &str) -> Option<String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => ("", text),
        };
        let (authority, path) = rest.split_once('/')?;
        let host = without_port(authority);
        let labelled = [".appsync-api.", ".appsync-realtime-api."]
            .iter()
            .find_map(|label| Some(host.split_once(label)?.0));
        let (id, strategy) = match (labelled, path.split_once('/')) {
            (Some(id), _) if self.client.has_subdomains => (id, AppSyncStrategy::Domain),
            (Some(id), _) => (id, AppSyncStrategy::Path),
            (None, Some(("appsync-api", rest))) => (rest.split('/').next()?, AppSyncStrategy::Path),
            (None, Some(("graphql", id))) if !matches!(scheme, "ws" | "wss") => {
                (id, AppSyncStrategy::Legacy)
            }
            _ => return None,
        };
        let config = self.config(self.client);
        let appsync = config.endpoints().appsync().strategy(strategy);
        Some(if matches!(scheme, "ws" | "wss") {
            appsync.realtime_url(id).to_url()
        } else {
            appsync.graphql_url(id).to_url()
        })
    }

    /// The name of a resource in an output of a template.
    pub(super) fn host_name(&self, text: &str) -> Option<String> {
        if !is_host_name(text) {
            return None;
        }
        if let Some(bucket) = s3_bucket(text) {
            let config = self.config(&self.named());
            return Some(config.endpoints().s3().domain_name(bucket).to_url());
        }
        self.api_domain(text)
            .or_else(|| self.load_balancer(text))
            .or_else(|| self.distribution(text))
    }

    /// The client, with a host that names can stand below.
    fn named(&self) -> Client {
        self.client.with_subdomains(self.urls)
    }

    fn below(&self, name: &str, label: &str, whole: &str) -> Option<String> {
        let one_label = !name.is_empty() && !name.contains('.');
        (one_label && is_host_name(whole))
            .then(|| format!("{name}.{label}.{}", self.named().host.as_str()))
    }
}

fn is_host_name(text: &str) -> bool {
    text.contains('.')
        && Host::new(text).ip().is_none()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::super::url::Kind;
    use super::*;
    use crate::config::{Mint, Urls};
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
        let minted = minter.mint(kind, text);
        assert_eq!(minted.as_deref(), expected, "{host} {text}");
        if let Some(minted) = minted {
            assert_eq!(
                minter.mint(kind, &minted),
                None,
                "minting again changes {minted}"
            );
        }
    }

    #[test]
    fn names_of_resources_stand_below_the_host_of_the_client() {
        let cloud = format!("{CLOUD}:4566");
        let on = |kind, text: &str, expected: &str| check(&cloud, kind, text, Some(expected));
        on(
            Kind::ApiDomain,
            "d-1a2b.execute-api.eu-west-1.amazonaws.com",
            "d-1a2b.execute-api.localhost.localstack.cloud",
        );
        on(
            Kind::LoadBalancer,
            "lb-1.eu-west-1.elb.amazonaws.com",
            "lb-1.elb.localhost.localstack.cloud",
        );
        on(
            Kind::Distribution,
            "e1.cloudfront.net",
            "e1.cloudfront.localhost.localstack.cloud",
        );
        on(
            Kind::VpcEndpoint,
            "vpce-1-2.execute-api.eu-west-1.vpce.amazonaws.com",
            "vpce-1-2.execute-api.eu-west-1.vpce.localhost.localstack.cloud:4566",
        );
        on(
            Kind::Repository,
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b",
            "123456789012.dkr.ecr.eu-west-1.localhost.localstack.cloud:4566/a/b",
        );
        on(
            Kind::Repository,
            "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "http://123456789012.dkr.ecr.eu-west-1.localhost.localstack.cloud:4566",
        );
        check(
            "10.0.0.2:1",
            Kind::Distribution,
            "e1.cloudfront.net",
            Some(&format!("e1.cloudfront.{CLOUD}")),
        );
        check(
            "foo.bar:5000",
            Kind::LoadBalancer,
            "lb-1.elb.localhost.localstack.cloud",
            Some("lb-1.elb.foo.bar"),
        );
    }

    #[test]
    fn graphql_apis_are_found_by_host_or_path() {
        let cloud = format!("{CLOUD}:4566");
        let aws = "https://x1.appsync-api.eu-west-1.amazonaws.com/graphql";
        let domain = format!("http://x1.appsync-api.{CLOUD}:4566/graphql");
        check(&cloud, Kind::GraphQl, aws, Some(&domain));
        check(
            "e:1",
            Kind::GraphQl,
            aws,
            Some("http://e:1/appsync-api/x1/graphql"),
        );
        let realtime = "wss://x1.appsync-realtime-api.eu-west-1.amazonaws.com/graphql";
        let minted = format!("ws://x1.appsync-api.{CLOUD}:4566/graphql");
        check(&cloud, Kind::GraphQl, realtime, Some(&minted));
        check(
            "e:1",
            Kind::GraphQl,
            "http://localhost:4566/graphql/x1",
            Some("http://e:1/graphql/x1"),
        );
        check("e:1", Kind::GraphQl, "ws://localhost:4510/graphql/x1", None);
    }

    #[test]
    fn outputs_of_templates_may_be_bare_names() {
        let cloud = format!("{CLOUD}:4566");
        let bucket = format!("b.s3.{CLOUD}");
        check(&cloud, Kind::Any, "b.s3.amazonaws.com", Some(&bucket));
        check(
            &cloud,
            Kind::Any,
            "b.s3.eu-west-1.amazonaws.com",
            Some(&bucket),
        );
        check(&cloud, Kind::Any, &bucket, None);
        for text in [
            "1.2.3.4",
            "a.example.com",
            "arn:aws:s3:::b.s3.x",
            "a sentence. b.s3.x",
            ".s3.x",
        ] {
            check(&cloud, Kind::Any, text, None);
        }
    }

    #[test]
    fn what_is_not_ours_stays() {
        for (kind, text) in [
            (Kind::Repository, "localhost.localstack.cloud:4510/a"),
            (Kind::Repository, "x.dkr.ecr.eu-west-1.amazonaws.com/a"),
            (Kind::LoadBalancer, "lb.example.com"),
            (Kind::ApiDomain, "api.example.com"),
            (Kind::ApiDomain, "a.b.execute-api.x"),
            (Kind::Distribution, "a b.cloudfront.net"),
            (Kind::VpcEndpoint, "a/b.vpce.x"),
            (Kind::GraphQl, "http://x/"),
        ] {
            check("e:1", kind, text, None);
        }
    }
}
