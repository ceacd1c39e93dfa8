//! Legacy LocalStack networking settings in users' files: found, explained and rewritten, with proof.
//!
//! ```text
//! bytes --format--> Document of scopes --judge (decision table)--> findings with fixes
//!                                            proof: apply, read again, resolve again
//! ```
//!
//! Whose variable a name is follows from its scope and the evidence there (an image, a command),
//! never from the name alone. A format finds byte spans; edits are made on bytes; every edited text
//! is read and resolved again before it is offered. The crate prints nothing.
//!
//! Start reading at [`scope`], then [`decision`], then [`file`](mod@file).

pub mod config;
pub mod decision;
pub mod edit;
pub mod effect;
pub mod file;
pub mod finding;
pub mod format;
pub mod image;
mod judge;
pub mod names;
pub mod project;
mod proof;
pub mod report;
pub mod scope;
pub mod slots;
pub mod text;
pub mod walk;
pub mod write;
