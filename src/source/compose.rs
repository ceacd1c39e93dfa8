//! Docker Compose files: which service is LocalStack, what it is told, and what it publishes.
//!
//! [`read`] goes from texts to a [`Project`] as Compose does (compose-go 2): anchors and merge keys,
//! interpolation, `include:`, `extends:`, several files over one another. Every value knows the
//! place it was written at. [`Project::localstack`] finds the service, [`layers()`] gives its
//! environment for [`resolve`](crate::resolve), [`reach`] compares ports with listen addresses.
//!
//! Nothing is opened here: files that a file names are asked for through [`Input::read`]. Text that
//! Compose refuses becomes a diagnostic, and what can be read of the rest is read.

mod environment;
mod fault;
mod image;
mod load;
mod merge;
mod network;
mod ports;
pub mod reach;
mod scalar;
mod service;
mod value;

use std::sync::Arc;

pub use environment::{EnvironmentLayers, Variable, dotenv_layer, layers};
pub use image::Image;
pub use network::{Network, ServiceNetwork, Subnet};
pub use ports::{Port, PortRange, Protocol};
pub use service::{EnvFile, Service};

use fault::Fault;

use crate::diagnostic::{Diagnostic, Label, codes};
use crate::layer::Origin;

/// Gives the value of an environment variable, or nothing when it is unset.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<Arc<str>>;

/// Gives the text of a file. Paths have `/` and start from where the paths in [`Input::files`] do.
pub type Read<'a> = &'a dyn Fn(&str) -> Result<Arc<str>, ReadError>;

/// A named text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user would write it; origins carry it.
    pub name: Arc<str>,
    /// The contents.
    pub text: Arc<str>,
}

/// What a project is read from.
#[derive(Clone)]
pub struct Input<'a> {
    /// The Compose files in the order of `-f`; the folder of the first one is the project's.
    pub files: &'a [Source],
    /// The dotenv files for interpolation in the order of `--env-file`, usually one `.env`.
    pub dotenv: &'a [Source],
    /// The project's name, for `COMPOSE_PROJECT_NAME`, where the caller knows it.
    pub project_name: Option<Arc<str>>,
    /// The environment that Compose runs in. It wins over dotenv files.
    pub environment: Environment<'a>,
    /// Where other files come from.
    pub read: Read<'a>,
}

/// Why a file that another one names cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such file.
    #[error("file is missing")]
    NotFound,
    /// It is a folder, not accessible, too long, or no UTF-8.
    #[error("file cannot be read")]
    Unreadable,
}

/// A value and the place where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T = Arc<str>> {
    /// The value, after interpolation.
    pub value: T,
    /// Its place; of the whole scalar where escapes or folding hide the part.
    pub origin: Origin,
}

/// A Compose project after merging.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Project {
    /// The services in order of appearance.
    pub services: Vec<Service>,
    /// The networks of the top level.
    pub networks: Vec<Network>,
    /// The files that were read, in order, dotenv files for interpolation first.
    pub files: Vec<Arc<str>>,
    /// What Compose refuses, anywhere in the project. What concerns one service only stands in
    /// [`Service::diagnostics`].
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a project.
#[must_use]
pub fn read(input: &Input<'_>) -> Project {
    let mut loader = load::Loader::new(input);
    let scope = loader.project_scope();
    let whole = loader.load_all(&scope);
    let mut project = Project::default();
    if let Some(services) = whole.get("services") {
        if !matches!(services.kind, value::Kind::Map(_)) {
            loader.bad_file(services.origin.clone(), &Fault::Services);
        }
        for (key, node) in services.pairs() {
            let service = service::service(&mut loader, &scope, key, node);
            project.services.push(service);
        }
    }
    if let Some(networks) = whole.get("networks") {
        let networks = networks.pairs().iter();
        project.networks = networks
            .map(|(key, node)| network::network(key, node))
            .collect();
    }
    loader.secrets.sort_unstable();
    loader.secrets.dedup();
    for service in &mut project.services {
        service.secrets.clone_from(&loader.secrets);
    }
    project.files = loader.files;
    project.diagnostics = loader.diagnostics;
    project
}

impl Project {
    /// Returns the service of a name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services
            .iter()
            .find(|service| &*service.name.value == name)
    }

    /// Finds the LocalStack service: the one named, or the only one with an image of LocalStack.
    ///
    /// An image counts by its repository, whatever registry or mirror stands before it
    /// ([`Image::is_localstack`]).
    ///
    /// # Errors
    ///
    /// A `no-service` diagnostic that lists the candidates: all services where none qualifies, and
    /// those that do where several qualify.
    pub fn localstack(&self, name: Option<&str>) -> Result<&Service, Box<Diagnostic>> {
        if let Some(name) = name {
            return self.service(name).ok_or_else(|| {
                let message = format!("no service is called `{name}`");
                Box::new(no_service(message, "services", self.services.iter()))
            });
        }
        let is_localstack = |service: &&Service| {
            let image = service.image();
            image.is_some_and(|image| image.is_localstack())
        };
        let found: Vec<&Service> = self.services.iter().filter(is_localstack).collect();
        match found.as_slice() {
            [service] => Ok(service),
            [] => {
                let message = "no service has an image that is known as LocalStack";
                let all = self.services.iter();
                Err(Box::new(no_service(message.into(), "services", all)))
            }
            _ => {
                let message = "several services have an image of LocalStack";
                let all = found.into_iter();
                Err(Box::new(no_service(message.into(), "candidates", all)))
            }
        }
    }
}

/// How many services a diagnostic lists.
const LISTED_SERVICES: usize = 10;

fn no_service<'s>(
    message: String,
    noun: &str,
    services: impl Iterator<Item = &'s Service>,
) -> Diagnostic {
    let services: Vec<&Service> = services.collect();
    let mut diagnostic = Diagnostic::new(&codes::NO_SERVICE, message);
    let shown = services.iter().take(LISTED_SERVICES);
    let names: Vec<String> = shown
        .clone()
        .map(|s| format!("`{}`", s.name.value))
        .collect();
    let more = if services.len() > LISTED_SERVICES {
        ", ..."
    } else {
        ""
    };
    diagnostic = diagnostic.help(match names.is_empty() {
        true => "the files have no `services:`; `lsconfig check` reads workflows and manifests"
            .to_owned(),
        false => format!(
            "name one with `--service`; {noun}: {}{more}",
            names.join(", ")
        ),
    });
    for service in shown {
        let label = match &service.image {
            Some(image) => Label::at(
                image.origin.clone(),
                format!("image of `{}`", service.name.value),
            ),
            None => Label::at(service.name.origin.clone(), "service without image"),
        };
        diagnostic = diagnostic.label(label);
    }
    diagnostic
}

#[cfg(test)]
mod tests;
