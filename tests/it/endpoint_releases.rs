//! URLs of releases that were read and not run, row by row of the reference.

use lsconfig::addr::HostPort;
use lsconfig::endpoint::opensearch::Engine;
use lsconfig::endpoint::{EndpointConfig, Fallback, OpenSearchStrategy, SqsStrategy};
use lsconfig::python::Int;
use lsconfig::release::{Semantics, TargetVersion};

const ACCOUNT: &str = "000000000000";

/// `HOSTNAME_EXTERNAL=ext LOCALSTACK_HOSTNAME=lhn EDGE_PORT=9000 EDGE_PORT_HTTP=5000`.
fn legacy(major: u16, minor: u16) -> EndpointConfig {
    let version = TargetVersion::new(major, minor);
    let mut config = EndpointConfig::new(HostPort::new("unused", 1), version);
    config.legacy.hostname_external = "ext".into();
    config.legacy.localstack_hostname = "lhn".into();
    config.legacy.edge_port = Int::from(9000_u16);
    config.legacy.edge_port_http = Int::from(5000_u16);
    config
}

#[track_caller]
fn queue(config: &EndpointConfig, region: &str, expected: &str) {
    let sqs = config
        .endpoints()
        .sqs()
        .request_scheme("https")
        .request_host("here:1");
    assert_eq!(sqs.queue_url(region, ACCOUNT, "q"), expected);
}

#[test]
fn queues_before_3_0_mirror_the_request() {
    let mut config = legacy(2, 3);
    queue(&config, "eu-west-1", "https://here:1/000000000000/q");
    config.sqs = SqsStrategy::Standard;
    queue(&config, "eu-west-1", "https://here:1/000000000000/q");
    config.legacy.sqs_port_external = Int::from(7000_u16);
    queue(&config, "eu-west-1", "http://ext:7000/000000000000/q");
    config.sqs = SqsStrategy::Domain;
    queue(
        &config,
        "eu-west-1",
        "https://eu-west-1.queue.localhost.localstack.cloud:9000/000000000000/q",
    );
    queue(
        &config,
        "us-east-1",
        "https://queue.localhost.localstack.cloud:9000/000000000000/q",
    );
    config.sqs = SqsStrategy::Path;
    queue(
        &config,
        "eu-west-1",
        "https://here:1/queue/eu-west-1/000000000000/q",
    );
    let mut config = legacy(1, 4);
    config.sqs = SqsStrategy::Path;
    queue(
        &config,
        "eu-west-1",
        "https://here:1//queue/eu-west-1/000000000000/q",
    );
}

#[test]
fn buckets_before_3_0_follow_hostname_external() {
    let mut config = legacy(2, 3);
    let location = |config: &EndpointConfig, region| {
        config
            .endpoints()
            .s3()
            .create_bucket_location(region, "b")
            .to_url()
    };
    assert_eq!(location(&config, "us-east-1"), "/b");
    assert_eq!(location(&config, "eu-west-1"), "http://ext:5000/b/");
    config.legacy.hostname_external = "localhost".into();
    assert_eq!(
        location(&config, "eu-west-1"),
        "http://b.s3.localhost.localstack.cloud:9000/"
    );
    config.semantics = TargetVersion::new(1, 4).into();
    assert_eq!(
        location(&config, "eu-west-1"),
        "http://b.s3.localhost.localstack.cloud:5000/"
    );
    let s3 = config.endpoints().s3();
    assert_eq!(
        s3.virtual_host_url("b", ""),
        "http://b.s3.localhost.localstack.cloud:9000/"
    );
    assert_eq!(s3.domain_name("b"), "b.s3.localhost.localstack.cloud");
}

