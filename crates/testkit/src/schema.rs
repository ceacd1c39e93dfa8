//! A checker for the JSON Schemas of this repository.
//!
//! It knows the keywords that they use and refuses any other, so that no rule goes unchecked.
//! Objects may have members that a schema does not list; [`undeclared`] finds those.

use serde_json::{Map, Value};

/// Lists what `value` violates in `schema`, each with the path to the place.
///
/// # Panics
///
/// When the schema has a keyword or a pattern that the checker does not know.
#[must_use]
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut check = Check {
        root: schema,
        found: Vec::new(),
        strict: false,
    };
    check.value(schema, value, "$");
    check.found
}

/// Lists the members of `value` that `schema` does not declare.
///
/// # Panics
///
/// As [`violations`].
#[must_use]
pub fn undeclared(schema: &Value, value: &Value) -> Vec<String> {
    let mut check = Check {
        root: schema,
        found: Vec::new(),
        strict: true,
    };
    check.value(schema, value, "$");
    check.found.retain(|text| text.contains(UNDECLARED));
    check.found
}

const UNDECLARED: &str = "is not declared";

struct Check<'a> {
    root: &'a Value,
    found: Vec<String>,
    strict: bool,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        let rules = schema.as_object().expect("a schema is an object");
        for (keyword, rule) in rules {
            let fits = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => true,
                "$ref" => {
                    self.value(resolve(self.root, rule), value, path);
                    true
                }
                "anyOf" => {
                    self.any_of(rule, value, path);
                    true
                }
                "type" => match rule {
                    Value::Array(names) => names.iter().any(|name| is_a(name, value)),
                    name => is_a(name, value),
                },
                "const" => rule == value,
                "enum" => rule.as_array().expect("a list").contains(value),
                "minimum" => value
                    .as_f64()
                    .is_none_or(|number| Some(number) >= rule.as_f64()),
                "pattern" => matches(rule.as_str().expect("a text"), value),
                "required" => {
                    self.required(rule, value, path);
                    true
                }
                "properties" => {
                    self.properties(rule.as_object().expect("an object"), value, path);
                    true
                }
                "items" => {
                    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(rule, item, &format!("{path}[{n}]"));
                    }
                    true
                }
                other => panic!("the checker does not know the keyword `{other}`"),
            };
            if !fits {
                self.found
                    .push(format!("{path}: {value} violates {keyword} {rule}"));
            }
        }
    }

    fn any_of(&mut self, rule: &Value, value: &Value, path: &str) {
        let choices = rule.as_array().expect("a list");
        let fitting = choices.iter().find(|choice| {
            let mut trial = Check {
                root: self.root,
                found: Vec::new(),
                strict: false,
            };
            trial.value(choice, value, path);
            trial.found.is_empty()
        });
        match fitting {
            Some(choice) => self.value(choice, value, path),
            None => self.found.push(format!("{path}: {value} fits no choice")),
        }
    }

    fn required(&mut self, rule: &Value, value: &Value, path: &str) {
        let names = rule.as_array().expect("a list").iter();
        for name in names.filter_map(Value::as_str) {
            if value.get(name).is_none() {
                self.found.push(format!("{path}: {name} is missing"));
            }
        }
    }

    fn properties(&mut self, rules: &Map<String, Value>, value: &Value, path: &str) {
        for (name, member) in value.as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            match rules.get(name) {
                Some(rule) => self.value(rule, member, &path),
                None if self.strict => self.found.push(format!("{path} {UNDECLARED}")),
                None => {}
            }
        }
    }
}

fn resolve<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
    let target = pointer.and_then(|pointer| root.pointer(pointer));
    target.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn is_a(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => panic!("the checker does not know the type {name}"),
    }
}

/// The patterns in use, each as a function.
fn matches(pattern: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return true;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match pattern {
        r"^(normalized|localstack-[0-9]+\.[0-9]+\.[0-9]+)$" => {
            let version = text.strip_prefix("localstack-");
            let numbers = |v: &str| v.split('.').count() == 3 && v.split('.').all(digits);
            text == "normalized" || version.is_some_and(numbers)
        }
        ":-?[0-9]+$" => text
            .rsplit_once(':')
            .is_some_and(|(_, port)| digits(port.strip_prefix('-').unwrap_or(port))),
        "^[a-z0-9]+(-[a-z0-9]+)*$" => text.split('-').all(|word| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            !word.is_empty() && word.bytes().all(fits)
        }),
        _ => panic!("the checker does not know the pattern `{pattern}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": { "$ref": "#/$defs/n" },
                "b": { "anyOf": [{ "type": "null" }, { "type": "array", "items": { "enum": [1] } }] },
                "c": { "const": "x" },
                "d": { "type": "string", "pattern": ":-?[0-9]+$" },
            },
            "$defs": { "n": { "type": ["integer", "null"], "minimum": 0 } },
        })
    }

    #[track_caller]
    fn check(value: Value, expected: usize) {
        let found = violations(&schema(), &value);
        assert_eq!(found.len(), expected, "{value}: {found:?}");
    }

    #[test]
    fn violations_are_found() {
        check(json!({ "a": 1, "b": [1], "c": "x", "d": "h:1" }), 0);
        check(json!({ "a": null, "b": null, "e": 1 }), 0);
        check(json!({}), 1);
        check(json!([]), 2);
        check(json!({ "a": -1 }), 1);
        check(json!({ "a": 1.5 }), 1);
        check(json!({ "a": 1, "b": [2], "c": "y", "d": "h" }), 3);
    }

    #[test]
    fn undeclared_members_are_found() {
        let value = json!({ "a": 1, "e": 1 });
        assert_eq!(undeclared(&schema(), &value), ["$.e is not declared"]);
    }
}
