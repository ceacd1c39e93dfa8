//! The URLs and host names that services return: the only code that writes one.
//!
//! [`EndpointConfig`] is what decides them, as plain data. [`Endpoints`] borrows it and hands out
//! one small type for each service, whose methods give a [`Minted`] text. [`parse`] goes the way
//! back, [`kinds`] lists every form by name for the command line.
//!
//! ```
//! use lsconfig::{addr::HostPort, endpoint::Endpoints};
//!
//! let host = HostPort::new("foo.bar", 80);
//! let url = Endpoints::new(&host, "http").sqs().queue_url("us-east-1", "000000000000", "orders");
//! assert_eq!(url, "http://sqs.us-east-1.foo.bar:80/000000000000/orders");
//! ```
//!
//! Whose text is wanted is a question of [`Semantics`]. Normalized text is always a valid URL:
//! IPv6 literals have brackets, and no label is put in front of an IP literal
//! ([`Minted::fallback`] says what stands in). The text of a release is that of the release, bug
//! for bug. Nothing here allocates before a text is turned into a `String`.

pub mod apigateway;
pub mod appsync;
pub mod cloudformation;
pub mod cloudfront;
pub mod codeartifact;
pub mod cognito;
pub mod cors;
pub mod ec2;
pub mod ecr;
pub mod elb;
pub mod instance;
pub mod internal;
pub mod iot;
mod keccak;
pub mod kinds;
pub mod lambda;
pub mod mediastore;
mod minted;
pub mod opensearch;
pub mod parse;
pub mod prefix;
pub mod s3;
pub mod sns;
pub mod sqs;

pub use minted::{Fallback, Minted};
pub use opensearch::OpenSearchStrategy;
pub use sqs::SqsStrategy;

use crate::addr::{Authority, Host, HostPort};
use crate::python::Int;
use crate::release::{Semantics, TargetVersion};
use crate::resolve::{CLOUD, DEFAULT_PORT};
use crate::settings::{Resolution, Value};

use minted::{Part, mint};

/// The first port of the range for service instances, when nothing is set.
pub const DEFAULT_SERVICE_PORT: u16 = 4510;

/// What decides the URLs that services return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Whose text is wanted.
    pub semantics: Semantics,
    /// `LOCALSTACK_HOST`: host and port in returned URLs. Up to 2.3 it is not used.
    pub authority: Authority,
    /// The port of the first entry of `GATEWAY_LISTEN`, which internal clients and Lambda use.
    pub first_listen_port: Int,
    /// `USE_SSL`: whether returned URLs begin with `https`.
    pub use_ssl: bool,
    /// `SQS_ENDPOINT_STRATEGY`.
    pub sqs: SqsStrategy,
    /// `OPENSEARCH_ENDPOINT_STRATEGY`, or what an older name says.
    pub opensearch: OpenSearchStrategy,
    /// `ECR_ENDPOINT_STRATEGY` (LocalStack Pro).
    pub ecr: ecr::EcrStrategy,
    /// `GRAPHQL_ENDPOINT_STRATEGY` (LocalStack Pro).
    pub appsync: appsync::AppSyncStrategy,
    /// `SNS_CERT_URL_HOST`, unless empty; read from 4.1.0 on.
    pub sns_cert_url_host: Option<Box<str>>,
    /// `EXTERNAL_SERVICE_PORTS_START`: the port of the first service instance.
    pub external_service_ports_start: Int,
    /// `CFN_STRING_REPLACEMENT_DENY_LIST`: template texts that are left alone.
    pub cfn_deny_list: Vec<Box<str>>,
    /// What 1.x and 2.x read instead of `LOCALSTACK_HOST`.
    pub legacy: LegacyHosts,
}

/// The variables that decide URLs up to 2.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyHosts {
    /// `HOSTNAME_EXTERNAL`, by default `localhost`.
    pub hostname_external: Box<str>,
    /// `LOCALSTACK_HOSTNAME`, by default `localhost`.
    pub localstack_hostname: Box<str>,
    /// `EDGE_PORT`, by default 4566.
    pub edge_port: Int,
    /// `EDGE_PORT_HTTP`; 0 is none.
    pub edge_port_http: Int,
    /// `SQS_PORT_EXTERNAL`; 0 is none.
    pub sqs_port_external: Int,
}

