//! Readers of texts: from the bytes of a source to data with exact positions.
//!
//! Every reader is a pure function. Files that a text names are asked for through a closure of the
//! caller; nothing here opens anything.

#[cfg(feature = "compose")]
pub mod compose;
#[cfg(feature = "compose")]
pub mod compose_dotenv;
#[cfg(feature = "compose")]
pub mod interpolate;
#[cfg(feature = "compose")]
pub mod yaml;
