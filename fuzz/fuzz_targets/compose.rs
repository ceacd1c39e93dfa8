//! A Compose project of one file that may name itself, and a dotenv file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::source::compose::{Input, Source, read};
use lsconfig::source::decode;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes) else { return };
    let file = Source {
        name: "compose.yaml".into(),
        text: text.into(),
    };
    let project = read(&Input {
        files: std::slice::from_ref(&file),
        dotenv: &[],
        project_name: None,
        environment: &|name| (name == "A").then(|| "1".into()),
        read: &|_| Ok(text.into()),
    });
    let _ = project.localstack(None);
});
