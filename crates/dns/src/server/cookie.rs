//! DNS cookies (RFC 7873), made in the shape of RFC 9018.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::answer::Cookie;

/// How old a cookie of ours may be, in seconds (RFC 9018, section 4.3).
const MAX_AGE: u32 = 3600;
/// How far ahead its clock may be, in seconds (RFC 9018, section 4.3).
const MAX_AHEAD: u32 = 300;

/// Makes and checks cookies with keys that last as long as the process.
pub(crate) struct Cookies {
    keys: RandomState,
}

impl Cookies {
    pub(crate) fn new() -> Self {
        Self {
            keys: RandomState::new(),
        }
    }

    /// Returns the cookie to send back for the content of a cookie option, and whether the client
    /// proved its address with an earlier one.
    pub(crate) fn reply(&self, content: &[u8], client: IpAddr) -> Option<(Cookie, bool)> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs() as u32);
        let (theirs, ours) = content.split_first_chunk::<8>()?;
        let proved = <&[u8; 16]>::try_from(ours).is_ok_and(|ours| {
            let at = u32::from_be_bytes([ours[4], ours[5], ours[6], ours[7]]);
            let age = now.wrapping_sub(at) as i32;
            (-(MAX_AHEAD as i32)..=MAX_AGE as i32).contains(&age)
                && *ours == self.make(theirs, at, client)
        });
        let mut cookie = [0; 24];
        cookie[..8].copy_from_slice(theirs);
        cookie[8..].copy_from_slice(&self.make(theirs, now, client));
        Some((cookie, proved))
    }

    /// Version 1, three reserved bytes, the time, and a keyed hash over all of it and the address.
    fn make(&self, theirs: &[u8; 8], at: u32, client: IpAddr) -> [u8; 16] {
        let mut cookie = [0; 16];
        cookie[0] = 1;
        cookie[4..8].copy_from_slice(&at.to_be_bytes());
        let mut hasher = self.keys.build_hasher();
        hasher.write(theirs);
        hasher.write(&cookie[..8]);
        match client.to_canonical() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        cookie[8..].copy_from_slice(&hasher.finish().to_be_bytes());
        cookie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_proves_the_address_it_was_made_for() {
        let cookies = Cookies::new();
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let (first, proved) = cookies.reply(b"12345678", client).unwrap();
        assert!(!proved);
        assert!(cookies.reply(&first, client).unwrap().1);
        assert!(
            !cookies
                .reply(&first, "192.0.2.2".parse().unwrap())
                .unwrap()
                .1
        );
        let mut forged = first;
        forged[23] ^= 1;
        assert!(!cookies.reply(&forged, client).unwrap().1);
        let old = cookies.make(b"12345678", 0, client);
        assert!(
            !cookies
                .reply(&[&b"12345678"[..], &old].concat(), client)
                .unwrap()
                .1
        );
        assert!(cookies.reply(b"short", client).is_none());
    }
}
