//! Tests of the crate from outside, one module for each topic.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod topology;
