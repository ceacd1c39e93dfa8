//! Checks of the client itself: proxies, TLS, its URLs.

use lsconfig::diagnostic::Severity;

use super::network::{Kind, about, first, kind, use_url};
use super::{Case, Use, World};
use crate::facts::{Record, Status};
use crate::finding::{Finding, Subject};
use crate::fix::{Change, Edit, Fix};
use crate::path::Outcome;
use crate::world::{DOMAIN, is_within};

pub(crate) fn not_running(_: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let stopped = case
        .client
        .container
        .filter(|c| !c.is_up() || c.status == Status::Paused);
    first(stopped.map(|own| {
        let (state, act) = match own.status {
            Status::Paused => ("is paused", "unpause"),
            Status::Restarting => ("ends and restarts again and again", "logs --tail 50"),
            _ => ("does not run", "start"),
        };
        let mut finding = Finding::new(
            "CT005",
            Subject::of(own, &[]),
            format!("`{}` {state}", case.client.name()),
        )
        .proven(true);
        if let Some(code) = own.exit_code {
            finding = finding.evidence(format!("exit code {code}"));
        }
        finding.fix(
            Fix::say("see to it, then ask again").command(format!("docker {act} {}", own.name)),
        )
    }))
}

pub(crate) fn underscore(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    first(
        case.uses
            .iter()
            .find(|u| u.url.host.contains('_'))
            .map(|used| {
                let message = format!(
                    "`{}` has an underscore, which no host name may have",
                    used.url.host
                );
                let better = world.emulator.best_name();
                let finding = about(case, used, "CFG007", &[], message)
                    .evidence("boto3 refuses such a URL before it sends anything, curl does not");
                if better.contains('_') {
                    finding.fix(Fix::say(
                        "give the emulator an alias or service name without underscore",
                    ))
                } else {
                    finding.fix(use_url(case, used, better, used.url.port))
                }
            }),
    )
}

/// The proxy that a URL goes to: the variable and its value.
fn proxy_of<'c>(case: &'c Case<'_>, used: &Use<'_>) -> Option<(&'c str, &'c str)> {
    let names: &[&str] = if used.url.tls {
        &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    } else {
        &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    };
    let env = case.client.env();
    names.iter().find_map(|name| {
        let (name, value) = env.get_key_value(*name)?;
        (!value.is_empty()).then_some((name.as_str(), value.as_str()))
    })
}

fn exceptions<'c>(case: &'c Case<'_>) -> Option<&'c str> {
    let value = |name| case.client.variable(name).filter(|v| !v.is_empty());
    value("NO_PROXY").or_else(|| value("no_proxy"))
}

/// Returns whether a list of exceptions covers a host, in the forms that curl and boto3 agree on.
fn is_excepted(list: &str, host: &str) -> bool {
    list.split([',', ' '])
        .map(str::trim)
        .filter(|e| !e.is_empty())
        .any(|entry| {
            if entry == "*" {
                return true;
            }
            let (name, _) = entry
                .rsplit_once(':')
                .filter(|(n, p)| !n.contains(':') && p.parse::<u16>().is_ok())
                .unwrap_or((entry, ""));
            let name = name.trim_start_matches('.').to_ascii_lowercase();
            is_within(host, &name)
        })
}

/// Returns the first use that a proxy takes.
fn proxied<'a, 'f>(
    world: &World<'_>,
    case: &'a Case<'f>,
) -> Option<(&'a Use<'f>, &'a str, &'a str)> {
    case.uses.iter().find_map(|used| {
        if matches!(kind(world, &used.url), Kind::Other | Kind::Stranger) {
            return None;
        }
        let (name, value) = proxy_of(case, used)?;
        let excepted = exceptions(case).is_some_and(|list| is_excepted(list, &used.url.host));
        (!excepted).then_some((used, name, value))
    })
}

fn exception_fix(world: &World<'_>, case: &Case<'_>, used: &Use<'_>) -> Fix {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        DOMAIN.to_owned(),
    ];
    names.extend(world.emulator.names.iter().cloned());
    if !names.iter().any(|n| is_within(&used.url.host, n)) {
        names.push(used.url.host.clone());
    }
    let list = names.join(",");
    let changes = case.client.container.map_or(Vec::new(), |own| {
        let set = |name: &str| Change::of(own, Edit::Set(name.to_owned(), list.clone()));
        vec![set("NO_PROXY"), set("no_proxy")]
    });
    Fix::change("except the emulator, in both spellings", changes)
}

