//! Laws over generated documents. `PROPTEST_CASES` sets how many; 256 by default.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lsconfig::release::{Semantics, TargetVersion};
use lsconfig_migrate::effect::Environment;
use lsconfig_migrate::file::{File, Options};
use lsconfig_migrate::finding::Safety;
use lsconfig_migrate::project::{Files, NoFiles};
use lsconfig_migrate::scope::{Document, Owner};
use proptest::prelude::*;
use proptest::sample::select;

const IMAGES: [&str; 12] = [
    "localstack/localstack",
    "localstack/localstack:4",
    "localstack/localstack:3.0.2",
    "localstack/localstack:2.3.2",
    "localstack/localstack:2.3.0",
    "localstack/localstack:2.1.0",
    "localstack/localstack:2.0.0",
    "localstack/localstack:1.4.0",
    "localstack/localstack:0.14.2",
    "localstack/localstack:${TAG}",
    "docker.io/localstack/localstack-pro:3.8.1",
    "ghcr.io/acme/localstack:1",
];

const PAIRS: [(&str, &str); 34] = [
    ("EDGE_PORT", "4566"),
    ("EDGE_PORT", "7001"),
    ("EDGE_PORT", "04566"),
    ("EDGE_PORT", ""),
    ("EDGE_PORT", "0"),
    ("EDGE_PORT", "http"),
    ("EDGE_PORT", "70000"),
    ("EDGE_PORT", "${PORT:-4566}"),
    ("EDGE_PORT_HTTP", "5000"),
    ("EDGE_PORT_HTTP", "0"),
    ("EDGE_PORT_HTTP", "4566"),
    ("EDGE_BIND_HOST", "0.0.0.0"),
    ("EDGE_BIND_HOST", "10.0.0.1"),
    ("EDGE_BIND_HOST", "::1"),
    ("HOSTNAME_EXTERNAL", "localhost"),
    ("HOSTNAME_EXTERNAL", "broker"),
    ("HOSTNAME_EXTERNAL", "broker:8080"),
    ("HOSTNAME_EXTERNAL", "${HOST_NAME}"),
    ("HOSTNAME_EXTERNAL", "localhost.localstack.cloud"),
    ("LOCALSTACK_HOSTNAME", "localhost"),
    ("LOCALSTACK_HOSTNAME", "broker"),
    ("LOCALSTACK_HOSTNAME", "other"),
    ("LOCALSTACK_EDGE_PORT", "7001"),
    ("LOCALSTACK_EDGE_PORT", "4566"),
    ("SQS_PORT_EXTERNAL", "8080"),
    ("ES_PORT_EXTERNAL", "4571"),
    ("GATEWAY_LISTEN", "0.0.0.0:7001"),
    ("GATEWAY_LISTEN", "0.0.0.0:4566,0.0.0.0:443"),
    ("LOCALSTACK_HOST", "broker"),
    ("LOCALSTACK_HOST", "broker:5000"),
    ("SERVICES", "s3"),
    ("DEBUG", "1"),
    ("SQS_ENDPOINT_STRATEGY", "path"),
    ("EDGE_FORWARD_URL", "x"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    List,
    Map,
    FlowList,
    FlowMap,
    Kubernetes,
    Run,
    Start,
    Dockerfile,
    Markdown,
    Workflow,
    Dotenv,
    Json,
    Jsonc,
    Script,
    Hcl,
    Nomad,
    Nix,
    Make,
    PowerShell,
    Toml,
    Jenkins,
    Escaped,
    Groovy,
    Heredoc,
    NixScript,
    Variables,
    Step,
}

const FORMS: [Form; 27] = [
    Form::List,
    Form::Map,
    Form::FlowList,
    Form::FlowMap,
    Form::Kubernetes,
    Form::Run,
    Form::Start,
    Form::Dockerfile,
    Form::Markdown,
    Form::Workflow,
    Form::Dotenv,
    Form::Json,
    Form::Jsonc,
    Form::Script,
    Form::Hcl,
    Form::Nomad,
    Form::Nix,
    Form::Make,
    Form::PowerShell,
    Form::Toml,
    Form::Jenkins,
    Form::Escaped,
    Form::Groovy,
    Form::Heredoc,
    Form::NixScript,
    Form::Variables,
    Form::Step,
];

#[derive(Debug, Clone)]
struct Made {
    form: Form,
    image: &'static str,
    pairs: Vec<(&'static str, &'static str)>,
    /// Per item: quotes, trailing comment, blank or comment line in front.
    dress: Vec<(u8, bool, u8)>,
    indent: usize,
    crlf: bool,
    bom: bool,
    newline: bool,
    ports: bool,
    anchor: bool,
    keep_legacy: bool,
    strategy: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let items = prop::collection::vec((select(&PAIRS[..]), (0u8..3, any::<bool>(), 0u8..4)), 1..6);
    let flags = (
        1usize..5,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    );
    (select(&FORMS[..]), select(&IMAGES[..]), items, flags).prop_map(
        |(form, image, items, flags)| {
            let (indent, crlf, bom, newline, ports, anchor, keep_legacy, strategy) = flags;
            let (pairs, dress) = items.into_iter().unzip();
            Made {
                form,
                image,
                pairs,
                dress,
                indent,
                crlf,
                bom,
                newline,
                ports,
                anchor,
                keep_legacy,
                strategy,
            }
        },
    )
}

impl Made {
    fn path(&self) -> &'static Path {
        Path::new(match self.form {
            Form::Run | Form::Start => "start.sh",
            Form::Dockerfile => "Dockerfile",
            Form::Markdown => "README.md",
            Form::Workflow | Form::Step => "ci.yml",
            Form::Kubernetes => "deploy.yaml",
            Form::Dotenv => "ls.env",
            Form::Json => "task.json",
            Form::Jsonc => "devcontainer.jsonc",
            Form::Script | Form::Escaped => "package.json",
            Form::Hcl | Form::Heredoc => "main.tf",
            Form::Nomad => "job.nomad",
            Form::Nix | Form::NixScript => "ls.nix",
            Form::Make => "Makefile",
            Form::PowerShell | Form::Variables => "start.ps1",
            Form::Toml => "pyproject.toml",
            Form::Jenkins | Form::Groovy => "Jenkinsfile",
            _ => "compose.yaml",
        })
    }

    fn quoted(&self, at: usize, text: &str) -> String {
        let flow = self.form == Form::FlowList && text.contains(['{', ',']);
        match self.dress[at].0 {
            0 if flow => format!("\"{text}\""),
            1 => format!("\"{text}\""),
            2 => format!("'{text}'"),
            _ => text.to_owned(),
        }
    }

    fn lead(&self, at: usize, pad: &str) -> String {
        match self.dress[at].2 {
            1 => "\n".to_owned(),
            2 => format!("{pad}# EDGE_PORT=1 and ${{HOSTNAME_EXTERNAL}}\n"),
            _ => String::new(),
        }
    }

    fn tail(&self, at: usize) -> &'static str {
        if self.dress[at].1 {
            "   # HOSTNAME_EXTERNAL, why"
        } else {
            ""
        }
    }

    fn compose(&self, image: &str) -> String {
        let pad = " ".repeat(self.indent);
        let (two, three) = (pad.repeat(2), pad.repeat(3));
        let mut text = format!("# head\nservices:\n{pad}ls:\n{two}image: \"{image}\"\n");
        if self.ports {
            text += &format!("{two}ports: [\"7001:7001\", \"4566:4566\"]\n");
        }
        let anchor = if self.anchor { " &env" } else { "" };
        text += &format!("{two}environment:{anchor}");
        let each = self.pairs.iter().enumerate();
        match self.form {
            Form::FlowList => {
                let items: Vec<String> = each
                    .map(|(n, (k, v))| self.quoted(n, &format!("{k}={v}")))
                    .collect();
                return text + &format!(" [{}]\n", items.join(", "));
            }
            Form::FlowMap => {
                let items: Vec<String> = self
                    .pairs
                    .iter()
                    .map(|(k, v)| format!("{k}: \"{v}\""))
                    .collect();
                return text + &format!(" {{ {} }}\n", items.join(", "));
            }
            _ => text.push('\n'),
        }
        for (n, (k, v)) in each {
            text += &self.lead(n, &three);
            let tail = self.tail(n);
            text += &match self.form {
                Form::Map => format!("{three}{k}: {}{tail}\n", self.quoted(n, v)),
                _ => format!("{three}- {}{tail}\n", self.quoted(n, &format!("{k}={v}"))),
            };
        }
        text
    }

    fn text(&self, image: &str) -> String {
        let each = || self.pairs.iter().enumerate();
        let mut text = match self.form {
            Form::List | Form::Map | Form::FlowList | Form::FlowMap => self.compose(image),
            Form::Markdown => format!(
                "# Use\n\nEDGE_PORT=4566\n\n```yaml\n{}```\n",
                Self {
                    form: Form::List,
                    ..self.clone()
                }
                .compose(image)
            ),
            Form::Workflow => {
                let mut text = format!(
                    "jobs:\n  a:\n    services:\n      ls:\n        image: {image}\n        env:\n"
                );
                for (n, (k, v)) in each() {
                    text += &format!("          {k}: {}{}\n", self.quoted(n, v), self.tail(n));
                }
                text + "    env:\n      EDGE_PORT: 4566\n      LOCALSTACK_HOSTNAME: x\n"
            }
            Form::Kubernetes => {
                let mut text = format!(
                    "kind: Pod\nspec:\n  containers:\n    - name: ls\n      image: \"{image}\"\n      env:\n"
                );
                for (n, (k, v)) in each() {
                    text += &self.lead(n, "        ");
                    text += &format!(
                        "        - name: {k}\n          value: \"{v}\"{}\n",
                        self.tail(n)
                    );
                }
                text
            }
            Form::Run => {
                let mut text = "#!/bin/sh\n# EDGE_PORT\ndocker run --rm \\\n".to_owned();
                for (n, (k, v)) in each() {
                    let end = if self.dress[n].1 { " \\\n" } else { " " };
                    text += &format!("  -e {}{end}", self.quoted(n, &format!("{k}={v}")));
                }
                text + &format!("  \"{image}\"\necho \"$EDGE\"\n")
            }
            Form::Start => {
                let mut text = "pip install 'localstack<3'\n".to_owned();
                for (n, (k, v)) in each() {
                    text += &format!("{k}={} ", self.quoted(n, v));
                }
                text + "localstack start -d\n"
            }
            Form::Dotenv => {
                let mut text = "# EDGE_PORT=1\n".to_owned();
                for (n, (k, v)) in each() {
                    text += &self.lead(n, "");
                    text += &format!("{k}={}{}\n", self.quoted(n, v), self.tail(n));
                }
                text
            }
            Form::Json | Form::Jsonc => {
                let comments = self.form == Form::Jsonc;
                let mut text = format!("{{\n\t\"image\": \"{image}\",\n");
                let maps = self.indent.is_multiple_of(2);
                text += if maps {
                    "\t\"containerEnv\": {"
                } else {
                    "\t\"environment\": ["
                };
                for (n, (k, v)) in each() {
                    text += if n > 0 { "," } else { "" };
                    text += if self.dress[n].1 { "\n\t\t" } else { " " };
                    if comments && self.dress[n].2 == 2 && self.dress[n].1 {
                        text += "// EDGE_PORT, why\n\t\t";
                    }
                    text += &if maps {
                        format!("\"{k}\": \"{v}\"")
                    } else {
                        format!("{{\"name\": \"{k}\", \"value\": \"{v}\"}}")
                    };
                }
                text + if maps { "\n\t}\n}\n" } else { "\n\t]\n}\n" }
            }
            Form::Script | Form::Toml | Form::Jenkins => {
                let options: Vec<String> =
                    each().map(|(_, (k, v))| format!("-e {k}={v}")).collect();
                let command = format!("docker run {} {image}", options.join(" "));
                match self.form {
                    Form::Script => format!("{{\n  \"scripts\": {{ \"ls\": \"{command}\" }}\n}}\n"),
                    Form::Toml => format!("[tool.x]\nls = \"{command}\" # EDGE_PORT\n"),
                    _ => format!("// EDGE_PORT\nnode {{ sh '{command}' }}\n"),
                }
            }
            Form::Escaped => {
                let options: Vec<String> = each()
                    .map(|(n, (k, v))| match self.dress[n].0 {
                        1 => format!("-e \\\"{k}={v}\\\""),
                        2 => format!("-e {k}=\\\"{v}\\\""),
                        _ => format!("-e {k}={v}"),
                    })
                    .collect();
                let command = format!("docker run {} {image}", options.join(" "));
                format!("{{\n  \"scripts\": {{ \"ls\": \"{command}\" }}\n}}\n")
            }
            Form::Groovy | Form::Heredoc | Form::NixScript => {
                let (head, joint, tail) = match self.form {
                    Form::Groovy => ("// EDGE_PORT\nnode { sh \"\"\"\n", "\\\\", "\"\"\" }\n"),
                    Form::Heredoc => ("x = <<-EOT\n", "\\", "  EOT\n"),
                    _ => ("{ pkgs, ... }:\n{\n  x = ''\n", "\\", "  '';\n}\n"),
                };
                let mut text = format!("{head}    docker run --rm {joint}\n");
                for (n, (k, v)) in each() {
                    let end = if self.dress[n].1 {
                        format!(" {joint}\n")
                    } else {
                        " ".to_owned()
                    };
                    text += &format!("      -e {k}={v}{end}");
                }
                text + &format!("      {image}\n{tail}")
            }
            Form::Variables => {
                let mut text = "pip install localstack==4.0.0\n".to_owned();
                for (n, (k, v)) in each() {
                    let equals = if self.dress[n].1 { " = " } else { "=" };
                    text += &format!("$env:{k}{equals}\"{}\"\n", v.replace('$', "$e"));
                }
                text + "localstack start -d\n"
            }
            Form::Step => {
                let mut text = "jobs:\n  a:\n    steps:\n      - run: |\n          pip install localstack==2.3.2\n          localstack start -d\n        env:\n".to_owned();
                for (n, (k, v)) in each() {
                    text += &self.lead(n, "          ");
                    text += &format!("          {k}: {}{}\n", self.quoted(n, v), self.tail(n));
                }
                text
            }
            Form::Hcl => {
                let image = image.replace("${TAG}", "${var.tag}");
                let mut text = format!(
                    "resource \"docker_container\" \"ls\" {{\n  image = \"{image}\"\n  env = ["
                );
                for (n, (k, v)) in each() {
                    text += if n > 0 { "," } else { "" };
                    text += if self.dress[n].1 { "\n    " } else { " " };
                    text += &format!("\"{k}={}\"", v.replace(":-4566", ""));
                }
                text + if self.newline {
                    ",\n  ]\n}\n"
                } else {
                    " ]\n}\n"
                }
            }
            Form::Nomad | Form::Nix => {
                let nix = self.form == Form::Nix;
                let end = if nix { ";" } else { "" };
                let image = image.replace("${TAG}", "${tag}");
                let mut text = if nix {
                    format!(
                        "{{ pkgs, ... }}:\n{{\n  ls = {{\n    image = \"{image}\";\n    environment = {{\n"
                    )
                } else {
                    format!(
                        "task \"ls\" {{\n    config {{\n      image = \"{image}\"\n    }}\n    env {{\n"
                    )
                };
                for (n, (k, v)) in each() {
                    text += &self.lead(n, "      ").replace("${HOSTNAME_EXTERNAL}", "x");
                    text += &format!(
                        "      {k} = \"{}\"{end}{}\n",
                        v.replace(":-4566", ""),
                        self.tail(n)
                    );
                }
                text + if nix {
                    "    };\n  };\n}\n"
                } else {
                    "    }\n}\n"
                }
            }
            Form::Make => {
                let mut text = "# EDGE_PORT\nup:\n\tdocker run --rm \\\n".to_owned();
                for (n, (k, v)) in each() {
                    let end = if self.dress[n].1 { " \\\n" } else { " " };
                    let v = v
                        .replace("${PORT:-4566}", "$(PORT)")
                        .replace("${HOST_NAME}", "$(HOST)");
                    text += &format!("\t\t-e {}{end}", self.quoted(n, &format!("{k}={v}")));
                }
                text + &format!("\t\t{image}\n")
            }
            Form::PowerShell => {
                let mut text = "# EDGE_PORT\ndocker run --rm `\n".to_owned();
                for (n, (k, v)) in each() {
                    let end = if self.dress[n].1 { " `\n" } else { " " };
                    text += &format!("  -e {}{end}", self.quoted(n, &format!("{k}={v}")));
                }
                text + &format!("  \"{image}\"\n")
            }
            Form::Dockerfile => {
                let mut text = format!("FROM {image}\nENV");
                for (n, (k, v)) in each() {
                    let start = match (self.dress[n].1, self.dress[n].2) {
                        (true, 2) => " \\\n    # EDGE_PORT, why\n    ",
                        (true, _) => " \\\n    ",
                        _ => " ",
                    };
                    text += &format!("{start}{k}={}", self.quoted(n, v));
                }
                text + "\nUSER x\n"
            }
        };
        if !self.newline {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if self.crlf {
            text = text.replace('\n', "\r\n");
        }
        let signed = matches!(
            self.form,
            Form::Dockerfile
                | Form::Run
                | Form::Start
                | Form::Make
                | Form::PowerShell
                | Form::Variables
                | Form::Jenkins
                | Form::Groovy
        );
        if self.bom && !signed {
            text.insert(0, '\u{feff}');
        }
        text
    }
}

