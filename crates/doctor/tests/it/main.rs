//! Tests of the doctor without a real engine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod docs;
mod engine;
mod errors;
mod files;
mod healthy;
mod interventions;
mod journal;
mod probing;
mod scenarios;
mod topology;
mod transport;
mod watching;
mod workflows;
