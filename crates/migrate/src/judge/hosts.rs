//! `HOSTNAME_EXTERNAL`, `LOCALSTACK_HOSTNAME`: the name in returned URLs.

use lsconfig::addr::{Host, HostPortSpec};
use lsconfig::release::TargetVersion;

use super::{Change, Conversion, Judge, Proposal};
use crate::decision::{self, Column, Decision, Verdict};
use crate::names;
use crate::scope::is_dynamic;

const CLOUD: &str = lsconfig::resolve::CLOUD;

/// A legacy host value, taken apart by the root crate's parser.
struct HostValue {
    host: String,
    port: Option<u16>,
    scheme: bool,
}

fn parse(value: &str) -> Option<HostValue> {
    let text = value.trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, text),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let scheme = scheme || authority.len() != rest.len();
    let spec: HostPortSpec = authority.parse().ok()?;
    Some(HostValue {
        host: spec.host?.to_string(),
        port: spec.port,
        scheme,
    })
}

impl Judge<'_> {
    pub(super) fn hosts(&mut self) {
        let external = self.one("HOSTNAME_EXTERNAL");
        let internal = self.one("LOCALSTACK_HOSTNAME");
        let mut open: Vec<usize> = Vec::new();
        for (at, decision) in [
            (external, &decision::DEFAULT_SETTING),
            (internal, &decision::DEFAULT_HOSTNAME),
        ] {
            let Some(at) = at else { continue };
            let value = self.value(at).trim();
            if matches!(value, "" | "localhost") {
                let name = &self.setting(at).name;
                let message = match value {
                    "" => format!("`{name}` is empty, which means its default"),
                    _ => format!("`{name}=localhost` is the default"),
                };
                self.host(at, decision, None, message, Vec::new(), Change::Remove);
            } else {
                open.push(at);
            }
        }
        if open.is_empty() {
            return;
        }
        if let Some(host) = self.modern_value("LOCALSTACK_HOST").map(str::to_owned) {
            for at in open {
                self.beside_localstack_host(at, &host);
            }
            return;
        }
        if let [a, b] = open[..] {
            let same = match (parse(self.value(a)), parse(self.value(b))) {
                (Some(x), Some(y)) => x.host == y.host && x.port == y.port,
                _ => false,
            };
            if !same {
                for at in open {
                    let message = format!(
                        "`HOSTNAME_EXTERNAL={}` and `LOCALSTACK_HOSTNAME={}` say different things",
                        self.shown(a),
                        self.shown(b)
                    );
                    let verdict = (self.column == Column::Before2).then_some(Verdict::Keep);
                    self.host(
                        at,
                        &decision::CONFLICTING_HOSTNAMES,
                        verdict,
                        message,
                        Vec::new(),
                        Change::None,
                    );
                }
                return;
            }
        }
        self.own_host(&open);
    }

    fn host(
        &mut self,
        setting: usize,
        decision: &'static Decision,
        verdict: Option<Verdict>,
        message: String,
        help: Vec<String>,
        change: Change,
    ) {
        self.propose(Proposal {
            setting,
            decision,
            verdict,
            message,
            help,
            change,
            port: None,
            group: None,
        });
    }

    fn beside_localstack_host(&mut self, at: usize, host: &str) {
        let name = self.setting(at).name.clone();
        let value = self.value(at).to_owned();
        let agree = match (parse(&value), parse(host)) {
            (Some(legacy), Some(modern)) => {
                let port = modern.port.unwrap_or(4566);
                legacy.host == modern.host
                    && legacy.port.is_none_or(|p| p == port)
                    && !legacy.scheme
            }
            _ => false,
        };
        let agree = agree && !is_dynamic(&value) && !is_dynamic(host);
        if agree {
            let message = format!("`{name}` says the same as `LOCALSTACK_HOST={host}`");
            self.host(
                at,
                &decision::AGREEING_HOSTS,
                None,
                message,
                Vec::new(),
                Change::Remove,
            );
        } else {
            let (value, host) = (self.shown(at), super::shown("LOCALSTACK_HOST", host));
            let message = format!("`{name}={value}` differs from `LOCALSTACK_HOST={host}`");
            self.host(
                at,
                &decision::DIFFERING_NAMES,
                None,
                message,
                Vec::new(),
                Change::Remove,
            );
        }
    }

    /// A host of the user's own: `LOCALSTACK_HOST` says it.
    fn own_host(&mut self, open: &[usize]) {
        let Some(&primary) = open.first() else { return };
        let value = self.value(primary).to_owned();
        let dynamic = is_dynamic(&value);
        let parsed = parse(&value).filter(|_| !dynamic);
        let cloud = parsed
            .as_ref()
            .is_some_and(|p| p.host == CLOUD && p.port.is_none_or(|p| p == 4566) && !p.scheme);
        if cloud {
            for &at in open {
                let message = format!(
                    "`{}={CLOUD}` is the default since 3.0",
                    self.setting(at).name
                );
                let help = vec![
                    "URLs of 2.x that follow this name used `localhost` by default".to_owned(),
                ];
                let help = if self.column == Column::V3 {
                    Vec::new()
                } else {
                    help
                };
                self.host(
                    at,
                    &decision::CLOUD_NAME,
                    None,
                    message,
                    help,
                    Change::Remove,
                );
            }
            return;
        }
        let external = self.effective(&self.setting(primary).name) == "HOSTNAME_EXTERNAL";
        let scheme = parsed.as_ref().is_some_and(|p| p.scheme);
        let decision = match (scheme, external) {
            (true, _) => &decision::HOST_WITH_SCHEME,
            (_, true) => &decision::HOSTNAME_EXTERNAL,
            _ => &decision::LOCALSTACK_HOSTNAME,
        };
        let (conversion, group) = self.conversion(primary, open, parsed.as_ref(), dynamic);
        let written = conversion.as_ref().and_then(|c| c.value.clone());
        let mut help = self.queue_words(parsed.as_ref(), written.as_deref());
        let mut verdict = self.keeping(decision.verdict(self.column));
        let own_port = conversion
            .as_ref()
            .is_some_and(|c| c.value.as_ref().is_some_and(|v| v.contains(':')));
        let pinned = self.port_group.is_some();
        let holds = matches!(self.column, Column::V20 | Column::V23)
            || self.context.keep_legacy && self.column == Column::Before2;
        if holds
            && own_port
            && !pinned
            && matches!(verdict, Verdict::AskConvert | Verdict::SafeConvert)
        {
            // In 2.x the port of the URL would move the socket.
            verdict = Verdict::Note;
            help.push("set `GATEWAY_LISTEN=0.0.0.0:4566` beside it: in 2.x the port of `LOCALSTACK_HOST` moves the socket".to_owned());
        }
        if conversion.is_none() && matches!(verdict, Verdict::AskConvert | Verdict::SafeConvert) {
            verdict = Verdict::Note;
        }
        if dynamic && matches!(verdict, Verdict::AskConvert | Verdict::SafeConvert) {
            let known = (self.context.expanded)(&value);
            if known.contains("://") {
                verdict = Verdict::Note;
                help.push(format!(
                    "`.env` makes it `{}`: with a scheme in `LOCALSTACK_HOST` the server does not start",
                    super::shown("LOCALSTACK_HOST", &known)
                ));
            } else if is_dynamic(&known) {
                help.push(
                    "the value must not hold a scheme: with one the server does not start"
                        .to_owned(),
                );
            }
        }
        let group = group.or_else(|| {
            *self.groups += 1;
            Some(*self.groups)
        });
        for &at in open {
            let (name, value) = (self.setting(at).name.clone(), self.shown(at));
            let message = match self.column {
                Column::V3 => format!("`{name}={value}` is ignored since 3.0"),
                Column::Before2 => {
                    format!("`{name}={value}` is the only name that this release knows")
                }
                _ => format!("`{name}={value}` is deprecated for `LOCALSTACK_HOST`"),
            };
            let change = match (&conversion, at == primary) {
                (Some(conversion), true) => Change::Convert(conversion.clone()),
                (Some(_), false) => Change::Joined,
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
                change,
                port: None,
                group,
            });
        }
    }

    /// Returns the new setting, and the group of the port that it carries.
    fn conversion(
        &mut self,
        primary: usize,
        open: &[usize],
        parsed: Option<&HostValue>,
        dynamic: bool,
    ) -> (Option<Conversion>, Option<usize>) {
        let mut absorbed: Vec<usize> = open.iter().copied().filter(|at| *at != primary).collect();
        let mut group = None;
        let mut port = parsed.and_then(|p| p.port).map(|p| p.to_string());
        if port.is_none()
            && let Some((number, moved)) = self.port_group.clone()
        {
            // In 2.x the port alone changes nothing and need not wait for the host.
            group = (self.column == Column::V3).then_some(number);
            port = Some(moved);
        }
        if self.column == Column::V3
            && let Some(at) = self.one("SQS_PORT_EXTERNAL")
            && self.value(at).trim().parse::<u16>().is_ok()
            && !dynamic
        {
            port = Some(self.value(at).trim().to_owned());
            absorbed.push(at);
            let number = group.unwrap_or_else(|| {
                *self.groups += 1;
                *self.groups
            });
            group = Some(number);
            self.note_absorbed(at, number);
        }
        let port = port.filter(|p| p != "4566").map(|p| format!(":{p}"));
        let conversion = match (parsed, dynamic) {
            (_, true) => Some((None, port.unwrap_or_default())),
            (Some(parsed), _) if is_plain(&parsed.host) => Some((
                Some(format!("{}{}", parsed.host, port.unwrap_or_default())),
                String::new(),
            )),
            _ => None,
        };
        let labels = parsed.is_none_or(|p| p.host != CLOUD);
        // A line that is there already is the user's, even one that names the default.
        let open = self.offers_strategy() && self.modern_value("SQS_ENDPOINT_STRATEGY").is_none();
        let strategy = self.context.strategy;
        let beside = strategy.filter(|word| labels && open && self.knows(word));
        let beside = beside.map(|word| ("SQS_ENDPOINT_STRATEGY", word.to_owned()));
        let conversion = conversion.map(|(value, after)| Conversion {
            name: "LOCALSTACK_HOST",
            before: String::new(),
            value,
            after,
            absorbed,
            beside,
        });
        (conversion, group)
    }

    /// Returns whether the release knows a strategy; `dynamic` came with 3.2.
    fn knows(&self, strategy: &str) -> bool {
        let version = self.target.or(self.version);
        strategy != "dynamic" || version.is_some_and(|v| v >= TargetVersion::exact(3, 2, 0))
    }

    fn note_absorbed(&mut self, at: usize, group: usize) {
        self.propose(Proposal {
            setting: at,
            decision: &decision::EXTERNAL_PORT,
            verdict: Some(Verdict::AskDelete),
            message: format!("`{}` is ignored since 3.0", self.setting(at).name),
            help: vec![
                "its port goes to `LOCALSTACK_HOST`, which changes the URLs of every service"
                    .to_owned(),
            ],
            change: Change::Joined,
            port: None,
            group: Some(group),
        });
    }

    /// What a new host means for queue URLs.
    fn queue_words(&self, parsed: Option<&HostValue>, written: Option<&str>) -> Vec<String> {
        let Some(parsed) = parsed else {
            return Vec::new();
        };
        let mut help = Vec::new();
        if self.column == Column::V3 {
            if let Some(word) = self.context.strategy.filter(|word| !self.knows(word)) {
                help.push(format!(
                    "`SQS_ENDPOINT_STRATEGY={word}` needs 3.2 or later; it is not written"
                ));
            }
            let added = self.modern_value("SQS_ENDPOINT_STRATEGY").is_none()
                && self.context.strategy.is_some_and(|word| self.knows(word));
            let offers = self.offers_strategy() && !added && written.is_some();
            if offers && parsed.host != CLOUD {
                let host = &parsed.host;
                let words = if Host::new(host.as_str()).ip().is_some() {
                    "no name can stand in front of an IP address".to_owned()
                } else if self.scope.in_cluster {
                    "the DNS of the cluster knows only names of services".to_owned()
                } else if self.scope.in_container {
                    "the DNS of Docker knows only names of services and aliases".to_owned()
                } else {
                    "no DNS has it by itself".to_owned()
                };
                let set = match self.modern_value("SQS_ENDPOINT_STRATEGY") {
                    Some(_) => "`SQS_ENDPOINT_STRATEGY=path` instead keeps the plain host",
                    None => "`--sqs-strategy path` adds a line that keeps the plain host",
                };
                help.push(format!(
                    "clients must resolve `sqs.REGION.{host}`: {words}; {set}"
                ));
            }
            let known = self.scope.aliases.contains(&parsed.host) || parsed.host == "localhost";
            if !known && !self.scope.aliases.is_empty() && !parsed.host.contains('.') {
                help.push(format!(
                    "no service name or alias here is `{}`",
                    parsed.host
                ));
            }
        }
        let follows = matches!(self.column, Column::Before2 | Column::V20 | Column::V23)
            && self
                .version
                .is_some_and(|v| v >= TargetVersion::exact(0, 14, 3))
            && self.modern_value("SQS_PORT_EXTERNAL").is_none();
        if follows {
            help.push(
                "queue URLs follow the request here: the name counts for them only beside `SQS_PORT_EXTERNAL`"
                    .to_owned(),
            );
        }
        if parsed.host.contains('_') {
            help.push("some SDKs refuse host names with an underscore".to_owned());
        }
        help
    }
}

/// Returns whether a host can be written everywhere without quotes.
fn is_plain(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        })
        && !names::is_legacy(host)
}
