//! What a running server says: text for people on standard error, or JSON lines on standard output.

use std::sync::Arc;

use lsconfig::network::ExplicitView;
use lsconfig_dns::check::type_name;
use lsconfig_dns::server::{Event, Observer};
use serde_json::{Value, json};

use crate::args::TextOrJson;
use crate::render::{out, printable};

/// Returns the function that is told about every event. Without `queries` it needs no time for them.
pub(crate) fn observer(format: TextOrJson, queries: bool) -> Observer {
    Arc::new(move |event| {
        if !queries && matches!(event, Event::Query(_)) {
            return;
        }
        match format {
            TextOrJson::Text => anstream::eprintln!("{}", printable(&text(event))),
            // A reader that went away does not stop the server.
            TextOrJson::Json => drop(out(&format!("{}\n", document(event)))),
        }
    })
}

/// Tells which views a container gives.
pub(crate) fn target(format: TextOrJson, views: &[ExplicitView]) {
    let views: Vec<String> = views.iter().map(ToString::to_string).collect();
    match format {
        TextOrJson::Text if views.is_empty() => {
            anstream::eprintln!("the container has no address of its own");
        }
        TextOrJson::Text => anstream::eprintln!("views: {}", views.join(", ")),
        TextOrJson::Json => drop(out(&format!(
            "{}\n",
            json!({"event": "views", "views": views})
        ))),
    }
}

fn text(event: &Event) -> String {
    match event {
        Event::Query(query) => format!(
            "{} {} {} {} -> {} by {} in {:.3} ms{}",
            query.client,
            query.transport,
            query.name,
            type_name(query.qtype),
            query.rcode,
            query.source,
            query.elapsed.as_secs_f64() * 1000.0,
            if query.truncated { ", truncated" } else { "" },
        ),
        Event::UpstreamDown(addr) => format!("upstream {addr} does not answer"),
        Event::UpstreamUp(addr) => format!("upstream {addr} answers again"),
        Event::UpstreamLoops(addr) => {
            format!("upstream {addr} sends our own queries back; it is not asked any more")
        }
        Event::UpstreamIsOurselves(addr) => {
            format!("upstream {addr} is this server; it is left out")
        }
        Event::NoUpstream => {
            "no upstream is known; local names are answered, others fail".to_owned()
        }
        Event::NetworkChanged => "addresses or routes changed".to_owned(),
        Event::UpstreamsChanged(all) if all.is_empty() => "upstreams: none".to_owned(),
        Event::UpstreamsChanged(all) => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("upstreams: {}", all.join(", "))
        }
        other => format!("{other:?}"),
    }
}

fn document(event: &Event) -> Value {
    match event {
        Event::Query(query) => json!({
            "event": "query",
            "client": query.client.to_string(),
            "transport": query.transport.to_string(),
            "name": query.name.to_string(),
            "type": type_name(query.qtype),
            "status": query.rcode.to_string(),
            "source": query.source.to_string(),
            "truncated": query.truncated,
            "microseconds": query.elapsed.as_micros() as u64,
        }),
        Event::UpstreamDown(addr) => json!({"event": "upstream-down", "upstream": addr}),
        Event::UpstreamUp(addr) => json!({"event": "upstream-up", "upstream": addr}),
        Event::UpstreamLoops(addr) => json!({"event": "upstream-loops", "upstream": addr}),
        Event::UpstreamIsOurselves(addr) => {
            json!({"event": "upstream-is-ourselves", "upstream": addr})
        }
        Event::NoUpstream => json!({"event": "no-upstream"}),
        Event::NetworkChanged => json!({"event": "network-changed"}),
        Event::UpstreamsChanged(all) => json!({"event": "upstreams", "upstreams": all}),
        _ => json!({"event": "other"}),
    }
}
