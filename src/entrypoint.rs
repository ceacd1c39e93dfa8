//! What the image's entrypoint does to names before the emulator starts.
//!
//! The entrypoint is a shell script. It lists the environment with `env`, picks the lines that begin
//! with `LOCALSTACK_`, and runs `export X=${LOCALSTACK_X}` for each. [`copied_name`] is the rule for
//! one name, [`run`] what becomes of a whole environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::release::Line;

/// The prefix that is stripped.
const PREFIX: &str = "LOCALSTACK_";

/// Returns what the image itself sets (`ENV` of its Dockerfile) among the variables of the table.
///
/// The code of 1.x binds loopback by default; its image says otherwise, and so a container of 1.x
/// listens on all interfaces.
#[must_use]
pub fn image_environment(line: Line) -> &'static [(&'static str, &'static str)] {
    match line {
        Line::V1 => &[
            ("EDGE_BIND_HOST", "0.0.0.0"),
            ("LOCALSTACK_HOSTNAME", "localhost"),
        ],
        _ => &[],
    }
}

/// Returns the name that the entrypoint copies `name` to, if it does: `LOCALSTACK_X` to `X`.
///
/// Names that begin with `LOCALSTACK_HOST` (in 1.x: `LOCALSTACK_HOSTNAME`) or with `LOCALSTACK_` and
/// a digit are left alone. For a name that [ends the entrypoint](is_fatal) there is no copy either.
#[must_use]
pub fn copied_name(name: &str, line: Line) -> Option<&str> {
    exported_name(name, line).filter(|bare| is_shell_name(bare) && !READ_ONLY.contains(bare))
}

/// Returns whether a variable of this name ends the entrypoint, so that the container exits.
///
/// The shell refuses to export what is no shell name (`LOCALSTACK_a-b`), and to overwrite what it
/// keeps read-only (`LOCALSTACK_UID`).
#[must_use]
pub fn is_fatal(name: &str, line: Line) -> bool {
    exported_name(name, line).is_some() && copied_name(name, line).is_none()
}

/// Returns the name that the entrypoint tries to export for a variable.
fn exported_name(name: &str, line: Line) -> Option<&str> {
    let bare = name.strip_prefix(PREFIX)?;
    let kept = if line == Line::V1 { "HOSTNAME" } else { "HOST" };
    let skipped =
        bare.is_empty() || bare.starts_with(|c: char| c.is_ascii_digit()) || bare.starts_with(kept);
    (!skipped).then_some(bare)
}

/// Variables that bash does not let anyone change.
const READ_ONLY: [&str; 6] = [
    "BASHOPTS",
    "BASH_VERSINFO",
    "EUID",
    "PPID",
    "SHELLOPTS",
    "UID",
];

fn is_shell_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A variable that the entrypoint sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The name without the prefix.
    pub name: Arc<str>,
    /// Its value afterwards.
    pub value: Arc<str>,
    /// Whether and how the environment changes by it.
    pub effect: Effect,
}

/// What an [`Export`] changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The name did not exist.
    Created,
    /// The name existed with another value, which is lost.
    Overwritten,
    /// The name existed with the same value.
    Unchanged,
}

/// Why a container does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the entrypoint cannot export `{name}`")]
pub struct EntrypointError {
    /// The name, without the prefix, that the shell refuses to export.
    pub name: Box<str>,
}

