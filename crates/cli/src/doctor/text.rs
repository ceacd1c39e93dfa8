//! A diagnosis for people: the verdict, then the paths, then each cause with evidence and fix.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Reset, Style};
use lsconfig::diagnostic::Severity;
use lsconfig_doctor::facts::Engine;
use lsconfig_doctor::finding::Confidence;
use lsconfig_doctor::report::{Document, FindingLine, FixLine, PathLine};

use crate::render::printable;
use crate::rule::severity;

/// Renders a document.
pub(super) fn render(document: &Document, verbose: bool) -> String {
    let mut text = verdict(document);
    paths(&mut text, document, verbose);
    for finding in &document.findings {
        one(&mut text, finding, verbose);
    }
    if verbose {
        trace(&mut text, document);
    }
    text
}

fn color(of: Severity) -> Style {
    match of {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => AnsiColor::Cyan.on_default(),
    }
}

fn verdict(document: &Document) -> String {
    let mut text = String::new();
    match document.findings.first() {
        Some(worst) => {
            let style = color(worst.severity);
            let _ = writeln!(text, "{style}{}{Reset}", printable(&worst.message));
            let more = document.findings.len() - 1;
            if more > 0 {
                let s = if more == 1 { "" } else { "s" };
                let _ = writeln!(text, "and {more} more finding{s} below");
            }
        }
        None => {
            let good = AnsiColor::Green.on_default().bold();
            let tried = document.clients.iter().flat_map(|c| &c.paths);
            let proven = tried
                .clone()
                .any(|p| p.confidence == Confidence::Proven && p.verdict == "ok");
            let what = if proven {
                "every path that was tried works"
            } else {
                "nothing is wrong by the settings"
            };
            let _ = writeln!(text, "{good}{what}{Reset}");
        }
    }
    text
}

fn paths(text: &mut String, document: &Document, verbose: bool) {
    if let Engine::Reached {
        address,
        found_by,
        version,
        operating_system,
        ..
    } = &document.engine
        && verbose
    {
        let _ = writeln!(
            text,
            "\nengine    {} ({found_by}), {} on {}",
            printable(address),
            printable(version),
            printable(operating_system)
        );
    }
    if let Some(emulator) = &document.emulator {
        let release = emulator.release.as_deref().unwrap_or("unknown release");
        let how = if emulator.seen { "seen" } else { "expected" };
        let _ = writeln!(
            text,
            "\nemulator  {} ({}), {release}, listens at {} ({how})",
            printable(&emulator.name),
            printable(&emulator.image),
            emulator.listens.join(", ")
        );
    }
    for client in &document.clients {
        for path in &client.paths {
            path_line(text, &client.name, path);
        }
        if verbose {
            let known = |form: &&PathLine| !client.paths.iter().any(|p| p.url == form.url);
            for form in client.forms.iter().filter(known) {
                path_line(text, &client.name, form);
            }
        }
        if let Some(why) = &client.probe_failure {
            let _ = writeln!(
                text,
                "          {} could not be tried: {}",
                printable(&client.name),
                printable(why)
            );
        }
    }
}

/// One path.
pub(super) fn path_line(text: &mut String, client: &str, path: &PathLine) {
    let (word, style) = match path.verdict {
        "ok" => ("ok  ", AnsiColor::Green.on_default()),
        "fail" => ("fail", AnsiColor::Red.on_default()),
        _ => ("?   ", AnsiColor::Yellow.on_default()),
    };
    let how = if path.confidence == Confidence::Proven {
        "tried"
    } else {
        "predicted"
    };
    let address = path
        .address
        .as_deref()
        .map_or(String::new(), |a| format!(" at {a}"));
    let _ = writeln!(
        text,
        "  {style}{word}{Reset}    {} -> {}: {}{address} ({how})",
        printable(client),
        printable(&path.url),
        path.outcome
    );
}

/// One finding, after an empty line.
pub(super) fn one(text: &mut String, finding: &FindingLine, verbose: bool) {
    let style = color(finding.severity);
    let _ = writeln!(
        text,
        "\n{style}{}[{}]{Reset}: {}",
        severity(finding.severity),
        finding.code,
        printable(&finding.message)
    );
    if let Some(place) = &finding.place {
        let _ = writeln!(
            text,
            " --> {}:{}:{}",
            printable(&place.file),
            place.line,
            place.column
        );
    }
    for evidence in &finding.evidence {
        let _ = writeln!(text, "  - {}", printable(evidence));
    }
    let shown = if verbose { finding.fixes.len() } else { 2 };
    for (n, fix) in finding.fixes.iter().take(shown).enumerate() {
        fix_lines(text, fix, n == 0 || verbose);
    }
}

/// The best fix is shown whole, the others by name.
fn fix_lines(text: &mut String, fix: &FixLine, whole: bool) {
    let bold = Style::new().bold();
    let recreate = if fix.needs_recreate {
        " (containers are made anew)"
    } else {
        ""
    };
    let _ = writeln!(
        text,
        "  {bold}fix{Reset}: {}{recreate}",
        printable(&fix.title)
    );
    if !whole {
        return;
    }
    if let Some(patch) = &fix.patch {
        indented(text, &patch.diff);
    } else if !fix.snippet.is_empty() {
        indented(text, &fix.snippet);
    }
    if fix.patch.is_none() {
        for command in &fix.commands {
            let _ = writeln!(text, "      $ {}", printable(command));
        }
    }
}

fn indented(text: &mut String, block: &str) {
    for line in block.lines() {
        let _ = writeln!(text, "      {}", printable(line));
    }
}

fn trace(text: &mut String, document: &Document) {
    text.push_str("\nchecks\n");
    for line in &document.trace {
        let by = line.by.map_or(String::new(), |by| format!(" by {by}"));
        let _ = writeln!(
            text,
            "  {:8} {:9}{by} {}",
            line.number,
            line.result,
            printable(&line.subject)
        );
    }
}
