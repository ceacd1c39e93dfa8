//! The arguments of `lsconfig dns`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lsconfig::network::ExplicitView;

use crate::args::{InContainer, TextOrJson};

/// Answer the emulator's name with the address that each client can reach, and forward the rest.
///
/// Settings come from `DNS_ADDRESS`, `DNS_PORT`, `DNS_SERVER`, `DNS_RESOLVE_IP`,
/// `DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM` and `LOCALSTACK_HOST` in the files that are named, or in
/// the environment of this process. Flags go first.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  lsconfig dns
  lsconfig dns --listen 127.0.0.1:5353 --upstream 10.0.0.1
  lsconfig dns --view 10.0.2.0/24=10.0.2.20 --forward corp.example=10.1.1.1
  lsconfig dns --target-container localstack-main
  lsconfig dns check mybucket.s3.localhost.localstack.cloud --server 127.0.0.1:5353
  lsconfig dns resolv-conf --in-container

SIGTERM ends the server after the questions under way, SIGHUP reads settings and files again.")]
pub(crate) struct DnsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DnsCommand>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DnsCommand {
    Check(CheckArgs),
    ResolvConf(ResolvConfArgs),
}

/// What the server needs.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on, UDP and TCP; may be repeated. Port 53 when left out.
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = server)]
    pub(crate) listen: Vec<SocketAddr>,
    /// Server that other names are forwarded to; may be repeated, asked in this order.
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = server)]
    pub(crate) upstream: Vec<SocketAddr>,
    /// Server of a single domain and everything below it; may be repeated.
    #[arg(long, value_name = "DOMAIN=ADDR[:PORT]")]
    pub(crate) forward: Vec<String>,
    /// What clients of a network are told, before every other rule; may be repeated.
    #[arg(long, value_name = "CIDR=IP")]
    pub(crate) view: Vec<ExplicitView>,
    /// Container of the emulator: clients on each of its networks are told its address there, and the
    /// host 127.0.0.1. Networks are followed as they are attached and detached, through the Docker
    /// Engine. A server that root started stays root for that, unless `--user` says otherwise.
    #[arg(long, value_name = "NAME")]
    pub(crate) target_container: Option<String>,
    /// Domain that is answered like the emulator's own, with everything below it; may be repeated.
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) suffix: Vec<String>,
    /// Address whose queries come from the host, beside the default gateway of a container.
    #[arg(long, value_name = "IP")]
    pub(crate) host_gateway: Vec<IpAddr>,
    /// Network whose queries are forwarded, beside loopback, private and connected ones.
    #[arg(long, value_name = "CIDR")]
    pub(crate) allow_from: Vec<String>,
    /// File with static records and aliases, `NAME [TTL] TYPE DATA` on each line.
    #[arg(long, value_name = "FILE")]
    pub(crate) records: Option<PathBuf>,
    /// File with settings instead of the environment of this process.
    #[arg(long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Whether this is a container: then every interface is listened on, and the default gateway is
    /// the host.
    #[arg(long, value_enum, default_value_t = InContainer::Auto, value_name = "WHERE")]
    pub(crate) in_container: InContainer,
    /// Point this container's resolv.conf at the server while it runs.
    #[arg(long)]
    pub(crate) resolv_conf: bool,
    /// Where `GET /metrics` (Prometheus) and `GET /ready` are answered.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Threads that answer; one for each processor, at most four, when left out.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) workers: usize,
    /// Memory for cached answers, in megabytes; 0 switches the cache off.
    #[arg(long, value_name = "MB", default_value_t = 4)]
    pub(crate) cache: usize,
    /// TCP connections at once; a client may have a quarter of them.
    #[arg(long, value_name = "N", default_value_t = lsconfig_dns::server::TCP_CONNECTIONS)]
    pub(crate) tcp_connections: usize,
    /// User to become after binding, when started as root; `root` to stay.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Log every query.
    #[arg(long)]
    pub(crate) log_queries: bool,
    /// Log as text to standard error, or as JSON lines to standard output.
    #[arg(long, value_enum, default_value_t = TextOrJson::Text, value_name = "FORMAT")]
    pub(crate) format: TextOrJson,
    /// Print what the server would run with, as JSON, and exit.
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// Ask a server for a name, and say which rule gave the answer.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The name.
    pub(crate) name: String,
    /// The server; the first of this machine's resolv.conf when left out.
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = server)]
    pub(crate) server: Option<SocketAddr>,
    /// The type of record.
    #[arg(long = "type", value_name = "TYPE", default_value = "A")]
    pub(crate) qtype: String,
    /// How to answer.
    #[arg(long, value_enum, default_value_t = TextOrJson::Text, value_name = "FORMAT")]
    pub(crate) format: TextOrJson,
}

/// Show what a container's resolv.conf becomes, write it, or restore it.
#[derive(Debug, Args)]
pub(crate) struct ResolvConfArgs {
    /// Write the file. The original is saved beside it first.
    #[arg(long, conflicts_with = "restore")]
    pub(crate) in_container: bool,
    /// Write the saved original back.
    #[arg(long)]
    pub(crate) restore: bool,
    /// The file.
    #[arg(long, value_name = "FILE", default_value = "/etc/resolv.conf")]
    pub(crate) file: PathBuf,
    /// The server that the file points at.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) nameserver: IpAddr,
}

fn server(text: &str) -> Result<SocketAddr, &'static str> {
    lsconfig_dns::settings::parse_server(text).ok_or("not an IP address with an optional port")
}
