//! Pictures: the same each time, whole whatever names there are, and quick.
//!
//! `tests/data/topology/shop.json` is a bundle with everything that can occur; the files beside it are
//! its pictures. `UPDATE_EXPECT=1` writes them anew; look at the difference.

use std::path::PathBuf;

use lsconfig_doctor::facts::{Container, Endpoint, Facts, Network, Status, Subnet};
use lsconfig_doctor::topology::{Topology, dot, json, mermaid, svg, text};
use proptest::prelude::*;
use serde_json::Value;

type Render = fn(&Topology) -> String;

const FORMATS: [(&str, Render); 5] = [
    ("txt", text::render),
    ("topology.json", json::render),
    ("mmd", mermaid::render),
    ("dot", dot::render),
    ("svg", svg::render),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/topology")
}

fn shop() -> Facts {
    let text = std::fs::read_to_string(folder().join("shop.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn pictures_are_as_they_were() {
    let topology = Topology::from(&shop()).without_labels();
    for (extension, render) in FORMATS {
        let path = folder().join("shop").with_extension(extension);
        let drawn = render(&topology);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &drawn).unwrap();
        }
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(drawn == present, "{} changed", path.display());
    }
}

#[test]
fn paths_that_were_tried_are_drawn_with_their_causes() {
    let all = crate::scenarios::all();
    for (id, said) in [("C01", "emulator-dns-not-used"), ("C35", "works")] {
        let topology = Topology::from(&all[id].facts);
        assert!(!topology.paths.is_empty(), "{id}");
        for (extension, render) in FORMATS {
            let drawn = render(&topology);
            let shown = match (extension, said) {
                ("topology.json", "works") => "\"verdict\": \"ok\"",
                ("svg", "works") => "✓ ",
                _ => said,
            };
            assert!(drawn.contains(shown), "{id} {extension}: {drawn}");
        }
    }
    // Where nothing was tried nothing is claimed.
    assert!(Topology::from(&shop()).paths.is_empty());
}

/// What the engine lists first makes no difference.
#[test]
fn the_order_of_the_facts_does_not_matter() {
    let mut turned = shop();
    turned.networks.reverse();
    turned.containers.reverse();
    for (extension, render) in FORMATS {
        let same = render(&Topology::from(&turned)) == render(&Topology::from(&shop()));
        assert!(same, "{extension}");
    }
}

