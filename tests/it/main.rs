//! Integration tests of the root crate, one module for each topic.

mod envs;
mod hostport;
mod vectors;
