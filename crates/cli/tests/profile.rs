//! Profiles that the environment of the process names.

use std::process::{Command, Output};

/// Explains an environment with these variables and no others.
fn explain(environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lsconfig"))
        .args(["explain", "--in-container", "false", "--color", "never"])
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the command starts")
}

#[test]
fn one_that_is_there_is_read_below_the_environment() {
    let output = explain(&[
        ("CONFIG_PROFILE", "legacy"),
        ("CONFIG_DIR", "../../examples"),
    ]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("../../examples/legacy.env:2:11"), "{text}");
}

#[test]
fn one_that_is_missing_is_reported_and_skipped() {
    let output = explain(&[("CONFIG_PROFILE", "nope"), ("CONFIG_DIR", "tests/data")]);
    let text = String::from_utf8_lossy(&output.stdout);
    let message = "warning[missing-file]: profile `nope` sets nothing: \
                   there is no file `tests/data/nope.env`";
    assert!(text.contains(message), "{text}");
    assert_eq!(output.status.code(), Some(0));
}
