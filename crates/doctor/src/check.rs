//! The table of checks: a row for each cause.
//!
//! A row has the code of the project's one scheme, the number under which the cause is known in the
//! older lists, and the checks of which it would only be a consequence. Where the project already has
//! a code for a cause, the row uses it.

use lsconfig::diagnostic::codes as shared;
use lsconfig::diagnostic::{Rule, Severity};

use crate::finding::Finding;
use crate::judge::{Case, World, client, minted, names, network, ports, target};

/// How a check is made.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// Before there is an emulator to judge.
    First,
    /// Once, of the emulator.
    Target(fn(&World<'_>) -> Vec<Finding>),
    /// For each client.
    Client(fn(&World<'_>, &Case<'_>) -> Vec<Finding>),
    /// For each client, after all others.
    Last,
}

/// One row of the table.
#[derive(Debug)]
pub struct Check {
    /// The number in the older lists.
    pub number: &'static str,
    /// Code, severity, texts.
    pub rule: &'static Rule,
    /// The numbers of the checks that explain this one away.
    pub depends_on: &'static [&'static str],
    /// How it is made.
    pub run: Run,
}

/// Returns the row of a number.
///
/// # Panics
/// When there is none: numbers are literals of this crate, and a test looks all of them up.
#[must_use]
pub fn by_number(number: &str) -> &'static Check {
    let row = CHECKS.iter().find(|check| check.number == number);
    row.expect("a number of the table")
}

/// Returns the rules of this crate, without those that it shares.
pub fn own_rules() -> impl Iterator<Item = &'static Rule> {
    let shared = |rule: &&'static Rule| !shared::RULES.iter().any(|r| std::ptr::eq(*r, *rule));
    CHECKS.iter().map(|check| check.rule).filter(shared)
}

macro_rules! rules {
    ($($id:ident = $code:literal, $severity:ident, $summary:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $summary, ".")]
            pub static $id: Rule = Rule {
                code: $code,
                severity: Severity::$severity,
                summary: $summary,
                explanation: $explanation,
            };
        )*
    };
}

macro_rules! checks {
    ($($number:literal $rule:expr, $run:expr, [$($dep:literal),*];)*) => {
        /// Every check, in the order in which they are made.
        pub static CHECKS: &[Check] = &[
            $(Check { number: $number, rule: &$rule, depends_on: &[$($dep),*], run: $run },)*
        ];
    };
}

use Run::{Client, First, Last, Target};

