//! Why bytes are no request that may be passed on.

use http::StatusCode;

use crate::limits;

/// What is wrong with a request, worded for whoever sent it.
///
/// All of these have been read differently by two servers in a row, so that one request hid in
/// another (RFC 9112, section 11.2). None is repaired; the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// RFC 9112, section 2.2: a line ends with CR LF.
    #[error("a line ends without carriage return")]
    BareLineFeed,
    /// RFC 9112, section 2.2: a CR stands before LF only.
    #[error("a carriage return stands inside a line")]
    BareCarriageReturn,
    /// RFC 9112, section 3.
    #[error("the request line is not `METHOD TARGET HTTP/1.1`")]
    RequestLine,
    /// Another major version, or none.
    #[error("the version of HTTP is not served; 1.0, 1.1 and 2 are")]
    Version,
    /// RFC 9112, section 5.2.
    #[error("a header continues on a second line")]
    FoldedHeader,
    /// RFC 9112, section 5.1.
    #[error("whitespace stands between a header's name and its colon")]
    SpaceBeforeColon,
    /// RFC 9110, section 5.1.
    #[error("a header's name is empty or has a character that names cannot have")]
    HeaderName,
    /// RFC 9110, section 5.5.
    #[error("a header's value has a control character")]
    HeaderValue,
    /// RFC 9112, section 6.3.
    #[error("Content-Length is not one number")]
    ContentLength,
    /// RFC 9112, section 6.3.
    #[error("two Content-Length headers differ")]
    DifferentLengths,
    /// RFC 9112, section 6.1.
    #[error("both Content-Length and Transfer-Encoding are given")]
    TwoFramings,
    /// RFC 9112, section 6.1.
    #[error("Transfer-Encoding is not `chunked` once, as the last coding")]
    TransferEncoding,
    /// RFC 9112, section 6.1: a coding that is not understood.
    #[error("the codings of Transfer-Encoding besides `chunked` are not served")]
    TransferCoding,
    /// RFC 9112, section 6.1.
    #[error("HTTP/1.0 has no Transfer-Encoding")]
    TransferEncodingInHttp10,
    /// RFC 9112, section 7.1.
    #[error("the size of a chunk is not a hexadecimal number with at most 16 digits")]
    ChunkSize,
    /// RFC 9112, section 7.1.
    #[error("a chunk is longer than its size says")]
    ChunkEnd,
    /// Extensions and trailers without end.
    #[error(
        "the extensions or trailers of a chunked body are longer than {} bytes",
        limits::MAX_CHUNK_EXTRAS
    )]
    ChunkExtras,
    /// The limit of all headers together.
    #[error("the head is longer than {} bytes", limits::MAX_HEAD)]
    HeadTooLong,
    /// The limit on their number.
    #[error("there are more than {} headers", limits::MAX_HEADERS)]
    TooManyHeaders,
}

impl Refusal {
    /// Returns the status that answers the request.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::HeadTooLong | Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
