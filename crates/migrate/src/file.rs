//! One file, read and judged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsconfig::diagnostic::Severity;
use lsconfig::redact::redact;
use lsconfig::release::TargetVersion;

use crate::decision::{self, Decision};
use crate::edit::Edit;
use crate::effect::Environment;
use crate::finding::{Finding, Fix, Moves, Related, Safety};
use crate::format::Format;
pub use crate::judge::Successor;
use crate::judge::{self, Context};
use crate::names;
use crate::project::{Files, Neighbours};
use crate::proof::{self, Proof};
use crate::scope::{Document, Owner, RemarkKind, Scope, Setting};
use crate::text::{Text, find_word, printable};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The release to take where a file names none.
    pub from: Option<TargetVersion>,
    /// The release to prepare for.
    pub to: Option<TargetVersion>,
    /// The engine to move to, where it is another one.
    pub successor: Option<Successor>,
    /// Whether fenced blocks of Markdown may be edited.
    pub edit_markdown: bool,
    /// Whether legacy names stay beside the new ones.
    pub keep_legacy: bool,
    /// The value of `SQS_ENDPOINT_STRATEGY` that is written with a new host.
    pub strategy: Option<String>,
    /// Codes to report; all where empty.
    pub select: Vec<String>,
    /// Codes not to report.
    pub ignore: Vec<String>,
}

impl Options {
    fn wants(&self, code: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|c| c == code);
        (self.select.is_empty() || listed(&self.select)) && !listed(&self.ignore)
    }
}

/// A file with what was found in it.
#[derive(Debug)]
pub struct File {
    /// Its path, as it is shown.
    pub path: Arc<PathBuf>,
    /// Its bytes.
    pub text: Text,
    /// How it was read.
    pub format: Format,
    /// What it sets.
    pub document: Document,
    /// What is said about it.
    pub findings: Vec<Finding>,
    /// Findings that an ignore comment silences.
    pub silenced: usize,
    /// Settings of other software that have the same names.
    pub foreign: usize,
    pub(crate) proofs: BTreeMap<usize, Proof>,
}

/// The result of applying fixes to one file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The edits, in the order of the file.
    pub edits: Vec<Edit>,
    /// The new bytes.
    pub bytes: Vec<u8>,
    /// The groups that were applied.
    pub groups: Vec<usize>,
    /// The groups that could not be applied beside the others.
    pub dropped: Vec<usize>,
}

impl File {
    /// Reads and judges a file; `None` when it has no format that is read.
    #[must_use]
    pub fn analyse(
        path: &Path,
        bytes: Vec<u8>,
        files: &dyn Files,
        options: &Options,
    ) -> Option<Self> {
        let text = Text::new(bytes);
        let first = text.line(0).to_owned();
        let format = Format::of(path, &first)?;
        let document = format.read(path, text.as_str());
        let mut file = Self {
            path: Arc::new(path.to_path_buf()),
            text,
            format,
            document,
            findings: Vec::new(),
            silenced: 0,
            foreign: 0,
            proofs: BTreeMap::new(),
        };
        file.judge(files, options);
        file.remark();
        file.findings.retain(|f| options.wants(f.rule.code));
        let before = file.findings.len();
        let text = &file.text;
        file.findings.retain(|f| !silenced(text, f));
        file.silenced = before - file.findings.len();
        proof::check(&mut file);
        file.findings.sort_by_key(|f| (f.span.start, f.rule.code));
        // A service merged from an anchor is seen twice.
        file.findings
            .dedup_by(|b, a| a.span == b.span && a.rule.code == b.rule.code && b.fix.is_none());
        Some(file)
    }

