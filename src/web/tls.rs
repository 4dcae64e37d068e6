//! TLS for ureq: its own layer trusts either the system's authorities or those of a file, and an account may need both. TLS 1.2 at
//! least, as for the mailbox.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use std::{fmt, fs};

use native_tls::{Certificate, HandshakeError, Protocol, TlsConnector, TlsStream};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::WebFault;

/// Trusts the system's authorities and those in `ca_file` (PEM, one or more).
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, WebFault> {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if let Some(file) = ca_file {
        let unusable = |cause| WebFault::Authorities { file: file.to_owned(), cause };
        let pem = fs::read(file).map_err(unusable)?;
        let certificates = Certificate::stack_from_pem(&pem).map_err(io::Error::other).map_err(unusable)?;
        if certificates.is_empty() {
            return Err(unusable(io::Error::other("it contains no certificate")));
        }
        for certificate in certificates {
            builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|cause| WebFault::Machine { cause: io::Error::other(cause) })
}

/// Puts TLS over the connection of an https address.
#[derive(Debug)]
pub(super) struct Handshake(pub(super) TlsConnector);

impl<In: Transport> Connector<In> for Handshake {
    type Out = Either<In, Secured>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut adapter = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        adapter.set_timeout(details.timeout);
        let begun = Instant::now();
        let stream = self.0.connect(host, adapter).map_err(|error| match error {
            // The time is for the whole of it; OpenSSL does not tell its end from other failures.
            _ if begun.elapsed() >= *details.timeout.after => Error::Timeout(details.timeout.reason),
            HandshakeError::Failure(error) => Error::Io(io::Error::other(plain(&error.to_string()))),
            HandshakeError::WouldBlock(_) => Error::Timeout(ureq::Timeout::Connect),
        })?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Secured { stream, buffers })))
    }
}

/// What OpenSSL says, without its codes and the names of its files: `error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:`, and for a
/// certificate that cannot be trusted the reason in parentheses.
fn plain(error: &str) -> String {
    if let Some((_, reason)) = error.rsplit_once(" (") {
        return format!("its certificate cannot be trusted: {}", reason.trim_end_matches(')'));
    }
    let reason = error.split(':').nth(4).filter(|reason| error.starts_with("error:") && !reason.is_empty());
    reason.map_or_else(|| error.to_owned(), |reason| format!("TLS failed: {reason}"))
}

/// A connection under TLS.
pub(super) struct Secured {
    stream: TlsStream<TransportAdapter>,
    buffers: LazyBuffers,
}

impl fmt::Debug for Secured {
    /// Without the buffers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secured(..)")
    }
}

impl Transport for Secured {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        self.stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // No connection is used again.
        false
    }

    fn is_tls(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_openssl_is_named() {
        for (said, expected) in [
            (
                "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:../ssl/statem/statem_clnt.c:1889:: (self-signed certificate)",
                "its certificate cannot be trusted: self-signed certificate",
            ),
            (
                "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:354:",
                "TLS failed: wrong version number",
            ),
            ("unexpected EOF", "unexpected EOF"),
        ] {
            assert_eq!(plain(said), expected);
        }
    }
}
