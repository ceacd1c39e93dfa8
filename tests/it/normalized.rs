//! The normalized mapping, decision by decision and step by step.
//!
//! Each row gives an environment, where the gateway binds, host and port of returned URLs, and the
//! codes that are reported, in order. Steps are those of the algorithm in
//! `docs/reference/divergences.md`.

use lsconfig::settings::{Basis, Resolution};

use crate::support::{Place, codes, resolve_normalized};

/// Checks an environment in a container.
#[track_caller]
fn check(env: &str, bind: &str, host: &str, expected: &str) -> Resolution {
    check_in(Place::Container, env, bind, host, expected)
}

#[track_caller]
fn check_in(place: Place, env: &str, bind: &str, host: &str, expected: &str) -> Resolution {
    let resolution = resolve_normalized(env, place);
    let bound: Vec<String> = resolution.bind.iter().map(ToString::to_string).collect();
    assert_eq!(bound.join(" "), bind, "bind of {env}");
    let address = resolution.url_address().expect("normalized always has one");
    assert_eq!(address.to_string(), host, "LOCALSTACK_HOST of {env}");
    assert_eq!(codes(&resolution), expected, "codes of {env}");
    assert!(resolution.starts());
    resolution
}

const CLOUD: &str = "localhost.localstack.cloud:4566";

#[test]
fn nothing_set_is_the_default_of_the_place() {
    check("", "0.0.0.0:4566", CLOUD, "");
    check_in(Place::Host, "", "127.0.0.1:4566", CLOUD, "");
}

#[test]
fn the_announcement_holds_http_port_first() {
    check(
        "EDGE_PORT_HTTP=5000 EDGE_PORT=9000 EDGE_BIND_HOST=0.0.0.0",
        "0.0.0.0:5000 0.0.0.0:9000",
        "localhost.localstack.cloud:5000",
        "deprecated-variable deprecated-variable deprecated-variable",
    );
}

#[test]
fn step_1_trims_legacy_values() {
    check(
        "EDGE_BIND_HOST=~10.1.2.3~ EDGE_PORT=~9000~",
        "10.1.2.3:9000",
        "localhost.localstack.cloud:9000",
        "deprecated-variable deprecated-variable",
    );
    check(
        "HOSTNAME_EXTERNAL=~foo.bar~",
        "0.0.0.0:4566",
        "foo.bar:4566",
        "deprecated-variable",
    );
}

#[test]
fn step_1_takes_empty_and_zero_as_unset() {
    for env in [
        "EDGE_PORT=",
        "EDGE_PORT=~",
        "EDGE_PORT=0",
        "EDGE_PORT_HTTP=",
        "EDGE_PORT_HTTP=000",
        "EDGE_BIND_HOST=",
        "EDGE_BIND_HOST=~",
        "HOSTNAME_EXTERNAL=",
        "LOCALSTACK_HOSTNAME=~",
    ] {
        check(
            env,
            "0.0.0.0:4566",
            CLOUD,
            "deprecated-variable empty-value",
        );
    }
    check(
        "EDGE_PORT=0 EDGE_PORT_HTTP=5000",
        "0.0.0.0:5000 0.0.0.0:4566",
        "localhost.localstack.cloud:5000",
        "deprecated-variable deprecated-variable empty-value",
    );
}

#[test]
fn step_2_modern_overrules_legacy() {
    let resolution = check(
        "GATEWAY_LISTEN=:7000 EDGE_PORT=9000 EDGE_PORT_HTTP=5000 EDGE_BIND_HOST=10.0.0.1",
        "0.0.0.0:7000",
        "localhost.localstack.cloud:7000",
        "deprecated-variable deprecated-variable deprecated-variable \
         shadowed-variable shadowed-variable shadowed-variable",
    );
    let listen = resolution.gateway_listen.expect("normalized has it");
    let lost: Vec<&str> = listen
        .derivation
        .shadowed
        .iter()
        .map(|o| o.written())
        .collect();
    assert_eq!(lost, ["EDGE_BIND_HOST", "EDGE_PORT_HTTP", "EDGE_PORT"]);
}

#[test]
fn step_2_an_empty_list_overrules_too() {
    for empty in ["GATEWAY_LISTEN=", "GATEWAY_LISTEN=~"] {
        let resolution = check(
            &format!("{empty} EDGE_PORT=9000"),
            "0.0.0.0:4566",
            CLOUD,
            "deprecated-variable empty-value shadowed-variable",
        );
        let message = &resolution.diagnostics[2].message;
        assert!(message.contains("empty `GATEWAY_LISTEN`"), "{message}");
    }
}

