//! From an engine to [`Facts`]: reads only, nothing is created or changed.
//!
//! Whatever an engine leaves out, or has as null, is not known; whatever vanishes while it is read is
//! left out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;

use lsconfig::redact::{REDACTED, redact, redact_text};
use serde_json::Value;

use crate::engine::standing::standing;
use crate::engine::{Engine, EngineError, Found};
use crate::facts::{
    ComposeService, Container, Endpoint, Engine as Observed, Facts, Health, Network, Published,
    Question, Status, Subnet,
};

/// The label of the containers and images that are ours.
pub const LABEL: &str = "cloud.lsconfig.probe";
/// The value of that label on a container that stands in for the emulator. Images hand their labels
/// on, so it is set on every container of ours.
pub const STAND_IN: &str = "stand-in";
/// How many containers are looked at; the rest is left out.
const MAX_CONTAINERS: usize = 2000;
/// How many questions are asked at the same time.
const WORKERS: usize = 8;
/// How much of `/etc/hosts` and `/etc/resolv.conf` is read.
const MAX_FILE: usize = 64 << 10;

/// Reads everything that the engine knows about networks and containers.
///
/// # Errors
/// When the engine stops answering.
pub fn gather(found: &Found, question: Question) -> Result<Facts, EngineError> {
    let engine = &found.engine;
    let version = engine.version()?;
    let info = engine.info()?;
    let mut ids: Vec<String> = engine
        .containers(None)?
        .iter()
        .filter_map(|container| text(container, "/Id"))
        .collect();
    ids.truncate(MAX_CONTAINERS);
    let mut containers = in_parallel(&ids, |id| match engine.inspect(id) {
        Ok(value) => Ok(Some(container(&value))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    })?;
    containers.retain(|c| c.is_stand_in() || !c.labels.contains_key(LABEL));
    containers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let mut networks: Vec<Network> = engine.networks()?.iter().map(network).collect();
    networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let options = info.get("SecurityOptions").and_then(Value::as_array);
    let rootless = options.map(|all| {
        let mut names = all.iter().filter_map(Value::as_str);
        names.any(|name| name.contains("rootless"))
    });
    Ok(Facts {
        question,
        engine: Observed::Reached {
            address: engine.address().to_string(),
            found_by: found.found_by.clone(),
            version: text(&version, "/Version").unwrap_or_default(),
            api_version: engine.api().to_string(),
            operating_system: text(&info, "/OperatingSystem").unwrap_or_default(),
            rootless,
            standing: standing(&info, engine.address(), &found.machine),
        },
        networks,
        containers,
        ..Facts::default()
    })
}

/// Reads the files that decide about names, of the containers with these ids.
///
/// # Errors
/// When the engine stops answering.
pub fn read_files(engine: &Engine, facts: &mut Facts, ids: &[String]) -> Result<(), EngineError> {
    let files = in_parallel(ids, |id| {
        let read = |path| match engine.file(id, path, MAX_FILE) {
            Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
            // A container that is being removed, or that the engine cannot look into.
            Err(EngineError::Status { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        Ok(Some((
            id.clone(),
            read("/etc/hosts")?,
            read("/etc/resolv.conf")?,
        )))
    })?;
    for (id, hosts, resolv_conf) in files {
        if let Some(container) = facts.containers.iter_mut().find(|c| c.id == id) {
            container.hosts_file = hosts;
            container.resolv_conf = resolv_conf;
        }
    }
    Ok(())
}

/// Asks about every item with a few threads; the order of the answers is that of the threads.
fn in_parallel<T: Send>(
    items: &[String],
    ask: impl Fn(&String) -> Result<Option<T>, EngineError> + Sync,
) -> Result<Vec<T>, EngineError> {
    let queue = Mutex::new(items.iter());
    let results = Mutex::new(Ok(Vec::with_capacity(items.len())));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some(item) = next else { return };
                    let answer = ask(item);
                    let Ok(mut results) = results.lock() else {
                        return;
                    };
                    match (answer, results.as_mut()) {
                        (_, Err(_)) => return,
                        (Ok(answer), Ok(all)) => all.extend(answer),
                        (Err(error), Ok(_)) => *results = Err(error),
                    }
                }
            });
        }
    });
    results
        .into_inner()
        .map_err(|_| EngineError::Malformed("a thread died"))?
}

