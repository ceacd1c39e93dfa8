//! A TLS handshake that accepts every certificate, to see which one is served.
//!
//! Whether a client would trust it is judged later, from its names and dates; the only data that is
//! sent over such a connection is the request for the health document.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::facts::{Handshake, Record};

/// How many names of a certificate are kept.
const MAX_SANS: usize = 64;

/// Shakes hands; gives the connection where that worked.
pub(super) fn shake(
    mut stream: TcpStream,
    address: SocketAddr,
    host: &str,
) -> (Record, Option<StreamOwned<ClientConnection, TcpStream>>) {
    let record = |outcome| Record::Tls {
        address,
        sni: host.to_owned(),
        outcome,
        sans: Vec::new(),
        not_after: None,
        self_signed: None,
    };
    let Some(mut connection) = connection(host) else {
        return (record(Handshake::Failed), None);
    };
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            let cause = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
            let plain = matches!(cause, Some(Error::InvalidMessage(_)));
            let outcome = if plain {
                Handshake::Plain
            } else {
                Handshake::Failed
            };
            return (record(outcome), None);
        }
    }
    let mut seen = record(Handshake::Ok);
    let leaf = connection.peer_certificates().and_then(|c| c.first());
    if let (
        Some(leaf),
        Record::Tls {
            sans,
            not_after,
            self_signed,
            ..
        },
    ) = (leaf, &mut seen)
        && let Ok((_, leaf)) = X509Certificate::from_der(leaf)
    {
        *not_after = Some(leaf.validity().not_after.timestamp());
        *self_signed = Some(leaf.issuer() == leaf.subject());
        *sans = names(&leaf);
    }
    (seen, Some(StreamOwned::new(connection, stream)))
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension
        .map(|e| e.value.general_names.as_slice())
        .unwrap_or_default();
    let shown = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.chars().take(253).collect()),
        GeneralName::IPAddress([a, b, c, d]) => {
            Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string())
        }
        GeneralName::IPAddress(bytes) => {
            let bytes = <[u8; 16]>::try_from(*bytes).ok()?;
            Some(std::net::Ipv6Addr::from(bytes).to_string())
        }
        _ => None,
    });
    shown.take(MAX_SANS).collect()
}

fn connection(host: &str) -> Option<ClientConnection> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AcceptAll(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).ok()?;
    ClientConnection::new(Arc::new(config), name).ok()
}

/// Accepts every certificate; signatures are still checked, so that the server has its key.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