#[test]
fn step_2_malformed_legacy_beside_modern_is_a_warning() {
    let resolution = check(
        "GATEWAY_LISTEN=:7000 EDGE_PORT=http",
        "0.0.0.0:7000",
        "localhost.localstack.cloud:7000",
        "deprecated-variable invalid-value shadowed-variable",
    );
    assert!(
        resolution
            .diagnostics
            .iter()
            .all(|d| d.severity < lsconfig::diagnostic::Severity::Error)
    );
}

#[test]
fn step_2_reads_lists() {
    check(
        "GATEWAY_LISTEN=0.0.0.0:5000,0.0.0.0:9000",
        "0.0.0.0:5000 0.0.0.0:9000",
        "localhost.localstack.cloud:5000",
        "",
    );
    check(
        "GATEWAY_LISTEN=~127.0.0.1~:~5000~,~:9000",
        "127.0.0.1:5000 0.0.0.0:9000",
        "localhost.localstack.cloud:5000",
        "listen-loopback-in-container",
    );
    check("GATEWAY_LISTEN=foo.bar", "foo.bar:4566", CLOUD, "");
    check("GATEWAY_LISTEN=[::]", "[::]:4566", CLOUD, "");
    check(
        "GATEWAY_LISTEN=::1",
        "[::1]:4566",
        CLOUD,
        "ipv6-without-brackets listen-loopback-in-container",
    );
    check(
        "GATEWAY_LISTEN=8080",
        "8080:4566",
        CLOUD,
        "listen-host-is-number",
    );
}

#[test]
fn step_2_skips_what_it_cannot_read() {
    check(
        "GATEWAY_LISTEN=:7000,:x,:8000",
        "0.0.0.0:7000 0.0.0.0:8000",
        "localhost.localstack.cloud:7000",
        "invalid-value",
    );
    for bad in [":x", "[foo]:1", ":65536", "http://h:1", "::1:80x"] {
        let resolution = check(
            &format!("GATEWAY_LISTEN={bad}"),
            "0.0.0.0:4566",
            CLOUD,
            "invalid-value",
        );
        let listen = resolution.gateway_listen.expect("normalized has it");
        assert_eq!(listen.derivation.basis, Basis::Invalid, "{bad}");
    }
}

#[test]
fn step_4_defaults_host_and_port_separately() {
    let deprecated = "deprecated-variable";
    check(
        "EDGE_PORT=9000",
        "0.0.0.0:9000",
        "localhost.localstack.cloud:9000",
        deprecated,
    );
    check_in(
        Place::Host,
        "EDGE_PORT=9000",
        "127.0.0.1:9000",
        "localhost.localstack.cloud:9000",
        deprecated,
    );
    check(
        "EDGE_PORT_HTTP=5000",
        "0.0.0.0:5000 0.0.0.0:4566",
        "localhost.localstack.cloud:5000",
        deprecated,
    );
    check(
        "EDGE_BIND_HOST=10.0.2.20",
        "10.0.2.20:4566",
        CLOUD,
        deprecated,
    );
}

#[test]
fn step_4_equal_ports_are_one_entry() {
    check(
        "EDGE_PORT=7000 EDGE_PORT_HTTP=7000",
        "0.0.0.0:7000",
        "localhost.localstack.cloud:7000",
        "deprecated-variable deprecated-variable",
    );
}

#[test]
fn step_4_strips_brackets_of_an_ipv6_host() {
    for host in ["::1", "[::1]"] {
        check(
            &format!("EDGE_BIND_HOST={host}"),
            "[::1]:4566",
            CLOUD,
            "deprecated-variable listen-loopback-in-container",
        );
    }
}

#[test]
fn step_4_refuses_what_is_no_host() {
    for host in ["0.0.0.0:4566", "a,b", "[foo]", "[", "http://h"] {
        check(
            &format!("EDGE_BIND_HOST={host}"),
            "0.0.0.0:4566",
            CLOUD,
            "deprecated-variable invalid-value",
        );
    }
}

#[test]
fn step_4_malformed_ports_are_errors_and_the_default_is_used() {
    for port in ["http", "65536", "-1", "80.0", "0x50"] {
        let resolution = check(
            &format!("EDGE_PORT={port}"),
            "0.0.0.0:4566",
            CLOUD,
            "deprecated-variable invalid-value",
        );
        assert_eq!(
            resolution.diagnostics[1].severity,
            lsconfig::diagnostic::Severity::Error
        );
    }
    check(
        "EDGE_PORT=٩٠٠٠",
        "0.0.0.0:9000",
        "localhost.localstack.cloud:9000",
        "deprecated-variable",
    );
}

