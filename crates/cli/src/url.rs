//! `lsconfig url`: mints one URL, or takes one apart.

mod batch;

use std::ffi::OsString;
use std::process::ExitCode;

use lsconfig::diagnostic::Severity;
use lsconfig::endpoint::EndpointConfig;
use lsconfig::endpoint::kinds::{self, Absent, Check, Kind, MintedValue};
use lsconfig::endpoint::parse::parse_url;
use lsconfig::settings::Resolution;

use crate::args::{TextOrJson, UrlArgs};
use crate::error::CliError;
use crate::exit;
use crate::explain::{self, Asked};
use crate::input::{Input, Wanted};
use crate::render::{self, out, printable};
use crate::suggest;

/// Flags of `lsconfig url` that are no inputs of a kind, or inputs with a flag of their own.
const OWN_FLAGS: [&str; 5] = ["name", "region", "account", "strategy", "request_host"];

/// Turns `--bucket photos` into `--set bucket=photos`, for every input of every kind.
///
/// The kinds are a table, and so their inputs cannot be fields of a struct.
pub(crate) fn spell_out(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut spelled: Vec<OsString> = Vec::new();
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        let input = spelled
            .iter()
            .any(|earlier| earlier == "url")
            .then(|| arg.to_str().and_then(input_flag))
            .flatten();
        let Some((name, value)) = input else {
            spelled.push(arg);
            continue;
        };
        let mut pair = OsString::from(format!("{name}="));
        match value {
            Some(value) => pair.push(value),
            None => pair.push(args.next().unwrap_or_default()),
        }
        spelled.extend([OsString::from("--set"), pair]);
    }
    spelled
}

/// Returns name and attached value when a flag names an input of some kind.
fn input_flag(arg: &str) -> Option<(String, Option<String>)> {
    let flag = arg.strip_prefix("--")?;
    let (flag, value) = match flag.split_once('=') {
        Some((flag, value)) => (flag, Some(value.to_owned())),
        None => (flag, None),
    };
    let name = flag.replace('-', "_");
    let known = kinds::all().any(|kind| kind.inputs.iter().any(|input| input.name == name));
    (known && !OWN_FLAGS.contains(&&*name)).then_some((name, value))
}

/// Runs the command.
pub(crate) fn run(args: &UrlArgs) -> Result<ExitCode, CliError> {
    if args.list {
        return list(args.format);
    }
    if let Some(path) = &args.batch {
        return batch::run(path, args.as_of.as_deref());
    }
    let kind = args.kind.as_deref().unwrap_or_default();
    if kind == "parse" {
        return parse(args);
    }
    mint(args, find(kind)?)
}

fn find(name: &str) -> Result<&'static Kind, CliError> {
    kinds::lookup(name).ok_or_else(|| {
        let shown = printable(name);
        let near = suggest::nearest(name, kinds::all().map(|kind| kind.cli));
        let hint = near.map_or_else(String::new, |kind| format!("did you mean `{kind}`? "));
        CliError::usage(
            format!("there is no kind of URL called `{shown}`"),
            format!("{hint}`lsconfig url --list` names them"),
        )
    })
}

fn list(format: TextOrJson) -> Result<ExitCode, CliError> {
    if format == TextOrJson::Json {
        let kinds: Vec<_> = kinds::all()
            .map(|kind| {
                let inputs = kind.inputs.iter().map(|input| {
                    serde_json::json!({
                        "name": input.name,
                        "help": input.help,
                        "required": input.absent == Absent::Fails,
                    })
                });
                let inputs: Vec<_> = inputs.collect();
                serde_json::json!({
                    "kind": kind.cli, "name": kind.name, "help": kind.help, "inputs": inputs,
                })
            })
            .collect();
        out(&format!("{}\n", serde_json::to_string_pretty(&kinds)?))?;
        return Ok(ExitCode::from(exit::CLEAN));
    }
    let mut text = String::new();
    for kind in kinds::all() {
        text.push_str(&format!("{}\n    {}\n", kind.cli, kind.help));
        for input in kind.inputs {
            let flag = input.name.replace('_', "-");
            let needed = if input.absent == Absent::Fails {
                " (needed)"
            } else {
                ""
            };
            text.push_str(&format!("    --{flag:18} {}{needed}\n", input.help));
        }
    }
    out(&text)?;
    Ok(ExitCode::from(exit::CLEAN))
}

fn parse(args: &UrlArgs) -> Result<ExitCode, CliError> {
    let Some(url) = &args.url else {
        return Err(CliError::usage("`lsconfig url parse` needs a URL", ""));
    };
    let parsed = parse_url(url).map_err(|error| {
        CliError::usage(
            format!("cannot take `{}` apart: {error}", printable(url)),
            "give a URL, a host name or a path that a service returned",
        )
    })?;
    let value = serde_json::to_value(&parsed)?;
    if args.format == TextOrJson::Json {
        out(&format!("{}\n", serde_json::to_string_pretty(&value)?))?;
        return Ok(ExitCode::from(exit::CLEAN));
    }
    let mut text = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let shown = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => printable(text).into_owned(),
            other => other.to_string(),
        };
        text.push_str(&format!("{name:10} {shown}\n"));
    }
    out(&text)?;
    Ok(ExitCode::from(exit::CLEAN))
}

