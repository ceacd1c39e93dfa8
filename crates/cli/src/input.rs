//! Reading what the user named into layers and facts.
//!
//! Files are read in the order of the command line, later ones above earlier ones. Compose files form
//! one project, whatever stands between them; a dotenv file next to a Compose file on the command line
//! is its `--env-file`.

mod compose;
mod files;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsconfig::diagnostic::{Diagnostic, Label, codes};
use lsconfig::facts::Facts;
use lsconfig::launcher;
use lsconfig::layer::{Layer, Layers, Occurrence, SourceKind};
use lsconfig::python;
use lsconfig::release::{NEWEST_KNOWN, TargetVersion};
use lsconfig::settings::Resolution;
use lsconfig::source::compose::{Source, dotenv_layer};
use lsconfig::source::{dotenv, pairs, profile, toml};

use crate::args::{ExplainArgs, InContainer, InputFormat};
use crate::error::CliError;
use crate::render::{Sources, printable};

pub(crate) use compose::Emulator;
pub(crate) use files::{name_of, open, read_error};

/// What an input is made of; the part of the arguments that `explain` and `url` share.
pub(crate) struct Wanted<'a> {
    /// The files, `-` for standard input.
    pub(crate) files: &'a [PathBuf],
    /// Whether the environment of this process counts, above all files.
    pub(crate) env: bool,
    /// Whether it must not be read at all.
    pub(crate) no_env: bool,
    /// The Compose service.
    pub(crate) service: Option<&'a str>,
    /// The format of all files.
    pub(crate) format: Option<InputFormat>,
    /// Profiles to load.
    pub(crate) profile: Option<&'a str>,
    /// Their directory.
    pub(crate) config_dir: Option<&'a Path>,
    /// The release whose profiles and dotenv rules apply.
    pub(crate) version: TargetVersion,
    /// Where the emulator runs.
    pub(crate) in_container: InContainer,
}

impl<'a> Wanted<'a> {
    /// What `explain` asks for.
    pub(crate) fn by(args: &'a ExplainArgs, version: Option<TargetVersion>) -> Self {
        Self {
            files: &args.files,
            env: args.env,
            no_env: args.no_env,
            service: args.service.as_deref(),
            format: args.input_format,
            profile: args.profile.as_deref(),
            config_dir: args.config_dir.as_deref(),
            version: version.unwrap_or(NEWEST_KNOWN),
            in_container: args.in_container,
        }
    }
}

/// Everything that resolution needs, and what is needed to show its answer.
pub(crate) struct Input {
    /// The raw texts.
    pub(crate) layers: Layers,
    /// Where the emulator runs.
    pub(crate) facts: Facts,
    /// The texts of the files, for underlines.
    pub(crate) sources: Sources,
    /// What the readers of the files had to say.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The service that runs the emulator, where a Compose file says so.
    pub(crate) emulator: Option<Emulator>,
}

impl Input {
    /// Reads what is wanted.
    pub(crate) fn read(wanted: &Wanted<'_>) -> Result<Self, CliError> {
        let mut input = Self {
            layers: Layers::default(),
            facts: Facts::default(),
            sources: Sources::default(),
            diagnostics: Vec::new(),
            emulator: None,
        };
        let format = |path: &PathBuf| wanted.format.unwrap_or_else(|| files::format_of(path));
        let unread = |path: &&PathBuf| wanted.format.is_none() && files::is_program(path);
        if let Some(path) = wanted.files.iter().find(unread) {
            let name = printable(&path.display().to_string()).into_owned();
            return Err(CliError::usage(
                format!("{name} is neither a Compose file nor lines of `NAME=value`"),
                format!(
                    "`lsconfig check {name}` finds settings in scripts, manifests and code; \
                     `--input-format` names the format of a file that is called otherwise"
                ),
            ));
        }
        let (mut composes, mut others) = (Vec::new(), Vec::new());
        for path in wanted.files {
            match format(path) {
                InputFormat::Compose => composes.push(path.as_path()),
                other => others.push((path.as_path(), other)),
            }
        }
        if !composes.is_empty() {
            let (dotenvs, rest) = others.into_iter().partition(|(_, format)| {
                matches!(format, InputFormat::Dotenv | InputFormat::ComposeDotenv)
            });
            others = rest;
            input.read_compose(&composes, dotenvs, wanted)?;
        }
        for (path, format) in others {
            input.read_file(path, format, wanted)?;
        }
        let with_environment = !wanted.no_env && (wanted.env || wanted.files.is_empty());
        if with_environment {
            input.layers.push(process_environment());
        }
        input.read_profiles(wanted, with_environment)?;
        let secrets = input.layers.secrets();
        for diagnostic in &mut input.diagnostics {
            diagnostic.conceal(&secrets);
        }
        let compose = !composes.is_empty();
        input.facts = Facts {
            in_container: match wanted.in_container {
                InContainer::True => true,
                InContainer::False => false,
                InContainer::Auto => compose || detect(&input.layers, wanted.files.is_empty()),
            },
            through_entrypoint: compose,
        };
        Ok(input)
    }

