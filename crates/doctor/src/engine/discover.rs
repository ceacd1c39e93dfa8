//! Which engine: `DOCKER_HOST`, then the context, then the sockets that runtimes use.
//!
//! As the docker client does, an address that was chosen is the only one that is tried. Without a
//! choice the usual sockets are tried in turn.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::tls::{Tls, TlsError};
use super::{Address, Engine, EngineError, Machine};
use crate::facts::{Attempt, Engine as Observed};

/// What decides about the engine. The caller reads it; nothing here looks at the environment.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_TLS_VERIFY`: any text but the empty one wants TLS for `DOCKER_HOST`.
    pub tls_verify: Option<String>,
    /// `DOCKER_CERT_PATH`; the configuration's folder when absent.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, or `~/.docker`.
    pub config_dir: Option<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// What this program runs on.
    pub machine: Machine,
}

/// The engine that was found.
#[derive(Debug)]
pub struct Found {
    /// The engine.
    pub engine: Engine,
    /// How its address was found.
    pub found_by: String,
    /// What this program runs on.
    pub machine: Machine,
}

/// A place to look, and how it was found.
struct Candidate {
    address: Result<Address, EngineError>,
    text: String,
    found_by: String,
}

impl Candidate {
    fn at(text: String, found_by: impl Into<String>) -> Self {
        Self::with(text, found_by, Ok(None))
    }

    /// A place with TLS, where there is any.
    fn with(text: String, found_by: impl Into<String>, tls: Result<Option<Tls>, TlsError>) -> Self {
        let address = match tls {
            Ok(tls) => Address::parse(&text, tls),
            Err(error) => Err(error.into()),
        };
        Self {
            address,
            text,
            found_by: found_by.into(),
        }
    }
}

/// Finds an engine that answers.
///
/// # Errors
/// What is to be said about the engine, when none does.
pub fn discover(surroundings: &Surroundings) -> Result<Found, Box<Observed>> {
    let mut tried = Vec::new();
    let mut denied = None;
    for candidate in candidates(surroundings) {
        match candidate.address.and_then(Engine::connect) {
            Ok(engine) => {
                return Ok(Found {
                    engine,
                    found_by: candidate.found_by,
                    machine: surroundings.machine.clone(),
                });
            }
            Err(EngineError::TooOld(api)) => {
                return Err(Box::new(Observed::TooOld {
                    address: candidate.text,
                    api_version: api.to_string(),
                }));
            }
            Err(error) => {
                if error.is_denied() && denied.is_none() {
                    denied = Some(candidate.text.clone());
                }
                tried.push(Attempt {
                    address: candidate.text,
                    found_by: candidate.found_by,
                    error: error.to_string(),
                });
            }
        }
    }
    Err(Box::new(match denied {
        Some(address) => Observed::Denied { address },
        None => Observed::Unreachable { tried },
    }))
}

fn candidates(from: &Surroundings) -> Vec<Candidate> {
    if let Some(host) = from.docker_host.as_deref().filter(|h| !h.is_empty()) {
        let wanted = from.tls_verify.as_deref().is_some_and(|v| !v.is_empty());
        // A socket has no TLS, whatever the variable says.
        let folder = from.cert_path.as_ref().or(from.config_dir.as_ref());
        let folder = folder.filter(|_| wanted && !host.starts_with("unix:"));
        let tls = folder.map(|dir| Tls::from_folder(dir)).transpose();
        return vec![Candidate::with(host.to_owned(), "DOCKER_HOST", tls)];
    }
    let config = from.config_dir.as_deref();
    let chosen = from
        .docker_context
        .clone()
        .map(|name| (name, "DOCKER_CONTEXT"));
    let chosen = chosen.or_else(|| Some((current_context(config?)?, "context")));
    if let Some((name, how)) = chosen.filter(|(name, _)| !name.is_empty() && name != "default") {
        let found_by = format!("{how} {name}");
        return vec![match config.and_then(|dir| context(dir, &name)) {
            Some(context) => Candidate::with(context.host, found_by, context.tls),
            None => Candidate {
                text: format!("context {name}"),
                address: Err(EngineError::NoContext(name)),
                found_by,
            },
        }];
    }
    let socket =
        |path: PathBuf, how: &str| Candidate::at(format!("unix://{}", path.display()), how);
    let mut all = vec![socket("/var/run/docker.sock".into(), "default socket")];
    let below = |base: &Option<PathBuf>, rest: &str| base.as_deref().map(|dir| dir.join(rest));
    for (path, how) in [
        (below(&from.runtime_dir, "docker.sock"), "rootless Docker"),
        (
            below(&from.home, ".docker/run/docker.sock"),
            "Docker Desktop",
        ),
        (below(&from.home, ".colima/default/docker.sock"), "Colima"),
        (below(&from.home, ".rd/docker.sock"), "Rancher Desktop"),
        (below(&from.runtime_dir, "podman/podman.sock"), "Podman"),
        (Some("/run/podman/podman.sock".into()), "Podman"),
    ] {
        if let Some(path) = path.filter(|path| path.exists()) {
            all.push(socket(path, how));
        }
    }
    all
}

fn current_context(config: &Path) -> Option<String> {
    let settings = read_json(&config.join("config.json"))?;
    Some(settings.get("currentContext")?.as_str()?.to_owned())
}

/// What a context says about its engine.
struct Context {
    host: String,
    tls: Result<Option<Tls>, TlsError>,
}

/// Finds a context. Its folder is named by a hash, so all are looked through. The certificates are in
/// a folder of the same name.
fn context(config: &Path, name: &str) -> Option<Context> {
    let contexts = config.join("contexts");
    let folders = fs::read_dir(contexts.join("meta")).ok()?;
    folders.flatten().take(1000).find_map(|folder| {
        let meta = read_json(&folder.path().join("meta.json"))?;
        if meta.get("Name")?.as_str()? != name {
            return None;
        }
        let endpoint = meta.pointer("/Endpoints/docker")?;
        let unchecked = endpoint.get("SkipTLSVerify").and_then(Value::as_bool) == Some(true);
        let files = contexts.join("tls").join(folder.file_name()).join("docker");
        let tls = match (unchecked, files.exists()) {
            (true, _) => Err(TlsError::Unchecked),
            (false, true) => Tls::from_folder(&files).map(Some),
            (false, false) => Ok(None),
        };
        Some(Context {
            host: endpoint.get("Host")?.as_str()?.to_owned(),
            tls,
        })
    })
}

fn read_json(path: &Path) -> Option<Value> {
    // Both kinds of file are small; a larger one is something else.
    const MAX: u64 = 1 << 20;
    if fs::metadata(path).ok()?.len() > MAX {
        return None;
    }
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}