checks! {
    "RT001" ENGINE_UNREACHABLE, First, [];
    "RT002" ENGINE_ACCESS_DENIED, First, [];
    "RT003" ENGINE_TOO_OLD, First, [];
    "CT001" EMULATOR_NOT_FOUND, First, ["RT001", "RT002", "RT003"];
    "CT002" EMULATOR_AMBIGUOUS, First, [];
    "PORT005" HOST_PORT_TAKEN, Target(target::host_port_taken), [];
    "CT003" EMULATOR_NOT_RUNNING, Target(target::not_running), ["PORT005"];
    "CT004" EMULATOR_NOT_READY, Target(target::not_ready), ["CT003"];
    "CFG001" shared::IGNORED_VARIABLE, Target(target::ignored_variable), [];
    "CFG002" shared::SHADOWED_VARIABLE, Target(target::shadowed_variable), ["CFG001"];
    "CFG003" shared::BIND_HOST_IGNORED, Target(target::bind_host_ignored), [];
    "CFG005" HOSTNAME_OVERRIDDEN, Target(target::hostname_overridden), [];
    "CFG006" DOCKER_SOCKET_MISSING, Target(target::docker_socket_missing), [];
    "PORT004" shared::LISTEN_LOOPBACK_IN_CONTAINER, Target(target::listens_on_loopback), ["CT003"];
    "PORT003" shared::PUBLISHED_NOT_LISTENED, Target(target::published_not_listened), ["CT003", "PORT004"];
    "NET006" EMULATOR_ON_HOST_NETWORK, Target(target::on_host_network), ["CT003"];
    "NET009" OVERLAPPING_SUBNETS, Target(target::overlapping_subnets), [];
    "CT005" CLIENT_NOT_RUNNING, Client(client::not_running), [];
    "CFG007" UNDERSCORE_IN_HOST, Client(client::underscore), [];
    "NET004" CLIENT_WITHOUT_NETWORK, Client(network::without_network), ["CT005"];
    "URL004" ENDPOINT_IS_CLIENT_ITSELF, Client(network::own_loopback), ["CT005", "NET004"];
    "NET003" NAMES_UNKNOWN_ON_HOST, Client(network::names_on_host), ["CT005", "CT003"];
    "NET013" ADDRESS_IN_VIRTUAL_MACHINE, Client(network::address_in_vm), ["CT003"];
    "NET001" NO_SHARED_NETWORK, Client(network::no_shared_network), ["CT005", "CT003", "NET004", "NET006"];
    "NET002" DEFAULT_BRIDGE_ONLY, Client(network::default_bridge), ["CT005", "CT003", "NET006"];
    "NET005" BLOCKED_WITHIN_NETWORK, Client(network::blocked), ["CT005", "CT003", "NET001"];
    "NET008" NAME_HAS_TWO_OWNERS, Client(network::two_owners), ["CT005"];
    "NET010" LEGACY_LINK, Client(network::legacy_link), ["CT005"];
    "NET011" NAME_OF_NOBODY, Client(network::name_of_nobody), ["CT005", "CT003", "NET001", "NET002", "NET003", "NET004", "NET006"];
    "PORT002" PUBLISHED_ELSEWHERE, Client(ports::published_elsewhere), ["CT005", "CT003"];
    "PORT006" IPV6_LOOPBACK_NOT_PUBLISHED, Client(ports::ipv6_loopback), ["CT003"];
    "PORT007" SERVICE_PORT_NOT_PUBLISHED, Client(ports::service_port), ["CT003"];
    "PORT001" PORT_NOT_PUBLISHED, Client(ports::not_published), ["CT005", "CT003", "PORT002", "PORT003", "PORT004", "PORT006", "PORT007", "NET006"];
    "PORT008" ENDPOINT_PORT_NOT_LISTENED, Client(ports::wrong_port), ["CT005", "CT003", "CT004", "PORT003", "PORT004", "NET005"];
    "DNS002" DNS_SERVER_GONE, Client(names::server_gone), ["CT005", "CT003"];
    "DNS005" REBIND_PROTECTION, Client(names::rebind), ["CT005", "DNS002"];
    "DNS008" HOSTS_ENTRY_IN_THE_WAY, Client(names::hosts_entry), ["CT005"];
    "DNS011" EMULATOR_DNS_WITHOUT_UPSTREAM, Client(names::no_upstream), ["CT005", "CT003"];
    "DNS004" EMULATOR_DNS_OFF, Client(names::dns_off), ["CT005", "CT003", "DNS011"];
    "DNS009" DNS_ANSWERS_LOOPBACK, Client(names::answers_loopback), ["CT005", "CT003", "DNS004", "DNS011"];
    "DNS007" ALIAS_COVERS_ONE_NAME, Client(names::alias_only), ["CT005"];
    "DNS006" SUBDOMAIN_OF_CONTAINER_NAME, Client(names::subdomain), ["CT005", "CT003", "NET001"];
    "DNS001" EMULATOR_DNS_NOT_USED, Client(names::not_used), ["CT005", "DNS002", "DNS004", "DNS005", "DNS008", "DNS009", "DNS011", "NET003", "NET004"];
    "DNS003" DNS_ADDRESS_NOT_PINNED, Client(names::not_pinned), ["CT005", "CT003"];
    "URL003" QUEUE_URL_REPLACES_ENDPOINT, Client(minted::queue_url), ["CT005", "CT003", "NET001"];
    "URL001" MINTED_HOST_UNKNOWN, Client(minted::minted_host), ["CT005", "CT003", "NET001", "NET004", "NET006", "DNS002", "DNS004", "DNS006", "DNS011", "URL004"];
    "URL002" shared::URL_PORT_NOT_PUBLISHED, Client(minted::minted_port), ["CT003", "PORT001", "PORT003", "PORT004"];
    "S3001" BUCKET_TAKEN_FROM_PATH, Client(minted::bucket_from_path), ["CT005", "DNS001"];
    "S3002" BUCKET_HOST_UNRESOLVABLE, Client(minted::bucket_host), ["CT005", "NET001"];
    "TLS003" TLS_TO_PLAIN_PORT, Client(client::tls_to_plain), ["CT005", "CT003"];
    "TLS001" CERTIFICATE_NAME_MISMATCH, Client(client::certificate_name), ["CT005", "CT003", "NET001", "TLS003"];
    "TLS004" CERTIFICATE_EXPIRED, Client(client::certificate_expired), ["TLS001"];
    "TLS002" CERTIFICATE_UNTRUSTED, Client(client::certificate_untrusted), ["TLS001", "TLS004"];
    "PRX002" NO_PROXY_INEFFECTIVE, Client(client::no_proxy_ineffective), ["CT005"];
    "PRX001" PROXY_IN_THE_WAY, Client(client::proxy), ["CT005", "PRX002"];
    "CT006" NOT_THE_EMULATOR, Client(client::not_the_emulator), ["CT005", "CT003", "CT004", "NET008"];
    "NET012" PREDICTION_CONTRADICTED, Last, ["CT003", "CT004", "NET006", "PORT003", "PORT004"];
}

