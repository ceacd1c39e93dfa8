//! What can be behind a failure: one row for each piece of advice.
//!
//! `{host}` and `{port}` become those of the pasted text. A row says why in one sentence, how to make
//! sure, and the smallest change that mends it. Several rows may have the same code, where the same
//! cause shows in different ways.

/// One piece of advice.
#[derive(Debug)]
pub struct Advice {
    /// The code of the cause, as `lsconfig rule` explains it.
    pub code: &'static str,
    /// One sentence.
    pub why: &'static str,
    /// How to make sure.
    pub confirm: &'static str,
    /// The smallest change.
    pub fix: &'static str,
}

macro_rules! advice {
    ($($id:ident = $code:literal { $why:literal $confirm:literal $fix:literal })*) => {
        $(
            #[doc = concat!("`", $code, "`.")]
            pub static $id: Advice = Advice {
                code: $code,
                why: $why,
                confirm: $confirm,
                fix: $fix,
            };
        )*

        /// Every row.
        pub static ADVICE: &[&Advice] = &[$(&$id),*];
    };
}

advice! {
    SELF = "endpoint-is-client-itself" {
        "In a container `{host}` is that container itself, neither the host nor the emulator."
        "The client runs in a container, and the same URL works on the host."
        "Use the emulator's service or container name: `http://localstack:4566`."
    }
    SELF_LAMBDA = "endpoint-is-client-itself" {
        "Inside a Lambda function `{host}` is the function's own container."
        "The text comes from the function's log, not from the program that calls it."
        "Take the endpoint from `AWS_ENDPOINT_URL`, which LocalStack sets for every function."
    }
    SELF_JOB = "endpoint-is-client-itself" {
        "The steps of a job with `container:` run in that container, where `{host}` is not the runner."
        "The workflow has `container:` beside `services:`."
        "Use the key of the service as host, `http://localstack:4566`, or run the job without `container:`."
    }
    NOT_RUNNING = "emulator-not-running" {
        "Nothing listens at `{host}:{port}`, as when the emulator has ended."
        "`docker ps -a` shows it as exited, or not at all."
        "Start it, and read `docker logs` when it ends again."
    }
    NOT_RUNNING_NAME = "emulator-not-running" {
        "Docker's DNS knows running containers only, so the name is gone when the emulator has ended."
        "`docker ps -a` shows it as exited."
        "Start it, and let the client wait for it: `depends_on:` with `condition: service_healthy`."
    }
    NOT_PUBLISHED = "port-not-published" {
        "A process on the host reaches a container only by a published port, and {port} may not be one."
        "`docker port CONTAINER` shows no line for {port}."
        "Publish it: `ports: [\"127.0.0.1:{port}:4566\"]`."
    }
    PUBLISHED_ELSEWHERE = "published-elsewhere" {
        "`{host}` is the host as seen from a container, and a port that is published on 127.0.0.1 is not open there."
        "`docker port CONTAINER` shows `127.0.0.1:{port}`."
        "Put both on one network and use the emulator's name; or publish `{port}:4566` without an address, which opens an API without authentication."
    }
    SERVICE_PORT = "service-port-not-published" {
        "{port} is one of the ports 4510 to 4559 that OpenSearch, RDS and others get inside the emulator."
        "`docker port CONTAINER` shows no line for {port}."
        "Publish the range: `ports: [\"127.0.0.1:4510-4559:4510-4559\"]`."
    }
    ONE_PORT = "one-port-for-all-services" {
        "{port} was the port of a single service in old releases; since 1.0 all services are at 4566."
        "The endpoint in the client's settings carries {port}."
        "Use port 4566 for every service."
    }
    NOT_READY = "emulator-not-ready" {
        "The emulator may still be starting, and does not listen yet."
        "The same request works a few seconds later."
        "Wait for health before the client starts: `depends_on:` with `condition: service_healthy`."
    }
    STALLED = "emulator-not-ready" {
        "Something accepted the connection and sent nothing: a paused or overloaded emulator."
        "`docker ps` shows `(Paused)` or `(unhealthy)`, or `docker stats` shows a busy one."
        "`docker unpause CONTAINER`, or restart it."
    }
    WRONG_PORT = "endpoint-port-not-listened" {
        "The name leads to a container that does not listen at {port}: inside a network the container's port counts, not the published one."
        "`lsconfig explain` of its settings shows another listen port."
        "Use the listen port, 4566 unless `GATEWAY_LISTEN` says otherwise."
    }
    LOOPBACK_INSIDE = "listen-loopback-in-container" {
        "The emulator may listen on 127.0.0.1 of its own container only."
        "`lsconfig explain` shows a listen address of 127.0.0.1."
        "Set `GATEWAY_LISTEN=0.0.0.0:4566`."
    }
    BEHIND_PUBLISHED = "published-not-listened" {
        "The connection was taken and then cut: port {port} is published, and nothing listens at the container's port behind it."
        "`docker port CONTAINER` and `lsconfig explain` name different ports."
        "Publish the listen port, `127.0.0.1:{port}:4566`, or set `GATEWAY_LISTEN` to the published one."
    }
    V6 = "ipv6-loopback-not-published" {
        "`localhost` led to `::1`, and the port is published for IPv4 only."
        "`curl http://127.0.0.1:{port}/_localstack/health` answers."
        "Use `127.0.0.1`, or set `NODE_OPTIONS=--dns-result-order=ipv4first`, or also publish on `[::1]`."
    }
    DNS_NOT_USED = "emulator-dns-not-used" {
        "Public DNS says 127.0.0.1 for `{host}`, which in a container is that container itself."
        "The client runs in a container without `dns:`."
        "Pin the emulator's address and set it as the client's `dns:`; or use the service name, `http://localstack:4566`."
    }
    NO_SHARED_NETWORK = "no-shared-network" {
        "Docker's DNS knows only names of networks that the client is on."
        "`docker inspect` of both containers lists no common network."
        "Attach the client to the emulator's network: in Compose an `external: true` network, else `--network`."
    }
    ISOLATED = "no-shared-network" {
        "Docker drops packets between its networks, so a client on another network waits until its timeout."
        "`docker inspect` of both containers lists no common network."
        "Attach the client to the emulator's network and use the emulator's name."
    }
    DEFAULT_BRIDGE = "default-bridge-only" {
        "On the default bridge, where `docker run` puts containers, names do not resolve."
        "`docker inspect` of the client lists the network `bridge` alone."
        "`docker network create aws`, and run both with `--network aws`."
    }
    ON_HOST = "names-unknown-on-host" {
        "`{host}` is a name of Docker's DNS, which processes on the host do not ask."
        "The client runs on the host, or with `network_mode: host`."
        "Use `http://localhost:4566` there, with the port published."
    }
    NOBODY = "name-of-nobody" {
        "No container on the client's networks may have the name `{host}`."
        "`docker network inspect NETWORK` lists other names."
        "Use the name of the Compose service, or the container's name."
    }
    KUBERNETES_NAME = "name-of-nobody" {
        "No service of this name is in the client's namespace or the one in the name."
        "`kubectl get svc -A` lists other names."
        "Use the full name: `http://SERVICE.NAMESPACE.svc.cluster.local:4566`."
    }
    HOST_GATEWAY = "host-gateway-not-set" {
        "On Linux `{host}` exists in a container only when it is asked for."
        "The engine runs on Linux without Docker Desktop, and the client has no `extra_hosts:`."
        "`extra_hosts: [\"host.docker.internal:host-gateway\"]`; better, share a network and use the emulator's name."
    }
    SUBDOMAIN = "subdomain-of-container-name" {
        "Docker's DNS knows exact names only: `localstack` resolves, a name below it such as `{host}` does not."
        "The part after the first dot resolves in the client."
        "Use `localhost.localstack.cloud` with the emulator as `dns:`, or the path form of the URL."
    }
    BUCKET_HOST = "bucket-host-unresolvable" {
        "The SDK put the bucket in front of the endpoint's host, and nobody knows the name `{host}`."
        "The first label is the name of a bucket."
        "Force the path style in the client, or use `http://s3.localhost.localstack.cloud:4566`."
    }
    BUCKET_PATH = "bucket-taken-from-path" {
        "With a bucket in front of a host without `s3.`, the bucket is read from the path, so the key is taken for it."
        "`BucketName` in the answer is the first part of the object's key."
        "Use `http://s3.localhost.localstack.cloud:4566` as the endpoint of S3, or force the path style."
    }
    BUCKET_MISSING = "bucket-missing" {
        "The bucket may not exist in this emulator: without persistence it forgets everything when it is made anew."
        "`awslocal s3 ls` does not list it."
        "Create it in a start-up hook, or before the client starts."
    }
    REBIND = "rebind-protection" {
        "Many routers and resolvers drop public answers that lead to 127.0.0.1, as `{host}` does."
        "`nslookup localhost.localstack.cloud` gives nothing, `nslookup localhost.localstack.cloud 1.1.1.1` gives 127.0.0.1."
        "Use `127.0.0.1`, or a line in the hosts file, or the emulator's own DNS."
    }
    DNS_GONE = "dns-server-gone" {
        "The DNS server that the client was given does not answer, such as a `dns:` of an earlier run."
        "The lookup takes seconds; `/etc/resolv.conf` in the client, or its `dns:`, names an address that no container has."
        "Pin the emulator's address with `ipv4_address` and set `dns:` to it, or remove `dns:`."
    }
    DNS_OFF = "emulator-dns-off" {
        "The client asks the emulator for names, and its DNS server is off or did not start."
        "The emulator has `DNS_ADDRESS=0`, or its log says that no upstream was found."
        "Remove `DNS_ADDRESS=0`."
    }
    OFFLINE = "resolver-unreachable" {
        "The machine's own resolver does not answer: no network, a VPN, or a broken resolver."
        "Other names fail, too."
        "Use `127.0.0.1` instead of a name while there is no DNS."
    }
    BLOCKED = "blocked-within-network" {
        "Packets within one network are dropped: `enable_icc=false`, or a firewall on the host."
        "Both containers list a common network, and `docker network inspect` shows `enable_icc` as false."
        "Use a network without that option, or allow the traffic."
    }
    STALE = "stale-address" {
        "No container has the address `{host}` any more: addresses change when containers are made anew."
        "`docker inspect` of the emulator shows another address."
        "Use its name instead, or pin the address with `ipv4_address`."
    }
    STALE_NAME = "stale-address" {
        "`{host}` leads to an address that no container has any more: addresses change when containers are made anew."
        "`docker inspect` of the emulator shows another address than the one that the name leads to."
        "Make the client anew, or use a name that Docker's DNS answers for instead of a hosts line."
    }
    LINK = "legacy-link" {
        "A link is written into the hosts file once, and is stale when the emulator is made anew."
        "The client has `links:`, and its hosts file another address than the emulator."
        "Use a network of your own instead of links."
    }
    MINTED_PORT = "url-port-not-published" {
        "The URL was minted by the emulator, which writes its own port and not the one that is published."
        "The host publishes another port for 4566, as Testcontainers do."
        "`LOCALSTACK_HOST=localhost:PUBLISHED`, or `SQS_ENDPOINT_STRATEGY=dynamic`."
    }
    MINTED_HOST = "minted-host-unknown" {
        "The URL was minted by the emulator from `LOCALSTACK_HOST`, and the client does not know that host."
        "The first call works and the next one, with the URL from its answer, fails."
        "Set the emulator as the client's `dns:`, or `SQS_ENDPOINT_STRATEGY=dynamic`."
    }
    QUEUE_URL = "queue-url-replaces-endpoint" {
        "With the endpoint from `AWS_ENDPOINT_URL`, the SDK for JavaScript sends to the host in the queue URL."
        "The console has the warning `using QueueUrl host as endpoint`."
        "Set `endpoint` in the client, or `useQueueUrlAsEndpoint: false`."
    }
    CERT_NAME = "certificate-name-mismatch" {
        "The certificate of the emulator covers `localhost.localstack.cloud` and names below it, not `{host}`."
        "`openssl s_client -connect HOST:{port}` shows the names that it covers."
        "Use `http://`, or a name that the certificate covers."
    }
    CERT_CA = "certificate-untrusted" {
        "The certificate is self-signed, or signed by an authority that the client does not know."
        "`openssl s_client` shows an issuer that is the certificate itself, or a proxy's."
        "Use `http://`, or give the certificate to the client: `AWS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS`, a truststore."
    }
    CERT_OLD = "certificate-expired" {
        "The certificate has expired; LocalStack downloads a new one when it starts."
        "`openssl s_client` shows a date in the past."
        "Restart the emulator with access to the internet, or use `http://`."
    }
    PLAIN = "tls-to-plain-port" {
        "The client speaks TLS, and the port answers in plain HTTP."
        "`curl http://{host}:{port}/_localstack/health` answers."
        "Use `http://`, or a port that speaks TLS."
    }
    PROXY = "proxy-in-the-way" {
        "The request went to a proxy instead of the emulator, because a proxy variable is set."
        "The client's environment has `HTTP_PROXY` or `http_proxy`."
        "Put the emulator's host into `NO_PROXY` and `no_proxy`: `localhost,127.0.0.1,localhost.localstack.cloud,localstack`."
    }
    NO_PROXY = "no-proxy-ineffective" {
        "An exception of the form `*.example` matches no name in curl and boto3."
        "`NO_PROXY` has an entry with `*`."
        "Write `example` or `.example`."
    }
    UNDERSCORE = "underscore-in-host" {
        "A host name may not have an underscore; boto3 and Java SDKs refuse `{host}` before they send anything."
        "curl with the same URL works."
        "Give the container a name or alias without underscore, such as `localstack-main`."
    }
    NO_SCHEME = "endpoint-without-scheme" {
        "The endpoint is not a whole URL: `http://` is missing."
        "The endpoint in the settings starts with a host."
        "Write `http://localhost:4566`."
    }
    TWICE = "endpoint-has-two-schemes" {
        "The URL has a scheme twice, as when a scheme is written into a variable that wants a host."
        "`HOSTNAME_EXTERNAL` or `LOCALSTACK_HOST` contains `http://`."
        "Write the host alone: `LOCALSTACK_HOST=localhost.localstack.cloud:4566`."
    }
    AWS = "endpoint-is-aws" {
        "The request went to AWS itself: the client was not told about the emulator."
        "The host in the URL ends in `amazonaws.com`, or the answer complains about the credentials."
        "Set `AWS_ENDPOINT_URL=http://localhost:4566`, or the endpoint of the client."
    }
    PORT_OF_CONTAINER = "host-port-taken" {
        "Another container has published port {port} already."
        "`docker ps --filter publish={port}` names it."
        "Stop it, or publish another port, and put that one into `LOCALSTACK_HOST`."
    }
    PORT_OF_PROCESS = "host-port-taken" {
        "A process of the host has port {port}; for 53 that is usually systemd-resolved."
        "`ss -lntup` on the host names it."
        "Stop it or publish another port; for 53, publish on another address, or not at all."
    }
    PUBLISHED_ADDRESS = "published-address-missing" {
        "The address in front of the published port is none of the host's."
        "`ip address` on the host does not list it."
        "Publish on `127.0.0.1`, or leave the address out."
    }
    SUBNET_TAKEN = "overlapping-subnets" {
        "The subnet of the network overlaps with that of another network."
        "`docker network inspect $(docker network ls -q)` shows the subnets."
        "Choose another subnet, or remove networks that nobody uses: `docker network prune`."
    }
    POOLS_EXHAUSTED = "address-pools-exhausted" {
        "The engine has no subnet left for another network, or a VPN covers all of them."
        "`docker network ls` is long."
        "`docker network prune`, or give the network a `subnet` of its own."
    }
    OUTSIDE_SUBNET = "address-outside-subnet" {
        "The address `{host}` is pinned on a network that it does not belong to."
        "`docker network inspect NETWORK` shows another subnet; an old network keeps its subnet when the file changes."
        "`docker compose down`, so that the network is made anew, or pin an address within the subnet."
    }
    ADDRESS_TAKEN = "address-taken" {
        "Another container has the pinned address already."
        "`docker network inspect NETWORK` names its owner."
        "Pin an address outside of the range that the engine hands out: `ip_range`."
    }
    WITHOUT_SUBNET = "address-without-subnet" {
        "An address can be pinned only on a network that was made with a subnet."
        "The network in the file has no `ipam:`."
        "`networks: {aws: {ipam: {config: [{subnet: 172.28.44.0/24}]}}}`."
    }
    ALIAS_ON_BRIDGE = "default-bridge-only" {
        "Aliases exist on networks that users made, not on the default bridge."
        "The command has `--network-alias` and no `--network`."
        "`docker network create aws`, then `--network aws`."
    }
    NETWORK_MISSING = "network-missing" {
        "The network `{host}` does not exist on this engine; Compose prefixes names with the project."
        "`docker network ls` lists another name."
        "Use that name in `external:`/`name:`, or make it: `docker network create`."
    }
    JOINED_STOPPED = "joined-container-not-running" {
        "`network_mode: container:` or `service:` joins a container that does not run."
        "`docker ps -a` shows it as exited."
        "Start it first, with `depends_on:`."
    }
    DNS_WITH_HOST_NETWORK = "dns-with-host-network" {
        "`dns:` cannot be set for a container that uses the network of the host or of another container."
        "The container has both `dns:` and `network_mode:`."
        "Remove one of the two."
    }
    LINK_ACROSS = "legacy-link" {
        "Links connect containers on the default bridge only."
        "The other container is on a network of its own."
        "Attach the client to that network instead of linking."
    }
    PORTS_DISCARDED = "emulator-on-host-network" {
        "With the host's network nothing is published, and other containers do not find the emulator."
        "The container has `network_mode: host` and `ports:`."
        "Remove `network_mode: host`."
    }
    NO_ENGINE = "engine-unreachable" {
        "No container engine answers at the address that the program was given."
        "`docker context ls` shows which address is in use."
        "Start the engine, or set `DOCKER_HOST`."
    }
    ENGINE_DENIED = "engine-access-denied" {
        "The engine's socket belongs to another user or group."
        "`ls -l /var/run/docker.sock` names them."
        "Join the group `docker`, then log in again."
    }
    NOT_MIGRATED = "ignored-variable" {
        "The log says that the variable will be migrated; since 3.0 LocalStack does not read it any more."
        "`lsconfig explain --as-of RELEASE` shows what the release makes of it."
        "`lsconfig migrate` writes what to set instead."
    }
    DEPRECATED = "deprecated-variable" {
        "A deprecated variable is set; the log does not say whether the release still obeys it."
        "`lsconfig explain --as-of RELEASE` does."
        "`lsconfig migrate` writes what to set instead."
    }
    NO_UPSTREAM = "emulator-dns-without-upstream" {
        "LocalStack found no DNS server that answers, and does not start its own without one."
        "The emulator has no way to the internet, or its `DNS_NAME_PATTERNS` and resolvers are blocked."
        "Set `DNS_SERVER` to a server that answers; it is used without a test."
    }
    DNS_DID_NOT_START = "emulator-dns-off" {
        "LocalStack's DNS server was started and did not answer within 5 seconds, so there is none."
        "The log has the reason above this line; port 53 taken is a usual one."
        "Free port 53 for the emulator, or do without: service names and path-style URLs."
    }
    DNS_SAYS_LOOPBACK = "dns-answers-loopback" {
        "The query came from a network that the emulator is not on, so it answered 127.0.0.1."
        "The client asks through a published port 53, or through the gateway's address."
        "Put both on one network, and use the emulator's address there as `dns:`."
    }
    DNS_OF_CONTAINER = "emulator-resolv-conf-read-only" {
        "LocalStack could not write its own `/etc/resolv.conf`, so programs inside it do not ask its DNS server."
        "The file is read-only or belongs to another user inside the container."
        "Run the container as root, or without the read-only mount."
    }
    MAIN_NETWORK = "main-network-not-attached" {
        "`MAIN_DOCKER_NETWORK` names a network that the emulator is not on; it takes its first one instead."
        "`docker inspect` of the emulator lists other networks."
        "Attach the emulator to that network, or remove the variable."
    }
    LAMBDA_DNS = "lambda-dns-overridden" {
        "`LAMBDA_DOCKER_DNS` takes the place of the emulator's DNS in functions, where the domain is then 127.0.0.1."
        "The emulator has `LAMBDA_DOCKER_DNS`."
        "Remove it, or use `AWS_ENDPOINT_URL` in functions."
    }
    LAMBDA_CALLBACK = "lambda-cannot-call-back" {
        "The function's container did not report back: usually it is on a network from which it cannot reach the emulator, or its image was still being pulled."
        "`docker ps -a` shows the function's container, and `docker inspect` its network."
        "Remove `LAMBDA_DOCKER_NETWORK`, or set it to a network that the emulator is on."
    }
    SELF_NOT_FOUND = "hostname-overridden" {
        "LocalStack looks for its own container by `$HOSTNAME`, which may be set to something else."
        "The emulator's environment has `HOSTNAME`."
        "Remove the variable."
    }
    NO_SOCKET = "docker-socket-missing" {
        "LocalStack cannot reach the engine, which it needs for Lambda, ECS and others."
        "The emulator has no mount of `/var/run/docker.sock`."
        "`volumes: [\"/var/run/docker.sock:/var/run/docker.sock\"]`."
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CHECKS;
    use crate::signature::rules::RULES;
    use lsconfig::diagnostic::codes;

    /// The codes are those of the checks where the same cause is checked, and explained otherwise.
    #[test]
    fn every_code_is_explained() {
        let checked = CHECKS.iter().map(|check| check.rule.code);
        let own = RULES.iter().map(|rule| rule.code);
        let shared = codes::RULES.iter().map(|rule| rule.code);
        let known: Vec<&str> = checked
            .clone()
            .chain(own.clone())
            .chain(shared.clone())
            .collect();
        for advice in ADVICE {
            assert!(known.contains(&advice.code), "{}", advice.code);
        }
        for code in own {
            assert!(
                ADVICE.iter().any(|advice| advice.code == code),
                "nobody says {code}"
            );
            let twice = checked
                .clone()
                .chain(shared.clone())
                .any(|other| other == code);
            assert!(!twice, "{code} is explained twice");
        }
    }

    #[test]
    fn sentences_are_sentences() {
        for advice in ADVICE {
            for text in [advice.why, advice.confirm, advice.fix] {
                assert!(text.ends_with('.') && text.len() < 200, "{text}");
            }
            assert!(!advice.why.contains(". "), "one sentence: {}", advice.why);
        }
    }
}
