//! How a service that emulates part of AWS uses the crate: resolve once, then ask.
//!
//! Run it with settings of your own: `EDGE_PORT=9000 cargo run -p lsconfig --example service`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a service reads its environment and prints"
)]

use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::Semantics;
use lsconfig::resolve::resolve;

fn main() {
    let environment = Layer::from_pairs(SourceKind::Environment, "environment", std::env::vars());
    let layers = Layers::from_iter([environment]);
    let facts = Facts {
        in_container: false,
        through_entrypoint: false,
    };
    let resolution = resolve(&layers, &facts, Semantics::Normalized);

    for diagnostic in &resolution.diagnostics {
        eprintln!("{}: {}", diagnostic.code, diagnostic.message);
    }
    for address in &resolution.listen_set() {
        println!("listening on {address}");
    }
    if let Some(url) = resolution.external_url() {
        println!("clients use {url}");
    }
}
