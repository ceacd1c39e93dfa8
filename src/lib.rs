//! Where a local AWS emulator listens, by which name clients reach it, and where each setting came
//! from.
//!
//! ```text
//! sources --> Layer* --> Layers --+
//!                      Facts -----+--> resolve() --> Resolution --> Endpoints, explain, servers
//!                  Semantics -----+     (pure, total)
//! ```
//!
//! The crate does no IO: it reads no environment, file, clock or socket, prints nothing and keeps
//! no state. Sources come in as [`layer::Layers`] of raw texts with origins, observations as
//! [`facts::Facts`]; [`release::Semantics`] says whose reading is wanted. `resolve` never fails: bad
//! input becomes a [`diagnostic::Diagnostic`] and a usable value.
//!
//! Start reading at [`layer`], then [`variable`].

pub mod addr;
pub mod aws;
pub mod diagnostic;
pub mod endpoint;
pub mod entrypoint;
pub mod evolution;
pub mod explain;
pub mod facts;
pub mod launcher;
pub mod layer;
pub mod listen;
pub mod network;
#[cfg(feature = "figment")]
pub mod provider;
pub mod python;
pub mod redact;
pub mod release;
pub mod resolve;
pub mod settings;
pub mod source;
pub mod variable;

/// The guides, whose examples are tested.
#[cfg(all(doctest, feature = "figment"))]
mod guides {
    #[doc = include_str!("../docs/guides/embed-in-a-rust-service.md")]
    struct Embed;
    #[doc = include_str!("../docs/guides/figment.md")]
    struct Figment;
}
