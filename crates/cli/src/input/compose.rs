//! Compose projects: the service that runs the emulator, and how its ports are reached.

use std::path::Path;
use std::sync::Arc;

use lsconfig::addr::HostPort;
use lsconfig::diagnostic::{Diagnostic, Label, Severity, codes};
use lsconfig::release::{Semantics, TargetVersion};
use lsconfig::resolve::{CLOUD, resolve};
use lsconfig::settings::{Basis, Resolution, Value};
use lsconfig::source::compose::reach::{self, Listening, Purpose, Route};
use lsconfig::source::compose::{self, PortRange, ReadError, Service, Source};

use super::{Input, Wanted, files, variable};
use crate::args::InputFormat;
use crate::error::CliError;

/// The service that runs the emulator.
pub(crate) struct Emulator {
    service: Service,
    /// The release that the image's tag names.
    version: Option<TargetVersion>,
    /// Services with a network of their own that ask Docker's DNS server and no other.
    unaided: Vec<Arc<str>>,
}

impl Input {
    /// Reads Compose files as one project and takes the emulator's environment from it.
    pub(super) fn read_compose(
        &mut self,
        paths: &[&Path],
        dotenvs: Vec<(&Path, InputFormat)>,
        wanted: &Wanted<'_>,
    ) -> Result<(), CliError> {
        let mut sources = Vec::new();
        for path in paths {
            let (name, text) = self.text(path)?;
            sources.push(Source { name, text });
        }
        let mut dotenv = Vec::new();
        for (path, _) in &dotenvs {
            let (name, text) = self.text(path)?;
            dotenv.push(Source { name, text });
        }
        if dotenvs.is_empty() {
            // Compose reads the `.env` beside the first file by itself.
            let beside = paths[0].with_file_name(".env");
            if let Ok((text, _)) = files::text(&beside) {
                dotenv.push(Source {
                    name: files::name_of(&beside),
                    text,
                });
            }
        }
        let read = |path: &str| match files::text(Path::new(path)) {
            Ok((text, _)) => Ok(text),
            Err(CliError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Err(ReadError::NotFound)
            }
            Err(_) => Err(ReadError::Unreadable),
        };
        let environment =
            |name: &str| -> Option<Arc<str>> { if wanted.no_env { None } else { variable(name) } };
        let input = compose::Input {
            files: &sources,
            dotenv: &dotenv,
            project_name: None,
            environment: &environment,
            read: &read,
        };
        let project = compose::read(&input);
        self.diagnostics.extend(project.diagnostics.iter().cloned());
        for source in &dotenv {
            self.sources
                .add(Arc::clone(&source.name), Arc::clone(&source.text));
        }
        for name in &project.files {
            if let Ok(text) = read(name) {
                self.sources.add(Arc::clone(name), text);
            }
        }
        match project.localstack(wanted.service) {
            Ok(service) => {
                self.diagnostics.extend(service.diagnostics.iter().cloned());
                let environment = compose::layers(service, &input);
                for name in &environment.files {
                    if let Ok(text) = read(name) {
                        self.sources.add(Arc::clone(name), text);
                    }
                }
                self.diagnostics.extend(environment.diagnostics);
                for layer in &environment.layers {
                    self.layers.push(layer.clone());
                }
                let version = service.image().and_then(|image| image.version());
                let others = project.services.iter().filter(|other| {
                    other.name != service.name && other.dns.is_empty() && !other.shares_network()
                });
                self.emulator = Some(Emulator {
                    service: service.clone(),
                    version,
                    unaided: others.map(|other| other.name.value.clone()).collect(),
                });
            }
            // What is broken already explains why there is no service.
            Err(_)
                if project
                    .diagnostics
                    .iter()
                    .any(|d| d.severity == Severity::Error) => {}
            Err(diagnostic) => self.diagnostics.push(*diagnostic),
        }
        Ok(())
    }
}

impl Emulator {
    /// The name by which containers on the same network reach it.
    pub(crate) fn name(&self) -> &str {
        &self.service.name.value
    }

    /// Returns the services from which a host in returned URLs does not lead to the emulator:
    /// public DNS answers for LocalStack's domain with loopback, and Docker's knows nothing below
    /// the name of a service.
    pub(crate) fn strays(&self, host: &str) -> &[Arc<str>] {
        let in_domain = host
            .strip_suffix(CLOUD)
            .is_some_and(|head| head.is_empty() || head.ends_with('.'));
        let is_loopback = in_domain || matches!(host, "localhost" | "127.0.0.1");
        let below_service = host
            .match_indices('.')
            .any(|(dot, _)| self.service.is_known_as(&host[dot + 1..]));
        if is_loopback || (below_service && !self.service.is_known_as(host)) {
            &self.unaided
        } else {
            &[]
        }
    }

    /// Compares what is published with what listens and what URLs say.
    pub(super) fn check(&self, resolution: &Resolution) -> Vec<Diagnostic> {
        self.with_listening(resolution, |listening| {
            reach::check(&self.service, listening)
        })
    }

