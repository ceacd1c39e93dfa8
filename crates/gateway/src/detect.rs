//! Which protocol a client speaks, from its first bytes.
//!
//! Every listener serves HTTP/1.1, HTTP/2 without TLS (prior knowledge) and TLS on one port. The
//! decision is pure; the loop that reads bytes and puts them back is in `connection.rs`.

/// The connection preface of HTTP/2 (RFC 9113, section 3.4).
pub const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes after which [`detect`] always decides.
pub const DETECT_MAX: usize = H2_PREFACE.len();

/// The content type of a TLS handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// What the first bytes of a connection say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detection {
    /// A request line of HTTP/1.
    Http1,
    /// The preface of HTTP/2.
    H2,
    /// A TLS handshake.
    Tls,
    /// The bytes so far allow more than one answer.
    NeedMore,
    /// Neither HTTP nor TLS.
    Unknown,
}

/// Decides from the first bytes of a connection.
///
/// Never answers [`Detection::NeedMore`] for [`DETECT_MAX`] bytes or more. A method is a token
/// (RFC 9110, section 9.1), so a first byte that is no token character is no HTTP. Empty lines
/// before the request line are allowed (RFC 9112, section 2.2).
#[must_use]
pub fn detect(bytes: &[u8]) -> Detection {
    match bytes.first() {
        None => Detection::NeedMore,
        Some(&TLS_HANDSHAKE) => match bytes.get(1) {
            None => Detection::NeedMore,
            Some(3) => Detection::Tls,
            Some(_) => Detection::Unknown,
        },
        Some(b'P') if H2_PREFACE.starts_with(bytes) => {
            if bytes.len() == H2_PREFACE.len() {
                Detection::H2
            } else {
                Detection::NeedMore
            }
        }
        Some(b'P') if bytes.starts_with(H2_PREFACE) => Detection::H2,
        Some(b'\r' | b'\n') => Detection::Http1,
        Some(&byte) if is_token(byte) => Detection::Http1,
        Some(_) => Detection::Unknown,
    }
}

/// Returns whether `byte` may stand in a token (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    // A table, because every byte of every header's name is asked for.
    static TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 128_u8 {
            table[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
            byte += 1;
        }
        table
    };
    TOKEN[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Detection) {
        assert_eq!(detect(bytes), expected, "{bytes:?}");
    }

    #[test]
    fn first_bytes_tell_the_protocol() {
        check(b"", Detection::NeedMore);
        check(b"G", Detection::Http1);
        check(b"POST /", Detection::Http1);
        check(b"PRI", Detection::NeedMore);
        check(b"PRI * HTTP/1.1\r\n", Detection::Http1);
        check(H2_PREFACE, Detection::H2);
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", Detection::H2);
        check(b"\x16", Detection::NeedMore);
        check(b"\x16\x03\x01", Detection::Tls);
        check(b"\x16\x02", Detection::Unknown);
        check(b"\x80\x2e", Detection::Unknown);
        check(b"\r\nGET", Detection::Http1);
        check(b"\0", Detection::Unknown);
    }

    proptest! {
        #[test]
        fn enough_bytes_always_decide(bytes in prop::collection::vec(any::<u8>(), DETECT_MAX..64)) {
            prop_assert_ne!(detect(&bytes), Detection::NeedMore);
        }

        #[test]
        fn more_bytes_never_change_a_decision(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let whole = detect(&bytes);
            for end in 0..bytes.len() {
                let part = detect(&bytes[..end]);
                prop_assert!(part == Detection::NeedMore || part == whole);
            }
        }
    }
}