/// Reads a network as `GET /networks` gives it.
#[must_use]
pub fn network(value: &Value) -> Network {
    let option = |name: &str| {
        let options = value.get("Options")?.as_object()?;
        options.get(name)?.as_str()
    };
    let configs = value.pointer("/IPAM/Config").and_then(Value::as_array);
    Network {
        id: text(value, "/Id").unwrap_or_default(),
        name: text(value, "/Name").unwrap_or_default(),
        driver: text(value, "/Driver").unwrap_or_default(),
        internal: flag(value, "/Internal"),
        enable_ipv6: flag(value, "/EnableIPv6"),
        subnets: configs
            .into_iter()
            .flatten()
            .filter_map(|config| {
                Some(Subnet {
                    subnet: text(config, "/Subnet")?.parse().ok()?,
                    gateway: address(config, "/Gateway"),
                })
            })
            .collect(),
        icc: option("com.docker.network.bridge.enable_icc").map(|value| value != "false"),
        labels: labels(value.get("Labels")),
        place: None,
    }
}

/// Reads a container as inspecting it gives it.
#[must_use]
pub fn container(value: &Value) -> Container {
    let all = |pointer: &str| texts(value.pointer(pointer));
    let status = match text(value, "/State/Status").unwrap_or_default().as_str() {
        "running" => Status::Running,
        "paused" => Status::Paused,
        "restarting" => Status::Restarting,
        "exited" | "removing" => Status::Exited,
        "dead" => Status::Dead,
        _ => Status::Created,
    };
    let ended = matches!(status, Status::Exited | Status::Dead | Status::Restarting);
    let active = ports(value.pointer("/NetworkSettings/Ports"));
    let wanted = ports(value.pointer("/HostConfig/PortBindings"));
    let runs = matches!(status, Status::Running | Status::Paused);
    let labels = labels(value.pointer("/Config/Labels"));
    let exposed = value
        .pointer("/Config/ExposedPorts")
        .and_then(Value::as_object);
    let mounts = value.get("Mounts").and_then(Value::as_array);
    let networks = value
        .pointer("/NetworkSettings/Networks")
        .and_then(Value::as_object);
    Container {
        id: text(value, "/Id").unwrap_or_default(),
        name: text(value, "/Name")
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        image: text(value, "/Config/Image").unwrap_or_default(),
        status,
        health: match text(value, "/State/Health/Status").as_deref() {
            Some("healthy") => Some(Health::Healthy),
            Some("unhealthy") => Some(Health::Unhealthy),
            Some("starting") => Some(Health::Starting),
            _ => None,
        },
        exit_code: value
            .pointer("/State/ExitCode")
            .and_then(Value::as_i64)
            .filter(|_| ended),
        oom_killed: flag(value, "/State/OOMKilled"),
        start_error: redact_text(&text(value, "/State/Error").unwrap_or_default()).into_owned(),
        hostname: text(value, "/Config/Hostname").unwrap_or_default(),
        network_mode: text(value, "/HostConfig/NetworkMode").unwrap_or_default(),
        dns: all("/HostConfig/Dns"),
        extra_hosts: all("/HostConfig/ExtraHosts"),
        links: all("/HostConfig/Links").iter().map(|l| link(l)).collect(),
        ports_active: runs.then_some(!active.is_empty() || wanted.is_empty()),
        ports: if runs && !active.is_empty() {
            active
        } else {
            wanted
        },
        exposed: exposed
            .map(|ports| ports.keys().cloned().collect())
            .unwrap_or_default(),
        env: all("/Config/Env")
            .iter()
            .filter_map(|v| variable(v))
            .collect(),
        compose: compose(&labels),
        labels,
        mounts: mounts
            .into_iter()
            .flatten()
            .filter_map(|mount| text(mount, "/Destination"))
            .collect(),
        endpoints: networks
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), endpoint(value)))
            .collect(),
        hosts_file: None,
        resolv_conf: None,
    }
}

fn endpoint(value: &Value) -> Endpoint {
    let mut aliases = texts(value.get("Aliases"));
    for name in texts(value.get("DNSNames")) {
        if !aliases.contains(&name) {
            aliases.push(name);
        }
    }
    Endpoint {
        ip: address(value, "/IPAddress"),
        ip6: address(value, "/GlobalIPv6Address"),
        pinned_ip: address(value, "/IPAMConfig/IPv4Address"),
        aliases,
        gateway: address(value, "/Gateway"),
        mac: text(value, "/MacAddress").unwrap_or_default(),
    }
}

