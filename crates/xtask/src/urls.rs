//! The page of URLs: every form that `lsconfig url` mints, with an example.

use std::fmt::Write as _;

use lsconfig::endpoint::EndpointConfig;
use lsconfig::endpoint::kinds::{self, Absent, Check, Kind, MintedValue};

use crate::{GENERATED, cell};

const INTRODUCTION: &str = "\
`lsconfig url KIND` mints one of these from the effective settings, `lsconfig url parse URL` goes back.
Every input is a flag: `request_host` is `--request-host`. `--name` stands for the first input that is
needed. In `url --batch` a kind may also have its second name, which recorded vectors use.

The examples are of the default settings. Services of LocalStack Pro follow its documentation; their
code is not public.
";

/// Renders the page.
pub(crate) fn render() -> String {
    let mut page = format!("# URLs\n\n{GENERATED}\n\n{INTRODUCTION}");
    for kind in kinds::all() {
        // Writing to a `String` cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n{}. In batches also `{}`.\n",
            kind.cli, kind.help, kind.name
        );
        if let Some(example) = example(kind) {
            let _ = write!(page, "\n```text\n{example}\n```\n");
        }
        if kind.inputs.is_empty() {
            continue;
        }
        page.push_str("\n| input | what it is | left out |\n|---|---|---|\n");
        for input in kind.inputs {
            let absent = match input.absent {
                Absent::Fails => "needed".to_owned(),
                Absent::Default(text) => format!("`{text}`"),
                Absent::Configured => "as configured".to_owned(),
            };
            let words = match input.check {
                Check::OneOf(words) => format!(": `{}`", words.join("`, `")),
                _ => String::new(),
            };
            let help = cell(input.help);
            let _ = writeln!(page, "| `{}` | {help}{words} | {absent} |", input.name);
        }
    }
    page
}

/// Mints an example with the default settings; `None` where it is no single text.
fn example(kind: &Kind) -> Option<String> {
    let config = EndpointConfig::default();
    let read = |name: &str| {
        let input = kind.inputs.iter().find(|input| input.name == name)?;
        (input.absent == Absent::Fails).then(|| sample(name))
    };
    match kinds::mint(kind, &config, &read).ok()? {
        MintedValue::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A value for an input that is needed.
fn sample(name: &str) -> &'static str {
    match name {
        "queue" => "orders",
        "bucket" => "photos",
        "key" => "cat.jpg",
        "domain" => "search",
        "topic_arn" => "arn:aws:sns:us-east-1:000000000000:news",
        "path" => "/x",
        "port" => "4510",
        "function" | "function_name" => "resize",
        "repository" => "app",
        "text" => "https://abc123.execute-api.us-east-1.amazonaws.com/prod",
        _ => "abc123",
    }
}
