//! Commands that start a server: `docker run`, `podman run`, `localstack start`.

use std::ops::Range;

use super::containers::of_image;
use super::pip::cli_release;
use super::shell::{Command, Dialect, Word, split};
use super::variables::Variables;
use crate::image::{Image, Release};
use crate::names;
use crate::scope::{Document, Owner, Remark, RemarkKind, Scope, Setting, Writing};
use crate::slots::{Block, Layout, Slot};

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
const LEADS: [&str; 13] = [
    "$",
    "sudo",
    "env",
    "time",
    "exec",
    "!",
    "if",
    "then",
    "do",
    "else",
    "{",
    "nohup",
    "cross-env",
];

/// Programs whose commands are read, as they stand in a text.
pub(crate) const STARTS: [&str; 3] = ["docker ", "podman ", "localstack "];

/// Reads the commands of a span into `document`.
pub(crate) fn read(text: &str, span: Range<usize>, dialect: Dialect, document: &mut Document) {
    read_with(text, span, dialect, &Variables::default(), document);
}

/// The same where something around the span sets variables.
pub(crate) fn read_with(
    text: &str,
    span: Range<usize>,
    dialect: Dialect,
    given: &Variables,
    document: &mut Document,
) {
    let script = split(text, span.clone(), dialect);
    let mut variables = given.clone();
    variables.add_script(text, span, &script, dialect);
    let cli = cli_release(&script, &variables);
    let first = document.scopes.len();
    let mut exports = Vec::new();
    let mut inner = Vec::new();
    let mut starts = false;
    for command in &script.commands {
        let mut reader = CommandReader {
            dialect,
            document,
            variables: &variables,
            command,
        };
        starts |= reader.read(&cli, &mut exports);
        inner.extend(reader.texts());
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
    for body in inner {
        read_with(text, body, dialect, &variables, document);
    }
    if script.lost {
        for scope in document.scopes.iter_mut().skip(first) {
            scope.sealed = Some("a quote or bracket is not closed");
        }
    }
}

/// Returns the version of the CLI by which a script starts LocalStack, if it does.
pub(crate) fn starts(text: &str) -> Option<Release> {
    let script = split(text, 0..text.len(), Dialect::Posix);
    let mut variables = Variables::default();
    variables.add_script(text, 0..text.len(), &script, Dialect::Posix);
    let cli = cli_release(&script, &variables);
    let mut nowhere = Document::default();
    let starts = script.commands.iter().any(|command| {
        let mut reader = CommandReader {
            dialect: Dialect::Posix,
            document: &mut nowhere,
            variables: &variables,
            command,
        };
        reader.read(&cli, &mut Vec::new())
    });
    starts.then_some(cli)
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
        variables: &Variables::default(),
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

/// Splits `NAME=VALUE`.
pub(crate) fn assignment(word: &Word) -> Option<(&str, &str)> {
    let (name, value) = word.text.split_once('=')?;
    let shaped = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit());
    shaped.then_some((name, value))
}

/// Where the value of an option stands.
enum Place {
    /// It takes none.
    None,
    /// In the same word, from this byte on.
    Here(usize),
    /// In the next word.
    Next,
}

/// Takes an option of `docker run` apart: `--env=A=1`, `-e`, `-eA=1`, `-dp4566:4566`.
fn option(text: &str) -> (String, Place) {
    if text.starts_with("--") {
        return match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Place::Here(text.len() - value.len())),
            None if SWITCHES.contains(&text) => (text.to_owned(), Place::None),
            None => (text.to_owned(), Place::Next),
        };
    }
    let mut letters = text.char_indices().skip(1);
    let Some((at, letter)) = letters.find(|(_, letter)| !"ditPq".contains(*letter)) else {
        return (text.to_owned(), Place::None);
    };
    let from = at + letter.len_utf8();
    let rest = text.get(from..).unwrap_or_default();
    let place = match rest.strip_prefix('=') {
        _ if rest.is_empty() => Place::Next,
        Some(_) => Place::Here(from + 1),
        None => Place::Here(from),
    };
    (format!("-{letter}"), place)
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
        let mut at = self.leads(0);
        if self.dialect == Dialect::PowerShell && self.power_shell(at, exports) {
            return false;
        }
        let first = at;
        while words.get(at).is_some_and(|w| assignment(w).is_some()) {
            at += 1;
        }
        at = self.leads(at);
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

    /// Returns the first word from `at` on that is no lead of the command, nor an option of one.
    fn leads(&self, mut at: usize) -> usize {
        let mut options = false;
        while let Some(word) = self.command.words.get(at) {
            let text = word.text.as_str();
            if LEADS.contains(&text) || text.trim_start_matches(['@', '-']).is_empty() {
                options = matches!(text, "sudo" | "env" | "time");
            } else if !(options && text.starts_with('-')) {
                break;
            }
            at += 1;
        }
        at
    }

    /// Returns the texts that a shell of its own runs: `sh -c '...'`, `ssh HOST '...'`.
    fn texts(&self) -> Vec<Range<usize>> {
        let mut words = self.command.words.iter().skip(self.leads(0));
        let program = words.next().map(|w| w.text.as_str()).unwrap_or_default();
        let program = program.trim_start_matches(['@', '-']);
        let runs = matches!(program, "sh" | "bash" | "dash" | "zsh" | "ssh" | "eval");
        if !runs || !matches!(self.dialect, Dialect::Posix | Dialect::Make) {
            return Vec::new();
        }
        let inside = |word: &Word| {
            let command = STARTS.iter().any(|start| word.text.contains(start));
            let quoted = word.is_quoted(0) && word.is_quoted(word.text.len().saturating_sub(1));
            let span = word.bytes(0..word.text.len())?;
            (command && quoted).then_some(span)
        };
        words.filter_map(inside).collect()
    }

    /// `$env:NAME = "value"`.
    fn power_shell(&mut self, at: usize, exports: &mut Vec<Setting>) -> bool {
        const LEAD: &str = "$env:";
        let words = &self.command.words;
        let Some((word, text)) = words
            .get(at)
            .and_then(|w| Some((w, w.text.strip_prefix(LEAD)?)))
        else {
            return false;
        };
        let (name, attached) = match text.split_once('=') {
            Some((name, _)) => (name, Some((word, LEAD.len() + name.len() + 1))),
            None => (text, None),
        };
        let assigned = words.get(at + 1).is_some_and(|w| w.text == "=");
        let value = attached.or(words.get(at + 2).filter(|_| assigned).map(|w| (w, 0)));
        let name_span = word.bytes(LEAD.len()..LEAD.len() + name.len());
        let value_span = value.and_then(|(w, from)| w.bytes(from..w.text.len()));
        let quoted = value.is_some_and(|(w, from)| w.is_quoted(from));
        let last = value.map_or(word, |(w, _)| w);
        let alone = words.last().is_some_and(|w| w.span == last.span);
        let slot = if alone && at == 0 {
            let item = word.span.start..last.span.end;
            let block = self.push_block(Layout::Lines, vec![item]);
            Slot::Item { block, index: 0 }
        } else {
            Slot::Fixed
        };
        exports.push(Setting {
            name: name.to_owned(),
            writing: if name_span.is_some() && value_span.is_some() && quoted {
                Writing::Free
            } else {
                Writing::Fixed
            },
            name_span: name_span.unwrap_or_else(|| word.span.clone()),
            value: value.map(|(w, from)| w.text.get(from..).unwrap_or_default().to_owned()),
            value_span: value_span.unwrap_or_else(|| last.span.clone()),
            slot,
        });
        true
    }

    /// `export NAME = VALUE` of a Makefile.
    fn make_export(&mut self, at: usize) -> Option<Setting> {
        let [name, operator, value] = self.command.words.get(at + 1..)? else {
            return None;
        };
        let assigns = matches!(operator.text.as_str(), "=" | ":=" | "?=" | "::=");
        if !assigns || at > 0 {
            return None;
        }
        let first = self.command.words.first()?;
        let item = first.span.start..value.span.end;
        let block = self.push_block(Layout::Lines, vec![item]);
        Some(Setting {
            name: name.text.clone(),
            name_span: name.span.clone(),
            value: Some(value.text.clone()),
            value_span: value.span.clone(),
            writing: if value.span.len() == value.text.len() {
                Writing::Word
            } else {
                Writing::Fixed
            },
            slot: Slot::Item { block, index: 0 },
        })
    }

    fn export(&mut self, at: usize, exports: &mut Vec<Setting>) {
        if self.dialect == Dialect::Make
            && let Some(setting) = self.make_export(at)
        {
            exports.push(setting);
            return;
        }
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
            comments: &["#"],
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
            let opens = word.text.starts_with('-') && word.text != "-";
            if !opens {
                match self.hidden(at) {
                    Some(shared) => scope.shared = shared.or(scope.shared),
                    None => break,
                }
                items.push(word.span.clone());
                at += 1;
                continue;
            }
            let (option, place) = option(&word.text);
            let value = match place {
                Place::None => None,
                Place::Here(from) => Some((from, word)),
                Place::Next => {
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
                match option.as_str() {
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
                        let here = ["$PWD/", "${PWD}/", "$(pwd)/", "`pwd`/", "$(CURDIR)/"];
                        let host = here
                            .iter()
                            .find_map(|h| host.strip_prefix(h))
                            .unwrap_or(host);
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
        scope.owner = of_image(&self.variables.substitute(image));
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

    /// Says whether a word between the options is none of the image: a comment, or options that a
    /// variable holds, for which the reason not to be certain is returned.
    fn hidden(&self, at: usize) -> Option<Option<&'static str>> {
        let text = self.command.words.get(at)?.text.as_str();
        if text.starts_with("`#") {
            return Some(None);
        }
        let later = self.command.words.iter().skip(at + 1);
        let mut later = later.map(|w| of_image(&self.variables.substitute(&w.text)));
        let expands = text.starts_with(['$', '`']);
        let itself = of_image(&self.variables.substitute(text));
        let server = |owner: Owner| matches!(owner, Owner::Server(_));
        (expands && !server(itself) && later.any(server))
            .then_some(Some("a variable may bring more options"))
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
                    image = Image::parse(&self.variables.substitute(value));
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
