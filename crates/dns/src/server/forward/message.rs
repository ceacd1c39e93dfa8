//! What is sent to upstreams, and the exchange over TCP.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::answer::MAX_DATAGRAM;
use crate::server::tcp::frame;
use crate::server::upstream::Upstream;
use crate::wire::{AD, CD, HEADER, Query, RD, Rcode, Reply, TC, Writer};

/// How long a TCP exchange with an upstream may take, with the wait for a slot.
pub(super) const TCP_LIMIT: Duration = Duration::from_secs(5);

/// The query for an upstream: the client's question and wishes, our own id and EDNS.
pub(super) fn upstream_query(query: &Query<'_>) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + query.question.len() + 11);
    let mut writer = Writer::start(&mut message, 0, query.flags & (RD | CD | AD));
    writer.question(query.question);
    let dnssec_ok = query.edns.is_some_and(|edns| edns.dnssec_ok);
    writer.opt(MAX_DATAGRAM as u16, Rcode::NOERROR, dnssec_ok, &[]);
    message
}

/// Takes the OPT record off a message made by [`upstream_query`].
pub(super) fn strip_edns(message: &mut Vec<u8>) {
    message.truncate(message.len().saturating_sub(11));
    if let Some(count) = message.get_mut(10..12) {
        count.fill(0);
    }
}

/// Asks over a connection of its own, as soon as one of `slots` is free.
pub(super) async fn over_tcp(
    upstream: &Upstream,
    message: &[u8],
    id: u16,
    slots: &Semaphore,
) -> Option<Vec<u8>> {
    let exchange = async {
        let _slot = slots.acquire().await.map_err(io::Error::other)?;
        let mut stream = TcpStream::connect(upstream.addr).await?;
        let mut framed = Vec::with_capacity(message.len() + 2);
        frame(message, &mut framed);
        if let Some(at) = framed.get_mut(2..4) {
            at.copy_from_slice(&id.to_be_bytes());
        }
        stream.write_all(&framed).await?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).await?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut reply).await?;
        io::Result::Ok(reply)
    };
    let reply = timeout(TCP_LIMIT, exchange).await.ok()?.ok()?;
    let read = Reply::read(&reply)?;
    let question = message.get(HEADER..HEADER + read.question.len())?;
    (read.id == id && read.asks(question) && read.flags & TC == 0).then_some(reply)
}
