//! Integration tests of the DNS server, one module for each topic.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod dig;
mod edns_matrix;
mod forwarding;
mod oracle;
mod serving;
mod support;
