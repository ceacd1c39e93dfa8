//! The commands of the pre-commit hooks and of the action run as they are written.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::Path;
use std::process::{Command, Output};

const COMPOSE: &str = "services:\n  ls:\n    image: localstack/localstack:4\n    environment:\n      - EDGE_PORT=4566\n      - A=1\n";

fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("compose.yaml"), COMPOSE).unwrap();
    folder
}

fn run(line: &str, folder: &Path) -> Output {
    let binaries = Path::new(env!("CARGO_BIN_EXE_lsconfig")).parent().unwrap();
    Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", format!("{}:/usr/bin:/bin", binaries.display()))
        .env("PATHS", ".")
        .env("ARGS", "")
        .output()
        .unwrap()
}

fn file(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn hooks_check_and_write() {
    let hooks = file(".pre-commit-hooks.yaml");
    let entries: Vec<&str> = hooks
        .lines()
        .filter_map(|l| l.trim().strip_prefix("entry: "))
        .collect();
    let [check, migrate] = entries[..] else {
        panic!("two hooks: {entries:?}")
    };
    let folder = folder("hooks");
    assert_eq!(
        run(&format!("{check} compose.yaml"), &folder).status.code(),
        Some(1)
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("compose.yaml")).unwrap(),
        COMPOSE
    );
    assert_eq!(
        run(&format!("{migrate} compose.yaml"), &folder)
            .status
            .code(),
        Some(0)
    );
    let written = std::fs::read_to_string(folder.join("compose.yaml")).unwrap();
    assert_eq!(written, COMPOSE.replace("      - EDGE_PORT=4566\n", ""));
    assert_eq!(
        run(&format!("{check} compose.yaml"), &folder).status.code(),
        Some(0)
    );
}

#[test]
fn the_action_annotates() {
    let action = file("action.yml");
    let line = action
        .lines()
        .rev()
        .find_map(|l| l.trim().strip_prefix("run: "))
        .unwrap();
    let output = run(line, &folder("action"));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("::warning file=compose.yaml,line=5,col=9,title=default-setting::"),
        "{text}"
    );
}

#[test]
fn a_folder_without_files_is_no_clean_one() {
    let folder = folder("no-input");
    std::fs::create_dir_all(folder.join("empty")).unwrap();
    for line in [
        "lsconfig check empty",
        "lsconfig migrate empty",
        "lsconfig migrate --write empty",
    ] {
        let output = run(line, &folder);
        assert_eq!(output.status.code(), Some(3), "{line}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("There is no file to read."), "{said}");
    }
    std::fs::create_dir_all(folder.join("lsconfig.toml")).unwrap();
    let output = run("lsconfig check", &folder);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot read lsconfig.toml"), "{said}");
}