#[test]
fn other_services_before_3_0_have_rules_of_their_own() {
    let mut config = legacy(2, 3);
    config.use_ssl = true;
    let endpoints = config.endpoints();
    assert_eq!(
        endpoints.sns().unsubscribe_url("arn"),
        "https://ext:5000/?Action=Unsubscribe&SubscriptionArn=arn"
    );
    let search = endpoints.opensearch(Engine::Es);
    assert_eq!(
        search.endpoint("us-east-1", "dom"),
        "dom.us-east-1.es.localhost.localstack.cloud:9000"
    );
    let path = search.strategy(OpenSearchStrategy::Path);
    assert_eq!(
        path.endpoint("us-east-1", "dom"),
        "lhn:9000/es/us-east-1/dom"
    );
    let port = search.strategy(OpenSearchStrategy::Port).port(4511);
    assert_eq!(port.endpoint("us-east-1", "dom"), "lhn:4511");
    let api = endpoints.apigateway();
    assert_eq!(
        api.url("id", "dev", "/x"),
        "http://id.execute-api.localhost.localstack.cloud:5000/dev/x"
    );
    assert_eq!(
        api.path_url("id", "dev", "/x"),
        "https://localhost:5000/restapis/id/dev/_user_request_/x"
    );
    assert_eq!(
        endpoints.lambda().function_url("us-east-1", "id"),
        "http://id.lambda-url.us-east-1.localhost.localstack.cloud:5000/"
    );
    assert_eq!(endpoints.internal_url(), "https://lhn:5000");
    config.semantics = TargetVersion::new(1, 2).into();
    assert_eq!(
        config.endpoints().lambda().function_url("us-east-1", "id"),
        "https://id.lambda-url.us-east-1.on.aws/"
    );
}

#[test]
fn releases_differ_where_they_changed() {
    let at = |major, minor| {
        let version = TargetVersion::new(major, minor);
        EndpointConfig::new(HostPort::new("foo.bar", 5000), version)
    };
    let key = "ü/a b?&";
    let raw = at(4, 13);
    assert_eq!(
        raw.endpoints().s3().multipart_location("b", key),
        "http://foo.bar:5000/b/ü/a b?&"
    );
    assert_eq!(
        raw.endpoints().s3().post_object_header("b", key),
        "http://foo.bar:5000/b/%C3%BC/a%20b?&"
    );
    let encoded = at(4, 14);
    for url in [
        encoded.endpoints().s3().multipart_location("b", key),
        encoded.endpoints().s3().post_object_header("b", key),
        encoded.endpoints().s3().post_object_xml("b", key),
    ] {
        assert_eq!(url, "http://foo.bar:5000/b/%C3%BC/a%20b%3F%26");
    }

    let domain = |minor| {
        let config = at(4, minor);
        let name = config
            .endpoints()
            .apigateway()
            .regional_domain_name("api.example.com", "us-east-1");
        name.to_url()
    };
    assert_eq!(domain(12), "d-34e15fd5.execute-api.foo.bar");
    assert_eq!(domain(13), "d-f5233d07.execute-api.foo.bar");

    let path = |major, minor| {
        at(major, minor)
            .endpoints()
            .apigateway()
            .path_url("id", "dev", "")
            .to_url()
    };
    assert_eq!(
        path(3, 7),
        "http://foo.bar:5000/restapis/id/dev/_user_request_"
    );
    assert_eq!(path(3, 8), "http://foo.bar:5000/_aws/execute-api/id/dev");

    let cert = |minor| {
        let mut config = at(4, minor);
        config.sns_cert_url_host = Some("sns.example".into());
        config.endpoints().sns().signing_cert_url().to_url()
    };
    assert!(cert(0).starts_with("http://foo.bar:5000/_aws/sns/"));
    assert!(cert(1).starts_with("https://sns.example/_aws/sns/"));

    let dynamic = |minor| {
        let mut config = at(3, minor);
        config.sqs = SqsStrategy::Dynamic;
        let sqs = config.endpoints().sqs().request_host("localhost:1");
        sqs.queue_url("us-east-1", ACCOUNT, "q").to_url()
    };
    assert_eq!(dynamic(1), "http://foo.bar:5000/000000000000/q");
    assert_eq!(
        dynamic(2),
        "http://localhost:1/queue/us-east-1/000000000000/q"
    );
}

