//! Integration tests of the gateway, one module for each topic.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cors;
mod faults;
mod harness;
mod http2;
mod proxy;
mod routing;
mod secure;
mod smuggling;