fn mint(args: &UrlArgs, kind: &'static Kind) -> Result<ExitCode, CliError> {
    if let Some(extra) = &args.url {
        let message = format!("`{}` is one argument too many", printable(extra));
        return Err(CliError::usage(
            message,
            "inputs are flags, for example `--name orders`",
        ));
    }
    let Asked::One(semantics, _) = Asked::parse(args.as_of.as_deref())? else {
        return Err(CliError::usage(
            "a URL is minted as one release does, not a range",
            "for example `--as-of 4.12`",
        ));
    };
    let wanted = Wanted {
        files: &args.files,
        env: false,
        no_env: args.no_env,
        service: args.service.as_deref(),
        format: None,
        profile: None,
        config_dir: None,
        version: lsconfig::release::NEWEST_KNOWN,
        in_container: args.in_container,
    };
    let input = Input::read(&wanted)?;
    if input.is_unknown() {
        anstream::eprint!(
            "{}",
            render::diagnostics(&input.diagnostics, &input.sources)
        );
        return Ok(ExitCode::from(exit::FINDINGS));
    }
    let mut resolution = explain::read(&input, semantics);
    if let Some(failure) = &resolution.failure {
        return Err(CliError::usage(
            format!("the emulator does not start, so it returns no URL ({failure})"),
            "`lsconfig explain` shows the cause",
        ));
    }
    // Whoever asks for a URL hears of what is wrong with it, not of everything.
    resolution
        .diagnostics
        .retain(|d| d.severity == Severity::Error && d.code == "invalid-value");
    anstream::eprint!(
        "{}",
        render::diagnostics(&resolution.diagnostics, &input.sources)
    );

    let config = EndpointConfig::from(&resolution);
    let pairs = inputs(args, kind)?;
    let read = |name: &str| {
        pairs
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    };
    let value = kinds::mint(kind, &config, &read).map_err(|error| {
        CliError::usage(error.to_string(), format!("`{}`: {}", kind.cli, kind.help))
    })?;
    match (&value, args.format) {
        (MintedValue::Text(url), TextOrJson::Text) => out(&format!("{}\n", printable(url)))?,
        _ => out(&format!("{}\n", serde_json::to_string_pretty(&value)?))?,
    }
    Ok(exit::of(&resolution.diagnostics))
}

/// Collects the inputs that flags give, later ones above earlier ones.
fn inputs(args: &UrlArgs, kind: &Kind) -> Result<Vec<(String, String)>, CliError> {
    let mut pairs = Vec::new();
    if let Some(name) = &args.name {
        let needed = |input: &&kinds::Input| input.absent == Absent::Fails;
        let Some(input) = kind.inputs.iter().find(needed) else {
            let message = format!("`{}` has no name", kind.cli);
            return Err(CliError::usage(message, "leave `--name` out"));
        };
        pairs.push((input.name.to_owned(), name.clone()));
    }
    let own = [
        ("region", &args.region),
        ("account", &args.account),
        ("strategy", &args.strategy),
        ("request_host", &args.request_host),
    ];
    for (name, value) in own {
        if let Some(value) = value {
            let row = kind.inputs.iter().find(|input| input.name == name);
            // Every URL has a region and an account somewhere behind it, if not in its text.
            if row.is_none() && !matches!(name, "region" | "account") {
                let flag = name.replace('_', "-");
                let message = format!("`{}` takes no `--{flag}`", kind.cli);
                return Err(CliError::usage(message, "leave it out"));
            }
            if let Some(Check::OneOf(words)) = row.map(|row| row.check)
                && !words.contains(&&**value)
            {
                return Err(CliError::usage(
                    format!("`{}` has no {name} `{}`", kind.cli, printable(value)),
                    format!("use one of {}", words.join(", ")),
                ));
            }
            pairs.push((name.to_owned(), value.clone()));
        }
    }
    for pair in &args.set {
        let Some((name, value)) = pair.split_once('=') else {
            let message = format!("`--set {}` has no `=`", printable(pair));
            return Err(CliError::usage(message, "write `--set NAME=VALUE`"));
        };
        if !kind.inputs.iter().any(|input| input.name == name) {
            let names: Vec<&str> = kind.inputs.iter().map(|input| input.name).collect();
            return Err(CliError::usage(
                format!("`{}` has no input called `{}`", kind.cli, printable(name)),
                format!("its inputs are {}", names.join(", ")),
            ));
        }
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// The URL of a queue, as clients get it.
#[derive(PartialEq, Eq)]
pub(crate) struct QueueUrl {
    /// For a client that reached the emulator by the host and port it asked for.
    pub(crate) url: String,
    /// Whether it carries the name by which the client asked, as some releases and strategies do.
    pub(crate) mirrors: bool,
}

impl QueueUrl {
    /// Mints one for a client that connects to `client`, a host and port.
    pub(crate) fn mint(resolution: &Resolution, client: &str) -> Option<Self> {
        let config = EndpointConfig::from(resolution);
        let url = |host: &str| -> Option<String> {
            let read = |name: &str| match name {
                "queue" => Some("orders"),
                "request_host" => Some(host),
                _ => None,
            };
            match kinds::mint(kinds::lookup("sqs-queue")?, &config, &read).ok()? {
                MintedValue::Text(url) => Some(printable(&resolution.shown(url)).into_owned()),
                _ => None,
            }
        };
        let (url, other) = (url(client)?, url("other"));
        let mirrors = other.is_none_or(|other| other != url);
        Some(Self { url, mirrors })
    }

    /// Says what such URLs do, behind "queue URLs".
    pub(crate) fn looks(&self) -> String {
        if self.mirrors {
            format!("carry the name that the client uses: {}", self.url)
        } else {
            format!("look like {}", self.url)
        }
    }

    /// Returns its host, without port.
    pub(crate) fn host(&self) -> Option<&str> {
        let (_, rest) = self.url.split_once("://")?;
        rest.split(['/', ':']).next()
    }
}
