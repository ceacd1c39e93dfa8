//! Commands that start a server: `docker run`, `podman run`, `localstack start`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::containers::of_image;
use super::shell::{Command, Dialect, Script, Word, split};
use crate::image::{Image, Release};
use crate::names;
use crate::scope::{Document, Owner, Remark, RemarkKind, Scope, Setting, Writing};
use crate::slots::{Block, Layout, Slot};
use lsconfig::release::{NEWEST_KNOWN, TargetVersion};

/// Options of `docker run` and its relatives that take no value.
const SWITCHES: [&str; 17] = [
    "--rm",
    "--detach",
    "--interactive",
    "--tty",
    "--init",
    "--privileged",
    "--publish-all",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--read-only",
    "--quiet",
    "--replace",
    "--sig-proxy",
    "--disable-content-trust",
    "--tls-verify",
    "--help",
    "--env-host",
];

/// Words in front of a command that do not change it.
const LEADS: [&str; 12] = [
    "$", "sudo", "env", "time", "exec", "!", "if", "then", "do", "else", "{", "nohup",
];

/// Reads the commands of a span into `document`.
pub(crate) fn read(text: &str, span: Range<usize>, dialect: Dialect, document: &mut Document) {
    let script = split(text, span.clone(), dialect);
    let variables = variables(text, span, &script, dialect);
    let cli = cli_release(&script, &variables);
    let first = document.scopes.len();
    let mut exports = Vec::new();
    let mut starts = false;
    for command in &script.commands {
        let mut reader = CommandReader {
            dialect,
            document,
            variables: &variables,
            command,
        };
        starts |= reader.read(&cli, &mut exports);
    }
    // An export counts for the CLI that the same script starts.
    if starts && !exports.is_empty() {
        let mut scope = Scope::new("exports", Owner::Cli(cli));
        scope.in_container = false;
        scope.settings = exports;
        document.scopes.push(scope);
    }
    for heredoc in &script.heredocs {
        let body = text.get(heredoc.clone()).unwrap_or_default();
        if body.to_ascii_lowercase().contains("localstack") {
            produced(body, heredoc.start, document);
        }
    }
    if script.lost {
        for scope in document.scopes.iter_mut().skip(first) {
            scope.sealed = Some("a quote or bracket is not closed");
        }
    }
}

/// Reads options of `docker run` that stand alone, for an image that is named elsewhere.
pub(crate) fn options(text: &str, span: Range<usize>, image: &str, document: &mut Document) {
    let script = split(text, span, Dialect::Posix);
    let [command] = &script.commands[..] else {
        return;
    };
    let mut reader = CommandReader {
        dialect: Dialect::Posix,
        document,
        variables: &Variables::new(),
        command,
    };
    reader.container(0, Some(image));
    if script.lost
        && let Some(scope) = document.scopes.last_mut()
    {
        scope.sealed = Some("a quote or bracket is not closed");
    }
}

/// Remarks on legacy names in text that becomes another file.
pub(crate) fn produced(body: &str, base: usize, document: &mut Document) {
    for name in names::LEGACY {
        if let Some(at) = crate::text::find_word(body, name) {
            document.remarks.push(Remark {
                kind: RemarkKind::Produced,
                name: (*name).to_owned(),
                span: base + at..base + at + name.len(),
            });
        }
    }
}

/// Variables that are assigned a plain text exactly once.
type Variables = BTreeMap<String, Option<String>>;

fn variables(text: &str, span: Range<usize>, script: &Script, dialect: Dialect) -> Variables {
    let mut variables = Variables::new();
    let mut note = |name: &str, value: &str| {
        let plain = !crate::scope::is_dynamic(value);
        variables
            .entry(name.to_owned())
            .and_modify(|v| *v = None)
            .or_insert_with(|| plain.then(|| value.to_owned()));
    };
    if dialect == Dialect::Make {
        for line in text.get(span).unwrap_or_default().lines() {
            if line.starts_with('\t') {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            let name = name.trim_end_matches([':', '?', '+']).trim();
            let name = name.strip_prefix("export ").unwrap_or(name).trim();
            note(name, value.split(" #").next().unwrap_or_default().trim());
        }
        return variables;
    }
    for command in &script.commands {
        let exported = matches!(
            first_text(command),
            Some("export" | "readonly" | "local" | "declare")
        );
        for word in command.words.iter().skip(usize::from(exported)) {
            match assignment(word) {
                Some((name, value)) => note(name, value),
                None => break,
            }
        }
    }
    variables
}

fn first_text(command: &Command) -> Option<&str> {
    command.words.first().map(|w| w.text.as_str())
}

/// Splits `NAME=VALUE`.
fn assignment(word: &Word) -> Option<(&str, &str)> {
    let (name, value) = word.text.split_once('=')?;
    let shaped = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit());
    shaped.then_some((name, value))
}

