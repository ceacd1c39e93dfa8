//! The way back, as 4.12.0 goes it (`parse.jsonl`).

use lsconfig::endpoint::parse::{hostname_from_url, hosts, path_from_url, sqs};
use serde_json::{Value as Json, json};

use crate::vectors::{assert_none, records};

fn apply(function: &str, input: &str) -> Json {
    let result = |value: Json| json!({ "result": value });
    match function {
        "sqs.parse_queue_url" => match sqs::parse_queue_url(input) {
            Ok(queue) => result(json!([queue.account, queue.region, queue.name])),
            Err(error) => json!({"error": "ValueError", "message": error.to_string()}),
        },
        "sqs.is_sqs_queue_url" => result(json!(sqs::is_sqs_queue_url(input))),
        "sqs.dynamic_strategy" => result(json!(sqs::guess_strategy(input))),
        "s3.vhost_bucket" => result(json!(hosts::vhost_bucket(input))),
        "hostname_from_url" => result(json!(hostname_from_url(input))),
        "path_from_url" => result(json!(path_from_url(input))),
        _ => panic!("unknown function {function}"),
    }
}

#[test]
fn every_text_is_taken_apart_as_recorded() {
    let mut mismatches = Vec::new();
    let records = records("parse");
    for record in &records {
        let function = record["function"].as_str().expect("text");
        let input = record["input"].as_str().expect("text");
        let (ours, theirs) = (apply(function, input), &record["observed"]);
        if ours != *theirs {
            mismatches.push(format!(
                "{function}({input:?}): {theirs} observed, {ours} here"
            ));
        }
    }
    assert_none(&mismatches, records.len());
}
