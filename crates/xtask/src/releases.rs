//! The page of releases: lines with one behaviour, and what changed where.

use std::fmt::Write as _;

use lsconfig::evolution::MILESTONES;
use lsconfig::release::{Line, NEWEST_KNOWN, OLDEST_KNOWN, TargetVersion};

use crate::GENERATED;

const NUMBERS: &str = "\
## How a number is read

Any published number is accepted. A partial one means the newest release of its line: `2.3` is
2.3.2, `4` is 4.14.0, `latest` is the newest release known. A leading `v` and suffixes that name a
build of the same code (`3.0.0.post4`, `4.1.0-amd64`, `4.0.3.dev12`) make no difference.
";

/// Renders the page.
pub(crate) fn render() -> String {
    let mut page = format!("# Releases\n\n{GENERATED}\n\n");
    let _ = write!(
        page,
        "`--as-of RELEASE` answers what that release of LocalStack does. The facts cover \
         {OLDEST_KNOWN} to {NEWEST_KNOWN}; an older release is read like {OLDEST_KNOWN}, a newer one \
         like {NEWEST_KNOWN}.\n\n{NUMBERS}\n"
    );
    page.push_str("## Lines\n\nReleases of one line read the address variables alike.\n\n");
    page.push_str("| releases | behaviour |\n|---|---|\n");
    for (releases, line) in lines() {
        let _ = writeln!(page, "| {releases} | {} |", behaviour(line));
    }
    page.push_str("\n## Milestones\n\nWhere the reading of addresses and URLs changes.\n\n");
    page.push_str("| from | what changes |\n|---|---|\n");
    for milestone in &MILESTONES {
        let _ = writeln!(page, "| {} | {} |", milestone.since, milestone.what);
    }
    page
}

/// Groups one release of every minor number, and the ends of ranges between, by line.
fn lines() -> Vec<(String, Line)> {
    let mut versions: Vec<TargetVersion> = TargetVersion::minors()
        .chain(MILESTONES.iter().map(|milestone| milestone.since))
        .chain([OLDEST_KNOWN, TargetVersion::exact(2, 3, 1)])
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let mut lines: Vec<(TargetVersion, TargetVersion, Line)> = Vec::new();
    for version in versions {
        match lines.last_mut() {
            Some((_, last, line)) if *line == version.line() => *last = version,
            _ => lines.push((version, version, version.line())),
        }
    }
    let shown = lines.into_iter().map(|(first, last, line)| {
        let range = if first == last {
            first.to_string()
        } else {
            format!("{first} to {last}")
        };
        (range, line)
    });
    shown.collect()
}

fn behaviour(line: Line) -> &'static str {
    match line {
        Line::V1 => {
            "`EDGE_BIND_HOST`, `EDGE_PORT` and `EDGE_PORT_HTTP` decide what is bound, the HTTP \
             port first; an empty or zero port is the default"
        }
        Line::V2Lenient => {
            "`GATEWAY_LISTEN` overrules the `EDGE_` variables, but only its first entry is bound; \
             a port that is no number silently becomes the default; `LOCALSTACK_HOST` moves the \
             listen port and changes no URL"
        }
        Line::V2Strict => {
            "as before, but an address that cannot be read stops the start, every entry is bound, \
             and `EDGE_BIND_HOST` no longer binds the gateway; duplicates are bound twice, which \
             fails"
        }
        Line::V2Dedup => "as before, without duplicates",
        Line::V3 => {
            "`GATEWAY_LISTEN` and `LOCALSTACK_HOST` are the only address variables; \
             `LOCALSTACK_HOST` decides returned URLs and takes its port from the first listen \
             address"
        }
        Line::V4 => {
            "as before, with IPv6 addresses in brackets; listen addresses are merged by port"
        }
    }
}
