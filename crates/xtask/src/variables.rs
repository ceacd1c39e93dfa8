//! The page of variables: one chapter for each family, one row for each variable.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lsconfig::release::{NEWEST_KNOWN, TargetVersion};
use lsconfig::variable::{Family, Kind, Reading, Replacement, Role, TABLE, Variable};

use crate::{GENERATED, cell};

const INTRODUCTION: &str = "\
*Role* tells what a variable changes: sockets and behaviour (functional), or names and ports in
returned URLs (cosmetic). *Default* is the one of the newest release that reads it, in a container
/ outside where the two differ. *Deprecated* is the release that LocalStack names; from then on, or
somewhat later, it warns when the name is present, even with an empty value. *Gone* is the first
release that no longer reads it; *inert*, the first that reads it without effect. *Other engines*
tells who else reads the name: *honours* it with the meaning it had in LocalStack, or *overrules*
it with a value of its own.

Names are case-sensitive. How a text is read:

| kind | rule |
|---|---|
| addresses | `host:port` entries, separated by commas; either half may be missing |
| address | one `host:port`; either half may be missing |
| host | a name or IP address |
| number | as Python's `int()`: surrounding space, a sign, `_` between digits and any Unicode digits pass |
| flag | on for `1` and `true` in any case, otherwise off |
| switch | off for `0` and `false` in any case, otherwise on |
| tri-state | on as a flag, off as a switch, otherwise unset |
| text | surrounding space is removed unless marked *verbatim*; empty counts as unset |
| a list of words | exactly one of them; any other word acts like the one marked |
| name only | known because LocalStack warns about it |
";

/// Renders the page.
pub(crate) fn render() -> String {
    let mut page = format!("# Variables\n\n{GENERATED}\n\n{INTRODUCTION}");
    let mut families: BTreeMap<Family, Vec<&Variable>> = BTreeMap::new();
    for row in TABLE {
        families.entry(row.family).or_default().push(row);
    }
    for (family, rows) in families {
        let _ = write!(page, "\n## {}\n\n", title(family));
        if family == Family::Retired {
            page.push_str("| variable | deprecated | gone | instead | what it did |\n");
            page.push_str("|---|---|---|---|---|\n");
            for row in rows {
                let _ = writeln!(
                    page,
                    "| `{}` | {} | {} | {} | {} |",
                    row.name,
                    deprecated(row),
                    gone(row),
                    replacement(row),
                    cell(row.help)
                );
            }
        } else {
            page.push_str(
                "| variable | what it is | role | kind | default | since | deprecated | gone \
                 | instead | other engines |\n|---|---|---|---|---|---|---|---|---|---|\n",
            );
            for row in rows {
                let _ = writeln!(
                    page,
                    "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                    row.name,
                    cell(row.help),
                    role(row),
                    kind(row),
                    default(row),
                    version(row.lifecycle.introduced),
                    deprecated(row),
                    gone(row),
                    replacement(row),
                    dialects(row)
                );
            }
        }
    }
    page
}

fn title(family: Family) -> &'static str {
    match family {
        Family::Listening => "Listening and naming",
        Family::Services => "Service endpoints",
        Family::Dns => "DNS",
        Family::Tls => "TLS",
        Family::Docker => "Containers and networks",
        Family::Cors => "Cross-origin requests",
        Family::Runtime => "Profiles and credentials",
        Family::Retired => "Retired names without a part in networking",
    }
}

fn role(row: &Variable) -> &'static str {
    match row.role {
        Role::Functional => "functional",
        Role::Cosmetic => "cosmetic",
    }
}

fn kind(row: &Variable) -> String {
    let base = match row.kind {
        Kind::AddressList => "addresses",
        Kind::Address => "address",
        Kind::Host => "host",
        Kind::Integer => "number",
        Kind::Flag => "flag",
        Kind::Switch => "switch",
        Kind::TriState => "tri-state",
        Kind::Text(how) if how.strip => "text",
        Kind::Text(_) => "text, verbatim",
        Kind::OneOf {
            values, unknown, ..
        } => {
            let words = values.iter().map(|word| {
                if *word == unknown {
                    format!("`{word}` (and any other word)")
                } else {
                    format!("`{word}`")
                }
            });
            return words.collect::<Vec<_>>().join(", ");
        }
        Kind::Unmodelled => "name only",
    };
    if row.secret {
        format!("{base}, secret")
    } else {
        base.to_owned()
    }
}

/// The default of the newest release that reads the variable.
fn default(row: &Variable) -> String {
    let until = row.lifecycle.removed.unwrap_or(NEWEST_KNOWN);
    let newest = row.defaults.iter().rev().find(|d| d.since <= until);
    let quoted = |text: Option<&str>| match text {
        None => String::new(),
        Some("") => "empty".to_owned(),
        Some(text) => format!("`{}`", cell(text)),
    };
    match newest {
        None => String::new(),
        Some(d) if d.container == d.host => quoted(d.host),
        Some(d) => format!("{} / {}", quoted(d.container), quoted(d.host)),
    }
}

fn version(version: Option<TargetVersion>) -> String {
    version.map_or_else(String::new, |version| version.to_string())
}

fn deprecated(row: &Variable) -> String {
    match row.lifecycle.deprecated {
        None => String::new(),
        Some(d) => match (d.listed, d.delisted) {
            (None, _) => format!("{}, not announced", d.since),
            (_, Some(delisted)) => format!("{}, no longer from {delisted}", d.since),
            (Some(_), None) => d.since.to_string(),
        },
    }
}

fn gone(row: &Variable) -> String {
    let shown = |version: TargetVersion| {
        if version <= TargetVersion::exact(1, 0, 0) {
            "before 1.0".to_owned()
        } else {
            version.to_string()
        }
    };
    match (row.lifecycle.removed, row.lifecycle.inert) {
        (Some(removed), None) => shown(removed),
        (Some(removed), Some(inert)) => format!("{}, inert {}", shown(removed), shown(inert)),
        (None, Some(inert)) => format!("inert {}", shown(inert)),
        (None, None) => String::new(),
    }
}

fn replacement(row: &Variable) -> String {
    match row.replacement {
        Replacement::None => String::new(),
        Replacement::Variable(name) => format!("`{name}`"),
        Replacement::Advice(advice) => cell(advice),
    }
}

fn dialects(row: &Variable) -> String {
    let all = row.dialects.iter().map(|dialect| {
        let verb = match dialect.reading {
            Reading::Honoured => "honours",
            Reading::Overruled => "overrules",
        };
        format!("{} {verb}", dialect.engine.name())
    });
    all.collect::<Vec<_>>().join(", ")
}
