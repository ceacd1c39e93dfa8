//! Checks of names, DNS, and the URLs that the emulator returns, for one client.

use std::net::IpAddr;

use lsconfig::diagnostic::Severity;
use lsconfig::release::TargetVersion;

use super::network::{Kind, about, failing, first, kind, use_url};
use super::{Case, Use, World};
use crate::facts::{Lookup, Record, WrittenIn};
use crate::finding::{Finding, Subject};
use crate::fix::{Change, Edit, Fix, pin};
use crate::path::{By, DnsServer, Outcome, Resolved, dns_servers, host_lines};
use crate::world::{DOMAIN, is_within};

/// A name that public DNS knows, with which a resolver shows that it works.
pub(crate) const CONTROL: &str = "localstack.cloud";

pub(crate) fn records<'a>(world: &'a World<'_>, case: &Case<'_>) -> &'a [Record] {
    let seen = world.facts.observed(&case.client.position);
    seen.map_or(&[], |o| o.records.as_slice())
}

/// Returns the uses of the domain by a client that is not on the host.
pub(crate) fn of_domain<'a, 'f>(
    world: &'a World<'f>,
    case: &'a Case<'f>,
) -> impl Iterator<Item = &'a Use<'f>> {
    let inside = !case.client.on_host();
    case.uses
        .iter()
        .filter(move |used| inside && kind(world, &used.url) == Kind::Domain)
}

/// Returns the fix that lets a client ask the emulator's DNS server.
pub(crate) fn ask_emulator(world: &World<'_>, case: &Case<'_>) -> Fix {
    let target = world.emulator.container;
    if target.written_in() == WrittenIn::Workflow {
        // Addresses of services are not known before a job runs, and cannot be set.
        return Fix::say(format!(
            "use http://{}:{}, by the key of the service, with the path style for S3",
            world.emulator.best_name(),
            world.emulator.port()
        ));
    }
    let (address, mut changes) = pin(world.facts, &world.emulator, Some(&case.client));
    if let Some(own) = case.client.network {
        changes.push(Change::of(own, Edit::Dns(address)));
    }
    if world.emulator.dns_switched_off() {
        for name in ["DNS_ADDRESS", "LOCALSTACK_DNS_ADDRESS"] {
            if world.emulator.container.env.contains_key(name) {
                changes.push(Change::of(
                    world.emulator.container,
                    Edit::Unset(name.to_owned()),
                ));
            }
        }
    }
    Fix::change(
        format!(
            "let `{}` ask the emulator's DNS server at {address}",
            case.client.name()
        ),
        changes,
    )
}

pub(crate) fn server_gone(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let servers = dns_servers(world.facts, &world.emulator, &case.client);
    let timed_out = |ip: IpAddr| {
        records(world, case).iter().any(|r| {
            matches!(r, Record::Resolve { server, outcome: Lookup::Timeout | Lookup::Refused, .. }
                if server.parse() == Ok(ip))
        })
    };
    let gone = servers.iter().find_map(|server| match server {
        DnsServer::Dead(ip) => Some(*ip),
        DnsServer::Outside(ip) if timed_out(*ip) => Some(*ip),
        _ => None,
    });
    let (Some(ip), Some(own)) = (gone, case.client.network) else {
        return Vec::new();
    };
    let fails = case.uses.iter().any(Use::fails);
    let real: Vec<String> = world
        .emulator
        .container
        .addresses()
        .map(|ip| ip.to_string())
        .collect();
    let mut finding = Finding::new(
        "DNS002",
        Subject::of(own, &["dns"]),
        format!(
            "`{}` asks a DNS server at {ip}, and no container that it can reach has that address",
            case.client.name()
        ),
    )
    .severity(if fails {
        Severity::Error
    } else {
        Severity::Warning
    })
    .proven(timed_out(ip))
    .evidence(format!("`dns:` is {}", own.dns.join(", ")));
    if !real.is_empty() {
        finding = finding.evidence(format!("the emulator has {}", real.join(", ")));
    }
    vec![finding.fix(ask_emulator(world, case))]
}

