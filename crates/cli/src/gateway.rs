//! `lsconfig gateway`: settings in, a server out.

pub(crate) mod args;
mod explain_request;
pub(crate) mod settings;

use std::io::{self, Write as _};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use lsconfig_dns::privileges;
use lsconfig_gateway::metrics::AccessRecord;
use lsconfig_gateway::server::{Event, Hooks, Server};
use lsconfig_gateway::tls::{CA_CERT_FILE, CA_KEY_FILE};
use lsconfig_gateway::{Logger, Shared, State};

use crate::args::TextOrJson;
use crate::error::CliError;
use crate::exit;
use args::{GatewayArgs, GatewayCommand, ServeArgs};

/// Runs the command.
pub(crate) fn run(args: &GatewayArgs) -> Result<ExitCode, CliError> {
    match &args.command {
        Some(GatewayCommand::ExplainRequest(args)) => explain_request::run(args),
        None => serve(&args.serve, &mut |_| Ok(())),
    }
}

/// Serves until a signal ends it. `beside` starts what runs in the same process, when the settings
/// are known and the sockets bound.
pub(crate) fn serve(
    args: &ServeArgs,
    beside: &mut dyn FnMut(&State) -> Result<(), CliError>,
) -> Result<ExitCode, CliError> {
    let config = settings::read(args)?;
    let state = State::new(config).map_err(start_error)?;
    if let Some(warning) = state.tls.warning() {
        anstream::eprintln!("warning: {warning}");
    }
    let logger = logger(args);
    let shared = Arc::new(Shared::new(state, logger, args.verbose));
    let mut handed = listenfd::ListenFd::from_env();
    let inherited: Vec<_> = (0..handed.len())
        .filter_map(|n| handed.take_tcp_listener(n).ok().flatten())
        .collect();
    let server = if inherited.is_empty() {
        Server::bind(Arc::clone(&shared)).map_err(start_error)?
    } else {
        Server::inherit(Arc::clone(&shared), inherited)
    };
    beside(&shared.state())?;
    for address in server.addresses() {
        anstream::eprintln!("listening on {address}");
    }
    if let Some(user) = &args.user {
        drop_privileges(user, &shared.state())?;
    }
    let config = &shared.state().config;
    anstream::eprintln!(
        "upstream {} ({})",
        config.upstream.url,
        config.upstream.profile
    );
    server.run(hooks(args)).map_err(start_error)?;
    Ok(ExitCode::from(exit::CLEAN))
}

/// Becomes another user. The authority's files go to that user, so that a reload can read them.
fn drop_privileges(user: &str, state: &State) -> Result<(), CliError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| CliError::usage(format!("cannot {what} {user}: {error}"), "")
    };
    let (uid, gid) = privileges::ids(Some(user)).map_err(failed("find the user"))?;
    if let Some(cert) = state.tls.authority().and_then(|authority| authority.path()) {
        let dir = cert.parent().into_iter();
        let files = [CA_CERT_FILE, CA_KEY_FILE].map(|name| cert.with_file_name(name));
        for path in dir.map(Path::to_owned).chain(files) {
            chown(&path, Some(uid), Some(gid)).map_err(failed("hand the authority to"))?;
        }
    }
    privileges::become_user(Some(user)).map_err(failed("become"))
}

fn hooks(args: &ServeArgs) -> Hooks {
    let settings = settings::Again::of(args);
    Hooks {
        reload: Box::new(move |in_force| {
            let read = settings
                .read()
                .and_then(|config| State::after(config, Some(in_force)).map_err(start_error));
            match read {
                Ok(state) => Some(state),
                Err(error) => {
                    error.print();
                    anstream::eprintln!("the settings in force stay");
                    None
                }
            }
        }),
        event: Box::new(|event| {
            let states: &[sd_notify::NotifyState] = match event {
                Event::Ready => &[sd_notify::NotifyState::Ready],
                Event::Reloading => &[sd_notify::NotifyState::Reloading],
                Event::Stopping => &[sd_notify::NotifyState::Stopping],
            };
            // Without a supervisor there is nobody to tell.
            let _ = sd_notify::notify(states);
        }),
    }
}

fn start_error(error: impl std::error::Error) -> CliError {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    CliError::usage(message, "")
}

fn logger(args: &ServeArgs) -> Option<Logger> {
    let format = match (args.access_log, args.verbose) {
        (Some(format), _) => format,
        (None, true) => TextOrJson::Text,
        (None, false) => return None,
    };
    Some(Box::new(move |record: &AccessRecord| {
        let line = match format {
            TextOrJson::Json => serde_json::to_string(record).unwrap_or_default(),
            TextOrJson::Text => line(record),
        };
        // A log that nobody reads is no reason to fail a request.
        let _ = writeln!(io::stderr(), "{line}");
    }))
}

fn line(record: &AccessRecord) -> String {
    let upstream = record.upstream.as_ref().map(|u| u.url.to_string());
    let mut line = format!(
        "{} {} {} {}{} {} {} {} {}us",
        record.id,
        record.client,
        record.method.as_ref().map_or("", |method| method.as_str()),
        printable(&record.host),
        printable(&record.path),
        record.status,
        record.service.unwrap_or("-"),
        upstream.as_deref().unwrap_or("-"),
        record.micros,
    );
    for step in &record.trace {
        line.push_str("\n    ");
        line.push_str(&printable(step));
    }
    line
}

fn printable(text: &str) -> String {
    crate::render::printable(text).to_string()
}
