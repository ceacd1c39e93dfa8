//! Mint, then take apart: the parts come back, for every form of URL and any valid input.

use std::collections::BTreeMap;

use lsconfig::addr::{Host, HostPort};
use lsconfig::endpoint::kinds::{self, Kind, MintedValue};
use lsconfig::endpoint::parse::parse_url;
use lsconfig::endpoint::{EndpointConfig, SqsStrategy};
use lsconfig::release::Semantics;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;
use serde_json::Value as Json;

/// What each form gives back of its inputs; forms that mint no URL are left out.
const GIVEN_BACK: &[(&str, &[&str])] = &[
    ("apigateway", &["api_id", "path", "stage"]),
    ("apigateway-legacy-path", &["api_id", "path", "stage"]),
    ("apigateway-path", &["api_id", "path", "stage"]),
    ("apigatewayv2", &["api_id"]),
    ("apigatewayv2-websocket", &["api_id", "stage"]),
    ("appsync", &["api_id"]),
    ("appsync-realtime", &["api_id"]),
    ("cloudformation-rewrite", &[]),
    ("cloudformation-suffix", &[]),
    ("cloudfront", &["distribution"]),
    ("cloudfront-domain", &["distribution"]),
    (
        "codeartifact",
        &["account", "domain", "format", "region", "repository"],
    ),
    ("cognito-issuer", &["pool"]),
    ("cognito-login", &[]),
    ("cognito-token", &[]),
    ("ecr", &["account", "region", "repository"]),
    ("elb", &["name", "path"]),
    ("elb-domain", &["name"]),
    ("elb-path", &["name", "path"]),
    ("es-endpoint", &["domain", "region"]),
    ("gateway", &[]),
    ("internal", &[]),
    ("iot", &["account", "region"]),
    ("iot-ca", &[]),
    (
        "lambda-code",
        &["account", "function", "presigned", "region", "uuid"],
    ),
    ("lambda-endpoint", &["host"]),
    ("lambda-url", &["region", "url_id"]),
    ("mediastore", &["container"]),
    ("mq", &[]),
    ("msk", &[]),
    ("opensearch-endpoint", &["domain", "region"]),
    ("rds-cluster", &[]),
    ("redshift", &[]),
    ("s3-bucket", &["bucket"]),
    ("s3-domain", &["bucket"]),
    ("s3-multipart", &["bucket", "key"]),
    ("s3-path", &["bucket", "key"]),
    ("s3-virtual-host", &["bucket", "key"]),
    ("s3-website", &["bucket"]),
    ("sns-cert", &[]),
    ("sns-subscribe", &["token", "topic_arn"]),
    ("sns-unsubscribe", &["subscription_arn"]),
    ("sqs-queue", &["account", "queue", "region"]),
    ("transfer", &[]),
];

/// Valid texts of an input. What one form could take for another form stays out: a bucket called like
/// an account, a port of an instance.
fn pattern(name: &str) -> &'static str {
    match name {
        "account" => "[0-9]{12}",
        "api_id" => "[a-z0-9]{10}",
        "bucket" => "b[a-z0-9]{2,20}(-[a-z0-9]{1,20}){0,2}",
        "container" => "[a-z0-9]{1,12}",
        "distribution" => "[a-f0-9]{8}",
        "domain" => "[a-z][a-z0-9]{2,12}(-[a-z0-9]{1,9})?",
        "format" => "npm|pypi|maven|nuget",
        "function" => "[A-Za-z0-9_-]{1,64}",
        "host" => "172\\.18\\.0\\.[1-9]",
        "key" => "[^/].{0,40}",
        "name" => "[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,9})?",
        "path" => "(/[a-z0-9._~-]{1,9}){1,3}",
        "pool" => "eu-west-1_[A-Za-z0-9]{1,9}",
        "presigned" => "X-Amz-Signature=[0-9a-f]{1,9}",
        "queue" => "[A-Za-z0-9_-]{1,75}(\\.fifo)?",
        "region" => "us-east-1|eu-west-1|ap-southeast-2|us-gov-west-1",
        "repository" => "[a-z0-9]{2,20}",
        "service" => "execute-api|sqs|s3",
        "stage" => "[A-Za-z0-9_-]{1,20}",
        "subscription_arn" => "arn:aws:sns:eu-west-1:[0-9]{12}:[A-Za-z0-9_-]{1,20}:[0-9a-f-]{36}",
        "text" => "plain",
        "token" => "[0-9a-f]{1,64}",
        "topic_arn" => "arn:aws:sns:eu-west-1:[0-9]{12}:[A-Za-z0-9_-]{1,20}(\\.fifo)?",
        "uid" => "[a-z0-9]{8}",
        "url_id" => "[a-z0-9]{32}",
        "uuid" => "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "vpce" => "vpce-[0-9a-f]{17}",
        other => panic!("the input `{other}` has no pattern"),
    }
}