/// Runs the entrypoint on an environment, in which names are unique.
///
/// A value with a line end followed by `LOCALSTACK_Y=` looks like a variable of its own: `Y` is
/// set to the value of `LOCALSTACK_Y`, and to an empty one where that does not exist. Names are
/// exported in the order in which bash lists its environment. That order matters where
/// `LOCALSTACK_X` is itself set from `LOCALSTACK_LOCALSTACK_X`. The result has one entry for each
/// name, in the order of the first export.
///
/// # Errors
///
/// [`EntrypointError`] when the shell refuses a name and the container exits.
pub fn run<'e>(
    environment: impl IntoIterator<Item = (&'e str, &'e str)>,
    line: Line,
) -> Result<Vec<Export>, EntrypointError> {
    let mut listed: Vec<(&str, &str)> = environment.into_iter().collect();
    let before: BTreeMap<&str, &str> = listed.iter().copied().collect();
    // Within one bucket, bash puts the newest name first.
    listed.reverse();
    listed.sort_by_key(|(name, _)| bucket(name));

    let mut after: BTreeMap<&str, Arc<str>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (name, value) in listed {
        let continued = value.split('\n').skip(1);
        let injected = continued.filter_map(|line| line.split_once('=').map(|(name, _)| name));
        for name in std::iter::once(name).chain(injected) {
            let Some(bare) = exported_name(name, line) else {
                continue;
            };
            if copied_name(name, line).is_none() {
                return Err(EntrypointError { name: bare.into() });
            }
            let value = match (after.get(name), before.get(name)) {
                (Some(value), _) => Arc::clone(value),
                (None, value) => Arc::from(value.copied().unwrap_or("")),
            };
            if after.insert(bare, value).is_none() {
                order.push(bare);
            }
        }
    }
    let exports = order.into_iter().filter_map(|name| {
        let value = after.remove(name)?;
        let effect = match before.get(name) {
            None => Effect::Created,
            Some(old) if **old == *value => Effect::Unchanged,
            Some(_) => Effect::Overwritten,
        };
        Some(Export {
            name: name.into(),
            value,
            effect,
        })
    });
    Ok(exports.collect())
}

/// Returns the bucket of bash's table of variables that holds a name (FNV-1, 1024 buckets), which
/// decides the order of `env` in a script. Observed on bash 5.2.
fn bucket(name: &str) -> u32 {
    let hash = name.bytes().fold(2_166_136_261u32, |hash, byte| {
        hash.wrapping_mul(16_777_619) ^ u32::from(byte)
    });
    hash % 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], line: Line, expected: &str) {
        let shown = match run(environment.iter().copied(), line) {
            Ok(exports) => exports
                .iter()
                .map(|e| format!("{}={:?} {:?}", e.name, e.value, e.effect))
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{environment:?}");
    }

    #[test]
    fn values_are_created_overwritten_or_the_same() {
        check(
            &[("LOCALSTACK_X", "1"), ("LOCALSTACK_Y", ""), ("Y", "2")],
            Line::V4,
            r#"Y="" Overwritten, X="1" Created"#,
        );
        check(
            &[("LOCALSTACK_X", "1"), ("X", "1")],
            Line::V4,
            r#"X="1" Unchanged"#,
        );
    }

    #[test]
    fn a_copy_of_a_copy_depends_on_the_shell_and_not_on_the_order_given() {
        for environment in [
            [("LOCALSTACK_LOCALSTACK_CC", "1"), ("LOCALSTACK_CC", "2")],
            [("LOCALSTACK_CC", "2"), ("LOCALSTACK_LOCALSTACK_CC", "1")],
        ] {
            check(
                &environment,
                Line::V4,
                r#"LOCALSTACK_CC="1" Overwritten, CC="1" Created"#,
            );
        }
    }

    #[test]
    fn lines_inside_values_look_like_variables() {
        let lines = "q\nLOCALSTACK_Y=1\nLOCALSTACK_HOST=x\nLOCALSTACK_Z";
        check(&[("A", lines)], Line::V4, r#"Y="" Created"#);
        check(
            &[("A", lines), ("LOCALSTACK_Y", "2")],
            Line::V4,
            r#"Y="2" Created"#,
        );
        check(
            &[("A", "\nLOCALSTACK_b.c=1")],
            Line::V4,
            "the entrypoint cannot export `b.c`",
        );
    }

    #[test]
    fn some_names_are_never_copied_and_some_are_fatal() {
        for name in [
            "X",
            "localstack_x",
            "LOCALSTACK_",
            "LOCALSTACK_1",
            "LOCALSTACK_HOSTNAME_EXTERNAL",
        ] {
            assert_eq!(copied_name(name, Line::V1), None, "{name}");
            assert!(!is_fatal(name, Line::V1), "{name}");
        }
        assert_eq!(copied_name("LOCALSTACK_HOST", Line::V1), Some("HOST"));
        assert_eq!(copied_name("LOCALSTACK_HOST", Line::V2Lenient), None);
        for name in [
            "LOCALSTACK_a-b",
            "LOCALSTACK_é",
            "LOCALSTACK_A B",
            "LOCALSTACK_UID",
        ] {
            assert_eq!(copied_name(name, Line::V4), None, "{name}");
            assert!(is_fatal(name, Line::V4), "{name}");
        }
    }
}
