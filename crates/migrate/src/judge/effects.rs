//! What settings do today, what was meant, and what they do after a fix.

use std::collections::BTreeMap;

use lsconfig::release::Semantics;

use super::{CLOUD, Judge};
use crate::decision::Column;
use crate::effect::{Effect, Environment};
use crate::finding::Announced;
use crate::names;
use crate::scope::is_dynamic;

/// Why an edit asks, where nothing more special is the reason.
pub(super) const CHANGES: &str = "what runs today changes";
/// The same where the server listens and mints URLs as before.
const LOSES: &str = "nothing changes today, but what was meant goes with it";
const COUNTS: &str = "nothing that is shown here changes, but it is another name";

impl Judge<'_> {
    /// Says what the settings do before and after; fixes of one group count together.
    pub(super) fn describe(&mut self) {
        let mut groups: BTreeMap<usize, Announced> = BTreeMap::new();
        for fix in self.findings.iter().filter_map(|f| f.fix.as_ref()) {
            let all = groups.entry(fix.group).or_default();
            all.gone.extend(fix.announced.gone.iter().cloned());
            all.come.extend(fix.announced.come.iter().cloned());
        }
        for at in 0..self.findings.len() {
            let Some(finding) = self.findings.get(at) else {
                return;
            };
            if !finding.legacy {
                continue;
            }
            let announced = finding.fix.as_ref().and_then(|fix| groups.get(&fix.group));
            let own = finding.fix.as_ref().map(|fix| &fix.announced);
            let effects = self.effects(announced);
            let hosts = own.is_some_and(|own| own.comes("LOCALSTACK_HOST"));
            let alternatives = self.alternatives(announced.filter(|_| hosts));
            if let Some(finding) = self.findings.get_mut(at) {
                let still = effects
                    .as_ref()
                    .is_some_and(|[today, _, after]| today.is_some() && today == after);
                if let Some(fix) = finding.fix.as_mut().filter(|_| still)
                    && fix.why.as_deref() == Some(CHANGES)
                {
                    let comes = announced.is_some_and(|a| !a.come.is_empty());
                    fix.why = Some(if comes { COUNTS } else { LOSES }.to_owned());
                }
                finding.effects = effects;
                finding.alternatives = alternatives;
            }
        }
    }

    /// Says what `SQS_ENDPOINT_STRATEGY` beside a new host would give.
    fn alternatives(&self, announced: Option<&Announced>) -> Vec<(String, Effect)> {
        let target = self.target.or(self.version);
        let (Some(announced), Some(version)) = (announced, target) else {
            return Vec::new();
        };
        let host = announced
            .come
            .iter()
            .find(|(name, _)| name == "LOCALSTACK_HOST");
        let open = self.offers_strategy()
            && !announced.comes("SQS_ENDPOINT_STRATEGY")
            && host.is_some_and(|(_, value)| !is_dynamic(value) && !value.starts_with(CLOUD));
        if !open {
            return Vec::new();
        }
        let mut after = after(&self.environment, announced);
        after
            .own
            .push(("SQS_ENDPOINT_STRATEGY".to_owned(), "path".to_owned()));
        let effect = Effect::of(&after.resolve(version));
        vec![("SQS_ENDPOINT_STRATEGY=path".to_owned(), effect)]
    }

    /// Returns whether queue URLs get labels in front of the host, and a strategy would help.
    pub(super) fn offers_strategy(&self) -> bool {
        let set = self.modern_value("SQS_ENDPOINT_STRATEGY");
        self.column == Column::V3 && matches!(set, None | Some("standard"))
    }

    /// Returns what the settings do today, what was meant, and what they do after the fix.
    fn effects(&self, announced: Option<&Announced>) -> Option<[Option<Effect>; 3]> {
        let dynamic = self
            .environment
            .own
            .iter()
            .chain(&self.environment.files)
            .any(|(n, v)| {
                crate::scope::is_dynamic(v) && lsconfig::variable::lookup(names::bare(n)).is_some()
            });
        if dynamic {
            return None;
        }
        let of = |environment: &Environment, semantics: Semantics| {
            Effect::of(&environment.resolve(semantics))
        };
        let target = self.target.or(self.version);
        let today = self.version.map(|v| of(&self.environment, v.into()));
        let meant = Some(of(&self.environment, Semantics::Normalized));
        let after = announced.and_then(|announced| {
            let after = after(&self.environment, announced);
            target.map(|v| of(&after, v.into()))
        });
        Some([today, meant, after])
    }
}

/// Returns the environment with the announced changes made.
pub(crate) fn after(environment: &Environment, announced: &Announced) -> Environment {
    let mut after = environment.clone();
    after.own.retain(|(name, _)| !announced.gone.contains(name));
    after.own.extend(announced.come.iter().cloned());
    after
}
