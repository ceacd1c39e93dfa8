//! Checks of the URLs that the emulator returns, and of the hosts that SDKs make of buckets.

use std::net::IpAddr;

use lsconfig::diagnostic::Severity;
use lsconfig::release::TargetVersion;

use super::names::{ask_emulator, asks_emulator, of_domain, records};
use super::network::{Kind, about, first, kind};
use super::{Case, Use, World, plan};
use crate::facts::{Lookup, Record};
use crate::finding::{Finding, Subject};
use crate::fix::{Change, Edit, Fix};
use crate::path::{Resolved, resolve};
use crate::world::{DOMAIN, is_within};

/// Returns how queue URLs are made, where that is set.
fn strategy<'w>(world: &'w World<'_>) -> &'w str {
    let env = &world.emulator.container.env;
    env.get("SQS_ENDPOINT_STRATEGY")
        .map_or("standard", String::as_str)
}

/// Returns whether a name that the emulator hands out leads the client astray: as a probe saw it, or
/// by the settings.
fn is_lost(world: &World<'_>, case: &Case<'_>, name: &str) -> bool {
    let seen = records(world, case).iter().find_map(|r| match r {
        Record::Resolve {
            name: n,
            outcome,
            answers,
            ..
        } if n == name => {
            Some(*outcome != Lookup::Found || answers.iter().any(IpAddr::is_loopback))
        }
        _ => None,
    });
    let (resolved, _) = resolve(world.facts, &world.emulator, &case.client, name);
    seen.unwrap_or(match resolved {
        Resolved::Own | Resolved::Nowhere | Resolved::Dead(_) => true,
        Resolved::Unknown => !is_within(name, DOMAIN) && !asks_emulator(world, case),
        _ => false,
    })
}

pub(crate) fn minted_host(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let emulator = &world.emulator;
    let mints = emulator.is_localstack
        && emulator
            .version
            .is_none_or(|v| v >= TargetVersion::exact(3, 0, 0));
    let (Some(host), true, false) = (&emulator.minted_host, mints, case.client.on_host()) else {
        return Vec::new();
    };
    let default = host == DOMAIN;
    if host == "localhost" || host.parse::<IpAddr>().is_ok() {
        return Vec::new();
    }
    let Some(used) = case.uses.first() else {
        return Vec::new();
    };
    let name = format!("sqs.us-east-1.{host}");
    let lost = is_lost(world, case, &name);
    let domain_used = of_domain(world, case).any(Use::fails);
    if default && !queue_url(world, case).is_empty() {
        return Vec::new();
    }
    // With the default domain most clients never use such a URL; only who asked wants to know.
    if !lost
        || (default
            && (!case.client.asked
                || strategy(world) != "standard"
                || !domain_used && kind(world, &used.url) != Kind::Name))
    {
        return Vec::new();
    }
    let message = format!(
        "URLs that the emulator returns lead to `{host}`, which `{}` cannot use",
        case.client.name()
    );
    let severity = if default {
        Severity::Note
    } else {
        Severity::Error
    };
    vec![
        about(case, used, "URL001", &["dns"], message)
            .severity(severity)
            .evidence(format!("`LOCALSTACK_HOST` is {host}, for example {name}"))
            .fix(ask_emulator(world, case))
            .fix(Fix::change(
                "or let queue URLs follow the request: `SQS_ENDPOINT_STRATEGY=dynamic`",
                vec![Change::of(
                    emulator.container,
                    Edit::Set("SQS_ENDPOINT_STRATEGY".into(), "dynamic".into()),
                )],
            )),
    ]
}

pub(crate) fn minted_port(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let emulator = &world.emulator;
    let target = emulator.container;
    let (Some(minted), Some(gateway), true) = (
        emulator.minted_port,
        emulator.published_gateway(),
        case.client.on_host(),
    ) else {
        return Vec::new();
    };
    let Some(published) = gateway.host_port else {
        return Vec::new();
    };
    let mut published_ports = std::iter::once(target)
        .chain(world.facts.stand_ins())
        .flat_map(|c| &c.ports);
    let reaches = published_ports.any(|p| p.host_port == Some(minted) && p.protocol == "tcp");
    if reaches || !emulator.is_localstack || target.network_mode == "host" {
        return Vec::new();
    }
    let host = emulator.minted_host.as_deref().unwrap_or(DOMAIN);
    let mut finding = Finding::new(
        "URL002",
        Subject::of(target, &["ports"]),
        format!(
            "URLs that the emulator returns carry port {minted}, which is published as {published}"
        ),
    );
    if case.client.asked {
        finding = finding.severity(Severity::Error);
    }
    finding = finding.evidence(format!(
        "for example http://sqs.us-east-1.{host}:{minted}/000000000000/queue"
    ));
    // Containers need the port of the emulator in URLs; then the host has to have the same.
    if plan::has_containers(world) {
        finding = finding.fix(Fix::change(
            format!("publish it as {minted}, so that URLs work for containers and for the host"),
            vec![Change::of(
                target,
                Edit::Republish {
                    container_port: gateway.container_port,
                    entry: format!("127.0.0.1:{minted}:{}", gateway.container_port),
                },
            )],
        ));
    } else if let Some(host) = plan::host(world) {
        finding = finding.fix(Fix::change(
            "put the published port into the URLs",
            vec![Change::of(
                target,
                Edit::Set("LOCALSTACK_HOST".into(), host.to_string()),
            )],
        ));
    }
    vec![finding.fix(Fix::change(
        "or let queue URLs follow the request",
        vec![Change::of(
            target,
            Edit::Set("SQS_ENDPOINT_STRATEGY".into(), "dynamic".into()),
        )],
    ))]
}

