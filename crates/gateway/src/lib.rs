//! LocalStack's networking in front of any AWS emulator.
//!
//! ```text
//! listen.rs     every address of the listen set, all or none
//! server.rs     workers, signals, reload, drain
//! connection.rs what the client speaks (detect.rs), TLS (tls.rs), hyper
//!   guard.rs    only sound framing reaches hyper
//! proxy.rs      one request: Gateway, a tower service
//!   internal.rs cors.rs decide.rs virtual_host.rs mint.rs pool.rs
//! ```
//!
//! Decisions are pure functions: [`detect`], [`decide`], [`virtual_host`], [`cors`]. The crate prints
//! nothing, never exits and reads no environment; what it is told is a [`config::Config`].

mod answer;
mod body;
pub mod config;
mod connection;
pub mod cors;
pub mod decide;
pub mod detect;
mod guard;
mod headers;
pub mod health;
mod internal;
pub mod limits;
pub mod listen;
pub mod metrics;
mod mint;
mod peer;
mod pool;
mod proxy;
mod rewind;
pub mod server;
pub mod service;
pub mod settings;
mod shared;
pub mod tls;
pub mod virtual_host;

pub use body::{Body, BodyError, Stream};
pub use peer::Peer;
pub use pool::UpstreamError;
pub use proxy::Gateway;
pub use shared::{Logger, Shared, State};
