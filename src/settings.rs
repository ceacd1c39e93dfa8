//! What comes out of resolution: values, and the reason for each.

mod defaults;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::addr::{Authority, HostPort};
use crate::diagnostic::Diagnostic;
use crate::layer::Occurrences;
use crate::listen::ListenSet;
use crate::python::Int;
use crate::redact::{conceal, redact_text};
use crate::release::{NEWEST_KNOWN, Semantics, TargetVersion};
use crate::variable::{Row, RowSet, Variable};

/// How a value came about. The text form is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Basis {
    /// Nothing is set; the default of the release and place.
    Default,
    /// The variable itself is set.
    Set,
    /// The variable is unset and an older name is read instead.
    Fallback,
    /// Mapped from the legacy variables that it replaces.
    Mapped,
    /// Follows from another setting, for example the first listen port.
    Derived,
    /// Set to something unreadable; the default is used.
    Invalid,
}

impl Basis {
    /// Returns the stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Set => "set",
            Self::Fallback => "fallback",
            Self::Mapped => "mapped",
            Self::Derived => "derived",
            Self::Invalid => "invalid",
        }
    }
}

/// The reason for a value: a rule and the occurrences behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// The rule that gave the value.
    pub basis: Basis,
    /// The occurrences that count.
    pub used: Occurrences,
    /// The occurrences that lost, the nearest loser first.
    pub shadowed: Occurrences,
}

impl Derivation {
    /// The derivation of a default.
    #[must_use]
    pub const fn default_value() -> Self {
        Self {
            basis: Basis::Default,
            used: Occurrences::new(),
            shadowed: Occurrences::new(),
        }
    }
}

/// A value with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The effective value.
    pub value: T,
    /// Where it comes from.
    pub derivation: Derivation,
}

/// The value of a variable that is no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not set, and without default.
    Unset,
    /// On or off.
    Flag(bool),
    /// A whole number of any size.
    Number(Int),
    /// A text.
    Text(Cow<'static, str>),
}

impl Value {
    /// Returns the text of a text, otherwise an empty one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

/// Prints a value as a user would set it; an unset one as nothing.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => Ok(()),
            Self::Flag(on) => on.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Why a release does not start: the exception it raises while it loads its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFailure {
    /// The variable whose text is refused.
    pub variable: &'static str,
    /// The message of the `ValueError`.
    pub message: String,
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueError: {}", self.message)
    }
}

/// The answer of [`resolve`](crate::resolve::resolve).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Whose reading this is.
    pub semantics: Semantics,
    /// Whether the emulator runs in a container.
    pub in_container: bool,
    /// Why the release does not start; always `None` for normalized semantics.
    pub failure: Option<StartFailure>,
    /// The listen addresses as the release holds them; `None` before 2.0 and without start.
    pub gateway_listen: Option<Setting<Vec<Authority>>>,
    /// Host and port of returned URLs; `None` before 2.0 and without start.
    pub localstack_host: Option<Setting<Authority>>,
    /// The addresses that are bound, in order; empty without start.
    pub bind: Vec<Authority>,
    /// The legacy addresses, where the release still reads them.
    pub legacy: Option<Legacy>,
    /// The other modelled variables that something decides, in the order of the table. The rest
    /// has its default; [`settings`](Self::settings) has all.
    pub(crate) values: Vec<(Row, Setting<Value>)>,
    /// What is worth saying.
    pub diagnostics: Vec<Diagnostic>,
    /// What interpolation took from secret variables. Values may hold it; nothing shows it.
    pub(crate) secrets: Vec<Arc<str>>,
}

/// The legacy addresses as 1.x and 2.x hold them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legacy {
    /// `EDGE_BIND_HOST`.
    pub edge_bind_host: Setting<Box<str>>,
    /// `EDGE_PORT`.
    pub edge_port: Setting<Int>,
    /// `EDGE_PORT_HTTP`; 0 is none.
    pub edge_port_http: Setting<Int>,
    /// `HOSTNAME_EXTERNAL`.
    pub hostname_external: Setting<Box<str>>,
    /// `LOCALSTACK_HOSTNAME`.
    pub localstack_hostname: Setting<Box<str>>,
}

impl Legacy {
    /// Returns the port in internal URLs and most returned ones: `EDGE_PORT_HTTP or EDGE_PORT`.
    #[must_use]
    pub fn url_port(&self) -> &Int {
        let http = &self.edge_port_http.value;
        if http.is_zero() {
            &self.edge_port.value
        } else {
            http
        }
    }
}

/// Returns the default of a row of the table in a release and place.
pub(crate) fn default_setting(
    row: Row,
    version: TargetVersion,
    in_container: bool,
) -> &'static Setting<Value> {
    defaults::of_row(row, version, in_container)
}