/// Reads `{"4566/tcp": [{"HostIp": "", "HostPort": "4566"}]}`, where the list may be null.
fn ports(value: Option<&Value>) -> Vec<Published> {
    let mut all: Vec<Published> = Vec::new();
    for (key, bindings) in value.and_then(Value::as_object).into_iter().flatten() {
        let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
        let Ok(container_port) = port.parse() else {
            continue;
        };
        for binding in bindings.as_array().into_iter().flatten() {
            let host_ip = address(binding, "/HostIp").filter(|ip| !ip.is_unspecified());
            let host_port = text(binding, "/HostPort").and_then(|port| port.parse().ok());
            let published = Published {
                host_ip,
                host_port: host_port.filter(|&port| port != 0),
                container_port,
                protocol: protocol.to_owned(),
            };
            if !all.contains(&published) {
                all.push(published);
            }
        }
    }
    all
}

/// Turns `/ls:/app/localstack` into `ls:localstack`.
fn link(text: &str) -> String {
    let (container, alias) = text.split_once(':').unwrap_or((text, text));
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    format!("{}:{}", last(container), last(alias))
}

/// Reads `NAME=value`; what does not matter here is replaced, and secrets always.
fn variable(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((name.to_owned(), shown_value(name, value)))
}

/// Returns the value of a variable as facts keep it.
#[must_use]
pub fn shown_value(name: &str, value: &str) -> String {
    let bare = name.strip_prefix("LOCALSTACK_").unwrap_or(name);
    let known = lsconfig::variable::lookup(name)
        .or_else(|| lsconfig::variable::lookup(bare))
        .is_some();
    let upper = name.to_ascii_uppercase();
    let named = [
        "PROXY",
        "SERVICES",
        "ENDPOINT",
        "LOCALSTACK",
        "AWS_",
        "HOST",
        "PORT",
        "URL",
        "VERSION",
    ];
    let matters = known
        || named.iter().any(|word| upper.contains(word))
        || value.contains("://")
        || value.contains("localhost")
        || value.contains("localstack");
    if matters || value.is_empty() {
        redact(name, value).into_owned()
    } else {
        REDACTED.to_owned()
    }
}

/// Reads the labels that Compose puts on its containers.
fn compose(labels: &BTreeMap<String, String>) -> Option<ComposeService> {
    let of = |name: &str| labels.get(&format!("com.docker.compose.{name}"));
    let files = of("project.config_files").map(String::as_str);
    Some(ComposeService {
        project: of("project")?.clone(),
        service: of("service")?.clone(),
        files: files
            .unwrap_or_default()
            .split(',')
            .filter(|file| !file.is_empty())
            .map(str::to_owned)
            .collect(),
        ..ComposeService::default()
    })
}

fn labels(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let text = value.as_str().unwrap_or_default();
            (name.clone(), redact(name, text).into_owned())
        })
        .collect()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

fn address(value: &Value, pointer: &str) -> Option<IpAddr> {
    text(value, pointer)?.parse().ok()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_null_or_absent_is_not_known() {
        let network =
            network(&json!({"Id": "n", "Name": "x", "IPAM": {"Config": null}, "Options": null}));
        assert!(network.subnets.is_empty() && network.icc.is_none());
        let container = container(&json!({
            "Id": "c", "Name": "/app", "State": {"Status": "running"},
            "HostConfig": {"Dns": null, "Links": ["/ls:/app/localstack"], "PortBindings": null},
            "NetworkSettings": {"Ports": {"4566/tcp": null}, "Networks": {"x": {"Aliases": null}}},
            "Config": {"Env": ["AWS_SECRET_ACCESS_KEY=abc", "NOTE=hello", "A=http://h:1", "broken"], "Labels": null},
        }));
        assert_eq!((container.name.as_str(), container.ports.len()), ("app", 0));
        assert_eq!(container.links, ["ls:localstack"]);
        assert_eq!(container.env["AWS_SECRET_ACCESS_KEY"], REDACTED);
        assert_eq!(container.env["NOTE"], REDACTED);
        assert_eq!(container.env["A"], "http://h:1");
        assert_eq!(container.endpoints["x"], Endpoint::default());
    }

    #[test]
    fn a_port_on_both_families_is_one() {
        let value = json!({"4566/tcp": [
            {"HostIp": "0.0.0.0", "HostPort": "4566"}, {"HostIp": "::", "HostPort": "4566"},
            {"HostIp": "127.0.0.1", "HostPort": "0"},
        ], "x/tcp": [{}]});
        let all = ports(Some(&value));
        assert_eq!(
            (all.len(), all[0].host_ip, all[0].host_port),
            (2, None, Some(4566))
        );
        assert_eq!(all[1].host_port, None);
    }
}
