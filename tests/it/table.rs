//! The table of variables against the reference: every name is there, every row is sound.

use std::collections::BTreeSet;

use lsconfig::addr::Dialect;
use lsconfig::python::Int;
use lsconfig::release::{NEWEST_KNOWN, TargetVersion};
use lsconfig::variable::{self, Family, Kind, Replacement, TABLE, Variable};

/// The networking variables of the reference, by chapter.
const NETWORKING: &str = "
    GATEWAY_LISTEN LOCALSTACK_HOST EDGE_BIND_HOST EDGE_PORT EDGE_PORT_HTTP EDGE_FORWARD_URL
    HOSTNAME_EXTERNAL LOCALSTACK_HOSTNAME HOSTNAME HOSTNAME_FROM_LAMBDA USE_SSL GATEWAY_SERVER
    OVERRIDE_IN_DOCKER

    SQS_ENDPOINT_STRATEGY SQS_PORT_EXTERNAL OPENSEARCH_ENDPOINT_STRATEGY ES_ENDPOINT_STRATEGY
    OPENSEARCH_CUSTOM_BACKEND ES_CUSTOM_BACKEND OPENSEARCH_MULTI_CLUSTER ES_MULTI_CLUSTER
    EXTERNAL_SERVICE_PORTS_START EXTERNAL_SERVICE_PORTS_END SERVICE_INSTANCES_PORTS_START
    SERVICE_INSTANCES_PORTS_END S3_SKIP_SIGNATURE_VALIDATION SNS_CERT_URL_HOST
    LAMBDA_DISABLE_AWS_ENDPOINT_URL TF_COMPAT_MODE ECR_ENDPOINT_STRATEGY
    GRAPHQL_ENDPOINT_STRATEGY CFN_STRING_REPLACEMENT_DENY_LIST

    DNS_ADDRESS DNS_PORT DNS_SERVER DNS_RESOLVE_IP DNS_VERIFICATION_DOMAIN
    DNS_LOCAL_NAME_PATTERNS DNS_NAME_PATTERNS_TO_RESOLVE_UPSTREAM

    CUSTOM_SSL_CERT_PATH SKIP_SSL_CERT_DOWNLOAD REMOVE_SSL_CERT MAIN_CONTAINER_NAME
    MAIN_DOCKER_NETWORK LAMBDA_DOCKER_NETWORK LAMBDA_DOCKER_DNS LAMBDA_DOCKER_FLAGS DOCKER_FLAGS
    DOCKER_BRIDGE_IP OUTBOUND_HTTP_PROXY OUTBOUND_HTTPS_PROXY DISABLE_CORS_HEADERS
    DISABLE_CORS_CHECKS DISABLE_CUSTOM_CORS_S3 DISABLE_CUSTOM_CORS_APIGATEWAY
    DISABLE_PREFLIGHT_PROCESSING EXTRA_CORS_ALLOWED_ORIGINS EXTRA_CORS_ALLOWED_HEADERS
    EXTRA_CORS_EXPOSE_HEADERS ALLOW_NONSTANDARD_REGIONS CONFIG_PROFILE CONFIG_DIR
";

