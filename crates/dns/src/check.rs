//! Asking a server and reading what it says, for `lsconfig dns check`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::answer::{EXPLAIN, MAX_DATAGRAM};
use crate::wire::{
    CLASS_CH, CLASS_IN, Name, RD, Rcode, Record, Reply, Section, Writer, expand_name, rtype,
};

/// How long one attempt waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// Attempts, since datagrams get lost.
const ATTEMPTS: usize = 3;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The response code.
    pub rcode: Rcode,
    /// The answer's records in text.
    pub answers: Vec<String>,
    /// The addresses among them.
    pub addresses: Vec<std::net::IpAddr>,
    /// Which rule gave the answer, when the server is ours.
    pub explanation: Option<String>,
    /// How long the answer took.
    pub elapsed: Duration,
}

/// Asks `server` for a name and, when it is a server of this crate, for the reason of its answer.
///
/// # Errors
/// When nothing that answers the question comes back in time.
pub fn check(server: SocketAddr, name: &Name, qtype: u16) -> io::Result<Checked> {
    let start = Instant::now();
    let message = ask(server, name, qtype, CLASS_IN)?;
    let elapsed = start.elapsed();
    let (rcode, records) = read(&message)?;
    let explanation = Name::parse(&format!("{name}{EXPLAIN}"))
        .and_then(|name| ask(server, &name, rtype::TXT, CLASS_CH).ok())
        .and_then(|message| {
            let (_, records) = read(&message).ok()?;
            Some(records.first()?.1.trim_matches('"').to_owned())
        });
    Ok(Checked {
        rcode,
        addresses: records
            .iter()
            .filter_map(|(_, data)| data.parse().ok())
            .collect(),
        answers: records
            .into_iter()
            .map(|(head, data)| format!("{head} {data}"))
            .collect(),
        explanation,
        elapsed,
    })
}

fn ask(server: SocketAddr, name: &Name, qtype: u16, class: u16) -> io::Result<Vec<u8>> {
    let mut question = name.as_wire().to_vec();
    question.extend_from_slice(&qtype.to_be_bytes());
    question.extend_from_slice(&class.to_be_bytes());
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let id = u16::from_be_bytes(id);
    let mut message = Vec::new();
    let mut writer = Writer::start(&mut message, id, RD);
    writer.question(&question);
    writer.opt(MAX_DATAGRAM as u16, Rcode::NOERROR, false, &[]);
    let local: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    let mut buffer = [0; 4096];
    for _ in 0..ATTEMPTS {
        socket.send(&message)?;
        let until = Instant::now() + PATIENCE;
        while let Some(left) = until
            .checked_duration_since(Instant::now())
            .filter(|d| !d.is_zero())
        {
            socket.set_read_timeout(Some(left))?;
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            if Reply::read(bytes).is_some_and(|reply| reply.id == id && reply.asks(&question)) {
                return Ok(bytes.to_vec());
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Returns the code and the answer's records: owner, TTL and type, then the data.
fn read(message: &[u8]) -> io::Result<(Rcode, Vec<(String, String)>)> {
    let reply = Reply::read(message).ok_or(io::ErrorKind::InvalidData)?;
    let mut records = Vec::new();
    for record in reply.records() {
        let record = record.map_err(io::Error::other)?;
        if record.section == Section::Answer {
            records.push(text_of(message, &record));
        }
    }
    Ok((reply.rcode(), records))
}

pub(crate) fn text_of(message: &[u8], record: &Record<'_>) -> (String, String) {
    let owner = expand_name(message, record.start).unwrap_or(Name::ROOT);
    let name = || expand_name(message, record.data_at).map(|name| name.to_string());
    let data = match record.rtype {
        rtype::A => <[u8; 4]>::try_from(record.data)
            .ok()
            .map(|bytes| Ipv4Addr::from(bytes).to_string()),
        rtype::AAAA => <[u8; 16]>::try_from(record.data)
            .ok()
            .map(|bytes| Ipv6Addr::from(bytes).to_string()),
        rtype::CNAME | rtype::NS | rtype::PTR => name(),
        rtype::TXT => record
            .data
            .split_first()
            .map(|(_, text)| format!("\"{}\"", text.escape_ascii())),
        _ => None,
    };
    // RFC 3597, section 5, for everything else.
    let data = data.unwrap_or_else(|| {
        let hex: String = record
            .data
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("\\# {} {hex}", record.data.len())
    });
    (
        format!("{owner} {} {}", record.ttl, type_name(record.rtype)),
        data,
    )
}

const TYPE_NAMES: [(u16, &str); 12] = [
    (rtype::A, "A"),
    (rtype::NS, "NS"),
    (rtype::CNAME, "CNAME"),
    (rtype::SOA, "SOA"),
    (rtype::PTR, "PTR"),
    (rtype::HINFO, "HINFO"),
    (rtype::MX, "MX"),
    (rtype::TXT, "TXT"),
    (rtype::AAAA, "AAAA"),
    (rtype::SRV, "SRV"),
    (64, "SVCB"),
    (65, "HTTPS"),
];

/// Returns the name of a type, `TYPE65280` for those without (RFC 3597).
#[must_use]
pub fn type_name(rtype: u16) -> String {
    let known = TYPE_NAMES.iter().find(|(number, _)| *number == rtype);
    known.map_or_else(|| format!("TYPE{rtype}"), |(_, name)| (*name).to_owned())
}

/// Reads the name of a type.
#[must_use]
pub fn parse_type(text: &str) -> Option<u16> {
    let known = TYPE_NAMES
        .iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(text));
    match known {
        Some((number, _)) => Some(*number),
        None if text.eq_ignore_ascii_case("ANY") => Some(rtype::ANY),
        None => text.to_ascii_uppercase().strip_prefix("TYPE")?.parse().ok(),
    }
}
