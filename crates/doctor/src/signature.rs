//! What an error text that somebody pastes can mean, without an engine.
//!
//! ```text
//! text --clean--> words --TEXTS--> failures, with hosts and ports --RANKING--> causes
//! ```
//!
//! [`table::TEXTS`] holds the words of each program, `rank` the causes of each failure by the kind
//! of host and the place of the client, [`cause::ADVICE`] what to say about a cause, and [`rules`]
//! the codes that only occur here. [`diagnose`] is a pure function, bounded in time and memory for
//! any text.

pub mod cause;
mod clean;
mod host;
mod pattern;
mod rank;
pub mod rules;
pub mod table;

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use cause::Advice;
use clean::Cleaned;
use host::Target;
pub use host::{HostClass, class};
use table::{Means, Program, TEXTS, Text};

/// How often one text is looked for: a log repeats itself.
const MAX_REPEATS: usize = 3;
/// How many matches are kept.
const MAX_MATCHES: usize = 64;
/// How many causes are returned.
const MAX_CAUSES: usize = 6;

macro_rules! signatures {
    ($(#[doc = $doc:literal] $name:ident,)*) => {
        /// What really failed. Programs often print the same words for several of these.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Signature { $(#[doc = $doc] $name,)* }

        impl Signature {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Says what it is, in one sentence.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$name => $doc.trim_ascii(),)* }
            }
        }
    };
}

signatures! {
    /// The connection was refused.
    Refused,
    /// It was refused on loopback, under a name that is meant to lead elsewhere.
    Loopback,
    /// It was refused on `::1`.
    V6Loop,
    /// Nobody knows the name.
    NxDomain,
    /// The name exists and has no address.
    NoData,
    /// The DNS server does not answer.
    DnsDead,
    /// No answer to the attempt to connect.
    Timeout,
    /// Nobody has the address.
    NoRoute,
    /// The connection was taken and cut.
    Empty,
    /// The connection was taken, and nothing came.
    Stall,
    /// The certificate is for other names.
    CertName,
    /// The certificate is not trusted.
    CertCa,
    /// The certificate has expired.
    CertExpired,
    /// TLS was spoken to a port that speaks plain HTTP.
    TlsPlain,
    /// A proxy was asked.
    Proxy,
    /// The host in the URL has an underscore.
    BadHost,
    /// The URL has no scheme.
    NoScheme,
    /// The bucket was taken from the path.
    Vhost404,
    /// The name with the bucket in front leads nowhere.
    VhostDns,
    /// The SDK used the host of the queue URL.
    QueueUrl,
    /// AWS itself answered.
    AwsAnswers,
}

/// Where the client runs, as far as the text shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The text does not say.
    Unknown,
    /// On the host.
    Host,
    /// In a container.
    Container,
    /// In a Lambda function.
    Lambda,
    /// In the container of a workflow's job.
    Job,
}

/// How likely a cause is, among those that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// The first to look at.
    Likely,
    /// Fits as well.
    Possible,
}

/// What a text may mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The code of the cause.
    pub code: &'static str,
    /// How likely it is.
    pub likelihood: Likelihood,
    /// One sentence.
    pub why: String,
    /// How to make sure.
    pub confirm: String,
    /// The smallest change.
    pub fix: String,
    /// The words that lead to it.
    pub seen: Seen,
}

/// The words of the text that a cause rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Whose words they are.
    pub program: Program,
    /// What failed; absent for messages that name their cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// The host, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The port, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The line, without secrets.
    pub excerpt: String,
}

/// The version of [`Answer`]. It counts up when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// The causes as a document for programs.
#[derive(Debug, Clone, Serialize)]
pub struct Answer<'c> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The causes, the likeliest first.
    pub causes: &'c [Cause],
}

impl<'c> Answer<'c> {
    /// Puts causes into a document.
    #[must_use]
    pub fn new(causes: &'c [Cause]) -> Self {
        Self {
            schema: SCHEMA,
            causes,
        }
    }
}

/// Returns the likely causes of the errors in a text, the likeliest first. Empty when none of the
/// known texts occurs in it.
#[must_use]
pub fn diagnose(text: &str) -> Vec<Cause> {
    let causes = read(&Cleaned::new(text));
    if causes.is_empty() && text.trim_end().contains('\n') {
        return read(&Cleaned::unwrapped(text));
    }
    causes
}

/// One text of the table, found.
struct Match {
    text: &'static Text,
    range: Range<usize>,
    target: Option<Target>,
    /// What it may mean here; empty for messages that name their causes.
    signatures: Vec<Signature>,
}

