//! Small files over every class, form and trap, with what is found and what is written.
//!
//! A case is a text: a sentence, then sections `=== NAME`. Sections before `=== findings` are files;
//! `=== options` holds words such as `from=2.3`, `keep-legacy`, `markdown`, `crlf`. With `UPDATE_CORPUS=1` the
//! expected sections are rewritten; review them against the decision table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lsconfig_migrate::file::{File, Options};
use lsconfig_migrate::finding::Safety;
use lsconfig_migrate::project::{Files, settle};

struct Case {
    title: String,
    options: Vec<String>,
    files: Vec<(PathBuf, String)>,
    expected: String,
}

struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        self.0
            .keys()
            .filter(|p| p.parent() == Some(folder))
            .cloned()
            .collect()
    }
}

fn parse(text: &str) -> Case {
    let (inputs, expected) = text.split_once("=== findings\n").unwrap_or((text, ""));
    let mut parts = inputs.split("=== ");
    let title = parts.next().unwrap().to_owned();
    let (mut options, mut files) = (Vec::new(), Vec::new());
    for part in parts {
        let (name, body) = part.split_once('\n').unwrap();
        if name == "options" {
            options = body.split_whitespace().map(str::to_owned).collect();
        } else {
            files.push((PathBuf::from(name.trim()), body.to_owned()));
        }
    }
    let flag = |options: &[String], name: &str| options.iter().any(|o| o == name);
    for (_, body) in &mut files {
        if flag(&options, "no-final-newline") {
            *body = body.trim_end_matches('\n').to_owned();
        }
        if flag(&options, "crlf") {
            *body = body.replace('\n', "\r\n");
        }
        if flag(&options, "bom") {
            body.insert(0, '\u{feff}');
        }
    }
    Case {
        title,
        options,
        files,
        expected: expected.to_owned(),
    }
}

fn options(case: &Case) -> Options {
    let mut options = Options::default();
    for word in &case.options {
        match word.split_once('=') {
            Some(("from", version)) => options.from = Some(version.parse().unwrap()),
            Some(("to", version)) => options.to = Some(version.parse().unwrap()),
            Some(("strategy", strategy)) => options.strategy = Some(strategy.to_owned()),
            None if word == "markdown" => options.edit_markdown = true,
            None if word == "keep-legacy" => options.keep_legacy = true,
            _ => {}
        }
    }
    options
}

fn run(case: &Case) -> (String, usize) {
    let memory = Memory(
        case.files
            .iter()
            .map(|(p, t)| (p.clone(), t.clone().into_bytes()))
            .collect(),
    );
    let options = options(case);
    let mut out = String::new();
    let mut edits = 0;
    let mut analysed: Vec<File> = case
        .files
        .iter()
        .filter_map(|(path, text)| {
            File::analyse(path, text.clone().into_bytes(), &memory, &options)
        })
        .collect();
    settle(&mut analysed);
    for finding in analysed.iter().flat_map(|f| &f.findings) {
        let fix = finding
            .fix
            .as_ref()
            .map_or("-".to_owned(), |f| format!("{:?}", f.safety).to_lowercase());
        writeln!(
            out,
            "{}:{}:{} {} {fix}: {}",
            finding.path.display(),
            finding.line,
            finding.column,
            finding.rule.code,
            finding.message
        )
        .unwrap();
        for help in &finding.help {
            writeln!(out, "    {help}").unwrap();
        }
        for related in &finding.related {
            writeln!(out, "    line {}: {}", related.line, related.message).unwrap();
        }
    }
    for (name, level) in [("write", Safety::Safe), ("unsafe", Safety::Unsafe)] {
        writeln!(out, "=== {name}").unwrap();
        for file in &analysed {
            let Some(change) = file.change(level) else {
                continue;
            };
            edits += 1;
            let path = &*file.path;
            out.push_str(&diff(path, &file.text.bytes, &change.bytes));
            laws(file, &change.bytes, level, &memory, &options);
        }
    }
    (out, edits)
}

fn diff(path: &Path, before: &[u8], after: &[u8]) -> String {
    let before = String::from_utf8_lossy(before).replace('\r', "<CR>");
    let after = String::from_utf8_lossy(after).replace('\r', "<CR>");
    let diff = similar::TextDiff::from_lines(&before, &after);
    let mut out = format!("{}\n", path.display());
    for change in diff
        .iter_all_changes()
        .filter(|c| c.tag() != similar::ChangeTag::Equal)
    {
        writeln!(
            out,
            "{}{}",
            change.tag(),
            change.value().trim_end_matches('\n')
        )
        .unwrap();
    }
    out
}

/// A second run changes nothing.
fn laws(file: &File, after: &[u8], level: Safety, memory: &Memory, options: &Options) {
    let again = File::analyse(&file.path, after.to_vec(), memory, options).unwrap();
    assert!(
        again.change(level).is_none(),
        "{}: a second run changes the file again",
        file.path.display()
    );
}

#[test]
fn cases_are_judged_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let update = std::env::var_os("UPDATE_CORPUS").is_some();
    let mut wrong = String::new();
    for path in &paths {
        let text = std::fs::read_to_string(path).unwrap();
        let case = parse(&text);
        let (found, _) = run(&case);
        if found == case.expected {
            continue;
        }
        if update {
            let inputs = text.split("=== findings\n").next().unwrap();
            std::fs::write(path, format!("{inputs}=== findings\n{found}")).unwrap();
        } else {
            let name = path.file_name().unwrap().to_string_lossy();
            writeln!(
                wrong,
                "{name}: {}\nexpected\n{}found\n{found}",
                case.title, case.expected
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