fn analyse(path: &Path, bytes: &[u8]) -> File {
    let options = Options {
        edit_markdown: true,
        ..Options::default()
    };
    File::analyse(path, bytes.to_vec(), &NoFiles, &options).unwrap()
}

/// A Compose file that loads a file of settings.
struct Loader(String);

impl Files for Loader {
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        (path == Path::new("compose.yaml")).then(|| self.0.clone().into_bytes())
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let here = folder == Path::new("") && !self.0.is_empty();
        here.then(|| PathBuf::from("compose.yaml"))
            .into_iter()
            .collect()
    }
}

impl Made {
    fn analyse(&self, image: &str, bytes: &[u8]) -> File {
        let options = Options {
            edit_markdown: true,
            keep_legacy: self.keep_legacy,
            strategy: self.strategy.then(|| "path".to_owned()),
            ..Options::default()
        };
        let loader = if self.form == Form::Dotenv {
            format!("services:\n  ls:\n    image: \"{image}\"\n    env_file: ls.env\n")
        } else {
            String::new()
        };
        File::analyse(self.path(), bytes.to_vec(), &Loader(loader), &options).unwrap()
    }
}

fn environments(document: &Document) -> Vec<(Option<TargetVersion>, Environment)> {
    let scopes = document.scopes.iter();
    scopes
        .filter_map(|scope| {
            let version = match &scope.owner {
                Owner::Server(image) => image.release.version(),
                Owner::Cli(release) => release.version(),
                _ => return None,
            };
            let own = scope
                .settings
                .iter()
                .filter_map(|s| Some((s.name.clone(), s.value.clone()?)));
            let environment = Environment {
                files: Vec::new(),
                own: own.collect(),
                in_container: scope.in_container,
            };
            Some((version, environment))
        })
        .collect()
}