    fn judge(&mut self, files: &dyn Files, options: &Options) {
        let neighbours = Neighbours::new(&self.path, self.format, self.text.as_str(), files);
        let mut groups = 0;
        let mut findings = Vec::new();
        let mut scopes = std::mem::take(&mut self.document.scopes);
        neighbours.extend(&mut scopes);
        for (position, scope) in scopes.iter_mut().enumerate() {
            neighbours.complete(scope);
            let loaded = match &scope.owner {
                Owner::File => {
                    let legacy = scope.settings.iter().any(|s| names::is_legacy(&s.name));
                    if !legacy {
                        continue;
                    }
                    match neighbours.loader(scope) {
                        Some(above) => above,
                        None => {
                            if neighbours.mentions_localstack() {
                                self.unowned(scope, &neighbours, &mut findings);
                            }
                            continue;
                        }
                    }
                }
                Owner::Stray(image) => {
                    let image = image.text.clone();
                    self.stray(scope, &image, &mut findings);
                    continue;
                }
                Owner::Other => {
                    let legacy = |s: &&Setting| names::is_legacy(&s.name);
                    self.foreign += scope.settings.iter().filter(legacy).count();
                    continue;
                }
                Owner::Server(_) | Owner::Cli(_) => Vec::new(),
            };
            let (loaded_files, incomplete) = neighbours.env_files(scope);
            let reader = |name: &str| neighbours.reader(scope, name);
            let elsewhere = |name: &str| neighbours.elsewhere(scope, name);
            let expanded = |value: &str| neighbours.expanded(value);
            let context = Context {
                files: loaded_files,
                above: loaded,
                incomplete,
                from: options.from,
                to: options.to,
                successor: options.successor,
                edits_allowed: self.format != Format::Markdown || options.edit_markdown,
                expanded: &expanded,
                reader: &reader,
                elsewhere: &elsewhere,
                keep_legacy: options.keep_legacy,
                strategy: options.strategy.as_deref(),
            };
            let judgement = judge::judge(scope, position, &context, &mut groups);
            let owner = match &scope.owner {
                Owner::Server(image) => {
                    let label = scope.loaded_by.as_ref().unwrap_or(&scope.label);
                    format!("{label} ({})", image.text)
                }
                _ => scope.label.clone(),
            };
            let version = match &scope.owner {
                Owner::Server(image) => image.release.version(),
                Owner::Cli(release) => release.version(),
                _ => None,
            };
            self.proofs.insert(
                position,
                Proof {
                    environment: environment(scope, &context),
                    version: version.or(options.from),
                    target: options.to,
                },
            );
            for judged in judgement.findings {
                let Some(setting) = scope.settings.get(judged.setting) else {
                    continue;
                };
                let mut finding =
                    self.finding(judged.rule, judged.severity, setting.name_span.clone());
                finding.name = setting.name.clone();
                finding.value = setting
                    .value
                    .as_ref()
                    .map(|v| printable(&redact(&setting.name, v)).into_owned());
                finding.message = judged.message;
                finding.scope.clone_from(&owner);
                finding.release.clone_from(&judgement.release);
                if let Some([today, meant, after]) = judged.effects {
                    (finding.today, finding.meant, finding.after) = (today, meant, after);
                }
                finding.help = judged.help;
                finding.fix = judged.fix;
                finding.alternatives = judged.alternatives;
                finding.moves = judged.moves;
                if let Some(Moves::Port(port)) = &finding.moves {
                    finding.related = self.places_of(port, setting);
                }
                finding
                    .related
                    .extend(self.stale_comment(&setting.name, setting.name_span.start));
                findings.push(finding);
            }
        }
        self.document.scopes = scopes;
        self.findings = findings;
        if let Some(error) = &self.document.broken {
            let legacy = names::LEGACY
                .iter()
                .find_map(|n| find_word(self.text.as_str(), n));
            let text = self.text.as_str();
            let near = text.to_ascii_lowercase().contains("localstack");
            let Some(at) = legacy.filter(|_| near) else {
                return;
            };
            // A template becomes YAML only when it is rendered.
            let template = text.contains("{{");
            let severity = if template {
                Severity::Note
            } else {
                Severity::Warning
            };
            let mut finding = self.finding(&decision::UNREADABLE_FILE.rule, severity, at..at);
            finding.message = format!("not read as {}: {}", self.format.as_str(), printable(error));
            self.findings.push(finding);
        }
    }

