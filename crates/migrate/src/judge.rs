//! From the settings of one scope to findings, by the table of [`crate::decision`].

mod effects;
mod engine;
mod fixes;
mod hosts;
mod modern;
mod ports;

use std::collections::BTreeMap;
use std::path::PathBuf;

use lsconfig::diagnostic::{Rule, Severity};
use lsconfig::redact::redact;
use lsconfig::release::TargetVersion;

use crate::decision::{self, Column, Decision, Verdict};
use crate::effect::{Effect, Environment};
use crate::finding::{Fix, Moves, Safety};
use crate::image::{Product, Release};
use crate::names;
use crate::scope::{Owner, Scope, Setting};
use crate::text::printable;

pub(crate) use effects::after;
pub use engine::Successor;

const CLOUD: &str = lsconfig::resolve::CLOUD;

/// What a judgement needs besides the scope.
pub(crate) struct Context<'a> {
    /// Settings of files that the scope loads.
    pub(crate) files: Vec<(String, String)>,
    /// Settings in higher layers, for a scope that is such a file.
    pub(crate) above: Vec<(String, String)>,
    /// A file that the scope loads is not there.
    pub(crate) incomplete: bool,
    /// The release to take where the scope names none.
    pub(crate) from: Option<TargetVersion>,
    /// The release to prepare for.
    pub(crate) to: Option<TargetVersion>,
    /// Whether the file may be edited at all.
    pub(crate) edits_allowed: bool,
    /// The engine to move to, where it is another one.
    pub(crate) successor: Option<Successor>,
    /// Returns what a value is when the expressions in it are replaced, as far as that is known.
    pub(crate) expanded: &'a dyn Fn(&str) -> String,
    /// Says who else reads a name, if anybody.
    pub(crate) reader: &'a dyn Fn(&str) -> Option<String>,
    /// Says where else the same service sets a name or one that belongs to it.
    pub(crate) elsewhere: &'a dyn Fn(&str) -> Elsewhere,
    /// Whether legacy names stay beside the new ones.
    pub(crate) keep_legacy: bool,
    /// The value of `SQS_ENDPOINT_STRATEGY` that goes with a new host.
    pub(crate) strategy: Option<&'a str>,
}

/// Other files that set something for the same service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// Files that set the same name.
    pub(crate) same: Vec<PathBuf>,
    /// Another name that decides the same thing, and the file that sets it.
    pub(crate) other: Option<(String, PathBuf)>,
}

/// A judgement on one setting.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    pub(crate) setting: usize,
    pub(crate) message: String,
    pub(crate) help: Vec<String>,
    pub(crate) fix: Option<Fix>,
    /// Whether it is about a legacy name, by the table of decisions.
    pub(crate) legacy: bool,
    pub(crate) effects: Option<[Option<Effect>; 3]>,
    pub(crate) alternatives: Vec<(String, Effect)>,
    /// What other lines may name.
    pub(crate) moves: Option<Moves>,
}

/// How the release of a scope is known.
pub(crate) struct Judgement {
    pub(crate) findings: Vec<Judged>,
    pub(crate) release: String,
}

/// Judges every setting of a scope.
pub(crate) fn judge(
    scope: &Scope,
    position: usize,
    context: &Context<'_>,
    groups: &mut usize,
) -> Judgement {
    let (product, release) = match &scope.owner {
        Owner::Server(image) => (image.product.clone(), image.release.clone()),
        Owner::Cli(release) => (Product::LocalStack, release.clone()),
        _ => (Product::Other, Release::Unknown("no evidence")),
    };
    let stated = release.version();
    let version = stated.or(context.from);
    let mut column = match version {
        Some(version) => Column::of_version(version),
        None => Column::of(&product, &release),
    };
    let mut asked = scope.shared.map(str::to_owned);
    if product == Product::Custom {
        asked.get_or_insert_with(|| "the image is built by somebody else".to_owned());
    }
    if context.incomplete {
        asked.get_or_insert_with(|| "a file of settings that it loads is not here".to_owned());
    }
    let target = context.to.or(version);
    if let Some(to) = context.to
        && column != Column::of_version(to)
    {
        column = Column::of_version(to);
        asked.get_or_insert_with(|| format!("it prepares for {to}, which is not what runs today"));
    }
    let described = match (&release, stated, version) {
        (Release::Floating(v), ..) => format!("{v} (moving tag)"),
        (_, Some(v), _) => v.to_string(),
        (_, None, Some(v)) => format!("{v} (given)"),
        (Release::Unknown(why), ..) => format!("unknown: {why}"),
        (Release::Known(v), ..) => v.to_string(),
    };
    if let Some(successor) = context.successor {
        return Judgement {
            findings: engine::judge(scope, successor),
            release: described,
        };
    }
    let own = scope
        .settings
        .iter()
        .filter_map(|s| Some((s.name.clone(), s.value.clone()?)))
        .chain(context.above.iter().cloned())
        .collect();
    let environment = Environment {
        files: context.files.clone(),
        own,
        in_container: scope.in_container,
    };
    let mut judge = Judge {
        scope,
        position,
        context,
        environment,
        version,
        target,
        column,
        asked,
        groups,
        findings: Vec::new(),
        names: BTreeMap::new(),
        port_group: None,
    };
    judge.collect();
    judge.ports();
    judge.hosts();
    judge.others();
    judge.modern();
    judge.drop_empty_groups();
    judge.describe();
    judge.findings.sort_by_key(|f| f.setting);
    Judgement {
        findings: judge.findings,
        release: described,
    }
}

