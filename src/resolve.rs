//! From layers and facts to settings: pure and total.
//!
//! [`resolve`] builds an index of the occurrences, hands it to the rules of the semantics asked for
//! (one file each), reads every other modelled variable by the table, and collects diagnostics. It
//! never fails; bad input becomes a diagnostic and a usable value.

/// Joins texts with one allocation. Most time of a resolution goes into messages, and `format!`
/// takes several times as long.
macro_rules! text {
    ($($piece:expr),+ $(,)?) => {
        [$($piece as &str),+].concat()
    };
}

mod index;
pub(crate) mod listening;
mod names;
mod normalized;
mod release;
mod remarks;
mod rows;
mod values;

use std::borrow::Cow;

use crate::addr::Host;
use crate::facts::Facts;
use crate::layer::Layers;
use crate::redact::{conceal, redact_text};
use crate::release::{Semantics, TargetVersion};
use crate::settings::{Resolution, StartFailure};

use index::{Added, Index};

/// The name that resolves to the emulator everywhere, on the host by public DNS.
pub const CLOUD: &str = "localhost.localstack.cloud";

/// The default port of the gateway in every release.
pub const DEFAULT_PORT: u16 = 4566;

/// Returns the default bind host: all interfaces in a container, loopback outside.
#[must_use]
pub const fn default_bind_host(in_container: bool) -> Host {
    if in_container {
        Host::ANY
    } else {
        Host::LOOPBACK
    }
}

/// Resolves the settings of an environment.
///
/// `semantics` is [`Semantics::Normalized`] for what the user means, or a [`TargetVersion`] for what
/// that release does.
#[must_use]
pub fn resolve(layers: &Layers, facts: &Facts, semantics: impl Into<Semantics>) -> Resolution {
    let semantics = semantics.into();
    let added = Added::new(layers, facts, semantics);
    let index = Index::new(layers, &added);
    let mut resolution = match semantics {
        Semantics::Normalized => normalized::resolve(&index, facts.in_container),
        Semantics::LocalStack(version) => release::resolve(&index, facts.in_container, version),
    };
    remarks::add(&mut resolution, &index, facts);
    resolution.secrets = layers.secrets();
    if !resolution.secrets.is_empty() {
        for diagnostic in &mut resolution.diagnostics {
            diagnostic.conceal(&resolution.secrets);
        }
        if let Some(failure) = &mut resolution.failure {
            failure.message = conceal(&*failure.message, &resolution.secrets).into_owned();
        }
    }
    resolution
}

/// Reads a text as a release does. When it is refused, a text with passwords in URLs is read again
/// without them, so that the message quotes none.
fn read_shown<T>(
    raw: &str,
    read: impl Fn(&str) -> Result<T, StartFailure>,
) -> Result<T, StartFailure> {
    read(raw).map_err(|failure| match redact_text(raw) {
        Cow::Borrowed(_) => failure,
        Cow::Owned(shown) => read(&shown).err().unwrap_or(StartFailure {
            message: "the value is refused".to_owned(),
            ..failure
        }),
    })
}

/// Everything a file of rules needs to know.
#[derive(Clone, Copy)]
struct Place {
    version: TargetVersion,
    in_container: bool,
}
