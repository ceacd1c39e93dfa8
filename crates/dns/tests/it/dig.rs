//! A client that shows messages the way `dig` does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use lsconfig_dns::wire::{self, HEADER, Name, Record, Reply, Section, Writer, expand_name, rtype};

/// How long a test waits for an answer that should come.
const PATIENCE: Duration = Duration::from_secs(8);

/// A query to be built.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) name: Name,
    pub(crate) qtype: u16,
    pub(crate) class: u16,
    /// Payload and DO.
    pub(crate) edns: Option<(u16, bool)>,
    /// Options in wire form.
    pub(crate) options: Vec<u8>,
    pub(crate) version: u8,
}

/// A query as `dig` sends it: RD and AD, EDNS with 1232 bytes.
pub(crate) fn ask(name: &str, qtype: &str) -> Ask {
    Ask {
        id: 0x1234,
        flags: wire::RD | wire::AD,
        name: Name::parse(name).unwrap(),
        qtype: type_number(qtype),
        class: 1,
        edns: Some((1232, false)),
        options: Vec::new(),
        version: 0,
    }
}

impl Ask {
    pub(crate) fn without_edns(mut self) -> Self {
        self.edns = None;
        self
    }

    pub(crate) fn question(&self) -> Vec<u8> {
        let mut question = self.name.as_wire().to_vec();
        question.extend_from_slice(&self.qtype.to_be_bytes());
        question.extend_from_slice(&self.class.to_be_bytes());
        question
    }

    pub(crate) fn to_wire(&self) -> Vec<u8> {
        let mut message = Vec::new();
        let mut writer = Writer::start(&mut message, self.id, self.flags);
        writer.question(&self.question());
        if let Some((payload, dnssec_ok)) = self.edns {
            let at = writer.bytes().len();
            writer.opt(payload, wire::Rcode(0), dnssec_ok, &[&self.options]);
            message[at + 6] = self.version;
        }
        message
    }
}

pub(crate) const TYPES: [(&str, u16); 14] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("ANY", 255),
    ("CAA", 257),
];

pub(crate) fn type_number(text: &str) -> u16 {
    let known = TYPES
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, n)| *n);
    known.unwrap_or_else(|| text.trim_start_matches("TYPE").parse().unwrap())
}

/// A reply in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: u16,
    pub(crate) status: String,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) question: Vec<u8>,
    pub(crate) answer: Vec<String>,
    pub(crate) authority: Vec<String>,
    pub(crate) edns: bool,
    /// Options of OPT: code and content.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
    pub(crate) length: usize,
}

impl Shown {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// The info-code of an extended error.
    pub(crate) fn ede(&self) -> Option<u16> {
        let (_, content) = self.options.iter().find(|(code, _)| *code == 15)?;
        Some(u16::from_be_bytes([content[0], content[1]]))
    }
}

/// Reads a reply; panics when it is malformed, which no reply of ours may be.
pub(crate) fn show(message: &[u8]) -> Shown {
    let reply = Reply::read(message).expect("reply with one question");
    let mut rcode = reply.rcode().0;
    let (mut answer, mut authority, mut options, mut edns) = (vec![], vec![], vec![], false);
    let mut end = HEADER + reply.question.len();
    for record in reply.records() {
        let record = record.expect("whole record");
        end = record.end;
        match record.section {
            Section::Answer => answer.push(record_text(message, &record)),
            Section::Authority => authority.push(record_text(message, &record)),
            Section::Additional => {
                assert_eq!(record.rtype, rtype::OPT, "nothing but OPT is additional");
                assert!(!edns, "one OPT");
                edns = true;
                rcode |= ((record.ttl >> 24) as u16) << 4;
                let mut rest = record.data;
                while let [c1, c2, l1, l2, tail @ ..] = rest {
                    let length = usize::from(u16::from_be_bytes([*l1, *l2]));
                    options.push((u16::from_be_bytes([*c1, *c2]), tail[..length].to_vec()));
                    rest = &tail[length..];
                }
            }
        }
    }
    assert_eq!(end, message.len(), "nothing after the last record");
    let all = [
        ("qr", wire::QR),
        ("aa", wire::AA),
        ("tc", wire::TC),
        ("rd", wire::RD),
        ("ra", wire::RA),
        ("ad", wire::AD),
        ("cd", wire::CD),
    ];
    Shown {
        id: reply.id,
        status: wire::Rcode(rcode).to_string(),
        flags: all
            .iter()
            .filter(|(_, bit)| reply.flags & bit != 0)
            .map(|(name, _)| *name)
            .collect(),
        question: reply.question.to_vec(),
        answer,
        authority,
        edns,
        options,
        length: message.len(),
    }
}