pub(crate) fn rebind(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let records = records(world, case);
    let hidden = records.iter().find_map(|r| match r {
        Record::Resolve {
            name,
            server,
            outcome,
            ..
        } if is_within(name, DOMAIN)
            && matches!(outcome, Lookup::NoData | Lookup::NxDomain)
            && server != "hosts" =>
        {
            Some((name, server, *outcome))
        }
        _ => None,
    });
    let Some((name, server, outcome)) = hidden else {
        return Vec::new();
    };
    let control = records.iter().any(|r| {
        matches!(r, Record::Resolve { name, server: s, outcome: Lookup::Found | Lookup::NoData, .. }
            if name == CONTROL && s == server)
    });
    let used = case
        .uses
        .iter()
        .find(|used| kind(world, &used.url) == Kind::Domain && used.fails());
    let (Some(used), true) = (used, control) else {
        return Vec::new();
    };
    let message = format!("the resolver at {server} hides `{name}`");
    let said = if outcome == Lookup::NoData {
        "no address (NODATA)"
    } else {
        "no such name (NXDOMAIN)"
    };
    let finding = about(case, used, "DNS005", &[], message).evidence(format!(
        "{server} says {said} for {name}, and knows {CONTROL}"
    ));
    if case.client.on_host() {
        let port = world.emulator.published_port();
        return vec![
            finding
                .fix(use_url(case, used, "127.0.0.1", port))
                .fix(Fix::say(format!(
                    "or add a line to the hosts file for each name: 127.0.0.1 {DOMAIN} s3.{DOMAIN} (wildcards are impossible there)"
                ))),
        ];
    }
    vec![finding.fix(ask_emulator(world, case))]
}

pub(crate) fn hosts_entry(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let Some(own) = case.client.network else {
        return Vec::new();
    };
    let named = |used: &&Use<'_>| used.url.host != "localhost" && used.url.ip().is_none();
    let mut uses = case.uses.iter().filter(named).filter(|used| {
        let kind = kind(world, &used.url);
        used.fails()
            && used.path().by == By::Hosts
            && matches!(kind, Kind::Domain | Kind::Name | Kind::Stranger)
            && own.links.is_empty()
    });
    first(uses.next().map(|used| {
        let host = used.url.host.as_str();
        let line = own.extra_hosts.iter().find(|l| {
            l.split([':', '='])
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(host))
        });
        let message = format!(
            "the hosts file of `{}` decides about `{host}`",
            case.client.name()
        );
        let finding = about(case, used, "DNS008", &["extra_hosts"], message);
        match line {
            Some(line) => finding
                .evidence(format!("`extra_hosts` has {line}"))
                .fix(Fix::change(
                    "remove the line",
                    vec![Change::of(
                        own,
                        Edit::RemoveItem("extra_hosts", line.clone()),
                    )],
                )),
            None => {
                let text = own.hosts_file.as_deref().unwrap_or_default();
                let found = host_lines(text).find(|(_, names)| names.contains(&host));
                let ip = found.map_or(String::new(), |(ip, _)| ip.to_string());
                finding
                    .evidence(format!("/etc/hosts says {ip}"))
                    .fix(Fix::say(
                        "remove the line from /etc/hosts inside, or make the container anew",
                    ))
            }
        }
    }))
}

/// Returns whether the client asks the emulator's DNS server, by settings.
pub(crate) fn asks_emulator(world: &World<'_>, case: &Case<'_>) -> bool {
    let servers = dns_servers(world.facts, &world.emulator, &case.client);
    servers.iter().any(|s| matches!(s, DnsServer::Emulator(_)))
}

