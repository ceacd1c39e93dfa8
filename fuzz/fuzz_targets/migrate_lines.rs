//! `.env` files and Dockerfiles.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lsconfig_fuzz::edits(&["ls.env", "Dockerfile"], bytes));
