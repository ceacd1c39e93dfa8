//! Every diagnostic fires: one environment for each code that resolution reports.

use std::collections::BTreeSet;

use lsconfig::diagnostic::codes::{self, RULES};
use lsconfig::settings::Resolution;

use crate::support::{Place, codes as reported, resolve_as_of, resolve_normalized};

/// Codes that resolution does not report: the readers of files, of launchers and the CLI do, each
/// with tests of its own.
const REPORTED_ELSEWHERE: &[&str] = &[
    "bad-file",
    "bad-line",
    "dns-pattern-refused",
    "image-reads-differently",
    "launcher-loses-brackets",
    "launcher-publishes-wider",
    "listened-not-published",
    "missing-file",
    "no-service",
    "profile-not-read",
    "published-not-listened",
    "release-not-observed",
    "unset-in-interpolation",
    "url-port-not-published",
];

/// An environment, the reading, and the one code beside deprecations that it is there for.
struct Case {
    env: &'static str,
    /// A release, or `normalized`.
    semantics: &'static str,
    place: Place,
    code: &'static str,
}

const fn normalized(code: &'static str, env: &'static str) -> Case {
    Case {
        env,
        semantics: "normalized",
        place: Place::Container,
        code,
    }
}

const fn as_of(semantics: &'static str, code: &'static str, env: &'static str) -> Case {
    Case {
        env,
        semantics,
        place: Place::Container,
        code,
    }
}

const fn outside(case: Case) -> Case {
    Case {
        place: Place::Host,
        ..case
    }
}