    /// Returns the ways from the host to the container's ports.
    pub(crate) fn routes(&self, resolution: &Resolution) -> Vec<Route> {
        self.with_listening(resolution, |listening| {
            reach::routes(&self.service, listening)
        })
    }

    /// Returns whether the service says anything about ports.
    pub(crate) fn publishes(&self) -> bool {
        !self.service.ports.is_empty()
    }

    /// Returns the addresses on the host that lead to the gateway.
    pub(crate) fn published(&self, resolution: &Resolution) -> Vec<String> {
        let routes = self.routes(resolution);
        let gateway = routes
            .iter()
            .filter(|route| route.purpose == Purpose::Gateway);
        gateway
            .filter_map(|route| {
                let port = route.published?.first;
                let host = match route.host_ip {
                    Some(ip) if !ip.is_unspecified() && !ip.is_loopback() => ip.to_string(),
                    _ => "localhost".to_owned(),
                };
                Some(HostPort::new(&*host, port).to_string())
            })
            .collect()
    }

    fn with_listening<T>(&self, resolution: &Resolution, f: impl FnOnce(&Listening<'_>) -> T) -> T {
        let set = resolution.listen_set();
        let number = |name: &str| match resolution.value(name) {
            Some(Value::Number(number)) => number.port(),
            _ => None,
        };
        let service_ports = PortRange {
            first: number("EXTERNAL_SERVICE_PORTS_START").unwrap_or(4510),
            last: number("EXTERNAL_SERVICE_PORTS_END").unwrap_or(4560),
        };
        let listen = resolution.gateway_listen.as_ref();
        let url = resolution.localstack_host.as_ref();
        f(&Listening {
            addresses: set.as_slice(),
            listen_variable: listen.and_then(|s| s.derivation.used.first()),
            url_port: resolution.url_address().map(|address| address.port),
            url_variable: url.and_then(|s| s.derivation.used.first()),
            service_ports,
            version: match resolution.semantics {
                Semantics::Normalized => self.version,
                Semantics::LocalStack(version) => Some(version),
            },
        })
    }

    /// Returns what the image in use makes of the settings, where its tag names a release.
    pub(crate) fn today(&self, input: &Input) -> Option<(TargetVersion, Resolution)> {
        let version = self.version?;
        Some((version, resolve(&input.layers, &input.facts, version)))
    }

    /// Reports that the image in use does something else than what is meant. What nothing sets is
    /// meant to be as the release has it.
    pub(super) fn image_reads_differently(
        &self,
        meant: &Resolution,
        input: &Input,
    ) -> Option<Diagnostic> {
        if meant.semantics != Semantics::Normalized {
            return None;
        }
        let (version, real) = self.today(input)?;
        let (listen, host) = (
            meant.gateway_listen.as_ref()?,
            meant.localstack_host.as_ref()?,
        );
        let (listens, named) = (listen.derivation.basis, host.derivation.basis);
        let list = |resolution: &Resolution| {
            let bind: Vec<String> = resolution.bind.iter().map(ToString::to_string).collect();
            bind.join(",")
        };
        let in_use = format!("LocalStack {version}, the image in use,");
        let (message, severity) = if let Some(failure) = &real.failure {
            (
                format!("{in_use} does not start: {failure}"),
                Severity::Error,
            )
        } else if listens != Basis::Default && !same_sockets(meant, &real) {
            let message = format!("{in_use} binds `{}`, not `{}`", list(&real), list(meant));
            (message, Severity::Error)
        } else if matches!(named, Basis::Set | Basis::Mapped)
            && meant.external_url() != real.external_url()
        {
            let (meant, real) = (meant.external_url()?, real.external_url()?);
            let message = format!("{in_use} returns URLs with `{real}`, not `{meant}`");
            (message, Severity::Warning)
        } else {
            return None;
        };
        let mut used = listen.derivation.used.iter().chain(&host.derivation.used);
        let modern = used.any(|o| matches!(&*o.name, "GATEWAY_LISTEN" | "LOCALSTACK_HOST"));
        let fix = if let Some(failure) = &real.failure {
            format!("correct `{}`", failure.variable)
        } else if real.legacy.is_some() && modern {
            "these variables need an image of 3.0 or later".to_owned()
        } else {
            let (listen, host) = (list(meant), &host.value);
            format!("set `GATEWAY_LISTEN={listen}` and `LOCALSTACK_HOST={host}`")
        };
        let mut diagnostic = Diagnostic::new(&codes::IMAGE_READS_DIFFERENTLY, message)
            .severity(severity)
            .help(format!("{fix}; `--as-of {version}` shows what it reads"));
        if let Some(image) = &self.service.image {
            diagnostic = diagnostic.label(Label::at(image.origin.clone(), "this image"));
        }
        Some(diagnostic)
    }
}

/// Compares sockets without regard to order.
fn same_sockets(a: &Resolution, b: &Resolution) -> bool {
    let (a, b) = (a.listen_set(), b.listen_set());
    a.iter().all(|x| b.covers(x)) && b.iter().all(|x| a.covers(x))
}