fn record_text(message: &[u8], record: &Record<'_>) -> String {
    let owner = expand_name(message, record.start).expect("owner");
    let rtype = TYPES
        .iter()
        .find(|(_, number)| *number == record.rtype)
        .map_or_else(
            || format!("TYPE{}", record.rtype),
            |(name, _)| (*name).to_owned(),
        );
    let name_at = |at: usize| expand_name(message, at).expect("name").to_string();
    let data = record.data;
    let number = |at: usize| u16::from_be_bytes([data[at], data[at + 1]]);
    let text = match record.rtype {
        rtype::A => Ipv4Addr::from(<[u8; 4]>::try_from(data).unwrap()).to_string(),
        rtype::AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(data).unwrap()).to_string(),
        rtype::CNAME | rtype::NS | rtype::PTR => name_at(record.data_at),
        rtype::MX => format!("{} {}", number(0), name_at(record.data_at + 2)),
        rtype::TXT | rtype::HINFO => {
            let mut rest = data;
            let mut strings = Vec::new();
            while let [length, tail @ ..] = rest {
                let (text, tail) = tail.split_at(usize::from(*length));
                strings.push(format!("\"{}\"", String::from_utf8_lossy(text)));
                rest = tail;
            }
            strings.join(" ")
        }
        rtype::SOA => {
            let fields = data[data.len() - 20..].chunks(4);
            let fields = fields.map(|f| u32::from_be_bytes(f.try_into().unwrap()).to_string());
            let mname = name_at(record.data_at);
            let skip = wire::skip_name(data).unwrap();
            let rname = name_at(record.data_at + skip);
            format!("{mname} {rname} {}", fields.collect::<Vec<_>>().join(" "))
        }
        _ => format!("{data:02x?}"),
    };
    format!("{owner} {} IN {rtype} {text}", record.ttl)
}

/// Sends a message over UDP and returns the reply.
pub(crate) fn udp(server: SocketAddr, message: &[u8]) -> Option<Vec<u8>> {
    udp_within(server, message, PATIENCE)
}

/// The same, for replies that should not come.
pub(crate) fn udp_within(
    server: SocketAddr,
    message: &[u8],
    patience: Duration,
) -> Option<Vec<u8>> {
    let any = if server.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    socket.send(message).unwrap();
    let mut buffer = [0; 65_535];
    let length = socket.recv(&mut buffer).ok()?;
    Some(buffer[..length].to_vec())
}

/// Sends messages over one connection and returns as many replies, in their order of arrival.
pub(crate) fn tcp(server: SocketAddr, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut framed = Vec::new();
    for message in messages {
        framed.extend_from_slice(&(message.len() as u16).to_be_bytes());
        framed.extend_from_slice(message);
    }
    stream.write_all(&framed).unwrap();
    messages
        .iter()
        .map(|_| read_framed(&mut stream).unwrap())
        .collect()
}

pub(crate) fn read_framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

/// Asks over UDP and shows the reply.
pub(crate) fn dig(server: SocketAddr, ask: &Ask) -> Shown {
    show(&udp(server, &ask.to_wire()).expect("a reply"))
}
