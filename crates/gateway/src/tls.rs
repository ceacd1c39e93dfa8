//! The certificates shown to clients, and the trust in upstreams.
//!
//! With a certificate of the user every name gets that one. Without one, our own authority issues a
//! leaf for each name asked for, at any depth. A user's file is never written.

mod authority;
mod names;
mod pem;
pub mod trust;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsConnector;

pub use authority::{Authority, CA_CERT_FILE, CA_KEY_FILE};
pub use names::{names_of, own_addresses};

use crate::config::{Config, TlsSource};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A file holds no certificate.
    #[error("{} has no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// A file holds no private key.
    #[error("{} has no private key", .0.display())]
    NoKey(PathBuf),
    /// A block of a file is unreadable.
    #[error("{}: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Key and certificate do not fit, or the key is of an unknown kind.
    #[error("use the certificate: {0}")]
    Rustls(#[from] rustls::Error),
    /// Our authority cannot issue.
    #[error("issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// A name is no DNS name.
    #[error("issue a certificate: {0}")]
    Name(#[from] InvalidDnsNameError),
}

/// The certificates shown to clients.
#[derive(Debug)]
pub struct Tls {
    server: Arc<ServerConfig>,
    authority: Option<Arc<Authority>>,
    warning: Option<String>,
}

impl Tls {
    /// Loads what the settings name.
    ///
    /// An empty or missing `CUSTOM_SSL_CERT_PATH` leads to our own authority, as LocalStack writes a
    /// certificate of its own there. A state directory that cannot be written leads to an authority
    /// that lives as long as the process. The authority of `previous` stays while it is the one in the
    /// directory, so that a reload neither reads its key again nor issues its leaves anew.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a certificate is unreadable.
    pub fn load(config: &Config, previous: Option<&Self>) -> Result<Self, TlsError> {
        let mut warning = None;
        let given = match &config.tls {
            TlsSource::Own => None,
            TlsSource::Pem(path) => {
                let found = pem::from_one_file(path)?;
                if found.is_none() {
                    warning = Some(format!("{} is empty or missing", path.display()));
                }
                found
            }
            TlsSource::Pair { cert, key } => Some(pem::from_two_files(cert, key)?),
        };
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth();
        let (mut server, authority) = match given {
            Some((chain, key)) => {
                let key = CertifiedKey::from_der(chain, key, &provider)?;
                (
                    builder.with_cert_resolver(Arc::new(Same(Arc::new(key)))),
                    None,
                )
            }
            None => {
                let names = names_of(&config.urls.address.host);
                let kept = previous
                    .and_then(|tls| tls.authority.as_ref())
                    .filter(|authority| authority.is_still(&config.state_dir, &names));
                let authority = match kept {
                    Some(authority) => Arc::clone(authority),
                    None => match Authority::open(&config.state_dir, &names) {
                        Ok(authority) => Arc::new(authority),
                        Err(error @ TlsError::File { .. }) => {
                            warning = Some(format!("{error}; the authority is kept in memory"));
                            Arc::new(Authority::in_memory(&names)?)
                        }
                        Err(error) => return Err(error),
                    },
                };
                let host = config.urls.address.host.as_str();
                if config.urls.address.host.ip().is_none() && !authority.permits(host) {
                    warning = Some(format!(
                        "the authority in {} was made without {host}, clients will refuse that \
                         name; remove its files and run `lsconfig tls install` again",
                        config.state_dir.display()
                    ));
                }
                let resolver = Arc::clone(&authority);
                (builder.with_cert_resolver(resolver), Some(authority))
            }
        };
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        server.ignore_client_order = true;
        Ok(Self {
            server: Arc::new(server),
            authority,
            warning,
        })
    }

    /// Returns the settings of the server side.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// Returns our authority, unless the certificate is the user's.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_deref()
    }

    /// Returns what did not go as asked.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

/// Shows the same certificate for every name.
#[derive(Debug)]
struct Same(Arc<CertifiedKey>);

impl ResolvesServerCert for Same {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Where systems keep the certificates they trust, in one file.
pub const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// Returns the bundle of this system.
#[must_use]
pub fn system_bundle() -> Option<&'static Path> {
    SYSTEM_BUNDLES.iter().map(Path::new).find(|p| p.exists())
}

/// A connector that trusts what the system trusts.
pub(crate) fn client_connector() -> Option<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(system_bundle()?).ok()?;
    roots.add_parsable_certificates(found.flatten());
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}
