//! JSON, HCL, Nix and TOML.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lsconfig_fuzz::edits(&["a.json", "a.tf", "a.nix", "a.toml"], bytes));
