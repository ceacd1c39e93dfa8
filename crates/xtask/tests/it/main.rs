//! Checks of the repository as a whole: generated pages, links, purity, dependencies, the schema.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod codes;
mod dependencies;
mod licences;
mod links;
mod pages;
mod purity;
mod schema;
