//! A fake engine on a unix socket: what is asked, and what comes of bad answers.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsconfig_doctor::engine::{Address, Engine, EngineError, Found, Surroundings, discover};
use lsconfig_doctor::facts::{Engine as Observed, Question};
use lsconfig_doctor::gather::{gather, read_files};
use lsconfig_doctor::judge::judge;
use lsconfig_doctor::report::{Document, annotations};
use serde_json::{Value, json};

/// What the fake says to a request line.
type Answer = dyn Fn(&str) -> Vec<u8> + Send + Sync;

pub(crate) struct Fake {
    _folder: tempfile::TempDir,
    pub(crate) socket: PathBuf,
}

impl Fake {
    pub(crate) fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || {
                    let mut request = Vec::new();
                    let mut byte = [0];
                    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0
                    {
                        request.push(byte[0]);
                    }
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let line = text.lines().next().unwrap_or_default().to_owned();
                    let length = text
                        .lines()
                        .find_map(|l| l.strip_prefix("Content-Length: ")?.parse().ok());
                    // Who hangs up on an unread body resets the connection.
                    let mut body = (&mut stream).take(length.unwrap_or(0));
                    let _ = std::io::copy(&mut body, &mut std::io::sink());
                    // The other side may have hung up.
                    let _ = stream.write_all(&answer(&line));
                });
            }
        });
        Self {
            _folder: folder,
            socket,
        }
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            docker_host: Some(format!("unix://{}", self.socket.display())),
            ..Surroundings::default()
        }
    }

    fn found(&self) -> Found {
        discover(&self.surroundings()).unwrap()
    }
}

pub(crate) fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn ok(value: &Value) -> Vec<u8> {
    http("200 OK", "", value.to_string().as_bytes())
}

/// The usual answers; `None` leaves it to the caller.
pub(crate) fn usual(line: &str) -> Option<Vec<u8>> {
    if line.contains("/_ping") {
        return Some(http("200 OK", "Api-Version: 1.41\r\n", b"OK"));
    }
    if line.contains("/version") {
        return Some(ok(&json!({"Version": "20.10.24"})));
    }
    if line.contains("/info") {
        return Some(ok(
            &json!({"OperatingSystem": "Test", "SecurityOptions": ["name=rootless"]}),
        ));
    }
    None
}

fn container(n: usize) -> Value {
    json!({
        "Id": format!("{n:064x}"), "Name": format!("/c{n}"),
        "State": {"Status": "running"},
        "Config": {"Image": "x", "Env": ["AWS_SECRET_ACCESS_KEY=hunter2", "DB_PASSWORD=hunter2", "A=http://u:hunter2@h"]},
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": ""}}},
    })
}

#[test]
fn five_hundred_containers_and_networks_without_addresses_are_read_without_secrets() {
    let fake = Fake::new(|line| {
        if let Some(answer) = usual(line) {
            return answer;
        }
        if line.contains("/containers/json") {
            return ok(&Value::Array(
                (0..500)
                    .map(|n| json!({"Id": format!("{n:064x}")}))
                    .collect(),
            ));
        }
        if line.contains("/networks") {
            return ok(
                &json!([{"Id": "n", "Name": "bridge", "IPAM": {"Config": null}}, {"Name": "v6", "EnableIPv6": true, "IPAM": {"Config": [{"Subnet": "fd00::/64"}]}}]),
            );
        }
        let id = line.split('/').nth(3).unwrap_or_default();
        ok(&container(usize::from_str_radix(id, 16).unwrap_or(0)))
    });
    let facts = gather(&fake.found(), Question::default()).unwrap();
    assert_eq!((facts.containers.len(), facts.networks.len()), (500, 2));
    assert!(matches!(
        facts.engine,
        Observed::Reached {
            rootless: Some(true),
            ..
        }
    ));
    assert!(!serde_json::to_string(&facts).unwrap().contains("hunter2"));
}