impl Default for LegacyHosts {
    fn default() -> Self {
        Self {
            hostname_external: "localhost".into(),
            localstack_hostname: "localhost".into(),
            edge_port: DEFAULT_PORT.into(),
            edge_port_http: 0_u16.into(),
            sqs_port_external: 0_u16.into(),
        }
    }
}

impl EndpointConfig {
    /// The defaults of `semantics` for URLs at `authority`.
    #[must_use]
    pub fn new(authority: impl Into<Authority>, semantics: impl Into<Semantics>) -> Self {
        let semantics = semantics.into();
        let authority = authority.into();
        Self {
            semantics,
            first_listen_port: authority.port.clone(),
            authority,
            use_ssl: false,
            sqs: SqsStrategy::default_of(semantics),
            opensearch: OpenSearchStrategy::default(),
            ecr: ecr::EcrStrategy::default(),
            appsync: appsync::AppSyncStrategy::default(),
            sns_cert_url_host: None,
            external_service_ports_start: DEFAULT_SERVICE_PORT.into(),
            cfn_deny_list: Vec::new(),
            legacy: LegacyHosts::default(),
        }
    }

    /// Returns what mints the URLs.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints<'_> {
        let rules = Rules::of(self.semantics);
        let legacy = &self.legacy;
        let edge_port = Port::of(&legacy.edge_port);
        let url_port = if legacy.edge_port_http.is_zero() {
            edge_port
        } else {
            Port::of(&legacy.edge_port_http)
        };
        let (host, port, listen_port) = if rules.legacy.is_some() {
            (HostRef::CLOUD, url_port, url_port)
        } else {
            let authority = &self.authority;
            (
                HostRef::of(&authority.host),
                Port::of(&authority.port),
                Port::of(&self.first_listen_port),
            )
        };
        Endpoints {
            rules,
            host,
            port,
            listen_port,
            scheme: if self.use_ssl { "https" } else { "http" },
            sqs: self.sqs,
            opensearch: self.opensearch,
            ecr: self.ecr,
            appsync: self.appsync,
            sns_cert_url_host: self.sns_cert_url_host.as_deref(),
            service_port: Port::of(&self.external_service_ports_start),
            cfn_deny_list: &self.cfn_deny_list,
            legacy: LegacyView {
                external: &legacy.hostname_external,
                hostname: &legacy.localstack_hostname,
                edge_port,
                url_port,
                sqs_port: (!legacy.sqs_port_external.is_zero())
                    .then(|| Port::of(&legacy.sqs_port_external)),
            },
        }
    }
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self::new(HostPort::new(CLOUD, DEFAULT_PORT), Semantics::Normalized)
    }
}

/// Takes from a resolution what decides URLs. Variables that it does not model keep their defaults.
impl From<&Resolution> for EndpointConfig {
    fn from(resolution: &Resolution) -> Self {
        let authority = resolution.localstack_host.as_ref().map_or_else(
            || HostPort::new(CLOUD, DEFAULT_PORT).into(),
            |setting| setting.value.clone(),
        );
        let mut config = Self::new(authority, resolution.semantics);
        if let Some(port) = resolution.internal_port() {
            config.first_listen_port = port.clone();
        }
        let text = |name| match resolution.value(name) {
            Some(Value::Text(text)) if !text.is_empty() => Some(&**text),
            _ => None,
        };
        let number = |name| match resolution.value(name) {
            Some(Value::Number(number)) => Some(number.clone()),
            _ => None,
        };
        config.use_ssl = resolution.flag("USE_SSL");
        if let Some(strategy) = text("SQS_ENDPOINT_STRATEGY") {
            config.sqs = SqsStrategy::from_text(strategy);
        }
        if let Some(strategy) = text("OPENSEARCH_ENDPOINT_STRATEGY") {
            config.opensearch = OpenSearchStrategy::from_text(strategy);
        }
        if let Some(strategy) = text("ECR_ENDPOINT_STRATEGY") {
            config.ecr = ecr::EcrStrategy::from_text(strategy);
        }
        if let Some(strategy) = text("GRAPHQL_ENDPOINT_STRATEGY") {
            config.appsync = appsync::AppSyncStrategy::from_text(strategy);
        }
        if let Some(denied) = text("CFN_STRING_REPLACEMENT_DENY_LIST") {
            config.cfn_deny_list = denied
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(Into::into)
                .collect();
        }
        config.sns_cert_url_host = text("SNS_CERT_URL_HOST").map(Into::into);
        if let Some(port) = number("EXTERNAL_SERVICE_PORTS_START") {
            config.external_service_ports_start = port;
        }
        if let Some(legacy) = &resolution.legacy {
            config.legacy = LegacyHosts {
                hostname_external: legacy.hostname_external.value.clone(),
                localstack_hostname: legacy.localstack_hostname.value.clone(),
                edge_port: legacy.edge_port.value.clone(),
                edge_port_http: legacy.edge_port_http.value.clone(),
                sqs_port_external: number("SQS_PORT_EXTERNAL").unwrap_or(Int::from(0_u16)),
            };
        }
        config
    }
}

