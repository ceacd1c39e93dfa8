//! Environments as one line of text, and what resolution says about them.

use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use lsconfig::settings::Resolution;

/// Where the emulator of a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a container, behind the image's entrypoint.
    Container,
    /// Outside.
    Host,
}

impl Place {
    pub(crate) fn facts(self) -> Facts {
        match self {
            Self::Container => Facts::container(),
            Self::Host => Facts::default(),
        }
    }
}

/// Makes the layers of an environment.
pub(crate) fn environment<N: AsRef<str>, V: AsRef<str>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Layers {
    let pairs = pairs.into_iter();
    let pairs = pairs.map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()));
    Layers::from_iter([Layer::from_pairs(
        SourceKind::Environment,
        "environment",
        pairs,
    )])
}

/// Reads `A=1 B=2`, where `~` in a value stands for a space.
pub(crate) fn parse(env: &str) -> Layers {
    environment(env.split_whitespace().map(|pair| {
        let (name, value) = pair.split_once('=').expect("NAME=VALUE");
        (name, value.replace('~', " "))
    }))
}

pub(crate) fn resolve_normalized(env: &str, place: Place) -> Resolution {
    resolve(&parse(env), &place.facts(), Semantics::Normalized)
}

pub(crate) fn resolve_as_of(env: &str, place: Place, version: &str) -> Resolution {
    let version: TargetVersion = version.parse().expect("version");
    resolve(&parse(env), &place.facts(), version)
}

/// The codes of a resolution in order, joined by a space.
pub(crate) fn codes(resolution: &Resolution) -> String {
    let codes: Vec<&str> = resolution.diagnostics.iter().map(|d| d.code).collect();
    codes.join(" ")
}