#[test]
fn every_url_of_sns_is_at_the_host_of_its_certificate() {
    let mut config = EndpointConfig::new(HostPort::new("foo.bar", 80), TargetVersion::new(4, 12));
    config.sns_cert_url_host = Some("sns.example".into());
    let urls = |config: &EndpointConfig| {
        let sns = config.endpoints().sns();
        [
            sns.subscribe_url("arn", "t").to_url(),
            sns.unsubscribe_url("arn").to_url(),
            sns.signing_cert_url().to_url(),
        ]
        .map(|url| url.split_inclusive('/').take(3).collect::<String>())
    };
    assert_eq!(urls(&config), ["https://sns.example/"; 3]);
    config.semantics = TargetVersion::new(4, 0).into();
    assert_eq!(urls(&config), ["http://foo.bar:80/"; 3]);
}

#[test]
fn the_default_port_of_the_request_is_not_part_of_its_host() {
    let check = |version: (u16, u16), scheme: &str, host: &str, expected: &str| {
        let version = TargetVersion::new(version.0, version.1);
        let mut config = EndpointConfig::new(HostPort::new("foo.bar", 1), version);
        config.sqs = SqsStrategy::Dynamic;
        let sqs = config.endpoints().sqs();
        let sqs = sqs.request_scheme(scheme).request_host(host);
        let url = sqs.queue_url("us-east-1", ACCOUNT, "q").to_url();
        assert_eq!(url, format!("{expected}/{ACCOUNT}/q"), "{scheme} {host}");
    };
    let new = (4, 12);
    check(new, "http", "queue.foo.bar:80", "http://queue.foo.bar");
    check(new, "https", "queue.foo.bar:80", "https://queue.foo.bar:80");
    check(
        new,
        "https",
        "sqs.x.foo.bar:443",
        "https://sqs.us-east-1.foo.bar",
    );
    check(
        new,
        "http",
        "sqs.x.foo.bar:443",
        "http://sqs.us-east-1.foo.bar:443",
    );
    check(new, "http", "h:80", "http://h/queue/us-east-1");
    check(new, "http", "h:8080", "http://h:8080/queue/us-east-1");
    check(new, "http", "[::1]:80", "http://[::1]/queue/us-east-1");
    check(new, "http", "sqs.localhost:4566", "http://sqs.us-east-1.");
    check((2, 3), "http", "h:80", "http://h");
    check((1, 4), "https", "h:443", "https://h");
}

#[test]
fn location_headers_are_written_anew_from_3_0_on() {
    let check = |version: (u16, u16), host: &str, key: &str, header: &str, xml: &str| {
        let version = TargetVersion::new(version.0, version.1);
        let (host, port) = host.rsplit_once(':').unwrap();
        let address = HostPort::new(host, port.parse().unwrap());
        let mut config = EndpointConfig::new(address, version);
        config.legacy.hostname_external = host.into();
        let s3 = config.endpoints().s3();
        assert_eq!(s3.post_object_header("b", key), header, "{host} {key}");
        assert_eq!(s3.post_object_xml("b", key), xml, "{host} {key}");
    };
    let new = (4, 12);
    check(
        new,
        "Foo.Bar:80",
        "!?",
        "http://foo.bar:80/b/!",
        "http://Foo.Bar:80/b/!?",
    );
    check(
        new,
        "Foo.Bar:80",
        "K#",
        "http://foo.bar:80/b/K",
        "http://Foo.Bar:80/b/K#",
    );
    check(
        new,
        "f:80",
        "a?#[",
        "http://f:80/b/a#%5B",
        "http://f:80/b/a?#[",
    );
    check(
        new,
        "FE80::A:1",
        "k",
        "http://[fe80::a]:1/b/k",
        "http://[FE80::A]:1/b/k",
    );
    check(new, "f:0", "k", "http://f/b/k", "http://f:0/b/k");
    check(
        (4, 14),
        "Foo:1",
        "?",
        "http://foo:1/b/%3F",
        "http://Foo:1/b/%3F",
    );
    check(
        (2, 3),
        "Foo:1",
        "[?",
        "http://Foo:4566/b/[?",
        "http://Foo:4566/b/[?",
    );
    check(
        (2, 3),
        "Foo:1",
        "a b?",
        "http://foo:4566/b/a%20b",
        "http://Foo:4566/b/a b?",
    );

    let config = EndpointConfig::new(HostPort::new("Foo", 1), TargetVersion::new(4, 12));
    let s3 = config.endpoints().s3();
    assert_eq!(
        s3.create_bucket_location("eu-west-1", "b"),
        "http://foo:1/b/"
    );
    assert_eq!(s3.create_bucket_location("us-east-1", "b"), "/b");
    let config = EndpointConfig::new(HostPort::new("Foo", 1), Semantics::Normalized);
    let s3 = config.endpoints().s3();
    assert_eq!(
        s3.create_bucket_location("eu-west-1", "b"),
        "http://Foo:1/b/"
    );
}

