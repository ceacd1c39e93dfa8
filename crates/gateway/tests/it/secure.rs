//! TLS and HTTP/2 on the port that serves plain HTTP/1.1 too.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lsconfig_gateway::config::{Profile, TlsSource};
use lsconfig_gateway::tls::Authority;
use lsconfig_gateway::{Shared, State};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{Running, config, recording};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn tls(
    address: SocketAddr,
    ca: &str,
    name: &str,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

fn ca(shared: &Shared) -> String {
    shared
        .state()
        .tls
        .authority()
        .unwrap()
        .cert_pem()
        .to_owned()
}

fn request(uri: &str) -> Request<Full<&'static [u8]>> {
    Request::get(uri)
        .header("host", "h")
        .body(Full::new(&b""[..]))
        .unwrap()
}

async fn body<B: BodyExt<Data = bytes::Bytes>>(body: B) -> bytes::Bytes
where
    B::Error: std::fmt::Debug,
{
    body.collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn certificates_match_any_depth_below_our_names() {
    let (address, _requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let ca = ca(&gateway.shared);
    for name in [
        "localhost",
        "127.0.0.1",
        "localhost.localstack.cloud",
        "sync-localhost.localstack.cloud",
        "sqs.us-east-1.localhost.localstack.cloud",
        "a.b.c.s3.eu-west-1.localhost.localstack.cloud",
        "b.s3.us-east-1.amazonaws.com",
    ] {
        let stream = tls(gateway.address, &ca, name, &["http/1.1"]).await;
        assert!(stream.is_ok(), "{name}: {stream:?}");
    }
    let foreign = tls(gateway.address, &ca, "example.com", &[]).await;
    assert!(foreign.is_err(), "the authority is good for any name");
}

#[tokio::test]
async fn https_is_served_as_http_1_and_2() {
    let (address, requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let ca = ca(&gateway.shared);
    let stream = tls(gateway.address, &ca, "localhost", &["h2", "http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request2 = Request::get("https://b.s3.x/k")
        .body(Full::new(&b""[..]))
        .unwrap();
    let response = sender.send_request(request2).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, Version::HTTP_2)
    );
    assert_eq!(body(response.into_body()).await, "ok");
    let seen = requests.recv().unwrap();
    assert!(seen.starts_with("GET /b/k HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
    // A drain waits for clients, and this one runs on the thread that waits for the drain.
    drop(sender);
    connection.await.unwrap().unwrap();

    let stream = tls(gateway.address, &ca, "localhost", &[]).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request("/b")).await.unwrap();
    assert_eq!(body(response.into_body()).await, "ok");
}

#[tokio::test]
async fn http_2_without_tls_is_served_by_prior_knowledge() {
    let (address, _requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let ask = || {
        Request::get("http://h/b")
            .body(Full::new(&b""[..]))
            .unwrap()
    };
    let (one, two) = tokio::join!(
        sender.clone().send_request(ask()),
        sender.send_request(ask())
    );
    assert_eq!(body(one.unwrap().into_body()).await, "ok");
    assert_eq!(body(two.unwrap().into_body()).await, "ok");
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[test]
fn rubbish_ends_without_harm() {
    let (address, _requests) = recording(OK);
    let gateway = Running::start(config(address, Profile::Generic));
    for bytes in [
        &b"\x16\x03\x01\0\x05hello"[..],
        b"\0\0\0\0",
        b"\x80\x2e\x01\x03",
    ] {
        let answer = gateway.exchange(bytes);
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    }
    assert!(
        gateway
            .exchange(b"GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .contains("ok")
    );
}

#[test]
fn a_users_certificate_is_read_as_localstack_reads_it_and_never_written() {
    let authority = Authority::in_memory(&["localhost".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = rcgen::CertificateParams::new(vec!["mine.test".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let (address, _requests) = recording(OK);
    let base = config(address, Profile::Generic);
    std::fs::create_dir_all(&base.state_dir).unwrap();
    let file = base.state_dir.join("mine.pem");
    let with = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut config = base.clone();
        config.tls = TlsSource::Pem(file.clone());
        let state = State::new(config).map_err(|error| error.to_string());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        state
    };
    let (key, cert) = (key.serialize_pem(), cert.pem());
    assert!(
        with(&format!("{cert}{key}"))
            .unwrap()
            .tls
            .authority()
            .is_none()
    );
    assert!(with(&format!("{key}{cert}{}", authority.cert_pem())).is_ok());
    let error = |text: &str| with(text).err().unwrap();
    assert!(error(&key).ends_with("mine.pem has no certificate"));
    assert!(error(&cert).ends_with("mine.pem has no private key"));
    assert!(error("rubbish").contains("mine.pem"));
    let empty = with("").unwrap();
    assert!(empty.tls.authority().is_some() && empty.tls.warning().is_some());
    std::fs::remove_dir_all(&base.state_dir).unwrap();
}

#[test]
fn the_authority_stays_and_its_key_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let (address, _requests) = recording(OK);
    let config = config(address, Profile::Generic);
    let first = ca(&Shared::new(
        State::new(config.clone()).unwrap(),
        None,
        false,
    ));
    let again = ca(&Shared::new(
        State::new(config.clone()).unwrap(),
        None,
        false,
    ));
    assert_eq!(first, again);
    let key = std::fs::metadata(config.state_dir.join("ca.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    std::fs::remove_dir_all(&config.state_dir).unwrap();

    let mut unwritable = config;
    unwritable.state_dir = "/proc/nowhere".into();
    let state = State::new(unwritable).unwrap();
    assert!(state.tls.warning().unwrap().contains("kept in memory"));
}
