//! `host:port` as each release parses it (`hostport.jsonl`).

use lsconfig::addr::{Dialect, Host};
use lsconfig::python::Int;
use lsconfig::release::TargetVersion;

use crate::vectors::{assert_none, records};

#[test]
fn every_release_parses_addresses_as_recorded() {
    let mut mismatches = Vec::new();
    let mut cases = 0;
    for record in records("hostport") {
        let input = record["input"].as_str().expect("text");
        let host = Host::new(record["default_host"].as_str().expect("text"));
        let port = Int::from(record["default_port"].as_i64().expect("number"));
        for (version, observed) in record["observed"].as_object().expect("object") {
            cases += 1;
            let version: TargetVersion = version.parse().expect("version");
            let ours = match Dialect::of(version).parse(input) {
                Ok(spec) => {
                    let a = spec.or(&host, &port);
                    serde_json::json!([a.host.as_str(), a.port.to_string(), a.to_string()])
                }
                Err(error) => serde_json::json!(error.python_message()),
            };
            let theirs = match observed.get("error") {
                Some(_) => observed["message"].clone(),
                None => {
                    serde_json::json!([
                        observed["host"],
                        observed["port"].to_string(),
                        observed["str"]
                    ])
                }
            };
            if ours != theirs {
                mismatches.push(format!(
                    "{version} {input:?}: {theirs} observed, {ours} here"
                ));
            }
        }
    }
    assert_none(&mismatches, cases);
}
