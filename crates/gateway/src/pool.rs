//! Connections to upstreams, kept for the next request.
//!
//! Each worker has a pool of its own. A request goes out on the connection that was used last; when
//! that turns out to be closed before anything was sent, the next one is tried, then a new one.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::body::{Body, BodyError, OnEnd};
use crate::config::{Scheme, UpstreamUrl, Waits};
use crate::limits;

/// Why an upstream gave no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// No connection.
    #[error("connect to {0}: {1}")]
    Connect(UpstreamUrl, #[source] io::Error),
    /// No connection in time.
    #[error("connect to {0}: no answer within {1:?} (--connect-timeout)")]
    ConnectTimeout(UpstreamUrl, Duration),
    /// No response in time.
    #[error("{0} did not answer within {1:?} (--response-timeout)")]
    ResponseTimeout(UpstreamUrl, Duration),
    /// The connection broke before the response.
    #[error("{0} broke off: {1}")]
    Broken(UpstreamUrl, #[source] hyper::Error),
    /// The client did not send what it had announced.
    #[error(transparent)]
    Body(BodyError),
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

struct Idle {
    url: UpstreamUrl,
    sender: Sender,
    since: Instant,
}

/// The connections of one worker.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Arc<Mutex<Vec<Idle>>>,
}

/// What a reload may change about the way to an upstream.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) url: &'a UpstreamUrl,
    pub(crate) tls: Option<&'a TlsConnector>,
    pub(crate) waits: Waits,
}

impl Pool {
    /// Sends a request and returns the response, and what has to be called when its body has ended.
    pub(crate) async fn send(
        &self,
        way: Way<'_>,
        mut request: Request<Body>,
    ) -> Result<(Response<Incoming>, Option<OnEnd>), UpstreamError> {
        let url = way.url;
        loop {
            let idle = take(&self.idle, url);
            let reused = idle.is_some();
            let mut sender = match idle {
                Some(sender) => sender,
                // In a box, as everything here that few requests do: the room for it would be part
                // of every request's future, which is moved, and of every connection's memory.
                None => Box::pin(connect(way)).await?,
            };
            let again = reused.then(|| repeatable(&request)).flatten();
            let sent = timeout(way.waits.response, sender.send(request)).await;
            match sent {
                Err(_) => {
                    let waited = way.waits.response;
                    return Err(UpstreamError::ResponseTimeout(url.clone(), waited));
                }
                Ok(Ok(response)) => return Ok((response, self.giver_back(url, sender))),
                Ok(Err((_, Some(unsent)))) if reused => request = *unsent,
                Ok(Err((error, None))) if closed_early(&error) && again.is_some() => {
                    request = again.unwrap_or_default();
                }
                Ok(Err((error, _))) => {
                    return Err(match BodyError::of_request(&error) {
                        Some(fault) => UpstreamError::Body(fault),
                        None => UpstreamError::Broken(url.clone(), error),
                    });
                }
            }
        }
    }

    fn giver_back(&self, url: &UpstreamUrl, sender: Sender) -> Option<OnEnd> {
        let idle = Arc::clone(&self.idle);
        let url = url.clone();
        match sender {
            Sender::Http2(_) => {
                put(&idle, url, sender);
                None
            }
            Sender::Http1(mut sender) => Some(Box::new(move || {
                if sender.is_ready() {
                    put(&idle, url, Sender::Http1(sender));
                } else if !sender.is_closed() {
                    tokio::spawn(async move {
                        if poll_fn(|cx| sender.poll_ready(cx)).await.is_ok() {
                            put(&idle, url, Sender::Http1(sender));
                        }
                    });
                }
            })),
        }
    }
}

async fn connect(way: Way<'_>) -> Result<Sender, UpstreamError> {
    let wait = way.waits.connect;
    match timeout(wait, open(way)).await {
        Ok(Ok(sender)) => Ok(sender),
        Ok(Err(error)) => Err(UpstreamError::Connect(way.url.clone(), error)),
        Err(_) => Err(UpstreamError::ConnectTimeout(way.url.clone(), wait)),
    }
}

async fn open(way: Way<'_>) -> io::Result<Sender> {
    let address = &way.url.address;
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    match (way.url.scheme, way.tls) {
        (Scheme::Http, _) => handshake1(stream).await,
        (Scheme::H2c, _) => handshake2(stream).await,
        (Scheme::Https, None) => Err(io::Error::other("no trusted certificates were found")),
        (Scheme::Https, Some(tls)) => {
            let name =
                ServerName::try_from(address.host.as_str().to_owned()).map_err(io::Error::other)?;
            let stream = tls.connect(name, stream).await?;
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                handshake2(stream).await
            } else {
                handshake1(stream).await
            }
        }
    }
}

impl Sender {
    async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, (hyper::Error, Option<Box<Request<Body>>>)> {
        let sent = match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        };
        sent.map_err(|mut error| {
            let unsent = error.take_message().map(Box::new);
            (error.into_error(), unsent)
        })
    }

    fn is_usable(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_ready(),
            Self::Http2(sender) => sender.is_ready(),
        }
    }
}

/// Returns a copy of a request that may be sent twice (RFC 9110, section 9.2.2) and has no body.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(Body::Empty);
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    *copy.version_mut() = request.version();
    request.headers().clone_into(copy.headers_mut());
    request.extensions().clone_into(copy.extensions_mut());
    Some(copy)
}

/// Whether the upstream had closed the connection while the request was on its way.
fn closed_early(error: &hyper::Error) -> bool {
    let reset = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
            matches!(
                source.kind(),
                BrokenPipe | ConnectionAborted | ConnectionReset
            )
        });
    reset || error.is_incomplete_message() || error.is_closed() || error.is_canceled()
}

async fn handshake1<S>(stream: S) -> io::Result<Sender>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .max_headers(limits::MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "upstream connection");
        }
    });
    Ok(Sender::Http1(sender))
}

async fn handshake2<S>(stream: S) -> io::Result<Sender>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "upstream connection");
        }
    });
    Ok(Sender::Http2(sender))
}

fn take(idle: &Mutex<Vec<Idle>>, url: &UpstreamUrl) -> Option<Sender> {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(at) = idle.iter().rposition(|i| i.url == *url) {
        let found = idle.remove(at);
        if found.since.elapsed() > limits::UPSTREAM_IDLE {
            // Older ones stand before it.
            idle.retain(|i| i.since.elapsed() <= limits::UPSTREAM_IDLE);
            continue;
        }
        if found.sender.is_usable() {
            if let Sender::Http2(sender) = &found.sender {
                let again = Sender::Http2(sender.clone());
                idle.push(found);
                return Some(again);
            }
            return Some(found.sender);
        }
    }
    None
}

fn put(idle: &Mutex<Vec<Idle>>, url: UpstreamUrl, sender: Sender) {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    let same = idle.iter().filter(|i| i.url == url).count();
    let shared = matches!(sender, Sender::Http2(_)) && same > 0;
    if !shared && same < limits::UPSTREAM_IDLE_MAX {
        idle.push(Idle {
            url,
            sender,
            since: Instant::now(),
        });
    }
}
