//! `EDGE_PORT`, `EDGE_PORT_HTTP`, `EDGE_BIND_HOST`: where the gateway binds.

use lsconfig::python::Int;
use lsconfig::release::{Semantics, TargetVersion};

use super::{Change, Conversion, Judge, Proposal};
use crate::decision::{self, Column, Verdict};
use crate::scope::is_dynamic;

const NAMES: [&str; 3] = ["EDGE_PORT", "EDGE_PORT_HTTP", "EDGE_BIND_HOST"];
const LAST_LENIENT: TargetVersion = TargetVersion::exact(2, 2, 0);
const DEFAULT: u16 = 4566;

impl Judge<'_> {
    pub(super) fn ports(&mut self) {
        let present: Vec<usize> = NAMES.iter().filter_map(|name| self.one(name)).collect();
        if present.is_empty() {
            return;
        }
        if let Some(listen) = self.modern_value("GATEWAY_LISTEN").map(str::to_owned) {
            self.beside_gateway_listen(&present, &listen);
            return;
        }
        let port = self.one("EDGE_PORT");
        let http = self
            .one("EDGE_PORT_HTTP")
            .filter(|at| self.number(*at) != Some(0));
        let bind = self.one("EDGE_BIND_HOST");
        // In 2.x the port of `LOCALSTACK_HOST` moves the socket, unless a port holds it.
        let host = self.modern_value("LOCALSTACK_HOST");
        let holds = matches!(self.column, Column::V20 | Column::V23)
            && host.is_some_and(|host| host.contains(':') || is_dynamic(host));
        // Otherwise the default port says nothing, whatever stands beside it.
        if let Some(at) = port
            && http.is_none()
            && !holds
            && self.number(at) == Some(i64::from(DEFAULT))
        {
            let message = format!("`EDGE_PORT={}` is the default", self.shown(at));
            self.simple(at, &decision::DEFAULT_SETTING, message, Change::Remove);
            match (bind, self.one("EDGE_PORT_HTTP")) {
                (Some(bind), Some(zero)) => self.own_address(bind, &[zero, bind]),
                (Some(bind), None) => self.own_address(bind, &[bind]),
                (None, _) => self.zero_http(),
            }
            return;
        }
        // An `EDGE_PORT_HTTP` of 0 says nothing, but must not outlive its successor.
        let second = self
            .one("EDGE_PORT_HTTP")
            .filter(|at| !self.setting(*at).is_dynamic() || http.is_some());
        let wanted: Vec<usize> = [port, second, bind].into_iter().flatten().collect();
        match port.or(bind).or(http) {
            Some(primary) => self.own_address(primary, &wanted),
            None => self.zero_http(),
        }
    }

    fn number(&self, at: usize) -> Option<i64> {
        let value = self.value(at);
        if value.trim().is_empty() {
            return Some(0);
        }
        Int::parse(value).ok()?.as_i64()
    }

    fn simple(
        &mut self,
        setting: usize,
        decision: &'static crate::decision::Decision,
        message: String,
        change: Change,
    ) {
        self.propose(Proposal {
            setting,
            decision,
            verdict: None,
            message,
            help: Vec::new(),
            change,
            port: None,
            group: None,
        });
    }

    /// `EDGE_PORT_HTTP=0` means none.
    fn zero_http(&mut self) {
        if let Some(at) = self.one("EDGE_PORT_HTTP")
            && self.number(at) == Some(0)
        {
            let verdict = match self.column {
                Column::Before2 => Verdict::Keep,
                Column::V3 => Verdict::AskDelete,
                _ => Verdict::Note,
            };
            self.propose(Proposal {
                setting: at,
                decision: &decision::EDGE_PORT_PAIR,
                verdict: Some(verdict),
                message: "`EDGE_PORT_HTTP` is empty or 0, which means none".to_owned(),
                help: Vec::new(),
                change: Change::Remove,
                port: None,
                group: None,
            });
        }
    }

    fn beside_gateway_listen(&mut self, present: &[usize], listen: &str) {
        let legacy = self.legacy_binds();
        let current = match self.version {
            Some(version) if version >= TargetVersion::exact(2, 0, 0) => {
                self.environment.resolve(version)
            }
            _ => self.environment.resolve(Semantics::Normalized),
        };
        let mut current: Vec<String> = current.bind.iter().map(ToString::to_string).collect();
        let mut meant = legacy;
        current.sort_unstable();
        meant.sort_unstable();
        let agree = !is_dynamic(listen) && current == meant;
        for &at in present {
            let name = &self.setting(at).name;
            let (decision, message) = if agree {
                (
                    &decision::AGREEING_PORTS,
                    format!("`{name}` says the same as `GATEWAY_LISTEN={listen}`"),
                )
            } else {
                (
                    &decision::DIFFERING_NAMES,
                    format!(
                        "`{name}={}` differs from `GATEWAY_LISTEN={listen}`",
                        self.shown(at)
                    ),
                )
            };
            self.simple(at, decision, message, Change::Remove);
        }
    }

    /// The addresses that the legacy names alone would bind.
    fn legacy_binds(&self) -> Vec<String> {
        let mut environment = self.environment.clone();
        let gone =
            |name: &String| matches!(self.effective(name), "GATEWAY_LISTEN" | "LOCALSTACK_HOST");
        environment.own.retain(|(name, _)| !gone(name));
        environment.files.retain(|(name, _)| !gone(name));
        let resolution = environment.resolve(LAST_LENIENT);
        resolution.bind.iter().map(ToString::to_string).collect()
    }

    /// A port or host of the user's own: one `GATEWAY_LISTEN` says it.
    fn own_address(&mut self, primary: usize, parts: &[usize]) {
        let has = |judge: &Self, name: &str| {
            parts
                .iter()
                .any(|at| judge.effective(&judge.setting(*at).name) == name)
        };
        let pair = has(self, "EDGE_PORT_HTTP")
            && self
                .one("EDGE_PORT_HTTP")
                .is_some_and(|at| self.number(at) != Some(0));
        let bind = has(self, "EDGE_BIND_HOST");
        let decision = match (pair, bind) {
            (true, _) => &decision::EDGE_PORT_PAIR,
            (_, true) => &decision::EDGE_BIND_HOST,
            _ => &decision::EDGE_PORT,
        };
        let mut verdict = self.keeping(decision.verdict(self.column));
        let dynamic = parts.iter().any(|at| self.setting(*at).is_dynamic());
        let mut help = Vec::new();
        let change = if dynamic {
            self.expression(primary, parts)
        } else {
            self.addresses().map(|value| Conversion {
                name: "GATEWAY_LISTEN",
                before: String::new(),
                value: Some(value),
                after: String::new(),
                absorbed: parts.iter().copied().filter(|at| *at != primary).collect(),
                beside: None,
            })
        };
        let port = self.own_port();
        if self.column == Column::V3 && change.is_none() && !dynamic {
            // Unreadable or empty: nothing that could be revived.
            verdict = Verdict::AskDelete;
        } else if change.is_none() {
            verdict = if verdict == Verdict::Keep {
                verdict
            } else {
                Verdict::Note
            };
        }
        if let Some(port) = &port
            && verdict == Verdict::AskConvert
            && !self.scope.ports.is_empty()
            && !self.scope.ports.iter().any(|p| covers(p, port))
        {
            verdict = Verdict::Note;
            help.push(format!(
                "`ports` does not publish {port}: either publish it and set `GATEWAY_LISTEN`, or remove the setting"
            ));
        }
        if dynamic && self.scope.expands_ports {
            help.push(
                "`ports` uses a variable too: what sets it still moves the published port"
                    .to_owned(),
            );
        }
        if self.column == Column::V3 && self.scope.in_container && verdict == Verdict::AskConvert {
            help.push("or remove the setting and stay on 4566, as today".to_owned());
        }
        if let (Verdict::Note, Some(conversion)) = (verdict, &change)
            && let Some(value) = &conversion.value
        {
            help.push(format!("from 2.0 on write `GATEWAY_LISTEN={value}`"));
        }
        let group = matches!(verdict, Verdict::AskConvert | Verdict::SafeConvert).then(|| {
            *self.groups += 1;
            *self.groups
        });
        // The port of URLs is that of the first address.
        let first = change.as_ref().and_then(|c| c.value.as_deref());
        let first = first.and_then(|v| v.split(',').next()?.rsplit_once(':'));
        if let (Some(group), Some((_, port))) = (group, first)
            && port != "4566"
        {
            self.port_group = Some((group, port.to_owned()));
        }
        for &at in parts {
            let setting = self.setting(at);
            let (name, value) = (setting.name.clone(), self.shown(at));
            let message = match self.column {
                Column::V3 => format!("`{name}={value}` is ignored since 3.0"),
                Column::V23 if bind && !pair && name.ends_with("EDGE_BIND_HOST") => {
                    format!("`{name}={value}` no longer moves the gateway in 2.3")
                }
                Column::Before2 => {
                    format!("`{name}={value}` is the only name that this release knows")
                }
                _ => format!("`{name}={value}` is deprecated for `GATEWAY_LISTEN`"),
            };
            let own = match (&change, at == primary, verdict) {
                (_, _, Verdict::AskDelete) => Change::Remove,
                (Some(conversion), true, _) => Change::Convert(conversion.clone()),
                (Some(_), false, _) => Change::Joined,
                _ => Change::None,
            };
            self.propose(Proposal {
                setting: at,
                decision,
                verdict: Some(verdict),
                message,
                help: if at == primary {
                    help.clone()
                } else {
                    Vec::new()
                },
                change: own,
                port: port.clone().filter(|_| at == primary),
                group,
            });
        }
    }

    /// The port that was meant, where it is not the default.
    fn own_port(&self) -> Option<String> {
        let at = self.one("EDGE_PORT")?;
        let value = self.value(at);
        if is_dynamic(value) {
            return None;
        }
        let port = Int::parse(value)
            .ok()?
            .port()
            .filter(|p| *p != DEFAULT && *p != 0)?;
        Some(port.to_string())
    }

    /// `GATEWAY_LISTEN=0.0.0.0:${PORT}`: the expression stays as it is written.
    fn expression(&self, primary: usize, parts: &[usize]) -> Option<Conversion> {
        if parts.len() != 1 {
            return None;
        }
        let host = lsconfig::resolve::default_bind_host(self.scope.in_container);
        let (before, after) = match self.effective(&self.setting(primary).name) {
            "EDGE_PORT" => (format!("{host}:"), String::new()),
            "EDGE_BIND_HOST" => (String::new(), format!(":{DEFAULT}")),
            _ => return None,
        };
        Some(Conversion {
            name: "GATEWAY_LISTEN",
            before,
            value: None,
            after,
            absorbed: Vec::new(),
            beside: None,
        })
    }

    /// What the new name has to say, by the root crate's own reading.
    fn addresses(&self) -> Option<String> {
        let meant = match self.column {
            Column::V20 => self
                .environment
                .resolve(self.target.unwrap_or(LAST_LENIENT)),
            Column::V23 if self.one("EDGE_BIND_HOST").is_none() => self
                .environment
                .resolve(self.target.unwrap_or(TargetVersion::exact(2, 3, 2))),
            _ => {
                let mut environment = self.environment.clone();
                environment
                    .own
                    .retain(|(name, _)| self.effective(name) != "LOCALSTACK_HOST");
                environment.resolve(Semantics::Normalized)
            }
        };
        let readable = NAMES[..2].iter().filter_map(|n| self.one(n)).all(|at| {
            self.number(at).is_some_and(|n| (1..=65535).contains(&n))
                || self.number(at) == Some(0)
                    && self.effective(&self.setting(at).name) == "EDGE_PORT_HTTP"
        });
        if !readable || meant.bind.is_empty() {
            return None;
        }
        let mut texts: Vec<String> = meant.bind.iter().map(ToString::to_string).collect();
        // Most URLs name the HTTP port, and from 2.3 on they name the first one of the list.
        if let Some(http) = self.one("EDGE_PORT_HTTP").and_then(|at| self.number(at)) {
            texts.sort_by_key(|text| !text.ends_with(&format!(":{http}")));
        }
        Some(texts.join(","))
    }
}

/// Returns whether a published port or range holds a port.
fn covers(published: &str, port: &str) -> bool {
    if published == port {
        return true;
    }
    let range = published.split_once('-');
    match (range, port.parse::<u32>()) {
        (Some((low, high)), Ok(port)) => {
            low.parse().is_ok_and(|low: u32| low <= port)
                && high.parse().is_ok_and(|high: u32| port <= high)
        }
        _ => false,
    }
}
