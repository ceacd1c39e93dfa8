//! What settings do: resolved before and after, and said in words.

use lsconfig::endpoint::EndpointConfig;
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::{Line, Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use lsconfig::settings::Resolution;
use serde::Serialize;

/// Settings of one process, as names and values, lowest layer first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// From files that the scope loads.
    pub files: Vec<(String, String)>,
    /// Of the scope itself.
    pub own: Vec<(String, String)>,
    /// Whether the process runs in a container.
    pub in_container: bool,
}

/// Releases of every line: what holds on all of them holds on an unknown one.
pub const EVERY_LINE: [TargetVersion; 9] = [
    TargetVersion::exact(0, 14, 2),
    TargetVersion::exact(1, 4, 0),
    TargetVersion::exact(2, 0, 0),
    TargetVersion::exact(2, 2, 0),
    TargetVersion::exact(2, 3, 0),
    TargetVersion::exact(2, 3, 2),
    TargetVersion::exact(3, 0, 0),
    TargetVersion::exact(3, 8, 1),
    TargetVersion::exact(4, 14, 0),
];

impl Environment {
    /// Resolves the settings as a release reads them, or as they are meant.
    #[must_use]
    pub fn resolve(&self, semantics: impl Into<Semantics>) -> Resolution {
        let semantics = semantics.into();
        let mut layers = Layers::default();
        if let Semantics::LocalStack(version) = semantics
            && version.line() == Line::V1
            && self.in_container
        {
            // The images before 2.0 set these two.
            let image = [
                ("EDGE_BIND_HOST", "0.0.0.0"),
                ("LOCALSTACK_HOSTNAME", "localhost"),
            ];
            layers.push(Layer::from_pairs(SourceKind::Image, "image", image));
        }
        let pairs = |list: &[(String, String)]| -> Vec<(String, String)> { list.to_vec() };
        layers.push(Layer::from_pairs(
            SourceKind::File,
            "env_file",
            pairs(&self.files),
        ));
        layers.push(Layer::from_pairs(
            SourceKind::Compose,
            "settings",
            pairs(&self.own),
        ));
        let facts = Facts {
            in_container: self.in_container,
            through_entrypoint: self.in_container,
        };
        resolve(&layers, &facts, semantics)
    }

    /// Returns whether two environments give the same effective settings on a release.
    #[must_use]
    pub fn same_on(&self, other: &Self, version: TargetVersion) -> bool {
        let (a, b) = (self.resolve(version), other.resolve(version));
        signature(&a) == signature(&b)
    }
}

/// Everything that decides sockets, URLs and behaviour; the legacy names by their values.
fn signature(resolution: &Resolution) -> Vec<String> {
    let mut parts = vec![
        format!("{:?}", resolution.failure.as_ref().map(|f| &f.message)),
        join(&resolution.bind),
        format!("{:?}", resolution.external_url()),
        format!("{:?}", resolution.internal_url()),
    ];
    if let Some(setting) = &resolution.localstack_host {
        parts.push(setting.value.to_string());
    }
    if let Some(legacy) = &resolution.legacy {
        parts.push(legacy.edge_bind_host.value.to_string());
        parts.push(legacy.hostname_external.value.to_string());
        parts.push(legacy.localstack_hostname.value.to_string());
        parts.push(legacy.url_port().to_string());
        parts.push(legacy.edge_port.value.to_string());
    }
    for (variable, setting) in resolution.settings() {
        if variable.lifecycle.removed.is_none() || resolution.legacy.is_some() {
            parts.push(format!("{}={}", variable.name, setting.value));
        }
    }
    parts
}

fn join<T: ToString>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    texts.join(",")
}

/// What a reader wants to know of a resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The addresses that are bound, joined by commas; or why the release does not start.
    pub listens: String,
    /// The URL of a queue.
    pub queue_url: String,
}

impl Effect {
    /// Describes a resolution.
    #[must_use]
    pub fn of(resolution: &Resolution) -> Self {
        if let Some(failure) = &resolution.failure {
            let text = format!("does not start: {failure}");
            return Self {
                listens: text.clone(),
                queue_url: text,
            };
        }
        Self {
            listens: join(&resolution.bind),
            queue_url: queue_url(resolution),
        }
    }
}

/// The URL of a queue; `HOST` stands for the authority of the request, where that decides.
fn queue_url(resolution: &Resolution) -> String {
    let config = EndpointConfig::from(resolution);
    let asked_at = |host: &str| {
        let sqs = config.endpoints().sqs().request_host(host);
        sqs.queue_url("us-east-1", "000000000000", "QUEUE")
            .to_string()
    };
    let url = asked_at("HOST");
    if url == asked_at("ANOTHER") {
        url
    } else {
        format!("{url}, HOST as in the request")
    }
}
