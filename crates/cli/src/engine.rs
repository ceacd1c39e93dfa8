//! The Docker Engine of this machine, found as the docker client finds it.

use std::env;
use std::path::PathBuf;

use lsconfig_doctor::engine::{Found, Machine, Surroundings, discover};
use lsconfig_doctor::facts::Engine;

use crate::error::CliError;

/// Reads what decides about the engine from the environment of this process.
pub(crate) fn surroundings() -> Surroundings {
    let path = |name| env::var_os(name).map(PathBuf::from);
    let home = path("HOME");
    Surroundings {
        docker_host: env::var("DOCKER_HOST").ok(),
        docker_context: env::var("DOCKER_CONTEXT").ok(),
        config_dir: path("DOCKER_CONFIG").or_else(|| home.as_ref().map(|dir| dir.join(".docker"))),
        home,
        runtime_dir: path("XDG_RUNTIME_DIR"),
        tls_verify: env::var("DOCKER_TLS_VERIFY").ok(),
        cert_path: path("DOCKER_CERT_PATH"),
        machine: machine(),
    }
}

/// Reads what this machine is called, and its kernel; on systems without `/proc` neither is known.
fn machine() -> Machine {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?;
        Some(text.trim().to_owned())
    };
    Machine {
        name: read("hostname"),
        kernel: read("osrelease"),
    }
}

/// Finds the engine for a command that cannot do without.
pub(crate) fn find() -> Result<Found, CliError> {
    discover(&surroundings()).map_err(|observed| match *observed {
        Engine::Denied { address } => CliError::usage(
            format!("the Docker Engine at {address} may not be asked"),
            "add this user to the group `docker`, or run this as root",
        ),
        Engine::TooOld {
            address,
            api_version,
        } => CliError::usage(
            format!("the Docker Engine at {address} speaks version {api_version} of its API only"),
            "upgrade it to Docker 19.03 or newer",
        ),
        Engine::Unreachable { tried } => {
            let tried = tried.iter().map(|attempt| {
                let (address, by) = (&attempt.address, &attempt.found_by);
                format!("{address} ({by}): {}", attempt.error)
            });
            let tried: Vec<String> = tried.collect();
            CliError::usage(
                "no Docker Engine answers",
                format!(
                    "start it, or set DOCKER_HOST; tried\n  {}",
                    tried.join("\n  ")
                ),
            )
        }
        _ => CliError::usage("no Docker Engine answers", "start it, or set DOCKER_HOST"),
    })
}