#[test]
fn a_container_that_vanishes_is_left_out_and_an_engine_that_dies_is_an_error() {
    let fake = Fake::new(|line| {
        usual(line).unwrap_or_else(|| {
            if line.contains("/containers/json") {
                ok(&json!([{"Id": "1"}, {"Id": "2"}]))
            } else if line.contains("/containers/2/") {
                http("404 Not Found", "", br#"{"message": "No such container"}"#)
            } else if line.contains("/containers/1/") {
                ok(&container(1))
            } else {
                Vec::new()
            }
        })
    });
    let error = gather(&fake.found(), Question::default()).unwrap_err();
    assert!(matches!(error, EngineError::Malformed(_)), "{error}");
    let died = Fake::new(|line| {
        usual(line)
            .filter(|_| !line.contains("/info"))
            .unwrap_or_default()
    });
    assert!(gather(&died.found(), Question::default()).is_err());
}

#[test]
fn hostile_names_and_files_stay_data() {
    let evil = "x\u{1b}[31m\n::error::pwned";
    let fake = Fake::new(move |line| {
        if let Some(answer) = usual(line) {
            return answer;
        }
        if line.contains("/containers/json") {
            return ok(&json!([{"Id": "1"}]));
        }
        if line.contains("/archive") {
            // Ten megabytes, and an archive that promises more than it has.
            let mut tar = vec![b'1'; 10 << 20];
            tar[124..136].copy_from_slice(b"77777777777\0");
            tar[156] = b'0';
            return http("200 OK", "", &tar);
        }
        if line.contains("/networks") {
            return ok(&json!([]));
        }
        let mut value = container(1);
        value["Id"] = json!("1");
        value["Name"] = json!(format!("/{evil}"));
        value["Config"]["Labels"] = json!({"authors": "LocalStack Contributors"});
        value["State"]["Status"] = json!("exited");
        ok(&value)
    });
    let found = fake.found();
    let mut facts = gather(&found, Question::default()).unwrap();
    read_files(&found.engine, &mut facts, &["1".to_owned()]).unwrap();
    assert!(facts.containers[0].hosts_file.as_ref().unwrap().len() <= 64 << 10);
    let judgement = judge(&facts);
    assert_eq!(judgement.findings[0].check.number, "CT003");
    let text = annotations(&Document::new(&facts, &judgement, "0", &|_| None));
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn an_engine_that_is_old_away_closed_or_no_engine_is_told_apart() {
    let old = Fake::new(|_| http("200 OK", "Api-Version: 1.24\r\n", b"OK"));
    assert!(matches!(
        *discover(&old.surroundings()).unwrap_err(),
        Observed::TooOld { .. }
    ));
    let other = Fake::new(|_| b"SSH-2.0-OpenSSH\r\n".to_vec());
    assert!(matches!(
        *discover(&other.surroundings()).unwrap_err(),
        Observed::Unreachable { .. }
    ));
    let silent = Fake::new(|_| http("200 OK", "", b"OK"));
    assert!(matches!(
        *discover(&silent.surroundings()).unwrap_err(),
        Observed::Unreachable { .. }
    ));
    let nowhere = Surroundings {
        docker_host: Some("unix:///nowhere/docker.sock".into()),
        ..Surroundings::default()
    };
    match *discover(&nowhere).unwrap_err() {
        Observed::Unreachable { tried } => assert_eq!(tried[0].found_by, "DOCKER_HOST"),
        other => panic!("{other:?}"),
    }
    let ssh = Surroundings {
        docker_host: Some("ssh://me@host".into()),
        ..Surroundings::default()
    };
    assert!(matches!(
        *discover(&ssh).unwrap_err(),
        Observed::Unreachable { .. }
    ));
    // Root opens every socket, so the refusal can be seen only by others.
    let closed = Fake::new(|_| Vec::new());
    std::fs::set_permissions(&closed.socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    let denied = *discover(&closed.surroundings()).unwrap_err();
    assert!(
        matches!(
            denied,
            Observed::Denied { .. } | Observed::Unreachable { .. }
        ),
        "{denied:?}"
    );
}

#[test]
fn the_context_decides_where_nothing_else_does() {
    let fake = Fake::new(|line| usual(line).unwrap_or_default());
    let config = tempfile::tempdir().unwrap();
    let meta = config.path().join("contexts/meta/0123");
    std::fs::create_dir_all(&meta).unwrap();
    write(
        &config.path().join("config.json"),
        &json!({"currentContext": "mine"}),
    );
    write(
        &meta.join("meta.json"),
        &json!({"Name": "mine", "Endpoints": {"docker": {"Host": format!("unix://{}", fake.socket.display())}}}),
    );
    let mut surroundings = Surroundings {
        config_dir: Some(config.path().to_owned()),
        ..Surroundings::default()
    };
    assert_eq!(discover(&surroundings).unwrap().found_by, "context mine");
    surroundings.docker_context = Some("other".into());
    match *discover(&surroundings).unwrap_err() {
        Observed::Unreachable { tried } => {
            assert!(tried[0].error.contains("no context called"), "{tried:?}")
        }
        other => panic!("{other:?}"),
    }
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).unwrap();
}

#[test]
fn answers_are_bounded() {
    let endless = Fake::new(|line| {
        usual(line).unwrap_or_else(|| http("200 OK", "", &vec![b' '; (32 << 20) + 1]))
    });
    let engine = Engine::connect(Address::Unix(endless.socket.clone())).unwrap();
    assert!(matches!(
        engine.networks().unwrap_err(),
        EngineError::TooLarge(_)
    ));
    let chunked = Fake::new(|line| {
        usual(line).unwrap_or_else(|| {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[{\r\n6;x=y\r\n\"Id\":1\r\n2\r\n}]\r\n0\r\n\r\n".to_vec()
        })
    });
    let engine = Engine::connect(Address::Unix(chunked.socket.clone())).unwrap();
    assert_eq!(engine.networks().unwrap(), [json!({"Id": 1})]);
}
