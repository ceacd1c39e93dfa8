//! What every target of `lsconfig-migrate` does with a text.

use std::path::{Path, PathBuf};

use lsconfig_migrate::edit::apply;
use lsconfig_migrate::file::{File, Options};
use lsconfig_migrate::finding::Safety;
use lsconfig_migrate::project::Files;

/// A Compose file that loads `ls.env`, so that a file of settings has an owner.
struct Loader;

impl Files for Loader {
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let text = "services:\n  ls:\n    image: localstack/localstack:4\n    env_file: ls.env\n";
        (path == Path::new("compose.yaml")).then(|| text.as_bytes().to_vec())
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let here = folder == Path::new("");
        here.then(|| PathBuf::from("compose.yaml"))
            .into_iter()
            .collect()
    }
}

/// Reads a text as each of the files, edits it, and checks what holds for any bytes: what was edited
/// can be read, nothing is left to do, and bytes outside the edits stay. The first byte chooses the
/// options.
pub fn edits(names: &[&str], bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let options = Options {
        edit_markdown: true,
        keep_legacy: choice & 1 > 0,
        strategy: (choice & 2 > 0).then(|| "path".to_owned()),
        ..Options::default()
    };
    let name = names[usize::from(choice >> 2) % names.len()];
    let read = |bytes: Vec<u8>| File::analyse(Path::new(name), bytes, &Loader, &options);
    let Some(file) = read(bytes.to_vec()) else {
        return;
    };
    for level in [Safety::Safe, Safety::Unsafe] {
        let Some(change) = file.change(level) else {
            continue;
        };
        assert_eq!(
            apply(bytes, &change.edits).as_deref(),
            Some(&change.bytes[..])
        );
        let again = read(change.bytes).expect("a file keeps its format");
        assert!(again.document.broken.is_none(), "an edit broke the text");
        assert!(
            again.change(level).is_none(),
            "a second run has something to do"
        );
    }
}
