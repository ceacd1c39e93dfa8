//! Containers in trees: Compose, workflows, GitLab, CircleCI, Kubernetes, Helm, task definitions.
//!
//! They share one shape: a mapping that names an image, and beside it settings as a list of
//! `KEY=VALUE`, a mapping, or a list of `name` and `value`. The image is the evidence.

use lsconfig_formats::tree::{Entry, Kind, Node, Scalar};

use crate::image::{Image, Product};
use crate::scope::{Build, Document, Extends, Owner, Scope, Setting, Writing, is_dynamic};
use crate::slots::{Block, Layout, Slot};

/// What the reader needs to know of a format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How block lists and mappings are laid out.
    pub(crate) lines: Layout,
    /// How lists in brackets are laid out.
    pub(crate) flow: Layout,
    /// What may begin a comment.
    pub(crate) comments: &'static [&'static str],
    /// Whether plain scalars need care.
    pub(crate) yaml: bool,
}

impl Rules {
    pub(crate) const YAML: Self = Self {
        lines: Layout::Lines,
        flow: Layout::Commas { trailing: true },
        comments: &["#"],
        yaml: true,
    };

    pub(crate) const JSON: Self = Self {
        lines: Layout::Lines,
        flow: Layout::Commas { trailing: false },
        comments: &["//"],
        yaml: false,
    };

    pub(crate) const NIX: Self = Self {
        flow: Layout::Spaces,
        ..Self::TOML
    };

    pub(crate) const TOML: Self = Self {
        lines: Layout::Lines,
        flow: Layout::Commas { trailing: true },
        comments: &["#"],
        yaml: false,
    };

    pub(crate) const HCL: Self = Self {
        lines: Layout::Lines,
        flow: Layout::Commas { trailing: true },
        comments: &["#", "//"],
        yaml: false,
    };
}

/// Why nothing is safe where the image is built.
pub(crate) const BUILT: &str = "the image is built here and may set more";

/// Keys that hold settings beside an image.
const ENVIRONMENT_KEYS: [&str; 8] = [
    "environment",
    "env",
    "variables",
    "extraEnvVars",
    "extraEnv",
    "environment_variables",
    "Env",
    "containerEnv",
];

/// Reads every container of a tree into `document`.
pub(crate) fn read(text: &str, root: &Node, rules: Rules, document: &mut Document) {
    let mut reader = Reader {
        text,
        root,
        rules,
        document,
        path: Vec::new(),
        budget: 200_000,
    };
    reader.visit(root);
}

struct Reader<'a> {
    text: &'a str,
    root: &'a Node,
    rules: Rules,
    document: &'a mut Document,
    path: Vec<String>,
    /// Nodes visited at most; shared nodes count each time.
    budget: usize,
}

