//! The settings of a gateway: flags over environment over `lsconfig.toml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lsconfig::addr::HostPort;
use lsconfig::layer::{Layer, SourceKind};
use lsconfig::listen::ListenSet;
use lsconfig::release::{NEWEST_KNOWN, Semantics};
use lsconfig::resolve::{CLOUD, DEFAULT_PORT, default_bind_host, resolve};
use lsconfig::settings::{Basis, Resolution, Value};
use lsconfig_gateway::config::{
    Config, CorsConfig, Mint, Profile, Route, TlsSource, Upstream, Urls, Waits,
};
use lsconfig_gateway::file::{self, GatewayFile};

use super::args::ServeArgs;
use crate::args::{InContainer, InputFormat};
use crate::error::CliError;
use crate::input::{Input, Wanted, read_error};

/// The file that is read when no other is named.
const DEFAULT_FILE: &str = "lsconfig.toml";

/// Reads all settings.
pub(crate) fn read(args: &ServeArgs) -> Result<Config, CliError> {
    Again::of(args).read()
}

/// The flags, kept for reading the settings again.
pub(super) struct Again {
    upstream: Option<String>,
    profile: Option<String>,
    listen: Vec<String>,
    routes: Vec<String>,
    mint: Option<String>,
    tls: Option<(PathBuf, Option<PathBuf>)>,
    state_dir: Option<PathBuf>,
    config: Option<PathBuf>,
    workers: Option<usize>,
    admin_from_anywhere: bool,
    connect_timeout: Option<u64>,
    response_timeout: Option<u64>,
}

impl Again {
    pub(super) fn of(args: &ServeArgs) -> Self {
        let tls = args.tls_cert.clone().map(|c| (c, args.tls_key.clone()));
        Self {
            upstream: args.upstream.clone(),
            profile: args.profile.clone(),
            listen: args.listen.clone(),
            routes: args.route.clone(),
            mint: args.mint.clone(),
            tls,
            state_dir: args.state_dir.clone(),
            config: args.config.clone(),
            workers: args.workers,
            admin_from_anywhere: args.admin_from_anywhere,
            connect_timeout: args.connect_timeout,
            response_timeout: args.response_timeout,
        }
    }

    /// Reads file and environment, and puts the flags on top.
    pub(super) fn read(&self) -> Result<Config, CliError> {
        let file = self.file()?;
        let mut input = input(self.path())?;
        let listen: Vec<&str> = if self.listen.is_empty() {
            file.listen.iter().map(String::as_str).collect()
        } else {
            self.listen.iter().map(String::as_str).collect()
        };
        let kind = if self.listen.is_empty() {
            SourceKind::File
        } else {
            SourceKind::Flag
        };
        if !listen.is_empty() {
            let joined = listen.join(",");
            let pairs = [("GATEWAY_LISTEN", joined)];
            input
                .layers
                .push(Layer::from_pairs(kind, "--listen", pairs));
        }
        let resolution = resolve(&input.layers, &input.facts, Semantics::Normalized);
        let profile = self.profile.as_ref().or(file.profile.as_ref());
        let profile: Profile = profile
            .map_or(Ok(Profile::Generic), |p| p.parse())
            .map_err(wrong)?;
        let upstream = self.upstream.as_ref().or(file.upstream.as_ref());
        let upstream = upstream.ok_or_else(|| {
            CliError::usage(
                "no upstream is given",
                "name the emulator: `lsconfig gateway --upstream http://127.0.0.1:5000`",
            )
        })?;
        let upstream = Upstream {
            url: upstream.parse().map_err(wrong)?,
            profile,
        };
        let mut routes = Vec::new();
        for text in &self.routes {
            routes.push(Route::parse(text, profile).map_err(wrong)?);
        }
        routes.extend(file.routes(profile).map_err(wrong)?);
        Ok(Config {
            listen: listen_set(&resolution, input.facts.in_container),
            upstream: Arc::new(upstream),
            routes,
            urls: urls(&resolution, self.mint.as_ref().or(file.mint.as_ref()))?,
            cors: cors(&resolution),
            tls: self.tls(&file, &resolution),
            state_dir: state_dir(self.state_dir.as_ref().or(file.state_dir.as_ref())),
            workers: self.workers.or(file.workers).unwrap_or_else(cores),
            admin_from_anywhere: self.admin_from_anywhere,
            waits: self.waits(&file),
        })
    }

    fn waits(&self, file: &GatewayFile) -> Waits {
        let of = |flag: Option<u64>, file: Option<u64>| flag.or(file).map(Duration::from_secs);
        let default = Waits::default();
        Waits {
            connect: of(self.connect_timeout, file.connect_timeout).unwrap_or(default.connect),
            response: of(self.response_timeout, file.response_timeout).unwrap_or(default.response),
        }
    }

    /// The file to read: as asked for, else `lsconfig.toml` when there is one.
    fn path(&self) -> Option<&Path> {
        let default = Path::new(DEFAULT_FILE);
        self.config
            .as_deref()
            .or_else(|| default.exists().then_some(default))
    }

    fn file(&self) -> Result<GatewayFile, CliError> {
        let Some(path) = self.path() else {
            return Ok(GatewayFile::default());
        };
        let text = std::fs::read_to_string(path).map_err(|e| read_error(path, e))?;
        file::parse(&text)
            .map_err(|error| CliError::usage(format!("{}: {error}", path.display()), ""))
    }

    fn tls(&self, file: &GatewayFile, resolution: &Resolution) -> TlsSource {
        let pair = self.tls.clone().or_else(|| {
            let tls = file.tls.as_ref()?;
            Some((tls.cert.clone(), tls.key.clone()))
        });
        match pair {
            Some((cert, Some(key))) => TlsSource::Pair { cert, key },
            Some((pem, None)) => TlsSource::Pem(pem),
            None => match text(resolution, "CUSTOM_SSL_CERT_PATH") {
                "" => TlsSource::Own,
                path => TlsSource::Pem(path.into()),
            },
        }
    }
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

fn wrong(error: impl std::error::Error) -> CliError {
    CliError::usage(error.to_string(), "")
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

fn urls(resolution: &Resolution, mint: Option<&String>) -> Result<Urls, CliError> {
    let explicit = resolution
        .localstack_host
        .as_ref()
        .is_some_and(|s| matches!(s.derivation.basis, Basis::Set | Basis::Mapped));
    let mint = match mint.map(String::as_str) {
        Some("client") => Mint::Client,
        Some("configured") => Mint::Configured,
        Some(other) => {
            let message = format!("`{other}` says nothing about hosts of URLs");
            return Err(CliError::usage(message, "use `client` or `configured`"));
        }
        None if explicit => Mint::Configured,
        None => Mint::Client,
    };
    let strategy = resolution.setting("SQS_ENDPOINT_STRATEGY");
    let strategy = strategy.filter(|s| s.derivation.basis == Basis::Set);
    Ok(Urls {
        mint,
        address: resolution
            .url_address()
            .unwrap_or_else(|| HostPort::new(CLOUD, DEFAULT_PORT)),
        scheme: resolution.scheme(),
        sqs_strategy: strategy.map(|s| s.value.as_str().to_owned()),
        listen_port: resolution.listen_set().first_port().unwrap_or(DEFAULT_PORT),
    })
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
    let input = input(None)?;
    let resolution = resolve(&input.layers, &input.facts, Semantics::Normalized);
    let address = resolution.url_address();
    let address = address.unwrap_or_else(|| HostPort::new(CLOUD, DEFAULT_PORT));
    Ok(lsconfig_gateway::tls::names_of(&address.host))
}
