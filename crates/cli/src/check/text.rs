//! Findings for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Reset, Style};
use lsconfig::diagnostic::Severity;
use lsconfig_migrate::effect::Effect;
use lsconfig_migrate::file::File;
use lsconfig_migrate::finding::{Finding, Related, Safety};
use lsconfig_migrate::report::{Counts, KINDS};
use lsconfig_migrate::walk::Walk;

use crate::render::printable;

/// Renders every finding; `effects` adds what the settings do today, were meant to do, and will do.
pub(crate) fn findings(files: &[File], effects: bool) -> String {
    let mut text = String::new();
    for finding in files.iter().flat_map(|file| &file.findings) {
        one(&mut text, finding, effects);
    }
    text
}

fn one(text: &mut String, finding: &Finding, effects: bool) {
    let color: Style = match finding.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => AnsiColor::Cyan.on_default(),
    };
    let path = finding.path.display().to_string();
    let _ = writeln!(
        text,
        "{}:{}:{}  {color}{}{Reset}  {}",
        printable(&path),
        finding.line,
        finding.column,
        finding.rule.code,
        printable(&finding.message)
    );
    if !finding.scope.is_empty() {
        let scope = printable(&finding.scope);
        let _ = writeln!(text, "    on      {scope}, release {}", finding.release);
    }
    let asks = finding
        .fix
        .as_ref()
        .is_some_and(|fix| fix.safety == Safety::Unsafe);
    let shown: &[(&str, &Option<Effect>)] = &match (effects, asks) {
        (true, _) => vec![
            ("today", &finding.today),
            ("meant", &finding.meant),
            ("after", &finding.after),
        ],
        // Whoever is asked has to know what changes.
        (false, true) => vec![("today", &finding.today), ("after", &finding.after)],
        (false, false) => Vec::new(),
    };
    effect_lines(text, shown);
    if let Some(fix) = &finding.fix {
        let word = if fix.safety == Safety::Safe {
            "fix"
        } else {
            "offer"
        };
        let _ = write!(text, "    {word:7} {}", printable(&fix.title));
        if let Some(why) = &fix.why {
            let _ = write!(text, "  (with --unsafe: {})", printable(why));
        }
        text.push('\n');
    }
    for (line, effect) in &finding.alternatives {
        let url = printable(&effect.queue_url);
        let _ = writeln!(text, "            + `{line}`: queue URL {url}");
    }
    for help in &finding.help {
        let _ = writeln!(text, "    help    {}", printable(help));
    }
    places(text, finding);
}

/// Lists other lines, those of one file that say the same in one line.
fn places(text: &mut String, finding: &Finding) {
    let mut rest = &finding.related[..];
    while let Some(first) = rest.first() {
        let same = |r: &&Related| r.path == first.path && r.message == first.message;
        let len = rest.iter().take_while(same).count();
        let numbers: Vec<String> = rest[..len].iter().map(|r| r.line.to_string()).collect();
        let file = first.path.as_ref().map(|p| p.display().to_string());
        let file = file.map_or_else(String::new, |f| format!("{} ", printable(&f)));
        let word = if len == 1 { "line" } else { "lines" };
        let verb = if len == 1 {
            first.message.clone()
        } else {
            first
                .message
                .replacen("names ", "name ", 1)
                .replacen("holds ", "hold ", 1)
        };
        let _ = writeln!(
            text,
            "    also    {file}{word} {} {}",
            numbers.join(", "),
            printable(&verb)
        );
        rest = &rest[len..];
    }
}

/// Writes what settings do, equal ones in one line.
fn effect_lines(text: &mut String, shown: &[(&str, &Option<Effect>)]) {
    let mut lines: Vec<(String, &Effect)> = Vec::new();
    for (word, effect) in shown {
        let Some(effect) = effect else { continue };
        match lines.iter_mut().find(|(_, other)| *other == effect) {
            Some((words, _)) => *words += &format!(", {word}"),
            None => lines.push(((*word).to_owned(), effect)),
        }
    }
    for (words, effect) in lines {
        let (listens, url) = (printable(&effect.listens), printable(&effect.queue_url));
        let _ = if listens == url {
            writeln!(text, "    {words:7} {listens}")
        } else {
            writeln!(text, "    {words:7} listens on {listens}, queue URL {url}")
        };
    }
}

/// Renders the closing line.
pub(crate) fn summary(counts: &Counts, walk: &Walk, end: &str) -> String {
    let left = counts.notes + walk.foreign;
    let mut text = if counts.any() {
        let needs = if counts.person == 1 { "needs" } else { "need" };
        format!(
            "{} fixed with --write. {} more with --unsafe. {} {needs} a person.",
            counts.safe, counts.r#unsafe, counts.person
        )
    } else if left > 0 {
        "Nothing to do.".to_owned()
    } else if walk.seen == 0 {
        "There is no file to read.".to_owned()
    } else {
        "Nothing found.".to_owned()
    };
    if left > 0 {
        let kinds = KINDS
            .iter()
            .zip(counts.kinds)
            .map(|((what, _), n)| (*what, n));
        let all = kinds.chain([("other software", walk.foreign)]);
        let parts: Vec<String> = all
            .filter(|(_, n)| *n > 0)
            .map(|(what, n)| format!("{n} {what}"))
            .collect();
        let _ = write!(text, " {left} left alone ({}).", parts.join(", "));
    }
    if counts.silenced > 0 {
        let _ = write!(text, " {} silenced.", counts.silenced);
    }
    if walk.skipped > 0 {
        let files = if walk.skipped == 1 { "file" } else { "files" };
        let _ = write!(text, " {} binary or large {files} skipped.", walk.skipped);
    }
    let passed = [
        (walk.vendored, "vendored folder", "vendored folders"),
        (walk.copies, "copy", "copies"),
    ];
    let passed: Vec<String> = passed
        .iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, more)| format!("{n} {}", if *n == 1 { one } else { more }))
        .collect();
    if !passed.is_empty() {
        let _ = write!(text, " {} not read.", passed.join(" and "));
    }
    format!("{text} {end}\n")
}