pub(crate) fn proxy(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    first(proxied(world, case).map(|(used, name, value)| {
        let message = format!(
            "requests of `{}` to `{}` go to a proxy",
            case.client.name(),
            used.url.host
        );
        about(
            case,
            used,
            "PRX001",
            &[&format!("environment.{name}"), "environment"],
            message,
        )
        .evidence(format!("`{name}` is {value}"))
        .evidence(match exceptions(case) {
            Some(list) => format!("`NO_PROXY` is {list}"),
            None => "`NO_PROXY` is not set".to_owned(),
        })
        .fix(exception_fix(world, case, used))
    }))
}

pub(crate) fn no_proxy_ineffective(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let found = proxied(world, case).and_then(|(used, ..)| {
        let list = exceptions(case)?;
        let entry = list.split(',').map(str::trim).find(|entry| {
            entry
                .strip_prefix("*.")
                .is_some_and(|apex| is_within(&used.url.host, apex))
        })?;
        Some((used, entry))
    });
    first(found.map(|(used, entry)| {
        let message = format!("`{entry}` in `NO_PROXY` matches nothing");
        about(
            case,
            used,
            "PRX002",
            &[
                "environment.NO_PROXY",
                "environment.no_proxy",
                "environment",
            ],
            message,
        )
        .evidence(format!("write {} instead", &entry[2..]))
        .fix(exception_fix(world, case, used))
    }))
}

pub(crate) fn tls_to_plain(_: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let mut uses = case
        .uses
        .iter()
        .filter(|u| u.path().outcome == Outcome::Plain);
    first(uses.next().map(|used| {
        let message = format!(
            "port {} of `{}` speaks plain HTTP",
            used.url.port, used.url.host
        );
        about(case, used, "TLS003", &[], message).fix(use_url(
            case,
            used,
            &used.url.host,
            used.url.port,
        ))
    }))
}

/// The certificate that was served for a URL.
struct Served<'f> {
    sans: &'f [String],
    not_after: Option<i64>,
    self_signed: Option<bool>,
}

fn served<'f>(world: &World<'f>, case: &Case<'_>, used: &Use<'_>) -> Option<Served<'f>> {
    let records = &world.facts.observed(&case.client.position)?.records;
    records.iter().find_map(|record| match record {
        Record::Tls {
            address,
            sni,
            outcome: crate::facts::Handshake::Ok,
            sans,
            not_after,
            self_signed,
        } if address.port() == used.url.port && *sni == used.url.host => Some(Served {
            sans,
            not_after: *not_after,
            self_signed: *self_signed,
        }),
        _ => None,
    })
}

/// Returns whether a name in a certificate covers a host (RFC 6125, 6.4.3: a wildcard is one label).
fn covers(san: &str, host: &str) -> bool {
    if san.eq_ignore_ascii_case(host) {
        return true;
    }
    let rest = |name: &str| {
        name.split_once('.')
            .map(|(_, rest)| rest.to_ascii_lowercase())
    };
    san.strip_prefix("*.")
        .is_some_and(|apex| rest(host).is_some_and(|r| r == apex.to_ascii_lowercase()))
}

pub(crate) fn certificate_name(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let found = case.uses.iter().filter(|u| u.url.tls).find_map(|used| {
        let evidence = match served(world, case, used) {
            Some(cert) if !cert.sans.iter().any(|san| covers(san, &used.url.host)) => {
                format!("the certificate is for {}", cert.sans.join(", "))
            }
            Some(_) => return None,
            None if kind(world, &used.url) == Kind::Name
                && world.emulator.is_localstack
                && !world
                    .emulator
                    .container
                    .env
                    .contains_key("CUSTOM_SSL_CERT_PATH") =>
            {
                "LocalStack's certificate covers no container name".to_owned()
            }
            None => return None,
        };
        Some((used, evidence))
    });
    first(found.map(|(used, evidence)| {
        let message = format!("no name in the certificate covers `{}`", used.url.host);
        let is_seen = served(world, case, used).is_some();
        let mut finding = about(case, used, "TLS001", &[], message)
            .evidence(evidence)
            .fix(use_url(case, used, &used.url.host, used.url.port));
        if !is_seen {
            finding.confidence = crate::finding::Confidence::Predicted;
        }
        if kind(world, &used.url) == Kind::Name {
            finding = finding.fix(Fix::say(format!(
                "or use https://{DOMAIN}:{} together with the emulator's DNS",
                used.url.port
            )));
        }
        finding
    }))
}

pub(crate) fn certificate_expired(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let Some(now) = world.facts.taken_at else {
        return Vec::new();
    };
    let mut uses = case.uses.iter().filter(|u| u.url.tls);
    let found = uses.find(|used| {
        let end = served(world, case, used).and_then(|cert| cert.not_after);
        end.is_some_and(|end| end < now)
    });
    first(found.map(|used| {
        let message = format!("the certificate for `{}` has expired", used.url.host);
        about(case, used, "TLS004", &[], message)
            .fix(Fix::say(
                "restart the emulator with access to the internet, which brings a new one",
            ))
            .fix(use_url(case, used, &used.url.host, used.url.port))
    }))
}

