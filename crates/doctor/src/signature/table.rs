//! The table of error texts: what each client prints, and what can be behind it.
//!
//! One row for each text. `{host}`, `{port}`, `{addr}` and `{url}` are taken out of it, `{}` is
//! anything. Texts of programs that were not run here follow their sources and reports.

use super::Signature::{self, *};
use super::cause::{self, Advice};

/// The program whose words a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// curl, and what uses its library: PHP, git.
    Curl,
    /// boto3, the AWS CLI, and other Python.
    Python,
    /// Node.js and the SDKs for JavaScript.
    Node,
    /// Java and its SDKs.
    Java,
    /// Go: Terraform, the docker CLI.
    Go,
    /// .NET.
    DotNet,
    /// wget, nslookup, dig, ping, and what several programs share.
    Tools,
    /// The answer of an AWS API.
    Api,
    /// The container engine and Compose.
    Docker,
    /// The log of LocalStack.
    LocalStack,
}

/// What a text means.
#[derive(Debug, Clone, Copy)]
pub enum Means {
    /// One of these failures: the program prints the same for all of them.
    Failure(&'static [Signature]),
    /// Exactly these causes.
    Causes(&'static [&'static Advice]),
}

/// One row.
#[derive(Debug)]
pub struct Text {
    /// The words, with holes.
    pub pattern: &'static str,
    /// Whose words they are.
    pub program: Program,
    /// What they mean.
    pub means: Means,
}

macro_rules! texts {
    ($($program:ident { $($pattern:literal => $means:expr;)* })*) => {
        /// Every text that is known.
        pub static TEXTS: &[Text] = &[$($(
            Text { pattern: $pattern, program: Program::$program, means: $means },
        )*)*];
    };
}

use Means::{Causes, Failure};

/// The three ways in which a name leads nowhere, which most programs do not tell apart.
const NAME: Means = Failure(&[NxDomain, NoData, DnsDead]);
/// As above, where the program tells a dead server apart.
const NO_NAME: Means = Failure(&[NxDomain, NoData]);
/// What botocore reports when it has no connection, whatever the reason.
const NO_CONNECTION: Means = Failure(&[Refused, NxDomain, NoData, DnsDead, NoRoute]);
const REFUSED: Means = Failure(&[Refused]);
const DNS_DEAD: Means = Failure(&[DnsDead]);
const TIMEOUT: Means = Failure(&[Timeout]);
const NO_ROUTE: Means = Failure(&[NoRoute]);
const EMPTY: Means = Failure(&[Empty]);
const STALL: Means = Failure(&[Stall]);
const CERT_NAME: Means = Failure(&[CertName]);
const CERT_CA: Means = Failure(&[CertCa]);
const CERT_OLD: Means = Failure(&[CertExpired]);
const TLS_PLAIN: Means = Failure(&[TlsPlain]);
const PROXY: Means = Failure(&[Proxy]);
const BAD_URL: Means = Failure(&[BadHost, NoScheme]);
const NO_BUCKET: Means = Failure(&[Vhost404]);
const AWS: Means = Failure(&[AwsAnswers]);

