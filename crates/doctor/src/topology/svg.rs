//! The topology as a drawing, without any other program.
//!
//! Networks are vertical lines, containers are rows, and a dot where they cross is an attachment with
//! its address: any number of networks for a container, and any number of containers, stay legible.
//! On the left stands the host with the published ports; dashed lines lead to DNS servers.

use std::fmt::Write as _;

use super::{COLORS, ContainerNode, Mode, NetworkNode, Topology, plain, port};
use crate::facts::{Health, Status};
use crate::world::is_special;

/// The colours of paths that were tried.
pub(super) const WORKS: &str = "#1a7f37";
pub(super) const FAILS: &str = "#c62828";
/// The colours of networks: distinct for people with any kind of colour vision.
pub(super) const PALETTE: [&str; COLORS] = [
    "#0072b2", "#d55e00", "#008060", "#a3478a", "#8a6d00", "#3b7fc4", "#b3342d", "#4b5a9e",
];
/// The same, light.
pub(super) const TINTS: [&str; COLORS] = [
    "#e3f0f8", "#fcebe0", "#e0f3ee", "#f6e8f2", "#f5f0dc", "#e6effa", "#fae7e6", "#eaecf6",
];

const MARGIN: usize = 24;
/// The width of the host with the labels of ports.
const HOST: usize = 214;
const CARD: usize = 300;
/// The room for lines to DNS servers, beside the cards.
const LANE: usize = 14;
const LANES: usize = 6;
const COLUMN: usize = 210;
/// Room for the legend.
const MIN_WIDTH: usize = 860;
const HEAD: usize = 84;
const ROW_GAP: usize = 14;
const LEGEND_HEIGHT: usize = 18;
/// The height of one line in a card, and of one port beside it.
const LINE: usize = 17;
const PORT: usize = 21;
/// How many columns of text fit into a card, and into the head of a network.
const CARD_TEXT: usize = 40;
const HEAD_TEXT: usize = 26;
/// The most ports that are drawn for one container; the rest is counted.
const PORTS: usize = 6;

const STYLE: &str = "text{font-family:'Helvetica Neue',Helvetica,Arial,'DejaVu Sans',sans-serif;\
    font-size:12px;fill:#24292f}.name{font-weight:600;font-size:14px}.dim{fill:#667079}\
    .mono{font-family:'SFMono-Regular',Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:11.5px}\
    .card{fill:#fff;stroke:#c3c9d0}.stopped{fill:#f6f7f8;stroke-dasharray:4 3}\
    .emulator{stroke:#24292f;stroke-width:2}.dns{fill:none;stroke:#667079;stroke-dasharray:5 3;\
    stroke-width:1.3}.port{fill:none;stroke:#59636e;stroke-width:1.3}.off{stroke-dasharray:2 3}\
    .works{fill:#1a7f37}.fails{fill:#c62828}";

const LEGEND: &str = "A dot attaches a container to a network. Dashed lines lead to the DNS server that a \
    container asks. A dashed network is internal, a dashed card does not run.";

struct Row<'t> {
    node: &'t ContainerNode,
    top: usize,
    height: usize,
    lines: Vec<(&'static str, String)>,
}

impl Row<'_> {
    fn middle(&self) -> usize {
        self.top + self.height / 2
    }
}

/// Where the parts stand, from left to right.
struct Layout<'t> {
    rows: Vec<Row<'t>>,
    /// The rows of the DNS servers that clients ask, each with its lane.
    servers: Vec<usize>,
    /// The column of each network that is shown.
    columns: Vec<Option<usize>>,
    cards: usize,
    networks: usize,
    width: usize,
    height: usize,
}

/// Renders the drawing.
#[must_use]
pub fn render(topology: &Topology) -> String {
    let layout = layout(topology);
    let mut svg = String::new();
    let (width, height) = (layout.width, layout.height);
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>Networks and containers</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#59636e\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>"
    );
    for (n, network) in topology.networks.iter().enumerate() {
        if let Some(at) = layout.columns[n] {
            column(&mut svg, &layout, at, network);
        }
    }
    host(&mut svg, &layout);
    servers(&mut svg, &layout);
    for row in &layout.rows {
        attachments(&mut svg, &layout, topology, row);
        card(&mut svg, layout.cards, row);
    }
    if layout.rows.is_empty() {
        label(
            &mut svg,
            layout.cards,
            MARGIN + HEAD + 24,
            "dim",
            "",
            "no containers",
        );
    }
    label(&mut svg, MARGIN, height - 12, "dim", "", LEGEND);
    svg.push_str("</svg>\n");
    svg
}

