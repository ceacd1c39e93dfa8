//! DNS: any bytes in, no panic; what is answered can be read again and asks what was asked, whether
//! it is our own answer or an upstream's; skip patterns compile or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lsconfig_dns::answer::{Client, answer, write};
use lsconfig_dns::record::read_records;
use lsconfig_dns::relay::{Age, Stored, relay};
use lsconfig_dns::skip::SkipPatterns;
use lsconfig_dns::wire::{Name, RD, Reply, Writer, expand_name, read_query};
use lsconfig_dns::zone::Zone;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(query) = read_query(bytes) {
        assert_eq!(Name::parse(&query.name.to_string()), Some(query.name));
        let client = Client {
            ip: [127, 0, 0, 1].into(),
            scope: 0,
            may_forward: true,
        };
        let mut out = Vec::new();
        let zone = Zone::localstack();
        let decision = answer(&query, &client, &zone);
        write(&query, &decision, 1232, None, &mut out);
        let reply = Reply::read(&out).expect("what is written can be read");
        assert_eq!((reply.id, reply.question), (query.id, query.question));
        assert!(reply.records().all(|record| record.is_ok()));
        assert!(out.len() <= 1232);
    }
    if let Some(reply) = Reply::read(bytes) {
        for record in reply.records().flatten() {
            let _ = expand_name(bytes, record.start);
            let _ = expand_name(bytes, record.data_at);
        }
        pass_on(&reply);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(name) = Name::parse(text) {
            assert_eq!(Name::parse(&name.to_string()), Some(name));
            let _ = SkipPatterns::compile([text]).0.matches(&name);
        }
        let mut zone = Zone::default();
        let _ = read_records(text, &mut zone);
    }
});

/// Decodes an upstream's reply, encodes it for clients, and decodes that.
fn pass_on(reply: &Reply<'_>) {
    let Some(stored) = Stored::new(reply) else {
        return;
    };
    let mut asked = Vec::new();
    Writer::start(&mut asked, 7, RD).question(reply.question);
    let Ok(query) = read_query(&asked) else {
        return;
    };
    let mut out = Vec::new();
    for (age, limit) in [
        (Age::New, 65_535),
        (Age::Cached(9), 1232),
        (Age::Stale, 512),
    ] {
        relay(&query, &stored, age, limit, None, &mut out);
        let passed = Reply::read(&out).expect("what is written can be read");
        assert_eq!((passed.id, passed.question), (query.id, query.question));
        assert!(passed.records().all(|record| record.is_ok()));
        assert!(out.len() <= limit);
        assert!(Stored::new(&passed).is_some());
    }
}
