//! One connection: find out what the client speaks, then let hyper frame it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

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

use crate::detect::{DETECT_MAX, Detection, detect};
use crate::guard::Guard;
use crate::limits;
use crate::metrics::{Counted, add};
use crate::proxy::{Gateway, Peer};
use crate::rewind::Rewind;
use crate::shared::Shared;

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
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "set TCP_NODELAY");
    }
    let served = async {
        let Some((detection, stream)) = peek(stream, &drain).await? else {
            return Ok(());
        };
        let peer = Peer { client, tls: false };
        match detection {
            Detection::Tls => {
                let acceptor = TlsAcceptor::from(shared.state().tls.server());
                let stream = timeout(limits::TLS_TIMEOUT, acceptor.accept(stream)).await??;
                add(&shared.metrics.tls_handshakes);
                let peer = Peer { client, tls: true };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    return speak(Detection::H2, stream, peer, gateway, drain).await;
                }
                match peek(stream, &drain).await? {
                    Some((detection, stream)) => {
                        speak(detection, stream, peer, gateway, drain).await
                    }
                    None => Ok(()),
                }
            }
            detection => speak(detection, stream, peer, gateway, drain).await,
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

/// Reads until the protocol is known, and puts the bytes back; `None` when there were none.
async fn peek<S: AsyncRead + Unpin>(
    mut stream: S,
    drain: &watch::Receiver<bool>,
) -> io::Result<Option<(Detection, Rewind<S>)>> {
    let mut read = BytesMut::with_capacity(DETECT_MAX);
    let mut drain = drain.clone();
    let found = timeout(limits::DETECT_TIMEOUT, async {
        loop {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok::<_, io::Error>(None);
            }
            match detect(&read) {
                Detection::NeedMore => {}
                detection => return Ok(Some(detection)),
            }
        }
    });
    let found = tokio::select! {
        found = found => found??,
        () = drained(&mut drain) => None,
    };
    let front = Bytes::from(read);
    Ok(found.map(|detection| (detection, Rewind::new(front, stream))))
}

/// Ends when the gateway drains.
async fn drained(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|&drain| drain).await.is_ok();
}

async fn speak<S>(
    detection: Detection,
    stream: S,
    peer: Peer,
    gateway: Gateway,
    mut drain: watch::Receiver<bool>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match detection {
        Detection::Http1 => {
            let (stream, requests) = Guard::new(stream);
            let service = service_fn(move |request| {
                let (gateway, requests) = (gateway.clone(), Arc::clone(&requests));
                async move {
                    let response = match requests.begin() {
                        None => gateway.handle(request, peer).await,
                        Some(refusal) => gateway.refuse(refusal, peer),
                    };
                    requests.answered(response.status() == StatusCode::SWITCHING_PROTOCOLS);
                    Ok::<_, Infallible>(response)
                }
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
            let mut connection = pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => ended.map_err(io::Error::other),
                () = drained(&mut drain) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await.map_err(io::Error::other)
                }
            }
        }
        Detection::H2 => {
            let service = service_fn(move |request| {
                let gateway = gateway.clone();
                async move { Ok::<_, Infallible>(gateway.handle(request, peer).await) }
            });
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(limits::MAX_STREAMS)
                .max_header_list_size(u32::try_from(limits::MAX_HEAD).unwrap_or(u32::MAX))
                .keep_alive_interval(limits::HEAD_TIMEOUT)
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service);
            let mut connection = pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => ended.map_err(io::Error::other),
                () = drained(&mut drain) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await.map_err(io::Error::other)
                }
            }
        }
        Detection::Tls | Detection::Unknown | Detection::NeedMore => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "neither HTTP nor TLS",
        )),
    }
}
