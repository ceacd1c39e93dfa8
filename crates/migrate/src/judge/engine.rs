//! Another engine in place of LocalStack: what it makes of the names, as far as the table of
//! variables knows its dialect.

use lsconfig::variable::{Engine, Family, Reading, Variable, lookup};

use super::{Judged, shown};
use crate::decision::{self, Decision};
use crate::names;
use crate::scope::{Scope, is_dynamic};

/// What takes the place of LocalStack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Successor {
    /// An engine whose dialect the table of variables knows.
    Known(Engine),
    /// moto, of which the table knows no name.
    Moto,
}

impl Successor {
    /// Every engine that a project may move to.
    pub const ALL: [Self; 5] = [
        Self::Known(Engine::Lstk),
        Self::Known(Engine::Ministack),
        Self::Known(Engine::Floci),
        Self::Known(Engine::Overcast),
        Self::Moto,
    ];

    /// Returns the engine's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Known(engine) => engine.name(),
            Self::Moto => "moto",
        }
    }

    /// Returns how the engine reads a variable, where that is known.
    fn reads(self, variable: &Variable) -> Option<Reading> {
        let Self::Known(engine) = self else {
            return None;
        };
        let dialect = variable.dialects.iter().find(|d| d.engine == engine);
        dialect.map(|d| d.reading)
    }
}

/// Says of every networking setting of a scope what the engine makes of it.
pub(super) fn judge(scope: &Scope, successor: Successor) -> Vec<Judged> {
    let mut findings = Vec::new();
    for (at, setting) in scope.settings.iter().enumerate() {
        let name = if scope.in_container {
            names::bare(&setting.name)
        } else {
            &setting.name
        };
        let Some(variable) = lookup(name) else {
            continue;
        };
        let networking = matches!(
            variable.family,
            Family::Listening | Family::Services | Family::Dns | Family::Tls
        );
        if !networking {
            continue;
        }
        let value = setting.value.as_deref().unwrap_or_default();
        let written = format!("`{}={}`", setting.name, shown(&setting.name, value));
        let engine = successor.name();
        let mut help = Vec::new();
        let (decision, message): (&Decision, _) = match successor.reads(variable) {
            Some(Reading::Honoured) => (
                &decision::KEPT_BY_ENGINE,
                format!("{written} is honoured by {engine}"),
            ),
            Some(Reading::Overruled) => (
                &decision::LOST_ON_ENGINE,
                format!("{written} is lost: {engine} sets `{name}` itself"),
            ),
            None => {
                help.extend(older(name, value, successor));
                (
                    &decision::LOST_ON_ENGINE,
                    format!("{written} may be lost: nothing is known of `{name}` in {engine}"),
                )
            }
        };
        findings.push(Judged {
            rule: &decision.rule,
            severity: decision.rule.severity,
            setting: at,
            message,
            help,
            fix: None,
            legacy: false,
            effects: None,
            alternatives: Vec::new(),
            moves: None,
        });
    }
    findings
}

/// Advice for a current name where the engine knows only its predecessor.
fn older(name: &str, value: &str, successor: Successor) -> Option<String> {
    let honours =
        |old: &str| lookup(old).is_some_and(|v| successor.reads(v) == Some(Reading::Honoured));
    if is_dynamic(value) {
        return None;
    }
    let spec: lsconfig::addr::HostPortSpec = value.split(',').next()?.trim().parse().ok()?;
    let old = match name {
        "GATEWAY_LISTEN" if honours("EDGE_PORT") => format!("EDGE_PORT={}", spec.port?),
        "LOCALSTACK_HOST" if honours("HOSTNAME_EXTERNAL") => {
            format!("HOSTNAME_EXTERNAL={}", spec.host?)
        }
        _ => return None,
    };
    Some(format!("{} honours `{old}`", successor.name()))
}