impl Reader<'_> {
    fn visit(&mut self, node: &Node) {
        let Some(budget) = self.budget.checked_sub(1) else {
            return;
        };
        self.budget = budget;
        match &node.kind {
            Kind::Map(entries, _) => {
                self.container(node);
                for entry in entries {
                    // `let ... in { }` is no key.
                    let key = &entry.key.text;
                    let named = self.rules.flow != Layout::Spaces || key != "in";
                    if named {
                        self.path.push(key.clone());
                    }
                    self.visit(&entry.value);
                    if named {
                        self.path.pop();
                    }
                }
            }
            Kind::List(items, _) => {
                for item in items {
                    self.visit(item);
                }
            }
            Kind::Scalar(_) | Kind::Other => {}
        }
    }

    fn container(&mut self, node: &Node) {
        let (image, owner) = match self.image(node) {
            Some(image) => {
                let owner = of_image(&image);
                (Some(image), owner)
            }
            // A service of an override file, or one that is built here.
            None if self.is_service() => (None, Owner::Other),
            None => match step_owner(node) {
                Some(owner) => (None, owner),
                None => return,
            },
        };
        let label = match node.get_text("container_name").or(node.get_text("name")) {
            Some(name) if self.path.is_empty() => name.to_owned(),
            _ if self.path.is_empty() => "the top level".to_owned(),
            _ => self.path.join("."),
        };
        let mut scope = Scope::new(label, owner);
        scope.image = image;
        for key in ENVIRONMENT_KEYS {
            if let Some((index, entry)) = position(node, key) {
                self.environment(node, index, entry, &mut scope);
            }
        }
        if self.rules.flow == Layout::Spaces {
            self.dotted(node, &mut scope);
        }
        if let Owner::Cli(_) = scope.owner {
            scope.in_container = false;
            scope.shared = Some("every command of the step sees it");
        }
        if self.path == ["locals"] {
            scope.shared = Some("other blocks may use these values");
        }
        self.surroundings(node, &mut scope);
        self.document.scopes.push(scope);
    }

    fn is_service(&self) -> bool {
        self.path.len() == 2 && self.path.first().is_some_and(|p| p == "services")
    }

    /// Returns the image that a mapping names, if it names one.
    fn image(&self, node: &Node) -> Option<String> {
        // Nomad has the image one level down.
        let config = node.get("config").and_then(|c| c.value.get("image"));
        let own = node
            .get("image")
            .or(config.filter(|_| node.get("env").is_some()));
        let Some(entry) = own else {
            // A service of GitLab.
            let image = node.get_text("name")?;
            return node.get("variables").is_some().then(|| image.to_owned());
        };
        if let Some(image) = entry.value.text() {
            return Some(self.referred(image).unwrap_or_else(|| image.to_owned()));
        }
        if let Kind::Other = entry.value.kind {
            return self.referred(self.text.get(entry.value.span.clone())?);
        }
        // Helm values: `image: {repository: ..., tag: ...}`.
        let repository = entry.value.get_text("repository")?;
        let registry = entry.value.get_text("registry").map(|r| format!("{r}/"));
        let tag = entry.value.get_text("tag").filter(|t| !t.is_empty());
        Some(format!(
            "{}{repository}{}",
            registry.unwrap_or_default(),
            tag.map(|t| format!(":{t}")).unwrap_or_default()
        ))
    }

    /// Follows references of HCL up to a text.
    fn referred(&self, text: &str) -> Option<String> {
        let mut found = None;
        let mut next = self.reference(text);
        // References in a circle end somewhere, too.
        for _ in 0..8 {
            let Some(text) = next else { break };
            next = self.reference(&text);
            found = Some(text);
        }
        found
    }

    /// Follows one reference of HCL: `docker_image.NAME.name`, `local.NAME`, or such a name in a
    /// text.
    ///
    /// The default of a variable is no evidence: what calls the module may set another one.
    fn reference(&self, text: &str) -> Option<String> {
        if self.rules.yaml {
            return None;
        }
        let text = text.trim();
        if let Some((before, rest)) = text.split_once("${local.")
            && let Some((name, after)) = rest.split_once('}')
            && !(before.is_empty() && after.is_empty())
        {
            let value = self.root.text_at(&["locals", name])?;
            return Some(format!("{before}{value}{after}"));
        }
        let bare = text
            .strip_prefix("${")
            .and_then(|t| t.strip_suffix('}'))
            .unwrap_or(text);
        let parts: Vec<&str> = bare.trim().split('.').collect();
        let at = |keys: &[&str]| self.root.text_at(keys).map(str::to_owned);
        match parts[..] {
            [
                "docker_image",
                name,
                "name" | "latest" | "image_id" | "repo_digest",
            ] => at(&["resource", "docker_image", name, "name"]),
            ["data", "docker_image", name, ..] => at(&["data", "docker_image", name, "name"]),
            ["local", name] => at(&["locals", name]),
            _ => None,
        }
    }

    fn environment(&mut self, map: &Node, index: usize, entry: &Entry, scope: &mut Scope) {
        let value = &entry.value;
        if value.shared {
            scope.sealed = Some("the settings are shared through an anchor");
        }
        let editable = !value.shared;
        // The key line can go only in a mapping that stands in the open.
        let parent = (editable && !map.shared).then(|| {
            let rows = map.entries().iter().map(|e| e.span.clone()).collect();
            let block = self.block(rows, map, None, None);
            (block, index)
        });
        match &value.kind {
            Kind::List(items, _) => {
                let rows = items
                    .iter()
                    .map(|item| self.item_span(value, item))
                    .collect();
                let block = self.block(rows, value, parent, Some(&entry.key));
                for (at, item) in items.iter().enumerate() {
                    let slot = self.slot(editable, block, at);
                    let setting = match &item.kind {
                        Kind::Scalar(scalar) => self.pair(scalar, value.is_flow(), slot),
                        Kind::Map(..) => self.named(item, slot),
                        _ => None,
                    };
                    scope.settings.extend(setting.map(|setting| Setting {
                        // Another place may name the same bytes.
                        writing: if item.shared {
                            Writing::Fixed
                        } else {
                            setting.writing
                        },
                        ..setting
                    }));
                }
            }
            Kind::Map(entries, flow) => {
                let rows = entries.iter().map(|e| e.span.clone()).collect();
                let block = self.block(rows, value, parent, Some(&entry.key));
                for (at, inner) in entries.iter().enumerate() {
                    // What a merge brings counts only where nothing is written here; what is
                    // written here hides it.
                    let same = |e: &&Entry| e.key.text == inner.key.text;
                    let here = |e: &Entry| value.span.contains(&e.span.start);
                    let mut twins = entries.iter().filter(same);
                    if !here(inner) && twins.clone().any(here) {
                        continue;
                    }
                    let hides = here(inner) && twins.any(|e| !here(e));
                    let open = editable && !inner.value.shared && !hides;
                    let mut setting = self.keyed(inner, *flow, self.slot(open, block, at));
                    if !open {
                        setting.writing = Writing::Fixed;
                    }
                    scope.settings.push(setting);
                }
            }
            _ => {}
        }
        if !editable {
            for setting in &mut scope.settings {
                setting.writing = Writing::Fixed;
            }
        }
    }

    /// `environment.NAME = VALUE` of Nix, in the mapping that names the image.
    fn dotted(&mut self, node: &Node, scope: &mut Scope) {
        let name_of = |entry: &Entry| {
            let (key, name) = entry.key.text.split_once('.')?;
            ENVIRONMENT_KEYS.contains(&key).then_some(name.len())
        };
        if !node.entries().iter().any(|e| name_of(e).is_some()) {
            return;
        }
        let rows = node.entries().iter().map(|e| e.span.clone()).collect();
        let block = self.block(rows, node, None, None);
        for (index, entry) in node.entries().iter().enumerate() {
            let Some(len) = name_of(entry) else { continue };
            let mut setting = self.keyed(entry, false, Slot::Item { block, index });
            setting.name_span.start = setting.name_span.end.saturating_sub(len);
            setting.name = setting.name.split_off(setting.name.len() - len);
            scope.settings.push(setting);
        }
    }

    fn slot(&self, editable: bool, block: usize, index: usize) -> Slot {
        if editable {
            Slot::Item { block, index }
        } else {
            Slot::Fixed
        }
    }

    fn block(
        &mut self,
        items: Vec<std::ops::Range<usize>>,
        node: &Node,
        parent: Option<(usize, usize)>,
        key: Option<&Scalar>,
    ) -> usize {
        let flow = node.is_flow();
        self.document.blocks.push(Block {
            layout: if flow {
                self.rules.flow
            } else {
                self.rules.lines
            },
            items,
            start: node.span.start + usize::from(flow),
            end: node.span.end.saturating_sub(usize::from(flow)),
            parent,
            // Elsewhere the closing brace goes with the key, as one item of what holds it.
            key: key.filter(|_| !flow && self.rules.yaml).map(|key| {
                let quote = usize::from(key.quoted);
                key.inner.start - quote..key.inner.end + quote
            }),
            comments: self.rules.comments,
        });
        self.document.blocks.len() - 1
    }

    /// Returns the bytes of an item, from its dash where it has one.
    fn item_span(&self, list: &Node, item: &Node) -> std::ops::Range<usize> {
        if list.is_flow() {
            return item.span.clone();
        }
        let before = self.text.get(..item.span.start).unwrap_or_default();
        let trimmed = before.trim_end_matches([' ', '\t']);
        let start = if trimmed.ends_with('-') {
            trimmed.len() - 1
        } else {
            item.span.start
        };
        start..item.span.end
    }

    /// `KEY=VALUE` in one scalar.
    fn pair(&self, scalar: &Scalar, flow: bool, slot: Slot) -> Option<Setting> {
        let (name, value) = match scalar.text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (scalar.text.as_str(), None),
        };
        if name.is_empty() || !scalar.verbatim {
            return (!name.is_empty()).then(|| Setting {
                name: name.to_owned(),
                name_span: scalar.inner.clone(),
                value,
                value_span: scalar.inner.clone(),
                writing: Writing::Fixed,
                slot,
            });
        }
        let start = scalar.inner.start;
        let equals = scalar.text.find('=').unwrap_or(scalar.text.len());
        let value_at = (equals + 1).min(scalar.text.len());
        let writing = match (&value, scalar.quoted, flow && self.rules.yaml) {
            (None, ..) => Writing::Fixed,
            (_, false, true) => Writing::Bare,
            _ => Writing::Free,
        };
        Some(Setting {
            name: name.to_owned(),
            name_span: start..start + name.len(),
            value,
            value_span: start + value_at..scalar.inner.end,
            writing,
            slot,
        })
    }

    /// `KEY: VALUE` in a mapping.
    fn keyed(&self, entry: &Entry, flow: bool, slot: Slot) -> Setting {
        let (value, value_span, writing) = match &entry.value.kind {
            Kind::Scalar(scalar) => {
                let null = self.rules.yaml
                    && !scalar.quoted
                    && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL");
                let number = !self.rules.yaml && !scalar.quoted;
                let writing = match (scalar.verbatim && !null && !number, scalar.quoted, flow) {
                    (false, ..) => Writing::Fixed,
                    (_, true, _) => Writing::Free,
                    (_, _, true) => Writing::Flow,
                    _ => Writing::Plain,
                };
                let value = (!null).then(|| scalar.text.clone());
                (value, scalar.inner.clone(), writing)
            }
            _ => (None, entry.value.span.clone(), Writing::Fixed),
        };
        Setting {
            name: entry.key.text.clone(),
            name_span: entry.key.inner.clone(),
            value,
            value_span,
            writing,
            slot,
        }
    }

    /// `{name: KEY, value: VALUE}`, as Kubernetes and task definitions have it.
    fn named(&self, item: &Node, slot: Slot) -> Option<Setting> {
        let name = item.get("name").or_else(|| item.get("Name"))?;
        let scalar = name.value.scalar()?;
        let value = item.get("value").or_else(|| item.get("Value"));
        let foreign = item.entries().len() != 2;
        let mut setting = match value {
            Some(entry) => self.keyed(entry, item.is_flow(), slot),
            None => Setting {
                name: String::new(),
                name_span: 0..0,
                value: None,
                value_span: scalar.inner.clone(),
                writing: Writing::Fixed,
                slot,
            },
        };
        setting.name = scalar.text.clone();
        setting.name_span = scalar.inner.clone();
        if foreign || !scalar.verbatim {
            setting.writing = Writing::Fixed;
        }
        if foreign {
            setting.slot = Slot::Fixed;
        }
        Some(setting)
    }

    /// Ports, aliases, mounts and whatever else decides what a setting means.
    fn surroundings(&self, node: &Node, scope: &mut Scope) {
        for key in ["ports", "expose"] {
            if let Some(entry) = node.get(key) {
                scope.ports.extend(container_ports(&entry.value));
                scope.expands_ports |= entry.value.texts().iter().any(|text| is_dynamic(text));
            }
        }
        for key in ["hostname", "container_name"] {
            scope.aliases.extend(node.get_text(key).map(str::to_owned));
        }
        if self.path.len() == 2 {
            scope.aliases.extend(self.path.last().cloned());
        }
        if let Some(networks) = node.get("networks") {
            for network in networks.value.entries() {
                let aliases = network.value.get("aliases");
                scope
                    .aliases
                    .extend(aliases.map(|a| a.value.texts()).unwrap_or_default());
            }
        }
        if let Some(entry) = node.get("env_file") {
            scope.env_files = entry.value.texts();
            let paths = entry
                .value
                .list()
                .iter()
                .filter_map(|item| item.get_text("path"));
            scope.env_files.extend(paths.map(str::to_owned));
        }
        if let Some(entry) = node.get("volumes") {
            let short = entry.value.texts();
            let short = short.iter().filter_map(|v| {
                let (host, inner) = v.split_once(':')?;
                inner.contains('/').then(|| host.to_owned())
            });
            scope
                .mounts
                .extend(short.filter(|host| !host.contains("docker.sock")));
            let long = entry
                .value
                .list()
                .iter()
                .filter_map(|v| v.get_text("source"));
            scope.mounts.extend(long.map(str::to_owned));
        }
        if let Some(entry) = node.get("extends") {
            scope.shared = Some("the service extends another one");
            let base = &entry.value;
            let service = base.text().or_else(|| base.get_text("service"));
            scope.extends = service.map(|service| Extends {
                file: base.get_text("file").map(str::to_owned),
                service: service.to_owned(),
            });
        }
        let last = self.path.last().map(String::as_str);
        scope.in_cluster = matches!(last, Some("containers" | "initContainers"))
            && self.path.iter().any(|key| key == "spec");
        if node.get("envFrom").is_some() {
            scope.shared = Some("`envFrom` brings settings from elsewhere");
        }
        if let Some(entry) = node.get("build") {
            scope.shared = Some(BUILT);
            let build = &entry.value;
            let context = build.text().or_else(|| build.get_text("context"));
            scope.build = Some(Build {
                context: context.unwrap_or(".").to_owned(),
                dockerfile: build.get_text("dockerfile").map(str::to_owned),
            });
        }
        let own_program = ["entrypoint", "command", "args"].iter().any(|key| {
            node.get(key)
                .is_some_and(|e| !matches!(e.value.kind, Kind::Other) && e.value.text() != Some(""))
        });
        if own_program && matches!(scope.owner, Owner::Server(_)) {
            scope.sealed = Some("the container runs a program of its own");
        }
    }
}

