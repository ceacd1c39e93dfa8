//! Upstreams that fail, and settings that change under load.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use lsconfig_gateway::config::{Config, Profile};
use lsconfig_gateway::{Shared, State};

use crate::harness::{Running, config, read_all, read_until, recording, upstream};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &[u8] = b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn impatient(upstream: SocketAddr) -> Config {
    let mut config = config(upstream, Profile::Generic);
    config.waits.connect = Duration::from_millis(300);
    config.waits.response = Duration::from_millis(300);
    config
}

#[track_caller]
fn fails(gateway: &Running, status: &str, parts: &[&str]) {
    let answer = gateway.exchange(GET);
    assert!(answer.starts_with(status), "{answer}");
    for part in parts {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
}

#[test]
fn an_upstream_that_takes_no_connections_is_a_timeout_with_its_setting() {
    // Nobody accepts, and the queue of one is taken.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    full.bind(&any.into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))
    {
        waiting.push(stream);
    }
    let gateway = Running::start(impatient(address));
    fails(
        &gateway,
        "HTTP/1.1 504 ",
        &["no answer within 300ms", "--connect-timeout", "--upstream"],
    );
}

#[test]
fn an_upstream_that_never_answers_is_a_timeout_with_its_setting() {
    let silent = upstream(|mut stream| {
        let mut buffer = [0; 1024];
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
    });
    let gateway = Running::start(impatient(silent));
    fails(
        &gateway,
        "HTTP/1.1 504 ",
        &[
            "did not answer within 300ms",
            "--response-timeout",
            "--upstream",
        ],
    );
}

#[test]
fn an_upstream_that_speaks_no_http_is_a_bad_gateway() {
    let rubbish = upstream(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let _ = stream.write_all(b"220 smtp ready\r\n");
    });
    fails(
        &Running::start(config(rubbish, Profile::Generic)),
        "HTTP/1.1 502 ",
        &["broke off", "--upstream"],
    );
}

#[test]
fn an_upstream_that_dies_before_its_answer_is_a_bad_gateway_and_posts_are_sent_once() {
    let (seen, requests) = mpsc::channel();
    let dies = upstream(move |mut stream| {
        let _ = seen.send(read_until(&mut stream, "\r\n\r\n"));
    });
    let gateway = Running::start(config(dies, Profile::Generic));
    let post = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    let answer = gateway.exchange(post);
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.contains("broke off"),
        "{answer}"
    );
    // A connection without bytes asks for the upstream's health.
    assert_eq!(
        requests.try_iter().filter(|seen| !seen.is_empty()).count(),
        1
    );
}

#[test]
fn an_upstream_that_dies_in_a_chunked_body_leaves_it_without_end() {
    let dies = upstream(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
        let _ = stream.write_all(start);
    });
    let answer = Running::start(config(dies, Profile::Generic)).exchange(GET);
    assert!(answer.contains("3\r\nabc\r\n"), "{answer}");
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
}

#[test]
fn an_upstream_that_dies_in_a_body_that_is_minted_is_a_bad_gateway() {
    let dies = upstream(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let start =
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
        let _ = stream.write_all(start);
    });
    let gateway = Running::start(config(dies, Profile::Moto));
    let answer = gateway.exchange(
        b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nConnection: close\r\n\r\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.contains("broke off"),
        "{answer}"
    );
}

#[test]
fn an_upstream_that_restarts_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = |listener: TcpListener| {
        // Connections without bytes ask for the upstream's health.
        for mut stream in listener.incoming().flatten() {
            if !read_until(&mut stream, "\r\n\r\n").is_empty() {
                stream.write_all(OK.as_bytes()).unwrap();
                return;
            }
        }
    };
    let gateway = Running::start(impatient(address));
    let first = std::thread::spawn(move || serve(listener));
    assert!(gateway.exchange(GET).starts_with("HTTP/1.1 200 "));
    first.join().unwrap();
    fails(
        &gateway,
        "HTTP/1.1 502 ",
        &["onnection refused", "--upstream"],
    );
    let listener = TcpListener::bind(address).unwrap();
    let second = std::thread::spawn(move || serve(listener));
    assert!(gateway.exchange(GET).starts_with("HTTP/1.1 200 "));
    second.join().unwrap();
}

