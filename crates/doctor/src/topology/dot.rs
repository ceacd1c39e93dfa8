//! The topology in the language of Graphviz: a cluster for each network.
//!
//! As in the picture of docker-debug a container stands once on each of its networks, and lines join
//! its places; here for any number of networks, and the same each time.

use std::fmt::Write as _;

use super::svg::{FAILS, PALETTE, TINTS, WORKS};
use super::{ContainerNode, Mode, Topology, first, place, plain, port};

/// The longest text that is shown whole.
const LONGEST: usize = 60;

/// Renders the graph.
#[must_use]
pub fn render(topology: &Topology) -> String {
    let mut text = String::from(
        "graph topology {\n  rankdir=LR\n  compound=true\n  fontname=\"Helvetica\"\n  \
         node [shape=box style=\"rounded,filled\" fillcolor=white fontname=\"Helvetica\"]\n  \
         edge [fontname=\"Helvetica\" fontsize=10]\n",
    );
    // Writing to a `String` cannot fail.
    for (n, network) in topology.networks.iter().enumerate() {
        if network.is_beside_the_point() {
            continue;
        }
        let _ = writeln!(
            text,
            "  subgraph cluster_{n} {{\n    label={}\n    color=\"{}\"\n    bgcolor=\"{}\"",
            quoted(&[&network.name, &network.describe()]),
            PALETTE[network.color],
            TINTS[network.color]
        );
        for member in &network.members {
            let node = &topology.containers[*member];
            let interfaces = node.interfaces.iter().filter(|i| i.network == n);
            let addresses: Vec<String> = interfaces
                .flat_map(|i| i.addresses())
                .map(|ip| ip.to_string())
                .collect();
            let mut lines = vec![&*node.name];
            lines.extend(addresses.iter().map(String::as_str));
            statement(&mut text, "    ", &place(*member, n), &lines, node);
        }
        if network.members.is_empty() {
            let _ = writeln!(
                text,
                "    empty_{n} [label=\"no containers\" style=\"\" shape=plain]"
            );
        }
        text.push_str("  }\n");
    }
    for (c, node) in topology.containers.iter().enumerate() {
        if let Some(instead) = node.instead().filter(|_| node.interfaces.is_empty()) {
            statement(
                &mut text,
                "  ",
                &first(c, node),
                &[&node.name, &instead],
                node,
            );
        }
    }
    links(&mut text, topology);
    text.push_str("}\n");
    text
}

fn statement(text: &mut String, indent: &str, id: &str, lines: &[&str], node: &ContainerNode) {
    let state = node.state();
    let mut lines = lines.to_vec();
    let dashed = if node.is_stopped() {
        lines.push(&state);
        " style=\"rounded,dashed\" fontcolor=gray40"
    } else {
        ""
    };
    let bold = if node.is_emulator { " penwidth=3" } else { "" };
    let _ = writeln!(
        text,
        "{indent}{id} [label={}{dashed}{bold}]",
        quoted(&lines)
    );
}

fn links(text: &mut String, topology: &Topology) {
    let from_host = topology.paths.iter().any(|path| path.from.is_none());
    if from_host || topology.containers.iter().any(|c| !c.ports.is_empty()) {
        text.push_str("  host [label=\"this host\" shape=oval fillcolor=gray90]\n");
    }
    for (c, node) in topology.containers.iter().enumerate() {
        for pair in node.interfaces.windows(2) {
            let (from, to) = (place(c, pair[0].network), place(c, pair[1].network));
            let _ = writeln!(text, "  {from} -- {to} [penwidth=3 color=gray50]");
        }
        if let Mode::Shared(name) = &node.mode
            && let Some(owner) = topology
                .containers
                .iter()
                .position(|other| other.name == *name)
        {
            let owner = first(owner, &topology.containers[owner]);
            let _ = writeln!(
                text,
                "  {} -- {owner} [penwidth=3 color=gray50]",
                first(c, node)
            );
        }
        for published in &node.ports {
            let style = if !node.ports_are_open() {
                " style=dotted"
            } else {
                ""
            };
            let label = quoted(&[&port(published, "to")]);
            let place = first(c, node);
            let _ = writeln!(text, "  host -- {place} [label={label} dir=forward{style}]");
        }
        for owner in node.dns.iter().filter_map(|server| server.owner) {
            let server = first(owner, &topology.containers[owner]);
            let _ = writeln!(
                text,
                "  {} -- {server} [label=\"dns\" dir=forward style=dashed]",
                first(c, node)
            );
        }
    }
    let end = |at: usize| first(at, &topology.containers[at]);
    for path in &topology.paths {
        let from = path.from.map_or_else(|| "host".to_owned(), end);
        let color = if path.works { WORKS } else { FAILS };
        let label = quoted(&[&path.url, &path.verdict()]);
        let _ = writeln!(
            text,
            "  {from} -- {} [label={label} dir=forward penwidth=2 color=\"{color}\" fontcolor=\"{color}\" constraint=false]",
            end(path.to)
        );
    }
}

/// Writes lines as one quoted string, in which a backslash is a backslash.
fn quoted(lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| {
        let line = plain(line, LONGEST);
        line.replace('\\', "\\\\").replace('"', "\\\"")
    });
    format!("\"{}\"", lines.collect::<Vec<_>>().join("\\n"))
}