/// Replaces `$X`, `${X}` and `$(X)` by what the same file assigns to `X`.
fn substitute(text: &str, variables: &Variables) -> String {
    let mut out = text.to_owned();
    for (name, value) in variables {
        let Some(value) = value else { continue };
        for form in [format!("${{{name}}}"), format!("$({name})")] {
            out = out.replace(&form, value);
        }
        let bare = format!("${name}");
        if let Some(at) = out.find(&bare) {
            let next = out.as_bytes().get(at + bare.len());
            if !next.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                out.replace_range(at..at + bare.len(), value);
            }
        }
    }
    out
}

/// Finds the version of the CLI in `pip install localstack==...`.
fn cli_release(script: &Script, variables: &Variables) -> Release {
    let mut release = Release::Unknown("the version of the CLI is not known");
    for command in &script.commands {
        let texts: Vec<String> = command
            .words
            .iter()
            .map(|w| substitute(&w.text, variables))
            .collect();
        let installs = texts.iter().any(|t| t == "install")
            && texts
                .iter()
                .any(|t| t.contains("pip") || t == "uv" || t == "pipx");
        if !installs {
            continue;
        }
        for text in &texts {
            let Some(rest) = text.strip_prefix("localstack") else {
                continue;
            };
            let rest = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
                Some((_, rest)) => rest,
                None => rest,
            };
            if let Some(found) = requirement(rest) {
                release = found;
            }
        }
    }
    release
}

/// Reads a version specifier of pip.
fn requirement(text: &str) -> Option<Release> {
    if text.is_empty() {
        return Some(Release::Floating(NEWEST_KNOWN));
    }
    let range = Release::Unknown("the version of the CLI is a range");
    if text.contains(',') {
        return Some(range);
    }
    let sign = text.len() - text.trim_start_matches(['=', '~', '<', '>', '!']).len();
    let (sign, number) = text.split_at(sign);
    let number = number.trim();
    let Some(parts) = numbers(number.trim_end_matches(".*")) else {
        return matches!(sign, "==" | "~=" | "<" | "<=" | ">" | ">=")
            .then_some(Release::Unknown("the version of the CLI is an expression"));
    };
    let part = |at: usize| parts.get(at).copied().unwrap_or(0);
    let whole = TargetVersion::exact(part(0), part(1), part(2));
    let below = |limit: TargetVersion| {
        let older = TargetVersion::minors().filter(|v| *v < limit);
        older.last().map_or(range.clone(), Release::Known)
    };
    // `~=2.0` allows every 2.x, `~=2.0.1` every 2.0.x, `==2.*` every 2.x.
    let prefix = match sign {
        "~=" => Some(parts.len().saturating_sub(1)),
        "==" if number.ends_with(".*") => Some(parts.len()),
        _ => None,
    };
    Some(match (sign, prefix) {
        (_, Some(1)) => below(TargetVersion::exact(part(0) + 1, 0, 0)),
        (_, Some(2)) => below(TargetVersion::exact(part(0), part(1) + 1, 0)),
        ("==", _) => Release::Known(whole),
        ("<", _) => below(whole),
        ("<=", _) => below(TargetVersion::exact(part(0), part(1), part(2) + 1)),
        (">" | ">=", _) => Release::Floating(NEWEST_KNOWN),
        _ => return None,
    })
}

/// Reads `1.2.3` into its numbers, small ones only.
fn numbers(text: &str) -> Option<Vec<u16>> {
    let parse = |part: &str| part.parse::<u16>().ok().filter(|n| *n < 10_000);
    text.split('.').map(parse).collect()
}

struct CommandReader<'a> {
    dialect: Dialect,
    document: &'a mut Document,
    variables: &'a Variables,
    command: &'a Command,
}