/// Ranges of `${...}` and of lines that are comments.
fn forbidden(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("${") {
        let end = text[at..].find('}').map_or(text.len(), |n| at + n + 1);
        found.push((at + 1, end - 1));
    }
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(['#', '/']) {
            found.push((at, at + line.trim_end().len()));
        }
        at += line.len();
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_keep_their_promises(made in made()) {
        let text = made.text(made.image);
        let file = made.analyse(made.image, text.as_bytes());
        prop_assert!(file.document.broken.is_none(), "{text}");
        prop_assert!(!file.findings.iter().any(|f| f.help.iter().any(|h| h.contains("fix-withdrawn"))), "{text}\n{:?}", file.findings);
        for level in [Safety::Safe, Safety::Unsafe] {
            let Some(change) = file.change(level) else { continue };
            let after = made.analyse(made.image, &change.bytes);
            // (g) what could be read can be read again, (c) and nothing is left to do.
            prop_assert!(after.document.broken.is_none());
            prop_assert!(after.change(level).is_none(), "{text}\n{}", String::from_utf8_lossy(&change.bytes));
            // (d) bytes outside the edits stay.
            let (mut old, mut new) = (0, 0);
            for edit in &change.edits {
                let kept = &text.as_bytes()[old..edit.start];
                prop_assert_eq!(kept, &change.bytes[new..new + kept.len()]);
                (old, new) = (edit.end, new + kept.len() + edit.text.len());
            }
            prop_assert_eq!(&text.as_bytes()[old..], &change.bytes[new..]);
            // (f) no edit inside an expression or a comment: whole or not at all.
            for (start, end) in forbidden(&text) {
                for edit in &change.edits {
                    let inside = edit.start > start && edit.start < end || edit.end > start && edit.end < end;
                    prop_assert!(!inside, "{text}\n{edit:?}");
                }
            }
            let (before, after) = (environments(&file.document), environments(&after.document));
            for ((version, before), (_, after)) in before.iter().zip(&after) {
                promises(level, *version, before, after, &file)?;
            }
        }
    }

    /// (e) Without evidence of LocalStack nothing is touched.
    #[test]
    fn other_software_is_left_alone(made in made(), image in select(&["example/app:1", "envoyproxy/envoy", "floci/floci", "postgres:15"][..])) {
        let cli = matches!(made.form, Form::Start | Form::Variables | Form::Step);
        let made = Made { form: if cli { Form::Run } else { made.form }, ..made };
        let text = made.text(image);
        let file = made.analyse(image, text.as_bytes());
        prop_assert!(file.change(Safety::Unsafe).is_none(), "{text}");
        prop_assert!(file.findings.iter().all(|f| f.fix.is_none()));
    }

    /// Any bytes in, no panic; and whatever is written can be read.
    #[test]
    fn any_text_is_survived(text in "(?s)[ -~\n\t${}'\"\\\\#:=,\\[\\]-]{0,200}", name in select(&["a.yaml", ".env", "a.sh", "Makefile", "Dockerfile", "a.md", "a.ps1", "a.py", "a.toml", "a.tf", "a.nix", "a.json", "Jenkinsfile"][..]), at in 0usize..200) {
        let mut text = text;
        let at = at.min(text.len());
        text.insert_str(at, "docker run -e EDGE_PORT=4566 -e A=1 localstack/localstack");
        let file = analyse(Path::new(name), text.as_bytes());
        for level in [Safety::Safe, Safety::Unsafe] {
            if let Some(change) = file.change(level) {
                prop_assert!(analyse(Path::new(name), &change.bytes).change(level).is_none());
            }
        }
    }
}

