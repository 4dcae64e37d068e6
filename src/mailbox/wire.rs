//! The byte stream to the server: a non-blocking socket, TLS over it, and the bounds of both.
//!
//! Owns reading, writing and waiting, and inserts the secret of a login into the bytes that are sent. Knows no commands. Made by
//! `dial`, used by the imap crate.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use native_tls::TlsStream;
use rustix::event::PollFlags;
use secrecy::zeroize::Zeroizing;

use super::bounds::Bounds;
use super::capabilities::Capabilities;
use super::line_filter::LineFilter;
use super::redactor::Redactor;

/// A socket on which every wait is bounded.
#[derive(Debug)]
pub(super) struct Wire {
    socket: TcpStream,
    bounds: Arc<Bounds>,
}

impl Wire {
    /// `socket` must be non-blocking.
    pub(super) fn new(socket: TcpStream, bounds: Arc<Bounds>) -> Self {
        Self { socket, bounds }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.bounds.wait(&self.socket, PollFlags::IN)?;
            match self.socket.read(into) {
                // poll may report a socket as ready that has no data (poll(2), BUGS).
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    if !matches!(result, Ok(1..)) {
                        self.bounds.note_end();
                    }
                    let count = result?;
                    self.bounds.spend(count)?;
                    return Ok(count);
                }
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        loop {
            self.bounds.wait(&self.socket, PollFlags::OUT)?;
            match self.socket.write(from) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    if result.is_err() {
                        self.bounds.note_end();
                    }
                    return result;
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// The state that the layers below the imap crate share with those above it.
#[derive(Debug)]
pub(super) struct Shared {
    /// The bounds of the connection.
    pub(super) bounds: Arc<Bounds>,
    /// Keeps the password out of the server's words.
    pub(super) redactor: Redactor,
    filter: Mutex<LineFilter>,
    secret: Mutex<Option<Secret>>,
}

/// A secret to send, and the stand-in that the layers above write, since their buffers are not wiped.
struct Secret {
    stand_in: Vec<u8>,
    bytes: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// `line` with the secret instead of the stand-in; `None` if it does not contain the stand-in.
    fn put_into(&self, line: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let at = line.windows(self.stand_in.len()).rposition(|window| window == self.stand_in)?;
        let (before, rest) = line.split_at_checked(at)?;
        let after = rest.get(self.stand_in.len()..)?;
        let mut whole = Zeroizing::new(Vec::with_capacity(line.len() + self.bytes.len()));
        [before, &self.bytes, after].into_iter().for_each(|part| whole.extend_from_slice(part));
        Some(whole)
    }
}

impl Shared {
    pub(super) fn new(bounds: Arc<Bounds>, redactor: Redactor) -> Self {
        Self { bounds, redactor, filter: Mutex::new(LineFilter::new()), secret: Mutex::new(None) }
    }

    /// Replaces `stand_in` by `bytes` in all that is sent, until [`Shared::forget_secret`].
    pub(super) fn send_for(&self, stand_in: Vec<u8>, bytes: Zeroizing<Vec<u8>>) {
        *self.secret() = Some(Secret { stand_in, bytes });
    }

    /// Wipes the secret.
    pub(super) fn forget_secret(&self) {
        *self.secret() = None;
    }

    fn secret(&self) -> MutexGuard<'_, Option<Secret>> {
        self.secret.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the capabilities last received. Drops those that repeat the secret or contain a control character, since a person
    /// may see them.
    pub(super) fn take_capabilities(&self) -> Option<Capabilities> {
        let mut words = self.filtered(|filter| filter.take_capabilities())?;
        words.retain(|word| {
            word.bytes().all(|byte| byte.is_ascii_graphic())
                && !self.redactor.is_in(word.as_bytes(), word.len())
        });
        Some(Capabilities::read(words))
    }

    /// Gives access to what the filter kept.
    pub(super) fn filtered<T>(&self, look: impl FnOnce(&mut LineFilter) -> T) -> T {
        look(&mut self.filter.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
enum Stream {
    Clear(Wire),
    // Boxed for its size, which is mostly OpenSSL's state.
    Tls(Box<TlsStream<Wire>>),
}

/// The connection as the imap crate sees it: clear text on our side.
#[derive(Debug)]
pub(super) struct Transport {
    stream: Stream,
    shared: Arc<Shared>,
}

impl Transport {
    /// For a loopback address only; `dial` ensures that.
    pub(super) fn clear(wire: Wire, shared: Arc<Shared>) -> Self {
        Self { stream: Stream::Clear(wire), shared }
    }

    pub(super) fn tls(stream: TlsStream<Wire>, shared: Arc<Shared>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), shared }
    }

    /// The state that this transport shares with its user.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Read for Transport {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.stream {
            Stream::Clear(wire) => wire.read(into),
            Stream::Tls(stream) => stream.read(into),
        }?;
        let bounds = &self.shared.bounds;
        bounds.note_read();
        let budget = bounds.budget();
        let read = into.get_mut(..count).unwrap_or_default();
        match self.shared.filtered(|filter| filter.apply(read, budget)) {
            Ok(()) => Ok(count),
            Err(cut) => Err(bounds.give_up(cut)),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.shared.bounds.note_write();
        let with_secret = self.shared.secret().as_ref().and_then(|secret| secret.put_into(from));
        match (&mut self.stream, with_secret) {
            (Stream::Clear(wire), None) => wire.write(from),
            (Stream::Tls(stream), None) => stream.write(from),
            (Stream::Clear(wire), Some(line)) => wire.write_all(&line).map(|()| from.len()),
            (Stream::Tls(stream), Some(line)) => stream.write_all(&line).map(|()| from.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(wire) => wire.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
