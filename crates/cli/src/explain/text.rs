//! `explain` for people: a table, the diagnostics, a summary.

use lsconfig::addr::Host;
use lsconfig::evolution::Change;
use lsconfig::explain::{Entry, entries};
use lsconfig::release::TargetVersion;
use lsconfig::settings::Resolution;
use lsconfig::source::compose::reach::{Purpose, Route};
use lsconfig::source::compose::{PortRange, Protocol};

use super::summary;
use crate::input::Input;
use crate::render::{self, printable, wrap};

/// The settings that are shown even when nothing sets them.
const ALWAYS: [&str; 2] = ["GATEWAY_LISTEN", "LOCALSTACK_HOST"];
/// The widest value in a table, in characters.
const MAX_VALUE: usize = 48;
/// The width of prose.
const WIDTH: usize = 88;

/// Renders a resolution.
pub(super) fn render(resolution: &Resolution, semantics: &str, input: &Input, all: bool) -> String {
    let place = if resolution.in_container {
        "in a container"
    } else {
        "outside a container"
    };
    let bold = anstyle::Style::new().bold();
    let mut text = format!("{bold}Effective settings{bold:#} ({semantics}, {place})\n\n");
    text.push_str(&settings(resolution, all));
    if let Some(emulator) = input
        .emulator
        .as_ref()
        .filter(|emulator| emulator.publishes())
    {
        let rows: Vec<[String; 3]> = emulator
            .routes(resolution)
            .iter()
            .map(|way| route(way, resolution))
            .collect();
        text.push_str(&format!(
            "\n{bold}Published ports{bold:#}\n\n{}",
            table(&rows)
        ));
    }
    text.push('\n');
    let shown = if all {
        render::diagnostics(&resolution.diagnostics, &input.sources)
    } else {
        render::digest(&resolution.diagnostics, &input.sources)
    };
    text.push_str(&shown);
    text.push_str(&format!("{bold}Summary{bold:#}\n\n"));
    for sentence in summary::sentences(resolution, input) {
        text.push_str(&indent(&wrap(&sentence, WIDTH - 2)));
    }
    text
}

/// Shows one way into the container: from, to, what answers there.
fn route(route: &Route, resolution: &Resolution) -> [String; 3] {
    let range = |range: PortRange| {
        if range.width() == 0 {
            range.first.to_string()
        } else {
            format!("{}-{}", range.first, range.last)
        }
    };
    let host = route.host_ip.map_or_else(
        || "*".to_owned(),
        |ip| Host::new(ip.to_string()).to_string(),
    );
    let published = route.published.map_or_else(|| "(any)".to_owned(), range);
    let answers = match (&route.listen, route.purpose) {
        (Some(address), _) => {
            format!("gateway, {}", printable(&resolution.shown(address)))
        }
        (None, Purpose::Gateway) => "gateway".to_owned(),
        (None, Purpose::Services) => "instances of services".to_owned(),
        (None, Purpose::Dns) => "DNS server".to_owned(),
        (None, Purpose::Https) => "HTTPS, depending on the edition".to_owned(),
        (None, Purpose::Nothing) => "nothing listens".to_owned(),
    };
    let protocol = match route.protocol {
        Protocol::Tcp => String::new(),
        other => format!("/{}", other.as_str()),
    };
    [
        format!("{host}:{published}"),
        format!("-> {}{protocol}", range(route.target)),
        answers,
    ]
}

fn settings(resolution: &Resolution, all: bool) -> String {
    let rows: Vec<[String; 3]> = entries(resolution)
        .iter()
        .filter(|entry| all || !entry.used.is_empty() || ALWAYS.contains(&entry.name))
        .flat_map(|entry| {
            let value = entry
                .value
                .as_deref()
                .map_or_else(|| "(unset)".to_owned(), value);
            let mut head = [entry.name.to_owned(), value];
            source(entry).into_iter().map(move |place| {
                let [name, value] = std::mem::take(&mut head);
                [name, value, place]
            })
        })
        .collect();
    table(&rows)
}

fn value(text: &str) -> String {
    let text = printable(text);
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into_owned(),
    }
}

/// Says where a value comes from: positions, and names where they differ from the setting's. One
/// line for each place.
fn source(entry: &Entry<'_>) -> Vec<String> {
    if entry.used.is_empty() {
        return vec![entry.rule.to_owned()];
    }
    let mut places: Vec<String> = entry
        .used
        .iter()
        .map(|occurrence| {
            let origin = printable(&occurrence.origin.to_string()).into_owned();
            if occurrence.written() == entry.name {
                origin
            } else {
                format!("{} {origin}", printable(occurrence.written()))
            }
        })
        .collect();
    let first = &mut places[0];
    *first = match entry.rule {
        "set" => return places,
        "mapped" => format!("mapped from {first}"),
        "derived" => format!("follows {first}"),
        "fallback" => format!("old name, {first}"),
        rule => format!("{rule}, {first}"),
    };
    places
}

/// Aligns columns; the last one is not padded.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |n: usize| {
        rows.iter()
            .map(|row| row[n].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!(" {cell:width$} "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// Renders the changes between releases.
pub(super) fn evolution(
    changes: &[Change],
    first: TargetVersion,
    last: TargetVersion,
    input: &Input,
) -> String {
    let bold = anstyle::Style::new().bold();
    let mut text = format!("{bold}What changes from {first} to {last}{bold:#}\n\n");
    if changes.is_empty() {
        text.push_str("  Nothing: every release between reads these settings alike.\n");
    }
    let cell =
        |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), self::value);
    let mut rows = vec![["since", "setting", "before", "after"].map(str::to_owned)];
    rows.extend(changes.iter().map(|change| {
        [
            change.since.to_string(),
            change.setting.to_owned(),
            cell(&change.before),
            cell(&change.after),
        ]
    }));
    if !changes.is_empty() {
        text.push_str(&table(&rows));
        text.push_str(&format!("\n{bold}Why{bold:#}\n\n"));
    }
    let mut told: Vec<(TargetVersion, &str)> = Vec::new();
    for change in changes {
        let reason = (change.since, change.why.as_str());
        if !change.why.is_empty() && !told.contains(&reason) {
            text.push_str(&indent(&wrap(
                &format!("{}: {}", change.since, change.why),
                WIDTH - 2,
            )));
            told.push(reason);
        }
    }
    if !input.diagnostics.is_empty() {
        text.push('\n');
        text.push_str(&render::diagnostics(&input.diagnostics, &input.sources));
    }
    text
}
