//! The topology for a terminal: a paragraph for each network, a line for each container on it. What is
//! known about a container stands where it appears first.

use std::fmt::Write as _;

use super::{ContainerNode, Topology, plain, port};

/// The longest name that is shown whole.
const NAME: usize = 40;
/// The longest other text.
const OTHER: usize = 60;

/// Renders the text.
#[must_use]
pub fn render(topology: &Topology) -> String {
    let mut text = String::new();
    for (at, network) in topology.networks.iter().enumerate() {
        if network.is_beside_the_point() {
            continue;
        }
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{} ({})",
            plain(&network.name, NAME),
            plain(&network.describe(), OTHER * 2)
        );
        let rows: Vec<[String; 3]> = network
            .members
            .iter()
            .map(|member| {
                let node = &topology.containers[*member];
                let is_first = node.interfaces.first().is_some_and(|i| i.network == at);
                let interfaces = node.interfaces.iter().filter(|i| i.network == at);
                let addresses = interfaces.flat_map(|i| i.addresses().map(|ip| ip.to_string()));
                let addresses: Vec<String> = addresses.collect();
                [
                    plain(&node.name, NAME),
                    addresses.join(" "),
                    if is_first {
                        about(node, topology)
                    } else {
                        "as above".into()
                    },
                ]
            })
            .collect();
        table(&mut text, &rows);
        text.push('\n');
    }
    let apart: Vec<[String; 3]> = topology
        .containers
        .iter()
        .filter(|node| node.interfaces.is_empty())
        .map(|node| {
            let instead = node.instead().unwrap_or_default();
            [
                plain(&node.name, NAME),
                plain(&instead, OTHER),
                about(node, topology),
            ]
        })
        .collect();
    if !apart.is_empty() {
        text.push_str("without networks of their own\n");
        table(&mut text, &apart);
        text.push('\n');
    }
    if !topology.paths.is_empty() {
        text.push_str("paths that were tried\n");
        for path in &topology.paths {
            let from = path
                .from
                .map_or("this host", |at| &topology.containers[at].name);
            let said = plain(&path.describe(), OTHER * 3);
            let _ = writeln!(text, "  {} -> {said}", plain(from, NAME));
        }
        text.push('\n');
    }
    if topology.networks.is_empty() && topology.containers.is_empty() {
        text.push_str("no networks and no containers\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn table(text: &mut String, rows: &[[String; 3]]) {
    if rows.is_empty() {
        text.push_str("  no containers\n");
    }
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    for [name, address, about] in rows {
        let _ = writeln!(text, "  {name:first$}  {address:second$}  {about}");
    }
}

fn about(node: &ContainerNode, all: &Topology) -> String {
    let mut parts = vec![node.state()];
    if node.is_emulator {
        parts.push("the emulator".into());
    }
    parts.push(plain(&node.image, OTHER));
    for published in &node.ports {
        let off = if !node.ports_are_open() {
            " (not open)"
        } else {
            ""
        };
        parts.push(format!("{}{off}", port(published, "->")));
    }
    for server in node.servers(all) {
        parts.push(format!("dns {}", plain(&server, OTHER)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" | ")
}