/// The fields of `probe` of docker-debug, with the same meaning.
#[test]
fn the_document_has_what_docker_debug_prints() {
    let document: Value = serde_json::from_str(&json::render(&Topology::from(&shop()))).unwrap();
    let networks = document["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 6);
    for network in networks {
        assert!(network["id"].is_string() && network["name"].is_string());
        assert!(network.get("subnet").is_some() && network.get("gateway").is_some());
        for container in network["containers"].as_array().unwrap() {
            for field in ["id", "name", "image", "status"] {
                assert!(container[field].is_string(), "{field}");
            }
            assert!(container["labels"].is_object());
            for interface in container["interfaces"].as_array().unwrap() {
                for field in ["network_name", "gateway", "ip_address"] {
                    assert!(interface[field].is_string(), "{field}");
                }
            }
        }
    }
    let default = networks
        .iter()
        .find(|n| n["name"] == "shop_default")
        .unwrap();
    assert_eq!(default["gateway"], "172.28.44.1");
    assert_eq!(default["subnets"][1]["subnet"], "fd00:44::/64");
    let emulator = &default["containers"][0];
    assert_eq!(emulator["interfaces"].as_array().unwrap().len(), 2);
    assert_eq!(emulator["labels"]["authors"], "LocalStack Contributors");
}

#[test]
fn labels_and_environments_stay_out() {
    let mut facts = shop();
    for container in &mut facts.containers {
        container
            .labels
            .insert("team".into(), "hidden-label".into());
        container.env.insert("TOKEN".into(), "hidden-value".into());
    }
    for network in &mut facts.networks {
        network.labels.insert("team".into(), "hidden-label".into());
    }
    let with = Topology::from(&facts);
    assert!(json::render(&with).contains("hidden-label"));
    let without = with.clone().without_labels();
    for (extension, render) in FORMATS {
        assert!(!render(&with).contains("hidden-value"), "{extension}");
        assert!(!render(&without).contains("hidden"), "{extension}");
    }
}

#[test]
fn nothing_and_half_of_something_can_be_drawn() {
    let mut lost = Facts::default();
    let endpoint = Endpoint::default();
    lost.containers.push(Container {
        name: "lost".into(),
        network_mode: "container:gone".into(),
        endpoints: [("vanished".to_owned(), endpoint)].into(),
        dns: vec!["not an address".into()],
        status: Status::Dead,
        ..Container::default()
    });
    for facts in [Facts::default(), lost] {
        for (extension, render) in FORMATS {
            let drawn = render(&Topology::from(&facts));
            assert!(!drawn.is_empty() && drawn.ends_with('\n'), "{extension}");
            sound(extension, &drawn);
        }
    }
}

fn many(containers: usize, networks: usize) -> Facts {
    let mut facts = Facts::default();
    for n in 0..networks {
        facts.networks.push(Network {
            id: format!("n{n}"),
            name: format!("net-{n}"),
            driver: "bridge".into(),
            subnets: vec![Subnet {
                subnet: format!("10.{n}.0.0/16").parse().unwrap(),
                gateway: None,
            }],
            ..Network::default()
        });
    }
    for c in 0..containers {
        let attach = |n: usize| {
            let ip = format!("10.{n}.{}.{}", 1 + c / 200, 1 + c % 200);
            let endpoint = Endpoint {
                ip: Some(ip.parse().unwrap()),
                ..Endpoint::default()
            };
            (format!("net-{n}"), endpoint)
        };
        facts.containers.push(Container {
            id: format!("c{c}"),
            name: format!("service-{c}"),
            status: Status::Running,
            dns: vec!["10.0.1.1".into()],
            endpoints: [attach(c % networks), attach((c + 1) % networks), attach(0)].into(),
            ..Container::default()
        });
    }
    facts
}

#[test]
fn two_hundred_containers_are_drawn() {
    let facts = many(200, 10);
    for (extension, render) in FORMATS {
        let drawn = render(&Topology::from(&facts));
        assert!(drawn.contains("service-199"), "{extension}");
    }
}

/// Checks what every reader of a format relies on.
fn sound(extension: &str, drawn: &str) {
    match extension {
        "svg" => {
            let document = roxmltree::Document::parse(drawn).unwrap();
            let names = [
                "svg", "title", "style", "defs", "marker", "path", "rect", "line", "g", "circle",
                "text",
            ];
            for node in document.descendants().filter(roxmltree::Node::is_element) {
                assert!(names.contains(&node.tag_name().name()), "{node:?}");
            }
        }
        "topology.json" => drop(serde_json::from_str::<Value>(drawn).unwrap()),
        "dot" => outside_quotes(drawn, '\\', |c| {
            c.is_ascii_alphanumeric() || " \n[]{}=_-;,".contains(c)
        }),
        "mmd" => {
            for line in drawn.lines() {
                outside_quotes(line, '\0', |c| {
                    c.is_ascii_alphanumeric() || " []().-=>|:,#".contains(c)
                });
                let inside = line.split('"').skip(1).step_by(2);
                for c in
                    inside.flat_map(|text| text.replace("<br/>", "").chars().collect::<Vec<_>>())
                {
                    assert!(
                        c.is_alphanumeric() || " .-/,…#;".contains(c),
                        "{c:?} in {line}"
                    );
                }
            }
        }
        _ => {
            let hidden = |c: char| c.is_control() && c != '\n';
            assert!(!drawn.contains(hidden), "{drawn:?}");
        }
    }
}

/// Every quote is closed, and outside of quotes stands only what the format itself needs.
fn outside_quotes(drawn: &str, escape: char, allowed: impl Fn(char) -> bool) {
    let mut chars = drawn.chars();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            c if quoted && c == escape => drop(chars.next()),
            c => assert!(quoted || allowed(c), "{c:?} outside of quotes in {drawn}"),
        }
    }
    assert!(!quoted, "a quote is open in {drawn}");
}

fn hostile() -> impl Strategy<Value = String> {
    const BAD: &[&str] = &[
        "\"",
        "\\",
        "\\\"",
        "</text>",
        "<script>",
        "]]>",
        "&",
        "&#0;",
        "#quot;",
        "\u{1b}[31m",
        "\n",
        "\r",
        "\0",
        "\u{202e}",
        "\u{fffe}",
        "end",
        "]",
        "{",
        "%%",
        "-->",
        "`",
        "名前",
        "\u{1f600}",
        "'",
    ];
    let piece = prop_oneof![
        proptest::sample::select(BAD).prop_map(str::to_owned),
        any::<String>()
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// No name can break a format.
    #[test]
    fn names_cannot_break_a_picture(
        names in proptest::collection::vec(hostile(), 1..5),
        network in hostile(),
        other in hostile(),
    ) {
        let mut facts = Facts::default();
        facts.networks.push(Network {
            id: network.clone(),
            name: network.clone(),
            driver: other.clone(),
            internal: true,
            ..Network::default()
        });
        for name in &names {
            facts.containers.push(Container {
                id: name.clone(),
                name: name.clone(),
                image: other.clone(),
                network_mode: format!("container:{other}"),
                dns: vec![other.clone()],
                ports: vec![lsconfig_doctor::facts::Published {
                    host_ip: None,
                    host_port: None,
                    container_port: 1,
                    protocol: other.clone(),
                }],
                endpoints: [(network.clone(), Endpoint::default()), (other.clone(), Endpoint {
                    aliases: names.clone(),
                    ..Endpoint::default()
                })].into(),
                ..Container::default()
            });
        }
        for (extension, render) in FORMATS {
            sound(extension, &render(&Topology::from(&facts)));
        }
    }
}
