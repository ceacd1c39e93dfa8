//! Walking and writing on a real file system.

use std::fs;
use std::path::{Path, PathBuf};

use lsconfig_migrate::file::Options;
use lsconfig_migrate::finding::Safety;
use lsconfig_migrate::walk::{Request, Walk, walk};
use lsconfig_migrate::write::{Replacement, WriteError, write};

const COMPOSE: &str = "services:\n  ls:\n    image: localstack/localstack:4\n    environment:\n      - EDGE_PORT=4566\n      - A=1\n";

fn tree(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn search(roots: &[PathBuf], exclude: &[String]) -> Walk {
    let options = Options::default();
    walk(Request {
        roots,
        exclude,
        options: &options,
        progress: &|_| {},
    })
    .unwrap()
}

fn walked(folder: &Path, exclude: &[String]) -> Walk {
    search(&[folder.to_path_buf()], exclude)
}

fn names(walk: &Walk, folder: &Path) -> Vec<String> {
    let files = walk.files.iter();
    files
        .map(|f| f.path.strip_prefix(folder).unwrap().display().to_string())
        .collect()
}

#[test]
fn only_files_of_the_user_are_read() {
    let text = COMPOSE.as_bytes();
    let folder = tree(&[
        ("compose.yaml", text),
        (".github/workflows/x.yml", b"jobs: {a: {services: {ls: {image: localstack/localstack, env: {EDGE_PORT: 4566, A: b}}}}}\n"),
        ("node_modules/x/compose.yaml", text),
        (".venv/compose.yaml", text),
        ("sub/compose.yaml.bak", text),
        ("ignored/compose.yaml", text),
        (".gitignore", b"ignored/\n"),
        ("out/compose.yaml", text),
        ("binary.yaml", b"EDGE_PORT\0localstack/localstack"),
        ("notes.txt", text),
        ("latin.yaml", b"# caf\xe9\nservices:\n  ls:\n    image: localstack/localstack:4\n    environment:\n      - EDGE_PORT=4566\n      - A=\xff\n"),
    ]);
    let walk = walked(folder.path(), &["out/".to_owned()]);
    assert_eq!(
        names(&walk, folder.path()),
        [".github/workflows/x.yml", "compose.yaml", "latin.yaml"]
    );
    assert_eq!(walk.skipped, 1);
    assert_eq!((walk.vendored, walk.copies), (2, 1));
    assert!(walk.problems.is_empty());
    let latin = walk.files.last().unwrap().change(Safety::Safe).unwrap();
    assert_eq!(latin.bytes, b"# caf\xe9\nservices:\n  ls:\n    image: localstack/localstack:4\n    environment:\n      - A=\xff\n");
}

#[test]
fn a_missing_root_is_a_problem_and_the_rest_is_read() {
    let folder = tree(&[("compose.yaml", COMPOSE.as_bytes())]);
    let roots = [
        folder.path().join("gone"),
        folder.path().join("compose.yaml"),
    ];
    let walk = search(&roots, &[]);
    assert_eq!((walk.files.len(), walk.problems.len()), (1, 1));
}

#[cfg(unix)]
#[test]
fn loops_of_links_end() {
    let folder = tree(&[("a/compose.yaml", COMPOSE.as_bytes())]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    assert_eq!(walked(folder.path(), &[]).files.len(), 1);
}

fn replacement(path: PathBuf, before: &[u8], after: &[u8]) -> Replacement {
    Replacement {
        path,
        before: before.to_vec(),
        after: after.to_vec(),
    }
}

#[cfg(unix)]
#[test]
fn mode_and_link_are_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tree(&[("real", b"old")]);
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o751)).unwrap();
    std::os::unix::fs::symlink("real", &link).unwrap();
    write(&[replacement(link.clone(), b"old", b"new")]).unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"new");
    assert!(
        fs::symlink_metadata(&link)
            .unwrap()
            .file_type()
            .is_symlink()
    );
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o751
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing is left behind"
    );
}