    fn finding(
        &self,
        rule: &'static lsconfig::diagnostic::Rule,
        severity: Severity,
        span: std::ops::Range<usize>,
    ) -> Finding {
        let (line, column) = self.text.position(span.start);
        Finding {
            rule,
            severity,
            path: Arc::clone(&self.path),
            line,
            column,
            span,
            name: String::new(),
            value: None,
            message: rule.summary.to_owned(),
            scope: String::new(),
            release: String::new(),
            today: None,
            meant: None,
            after: None,
            alternatives: Vec::new(),
            moves: None,
            help: Vec::new(),
            related: Vec::new(),
            fix: None,
        }
    }

    fn plain(
        &self,
        decision: &'static Decision,
        name: &str,
        span: std::ops::Range<usize>,
        message: String,
    ) -> Finding {
        let mut finding = self.finding(&decision.rule, decision.rule.severity, span);
        name.clone_into(&mut finding.name);
        finding.message = message;
        finding
    }

    fn unowned(&self, scope: &Scope, neighbours: &Neighbours<'_>, findings: &mut Vec<Finding>) {
        for setting in scope.settings.iter().filter(|s| names::is_legacy(&s.name)) {
            let name = &setting.name;
            let message = match neighbours.interpolates(name) {
                Some(path) => format!(
                    "`{name}` is what {} reads as `${{{name}}}`; it may keep its name",
                    path.display()
                ),
                None => format!("`{name}` is set, and nothing here shows who loads this file"),
            };
            findings.push(self.plain(
                &decision::NO_OWNER,
                &setting.name,
                setting.name_span.clone(),
                message,
            ));
        }
    }

    fn stray(&self, scope: &Scope, image: &str, findings: &mut Vec<Finding>) {
        if !self
            .text
            .as_str()
            .to_ascii_lowercase()
            .contains("localstack")
        {
            return;
        }
        for setting in &scope.settings {
            if matches!(
                setting.name.as_str(),
                "HOSTNAME_EXTERNAL" | "LOCALSTACK_HOSTNAME"
            ) {
                let message = format!("`{}` does nothing on `{}`", setting.name, printable(image));
                findings.push(self.plain(
                    &decision::STRAY_SETTING,
                    &setting.name,
                    setting.name_span.clone(),
                    message,
                ));
            }
        }
    }

    fn remark(&mut self) {
        let mut findings = Vec::new();
        for remark in &self.document.remarks {
            let name = &remark.name;
            let (decision, message, help) = match remark.kind {
                RemarkKind::Reader => (
                    &decision::INJECTED_NAME,
                    format!("code reads `{name}`, which is still injected"),
                    "use `AWS_ENDPOINT_URL` when it is set",
                ),
                RemarkKind::StrayCode => (
                    &decision::STRAY_SETTING,
                    format!("`{name}` is set on a container that never reads it"),
                    "remove the line; code is never edited",
                ),
                RemarkKind::TestContainer => (
                    &decision::TEST_CONTAINER,
                    format!("`{name}` is set on a container from code"),
                    "the module sets the host name itself by the tag of the image; from 2.0 on remove the line",
                ),
                RemarkKind::Produced => (
                    &decision::PRODUCED_TEXT,
                    format!("`{name}` stands in text that becomes another file"),
                    "look at what it produces",
                ),
                RemarkKind::InitHook => (
                    &decision::INIT_HOOK,
                    format!("exporting `{name}` in an init hook is too late for the server"),
                    "set it on the container",
                ),
            };
            let mut finding = self.plain(decision, name, remark.span.clone(), message);
            finding.help.push(help.to_owned());
            findings.push(finding);
        }
        self.findings.extend(findings);
    }

    /// Other lines of the file that name a port.
    fn places_of(&self, port: &str, except: &Setting) -> Vec<Related> {
        let (first, _) = self.text.position(except.name_span.start);
        let (last, _) = self.text.position(except.value_span.end);
        let own = first.min(last)..=first.max(last);
        let mut related = Vec::new();
        for (at, line) in self.text.as_str().lines().enumerate() {
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let found = find_word(line, port).is_some();
            let comment = line.trim_start().starts_with(['#', '/']);
            if found && !own.contains(&number) && !comment && related.len() < 8 {
                related.push(Related {
                    path: None,
                    line: number,
                    message: format!("names port {port}"),
                });
            }
        }
        related
    }

