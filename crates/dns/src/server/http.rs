//! `GET /metrics` and `GET /ready`, and nothing else of HTTP.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::server::Shared;

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Requests at once; more wait to be accepted.
const MAX_REQUESTS: usize = 16;
/// The longest request head that is read.
const MAX_HEAD: usize = 4096;

/// Answers until the runtime ends.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(MAX_REQUESTS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                spawn_local(async move {
                    let _slot = slot;
                    let _ = timeout(LIMIT, respond(&shared, stream)).await;
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn respond(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    let line = head.split(|&b| b == b'\r').next().unwrap_or_default();
    let (status, body) = if line.starts_with(b"GET /metrics ") {
        ("200 OK", shared.metrics_text())
    } else if line.starts_with(b"GET /ready ") {
        // Local names are answered from the first moment, with or without upstream.
        ("200 OK", "ready\n".to_owned())
    } else {
        ("404 Not Found", "try /metrics or /ready\n".to_owned())
    };
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}
