//! Laws of the root crate, each for arbitrary input.

use std::collections::BTreeSet;

use lsconfig::addr::{Dialect, HostPort, HostPortSpec};
use lsconfig::diagnostic::codes;
use lsconfig::explain::Document;
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::listen::ListenSet;
use lsconfig::python::{self, Int};
use lsconfig::redact::redact;
use lsconfig::release::{Line, NEWEST_KNOWN, Semantics, TargetVersion};
use lsconfig::resolve::resolve;
use lsconfig::settings::{Basis, Resolution};
use lsconfig::variable::{self, TABLE};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::support::environment;

/// `PROPTEST_CASES` sets the number of cases. A shrunk failure becomes an example elsewhere instead
/// of being kept in a file.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// The same for laws that resolve for every release.
fn few() -> ProptestConfig {
    let config = config();
    ProptestConfig {
        cases: config.cases / 8,
        ..config
    }
}

/// Texts that exercise the address grammars: fragments glued together, or anything at all.
fn address_text() -> impl Strategy<Value = String> {
    let fragments = select(vec![
        "0.0.0.0",
        "127.0.0.1",
        "::",
        "::1",
        "[",
        "]",
        ":",
        ",",
        "4566",
        "0",
        "65535",
        "65536",
        "-1",
        "foo.bar",
        "localhost",
        " ",
        "%eth0",
        "fe80::1",
        "http://",
        "a_b",
        "\u{a0}",
        "８０",
        "0:0:0:0:0:0:0:0",
        "@",
        "/",
        "\n",
        "2001:db8::A",
        "x",
    ]);
    prop_oneof![
        4 => prop::collection::vec(fragments, 0..6).prop_map(|parts| parts.concat()),
        1 => any::<String>(),
    ]
}

/// Values as people write them, and worse.
fn value_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => address_text(),
        2 => select(vec![
            "", "1", "0", "true", "False", "4567", "9000", " 5000 ", "path", "off", "domain",
            "10.0.2.20", "foo.bar:5000", ":8080", "localhost", "0.0.0.0:5000,127.0.0.1:5000",
            "[::1]:4566", "localhost.localstack.cloud",
        ]).prop_map(str::to_owned),
    ]
}

/// Names of the table, sometimes prefixed, sometimes misspelt, sometimes anything.
fn name_text() -> impl Strategy<Value = String> {
    let known = || select(TABLE).prop_map(|row| row.name.to_owned());
    let addresses = select(vec![
        "GATEWAY_LISTEN",
        "LOCALSTACK_HOST",
        "EDGE_BIND_HOST",
        "EDGE_PORT",
        "EDGE_PORT_HTTP",
        "HOSTNAME_EXTERNAL",
        "LOCALSTACK_HOSTNAME",
        "SQS_PORT_EXTERNAL",
    ]);
    prop_oneof![
        8 => addresses.prop_map(str::to_owned),
        4 => known(),
        2 => known().prop_map(|name| format!("LOCALSTACK_{name}")),
        1 => known().prop_map(|name| format!("{name}S")),
        1 => any::<String>(),
    ]
}

fn env() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((name_text(), value_text()), 0..8)
}

