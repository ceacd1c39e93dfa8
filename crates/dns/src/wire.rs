//! The DNS message format (RFC 1035, section 4): reading queries, walking replies, writing answers.
//!
//! Reading a query and writing an answer allocates nothing beyond the caller's buffer; that is why
//! the crate has its own few hundred lines instead of a general message library. Nothing here
//! decides anything.

mod name;
mod query;
mod reply;
mod writer;

use std::fmt;

pub use name::{MAX_NAME, Name, expand_name, skip_name};
pub use query::{Edns, Query, Unreadable, read_query};
pub use reply::{Malformed, Record, Reply, Section};
pub use writer::Writer;

/// Length of the fixed header (RFC 1035, section 4.1.1).
pub const HEADER: usize = 12;

/// Header flag: this is a reply.
pub const QR: u16 = 0x8000;
/// Header flag: authoritative answer.
pub const AA: u16 = 0x0400;
/// Header flag: truncated.
pub const TC: u16 = 0x0200;
/// Header flag: recursion desired.
pub const RD: u16 = 0x0100;
/// Header flag: recursion available.
pub const RA: u16 = 0x0080;
/// Header flag: authentic data (RFC 4035).
pub const AD: u16 = 0x0020;
/// Header flag: checking disabled (RFC 4035).
pub const CD: u16 = 0x0010;

/// Types of records that the server itself treats.
pub mod rtype {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Name server.
    pub const NS: u16 = 2;
    /// Alias.
    pub const CNAME: u16 = 5;
    /// Start of authority.
    pub const SOA: u16 = 6;
    /// Host information, the filler of RFC 8482.
    pub const HINFO: u16 = 13;
    /// Pointer.
    pub const PTR: u16 = 12;
    /// Mail exchange.
    pub const MX: u16 = 15;
    /// Text.
    pub const TXT: u16 = 16;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// Service location.
    pub const SRV: u16 = 33;
    /// EDNS (RFC 6891).
    pub const OPT: u16 = 41;
    /// Transfers and mail groups, 249 to 254, are no data.
    pub const FIRST_META: u16 = 249;
    /// Any type (RFC 8482).
    pub const ANY: u16 = 255;
}

/// Class IN.
pub const CLASS_IN: u16 = 1;
/// Class CH.
pub const CLASS_CH: u16 = 3;
/// Class ANY.
pub const CLASS_ANY: u16 = 255;

/// Response codes; those above 15 need EDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NOERROR: Self = Self(0);
    /// The query cannot be read.
    pub const FORMERR: Self = Self(1);
    /// The server failed.
    pub const SERVFAIL: Self = Self(2);
    /// The name does not exist.
    pub const NXDOMAIN: Self = Self(3);
    /// Not implemented.
    pub const NOTIMP: Self = Self(4);
    /// The server will not.
    pub const REFUSED: Self = Self(5);
    /// EDNS version not supported (RFC 6891).
    pub const BADVERS: Self = Self(16);
    /// Server cookie missing or not ours (RFC 7873).
    pub const BADCOOKIE: Self = Self(23);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            16 => "BADVERS",
            23 => "BADCOOKIE",
            other => return write!(f, "RCODE{other}"),
        };
        f.write_str(text)
    }
}

const fn opcode(flags: u16) -> u8 {
    ((flags >> 11) & 0xf) as u8
}

/// Option code of cookies (RFC 7873).
pub(crate) const OPTION_COOKIE: u16 = 10;
/// Option code of extended errors (RFC 8914).
pub(crate) const OPTION_EDE: u16 = 15;

/// A pointer to the question's name, which always stands right after the header.
pub const QUESTION_NAME: [u8; 2] = [0xc0, HEADER as u8];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_query(&bytes);
            if let Some(reply) = Reply::read(&bytes) {
                reply.records().for_each(drop);
            }
        }
    }
}
