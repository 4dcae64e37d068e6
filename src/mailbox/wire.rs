//! The byte stream to the server: a non-blocking socket, TLS over it, and the bounds of both.
//!
//! Owns reading, writing and waiting, and inserts the secret of a login into the bytes that are sent. Knows no commands. During the
//! login the imap crate reads it, line by line, so that nothing after the login is left in the crate's buffers; then `line` takes
//! it over and reads whole responses. Made by `dial`.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use native_tls::TlsStream;
use rustix::event::PollFlags;
use secrecy::zeroize::Zeroizing;

use super::bounds::Bounds;
use super::capabilities::Capabilities;
use super::framer::{Extent, Frame, Framer};
use super::line_filter::LineFilter;
use super::redactor::Redactor;

/// A socket on which every wait is bounded.
#[derive(Debug)]
pub(super) struct Wire {
    socket: TcpStream,
    bounds: Arc<Bounds>,
    /// OpenSSL reads the head of each record by itself, so several are read at once. Empty while the connection waits.
    buffer: Vec<u8>,
    /// What was read and not used yet.
    unread: Range<usize>,
}

impl Wire {
    /// `socket` must be non-blocking.
    pub(super) fn new(socket: TcpStream, bounds: Arc<Bounds>) -> Self {
        Self { socket, bounds, buffer: Vec::new(), unread: 0..0 }
    }

    /// Waits for the server, unless something that it sent is not used yet.
    fn await_input(&self) -> io::Result<()> {
        if self.unread.is_empty() { self.bounds.wait(&self.socket, PollFlags::IN) } else { Ok(()) }
    }

