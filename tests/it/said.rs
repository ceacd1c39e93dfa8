//! What is decided and said about an environment, word for word (`tests/data/said.txt`).
//!
//! A line with `>` names a reading, a place and an environment; what stands below it is the answer.
//! `UPDATE_SNAPSHOTS=1 cargo test` writes the answers anew.

use std::fmt::Write as _;

use lsconfig::addr::Authority;
use lsconfig::diagnostic::{Diagnostic, Label};
use lsconfig::settings::{Basis, Derivation, Resolution};
use lsconfig::variable::TABLE;

use crate::support::{Place, resolve_as_of, resolve_normalized};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/said.txt");

/// Reads `normalized host A=1 B=2`, or a release for the first word.
fn run(case: &str) -> Resolution {
    let mut words = case.splitn(3, ' ');
    let semantics = words.next().expect("a reading");
    let place = match words.next() {
        Some("host") => Place::Host,
        Some("container") => Place::Container,
        other => panic!("{case}: {other:?} is no place"),
    };
    let env = words.next().unwrap_or_default();
    match semantics {
        "normalized" => resolve_normalized(env, place),
        version => resolve_as_of(env, place, version),
    }
}

fn addresses(addresses: &[Authority]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(",")
}

fn derivation(derivation: &Derivation) -> String {
    let mut text = format!("{:?}", derivation.basis).to_lowercase();
    for (word, occurrences) in [("from", &derivation.used), ("not", &derivation.shadowed)] {
        if !occurrences.is_empty() {
            let all: Vec<String> = occurrences
                .iter()
                .map(|o| format!("{}={}", o.written(), o.raw))
                .collect();
            let _ = write!(text, " {word} {}", all.join(" "));
        }
    }
    text
}

fn label(label: &Label) -> String {
    let raw = label.raw().unwrap_or_default();
    let part = label.part().and_then(|part| raw.get(part));
    let variable = label.variable().unwrap_or("-");
    format!("{variable} `{}`: {}", part.unwrap_or(&raw), label.message)
}

fn diagnostic(out: &mut String, diagnostic: &Diagnostic) {
    let severity = format!("{:?}", diagnostic.severity).to_lowercase();
    let about = diagnostic.variable.as_deref().unwrap_or("-");
    let (code, message) = (diagnostic.code, &diagnostic.message);
    let _ = writeln!(out, "  {severity}[{code}] {about}: {message}");
    for place in &diagnostic.labels {
        let _ = writeln!(out, "    at {}", label(place));
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "    help: {help}");
    }
    if let Some(suggestion) = &diagnostic.suggestion {
        let _ = writeln!(
            out,
            "    suggestion: {} = {}",
            suggestion.variable().unwrap_or("(remove)"),
            suggestion.value().unwrap_or("(as it is)")
        );
    }
}

fn answer(resolution: &Resolution) -> String {
    let mut out = String::new();
    match &resolution.failure {
        Some(failure) => {
            let _ = writeln!(out, "  fails: {failure}");
        }
        None => {
            let _ = writeln!(out, "  binds {}", addresses(&resolution.bind));
        }
    }
    if let Some(listen) = &resolution.gateway_listen {
        let (value, why) = (addresses(&listen.value), derivation(&listen.derivation));
        let _ = writeln!(out, "  listen {value} ({why})");
    }
    if let Some(host) = &resolution.localstack_host {
        let _ = writeln!(
            out,
            "  host {} ({})",
            host.value,
            derivation(&host.derivation)
        );
    }
    for variable in TABLE {
        if let Some(setting) = resolution.setting(variable.name)
            && setting.derivation.basis != Basis::Default
        {
            let why = derivation(&setting.derivation);
            let _ = writeln!(out, "  {} {} ({why})", variable.name, setting.value);
        }
    }
    for found in &resolution.diagnostics {
        diagnostic(&mut out, found);
    }
    out
}

#[test]
fn every_environment_is_answered_as_written() {
    let listed = std::fs::read_to_string(PATH).expect("the file is there");
    let mut actual = String::new();
    for line in listed.lines() {
        match line.strip_prefix("> ") {
            Some(case) => {
                let _ = writeln!(actual, "{line}");
                actual += &answer(&run(case));
            }
            None if line.starts_with("  ") => {}
            None => {
                let _ = writeln!(actual, "{line}");
            }
        }
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(PATH, &actual).expect("the file can be written");
        return;
    }
    for (number, (is, was)) in actual.lines().zip(listed.lines()).enumerate() {
        assert_eq!(is, was, "line {} of {PATH}", number + 1);
    }
    assert_eq!(actual.lines().count(), listed.lines().count());
}
