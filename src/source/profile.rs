//! Profiles of the LocalStack CLI: `~/.localstack/NAME.env`.
//!
//! Which files are read, in which order, and how they combine depends on the release. The files come
//! through a closure of the caller.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dotenv::{self, Order};
use super::{Binding, Parsed};
use crate::diagnostic::{Diagnostic, Label, Severity, codes};
use crate::layer::{Layer, Occurrence, Origin, SourceKind};
use crate::python;
use crate::release::TargetVersion;

/// The directory of profiles unless `CONFIG_DIR` names another one.
pub const DEFAULT_DIRECTORY: &str = "~/.localstack";

/// Which profiles are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// The value of `CONFIG_PROFILE`, if it is set.
    pub profile: Option<&'a str>,
    /// The directory as origins show it, [`DEFAULT_DIRECTORY`] by default.
    pub directory: &'a str,
    /// The release that reads the files.
    pub version: TargetVersion,
}

impl<'a> Selection<'a> {
    /// Returns the names of the profiles, in the order in which their files are read.
    ///
    /// Since 3.1.0 the value is a list; before, `a,b` is one name. An empty value selects `default`,
    /// an empty item of a list the file `.env`. A name may hold slashes, and `..` leaves the
    /// directory: whoever opens files decides whether that is allowed.
    #[must_use]
    pub fn names(&self) -> Vec<&'a str> {
        match self.profile.map(python::strip) {
            None | Some("") => vec!["default"],
            Some(name) if self.version < TargetVersion::exact(3, 1, 0) => vec![name],
            Some(list) => list.split(',').map(python::strip).collect(),
        }
    }
}

/// Reads the selected profiles into one layer.
///
/// `file` gives the text of the file for a profile's name, or `None` where there is none; `environment`
/// is the environment of the CLI, which interpolation sees. A later file wins over an earlier one; a
/// name alone on a line takes the values away that earlier lines and files gave it. The layer holds
/// what is left, also names that the environment sets too: those lose by the order of layers.
#[must_use]
pub fn load<'e>(
    selection: &Selection<'_>,
    mut file: impl FnMut(&str) -> Option<String>,
    environment: impl Fn(&str) -> Option<&'e str>,
) -> (Layer, Vec<Diagnostic>) {
    let mut combined = Combined {
        layer: Layer::new(SourceKind::Profile),
        set: BTreeMap::new(),
        diagnostics: Vec::new(),
    };
    for name in selection.names() {
        let source = format!("{}/{name}.env", selection.directory);
        let Some(text) = file(name) else {
            combined.missing(selection, name, &source);
            continue;
        };
        let mut parsed = dotenv::parse(&text, &source);
        dotenv::interpolate(&mut parsed, Order::of(selection.version), &environment);
        combined.add(parsed, &environment);
    }
    combined.finish()
}

struct Combined {
    layer: Layer,
    /// Where in the layer each name is set.
    set: BTreeMap<Arc<str>, Vec<usize>>,
    diagnostics: Vec<Diagnostic>,
}

impl Combined {
    fn missing(&mut self, selection: &Selection<'_>, name: &str, source: &str) {
        let explicit = selection
            .profile
            .is_some_and(|profile| !python::strip(profile).is_empty());
        if !explicit {
            return;
        }
        let mut diagnostic = Diagnostic::new(
            &codes::MISSING_FILE,
            format!("profile `{name}` sets nothing: there is no file `{source}`"),
        )
        .severity(Severity::Warning)
        .about("CONFIG_PROFILE")
        .label(Label::at(Origin::of_source(source), "expected here"));
        if name.contains(',') {
            diagnostic = diagnostic.help("lists of profiles are read since 3.1.0");
        }
        self.diagnostics.push(diagnostic);
    }