texts! {
    Curl {
        "Failed to connect to {host} port {port} after {} ms: Couldn't connect to server" => Failure(&[Refused, NoRoute]);
        "Failed to connect to {host} port {port} after {} ms: Could not connect to server" => Failure(&[Refused, NoRoute]);
        "Failed to connect to {host} port {port} after {} ms: Connection refused" => REFUSED;
        "Failed to connect to {host} port {port}: Connection refused" => REFUSED;
        "Failed to connect to {host} port {port} after {} ms: No route to host" => NO_ROUTE;
        "Failed to connect to {host} port {port}: No route to host" => NO_ROUTE;
        "Failed to connect to {host} port {port} after {} ms: Timeout was reached" => TIMEOUT;
        "Failed to connect to {host} port {port}: Connection timed out" => TIMEOUT;
        "connect to {host} port {port} failed: Connection refused" => REFUSED;
        "connect to {host} port {port} from {} failed: Connection refused" => REFUSED;
        "Connection timed out after {} milliseconds" => TIMEOUT;
        "Connection timeout after {} ms" => TIMEOUT;
        "Could not resolve host: {host}" => NAME;
        "Operation timed out after {} milliseconds with 0 bytes received" => STALL;
        "Operation timed out after {} milliseconds with 0 out of 0 bytes received" => STALL;
        "Empty reply from server" => EMPTY;
        "Recv failure: Connection reset by peer" => EMPTY;
        "no alternative certificate subject name matches target host name '{host}'" => CERT_NAME;
        "no alternative certificate subject name matches target hostname '{host}'" => CERT_NAME;
        "no alternative certificate subject name matches target ipv4 address '{host}'" => CERT_NAME;
        "SSL certificate problem: self-signed certificate" => CERT_CA;
        "SSL certificate problem: self signed certificate" => CERT_CA;
        "SSL certificate problem: unable to get local issuer certificate" => CERT_CA;
        "SSL certificate problem: certificate has expired" => CERT_OLD;
        "Could not resolve proxy: {host}" => PROXY;
    }
    Python {
        "Could not connect to the endpoint URL: \"{url}\"" => NO_CONNECTION;
        "Connect timeout on endpoint URL: \"{url}\"" => TIMEOUT;
        "Connection was closed before we received a valid response from endpoint URL: \"{url}\"" => EMPTY;
        "Read timeout on endpoint URL: \"{url}\"" => STALL;
        "SSL validation failed for {url} hostname '{host}' doesn't match" => CERT_NAME;
        "SSL validation failed for {url} [SSL: CERTIFICATE_VERIFY_FAILED]" => Failure(&[CertCa, CertName, CertExpired]);
        "SSL validation failed for {url} [SSL: WRONG_VERSION_NUMBER]" => TLS_PLAIN;
        "hostname '{host}' doesn't match" => CERT_NAME;
        "Hostname mismatch, certificate is not valid for '{host}'" => CERT_NAME;
        "IP address mismatch, certificate is not valid for '{host}'" => CERT_NAME;
        "CERTIFICATE_VERIFY_FAILED" => Failure(&[CertCa, CertName, CertExpired]);
        "certificate verify failed: self-signed certificate" => CERT_CA;
        "certificate verify failed: self signed certificate" => CERT_CA;
        "certificate verify failed: unable to get local issuer certificate" => CERT_CA;
        "certificate verify failed: certificate has expired" => CERT_OLD;
        "Failed to connect to proxy URL: \"{url}\"" => PROXY;
        "ProxyError('Cannot connect to proxy" => PROXY;
        "ProxyError('Unable to connect to proxy" => PROXY;
        "Invalid endpoint: {url}" => BAD_URL;
        "HTTPConnectionPool(host='{host}', port={port}): Max retries exceeded" => Failure(&[Refused, NxDomain, NoData, DnsDead, NoRoute, Timeout]);
        "HTTPSConnectionPool(host='{host}', port={port}): Max retries exceeded" => Failure(&[Refused, NxDomain, NoData, DnsDead, NoRoute, Timeout, CertName, CertCa, CertExpired, TlsPlain]);
        "ConnectionPool(host='{host}', port={port}): Read timed out" => STALL;
        "Connection to {host} timed out. (connect timeout=" => TIMEOUT;
        "Failed to resolve '{host}' ([Errno -2]" => Failure(&[NxDomain]);
        "Failed to resolve '{host}' ([Errno -3]" => DNS_DEAD;
        "Failed to resolve '{host}' ([Errno -5]" => Failure(&[NoData]);
        "Failed to resolve '{host}'" => NAME;
        "[Errno -2] Name or service not known" => Failure(&[NxDomain]);
        "[Errno -3] Temporary failure in name resolution" => DNS_DEAD;
        "[Errno -5] No address associated with hostname" => Failure(&[NoData]);
        "nodename nor servname provided, or not known" => NO_NAME;
        "[Errno 11001] getaddrinfo failed" => NAME;
        "[Errno 111] Connection refused" => REFUSED;
        "[Errno 61] Connection refused" => REFUSED;
        "[WinError 10061]" => REFUSED;
        "[Errno 113] No route to host" => NO_ROUTE;
        "Remote end closed connection without response" => EMPTY;
        "ConnectionResetError(104, 'Connection reset by peer')" => EMPTY;
    }
    Node {
        "connect ECONNREFUSED {addr}" => REFUSED;
        "connect EADDRNOTAVAIL {addr}" => REFUSED;
        "getaddrinfo ENOTFOUND {host}" => NO_NAME;
        "getaddrinfo EAI_AGAIN {host}" => DNS_DEAD;
        "connect ETIMEDOUT {addr}" => TIMEOUT;
        "Connect Timeout Error (attempted address: {addr}" => TIMEOUT;
        "did not establish a connection {} within the configured timeout" => TIMEOUT;
        "connect EHOSTUNREACH {addr}" => NO_ROUTE;
        "connect ENETUNREACH {addr}" => NO_ROUTE;
        "socket hang up" => EMPTY;
        "read ECONNRESET" => EMPTY;
        "SocketError: other side closed" => EMPTY;
        "does not match certificate's altnames: Host: {host}. is not" => CERT_NAME;
        "does not match certificate's altnames: IP: {host} is not" => CERT_NAME;
        "ERR_TLS_CERT_ALTNAME_INVALID" => CERT_NAME;
        "DEPTH_ZERO_SELF_SIGNED_CERT" => CERT_CA;
        "SELF_SIGNED_CERT_IN_CHAIN" => CERT_CA;
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => CERT_CA;
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" => CERT_CA;
        "CERT_HAS_EXPIRED" => CERT_OLD;
        "QueueUrl={url} differs from SQSClient resolved endpoint={url}, using QueueUrl host as endpoint" => Failure(&[QueueUrl]);
    }
    Java {
        "Connect to {addr} [{}] failed: Connection refused" => REFUSED;
        "Connect to {addr} failed: Connection refused" => REFUSED;
        "Connect to {addr} [{}] failed: Connect timed out" => TIMEOUT;
        "Connect to {addr} [{}] failed: Connection timed out" => TIMEOUT;
        "Connect to {addr} [{}] failed: Read timed out" => STALL;
        "Connect to {addr} [{}] failed: No route to host" => NO_ROUTE;
        "Connection refused: {host}/{addr}" => REFUSED;
        "ConnectException: Connection refused" => REFUSED;
        "ConnectException: Connection timed out" => TIMEOUT;
        "connection timed out: {host}/{addr}" => TIMEOUT;
        "ConnectException Caused by: java.nio.channels.ClosedChannelException" => REFUSED;
        "UnknownHostException: {host}: Temporary failure in name resolution" => DNS_DEAD;
        "UnknownHostException: {host}" => NAME;
        "java.nio.channels.UnresolvedAddressException" => NAME;
        "SocketTimeoutException: Connect timed out" => TIMEOUT;
        "HttpConnectTimeoutException: HTTP connect timed out" => TIMEOUT;
        "SocketTimeoutException: Read timed out" => STALL;
        "NoRouteToHostException: No route to host" => NO_ROUTE;
        "SocketException: Connection reset" => EMPTY;
        "NoHttpResponseException: {addr} failed to respond" => EMPTY;
        "Unexpected end of file from server" => EMPTY;
        "No subject alternative DNS name matching {host} found" => CERT_NAME;
        "No subject alternative names matching IP address {host} found" => CERT_NAME;
        "Certificate for <{host}> doesn't match any of the subject alternative names" => CERT_NAME;
        "PKIX path building failed" => CERT_CA;
        "CertificateExpiredException: NotAfter:" => CERT_OLD;
        "Unsupported or unrecognized SSL message" => TLS_PLAIN;
        "The URI scheme of endpointOverride must not be null" => Failure(&[NoScheme]);
        "host must not be null" => Failure(&[BadHost]);
    }
    Go {
        "dial tcp {addr}: connect: connection refused" => REFUSED;
        "dial tcp {addr}: getsockopt: connection refused" => REFUSED;
        "dial tcp {addr}: connectex: No connection could be made because the target machine actively refused it" => REFUSED;
        "lookup {host} on {addr}: no such host" => NO_NAME;
        "lookup {host}: no such host" => NO_NAME;
        "lookup {host} on {addr}: lame referral" => NO_NAME;
        "lookup {host} on {addr}: server misbehaving" => DNS_DEAD;
        "lookup {host} on {addr}: read udp {}: i/o timeout" => DNS_DEAD;
        "lookup {host} on {addr}: read udp {}: connection refused" => DNS_DEAD;
        "lookup {host}: i/o timeout" => DNS_DEAD;
        "lookup {host}: Temporary failure in name resolution" => DNS_DEAD;
        "dial tcp {addr}: i/o timeout" => TIMEOUT;
        "dial tcp {addr}: connect: connection timed out" => TIMEOUT;
        "dial tcp {addr}: connect: no route to host" => NO_ROUTE;
        "dial tcp {addr}: connect: network is unreachable" => NO_ROUTE;
        "read: connection reset by peer" => EMPTY;
        "\": EOF" => EMPTY;
        "Client.Timeout exceeded while awaiting headers" => Failure(&[Timeout, Stall, DnsDead]);
        "x509: certificate is valid for {}, not {host}" => CERT_NAME;
        "x509: cannot validate certificate for {host} because it doesn't contain any IP SANs" => CERT_NAME;
        "x509: certificate signed by unknown authority" => CERT_CA;
        "x509: certificate has expired" => CERT_OLD;
        "tls: first record does not look like a TLS handshake" => TLS_PLAIN;
        "http: server gave HTTP response to HTTPS client" => TLS_PLAIN;
        "proxyconnect tcp:" => PROXY;
    }
    DotNet {
        "Connection refused ({addr})" => REFUSED;
        "the target machine actively refused it. ({addr})" => REFUSED;
        "Cannot assign requested address ({addr})" => REFUSED;
        "Name or service not known ({addr})" => NO_NAME;
        "No such host is known. ({addr})" => NO_NAME;
        "Resource temporarily unavailable ({addr})" => DNS_DEAD;
        "No route to host ({addr})" => NO_ROUTE;
        "The response ended prematurely" => EMPTY;
        "RemoteCertificateNameMismatch" => CERT_NAME;
        "RemoteCertificateChainErrors" => CERT_CA;
        "Cannot determine the frame size or a corrupted frame was received" => TLS_PLAIN;
    }
    Tools {
        "server can't find {host}: NXDOMAIN" => Failure(&[NxDomain]);
        "server can't find {host}: SERVFAIL" => DNS_DEAD;
        "server can't find {host}: REFUSED" => DNS_DEAD;
        "Can't find {host}: No answer" => Failure(&[NoData]);
        "no servers could be reached" => DNS_DEAD;
        "communications error to {}: timed out" => DNS_DEAD;
        "bad address '{host}'" => NAME;
        "unable to resolve host address '{host}'" => NAME;
        "ping: {host}: Name or service not known" => NO_NAME;
        "ping: cannot resolve {host}: Unknown host" => NAME;
        "Connecting to {host} ({})|{}|:{port}... failed: Connection refused" => REFUSED;
        "Connecting to {host}|{}|:{port}... failed: Connection refused" => REFUSED;
        "can't connect to remote host ({host}): Connection refused" => REFUSED;
        "Failed to open TCP connection to {addr} (Connection refused" => REFUSED;
        "Failed to open TCP connection to {addr} (getaddrinfo:" => NAME;
        "http://http://" => Causes(&[&cause::TWICE]);
        "http://https://" => Causes(&[&cause::TWICE]);
        "https://http://" => Causes(&[&cause::TWICE]);
        "Name or service not known" => NO_NAME;
        "Temporary failure in name resolution" => DNS_DEAD;
        "No route to host" => NO_ROUTE;
        "Connection refused" => REFUSED;
        "Connection reset by peer" => EMPTY;
        "wrong version number" => TLS_PLAIN;
    }
    Api {
        "NoSuchBucket" => NO_BUCKET;
        "The specified bucket does not exist" => NO_BUCKET;
        "(InvalidClientTokenId)" => AWS;
        "(UnrecognizedClientException)" => AWS;
        "(InvalidAccessKeyId)" => AWS;
        "InvalidClientTokenId: The security token included in the request is invalid" => AWS;
        "The security token included in the request is invalid" => AWS;
        "The AWS Access Key Id you provided does not exist in our records" => AWS;
    }
    Docker {
        "Bind for {addr} failed: port is already allocated" => Causes(&[&cause::PORT_OF_CONTAINER]);
        "port is already allocated" => Causes(&[&cause::PORT_OF_CONTAINER]);
        "listen {} {addr}: bind: address already in use" => Causes(&[&cause::PORT_OF_PROCESS]);
        "failed to bind host port {addr}/{}: address already in use" => Causes(&[&cause::PORT_OF_PROCESS]);
        "failed to bind host port for {host}:{port}:{}: address already in use" => Causes(&[&cause::PORT_OF_PROCESS]);
        "Ports are not available: exposing port {} {addr}" => Causes(&[&cause::PORT_OF_PROCESS]);
        "bind: cannot assign requested address" => Causes(&[&cause::PUBLISHED_ADDRESS]);
        "Pool overlaps with other one on this address space" => Causes(&[&cause::SUBNET_TAKEN]);
        "non-overlapping IPv4 address pool among the defaults" => Causes(&[&cause::POOLS_EXHAUSTED]);
        "all predefined address pools have been fully subnetted" => Causes(&[&cause::POOLS_EXHAUSTED]);
        "Invalid address {host}: It does not belong to any of this network's subnets" => Causes(&[&cause::OUTSIDE_SUBNET]);
        "daemon: Address already in use" => Causes(&[&cause::ADDRESS_TAKEN]);
        "networking: Address already in use" => Causes(&[&cause::ADDRESS_TAKEN]);
        "user specified IP address is supported only when connecting to networks with user configured subnets" => Causes(&[&cause::WITHOUT_SUBNET]);
        "network-scoped aliases are only supported for user-defined networks" => Causes(&[&cause::ALIAS_ON_BRIDGE]);
        "network-scoped alias is supported only for containers in user defined networks" => Causes(&[&cause::ALIAS_ON_BRIDGE]);
        "network {host} not found" => Causes(&[&cause::NETWORK_MISSING]);
        "network {host} declared as external, but could not be found" => Causes(&[&cause::NETWORK_MISSING]);
        "cannot join network of a non running container" => Causes(&[&cause::JOINED_STOPPED]);
        "conflicting options: dns and the network mode" => Causes(&[&cause::DNS_WITH_HOST_NETWORK]);
        "Cannot link to /{host}, as it does not belong to the default network" => Causes(&[&cause::LINK_ACROSS]);
        "Published ports are discarded when using host network mode" => Causes(&[&cause::PORTS_DISCARDED]);
        "Cannot connect to the Docker daemon" => Causes(&[&cause::NO_ENGINE]);
        "permission denied while trying to connect to the Docker" => Causes(&[&cause::ENGINE_DENIED]);
    }
    LocalStack {
        "is deprecated (since {}) and will be removed in upcoming releases of LocalStack! This configuration will be migrated to GATEWAY_LISTEN" => Causes(&[&cause::NOT_MIGRATED, &cause::DEPRECATED]);
        "is deprecated (since {}) and will be removed in upcoming releases of LocalStack" => Causes(&[&cause::DEPRECATED]);
        "No upstream dns server found" => Causes(&[&cause::NO_UPSTREAM]);
        "Unable to determine fallback DNS" => Causes(&[&cause::NO_UPSTREAM]);
        "DNS server did not come up within 5 seconds" => Causes(&[&cause::DNS_DID_NOT_START]);
        "could not determine subnet-matched IP address" => Causes(&[&cause::DNS_SAYS_LOOPBACK]);
        "'MAIN_DOCKER_NETWORK' is not connected" => Causes(&[&cause::MAIN_NETWORK]);
        "Container DNS overridden to" => Causes(&[&cause::LAMBDA_DNS]);
        "Failed to inspect the LocalStack docker container" => Causes(&[&cause::NO_SOCKET, &cause::SELF_NOT_FOUND]);
        "Docker not available in the LocalStack container" => Causes(&[&cause::NO_SOCKET]);
        "Could not update container DNS settings" => Causes(&[&cause::DNS_OF_CONTAINER]);
        "Timeout while starting up lambda environment" => Causes(&[&cause::LAMBDA_CALLBACK]);
    }
}
