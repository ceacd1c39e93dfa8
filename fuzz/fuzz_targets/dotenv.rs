//! `.env` files in both dialects, and `KEY=VALUE` lines. What the crate quotes reads back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::source::dotenv::{Order, interpolate, is_portable, parse, quote};
use lsconfig::source::{compose_dotenv, decode, pairs};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes) else { return };
    let mut parsed = parse(text, ".env");
    for binding in &parsed.bindings {
        if let Some(span) = &binding.origin.span {
            assert!(text.get(span.clone()).is_some());
        }
    }
    interpolate(&mut parsed, Order::FileFirst, |_| Some("${A}"));
    let _ = compose_dotenv::parse(text, &|_| Some("x".into()), &|_| None);
    let _ = (pairs::parse_lines(text, "-"), pairs::parse_nul(text, "-"));
    if is_portable(text) {
        let line = format!("A={}\n", quote(text));
        let again = parse(&line, ".env");
        assert_eq!(again.bindings[0].value.as_deref(), Some(text));
    }
});
