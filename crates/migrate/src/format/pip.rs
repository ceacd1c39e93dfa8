//! The version of the CLI, as a script installs it.

use super::shell::Script;
use super::variables::Variables;
use crate::image::Release;
use lsconfig::release::{NEWEST_KNOWN, TargetVersion};

/// Finds the version of the CLI in `pip install localstack==...`.
pub(crate) fn cli_release(script: &Script, variables: &Variables) -> Release {
    let mut release = Release::Unknown("the version of the CLI is not known");
    for command in &script.commands {
        let texts: Vec<String> = command
            .words
            .iter()
            .map(|w| variables.substitute(&w.text))
            .collect();
        let installs = texts.iter().any(|t| t == "install")
            && texts
                .iter()
                .any(|t| t.contains("pip") || t == "uv" || t == "pipx");
        if !installs {
            continue;
        }
        for text in &texts {
            let Some(rest) = text.strip_prefix("localstack") else {
                continue;
            };
            let rest = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
                Some((_, rest)) => rest,
                None => rest,
            };
            if let Some(found) = requirement(rest) {
                release = found;
            }
        }
    }
    release
}

/// Reads a version specifier of pip.
fn requirement(text: &str) -> Option<Release> {
    if text.is_empty() {
        return Some(Release::Floating(NEWEST_KNOWN));
    }
    let range = Release::Unknown("the version of the CLI is a range");
    if text.contains(',') {
        return Some(range);
    }
    let sign = text.len() - text.trim_start_matches(['=', '~', '<', '>', '!']).len();
    let (sign, number) = text.split_at(sign);
    let number = number.trim();
    let Some(parts) = numbers(number.trim_end_matches(".*")) else {
        return matches!(sign, "==" | "~=" | "<" | "<=" | ">" | ">=")
            .then_some(Release::Unknown("the version of the CLI is an expression"));
    };
    let part = |at: usize| parts.get(at).copied().unwrap_or(0);
    let whole = TargetVersion::exact(part(0), part(1), part(2));
    let below = |limit: TargetVersion| {
        let older = TargetVersion::minors().filter(|v| *v < limit);
        older.last().map_or(range.clone(), Release::Known)
    };
    // `~=2.0` allows every 2.x, `~=2.0.1` every 2.0.x, `==2.*` every 2.x.
    let prefix = match sign {
        "~=" => Some(parts.len().saturating_sub(1)),
        "==" if number.ends_with(".*") => Some(parts.len()),
        _ => None,
    };
    Some(match (sign, prefix) {
        (_, Some(1)) => below(TargetVersion::exact(part(0) + 1, 0, 0)),
        (_, Some(2)) => below(TargetVersion::exact(part(0), part(1) + 1, 0)),
        ("==", _) => Release::Known(whole),
        ("<", _) => below(whole),
        ("<=", _) => below(TargetVersion::exact(part(0), part(1), part(2) + 1)),
        (">" | ">=", _) => Release::Floating(NEWEST_KNOWN),
        _ => return None,
    })
}

/// Reads `1.2.3` into its numbers, small ones only.
fn numbers(text: &str) -> Option<Vec<u16>> {
    let parse = |part: &str| part.parse::<u16>().ok().filter(|n| *n < 10_000);
    text.split('.').map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u16, u16)>) {
        let release = requirement(text).and_then(|r| r.version());
        assert_eq!(release.map(|v| (v.major, v.minor)), expected, "{text}");
    }

    #[test]
    fn requirements_of_pip_are_read() {
        check("", Some((4, 14)));
        check("==1.4.0", Some((1, 4)));
        check("<2", Some((1, 4)));
        check("<2.3", Some((2, 2)));
        check("<=2.0.2", Some((2, 0)));
        check("~=2.0", Some((2, 3)));
        check("~=2.0.1", Some((2, 0)));
        check("==3.*", Some((3, 8)));
        check(">=1.0", Some((4, 14)));
        check(">=1.0,<2", None);
        check("==$VERSION", None);
        check("-ext", None);
    }
}
