//! TLS to an engine, with the files that the docker client uses: `ca.pem`, `cert.pem`, `key.pem`.

use std::fmt;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A connection with TLS.
pub(super) type Connection = StreamOwned<ClientConnection, TcpStream>;

/// Why the files give no settings of TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or has nothing of its kind in it.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: pem::Error,
    },
    /// The files do not fit together, or TLS does not take them.
    #[error("certificates in {}: {error}", .folder.display())]
    Refused {
        /// Their folder.
        folder: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
    /// The context wants connections whose certificate nobody checks.
    #[error(
        "it skips the check of the certificate, which is not supported; give it the engine's ca.pem"
    )]
    Unchecked,
}

/// Settings of TLS for one engine.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    folder: PathBuf,
}

impl Tls {
    /// Reads the files of a folder: `ca.pem`, and where they exist `cert.pem` with `key.pem`.
    ///
    /// # Errors
    /// When a file is missing or broken.
    pub fn from_folder(folder: &Path) -> Result<Self, TlsError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| TlsError::File { path, error }
        };
        let refused = |error| TlsError::Refused {
            folder: folder.to_owned(),
            error,
        };
        let certificates = |name: &str| {
            let path = folder.join(name);
            let all = CertificateDer::pem_file_iter(&path).map_err(failed(&path))?;
            let all: Result<Vec<_>, _> = all.collect();
            match all {
                Ok(all) if all.is_empty() => Err(failed(&path)(pem::Error::NoItemsFound)),
                all => all.map_err(failed(&path)),
            }
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates("ca.pem")? {
            roots.add(authority).map_err(refused)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots);
        let key = folder.join("key.pem");
        let mut config = if key.exists() {
            let own = certificates("cert.pem")?;
            let key = PrivateKeyDer::from_pem_file(&key).map_err(failed(&key))?;
            config.with_client_auth_cert(own, key).map_err(refused)?
        } else {
            config.with_no_client_auth()
        };
        // Servers built on OpenSSL that check clients and name no context of sessions end a resumed one.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            folder: folder.to_owned(),
        })
    }

    /// Puts TLS onto a connection to `authority`. The handshake happens with the first bytes.
    pub(super) fn connect(
        &self,
        authority: &str,
        stream: TcpStream,
    ) -> Result<Connection, std::io::Error> {
        let invalid = |error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error);
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| invalid(format!("`{host}` is no host name")))?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| invalid(error.to_string()))?;
        Ok(StreamOwned::new(connection, stream))
    }
}

/// Names the folder; keys stay inside.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.folder).finish()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.folder == other.folder
    }
}

impl Eq for Tls {}
