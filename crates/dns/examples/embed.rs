//! An emulator with its own name server: `cargo run -p lsconfig-dns --example embed`, then
//! `dig @127.0.0.1 -p 5353 anything.localhost.localstack.cloud` or `... db.internal.test`.

use lsconfig_dns::record::RecordData;
use lsconfig_dns::server::{NetworkConfig, Server, ServerConfig};
use lsconfig_dns::wire::Name;
use lsconfig_dns::zone::{LocalZone, Zone};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zone = LocalZone::new(Zone::localstack());
    let config = ServerConfig {
        listen: vec!["127.0.0.1:5353".parse()?],
        network: NetworkConfig::observed(),
        ..ServerConfig::default()
    };
    let server = Server::bind(config, std::sync::Arc::clone(&zone))?;
    let handle = server.handle();
    let serving = std::thread::spawn(move || server.run());

    // Any thread changes the names while the server runs: a query sees all of a change or nothing.
    let name = Name::parse("db.internal.test").ok_or("not a name")?;
    zone.update(|zone| {
        zone.remove_records(&name, None);
        zone.add_record(&name, RecordData::a([10, 0, 2, 30].into()));
    });

    // An emulator does its work here, and stops the server at the end.
    std::thread::sleep(std::time::Duration::from_secs(60));
    handle.stop();
    serving.join().map_err(|_| "the server panicked")??;
    Ok(())
}
