//! `extends:` of Compose: whose service it is, and what it inherits.

use std::path::Path;

use super::{Neighbours, clean, is_compose};
use crate::format::Format;
use crate::names;
use crate::scope::{Document, Extends, Owner, Scope};
use crate::text::Text;

/// Services that are followed at most; a circle ends here.
const MAX_CHAIN: usize = 8;

impl Neighbours<'_> {
    /// Gives services what they inherit, and says where others build on one.
    pub(crate) fn extend(&self, scopes: &mut [Scope]) {
        if !is_compose(self.path) || self.format != Format::Yaml {
            return;
        }
        for at in 0..scopes.len() {
            let chain = self.chain(scopes, at);
            let Some(scope) = scopes.get_mut(at) else {
                return;
            };
            for base in chain.iter().rev() {
                let pairs = base.settings.iter();
                let pairs = pairs.filter_map(|s| Some((s.name.clone(), s.value.clone()?)));
                scope.inherited.extend(pairs);
                scope.ports.extend(base.ports.iter().cloned());
                scope.mounts.extend(base.mounts.iter().cloned());
            }
            if scope.owner == Owner::Other && scope.image.is_none() {
                let server = |base: &&Scope| matches!(base.owner, Owner::Server(_));
                if let Some(base) = chain.iter().find(server) {
                    scope.owner = base.owner.clone();
                    scope.sealed = scope.sealed.or(base.sealed);
                }
            }
        }
        self.mark_bases(scopes);
    }

    /// Returns the services that one is based on, the nearest first.
    fn chain(&self, scopes: &[Scope], at: usize) -> Vec<Scope> {
        let mut chain = Vec::new();
        let mut next = scopes.get(at).and_then(|s| s.extends.clone());
        let mut other: Option<Document> = None;
        while let Some(extends) = next.take() {
            if let Some(file) = &extends.file {
                other = self.document(file);
                if other.is_none() {
                    break;
                }
            }
            let around = other.as_ref().map_or(scopes, |document| &document.scopes);
            let Some(base) = around.iter().find(|s| is_base(s, &extends)) else {
                break;
            };
            next.clone_from(&base.extends);
            chain.push(base.clone());
            if chain.len() >= MAX_CHAIN {
                break;
            }
        }
        chain
    }

    fn document(&self, file: &str) -> Option<Document> {
        let path = clean(&self.folder().join(file));
        let text = Text::new(self.files.read(&path)?);
        Some(Format::Yaml.read(&path, text.as_str()))
    }

    /// An edit of a base must not overrule what a service that extends it sets itself.
    fn mark_bases(&self, scopes: &mut [Scope]) {
        let networking = |s: &Scope| {
            let modern = |name: &str| matches!(name, "GATEWAY_LISTEN" | "LOCALSTACK_HOST");
            let names = s.settings.iter().map(|s| s.name.as_str());
            names
                .map(names::bare)
                .any(|n| names::is_legacy(n) || modern(n))
        };
        let mut wanted: Vec<Extends> = Vec::new();
        let own = scopes.iter().filter(|s| networking(s));
        wanted.extend(own.filter_map(|s| s.extends.clone().filter(|e| e.file.is_none())));
        for (path, _, document) in &self.compose {
            let folder = path.parent().unwrap_or(Path::new(""));
            let others = document.scopes.iter().filter(|s| networking(s));
            wanted.extend(others.filter_map(|s| s.extends.clone()).filter(|extends| {
                let file = extends.file.as_deref().unwrap_or_default();
                clean(&folder.join(file)) == clean(self.path)
            }));
        }
        for scope in scopes {
            if wanted.iter().any(|extends| is_base(scope, extends)) {
                let why = "a service that extends this one sets such names itself";
                scope.shared.get_or_insert(why);
            }
        }
    }
}

fn is_base(scope: &Scope, extends: &Extends) -> bool {
    scope.label.strip_prefix("services.") == Some(extends.service.as_str())
}
