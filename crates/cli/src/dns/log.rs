//! What a running server says: text for people on standard error, or JSON lines on standard output.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use lsconfig::network::ExplicitView;
use lsconfig_dns::check::type_name;
use lsconfig_dns::server::{Event, Observer};
use serde_json::{Value, json};

use crate::args::TextOrJson;
use crate::render::{out, printable};

/// Lines of the query log that wait for whoever reads them; more are counted and left out. A reader
/// that stops must not stop the server.
const WAITING_LINES: usize = 4096;

/// How long the last lines may take when the server ends.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Writes what happens, on a thread of its own.
pub(crate) struct Log {
    send: SyncSender<Option<Event>>,
    /// Answers when everything is written.
    ended: Receiver<()>,
    left_out: Arc<AtomicU64>,
}

impl Log {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no room for one.
    pub(crate) fn start(format: TextOrJson) -> std::io::Result<Self> {
        let (send, receive) = sync_channel::<Option<Event>>(WAITING_LINES);
        let (end, ended) = sync_channel(1);
        let left_out = Arc::new(AtomicU64::new(0));
        let missing = Arc::clone(&left_out);
        let write = move || {
            while let Ok(Some(event)) = receive.recv() {
                match missing.swap(0, Ordering::Relaxed) {
                    0 => {}
                    missing => write_left_out(format, missing),
                }
                write_event(format, &event);
            }
            let _ = end.send(());
        };
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(write)?;
        Ok(Self {
            send,
            ended,
            left_out,
        })
    }

    /// Returns the function that is told about every event.
    pub(crate) fn observer(&self) -> Observer {
        let (send, left_out) = (self.send.clone(), Arc::clone(&self.left_out));
        Arc::new(move |event| {
            if send.try_send(Some(event.clone())).is_err() {
                left_out.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    /// Waits for the last lines, as long as somebody reads them.
    pub(crate) fn end(self) {
        let until = Instant::now() + LAST_LINES;
        while self.send.try_send(None).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.ended.recv_timeout(LAST_LINES);
    }
}

fn write_event(format: TextOrJson, event: &Event) {
    match format {
        TextOrJson::Text => anstream::eprintln!("{}", printable(&text(event))),
        // A reader that went away does not stop the server.
        TextOrJson::Json => drop(out(&format!("{}\n", document(event)))),
    }
}

fn write_left_out(format: TextOrJson, lines: u64) {
    match format {
        TextOrJson::Text => anstream::eprintln!("{lines} lines are left out: nobody read them"),
        TextOrJson::Json => drop(out(&format!(
            "{}\n",
            json!({"event": "left-out", "lines": lines})
        ))),
    }
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
