//! The flags of `gateway`, `up` and `tls`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::TextOrJson;

/// Put LocalStack's networking in front of any AWS emulator.
///
/// Listens where `GATEWAY_LISTEN` says, with HTTP and HTTPS on every port, decides for which service
/// each request is, sends it to the emulator, and makes every URL in the answer valid for the client
/// that asked. Settings come from flags, the environment and the table `[gateway]` of
/// `lsconfig.toml`, in this order.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig gateway --upstream http://127.0.0.1:5000 --profile moto
  lsconfig gateway --upstream http://127.0.0.1:5000 --route sqs=http://127.0.0.1:9324
  lsconfig gateway --route '*.s3.localhost.localstack.cloud=http://127.0.0.1:9000'
  GATEWAY_LISTEN=0.0.0.0:4566,0.0.0.0:443 lsconfig gateway --upstream http://moto:5000
  lsconfig gateway explain-request --host b.s3.localhost.localstack.cloud /key")]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    pub(crate) command: Option<GatewayCommand>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    ExplainRequest(ExplainRequestArgs),
}

/// What `gateway` and `up` have in common.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where requests go that no route takes.
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
    /// What the upstream is: localstack, moto, ministack, fakecloud, minio, elasticmq, generic.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Address to listen on, over `GATEWAY_LISTEN`; repeatable.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Vec<String>,
    /// Send a service or a host pattern elsewhere; repeatable, the first that matches wins.
    #[arg(long, value_name = "SERVICE|HOST=URL")]
    pub(crate) route: Vec<String>,
    /// Whose host returned URLs carry; `configured` when `LOCALSTACK_HOST` is set, else `client`.
    #[arg(long, value_name = "client|configured")]
    pub(crate) mint: Option<String>,
    /// Certificate to show, PEM; with the key in the same file unless `--tls-key` is given.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Where the local certificate authority is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// File with the table `[gateway]`; `lsconfig.toml` when there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Worker threads; one for each core when left out.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// Seconds to wait for a connection to an upstream; 5 when left out.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) connect_timeout: Option<u64>,
    /// Seconds to wait for the head of a response; 910 when left out.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) response_timeout: Option<u64>,
    /// User to become when the sockets are bound, by name or number; needs root.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Let clients of other machines read `/_lsconfig/`.
    #[arg(long)]
    pub(crate) admin_from_anywhere: bool,
    /// Format of the access log on standard error; no log when left out.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) access_log: Option<TextOrJson>,
    /// Log each request with the rules that decided its service.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// Show for which service a request is, and by which rule.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig gateway explain-request --host b.s3.localhost.localstack.cloud:4566 /key
  lsconfig gateway explain-request -X POST -H 'X-Amz-Target: AmazonSQS.ListQueues' /")]
pub(crate) struct ExplainRequestArgs {
    /// Path and query.
    #[arg(value_name = "TARGET", default_value = "/")]
    pub(crate) target: String,
    /// Method.
    #[arg(long, short = 'X', default_value = "GET")]
    pub(crate) method: String,
    /// `Host` header.
    #[arg(long, default_value = "localhost.localstack.cloud:4566")]
    pub(crate) host: String,
    /// Another header; repeatable.
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Body.
    #[arg(long, short = 'd', default_value = "")]
    pub(crate) data: String,
    /// How to answer.
    #[arg(long, value_enum, default_value_t = TextOrJson::Text, value_name = "FORMAT")]
    pub(crate) format: TextOrJson,
}

/// Manage the local certificate authority and the trust in it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig tls status
  lsconfig tls install --dry-run
  eval \"$(lsconfig tls env)\"
  lsconfig tls bundle > ca-bundle.pem")]
pub(crate) struct TlsArgs {
    #[command(subcommand)]
    pub(crate) command: TlsCommand,
    /// Where the authority is kept.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TlsCommand {
    /// Make the system, NSS and Java trust the authority; each act is printed first.
    Install(TrustArgs),
    /// Undo what `install` did.
    Uninstall(TrustArgs),
    /// Show the authority and who trusts it.
    Status,
    /// Print the variables that make AWS CLI, SDKs, Node, Python, Java and Go trust it.
    Env,
    /// Print the certificates of the system and of the authority as one PEM.
    Bundle,
}

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Print the acts and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Run gateway and DNS server in one process, or print what puts them beside an emulator.
///
/// Both follow the same settings: `DNS_ADDRESS=0` or `--no-dns` leaves the gateway alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lsconfig up --upstream http://127.0.0.1:5000
  lsconfig up --compose --upstream http://moto:5000 --profile moto --app web > compose.lsconfig.yml
  docker compose -f compose.yml -f compose.lsconfig.yml up
  lsconfig up --image > Dockerfile")]
pub(crate) struct UpArgs {
    /// Print a Compose overlay that adds the gateway to a project.
    #[arg(long, conflicts_with = "image")]
    pub(crate) compose: bool,
    /// Print a Dockerfile for an image that holds nothing but the static binary.
    #[arg(long)]
    pub(crate) image: bool,
    /// With `--compose`: a service whose containers are clients; repeatable.
    #[arg(long, value_name = "SERVICE", requires = "compose")]
    pub(crate) app: Vec<String>,
    /// Do not answer DNS.
    #[arg(long)]
    pub(crate) no_dns: bool,
    /// Address that DNS is answered on, UDP and TCP; repeatable, port 53 when left out.
    #[arg(long, value_name = "ADDR[:PORT]", conflicts_with = "no_dns")]
    pub(crate) dns_listen: Vec<String>,
    /// Server that names of others are forwarded to; repeatable.
    #[arg(long, value_name = "ADDR[:PORT]", conflicts_with = "no_dns")]
    pub(crate) dns_upstream: Vec<String>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}
