//! Numbers and flags as Python reads them: parse after print is identity.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::python::{self, Int};

fuzz_target!(|text: &str| {
    match Int::parse(text) {
        Ok(number) => {
            assert_eq!(Int::parse(&number.to_string()), Ok(number.clone()));
            let _ = number.plus(50).to_string();
        }
        Err(error) => drop(error.to_string()),
    }
    assert!(!(python::is_true(text) && python::is_false(text)));
    let _ = python::repr(text);
});