/// LocalStack's list of deprecations in its order: name, since, first release that lists it.
const DEPRECATED: &str = "
    PORT_WEB_UI 0.12.8 1.3.0
    USE_SINGLE_REGION 0.12.7 1.3.0
    DEFAULT_REGION 0.12.7 1.3.0
    DATA_DIR 1.0.0 1.3.0
    HOST_TMP_FOLDER 1.0.0 1.3.0
    LEGACY_DIRECTORIES 1.0.0 1.3.0
    TMPDIR 1.0.0 1.3.0
    PERSISTENCE_SINGLE_FILE 1.0.0 1.3.0
    LEGACY_EDGE_PROXY 1.0.0 1.3.0
    KINESIS_PROVIDER 1.1.0 1.3.0
    LEGACY_INIT_DIR 1.1.0 1.3.0
    INIT_SCRIPTS_PATH 1.1.0 1.3.0
    SYNCHRONOUS_SNS_EVENTS 1.3.0 1.3.0
    SYNCHRONOUS_SQS_EVENTS 1.3.0 1.3.0
    SYNCHRONOUS_API_GATEWAY_EVENTS 1.3.0 1.3.0
    SYNCHRONOUS_KINESIS_EVENTS 1.3.0 1.3.0
    SYNCHRONOUS_DYNAMODB_EVENTS 1.3.0 1.3.0
    SKIP_INFRA_DOWNLOADS 1.3.0 1.3.0
    MOCK_UNIMPLEMENTED 1.3.0 1.3.0
    EDGE_FORWARD_URL 1.4.0 1.4.0
    KMS_PROVIDER 1.4.0 1.4.0
    HOSTNAME_EXTERNAL 2.0.0 2.0.0
    LOCALSTACK_HOSTNAME 2.0.0 2.0.0
    EDGE_BIND_HOST 2.0.0 2.0.0
    EDGE_PORT 2.0.0 2.0.0
    EDGE_PORT_HTTP 2.0.0 2.0.0
    LAMBDA_EXECUTOR 2.0.0 2.0.0
    LAMBDA_STAY_OPEN_MODE 2.0.0 2.0.0
    LAMBDA_REMOTE_DOCKER 2.0.0 2.0.0
    LAMBDA_CODE_EXTRACT_TIME 2.0.0 2.0.0
    LAMBDA_CONTAINER_REGISTRY 2.0.0 2.0.0
    LAMBDA_FALLBACK_URL 2.0.0 2.0.0
    LAMBDA_FORWARD_URL 2.0.0 2.0.0
    LAMBDA_XRAY_INIT 2.0.0 2.0.0
    KINESIS_INITIALIZE_STREAMS 1.4.0 2.3.0
    SQS_PORT_EXTERNAL 1.0.0 3.0.0
    PROVIDER_OVERRIDE_LAMBDA 3.0.0 3.0.0
    ES_CUSTOM_BACKEND 0.14.0 2.3.0
    ES_MULTI_CLUSTER 0.14.0 2.3.0
    ES_ENDPOINT_STRATEGY 0.14.0 2.3.0
    PERSIST_ALL 2.3.2 4.0.0
    DNS_LOCAL_NAME_PATTERNS 3.0.0 3.1.0
    LAMBDA_EVENTS_INTERNAL_SQS 4.0.0 4.0.0
    LAMBDA_EVENT_SOURCE_MAPPING 4.0.0 4.0.0
    LAMBDA_SQS_EVENT_SOURCE_MAPPING_INTERVAL_SEC 4.0.0 4.0.0
    PROVIDER_OVERRIDE_STEPFUNCTIONS 4.0.0 4.0.0
    EVENT_RULE_ENGINE 4.0.3 4.0.3
    STEPFUNCTIONS_LAMBDA_ENDPOINT 4.0.0 4.4.0
    LOCAL_PORT_STEPFUNCTIONS 4.0.0 4.4.0
    ACTIVATE_PRO 4.14.0 4.14.0
";

/// Rows beyond the chapters: names that LocalStack does not announce, credentials, and names that
/// are known and not read.
const OWN: &str = "
    LAMBDA_JAVA_OPTS LOCALSTACK_AUTH_TOKEN LOCALSTACK_API_KEY AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    RDS_CLUSTER_ENDPOINT_HOST_ONLY LAMBDA_RUNTIME_IMAGE_MAPPING DEVELOP_PORT ENABLE_CONFIG_UPDATES
    FILESYSTEM_ROOT LEGACY_RUNTIME LOCALSTACK_RESPONSE_HEADER_ENABLED
";

fn row(name: &str) -> &'static Variable {
    variable::lookup(name).unwrap_or_else(|| panic!("`{name}` has no row"))
}

#[test]
fn every_networking_variable_of_the_reference_is_a_row() {
    for name in NETWORKING.split_whitespace() {
        let row = row(name);
        assert!(
            row.family != Family::Retired && row.kind != Kind::Unmodelled,
            "{name}"
        );
    }
}

#[test]
fn the_list_of_deprecations_is_complete_and_in_order() {
    let expected: Vec<Vec<&str>> = DEPRECATED
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|columns: &Vec<&str>| !columns.is_empty())
        .collect();
    let announced: Vec<&Variable> = TABLE
        .iter()
        .filter(|row| row.is_announced_by(NEWEST_KNOWN))
        .collect();
    let names: Vec<&str> = announced.iter().map(|row| row.name).collect();
    let expected_names: Vec<&str> = expected.iter().map(|columns| columns[0]).collect();
    assert_eq!(names, expected_names);
    for (row, columns) in announced.iter().zip(&expected) {
        let deprecation = row.lifecycle.deprecated.expect("it is announced");
        let listed = deprecation.listed.expect("it is announced");
        assert_eq!(deprecation.since.to_string(), columns[1], "{}", row.name);
        assert_eq!(listed.to_string(), columns[2], "{}", row.name);
    }
}

