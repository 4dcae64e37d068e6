//! TLS for ureq: its own layer trusts either the system's authorities or those of a file, and an account may need both. TLS 1.2 at
//! least, as for the mailbox.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use native_tls::{HandshakeError, TlsConnector, TlsStream};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::WebFault;
use crate::trust::{self, Certificate, ConnectorFault, TlsError, Trusted};

/// Trusts the system's authorities and those in `ca_file` (PEM, one or more).
pub(super) fn connector(ca_file: Option<&Path>) -> Result<Arc<TlsConnector>, WebFault> {
    trust::connector(Trusted::Authorities(ca_file)).map_err(|fault| match (fault, ca_file) {
        (ConnectorFault::File(cause), Some(file)) => WebFault::Authorities { file: file.to_owned(), cause },
        (ConnectorFault::File(cause), None) => WebFault::Machine { cause },
        (ConnectorFault::Tls(error), _) => WebFault::Machine { cause: io::Error::other(error) },
    })
}

/// Trusts every certificate: only to see one.
pub(super) fn blind_connector() -> Result<Arc<TlsConnector>, WebFault> {
    trust::connector(Trusted::Anybody).map_err(|fault| match fault {
        ConnectorFault::File(cause) => WebFault::Machine { cause },
        ConnectorFault::Tls(error) => WebFault::Machine { cause: io::Error::other(error) },
    })
}

/// Puts TLS over the connection of an https address.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) connector: Arc<TlsConnector>,
    /// Where to put the server's certificate; then the connection ends before a byte is sent.
    pub(super) shown: Option<Arc<OnceLock<Certificate>>>,
}

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
        let stream = self.connector.connect(host, adapter).map_err(|error| match error {
            // The time is for the whole of it; OpenSSL does not tell its end from other failures.
            _ if begun.elapsed() >= *details.timeout.after => Error::Timeout(details.timeout.reason),
            HandshakeError::Failure(error) => Error::Io(io::Error::other(TlsError::from(error))),
            HandshakeError::WouldBlock(_) => Error::Timeout(ureq::Timeout::Connect),
        })?;
        if let Some(shown) = &self.shown {
            let certificate = stream.peer_certificate().ok().flatten().and_then(|it| it.to_der().ok());
            certificate.map(|der| shown.set(Certificate::read(&der)));
            return Err(Error::ConnectionFailed);
        }
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Secured { stream, buffers })))
    }
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