#[test]
fn step_5_merges_what_a_wildcard_covers() {
    check(
        "GATEWAY_LISTEN=127.0.0.1:4566,10.0.0.2:4566,0.0.0.0:4566",
        "0.0.0.0:4566",
        CLOUD,
        "absorbed-listen-address absorbed-listen-address",
    );
    check(
        "GATEWAY_LISTEN=[::1]:4566,0.0.0.0:4566",
        "[::1]:4566 0.0.0.0:4566",
        CLOUD,
        "",
    );
    check(
        "GATEWAY_LISTEN=[::]:4566,0.0.0.0:4566,[::1]:4566",
        "[::]:4566",
        CLOUD,
        "absorbed-listen-address absorbed-listen-address",
    );
    check(
        "GATEWAY_LISTEN=[::]:1,[0:0:0:0:0:0:0:0]:1",
        "[::]:1",
        "localhost.localstack.cloud:1",
        "absorbed-listen-address",
    );
    check(
        "GATEWAY_LISTEN=[::ffff:10.0.0.1]:1,10.0.0.1:1",
        "[::ffff:10.0.0.1]:1 10.0.0.1:1",
        "localhost.localstack.cloud:1",
        "",
    );
    check(
        "GATEWAY_LISTEN=,",
        "0.0.0.0:4566",
        CLOUD,
        "absorbed-listen-address",
    );
    check(
        "GATEWAY_LISTEN=b:1,x:2,a:1",
        "b:1 a:1 x:2",
        "localhost.localstack.cloud:1",
        "",
    );
}

#[test]
fn step_6_takes_missing_halves_from_the_default_name_and_the_first_listen_port() {
    check(
        "LOCALSTACK_HOST=foo.bar:5000",
        "0.0.0.0:4566",
        "foo.bar:5000",
        "",
    );
    check(
        "LOCALSTACK_HOST=foo.bar GATEWAY_LISTEN=:9999,:1",
        "0.0.0.0:9999 0.0.0.0:1",
        "foo.bar:9999",
        "",
    );
    check(
        "LOCALSTACK_HOST=:5000",
        "0.0.0.0:4566",
        "localhost.localstack.cloud:5000",
        "",
    );
    check("LOCALSTACK_HOST=", "0.0.0.0:4566", CLOUD, "empty-value");
    check(
        "LOCALSTACK_HOST=[::1]:5000",
        "0.0.0.0:4566",
        "[::1]:5000",
        "ip-as-url-host",
    );
    check(
        "LOCALSTACK_HOST=foo:x",
        "0.0.0.0:4566",
        CLOUD,
        "invalid-value",
    );
}

#[test]
fn step_6_overrules_legacy_hosts() {
    check(
        "LOCALSTACK_HOST=foo.bar HOSTNAME_EXTERNAL=a.b LOCALSTACK_HOSTNAME=c.d",
        "0.0.0.0:4566",
        "foo.bar:4566",
        "deprecated-variable deprecated-variable shadowed-variable shadowed-variable",
    );
}

#[test]
fn step_7_external_wins_over_internal_with_a_warning_when_they_differ() {
    check(
        "HOSTNAME_EXTERNAL=a.b LOCALSTACK_HOSTNAME=c.d",
        "0.0.0.0:4566",
        "a.b:4566",
        "deprecated-variable deprecated-variable conflicting-hosts",
    );
    check(
        "HOSTNAME_EXTERNAL=a.b LOCALSTACK_HOSTNAME=a.b",
        "0.0.0.0:4566",
        "a.b:4566",
        "deprecated-variable deprecated-variable",
    );
    check(
        "LOCALSTACK_HOSTNAME=c.d EDGE_PORT=9000",
        "0.0.0.0:9000",
        "c.d:9000",
        "deprecated-variable deprecated-variable",
    );
}

#[test]
fn step_7_localhost_is_unset() {
    check(
        "HOSTNAME_EXTERNAL=localhost LOCALSTACK_HOSTNAME=localhost",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable deprecated-variable localhost-is-default localhost-is-default",
    );
    check(
        "HOSTNAME_EXTERNAL=localhost LOCALSTACK_HOSTNAME=c.d",
        "0.0.0.0:4566",
        "c.d:4566",
        "deprecated-variable deprecated-variable localhost-is-default",
    );
}

