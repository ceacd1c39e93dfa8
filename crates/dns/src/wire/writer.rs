//! Writing messages.

use super::reply::Section;
use super::{CLASS_IN, Rcode, rtype};

/// Writes a message into a buffer that is used again and again.
#[derive(Debug)]
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// Starts a message with empty sections.
    pub fn start(out: &'b mut Vec<u8>, id: u16, flags: u16) -> Self {
        out.clear();
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&[0; 8]);
        Self { out }
    }

    /// Returns what is written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.out
    }

    /// Adds the question, as it was sent. It must come first.
    pub fn question(&mut self, question: &[u8]) {
        self.out[5] = 1;
        self.out.extend_from_slice(question);
    }

    /// Adds a record. `owner` is a name in wire form or a pointer to one.
    pub fn record(&mut self, section: Section, owner: &[u8], rtype: u16, ttl: u32, data: &[&[u8]]) {
        self.out.extend_from_slice(owner);
        self.out.extend_from_slice(&rtype.to_be_bytes());
        self.out.extend_from_slice(&CLASS_IN.to_be_bytes());
        self.out.extend_from_slice(&ttl.to_be_bytes());
        let length: usize = data.iter().map(|part| part.len()).sum();
        self.out.extend_from_slice(&(length as u16).to_be_bytes());
        for part in data {
            self.out.extend_from_slice(part);
        }
        self.count(section);
    }

    /// Adds answer and authority sections that are in wire form already. They must come right after
    /// the question, where their compression pointers expect them.
    pub fn sections(&mut self, body: &[u8], counts: [u16; 2]) {
        self.out.extend_from_slice(body);
        self.out[6..8].copy_from_slice(&counts[0].to_be_bytes());
        self.out[8..10].copy_from_slice(&counts[1].to_be_bytes());
    }

    /// Adds an OPT record (RFC 6891, section 6.1.2) with options already in wire form.
    pub fn opt(&mut self, payload: u16, rcode: Rcode, dnssec_ok: bool, options: &[&[u8]]) {
        self.out.push(0);
        self.out.extend_from_slice(&rtype::OPT.to_be_bytes());
        self.out.extend_from_slice(&payload.to_be_bytes());
        let high = (rcode.0 >> 4) as u8;
        let flags = if dnssec_ok { 0x80 } else { 0 };
        self.out.extend_from_slice(&[high, 0, flags, 0]);
        let length: usize = options.iter().map(|option| option.len()).sum();
        self.out.extend_from_slice(&(length as u16).to_be_bytes());
        for option in options {
            self.out.extend_from_slice(option);
        }
        self.count(Section::Additional);
    }

    fn count(&mut self, section: Section) {
        let at = match section {
            Section::Answer => 6,
            Section::Authority => 8,
            Section::Additional => 10,
        };
        let count = u16::from_be_bytes([self.out[at], self.out[at + 1]]).wrapping_add(1);
        self.out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
}
