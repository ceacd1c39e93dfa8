//! SARIF 2.1.0, as code hosts take it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lsconfig::diagnostic::Severity;
use serde_json::{Value, json};

use super::slashes;
use crate::file::File;
use crate::finding::Finding;

/// Returns a log with one run. `version` is that of the tool.
#[must_use]
pub fn log(files: &[File], version: &str) -> Value {
    let mut rules: BTreeMap<&str, &lsconfig::diagnostic::Rule> = BTreeMap::new();
    for finding in files.iter().flat_map(|f| &f.findings) {
        rules.insert(finding.rule.code, finding.rule);
    }
    let order: Vec<&str> = rules.keys().copied().collect();
    let described: Vec<Value> = rules
        .values()
        .map(|rule| {
            json!({
                "id": rule.code,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.explanation},
                "defaultConfiguration": {"level": level(rule.severity)},
            })
        })
        .collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let results: Vec<Value> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(move |finding| (file, finding)))
        .map(|(file, finding)| {
            // No line in it, so that it survives when lines move.
            let key = format!(
                "{}\n{}\n{}\n{}",
                finding.rule.code,
                slashes(&finding.path),
                finding.scope,
                finding.name
            );
            let nth = seen.entry(key.clone()).or_default();
            *nth += 1;
            let print = format!("{:016x}", fnv(format!("{key}\n{nth}").as_bytes()));
            let index = order.iter().position(|c| *c == finding.rule.code);
            result(file, finding, index.unwrap_or(0), &print)
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "lsconfig",
                "version": version,
                "informationUri": "https://github.com/lsconfig/lsconfig",
                "rules": described,
            }},
            "automationDetails": {"id": "lsconfig/check/"},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(file: &File, finding: &Finding, index: usize, print: &str) -> Value {
    let mut text = finding.message.clone();
    for help in &finding.help {
        let _ = write!(text, "\n{help}");
    }
    let uri = uri(&slashes(&finding.path));
    let mut result = json!({
        "ruleId": finding.rule.code,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {
                "startLine": finding.line.max(1),
                "startColumn": finding.column.max(1),
                "byteOffset": finding.span.start,
                "byteLength": finding.span.len(),
            },
        }}],
        "partialFingerprints": {"lsconfig/v1": print},
    });
    if !finding.related.is_empty() {
        let places = finding.related.iter().map(|place| {
            let file = place.path.as_deref().map(|path| self::uri(&slashes(path)));
            json!({
                "physicalLocation": {
                    "artifactLocation": {"uri": file.unwrap_or_else(|| uri.clone())},
                    "region": {"startLine": place.line.max(1)},
                },
                "message": {"text": place.message},
            })
        });
        result["relatedLocations"] = Value::Array(places.collect());
    }
    let edits = finding
        .fix
        .as_ref()
        .map(|fix| file.edits_of(fix.group))
        .unwrap_or_default();
    // An empty list of changes makes code hosts refuse the whole file.
    if let (false, Some(fix)) = (edits.is_empty(), &finding.fix) {
        let replacements: Vec<Value> = edits
            .iter()
            .map(|edit| {
                json!({
                    "deletedRegion": {"byteOffset": edit.start, "byteLength": edit.end - edit.start},
                    "insertedContent": {"text": edit.text},
                })
            })
            .collect();
        result["fixes"] = json!([{
            "description": {"text": fix.title},
            "artifactChanges": [{
                "artifactLocation": {"uri": uri},
                "replacements": replacements,
            }],
        }]);
    }
    result
}

/// Escapes what a URI cannot hold.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