const CASES: &[Case] = &[
    normalized("deprecated-variable", "EDGE_PORT=9000"),
    as_of("2.3", "deprecated-variable", "EDGE_PORT=9000"),
    as_of("4.10", "deprecated-variable", "USE_SSL=1"),
    as_of("3.8", "ignored-variable", "LAMBDA_JAVA_OPTS=-x"),
    as_of("1.4", "ignored-variable", "GATEWAY_LISTEN=:1"),
    normalized("shadowed-variable", "GATEWAY_LISTEN=:1 EDGE_PORT=2"),
    normalized(
        "shadowed-variable",
        "ES_ENDPOINT_STRATEGY=path OPENSEARCH_ENDPOINT_STRATEGY=port",
    ),
    as_of(
        "2.3",
        "shadowed-variable",
        "ES_CUSTOM_BACKEND=http://a OPENSEARCH_CUSTOM_BACKEND=http://b",
    ),
    as_of(
        "4.0",
        "deprecated-variable",
        "PROVIDER_OVERRIDE_EVENTS=legacy",
    ),
    normalized("shadowed-variable", "USE_SSL=0 LOCALSTACK_USE_SSL=1"),
    as_of("4.14", "shadowed-variable", "USE_SSL=0 USE_SSL=1"),
    normalized("empty-value", "EDGE_PORT="),
    normalized("empty-value", "GATEWAY_LISTEN="),
    normalized("invalid-value", "EDGE_PORT=x"),
    normalized("invalid-value", "GATEWAY_LISTEN=:x"),
    normalized("invalid-value", "LOCALSTACK_HOST=[x]"),
    normalized("invalid-value", "DNS_PORT=x"),
    as_of("2.3.0", "does-not-start", "EDGE_PORT=x"),
    as_of("4.14", "does-not-start", "DNS_PORT="),
    normalized("empty-value", "LOCALSTACK_HOST="),
    normalized("absorbed-listen-address", "GATEWAY_LISTEN=:1,:1"),
    as_of("2.2", "listen-address-not-bound", "GATEWAY_LISTEN=:1,:2"),
    as_of("2.3.2", "bind-host-ignored", "EDGE_BIND_HOST=10.0.0.1"),
    as_of("3.5", "bind-host-ignored", "GATEWAY_LISTEN=10.0.0.1"),
    as_of("2.1", "localstack-host-moves-port", "LOCALSTACK_HOST=:5000"),
    normalized("listen-port-zero", "GATEWAY_LISTEN=:0"),
    as_of("2.2", "listen-port-zero", "EDGE_PORT=0"),
    normalized(
        "listen-loopback-in-container",
        "GATEWAY_LISTEN=localhost:4566",
    ),
    as_of(
        "4.14",
        "listen-loopback-in-container",
        "GATEWAY_LISTEN=[::1]",
    ),
    as_of(
        "1.4",
        "listen-loopback-in-container",
        "EDGE_BIND_HOST=127.0.0.1",
    ),
    normalized("listen-host-is-number", "GATEWAY_LISTEN=8080"),
    normalized("listen-host-is-number", "LOCALSTACK_HOST=8080"),
    normalized(
        "conflicting-hosts",
        "HOSTNAME_EXTERNAL=a LOCALSTACK_HOSTNAME=b",
    ),
    normalized("host-carries-port", "HOSTNAME_EXTERNAL=a:1"),
    normalized("localhost-is-default", "HOSTNAME_EXTERNAL=LocalHost"),
    normalized("sqs-port-external", "SQS_PORT_EXTERNAL=1"),
    normalized("forward-url-dropped", "EDGE_FORWARD_URL=http://h:1"),
    normalized("fallback-used", "ES_ENDPOINT_STRATEGY=path"),
    normalized("unknown-strategy", "SQS_ENDPOINT_STRATEGY=Path"),
    as_of("3.1", "unknown-strategy", "SQS_ENDPOINT_STRATEGY=~path"),
    normalized("ip-as-url-host", "LOCALSTACK_HOST=10.0.0.1"),
    as_of("4.14", "ip-as-url-host", "LOCALSTACK_HOST=[::1]"),
    normalized("entrypoint-dies", "LOCALSTACK_a-b=1"),
    as_of("1.4", "entrypoint-dies", "LOCALSTACK_UID=1"),
    normalized("misspelt-name", "GATEWAY_LISTENS=:1"),
    normalized("misspelt-name", "gateway_listen=:1"),
    normalized("inert-prefixed-name", "LOCALSTACK_HOSTNAME_FROM_LAMBDA=a"),
    outside(normalized(
        "prefixed-name-outside-image",
        "LOCALSTACK_GATEWAY_LISTEN=:1",
    )),
    normalized("dns-not-disabled", "DNS_ADDRESS=FALSE"),
    normalized("dns-not-disabled", "DNS_ADDRESS=off"),
    normalized("ipv6-without-brackets", "GATEWAY_LISTEN=::1:4566"),
    normalized("ipv6-without-brackets", "LOCALSTACK_HOST=fe80::1"),
    normalized("dns-server-not-ip", "DNS_SERVER=dns.example"),
    normalized("certificate-may-be-replaced", "CUSTOM_SSL_CERT_PATH=/c.pem"),
    normalized("port-range-inverted", "EXTERNAL_SERVICE_PORTS_END=4000"),
    normalized("network-name-has-space", "MAIN_DOCKER_NETWORK=~net"),
    normalized("network-name-has-space", "LAMBDA_DOCKER_NETWORK=a,~b"),
];

fn run(case: &Case) -> Resolution {
    match case.semantics {
        "normalized" => resolve_normalized(case.env, case.place),
        version => resolve_as_of(case.env, case.place, version),
    }
}

#[test]
fn every_case_reports_its_code() {
    for case in CASES {
        let resolution = run(case);
        let found = resolution
            .diagnostics
            .iter()
            .filter(|d| d.code == case.code);
        assert!(
            found.count() > 0,
            "{} of {}: {:?} reported, not {}",
            case.semantics,
            case.env,
            reported(&resolution),
            case.code
        );
    }
}

#[test]
fn every_code_has_a_case_or_is_reported_elsewhere() {
    let fired: BTreeSet<&str> = CASES.iter().map(|case| case.code).collect();
    for rule in RULES {
        assert!(
            fired.contains(rule.code) != REPORTED_ELSEWHERE.contains(&rule.code),
            "`{}` needs a case here, or one entry in the list and a test elsewhere",
            rule.code
        );
    }
    for code in fired.iter().chain(REPORTED_ELSEWHERE) {
        assert!(codes::lookup(code).is_some(), "`{code}` is in no row");
    }
}

