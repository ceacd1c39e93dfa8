//! A judgement for machines: one JSON document, SARIF, annotations of a GitHub workflow.
//!
//! Text for people is made by the CLI from the same [`Document`].

mod github;
mod sarif;

use lsconfig::diagnostic::Severity;
use lsconfig::redact::redact_text;
use serde::Serialize;

pub use github::annotations;
pub use sarif::log;

use crate::facts::{Container, Engine, Facts, Place, Position, WrittenIn};
use crate::finding::{Confidence, Finding};
use crate::fix::{Change, flags, snippet};
use crate::judge::{Case, Judgement, TraceResult, World};
use crate::patch::Patch;
use crate::path::{Outcome, Path, observe, predict};
use crate::world::ClientUrl;

/// The version of the document. It counts up when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Everything that is said about one diagnosis.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The tool.
    pub tool: &'static str,
    /// Its version.
    pub version: String,
    /// The engine that was asked.
    pub engine: Engine,
    /// The emulator, where one was found.
    pub emulator: Option<EmulatorLine>,
    /// Every client with its paths.
    pub clients: Vec<ClientLine>,
    /// The causes, the worst first.
    pub findings: Vec<FindingLine>,
    /// The checks that were made.
    pub trace: Vec<TraceLine>,
    /// How many there are.
    pub summary: Summary,
}

/// The emulator.
#[derive(Debug, Clone, Serialize)]
pub struct EmulatorLine {
    /// The container.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its release, where that is known.
    pub release: Option<String>,
    /// Where it listens.
    pub listens: Vec<String>,
    /// Whether a probe saw that.
    pub seen: bool,
}

/// A client.
#[derive(Debug, Clone, Serialize)]
pub struct ClientLine {
    /// `this host`, or the container.
    pub name: String,
    /// `host` or `container`.
    pub kind: &'static str,
    /// The paths that it is known to use.
    pub paths: Vec<PathLine>,
    /// The usual forms of endpoint from here, used or not.
    pub forms: Vec<PathLine>,
    /// Why no probe ran there, where one was tried.
    pub probe_failure: Option<String>,
}

/// A path.
#[derive(Debug, Clone, Serialize)]
pub struct PathLine {
    /// The URL.
    pub url: String,
    /// Where it is known from.
    pub from: String,
    /// `ok`, `fail` or `unknown`.
    pub verdict: &'static str,
    /// How it ends, for people.
    pub outcome: String,
    /// The address that was tried.
    pub address: Option<String>,
    /// Whether a probe went it.
    pub confidence: Confidence,
}

/// A finding.
#[derive(Debug, Clone, Serialize)]
pub struct FindingLine {
    /// The code.
    pub code: &'static str,
    /// The number in the older lists.
    pub number: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Whom it is about.
    pub subject: String,
    /// Where that is written.
    pub place: Option<PlaceLine>,
    /// The client that suffers.
    pub client: Option<String>,
    /// What.
    pub message: String,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// What mends it, the best first.
    pub fixes: Vec<FixLine>,
}

impl FindingLine {
    /// Says it with what it rests on and the best fix, a line for each.
    fn in_lines(&self) -> String {
        let fix = self.fixes.first().map(|fix| format!("fix: {}", fix.title));
        let message = std::iter::once(&self.message);
        let lines = message.chain(&self.evidence).chain(&fix);
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// A place in a file.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceLine {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl From<&Place> for PlaceLine {
    fn from(place: &Place) -> Self {
        Self {
            file: place.file.clone(),
            line: place.line,
            column: place.column,
        }
    }
}

/// A fix.
#[derive(Debug, Clone, Serialize)]
pub struct FixLine {
    /// What it does.
    pub title: String,
    /// Whether containers have to be made anew.
    pub needs_recreate: bool,
    /// The settings, as part of a Compose file; empty where it is not about settings.
    pub snippet: String,
    /// Commands, or flags for containers that no file describes.
    pub commands: Vec<String>,
    /// The change of the user's own file, where one is known.
    pub patch: Option<Patch>,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct TraceLine {
    /// The number.
    pub number: &'static str,
    /// Of whom.
    pub subject: String,
    /// `passed`, `fired`, or `explained`.
    pub result: &'static str,
    /// The check that explains it.
    pub by: Option<&'static str>,
}

/// How many findings there are.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Summary {
    /// Of severity error.
    pub errors: usize,
    /// Of severity warning.
    pub warnings: usize,
    /// Of severity note.
    pub notes: usize,
}

impl Document {
    /// Adds what is said about another part of the same question: the next job of a workflow.
    pub fn add(&mut self, other: Self) {
        self.emulator = self.emulator.take().or(other.emulator);
        self.clients.extend(other.clients);
        self.findings.extend(other.findings);
        self.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
        self.trace.extend(other.trace);
        self.summary.errors += other.summary.errors;
        self.summary.warnings += other.summary.warnings;
        self.summary.notes += other.summary.notes;
    }