    fn add<'e>(&mut self, parsed: Parsed, environment: impl Fn(&str) -> Option<&'e str>) {
        self.diagnostics.extend(parsed.diagnostics);
        self.layer.secrets.extend(parsed.secrets);
        for binding in parsed.bindings {
            let Some(value) = binding.value else {
                self.remove(&binding);
                continue;
            };
            let impossible = value.contains('\0') || binding.name.contains(['=', '\0']);
            if impossible && environment(&binding.name).is_none() {
                self.impossible(&binding.name, binding.origin.clone());
            }
            let at = self.layer.occurrences.len();
            self.set
                .entry(Arc::clone(&binding.name))
                .or_default()
                .push(at);
            self.layer.push(binding.name, value, binding.origin);
        }
    }

    /// Python refuses to put such a name or value into the environment.
    fn impossible(&mut self, name: &str, origin: Origin) {
        let name = name.escape_debug();
        self.diagnostics.push(
            Diagnostic::new(
                &codes::DOES_NOT_START,
                format!("`{name}` in a profile cannot be put into the environment"),
            )
            .label(Label::at(
                origin,
                "a name with `=`, or a NUL, raises a `ValueError`",
            )),
        );
    }

    fn remove(&mut self, binding: &Binding) {
        let Some(places) = self.set.remove(&binding.name) else {
            return;
        };
        let mut diagnostic = Diagnostic::new(
            &codes::SHADOWED_VARIABLE,
            format!(
                "`{0}` without `=` takes away the value of `{0}`",
                binding.name
            ),
        )
        .about(binding.name.to_string())
        .help("write `=` after the name to set it to an empty value")
        .label(Label::at(binding.origin.clone(), "taken away here"));
        for &place in &places {
            if let Some(lost) = self.layer.occurrences.get(place) {
                diagnostic = diagnostic.label(Label::of(lost, "this value is lost"));
            }
        }
        self.diagnostics.push(diagnostic);
        // The places of other names stay valid: what is lost is marked, and left out at the end.
        for place in places {
            if let Some(lost) = self.layer.occurrences.get_mut(place) {
                *lost = Arc::new(Occurrence {
                    name: "".into(),
                    ..Occurrence::clone(lost)
                });
            }
        }
    }

    fn finish(mut self) -> (Layer, Vec<Diagnostic>) {
        // No binding has an empty name.
        self.layer.occurrences.retain(|o| !o.name.is_empty());
        (self.layer, self.diagnostics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: (u16, u16, u16), profile: Option<&str>, layer: &str, codes: &str) {
        let selection = Selection {
            profile,
            directory: DEFAULT_DIRECTORY,
            version: TargetVersion::exact(version.0, version.1, version.2),
        };
        let file = |name: &str| match name {
            "default" => Some("A=default".to_owned()),
            "a" => Some("A=a\nB=${E}".to_owned()),
            "b" => Some("A=b\nB".to_owned()),
            "nul" => Some("A=\0\n'B=C'=1".to_owned()),
            _ => None,
        };
        let (found, diagnostics) = load(&selection, file, |name| (name == "E").then_some("env"));
        let shown: Vec<String> = found
            .occurrences
            .iter()
            .map(|o| format!("{} {}={}", o.origin, o.name, o.raw))
            .collect();
        assert_eq!(shown.join("|"), layer, "{profile:?}");
        let shown: Vec<_> = diagnostics.iter().map(|d| d.code).collect();
        assert_eq!(shown.join(" "), codes, "{profile:?}");
    }

    #[test]
    fn lists_are_read_since_3_1() {
        let both = "~/.localstack/a.env:1:3 A=a|~/.localstack/b.env:1:3 A=b";
        check((3, 1, 0), Some(" a , b "), both, "shadowed-variable");
        check((3, 0, 2), Some("a,b"), "", "missing-file");
    }

    #[test]
    fn missing_files_are_reported_when_they_were_asked_for() {
        let a = "~/.localstack/a.env:1:3 A=a|~/.localstack/a.env:2:3 B=env";
        check((4, 14, 0), Some("nope,a"), a, "missing-file");
        let default = "~/.localstack/default.env:1:3 A=default";
        check((4, 14, 0), None, default, "");
        check((4, 14, 0), Some("  "), default, "");
    }

    #[test]
    fn what_the_environment_cannot_hold_ends_the_process() {
        let both = "~/.localstack/nul.env:1:3 A=\0|~/.localstack/nul.env:2:7 B=C=1";
        check(
            (4, 14, 0),
            Some("nul"),
            both,
            "does-not-start does-not-start",
        );
    }
}
