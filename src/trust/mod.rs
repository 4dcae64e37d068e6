//! Why a server is not trusted: the certificate that it presents, and the errors of TLS.
//!
//! Owns the text about both. Never connects, and decides nothing: OpenSSL does. Called by `mailbox` and `web`.

mod certificate;
mod tls_error;

pub use certificate::{Certificate, Distrust, DistrustReason};
pub use tls_error::TlsError;