#[test]
fn brackets_appear_where_a_release_puts_them() {
    let host = HostPort::new("::1", 5000);
    let at = |semantics: Semantics| EndpointConfig::new(host.clone(), semantics);
    let cases = [
        (at(TargetVersion::new(3, 8).into()), "::1:5000", "::1:5000"),
        (
            at(TargetVersion::new(4, 12).into()),
            "[::1]:5000",
            "::1:5000",
        ),
        (at(Semantics::Normalized), "[::1]:5000", "[::1]:5000"),
    ];
    for (config, authority, plain) in cases {
        assert_eq!(
            config.endpoints().authority(),
            authority,
            "{}",
            config.semantics
        );
        let url = format!("http://{plain}");
        assert_eq!(config.endpoints().url(), url, "{}", config.semantics);
    }
}

#[test]
fn normalized_urls_put_no_label_before_an_ip_address() {
    let config = EndpointConfig::new(HostPort::new("10.0.0.1", 80), Semantics::Normalized);
    let endpoints = config.endpoints();
    let queue = endpoints.sqs().queue_url("eu-west-1", ACCOUNT, "q");
    assert_eq!(queue, "http://10.0.0.1:80/queue/eu-west-1/000000000000/q");
    assert_eq!(queue.fallback(), Some(Fallback::PathForm));
    let api = endpoints.apigateway().url("id", "dev", "/x");
    assert_eq!(api, "http://10.0.0.1:80/_aws/execute-api/id/dev/x");
    let search = endpoints
        .opensearch(Engine::OpenSearch)
        .endpoint("us-east-1", "dom");
    assert_eq!(search, "10.0.0.1:80/opensearch/us-east-1/dom");
    let function = endpoints.lambda().function_url("us-east-1", "id");
    assert_eq!(
        function,
        "http://id.lambda-url.us-east-1.localhost.localstack.cloud:80/"
    );
    assert_eq!(function.fallback(), Some(Fallback::CloudName));
    assert_eq!(
        endpoints
            .cloudformation()
            .rewrite("https://id.execute-api.us-east-1.10.0.0.1/dev/x"),
        "https://10.0.0.1:80/_aws/execute-api/id/dev/x"
    );

    let named = EndpointConfig::new(HostPort::new("foo.bar", 80), Semantics::Normalized);
    let endpoints = named.endpoints();
    assert_eq!(
        endpoints
            .sqs()
            .queue_url("eu-west-1", ACCOUNT, "q")
            .fallback(),
        None
    );
    let sqs = endpoints.sqs().strategy(SqsStrategy::Dynamic);
    for (host, base) in [
        ("sqs.eu-west-1.[::1]:1", "http://[::1]:1/queue/eu-west-1"),
        ("sqs.127.0.0.1:1", "http://127.0.0.1:1/queue/eu-west-1"),
        ("queue.127.0.0.1", "http://127.0.0.1/queue/eu-west-1"),
        ("sqs.foo.bar:1", "http://sqs.eu-west-1.foo.bar:1"),
        (
            "sqs.localhost.localstack.cloud:1",
            "http://sqs.eu-west-1.localhost.localstack.cloud:1",
        ),
    ] {
        let url = sqs.request_host(host).queue_url("eu-west-1", ACCOUNT, "q");
        assert_eq!(url, format!("{base}/000000000000/q"), "{host}");
    }
}

