//! Tests of the doctor without a real engine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod docs;
mod engine;
mod errors;
mod files;
mod healthy;
mod probing;
mod scenarios;
mod topology;
mod transport;
mod workflows;
