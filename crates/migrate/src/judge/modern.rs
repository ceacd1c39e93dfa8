//! What the root crate says about the current names of a scope.

use lsconfig::diagnostic::Severity;
use lsconfig::diagnostic::codes::RULES;
use lsconfig::release::Semantics;
use lsconfig::variable::did_you_mean;

use super::{Judge, Judged};
use crate::decision::Column;
use crate::names;
use crate::scope::is_dynamic;

/// Remarks that a file should be changed for. The others belong to `explain`.
const CODES: [&str; 9] = [
    "invalid-value",
    "does-not-start",
    "listen-host-is-number",
    "listen-address-not-bound",
    "localstack-host-moves-port",
    "unknown-strategy",
    "misspelt-name",
    "ignored-variable",
    "ip-as-url-host",
];

impl Judge<'_> {
    pub(super) fn modern(&mut self) {
        let Some(version) = self.version else { return };
        let networking = ["GATEWAY_LISTEN", "LOCALSTACK_HOST", "SQS_ENDPOINT_STRATEGY"];
        let own = |name: &str| networking.contains(&name);
        let dynamic = self
            .environment
            .own
            .iter()
            .chain(&self.environment.files)
            .any(|(name, value)| {
                is_dynamic(value) && (own(self.effective(name)) || names::is_legacy(name))
            });
        if dynamic || self.column == Column::Custom {
            return;
        }
        let mut diagnostics = self.environment.resolve(version).diagnostics;
        if self.column != Column::Before2 {
            // Releases take a bare number for a host without a word.
            let meant = self.environment.resolve(Semantics::Normalized).diagnostics;
            diagnostics.extend(
                meant
                    .into_iter()
                    .filter(|d| d.code == "listen-host-is-number"),
            );
        }
        for diagnostic in diagnostics {
            let Some(name) = diagnostic.variable.as_deref() else {
                continue;
            };
            if !CODES.contains(&diagnostic.code) || names::is_legacy(name) {
                continue;
            }
            let misspelt = diagnostic.code == "misspelt-name";
            let place = self.scope.settings.iter().rposition(|s| {
                let label = diagnostic.labels.first().and_then(|l| l.variable());
                s.name == name || self.effective(&s.name) == name || label == Some(s.name.as_str())
            });
            let Some(setting) = place else { continue };
            let meant = if misspelt {
                did_you_mean(name).map_or("", |v| v.name)
            } else {
                name
            };
            // The default port moves nothing.
            let idle = diagnostic.code == "localstack-host-moves-port"
                && diagnostic.message.contains(" 4566 ");
            if !own(meant) || idle {
                continue;
            }
            let Some(rule) = RULES.iter().find(|rule| rule.code == diagnostic.code) else {
                continue;
            };
            self.findings.push(Judged {
                rule,
                severity: diagnostic.severity.max(Severity::Note),
                setting,
                message: diagnostic.message,
                help: diagnostic.help.into_iter().map(String::from).collect(),
                fix: None,
                legacy: false,
                effects: None,
                alternatives: Vec::new(),
                moves: None,
            });
        }
    }
}
