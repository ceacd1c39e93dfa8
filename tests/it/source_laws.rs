//! Laws of the readers of sources, on texts that nobody would write.

use std::time::Instant;

use lsconfig::entrypoint;
use lsconfig::facts::Facts;
use lsconfig::launcher;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{Line, TargetVersion};
use lsconfig::source::dotenv::{self, Order};
use lsconfig::source::profile::{self, Selection};
use lsconfig::source::{Parsed, decode, pairs};
use proptest::prelude::*;

/// Texts with many of the characters that mean something to a reader.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[A-Z]{1,3}",
        4 => prop::sample::select(vec![
            "=", "'", "\"", "\\", "\n", "\r\n", "\r", " ", "#", "${", "}", ":-", "$", "\0", "export ",
            "\u{feff}", "\u{a0}", "[", "]", ",", "-p ", "1-2:3", "LOCALSTACK_", "\u{1c}",
        ]).prop_map(str::to_owned),
        1 => ".{0,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Every span lies in the text and on its line.
fn assert_origins(text: &str, parsed: &Parsed) {
    let bindings = parsed.bindings.iter().map(|b| &b.origin);
    let labels = parsed.diagnostics.iter().flat_map(|d| &d.labels);
    for origin in bindings.chain(labels.map(|l| l.origin())) {
        let span = origin.span.clone().expect("a span");
        assert!(text.get(span.clone()).is_some(), "{text:?} {span:?}");
        if origin.line > 0 {
            let before = text[..span.start].trim_start_matches('\u{feff}');
            let breaks = before.matches('\n').count() + before.matches('\r').count()
                - before.matches("\r\n").count();
            assert!(origin.line as usize <= breaks + 1, "{text:?} {origin}");
        }
    }
}

proptest! {
    #[test]
    fn readers_take_any_text(text in text()) {
        assert_origins(&text, &dotenv::parse(&text, "f"));
        assert_origins(&text, &pairs::parse_lines(&text, "f"));
        assert_origins(&text, &pairs::parse_nul(&text, "f"));
        for version in [TargetVersion::exact(2, 0, 0), TargetVersion::exact(4, 14, 0)] {
            let selection = Selection { profile: Some(&text), directory: "d", version };
            let _ = profile::load(&selection, |_| Some(text.clone()), |_| None);
        }
        #[cfg(feature = "toml")]
        let _ = lsconfig::source::toml::parse(&text, "f");
    }

    #[test]
    fn bytes_are_text_or_an_error_at_the_first_bad_one(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        match decode(&bytes) {
            Ok(text) => prop_assert_eq!(text.as_bytes(), &*bytes),
            Err(error) => prop_assert!(std::str::from_utf8(&bytes[..error.offset]).is_ok()),
        }
    }

    #[test]
    fn launcher_and_entrypoint_take_any_environment(value in text(), name in text()) {
        let names = ["DOCKER_FLAGS", "GATEWAY_LISTEN", "LOCALSTACK_GATEWAY_LISTEN", "DEVELOP_PORT"];
        let environment = names.iter().map(|name| (*name, &*value)).chain([(&*name, "x")]);
        let _ = entrypoint::run(environment.clone(), Line::V4);
        let layer = Layer::from_pairs(SourceKind::Environment, "e", environment);
        let layers: Layers = [layer].into_iter().collect();
        if let Ok(plan) = launcher::plan(&layers, &Facts::default()) {
            let _ = launcher::diagnose(&layers, &plan);
        }
    }

    #[test]
    fn pairs_come_back_verbatim(pairs in prop::collection::vec(("[^=\0\n\u{feff}]{1,8}", "[^\0\n]{0,8}"), 0..6)) {
        for (end, parse) in [('\n', pairs::parse_lines as fn(&str, &str) -> Parsed), ('\0', pairs::parse_nul)] {
            let text: String = pairs.iter().map(|(name, value)| format!("{name}={value}{end}")).collect();
            let found = parse(&text, "f");
            let found: Vec<_> = found.bindings.iter().map(|b| {
                (b.name.to_string(), b.value.as_deref().unwrap_or("").to_owned())
            }).collect();
            prop_assert_eq!(&found, &pairs);
        }
    }

    #[test]
    fn quoted_values_come_back(value in text()) {
        let quoted = dotenv::quote(&value);
        prop_assert_eq!(shell_reads(&quoted), Some(value.clone()));
        if dotenv::is_portable(&value) {
            let mut parsed = dotenv::parse(&format!("B=1\nA={quoted}\nC=2\n"), "f");
            dotenv::interpolate(&mut parsed, Order::FileFirst, |_| Some("interpolated"));
            prop_assert_eq!(parsed.bindings.len(), 3, "{}", quoted);
            prop_assert_eq!(parsed.bindings[1].value.as_deref(), Some(&*value), "{}", quoted);
        }
    }
}

/// Reads one word as a POSIX shell does (XCU 2.2), or gives up on what would be expanded.
fn shell_reads(word: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => loop {
                match chars.next()? {
                    '\'' => break,
                    c => out.push(c),
                }
            },
            '"' => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => match chars.next()? {
                        c @ ('$' | '`' | '"' | '\\') => out.push(c),
                        '\n' => {}
                        c => out.extend(['\\', c]),
                    },
                    '$' | '`' => return None,
                    c => out.push(c),
                }
            },
            '\\' => out.push(chars.next()?),
            c if c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c) => out.push(c),
            _ => return None,
        }
    }
    Some(out)
}

#[test]
fn large_texts_are_read_in_one_pass() {
    // Many small items take longer than one large one, without optimisation.
    let size = 1 << 18;
    let shapes = [
        ("one value", format!("A={}", "x".repeat(1 << 20))),
        ("open quotes", "A='\nB=\"\n".repeat(size / 8)),
        ("escaped quotes", format!("A='{}", "\\'".repeat(size / 2))),
        ("references", format!("A={}", "${".repeat(size / 2))),
        (
            "broken references",
            format!("A={}:}}", "${x".repeat(size / 3)),
        ),
        ("bad lines", "=\n".repeat(size / 2)),
        ("names", "A\n".repeat(size / 2)),
        ("spaces", format!("A=x{}", " #".repeat(size / 2))),
        ("line ends", "\r".repeat(size)),
        (
            "flags",
            format!("DOCKER_FLAGS='{}'", "-p 1:1 ".repeat(9000)),
        ),
        (
            "commas",
            format!("GATEWAY_LISTEN={}", ",".repeat(size / 64)),
        ),
    ];
    // Far above what a linear reader needs without optimisation on a busy machine, far below what
    // a quadratic one needs.
    let limit = std::time::Duration::from_secs(15);
    for (name, text) in shapes {
        let start = Instant::now();
        let mut parsed = dotenv::parse(&text, "f");
        dotenv::interpolate(&mut parsed, Order::FileFirst, |_| None);
        let _ = pairs::parse_lines(&text, "f");
        let _ = dotenv::quote(&text);
        let _ = dotenv::is_portable(&text);
        let (layer, _) = parsed.into_layer(SourceKind::Environment);
        let layers: Layers = [layer].into_iter().collect();
        if let Ok(plan) = launcher::plan(&layers, &Facts::default()) {
            let _ = launcher::diagnose(&layers, &plan);
        }
        let _ = entrypoint::run([("A", &*text)], Line::V4);
        assert!(start.elapsed() < limit, "{name}: {:?}", start.elapsed());
    }
}