/// Mints URLs. Cheap to copy; borrows its configuration.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints<'a> {
    rules: Rules,
    host: HostRef<'a>,
    port: Port<'a>,
    listen_port: Port<'a>,
    scheme: &'a str,
    sqs: SqsStrategy,
    opensearch: OpenSearchStrategy,
    ecr: ecr::EcrStrategy,
    appsync: appsync::AppSyncStrategy,
    sns_cert_url_host: Option<&'a str>,
    service_port: Port<'a>,
    cfn_deny_list: &'a [Box<str>],
    legacy: LegacyView<'a>,
}

/// [`LegacyHosts`], borrowed.
#[derive(Debug, Clone, Copy)]
struct LegacyView<'a> {
    external: &'a str,
    hostname: &'a str,
    edge_port: Port<'a>,
    /// `EDGE_PORT_HTTP or EDGE_PORT`.
    url_port: Port<'a>,
    sqs_port: Option<Port<'a>>,
}

impl<'a> Endpoints<'a> {
    /// Mints normalized URLs with the default strategies; the gateway listens on the port of
    /// `address`.
    #[must_use]
    pub fn new(address: &'a HostPort, scheme: &'a str) -> Self {
        let port = Port::Number(address.port);
        let default_port = Port::Number(DEFAULT_PORT);
        Self {
            rules: Rules::of(Semantics::Normalized),
            host: HostRef::of(&address.host),
            port,
            listen_port: port,
            scheme,
            sqs: SqsStrategy::Standard,
            opensearch: OpenSearchStrategy::default(),
            ecr: ecr::EcrStrategy::default(),
            appsync: appsync::AppSyncStrategy::default(),
            sns_cert_url_host: None,
            service_port: Port::Number(DEFAULT_SERVICE_PORT),
            cfn_deny_list: &[],
            legacy: LegacyView {
                external: "localhost",
                hostname: "localhost",
                edge_port: default_port,
                url_port: default_port,
                sqs_port: None,
            },
        }
    }

    /// Returns the URL of the gateway, `scheme://host:port`.
    ///
    /// Releases print an IPv6 host without brackets here (`external_service_url`, 3.0 to 4.x).
    #[must_use]
    pub fn url(&self) -> Minted<'a> {
        mint![self.scheme, "://", self.plain_host(), ":", self.port]
    }

    /// Returns host and port of returned URLs.
    #[must_use]
    pub fn authority(&self) -> Minted<'a> {
        mint![self.host(), ":", self.port]
    }

    /// Returns whether a label can stand in front of the host. Only normalized text minds: a
    /// release puts it in front of an IP literal too.
    fn takes_labels(&self) -> bool {
        self.rules.labels_before_ip || !self.host.is_ip
    }

    /// The host as the releases' `host_and_port()` prints it.
    fn host(&self) -> Part<'a> {
        self.host.part(self.rules.brackets != Brackets::Never)
    }

    /// The host as the releases' `external_service_url()` and plain `LOCALSTACK_HOST.host` print
    /// it.
    fn plain_host(&self) -> Part<'a> {
        self.host.part(self.rules.brackets == Brackets::Always)
    }

    /// The parent of a name whose service has no path form, and what it means when that is not the
    /// host.
    fn parent(&self, host: Part<'a>) -> (Part<'a>, Option<Fallback>) {
        if self.takes_labels() {
            (host, None)
        } else {
            (Part::Text(CLOUD), Some(Fallback::CloudName))
        }
    }
}

