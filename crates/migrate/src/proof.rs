//! From fixes to edits, and the proof that they do what they say.

use std::collections::BTreeMap;

use lsconfig::release::TargetVersion;

use crate::decision;
use crate::edit::{Edit, apply, overlap};
use crate::effect::{EVERY_LINE, Environment};
use crate::file::File;
use crate::finding::{Announced, Finding, Fix, Op, Safety, Twin};
use crate::judge::after;
use crate::scope::{Document, is_dynamic};
use crate::slots::{Block, Slot, insert, remove};
use crate::text::Text;

/// What expressions may turn out to be: everything safe holds for each of these.
const SAMPLES: [&str; 4] = ["5001", "broker", "4566", ""];

/// The fixes of one group, and the safety of all of them together.
pub(crate) struct Group<'f> {
    pub(crate) number: usize,
    pub(crate) safety: Safety,
    pub(crate) fixes: Vec<&'f Fix>,
}

/// Collects the fixes of a file by group.
pub(crate) fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut all: BTreeMap<usize, Group<'_>> = BTreeMap::new();
    for fix in findings.iter().filter_map(|f| f.fix.as_ref()) {
        let group = all.entry(fix.group).or_insert(Group {
            number: fix.group,
            safety: fix.safety,
            fixes: Vec::new(),
        });
        group.safety = group.safety.max(fix.safety);
        group.fixes.push(fix);
    }
    all.into_values().collect()
}

/// Turns changes of settings into edits of bytes.
pub(crate) fn compile<'o>(
    text: &str,
    document: &Document,
    ops: impl Iterator<Item = &'o Op>,
) -> Option<Vec<Edit>> {
    let mut slots = Vec::new();
    let mut edits = Vec::new();
    for op in ops {
        match op {
            Op::Remove(Slot::Fixed) => return None,
            Op::Remove(Slot::Item { block, index }) => slots.push((*block, *index)),
            Op::Replace(span, with) => edits.push(Edit::replace(span.clone(), with.clone())),
            Op::Insert(Slot::Fixed, _) => return None,
            Op::Insert(Slot::Item { block, index }, twins) => {
                let place = (*block, *index);
                let mut all: Option<Edit> = None;
                for twin in twins {
                    let item = twin_of(text, &document.blocks, place, twin)?;
                    let edit = insert(text, &document.blocks, place, &item)?;
                    match &mut all {
                        Some(all) => all.text += &edit.text,
                        None => all = Some(edit),
                    }
                }
                edits.extend(all);
            }
        }
    }
    let removed = remove(text, &document.blocks, &slots)?;
    if overlap(&removed, &edits) {
        return None;
    }
    edits.extend(removed);
    edits.sort_unstable();
    edits.dedup();
    Some(edits)
}

/// Returns the text of an item with another name and value, without the comment behind it.
fn twin_of(
    text: &str,
    blocks: &[Block],
    (block, index): (usize, usize),
    twin: &Twin,
) -> Option<String> {
    let block = blocks.get(block)?;
    let item = block.items.get(index)?;
    let ((name, new_name), (value, new_value)) = (&twin.name, &twin.value);
    let head = text.get(item.start..name.start)?;
    let between = text.get(name.end..value.start)?;
    let tail = text.get(value.end..item.end)?;
    let begins = |(at, _): &(usize, &str)| {
        let before = tail.get(..*at).unwrap_or_default();
        before.ends_with([' ', '\t'])
    };
    let signs = block.comments.iter();
    let comment = signs.filter_map(|sign| tail.match_indices(sign).find(begins));
    let tail = comment
        .map(|(at, _)| at)
        .min()
        .map_or(tail, |at| tail.get(..at).unwrap_or_default().trim_end());
    Some(format!("{head}{new_name}{between}{new_value}{tail}"))
}

/// The settings of a document as flat rows, to be compared before and after.
fn rows(document: &Document) -> Vec<(String, String, Option<String>)> {
    let mut rows: Vec<_> = document
        .scopes
        .iter()
        .flat_map(|scope| {
            let settings = scope.settings.iter();
            settings.map(|s| (scope.label.clone(), s.name.clone(), s.value.clone()))
        })
        .collect();
    rows.sort();
    rows
}

/// Applies fixes to a file and reads it again: only what was announced may differ.
pub(crate) fn verified(file: &File, fixes: &[&Fix]) -> Option<(Vec<Edit>, Vec<u8>)> {
    let text = file.text.as_str();
    let ops = fixes.iter().flat_map(|fix| &fix.ops);
    let edits = compile(text, &file.document, ops)?;
    let bytes = apply(&file.text.bytes, &edits)?;
    let again = Text::new(bytes);
    let read = file.format.read(&file.path, again.as_str());
    if read.broken.is_some() {
        return None;
    }
    let mut expected = rows(&file.document);
    for fix in fixes {
        let scope = file.document.scopes.get(fix.scope)?;
        let label = &scope.label;
        for name in &fix.announced.gone {
            // Scopes may share a label: two commands in one script.
            let value = &scope.settings.iter().find(|s| s.name == *name)?.value;
            let at = expected
                .iter()
                .position(|(l, n, v)| l == label && n == name && v == value)?;
            expected.remove(at);
        }
        for (name, value) in &fix.announced.come {
            expected.push((label.clone(), name.clone(), Some(value.clone())));
        }
    }
    expected.sort();
    (rows(&read) == expected).then_some((edits, again.bytes))
}

