//! Addresses in every grammar: no panic, spans within the text, parse after print is identity.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::addr::{Dialect, HostPortSpec};
use lsconfig::release::TargetVersion;

fuzz_target!(|text: &str| {
    for dialect in [Dialect::Lenient, Dialect::Strict, Dialect::Bracketed] {
        if let Err(error) = dialect.parse(text) {
            assert!(text.get(error.span).is_some());
        }
    }
    match text.parse::<HostPortSpec>() {
        Ok(spec) => assert_eq!(spec.to_string().parse(), Ok(spec)),
        Err(error) => assert!(text.get(error.span).is_some()),
    }
    let _ = text.parse::<TargetVersion>();
});
