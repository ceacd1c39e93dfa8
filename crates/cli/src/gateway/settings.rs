//! The settings of a gateway: flags over environment over `lsconfig.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use figment::Figment;
use figment::value::Value as Given;
use lsconfig::addr::HostPort;
use lsconfig::diagnostic::{Diagnostic, codes};
use lsconfig::layer::{Layer, Origin, SourceKind};
use lsconfig::listen::ListenSet;
use lsconfig::provider::{self, Table};
use lsconfig::release::{NEWEST_KNOWN, Semantics};
use lsconfig::resolve::{CLOUD, DEFAULT_PORT, default_bind_host, resolve};
use lsconfig::settings::{Basis, Resolution, Value};
use lsconfig_gateway::config::{
    Config, ConfigError, CorsConfig, Mint, Profile, Route, TlsSource, Upstream, Urls, Waits,
};
use lsconfig_gateway::settings::{Listen, RouteTarget, Settings};

use super::args::ServeArgs;
use crate::args::{InContainer, InputFormat};
use crate::error::CliError;
use crate::input::{Input, Wanted, file_text, name_of};
use crate::render::{self, Sources};

/// The file that is read when no other is named.
const DEFAULT_FILE: &str = "lsconfig.toml";

/// The table of it that is the gateway's own.
const TABLE: &str = "gateway";

/// Reads all settings.
pub(crate) fn read(args: &ServeArgs) -> Result<Config, CliError> {
    Again::of(args).read()
}

/// The flags, kept for reading the settings again.
pub(super) struct Again {
    /// Those that are also keys of the file, by key.
    flags: provider::Settings,
    routes: Vec<String>,
    config: Option<PathBuf>,
    admin_from_anywhere: bool,
}

impl Again {
    pub(super) fn of(args: &ServeArgs) -> Self {
        let text = |value: &Option<String>| value.clone().map(Given::from);
        let path = |value: &PathBuf| Given::from(value.display().to_string());
        let number = |value: Option<u64>| value.map(Given::from);
        let tls = args.tls_cert.as_ref().map(|cert| match &args.tls_key {
            None => path(cert),
            Some(key) => BTreeMap::from([("cert", path(cert)), ("key", path(key))]).into(),
        });
        let flags = [
            ("upstream", text(&args.upstream)),
            ("profile", text(&args.profile)),
            (
                "listen",
                (!args.listen.is_empty()).then(|| args.listen.clone().into()),
            ),
            ("mint", text(&args.mint)),
            ("tls", tls),
            ("state-dir", args.state_dir.as_ref().map(path)),
            ("workers", args.workers.map(Given::from)),
            ("connect-timeout", number(args.connect_timeout)),
            ("response-timeout", number(args.response_timeout)),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        Self {
            flags: provider::Settings::new("flags", given),
            routes: args.route.clone(),
            config: args.config.clone(),
            admin_from_anywhere: args.admin_from_anywhere,
        }
    }

    /// Reads file and environment, and puts the flags on top.
    pub(super) fn read(&self) -> Result<Config, CliError> {
        let file = File::read(self.path())?;
        let mut input = input(self.path())?;
        let settings = self.settings(&file, &resolve_input(&input))?;
        if let Some(layer) = listen_layer(&settings.listen, &self.flags, &file) {
            input.layers.push(layer);
        }
        let resolution = resolve_input(&input);
        anstream::eprint!("{}", unreadable(&input, &resolution));
        let profile = settings.profile.unwrap_or_default();
        let upstream = settings.upstream.clone().ok_or_else(|| {
            CliError::usage(
                "no upstream is given",
                "name the emulator: `lsconfig gateway --upstream http://127.0.0.1:5000`",
            )
        })?;
        let mut routes = Vec::new();
        for text in &self.routes {
            routes.push(Route::parse(text, profile).map_err(|e| flag_error("route", &e))?);
        }
        routes.extend(file.routes(&settings, profile)?);
        Ok(Config {
            listen: listen_set(&resolution, input.facts.in_container),
            upstream: Arc::new(Upstream {
                url: upstream,
                profile,
            }),
            routes,
            urls: urls(&resolution, settings.mint),
            cors: cors(&resolution),
            tls: settings.tls.map_or(TlsSource::Own, |files| files.0),
            state_dir: state_dir(settings.state_dir.as_ref()),
            workers: settings.workers.map_or_else(cores, usize::from),
            admin_from_anywhere: self.admin_from_anywhere,
            waits: waits(settings.connect_timeout, settings.response_timeout),
        })
    }

    /// Stacks what is set for the gateway alone: the file, what LocalStack's variables say of the
    /// same, the flags.
    fn settings(&self, file: &File, resolution: &Resolution) -> Result<Settings, CliError> {
        let pem = text(resolution, "CUSTOM_SSL_CERT_PATH");
        let pem = (!pem.is_empty()).then_some(("tls", pem));
        let variables = provider::Settings::new("variables", pem);
        let figment = Figment::from(&file.table);
        // A variable in the same file is a general setting, and the table the special one.
        let figment = if is_from_environment(resolution, "CUSTOM_SSL_CERT_PATH") {
            figment.merge(variables)
        } else {
            figment.join(variables)
        };
        figment
            .merge(&self.flags)
            .extract()
            .map_err(|error| match file.table.diagnose(&error) {
                Some(diagnostic) => file.error(diagnostic),
                None => {
                    let said = provider::remark(&error.kind);
                    // An item of a list is said by its flag.
                    let names = error
                        .path
                        .iter()
                        .filter(|part| part.parse::<usize>().is_err());
                    let names: Vec<&str> = names.map(String::as_str).collect();
                    flag_error(&names.join("-"), &said)
                }
            })
    }

    /// The file to read: as asked for, else `lsconfig.toml` when there is one.
    fn path(&self) -> Option<&Path> {
        let default = Path::new(DEFAULT_FILE);
        self.config
            .as_deref()
            .or_else(|| default.exists().then_some(default))
    }
}

/// The gateway's own table of the file, which may be none.
struct File {
    table: Table,
    sources: Sources,
}

impl File {
    fn read(path: Option<&Path>) -> Result<Self, CliError> {
        let mut sources = Sources::default();
        let (name, text) = match path {
            Some(path) => (name_of(path), file_text(path)?),
            None => (DEFAULT_FILE.into(), Arc::default()),
        };
        sources.add(Arc::clone(&name), Arc::clone(&text));
        match Table::parse(&text, &name, TABLE) {
            Ok(table) => Ok(Self { table, sources }),
            Err(diagnostic) => Err(shown(*diagnostic, &sources)),
        }
    }

