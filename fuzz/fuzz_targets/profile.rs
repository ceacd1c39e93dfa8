//! Profiles: two files of which the second one wins.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::release::TargetVersion;
use lsconfig::source::profile::{DEFAULT_DIRECTORY, Selection, load};

fuzz_target!(|input: (&str, &str, bool)| {
    let (first, second, old) = input;
    let selection = Selection {
        profile: Some("a,b"),
        directory: DEFAULT_DIRECTORY,
        version: if old {
            TargetVersion::new(2, 3)
        } else {
            TargetVersion::new(4, 12)
        },
    };
    let file = |name: &str| Some(if name == "a" { first } else { second }.to_owned());
    let _ = load(&selection, file, |name| (name == "HOME").then_some("/root"));
});