#[test]
fn step_7_splits_a_port_off() {
    check(
        "HOSTNAME_EXTERNAL=ext.example:8443",
        "0.0.0.0:4566",
        "ext.example:8443",
        "deprecated-variable host-carries-port",
    );
    check(
        "HOSTNAME_EXTERNAL=:8443",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable invalid-value",
    );
    check(
        "HOSTNAME_EXTERNAL=http://ext.example",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable invalid-value",
    );
}

#[test]
fn step_9_applies_no_port_for_queues_alone() {
    check(
        "SQS_PORT_EXTERNAL=7777",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable sqs-port-external",
    );
    check(
        "SQS_PORT_EXTERNAL=4566",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable",
    );
    check(
        "SQS_PORT_EXTERNAL=http",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable invalid-value",
    );
    check(
        "EDGE_FORWARD_URL=http://h:1",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable forward-url-dropped",
    );
    check(
        "EDGE_FORWARD_URL=",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable",
    );
}

#[test]
fn step_9_keeps_the_older_opensearch_names_alive() {
    let resolution = check(
        "ES_ENDPOINT_STRATEGY=path ES_CUSTOM_BACKEND=http://es:9200 ES_MULTI_CLUSTER=0",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable deprecated-variable deprecated-variable \
         fallback-used fallback-used fallback-used",
    );
    let value = |name| resolution.value(name).map(ToString::to_string);
    assert_eq!(
        value("OPENSEARCH_ENDPOINT_STRATEGY").as_deref(),
        Some("path")
    );
    assert_eq!(
        value("OPENSEARCH_CUSTOM_BACKEND").as_deref(),
        Some("http://es:9200")
    );
    assert_eq!(value("OPENSEARCH_MULTI_CLUSTER").as_deref(), Some("false"));
    let resolution = check(
        "ES_ENDPOINT_STRATEGY=path OPENSEARCH_ENDPOINT_STRATEGY=off",
        "0.0.0.0:4566",
        CLOUD,
        "deprecated-variable shadowed-variable",
    );
    assert_eq!(
        resolution
            .value("OPENSEARCH_ENDPOINT_STRATEGY")
            .map(|v| v.as_str()),
        Some("port")
    );
}

#[test]
fn use_ssl_changes_the_scheme_and_nothing_else() {
    let resolution = check("USE_SSL=1", "0.0.0.0:4566", CLOUD, "");
    assert_eq!(
        resolution.external_url().as_deref(),
        Some("https://localhost.localstack.cloud:4566")
    );
    let resolution = check(
        "GATEWAY_LISTEN=:443",
        "0.0.0.0:443",
        "localhost.localstack.cloud:443",
        "",
    );
    assert_eq!(
        resolution.external_url().as_deref(),
        Some("http://localhost.localstack.cloud:443")
    );
}

#[test]
fn the_prefix_of_the_image_is_stripped_and_wins() {
    check(
        "EDGE_PORT=9000 LOCALSTACK_EDGE_PORT=9001",
        "0.0.0.0:9001",
        "localhost.localstack.cloud:9001",
        "deprecated-variable shadowed-variable",
    );
    check(
        "LOCALSTACK_LOCALSTACK_HOST=foo.bar",
        "0.0.0.0:4566",
        "foo.bar:4566",
        "",
    );
    check(
        "LOCALSTACK_HOSTNAME_EXTERNAL=foo.bar",
        "0.0.0.0:4566",
        CLOUD,
        "inert-prefixed-name",
    );
}

#[test]
fn a_derived_value_names_what_decided_it() {
    let used = |env| {
        let host = resolve_normalized(env, Place::Container)
            .localstack_host
            .expect("normalized has it");
        let used: Vec<String> = host
            .derivation
            .used
            .iter()
            .map(|o| o.written().to_owned())
            .collect();
        (host.derivation.basis, used.join(" "))
    };
    assert_eq!(used(""), (Basis::Default, String::new()));
    assert_eq!(
        used("GATEWAY_LISTEN=:5000"),
        (Basis::Derived, "GATEWAY_LISTEN".into())
    );
    assert_eq!(used("EDGE_PORT=1"), (Basis::Derived, "EDGE_PORT".into()));
    assert_eq!(
        used("HOSTNAME_EXTERNAL=a.b"),
        (Basis::Mapped, "HOSTNAME_EXTERNAL".into())
    );
    assert_eq!(
        used("LOCALSTACK_HOST=a.b"),
        (Basis::Set, "LOCALSTACK_HOST".into())
    );
    assert_eq!(
        used("LOCALSTACK_HOST=a:b"),
        (Basis::Invalid, "LOCALSTACK_HOST".into())
    );
}
