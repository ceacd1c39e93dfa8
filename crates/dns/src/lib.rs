//! A DNS server that answers a local AWS emulator's names with the address each client can reach,
//! and forwards the rest.
//!
//! ```text
//! socket ------ codec ------- mandatory behaviour ------ our answer
//! server::udp   wire          opcode, class, EDNS,       answer(query, client, &Zone)
//! server::tcp                 ACL, rate limit            or server::forward and cache
//! ```
//!
//! [`answer::answer`] decides, the loops in [`server`] move bytes. The crate prints nothing, reads
//! no environment and never exits; events and metrics come out through [`server::Server`].
//!
//! Start reading at [`zone`], then [`answer`].

pub mod answer;
pub mod check;
pub mod observe;
pub mod privileges;
pub mod record;
pub mod relay;
pub mod resolvconf;
pub mod server;
pub mod settings;
pub mod skip;
pub mod wire;
pub mod zone;
