//! What stands between the socket and hyper for HTTP/1: only sound framing passes.
//!
//! ```text
//! socket -> Guard (head.rs, chunks.rs) -> hyper -> Requests::begin -> Gateway
//! ```
//!
//! hyper repairs what it may: of a request with two framings it keeps one, and drops the other
//! where no service sees it. Here such bytes are refused before hyper reads them (RFC 9112,
//! section 11.2). A head is held until it is whole. In place of an unsound one hyper gets
//! [`STAND_IN`], so that the refusal comes in its turn behind the answers to earlier requests.

mod chunks;
mod head;
mod refusal;

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use self::chunks::ChunkReader;
use self::head::{Framing, HeadReader};
pub(crate) use self::refusal::Refusal;
use crate::limits;

/// The request that hyper sees in place of one that is refused.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";

/// Bytes that are read at once while a head is incomplete.
const READ: usize = 4096;

/// What the guard and the service of one connection tell each other.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// Heads that were passed on.
    passed: AtomicU32,
    begun: AtomicU32,
    answered: AtomicU32,
    refusal: OnceLock<Refusal>,
    /// Bytes are of another protocol from now on.
    upgraded: AtomicBool,
    waits: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Requests {
    /// Begins with the next request; a refusal is its only answer.
    pub(crate) fn begin(&self) -> Option<Refusal> {
        let begun = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        // The stand-in is the last request of its connection.
        let last = begun == self.passed.load(Ordering::Acquire);
        self.refusal.get().copied().filter(|_| last)
    }

    /// Returns whether there was a request at all.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire) > 0
    }

    /// Ends with the head of the answer; with `upgraded` what follows is no HTTP.
    pub(crate) fn answered(&self, upgraded: bool) {
        if upgraded {
            self.upgraded.store(true, Ordering::Release);
        }
        self.answered.fetch_add(1, Ordering::AcqRel);
        if self.waits.swap(false, Ordering::AcqRel) {
            let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(waker) = waker.take() {
                waker.wake();
            }
        }
    }

    /// Waits for the answers to all requests that were passed on.
    fn poll_answered(&self, cx: &Context<'_>) -> Poll<()> {
        let passed = self.passed.load(Ordering::Acquire);
        let done = || self.answered.load(Ordering::Acquire) == passed;
        if done() {
            return Poll::Ready(());
        }
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.waits.store(true, Ordering::Release);
        if done() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Where the bytes of a client stand.
enum Place {
    /// In a head, or before one.
    Head(HeadReader),
    /// In a body of known length.
    Body(u64),
    /// In a chunked body.
    Chunks(ChunkReader),
    /// Behind a request that asks for another protocol, until that is decided.
    Undecided,
    /// HTTP has ended: nothing else is read.
    Refused,
    /// Bytes pass unread.
    Upgraded,
}

/// Why the guard stopped looking at bytes.
enum Stop {
    /// All were looked at.
    End,
    /// The rest is an incomplete head, or waits for a decision.
    Hold,
    /// The rest is no sound head.
    Refuse(Refusal),
    /// The rest is no sound body.
    Break(Refusal),
}

/// A stream of which only sound HTTP/1 requests are read.
pub(crate) struct Guard<S> {
    stream: S,
    place: Place,
    /// Bytes that were read and not yet passed on; looked at up to `passable`.
    held: BytesMut,
    passable: usize,
    broken: Option<Refusal>,
    after_upgrade: bool,
    requests: Arc<Requests>,
    closing: Option<Closing>,
}

/// Reads on for a moment after the last answer, because closing with unread bytes resets the
/// connection and takes the answer away from the client (RFC 9112, section 9.6).
struct Closing {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> Guard<S> {
    pub(crate) fn new(stream: S) -> (Self, Arc<Requests>) {
        let requests = Arc::new(Requests::default());
        let guard = Self {
            stream,
            place: Place::Head(HeadReader::default()),
            held: BytesMut::new(),
            passable: 0,
            broken: None,
            after_upgrade: false,
            requests: Arc::clone(&requests),
            closing: None,
        };
        (guard, requests)
    }

    /// Looks at bytes that follow those seen so far, and returns how many may pass, and why not more.
    fn look(&mut self, bytes: &[u8]) -> (usize, Stop) {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match &mut self.place {
                Place::Refused => return (at, Stop::Hold),
                Place::Upgraded => return (bytes.len(), Stop::End),
                _ if rest.is_empty() => return (at, Stop::End),
                Place::Undecided => return (at, Stop::Hold),
                Place::Head(reader) => match reader.read(rest) {
                    Ok(None) => return (at, Stop::Hold),
                    Ok(Some(head)) => {
                        at += head.len;
                        self.requests.passed.fetch_add(1, Ordering::AcqRel);
                        self.after_upgrade = head.upgrade;
                        self.place = match head.framing {
                            Framing::Length(0) => self.behind_request(),
                            Framing::Length(length) => Place::Body(length),
                            Framing::Chunked => Place::Chunks(ChunkReader::new()),
                        };
                    }
                    Err(refusal) => return (at, Stop::Refuse(refusal)),
                },
                Place::Body(left) => {
                    let here = (rest.len() as u64).min(*left);
                    *left -= here;
                    at += usize::try_from(here).unwrap_or(usize::MAX);
                    if *left == 0 {
                        self.place = self.behind_request();
                    }
                }
                Place::Chunks(reader) => match reader.read(rest) {
                    Ok(None) => return (bytes.len(), Stop::End),
                    Ok(Some(end)) => {
                        at += end;
                        self.place = self.behind_request();
                    }
                    Err(refusal) => return (at, Stop::Break(refusal)),
                },
            }
        }
    }

    fn behind_request(&self) -> Place {
        if self.after_upgrade {
            Place::Undecided
        } else {
            Place::Head(HeadReader::default())
        }
    }

    /// Acts on the end of a look; what was held from there on is the start of `held`.
    fn stop(&mut self, stop: Stop) {
        match stop {
            Stop::End | Stop::Hold => {}
            Stop::Refuse(refusal) => {
                let _ = self.requests.refusal.set(refusal);
                self.requests.passed.fetch_add(1, Ordering::AcqRel);
                self.held.truncate(self.passable);
                self.held.extend_from_slice(STAND_IN);
                self.passable = self.held.len();
                self.place = Place::Refused;
            }
            Stop::Break(refusal) => {
                self.held.truncate(self.passable);
                self.broken = Some(refusal);
                self.place = Place::Refused;
            }
        }
    }

    /// Whether the client may still be sending what nobody will read.
    fn is_in_request(&self) -> bool {
        match &self.place {
            Place::Head(_) | Place::Undecided => !self.held.is_empty(),
            Place::Body(_) | Place::Chunks(_) | Place::Refused => true,
            Place::Upgraded => false,
        }
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    fn poll_decision(&mut self, cx: &Context<'_>) -> Poll<()> {
        if matches!(self.place, Place::Undecided) {
            ready!(self.requests.poll_answered(cx));
            self.place = if self.requests.upgraded.load(Ordering::Acquire) {
                Place::Upgraded
            } else {
                Place::Head(HeadReader::default())
            };
            let held = std::mem::take(&mut self.held);
            let (passed, stop) = self.look(&held);
            (self.held, self.passable) = (held, passed);
            self.stop(stop);
        }
        Poll::Ready(())
    }

    /// Reads more of a head that is held, and looks at it.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = [0; READ];
        let mut read = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        let count = read.filled().len();
        self.held.extend_from_slice(read.filled());
        let held = std::mem::take(&mut self.held);
        let (passed, stop) = self.look(&held);
        (self.held, self.passable) = (held, passed);
        self.stop(stop);
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let guard = &mut *self;
        loop {
            if guard.passable > 0 {
                let n = guard.passable.min(buf.remaining());
                buf.put_slice(guard.held.get(..n).unwrap_or_default());
                guard.held.advance(n);
                guard.passable -= n;
                return Poll::Ready(Ok(()));
            }
            if let Some(refusal) = guard.broken {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)));
            }
            match guard.place {
                Place::Refused => return Poll::Ready(Ok(())),
                Place::Undecided => {
                    ready!(guard.poll_decision(cx));
                    continue;
                }
                _ if !guard.held.is_empty() => {
                    if ready!(guard.poll_held(cx))? == 0 {
                        // The client left in the middle of a head.
                        return Poll::Ready(Ok(()));
                    }
                    continue;
                }
                _ => {}
            }
            let start = buf.filled().len();
            ready!(Pin::new(&mut guard.stream).poll_read(cx, buf))?;
            let read = buf.filled().get(start..).unwrap_or_default();
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let (passed, stop) = guard.look(read);
            if passed < read.len() {
                guard
                    .held
                    .extend_from_slice(read.get(passed..).unwrap_or_default());
                buf.set_filled(start + passed);
            }
            guard.stop(stop);
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guard = &mut *self;
        if guard.closing.is_none() {
            ready!(Pin::new(&mut guard.stream).poll_shutdown(cx))?;
            if !guard.is_in_request() {
                return Poll::Ready(Ok(()));
            }
        }
        let closing = guard.closing.get_or_insert_with(|| Closing {
            until: Box::pin(tokio::time::sleep(limits::LINGER_TIMEOUT)),
            left: limits::LINGER_BYTES,
        });
        while closing.left > 0 && closing.until.as_mut().poll(cx).is_pending() {
            let mut buffer = [0; READ];
            let mut read = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut guard.stream).poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {
                    closing.left = closing.left.saturating_sub(read.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
