//! Findings for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Reset, Style};
use lsconfig::diagnostic::Severity;
use lsconfig_migrate::effect::Effect;
use lsconfig_migrate::file::File;
use lsconfig_migrate::finding::{Finding, Safety};
use lsconfig_migrate::report::Counts;

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
        let _ = writeln!(
            text,
            "    on      {}, release {}",
            printable(&finding.scope),
            finding.release
        );
    }
    if effects {
        for (word, effect) in [
            ("today", &finding.today),
            ("meant", &finding.meant),
            ("after", &finding.after),
        ] {
            if let Some(effect) = effect {
                effect_line(text, word, effect);
            }
        }
    }
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
    for help in &finding.help {
        let _ = writeln!(text, "    help    {}", printable(help));
    }
    for place in &finding.related {
        let _ = writeln!(
            text,
            "    line {:<2} {}",
            place.line,
            printable(&place.message)
        );
    }
}

fn effect_line(text: &mut String, word: &str, effect: &Effect) {
    let (listens, url) = (printable(&effect.listens), printable(&effect.queue_url));
    if listens == url {
        let _ = writeln!(text, "    {word:7} {listens}");
    } else {
        let _ = writeln!(text, "    {word:7} listens on {listens}, queue URL {url}");
    }
}

/// Renders the closing line.
pub(crate) fn summary(counts: &Counts, skipped: usize, end: &str) -> String {
    let mut text = if counts.any() || counts.notes > 0 {
        format!(
            "{} fixed with --write. {} more with --unsafe. {} need a person. {} notes.",
            counts.safe, counts.r#unsafe, counts.person, counts.notes
        )
    } else {
        "Nothing found.".to_owned()
    };
    if counts.silenced > 0 {
        let _ = write!(text, " {} silenced.", counts.silenced);
    }
    if skipped > 0 {
        let _ = write!(text, " {skipped} binary or large files skipped.");
    }
    format!("{text} {end}\n")
}
