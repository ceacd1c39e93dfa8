//! Origins as LocalStack 4.12 judged them (`live-routing.jsonl`).

use http::header::{HeaderMap, HeaderName, HeaderValue};
use lsconfig::addr::HostPort;
use lsconfig_gateway::config::{CorsConfig, Mint, Urls};
use lsconfig_gateway::cors::{Cors, Verdict};
use serde_json::{Value, json};

fn cors(settings: &CorsConfig, address: HostPort) -> Cors {
    let listen = [HostPort::new("127.0.0.1", 4566)].into_iter().collect();
    let urls = Urls {
        mint: Mint::Client,
        address,
        scheme: "http",
        sqs_strategy: None,
        listen_port: 4566,
    };
    Cors::new(settings, &listen, &urls)
}

fn headers(record: &Value) -> HeaderMap {
    let pairs = record["headers"].as_object().unwrap();
    pairs
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (
                name,
                HeaderValue::from_str(value.as_str().unwrap()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn origins_are_judged_as_recorded() {
    let text = include_str!("../../../../tests/data/oracle/live-routing.jsonl");
    let cors = cors(
        &CorsConfig::default(),
        HostPort::new("localhost.localstack.cloud", 4566),
    );
    let mut cases = 0;
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if !record["kind"].as_str().unwrap().starts_with("cors") {
            continue;
        }
        cases += 1;
        let (asked, observed) = (headers(&record), &record["observed"]);
        let verdict = cors.judge(&asked);
        assert_eq!(
            verdict == Verdict::Refused,
            observed["status"] == json!(403),
            "{record}"
        );
        let mut answer = HeaderMap::new();
        if verdict == Verdict::AllowedWithHeaders {
            cors.headers(&asked).add_to(&mut answer);
        }
        let ours: Value = answer
            .iter()
            .map(|(n, v)| (n.to_string(), json!(v.to_str().unwrap())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(ours, observed["cors"], "{record}");
    }
    assert_eq!(cases, 36);
}

#[test]
fn the_host_of_returned_urls_is_allowed() {
    let mut asked = HeaderMap::new();
    asked.insert("origin", HeaderValue::from_static("http://foo.bar:5000"));
    let settings = CorsConfig::default();
    let judge =
        |settings: &CorsConfig, host| cors(settings, HostPort::new(host, 5000)).judge(&asked);
    assert_eq!(judge(&settings, "foo.bar"), Verdict::AllowedWithHeaders);
    assert_eq!(judge(&settings, "other"), Verdict::Refused);
    let extra = CorsConfig {
        extra_origins: vec!["*".to_owned()],
        ..CorsConfig::default()
    };
    assert_eq!(judge(&extra, "other"), Verdict::AllowedWithHeaders);
    let silent = CorsConfig {
        no_headers: true,
        no_checks: true,
        ..CorsConfig::default()
    };
    assert_eq!(judge(&silent, "other"), Verdict::Allowed);
}
