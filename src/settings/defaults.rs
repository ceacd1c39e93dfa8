//! The defaults of the table as settings, made at compile time.
//!
//! A default costs nothing when an environment is resolved: it is looked up here when asked for.

use std::borrow::Cow;
use std::mem::{forget, replace};

use super::{Derivation, Setting, Value};
use crate::python::Int;
use crate::release::TargetVersion;
use crate::variable::{Kind, Row, TABLE};

/// What a variable without default has.
static UNSET: Setting<Value> = setting(Value::Unset);

/// The defaults of every row, outside a container and in one, in the order of the table.
static DEFAULTS: [[Setting<Value>; 2]; COUNT] = defaults();

/// For each row the position of its first default in [`DEFAULTS`].
static FIRST: [u16; TABLE.len()] = positions();

const COUNT: usize = {
    let (mut count, mut row) = (0, 0);
    while row < TABLE.len() {
        count += TABLE[row].defaults.len();
        row += 1;
    }
    count
};

/// Returns the default of a row of the table in a release and place.
pub(super) fn of_row(
    row: Row,
    version: TargetVersion,
    in_container: bool,
) -> &'static Setting<Value> {
    let defaults = row.variable().defaults;
    match defaults.iter().rposition(|d| d.since <= version) {
        Some(at) => &DEFAULTS[usize::from(FIRST[row.index()]) + at][usize::from(in_container)],
        None => &UNSET,
    }
}

const fn setting(value: Value) -> Setting<Value> {
    Setting {
        value,
        derivation: Derivation::default_value(),
    }
}

const fn positions() -> [u16; TABLE.len()] {
    let mut first = [0; TABLE.len()];
    let mut row = 1;
    while row < TABLE.len() {
        first[row] = first[row - 1] + TABLE[row - 1].defaults.len() as u16;
        row += 1;
    }
    first
}

const fn defaults() -> [[Setting<Value>; 2]; COUNT] {
    let mut all = [const { [setting(Value::Unset), setting(Value::Unset)] }; COUNT];
    let (mut at, mut row) = (0, 0);
    while row < TABLE.len() {
        let variable = &TABLE[row];
        let mut n = 0;
        while n < variable.defaults.len() {
            let default = &variable.defaults[n];
            let pair = [
                setting(value(&variable.kind, default.host)),
                setting(value(&variable.kind, default.container)),
            ];
            // What is replaced holds nothing, and nothing can be dropped at compile time.
            forget(replace(&mut all[at], pair));
            at += 1;
            n += 1;
        }
        row += 1;
    }
    all
}

const fn value(kind: &Kind, text: Option<&'static str>) -> Value {
    let Some(text) = text else {
        return Value::Unset;
    };
    match kind {
        Kind::Flag | Kind::Switch | Kind::TriState => {
            Value::Flag(matches!(text.as_bytes(), b"true"))
        }
        Kind::Integer => Value::Number(number(text)),
        _ => Value::Text(Cow::Borrowed(text)),
    }
}

const fn number(text: &str) -> Int {
    let digits = text.as_bytes();
    let (mut value, mut at) = (0, 0);
    while at < digits.len() {
        assert!(digits[at].is_ascii_digit(), "a default port is a number");
        value = value * 10 + (digits[at] - b'0') as i64;
        at += 1;
    }
    Int::small(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::NEWEST_KNOWN;

    #[test]
    fn every_default_prints_as_the_table_states_it() {
        for row in Row::all() {
            let variable = row.variable();
            for default in variable.defaults {
                for (in_container, text) in [(true, default.container), (false, default.host)] {
                    let setting = of_row(row, default.since, in_container);
                    assert_eq!(
                        setting.value.to_string(),
                        text.unwrap_or_default(),
                        "{}",
                        variable.name
                    );
                }
            }
        }
    }

    #[test]
    fn the_last_default_that_is_not_newer_applies() {
        let row = Row::named("GATEWAY_SERVER");
        let server = |text: &str| of_row(row, text.parse().unwrap(), true).value.to_string();
        assert_eq!(server("3.1"), "");
        assert_eq!(server("3.4"), "hypercorn");
        assert_eq!(server("3.5"), "twisted");
        let row = Row::named("DNS_SERVER");
        assert_eq!(of_row(row, NEWEST_KNOWN, true).value, Value::Unset);
    }
}
