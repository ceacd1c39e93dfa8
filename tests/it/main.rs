//! Integration tests of the root crate, one module for each topic.

#![expect(clippy::disallowed_methods, reason = "tests read their vectors")]

mod allocations;
#[cfg(feature = "compose")]
mod compose;
mod endpoint_kinds;
mod endpoint_laws;
mod endpoint_parse;
mod endpoint_releases;
mod endpoint_urls;
mod envs;
mod hostport;
mod laws;
mod normalized;
mod said;
mod source_laws;
mod sources;
mod support;
mod table;
mod traps;
mod vectors;
