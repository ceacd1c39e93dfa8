//! `lsconfig up`: gateway and DNS server beside an emulator, or the files that put them there.

use std::fs;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::{Args as _, FromArgMatches as _};
use lsconfig_dns::server::{Handle, Server, ServerConfig};
use lsconfig_dns::zone::LocalZone;
use lsconfig_gateway::config::Config;

use crate::dns;
use crate::dns::setup::Setup;
use crate::error::CliError;
use crate::exit;
use crate::gateway::args::UpArgs;
use crate::gateway::{serve, settings};

/// Bytes of answers of other servers that are kept: some thousand names.
const DNS_CACHE: usize = 4 << 20;

/// Where the authority is kept in the container.
const STATE: &str = "/var/lib/lsconfig";

/// The host part of the gateway's address in its subnet. 53 is easy to remember for a DNS server.
const HOST: u8 = 53;

/// Runs the command.
pub(crate) fn run(args: &UpArgs) -> Result<ExitCode, CliError> {
    if args.image {
        io::stdout().write_all(DOCKERFILE.as_bytes())?;
        return Ok(ExitCode::from(exit::CLEAN));
    }
    if !args.compose {
        let mut dns = None;
        let served = serve(&args.serve, &mut |_| {
            dns = start_dns(args)?;
            Ok(())
        });
        if let Some(handle) = dns {
            handle.stop();
        }
        return served;
    }
    let config = settings::read(&args.serve)?;
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let subnet = free_subnet(&destinations(&routes)).ok_or_else(|| {
        CliError::usage("no free subnet is left between 10.5.0.0 and 10.254.0.0", "")
    })?;
    io::stdout().write_all(overlay(&config, &args.app, subnet).as_bytes())?;
    Ok(ExitCode::from(exit::CLEAN))
}

/// Binds the DNS server and answers from then on, unless it is switched off.
fn start_dns(args: &UpArgs) -> Result<Option<Handle>, CliError> {
    if args.no_dns {
        return Ok(None);
    }
    let mut words = vec!["dns"];
    for listen in &args.dns_listen {
        words.extend(["--listen", listen]);
    }
    for upstream in &args.dns_upstream {
        words.extend(["--upstream", upstream]);
    }
    let wrong = |error: clap::Error| CliError::usage(error.to_string(), "");
    let command = dns::args::ServeArgs::augment_args(clap::Command::new("dns"));
    let matches = command.try_get_matches_from(words).map_err(wrong)?;
    let serve = dns::args::ServeArgs::from_arg_matches(&matches).map_err(wrong)?;
    let setup = Setup::read(&serve)?;
    anstream::eprint!("{}", setup.remarks);
    if !setup.enabled {
        return Ok(None);
    }
    let config = ServerConfig {
        listen: setup.listen,
        inherited_udp: Vec::new(),
        inherited_tcp: Vec::new(),
        metrics: None,
        forward: setup.forward,
        resolv_conf: setup.resolv_conf,
        network: setup.network,
        workers: 1,
        cache_bytes: DNS_CACHE,
        tcp_connections: lsconfig_dns::server::TCP_CONNECTIONS,
        log_queries: false,
        observer: None,
    };
    let server = Server::bind(config, LocalZone::new(setup.zone)).map_err(|error| {
        let ways = error.ways_out().join("\n   or ");
        CliError::usage(error.to_string(), format!("{ways}\n   or use --no-dns"))
    })?;
    for address in server.addresses() {
        anstream::eprintln!("answering DNS on {address}");
    }
    let handle = server.handle();
    std::thread::spawn(move || {
        if let Err(error) = server.run() {
            anstream::eprintln!("the DNS server ended: {error}");
        }
    });
    Ok(Some(handle))
}

/// The binary has to be the static one; it needs no file besides it.
const DOCKERFILE: &str = "\
FROM scratch
COPY lsconfig /lsconfig
VOLUME /var/lib/lsconfig
EXPOSE 4566 53/udp 53/tcp
ENV GATEWAY_LISTEN=0.0.0.0:4566 XDG_STATE_HOME=/var/lib
ENTRYPOINT [\"/lsconfig\"]
CMD [\"up\"]
";

/// Networks that this machine has a route to, as `/proc/net/route` has them: address and mask.
fn destinations(table: &str) -> Vec<(u32, u32)> {
    let number = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            Some((number(fields.get(1)?)?, number(fields.get(7)?)?))
        })
        .filter(|(_, mask)| *mask != 0)
        .collect()
}

/// Returns the first of 10.5.0.0/24, 10.6.0.0/24, ... that overlaps no route.
fn free_subnet(taken: &[(u32, u32)]) -> Option<Ipv4Addr> {
    const MASK: u32 = 0xffff_ff00;
    (5..=254)
        .map(|n| Ipv4Addr::new(10, n, 0, 0))
        .find(|subnet| {
            let subnet = u32::from(*subnet);
            taken
                .iter()
                .all(|(network, mask)| subnet & mask & MASK != network & mask & MASK)
        })
}

fn overlay(config: &Config, apps: &[String], subnet: Ipv4Addr) -> String {
    let [a, b, c, _] = subnet.octets();
    let address = Ipv4Addr::new(a, b, c, HOST);
    let port = config
        .listen
        .first_port()
        .unwrap_or(lsconfig::resolve::DEFAULT_PORT);
    let upstream = &config.upstream;
    let host = &config.urls.address;
    let scheme = config.urls.scheme;
    let mut text = format!(
        "services:
  lsconfig:
    image: lsconfig
    build: .
    command: [up, --upstream, \"{}\", --profile, {}]
    environment:
      GATEWAY_LISTEN: \"0.0.0.0:{port}\"
      LOCALSTACK_HOST: \"{host}\"
    ports:
      - \"127.0.0.1:{port}:{port}\"
    volumes:
      - lsconfig-state:{STATE}
    networks:
      default:
      lsconfig:
        ipv4_address: {address}
",
        upstream.url, upstream.profile,
    );
    for app in apps {
        text.push_str(&format!(
            "  {app}:
    depends_on: [lsconfig]
    dns: {address}
    environment:
      AWS_ENDPOINT_URL: \"{scheme}://{host}\"
      AWS_CA_BUNDLE: {STATE}/ca.pem
      NODE_EXTRA_CA_CERTS: {STATE}/ca.pem
    volumes:
      - lsconfig-state:{STATE}:ro
    networks: [default, lsconfig]
"
        ));
    }
    text.push_str(&format!(
        "networks:
  lsconfig:
    ipam:
      config:
        - subnet: {subnet}/24
volumes:
  lsconfig-state:
"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_that_overlaps_no_route_is_chosen() {
        let table = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
            eth0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\n\
            br0 0000050A 00000000 0001 0 0 0 0000FFFF 0 0 0\n\
            br1 0000060A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        let taken = destinations(table);
        assert_eq!(taken.len(), 2);
        assert_eq!(free_subnet(&taken), Some(Ipv4Addr::new(10, 7, 0, 0)));
        assert_eq!(
            free_subnet(&[(u32::from(Ipv4Addr::new(10, 0, 0, 0)), 0xff00_0000)]),
            None
        );
    }
}