    /// Puts a judgement into words. `patch` gives the change of the user's file for some changes.
    #[must_use]
    pub fn new(
        facts: &Facts,
        judgement: &Judgement<'_>,
        version: &str,
        patch: &dyn Fn(&[Change]) -> Option<Patch>,
    ) -> Self {
        let count = |severity| {
            judgement
                .findings
                .iter()
                .filter(|f| f.severity == severity)
                .count()
        };
        let world = judgement.world.as_ref();
        Self {
            schema: SCHEMA,
            tool: "lsconfig",
            version: version.to_owned(),
            engine: facts.engine.clone(),
            emulator: world.map(|w| EmulatorLine {
                name: w.emulator.name().to_owned(),
                image: redact_text(&w.emulator.container.image).into_owned(),
                release: w.emulator.version.map(|v| v.to_string()),
                listens: {
                    let tcp = w.emulator.listening.sockets.iter().filter(|s| !s.udp);
                    tcp.map(|s| s.address.to_string()).collect()
                },
                seen: w.emulator.listening.seen,
            }),
            clients: world.map_or(Vec::new(), |w| {
                w.cases.iter().map(|c| client(facts, w, c)).collect()
            }),
            findings: judgement
                .findings
                .iter()
                .map(|f| finding(facts, f, patch))
                .collect(),
            trace: judgement
                .trace
                .iter()
                .map(|t| TraceLine {
                    number: t.number,
                    subject: t.subject.clone(),
                    result: match t.result {
                        TraceResult::Passed => "passed",
                        TraceResult::Fired => "fired",
                        TraceResult::Explained(_) => "explained",
                    },
                    by: match t.result {
                        TraceResult::Explained(by) => Some(by),
                        _ => None,
                    },
                })
                .collect(),
            summary: Summary {
                errors: count(Severity::Error),
                warnings: count(Severity::Warning),
                notes: count(Severity::Note),
            },
        }
    }
}

fn client(facts: &Facts, world: &World<'_>, case: &Case<'_>) -> ClientLine {
    let host = case.client.position == Position::Host;
    let forms = crate::world::forms(&world.emulator);
    ClientLine {
        name: case.client.name().to_owned(),
        kind: if host { "host" } else { "container" },
        paths: case
            .uses
            .iter()
            .map(|used| path_line(&used.url, used.path(), used.observed.is_some()))
            .collect(),
        forms: forms
            .iter()
            .map(|url| match observe(facts, &case.client, url) {
                Some(path) => path_line(url, &path, true),
                None => {
                    let path = predict(facts, &world.emulator, &case.client, url);
                    path_line(url, &path, false)
                }
            })
            .collect(),
        probe_failure: facts
            .observed(&case.client.position)
            .and_then(|o| o.failure.clone()),
    }
}

fn path_line(url: &ClientUrl, path: &Path<'_>, seen: bool) -> PathLine {
    PathLine {
        url: url.text.clone(),
        from: url.from.to_string(),
        verdict: match &path.outcome {
            Outcome::Ok => "ok",
            Outcome::Unknown => "unknown",
            _ => "fail",
        },
        outcome: path.outcome.describe(),
        address: path.address.map(|ip| ip.to_string()),
        confidence: if seen {
            Confidence::Proven
        } else {
            Confidence::Predicted
        },
    }
}

/// The kind of file that describes the containers of changes.
fn written_in(facts: &Facts, changes: &[Change]) -> WrittenIn {
    let mut containers = changes.iter().filter_map(|change| {
        let mut all = facts.containers.iter();
        all.find(|c| c.label() == change.container)
    });
    containers
        .next()
        .map_or(WrittenIn::Compose, Container::written_in)
}

fn finding(
    facts: &Facts,
    finding: &Finding,
    patch: &dyn Fn(&[Change]) -> Option<Patch>,
) -> FindingLine {
    FindingLine {
        code: finding.check.rule.code,
        number: finding.check.number,
        severity: finding.severity,
        confidence: finding.confidence,
        subject: finding.subject.name.clone(),
        place: finding.subject.place.as_ref().map(PlaceLine::from),
        client: finding.client.clone(),
        message: redact_text(&finding.message).into_owned(),
        evidence: finding
            .evidence
            .iter()
            .map(|text| redact_text(text).into_owned())
            .collect(),
        fixes: finding
            .fixes
            .iter()
            .map(|fix| {
                let written_in = written_in(facts, &fix.changes);
                // Nobody starts the containers of a workflow by hand.
                let by_hand = if written_in == WrittenIn::Workflow {
                    Vec::new()
                } else {
                    flags(&fix.changes)
                };
                FixLine {
                    title: fix.title.clone(),
                    needs_recreate: fix.needs_recreate,
                    snippet: snippet(&fix.changes, written_in),
                    commands: fix.commands.iter().cloned().chain(by_hand).collect(),
                    patch: patch(&fix.changes),
                }
            })
            .collect(),
    }
}
