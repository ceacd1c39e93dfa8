//! SARIF 2.1.0, as code hosts take it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use lsconfig::diagnostic::{Rule, Severity};
use serde_json::{Value, json};

/// One result.
#[derive(Debug, Clone)]
pub struct Finding<'f> {
    /// What was found.
    pub rule: &'f Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// What is said, with help and fixes in lines of their own.
    pub message: String,
    /// Where.
    pub location: Location<'f>,
    /// What tells this finding from others and survives when lines move; empty for none. Equal
    /// texts are counted.
    pub identity: String,
    /// Other places that matter.
    pub related: Vec<Related<'f>>,
    /// What mends it.
    pub fix: Option<Fix<'f>>,
}

/// Where a finding stands.
#[derive(Debug, Clone)]
pub enum Location<'f> {
    /// In a file.
    File {
        /// The file, with `/` between folders.
        path: &'f str,
        /// Line, from 1.
        line: u32,
        /// Column, from 1, in characters.
        column: u32,
        /// The bytes, where they are known.
        bytes: Option<Range<usize>>,
    },
    /// In something that has no file: a container.
    Resource(&'f str),
}

/// Another place that matters for a finding.
#[derive(Debug, Clone)]
pub struct Related<'f> {
    /// The file.
    pub path: &'f str,
    /// Line, from 1.
    pub line: u32,
    /// What is there.
    pub message: &'f str,
}

/// A change of one file.
#[derive(Debug, Clone)]
pub struct Fix<'f> {
    /// What it does.
    pub title: &'f str,
    /// The file.
    pub path: &'f str,
    /// Bytes that go, and what comes in their place.
    pub edits: Vec<(Range<usize>, String)>,
}

/// Returns a log with one run of a command. `version` is that of the tool.
#[must_use]
pub fn log(command: &str, version: &str, findings: &[Finding<'_>]) -> Value {
    let rules: BTreeMap<&str, &Rule> = findings.iter().map(|f| (f.rule.code, f.rule)).collect();
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
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let index = order.iter().position(|code| *code == finding.rule.code);
            let mut result = result(finding, index.unwrap_or(0));
            if !finding.identity.is_empty() {
                let nth = seen.entry(&finding.identity).or_default();
                *nth += 1;
                let key = format!("{}\n{nth}", finding.identity);
                let print = format!("{:016x}", fnv(key.as_bytes()));
                result["partialFingerprints"] = json!({"lsconfig/v1": print});
            }
            result
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
            "automationDetails": {"id": format!("lsconfig/{command}/")},
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

fn result(finding: &Finding<'_>, index: usize) -> Value {
    let mut result = json!({
        "ruleId": finding.rule.code,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": {"text": finding.message},
        "locations": [location(&finding.location)],
    });
    if !finding.related.is_empty() {
        let places = finding.related.iter().map(|place| {
            json!({
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(place.path)},
                    "region": {"startLine": place.line.max(1)},
                },
                "message": {"text": place.message},
            })
        });
        result["relatedLocations"] = Value::Array(places.collect());
    }
    // An empty list of changes makes code hosts refuse the whole file.
    if let Some(fix) = finding.fix.as_ref().filter(|fix| !fix.edits.is_empty()) {
        let replacements = fix.edits.iter().map(|(bytes, text)| {
            json!({
                "deletedRegion": {"byteOffset": bytes.start, "byteLength": bytes.len()},
                "insertedContent": {"text": text},
            })
        });
        result["fixes"] = json!([{
            "description": {"text": fix.title},
            "artifactChanges": [{
                "artifactLocation": {"uri": uri(fix.path)},
                "replacements": replacements.collect::<Vec<_>>(),
            }],
        }]);
    }
    result
}

fn location(location: &Location<'_>) -> Value {
    match location {
        Location::File {
            path,
            line,
            column,
            bytes,
        } => {
            let mut region = json!({"startLine": (*line).max(1), "startColumn": (*column).max(1)});
            if let Some(bytes) = bytes {
                region["byteOffset"] = json!(bytes.start);
                region["byteLength"] = json!(bytes.len());
            }
            json!({"physicalLocation": {
                "artifactLocation": {"uri": uri(path)},
                "region": region,
            }})
        }
        Location::Resource(name) => {
            json!({"logicalLocations": [{"name": name, "kind": "resource"}]})
        }
    }
}

/// Escapes what a URI cannot hold.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
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

#[cfg(test)]
mod tests {
    use super::*;

    static RULE: Rule = Rule {
        code: "some-code",
        severity: Severity::Warning,
        summary: "a summary",
        explanation: "An explanation.",
    };

    fn finding(location: Location<'static>, identity: &str) -> Finding<'static> {
        Finding {
            rule: &RULE,
            severity: Severity::Error,
            message: "a message".into(),
            location,
            identity: identity.into(),
            related: Vec::new(),
            fix: None,
        }
    }

    #[test]
    fn places_are_files_or_resources_and_equal_findings_are_told_apart() {
        let file = Location::File {
            path: "a b/ü.yml",
            line: 0,
            column: 3,
            bytes: Some(4..6),
        };
        let findings = [
            finding(file.clone(), "same"),
            finding(file, "same"),
            finding(Location::Resource("app"), ""),
        ];
        let log = log("check", "1", &findings);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 1);
        let results = run["results"].as_array().unwrap();
        let at = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(at["artifactLocation"]["uri"], "a%20b/%C3%BC.yml");
        assert_eq!(at["region"]["startLine"], 1);
        assert_eq!(at["region"]["byteLength"], 2);
        let print = |n: usize| &results[n]["partialFingerprints"];
        assert_ne!(print(0), print(1));
        assert!(print(2).is_null());
        assert_eq!(
            results[2]["locations"][0]["logicalLocations"][0]["name"],
            "app"
        );
    }
}
