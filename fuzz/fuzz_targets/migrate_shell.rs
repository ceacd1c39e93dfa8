//! Shells, Makefiles and pipelines of Jenkins.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lsconfig_fuzz::edits(
    &["a.sh", "a.ps1", "Makefile", "Jenkinsfile"],
    bytes
));
