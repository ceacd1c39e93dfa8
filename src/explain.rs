//! The explain document: a resolution as stable, versioned data for programs.
//!
//! Its JSON Schema is `docs/explain.schema.json`. Members may be added within a version of the
//! schema; none changes its meaning or goes.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::addr::Authority;
use crate::diagnostic::Diagnostic;
use crate::layer::{Occurrence, Origin};
use crate::redact::{redact, redact_text};
use crate::settings::{Derivation, Resolution, Value};
use crate::variable::TABLE;

/// The version of the document.
pub const SCHEMA: &str = "lsconfig.explain/1";

/// A resolution, ready to be serialised. Secrets are redacted.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// `normalized`, or `localstack-` and the release asked for.
    pub semantics: Cow<'a, str>,
    /// Whether the emulator runs in a container.
    pub in_container: bool,
    /// Whether the emulator starts.
    pub starts: bool,
    /// Why it does not.
    pub error: Option<String>,
    /// What is bound, in order.
    #[serde(serialize_with = "addresses")]
    pub bind: &'a [Authority],
    /// The listen addresses as the release holds them; empty before 2.0.
    #[serde(serialize_with = "addresses")]
    pub gateway_listen: &'a [Authority],
    /// Host and port of returned URLs; null before 2.0.
    #[serde(serialize_with = "address")]
    pub localstack_host: Option<&'a Authority>,
    /// The URL that clients are given; null without start.
    pub external_url: Option<String>,
    /// The URL that the emulator's own clients use; null without start.
    pub internal_url: Option<String>,
    /// Every setting with its reason.
    pub settings: Vec<Entry<'a>>,
    /// What is worth saying.
    pub diagnostics: &'a [Diagnostic],
}

/// One setting of a [`Document`].
#[derive(Debug, Serialize)]
pub struct Entry<'a> {
    /// The modern variable, or the legacy one where the release reads it.
    pub name: &'static str,
    /// The value as text; null when unset.
    pub value: Option<Cow<'a, str>>,
    /// How it came about ([`Basis`](crate::settings::Basis)).
    pub rule: &'static str,
    /// The occurrences that count.
    #[serde(serialize_with = "occurrences")]
    pub used: &'a [Arc<Occurrence>],
    /// The occurrences that lost.
    #[serde(serialize_with = "occurrences")]
    pub shadowed: &'a [Arc<Occurrence>],
}

#[derive(Serialize)]
struct Place<'a> {
    variable: &'a str,
    raw: Cow<'a, str>,
    #[serde(flatten)]
    origin: &'a Origin,
}

/// What may be shown of a value that came from the user: 1.x takes a whole URL as a bind host.
pub(crate) fn shown(value: impl ToString) -> String {
    match redact_text(&value.to_string()) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

fn addresses<S: Serializer>(all: &[Authority], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().map(shown))
}

fn address<S: Serializer>(one: &Option<&Authority>, serializer: S) -> Result<S::Ok, S::Error> {
    one.map(shown).serialize(serializer)
}

fn occurrences<S: Serializer>(all: &[Arc<Occurrence>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().map(|occurrence| Place {
        variable: occurrence.written(),
        raw: redact(&occurrence.name, &occurrence.raw),
        origin: &occurrence.origin,
    }))
}

impl<'a> Document<'a> {
    /// Makes the document of a resolution.
    #[must_use]
    pub fn new(resolution: &'a Resolution) -> Self {
        let listen = resolution.gateway_listen.as_ref();
        let host = resolution.localstack_host.as_ref();
        Self {
            schema: SCHEMA,
            semantics: resolution.semantics.to_string().into(),
            in_container: resolution.in_container,
            starts: resolution.starts(),
            error: resolution.failure.as_ref().map(ToString::to_string),
            bind: &resolution.bind,
            gateway_listen: listen.map_or(&[], |setting| &setting.value),
            localstack_host: host.map(|setting| &setting.value),
            external_url: resolution.external_url().map(shown),
            internal_url: resolution.internal_url(),
            settings: entries(resolution),
            diagnostics: &resolution.diagnostics,
        }
    }
}

/// Lists every setting of a resolution with its reason, addresses first.
#[must_use]
pub fn entries(resolution: &Resolution) -> Vec<Entry<'_>> {
    let mut entries = Vec::with_capacity(TABLE.len());
    if let Some(listen) = &resolution.gateway_listen {
        entries.push(entry(
            "GATEWAY_LISTEN",
            Some(shown(join(&listen.value)).into()),
            &listen.derivation,
        ));
    }
    if let Some(host) = &resolution.localstack_host {
        entries.push(entry(
            "LOCALSTACK_HOST",
            Some(shown(&host.value).into()),
            &host.derivation,
        ));
    }
    if let Some(legacy) = &resolution.legacy {
        let text = |text: &'_ str| Some(Cow::Owned(shown(text)));
        let host = &legacy.edge_bind_host;
        entries.push(entry("EDGE_BIND_HOST", text(&host.value), &host.derivation));
        for (name, port) in [
            ("EDGE_PORT", &legacy.edge_port),
            ("EDGE_PORT_HTTP", &legacy.edge_port_http),
        ] {
            entries.push(entry(
                name,
                Some(port.value.to_string().into()),
                &port.derivation,
            ));
        }
        for (name, host) in [
            ("HOSTNAME_EXTERNAL", &legacy.hostname_external),
            ("LOCALSTACK_HOSTNAME", &legacy.localstack_hostname),
        ] {
            entries.push(entry(name, text(&host.value), &host.derivation));
        }
    }
    for (variable, setting) in resolution.settings() {
        let value = match &setting.value {
            Value::Unset => None,
            Value::Flag(true) => Some(Cow::Borrowed("true")),
            Value::Flag(false) => Some(Cow::Borrowed("false")),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Text(text) => Some(redact(variable.name, text)),
        };
        entries.push(entry(variable.name, value, &setting.derivation));
    }
    entries
}

fn entry<'a>(
    name: &'static str,
    value: Option<Cow<'a, str>>,
    derivation: &'a Derivation,
) -> Entry<'a> {
    Entry {
        name,
        value,
        rule: derivation.basis.as_str(),
        used: &derivation.used,
        shadowed: &derivation.shadowed,
    }
}

fn join(addresses: &[Authority]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(",")
}
