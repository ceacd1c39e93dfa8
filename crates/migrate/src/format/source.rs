//! Program code: who reads or sets a name. Never edited.

use crate::names;
use crate::scope::{Document, Remark, RemarkKind};
use crate::text::{find_word, line_span};

/// Signs that a line reads the environment.
const READERS: [&str; 13] = [
    "getenv",
    "process.env",
    "ENV[",
    "ENV.fetch",
    "env::var",
    "env!(",
    "GetEnvironmentVariable",
    "LookupEnv",
    "Getenv",
    "env.get",
    "env(",
    "System.getenv",
    "Environment.Get",
];

/// Signs that a line sets a variable of a container.
const SETTERS: [&str; 8] = [
    "withEnv",
    "with_env",
    "WithEnv",
    "WithEnvironment",
    "Env:",
    "env:",
    "addEnv",
    "environment",
];

pub(crate) fn read(text: &str, document: &mut Document) {
    let lower = text.to_ascii_lowercase();
    // What imports the package is LocalStack itself, or runs inside of it.
    let own = [
        "from localstack import ",
        "from localstack.",
        "import localstack\n",
    ];
    if !lower.contains("localstack") || own.iter().any(|sign| text.contains(sign)) {
        return;
    }
    let container =
        lower.contains("localstack/localstack") || lower.contains("localstackcontainer");
    for_each_name(text, |name, at, line| {
        let comment = line.trim_start();
        if comment.starts_with("//") || comment.starts_with('#') || comment.starts_with('*') {
            return;
        }
        // `environ` is Python's; `environment` says nothing.
        let reads =
            READERS.iter().any(|sign| line.contains(sign)) || find_word(line, "environ").is_some();
        // `environment.NAME` is a path.
        let path = text.get(..at).is_some_and(|before| before.ends_with('.'));
        let sets = !path
            && (SETTERS.iter().any(|sign| line.contains(sign))
                || line.contains(&format!("{name}=")));
        let injected = matches!(name, "LOCALSTACK_HOSTNAME" | "EDGE_PORT");
        let kind = match (reads && injected, sets && container) {
            (true, _) => RemarkKind::Reader,
            (_, true) if container_above(text, at) == Some(false) => RemarkKind::StrayCode,
            // An item of a list or a key without quotes is a line of YAML.
            (_, true) if comment.starts_with("- ") || comment.starts_with(&format!("{name}: ")) => {
                RemarkKind::Produced
            }
            (_, true) => RemarkKind::TestContainer,
            _ => return,
        };
        document.remarks.push(Remark {
            kind,
            name: name.to_owned(),
            span: at..at + name.len(),
        });
    });
}

/// Says whether the container that a line belongs to is LocalStack, where a line above tells.
fn container_above(text: &str, at: usize) -> Option<bool> {
    let above = text.get(..line_span(text, at).end)?;
    let mut lines = above.lines().rev().take(30).map(str::to_ascii_lowercase);
    lines.find_map(|line| {
        if line.contains("localstack/localstack") || line.contains("localstackcontainer") {
            return Some(true);
        }
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '/');
        let foreign = words
            .map(|w| w.rsplit('/').next().unwrap_or(w))
            .any(|word| {
                let kind = word.strip_suffix("container").filter(|k| !k.is_empty());
                crate::image::is_unrelated(word)
                    || kind.is_some_and(|k| crate::image::is_unrelated(k) || k == "postgresql")
            });
        foreign.then_some(false)
    })
}

/// Exports in a hook that runs inside the server.
pub(crate) fn init_hook(text: &str, document: &mut Document) {
    for_each_name(text, |name, at, line| {
        let sets = line.trim_start().starts_with("export ") && line.contains(&format!("{name}="));
        if sets {
            document.remarks.push(Remark {
                kind: RemarkKind::InitHook,
                name: name.to_owned(),
                span: at..at + name.len(),
            });
        }
    });
}

/// Calls `visit` with every legacy name in a text, its place and its line.
fn for_each_name(text: &str, mut visit: impl FnMut(&str, usize, &str)) {
    for name in names::LEGACY {
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| find_word(rest, name)) {
            let at = from + found;
            visit(name, at, text.get(line_span(text, at)).unwrap_or_default());
            from = at + name.len();
        }
    }
}