fn layers() -> impl Strategy<Value = Layers> {
    let kinds = vec![
        SourceKind::Image,
        SourceKind::Profile,
        SourceKind::File,
        SourceKind::Compose,
        SourceKind::Environment,
        SourceKind::Flag,
    ];
    (subsequence(kinds, 1..4), prop::collection::vec(env(), 3)).prop_map(|(kinds, envs)| {
        let pairs = kinds.into_iter().zip(envs);
        pairs
            .map(|(kind, env)| Layer::from_pairs(kind, &format!("{kind:?}"), env))
            .collect()
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    (any::<bool>(), any::<bool>()).prop_map(|(in_container, through_entrypoint)| Facts {
        in_container,
        through_entrypoint,
    })
}

fn version() -> impl Strategy<Value = TargetVersion> {
    prop_oneof![
        4 => select(TargetVersion::minors().collect::<Vec<_>>()),
        1 => (0u16..6, 0u16..16, 0u16..4).prop_map(|(a, b, c)| TargetVersion::exact(a, b, c)),
    ]
}

fn of_one_line() -> impl Strategy<Value = (TargetVersion, TargetVersion)> {
    version().prop_flat_map(|a| {
        let twins = TargetVersion::minors().filter(|b| b.line() == a.line());
        (Just(a), select(twins.chain([a]).collect::<Vec<_>>()))
    })
}

fn semantics() -> impl Strategy<Value = Semantics> {
    prop_oneof![
        Just(Semantics::Normalized),
        version().prop_map(Semantics::LocalStack)
    ]
}

fn host_port() -> impl Strategy<Value = HostPort> {
    let hosts = vec![
        "0.0.0.0",
        "::",
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "0:0:0:0:0:0:0:0",
        "a",
        "b",
        "::ffff:127.0.0.1",
        "fe80::1%a",
        "fe80::1%b",
    ];
    (select(hosts), 1u16..4).prop_map(|(host, port)| HostPort::new(host, port))
}

/// The modern variables of a resolution, as a user would set them.
fn modern(resolution: &Resolution) -> Vec<(&'static str, String)> {
    let host = resolution.url_address().expect("normalized has one");
    vec![
        ("GATEWAY_LISTEN", resolution.listen_set().to_string()),
        ("LOCALSTACK_HOST", host.to_string()),
        ("USE_SSL", resolution.flag("USE_SSL").to_string()),
    ]
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn has_deprecation(resolution: &Resolution) -> bool {
    let mut all = resolution.diagnostics.iter();
    all.any(|d| d.code == codes::DEPRECATED_VARIABLE.code)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn addresses_print_as_they_parse(text in address_text()) {
        if let Ok(spec) = text.parse::<HostPortSpec>() {
            prop_assert_eq!(spec.to_string().parse::<HostPortSpec>(), Ok(spec));
        }
    }

    #[test]
    fn errors_point_into_the_text(text in address_text()) {
        for dialect in [Dialect::Lenient, Dialect::Strict, Dialect::Bracketed] {
            match dialect.parse(&text) {
                Ok(_) => {}
                Err(error) => prop_assert!(text.get(error.span).is_some()),
            }
        }
        if let Err(error) = text.parse::<HostPortSpec>() {
            prop_assert!(text.get(error.span).is_some());
        }
    }

    #[test]
    fn integers_print_as_they_parse(text in "[ \u{a0}]?[-+]?[0-9٤８_]{1,40}[ \n]?") {
        if let Ok(number) = Int::parse(&text) {
            prop_assert_eq!(Int::parse(&number.to_string()), Ok(number));
        }
    }

    #[test]
    fn small_integers_are_read_as_rust_reads_them(number in any::<i64>()) {
        let parsed = Int::parse(&number.to_string());
        prop_assert_eq!(parsed.clone().map(|n| n.as_i64()), Ok(Some(number)));
        prop_assert_eq!(parsed.map(|n| n.port()), Ok(u16::try_from(number).ok()));
    }

    #[test]
    fn versions_print_as_they_parse(text in "[v]?[0-9]{1,4}(\\.[0-9]{1,3}){0,3}(\\.?(post|dev)[0-9])?|.*") {
        if let Ok(version) = text.parse::<TargetVersion>() {
            prop_assert_eq!(version.to_string().parse::<TargetVersion>(), Ok(version));
        }
    }

    #[test]
    fn any_text_is_true_or_false_or_neither(text in any::<String>()) {
        prop_assert!(!(python::is_true(&text) && python::is_false(&text)));
        prop_assert_eq!(python::strip(python::strip(&text)), python::strip(&text));
        let _ = (python::parse_ipv6(&text), python::repr(&text), variable::did_you_mean(&text));
    }

    #[test]
    fn binding_does_not_depend_on_the_order(
        (addresses, shuffled) in prop::collection::vec(host_port(), 0..8)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let set: ListenSet = addresses.iter().cloned().collect();
        let other: ListenSet = shuffled.into_iter().collect();
        let bound = |set: &ListenSet| {
            // Equal hosts may be spelt differently, so compare by value.
            let mut bound: Vec<_> = set.iter().map(|a| {
                let name = a.host.ip().is_none().then(|| a.host.as_str().to_owned());
                let zone = a.host.as_str().split_once('%').map(|(_, zone)| zone.to_owned());
                (a.port, a.host.ip(), zone, name)
            }).collect();
            bound.sort();
            bound
        };
        prop_assert_eq!(bound(&set), bound(&other));
        for address in &addresses {
            prop_assert!(set.covers(address), "{} is not covered by {}", address, set);
        }
    }

    #[test]
    fn a_listen_set_is_idempotent(addresses in prop::collection::vec(host_port(), 0..8)) {
        let set: ListenSet = addresses.into_iter().collect();
        let mut again = set.clone();
        for address in &set {
            prop_assert_eq!(again.insert(address.clone()), vec![address.clone()]);
        }
        prop_assert_eq!(&again, &set);
        let rebuilt: ListenSet = set.iter().cloned().collect();
        prop_assert_eq!(rebuilt, set);
    }

    #[test]
    fn nothing_vanishes_from_a_listen_set(addresses in prop::collection::vec(host_port(), 0..8)) {
        let mut set = ListenSet::default();
        let mut absorbed = 0;
        for address in &addresses {
            absorbed += set.insert(address.clone()).len();
        }
        prop_assert_eq!(set.as_slice().len() + absorbed, addresses.len());
    }

    #[test]
    fn resolution_is_total_and_deterministic(
        layers in layers(), facts in facts(), semantics in semantics(),
    ) {
        let resolution = resolve(&layers, &facts, semantics);
        prop_assert_eq!(&resolution, &resolve(&layers, &facts, semantics));
        prop_assert_eq!(resolution.starts(), !resolution.bind.is_empty());
        prop_assert!(resolution.starts() || semantics != Semantics::Normalized);
        let document = serde_json::to_string(&Document::new(&resolution)).unwrap();
        prop_assert!(document.contains(lsconfig::explain::SCHEMA));
    }

    #[test]
    fn every_value_that_is_no_default_has_an_origin(
        layers in layers(), facts in facts(), semantics in semantics(),
    ) {
        let resolution = resolve(&layers, &facts, semantics);
        let bare = resolve(&Layers::default(), &facts, semantics);
        for entry in lsconfig::explain::entries(&resolution) {
            let name = entry.name;
            prop_assert_eq!(entry.rule == Basis::Default.as_str(), entry.used.is_empty(), "{}", name);
            if entry.used.is_empty()
                && let Some(default) = lsconfig::explain::entries(&bare).into_iter().find(|e| e.name == name)
            {
                prop_assert_eq!(entry.value, default.value, "{}", name);
            }
        }
    }

    #[test]
    fn labels_lie_within_the_value_they_show(
        layers in layers(), facts in facts(), semantics in semantics(),
    ) {
        for diagnostic in resolve(&layers, &facts, semantics).diagnostics {
            for label in diagnostic.labels {
                if let (Some(part), Some(raw)) = (label.part(), label.raw()) {
                    prop_assert!(raw.get(part).is_some());
                }
            }
        }
    }

    #[test]
    fn normalizing_twice_is_normalizing_once(layers in layers(), facts in facts()) {
        let once = resolve(&layers, &facts, Semantics::Normalized);
        let twice = resolve(&environment(modern(&once)), &facts, Semantics::Normalized);
        prop_assert_eq!(texts(&twice.bind), texts(&once.bind));
        prop_assert_eq!(twice.url_address(), once.url_address());
        prop_assert_eq!(twice.external_url(), once.external_url());
        prop_assert_eq!(twice.internal_url(), once.internal_url());
        prop_assert!(!has_deprecation(&twice));
        // What is meant may be out of reach; it is read all the same.
        let unreadable = |d: &&lsconfig::diagnostic::Diagnostic| {
            d.severity == lsconfig::diagnostic::Severity::Error
                && d.code != "listen-loopback-in-container"
        };
        prop_assert_eq!(twice.diagnostics.iter().find(unreadable), None);
    }

    #[test]
    fn the_newest_release_reads_normalized_variables_as_meant(layers in layers(), facts in facts()) {
        let meant = resolve(&layers, &facts, Semantics::Normalized);
        let read = resolve(&environment(modern(&meant)), &facts, NEWEST_KNOWN);
        prop_assert!(read.starts(), "{:?}", read.failure);
        let kept: Vec<String> = texts(&meant.bind);
        // The release drops IPv6 addresses beside `0.0.0.0` (docs/reference/divergences.md).
        let wild: BTreeSet<u16> = meant.listen_set().iter()
            .filter(|a| a.host.as_str() == "0.0.0.0").map(|a| a.port).collect();
        let expected: Vec<String> = meant.listen_set().iter()
            .filter(|a| !(a.host.is_ipv6() && wild.contains(&a.port)))
            .map(ToString::to_string).collect();
        prop_assert!(expected.len() <= kept.len());
        prop_assert_eq!(texts(&read.bind), expected);
        prop_assert_eq!(read.url_address(), meant.url_address());
        prop_assert_eq!(read.internal_url(), meant.internal_url());
        prop_assert!(!has_deprecation(&read));
    }

    #[test]
    fn releases_of_one_line_agree_on_addresses(
        layers in layers(), facts in facts(), (a, b) in of_one_line(),
    ) {
        let read = |version| {
            let resolution = resolve(&layers, &facts, version);
            // Other variables come and go within a line, so a start can fail in one of them.
            resolution.starts().then_some((resolution.bind, resolution.localstack_host.map(|s| s.value)))
        };
        if let (Some(a), Some(b)) = (read(a), read(b)) {
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn a_release_before_2_never_holds_modern_addresses(layers in layers(), facts in facts(), version in version()) {
        let resolution = resolve(&layers, &facts, version);
        if version.line() == Line::V1 {
            prop_assert!(resolution.gateway_listen.is_none() && resolution.localstack_host.is_none());
        } else if resolution.starts() {
            prop_assert!(resolution.gateway_listen.is_some() && resolution.localstack_host.is_some());
        }
    }
}

/// A text that occurs nowhere by chance.
const SECRET: &str = "hunter2hunter2";

fn secret_pair() -> impl Strategy<Value = (String, String)> {
    let names = select(vec![
        "LOCALSTACK_AUTH_TOKEN",
        "LOCALSTACK_API_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "MY_PASSWORD",
        "DB_PASSWD",
        "GITHUB_TOKEN",
        "LOCALSTACK_LOCALSTACK_AUTH_TOKEN",
        "LOCALSTACK_AUTH_TOKE",
        "localstack_auth_token",
    ]);
    let urls = name_text().prop_flat_map(|name| {
        let shapes = vec![
            format!("http://user:{SECRET}@proxy:3128"),
            format!("https://u:{SECRET}@p@h/path?x=1"),
            format!("a,http://u:{SECRET}@h b"),
            format!("socks5://:{SECRET}@h"),
        ];
        (Just(name), select(shapes))
    });
    prop_oneof![
        names.prop_map(|name| (name.to_owned(), SECRET.to_owned())),
        urls,
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_secret_is_ever_shown(
        mut pairs in env(), secrets in prop::collection::vec(secret_pair(), 1..4),
        facts in facts(), semantics in semantics(),
    ) {
        pairs.extend(secrets);
        let layers = environment(pairs);
        let resolution = resolve(&layers, &facts, semantics);
        let document = serde_json::to_string(&Document::new(&resolution)).unwrap();
        prop_assert!(!document.contains(SECRET), "{}", document);
    }

    #[test]
    fn redaction_leaves_other_values_alone(name in "[A-Z]{1,8}", value in "[a-z0-9:/., \u{e9}]*") {
        prop_assume!(!["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"].iter().any(|w| name.contains(w)));
        prop_assume!(!value.contains('@'));
        prop_assert_eq!(&*redact(&name, &value), &*value);
    }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn no_secret_is_shown_between_releases(
        secrets in prop::collection::vec(secret_pair(), 1..4), facts in facts(),
    ) {
        let (first, last) = (TargetVersion::new(1, 4), NEWEST_KNOWN);
        let changes = lsconfig::evolution::changes(&environment(secrets), &facts, first, last);
        let changes = serde_json::to_string(&changes).unwrap();
        prop_assert!(!changes.contains(SECRET), "{}", changes);
    }
}
