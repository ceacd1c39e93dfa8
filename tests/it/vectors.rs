//! Reading recorded vectors.

use serde_json::Value;

/// Reads the records of `tests/data/oracle/NAME.jsonl`.
pub(crate) fn records(name: &str) -> Vec<Value> {
    let path = format!(
        "{}/tests/data/oracle/{name}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a record is JSON"))
        .collect();
    assert!(!records.is_empty(), "{path} has no records");
    records
}

/// Fails with every mismatch, or passes when there are none.
pub(crate) fn assert_none(mismatches: &[String], of: usize) {
    assert!(of > 0, "no case was run");
    let shown: Vec<&str> = mismatches.iter().take(20).map(String::as_str).collect();
    assert!(
        mismatches.is_empty(),
        "{} of {of} disagree:\n{}",
        mismatches.len(),
        shown.join("\n")
    );
}