impl CommandReader<'_> {
    /// Reads one command; returns whether it starts LocalStack through the CLI.
    fn read(&mut self, cli: &Release, exports: &mut Vec<Setting>) -> bool {
        let words = &self.command.words;
        let mut at = 0;
        let lead = |w: &Word| {
            let text = w.text.trim_start_matches(['@', '-']);
            LEADS.contains(&w.text.as_str()) || text.is_empty()
        };
        while words.get(at).is_some_and(&lead) {
            at += 1;
        }
        if self.dialect == Dialect::PowerShell && self.power_shell(at, exports) {
            return false;
        }
        let first = at;
        while words.get(at).is_some_and(|w| assignment(w).is_some()) {
            at += 1;
        }
        while words.get(at).is_some_and(&lead) {
            at += 1;
        }
        let program = words.get(at).map(|w| w.text.trim_start_matches(['@', '-']));
        let program = program.map(|p| p.rsplit('/').next().unwrap_or(p));
        let second = words.get(at + 1).map(|w| w.text.as_str());
        match (program, second) {
            (Some("docker" | "podman" | "nerdctl" | "docker.exe"), Some("run" | "create")) => {
                self.container(at + 2, None);
                false
            }
            (Some("docker" | "podman"), Some("container")) => {
                if words.get(at + 2).is_some_and(|w| w.text == "run") {
                    self.container(at + 3, None);
                }
                false
            }
            (Some("localstack"), Some("start" | "infra")) => {
                self.start(first, at, cli);
                true
            }
            (Some("export"), _) if self.dialect != Dialect::PowerShell => {
                self.export(at, exports);
                false
            }
            _ => false,
        }
    }

    /// `$env:NAME = "value"`.
    fn power_shell(&mut self, at: usize, exports: &mut Vec<Setting>) -> bool {
        let words = &self.command.words;
        let Some(name) = words.get(at).and_then(|w| w.text.strip_prefix("$env:")) else {
            return false;
        };
        let value = words
            .get(at + 2)
            .filter(|_| words.get(at + 1).is_some_and(|w| w.text == "="));
        let Some(word) = words.get(at) else {
            return true;
        };
        exports.push(Setting {
            name: name.to_owned(),
            name_span: word.span.start + 5..word.span.end,
            value: value.map(|w| w.text.clone()),
            value_span: value.map_or(word.span.clone(), |w| w.span.clone()),
            writing: Writing::Fixed,
            slot: Slot::Fixed,
        });
        true
    }

    fn export(&mut self, at: usize, exports: &mut Vec<Setting>) {
        let words = &self.command.words;
        let assigned: Vec<&Word> = words
            .iter()
            .skip(at + 1)
            .filter(|w| assignment(w).is_some())
            .collect();
        let alone = assigned.len() == 1 && words.len() == at + 2;
        let block = if alone {
            let (Some(first), Some(last)) = (words.first(), words.last()) else {
                return;
            };
            let item = first.span.start..last.span.end;
            self.push_block(Layout::Lines, vec![item])
        } else {
            let items = words.iter().map(|w| w.span.clone()).collect();
            self.push_block(Layout::Words(self.dialect.joiner()), items)
        };
        for (index, word) in words.iter().enumerate().skip(at + 1) {
            let index = if alone { 0 } else { index };
            exports.extend(setting(word, 0, Slot::Item { block, index }));
        }
    }

    fn push_block(&mut self, layout: Layout, items: Vec<Range<usize>>) -> usize {
        let start = items.first().map_or(0, |i| i.start);
        let end = items.last().map_or(0, |i| i.end);
        self.document.blocks.push(Block {
            layout,
            items,
            start,
            end,
            parent: None,
            key: None,
            comment: "#",
        });
        self.document.blocks.len() - 1
    }

    /// `docker run [OPTIONS] IMAGE [COMMAND]`, options from the word `at` on.
    fn container(&mut self, at: usize, named: Option<&str>) {
        let words = &self.command.words;
        let mut items: Vec<Range<usize>> = words.iter().take(at).map(|w| w.span.clone()).collect();
        let mut found: Vec<(usize, Option<Setting>)> = Vec::new();
        let mut scope = Scope::new("docker run", Owner::Other);
        let block = self.document.blocks.len();
        let mut at = at;
        while let Some(word) = words.get(at) {
            if !word.text.starts_with('-') || word.text == "-" {
                break;
            }
            let (option, attached) = match word.text.split_once('=') {
                Some((option, value)) if word.text.starts_with("--") => {
                    (option, Some((word.text.len() - value.len(), word)))
                }
                _ if word.text.starts_with("-e") && word.text.len() > 2 => ("-e", Some((2, word))),
                _ if word.text.starts_with("-p") && word.text.len() > 2 => ("-p", Some((2, word))),
                _ => (word.text.as_str(), None),
            };
            let letters = option.strip_prefix('-').filter(|o| !o.starts_with('-'));
            let switch = SWITCHES.contains(&option)
                || letters.is_some_and(|l| l.chars().all(|c| "ditPq".contains(c)));
            let value = match attached {
                Some(value) => Some(value),
                None if switch => None,
                None => {
                    at += 1;
                    words.get(at).map(|w| (0, w))
                }
            };
            let end = value.map_or(word.span.end, |(_, w)| w.span.end);
            let slot = Slot::Item {
                block,
                index: items.len(),
            };
            items.push(word.span.start..end.max(word.span.end));
            if let Some((from, value)) = value {
                let text = value.text.get(from..).unwrap_or_default();
                match option {
                    "-e" | "--env" => found.push((from, setting(value, from, slot))),
                    "--env-file" => scope.env_files.push(text.to_owned()),
                    "-p" | "--publish" => {
                        let inner = text.rsplit(':').next().unwrap_or_default();
                        let inner = inner.split('/').next().unwrap_or_default();
                        scope.ports.push(inner.to_owned());
                    }
                    "--name" | "--hostname" | "-h" | "--network-alias" => {
                        scope.aliases.push(text.to_owned());
                    }
                    "-v" | "--volume" => {
                        let host = text.split(':').next().unwrap_or_default();
                        if !host.contains("docker.sock") {
                            scope.mounts.push(host.to_owned());
                        }
                    }
                    "--entrypoint" => {
                        scope.sealed = Some("the container runs a program of its own")
                    }
                    _ => {}
                }
            }
            at += 1;
        }
        let Some(image) = named.or_else(|| words.get(at).map(|w| w.text.as_str())) else {
            return;
        };
        items.extend(words.iter().skip(at).map(|w| w.span.clone()));
        scope.owner = of_image(&substitute(image, self.variables));
        if let Owner::Server(found) = &mut scope.owner
            && found.text != image
        {
            found.text = format!("{image} ({})", found.text);
        }
        if words.len() > at + 1 && matches!(scope.owner, Owner::Server(_)) {
            scope.sealed = Some("the container runs a program of its own");
        }
        scope.settings = found.into_iter().filter_map(|(_, s)| s).collect();
        self.push_block(Layout::Words(self.dialect.joiner()), items);
        self.document.scopes.push(scope);
    }

    /// `A=1 localstack start -e B=2`: what stands in front is for the CLI, `-e` for the server.
    fn start(&mut self, first: usize, program: usize, cli: &Release) {
        let words = &self.command.words;
        let mut items: Vec<Range<usize>> = Vec::new();
        let block = self.document.blocks.len();
        let mut own = Scope::new("localstack start", Owner::Cli(cli.clone()));
        own.in_container = false;
        let mut image = Image::parse("localstack/localstack");
        let mut server: Vec<Setting> = Vec::new();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let slot = Slot::Item {
                block,
                index: items.len(),
            };
            let mut end = word.span.end;
            if at >= first && at < program {
                if let Some(("IMAGE_NAME", value)) = assignment(word) {
                    image = Image::parse(&substitute(value, self.variables));
                }
                own.settings.extend(setting(word, 0, slot));
            } else if at > program && matches!(word.text.as_str(), "-e" | "--env") {
                at += 1;
                if let Some(value) = words.get(at) {
                    end = value.span.end;
                    server.extend(setting(value, 0, slot));
                }
            }
            items.push(word.span.start..end);
            at += 1;
        }
        self.push_block(Layout::Words(self.dialect.joiner()), items);
        if !own.settings.is_empty() {
            self.document.scopes.push(own);
        }
        if !server.is_empty() {
            let mut scope = Scope::new("localstack start", Owner::Server(image));
            scope.settings = server;
            self.document.scopes.push(scope);
        }
    }
}