pub(crate) fn no_upstream(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let target = world.emulator.container;
    let mut networks = target
        .endpoints
        .keys()
        .filter_map(|n| world.facts.network(n))
        .peekable();
    let internal = networks.peek().is_some() && networks.all(|n| n.internal);
    if !internal || !world.emulator.is_localstack || !asks_emulator(world, case) {
        return Vec::new();
    }
    first(of_domain(world, case).next().map(|used| {
        let name = target.endpoints.keys().next().map_or("", String::as_str);
        let message = format!(
            "`{}` is on internal networks only, so its DNS server cannot work",
            world.emulator.name()
        );
        let mut finding = about(case, used, "DNS011", &["networks"], message)
            .evidence(format!("network `{name}` is internal"));
        finding.subject = Subject::of(target, &["networks"]);
        finding.fix(Fix::change(
            "attach the emulator to a second network, which is not internal",
            vec![Change::of(
                target,
                Edit::Attach {
                    network: "outside".into(),
                    address: None,
                },
            )],
        ))
    }))
}

pub(crate) fn dns_off(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if !asks_emulator(world, case) || world.emulator.serves_dns() != Some(false) {
        return Vec::new();
    }
    let target = world.emulator.container;
    first(of_domain(world, case).next().map(|used| {
        let message = format!(
            "`{}` asks `{}` for names, which serves no DNS",
            case.client.name(),
            world.emulator.name()
        );
        let mut finding = about(case, used, "DNS004", &[], message);
        finding.subject = Subject::of(target, &["environment.DNS_ADDRESS", "environment"]);
        let old = world
            .emulator
            .version
            .filter(|v| *v < TargetVersion::exact(2, 3, 0));
        if world.emulator.listening.seen {
            finding = finding.evidence("nothing is bound to UDP port 53 inside");
        }
        if world.emulator.dns_switched_off() {
            let names = ["DNS_ADDRESS", "LOCALSTACK_DNS_ADDRESS"];
            let set = names
                .iter()
                .find(|n| target.env.contains_key(**n))
                .unwrap_or(&"DNS_ADDRESS");
            return finding
                .evidence(format!("`{set}` switches it off"))
                .fix(Fix::change(
                    format!("remove `{set}`"),
                    vec![Change::of(target, Edit::Unset((*set).to_owned()))],
                ));
        }
        match old {
            Some(version) => finding
                .evidence(format!(
                    "release {version} has a DNS server in the Pro edition only"
                ))
                .fix(Fix::say("use release 2.3 or later")),
            None => finding.fix(
                Fix::say("see why it did not start")
                    .command(format!("docker logs {} 2>&1 | grep -i dns", target.name)),
            ),
        }
    }))
}

pub(crate) fn answers_loopback(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let servers = dns_servers(world.facts, &world.emulator, &case.client);
    let mut uses = of_domain(world, case).filter(|used| used.fails());
    let found = uses.find_map(|used| {
        let path = used.path();
        let own = path.resolved == Resolved::Own;
        let server = servers.iter().find_map(|s| match s {
            DnsServer::Gateway(ip) | DnsServer::Emulator(ip) => Some(*ip),
            _ => None,
        })?;
        let by_it = !matches!(path.by, By::Hosts | By::Literal);
        (own && by_it).then_some((used, server))
    });
    first(found.map(|(used, server)| {
        let message = format!(
            "the emulator's DNS server, asked through {server}, answers `{}` with the client's own loopback",
            used.url.host
        );
        about(case, used, "DNS009", &["dns"], message)
            .evidence("it knows no network that it shares with the one who asks")
            .fix(ask_emulator(world, case))
    }))
}

pub(crate) fn alias_only(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if asks_emulator(world, case) {
        return Vec::new();
    }
    let target = world.emulator.container;
    let mut aliases = target.endpoints.values().flat_map(|e| &e.aliases);
    let alias = aliases.find(|a| is_within(a, DOMAIN));
    first(
        alias
            .zip(of_domain(world, case).next())
            .map(|(alias, used)| {
                let covered = used.url.host.eq_ignore_ascii_case(alias);
                let message = format!("the alias `{alias}` covers no name below it");
                about(case, used, "DNS007", &[], message)
                    .severity(if covered {
                        Severity::Warning
                    } else {
                        Severity::Error
                    })
                    .evidence(format!("sqs.us-east-1.{alias} still leads to 127.0.0.1"))
                    .fix(ask_emulator(world, case))
            }),
    )
}

