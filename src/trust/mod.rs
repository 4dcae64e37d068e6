//! Why a server is not trusted: the certificate that it presents, and the errors of TLS.
//!
//! Owns the text about both, and the connectors, which read the files of authorities. Never connects, and decides nothing: OpenSSL
//! does. Called by `delivery`, `mailbox` and `web`.

mod certificate;
mod connector;
mod tls_error;

use std::io;

pub use certificate::{Certificate, Distrust, DistrustReason};
pub(crate) use connector::{ConnectorFault, Trusted, connector};
pub use tls_error::TlsError;

/// The OpenSSL that this process uses, as it names itself: `OpenSSL 3.0.17 1 Jul 2025`.
pub fn openssl() -> &'static str {
    openssl::version::version()
}

/// The certificates in the text of a PEM file of authorities: one or more.
///
/// # Errors
/// If it contains none.
fn authorities(pem: &[u8]) -> io::Result<Vec<native_tls::Certificate>> {
    let found = native_tls::Certificate::stack_from_pem(pem);
    match found.map_err(|error| io::Error::other(TlsError::from(error)))? {
        none if none.is_empty() => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "it contains no certificate"))
        }
        found => Ok(found),
    }
}
