//! An engine over TLS, found by the variables and by a context of the docker client.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use lsconfig_doctor::engine::{Address, EngineError, Surroundings, discover};
use lsconfig_doctor::facts::Engine as Observed;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// An authority, the engine's certificate, and the folder of a client.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Certificate and key for a name.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// What `docker context create` and `DOCKER_CERT_PATH` expect in a folder.
    fn write_client(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let (certificate, key) = self.issue("client");
        fs::write(folder.join("ca.pem"), &self.pem).unwrap();
        fs::write(folder.join("cert.pem"), certificate).unwrap();
        fs::write(folder.join("key.pem"), key).unwrap();
    }

    /// Starts an engine that talks to clients of this authority only.
    fn engine(&self) -> SocketAddr {
        let (certificate, key) = self.issue("127.0.0.1");
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        roots.add(own).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                    request.push(byte[0]);
                }
                // A client that was refused is gone.
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK",
                );
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        address
    }
}

/// Why no engine was found.
fn why(surroundings: &Surroundings) -> String {
    match *discover(surroundings).unwrap_err() {
        Observed::Unreachable { tried } => tried[0].error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn variables_name_an_engine_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write_client(folder.path());
    let address = authority.engine();
    let surroundings = Surroundings {
        docker_host: Some(format!("tcp://{address}")),
        tls_verify: Some("1".into()),
        cert_path: Some(folder.path().to_owned()),
        ..Surroundings::default()
    };
    let found = discover(&surroundings).unwrap();
    assert!(matches!(found.engine.address(), Address::Tls { .. }));
    assert_eq!(
        found.engine.address().to_string(),
        format!("tcp://{address}")
    );

    // The certificate names the address, not this name.
    let other = Surroundings {
        docker_host: Some(format!("tcp://localhost:{}", address.port())),
        ..surroundings.clone()
    };
    assert!(why(&other).contains("certificate"), "{}", why(&other));
    // Another authority is not trusted.
    let stranger = tempfile::tempdir().unwrap();
    Authority::new().write_client(stranger.path());
    let other = Surroundings {
        cert_path: Some(stranger.path().to_owned()),
        ..surroundings.clone()
    };
    assert!(why(&other).contains("certificate"), "{}", why(&other));
    // A file that is missing is named.
    fs::remove_file(folder.path().join("ca.pem")).unwrap();
    assert!(
        why(&surroundings).contains("ca.pem"),
        "{}",
        why(&surroundings)
    );
}

#[test]
fn a_context_brings_its_certificates() {
    let config = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let address = authority.engine();
    let meta = config.path().join("contexts/meta/0f");
    fs::create_dir_all(&meta).unwrap();
    let write = |skip: bool| {
        let text = serde_json::json!({
            "Name": "far",
            "Endpoints": {"docker": {"Host": format!("tcp://{address}"), "SkipTLSVerify": skip}},
        });
        fs::write(meta.join("meta.json"), text.to_string()).unwrap();
    };
    write(false);
    authority.write_client(&config.path().join("contexts/tls/0f/docker"));
    let surroundings = Surroundings {
        docker_context: Some("far".into()),
        config_dir: Some(config.path().to_owned()),
        ..Surroundings::default()
    };
    let found = discover(&surroundings).unwrap();
    assert_eq!(found.found_by, "DOCKER_CONTEXT far");
    write(true);
    assert!(why(&surroundings).contains("skips the check"));
}

#[test]
fn addresses_that_cannot_work_say_what_does() {
    let error = |text| Address::parse(text, None).unwrap_err();
    assert!(matches!(
        error("npipe:////./pipe/docker_engine"),
        EngineError::NamedPipe
    ));
    assert!(matches!(
        error("https://10.0.0.1:2376"),
        EngineError::NoCertificates
    ));
    assert!(error("fd://").to_string().contains("ssh://host"));
}