struct Judge<'a> {
    scope: &'a Scope,
    position: usize,
    context: &'a Context<'a>,
    environment: Environment,
    version: Option<TargetVersion>,
    /// The release to write for.
    target: Option<TargetVersion>,
    column: Column,
    /// Why nothing is safe here, if so.
    asked: Option<String>,
    groups: &'a mut usize,
    findings: Vec<Judged>,
    /// By the name that the server sees; the one setting of that name.
    names: BTreeMap<String, usize>,
    /// The group that moves the port, and the port.
    port_group: Option<(usize, String)>,
}

/// What is proposed for one setting.
struct Proposal {
    setting: usize,
    decision: &'static Decision,
    /// Replaces the verdict of the table; only ever towards caution.
    verdict: Option<Verdict>,
    message: String,
    help: Vec<String>,
    change: Change,
    port: Option<String>,
    group: Option<usize>,
}

/// What an edit would be.
enum Change {
    None,
    Remove,
    /// Done by the edit of another setting of the group.
    Joined,
    /// New name, text in front of the value, new value or the old one, text behind it.
    Convert(Conversion),
}

#[derive(Clone)]
struct Conversion {
    name: &'static str,
    before: String,
    value: Option<String>,
    after: String,
    /// Other settings that go with it.
    absorbed: Vec<usize>,
    /// A second new setting.
    beside: Option<(&'static str, String)>,
}

impl Judge<'_> {
    fn setting(&self, at: usize) -> &Setting {
        &self.scope.settings[at]
    }

    fn value(&self, at: usize) -> &str {
        self.setting(at).value.as_deref().unwrap_or_default()
    }

    /// Returns the value fit to be shown.
    fn shown(&self, at: usize) -> String {
        shown(&self.setting(at).name, self.value(at))
    }

