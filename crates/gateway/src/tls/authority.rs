//! Our own certificate authority, and the leaves it issues.
//!
//! The key stays in the state directory (0600). The authority is constrained to names and addresses
//! that local emulators have (RFC 5280, section 4.2.1.10), so that trust in it gives nobody power
//! over other names.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lsconfig::resolve::CLOUD;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};

use super::TlsError;
use super::names::is_local;

/// The certificate of the authority, in the state directory.
pub const CA_CERT_FILE: &str = "ca.pem";

/// The key of the authority, in the state directory.
pub const CA_KEY_FILE: &str = "ca.key";

/// The names that the authority may issue for, in the state directory, one a line.
const CA_NAMES_FILE: &str = "ca.names";

/// Leaves that are kept; a client that asks for ever more names makes the oldest go.
const MAX_LEAVES: usize = 1024;

/// Domains below which emulators live: ours, those reserved for tests and private networks
/// (RFC 6761, RFC 8375), and those of AWS for clients whose DNS points them here.
const DOMAINS: [&str; 9] = [
    CLOUD,
    "localhost",
    "localstack",
    "test",
    "local",
    "internal",
    "home.arpa",
    "amazonaws.com",
    "on.aws",
];

/// Private and loopback networks (RFC 1918, RFC 4193, RFC 6598).
const NETWORKS: [(&str, u8); 7] = [
    ("127.0.0.0", 8),
    ("10.0.0.0", 8),
    ("172.16.0.0", 12),
    ("192.168.0.0", 16),
    ("100.64.0.0", 10),
    ("::1", 128),
    ("fc00::", 7),
];

/// A certificate authority with the leaves it has issued.
pub struct Authority {
    cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
    cert: rustls::pki_types::CertificateDer<'static>,
    permitted: Vec<String>,
    path: Option<PathBuf>,
    leaf_key: KeyPair,
    default_names: Vec<String>,
    leaves: Mutex<Leaves>,
}

struct Leaves {
    /// For clients that name nothing, and for the names that everybody asks for.
    default: Leaf,
    by_name: BTreeMap<String, Leaf>,
    order: VecDeque<String>,
}

