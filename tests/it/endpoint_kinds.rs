//! Every form of URL, at the default host, at a host of the user's, and at an IPv6 address; and
//! back again (`tests/data/kinds.txt`).

use lsconfig::addr::HostPort;
use lsconfig::endpoint::kinds::{self, Kind, MintedValue};
use lsconfig::endpoint::parse::parse_url;
use lsconfig::endpoint::{EndpointConfig, SqsStrategy};
use lsconfig::release::Semantics;

/// One value for each name of an input.
fn sample<'a>(name: &str) -> Option<&'a str> {
    let value = match name {
        "account" => "111122223333",
        "api_id" => "a1b2c3d4e5",
        "bucket" => "my-bucket",
        "container" => "media",
        "distribution" => "d1234567",
        "domain" => "my-domain",
        "format" => "pypi",
        "function" => "handler",
        "host" => "172.18.0.2",
        "key" => "a b/ü.txt",
        "name" => "balancer",
        "path" => "/x/y",
        "pool" => "eu-west-1_Ab1",
        "presigned" => "X-Amz-Signature=0",
        "queue" => "orders",
        "region" => "eu-west-1",
        "repository" => "images",
        "service" => "execute-api",
        "stage" => "dev",
        "subscription_arn" => "arn:aws:sns:eu-west-1:111122223333:t:1",
        "text" => "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/dev",
        "token" => "token",
        "topic_arn" => "arn:aws:sns:eu-west-1:111122223333:t",
        "uid" => "abcd1234",
        "url_id" => "id0",
        "uuid" => "00000000",
        "vpce" => "vpce-0a1b2c3d4e5f67890",
        // What the configuration decides, and ports of instances, stay as they are.
        "strategy" | "request_host" | "request_scheme" | "port" | "custom_endpoint" => return None,
        other => panic!("the input `{other}` has no sample"),
    };
    Some(value)
}

fn minted(kind: &Kind, config: &EndpointConfig) -> MintedValue {
    kinds::mint(kind, config, &sample).expect("samples are valid")
}

fn config(host: &str, port: u16) -> EndpointConfig {
    EndpointConfig::new(HostPort::new(host, port), Semantics::Normalized)
}

fn text(value: &MintedValue) -> String {
    serde_json::to_string(value).expect("JSON")
}

#[test]
fn every_kind_is_minted_as_listed() {
    let hosts = [
        config("localhost.localstack.cloud", 4566),
        config("foo.bar", 5000),
        config("::1", 4566),
    ];
    let mut actual = String::new();
    for kind in kinds::all() {
        actual += &format!("{}\n", kind.cli);
        for config in &hosts {
            actual += &format!("  {}\n", text(&minted(kind, config)));
        }
    }
    let listed = include_str!("../data/kinds.txt");
    let listed: String = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(listed == actual, "not as listed; it is now:\n{actual}");
}

/// What a text is taken for where that is not the form it was minted as: another form has the same
/// texts.
const TAKEN_FOR: &[(&str, &str)] = &[
    ("s3-bucket", "s3-path"),
    ("s3-multipart", "s3-path"),
    ("s3-domain", "s3-virtual-host"),
    ("lambda-endpoint", "gateway"),
    ("internal", "gateway"),
    ("apigatewayv2", "apigateway"),
    ("apigatewayv2-websocket", "apigateway"),
    ("cloudfront-domain", "cloudfront"),
    ("elb-domain", "elb"),
    ("cloudformation-suffix", "gateway"),
    ("cloudformation-rewrite", "apigateway"),
    ("rds-cluster", "instance"),
    ("redshift", "instance"),
    ("msk", "instance"),
    ("mq", "instance"),
    ("transfer", "instance"),
];

#[test]
fn every_text_is_taken_apart_as_its_own_form() {
    let config = config("foo.bar", 5000);
    for kind in kinds::all() {
        let MintedValue::Text(text) = minted(kind, &config) else {
            continue;
        };
        let parsed = parse_url(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let taken = parsed.target.kind();
        let other = TAKEN_FOR.iter().find(|(cli, _)| *cli == kind.cli);
        let expected = other.map_or(kind.cli, |(_, other)| other);
        assert_eq!(taken, expected, "{}: {text}", kind.cli);
    }
}

#[test]
fn every_strategy_has_its_form() {
    let mut config = config("foo.bar", 5000);
    let queue = |config: &EndpointConfig| {
        let url = config.endpoints().sqs();
        url.queue_url("eu-west-1", "111122223333", "q").to_url()
    };
    for (name, expected) in [
        (
            "standard",
            "http://sqs.eu-west-1.foo.bar:5000/111122223333/q",
        ),
        (
            "domain",
            "http://eu-west-1.queue.foo.bar:5000/111122223333/q",
        ),
        ("path", "http://foo.bar:5000/queue/eu-west-1/111122223333/q"),
        ("off", "http://foo.bar:5000/111122223333/q"),
        ("nonsense", "http://foo.bar:5000/111122223333/q"),
    ] {
        config.sqs = SqsStrategy::from_text(name);
        assert_eq!(queue(&config), expected, "{name}");
    }
    for (kind, strategy, expected) in [
        (
            "appsync",
            "legacy",
            "http://foo.bar:5000/graphql/a1b2c3d4e5",
        ),
        (
            "appsync",
            "domain",
            "http://a1b2c3d4e5.appsync-api.foo.bar:5000/graphql",
        ),
        (
            "appsync",
            "path",
            "http://foo.bar:5000/appsync-api/a1b2c3d4e5/graphql",
        ),
        (
            "appsync-realtime",
            "legacy",
            "ws://foo.bar:4510/graphql/a1b2c3d4e5",
        ),
        (
            "appsync-realtime",
            "domain",
            "ws://a1b2c3d4e5.appsync-api.foo.bar:5000/graphql",
        ),
        (
            "ecr",
            "domain",
            "111122223333.dkr.ecr.eu-west-1.foo.bar:5000/images",
        ),
        ("ecr", "off", "foo.bar:4510/images"),
        (
            "opensearch-endpoint",
            "domain",
            "my-domain.eu-west-1.opensearch.foo.bar:5000",
        ),
        (
            "opensearch-endpoint",
            "path",
            "foo.bar:5000/opensearch/eu-west-1/my-domain",
        ),
        ("opensearch-endpoint", "port", "foo.bar:4510"),
        ("es-endpoint", "path", "foo.bar:5000/es/eu-west-1/my-domain"),
    ] {
        let row = kinds::lookup(kind).expect("a form");
        let read = |name: &str| match name {
            "strategy" => Some(strategy),
            name => sample(name),
        };
        let url = kinds::mint(row, &config, &read).expect("samples are valid");
        assert_eq!(url, expected.into(), "{kind} with {strategy}");
    }
}