/// A host, borrowed.
#[derive(Debug, Clone, Copy)]
struct HostRef<'a> {
    text: &'a str,
    is_ip: bool,
    is_ipv6: bool,
}

impl<'a> HostRef<'a> {
    const CLOUD: HostRef<'static> = HostRef {
        text: CLOUD,
        is_ip: false,
        is_ipv6: false,
    };

    fn of(host: &'a Host) -> Self {
        Self {
            text: host.as_str(),
            is_ip: host.ip().is_some(),
            is_ipv6: host.is_ipv6(),
        }
    }

    fn part(self, brackets: bool) -> Part<'a> {
        if brackets && self.is_ipv6 {
            Part::Bracketed(self.text)
        } else {
            Part::Text(self.text)
        }
    }
}

/// A port, borrowed where it does not fit.
#[derive(Debug, Clone, Copy)]
enum Port<'a> {
    Number(u16),
    Any(&'a Int),
}

impl<'a> Port<'a> {
    fn of(port: &'a Int) -> Self {
        port.port().map_or(Self::Any(port), Self::Number)
    }
}

impl<'a> From<Port<'a>> for Part<'a> {
    fn from(port: Port<'a>) -> Self {
        match port {
            Port::Number(number) => Self::Number(number),
            Port::Any(number) => Self::Int(number),
        }
    }
}

/// Where a release puts an IPv6 literal in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brackets {
    /// Up to 3.8.
    Never,
    /// 4.x: where the code calls `host_and_port()`.
    HostAndPort,
    /// Normalized text.
    Always,
}

/// What distinguishes the releases.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Set up to 2.3, which read other variables and write other forms.
    legacy: Option<TargetVersion>,
    brackets: Brackets,
    labels_before_ip: bool,
    /// 3.2.0: SQS knows `dynamic`.
    sqs_dynamic: bool,
    /// Normalized: `sqs.SUFFIX` without a region keeps the whole suffix.
    sqs_keeps_suffix: bool,
    /// 3.8.0: API Gateway writes `/_aws/execute-api`.
    execute_api_path: bool,
    /// 4.1.0: `SNS_CERT_URL_HOST` is read.
    sns_cert_url_host: bool,
    /// 4.13.0: custom domain names depend on the region.
    regional_domain_hash: bool,
    /// The web framework of the releases writes `Location` headers anew.
    rewrites_headers: bool,
    /// 4.14.0: S3 encodes keys in XML and headers.
    encoded_keys: bool,
}

impl Rules {
    fn of(semantics: Semantics) -> Self {
        let Semantics::LocalStack(version) = semantics else {
            return Self {
                legacy: None,
                brackets: Brackets::Always,
                labels_before_ip: false,
                sqs_dynamic: true,
                sqs_keeps_suffix: true,
                execute_api_path: true,
                sns_cert_url_host: true,
                regional_domain_hash: true,
                rewrites_headers: false,
                encoded_keys: true,
            };
        };
        let from = |major, minor| version >= TargetVersion::exact(major, minor, 0);
        Self {
            legacy: (!from(3, 0)).then_some(version),
            brackets: if from(4, 0) {
                Brackets::HostAndPort
            } else {
                Brackets::Never
            },
            labels_before_ip: true,
            sqs_dynamic: from(3, 2),
            sqs_keeps_suffix: false,
            execute_api_path: from(3, 8),
            sns_cert_url_host: from(4, 1),
            regional_domain_hash: from(4, 13),
            rewrites_headers: true,
            encoded_keys: from(4, 14),
        }
    }
}
