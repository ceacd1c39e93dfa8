//! Tests of the crate from outside.

mod corpus;
mod disk;
mod laws;
mod mutate;
mod reports;
