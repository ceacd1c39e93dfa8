//! The image's entrypoint on any environment of `KEY=VALUE` entries.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use lsconfig::entrypoint::run;
use lsconfig::release::Line;

fuzz_target!(|text: &str| {
    let environment: BTreeMap<&str, &str> = text
        .split('\0')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    for line in [Line::V1, Line::V4] {
        let pairs = environment.iter().map(|(name, value)| (*name, *value));
        if let Ok(exports) = run(pairs, line) {
            assert!(exports.iter().all(|export| !export.name.is_empty()));
        }
    }
});
