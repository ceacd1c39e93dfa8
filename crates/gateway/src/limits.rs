//! Limits and timeouts, each with its reason.

use std::time::Duration;

/// From accept to the bytes that tell the protocol. A client that opens a connection ahead of need
/// is cut after this, and opens another.
pub const DETECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The same once the gateway drains. Those who connect and ask at once have asked by then; those who
/// connect ahead of need open another connection.
pub const LAST_BYTES_TIMEOUT: Duration = Duration::from_secs(3);

/// For a TLS handshake, which is two round trips and one signature.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(10);

/// For the head of a request, from the end of the one before. Idle keep-alive connections of SDKs
/// live up to a minute; a head that trickles in ends here too.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Between two pieces of a request body.
pub const UPLOAD_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Between two pieces of a response body. Event streams may be silent for long.
pub const DOWNLOAD_IDLE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// For a connection to the upstream, unless `--connect-timeout` says otherwise. It is local or in the
/// same cluster.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// From the start of a request to the head of its response, unless `--response-timeout` says
/// otherwise. A synchronous Lambda invocation may take
/// 15 minutes; the upstream has the last word on its own limit.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 10);

/// How long an upstream may leave `Expect: 100-continue` unanswered before the body is sent anyway
/// (RFC 9110, section 10.1.1: no indefinite wait).
pub const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long an idle connection to an upstream is kept. Servers close after 5 seconds or more; a
/// connection found closed is replaced, so that long costs nothing.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(60);

/// Idle connections kept for each upstream and worker.
pub const UPSTREAM_IDLE_MAX: usize = 128;

/// How long a drain waits for requests in flight.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Headers of one message. AWS signs fewer than thirty; S3 metadata may add many.
pub const MAX_HEADERS: usize = 200;

/// Bytes of the head of one message: 64 KiB, four times what AWS accepts.
pub const MAX_HEAD: usize = 64 * 1024;

/// Bytes of the extensions and trailers of one chunked body. Nobody is known to send more than a
/// checksum there.
pub const MAX_CHUNK_EXTRAS: usize = 16 * 1024;

/// How long a connection is read after its last answer when the client has not sent all.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// How much is read then.
pub const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Streams at once on one HTTP/2 connection.
pub const MAX_STREAMS: u32 = 250;

/// Bytes of a request body that are read to decide or to turn URLs back: 1 MiB, the size of the
/// largest SQS request.
pub const MAX_REQUEST_BUFFER: usize = 1024 * 1024;

/// Bytes of a response that are read to mint its URLs. A list of 1000 queue URLs has 200 kB;
/// CloudFormation answers stay below 4 MiB.
pub const MAX_RESPONSE_BUFFER: usize = 4 * 1024 * 1024;