fn read(text: &Cleaned) -> Vec<Cause> {
    let mut matches = find(text);
    settle_targets(&mut matches, text);
    for found in &mut matches {
        found.signatures = refine(found, text);
    }
    narrow(&mut matches);
    // What a program says precisely counts more than what it says about many things.
    matches.sort_by_key(|m| (m.signatures.len(), m.range.start));
    let place = rank::place(text);
    let lists: Vec<(usize, Option<Signature>, Vec<&'static Advice>)> = matches
        .iter()
        .enumerate()
        .flat_map(|(n, found)| match found.text.means {
            Means::Causes(causes) => vec![(n, None, causes.to_vec())],
            Means::Failure(_) => {
                let ranked = found.signatures.iter().map(|&signature| {
                    let causes = rank::causes(signature, found.target.as_ref(), place);
                    (n, Some(signature), causes)
                });
                ranked.collect()
            }
        })
        .collect();
    // The first of every list, then the second of every list: each error gets its best cause early.
    let longest = lists
        .iter()
        .map(|(_, _, list)| list.len())
        .max()
        .unwrap_or(0);
    let mut said = BTreeSet::new();
    let mut causes = Vec::new();
    for rank in 0..longest {
        for (n, signature, list) in &lists {
            let Some(advice) = list.get(rank) else {
                continue;
            };
            if causes.len() < MAX_CAUSES && said.insert(advice.code) {
                causes.push(cause(advice, rank, &matches[*n], *signature, text));
            }
        }
    }
    causes
}

fn cause(
    advice: &'static Advice,
    rank: usize,
    found: &Match,
    signature: Option<Signature>,
    text: &Cleaned,
) -> Cause {
    let target = found.target.as_ref();
    let (host, port) = (target.map(|t| &*t.host), target.and_then(|t| t.port));
    let fill = |sentence: &str| {
        sentence
            .replace("{host}", host.unwrap_or("the host"))
            .replace("{port}", &port.unwrap_or(4566).to_string())
    };
    Cause {
        code: advice.code,
        // Where a text can be several failures, the first is the usual one.
        likelihood: if rank == 0 && signature == found.signatures.first().copied() {
            Likelihood::Likely
        } else {
            Likelihood::Possible
        },
        why: fill(advice.why),
        confirm: fill(advice.confirm),
        fix: fill(advice.fix),
        seen: Seen {
            program: found.text.program,
            signature,
            host: host.map(str::to_owned),
            port,
            excerpt: lsconfig::redact::mask_line(text.excerpt(&found.range)),
        },
    }
}

/// Finds all texts of the table, without those that are part of a longer one.
fn find(text: &Cleaned) -> Vec<Match> {
    let mut found = Vec::new();
    for row in TEXTS {
        let pattern = row.pattern.to_ascii_lowercase();
        let mut from = 0;
        for _ in 0..MAX_REPEATS {
            let Some(hit) = pattern::find(&pattern, text, from) else {
                break;
            };
            from = hit.range.end;
            // The format of the message, on a line of a stack trace.
            if hit
                .url
                .or(hit.host)
                .is_some_and(|hole| hole.starts_with('%'))
            {
                continue;
            }
            let target = hit
                .url
                .and_then(target_of_url)
                .or_else(|| target_of_names(&hit));
            found.push(Match {
                text: row,
                range: hit.range,
                target,
                signatures: Vec::new(),
            });
        }
    }
    found.sort_by_key(|m| (m.range.start, std::cmp::Reverse(m.range.end)));
    let (mut end_of_failure, mut end_of_causes) = (0, 0);
    found.retain(|m| {
        let end = match m.text.means {
            Means::Failure(_) => &mut end_of_failure,
            Means::Causes(_) => &mut end_of_causes,
        };
        let inside = m.range.end <= *end;
        *end = m.range.end.max(*end);
        !inside
    });
    found.truncate(MAX_MATCHES);
    found
}

/// A URL, or what stands where one should: `localhost:4566`.
fn target_of_url(url: &str) -> Option<Target> {
    Target::url(url).or_else(|| Target::addr(url.split('/').next()?))
}

/// The host under its name and, where both are printed, the address beside it.
fn target_of_names(hit: &pattern::Found<'_>) -> Option<Target> {
    let addr = hit.addr.and_then(Target::addr);
    let Some(host) = hit.host else { return addr };
    let mut target = Target::host(host, hit.port)?;
    // The address in `lookup HOST on SERVER` is the DNS server's, whose port is 53.
    if let Some(addr) = addr.filter(|a| a.port != Some(53)) {
        target.port = target.port.or(addr.port);
        target.ip = target.ip.or(addr.ip);
    }
    Some(target)
}

/// Gives every match the host that the client used: an address gets the name that led to it, and
/// a text without host the one that is named nearest.
fn settle_targets(matches: &mut [Match], text: &Cleaned) {
    let mut mentioned = host::mentioned(text);
    let named = matches
        .iter()
        .filter_map(|m| Some((m.range.start, m.target.clone()?)));
    mentioned.extend(named);
    for found in matches
        .iter_mut()
        .filter(|m| matches!(m.text.means, Means::Failure(_)))
    {
        let at = found.range.start;
        match &mut found.target {
            None => {
                found.target = host::nearest(&mentioned, at, host::may_be_emulator).cloned();
            }
            Some(target) => {
                let (ip, port) = (target.ip, target.port);
                let leads_here = |other: &Target| {
                    let same_port = other.port.is_none() || port.is_none() || other.port == port;
                    same_port && ip.is_some_and(|ip| other.may_lead_to(ip))
                };
                let named = ip.and_then(|_| host::nearest(&mentioned, at, leads_here));
                if let Some(name) = named {
                    name.host.clone_into(&mut target.host);
                    name.path.clone_into(&mut target.path);
                }
                target.port = port.or(named.and_then(|name| name.port));
            }
        }
    }
}

/// Says more precisely what failed, from the host.
fn refine(found: &Match, text: &Cleaned) -> Vec<Signature> {
    use Signature::{
        BadHost, DnsDead, Loopback, NoData, NoRoute, NoScheme, NxDomain, Refused, V6Loop, VhostDns,
    };
    let Means::Failure(signatures) = found.text.means else {
        return Vec::new();
    };
    let Some(target) = &found.target else {
        return signatures.to_vec();
    };
    let class = target.class();
    let is_address =
        target.host.parse::<std::net::IpAddr>().is_ok() || class == HostClass::Localhost;
    let below = matches!(class, HostClass::BelowService | HostClass::BelowAddress);
    let buckets = text.lower.contains("bucket") || text.lower.contains("s3");
    let has_scheme = text.lower[found.range.clone()].contains("://");
    let mut refined = Vec::new();
    for &signature in signatures {
        let alone = signatures.len() == 1;
        let fits = match signature {
            // An address needs no lookup, and a name that nobody knows is not connected to.
            NxDomain | NoData | DnsDead => alone || !is_address,
            Refused => alone || !below,
            // Loopback always has a route. Names of running containers lead to them; a hosts file
            // may be older.
            NoRoute => {
                let loopback = matches!(class, HostClass::Localhost | HostClass::LoopbackV6);
                alone || (is_address && !loopback) || class == HostClass::Service
            }
            BadHost => alone || (has_scheme && class == HostClass::Underscore),
            NoScheme => alone || !has_scheme,
            _ => true,
        };
        let loops = target.ip.is_some_and(|ip| ip.is_loopback());
        let v6 = target.ip.is_some_and(|ip| ip.is_ipv6());
        let signature = match signature {
            Refused if loops && v6 => V6Loop,
            Refused if loops && class != HostClass::Localhost => Loopback,
            NxDomain | NoData | DnsDead if below && buckets => VhostDns,
            other => other,
        };
        if fits && !refined.contains(&signature) {
            refined.push(signature);
        }
    }
    refined
}

/// Lets precise texts decide what vague ones mean, and drops what says nothing new.
fn narrow(matches: &mut Vec<Match>) {
    let precise: BTreeSet<Signature> = matches
        .iter()
        .filter(|m| m.signatures.len() == 1)
        .flat_map(|m| m.signatures.iter().copied())
        .collect();
    for found in matches.iter_mut().filter(|m| m.signatures.len() > 1) {
        let both: Vec<_> = found
            .signatures
            .iter()
            .copied()
            .filter(|s| precise.contains(s))
            .collect();
        if !both.is_empty() {
            found.signatures = both;
        }
    }
    // Where IPv4 is refused as well, the family of the address is not the cause.
    let v4_refused = matches.iter().any(|m| {
        let on_host = m
            .target
            .as_ref()
            .is_some_and(|t| t.class() == HostClass::Localhost);
        on_host && m.signatures == [Signature::Refused]
    });
    for found in matches.iter_mut().filter(|_| v4_refused) {
        found.signatures.retain(|s| *s != Signature::V6Loop);
    }
    matches.retain(|m| matches!(m.text.means, Means::Causes(_)) || !m.signatures.is_empty());
    let mut seen: Vec<(Vec<Signature>, Option<Target>)> = Vec::new();
    matches.retain(|m| {
        if m.signatures.is_empty() {
            return true;
        }
        let key = (m.signatures.clone(), m.target.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    let with_host: Vec<Vec<Signature>> = matches
        .iter()
        .filter(|m| m.target.is_some())
        .map(|m| m.signatures.clone())
        .collect();
    matches.retain(|m| {
        m.signatures.is_empty() || m.target.is_some() || !with_host.contains(&m.signatures)
    });
}
