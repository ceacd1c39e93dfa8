//! The bodies that pass through: streams from the other side, or bytes of our own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The other side broke off.
    #[error("the body broke off: {}", cause(.0))]
    Broken(#[from] hyper::Error),
    /// The client broke off, as [`BodyError::Broken`] says for whoever reads the body.
    #[error("the body broke off: {0}")]
    Client(String),
    /// Nothing came for too long.
    #[error("no data for {} seconds", .0.as_secs())]
    Idle(Duration),
    /// The upstream answered without asking for the body.
    #[error("the body is not wanted")]
    Unwanted,
}

impl BodyError {
    /// Tells a request body that did not come from an upstream that did not answer.
    pub(crate) fn of_request(error: &hyper::Error) -> Option<Self> {
        let fault = std::error::Error::source(error)?.downcast_ref::<Self>()?;
        Some(match fault {
            Self::Broken(error) => Self::Client(cause(error)),
            Self::Idle(limit) => Self::Idle(*limit),
            Self::Client(cause) => Self::Client(cause.clone()),
            Self::Unwanted => return None,
        })
    }
}

/// The innermost cause, which is the one that names what is wrong with the bytes.
fn cause(error: &hyper::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Called once with a stream that came to its end, not with one that broke off.
pub(crate) type OnEnd = Box<dyn FnOnce() + Send>;

/// A request or response body.
#[derive(Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes of our own.
    Full(Bytes),
    /// What the other side sends, as it comes.
    Stream(Box<Stream>),
}

/// A body that the other side sends.
pub struct Stream {
    prefix: Option<Bytes>,
    inner: Incoming,
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    gate: Option<Arc<Gate>>,
    on_end: Option<OnEnd>,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Full(_) => "Full",
            Self::Stream(_) => "Stream",
        })
    }
}

impl Body {
    /// Streams `inner`, and fails when nothing comes for `limit`.
    pub(crate) fn stream(inner: Incoming, limit: Duration) -> Self {
        Self::prefixed(None, inner, limit)
    }

    /// Streams `prefix`, which was read already, and then `inner`.
    pub(crate) fn prefixed(prefix: Option<Bytes>, inner: Incoming, limit: Duration) -> Self {
        if prefix.is_none() && inner.is_end_stream() {
            return Self::Empty;
        }
        Self::Stream(Box::new(Stream {
            prefix: prefix.filter(|p| !p.is_empty()),
            inner,
            limit,
            sleep: None,
            gate: None,
            on_end: None,
        }))
    }

    /// Holds the body back until `gate` opens.
    pub(crate) fn behind(mut self, gate: Arc<Gate>) -> Self {
        if let Self::Stream(stream) = &mut self {
            stream.gate = Some(gate);
        }
        self
    }

    /// Puts `bytes`, which were read from it, back in front.
    pub(crate) fn after(mut self, bytes: Bytes) -> Self {
        match &mut self {
            Self::Stream(stream) => {
                stream.prefix = Some(bytes);
                self
            }
            _ => Self::from(bytes),
        }
    }

    /// Calls `on_end` when the body has come to its end.
    pub(crate) fn when_done(mut self, on_end: OnEnd) -> Self {
        match &mut self {
            Self::Stream(stream) => stream.on_end = Some(on_end),
            _ => on_end(),
        }
        self
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::Empty
        } else {
            Self::Full(bytes)
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            body @ Self::Full(_) => {
                let Self::Full(bytes) = std::mem::take(body) else {
                    return Poll::Ready(None);
                };
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(stream) => stream.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(_) => false,
            Self::Stream(stream) => stream.prefix.is_none() && stream.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(stream) => {
                let read = stream.prefix.as_ref().map_or(0, |p| p.len() as u64);
                match stream.inner.size_hint().exact() {
                    Some(rest) => SizeHint::with_exact(read.saturating_add(rest)),
                    None => SizeHint::default(),
                }
            }
        }
    }
}

impl Stream {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(gate) = &self.gate {
            match gate.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => return Poll::Ready(Some(Err(BodyError::Unwanted))),
                Poll::Ready(true) => self.gate = None,
            }
        }
        if let Some(prefix) = self.prefix.take() {
            return Poll::Ready(Some(Ok(Frame::data(prefix))));
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(sleep) = &mut self.sleep {
                    sleep.as_mut().reset(Instant::now() + self.limit);
                }
                if self.inner.is_end_stream() {
                    self.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let limit = self.limit;
                let sleep = self
                    .sleep
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
                match sleep.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Idle(limit)))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn end(&mut self) {
        if let Some(on_end) = self.on_end.take() {
            on_end();
        }
    }
}

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const REFUSED: u8 = 2;

/// Holds a request body back until the upstream asks for it with `100 Continue`.
///
/// hyper answers `Expect: 100-continue` when the body is first polled, so that our client hears 100
/// when the upstream has said it, and never when the upstream answers at once.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: AtomicU8,
    waker: std::sync::Mutex<Option<Waker>>,
}

impl Gate {
    /// Lets the body through.
    pub(crate) fn open(&self) {
        self.set(OPEN);
    }

    /// Ends the body with an error, unless the gate is open.
    pub(crate) fn refuse(&self) {
        self.set(REFUSED);
    }

    fn set(&self, state: u8) {
        let changed =
            self.state
                .compare_exchange(CLOSED, state, Ordering::AcqRel, Ordering::Acquire);
        if changed.is_ok()
            && let Ok(mut waker) = self.waker.lock()
            && let Some(waker) = waker.take()
        {
            waker.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<bool> {
        let ready = || match self.state.load(Ordering::Acquire) {
            OPEN => Poll::Ready(true),
            REFUSED => Poll::Ready(false),
            _ => Poll::Pending,
        };
        if ready().is_pending()
            && let Ok(mut waker) = self.waker.lock()
        {
            *waker = Some(cx.waker().clone());
        }
        ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_opens_or_refuses_once() {
        let cx = Context::from_waker(Waker::noop());
        let gate = Gate::default();
        assert_eq!(gate.poll(&cx), Poll::Pending);
        gate.open();
        gate.refuse();
        assert_eq!(gate.poll(&cx), Poll::Ready(true));
        let gate = Gate::default();
        gate.refuse();
        gate.open();
        assert_eq!(gate.poll(&cx), Poll::Ready(false));
    }
}