/// (a) Safe: the same release reads the same. (b) Asked for: what was meant is what runs.
fn promises(
    level: Safety,
    version: Option<TargetVersion>,
    before: &Environment,
    after: &Environment,
    file: &File,
) -> Result<(), TestCaseError> {
    let dynamic = |e: &Environment| e.own.iter().any(|(_, v)| v.contains('$'));
    if level == Safety::Safe {
        let all = [(1, 4), (2, 0), (2, 2), (2, 3), (3, 8), (4, 14)]
            .map(|(a, b)| TargetVersion::new(a, b));
        let versions = version.map_or(all.to_vec(), |v| vec![v]);
        for sample in ["5001", "4566", "broker"] {
            let fill = |e: &Environment| {
                let mut e = e.clone();
                for (_, value) in &mut e.own {
                    if value.contains('$') {
                        *value = sample.to_owned();
                    }
                }
                e
            };
            for version in &versions {
                prop_assert!(
                    fill(before).same_on(&fill(after), *version),
                    "{version}: {before:?} {after:?}"
                );
            }
        }
        return Ok(());
    }
    let left = file.findings.iter().any(|f| f.fix.is_none());
    let modern = version.is_some_and(|v| v.major >= 3);
    // Where a person has to decide, or a name has no successor, nothing is promised.
    let lossy = before.own.iter().any(|(name, value)| {
        name.contains("PORT_EXTERNAL")
            // The entry point of the image knows the prefix, the CLI does not.
            || !before.in_container && name == "LOCALSTACK_EDGE_PORT"
            || value.is_empty()
            || matches!(value.as_str(), "http" | "70000" | "0")
    });
    if left || !modern || lossy || dynamic(before) {
        return Ok(());
    }
    let Some(version) = version else {
        return Ok(());
    };
    let meant = before.resolve(Semantics::Normalized);
    let runs = after.resolve(version);
    let set = |r: &lsconfig::settings::Resolution| -> BTreeSet<String> {
        r.bind.iter().map(ToString::to_string).collect()
    };
    prop_assert_eq!(set(&meant), set(&runs), "{:?} {:?}", before, after);
    let host = |r: &lsconfig::settings::Resolution| {
        r.localstack_host.as_ref().map(|s| s.value.to_string())
    };
    prop_assert_eq!(host(&meant), host(&runs), "{:?} {:?}", before, after);
    Ok(())
}