#[test]
fn every_diagnostic_is_a_fragment_with_a_place() {
    for case in CASES {
        for diagnostic in run(case).diagnostics {
            let rule = codes::lookup(diagnostic.code).expect("codes come from rows");
            let message = &diagnostic.message;
            assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
            let first = message.chars().next().expect("not empty");
            let product = message.starts_with("LocalStack");
            assert!(product || !first.is_uppercase(), "{message}");
            assert!(
                diagnostic.severity <= rule.severity,
                "`{}` is worse than its row says",
                rule.code
            );
            assert!(!diagnostic.labels.is_empty(), "{message} points nowhere");
            if let Some(help) = &diagnostic.help {
                assert!(!help.ends_with('.'), "{help}");
            }
        }
    }
}

#[test]
fn traps_of_a_release_stay_silent_elsewhere() {
    for (env, version, code) in [
        ("GATEWAY_LISTEN=:1,:2", "2.3", "listen-address-not-bound"),
        ("GATEWAY_LISTEN=:1", "2.2", "listen-address-not-bound"),
        ("GATEWAY_LISTEN=10.0.0.1", "3.4", "bind-host-ignored"),
        ("GATEWAY_LISTEN=[::1]", "4.14", "bind-host-ignored"),
        ("GATEWAY_LISTEN=0.0.0.0", "4.14", "bind-host-ignored"),
        (
            "GATEWAY_LISTEN=10.0.0.1 GATEWAY_SERVER=hypercorn",
            "4.14",
            "bind-host-ignored",
        ),
        ("EDGE_BIND_HOST=10.0.0.1", "2.2", "bind-host-ignored"),
        (
            "EDGE_BIND_HOST=10.0.0.1 GATEWAY_LISTEN=:1",
            "2.3",
            "bind-host-ignored",
        ),
        ("LOCALSTACK_HOST=:1", "3.0", "localstack-host-moves-port"),
        ("LOCALSTACK_HOST=:1", "1.4", "localstack-host-moves-port"),
        (
            "LOCALSTACK_HOST=:1 GATEWAY_LISTEN=:2",
            "2.0",
            "localstack-host-moves-port",
        ),
        (
            "LOCALSTACK_HOST=:1 EDGE_PORT=2",
            "2.0",
            "localstack-host-moves-port",
        ),
        ("USE_SSL=1", "4.11", "deprecated-variable"),
        ("EDGE_PORT=1", "1.4", "deprecated-variable"),
        ("USE_SSL=1 USE_SSL=1", "4.14", "shadowed-variable"),
        ("DNS_ADDRESS=False", "4.14", "dns-not-disabled"),
        ("DNS_SERVER=", "4.14", "dns-server-not-ip"),
        ("DNS_SERVER=::1", "4.14", "dns-server-not-ip"),
        (
            "CUSTOM_SSL_CERT_PATH=/c.pem SKIP_SSL_CERT_DOWNLOAD=1",
            "4.14",
            "certificate-may-be-replaced",
        ),
        (
            "EXTERNAL_SERVICE_PORTS_END=4510",
            "4.14",
            "port-range-inverted",
        ),
        ("MAIN_DOCKER_NETWORK=net", "4.14", "network-name-has-space"),
        (
            "LAMBDA_DOCKER_NETWORK=a,b",
            "4.14",
            "network-name-has-space",
        ),
        ("SQS_ENDPOINT_STRATEGY=path", "4.14", "unknown-strategy"),
    ] {
        let resolution = resolve_as_of(env, Place::Container, version);
        assert!(
            resolution.diagnostics.iter().all(|d| d.code != code),
            "{env} in {version} reports {code}"
        );
    }
    for (env, code) in [
        ("CUSTOM=1 PATH=/bin HOME=/root", "misspelt-name"),
        (
            "LOCALSTACK_HOST-x=1 LOCALSTACK_1=1 a-b=1",
            "entrypoint-dies",
        ),
        (
            "LOCALSTACK_GATEWAY_LISTEN=:1",
            "prefixed-name-outside-image",
        ),
        ("GATEWAY_LISTEN=:8080", "listen-host-is-number"),
        ("GATEWAY_LISTEN=10:8080", "listen-host-is-number"),
        ("SQS_PORT_EXTERNAL=5000 EDGE_PORT=5000", "sqs-port-external"),
    ] {
        let resolution = resolve_normalized(env, Place::Container);
        assert!(
            resolution.diagnostics.iter().all(|d| d.code != code),
            "{env} reports {code}"
        );
    }
}

