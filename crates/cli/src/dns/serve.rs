//! `lsconfig dns` without a subcommand: the life of the server.

use std::path::Path;
use std::process::ExitCode;

use listenfd::ListenFd;
use lsconfig_dns::privileges;
use lsconfig_dns::resolvconf;
use lsconfig_dns::server::{Handle, Server, ServerConfig};
use lsconfig_dns::zone::LocalZone;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::dns::args::ServeArgs;
use crate::dns::log::{self, Log};
use crate::dns::setup::{RESOLV_CONF, Setup};
use crate::error::CliError;
use crate::exit;
use crate::render::out;

/// Descriptors beside those of TCP clients: listeners, and sockets to upstreams.
const OTHER_DESCRIPTORS: usize = 320;

/// Runs the server until it is told to stop.
pub(crate) fn run(args: &ServeArgs) -> Result<ExitCode, CliError> {
    let setup = Setup::read(args)?;
    anstream::eprint!("{}", setup.remarks);
    if args.print_config {
        let document = serde_json::to_string_pretty(&setup.document())?;
        out(&format!("{document}\n"))?;
        return Ok(ExitCode::from(exit::CLEAN));
    }
    if !setup.enabled {
        anstream::eprintln!(
            "`DNS_ADDRESS` switches the DNS server off; `--listen` starts it anyway"
        );
        return Ok(ExitCode::from(exit::CLEAN));
    }
    let mut setup = setup;
    let target = setup.target.take();
    let log = Log::start(args.format).map_err(io_error("cannot start the log"))?;
    let server = bind(args, setup, &log)?;
    for addr in server.addresses() {
        anstream::eprintln!("listening on {addr}");
    }
    if let Some(addr) = server.metrics_address() {
        anstream::eprintln!("metrics on http://{addr}/metrics");
    }
    let resolv_conf = Path::new(RESOLV_CONF);
    if args.resolv_conf {
        resolvconf::apply(resolv_conf, [127, 0, 0, 1].into())
            .map_err(io_error("cannot point resolv.conf at the server"))?;
    }
    // resolv.conf can be restored by root alone, and the engine's socket belongs to root.
    let needs_root = args.resolv_conf || target.is_some();
    let stays_root = args.user.as_deref() == Some("root") || needs_root && args.user.is_none();
    if privileges::is_root() && !stays_root {
        match privileges::become_user(args.user.as_deref()) {
            Ok(()) => {}
            // A container without the capability to change users has little to drop.
            Err(error) if args.user.is_none() => {
                anstream::eprintln!("privileges are not dropped: {error}");
            }
            Err(error) => return Err(io_error("cannot drop privileges")(error)),
        }
    }
    let handle = server.handle();
    if let Some(target) = target {
        let (handle, chosen, format) = (handle.clone(), args.view.clone(), args.format);
        target.follow(move |views| {
            log::target(format, views);
            handle.set_views(chosen.iter().chain(views).copied().collect());
        })?;
    }
    let thread = std::thread::spawn(move || server.run());
    let followed = follow_signals(args, &handle);
    handle.stop();
    let ended = thread.join();
    log.end();
    if args.resolv_conf {
        resolvconf::restore(resolv_conf).map_err(io_error("cannot restore resolv.conf"))?;
    }
    followed.map_err(io_error("cannot follow signals"))?;
    match ended {
        Ok(Ok(())) => Ok(ExitCode::from(exit::CLEAN)),
        Ok(Err(error)) => Err(io_error("the server failed")(error)),
        Err(_) => Err(CliError::usage("the server panicked", "")),
    }
}

fn io_error(what: &'static str) -> impl Fn(std::io::Error) -> CliError {
    move |error| CliError::usage(format!("{what}: {error}"), "")
}

fn bind(args: &ServeArgs, setup: Setup, log: &Log) -> Result<Server, CliError> {
    let (mut inherited_udp, mut inherited_tcp) = (Vec::new(), Vec::new());
    let mut passed = ListenFd::from_env();
    for n in 0..passed.len() {
        if let Ok(Some(socket)) = passed.take_udp_socket(n) {
            inherited_udp.push(socket);
        } else if let Ok(Some(socket)) = passed.take_tcp_listener(n) {
            inherited_tcp.push(socket);
        }
    }
    let activated = !inherited_udp.is_empty() || !inherited_tcp.is_empty();
    let listen = if activated && args.listen.is_empty() {
        Vec::new()
    } else {
        setup.listen
    };
    // The resolv.conf of a start that ended badly names us; its saved original does not.
    if args.resolv_conf {
        let _ = resolvconf::restore(Path::new(RESOLV_CONF));
    }
    let config = ServerConfig {
        listen,
        inherited_udp,
        inherited_tcp,
        metrics: args.metrics,
        forward: setup.forward,
        resolv_conf: setup.resolv_conf,
        network: setup.network,
        workers: args.workers,
        cache_bytes: args.cache.saturating_mul(1 << 20),
        tcp_connections: connections(args.tcp_connections),
        log_queries: args.log_queries,
        observer: Some(log.observer()),
    };
    Server::bind(config, LocalZone::new(setup.zone))
        .map_err(|error| CliError::usage(error.to_string(), error.ways_out().join("\n   or ")))
}

/// Makes room for TCP connections and says so when the system has less of it.
fn connections(wanted: usize) -> usize {
    let have = privileges::allow_descriptors(wanted.saturating_add(OTHER_DESCRIPTORS) as u64);
    let room = usize::try_from(have)
        .unwrap_or(usize::MAX)
        .saturating_sub(OTHER_DESCRIPTORS)
        .max(1);
    if room < wanted {
        anstream::eprintln!(
            "{room} TCP connections at once instead of {wanted}: this process may have {have} open \
             files; `ulimit -n` raises that"
        );
    }
    wanted.min(room)
}

/// Waits for the signal that ends the server; reloads on SIGHUP.
fn follow_signals(args: &ServeArgs, handle: &Handle) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        notify(&[NotifyState::Ready]);
        loop {
            let wait = std::future::poll_fn(|context| {
                if terminate.poll_recv(context).is_ready()
                    || interrupt.poll_recv(context).is_ready()
                {
                    return std::task::Poll::Ready(false);
                }
                hangup.poll_recv(context).map(|_| true)
            });
            if !wait.await {
                break;
            }
            reload(args, handle);
        }
        notify(&[NotifyState::Stopping]);
        Ok(())
    })
}

/// Reads everything again. What cannot be read leaves the server as it is.
fn reload(args: &ServeArgs, handle: &Handle) {
    match Setup::read(args) {
        Ok(setup) => {
            anstream::eprint!("{}", setup.remarks);
            handle.zone().update(|zone| {
                let network = zone.network().clone();
                *zone = setup.zone.clone();
                zone.set_network(network);
            });
            handle.set_network(setup.network);
            handle.reload(setup.forward, setup.resolv_conf);
            anstream::eprintln!("reloaded");
        }
        Err(error) => error.print(),
    }
}

/// Tells systemd, where it started us. Elsewhere there is nobody to tell.
fn notify(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}
