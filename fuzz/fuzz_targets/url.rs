//! The way back from URLs and hosts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig::endpoint::parse::hosts::{execute_api, lambda_url, vhost_bucket, website_bucket};
use lsconfig::endpoint::parse::sqs::{guess_strategy, is_sqs_queue_url, parse_queue_url};
use lsconfig::endpoint::parse::{hostname_from_url, parse_url, path_from_url};

fuzz_target!(|text: &str| {
    let _ = (
        parse_url(text),
        parse_queue_url(text),
        is_sqs_queue_url(text),
    );
    let _ = (execute_api(text), lambda_url(text), guess_strategy(text));
    let _ = (hostname_from_url(text), path_from_url(text));
    for bucket in [vhost_bucket(text), website_bucket(text)]
        .into_iter()
        .flatten()
    {
        assert!(text.starts_with(bucket));
    }
});