/// Makes a setting of `NAME=VALUE` in a word, from the byte `from` of its text.
pub(crate) fn setting(word: &Word, from: usize, slot: Slot) -> Option<Setting> {
    let text = word.text.get(from..)?;
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if name.is_empty() {
        return None;
    }
    let value_at = from + (name.len() + 1).min(text.len());
    let spans = word
        .bytes(from..from + name.len())
        .zip(word.bytes(value_at..word.text.len()));
    let (name_span, value_span, known) = match spans {
        Some((name, value)) => (name, value, true),
        None => (word.span.clone(), word.span.clone(), false),
    };
    let quoted = word.is_quoted(value_at) && word.is_quoted(word.text.len() - 1);
    let writing = match (known && value.is_some(), quoted) {
        (false, _) => Writing::Fixed,
        (true, true) => Writing::Free,
        (true, false) => Writing::Word,
    };
    Some(Setting {
        name: name.to_owned(),
        name_span,
        value,
        value_span,
        writing,
        slot,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u16, u16)>) {
        let release = requirement(text).and_then(|r| r.version());
        assert_eq!(release.map(|v| (v.major, v.minor)), expected, "{text}");
    }

    #[test]
    fn requirements_of_pip_are_read() {
        check("", Some((4, 14)));
        check("==1.4.0", Some((1, 4)));
        check("<2", Some((1, 4)));
        check("<2.3", Some((2, 2)));
        check("<=2.0.2", Some((2, 0)));
        check("~=2.0", Some((2, 3)));
        check("~=2.0.1", Some((2, 0)));
        check("==3.*", Some((3, 8)));
        check(">=1.0", Some((4, 14)));
        check(">=1.0,<2", None);
        check("==$VERSION", None);
        check("-ext", None);
    }
}