/// Returns whose variables the `env:` of a step is: those of the CLI that it starts.
fn step_owner(node: &Node) -> Option<Owner> {
    let command = ["run", "command", "script", "bash"];
    let mut texts = command.iter().filter_map(|key| node.get_text(key));
    let text = texts.find(|text| text.contains("localstack start"))?;
    node.get("env").or_else(|| node.get("environment"))?;
    super::commands::starts(text).map(Owner::Cli)
}

/// Returns the owner that an image is evidence of.
pub(crate) fn of_image(text: &str) -> Owner {
    let image = Image::parse(text);
    match image.product {
        Product::LocalStack | Product::Custom => Owner::Server(image),
        Product::Unrelated => Owner::Stray(image),
        Product::Emulator | Product::Other => Owner::Other,
    }
}

fn position<'n>(node: &'n Node, key: &str) -> Option<(usize, &'n Entry)> {
    let entries = node.entries();
    let index = entries.iter().rposition(|entry| entry.key.text == key)?;
    Some((index, entries.get(index)?))
}

/// Returns the container side of published ports.
fn container_ports(node: &Node) -> Vec<String> {
    let mut ports: Vec<String> = Vec::new();
    for text in node.texts() {
        let inner = text.rsplit(':').next().unwrap_or_default();
        let inner = inner.split('/').next().unwrap_or_default();
        if !is_dynamic(&text) && !inner.is_empty() {
            ports.push(inner.to_owned());
        }
    }
    for item in node.list() {
        for key in ["containerPort", "target", "internal"] {
            ports.extend(item.get_text(key).map(str::to_owned));
        }
    }
    ports
}