#[test]
fn what_an_image_sets_is_there_to_be_overruled() {
    let resolution = resolve_as_of("EDGE_BIND_HOST=127.0.0.1", Place::Container, "1.4.0");
    assert!(!reported(&resolution).contains("shadowed-variable"));
    assert_eq!(resolution.listen_set().to_string(), "127.0.0.1:4566");
}

#[test]
fn either_name_turns_multi_cluster_on_before_3_0() {
    for (env, before, later, newest) in [
        (
            "OPENSEARCH_MULTI_CLUSTER=0 ES_MULTI_CLUSTER=1",
            true,
            false,
            false,
        ),
        (
            "OPENSEARCH_MULTI_CLUSTER=0 ES_MULTI_CLUSTER=yes",
            false,
            false,
            false,
        ),
        (
            "OPENSEARCH_MULTI_CLUSTER=1 ES_MULTI_CLUSTER=0",
            true,
            true,
            true,
        ),
        ("OPENSEARCH_MULTI_CLUSTER=0", false, false, false),
        ("ES_MULTI_CLUSTER=0", true, true, false),
        ("ES_MULTI_CLUSTER=1", true, true, true),
    ] {
        let check = |resolution: Resolution, expected: bool| {
            let on = resolution.flag("OPENSEARCH_MULTI_CLUSTER");
            assert_eq!(on, expected, "{env} {}", resolution.semantics);
        };
        for (release, expected) in [
            ("1.4.0", before),
            ("2.0.0", before),
            ("2.3.2", before),
            ("3.0.0", later),
            ("4.14.0", later),
        ] {
            check(resolve_as_of(env, Place::Container, release), expected);
        }
        check(resolve_normalized(env, Place::Container), newest);
    }

    let env = "OPENSEARCH_MULTI_CLUSTER=0 ES_MULTI_CLUSTER=1";
    let resolution = resolve_as_of(env, Place::Container, "2.3.2");
    let setting = resolution.setting("OPENSEARCH_MULTI_CLUSTER").unwrap();
    let used: Vec<&str> = setting.derivation.used.iter().map(|o| &*o.name).collect();
    assert_eq!(used, ["ES_MULTI_CLUSTER", "OPENSEARCH_MULTI_CLUSTER"]);
}

#[test]
fn a_start_fails_with_the_number_that_is_read_first() {
    for (release, env, refused) in [
        (
            "1.4.0",
            "SQS_PORT_EXTERNAL=a EXTERNAL_SERVICE_PORTS_START=b",
            "b",
        ),
        (
            "2.3.2",
            "SQS_PORT_EXTERNAL=a SERVICE_INSTANCES_PORTS_END=b",
            "b",
        ),
        ("2.3.2", "SQS_PORT_EXTERNAL=a DNS_PORT=b", "a"),
        ("2.0.0", "SQS_PORT_EXTERNAL=a EDGE_PORT=b", "b"),
        ("4.14.0", "DNS_PORT=a EXTERNAL_SERVICE_PORTS_END=b", "b"),
        (
            "4.14.0",
            "EXTERNAL_SERVICE_PORTS_END=a EXTERNAL_SERVICE_PORTS_START=b",
            "b",
        ),
    ] {
        let failure = resolve_as_of(env, Place::Container, release).failure;
        let message = failure.map(|f| f.message).unwrap_or_default();
        assert!(
            message.ends_with(&format!("'{refused}'")),
            "{env} {message}"
        );
    }
}

#[test]
fn an_older_name_counts_only_where_its_successor_is_unset() {
    let env = "EXTERNAL_SERVICE_PORTS_START=5000 SERVICE_INSTANCES_PORTS_START=x";
    assert!(resolve_as_of(env, Place::Container, "4.14").starts());
    let env = "SERVICE_INSTANCES_PORTS_START=x";
    let failure = resolve_as_of(env, Place::Container, "4.14").failure;
    assert_eq!(
        failure.map(|f| f.to_string()).as_deref(),
        Some("ValueError: invalid literal for int() with base 10: 'x'")
    );
}
