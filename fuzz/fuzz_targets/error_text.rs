//! Error texts as people paste them: any bytes are read, the same way each time, and no code twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig_doctor::signature::diagnose;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let causes = diagnose(&text);
    assert_eq!(causes, diagnose(&text));
    for (n, cause) in causes.iter().enumerate() {
        assert!(causes[..n].iter().all(|other| other.code != cause.code));
        assert!(cause.seen.excerpt.len() <= 256);
    }
});