    /// Frees the buffer, if nothing is in it.
    fn release(&mut self) {
        if self.unread.is_empty() {
            self.buffer = Vec::new();
        }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() {
            self.await_input()?;
            if self.buffer.is_empty() {
                self.buffer = vec![0; 4 * CHUNK];
            }
            match self.socket.read(&mut self.buffer) {
                // poll may report a socket as ready that has no data (poll(2), BUGS).
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(count @ 1..) => self.unread = 0..count,
                end => {
                    self.bounds.note_end();
                    return end;
                }
            }
        }
        let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let count = unread.len().min(into.len());
        let (into, unread) = (into.get_mut(..count), unread.get(..count));
        into.unwrap_or_default().copy_from_slice(unread.unwrap_or_default());
        self.unread.start += count;
        self.bounds.spend(count)?;
        Ok(count)
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

    /// Takes the capabilities last received during the login.
    pub(super) fn take_capabilities(&self) -> Option<Capabilities> {
        self.filtered(|filter| filter.take_capabilities()).map(|words| self.capabilities(words))
    }

    /// The capabilities with these names. Drops those that repeat the secret or contain a control character, since a person may
    /// see them.
    pub(super) fn capabilities(&self, mut words: Vec<String>) -> Capabilities {
        words.retain(|word| {
            word.bytes().all(|byte| byte.is_ascii_graphic())
                && !self.redactor.is_in(word.as_bytes(), word.len())
        });
        Capabilities::read(words)
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

impl Stream {
    /// Waits for the server, unless something that it sent is not used yet. OpenSSL takes its buffer when it is asked to read, and keeps
    /// it while it waits.
    fn await_input(&self) -> io::Result<()> {
        match self {
            Self::Clear(wire) => wire.await_input(),
            Self::Tls(stream) if stream.buffered_read_size().is_ok_and(|size| size > 0) => Ok(()),
            Self::Tls(stream) => stream.get_ref().await_input(),
        }
    }

    fn wire(&mut self) -> &mut Wire {
        match self {
            Self::Clear(wire) => wire,
            Self::Tls(stream) => stream.get_mut(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(wire) => wire.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(wire) => wire.write(from),
            Self::Tls(stream) => stream.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(wire) => wire.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// How many bytes are read at once: a record of TLS (RFC 8446, section 5.1).
const CHUNK: usize = 16 << 10;

/// The connection in clear text on our side, and what was read of it and not used yet.
#[derive(Debug)]
pub(super) struct Channel {
    stream: Stream,
    shared: Arc<Shared>,
    buffer: Vec<u8>,
    /// What is before it was used.
    start: usize,
    framer: Framer,
}

impl Channel {
    fn new(stream: Stream, shared: Arc<Shared>) -> Self {
        Self { stream, shared, buffer: Vec::new(), start: 0, framer: Framer::default() }
    }

    /// Reads more; the number of bytes, 0 at the end.
    fn fill(&mut self) -> io::Result<usize> {
        // What was used is dropped when it is worth the copying.
        if self.start == self.buffer.len() || self.start >= 4 * CHUNK {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let before = self.buffer.len();
        // There is room only once something has come.
        let read = self.stream.await_input().and_then(|()| {
            self.buffer.resize(before + CHUNK, 0);
            self.stream.read(self.buffer.get_mut(before..).unwrap_or_default())
        });
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        self.shared.bounds.note_read();
        read
    }

    /// Frees the buffers for a wait, if nothing is in them. They have grown to the largest answer so far.
    pub(super) fn release(&mut self) {
        if self.start == self.buffer.len() {
            (self.buffer, self.start) = (Vec::new(), 0);
        }
        self.stream.wire().release();
    }

    /// The next response. Blank lines between responses are skipped.
    ///
    /// # Errors
    /// `WouldBlock` where a bound of the connection ends the wait, `UnexpectedEof` at the end of the connection.
    pub(super) fn frame(&mut self) -> io::Result<Frame<'_>> {
        self.framer.begin();
        let extent = loop {
            let unused = self.buffer.get(self.start..).unwrap_or_default();
            match self.framer.advance(unused, self.shared.bounds.longest()) {
                Ok(Some(Extent { length: 0, whole })) => {
                    self.start += whole;
                    self.framer.begin();
                }
                Ok(Some(extent)) => break extent,
                Ok(None) => {
                    if self.fill()? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(cut) => return Err(self.shared.bounds.give_up(cut)),
            }
        };
        let begin = self.start;
        self.start += extent.whole;
        Ok(Frame {
            bytes: self.buffer.get(begin..begin + extent.length).unwrap_or_default(),
            literals: self.framer.literals(),
            odd: self.framer.is_odd(),
        })
    }

    /// Drops what comes, up to the answer to a command that is sent now: for use when it is not certain any more where a response
    /// ends. The tag of that command cannot be in a message, since it is made up only now.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        let tag = format!("r{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        self.send(&format!("{tag} NOOP"), false)?;
        let answer = format!("{tag} ");
        loop {
            let unread = self.buffer.get(self.start..).unwrap_or_default();
            let found = unread.windows(answer.len()).position(|some| some == answer.as_bytes());
            self.start += found.unwrap_or(unread.len().saturating_sub(answer.len()));
            if found.is_some() {
                break;
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.frame().map(drop)
    }

    /// Sends a line. `ahead`: while an answer is awaited, so that it begins no round trip.
    pub(super) fn send(&mut self, line: &str, ahead: bool) -> io::Result<()> {
        if !ahead {
            self.shared.bounds.note_write();
        }
        let line = format!("{line}\r\n");
        self.stream.write_all(line.as_bytes())?;
        self.stream.flush()
    }
}

/// A connection that is being logged in: the imap crate has one handle of it, and `line` the other.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    channel: Arc<Mutex<Channel>>,
    shared: Arc<Shared>,
}

impl Transport {
    /// For a loopback address only; `dial` ensures that.
    pub(super) fn clear(wire: Wire, shared: Arc<Shared>) -> Self {
        Self::new(Stream::Clear(wire), shared)
    }

    pub(super) fn tls(stream: TlsStream<Wire>, shared: Arc<Shared>) -> Self {
        Self::new(Stream::Tls(Box::new(stream)), shared)
    }

    fn new(stream: Stream, shared: Arc<Shared>) -> Self {
        let channel = Arc::new(Mutex::new(Channel::new(stream, Arc::clone(&shared))));
        Self { channel, shared }
    }

    /// The state that this transport shares with its user.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The connection, once the crate has dropped its handle.
    pub(super) fn into_channel(self) -> Option<Channel> {
        Some(Arc::into_inner(self.channel)?.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn channel(&self) -> MutexGuard<'_, Channel> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Transport {
    /// At most a line: what comes after it is not for the crate.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut channel = self.channel();
        if channel.start == channel.buffer.len() && channel.fill()? == 0 {
            return Ok(0);
        }
        let unread = channel.buffer.get(channel.start..).unwrap_or_default();
        let line = unread.iter().position(|byte| *byte == b'\n').map_or(unread.len(), |at| at + 1);
        let count = line.min(into.len());
        let read = into.get_mut(..count).unwrap_or_default();
        read.copy_from_slice(unread.get(..count).unwrap_or_default());
        channel.start += count;
        drop(channel);
        let bounds = &self.shared.bounds;
        match self.shared.filtered(|filter| filter.apply(read, bounds.budget())) {
            Ok(()) => Ok(count),
            Err(cut) => Err(bounds.give_up(cut)),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.shared.bounds.note_write();
        let with_secret = self.shared.secret().as_ref().and_then(|secret| secret.put_into(from));
        let stream = &mut self.channel().stream;
        match with_secret {
            None => stream.write(from),
            Some(line) => stream.write_all(&line).map(|()| from.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel().stream.flush()
    }
}