    /// A comment right above that tells the old story.
    fn stale_comment(&self, name: &str, at: usize) -> Option<Related> {
        let line = self.text.line_span(at);
        let above = self.text.line(line.start.checked_sub(1)?);
        let tells = above.trim_start().starts_with(['#', '/']) && find_word(above, name).is_some();
        let (number, _) = self.text.position(at);
        tells.then(|| Related {
            path: None,
            line: number - 1,
            message: format!("this comment names `{name}`; it stays as it is"),
        })
    }

    /// Applies every fix up to a level of safety, in memory.
    ///
    /// Returns `None` when nothing is to be changed.
    #[must_use]
    pub fn change(&self, level: Safety) -> Option<Change> {
        let groups = proof::groups(&self.findings);
        let settled = |fix: &&Fix| fix.partners.is_empty() || fix.met;
        let mut wanted: Vec<_> = groups
            .iter()
            .filter(|g| g.safety <= level && g.fixes.iter().all(settled))
            .collect();
        let all: Vec<_> = wanted
            .iter()
            .flat_map(|g| g.fixes.iter().copied())
            .collect();
        let mut dropped = Vec::new();
        let (edits, bytes) = match proof::verified(self, &all) {
            Some(found) => found,
            None => {
                // Some cannot stand beside others: first come, first served.
                let mut kept: Vec<&proof::Group<'_>> = Vec::new();
                for group in wanted {
                    let mut fixes: Vec<_> =
                        kept.iter().flat_map(|g| g.fixes.iter().copied()).collect();
                    fixes.extend(group.fixes.iter().copied());
                    if proof::verified(self, &fixes).is_some() {
                        kept.push(group);
                    } else {
                        dropped.push(group.number);
                    }
                }
                wanted = kept;
                let fixes: Vec<_> = wanted
                    .iter()
                    .flat_map(|g| g.fixes.iter().copied())
                    .collect();
                proof::verified(self, &fixes)?
            }
        };
        if edits.is_empty() {
            return None;
        }
        Some(Change {
            edits,
            bytes,
            groups: wanted.iter().map(|g| g.number).collect(),
            dropped,
        })
    }

    /// Returns the edits of one group alone.
    #[must_use]
    pub fn edits_of(&self, group: usize) -> Vec<Edit> {
        let groups = proof::groups(&self.findings);
        let found = groups.iter().find(|g| g.number == group);
        found
            .and_then(|g| proof::verified(self, &g.fixes))
            .map(|(edits, _)| edits)
            .unwrap_or_default()
    }
}

fn environment(scope: &Scope, context: &Context<'_>) -> Environment {
    let own = scope
        .settings
        .iter()
        .filter_map(|s| Some((s.name.clone(), s.value.clone()?)));
    Environment {
        files: context.files.clone(),
        own: own.chain(context.above.iter().cloned()).collect(),
        in_container: scope.in_container,
    }
}

/// Returns whether a comment on the line of a finding, or the line above, silences it.
fn silenced(text: &Text, finding: &Finding) -> bool {
    let line = text.line_span(finding.span.start);
    let above = line.start.checked_sub(1).map(|at| text.line(at));
    let own = text.line(finding.span.start);
    let marker = "lsconfig: ignore";
    [
        Some(own),
        above.filter(|l| l.trim_start().starts_with(['#', '/', '-', '<', ';'])),
    ]
    .into_iter()
    .flatten()
    .any(|line| {
        let Some(at) = line.find(marker) else {
            return false;
        };
        let rest = line
            .get(at + marker.len()..)
            .unwrap_or_default()
            .trim_start();
        match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            Some((codes, _)) => codes.split(',').any(|c| c.trim() == finding.rule.code),
            None => true,
        }
    })
}
