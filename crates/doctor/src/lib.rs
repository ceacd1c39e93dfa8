//! Why a client cannot reach the local AWS emulator: what was observed, what follows from it, and
//! the smallest change that mends it.
//!
//! ```text
//! engine (reads) --> gather --+
//! Compose files --> project --+--> Facts --judge--> Judgement --> report
//! workflows, dev containers --+
//! probe (inside namespaces) --+
//! ```
//!
//! [`facts`] is what was observed, as plain data that can be saved and read again. The judgement is
//! a pure function of it. Nothing here changes a container or network that is not our own, except that
//! an [`intervention`] lets a paused container go on; the crate prints nothing, reads no environment and
//! never exits.
//!
//! Start reading at [`facts`]. [`signature`] stands apart: it reads error texts that people paste, and
//! needs no facts.

pub mod check;
pub mod devcontainer;
pub mod engine;
pub mod examine;
pub mod facts;
pub mod finding;
pub mod fix;
pub mod gather;
pub mod intervention;
pub mod judge;
pub mod launch;
pub mod patch;
pub mod path;
pub mod probe;
pub mod project;
pub mod relay;
pub mod report;
pub mod signature;
pub mod topology;
pub mod watch;
pub mod workflow;
pub mod world;