fn layout(topology: &Topology) -> Layout<'_> {
    let mut top = MARGIN + HEAD + ROW_GAP;
    let mut rows = Vec::new();
    for (at, node) in topology.containers.iter().enumerate() {
        let lines = lines(at, node, topology);
        let beside = PORT * node.ports.len().min(PORTS + 1).saturating_sub(1);
        let height = 34 + beside.max(LINE * lines.len());
        rows.push(Row {
            node,
            top,
            height,
            lines,
        });
        top += height + ROW_GAP;
    }
    let mut servers: Vec<usize> = topology
        .containers
        .iter()
        .flat_map(|c| c.dns.iter().filter_map(|server| server.owner))
        .collect();
    servers.sort_unstable();
    servers.dedup();
    let mut shown = 0;
    let columns = topology.networks.iter().map(|network| {
        let at = shown;
        shown += usize::from(!network.is_beside_the_point());
        (!network.is_beside_the_point()).then_some(at)
    });
    let columns: Vec<Option<usize>> = columns.collect();
    let has_ports = topology.containers.iter().any(|c| !c.ports.is_empty());
    let cards = MARGIN + if has_ports { HOST } else { 0 };
    let lanes = if servers.is_empty() {
        0
    } else {
        12 + LANE * servers.len().min(LANES)
    };
    let networks = cards + CARD + lanes + 30;
    Layout {
        rows,
        servers,
        cards,
        networks,
        width: (networks + COLUMN * shown + MARGIN).max(MIN_WIDTH),
        columns,
        height: top.max(MARGIN + HEAD + 60) + MARGIN + LEGEND_HEIGHT - ROW_GAP,
    }
}

/// What stands in a card below the name.
fn lines(at: usize, node: &ContainerNode, topology: &Topology) -> Vec<(&'static str, String)> {
    let mut lines = vec![("dim", plain(&node.image, CARD_TEXT + 4))];
    if let Some((project, service)) = &node.service
        && !service.is_empty()
        && *service != node.name
    {
        lines.push((
            "dim",
            plain(&format!("service {service} of {project}"), CARD_TEXT),
        ));
    }
    lines.extend(
        node.instead()
            .map(|instead| ("", plain(&instead, CARD_TEXT))),
    );
    let servers = node.servers(topology).into_iter();
    lines.extend(servers.map(|server| ("", plain(&format!("dns {server}"), CARD_TEXT))));
    for path in &topology.paths {
        let (class, mark) = if path.works {
            ("works", '✓')
        } else {
            ("fails", '✗')
        };
        let url = match path.from {
            Some(from) if from == at => format!("{mark} {}", path.url),
            // The host has no card; what it reaches stands in that of the emulator.
            None if path.to == at => format!("{mark} this host: {}", path.url),
            _ => continue,
        };
        lines.push((class, plain(&url, CARD_TEXT + 4)));
        if !path.works {
            let why = path.code.unwrap_or(&path.outcome);
            lines.push((class, plain(&format!("  {why}"), CARD_TEXT + 4)));
        }
    }
    lines.retain(|(_, text)| !text.is_empty());
    lines
}

