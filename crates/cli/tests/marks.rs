//! Programs are told the same places that people see underlined.

use std::io::Write as _;
use std::process::{Command, Stdio};

fn explain(format: &str, text: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lsconfig"));
    let mut child = command
        .args(["explain", "-", "--format", format])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("the text is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("text")
}

/// Every place that the first labels of the diagnostics mark, as `line:column+length`.
fn marked(text: &str) -> Vec<String> {
    let document: serde_json::Value = serde_json::from_str(&explain("json", text)).expect("JSON");
    let diagnostics = document["diagnostics"].as_array().expect("a list");
    let marks = diagnostics.iter().map(|d| &d["labels"][0]["marked"]);
    marks
        .map(|mark| format!("{}:{}+{}", mark["line"], mark["column"], mark["length"]))
        .collect()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(marked(text), [expected], "{text}");
    let (place, _) = expected.split_once('+').expect("a length");
    let shown = explain("text", text);
    assert!(shown.contains(&format!("--> stdin:{place}\n")), "{shown}");
}

#[test]
fn json_gives_the_places_that_the_text_underlines() {
    // A name, a part of a value, a whole value.
    check("\nEDGE_PORT=4566", "2:1+9");
    check("GATEWAY_LISTEN=:1,h:45x6", "1:21+4");
    check("A=ü\nLOCALSTACK_HOST=10.0.0.1\n", "2:17+8");
}

#[test]
fn a_source_without_lines_marks_none() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lsconfig"));
    let command = command.args(["explain", "--format", "json"]).env_clear();
    let output = command.env("EDGE_PORT", "4566").output();
    let output = output.expect("the command runs").stdout;
    let document: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
    let label = &document["diagnostics"][0]["labels"][0];
    assert_eq!(label["variable"], "EDGE_PORT");
    assert!(label["marked"].is_null());
}