#[derive(Clone)]
struct Leaf {
    key: Arc<CertifiedKey>,
    valid: Range<OffsetDateTime>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("path", &self.path)
            .field("permitted", &self.permitted)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority in `dir`, or makes one there; `names` go into the default certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError::File`] when the directory cannot be read or written, others when its content is
    /// no authority.
    pub fn open(dir: &Path, names: &[String]) -> Result<Self, TlsError> {
        let (cert_path, key_path) = (dir.join(CA_CERT_FILE), dir.join(CA_KEY_FILE));
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|source| TlsError::File {
                path: path.to_owned(),
                source,
            })
        };
        let (cert_pem, key_pem, permitted) = if cert_path.exists() && key_path.exists() {
            let listed = read(&dir.join(CA_NAMES_FILE)).unwrap_or_default();
            let permitted = listed.lines().map(str::to_owned).collect();
            (read(&cert_path)?, read(&key_path)?, permitted)
        } else {
            let permitted = permitted(names);
            let (cert_pem, key_pem) = create(&permitted)?;
            let list = permitted.join("\n");
            let failed = |source| TlsError::File {
                path: dir.to_owned(),
                source,
            };
            fs::create_dir_all(dir).map_err(failed)?;
            for (name, text, mode) in [
                (CA_KEY_FILE, &key_pem, 0o600),
                (CA_NAMES_FILE, &list, 0o644),
                (CA_CERT_FILE, &cert_pem, 0o644),
            ] {
                write_new(dir, name, text, mode).map_err(failed)?;
            }
            (cert_pem, key_pem, permitted)
        };
        let mut authority = Self::new(cert_pem, &key_pem, permitted, names)?;
        authority.path = Some(cert_path);
        Ok(authority)
    }

    /// Makes an authority that is written nowhere.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when `names` has a text that is no name.
    pub fn in_memory(names: &[String]) -> Result<Self, TlsError> {
        let permitted = permitted(names);
        let (cert_pem, key_pem) = create(&permitted)?;
        Self::new(cert_pem, &key_pem, permitted, names)
    }

    fn new(
        cert_pem: String,
        key_pem: &str,
        permitted: Vec<String>,
        names: &[String],
    ) -> Result<Self, TlsError> {
        use rustls::pki_types::pem::PemObject as _;
        let cert = rustls::pki_types::CertificateDer::from_pem_slice(cert_pem.as_bytes()).map_err(
            |error| TlsError::Pem {
                path: CA_CERT_FILE.into(),
                reason: error.to_string(),
            },
        )?;
        let issuer = Issuer::from_ca_cert_pem(&cert_pem, KeyPair::from_pem(key_pem)?)?;
        let leaf_key = KeyPair::generate()?;
        let now = OffsetDateTime::now_utc();
        let default = issue(&issuer, &cert, &leaf_key, names, now)?;
        Ok(Self {
            cert_pem,
            issuer,
            cert,
            permitted,
            path: None,
            leaf_key,
            default_names: names.to_vec(),
            leaves: Mutex::new(Leaves {
                default,
                by_name: BTreeMap::new(),
                order: VecDeque::new(),
            }),
        })
    }

    /// Returns the certificate of the authority, which clients have to trust.
    #[must_use]
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// Returns the file of the certificate; `None` when it is kept in memory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns whether opening `dir` for `names` would lead to this authority.
    #[must_use]
    pub fn is_still(&self, dir: &Path, names: &[String]) -> bool {
        let Some(path) = &self.path else {
            return false;
        };
        self.default_names == names
            && *path == dir.join(CA_CERT_FILE)
            && fs::read_to_string(path).is_ok_and(|pem| pem == self.cert_pem)
    }

    /// Returns whether clients that trust the authority accept `name` from it.
    #[must_use]
    pub fn permits(&self, name: &str) -> bool {
        self.permitted.iter().any(|domain| is_below(name, domain))
    }

    /// Returns the certificate for `name`, which may be any depth below a name of ours; without a
    /// name the one with the names that everybody asks for.
    #[must_use]
    pub fn leaf(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        self.leaf_at(name, OffsetDateTime::now_utc())
    }

    /// A leaf that is not valid `now` is issued again: the process may run for longer than that, and
    /// the clock may have been wrong.
    fn leaf_at(&self, name: Option<&str>, now: OffsetDateTime) -> Arc<CertifiedKey> {
        let name = name.map(str::to_ascii_lowercase);
        let own = name.filter(|name| !self.default_names.iter().any(|n| covers(n, name)));
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match &own {
            Some(name) => leaves.by_name.get(name),
            None => Some(&leaves.default),
        };
        if let Some(leaf) = kept.filter(|leaf| leaf.valid.contains(&now)) {
            return Arc::clone(&leaf.key);
        }
        let names = match &own {
            Some(name) => std::slice::from_ref(name),
            None => &self.default_names,
        };
        let issued = issue(&self.issuer, &self.cert, &self.leaf_key, names, now);
        let leaf = match issued {
            Ok(leaf) => leaf,
            Err(error) => {
                tracing::warn!(%error, ?own, "issue a certificate");
                return Arc::clone(&leaves.default.key);
            }
        };
        let key = Arc::clone(&leaf.key);
        leaves.keep(own, leaf);
        key
    }

    /// Returns how many leaves are kept besides the default one.
    #[must_use]
    pub fn leaves(&self) -> usize {
        let leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        leaves.order.len()
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.leaf(hello.server_name()))
    }
}

impl Leaves {
    fn keep(&mut self, name: Option<String>, leaf: Leaf) {
        let Some(name) = name else {
            self.default = leaf;
            return;
        };
        if self.by_name.insert(name.clone(), leaf).is_some() {
            return;
        }
        if self.order.len() == MAX_LEAVES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
        self.order.push_back(name);
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether a name of a certificate covers `name`; `*` stands for one label.
fn covers(of_cert: &str, name: &str) -> bool {
    match of_cert.strip_prefix("*.") {
        Some(domain) => name.split_once('.').is_some_and(|(_, rest)| rest == domain),
        None => of_cert == name,
    }
}

fn permitted(names: &[String]) -> Vec<String> {
    let mut permitted: Vec<String> = DOMAINS.iter().map(|&d| d.to_owned()).collect();
    for name in names {
        let known = permitted.iter().any(|domain| is_below(name, domain));
        let local = name.parse().is_ok_and(is_local);
        if !known && !local && !name.starts_with("*.") {
            permitted.push(name.clone());
        }
    }
    permitted
}

fn create(permitted: &[String]) -> Result<(String, String), TlsError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "lsconfig local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let mut subtrees: Vec<_> = permitted
        .iter()
        .map(|name| match name.parse::<IpAddr>() {
            Ok(address) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
                address,
                if address.is_ipv4() { 32 } else { 128 },
            )),
            Err(_) => GeneralSubtree::DnsName(name.clone()),
        })
        .collect();
    subtrees.extend(NETWORKS.iter().filter_map(|(address, prefix)| {
        let address: IpAddr = address.parse().ok()?;
        Some(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
            address, *prefix,
        )))
    }));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: subtrees,
        excluded_subtrees: Vec::new(),
    });
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Issues a leaf. It lives 397 days, the most that all clients accept.
fn issue(
    issuer: &Issuer<'static, KeyPair>,
    authority: &rustls::pki_types::CertificateDer<'static>,
    key: &KeyPair,
    names: &[String],
    now: OffsetDateTime,
) -> Result<Leaf, TlsError> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "lsconfig gateway");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let valid = now - Duration::days(1)..now + Duration::days(396);
    params.not_before = valid.start;
    params.not_after = valid.end;
    let leaf = params.signed_by(key, issuer)?;
    let chain = vec![leaf.der().clone(), authority.clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider())?;
    Ok(Leaf {
        key: Arc::new(key),
        valid,
    })
}

/// Writes a file as a whole: under another name first, which then replaces the old one.
fn write_new(dir: &Path, name: &str, text: &str, mode: u32) -> io::Result<()> {
    let unfinished = dir.join(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, dir.join(name))
    })();
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_cover_one_label() {
        assert!(covers("*.s3.x", "b.s3.x") && covers("x", "x"));
        assert!(!covers("*.s3.x", "a.b.s3.x") && !covers("*.x", "x"));
    }

    #[test]
    fn leaves_are_issued_once_and_bounded() {
        let authority = Authority::in_memory(&["localhost".to_owned()]).unwrap();
        let first = authority.leaf(Some("a.b.c.s3.localhost.localstack.cloud"));
        let again = authority.leaf(Some("A.b.c.s3.localhost.localstack.cloud"));
        assert!(Arc::ptr_eq(&first, &again));
        assert!(Arc::ptr_eq(
            &authority.leaf(Some("localhost")),
            &authority.leaf(None)
        ));
        for n in 0..MAX_LEAVES {
            let _ = authority.leaf(Some(&format!("n{n}.test")));
        }
        assert_eq!(authority.leaves(), MAX_LEAVES);
        assert!(!Arc::ptr_eq(
            &first,
            &authority.leaf(Some("a.b.c.s3.localhost.localstack.cloud"))
        ));
    }

    #[test]
    fn leaves_are_issued_again_when_the_clock_has_left_them() {
        let authority = Authority::in_memory(&["localhost".to_owned()]).unwrap();
        let now = OffsetDateTime::now_utc();
        for name in [None, Some("b.s3.localhost.localstack.cloud")] {
            let first = authority.leaf_at(name, now);
            let later = authority.leaf_at(name, now + Duration::days(395));
            assert!(Arc::ptr_eq(&first, &later));
            for jump in [Duration::days(400), Duration::days(-30)] {
                let jumped = authority.leaf_at(name, now + jump);
                assert!(!Arc::ptr_eq(&first, &jumped));
                assert!(Arc::ptr_eq(&jumped, &authority.leaf_at(name, now + jump)));
            }
        }
        assert_eq!(authority.leaves(), 1);
    }

    #[test]
    fn only_local_names_and_the_configured_host_are_permitted() {
        let names = [
            "foo.bar".to_owned(),
            "*.foo.bar".to_owned(),
            "127.0.0.1".to_owned(),
        ];
        let authority = Authority::in_memory(&names).unwrap();
        assert!(authority.permits("b.s3.foo.bar") && authority.permits(CLOUD));
        assert!(!authority.permits("example.com") && !authority.permits("notfoo.bar"));
    }
}
