//! The explain document of any environment, in every reading: total, and without secrets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::explain::Document;
use lsconfig::facts::Facts;
use lsconfig::launcher;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{Semantics, TargetVersion};
use lsconfig::resolve::resolve;

fuzz_target!(|text: &str| {
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    let mut layer = Layer::from_pairs(SourceKind::Environment, "environment", pairs);
    let origin = lsconfig::layer::Origin::of_source("environment");
    layer.push("LOCALSTACK_AUTH_TOKEN", "ls-7f3a9c1e5d", origin);
    let layers = Layers::from_iter([layer]);
    let facts = Facts::container();
    let releases = ["1.4.0", "2.0.0", "2.3.1", "2.3.2", "3.8.1", "4.14.0"];
    let releases = releases.map(|text| text.parse::<TargetVersion>().expect("a version"));
    let all = releases
        .map(Semantics::from)
        .into_iter()
        .chain([Semantics::Normalized]);
    for semantics in all {
        let resolution = resolve(&layers, &facts, semantics);
        let document = serde_json::to_string(&Document::new(&resolution)).expect("it serialises");
        assert!(text.contains("ls-7f3a9c1e5d") || !document.contains("ls-7f3a9c1e5d"));
    }
    if let Ok(plan) = launcher::plan(&layers, &facts) {
        let _ = launcher::diagnose(&layers, &plan);
    }
});
