//! Error texts as people paste them: the files below `tests/data/errors`.
//!
//! Each starts with what is expected: the code that comes `first`, codes that come `also`, codes that
//! do `not`, and the `host` that is named. What follows `---` is the text.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lsconfig_doctor::signature::cause::ADVICE;
use lsconfig_doctor::signature::table::{Means, TEXTS};
use lsconfig_doctor::signature::{Cause, Likelihood, Signature, diagnose};
use proptest::prelude::*;

fn fixtures() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/errors");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files.into_iter().map(read).collect()
}

fn host_of(cause: &Cause) -> String {
    let host = cause.seen.host.clone().unwrap_or_default();
    cause
        .seen
        .port
        .map_or(host.clone(), |port| format!("{host}:{port}"))
}

/// Returns what is wrong with the answer to a fixture.
fn complaint(text: &str) -> Option<String> {
    let (head, text) = text.split_once("\n---\n").unwrap();
    let field = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim)
    };
    let causes = diagnose(text);
    let codes: Vec<&str> = causes.iter().map(|cause| cause.code).collect();
    let shown = format!("{codes:?}, host {:?}", causes.first().map(host_of));
    if field("first:") != codes.first().copied() {
        return Some(format!("not first: {shown}"));
    }
    let mut also = field("also:")
        .unwrap_or_default()
        .split(' ')
        .filter(|code| !code.is_empty());
    if let Some(missing) = also.find(|code| !codes.contains(code)) {
        return Some(format!("lacks {missing}: {shown}"));
    }
    let mut not = field("not:").unwrap_or_default().split(' ');
    if let Some(wrong) = not.find(|code| codes.contains(code)) {
        return Some(format!("has {wrong}: {shown}"));
    }
    let host = field("host:");
    if host.is_some() && host != causes.first().map(host_of).as_deref() {
        return Some(format!("other host: {shown}"));
    }
    let likely = causes.first().map(|cause| cause.likelihood);
    (likely != Some(Likelihood::Likely)).then(|| "the first is not likely".to_owned())
}

