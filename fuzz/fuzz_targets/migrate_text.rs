//! Markdown and program code.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lsconfig_fuzz::edits(&["a.md", "a.kt"], bytes));
