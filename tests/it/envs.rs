//! Whole environments as each release reads them (`envs.jsonl`).

use std::collections::BTreeMap;

use lsconfig::addr::Authority;
use lsconfig::diagnostic::codes;
use lsconfig::facts::Facts;
use lsconfig::layer::{Layer, Layers, SourceKind};
use lsconfig::release::TargetVersion;
use lsconfig::resolve::resolve;
use lsconfig::settings::{Resolution, Value};
use serde_json::{Value as Json, json};

use crate::vectors::{assert_none, records};

/// Settings of the records that are addresses, URLs or lists, compared by a rule of their own.
const OWN_RULE: [&str; 9] = [
    "bind",
    "gateway_listen",
    "localstack_host",
    "deprecated",
    "error",
    "unordered",
    "config_log",
    "external_url",
    "internal_url",
];

fn pairs(addresses: &[Authority]) -> Json {
    addresses.iter().map(pair).collect()
}

fn pair(a: &Authority) -> Json {
    json!([a.host.as_str(), number(&a.port)])
}

fn number(port: &lsconfig::python::Int) -> Json {
    port.as_i64()
        .map_or_else(|| json!(port.to_string()), |port| json!(port))
}

/// For each port the hosts, sorted: what may be compared where LocalStack's order is random.
fn by_port(addresses: &Json) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for address in addresses.as_array().into_iter().flatten() {
        groups
            .entry(address[1].to_string())
            .or_default()
            .push(address[0].to_string());
    }
    groups.values_mut().for_each(|hosts| hosts.sort());
    groups
}

fn field(resolution: &Resolution, name: &str) -> Option<Json> {
    let legacy = resolution.legacy.as_ref();
    let host = |prefix: &str| {
        let host = resolution.localstack_host.as_ref()?.value.host.as_str();
        Some(json!(format!("{prefix}.{host}")))
    };
    let url = |host: &str, port: &lsconfig::python::Int| {
        Some(json!(format!("{}://{host}:{port}", resolution.scheme())))
    };
    match name {
        "edge_bind_host" => Some(json!(legacy?.edge_bind_host.value)),
        "edge_port" => Some(number(&legacy?.edge_port.value)),
        "edge_port_http" => Some(number(&legacy?.edge_port_http.value)),
        "hostname_external" => Some(json!(legacy?.hostname_external.value)),
        "localstack_hostname" => Some(json!(legacy?.localstack_hostname.value)),
        "external_url" => Some(json!(resolution.external_url()?)),
        "internal_url" => Some(json!(resolution.internal_url()?)),
        "edge_url" => url(&legacy?.localstack_hostname.value, legacy?.url_port()),
        "external_url_sqs" => match resolution.value("SQS_PORT_EXTERNAL") {
            Some(Value::Number(port)) if !port.is_zero() => {
                url(&legacy?.hostname_external.value, port)
            }
            _ => url(&legacy?.hostname_external.value, legacy?.url_port()),
        },
        "external_url_sub" => {
            let address = &resolution.localstack_host.as_ref()?.value;
            url(&format!("a.b.{}", address.host.as_str()), &address.port)
        }
        "s3_virtual_hostname" => host("s3"),
        "s3_static_website_hostname" => host("s3-website"),
        "is_in_docker" => Some(json!(resolution.in_container)),
        "use_custom_dns" => {
            let address = resolution.value("DNS_ADDRESS")?.as_str();
            Some(json!(!matches!(address, "0" | "false" | "False")))
        }
        _ => Some(match resolution.value(&name.to_ascii_uppercase())? {
            Value::Unset => Json::Null,
            Value::Flag(on) => json!(on),
            Value::Number(number) => self::number(number),
            Value::Text(text) => json!(text),
        }),
    }
}