#[test]
fn entries_that_left_the_list_are_known() {
    for (name, since, listed, delisted) in [
        ("USE_SSL", "0.11.3", "1.3.0", "4.11.0"),
        ("LAMBDA_DOCKER_DNS", "2.0.0", "2.0.0", "2.2.0"),
        ("HOSTNAME_FROM_LAMBDA", "2.0.0", "2.0.0", "3.0.0"),
    ] {
        let deprecation = row(name).lifecycle.deprecated.expect(name);
        let shown = [
            Some(deprecation.since),
            deprecation.listed,
            deprecation.delisted,
        ]
        .map(|version| version.map(|v| v.to_string()));
        assert_eq!(
            shown,
            [since, listed, delisted].map(|text| Some(text.to_owned())),
            "{name}"
        );
    }
}

#[test]
fn no_row_is_unexplained() {
    let known: BTreeSet<&str> = [NETWORKING, OWN]
        .iter()
        .flat_map(|list| list.split_whitespace())
        .chain(
            DEPRECATED
                .lines()
                .filter_map(|l| l.split_whitespace().next()),
        )
        // Its deprecation depends on its value.
        .chain(["PROVIDER_OVERRIDE_EVENTS"])
        .collect();
    for row in TABLE {
        assert!(known.contains(row.name), "{} is in no list here", row.name);
    }
}

#[test]
fn every_default_parses_under_its_own_kind() {
    for row in TABLE {
        for default in row.defaults {
            for text in [default.container, default.host].into_iter().flatten() {
                let fits = match row.kind {
                    Kind::AddressList | Kind::Address => Dialect::Bracketed
                        .parse(text)
                        .is_ok_and(|s| s.port.is_some()),
                    Kind::Host => !text.is_empty() && !text.contains(':'),
                    Kind::Integer => Int::parse(text).is_ok(),
                    Kind::Flag | Kind::Switch | Kind::TriState => {
                        matches!(text, "true" | "false")
                    }
                    Kind::Text(how) => !how.strip || text.trim() == text,
                    Kind::OneOf { values, .. } => values.contains(&text),
                    Kind::Unmodelled => false,
                };
                assert!(fits, "{} has the default `{text}`", row.name);
            }
        }
        let versions: Vec<TargetVersion> = row.defaults.iter().map(|d| d.since).collect();
        assert!(versions.is_sorted(), "{}", row.name);
        if let Kind::OneOf {
            values, unknown, ..
        } = row.kind
        {
            assert!(values.contains(&unknown), "{}", row.name);
        }
    }
}

#[test]
fn flags_and_numbers_have_defaults_from_their_first_release_on() {
    for row in TABLE {
        let first = row.lifecycle.introduced.unwrap_or(TargetVersion::new(1, 0));
        let needs = matches!(row.kind, Kind::Flag | Kind::Switch | Kind::Host);
        if needs {
            assert!(row.default_in(first, true).is_some(), "{}", row.name);
            assert!(row.default_in(first, false).is_some(), "{}", row.name);
        }
    }
}

#[test]
fn a_networking_variable_that_went_says_what_replaces_it() {
    for name in NETWORKING.split_whitespace() {
        let row = row(name);
        if row.lifecycle.removed.is_some() && name != "EDGE_FORWARD_URL" {
            let Replacement::Variable(new) = row.replacement else {
                panic!("{name} has no replacement");
            };
            assert!(
                variable::lookup(new).is_some_and(Variable::is_alive),
                "{new}"
            );
        }
    }
}

#[test]
fn credentials_are_secret_and_addresses_are_not() {
    let secret: Vec<&str> = TABLE.iter().filter(|r| r.secret).map(|r| r.name).collect();
    assert_eq!(
        secret,
        [
            "LOCALSTACK_AUTH_TOKEN",
            "LOCALSTACK_API_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN"
        ]
    );
}

#[test]
fn every_variable_that_the_vectors_set_is_a_row() {
    let mut missing = BTreeSet::new();
    for record in crate::vectors::records("envs") {
        for name in record["env"].as_object().expect("object").keys() {
            let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
            let known = variable::lookup(name).or_else(|| variable::lookup(bare));
            if known.is_none() {
                missing.insert(name.clone());
            }
        }
    }
    // Set to record that names are case-sensitive.
    let decoys = ["gateway_listen", "localstack_host"];
    missing.retain(|name| !decoys.contains(&name.as_str()));
    assert!(missing.is_empty(), "{missing:?}");
}