/// Variables by which clients are told to trust a certificate.
const TRUST: [&str; 6] = [
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

pub(crate) fn certificate_untrusted(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let told = TRUST
        .iter()
        .any(|name| case.client.variable(name).is_some());
    let mut uses = case.uses.iter().filter(|u| u.url.tls && !told);
    let found = uses
        .find(|used| served(world, case, used).is_some_and(|cert| cert.self_signed == Some(true)));
    first(found.map(|used| {
        let message = format!("the certificate for `{}` is its own issuer", used.url.host);
        about(case, used, "TLS002", &[], message)
            .evidence(format!("none of {} is set", TRUST.join(", ")))
            .fix(use_url(case, used, &used.url.host, used.url.port))
            .fix(Fix::say(
                "or give the client the certificate, with AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS",
            ))
    }))
}

pub(crate) fn not_the_emulator(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let mut uses = case.uses.iter().filter(|used| {
        world.emulator.is_localstack
            && kind(world, &used.url) != Kind::Other
            && used
                .observed
                .as_ref()
                .is_some_and(|p| matches!(p.outcome, Outcome::Foreign(_) | Outcome::NotHttp))
    });
    first(uses.next().map(|used| {
        let message = format!(
            "something else than the emulator answers at {}",
            used.url.text
        );
        let server = world
            .facts
            .observed(&case.client.position)
            .into_iter()
            .flat_map(|o| &o.records)
            .find_map(|r| match r {
                Record::Http {
                    url,
                    outcome: crate::facts::Answer::Other { server, .. },
                    ..
                } if *url == used.url.text => server.clone(),
                _ => None,
            });
        let mut finding = about(case, used, "CT006", &[], message);
        if let Some(server) = server {
            finding = finding.evidence(format!("it calls itself {server}"));
        }
        finding.fix(Fix::say(
            "find out what answers there, and use the emulator's own name and port",
        ))
    }))
}

pub(crate) fn contradicted(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for used in &case.uses {
        let Some(observed) = &used.observed else {
            continue;
        };
        // An emulator that is not LocalStack has no health document to tell it by.
        let alive = observed.outcome == Outcome::Ok
            || (!world.emulator.is_localstack && matches!(observed.outcome, Outcome::Foreign(_)));
        let predicted = &used.predicted.outcome;
        // What the rules do not promise may be the work of a stand-in of ours.
        let stood_in = world.facts.stand_ins().next().is_some();
        if *predicted != Outcome::Ok && alive && predicted.fails() && !stood_in {
            let message = format!(
                "{} works, against the rules: {} was to be expected",
                used.url.text,
                predicted.describe()
            );
            findings.push(about(case, used, "NET012", &[], message).severity(Severity::Note));
        } else if !alive && observed.outcome.fails() && kind(world, &used.url) != Kind::Other {
            // The host is told about only when it was asked.
            if case.client.container.is_none() && !case.client.asked {
                continue;
            }
            let message = format!("{} fails, and no setting explains it", used.url.text);
            findings.push(
                about(case, used, "NET012", &[], message)
                    .evidence(format!("by the settings: {}", predicted.describe()))
                    .fix(Fix::say("look at packet filters and VPNs; restarting the engine writes its rules anew")),
            );
        }
    }
    findings.truncate(1);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_cover_what_curl_and_boto3_agree_on() {
        for (list, host, covered) in [
            ("localhost", "localhost", true),
            (DOMAIN, "sqs.localhost.localstack.cloud", true),
            (".localhost.localstack.cloud", DOMAIN, true),
            (
                "*.localhost.localstack.cloud",
                "sqs.localhost.localstack.cloud",
                false,
            ),
            ("a, localstack", "localstack", true),
            ("localstack:4566", "localstack", true),
            ("*", "x", true),
            ("stack", "localstack", false),
            ("", "x", false),
        ] {
            assert_eq!(is_excepted(list, host), covered, "{list} {host}");
        }
    }

    #[test]
    fn a_wildcard_covers_one_label() {
        assert!(covers(
            "*.localhost.localstack.cloud",
            "a.localhost.localstack.cloud"
        ));
        assert!(!covers(
            "*.localhost.localstack.cloud",
            "a.b.localhost.localstack.cloud"
        ));
        assert!(!covers("*.localhost.localstack.cloud", DOMAIN));
        assert!(covers("LocalStack", "localstack"));
    }
}