    /// Reads one file that is no Compose file.
    fn read_file(
        &mut self,
        path: &Path,
        format: InputFormat,
        wanted: &Wanted<'_>,
    ) -> Result<(), CliError> {
        let (name, text) = self.text(path)?;
        let (layer, diagnostics) = match format {
            InputFormat::Toml => toml::parse(&text, &name),
            InputFormat::Pairs if text.contains('\0') => {
                pairs::parse_nul(&text, &name).into_layer(SourceKind::File)
            }
            InputFormat::Pairs => pairs::parse_lines(&text, &name).into_layer(SourceKind::File),
            InputFormat::ComposeDotenv => {
                let environment = |name: &str| if wanted.no_env { None } else { variable(name) };
                dotenv_layer(&Source { name, text }, &environment)
            }
            InputFormat::Dotenv | InputFormat::Compose => {
                let environment = if wanted.no_env {
                    Vec::new()
                } else {
                    variables()
                };
                let mut parsed = dotenv::parse(&text, &name);
                dotenv::interpolate(&mut parsed, dotenv::Order::of(wanted.version), |name| {
                    environment
                        .iter()
                        .find(|(known, _)| **known == *name)
                        .map(|(_, v)| &**v)
                });
                parsed.into_layer(SourceKind::File)
            }
        };
        self.layers.push(layer);
        self.diagnostics.extend(diagnostics);
        Ok(())
    }

    /// Reads a file and remembers its text. What is not UTF-8 is reported and replaced.
    fn text(&mut self, path: &Path) -> Result<(Arc<str>, Arc<str>), CliError> {
        let (text, diagnostic) = files::text(path)?;
        let name = files::name_of(path);
        self.sources.add(Arc::clone(&name), Arc::clone(&text));
        self.diagnostics.extend(diagnostic);
        Ok((name, text))
    }

    /// Reads the profiles of the LocalStack CLI that the command line names, or else the
    /// environment of this process where that is what is explained. One that the command line names
    /// must be there; a missing one is skipped otherwise, as LocalStack does, and reported.
    fn read_profiles(
        &mut self,
        wanted: &Wanted<'_>,
        with_environment: bool,
    ) -> Result<(), CliError> {
        let set = |name: &str| {
            let found = self.layers.occurrences().find(|o| &*o.name == name);
            found.filter(|o| !python::strip(&o.raw).is_empty()).cloned()
        };
        let (names, explicit) = match (wanted.profile, set("CONFIG_PROFILE")) {
            (Some(names), _) => (names.to_owned(), true),
            (None, Some(named)) if with_environment && named.kind == SourceKind::Environment => {
                (named.raw.to_string(), false)
            }
            (None, Some(named)) => {
                self.diagnostics.push(profile_not_read(&named));
                return Ok(());
            }
            (None, None) => return Ok(()),
        };
        let directory = match (wanted.config_dir, set("CONFIG_DIR")) {
            (Some(directory), _) => directory.to_owned(),
            (None, Some(named)) if !explicit => PathBuf::from(python::strip(&named.raw)),
            _ => std::env::home_dir().unwrap_or_default().join(".localstack"),
        };
        let shown = files::name_of(&directory);
        let selection = profile::Selection {
            profile: Some(&names),
            directory: &shown,
            version: wanted.version,
        };
        let environment = if wanted.no_env {
            Vec::new()
        } else {
            variables()
        };
        let sources = &mut self.sources;
        let (mut refused, mut undecoded) = (None, Vec::new());
        let (layer, diagnostics) = profile::load(
            &selection,
            |name| match files::text(&directory.join(format!("{name}.env"))) {
                Ok((text, diagnostic)) => {
                    undecoded.extend(diagnostic);
                    sources.add(format!("{shown}/{name}.env"), Arc::clone(&text));
                    Some(text.to_string())
                }
                Err(error) => {
                    refused.get_or_insert(error);
                    None
                }
            },
            |name| {
                environment
                    .iter()
                    .find(|(known, _)| **known == *name)
                    .map(|(_, v)| &**v)
            },
        );
        if let Some(error) = refused.filter(|_| explicit) {
            return Err(error);
        }
        self.layers.push(layer);
        self.diagnostics.extend(undecoded);
        self.diagnostics.extend(diagnostics);
        Ok(())
    }