pub(crate) fn subdomain(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if case.client.on_host() {
        return Vec::new();
    }
    let mut uses = failing(world, case, &[Kind::Name]).filter_map(|used| {
        let mut names = world.emulator.names.iter();
        let name = names.find(|n| used.url.host.ends_with(&format!(".{n}")))?;
        matches!(used.path().outcome, Outcome::Unresolved(_)).then_some((used, name))
    });
    first(uses.next().map(|(used, name)| {
        let message = format!("Docker's DNS knows `{name}` and nothing below it, such as `{}`", used.url.host);
        let mut with_domain = ask_emulator(world, case);
        with_domain.title = format!("use names below {DOMAIN} and {}", with_domain.title);
        let mut with_host = ask_emulator(world, case);
        with_host.title = format!("or keep the name: `LOCALSTACK_HOST={name}` makes the emulator's DNS serve it, and `dns:` asks it");
        with_host.changes.push(Change::of(
            world.emulator.container,
            Edit::Set("LOCALSTACK_HOST".into(), name.clone()),
        ));
        about(case, used, "DNS006", &[], message)
            .fix(with_domain)
            .fix(with_host)
    }))
}

pub(crate) fn not_used(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if asks_emulator(world, case) {
        return Vec::new();
    }
    let mut uses = of_domain(world, case).filter(|used| {
        let path = used.path();
        used.fails()
            && matches!(path.resolved, Resolved::Own | Resolved::Nowhere)
            && !matches!(path.by, By::Hosts | By::Literal)
            && is_within(&used.url.host, DOMAIN)
    });
    first(uses.next().map(|used| {
        let message = format!(
            "`{}` leads `{}` to itself, because it does not ask the emulator's DNS server",
            used.url.host,
            case.client.name()
        );
        let mut finding = about(case, used, "DNS001", &["dns"], message);
        let dns = case
            .client
            .network
            .map_or(&[][..], |own| own.dns.as_slice());
        finding = finding.evidence(if dns.is_empty() {
            "`dns:` is not set".to_owned()
        } else {
            format!("`dns:` is {}", dns.join(", "))
        });
        // What the emulator itself said when it was asked from the client's place.
        for ip in world.emulator.container.addresses() {
            let told = records(world, case).iter().find_map(|r| match r {
                Record::Resolve {
                    name,
                    server,
                    answers,
                    ..
                } if is_within(name, DOMAIN) && server.parse() == Ok(ip) && !answers.is_empty() => {
                    Some((name, answers))
                }
                _ => None,
            });
            if let Some((name, answers)) = told {
                let answers: Vec<String> = answers.iter().map(IpAddr::to_string).collect();
                finding =
                    finding.evidence(format!("asked at {ip}, {name} is {}", answers.join(", ")));
            }
        }
        finding.fix(ask_emulator(world, case))
    }))
}

pub(crate) fn not_pinned(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let servers = dns_servers(world.facts, &world.emulator, &case.client);
    let target = world.emulator.container;
    let loose = servers.iter().find_map(|s| match s {
        DnsServer::Emulator(ip) => {
            let mut endpoints = target.endpoints.values();
            endpoints
                .any(|e| e.ip == Some(*ip) && e.pinned_ip.is_none())
                .then_some(*ip)
        }
        _ => None,
    });
    first(loose.zip(case.client.network).map(|(ip, own)| {
        Finding::new(
            "DNS003",
            Subject::of(own, &["dns"]),
            format!(
                "`dns: {ip}` of `{}` is the emulator's address by chance",
                case.client.name()
            ),
        )
        .proven(true)
        .evidence("the emulator has no `ipv4_address`")
        .fix(ask_emulator(world, case))
    }))
}
