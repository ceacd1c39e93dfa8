//! One file over another, by Compose's rules (compose-go, package `override`).
//!
//! Mappings merge by key, lists are appended, a scalar is replaced, null changes nothing. What is
//! written as a list or as a mapping at will is brought to one form first. Items that occur twice
//! are sorted out later, where their meaning is known.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::fault::Fault;
use super::load::Loader;
use super::value::{Key, Kind, Node, Pair, Tag};

/// Which rule a place of the file follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Services,
    Service,
    Networks,
    Network,
    Ipam,
    Healthcheck,
    /// The value replaces the other one, whatever it is.
    Replaced,
    /// A text or a list of texts.
    Listed,
    /// A list of names or a mapping from names.
    Named,
    Environment,
    ExtraHosts,
    IpamConfig,
    /// Merged by its form.
    Plain,
}

impl Place {
    fn child(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "services") => Self::Services,
            (Self::Root, "networks") => Self::Networks,
            (Self::Services, _) => Self::Service,
            (Self::Networks, _) => Self::Network,
            (Self::Network, "ipam") => Self::Ipam,
            (Self::Ipam, "config") => Self::IpamConfig,
            (Self::Service, "command" | "entrypoint") | (Self::Healthcheck, "test") => {
                Self::Replaced
            }
            (Self::Service, "healthcheck") => Self::Healthcheck,
            (
                Self::Service,
                "dns" | "dns_opt" | "dns_search" | "env_file" | "label_file" | "tmpfs",
            ) => Self::Listed,
            (Self::Service, "depends_on" | "networks") => Self::Named,
            (Self::Service, "environment") => Self::Environment,
            (Self::Service, "extra_hosts") => Self::ExtraHosts,
            // Lists or mappings of `key=value` that nothing here reads.
            (Self::Service, "labels" | "annotations" | "sysctls" | "logging" | "build")
            | (Self::Network, "labels") => Self::Replaced,
            _ => Self::Plain,
        }
    }
}

/// Merges `over` over `base`.
pub(super) fn merge(
    loader: &mut Loader<'_>,
    base: &Rc<Node>,
    over: &Rc<Node>,
    place: Place,
) -> Rc<Node> {
    let kind = match place {
        Place::Replaced => return Rc::clone(over),
        Place::Listed => Kind::List([listed(base), listed(over)].concat()),
        Place::ExtraHosts => Kind::List([hosts(base), hosts(over)].concat()),
        Place::Environment => environment(base, over),
        Place::Named => {
            let (base, over) = (named(base), named(over));
            return merge_pairs(loader, &base, &over, Place::Plain);
        }
        Place::IpamConfig => Kind::List(ipam_config(loader, base, over)),
        _ => match (&base.kind, &over.kind) {
            (_, Kind::Null) => return Rc::clone(base),
            (Kind::Map(_), Kind::Map(_)) => return merge_pairs(loader, base, over, place),
            (Kind::List(below), Kind::List(above)) => {
                Kind::List([below.as_slice(), above.as_slice()].concat())
            }
            (Kind::Map(_) | Kind::List(_), _) => {
                loader.bad_file(over.origin.clone(), &Fault::MergedForm);
                return Rc::clone(base);
            }
            _ => return Rc::clone(over),
        },
    };
    let length = match &kind {
        Kind::List(items) => items.len(),
        Kind::Pairs(pairs) => pairs.len(),
        _ => 0,
    };
    loader.count(length);
    Rc::new(Node {
        kind,
        origin: over.origin.clone(),
        tag: Tag::None,
    })
}

fn merge_pairs(
    loader: &mut Loader<'_>,
    base: &Rc<Node>,
    over: &Rc<Node>,
    place: Place,
) -> Rc<Node> {
    if loader.is_exhausted() {
        return Rc::clone(base);
    }
    loader.count(base.pairs().len() + over.pairs().len());
    let mut pairs: Vec<Pair> = base.pairs().to_vec();
    let mut places: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for (at, (key, _)) in pairs.iter().enumerate() {
        places.insert(Arc::clone(&key.name), at);
    }
    for (key, value) in over.pairs() {
        let Some(slot) = places.get(&key.name).and_then(|&at| pairs.get_mut(at)) else {
            places.insert(Arc::clone(&key.name), pairs.len());
            pairs.push((key.clone(), Rc::clone(value)));
            continue;
        };
        *slot = match value.tag {
            // The mark stays, for the file below this one; `strip` takes it away in the end.
            Tag::Reset | Tag::Override => (key.clone(), Rc::clone(value)),
            Tag::None => {
                let merged = merge(loader, &slot.1, value, place.child(&key.name));
                (key.clone(), merged)
            }
        };
    }
    Rc::new(Node {
        kind: Kind::Map(pairs),
        origin: over.origin.clone(),
        tag: base.tag,
    })
}

