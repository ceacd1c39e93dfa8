//! The variables that are no addresses, read by their row in the table.

use std::borrow::Cow;

use super::Place;
use super::index::Index;
use super::release::int;
use crate::python;
use crate::settings::{Basis, Derivation, Setting, StartFailure, Value, default_setting};
use crate::variable::{self, FallbackRule, Kind, TABLE, Variable};

/// How far the end of the port range lies above its start by default.
const PORT_RANGE: u16 = 50;

/// The numbers that every release reads after all others, in this order (`localstack/config.py`).
/// The first wrong number is the one that a start fails with.
const READ_LAST: [&str; 2] = ["SQS_PORT_EXTERNAL", "DNS_PORT"];

/// What was read: the values that something decides, in the order of the table, and the first
/// failure.
pub(super) type Read = (
    Vec<(&'static Variable, Setting<Value>)>,
    Option<StartFailure>,
);

/// Reads the modelled variables that the release knows.
pub(super) fn read(index: &Index, place: Place) -> Read {
    let mut failures = Vec::new();
    let values = read_all(index, place, false, |error| failures.push(error));
    // A stable sort: the other numbers are read in the order of the table.
    failures.sort_by_key(|failure| READ_LAST.iter().position(|name| *name == failure.variable));
    (values, failures.into_iter().next())
}

/// Reads the modelled variables, and older names where their successor is unset.
pub(super) fn read_keeping_fallbacks(
    index: &Index,
    place: Place,
    on_failure: impl FnMut(StartFailure),
) -> Vec<(&'static Variable, Setting<Value>)> {
    read_all(index, place, true, on_failure)
}

fn read_all(
    index: &Index,
    place: Place,
    keep_fallbacks: bool,
    mut on_failure: impl FnMut(StartFailure),
) -> Vec<(&'static Variable, Setting<Value>)> {
    let mut values: Vec<(&'static Variable, Setting<Value>)> = Vec::new();
    let ports_end = variable::position("EXTERNAL_SERVICE_PORTS_END");
    for (row, variable) in TABLE.iter().enumerate() {
        let fallback = variable::fallback(row);
        let occurs = index.occurs(row) || fallback.is_some_and(|older| index.occurs(older));
        let follows = Some(row) == ports_end;
        if !(occurs || follows) || !variable::is_value(row) || !variable.is_read_by(place.version) {
            continue;
        }
        let mut setting = match read_one(index, place, keep_fallbacks, row, fallback) {
            Ok(setting) => setting,
            Err(error) => {
                let derivation = if error.variable == variable.name {
                    index.derive(Basis::Invalid, &[variable.name])
                } else {
                    index.derive(Basis::Invalid, &[error.variable, variable.name])
                };
                on_failure(error);
                let default = default_setting(row, place.version, place.in_container);
                Some(Setting {
                    value: default.value.clone(),
                    derivation,
                })
            }
        };
        if let Some(older) = variable.fallback
            && !keep_fallbacks
            && older.counts_in(place.version, FallbackRule::EitherOn)
            && let Some(on) = turned_on(index, older.name, variable.name, setting.as_ref())
        {
            setting = Some(on);
        }
        if follows && setting.is_none() {
            setting = follow_start(&values);
        }
        values.extend(setting.map(|setting| (variable, setting)));
    }
    values
}

/// Reads a row, or the older one that it falls back to; `None` when both count as unset.
fn read_one(
    index: &Index,
    place: Place,
    keep_fallbacks: bool,
    row: usize,
    fallback: Option<usize>,
) -> Result<Option<Setting<Value>>, StartFailure> {
    let variable = &TABLE[row];
    if let Some(occurrence) = index.at(row)
        && let Some(value) = parse(variable, &occurrence.raw)?
    {
        return Ok(Some(Setting {
            value,
            derivation: index.derive(Basis::Set, &[variable.name]),
        }));
    }
    if let Some(older) = fallback
        && let Some(rule) = variable.fallback
        && (keep_fallbacks || rule.counts_in(place.version, FallbackRule::WhenUnset))
        && let Some(occurrence) = index.at(older)
        && let Some(value) = parse(&TABLE[older], &occurrence.raw)?
    {
        return Ok(Some(Setting {
            value: translate(variable, value),
            derivation: index.derive(Basis::Fallback, &[TABLE[older].name, variable.name]),
        }));
    }
    Ok(None)
}

/// An older name that is on turns on what its successor leaves off.
fn turned_on(
    index: &Index,
    older: &'static str,
    newer: &'static str,
    setting: Option<&Setting<Value>>,
) -> Option<Setting<Value>> {
    let off = setting.is_some_and(|setting| setting.value == Value::Flag(false));
    let on = index
        .get(older)
        .is_some_and(|occurrence| python::is_true(&occurrence.raw));
    (off && on).then(|| Setting {
        value: Value::Flag(true),
        derivation: index.derive(Basis::Fallback, &[older, newer]),
    })
}

/// Reads a present text; `None` when it counts as unset.
fn parse(variable: &'static Variable, raw: &str) -> Result<Option<Value>, StartFailure> {
    let text = |strip: bool, keep_empty: bool| {
        let text = if strip { python::strip(raw) } else { raw };
        (keep_empty || !text.is_empty()).then(|| Value::Text(Cow::Owned(text.to_owned())))
    };
    Ok(match variable.kind {
        Kind::Flag => Some(Value::Flag(python::is_true(raw))),
        Kind::Switch => Some(Value::Flag(!python::is_false(raw))),
        Kind::TriState if python::is_true(raw) => Some(Value::Flag(true)),
        Kind::TriState if python::is_false(raw) => Some(Value::Flag(false)),
        Kind::TriState => None,
        Kind::Integer if raw.is_empty() && variable.name != "DNS_PORT" => None,
        Kind::Integer => Some(Value::Number(int(variable.name, raw)?)),
        Kind::Text(how) => text(how.strip, how.keep_empty),
        Kind::OneOf { strip, .. } => text(strip, false).map(|value| translate(variable, value)),
        Kind::AddressList | Kind::Address | Kind::Host | Kind::Unmodelled => None,
    })
}

/// `off` is an older word for the `port` strategy of OpenSearch.
fn translate(variable: &Variable, value: Value) -> Value {
    if variable.name == "OPENSEARCH_ENDPOINT_STRATEGY" && value.as_str() == "off" {
        return Value::Text(Cow::Borrowed("port"));
    }
    value
}

/// The end of the port range follows a start that something decides.
fn follow_start(values: &[(&'static Variable, Setting<Value>)]) -> Option<Setting<Value>> {
    let mut decided = values.iter().rev();
    let (_, start) = decided.find(|(v, _)| v.name == "EXTERNAL_SERVICE_PORTS_START")?;
    let Value::Number(port) = &start.value else {
        return None;
    };
    Some(Setting {
        value: Value::Number(port.plus(PORT_RANGE)),
        derivation: Derivation {
            basis: Basis::Derived,
            ..start.derivation.clone()
        },
    })
}