#[test]
fn all_files_or_none() {
    let folder = tree(&[("a", b"a"), ("b", b"other")]);
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    let error = write(&[
        replacement(a.clone(), b"a", b"A"),
        replacement(b, b"b", b"B"),
    ])
    .unwrap_err();
    assert!(matches!(error, WriteError::Changed { .. }));
    assert_eq!(fs::read(&a).unwrap(), b"a");
    let gone = folder.path().join("gone");
    let error = write(&[
        replacement(a.clone(), b"a", b"A"),
        replacement(gone, b"", b"B"),
    ])
    .unwrap_err();
    assert!(matches!(error, WriteError::Io { .. }));
    assert_eq!(fs::read(&a).unwrap(), b"a");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_read_only_file_is_refused() {
    let folder = tree(&[("a", b"a")]);
    let path = folder.path().join("a");
    let mut mode = fs::metadata(&path).unwrap().permissions();
    mode.set_readonly(true);
    fs::set_permissions(&path, mode).unwrap();
    assert!(write(&[replacement(path.clone(), b"a", b"A")]).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"a");
}

/// No edit and no crash on other people's files: set `LSCONFIG_TREES` to folders, joined by `:`.
#[test]
fn other_peoples_files_stay() {
    let Some(trees) = std::env::var_os("LSCONFIG_TREES") else {
        return;
    };
    for root in std::env::split_paths(&trees) {
        let start = std::time::Instant::now();
        let walk = walked(&root, &[]);
        assert!(
            walk.files
                .iter()
                .all(|f| f.change(Safety::Unsafe).is_none()),
            "{}",
            root.display()
        );
        assert!(walk.problems.is_empty());
        let elapsed = start.elapsed();
        assert!(walk.seen > 0, "{} holds no file", root.display());
        assert!(
            elapsed.as_secs() < 600,
            "{}: {} files took {elapsed:?}",
            root.display(),
            walk.seen
        );
    }
}

/// A port that moves and URLs of queues are listed wherever they stand below the folder.
#[test]
fn places_in_other_files_are_listed() {
    let compose = "services:\n  ls:\n    image: localstack/localstack:4\n    environment:\n      - EDGE_PORT=7001\n      - HOSTNAME_EXTERNAL=broker\n";
    let folder = tree(&[
        ("compose.yaml", compose.as_bytes()),
        (".env", b"PORT=7001\n"),
        (
            "app/main.py",
            b"n = 7001\nurl = 'http://ls:7001/000000000000/q'\n",
        ),
        ("app/node_modules/x.js", b"http://ls:7001\n"),
    ]);
    let walk = walked(folder.path(), &[]);
    let findings = &walk.files[0].findings;
    let places = |at: usize| -> Vec<(String, u32)> {
        let related = findings[at].related.iter();
        related
            .map(|r| {
                let path = r.path.as_ref().unwrap();
                (
                    path.strip_prefix(folder.path())
                        .unwrap()
                        .display()
                        .to_string(),
                    r.line,
                )
            })
            .collect()
    };
    assert_eq!(
        places(0),
        [(".env".to_owned(), 1), ("app/main.py".to_owned(), 2)]
    );
    assert_eq!(places(1), [("app/main.py".to_owned(), 2)]);
}

/// A base file and its override change together; one of them alone is left as it is.
#[test]
fn a_group_over_files_is_made_whole_or_not_at_all() {
    let base = "services:\n  ls:\n    image: localstack/localstack:4\n    environment: {HOSTNAME_EXTERNAL: broker, A: b}\n";
    let over = "services:\n  ls:\n    environment: {HOSTNAME_EXTERNAL: other, A: b}\n";
    let folder = tree(&[
        ("compose.yaml", base.as_bytes()),
        ("compose.override.yaml", over.as_bytes()),
    ]);
    let both = walked(folder.path(), &[]);
    let changed = |walk: &Walk| {
        walk.files
            .iter()
            .filter(|f| f.change(Safety::Unsafe).is_some())
            .count()
    };
    assert_eq!(changed(&both), 2);
    let alone = search(&[folder.path().join("compose.yaml")], &[]);
    assert_eq!(alone.files.len(), 1);
    assert_eq!(changed(&alone), 0);
}
