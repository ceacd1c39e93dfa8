//! Helpers shared by the tests of the workspace.

pub mod schema;
