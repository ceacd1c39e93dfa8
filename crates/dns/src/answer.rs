//! The decision: what a query from a client gets, as a pure function.
//!
//! [`answer`] looks at a query, the client and a [`Zone`]; [`write()`] puts the decision into a
//! message. No socket, clock or upstream is involved, and answering an address allocates nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lsconfig::network::Rule;

use crate::record::RecordData;
use crate::wire::{
    AA, CD, CLASS_CH, CLASS_IN, Edns, OPTION_COOKIE, OPTION_EDE, QR, QUESTION_NAME, Query, RA, RD,
    Rcode, Section, TC, Writer, rtype,
};
use crate::wire::{HEADER, Name};
use crate::zone::{APEX_TTL, Apex, NEGATIVE_TTL, TTL, Zone};

/// The largest datagram that the server sends, in bytes, and the size it announces (DNS flag day
/// 2020, RFC 9715): it passes every path unfragmented.
pub const MAX_DATAGRAM: usize = 1232;

/// How many CNAME records are followed in local data.
const MAX_CHAIN: usize = 8;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// The address that the query came from.
    pub ip: IpAddr,
    /// The index of the interface for link-local addresses, 0 otherwise.
    pub scope: u32,
    /// Whether queries of this client are forwarded.
    pub may_forward: bool,
}

/// An extended error (RFC 8914).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ede {
    /// The info-code.
    pub code: u16,
    /// A remark for people.
    pub text: &'static str,
}

impl Ede {
    /// Stale answer (code 3).
    pub const STALE: Self = Self {
        code: 3,
        text: "upstream does not answer",
    };
    /// Prohibited (code 18).
    pub const PROHIBITED: Self = Self {
        code: 18,
        text: "not forwarded for this client; see --allow-from",
    };
    /// Not supported (code 21).
    pub const NOT_SUPPORTED: Self = Self { code: 21, text: "" };
    /// No reachable authority (code 22).
    pub const UNREACHABLE: Self = Self {
        code: 22,
        text: "no upstream answered in time",
    };
    /// Network error (code 23): there is nobody to ask.
    pub const NO_UPSTREAM: Self = Self {
        code: 23,
        text: "no upstream is known; see --upstream",
    };
}

/// What a query gets.
#[derive(Debug, Clone)]
pub enum Decision<'z> {
    /// An answer of our own.
    Answer(Answer<'z>),
    /// The answer of an upstream.
    Forward,
    /// An error.
    Fail(Rcode, Option<Ede>),
}

/// An answer of our own.
#[derive(Debug, Clone)]
pub enum Answer<'z> {
    /// The addresses that this client is told, and the rule that chose them.
    Addresses {
        /// For A.
        v4: Option<Ipv4Addr>,
        /// For AAAA.
        v6: Option<Ipv6Addr>,
        /// Why these.
        rule: Rule,
    },
    /// The name exists and has no such data (RFC 2308, section 2.2).
    NoData(&'z Apex),
    /// The zone's SOA.
    Soa(&'z Apex),
    /// The zone's NS.
    Ns(&'z Apex),
    /// ANY without addresses (RFC 8482, section 4.2).
    Hinfo,
    /// Static records; an owner other than the question's name is given.
    Records(Vec<(Option<Name>, RecordData)>),
    /// A static name without records of the type asked for, outside the zones of ours.
    Empty,
}

/// Name under which class CH explains an answer: `NAME.explain.lsconfig`.
pub const EXPLAIN: &str = "explain.lsconfig";

/// Decides what a query gets.
///
/// The order is LocalStack's: patterns that go upstream, aliases, static records, names of ours,
/// and the upstream for the rest. Names of ours never go upstream, whatever the type.
#[must_use]
pub fn answer<'z>(query: &Query<'_>, client: &Client, zone: &'z Zone) -> Decision<'z> {
    if query.edns.is_some_and(|edns| edns.version > 0) {
        // RFC 6891, section 6.1.3.
        return Decision::Fail(Rcode::BADVERS, None);
    }
    if query.qclass == CLASS_CH && client.may_forward {
        return explain(query, client, zone).unwrap_or(Decision::Fail(Rcode::REFUSED, None));
    }
    if query.qclass != CLASS_IN {
        return Decision::Fail(Rcode::REFUSED, Some(Ede::NOT_SUPPORTED));
    }
    match query.qtype {
        // A type of pseudo-record is no question (RFC 6891, section 6.1.1).
        0 | rtype::OPT => return Decision::Fail(Rcode::FORMERR, None),
        rtype::FIRST_META..rtype::ANY => {
            return Decision::Fail(Rcode::REFUSED, Some(Ede::NOT_SUPPORTED));
        }
        _ => {}
    }
    match local(&query.name, query.qtype, client, zone) {
        Some(decision) => decision,
        None if client.may_forward => Decision::Forward,
        None => Decision::Fail(Rcode::REFUSED, Some(Ede::PROHIBITED)),
    }
}

fn local<'z>(name: &Name, qtype: u16, client: &Client, zone: &'z Zone) -> Option<Decision<'z>> {
    if zone.skips(name) {
        return None;
    }
    if matches!(qtype, rtype::A | rtype::AAAA | rtype::CNAME)
        && let Some(target) = zone.alias_of(name)
    {
        // The answer carries the name that was asked for; a target that is not local is refused.
        return Some(match resolve(target, qtype, client, zone) {
            Some(found) => Decision::Answer(found),
            None => Decision::Fail(Rcode::REFUSED, None),
        });
    }
    resolve(name, qtype, client, zone).map(Decision::Answer)
}

