//! `lsconfig.toml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::source::{decode, toml};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = decode(bytes) {
        let _ = toml::parse(text, "lsconfig.toml");
    }
});
