//! Damaged files: the corpus with bytes cut, doubled and replaced.
//!
//! Whatever comes in, nothing panics, nothing is written that cannot be read again, and a second run
//! has nothing to do.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use lsconfig_migrate::file::{File, Options};
use lsconfig_migrate::finding::Safety;
use lsconfig_migrate::project::NoFiles;
use proptest::prelude::*;

/// Every file of the corpus.
pub(crate) static FILES: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).unwrap();
        let inputs = text.split("=== findings\n").next().unwrap();
        for part in inputs.split("=== ").skip(1) {
            let (name, body) = part.split_once('\n').unwrap();
            files.push((PathBuf::from(name.trim()), body.as_bytes().to_vec()));
        }
    }
    files
});

#[derive(Debug, Clone)]
enum Damage {
    Cut(usize, usize),
    Double(usize, usize),
    Byte(usize, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let signs = prop::sample::select(&b"\n\r\t \"'`\\#$:{}[](),=-&*|><%!\0\xff\xe2"[..]);
    prop_oneof![
        (any::<usize>(), 1usize..12).prop_map(|(at, len)| Damage::Cut(at, len)),
        (any::<usize>(), 1usize..40).prop_map(|(at, len)| Damage::Double(at, len)),
        (any::<usize>(), signs).prop_map(|(at, byte)| Damage::Byte(at, byte)),
    ]
}

fn damaged(mut bytes: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for damage in all {
        let place = |at: usize| at % (bytes.len() + 1);
        match *damage {
            Damage::Cut(at, len) => {
                let start = place(at);
                let end = (start + len).min(bytes.len());
                bytes.drain(start..end);
            }
            Damage::Double(at, len) => {
                let start = place(at);
                let end = (start + len).min(bytes.len());
                let piece = bytes[start..end].to_vec();
                bytes.splice(start..start, piece);
            }
            Damage::Byte(at, byte) => {
                let at = place(at);
                bytes.insert(at, byte);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_survived(pick in any::<prop::sample::Index>(), all in prop::collection::vec(damage(), 1..5), other in prop::sample::select(&["", "x.sh", "Makefile", "x.tf", "x.nix", "x.json", "x.md", "x.toml", "Jenkinsfile", "x.ps1"][..])) {
        let (path, bytes) = &FILES[pick.index(FILES.len())];
        let path = if other.is_empty() { path.as_path() } else { Path::new(other) };
        let bytes = damaged(bytes.clone(), &all);
        let options = Options { edit_markdown: true, ..Options::default() };
        let Some(file) = File::analyse(path, bytes, &NoFiles, &options) else { return Ok(()) };
        for level in [Safety::Safe, Safety::Unsafe] {
            let Some(change) = file.change(level) else { continue };
            let again = File::analyse(path, change.bytes.clone(), &NoFiles, &options).unwrap();
            prop_assert!(again.document.broken.is_none());
            prop_assert!(again.change(level).is_none(), "{}\n{}", String::from_utf8_lossy(&file.text.bytes), String::from_utf8_lossy(&change.bytes));
        }
    }
}
