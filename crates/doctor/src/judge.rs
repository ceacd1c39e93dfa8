//! From facts to findings: pure, total, and with a trace of every check that was made.
//!
//! Each check of [`CHECKS`] looks at the whole world and says what
//! it finds. A check whose cause was found for the same client, or for the emulator, is not made: its
//! finding would only be a consequence.

pub(crate) mod client;
pub(crate) mod minted;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod plan;
pub(crate) mod ports;
pub(crate) mod target;

use std::collections::BTreeMap;

use lsconfig::diagnostic::Severity;

use crate::check::{CHECKS, Run};
use crate::facts::{Container, Engine, Facts};
use crate::finding::{Finding, Subject};
use crate::fix::Fix;
use crate::path::{Path, observe, predict};
use crate::world::{self, Client, ClientUrl, Emulator, Found};

/// What a judgement gives.
#[derive(Debug)]
pub struct Judgement<'f> {
    /// The emulator, where one was found.
    pub world: Option<World<'f>>,
    /// The causes, the worst first.
    pub findings: Vec<Finding>,
    /// What was checked, in order.
    pub trace: Vec<Trace>,
}

/// One check that was made, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The number of the check.
    pub number: &'static str,
    /// Of whom.
    pub subject: String,
    /// What came of it.
    pub result: TraceResult,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceResult {
    /// Nothing is wrong.
    Passed,
    /// It found something.
    Fired,
    /// It was not made, because this check fired.
    Explained(&'static str),
}

/// The emulator and its clients.
#[derive(Debug)]
pub struct World<'f> {
    /// All facts.
    pub facts: &'f Facts,
    /// The emulator.
    pub emulator: Emulator<'f>,
    /// The clients with their paths.
    pub cases: Vec<Case<'f>>,
}

/// A client and the paths it uses.
#[derive(Debug)]
pub struct Case<'f> {
    /// The client.
    pub client: Client<'f>,
    /// Its paths.
    pub uses: Vec<Use<'f>>,
}

/// A URL and its path.
#[derive(Debug)]
pub struct Use<'f> {
    /// The URL.
    pub url: ClientUrl,
    /// What should happen.
    pub predicted: Path<'f>,
    /// What happened.
    pub observed: Option<Path<'f>>,
}

impl<'f> Use<'f> {
    /// Returns the path that counts: the one that was gone, else the predicted one.
    #[must_use]
    pub fn path(&self) -> &Path<'f> {
        self.observed.as_ref().unwrap_or(&self.predicted)
    }

    /// Returns whether the client certainly fails on it.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.path().outcome.fails()
    }
}

impl<'f> World<'f> {
    /// Finds out who is who.
    ///
    /// # Errors
    /// What is to be said where there is not exactly one emulator.
    fn new(facts: &'f Facts) -> Result<Self, Box<Finding>> {
        match world::find(facts) {
            Found::One(emulator) => {
                let cases = world::clients(facts, &emulator)
                    .into_iter()
                    .map(|client| {
                        let uses = client.urls.iter().map(|url| Use {
                            url: url.clone(),
                            predicted: predict(facts, &emulator, &client, url),
                            observed: observe(facts, &client, url),
                        });
                        Case {
                            uses: uses.collect(),
                            client,
                        }
                    })
                    .collect();
                Ok(Self {
                    facts,
                    emulator: *emulator,
                    cases,
                })
            }
            Found::None => Err(Box::new(not_found(facts))),
            Found::Several(all) => Err(Box::new(ambiguous(&all))),
        }
    }
}

/// The checks that fired, and those that are explained, each with the one that fired.
type Fired = BTreeMap<&'static str, &'static str>;

/// Judges.
#[must_use]
pub fn judge(facts: &Facts) -> Judgement<'_> {
    let mut judgement = Judgement {
        world: None,
        findings: Vec::new(),
        trace: Vec::new(),
    };
    if let Some(finding) = engine(&facts.engine) {
        judgement.add_first(finding);
        return judgement;
    }
    let world = match World::new(facts) {
        Ok(world) => world,
        Err(finding) => {
            judgement.add_first(*finding);
            return judgement;
        }
    };
    let mut fired = Fired::new();
    for check in CHECKS {
        if let Run::Target(run) = check.run {
            let name = world.emulator.name();
            if judgement.explained(check.number, check.depends_on, &mut fired, name) {
                continue;
            }
            let found = run(&world);
            judgement.record(check.number, name, found, &mut fired);
        }
    }
    for case in &world.cases {
        let mut of_client = fired.clone();
        for check in CHECKS {
            let name = case.client.name();
            let run = match check.run {
                Run::Client(run) => run,
                Run::Last => client::contradicted,
                Run::First | Run::Target(_) => continue,
            };
            if judgement.explained(check.number, check.depends_on, &mut of_client, name) {
                continue;
            }
            let mut found = run(&world, case);
            // What was found for this client explains a failing path; then there is no riddle.
            if matches!(check.run, Run::Last)
                && judgement
                    .findings
                    .iter()
                    .any(|f| f.client.as_deref() == Some(name) && f.severity == Severity::Error)
            {
                found.clear();
            }
            for finding in &mut found {
                finding.client = Some(name.to_owned());
            }
            judgement.record(check.number, name, found, &mut of_client);
        }
    }
    judgement.world = Some(world);
    judgement
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    judgement
}

