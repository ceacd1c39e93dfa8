//! YAML: Compose files, workflows, manifests.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lsconfig_fuzz::edits(&["compose.yaml", "ci.yml"], bytes));
