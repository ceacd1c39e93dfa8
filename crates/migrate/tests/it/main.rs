//! Tests of the crate from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod corpus;
mod disk;
mod laws;
mod mutate;
mod reports;