    /// Returns whether Compose files were named, but no service that runs the emulator was found in
    /// them. Then nothing is known about it, and no default may be shown as if it were.
    pub(crate) fn is_unknown(&self) -> bool {
        self.facts.through_entrypoint && self.emulator.is_none()
    }

    /// Says what the CLI of LocalStack would make of these settings, unless they are a container's.
    pub(crate) fn launcher_remarks(&self) -> Vec<Diagnostic> {
        if self.facts.in_container || self.facts.through_entrypoint {
            return Vec::new();
        }
        match launcher::plan(&self.layers, &self.facts) {
            Ok(plan) => launcher::diagnose(&self.layers, &plan),
            Err(_) => Vec::new(),
        }
    }

    /// Checks published ports, and what the image makes of the settings.
    pub(crate) fn emulator_remarks(&self, resolution: &Resolution) -> Vec<Diagnostic> {
        let Some(emulator) = &self.emulator else {
            return Vec::new();
        };
        let mut remarks = emulator.check(resolution);
        remarks.extend(emulator.image_reads_differently(resolution, self));
        remarks
    }
}

/// Says that a profile is named by something other than the environment of this process.
fn profile_not_read(named: &Arc<Occurrence>) -> Diagnostic {
    let names = printable(python::strip(&named.raw)).into_owned();
    let message = format!(
        "the profile `{names}`, which `{}` names, is not read",
        named.written()
    );
    Diagnostic::new(&codes::PROFILE_NOT_READ, message)
        .about("CONFIG_PROFILE")
        .help(format!("`--profile {names}` reads it as well"))
        .label(Label::of(named, ""))
}

/// Returns a variable of this process.
pub(crate) fn variable(name: &str) -> Option<Arc<str>> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into())
}

/// Returns the text of a file; bytes that are not UTF-8 are replaced.
pub(crate) fn file_text(path: &Path) -> Result<Arc<str>, CliError> {
    files::text(path).map(|(text, _)| text)
}

/// Returns the environment of this process, sorted. What is not UTF-8 is shown with replacement
/// characters.
fn variables() -> Vec<(Arc<str>, Arc<str>)> {
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into(),
                value.to_string_lossy().into(),
            )
        })
        .collect();
    pairs.sort();
    pairs
}

fn process_environment() -> Layer {
    Layer::from_pairs(SourceKind::Environment, "environment", variables())
}

/// Decides where the emulator runs: as `OVERRIDE_IN_DOCKER` says, else where this process runs when
/// its environment is what is explained.
fn detect(layers: &Layers, this_process: bool) -> bool {
    let forced = layers
        .occurrences()
        .find(|o| &*o.name == "OVERRIDE_IN_DOCKER");
    match forced.map(|o| &*o.raw) {
        Some(raw) if python::is_true(raw) => true,
        Some(raw) if python::is_false(raw) => false,
        _ => {
            let marks = ["/.dockerenv", "/run/.containerenv"];
            this_process && marks.iter().any(|mark| Path::new(mark).exists())
        }
    }
}
