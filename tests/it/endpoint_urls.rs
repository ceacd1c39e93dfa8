//! URLs as a running 4.12.0 returned them (`urls.jsonl`).

use lsconfig::endpoint::{EndpointConfig, kinds};
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::TargetVersion;
use lsconfig::resolve::resolve;
use serde_json::Value as Json;

use crate::vectors::{assert_none, records};

/// The configuration of an environment, in a process outside a container.
fn config(env: &Json) -> EndpointConfig {
    let pairs = env.as_object().expect("object").iter();
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str().expect("text")));
    let mut layers = Layers::default();
    layers.push(Layer::from_pairs(SourceKind::Environment, "env", pairs));
    let resolution = resolve(&layers, &Facts::default(), TargetVersion::new(4, 12));
    assert!(resolution.starts(), "{env}");
    EndpointConfig::from(&resolution)
}

#[test]
fn every_url_is_minted_as_recorded() {
    let mut mismatches = Vec::new();
    let records = records("urls");
    for record in &records {
        let (name, input) = (record["kind"].as_str().expect("text"), &record["input"]);
        let kind = kinds::lookup(name).unwrap_or_else(|| panic!("{name} has no row"));
        let config = config(&record["config"]);
        let read = |name: &str| input.get(name).and_then(Json::as_str);
        let minted = kinds::mint(kind, &config, &read).expect("inputs are complete");
        let minted = serde_json::to_value(&minted).expect("JSON");
        if minted != record["url"] {
            let (id, url) = (&record["id"], &record["url"]);
            mismatches.push(format!("{id} {name}: {url} observed, {minted} here"));
        }
    }
    assert_none(&mismatches, records.len());
}
