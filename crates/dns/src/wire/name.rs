//! Domain names: in wire form, in text, and as messages compress them.

use std::fmt;

/// Longest name in wire form, with the root label (RFC 1035, section 2.3.4).
pub const MAX_NAME: usize = 255;

/// A name in wire form, uncompressed, with where its labels start.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; MAX_NAME],
    len: u8,
    /// Bit n is set when a label starts at byte n.
    starts: [u64; 4],
}

impl Name {
    /// The root.
    pub const ROOT: Self = Self {
        bytes: [0; MAX_NAME],
        len: 1,
        starts: [1, 0, 0, 0],
    };

    /// Reads an uncompressed name at the start of `wire`, as a question has it. `None` when it is
    /// cut short, too long, or holds anything but plain labels.
    #[must_use]
    #[inline]
    pub fn read(wire: &[u8]) -> Option<Self> {
        let mut starts = [0u64; 4];
        let mut at = 0usize;
        loop {
            let label = usize::from(*wire.get(at)?);
            // Compression has nothing to point to in a question, and 0x40 and 0x80 are reserved.
            if label > 63 || at + 1 + label > MAX_NAME {
                return None;
            }
            starts[at >> 6] |= 1 << (at & 63);
            at += 1 + label;
            if label == 0 {
                break;
            }
        }
        let mut bytes = [0; MAX_NAME];
        bytes[..at].copy_from_slice(wire.get(..at)?);
        Some(Self {
            bytes,
            len: at as u8,
            starts,
        })
    }

    /// Reads a name in text form. A final dot may be left out; `\.` and `\065` are understood.
    /// `None` for empty labels, labels over 63 bytes and names over 255.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        if text != "." && !text.is_empty() {
            let mut start = 0;
            wire.push(0);
            let mut bytes = text.strip_suffix('.').unwrap_or(text).bytes();
            while let Some(byte) = bytes.next() {
                let byte = match byte {
                    b'.' => {
                        start = close_label(&mut wire, start)?;
                        continue;
                    }
                    b'\\' => match bytes.next()? {
                        digit @ b'0'..=b'9' => {
                            let rest = [bytes.next()?, bytes.next()?];
                            let digits = [digit, rest[0], rest[1]];
                            std::str::from_utf8(&digits).ok()?.parse().ok()?
                        }
                        other => other,
                    },
                    other => other,
                };
                wire.push(byte);
            }
            close_label(&mut wire, start)?;
        } else {
            wire.push(0);
        }
        Self::read(&wire)
    }

    /// Returns the wire form.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Returns the name in lower case. Only ASCII letters change (RFC 4343).
    #[must_use]
    pub fn to_lowercase(mut self) -> Self {
        self.make_lowercase();
        self
    }

    /// Puts the name in lower case where it is, which saves copying it.
    pub fn make_lowercase(&mut self) {
        // Lengths of labels are at most 63 and so below every letter.
        self.bytes[..usize::from(self.len)].make_ascii_lowercase();
    }

    /// Returns whether `self` is `apex` or below it, byte for byte.
    #[must_use]
    pub fn is_within(&self, apex: &Self) -> bool {
        let Some(at) = usize::from(self.len).checked_sub(usize::from(apex.len)) else {
            return false;
        };
        self.starts[at >> 6] >> (at & 63) & 1 == 1
            && self.bytes[at..usize::from(self.len)] == *apex.as_wire()
    }

    /// Iterates over the labels, leftmost first, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_wire();
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first()?;
            if length == 0 {
                return None;
            }
            let (label, tail) = tail.split_at_checked(usize::from(length))?;
            rest = tail;
            Some(label)
        })
    }

    /// Returns the name with one more label in front; `None` when it gets too long.
    #[must_use]
    pub fn below(label: &str, parent: &Self) -> Option<Self> {
        let mut wire = vec![u8::try_from(label.len()).ok()?];
        wire.extend_from_slice(label.as_bytes());
        wire.extend_from_slice(parent.as_wire());
        Self::read(&wire)
    }
}