impl Resolution {
    /// Returns a value as it may be shown: without passwords in URLs, and without what
    /// interpolation took from secret variables.
    #[must_use]
    pub fn shown(&self, value: impl ToString) -> String {
        let text = value.to_string();
        conceal(redact_text(&text), &self.secrets).into_owned()
    }

    /// Takes out of `diagnostics` what interpolation took from secret variables.
    pub fn conceal_in(&self, diagnostics: &mut [Diagnostic]) {
        for diagnostic in diagnostics {
            diagnostic.conceal(&self.secrets);
        }
    }

    /// Returns whether the emulator starts.
    #[must_use]
    pub fn starts(&self) -> bool {
        self.failure.is_none()
    }

    /// Returns the value of a modelled variable that is no address.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.setting(name).map(|setting| &setting.value)
    }

    /// Returns a modelled variable that is no address, with its reason.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Setting<Value>> {
        self.of_row(Row::of(name)?)
    }

    /// Returns the value of a row, if it is a modelled variable that is no address.
    pub(crate) fn value_of(&self, row: Row) -> Option<&Value> {
        self.of_row(row).map(|setting| &setting.value)
    }

    fn of_row(&self, row: Row) -> Option<&Setting<Value>> {
        if !row.is_value() || !row.variable().is_read_by(self.version()) {
            return None;
        }
        Some(
            match self.values.binary_search_by_key(&row, |(row, _)| *row) {
                Ok(at) => &self.values[at].1,
                Err(_) => defaults::of_row(row, self.version(), self.in_container),
            },
        )
    }

    /// Iterates over every modelled variable that is no address and that the release reads, in the
    /// order of the table.
    pub fn settings(&self) -> impl Iterator<Item = (&'static Variable, &Setting<Value>)> {
        let version = self.version();
        let mut decided = self.values.iter().peekable();
        let rows = RowSet::VALUES.into_iter();
        let read = rows.filter(move |row| row.variable().is_read_by(version));
        read.map(move |row| {
            let setting = match decided.next_if(|(decided, _)| *decided == row) {
                Some((_, setting)) => setting,
                None => defaults::of_row(row, version, self.in_container),
            };
            (row.variable(), setting)
        })
    }

    /// The release whose defaults apply.
    fn version(&self) -> TargetVersion {
        match self.semantics {
            Semantics::Normalized => NEWEST_KNOWN,
            Semantics::LocalStack(version) => version,
        }
    }

    /// Returns whether a flag is on; false for names that are no flag.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Flag(true)))
    }

    pub(crate) fn is_on(&self, row: Row) -> bool {
        matches!(self.value_of(row), Some(Value::Flag(true)))
    }

    /// Returns the scheme of returned URLs, which `USE_SSL` alone decides.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.flag("USE_SSL") {
            "https"
        } else {
            "http"
        }
    }

    /// Returns the sockets to bind, without redundancy.
    #[must_use]
    pub fn listen_set(&self) -> ListenSet {
        self.bind
            .iter()
            .filter_map(Authority::to_host_port)
            .collect()
    }

    /// Returns host and port of returned URLs where they form a valid address.
    #[must_use]
    pub fn url_address(&self) -> Option<HostPort> {
        self.localstack_host.as_ref()?.value.to_host_port()
    }

    /// Returns the port that internal clients use.
    #[must_use]
    pub fn internal_port(&self) -> Option<&Int> {
        match &self.legacy {
            Some(legacy) => Some(legacy.url_port()),
            None => self
                .gateway_listen
                .as_ref()?
                .value
                .first()
                .map(|first| &first.port),
        }
    }

    /// Returns the URL that clients outside are given; `None` without start.
    ///
    /// Up to 2.3 this is `HOSTNAME_EXTERNAL` with `EDGE_PORT_HTTP or EDGE_PORT`, later
    /// `LOCALSTACK_HOST`. Releases print an IPv6 host without brackets here, normalized semantics
    /// with them.
    #[must_use]
    pub fn external_url(&self) -> Option<String> {
        let scheme = self.scheme();
        if let Some(legacy) = &self.legacy {
            let (host, port) = (&legacy.hostname_external.value, legacy.url_port());
            return Some(format!("{scheme}://{host}:{port}"));
        }
        let address = &self.localstack_host.as_ref()?.value;
        Some(match self.semantics {
            Semantics::Normalized => format!("{scheme}://{address}"),
            Semantics::LocalStack(_) => {
                format!("{scheme}://{}:{}", address.host.as_str(), address.port)
            }
        })
    }

    /// Returns the URL that the emulator's own clients use; `None` without start.
    #[must_use]
    pub fn internal_url(&self) -> Option<String> {
        Some(format!(
            "{}://localhost:{}",
            self.scheme(),
            self.internal_port()?
        ))
    }
}
