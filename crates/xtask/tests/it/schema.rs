//! The explain document conforms to its published schema.

use lsconfig::explain::{Document, SCHEMA};
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{NEWEST_KNOWN, Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use lsconfig_testkit::schema::{undeclared, violations};
use lsconfig_xtask::root;
use serde_json::Value;

fn schema() -> Value {
    let text = std::fs::read_to_string(root().join("docs/explain.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every fourth environment of the recorded vectors; checking all takes long without optimisation.
fn environments() -> Vec<(Vec<(String, String)>, bool)> {
    let path = root().join("tests/data/oracle/envs.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let records = text.lines().step_by(4).map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        let pairs = record["env"].as_object().unwrap().iter();
        let pairs = pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        (pairs.collect(), record["in_docker"].as_bool().unwrap())
    });
    records.collect()
}

#[test]
fn documents_conform() {
    let schema = schema();
    let mut semantics = vec![Semantics::Normalized];
    for release in ["1.4", "2.0", "2.3.1", "2.3.2", "3.8", "4.14"] {
        semantics.push(release.parse::<TargetVersion>().unwrap().into());
    }
    let mut failed = 0;
    for (pairs, in_container) in environments() {
        let layer = Layer::from_pairs(SourceKind::Environment, "environment", pairs.clone());
        let layers = Layers::from_iter([layer]);
        let facts = Facts {
            in_container,
            through_entrypoint: in_container,
        };
        for semantics in &semantics {
            let resolution = resolve(&layers, &facts, *semantics);
            let document = serde_json::to_value(Document::new(&resolution)).unwrap();
            let mut found = violations(&schema, &document);
            found.extend(undeclared(&schema, &document));
            assert!(found.is_empty(), "{semantics} of {pairs:?}: {found:#?}");
            failed += usize::from(!resolution.starts());
        }
    }
    assert!(failed > 0, "documents of failed starts are covered too");
}

#[test]
fn the_schema_names_the_version_that_is_written() {
    assert_eq!(schema()["properties"]["schema"]["const"], SCHEMA);
}

#[test]
fn a_document_without_a_member_is_refused() {
    let resolution = resolve(&Layers::default(), &Facts::default(), NEWEST_KNOWN);
    let mut document = serde_json::to_value(Document::new(&resolution)).unwrap();
    document.as_object_mut().unwrap().remove("bind");
    assert_eq!(violations(&schema(), &document), ["$: bind is missing"]);
}