/// Writes the length of the label that began at `start` and opens the next one.
fn close_label(wire: &mut Vec<u8>, start: usize) -> Option<usize> {
    let length = wire.len() - start - 1;
    if length == 0 || length > 63 {
        return None;
    }
    wire[start] = length as u8;
    wire.push(0);
    Some(wire.len() - 1)
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_wire() == other.as_wire()
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Prints the text form with the final dot (RFC 1035, section 5.1).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == 1 {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", byte as char)?,
                    0x21..=0x7e => write!(f, "{}", byte as char)?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

/// Returns the number of bytes of the name at the start of `wire`, compressed or not, without
/// following pointers.
#[must_use]
pub fn skip_name(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *wire.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0..=0xff => return (at + 1 < wire.len()).then_some(at + 2),
            _ => return None,
        }
    }
}

/// Reads the name at `at`, following compression. Every pointer must point before the name it
/// ends, so the walk ends.
#[must_use]
pub fn expand_name(message: &[u8], mut at: usize) -> Option<Name> {
    let mut wire = Vec::with_capacity(64);
    let mut limit = at;
    loop {
        match *message.get(at)? {
            0 => {
                wire.push(0);
                return Name::read(&wire);
            }
            length @ 1..=63 => {
                let end = at + 1 + usize::from(length);
                wire.extend_from_slice(message.get(at..end)?);
                if wire.len() >= MAX_NAME {
                    return None;
                }
                at = end;
            }
            high @ 0xc0..=0xff => {
                let target = usize::from(high & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                if target >= limit {
                    return None;
                }
                (at, limit) = (target, target);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        for (text, printed) in [
            (".", "."),
            ("a.b", "a.b."),
            ("A.b.", "A.b."),
            (r"a\.b.c", r"a\.b.c."),
            (r"a\032b", r"a\032b."),
        ] {
            assert_eq!(Name::parse(text).unwrap().to_string(), printed);
        }
        let long = "a".repeat(64);
        for text in [
            "a..b",
            ".a",
            long.as_str(),
            &format!("{}e", "abc.".repeat(64)),
            r"a\25",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_zone_ends_at_a_label_boundary() {
        let within = |name: &str, apex: &str| {
            Name::parse(name)
                .unwrap()
                .is_within(&Name::parse(apex).unwrap())
        };
        assert!(within(
            "localhost.localstack.cloud",
            "localhost.localstack.cloud"
        ));
        assert!(within(
            "a.b.localhost.localstack.cloud",
            "localhost.localstack.cloud"
        ));
        assert!(!within(
            "notlocalhost.localstack.cloud",
            "localhost.localstack.cloud"
        ));
        assert!(!within("localstack.cloud", "localhost.localstack.cloud"));
        // The bytes of `\001b` inside a label look like the label `b`.
        assert!(!within(r"a\001b", "b"));
        assert!(within("anything", "."));
    }

    #[test]
    fn compression_is_followed_backwards_only() {
        let mut message = vec![0; 12];
        message.extend_from_slice(b"\x01b\0\x01a\xc0\x0c\xc0\x13");
        assert_eq!(expand_name(&message, 15).unwrap().to_string(), "a.b.");
        assert_eq!(expand_name(&message, 19), None, "it points to itself");
        assert_eq!(expand_name(&message, 99), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_expanded_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for at in 0..bytes.len() {
                let _ = expand_name(&bytes, at);
            }
        }

        #[test]
        fn a_name_survives_printing(labels in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 1..20), 0..8)) {
            let mut wire = Vec::new();
            for label in &labels {
                wire.push(label.len() as u8);
                wire.extend_from_slice(label);
            }
            wire.push(0);
            let name = Name::read(&wire).unwrap();
            prop_assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
    }
}