/// Inputs that the configuration decides.
fn is_configured(name: &str) -> bool {
    matches!(
        name,
        "strategy" | "request_host" | "request_scheme" | "port" | "custom_endpoint"
    )
}

type Inputs = BTreeMap<&'static str, String>;

/// A form with valid inputs.
fn minting() -> impl Strategy<Value = (&'static Kind, Inputs)> {
    let kinds: Vec<&'static Kind> = kinds::all().collect();
    select(kinds).prop_flat_map(|kind| {
        let names: Vec<&'static str> = kind
            .inputs
            .iter()
            .map(|input| input.name)
            .filter(|name| !is_configured(name))
            .collect();
        let texts: Vec<_> = names
            .iter()
            .map(|name| string_regex(pattern(name)).expect("patterns are valid"))
            .collect();
        texts.prop_map(move |texts| (kind, names.iter().copied().zip(texts).collect()))
    })
}

fn config() -> impl Strategy<Value = EndpointConfig> {
    let host = select(vec![
        "localhost.localstack.cloud",
        "foo.bar",
        "my-emulator",
        "10.0.2.20",
        "::1",
    ]);
    let port = prop_oneof![1..4510_u16, 4561..=u16::MAX];
    let strategy = select(vec![
        SqsStrategy::Standard,
        SqsStrategy::Domain,
        SqsStrategy::Path,
        SqsStrategy::Dynamic,
        SqsStrategy::Off,
    ]);
    (host, port, strategy).prop_map(|(host, port, strategy)| {
        let host = HostPort::new(Host::new(host), port);
        let mut config = EndpointConfig::new(host, Semantics::Normalized);
        config.sqs = strategy;
        config
    })
}

/// Returns what parsing gives back of the inputs that a URL was minted from; `None` for no URL.
fn given_back(kind: &Kind, inputs: &Inputs, config: &EndpointConfig) -> Option<(String, Json)> {
    let read = |name: &str| inputs.get(name).map(String::as_str);
    let minted = kinds::mint(kind, config, &read).expect("inputs are valid");
    let MintedValue::Text(url) = minted else {
        return None;
    };
    let parsed = parse_url(&url).unwrap_or_else(|e| panic!("{}: {url}: {e}", kind.cli));
    let parsed = serde_json::to_value(&parsed).expect("JSON");
    Some((url, parsed))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2048)
    })]

    #[test]
    fn parts_come_back((kind, inputs) in minting(), config in config()) {
        let Some((url, parsed)) = given_back(kind, &inputs, &config) else {
            return Ok(());
        };
        // At an IP address, which takes no labels, some forms are a port of their own.
        if config.authority.host.ip().is_some() && parsed["kind"] == "instance" {
            return Ok(());
        }
        let row = GIVEN_BACK.iter().find(|(cli, _)| *cli == kind.cli);
        let (_, names) = row.expect("every form that mints a URL is listed");
        for name in *names {
            // Without a region in its URL a queue may be in any.
            let unsaid = kind.cli == "sqs-queue" && *name == "region" && parsed[*name].is_null();
            if !unsaid {
                prop_assert_eq!(parsed[*name].as_str(), Some(&*inputs[name]), "{} of {}: {}", name, kind.cli, url);
            }
        }
    }
}

#[test]
fn every_part_that_comes_back_is_listed() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let host = HostPort::new(Host::new("localhost.localstack.cloud"), 4566);
    let config = EndpointConfig::new(host, Semantics::Normalized);
    let mut actual: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut waiting: Vec<&str> = kinds::all().map(|kind| kind.cli).collect();
    while !waiting.is_empty() {
        let tree = minting().new_tree(&mut runner).expect("inputs");
        let (kind, inputs) = tree.current();
        waiting.retain(|cli| *cli != kind.cli);
        if let Some((_, parsed)) = given_back(kind, &inputs, &config) {
            let back = inputs
                .iter()
                .filter(|(name, text)| parsed[**name].as_str() == Some(text));
            actual.insert(kind.cli, back.map(|(name, _)| *name).collect());
        }
    }
    let listed = GIVEN_BACK.iter().map(|(cli, names)| (*cli, names.to_vec()));
    assert_eq!(actual, listed.collect());
}
