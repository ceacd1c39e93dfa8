//! The codes of causes that occur in error texts only: what makes the engine refuse, and what no
//! look at containers shows.

use lsconfig::diagnostic::{Rule, Severity};

macro_rules! rules {
    ($($id:ident = $code:literal, $summary:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $summary, ".")]
            pub static $id: Rule = Rule {
                code: $code,
                severity: Severity::Error,
                summary: $summary,
                explanation: $explanation,
            };
        )*

        /// All of them.
        pub static RULES: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    ENDPOINT_IS_AWS = "endpoint-is-aws",
        "requests go to AWS instead of the emulator",
        "The client has no endpoint, so its SDK made one: `sqs.us-east-1.amazonaws.com`. AWS answers \
         with an error about the credentials, or nothing answers where there is no internet. Set \
         `AWS_ENDPOINT_URL`, or the endpoint of the client. Older SDKs do not read the variable.";
    ENDPOINT_WITHOUT_SCHEME = "endpoint-without-scheme",
        "the endpoint lacks `http://`",
        "An endpoint is a whole URL. botocore says `Invalid endpoint`, the SDK for Java that the \
         scheme must not be null.";
    ENDPOINT_HAS_TWO_SCHEMES = "endpoint-has-two-schemes",
        "a URL starts with two schemes",
        "A scheme was written into a variable that wants a host, such as `HOSTNAME_EXTERNAL`, and \
         the program put its own in front.";
    ONE_PORT_FOR_ALL_SERVICES = "one-port-for-all-services",
        "the port of a single service is used",
        "Old releases had a port for each service, from 4567 up. Since 1.0 all services share one \
         port, 4566 unless settings say otherwise.";
    HOST_GATEWAY_NOT_SET = "host-gateway-not-set",
        "`host.docker.internal` is used and not defined",
        "Docker Desktop defines the name. On Linux a container has it only with \
         `extra_hosts: [\"host.docker.internal:host-gateway\"]`. It leads to the host, so the port \
         has to be published on an address that containers reach; a shared network is better.";
    STALE_ADDRESS = "stale-address",
        "an address is used that no container has any more",
        "Addresses change when containers are made anew. Use names, or pin the address with \
         `ipv4_address` on a network with a subnet.";
    RESOLVER_UNREACHABLE = "resolver-unreachable",
        "the resolver of the machine does not answer",
        "Every lookup fails, not only that of the emulator's name: there is no network, or a VPN \
         changed the resolver. `127.0.0.1` needs no lookup.";
    BUCKET_MISSING = "bucket-missing",
        "the bucket does not exist in the emulator",
        "Without persistence the emulator starts empty each time. Create buckets in a start-up hook \
         or before the client starts.";
    PUBLISHED_ADDRESS_MISSING = "published-address-missing",
        "a port is to be published on an address that the host does not have",
        "The part in front of the port in `ports:` has to be an address of the host: `127.0.0.1`, one \
         of its networks, or nothing at all.";
    ADDRESS_POOLS_EXHAUSTED = "address-pools-exhausted",
        "the engine has no subnet left",
        "Every network takes a subnet from a small pool, and networks of old projects stay. Remove \
         them with `docker network prune`, or give the network a `subnet` of its own.";
    ADDRESS_OUTSIDE_SUBNET = "address-outside-subnet",
        "a pinned address is outside of the network's subnet",
        "`ipv4_address` has to lie in the network's `subnet`. A network that exists already keeps its \
         subnet when the file changes: remove it with `docker compose down`.";
    ADDRESS_TAKEN = "address-taken",
        "a pinned address belongs to another container",
        "The engine hands out addresses from the start of the range. Pin one outside of `ip_range`.";
    ADDRESS_WITHOUT_SUBNET = "address-without-subnet",
        "an address is pinned on a network without a subnet of its own",
        "The engine accepts `ipv4_address` only on networks whose `subnet` was set.";
    NETWORK_MISSING = "network-missing",
        "a network is used that does not exist",
        "Compose prefixes the names of networks with the project, unless they have a `name:`. \
         `docker network ls` lists the real ones.";
    JOINED_CONTAINER_NOT_RUNNING = "joined-container-not-running",
        "a container joins the network of one that does not run",
        "`network_mode: container:NAME` needs a running container. Start that one first.";
    DNS_WITH_HOST_NETWORK = "dns-with-host-network",
        "`dns:` is set for a container without a network of its own",
        "A container that uses the network of the host or of another container also uses its \
         resolver. Remove `dns:` or `network_mode:`.";
    MAIN_NETWORK_NOT_ATTACHED = "main-network-not-attached",
        "`MAIN_DOCKER_NETWORK` names a network that the emulator is not on",
        "What the emulator starts goes to its first network instead. Attach the emulator to the \
         network, or remove the variable.";
    LAMBDA_DNS_OVERRIDDEN = "lambda-dns-overridden",
        "functions ask another DNS server than the emulator's",
        "With `LAMBDA_DOCKER_DNS` the emulator's domain leads to 127.0.0.1 in functions, which is the \
         function itself. Remove it, or use `AWS_ENDPOINT_URL`, which LocalStack sets.";
    LAMBDA_CANNOT_CALL_BACK = "lambda-cannot-call-back",
        "the container of a function does not report to the emulator",
        "The function's runtime connects to the emulator when it starts. It cannot when its network \
         is another one, set with `LAMBDA_DOCKER_NETWORK` or `MAIN_DOCKER_NETWORK`, and it is late \
         when its image has to be pulled first.";
    EMULATOR_RESOLV_CONF_READ_ONLY = "emulator-resolv-conf-read-only",
        "the emulator cannot make itself its own DNS server",
        "LocalStack writes `nameserver 127.0.0.1` into `/etc/resolv.conf` of its container. When it \
         may not, programs inside the container resolve the emulator's names elsewhere.";
}