fn column(svg: &mut String, layout: &Layout<'_>, at: usize, network: &NetworkNode) {
    let x = layout.networks + COLUMN * at;
    let (color, tint) = (PALETTE[network.color], TINTS[network.color]);
    let (top, bottom) = (MARGIN, layout.height - MARGIN - LEGEND_HEIGHT);
    let line = x + 16;
    let width = COLUMN - 12;
    let dashes = if network.internal {
        " stroke-dasharray=\"10 5\""
    } else {
        ""
    };
    let _ = writeln!(
        svg,
        "<g><title>{}</title>\
         <line x1=\"{line}\" y1=\"{}\" x2=\"{line}\" y2=\"{bottom}\" stroke=\"{color}\" \
         stroke-width=\"4\" stroke-linecap=\"round\"{dashes}/>\
         <rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{HEAD}\" rx=\"6\" fill=\"{tint}\"/>\
         <rect x=\"{x}\" y=\"{top}\" width=\"4\" height=\"{HEAD}\" rx=\"2\" fill=\"{color}\"/></g>",
        escape(&plain(
            &format!("{} ({})", network.name, network.describe()),
            400
        )),
        top + HEAD
    );
    label(
        svg,
        x + 14,
        top + 22,
        "name",
        "",
        &plain(&network.name, HEAD_TEXT - 2),
    );
    let kind = if network.driver.is_empty() {
        "unknown"
    } else {
        &network.driver
    };
    let kind = if network.internal {
        format!("{kind}, internal")
    } else {
        kind.to_owned()
    };
    label(svg, x + 14, top + 40, "dim", "", &plain(&kind, HEAD_TEXT));
    let shown = if network.subnets.len() > 2 { 1 } else { 2 };
    for (n, subnet) in network.subnets.iter().take(shown).enumerate() {
        let text = plain(&subnet.subnet.to_string(), HEAD_TEXT);
        label(svg, x + 14, top + 57 + 16 * n, "mono", "", &text);
    }
    if network.subnets.len() > 2 {
        let more = format!("and {} more subnets", network.subnets.len() - 1);
        label(svg, x + 14, top + 73, "dim", "", &more);
    }
}

fn host(svg: &mut String, layout: &Layout<'_>) {
    let publishing: Vec<&Row<'_>> = layout
        .rows
        .iter()
        .filter(|row| !row.node.ports.is_empty())
        .collect();
    let Some(last) = publishing.last() else {
        return;
    };
    let x = MARGIN;
    let bottom = last.top + last.height;
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{MARGIN}\" width=\"{}\" height=\"{HEAD}\" rx=\"6\" fill=\"#eceff2\"/>\
         <path d=\"M{} {}V{bottom}\" stroke=\"#59636e\" stroke-width=\"4\" stroke-linecap=\"round\"/>",
        HOST - 30,
        x + 8,
        MARGIN + HEAD
    );
    label(svg, x + 14, MARGIN + 22, "name", "", "this host");
    label(svg, x + 14, MARGIN + 40, "dim", "", "published ports");
    for row in publishing {
        let ports = row.node.ports.iter().take(PORTS);
        for (n, published) in ports.enumerate() {
            let y = row.top + 20 + PORT * n;
            let off = if !row.node.ports_are_open() {
                " off"
            } else {
                ""
            };
            let _ = writeln!(
                svg,
                "<path class=\"port{off}\" d=\"M{} {y}H{}\" marker-end=\"url(#arrow)\"/>",
                x + 8,
                layout.cards - 2
            );
            label(
                svg,
                x + 16,
                y - 4,
                "mono",
                "",
                &plain(&port(published, "→"), 26),
            );
        }
        if row.node.ports.len() > PORTS {
            let more = format!("and {} more", row.node.ports.len() - PORTS);
            label(svg, x + 16, row.top + 16 + PORT * PORTS, "dim", "", &more);
        }
    }
}

/// A lane for each DNS server: the clients enter it, the server is where the arrow points.
fn servers(svg: &mut String, layout: &Layout<'_>) {
    let edge = layout.cards + CARD;
    for (n, server) in layout.servers.iter().enumerate() {
        let x = edge + 12 + LANE * (n % LANES);
        let to = layout.rows[*server].top + 14;
        for (at, row) in layout.rows.iter().enumerate() {
            let asks = row.node.dns.iter().any(|dns| dns.owner == Some(*server));
            if asks && at != *server {
                let from = row.middle() + 8;
                let _ = writeln!(
                    svg,
                    "<path class=\"dns\" d=\"M{edge} {from}H{x}V{to}H{}\" marker-end=\"url(#arrow)\"/>",
                    edge + 3
                );
            }
        }
    }
}