rules! {
    ENGINE_UNREACHABLE = "engine-unreachable", Error,
        "no container engine answers",
        "Nothing answers at `DOCKER_HOST`, at the address of the current context, or at the usual \
         sockets; the message lists what was tried. Start the engine, or point `DOCKER_HOST` at \
         it. Files are judged without an engine: `lsconfig doctor docker-compose.yml`.";
    ENGINE_ACCESS_DENIED = "engine-access-denied", Error,
        "the socket of the engine may not be opened",
        "The engine's socket exists and belongs to another user or group. On Linux, join the group \
         `docker` and log in again, or run the command as a user who may.";
    ENGINE_TOO_OLD = "engine-too-old", Error,
        "the engine speaks only old versions of its API",
        "Version 1.40 is needed, which Docker 19.03 and Podman 3 speak.";
    EMULATOR_NOT_FOUND = "emulator-not-found", Error,
        "no container is the emulator",
        "No container has an image or label of LocalStack or the port 4566, or none has the name \
         that was given. Stopped containers are looked at, too. Name one with \
         `--target-container`.";
    EMULATOR_AMBIGUOUS = "emulator-ambiguous", Error,
        "several containers may be the emulator",
        "Name one of them with `--target-container`.";
    HOST_PORT_TAKEN = "host-port-taken", Error,
        "the emulator cannot start because a port of the host is taken",
        "The engine could not bind a port that is to be published: another container or a process \
         of the host has it. Stop the owner, or publish another port. A frequent owner of 53 is \
         systemd-resolved.";
    EMULATOR_NOT_RUNNING = "emulator-not-running", Error,
        "the emulator does not run",
        "Its container exists and is not running. Docker's DNS knows running containers only, so \
         clients fail with an unknown name rather than with a refused connection.";
    EMULATOR_NOT_READY = "emulator-not-ready", Error,
        "the emulator runs and does not answer",
        "It is paused, still starting, unhealthy, or takes connections without answering. A paused \
         container accepts connections, and the client waits until its own timeout.";
    HOSTNAME_OVERRIDDEN = "hostname-overridden", Warning,
        "`HOSTNAME` is set for the emulator",
        "LocalStack finds its own container by `$HOSTNAME`. With another value it does not find \
         its networks, and what it starts (Lambda, ECS) gets a wrong one. Remove the variable.";
    DOCKER_SOCKET_MISSING = "docker-socket-missing", Warning,
        "the emulator is to start containers and has no socket of the engine",
        "Lambda, ECS and others run in containers of their own, for which the emulator needs \
         `/var/run/docker.sock`. It is reported where settings show that they are used.";
    EMULATOR_ON_HOST_NETWORK = "emulator-on-host-network", Error,
        "the emulator uses the host's network, where other containers do not find it",
        "With `network_mode: host` nothing is published (`ports:` is ignored) and no other \
         container knows its name. Remove it and publish ports. It is a warning where no container \
         is a client.";
    OVERLAPPING_SUBNETS = "overlapping-subnets", Warning,
        "two networks have overlapping subnets",
        "Addresses of one network are sent into the other. Give each network a range of its own.";
    CLIENT_NOT_RUNNING = "client-not-running", Error,
        "the client does not run",
        "What a stopped container would see cannot be tried, and its network says nothing. Start \
         it, then ask again.";
    UNDERSCORE_IN_HOST = "underscore-in-host", Error,
        "the host in a URL has an underscore",
        "An underscore is not allowed in a host name. boto3 refuses such a URL before it sends \
         anything, and Java SDKs see no host in it, while curl works. Give the container an alias \
         or service name without underscore.";
    CLIENT_WITHOUT_NETWORK = "client-without-network", Error,
        "the client has no network",
        "With `network_mode: none` a container has loopback only.";
    ENDPOINT_IS_CLIENT_ITSELF = "endpoint-is-client-itself", Error,
        "the endpoint is the client's own loopback",
        "In a container `localhost` and `127.0.0.1` are that container, not the host and not the \
         emulator. Use the emulator's service or container name, or the domain together with \
         `dns:`.";
    NAMES_UNKNOWN_ON_HOST = "names-unknown-on-host", Error,
        "a container name is used where Docker's DNS does not answer",
        "Processes on the host, and containers with `network_mode: host`, use the DNS of the host, \
         which knows no containers. Use `localhost` and a published port.";
    ADDRESS_IN_VIRTUAL_MACHINE = "address-in-virtual-machine", Error,
        "the address of a container is used where the engine runs in a virtual machine",
        "Docker Desktop, Colima and others run the engine in a virtual machine. Published ports \
         arrive on the machine around it, and the addresses of containers do not. Use `localhost` \
         and a published port.";
    NO_SHARED_NETWORK = "no-shared-network", Error,
        "client and emulator share no network",
        "Docker isolates networks: names of the other network are not known, and packets to its \
         addresses are dropped, so the client waits until its timeout. Attach the client to a \
         network of the emulator.";
    DEFAULT_BRIDGE_ONLY = "default-bridge-only", Error,
        "client and emulator share the default bridge only, where names are not known",
        "Docker's DNS serves networks that users made, not the default bridge, and addresses there \
         cannot be pinned. Make a network and run both in it. The host's network, \
         `host.docker.internal` and links also connect them, and each loses something: isolation, \
         portability, or fresh addresses.";
    BLOCKED_WITHIN_NETWORK = "blocked-within-network", Error,
        "packets within a shared network are dropped",
        "The network was made with `enable_icc=false`, or a firewall of the host drops packets \
         between its containers.";
    NAME_HAS_TWO_OWNERS = "name-has-two-owners", Error,
        "two containers answer to the same name",
        "Docker's DNS returns the addresses of both, in changing order, so that every other \
         connection goes to the wrong one. Rename one, or remove the alias.";
    LEGACY_LINK = "legacy-link", Warning,
        "the client finds the emulator by a legacy link",
        "A link is a line in the hosts file, written when the client starts. It is stale as soon as \
         the emulator is made anew. Use a network.";
    NAME_OF_NOBODY = "name-of-nobody", Error,
        "the host in a URL is no name of the emulator",
        "No container that the client can reach has this name. The message lists the names that \
         the emulator has.";
    PUBLISHED_ELSEWHERE = "published-elsewhere", Error,
        "the port is published on another address of the host",
        "A port that is published on `127.0.0.1` is for processes of the host. Containers that go \
         through the gateway (`host.docker.internal`), and other machines, are refused. Sharing a \
         network is better than publishing wider: the emulator's API has no authentication.";
    IPV6_LOOPBACK_NOT_PUBLISHED = "ipv6-loopback-not-published", Error,
        "the client uses `::1`, and the port is published for IPv4 only",
        "Node 17 and later take the first address of `localhost`, which may be `::1`. Use \
         `127.0.0.1`, set `NODE_OPTIONS=--dns-result-order=ipv4first`, or publish on `[::1]` too.";
    SERVICE_PORT_NOT_PUBLISHED = "service-port-not-published", Error,
        "a port of a service instance is not published",
        "OpenSearch, RDS and others get ports from 4510 to 4559 inside the emulator. Publish the \
         range: `127.0.0.1:4510-4559:4510-4559`.";
    PORT_NOT_PUBLISHED = "port-not-published", Error,
        "the emulator's port is not published where the client looks for it",
        "A process on the host reaches a container through published ports. Publish the port on \
         `127.0.0.1`, or use the port that is published.";
    ENDPOINT_PORT_NOT_LISTENED = "endpoint-port-not-listened", Error,
        "the emulator does not listen at the port in the URL",
        "Inside a network the ports of the container count, not the published ones.";
    DNS_SERVER_GONE = "dns-server-gone", Error,
        "an address in `dns:` belongs to nobody",
        "The client asks a DNS server that does not exist any more, usually the emulator's address \
         of an earlier run. Each lookup waits for seconds and then fails with `EAI_AGAIN`. Pin the \
         emulator's address and set `dns:` to it.";
    REBIND_PROTECTION = "rebind-protection", Error,
        "the resolver hides public names that lead to loopback",
        "`localhost.localstack.cloud` is 127.0.0.1 in public DNS. Many routers drop such answers. \
         Use `127.0.0.1`, a line in the hosts file for each name, or the emulator's own DNS.";
    HOSTS_ENTRY_IN_THE_WAY = "hosts-entry-in-the-way", Error,
        "a line in the hosts file decides about the emulator's name",
        "The hosts file wins over every DNS server, for exactly the names that it lists. Remove the \
         line, usually one of `extra_hosts`.";
    EMULATOR_DNS_WITHOUT_UPSTREAM = "emulator-dns-without-upstream", Error,
        "the emulator's DNS server has no way to the outside",
        "All networks of the emulator are internal. Without an upstream resolver that answers, \
         LocalStack does not start its DNS server, and without a default route it forwards even \
         its own names. Attach it to a second network that is not internal.";
    EMULATOR_DNS_OFF = "emulator-dns-off", Error,
        "the client asks the emulator's DNS server, which is not there",
        "`DNS_ADDRESS=0` switches it off, and releases before 2.3 have none in the community \
         edition.";
    DNS_ANSWERS_LOOPBACK = "dns-answers-loopback", Error,
        "the emulator's DNS server answers 127.0.0.1",
        "It tells every client the address in the client's own network. A query that comes through \
         the host, from the gateway or from a network it is not on, gets 127.0.0.1. Put both on \
         one network and ask its address there.";
    ALIAS_COVERS_ONE_NAME = "alias-covers-one-name", Warning,
        "a network alias stands in for the emulator's DNS",
        "An alias is one exact name. Names below it, such as `sqs.us-east-1.` or a bucket, are not \
         covered and lead to 127.0.0.1. Use `dns:`.";
    SUBDOMAIN_OF_CONTAINER_NAME = "subdomain-of-container-name", Error,
        "a name below a container name is used",
        "Docker's DNS knows exact names only: `localstack` resolves, `bucket.localstack` does not. \
         Use the domain with the emulator's DNS, or the path form.";
    EMULATOR_DNS_NOT_USED = "emulator-dns-not-used", Error,
        "the domain leads to the client itself, because the emulator's DNS is not asked",
        "Public DNS says 127.0.0.1 for `localhost.localstack.cloud` and every name below it, which \
         is right on the host and wrong in a container. The emulator's own DNS server answers with \
         its address: pin that address and set it as `dns:` of the client.";
    DNS_ADDRESS_NOT_PINNED = "dns-address-not-pinned", Warning,
        "`dns:` names an address that may change",
        "The emulator has this address by chance. After a restart another container may have it. \
         Give the network a subnet and the emulator an `ipv4_address`.";
    MINTED_HOST_UNKNOWN = "minted-host-unknown", Error,
        "the client cannot resolve the host in the URLs that the emulator returns",
        "Queue URLs and others carry `LOCALSTACK_HOST`. The emulator's DNS answers for that host \
         and every name below it, so `dns:` mends it. It is a note where the domain is the default \
         and the client is not known to use such URLs.";
    QUEUE_URL_REPLACES_ENDPOINT = "queue-url-replaces-endpoint", Warning,
        "the SDK for JavaScript sends to the host in the queue URL",
        "With the endpoint from `AWS_ENDPOINT_URL`, SDK v3 sends SQS requests to the host in \
         `QueueUrl`, which leads to the client itself here. Set the endpoint in the client, or \
         `useQueueUrlAsEndpoint: false`, or `SQS_ENDPOINT_STRATEGY=dynamic`, or `dns:`.";
    BUCKET_TAKEN_FROM_PATH = "bucket-taken-from-path", Warning,
        "the S3 endpoint lacks `s3.`, so the key is taken for the bucket",
        "`bucket.localhost.localstack.cloud` is not a virtual host of S3. The request arrives, the \
         bucket is read from the path, and the answer is `NoSuchBucket` with the key as its name. \
         Use `http://s3.localhost.localstack.cloud:4566`.";
    BUCKET_HOST_UNRESOLVABLE = "bucket-host-unresolvable", Warning,
        "buckets become names below a container name",
        "SDKs put the bucket in front of the host, and Docker's DNS knows no such name. Force the \
         path style, or use `http://s3.localhost.localstack.cloud:4566` with the emulator's DNS.";
    TLS_TO_PLAIN_PORT = "tls-to-plain-port", Error,
        "TLS is spoken to a port that speaks plain HTTP",
        "Use `http://`, or a port that speaks TLS.";
    CERTIFICATE_NAME_MISMATCH = "certificate-name-mismatch", Error,
        "the certificate does not cover the host in the URL",
        "The certificate of LocalStack covers `localhost.localstack.cloud` and one level below it \
         in its usual form, never the name of a container. Use `http://`, or a name that it \
         covers.";
    CERTIFICATE_EXPIRED = "certificate-expired", Error,
        "the certificate has expired",
        "LocalStack downloads a new one when it starts. Restart it with access to the internet, or \
         replace the file of `CUSTOM_SSL_CERT_PATH`.";
    CERTIFICATE_UNTRUSTED = "certificate-untrusted", Error,
        "the certificate is its own issuer, and the client trusts no such",
        "Give the client the certificate: `AWS_CA_BUNDLE`, `REQUESTS_CA_BUNDLE`, \
         `NODE_EXTRA_CA_CERTS`, a truststore; or use `http://`.";
    NO_PROXY_INEFFECTIVE = "no-proxy-ineffective", Error,
        "`NO_PROXY` has a form that matches nothing",
        "`*.example` matches no name in curl and boto3. Write `example` or `.example`, which cover \
         the name and all below it.";
    PROXY_IN_THE_WAY = "proxy-in-the-way", Error,
        "requests to the emulator go to a proxy",
        "The client has a proxy variable and no exception for the emulator. Put the host into \
         `NO_PROXY` and `no_proxy`: programs differ in which they read. The docker client copies \
         the `proxies` of its settings into every container that it makes.";
    NOT_THE_EMULATOR = "not-the-emulator", Error,
        "something else answers at the emulator's address",
        "An HTTP server answers and is not LocalStack: `/_localstack/health` gives something else. \
         A proxy, another container with this name, or another service on this port.";
    PREDICTION_CONTRADICTED = "prediction-contradicted", Error,
        "a probe saw something else than the settings promise",
        "By the rules of Docker's networks the path should work and it does not, or the other way \
         round. Firewalls, VPNs and stale packet filter rules of the engine are the usual causes; \
         restarting the engine writes its rules anew.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_sound() {
        for (n, check) in CHECKS.iter().enumerate() {
            let before = &CHECKS[..n];
            assert!(
                before.iter().all(|c| c.number != check.number),
                "{}",
                check.number
            );
            assert!(
                before.iter().all(|c| c.rule.code != check.rule.code),
                "{}",
                check.rule.code
            );
            for cause in check.depends_on {
                let known = before.iter().any(|c| c.number == *cause);
                assert!(
                    known,
                    "{} depends on {cause}, which is not made before",
                    check.number
                );
            }
        }
    }

    #[test]
    fn own_codes_follow_the_scheme_and_are_new() {
        for rule in own_rules() {
            let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(rule.code.bytes().all(kebab), "{}", rule.code);
            assert!(shared::lookup(rule.code).is_none(), "{}", rule.code);
            assert!(
                !rule.summary.ends_with('.') && rule.explanation.ends_with('.'),
                "{}",
                rule.code
            );
        }
    }
}
