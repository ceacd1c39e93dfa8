//! Bodies that are read here: requests to decide or to turn URLs back, responses to mint.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::body::{Body, BodyError};
use crate::limits;

/// A request body of which some may have been read.
pub(super) struct Buffered {
    read: Option<Bytes>,
    rest: Option<Incoming>,
    /// Why the rest will not come.
    pub(super) failed: Option<BodyError>,
}

impl Buffered {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self {
            read: None,
            rest: Some(incoming),
            failed: None,
        }
    }

    /// Reads the body up to the limit, and returns whether that was all.
    pub(super) async fn read(&mut self) -> bool {
        let limit = limits::MAX_REQUEST_BUFFER;
        let Some(rest) = &mut self.rest else {
            return true;
        };
        if self.read.is_some() || rest.size_hint().lower() > limit as u64 {
            return false;
        }
        let mut read = BytesMut::new();
        let whole = loop {
            let frame = tokio::time::timeout(limits::UPLOAD_IDLE_TIMEOUT, rest.frame()).await;
            match frame {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        read.extend_from_slice(&data);
                    }
                    if read.len() > limit {
                        break false;
                    }
                }
                Ok(None) => break true,
                Ok(Some(Err(error))) => {
                    self.failed = Some(error.into());
                    break false;
                }
                Err(_) => {
                    self.failed = Some(BodyError::Idle(limits::UPLOAD_IDLE_TIMEOUT));
                    break false;
                }
            }
        };
        self.read = Some(read.freeze());
        if whole {
            self.rest = None;
        }
        whole
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.read.as_deref().unwrap_or_default()
    }

    pub(super) fn was_read(&self) -> bool {
        self.read.is_some()
    }

    pub(super) fn replace(&mut self, bytes: Bytes) {
        self.read = Some(bytes);
    }

    pub(super) fn into_body(self) -> Body {
        match self.rest {
            Some(rest) => Body::prefixed(self.read, rest, limits::UPLOAD_IDLE_TIMEOUT),
            None => Body::from(self.read.unwrap_or_default()),
        }
    }
}

pub(super) enum Collected {
    Whole(Bytes),
    TooLong(Body),
}

/// Reads a body; one that is announced longer than `limit` is handed back untouched.
pub(super) async fn collect(body: Body, limit: usize) -> Result<Collected, BodyError> {
    if body.size_hint().lower() > limit as u64 {
        return Ok(Collected::TooLong(body));
    }
    let mut body = body;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            read.extend_from_slice(&data);
        }
        if read.len() > limit {
            return Ok(Collected::TooLong(body.after(read.freeze())));
        }
    }
    Ok(Collected::Whole(read.freeze()))
}