fn attachments(svg: &mut String, layout: &Layout<'_>, topology: &Topology, row: &Row<'_>) {
    let y = row.middle();
    let column = |network: usize| layout.columns[network].unwrap_or(0);
    let x = |network: usize| layout.networks + COLUMN * column(network) + 16;
    if let Some(last) = row.node.interfaces.last() {
        let _ = writeln!(
            svg,
            "<path d=\"M{} {y}H{}\" stroke=\"#c3c9d0\" stroke-width=\"1.5\"/>",
            layout.cards + CARD,
            x(last.network)
        );
    }
    for interface in &row.node.interfaces {
        let color = PALETTE[topology.networks[interface.network].color];
        let x = x(interface.network);
        let fill = if row.node.is_stopped() { "#fff" } else { color };
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"6\" fill=\"{fill}\" stroke=\"{color}\" stroke-width=\"2\"/>"
        );
        let addresses: Vec<String> = interface.addresses().map(|ip| ip.to_string()).collect();
        // Above the line that goes on to other networks, and below it.
        let first = y - 6;
        for (n, address) in addresses.iter().enumerate() {
            let pinned = if n == 0 && interface.pinned {
                " (pinned)"
            } else {
                ""
            };
            halo(svg, x + 14, first + 22 * n, &format!("{address}{pinned}"));
        }
        if addresses.is_empty() {
            let special = is_special(&topology.networks[interface.network].name);
            halo(svg, x + 14, first, if special { "" } else { "no address" });
        }
    }
}

fn card(svg: &mut String, x: usize, row: &Row<'_>) {
    let node = row.node;
    let mut class = String::from("card");
    if node.is_emulator {
        class.push_str(" emulator");
    }
    if node.is_stopped() {
        class.push_str(" stopped");
    }
    let _ = writeln!(
        svg,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"{CARD}\" \
         height=\"{}\" rx=\"6\"/><circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{}\"/></g>",
        escape(&plain(&detail(node), 600)),
        row.top,
        row.height,
        x + 16,
        row.top + 18,
        light(node)
    );
    let name = plain(&node.name, if node.is_emulator { 22 } else { 28 });
    label(svg, x + 30, row.top + 23, "name", "", &name);
    let state = if node.is_emulator {
        "emulator".to_owned()
    } else {
        state(node)
    };
    label(
        svg,
        x + CARD - 12,
        row.top + 23,
        "dim",
        " text-anchor=\"end\"",
        &state,
    );
    for (n, (class, text)) in row.lines.iter().enumerate() {
        label(svg, x + 30, row.top + 23 + LINE * (n + 1), class, "", text);
    }
}

/// The state where it is worth a word.
fn state(node: &ContainerNode) -> String {
    match (node.status, node.health) {
        (Status::Running, None | Some(Health::Healthy)) => String::new(),
        _ => node.state(),
    }
}

fn light(node: &ContainerNode) -> &'static str {
    match (node.status, node.health) {
        (Status::Running, Some(Health::Unhealthy)) | (Status::Dead, _) => "#c62828",
        (Status::Running, Some(Health::Starting)) | (Status::Paused | Status::Restarting, _) => {
            "#e6a100"
        }
        (Status::Running, _) => "#2e9e54",
        (Status::Declared, _) => "#5b8def",
        (Status::Created | Status::Exited, _) => "#9aa2aa",
    }
}

/// What appears when the pointer rests on a card.
fn detail(node: &ContainerNode) -> String {
    let mut detail = format!("{}: {}, {}", node.name, node.state(), node.image);
    if let Mode::Shared(name) = &node.mode {
        let _ = write!(detail, ", uses the network of {name}");
    }
    for interface in node.interfaces.iter().filter(|i| !i.aliases.is_empty()) {
        let _ = write!(detail, ", also called {}", interface.aliases.join(" "));
    }
    detail
}

fn label(svg: &mut String, x: usize, y: usize, class: &str, more: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\"{class}{more}>{}</text>",
        escape(text)
    );
}

/// A text that may lie over a line.
fn halo(svg: &mut String, x: usize, y: usize, text: &str) {
    let over = " stroke=\"#fff\" stroke-width=\"4\" paint-order=\"stroke\"";
    label(svg, x, y, "mono", over, text);
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