    fn error(&self, diagnostic: Diagnostic) -> CliError {
        shown(diagnostic, &self.sources)
    }

    /// Returns the routes in the order of the file.
    fn routes(&self, settings: &Settings, usual: Profile) -> Result<Vec<Route>, CliError> {
        let place = |name: &str| {
            let origin = self.table.key(&["routes", name])?;
            Some((origin.line, origin.column))
        };
        let mut routes: Vec<_> = settings.routes.iter().collect();
        routes.sort_by_key(|(name, _)| place(name));
        let route = |(name, target): (&String, &RouteTarget)| {
            Ok(Route {
                matches: name.parse().map_err(|error: ConfigError| {
                    let path = ["routes", name.as_str()];
                    self.error(self.table.at_key(&path, error.to_string(), "unknown"))
                })?,
                upstream: Arc::new(Upstream {
                    url: target.upstream.clone(),
                    profile: target.profile.unwrap_or(usual),
                }),
            })
        };
        routes.into_iter().map(route).collect()
    }
}

fn shown(diagnostic: Diagnostic, sources: &Sources) -> CliError {
    CliError::Diagnosed(render::diagnostics(&[diagnostic], sources))
}

fn flag_error(name: &str, said: &dyn std::fmt::Display) -> CliError {
    CliError::usage(format!("`--{name}`: {said}"), "")
}

/// Makes a layer of the addresses to listen on, which stands where they were given.
fn listen_layer(listen: &[Listen], flags: &provider::Settings, file: &File) -> Option<Layer> {
    if listen.is_empty() {
        return None;
    }
    let joined: Vec<String> = listen.iter().map(|Listen(spec)| spec.to_string()).collect();
    let (kind, origin) = if Figment::from(flags).contains("listen") {
        (SourceKind::Flag, Origin::of_source("--listen"))
    } else {
        (SourceKind::File, file.table.value(&["listen"])?.clone())
    };
    let mut layer = Layer::new(kind);
    layer.push("GATEWAY_LISTEN", joined.join(","), origin);
    Some(layer)
}

fn waits(connect: Option<u64>, response: Option<u64>) -> Waits {
    let default = Waits::default();
    let or = |seconds: Option<u64>, default| seconds.map_or(default, Duration::from_secs);
    Waits {
        connect: or(connect, default.connect),
        response: or(response, default.response),
    }
}

/// Renders what file and variables say that cannot be read, and that is left out.
fn unreadable(input: &Input, resolution: &Resolution) -> String {
    let invalid = |d: &&Diagnostic| d.code == codes::INVALID_VALUE.code;
    let all = input.diagnostics.iter();
    let all = all.chain(resolution.diagnostics.iter().filter(invalid));
    render::digest(&all.cloned().collect::<Vec<_>>(), &input.sources)
}

fn resolve_input(input: &Input) -> Resolution {
    resolve(&input.layers, &input.facts, Semantics::Normalized)
}

fn is_from_environment(resolution: &Resolution, name: &str) -> bool {
    let used = resolution.setting(name).map(|s| &s.derivation.used);
    used.is_some_and(|used| used.iter().any(|o| o.kind == SourceKind::Environment))
}

/// Reads the variables of a file, and the environment of this process above them.
fn input(file: Option<&Path>) -> Result<Input, CliError> {
    let files: Vec<PathBuf> = file.into_iter().map(Path::to_owned).collect();
    let marks = ["/.dockerenv", "/run/.containerenv"];
    Input::read(&Wanted {
        files: &files,
        env: true,
        no_env: false,
        service: None,
        format: Some(InputFormat::Toml),
        profile: None,
        config_dir: None,
        version: NEWEST_KNOWN,
        in_container: if marks.iter().any(|mark| Path::new(mark).exists()) {
            InContainer::True
        } else {
            InContainer::Auto
        },
    })
}

fn text<'a>(resolution: &'a Resolution, name: &str) -> &'a str {
    resolution.value(name).map_or("", Value::as_str)
}

