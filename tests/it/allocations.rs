//! What must not allocate, counted.

use std::fmt::Write as _;

use allocation_counter::measure;
use lsconfig::addr::HostPort;
use lsconfig::endpoint::{EndpointConfig, SqsStrategy};
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::Semantics;

const STRATEGIES: [SqsStrategy; 5] = [
    SqsStrategy::Standard,
    SqsStrategy::Domain,
    SqsStrategy::Path,
    SqsStrategy::Dynamic,
    SqsStrategy::Off,
];

#[test]
fn minting_a_queue_url_allocates_the_result_alone() {
    let config = EndpointConfig::new(HostPort::new("foo.bar", 5000), Semantics::Normalized);
    for strategy in STRATEGIES {
        let mut url = String::new();
        let counted = measure(|| {
            let sqs = config.endpoints().sqs().strategy(strategy);
            url = sqs
                .queue_url("eu-west-1", "000000000000", "orders")
                .into_string();
        });
        assert_eq!(
            (counted.count_total, counted.bytes_total),
            (1, url.len() as u64),
            "{strategy:?}"
        );
    }
}

#[test]
fn printing_a_queue_url_allocates_nothing() {
    let config = EndpointConfig::new(HostPort::new("::1", 5000), Semantics::Normalized);
    let mut text = String::with_capacity(256);
    for strategy in STRATEGIES {
        text.clear();
        let counted = measure(|| {
            let sqs = config.endpoints().sqs().strategy(strategy);
            let url = sqs.queue_url("eu-west-1", "000000000000", "orders");
            write!(text, "{url}").expect("a string takes every text");
        });
        assert_eq!(counted.count_total, 0, "{strategy:?}");
        assert!(text.ends_with("/orders"), "{text}");
    }
}

#[test]
fn a_setting_with_its_default_costs_no_allocation() {
    let facts = lsconfig::facts::Facts::container();
    let unset = Layers::default();
    let set = Layers::from_iter([Layer::from_pairs(
        SourceKind::Environment,
        "environment",
        [("USE_SSL", "1")],
    )]);
    let count = |layers: &Layers| {
        measure(|| {
            drop(lsconfig::resolve::resolve(
                layers,
                &facts,
                Semantics::Normalized,
            ))
        })
        .count_total
    };
    // The listen set, its copy as it is held and as it is bound, and the list of values.
    assert!(count(&unset) <= 4, "{}", count(&unset));
    // The list of occurrences, and what is said about the variable.
    assert!(count(&set) <= count(&unset) + 6, "{}", count(&set));
}