#[test]
fn every_release_reads_environments_as_recorded() {
    let mut mismatches = Vec::new();
    let mut cases = 0;
    let all = records("envs");
    let base = |in_docker: bool| {
        if in_docker {
            &all[0]["observed"]
        } else {
            &all[1]["observed"]
        }
    };
    assert_eq!(
        (&all[0]["id"], &all[1]["id"]),
        (&json!("#base/d"), &json!("#base/h"))
    );
    for record in &all {
        let env = record["env"].as_object().expect("object");
        let pairs_of = env
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str().expect("text")));
        let layer = Layer::from_pairs(SourceKind::Environment, "environment", pairs_of);
        let layers = Layers::from_iter([layer]);
        let in_container = record["in_docker"].as_bool().expect("bool");
        for (version, observed) in record["observed"].as_object().expect("object") {
            cases += 1;
            let target: TargetVersion = version.parse().expect("version");
            let facts = Facts {
                in_container,
                through_entrypoint: false,
            };
            let resolution = resolve(&layers, &facts, target);
            let mut disagree = |what: &str, theirs: &Json, ours: &Json| {
                mismatches.push(format!(
                    "{} {version} {what}: {theirs} observed, {ours} here; {}",
                    record["id"], record["env"]
                ));
            };
            let deprecated: Json = resolution
                .diagnostics
                .iter()
                .filter(|d| d.code == codes::DEPRECATED_VARIABLE.code)
                .map(|d| json!(d.variable))
                .collect();
            if deprecated != observed["deprecated"] {
                disagree("deprecated", &observed["deprecated"], &deprecated);
            }
            let failure = resolution.failure.as_ref();
            let theirs = observed.get("error").map_or(&Json::Null, |e| &e["message"]);
            let ours = json!(failure.map(|f| &f.message));
            if *theirs != ours {
                disagree("error", theirs, &ours);
            }
            if observed.get("error").is_some() || failure.is_some() {
                continue;
            }
            let mut bind = (observed["bind"].clone(), pairs(&resolution.bind));
            let listen = resolution.gateway_listen.as_ref();
            let mut held = (
                observed
                    .get("gateway_listen")
                    .cloned()
                    .unwrap_or(Json::Null),
                listen.map_or(Json::Null, |s| pairs(&s.value)),
            );
            if observed.get("unordered") == Some(&json!(true)) {
                for (theirs, ours) in [&mut bind, &mut held] {
                    *theirs = json!(by_port(theirs));
                    *ours = json!(by_port(ours));
                }
            }
            if bind.0 != bind.1 {
                disagree("bind", &bind.0, &bind.1);
            }
            if held.0 != held.1 {
                disagree("gateway_listen", &held.0, &held.1);
            }
            let theirs = observed.get("localstack_host").unwrap_or(&Json::Null);
            let ours = resolution
                .localstack_host
                .as_ref()
                .map_or(Json::Null, |s| pair(&s.value));
            if *theirs != ours {
                disagree("localstack_host", theirs, &ours);
            }
            // Settings equal to the base record of the same version and place are left out there.
            let mut expected = base(in_container)[version]
                .as_object()
                .expect("object")
                .clone();
            expected.extend(observed.as_object().expect("object").clone());
            for (name, theirs) in &expected {
                let derived = ["edge_url", "external_url_sqs", "external_url_sub"];
                let stale = observed.get(name).is_none() && derived.contains(&name.as_str());
                if stale || (OWN_RULE.contains(&name.as_str()) && !name.ends_with("_url")) {
                    continue;
                }
                let ours = field(&resolution, name).unwrap_or(Json::Null);
                if ours != *theirs {
                    disagree(name, theirs, &ours);
                }
            }
        }
    }
    assert_none(&mismatches, cases);
}

#[test]
fn the_image_of_1x_binds_all_interfaces_unless_told_otherwise() {
    let bind = |pairs: &[(&str, &str)], version: (u16, u16)| {
        let layer = Layer::from_pairs(SourceKind::Compose, "compose", pairs.iter().copied());
        let target = TargetVersion::new(version.0, version.1);
        resolve(&Layers::from_iter([layer]), &Facts::container(), target).bind[0].to_string()
    };
    assert_eq!(bind(&[], (1, 4)), "0.0.0.0:4566");
    assert_eq!(
        bind(&[("EDGE_BIND_HOST", "10.0.2.20")], (1, 4)),
        "10.0.2.20:4566"
    );
    assert_eq!(
        bind(&[("LOCALSTACK_EDGE_BIND_HOST", "10.0.2.20")], (1, 4)),
        "10.0.2.20:4566"
    );
    assert_eq!(bind(&[], (2, 0)), "0.0.0.0:4566");
}
