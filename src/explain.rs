//! The explain document: a resolution as stable, versioned data for programs.
//!
//! Its JSON Schema is `docs/explain.schema.json`. Members may be added within a version of the
//! schema; none changes its meaning or goes.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::addr::Authority;
use crate::diagnostic::Diagnostic;
use crate::layer::{Occurrence, Origin};
use crate::redact::{conceal, redact};
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
    pub bind: Vec<String>,
    /// The listen addresses as the release holds them; empty before 2.0.
    pub gateway_listen: Vec<String>,
    /// Host and port of returned URLs; null before 2.0.
    pub localstack_host: Option<String>,
    /// The URL that clients are given; null without start.
    pub external_url: Option<String>,
    /// The URL that the emulator's own clients use; null without start.
    pub internal_url: Option<String>,
    /// Every setting with its reason.
    pub settings: Vec<Entry<'a>>,
    /// What is worth saying.
    pub diagnostics: &'a [Diagnostic],
}

#[cfg(feature = "json")]
impl Document<'_> {
    /// Appends the document to `out` as JSON on one line, without a line end.
    ///
    /// The same bytes as any serialiser of JSON gives, compiled with the speed of this crate: who
    /// answers a hundred thousand documents may itself be compiled for size.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("keys are text, and memory takes every document");
    }
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
    pub used: ShownOccurrences<'a>,
    /// The occurrences that lost.
    pub shadowed: ShownOccurrences<'a>,
}

/// ShownOccurrences whose values are shown without secrets.
#[derive(Debug, Clone, Copy)]
pub struct ShownOccurrences<'a> {
    all: &'a [Arc<Occurrence>],
    secrets: &'a [Arc<str>],
}

impl Deref for ShownOccurrences<'_> {
    type Target = [Arc<Occurrence>];

    fn deref(&self) -> &Self::Target {
        self.all
    }
}

impl Serialize for ShownOccurrences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all.iter().map(|occurrence| Place {
            variable: occurrence.written(),
            raw: conceal(redact(&occurrence.name, &occurrence.raw), self.secrets),
            origin: &occurrence.origin,
        }))
    }
}

#[derive(Serialize)]
struct Place<'a> {
    variable: &'a str,
    raw: Cow<'a, str>,
    #[serde(flatten)]
    origin: &'a Origin,
}

impl<'a> Document<'a> {
    /// Makes the document of a resolution.
    #[must_use]
    pub fn new(resolution: &'a Resolution) -> Self {
        let listen = resolution.gateway_listen.as_ref();
        let host = resolution.localstack_host.as_ref();
        let shown = |address: &Authority| resolution.shown(address);
        Self {
            schema: SCHEMA,
            semantics: resolution.semantics.to_string().into(),
            in_container: resolution.in_container,
            starts: resolution.starts(),
            error: resolution.failure.as_ref().map(ToString::to_string),
            bind: resolution.bind.iter().map(shown).collect(),
            gateway_listen: listen
                .into_iter()
                .flat_map(|setting| setting.value.iter().map(shown))
                .collect(),
            localstack_host: host.map(|setting| shown(&setting.value)),
            external_url: resolution.external_url().map(|url| resolution.shown(url)),
            internal_url: resolution.internal_url().map(|url| resolution.shown(url)),
            settings: entries(resolution),
            diagnostics: &resolution.diagnostics,
        }
    }
}

/// Lists every setting of a resolution with its reason, addresses first.
#[must_use]
pub fn entries(resolution: &Resolution) -> Vec<Entry<'_>> {
    let mut entries = Vec::with_capacity(TABLE.len());
    let shown = |value: &dyn fmt::Display| Some(Cow::Owned(resolution.shown(value)));
    let mut push = |name, value, derivation| {
        entries.push(Entry::new(name, value, derivation, &resolution.secrets));
    };
    if let Some(listen) = &resolution.gateway_listen {
        let texts: Vec<String> = listen.value.iter().map(ToString::to_string).collect();
        push(
            "GATEWAY_LISTEN",
            shown(&texts.join(",")),
            &listen.derivation,
        );
    }
    if let Some(host) = &resolution.localstack_host {
        push("LOCALSTACK_HOST", shown(&host.value), &host.derivation);
    }
    if let Some(legacy) = &resolution.legacy {
        let (bind, external) = (&legacy.edge_bind_host, &legacy.hostname_external);
        let (port, http) = (&legacy.edge_port, &legacy.edge_port_http);
        let internal = &legacy.localstack_hostname;
        push("EDGE_BIND_HOST", shown(&bind.value), &bind.derivation);
        push("EDGE_PORT", shown(&port.value), &port.derivation);
        push("EDGE_PORT_HTTP", shown(&http.value), &http.derivation);
        push(
            "HOSTNAME_EXTERNAL",
            shown(&external.value),
            &external.derivation,
        );
        push(
            "LOCALSTACK_HOSTNAME",
            shown(&internal.value),
            &internal.derivation,
        );
    }
    for (variable, setting) in resolution.settings() {
        let value = match &setting.value {
            Value::Unset => None,
            Value::Flag(true) => Some(Cow::Borrowed("true")),
            Value::Flag(false) => Some(Cow::Borrowed("false")),
            Value::Number(number) => Some(conceal(number.to_string(), &resolution.secrets)),
            Value::Text(text) => Some(conceal(redact(variable.name, text), &resolution.secrets)),
        };
        push(variable.name, value, &setting.derivation);
    }
    entries
}

impl<'a> Entry<'a> {
    fn new(
        name: &'static str,
        value: Option<Cow<'a, str>>,
        derivation: &'a Derivation,
        secrets: &'a [Arc<str>],
    ) -> Self {
        let of = |all: &'a [Arc<Occurrence>]| ShownOccurrences { all, secrets };
        Self {
            name,
            value,
            rule: derivation.basis.as_str(),
            used: of(&derivation.used),
            shadowed: of(&derivation.shadowed),
        }
    }
}
