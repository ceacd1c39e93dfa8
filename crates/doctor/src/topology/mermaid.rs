//! The topology as a Mermaid flowchart, which code hosts draw in issues and pages.
//!
//! A container appears once on each of its networks, since a node can be in one subgraph only; thick
//! lines join its appearances.

use std::fmt::Write as _;

use super::svg::{FAILS, WORKS};
use super::{ContainerNode, Mode, Topology, first, place, plain, port};

/// The longest text that is shown whole.
const LONGEST: usize = 48;

/// Renders the flowchart.
#[must_use]
pub fn render(topology: &Topology) -> String {
    let mut text = String::from("flowchart LR\n");
    // Writing to a `String` cannot fail.
    for (n, network) in topology.networks.iter().enumerate() {
        if network.is_beside_the_point() {
            continue;
        }
        let _ = writeln!(
            text,
            "  subgraph n{n}[\"{}<br/>{}\"]",
            quoted(&network.name),
            quoted(&network.describe())
        );
        for member in &network.members {
            let node = &topology.containers[*member];
            let interfaces = node.interfaces.iter().filter(|i| i.network == n);
            let mut lines = vec![quoted(&node.name)];
            lines.extend(
                interfaces
                    .flat_map(|i| i.addresses())
                    .map(|ip| quoted(&ip.to_string())),
            );
            lines.extend(extra(node));
            let _ = writeln!(
                text,
                "    {}[\"{}\"]",
                place(*member, n),
                lines.join("<br/>")
            );
        }
        text.push_str("  end\n");
    }
    for (c, node) in topology.containers.iter().enumerate() {
        if node.interfaces.is_empty() {
            let mut lines = vec![quoted(&node.name)];
            lines.extend(node.instead().map(|instead| quoted(&instead)));
            lines.extend(extra(node));
            let _ = writeln!(text, "  {}[\"{}\"]", first(c, node), lines.join("<br/>"));
        }
    }
    let links = links(&mut text, topology);
    paths(&mut text, topology, links);
    styles(&mut text, topology);
    text
}

/// Writes the lines between places, and returns how many there are.
fn links(text: &mut String, topology: &Topology) -> usize {
    let mut count = 0;
    let from_host = topology.paths.iter().any(|path| path.from.is_none());
    if from_host || topology.containers.iter().any(|c| !c.ports.is_empty()) {
        text.push_str("  host([\"this host\"])\n");
    }
    for (c, node) in topology.containers.iter().enumerate() {
        for pair in node.interfaces.windows(2) {
            count += 1;
            let _ = writeln!(
                text,
                "  {} === {}",
                place(c, pair[0].network),
                place(c, pair[1].network)
            );
        }
        if let Mode::Shared(name) = &node.mode
            && let Some(owner) = topology
                .containers
                .iter()
                .position(|other| other.name == *name)
        {
            let owner = first(owner, &topology.containers[owner]);
            count += 1;
            let _ = writeln!(text, "  {} === {owner}", first(c, node));
        }
        for published in &node.ports {
            let label = quoted(&port(published, "to"));
            let arrow = if !node.ports_are_open() {
                "-.-x"
            } else {
                "-->"
            };
            count += 1;
            let _ = writeln!(text, "  host {arrow}|\"{label}\"| {}", first(c, node));
        }
        for owner in node.dns.iter().filter_map(|server| server.owner) {
            let server = first(owner, &topology.containers[owner]);
            count += 1;
            let _ = writeln!(text, "  {} -. \"dns\" .-> {server}", first(c, node));
        }
    }
    count
}

/// Writes the paths that were tried, green or red. Lines are styled by their number in the chart.
fn paths(text: &mut String, topology: &Topology, before: usize) {
    let end = |at: usize| first(at, &topology.containers[at]);
    for path in &topology.paths {
        let from = path.from.map_or_else(|| "host".to_owned(), end);
        let label = quoted_to(&path.describe(), LONGEST * 2);
        let _ = writeln!(text, "  {from} -->|\"{label}\"| {}", end(path.to));
    }
    for (n, path) in topology.paths.iter().enumerate() {
        let color = if path.works { WORKS } else { FAILS };
        let number = before + n;
        let _ = writeln!(
            text,
            "  linkStyle {number} stroke:{color},stroke-width:2px,color:{color}"
        );
    }
}

fn styles(text: &mut String, topology: &Topology) {
    text.push_str("  classDef emulator stroke-width:3px\n");
    text.push_str("  classDef stopped stroke-dasharray:4 3,color:#777\n");
    for (c, node) in topology.containers.iter().enumerate() {
        let mut places: Vec<String> = node
            .interfaces
            .iter()
            .map(|i| place(c, i.network))
            .collect();
        if places.is_empty() {
            places.push(first(c, node));
        }
        if node.is_emulator {
            let _ = writeln!(text, "  class {} emulator", places.join(","));
        }
        if node.is_stopped() {
            let _ = writeln!(text, "  class {} stopped", places.join(","));
        }
    }
}

fn extra(node: &ContainerNode) -> Option<String> {
    let running = node.state() == "running" || node.state() == "declared";
    (!running).then(|| quoted(&node.state()))
}

/// Writes everything that could mean something to Mermaid, Markdown or HTML as a character code.
fn quoted(text: &str) -> String {
    quoted_to(text, LONGEST)
}

fn quoted_to(text: &str, most: usize) -> String {
    let mut quoted = String::new();
    for c in plain(text, most).chars() {
        let harmless = c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '/' | ',' | '…');
        if harmless {
            quoted.push(c);
        } else {
            let _ = write!(quoted, "#{};", u32::from(c));
        }
    }
    quoted
}