fn resolve<'z>(name: &Name, qtype: u16, client: &Client, zone: &'z Zone) -> Option<Answer<'z>> {
    if let Some(records) = zone.records_of(name) {
        return Some(from_records(records, name, qtype, client, zone));
    }
    let apex = zone.apex_of(name)?;
    let at_apex = *name == apex.name;
    Some(match qtype {
        rtype::SOA if at_apex => Answer::Soa(apex),
        rtype::NS if at_apex => Answer::Ns(apex),
        rtype::A | rtype::AAAA | rtype::ANY => {
            let view = zone.network().view(client.ip, client.scope);
            let v4 = view.v4.filter(|_| qtype != rtype::AAAA);
            let v6 = view.v6.filter(|_| qtype != rtype::A);
            match (v4, v6) {
                (None, None) if qtype == rtype::ANY => Answer::Hinfo,
                (None, None) => Answer::NoData(apex),
                _ => Answer::Addresses {
                    v4,
                    v6,
                    rule: view.rule,
                },
            }
        }
        _ => Answer::NoData(apex),
    })
}

/// Exact names come first, and records of other types of an exact name are not searched further
/// (LocalStack 4.12).
fn from_records<'z>(
    records: &[RecordData],
    name: &Name,
    qtype: u16,
    client: &Client,
    zone: &'z Zone,
) -> Answer<'z> {
    let mut found: Vec<(Option<Name>, RecordData)> = Vec::new();
    let mut owner = None;
    let mut records = records;
    for _ in 0..MAX_CHAIN {
        let wanted = records
            .iter()
            .filter(|record| qtype == rtype::ANY || record.rtype == qtype);
        let before = found.len();
        found.extend(wanted.cloned().map(|record| (owner, record)));
        let cname = records.iter().find(|record| record.rtype == rtype::CNAME);
        let Some(cname) = cname.filter(|_| found.len() == before) else {
            break;
        };
        found.push((owner, cname.clone()));
        let Some(target) = Name::read(&cname.data).map(Name::to_lowercase) else {
            break;
        };
        owner = Some(target);
        match zone.records_of(&target) {
            Some(next) => records = next,
            None => {
                if let Some(Answer::Addresses { v4, v6, .. }) =
                    resolve(&target, qtype, client, zone)
                {
                    let v4 = v4.map(RecordData::a);
                    let v6 = v6.map(RecordData::aaaa);
                    found.extend(v4.into_iter().chain(v6).map(|record| (owner, record)));
                }
                break;
            }
        }
    }
    match (found.is_empty(), zone.apex_of(name)) {
        (false, _) => Answer::Records(found),
        (true, Some(apex)) => Answer::NoData(apex),
        (true, None) => Answer::Empty,
    }
}

/// Answers `NAME.explain.lsconfig` in class CH: which rule would answer NAME for this client.
fn explain<'z>(query: &Query<'_>, client: &Client, zone: &'z Zone) -> Option<Decision<'z>> {
    let suffix = Name::parse(EXPLAIN)?;
    if query.qtype != rtype::TXT || !query.name.is_within(&suffix) {
        return None;
    }
    let wire = query.name.as_wire();
    let mut inner = wire[..wire.len() - suffix.as_wire().len()].to_vec();
    inner.push(0);
    let name = Name::read(&inner)?;
    let text = explain_text(&name, client, zone);
    Some(Decision::Answer(Answer::Records(vec![(
        None,
        RecordData {
            ttl: 0,
            ..RecordData::txt(&text)
        },
    )])))
}

/// Says in `key=value` words which rule answers an A query for `name`.
#[must_use]
pub fn explain_text(name: &Name, client: &Client, zone: &Zone) -> String {
    let name = &name.to_lowercase();
    if zone.skips(name) {
        return "source=upstream rule=skip-pattern".to_owned();
    }
    if let Some(target) = zone.alias_of(name) {
        return format!("source=local rule=alias target={target}");
    }
    if zone.records_of(name).is_some() {
        return "source=local rule=static-record".to_owned();
    }
    let Some(apex) = zone.apex_of(name) else {
        return "source=upstream rule=not-in-zone".to_owned();
    };
    let view = zone.network().view(client.ip, client.scope);
    let mut text = format!(
        "source=local zone={} client={} rule={}",
        apex.name, client.ip, view.rule
    );
    if let Some(interface) = view.interface {
        text.push_str(&format!(" interface={interface}"));
    }
    text
}

/// The cookie that goes back to the client: its own 8 bytes and 16 of ours (RFC 9018).
pub type Cookie = [u8; 24];