#[test]
fn a_gateway_is_ready_when_its_upstreams_take_connections() {
    let get = |gateway: &Running, path: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        gateway.exchange(request.as_bytes())
    };
    let known = |gateway: &Running| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while gateway.shared.health.conditions().is_empty() && Instant::now() < deadline {
            std::thread::yield_now();
        }
    };
    let (alive, _requests) = recording(OK);
    let gateway = Running::start(config(alive, Profile::Generic));
    known(&gateway);
    assert!(get(&gateway, "/_lsconfig/ready").starts_with("HTTP/1.1 200 "));
    let up = format!("lsconfig_gateway_upstream_up{{upstream=\"http://{alive}\"}} 1");
    assert!(get(&gateway, "/_lsconfig/metrics").contains(&up));

    let dead = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gateway = Running::start(config(dead, Profile::Generic));
    known(&gateway);
    let answer = get(&gateway, "/_lsconfig/ready");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains(&format!("upstream http://{dead}: ")),
        "{answer}"
    );
}

#[test]
fn a_slow_upstream_is_passed_on_piece_by_piece() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let slow = upstream(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nfirst;");
        let _ = wait.lock().unwrap().recv();
    });
    let gateway = Running::start(impatient(slow));
    let mut stream = gateway.connect();
    stream.write_all(GET).unwrap();
    // The upstream still holds its connection open.
    assert!(read_until(&mut stream, "first;").starts_with("HTTP/1.1 200 "));
    go_on.send(()).unwrap();
}

#[test]
fn a_client_that_stops_sending_gets_what_the_upstream_says() {
    let early = upstream(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
        let _ = stream.write_all(answer.as_bytes());
        read_all(&mut stream);
    });
    let gateway = Running::start(config(early, Profile::Generic));
    let mut stream = gateway.connect();
    let head = b"PUT /b/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nstart";
    stream.write_all(head).unwrap();
    let answer = read_until(&mut stream, "\r\n\r\nno");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[test]
fn settings_change_under_load_and_no_request_fails() {
    const RELOADS: usize = 100;
    let (address, _requests) = recording(OK);
    let settings = config(address, Profile::Generic);
    let reloads = Arc::new(AtomicUsize::new(0));
    let (again, counted) = (settings.clone(), Arc::clone(&reloads));
    let gateway = Running::start_with(
        settings,
        Box::new(move |in_force| {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            let mut config = again.clone();
            if n % 2 == 0 {
                // An address that comes and goes.
                let second = lsconfig::addr::HostPort::new("127.0.0.2", 0);
                config.listen = again.listen.iter().cloned().chain([second]).collect();
            }
            Some(State::after(config, Some(in_force)).unwrap())
        }),
    );
    let ends = Arc::new(AtomicBool::new(false));
    let address = gateway.address;
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || {
                let mut asked = 0;
                while !ends.load(Ordering::SeqCst) {
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    for _ in 0..10 {
                        stream
                            .write_all(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
                            .unwrap();
                        let answer = read_until(&mut stream, "\r\n\r\nok");
                        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                        asked += 1;
                    }
                }
                asked
            })
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    let pid = std::process::id().to_string();
    while reloads.load(Ordering::SeqCst) < RELOADS && Instant::now() < deadline {
        // Signals that come together are one.
        let sent = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(sent.success());
    }
    ends.store(true, Ordering::SeqCst);
    let asked: usize = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .sum();
    assert!(reloads.load(Ordering::SeqCst) >= RELOADS, "{reloads:?}");
    assert!(asked > 0);
}

#[test]
fn an_authority_outlives_reloads_unless_its_files_change() {
    let (address, _requests) = recording(OK);
    let config = config(address, Profile::Generic);
    let first = State::new(config.clone()).unwrap();
    let cert = |state: &State| state.tls.authority().unwrap().cert_pem().to_owned();
    let leaf = first
        .tls
        .authority()
        .unwrap()
        .leaf(Some("b.s3.localhost.localstack.cloud"));
    let second = State::after(config.clone(), Some(&first)).unwrap();
    let same = second
        .tls
        .authority()
        .unwrap()
        .leaf(Some("b.s3.localhost.localstack.cloud"));
    assert!(Arc::ptr_eq(&leaf, &same));
    std::fs::remove_file(config.state_dir.join("ca.pem")).unwrap();
    let third = State::after(config.clone(), Some(&second)).unwrap();
    assert_ne!(cert(&second), cert(&third));
    std::fs::remove_dir_all(&config.state_dir).unwrap();
    drop(Shared::new(third, None, false));
}