#[test]
fn denied_texts_are_not_rewritten() {
    let mut config = EndpointConfig::new(HostPort::new("foo.bar", 5000), TargetVersion::new(4, 12));
    let text = "https://id.execute-api.eu-west-1.amazonaws.com/p";
    let rewritten = "https://id.execute-api.amazonaws.com:5000/p";
    assert_eq!(config.endpoints().cloudformation().rewrite(text), rewritten);
    config.cfn_deny_list.push(text.into());
    assert_eq!(config.endpoints().cloudformation().rewrite(text), text);
    let other = "arn:aws:sqs:eu-west-1:000000000000:q";
    assert_eq!(config.endpoints().cloudformation().rewrite(other), other);
}

#[test]
fn functions_see_the_first_listen_port() {
    let mut config = EndpointConfig::new(HostPort::new("foo.bar", 5000), TargetVersion::new(4, 12));
    config.first_listen_port = Int::from(4566_u16);
    config.use_ssl = true;
    let lambda = config.endpoints().lambda();
    assert_eq!(
        lambda.endpoint_url(&"172.17.0.2".into()),
        "http://172.17.0.2:4566"
    );
    assert_eq!(lambda.edge_port(), "4566");
    assert_eq!(
        lambda.function_url("me-south-1", "id"),
        "http://id.lambda-url.me-south-1.foo.bar:4566/"
    );
    assert_eq!(config.endpoints().internal_url(), "https://localhost:4566");
}

#[test]
fn strategies_of_pro_services_and_denied_texts_come_from_the_environment() {
    let config = |env: &str| {
        EndpointConfig::from(&crate::support::resolve_normalized(
            env,
            crate::support::Place::Container,
        ))
    };
    let ecr = config("ECR_ENDPOINT_STRATEGY=off");
    let uri = ecr.endpoints().ecr();
    assert_eq!(
        uri.repository_uri("us-east-1", "000000000000", "r")
            .to_url(),
        "localhost.localstack.cloud:4510/r"
    );
    let graphql = config("GRAPHQL_ENDPOINT_STRATEGY=path");
    assert_eq!(
        graphql.endpoints().appsync().graphql_url("a").to_url(),
        "http://localhost.localstack.cloud:4566/appsync-api/a/graphql"
    );
    let url = "https://x.execute-api.us-east-1.amazonaws.com/prod";
    let denying = config(&format!("CFN_STRING_REPLACEMENT_DENY_LIST=a,{url}"));
    assert_eq!(denying.endpoints().cloudformation().rewrite(url), url);
    let rewriting = config("");
    assert_ne!(rewriting.endpoints().cloudformation().rewrite(url), url);
}

#[test]
fn websites_have_the_edge_port_up_to_2_2() {
    let url = |version: &str| {
        let env = "EDGE_PORT=9000 EDGE_PORT_HTTP=5000";
        let resolution =
            crate::support::resolve_as_of(env, crate::support::Place::Container, version);
        let config = EndpointConfig::from(&resolution);
        config.endpoints().s3().website_url("b").to_url()
    };
    let name = "http://b.s3-website.localhost.localstack.cloud";
    assert_eq!(url("1.4"), format!("{name}:9000"));
    assert_eq!(url("2.2"), format!("{name}:9000"));
    assert_eq!(url("2.3"), format!("{name}:5000"));
    assert_eq!(url("3.0"), format!("{name}:4566"));
}