fn listen_set(resolution: &Resolution, in_container: bool) -> ListenSet {
    let set = resolution.listen_set();
    if set.iter().next().is_some() {
        return set;
    }
    let default = HostPort::new(default_bind_host(in_container), DEFAULT_PORT);
    [default].into_iter().collect()
}

fn urls(resolution: &Resolution, mint: Option<Mint>) -> Urls {
    let explicit = resolution
        .localstack_host
        .as_ref()
        .is_some_and(|s| matches!(s.derivation.basis, Basis::Set | Basis::Mapped));
    let usual = if explicit {
        Mint::Configured
    } else {
        Mint::Client
    };
    let strategy = resolution.setting("SQS_ENDPOINT_STRATEGY");
    let strategy = strategy.filter(|s| s.derivation.basis == Basis::Set);
    Urls {
        mint: mint.unwrap_or(usual),
        address: resolution
            .url_address()
            .unwrap_or_else(|| HostPort::new(CLOUD, DEFAULT_PORT)),
        scheme: resolution.scheme(),
        sqs_strategy: strategy.map(|s| s.value.as_str().to_owned()),
        listen_port: resolution.listen_set().first_port().unwrap_or(DEFAULT_PORT),
    }
}

fn cors(resolution: &Resolution) -> CorsConfig {
    let list = |name| {
        let items = text(resolution, name).split(',').map(str::trim);
        items.filter(|i| !i.is_empty()).map(str::to_owned).collect()
    };
    CorsConfig {
        extra_origins: list("EXTRA_CORS_ALLOWED_ORIGINS"),
        extra_headers: list("EXTRA_CORS_ALLOWED_HEADERS"),
        extra_expose_headers: list("EXTRA_CORS_EXPOSE_HEADERS"),
        no_headers: resolution.flag("DISABLE_CORS_HEADERS"),
        no_checks: resolution.flag("DISABLE_CORS_CHECKS"),
        no_preflight: resolution.flag("DISABLE_PREFLIGHT_PROCESSING"),
        check_s3: resolution.flag("DISABLE_CUSTOM_CORS_S3"),
        check_api_gateway: resolution.flag("DISABLE_CUSTOM_CORS_APIGATEWAY"),
    }
}

/// Returns the directory of the certificate authority: as asked for, else below the user's.
pub(crate) fn state_dir(asked: Option<&PathBuf>) -> PathBuf {
    if let Some(dir) = asked {
        return dir.clone();
    }
    let base = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let base = base.filter(|b| b.is_absolute()).or_else(home);
    base.unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("lsconfig")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the names that the authority has to be good for, from the environment alone.
pub(crate) fn read_own() -> Result<Vec<String>, CliError> {
    let resolution = resolve_input(&input(None)?);
    let address = resolution.url_address();
    let address = address.unwrap_or_else(|| HostPort::new(CLOUD, DEFAULT_PORT));
    Ok(lsconfig_gateway::tls::names_of(&address.host))
}