/// Returns whether the client runs on this platform, by what its image sets.
fn runs_on(case: &Case<'_>, variable: &str, image: &str) -> bool {
    case.client.container.is_some_and(|c| {
        c.env.contains_key(variable) || c.image.split(['/', ':']).any(|part| part == image)
    })
}

fn by_aws_variable<'a, 'f>(case: &'a Case<'f>) -> impl Iterator<Item = &'a Use<'f>> {
    case.uses.iter().filter(|used| {
        let names = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"];
        used.url.from.is_one_of(&names)
    })
}

pub(crate) fn queue_url(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    let emulator = &world.emulator;
    if !runs_on(case, "NODE_VERSION", "node")
        || !emulator.is_localstack
        || strategy(world) != "standard"
    {
        return Vec::new();
    }
    let host = emulator.minted_host.as_deref().unwrap_or(DOMAIN);
    let name = format!("sqs.us-east-1.{host}");
    if case.client.on_host() || !is_lost(world, case, &name) {
        return Vec::new();
    }
    first(by_aws_variable(case).find(|u| kind(world, &u.url) == Kind::Name).map(|used| {
        let message = format!("the SDK for JavaScript will send SQS requests to `{name}`, which leads elsewhere");
        about(case, used, "URL003", &[], message)
            .evidence("the image of the client is Node.js")
            .fix(Fix::change(
                "let queue URLs follow the request",
                vec![Change::of(
                    emulator.container,
                    Edit::Set("SQS_ENDPOINT_STRATEGY".into(), "dynamic".into()),
                )],
            ))
            .fix(Fix::say("or set `endpoint` or `useQueueUrlAsEndpoint: false` in the client"))
            .fix(ask_emulator(world, case))
    }))
}

/// Returns the S3 endpoints of clients whose SDK puts the bucket in front of the host.
fn virtual_s3<'a, 'f>(case: &'a Case<'f>) -> impl Iterator<Item = &'a Use<'f>> {
    let virtual_style =
        runs_on(case, "NODE_VERSION", "node") || runs_on(case, "JAVA_VERSION", "openjdk");
    case.uses
        .iter()
        .filter(move |used| virtual_style && used.url.from.is_one_of(&["AWS_ENDPOINT_URL_S3"]))
}

pub(crate) fn bucket_from_path(_: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    first(virtual_s3(case).find(|u| u.url.host == DOMAIN).map(|used| {
        let message = format!(
            "buckets become names such as `bucket.{DOMAIN}`, which S3 does not take for a bucket"
        );
        let host = format!("s3.{DOMAIN}");
        about(case, used, "S3001", &[], message)
            .fix(use_url_s3(case, used, &host))
            .fix(Fix::say("or force the path style in the client"))
    }))
}

pub(crate) fn bucket_host(world: &World<'_>, case: &Case<'_>) -> Vec<Finding> {
    if case.client.on_host() {
        return Vec::new();
    }
    first(
        virtual_s3(case)
            .find(|u| kind(world, &u.url) == Kind::Name)
            .map(|used| {
                let message = format!(
                    "buckets become names such as `bucket.{}`, which Docker's DNS does not know",
                    used.url.host
                );
                let mut fix = use_url_s3(case, used, &format!("s3.{DOMAIN}"));
                fix.changes.extend(ask_emulator(world, case).changes);
                about(case, used, "S3002", &[], message)
                    .fix(Fix::say("force the path style in the client"))
                    .fix(fix)
            }),
    )
}

fn use_url_s3(case: &Case<'_>, used: &Use<'_>, host: &str) -> Fix {
    let url = format!("http://{host}:{}", used.url.port);
    let title = format!("use {url}");
    match case.client.container {
        Some(container) => Fix::change(
            title,
            vec![Change::of(
                container,
                Edit::Set("AWS_ENDPOINT_URL_S3".into(), url),
            )],
        ),
        None => Fix::say(title),
    }
}
