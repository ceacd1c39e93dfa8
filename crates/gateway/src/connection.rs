//! One connection: find out what the client speaks, then let hyper frame it.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::detect::{Detection, detect};
use crate::guard::Guard;
use crate::limits;
use crate::metrics::{Counted, add};
use crate::peer::Peer;
use crate::proxy::Gateway;
use crate::rewind::Rewind;
use crate::shared::Shared;

/// Bytes that are read at first: most heads and first messages of a TLS handshake fit, so that they
/// are read once.
const FIRST_READ: usize = 2048;

/// A future that has its room on the heap, and gives it back when it ends.
///
/// A future takes the room of the largest of its parts for as long as it lives, and a connection is
/// idle most of the time. So each phase of a connection has a box of its own.
type Phase<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// Serves a connection until it ends, or until `drain` says so and its requests are answered.
pub(crate) async fn serve(
    stream: TcpStream,
    client: SocketAddr,
    gateway: Gateway,
    shared: Arc<Shared>,
    drain: watch::Receiver<bool>,
) {
    let _counted = Counted::new(&shared.metrics.connections);
    add(&shared.metrics.accepted);
    let served = async {
        let Some((detection, stream)) = peek(stream, &drain).await? else {
            return Ok(());
        };
        let tls = detection == Detection::Tls;
        let peer = Peer::new(client, tls);
        if !tls {
            return speak(detection, stream, peer, gateway, drain).await;
        }
        match Box::pin(unwrap(stream, &shared, &drain)).await? {
            Some((detection, stream)) => speak(detection, stream, peer, gateway, drain).await,
            None => Ok(()),
        }
    };
    let ended: io::Result<()> = served.await;
    if let Err(error) = ended {
        if matches!(
            error.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::TimedOut
        ) {
            add(&shared.metrics.rejected);
        }
        tracing::debug!(%error, %client, "connection");
    }
}

/// Takes the handshake of TLS, and finds out what is spoken inside.
async fn unwrap<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    shared: &Shared,
    drain: &watch::Receiver<bool>,
) -> io::Result<Option<(Detection, Rewind<TlsStream<S>>)>> {
    let acceptor = TlsAcceptor::from(shared.state().tls.server());
    let stream = timeout(limits::TLS_TIMEOUT, acceptor.accept(stream)).await??;
    add(&shared.metrics.tls_handshakes);
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return Ok(Some((Detection::H2, Rewind::new(Bytes::new(), stream))));
    }
    peek(stream, drain).await
}

/// Reads until the protocol is known, and puts the bytes back; `None` when there were none.
///
/// A drain waits a little for the first bytes: a connection that was accepted is one that its client
/// counts on.
async fn peek<S: AsyncRead + Unpin>(
    mut stream: S,
    drain: &watch::Receiver<bool>,
) -> io::Result<Option<(Detection, Rewind<S>)>> {
    let mut read = BytesMut::with_capacity(FIRST_READ);
    let mut drain = drain.clone();
    let mut found = pin!(timeout(limits::DETECT_TIMEOUT, async {
        loop {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok::<_, io::Error>(None);
            }
            match detect(&read) {
                Detection::NeedMore => {}
                detection => return Ok(Some(detection)),
            }
        }
    }));
    let found = tokio::select! {
        found = found.as_mut() => found??,
        () = drained(&mut drain) => {
            match Box::pin(timeout(limits::LAST_BYTES_TIMEOUT, found)).await {
                Ok(found) => found??,
                Err(_) => None,
            }
        }
    };
    let front = Bytes::from(read);
    Ok(found.map(|detection| (detection, Rewind::new(front, stream))))
}

/// Ends when the gateway drains.
async fn drained(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|&drain| drain).await.is_ok();
}

fn speak<S>(
    detection: Detection,
    stream: S,
    peer: Peer,
    gateway: Gateway,
    drain: watch::Receiver<bool>,
) -> Phase<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match detection {
        Detection::Http1 => speak_http1(stream, peer, gateway, drain),
        Detection::H2 => speak_http2(stream, peer, gateway, drain),
        Detection::Tls | Detection::Unknown | Detection::NeedMore => {
            let error = io::Error::new(io::ErrorKind::InvalidData, "neither HTTP nor TLS");
            Box::pin(std::future::ready(Err(error)))
        }
    }
}

fn speak_http1<S>(
    stream: S,
    peer: Peer,
    gateway: Gateway,
    mut drain: watch::Receiver<bool>,
) -> Phase<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (stream, requests) = Guard::new(stream);
    let of_service = Arc::clone(&requests);
    let service = service_fn(move |request| {
        let (gateway, requests, peer) = (gateway.clone(), Arc::clone(&of_service), peer.clone());
        // In a box, because hyper moves the future about and keeps its room between requests.
        Box::pin(async move {
            let response = match requests.begin() {
                None => gateway.handle(request, peer).await,
                Some(refusal) => gateway.refuse(refusal, &peer),
            };
            requests.answered(response.status() == StatusCode::SWITCHING_PROTOCOLS);
            Ok::<_, Infallible>(response)
        })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIMEOUT)
        .max_headers(limits::MAX_HEADERS)
        .max_header_size(limits::MAX_HEAD)
        .half_close(true)
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    Box::pin(async move {
        tokio::select! {
            ended = connection.as_mut() => ended.map_err(io::Error::other),
            () = drained(&mut drain) => {
                // hyper would close a connection whose first head is not complete, and its client has
                // begun to ask.
                let first = poll_fn(|cx| match connection.as_mut().poll(cx) {
                    Poll::Pending if requests.has_begun() => Poll::Ready(None),
                    polled => polled.map(Some),
                });
                let first = Box::pin(timeout(limits::LAST_BYTES_TIMEOUT, first));
                if let Ok(Some(ended)) = first.await {
                    return ended.map_err(io::Error::other);
                }
                connection.as_mut().graceful_shutdown();
                connection.await.map_err(io::Error::other)
            }
        }
    })
}

fn speak_http2<S>(
    stream: S,
    peer: Peer,
    gateway: Gateway,
    mut drain: watch::Receiver<bool>,
) -> Phase<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let (gateway, peer) = (gateway.clone(), peer.clone());
        async move { Ok::<_, Infallible>(gateway.handle(request, peer).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits::MAX_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(limits::HEAD_TIMEOUT)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = Box::pin(connection);
    Box::pin(async move {
        tokio::select! {
            ended = connection.as_mut() => ended.map_err(io::Error::other),
            () = drained(&mut drain) => {
                connection.as_mut().graceful_shutdown();
                connection.await.map_err(io::Error::other)
            }
        }
    })
}
