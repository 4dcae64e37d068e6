//! The connectors of TLS, each made once for all accounts that trust the same: one takes 1.5 MB and 70 ms, since OpenSSL reads the
//! system's authorities for it.
//!
//! A file of authorities that changes counts at the next connection. Called by `mailbox` and `web`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use native_tls::{Protocol, TlsConnector};

use super::{TlsError, authorities};

/// Whose certificates are accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trusted<'a> {
    /// Those that the system's authorities have signed, or those of this file (PEM, one or more).
    Authorities(Option<&'a Path>),
    /// Anybody's: to see a certificate, or to compare it with a pin. The handshake still proves that the server has its key.
    Anybody,
}

/// Why there is no connector.
#[derive(Debug)]
pub(crate) enum ConnectorFault {
    /// The file of authorities cannot be read, or contains none.
    File(io::Error),
    /// OpenSSL makes none.
    Tls(TlsError),
}

/// What a connector was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    /// The text of the file of authorities.
    own: Option<Vec<u8>>,
    system: Vec<Stamp>,
}

/// What shows that a file or a folder is not what it was: device, inode, size, and its last change in seconds and nanoseconds.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// By the file of authorities. An entry for each file that the settings have named stays.
type Made = BTreeMap<Option<PathBuf>, (Origin, Arc<TlsConnector>)>;

static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
static ANYBODY: Mutex<Option<Arc<TlsConnector>>> = Mutex::new(None);
/// Where native-tls finds the system's authorities.
static SYSTEM: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let found = openssl_probe::probe();
    found.cert_file.into_iter().chain(found.cert_dir).collect()
});

/// The connector that trusts these. TLS 1.2 at least.
///
/// # Errors
/// If the file cannot be read or contains no certificate, or OpenSSL fails.
pub(crate) fn connector(trusted: Trusted<'_>) -> Result<Arc<TlsConnector>, ConnectorFault> {
    let Trusted::Authorities(file) = trusted else { return of_anybody() };
    let own = file.map(fs::read).transpose().map_err(ConnectorFault::File)?;
    let origin = Origin { own, system: SYSTEM.iter().map(|path| stamp(path)).collect() };
    // Held while one is made, so that a thousand accounts that start make one.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = file.map(Path::to_owned);
    if let Some((of, connector)) = made.get(&key)
        && *of == origin
    {
        return Ok(Arc::clone(connector));
    }
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if let Some(pem) = &origin.own {
        for certificate in authorities(pem).map_err(ConnectorFault::File)? {
            builder.add_root_certificate(certificate);
        }
    }
    let connector = Arc::new(builder.build().map_err(|error| ConnectorFault::Tls(error.into()))?);
    made.insert(key, (origin, Arc::clone(&connector)));
    Ok(connector)
}

fn of_anybody() -> Result<Arc<TlsConnector>, ConnectorFault> {
    let mut made = ANYBODY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(connector) = &*made {
        return Ok(Arc::clone(connector));
    }
    let mut builder = TlsConnector::builder();
    builder
        .min_protocol_version(Some(Protocol::Tlsv12))
        .disable_built_in_roots(true)
        .danger_accept_invalid_certs(true)
        .danger_accept_invalid_hostnames(true);
    let connector = Arc::new(builder.build().map_err(|error| ConnectorFault::Tls(error.into()))?);
    Ok(Arc::clone(made.insert(connector)))
}

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate of this name, in PEM.
    fn certificate(name: &str) -> Vec<u8> {
        use openssl::asn1::Asn1Time;
        use openssl::ec::{EcGroup, EcKey};
        use openssl::hash::MessageDigest;
        use openssl::nid::Nid;
        use openssl::pkey::PKey;
        use openssl::x509::{X509, X509Name};
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut names = X509Name::builder().unwrap();
        names.append_entry_by_text("CN", name).unwrap();
        let names = names.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&names).unwrap();
        builder.set_issuer_name(&names).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build().to_pem().unwrap()
    }

    #[test]
    fn a_connector_is_made_once_and_again_when_its_file_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let made = || connector(Trusted::Authorities(Some(&file)));
        std::fs::write(&file, certificate("one")).unwrap();
        let first = made().unwrap();
        assert!(Arc::ptr_eq(&first, &made().unwrap()));
        // Even within the grain of the file system's clock, and of the same length.
        std::fs::write(&file, certificate("two")).unwrap();
        let second = made().unwrap();
        assert!(!Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&second, &made().unwrap()));
        // What was made before does not stand in for a file that is gone or empty.
        std::fs::write(&file, "").unwrap();
        assert!(matches!(made(), Err(ConnectorFault::File(_))));
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(made(), Err(ConnectorFault::File(_))));
    }

    #[test]
    fn the_connector_for_pins_is_never_that_of_the_authorities() {
        let (pinned, system) =
            (connector(Trusted::Anybody).unwrap(), connector(Trusted::Authorities(None)).unwrap());
        assert!(!Arc::ptr_eq(&pinned, &system));
        assert!(Arc::ptr_eq(&pinned, &connector(Trusted::Anybody).unwrap()));
        assert!(Arc::ptr_eq(&system, &connector(Trusted::Authorities(None)).unwrap()));
    }
}
