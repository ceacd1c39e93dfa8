//! Service decisions (`routing.jsonl`) and live requests (`live-routing.jsonl`) of LocalStack 4.12.

use std::collections::BTreeMap;
use std::path::Path;

use lsconfig_gateway::decide::{RequestView, Verdict, decide};
use lsconfig_gateway::virtual_host::{EdgeRoute, edge_route, s3_bucket};
use serde_json::{Value, json};

fn records(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/oracle");
    let text = std::fs::read_to_string(path.join(format!("{name}.jsonl"))).unwrap();
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!records.is_empty());
    records
}

fn divergences() -> BTreeMap<&'static str, &'static str> {
    include_str!("../data/routing-divergences.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(" | ").unwrap())
        .collect()
}

fn view(record: &Value) -> RequestView<'_> {
    let header = |name: &str| {
        let headers = record["headers"].as_object().unwrap();
        let found = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str().unwrap())
    };
    RequestView {
        method: record["method"].as_str().unwrap(),
        path: record["path"].as_str().unwrap(),
        query: record["query"].as_str().unwrap_or_default(),
        host: record["host"].as_str().unwrap(),
        authorization: header("authorization"),
        target: header("x-amz-target"),
        content_type: header("content-type"),
        user_agent: header("user-agent"),
        smithy_protocol: header("smithy-protocol"),
        body: record["body"].as_str().unwrap_or_default().as_bytes(),
    }
}

fn agrees(record: &Value) -> bool {
    let (verdict, observed) = (decide(&view(record)), &record["observed"]);
    if let Some(error) = observed["error"].as_str() {
        return matches!(&verdict, Verdict::UnknownService(name) if error.contains(&format!("'{name}'")));
    }
    let bucket = s3_bucket(record["host"].as_str().unwrap());
    if json!(bucket) != observed["s3_vhost_bucket"] {
        return false;
    }
    match verdict {
        Verdict::Service {
            name,
            protocol,
            ambiguous,
        } => {
            if record["unordered"] == json!(true) {
                // LocalStack picks one of several at random; ours must say that it did as well.
                return ambiguous && observed["service"].is_string();
            }
            json!(name) == observed["service"] && json!(protocol) == observed["protocol"]
        }
        Verdict::Undecided => observed["service"].is_null(),
        Verdict::UnknownService(_) => false,
    }
}

#[test]
fn services_are_decided_as_recorded() {
    let mut listed = divergences();
    let mut wrong = Vec::new();
    for record in records("routing") {
        let id = record["id"].as_str().unwrap();
        match (agrees(&record), listed.remove(id)) {
            (true, Some(_)) => wrong.push(format!("{id} is listed, but agrees")),
            (false, None) => {
                wrong.push(format!(
                    "{id}: {} {:?}",
                    record["observed"],
                    decide(&view(&record))
                ));
            }
            _ => {}
        }
    }
    wrong.extend(
        listed
            .keys()
            .map(|id| format!("{id} is listed, but not recorded")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What LocalStack's answer shows about where a live request went.
fn live_service(record: &Value) -> Option<Option<&'static str>> {
    let observed = &record["observed"];
    let body = observed["body"].as_str().unwrap_or_default();
    Some(match record["kind"].as_str().unwrap() {
        "apigw" | "apigw-vpce" if observed["status"] != json!(500) => Some("apigateway"),
        "sqs-url" if observed["status"] != json!(500) => Some("sqs"),
        "s3-website" if body == "site" => Some("s3"),
        "s3-website" | "s3-vhost" | "s3-path" => None,
        _ => return None,
    })
}

#[test]
fn edge_routes_are_taken_as_recorded() {
    let mut cases = 0;
    for record in records("live-routing") {
        let text = |name: &str| record[name].as_str().unwrap().replace("{api}", "liveapi");
        let (host, target) = (text("host"), text("path"));
        let path = target.split('?').next().unwrap();
        let api_id = record["headers"].get("x-apigw-api-id").map(|_| "liveapi");
        let route = edge_route(record["method"].as_str().unwrap(), &host, path, api_id);
        let internal = path.starts_with("/_localstack/");
        assert_eq!(route == Some(EdgeRoute::Internal), internal, "{record}");
        let Some(expected) = live_service(&record) else {
            continue;
        };
        cases += 1;
        // An account of eleven digits and a `sqs.` host without region reach SQS by the host rule.
        assert_eq!(route.and_then(|r| r.service()), expected, "{record}");
    }
    assert!(cases > 50, "{cases}");
}

#[test]
fn buckets_in_hosts_are_found_as_recorded() {
    for record in records("live-routing") {
        if record["kind"] != json!("s3-vhost") {
            continue;
        }
        let found = s3_bucket(record["host"].as_str().unwrap());
        let served = record["observed"]["status"] == json!(200);
        let exists = matches!(found, Some("livebkt" | "dot.bkt"));
        assert_eq!(exists, served, "{record}");
    }
}