impl Judgement<'_> {
    fn add_first(&mut self, finding: Finding) {
        self.trace.push(Trace {
            number: finding.check.number,
            subject: finding.subject.name.clone(),
            result: TraceResult::Fired,
        });
        self.findings.push(finding);
    }

    fn explained(
        &mut self,
        number: &'static str,
        depends_on: &[&'static str],
        fired: &mut Fired,
        subject: &str,
    ) -> bool {
        let mut causes = depends_on
            .iter()
            .filter_map(|cause| fired.get(cause).copied());
        let Some(cause) = causes.next() else {
            return false;
        };
        // What depends on this one is a consequence of the same cause.
        fired.insert(number, cause);
        self.trace.push(Trace {
            number,
            subject: subject.to_owned(),
            result: TraceResult::Explained(cause),
        });
        true
    }

    fn record(
        &mut self,
        number: &'static str,
        subject: &str,
        found: Vec<Finding>,
        fired: &mut Fired,
    ) {
        let result = if found.is_empty() {
            TraceResult::Passed
        } else {
            TraceResult::Fired
        };
        self.trace.push(Trace {
            number,
            subject: subject.to_owned(),
            result,
        });
        if !found.is_empty() {
            fired.insert(number, number);
        }
        self.findings.extend(found);
    }
}

fn engine(engine: &Engine) -> Option<Finding> {
    match engine {
        Engine::NotAsked | Engine::Reached { .. } => None,
        Engine::Unreachable { tried } => {
            let mut finding = Finding::new("RT001", Subject::default(), "no container engine answers")
                .proven(true)
                .fix(Fix::say("start the engine, or set DOCKER_HOST to its address"))
                .fix(Fix::say("judge the files alone: lsconfig doctor docker-compose.yml"));
            for attempt in tried {
                finding = finding.evidence(format!(
                    "{} ({}): {}",
                    attempt.address, attempt.found_by, attempt.error
                ));
            }
            Some(finding)
        }
        Engine::Denied { address } => Some(
            Finding::new("RT002", Subject::default(), format!("no permission to use {address}"))
                .proven(true)
                .fix(Fix::say("join the group that owns the socket, then log in again")
                    .command("sudo usermod -aG docker $USER")),
        ),
        Engine::TooOld {
            address,
            api_version,
        } => Some(
            Finding::new(
                "RT003",
                Subject::default(),
                format!("the engine at {address} speaks version {api_version} of its API at most, 1.40 is needed"),
            )
            .proven(true)
            .fix(Fix::say("update the engine to Docker 19.03 or later")),
        ),
    }
}

fn not_found(facts: &Facts) -> Finding {
    let message = match &facts.question.target {
        Some(name) => format!("no container is called `{name}`"),
        None => "no container looks like an emulator".to_owned(),
    };
    let mut finding =
        Finding::new("CT001", Subject::default(), message).proven(facts.engine != Engine::NotAsked);
    let names = names_of(facts.containers.iter());
    finding = finding.evidence(match facts.containers.len() {
        0 => "there are no containers".to_owned(),
        n => format!("{n} containers were looked at: {names}"),
    });
    finding.fix(Fix::say(
        "start the emulator, or name its container with --target-container",
    ))
}

fn ambiguous(all: &[&Container]) -> Finding {
    let names = names_of(all.iter().copied());
    Finding::new(
        "CT002",
        Subject::default(),
        format!("{} containers may be the emulator", all.len()),
    )
    .evidence(format!("they are {names}"))
    .fix(Fix::say(format!(
        "name one with --target-container, for example {}",
        all.first().map_or("", |c| c.name.as_str())
    )))
}

/// Lists the first few names.
fn names_of<'c>(containers: impl Iterator<Item = &'c Container>) -> String {
    const SHOWN: usize = 8;
    let mut names: Vec<String> = containers.map(|c| format!("`{}`", c.name)).collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
