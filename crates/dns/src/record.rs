//! Static records, and the small file format that holds them.
//!
//! One record a line: `NAME [TTL] TYPE DATA`, or `NAME ALIAS TARGET...`. `#` and `;` start a
//! comment. Types are A, AAAA, CNAME, MX, NS, PTR, SRV and TXT.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::wire::{Name, rtype};
use crate::zone::{AliasTarget, TTL, Zone};

/// The data of a record, ready for the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordData {
    /// The type.
    pub rtype: u16,
    /// Seconds for which resolvers may keep it.
    pub ttl: u32,
    /// The data, names uncompressed.
    pub data: Arc<[u8]>,
}

impl RecordData {
    /// An A record with the usual TTL.
    #[must_use]
    pub fn a(address: Ipv4Addr) -> Self {
        Self::new(rtype::A, &address.octets())
    }

    /// An AAAA record with the usual TTL.
    #[must_use]
    pub fn aaaa(address: Ipv6Addr) -> Self {
        Self::new(rtype::AAAA, &address.octets())
    }

    /// A CNAME record with the usual TTL.
    #[must_use]
    pub fn cname(target: &Name) -> Self {
        Self::new(rtype::CNAME, target.as_wire())
    }

    /// A TXT record with the usual TTL; texts over 255 bytes become several strings.
    #[must_use]
    pub fn txt(text: &str) -> Self {
        Self::new(rtype::TXT, &strings(text))
    }

    fn new(rtype: u16, data: &[u8]) -> Self {
        Self {
            rtype,
            ttl: TTL,
            data: data.into(),
        }
    }
}

/// Character strings of at most 255 bytes each (RFC 1035, section 3.3).
fn strings(text: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(text.len() + 1);
    if text.is_empty() {
        data.push(0);
    }
    for part in text.as_bytes().chunks(255) {
        data.push(part.len() as u8);
        data.extend_from_slice(part);
    }
    data
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct RecordError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: RecordProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordProblem {
    /// A name does not fit the limits of DNS.
    #[error("`{0}` is not a domain name")]
    Name(String),
    /// The type is none of those that are known.
    #[error("`{0}` is not a type known here")]
    Type(String),
    /// The data does not fit the type.
    #[error("data does not fit the type {0}")]
    Data(&'static str),
    /// The line ends early.
    #[error("line is not `NAME [TTL] TYPE DATA`")]
    Shape,
}

/// Adds the records and aliases of a file to a zone. Lines that are wrong are returned; the others
/// count.
pub fn read_records(text: &str, zone: &mut Zone) -> Vec<RecordError> {
    let mut errors = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Err(what) = read_line(line, zone) {
            errors.push(RecordError { line: n + 1, what });
        }
    }
    errors
}

fn read_line(line: &str, zone: &mut Zone) -> Result<(), RecordProblem> {
    let (owner, rest) = split_word(line);
    let owner = name(owner)?;
    let (mut word, mut rest) = split_word(rest);
    let mut ttl = TTL;
    if let Ok(seconds) = word.parse::<u32>() {
        // RFC 2181, section 8: 31 bits.
        ttl = seconds.min(i32::MAX as u32);
        (word, rest) = split_word(rest);
    }
    if word.eq_ignore_ascii_case("IN") {
        (word, rest) = split_word(rest);
    }
    if word.is_empty() || rest.is_empty() {
        return Err(RecordProblem::Shape);
    }
    if word.eq_ignore_ascii_case("ALIAS") {
        let targets = rest.split_whitespace().map(|target| {
            Ok(AliasTarget {
                name: name(target)?.to_lowercase(),
                health: None,
            })
        });
        zone.add_alias(&owner, targets.collect::<Result<_, _>>()?);
        return Ok(());
    }
    let mut record = data_of(word, rest)?;
    record.ttl = ttl;
    zone.add_record(&owner, record);
    Ok(())
}

fn data_of(rtype: &str, text: &str) -> Result<RecordData, RecordProblem> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number =
        |text: &str, of: &'static str| text.parse::<u16>().map_err(|_| RecordProblem::Data(of));
    let record = match (rtype.to_ascii_uppercase().as_str(), words.as_slice()) {
        ("A", [address]) => RecordData::a(address.parse().map_err(|_| RecordProblem::Data("A"))?),
        ("AAAA", [address]) => {
            RecordData::aaaa(address.parse().map_err(|_| RecordProblem::Data("AAAA"))?)
        }
        ("CNAME", [target]) => RecordData::cname(&name(target)?),
        ("NS", [target]) => RecordData::new(rtype::NS, name(target)?.as_wire()),
        ("PTR", [target]) => RecordData::new(rtype::PTR, name(target)?.as_wire()),
        ("MX", [preference, target]) => {
            let mut data = number(preference, "MX")?.to_be_bytes().to_vec();
            data.extend_from_slice(name(target)?.as_wire());
            RecordData::new(rtype::MX, &data)
        }
        ("SRV", [priority, weight, port, target]) => {
            let mut data = Vec::new();
            for field in [priority, weight, port] {
                data.extend_from_slice(&number(field, "SRV")?.to_be_bytes());
            }
            data.extend_from_slice(name(target)?.as_wire());
            RecordData::new(rtype::SRV, &data)
        }
        ("TXT", _) => {
            let bare = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
            RecordData::txt(bare.unwrap_or(text))
        }
        ("A", _) => return Err(RecordProblem::Data("A")),
        ("AAAA", _) => return Err(RecordProblem::Data("AAAA")),
        ("CNAME" | "NS" | "PTR", _) => return Err(RecordProblem::Data("CNAME, NS or PTR")),
        ("MX", _) => return Err(RecordProblem::Data("MX")),
        ("SRV", _) => return Err(RecordProblem::Data("SRV")),
        (other, _) => return Err(RecordProblem::Type(other.to_owned())),
    };
    Ok(record)
}

fn name(text: &str) -> Result<Name, RecordProblem> {
    Name::parse(text).ok_or_else(|| RecordProblem::Name(text.to_owned()))
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_wrong_lines_are_reported() {
        let mut zone = Zone::default();
        let errors = read_records(
            "# comment\n\
             db.test 60 A 10.0.0.5\n\
             db.test IN AAAA fd00::5\n\
             mail.test MX 10 db.test\n\
             _x._tcp.test SRV 1 2 80 db.test\n\
             t.test TXT \"a b\"\n\
             *.app.test ALIAS db.test other.test\n\
             bad A 1.2.3\n\
             bad A\n\
             bad WKS x\n\
             a..b A 1.2.3.4\n",
            &mut zone,
        );
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "line 8: data does not fit the type A",
                "line 9: line is not `NAME [TTL] TYPE DATA`",
                "line 10: `WKS` is not a type known here",
                "line 11: `a..b` is not a domain name",
            ]
        );
        let db = Name::parse("db.test").unwrap();
        let records = zone.records_of(&db).unwrap();
        assert_eq!(
            (records[0].ttl, &*records[0].data),
            (60, &[10, 0, 0, 5][..])
        );
        assert_eq!(records[1].rtype, rtype::AAAA);
        assert_eq!(zone.remove_records(&db, Some(rtype::A)), 1);
        assert_eq!(zone.remove_records(&db, None), 1);
        assert!(zone.records_of(&db).is_none());
        let txt = zone.records_of(&Name::parse("t.test").unwrap()).unwrap();
        assert_eq!(&*txt[0].data, b"\x03a b");
        assert!(zone.alias_of(&Name::parse("x.app.test").unwrap()).is_some());
    }
}
