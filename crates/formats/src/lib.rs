//! Formats that more than one command needs, each with one home.
//!
//! ```text
//! text --tree--> Node --workflow, devcontainer--> jobs, services, variables with their places
//! findings of a command --sarif, annotations--> what code hosts take
//! ```
//!
//! Readers find places and judge nothing; writers know no command. Nothing here reads a file or
//! prints. Compose files, `.env` files and settings of LocalStack are read by the crate `lsconfig`.

pub mod annotations;
pub mod devcontainer;
pub mod place;
pub mod sarif;
pub mod tree;
pub mod workflow;