#[test]
fn pasted_texts_get_the_expected_causes() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 60);
    let wrong: Vec<String> = fixtures
        .iter()
        .filter_map(|(name, text)| Some(format!("{name}: {}", complaint(text)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Noise around an error changes neither the first cause nor the host.
#[test]
fn noise_changes_nothing() {
    for (name, text) in fixtures() {
        let (_, text) = text.split_once("\n---\n").unwrap();
        let noisy = format!(
            "\u{1b}[2J\r\n2024-05-01 10:00:00,000 INFO start see https://docs.example.com/errors\n\
             {text}\n    at Object.<anonymous> (index.js:1:1)\r\n\u{1b}[0mDone in 3.2s.\n"
        );
        let first = |causes: Vec<Cause>| {
            let cause = causes.into_iter().next().unwrap();
            (cause.code, host_of(&cause))
        };
        assert_eq!(first(diagnose(&noisy)), first(diagnose(text)), "{name}");
    }
}

#[test]
fn what_is_no_error_has_no_cause() {
    for text in [
        "",
        " \n",
        "hello",
        "LocalStack is ready",
        "http://localhost:4566/",
        "{\"status\": \"running\"}",
    ] {
        assert_eq!(diagnose(text), [], "{text}");
    }
}

/// The name of a container does not lead to loopback, whatever stands beside the address.
#[test]
fn an_address_gets_no_name_that_cannot_lead_to_it() {
    let causes =
        diagnose("endpoint http://localstack:4566/ Error: connect ECONNREFUSED 127.0.0.1:4566");
    assert_eq!(causes[0].seen.host.as_deref(), Some("127.0.0.1"));
    let causes = diagnose("http://localhost:4566/ Error: connect ECONNREFUSED 172.18.0.4:4566");
    assert_eq!(causes[0].seen.host.as_deref(), Some("172.18.0.4"));
}

#[test]
fn no_secret_is_shown() {
    let causes = diagnose(
        "AWS_SECRET_ACCESS_KEY=hunter2secret Could not connect to the endpoint URL: \"http://me:hunter2pass@localhost:4566/\"",
    );
    let shown = serde_json::to_string(&causes).unwrap();
    assert!(!causes.is_empty() && !shown.contains("hunter2"), "{shown}");
}

/// Every failure and every piece of advice occurs in some fixture.
#[test]
fn every_row_is_exercised() {
    let mut signatures = BTreeSet::new();
    let mut codes = BTreeSet::new();
    for (_, text) in fixtures() {
        for cause in diagnose(text.split_once("\n---\n").unwrap().1) {
            signatures.extend(cause.seen.signature);
            codes.insert(cause.code);
        }
    }
    let missing: Vec<_> = Signature::ALL
        .iter()
        .filter(|s| !signatures.contains(s))
        .collect();
    assert!(missing.is_empty(), "no fixture for {missing:?}");
    let missing: Vec<_> = ADVICE
        .iter()
        .map(|a| a.code)
        .filter(|code| !codes.contains(code))
        .collect();
    assert!(missing.is_empty(), "no fixture for {missing:?}");
}

/// A text of the table is found where it stands alone, its holes filled.
#[test]
fn every_text_is_found() {
    for row in TEXTS {
        let text = row
            .pattern
            .replace("{host}", "h.example")
            .replace("{addr}", "h.example:4566")
            .replace("{url}", "http://h_1.example:4566/x")
            .replace("{port}", "4566")
            .replace("{}", "7");
        let causes = diagnose(&text);
        let expected = match row.means {
            Means::Causes(causes) => causes[0].code,
            Means::Failure(_) => causes.first().map_or("", |cause| cause.code),
        };
        assert!(
            causes.iter().any(|cause| cause.code == expected),
            "{}",
            row.pattern
        );
    }
}

#[test]
fn many_near_misses_are_read_in_time() {
    for unit in [
        "lookup a",
        "dial tcp ",
        "http://",
        "Connect to a:1 [",
        "\u{1b}]",
        "\\\\n",
        "hostname: '",
    ] {
        let text = unit.repeat((1 << 17) / unit.len());
        let start = std::time::Instant::now();
        let _ = diagnose(&text);
        // Far above what it needs without optimisation on a busy machine, far below what a search
        // that begins anew at every byte needs.
        assert!(
            start.elapsed().as_secs() < 30,
            "{unit}: {:?}",
            start.elapsed()
        );
    }
}

/// Pieces of real texts in any order, with anything between them.
fn pieces() -> impl Strategy<Value = String> {
    let known: Vec<String> = TEXTS
        .iter()
        .flat_map(|row| row.pattern.split(['{', '}']).map(str::to_owned))
        .chain(
            [
                "\u{1b}[",
                "\\u001b[",
                "\\\\n",
                "&quot;",
                "http://[::1]:",
                "a | ",
                "> ",
                "\n",
            ]
            .map(str::to_owned),
        )
        .collect();
    let piece = prop_oneof![proptest::sample::select(known), any::<String>()];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Any text is read, the same way each time, and what is said is bounded and printable.
    #[test]
    fn any_text_is_read(text in pieces()) {
        let causes = diagnose(&text);
        prop_assert_eq!(&causes, &diagnose(&text));
        prop_assert!(causes.len() <= 6);
        for cause in &causes {
            prop_assert!(cause.seen.excerpt.len() <= 250);
            prop_assert!(cause.why.len() < 600);
            prop_assert!(!serde_json::to_string(cause).unwrap().is_empty());
        }
    }

    /// Codes occur once.
    #[test]
    fn no_code_is_said_twice(text in pieces()) {
        let codes: Vec<&str> = diagnose(&text).iter().map(|cause| cause.code).collect();
        let distinct: BTreeSet<&str> = codes.iter().copied().collect();
        prop_assert_eq!(distinct.len(), codes.len());
    }
}
