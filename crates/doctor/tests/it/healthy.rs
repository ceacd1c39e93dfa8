//! Systems that are right give no finding, whatever they look like.

use lsconfig_doctor::facts::{
    Container, Endpoint, Engine, Facts, Network, Published, Standing, Status, Subnet,
};
use lsconfig_doctor::judge::judge;

/// A small generator, the same on every machine (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn endpoint(network: usize, host: usize, pinned: bool) -> Endpoint {
    let ip = Some([10, 50, network as u8, host as u8].into());
    Endpoint {
        ip,
        pinned_ip: ip.filter(|_| pinned),
        gateway: Some([10, 50, network as u8, 1].into()),
        ..Endpoint::default()
    }
}

fn system(random: &mut Random) -> Facts {
    let count = 1 + random.below(4) as usize;
    let name = |n: usize| format!("net{n}");
    let networks = (0..count).map(|n| Network {
        id: name(n),
        name: name(n),
        driver: "bridge".into(),
        subnets: vec![Subnet {
            subnet: format!("10.50.{n}.0/24").parse().unwrap(),
            gateway: Some([10, 50, n as u8, 1].into()),
        }],
        ..Network::default()
    });
    let port = [4566, 5000][random.below(2) as usize];
    let mut emulator = Container {
        id: "e".repeat(64),
        name: "emulator".into(),
        image: [
            "localstack/localstack:4.12.0",
            "localstack/localstack-pro",
            "localstack/localstack:3.8",
        ][random.below(3) as usize]
            .into(),
        status: Status::Running,
        network_mode: name(0),
        ports_active: Some(true),
        ..Container::default()
    };
    if port != 4566 {
        emulator
            .env
            .insert("GATEWAY_LISTEN".into(), format!("0.0.0.0:{port}"));
    }
    if random.below(2) == 0 {
        emulator.ports.push(Published {
            host_ip: Some([127, 0, 0, 1].into()),
            host_port: Some(port),
            container_port: port,
            protocol: "tcp".into(),
        });
    }
    for n in 0..count {
        let mut own = endpoint(n, 20, true);
        own.aliases.push("aws".into());
        emulator.endpoints.insert(name(n), own);
    }
    let clients = 1 + random.below(8) as usize;
    let mut containers: Vec<Container> = (0..clients)
        .map(|c| {
            let n = random.below(count as u64) as usize;
            let mut client = Container {
                id: format!("{c:064x}"),
                name: format!("client{c}"),
                image: "example/client".into(),
                status: Status::Running,
                network_mode: name(n),
                ..Container::default()
            };
            client
                .endpoints
                .insert(name(n), endpoint(n, 100 + c, false));
            let host = match random.below(5) {
                0 => "emulator".to_owned(),
                1 => "aws".to_owned(),
                2 => format!("10.50.{n}.20"),
                _ => {
                    client.dns = vec![format!("10.50.{n}.20")];
                    ["s3.", "", "sqs.us-east-1."][random.below(3) as usize].to_owned()
                        + "localhost.localstack.cloud"
                }
            };
            client
                .env
                .insert("AWS_ENDPOINT_URL".into(), format!("http://{host}:{port}"));
            client
        })
        .collect();
    containers.push(emulator);
    Facts {
        engine: Engine::Reached {
            address: "unix:///var/run/docker.sock".into(),
            found_by: "default socket".into(),
            version: "28".into(),
            api_version: "1.47".into(),
            operating_system: "Linux".into(),
            standing: Some(Standing::SameMachine),
            rootless: Some(false),
        },
        networks: networks.collect(),
        containers,
        ..Facts::default()
    }
}

#[test]
fn two_hundred_healthy_systems_raise_no_alarm() {
    let mut random = Random(7);
    for n in 0..200 {
        let facts = system(&mut random);
        let judgement = judge(&facts);
        let found: Vec<String> = judgement
            .findings
            .iter()
            .map(|f| format!("{}: {} {:?}", f.check.number, f.message, f.evidence))
            .collect();
        assert!(found.is_empty(), "system {n}: {found:#?}\n{facts:#?}");
        let world = judgement.world.unwrap();
        let paths = world.cases.iter().filter(|c| c.client.container.is_some());
        assert!(
            paths.flat_map(|c| &c.uses).all(|u| !u.fails()),
            "system {n}"
        );
    }
}