/// Bytes that are read again at most to prove the edits of one file.
const MAX_WORK: usize = 128 << 20;

/// Checks every fix of a file: withdraws what does not pass, and asks where safety does not hold.
pub(crate) fn check(file: &mut File) {
    if groups(&file.findings)
        .len()
        .saturating_mul(file.text.bytes.len())
        > MAX_WORK
    {
        for finding in file.findings.iter_mut().filter(|f| f.fix.is_some()) {
            finding.fix = None;
            let help = "not edited: the file holds too much to prove every edit";
            finding.help.push(help.to_owned());
        }
        return;
    }
    let mut withdrawn = Vec::new();
    let mut impossible = Vec::new();
    let mut demoted = Vec::new();
    let mut stopped = Vec::new();
    for group in groups(&file.findings) {
        let ops = group.fixes.iter().flat_map(|fix| &fix.ops);
        if compile(file.text.as_str(), &file.document, ops).is_none() {
            impossible.push(group.number);
            continue;
        }
        if verified(file, &group.fixes).is_none() {
            withdrawn.push(group.number);
            continue;
        }
        let stops = group.fixes.iter().find_map(|fix| {
            let proof = file.proofs.get(&fix.scope)?;
            proof.stopped_by(&fix.announced)
        });
        if let Some(version) = stops {
            let come = group.fixes.iter().flat_map(|fix| &fix.announced.come);
            let line = come.map(|(name, value)| format!("{name}={value}")).next();
            stopped.push((group.number, version, line.unwrap_or_default()));
            continue;
        }
        if group.safety == Safety::Safe {
            for fix in &group.fixes {
                let Some(proof) = file.proofs.get(&fix.scope) else {
                    continue;
                };
                if let Some(version) = proof.broken_by(&fix.announced) {
                    demoted.push((group.number, version));
                }
            }
        }
    }
    for finding in &mut file.findings {
        let Some(fix) = &mut finding.fix else {
            continue;
        };
        if impossible.contains(&fix.group) {
            finding.fix = None;
            finding.after = None;
            let help = "not edited: the item cannot be taken out where it stands";
            finding.help.push(help.to_owned());
        } else if let Some((_, version, line)) =
            stopped.iter().find(|(group, ..)| *group == fix.group)
        {
            finding.help.push(format!(
                "not edited: {version} would not start with `{}`",
                crate::text::printable(line)
            ));
            finding.fix = None;
            finding.after = None;
        } else if withdrawn.contains(&fix.group) {
            finding.fix = None;
            finding.after = None;
            let rule = &decision::FIX_WITHDRAWN.rule;
            finding
                .help
                .push(format!("not edited: {} ({})", rule.summary, rule.code));
        } else if let Some((_, version)) = demoted.iter().find(|(group, _)| *group == fix.group) {
            fix.safety = Safety::Unsafe;
            fix.why = Some(format!(
                "on {version} the effective settings would not be the same"
            ));
        }
    }
}

/// What a scope needs for the proof of safety.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    pub(crate) environment: Environment,
    /// The release that runs, where it is known.
    pub(crate) version: Option<TargetVersion>,
    /// The release to write for.
    pub(crate) target: Option<TargetVersion>,
}

impl Proof {
    /// Returns the release that would no longer start after an edit, if there is one.
    pub(crate) fn stopped_by(&self, announced: &Announced) -> Option<TargetVersion> {
        let version = self.target.or(self.version)?;
        let filled = fill(&self.environment, "localhost");
        let edited = after(&filled, announced);
        let stops = |e: &Environment| !fill(e, "localhost").resolve(version).starts();
        let dynamic = announced.come.iter().any(|(_, value)| is_dynamic(value));
        (!dynamic && stops(&edited) && !stops(&filled)).then_some(version)
    }

    /// Returns a release that an edit makes a difference on, if there is one.
    pub(crate) fn broken_by(&self, announced: &Announced) -> Option<TargetVersion> {
        let known = self.version.map(|v| vec![v]);
        let versions = known.unwrap_or_else(|| EVERY_LINE.to_vec());
        let dynamic = |list: &[(String, String)]| list.iter().any(|(_, v)| is_dynamic(v));
        let any = dynamic(&self.environment.own) || dynamic(&self.environment.files);
        let samples: &[&str] = if any { &SAMPLES } else { &[""] };
        versions.into_iter().find(|version| {
            samples.iter().any(|sample| {
                let filled = fill(&self.environment, sample);
                let mut edited = announced.clone();
                for (_, value) in &mut edited.come {
                    if is_dynamic(value) {
                        *value = (*sample).to_owned();
                    }
                }
                !filled.same_on(&after(&filled, &edited), *version)
            })
        })
    }
}

fn fill(environment: &Environment, sample: &str) -> Environment {
    let mut filled = environment.clone();
    for (_, value) in filled.own.iter_mut().chain(&mut filled.files) {
        if is_dynamic(value) {
            *value = sample.to_owned();
        }
    }
    filled
}
