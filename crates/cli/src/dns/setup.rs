//! From files, environment and flags to the configuration of a server.

use std::fs;
use std::path::{Path, PathBuf};

use lsconfig::diagnostic::Diagnostic;
use lsconfig::network::parse_network;
use lsconfig::release::{NEWEST_KNOWN, Semantics};
use lsconfig::resolve::resolve;
use lsconfig::variable::{Family, lookup};
use lsconfig_dns::record::read_records;
use lsconfig_dns::resolvconf::saved_path;
use lsconfig_dns::server::{ForwardConfig, NetworkConfig};
use lsconfig_dns::settings::{DnsSettings, parse_server};
use lsconfig_dns::wire::Name;
use lsconfig_dns::zone::Zone;
use serde_json::{Value, json};

use crate::dns::args::ServeArgs;
use crate::dns::target::Target;
use crate::error::CliError;
use crate::input::{Input, Wanted};
use crate::render;

/// Where the system's upstreams stand.
pub(crate) const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Everything that can change with a reload, and what the first start needs beside it.
pub(crate) struct Setup {
    pub(crate) enabled: bool,
    pub(crate) listen: Vec<std::net::SocketAddr>,
    pub(crate) forward: ForwardConfig,
    pub(crate) resolv_conf: Option<PathBuf>,
    pub(crate) network: NetworkConfig,
    pub(crate) zone: Zone,
    /// The container whose addresses are views, beside those of the flags.
    pub(crate) target: Option<Target>,
    /// What to tell about the settings, ready to print.
    pub(crate) remarks: String,
}

impl Setup {
    /// Reads files and environment.
    pub(crate) fn read(args: &ServeArgs) -> Result<Self, CliError> {
        let input = Input::read(&Wanted {
            files: &args.files,
            env: false,
            no_env: false,
            service: None,
            format: None,
            profile: None,
            config_dir: None,
            version: NEWEST_KNOWN,
            in_container: args.in_container,
        })?;
        let resolution = resolve(&input.layers, &input.facts, Semantics::Normalized);
        let settings = DnsSettings::of(&resolution);
        let about_dns = |diagnostic: &&Diagnostic| {
            let row = diagnostic.variable.as_deref().and_then(lookup);
            row.is_some_and(|row| row.family == Family::Dns)
        };
        let mut diagnostics = input.diagnostics;
        diagnostics.extend(resolution.diagnostics.iter().filter(about_dns).cloned());
        diagnostics.extend(settings.diagnostics);
        let mut zone = settings.zone;
        for suffix in &args.suffix {
            if !zone.add_suffix(suffix) {
                return Err(CliError::usage(
                    format!("`{suffix}` is no domain"),
                    "for example `--suffix aws.test`",
                ));
            }
        }
        if let Some(path) = &args.records {
            add_records(path, &mut zone)?;
        }
        let mut listen = args.listen.clone();
        if listen.is_empty() {
            listen = settings.listen;
            if !has_ipv6() {
                listen.retain(std::net::SocketAddr::is_ipv4);
            }
        }
        let target = args.target_container.as_deref().map(Target::find);
        let target = target.transpose()?;
        let mut views = args.view.clone();
        views.extend(target.iter().flat_map(Target::views));
        Ok(Self {
            enabled: settings.enabled || !args.listen.is_empty(),
            listen,
            forward: forwarding(args, settings.upstream)?,
            resolv_conf: Some(upstream_file()),
            network: NetworkConfig {
                observe: true,
                gateways_are_host: resolution.in_container,
                host_addresses: args.host_gateway.clone(),
                views,
                resolve_ip: settings.resolve_ip,
            },
            zone,
            target,
            remarks: render::diagnostics(&diagnostics, &input.sources),
        })
    }

    /// Shows what the server would run with.
    pub(crate) fn document(&self) -> Value {
        let texts = |all: &[std::net::SocketAddr]| -> Vec<String> {
            all.iter().map(ToString::to_string).collect()
        };
        let network = self.network.read();
        let addresses: Vec<Value> = network
            .addresses()
            .iter()
            .map(|a| json!({"interface": &*a.interface, "address": a.net.to_string()}))
            .collect();
        let domains = self.forward.domains.iter();
        let from_file = self
            .resolv_conf
            .as_deref()
            .unwrap_or(Path::new(RESOLV_CONF));
        let upstreams = if self.forward.upstreams.is_empty() {
            lsconfig_dns::observe::read_nameservers(from_file)
        } else {
            self.forward.upstreams.clone()
        };
        json!({
            "enabled": self.enabled,
            "listen": texts(&self.listen),
            "upstreams": texts(&upstreams),
            "forward": domains.map(|(name, addr)| format!("{name}={addr}")).collect::<Vec<_>>(),
            "allow_from": self.forward.allow_from.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "zones": self.zone.apexes().iter().map(|apex| json!({
                "name": apex.name.to_string(), "below": apex.below,
            })).collect::<Vec<_>>(),
            "views": self.network.views.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "resolve_ip": self.network.resolve_ip,
            "addresses": addresses,
            "host_gateways": self.network.host_gateways(),
        })
    }
}

/// While our own server stands in resolv.conf, the upstreams stand in the saved original.
fn upstream_file() -> PathBuf {
    let path = Path::new(RESOLV_CONF);
    let saved = saved_path(path);
    if saved.exists() {
        saved
    } else {
        path.to_owned()
    }
}

fn has_ipv6() -> bool {
    std::net::UdpSocket::bind("[::]:0").is_ok()
}

fn add_records(path: &Path, zone: &mut Zone) -> Result<(), CliError> {
    let text = fs::read_to_string(path).map_err(|source| CliError::Read {
        path: path.to_owned(),
        source,
    })?;
    match read_records(&text, zone).first() {
        None => Ok(()),
        Some(error) => Err(CliError::usage(
            format!("{}: {error}", path.display()),
            "a line is `NAME [TTL] TYPE DATA` or `NAME ALIAS TARGET...`",
        )),
    }
}

fn forwarding(
    args: &ServeArgs,
    upstream: Option<std::net::SocketAddr>,
) -> Result<ForwardConfig, CliError> {
    let mut forward = ForwardConfig {
        upstreams: args.upstream.clone(),
        ..ForwardConfig::default()
    };
    if forward.upstreams.is_empty() {
        forward.upstreams.extend(upstream);
    }
    for text in &args.forward {
        let parsed = text
            .split_once('=')
            .and_then(|(name, addr)| Some((Name::parse(name)?, parse_server(addr)?)));
        forward.domains.push(parsed.ok_or_else(|| {
            CliError::usage(
                format!("`{text}` is not `DOMAIN=ADDR[:PORT]`"),
                "for example `--forward corp.example=10.1.1.1`",
            )
        })?);
    }
    for text in &args.allow_from {
        forward.allow_from.push(parse_network(text).ok_or_else(|| {
            CliError::usage(
                format!("`{text}` is no network"),
                "for example `--allow-from 203.0.113.0/24`",
            )
        })?);
    }
    Ok(forward)
}