/// Writes the message that a decision other than [`Decision::Forward`] leads to. `limit` is the
/// largest message that the client takes; more is cut to an empty, truncated one (RFC 2181,
/// section 9).
pub fn write(
    query: &Query<'_>,
    decision: &Decision<'_>,
    limit: usize,
    cookie: Option<&Cookie>,
    out: &mut Vec<u8>,
) {
    let mut flags = QR | RA | query.flags & (RD | CD);
    let (rcode, ede) = match decision {
        Decision::Answer(_) => {
            flags |= AA;
            (Rcode::NOERROR, None)
        }
        Decision::Fail(rcode, ede) => (*rcode, *ede),
        Decision::Forward => (Rcode::SERVFAIL, None),
    };
    flags |= rcode.0 & 0xf;
    let mut writer = Writer::start(out, query.id, flags);
    writer.question(query.question);
    if let Decision::Answer(answer) = decision {
        put(&mut writer, answer, query);
    }
    finish(&mut writer, query.edns, rcode, ede, cookie);
    if writer.bytes().len() > limit {
        let mut writer = Writer::start(out, query.id, flags | TC);
        writer.question(query.question);
        finish(&mut writer, query.edns, rcode, None, cookie);
    }
}

fn put(writer: &mut Writer<'_>, answer: &Answer<'_>, query: &Query<'_>) {
    let name = &QUESTION_NAME;
    match answer {
        Answer::Addresses { v4, v6, .. } => {
            if let Some(ip) = v4 {
                writer.record(Section::Answer, name, rtype::A, TTL, &[&ip.octets()]);
            }
            if let Some(ip) = v6 {
                writer.record(Section::Answer, name, rtype::AAAA, TTL, &[&ip.octets()]);
            }
        }
        Answer::NoData(apex) => {
            let (name, soa) = (&apex.name, [&apex.soa[..]]);
            let pointer;
            let owner = if query.name.is_within(name) {
                // The apex ends the question's name, so a pointer into it is enough.
                let skipped = query.name.as_wire().len() - name.as_wire().len();
                pointer = (0xc000 | (HEADER + skipped) as u16).to_be_bytes();
                &pointer
            } else {
                // The name is an alias for one of another zone.
                name.as_wire()
            };
            writer.record(Section::Authority, owner, rtype::SOA, NEGATIVE_TTL, &soa);
        }
        Answer::Soa(apex) => {
            writer.record(Section::Answer, name, rtype::SOA, APEX_TTL, &[&apex.soa]);
        }
        Answer::Ns(_) => {
            writer.record(Section::Answer, name, rtype::NS, APEX_TTL, &[name]);
        }
        Answer::Hinfo => {
            // RFC 8482, section 4.2.
            writer.record(
                Section::Answer,
                name,
                rtype::HINFO,
                TTL,
                &[b"\x07RFC8482\x00"],
            );
        }
        Answer::Records(records) => {
            for (owner, record) in records {
                let owner = owner.as_ref().map_or(&name[..], Name::as_wire);
                writer.record(
                    Section::Answer,
                    owner,
                    record.rtype,
                    record.ttl,
                    &[&record.data],
                );
            }
        }
        Answer::Empty => {}
    }
}

/// Writes the answer to a message that asks for a cookie alone: NOERROR, or BADCOOKIE when it brought
/// a cookie that is not ours (RFC 7873, section 5.4).
pub(crate) fn write_cookie(
    id: u16,
    flags: u16,
    edns: Edns<'_>,
    cookie: &Cookie,
    proved: bool,
    out: &mut Vec<u8>,
) {
    let fresh = edns.cookie.is_some_and(|content| content.len() == 8);
    let rcode = match (edns.version, proved || fresh) {
        (0, true) => Rcode::NOERROR,
        (0, false) => Rcode::BADCOOKIE,
        _ => Rcode::BADVERS,
    };
    let mut writer = Writer::start(out, id, QR | RA | flags & RD | rcode.0 & 0xf);
    finish(&mut writer, Some(edns), rcode, None, Some(cookie));
}

/// Adds OPT when the query had one (RFC 6891, section 6.1.1), with cookie and extended error.
pub(crate) fn finish(
    writer: &mut Writer<'_>,
    edns: Option<Edns<'_>>,
    rcode: Rcode,
    ede: Option<Ede>,
    cookie: Option<&Cookie>,
) {
    let Some(edns) = edns else { return };
    let mut parts: [&[u8]; 5] = [&[]; 5];
    let cookie_head = option_head(OPTION_COOKIE, 24);
    if let Some(cookie) = cookie {
        (parts[0], parts[1]) = (&cookie_head, cookie);
    }
    let (head, code);
    if let Some(ede) = ede {
        head = option_head(OPTION_EDE, 2 + ede.text.len() as u16);
        code = ede.code.to_be_bytes();
        (parts[2], parts[3], parts[4]) = (&head, &code, ede.text.as_bytes());
    }
    writer.opt(MAX_DATAGRAM as u16, rcode, edns.dnssec_ok, &parts);
}

fn option_head(code: u16, length: u16) -> [u8; 4] {
    let (code, length) = (code.to_be_bytes(), length.to_be_bytes());
    [code[0], code[1], length[0], length[1]]
}