/// Removes what carries `!reset`, and the mark `!override`.
pub(super) fn strip(loader: &mut Loader<'_>, node: &Rc<Node>) -> Rc<Node> {
    if loader.is_exhausted() {
        return Rc::clone(node);
    }
    let kind = match &node.kind {
        Kind::List(items) => {
            loader.count(items.len());
            let kept = items.iter().filter(|item| item.tag != Tag::Reset);
            Kind::List(kept.map(|item| strip(loader, item)).collect())
        }
        Kind::Map(pairs) => {
            loader.count(pairs.len());
            let kept = pairs.iter().filter(|(_, value)| value.tag != Tag::Reset);
            let stripped = kept.map(|(key, value)| (key.clone(), strip(loader, value)));
            Kind::Map(stripped.collect())
        }
        Kind::Null | Kind::Text(_) | Kind::Pairs(_) => return Rc::clone(node),
    };
    Rc::new(Node {
        kind,
        origin: node.origin.clone(),
        tag: Tag::None,
    })
}

/// Brings a text or a list to a list.
pub(super) fn listed(node: &Rc<Node>) -> Vec<Rc<Node>> {
    match &node.kind {
        Kind::Text(_) => vec![Rc::clone(node)],
        Kind::List(items) => items.clone(),
        _ => Vec::new(),
    }
}

/// Brings a list of names to a mapping without values.
pub(super) fn named(node: &Rc<Node>) -> Rc<Node> {
    let Kind::List(items) = &node.kind else {
        return Rc::clone(node);
    };
    let pair = |item: &Rc<Node>| {
        let key = Key {
            name: Arc::clone(item.text()?),
            origin: item.origin.clone(),
        };
        let nothing = Node {
            kind: Kind::Null,
            origin: item.origin.clone(),
            tag: Tag::None,
        };
        Some((key, Rc::new(nothing)))
    };
    Rc::new(Node {
        kind: Kind::Map(items.iter().filter_map(pair).collect()),
        origin: node.origin.clone(),
        tag: node.tag,
    })
}

/// Brings `extra_hosts:` to a list of `name=address`, in which the items of a mapping are the
/// mapping itself with one pair.
pub(super) fn hosts(node: &Rc<Node>) -> Vec<Rc<Node>> {
    let Kind::Map(pairs) = &node.kind else {
        return listed(node);
    };
    let single = |pair: &Pair| {
        Rc::new(Node {
            kind: Kind::Map(vec![pair.clone()]),
            origin: pair.1.origin.clone(),
            tag: Tag::None,
        })
    };
    pairs.iter().map(single).collect()
}

/// Brings `environment:` to pairs; a name without value gets null.
pub(super) fn environment_pairs(node: &Rc<Node>) -> Vec<Pair> {
    let Kind::List(items) = &node.kind else {
        return node.pairs().to_vec();
    };
    let pair = |item: &Rc<Node>| {
        let (name, value) = item.split_pair()?;
        let key = Key {
            name,
            origin: item.value_origin(),
        };
        let nothing = || Node {
            kind: Kind::Null,
            origin: item.value_origin(),
            tag: Tag::None,
        };
        Some((key, value.unwrap_or_else(|| Rc::new(nothing()))))
    };
    items.iter().filter_map(pair).collect()
}

/// All pairs of both, the lower ones first. `!reset` of one name finds its name only in a mapping
/// that is not merged yet, as in Compose.
fn environment(base: &Rc<Node>, over: &Rc<Node>) -> Kind {
    let mut pairs = environment_pairs(base);
    let above = environment_pairs(over);
    if matches!(base.kind, Kind::Map(_)) {
        let marked = above.iter().filter(|(_, value)| value.tag != Tag::None);
        let marked: BTreeSet<&str> = marked.map(|(key, _)| &*key.name).collect();
        pairs.retain(|(key, _)| !marked.contains(&*key.name));
    }
    pairs.extend(
        above
            .into_iter()
            .filter(|(_, value)| value.tag != Tag::Reset),
    );
    Kind::Pairs(pairs)
}

/// The items of `over`, each merged with the one of the same subnet in `base`.
fn ipam_config(loader: &mut Loader<'_>, base: &Rc<Node>, over: &Rc<Node>) -> Vec<Rc<Node>> {
    let subnet = |node: &Rc<Node>| node.get("subnet").and_then(|s| s.text().cloned());
    let mut below = BTreeMap::new();
    for item in base.items() {
        below.insert(subnet(item), item);
    }
    let mut merged = Vec::new();
    for item in over.items() {
        merged.push(match below.get(&subnet(item)) {
            Some(found) => merge_pairs(loader, found, item, Place::Plain),
            None => Rc::clone(item),
        });
    }
    merged
}
