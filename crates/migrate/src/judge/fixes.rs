//! From a verdict to changes of a document: what goes, what comes, and what is announced.

use super::{Change, Conversion, Judge};
use crate::decision::Verdict;
use crate::finding::{Announced, Fix, Op, Safety, Twin};
use crate::scope::Writing;
use crate::slots::Slot;

impl Judge<'_> {
    pub(super) fn fix(
        &self,
        at: usize,
        verdict: Verdict,
        change: &Change,
        group: usize,
    ) -> Option<Fix> {
        let setting = self.setting(at);
        let safe = matches!(verdict, Verdict::SafeDelete | Verdict::SafeConvert);
        let deletes = matches!(verdict, Verdict::SafeDelete | Verdict::AskDelete);
        let mut announced = Announced::default();
        let mut ops = Vec::new();
        let title;
        let keeps = self.context.keep_legacy;
        match change {
            Change::Joined if keeps => title = "said by the same line".to_owned(),
            Change::None => return None,
            Change::Joined => title = "part of the same edit".to_owned(),
            _ if deletes => {
                title = format!("remove `{}`", setting.name);
                self.removal(at, &mut ops, &mut announced)?;
            }
            Change::Remove => {
                title = format!("remove `{}`", setting.name);
                self.removal(at, &mut ops, &mut announced)?;
            }
            Change::Convert(conversion) => {
                let new = self.convert(at, conversion, &mut ops, &mut announced)?;
                let verb = if keeps { "add" } else { "write" };
                title = format!("{verb} {new}");
            }
        }
        Some(Fix {
            safety: if safe { Safety::Safe } else { Safety::Unsafe },
            title,
            why: None,
            ops,
            group,
            scope: self.position,
            announced,
            partners: Vec::new(),
            met: false,
        })
    }

    fn removal(&self, at: usize, ops: &mut Vec<Op>, announced: &mut Announced) -> Option<()> {
        let setting = self.setting(at);
        if setting.slot == Slot::Fixed {
            return None;
        }
        ops.push(Op::Remove(setting.slot));
        announced.gone.push(setting.name.clone());
        Some(())
    }

    fn convert(
        &self,
        at: usize,
        conversion: &Conversion,
        ops: &mut Vec<Op>,
        announced: &mut Announced,
    ) -> Option<String> {
        let setting = self.setting(at);
        if setting.writing == Writing::Fixed {
            return None;
        }
        let bare = self.effective(&setting.name);
        let span = setting.name_span.clone();
        if span.len() != setting.name.len() {
            return None;
        }
        let keeps_prefix = bare != setting.name && conversion.name != "LOCALSTACK_HOST";
        let start = if keeps_prefix {
            span.end - bare.len()
        } else {
            span.start
        };
        let prefix = if keeps_prefix { "LOCALSTACK_" } else { "" };
        let name = format!("{prefix}{}", conversion.name);
        let old = setting.value.clone()?;
        let value = conversion.value.clone().unwrap_or_else(|| old.clone());
        let value = format!("{}{value}{}", conversion.before, conversion.after);
        let mut twins = Vec::new();
        if self.context.keep_legacy {
            // The old line stays, and the new one stands in front of it.
            let written = if conversion.value.is_some() || !setting.is_dynamic() {
                setting.writing.encode(&value)?
            } else {
                setting.writing.encode(&conversion.before)?;
                value.clone()
            };
            twins.push(self.twin(at, &name, written));
        } else {
            ops.push(Op::Replace(start..span.end, conversion.name.to_owned()));
        }
        if let Some((beside, value)) = &conversion.beside {
            let beside = format!("{prefix}{beside}");
            twins.push(self.twin(at, &beside, value.clone()));
            announced.come.push((beside, value.clone()));
        }
        if !twins.is_empty() {
            ops.push(Op::Insert(setting.slot, twins));
        }
        announced.come.push((name.clone(), value.clone()));
        let title = match &conversion.beside {
            Some((beside, word)) => format!("`{name}={value}` and `{prefix}{beside}={word}`"),
            None => format!("`{name}={value}`"),
        };
        if self.context.keep_legacy {
            return Some(title);
        }
        if value != old {
            let span = setting.value_span.clone();
            if conversion.value.is_some() {
                ops.push(Op::Replace(span, setting.writing.encode(&value)?));
            } else {
                // An expression stays as it is written.
                setting.writing.encode(&conversion.before)?;
                if !conversion.before.is_empty() {
                    ops.push(Op::Replace(
                        span.start..span.start,
                        conversion.before.clone(),
                    ));
                }
                if !conversion.after.is_empty() {
                    ops.push(Op::Replace(span.end..span.end, conversion.after.clone()));
                }
            }
        }
        announced.gone.push(setting.name.clone());
        for &other in &conversion.absorbed {
            self.removal(other, ops, announced)?;
        }
        Some(title)
    }

    fn twin(&self, at: usize, name: &str, value: String) -> Twin {
        let setting = self.setting(at);
        Twin {
            name: (setting.name_span.clone(), name.to_owned()),
            value: (setting.value_span.clone(), value),
        }
    }
}