    /// Returns the name as the server sees it.
    fn effective<'n>(&self, name: &'n str) -> &'n str {
        if self.scope.in_container {
            names::bare(name)
        } else {
            name
        }
    }

    /// Files legacy settings by name; repeated and empty-handed ones are done with here.
    fn collect(&mut self) {
        let mut all: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, setting) in self.scope.settings.iter().enumerate() {
            let name = self.effective(&setting.name);
            if names::is_legacy(name) {
                all.entry(name.to_owned()).or_default().push(at);
            }
        }
        for (name, places) in all {
            if let [at] = places[..] {
                let sets =
                    |list: &[(String, String)]| list.iter().any(|(n, _)| self.effective(n) == name);
                if sets(&self.context.above) {
                    let message =
                        format!("`{name}` is overruled by the service that loads this file");
                    self.note(at, &decision::REPEATED_SETTING, message);
                } else if sets(&self.scope.inherited) {
                    let message = format!("`{name}` is also set in what this builds on");
                    self.note(at, &decision::REPEATED_SETTING, message);
                } else if sets(&self.context.files) {
                    let message = format!("`{name}` is also set in a file that is loaded");
                    self.note(at, &decision::REPEATED_SETTING, message);
                } else if self.setting(at).value.is_some() {
                    self.names.insert(name, at);
                } else {
                    let message = format!("`{name}` is passed on without a value");
                    self.note(at, &decision::NO_VALUE, message);
                }
                continue;
            }
            for at in places {
                let message = format!("`{name}` is set more than once; the last one counts");
                self.note(at, &decision::REPEATED_SETTING, message);
            }
        }
    }

    fn one(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Returns the text of a new name, from whichever layer it comes.
    fn modern_value(&self, name: &str) -> Option<&str> {
        let own = self.environment.own.iter().rev();
        own.chain(self.environment.files.iter().rev())
            .find(|(n, _)| self.effective(n) == name)
            .map(|(_, v)| v.as_str())
    }

    fn note(&mut self, setting: usize, decision: &'static Decision, message: String) {
        self.propose(Proposal {
            setting,
            decision,
            verdict: None,
            message,
            help: Vec::new(),
            change: Change::None,
            port: None,
            group: None,
        });
    }

    /// Settings that follow from the table alone.
    fn others(&mut self) {
        let rest: Vec<(String, usize)> = self
            .names
            .iter()
            .map(|(name, at)| (name.clone(), *at))
            .collect();
        for (name, at) in rest {
            let (decision, change): (_, Change) = match name.as_str() {
                "EDGE_FORWARD_URL" => (&decision::FORWARD_URL, Change::Remove),
                "DNS_LOCAL_NAME_PATTERNS" => (
                    &decision::NAME_PATTERNS,
                    self.rename("DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM"),
                ),
                "ES_ENDPOINT_STRATEGY" => (
                    &decision::SEARCH_STRATEGY,
                    self.rename("OPENSEARCH_ENDPOINT_STRATEGY"),
                ),
                "LOCALSTACK_HOSTNAME_EXTERNAL" => (&decision::INERT_PREFIX, Change::None),
                _ if names::is_external_port(&name) => (&decision::EXTERNAL_PORT, Change::Remove),
                _ => continue,
            };
            if self.findings.iter().any(|f| f.setting == at) {
                continue;
            }
            let never = names::is_external_port(&name) && name != "SQS_PORT_EXTERNAL";
            let message = match (self.column, decision.rule.code) {
                (_, "external-port") if never => {
                    format!("`{name}` was never read: only the one of SQS was")
                }
                (_, "name-patterns" | "inert-prefix") => decision.rule.summary.to_owned(),
                (Column::V3, _) => format!("`{name}` is ignored since 3.0"),
                (_, "external-port") => {
                    format!("`{name}={}` is the port in queue URLs", self.shown(at))
                }
                _ => decision.rule.summary.to_owned(),
            };
            let verdict =
                (never && decision.verdict(self.column) == Verdict::Keep).then_some(Verdict::Note);
            self.propose(Proposal {
                setting: at,
                decision,
                verdict,
                message,
                help: Vec::new(),
                change,
                port: None,
                group: None,
            });
        }
    }

    fn rename(&self, name: &'static str) -> Change {
        if self.modern_value(name).is_some() {
            return Change::None;
        }
        Change::Convert(Conversion {
            name,
            before: String::new(),
            value: None,
            after: String::new(),
            absorbed: Vec::new(),
            beside: None,
        })
    }

    /// Returns the verdict with `--keep-legacy`: releases before 2.0 do not know the new names, so
    /// these may be added there.
    fn keeping(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Keep if self.context.keep_legacy => Verdict::SafeConvert,
            other => other,
        }
    }

    /// Turns a proposal into a finding, with a fix where the table and the place allow one.
    fn propose(&mut self, proposal: Proposal) {
        let Proposal {
            setting: at,
            decision,
            verdict,
            message,
            mut help,
            change,
            port,
            group,
        } = proposal;
        let mut verdict = verdict.unwrap_or_else(|| decision.verdict(self.column));
        let setting = self.setting(at).clone();
        let mut why = None;
        let doubled = matches!(
            decision.rule.code,
            "agreeing-ports" | "agreeing-hosts" | "differing-names"
        );
        if self.context.keep_legacy && doubled {
            // Both names stand there, which is what was asked for.
            if decision.rule.code != "differing-names" {
                return;
            }
            verdict = Verdict::Note;
        }
        let deletes = matches!(verdict, Verdict::SafeDelete | Verdict::AskDelete);
        if self.context.keep_legacy && deletes && decision.rule.code != "default-setting" {
            verdict = Verdict::Keep;
        }
        if let Some(reason) = &self.asked
            && verdict != verdict.asked()
        {
            verdict = verdict.asked();
            why = Some(reason.clone());
        }
        if setting.is_dynamic() && verdict == Verdict::SafeConvert {
            verdict = Verdict::AskConvert;
            why = Some("the value is an expression".to_owned());
        }
        let wants_edit = !matches!(verdict, Verdict::Keep | Verdict::Note);
        let mut blocked = None;
        let mut partners = Vec::new();
        if wants_edit {
            let elsewhere = (self.context.elsewhere)(&setting.name);
            if !self.context.edits_allowed {
                blocked = Some("documentation is edited only with --markdown".to_owned());
            } else if let Some(reason) = self.scope.sealed {
                blocked = Some(reason.to_owned());
            } else if !setting.is_dynamic() && is_no_host(&setting.name, setting.value.as_deref()) {
                blocked = Some("the value is no name of a host".to_owned());
            } else if let Some((name, path)) = elsewhere.other {
                blocked = Some(format!("`{name}` in {} belongs to it", path.display()));
            } else if matches!(verdict, Verdict::SafeDelete | Verdict::AskDelete)
                && let Some(reader) = (self.context.reader)(&setting.name)
            {
                blocked = Some(format!("{reader} reads it"));
            }
            partners = elsewhere.same;
        }
        if verdict == Verdict::Keep {
            help.insert(0, self.keep_help());
        }
        if verdict == Verdict::Note && self.column == Column::Unknown {
            help.push("pass --from with the release that runs".to_owned());
        }
        let mut fix = None;
        if wants_edit && blocked.is_none() {
            let group = group.unwrap_or_else(|| {
                *self.groups += 1;
                *self.groups
            });
            fix = self.fix(at, verdict, &change, group);
            if fix.is_none() && !matches!(change, Change::None) {
                blocked =
                    Some("the item cannot be edited without doubt where it stands".to_owned());
            }
        }
        if let Some(fix) = &mut fix {
            fix.partners = partners;
        }
        if let Some(fix) = &mut fix
            && fix.safety == Safety::Unsafe
        {
            fix.why = why.or_else(|| Some(effects::CHANGES.to_owned()));
        }
        if let Some(reason) = blocked {
            help.push(format!("not edited: {reason}"));
        }
        let severity = if verdict == Verdict::Keep {
            Severity::Note
        } else {
            decision.rule.severity
        };
        let moves = match port {
            Some(port) => Some(Moves::Port(port)),
            None => fix
                .as_ref()
                .is_some_and(|fix| {
                    self.column == Column::V3 && fix.announced.comes("LOCALSTACK_HOST")
                })
                .then_some(Moves::QueueUrls),
        };
        self.findings.push(Judged {
            rule: &decision.rule,
            severity,
            setting: at,
            message,
            help,
            fix,
            legacy: true,
            effects: None,
            alternatives: Vec::new(),
            moves,
        });
    }

    /// A group whose edit did not come about offers nothing.
    fn drop_empty_groups(&mut self) {
        let fixes = self.findings.iter().filter_map(|f| f.fix.as_ref());
        let real: Vec<usize> = fixes
            .filter(|f| !f.ops.is_empty())
            .map(|f| f.group)
            .collect();
        for finding in &mut self.findings {
            if finding
                .fix
                .as_ref()
                .is_some_and(|fix| !real.contains(&fix.group))
            {
                finding.fix = None;
            }
        }
    }

    fn keep_help(&self) -> String {
        match self.version {
            _ if self.context.keep_legacy => "kept for older releases".to_owned(),
            Some(version) => format!("{version} needs it; look again when you upgrade"),
            None => "it is needed; look again when you upgrade".to_owned(),
        }
    }
}

/// Returns a value without secrets and control characters.
fn shown(name: &str, value: &str) -> String {
    printable(&redact(name, value)).into_owned()
}

/// Returns whether a variable of a host holds something that no host is called: letters, digits,
/// hyphens, underscores and dots, or an address; a URL is judged elsewhere.
fn is_no_host(name: &str, value: Option<&str>) -> bool {
    let of_host = matches!(
        name.strip_prefix("LOCALSTACK_").unwrap_or(name),
        "HOSTNAME" | "HOSTNAME_EXTERNAL"
    );
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
    of_host
        && value.is_some_and(|value| {
            let address = value.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
            !address.unwrap_or(value).trim().chars().all(named)
        })
}
