//! The variables that are no addresses, read by their row in the table.

use std::borrow::Cow;

use super::Place;
use super::index::Index;
use super::release::int;
use super::rows::{
    DNS_PORT, EXTERNAL_SERVICE_PORTS_END, EXTERNAL_SERVICE_PORTS_START,
    OPENSEARCH_ENDPOINT_STRATEGY, SQS_PORT_EXTERNAL,
};
use crate::python;
use crate::settings::{Basis, Derivation, Setting, StartFailure, Value, default_setting};
use crate::variable::{FallbackRule, Kind, Row, RowSet};

/// How far the end of the port range lies above its start by default.
const PORT_RANGE: u16 = 50;

/// The numbers that every release reads after all others, in this order (`localstack/config.py`).
/// The first wrong number is the one that a start fails with.
const READ_LAST: [Row; 2] = [SQS_PORT_EXTERNAL, DNS_PORT];

/// What was read: the values that something decides, in the order of the table.
pub(super) type Values = Vec<(Row, Setting<Value>)>;

/// Reads the modelled variables that the release knows; returns the first failure, too.
pub(super) fn read(index: &Index, place: Place) -> (Values, Option<StartFailure>) {
    let mut failures = Vec::new();
    let values = read_all(index, place, false, |error| failures.push(error));
    // A stable sort: the other numbers are read in the order of the table.
    failures.sort_by_key(|failure| {
        let mut last = READ_LAST.iter();
        last.position(|row| row.name() == failure.variable)
    });
    (values, failures.into_iter().next())
}

/// Reads the modelled variables, and older names where their successor is unset.
pub(super) fn read_keeping_fallbacks(
    index: &Index,
    place: Place,
    on_failure: impl FnMut(StartFailure),
) -> Values {
    read_all(index, place, true, on_failure)
}

/// Returns the rows whose value something may decide.
fn candidates(index: &Index) -> RowSet {
    let mut rows = index.present();
    for row in RowSet::FALLING_BACK {
        if row.fallback().is_some_and(|older| index.occurs(older)) {
            rows.insert(row);
        }
    }
    rows.insert(EXTERNAL_SERVICE_PORTS_END);
    rows.and(RowSet::VALUES)
}

fn read_all(
    index: &Index,
    place: Place,
    keep_fallbacks: bool,
    mut on_failure: impl FnMut(StartFailure),
) -> Values {
    let candidates = candidates(index);
    let mut values = Values::with_capacity(candidates.len());
    for row in candidates {
        let variable = row.variable();
        if !variable.is_read_by(place.version) {
            continue;
        }
        let mut setting = match read_one(index, place, keep_fallbacks, row) {
            Ok(setting) => setting,
            Err((refused, error)) => {
                let rows = [refused, row];
                let rows = if refused == row { &rows[1..] } else { &rows };
                on_failure(error);
                let default = default_setting(row, place.version, place.in_container);
                Some(Setting {
                    value: default.value.clone(),
                    derivation: index.derive(Basis::Invalid, rows),
                })
            }
        };
        if let Some(older) = variable.fallback
            && !keep_fallbacks
            && older.counts_in(place.version, FallbackRule::EitherOn)
            && let Some(on) = turned_on(index, row, setting.as_ref())
        {
            setting = Some(on);
        }
        if row == EXTERNAL_SERVICE_PORTS_END && setting.is_none() {
            setting = follow_start(&values);
        }
        values.extend(setting.map(|setting| (row, setting)));
    }
    values
}

/// Reads a row, or the older one that it falls back to; `None` when both count as unset.
fn read_one(
    index: &Index,
    place: Place,
    keep_fallbacks: bool,
    row: Row,
) -> Result<Option<Setting<Value>>, (Row, StartFailure)> {
    let parse = |row, raw| parse(row, raw).map_err(|failure| (row, failure));
    if let Some(found) = index.get(row)
        && let Some(value) = parse(row, found.raw())?
    {
        return Ok(Some(Setting {
            value,
            derivation: index.derive(Basis::Set, &[row]),
        }));
    }
    if let Some(older) = row.fallback()
        && let Some(rule) = row.variable().fallback
        && (keep_fallbacks || rule.counts_in(place.version, FallbackRule::WhenUnset))
        && let Some(found) = index.get(older)
        && let Some(value) = parse(older, found.raw())?
    {
        return Ok(Some(Setting {
            value: translate(row, value),
            derivation: index.derive(Basis::Fallback, &[older, row]),
        }));
    }
    Ok(None)
}

/// An older name that is on turns on what its successor leaves off.
fn turned_on(
    index: &Index,
    newer: Row,
    setting: Option<&Setting<Value>>,
) -> Option<Setting<Value>> {
    let older = newer.fallback()?;
    let off = setting.is_some_and(|setting| setting.value == Value::Flag(false));
    let on = index
        .get(older)
        .is_some_and(|found| python::is_true(found.raw()));
    (off && on).then(|| Setting {
        value: Value::Flag(true),
        derivation: index.derive(Basis::Fallback, &[older, newer]),
    })
}

/// Reads a present text; `None` when it counts as unset.
fn parse(row: Row, raw: &str) -> Result<Option<Value>, StartFailure> {
    let text = |strip: bool, keep_empty: bool| {
        let text = if strip { python::strip(raw) } else { raw };
        (keep_empty || !text.is_empty()).then(|| Value::Text(Cow::Owned(text.to_owned())))
    };
    Ok(match row.variable().kind {
        Kind::Flag => Some(Value::Flag(python::is_true(raw))),
        Kind::Switch => Some(Value::Flag(!python::is_false(raw))),
        Kind::TriState if python::is_true(raw) => Some(Value::Flag(true)),
        Kind::TriState if python::is_false(raw) => Some(Value::Flag(false)),
        Kind::TriState => None,
        Kind::Integer if raw.is_empty() && row != DNS_PORT => None,
        Kind::Integer => Some(Value::Number(int(row.name(), raw)?)),
        Kind::Text(how) => text(how.strip, how.keep_empty),
        Kind::OneOf { strip, .. } => text(strip, false).map(|value| translate(row, value)),
        Kind::AddressList | Kind::Address | Kind::Host | Kind::Unmodelled => None,
    })
}

/// `off` is an older word for the `port` strategy of OpenSearch.
fn translate(row: Row, value: Value) -> Value {
    if row == OPENSEARCH_ENDPOINT_STRATEGY && value.as_str() == "off" {
        return Value::Text(Cow::Borrowed("port"));
    }
    value
}

/// The end of the port range follows a start that something decides.
fn follow_start(values: &Values) -> Option<Setting<Value>> {
    let mut decided = values.iter().rev();
    let (_, start) = decided.find(|(row, _)| *row == EXTERNAL_SERVICE_PORTS_START)?;
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
