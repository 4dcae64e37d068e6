//! Opens a connection that is ready for a login: name resolution, socket, STARTTLS, TLS.
//!
//! Owns which certificates are trusted, and sends nothing but STARTTLS in clear text, except to a loopback address. Always
//! verifies a certificate: against the CAs and the server's name, or against the one fingerprint that the settings pin. TLS 1.2
//! at least. Never logs in. Called by `session`. Own code, since the imap crate connects without a CA file, a fingerprint, a
//! deadline and a stop.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use native_tls::{HandshakeError, TlsConnector, TlsStream};
use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::bounds::{Bounds, Cut, Limits};
use super::fault::{Cause, Fault, Step, Subject};
use super::redactor::Redactor;
use super::stop::{Stop, poll_until};
use super::wire::{Shared, Transport, Wire};
use crate::clock;
use crate::settings::{Account, Fingerprint, Tls};
use crate::trust::{self, ConnectorFault, Distrust, TlsError, Trusted};

/// For everything from name resolution to the greeting.
const APPROACH: Limits = Limits { time: Duration::from_secs(45), bytes: 1 << 20 };
/// The limit for each address, since one of several may be dead.
const PER_ADDRESS: Duration = Duration::from_secs(10);
/// TCP keepalive: the silence before the first probe, the number of probes, and the interval between them.
const PROBE: (Duration, u32, Duration) = (Duration::from_secs(20), 3, Duration::from_secs(10));
/// TCP_USER_TIMEOUT in milliseconds: sent data must be acknowledged within this time, which detects lost packets.
const ACKNOWLEDGED_MS: u32 = 50_000;
/// How long a server may keep silent before STARTTLS until it is asked for a TLS handshake, and how long that may take.
const SILENCE: Duration = Duration::from_secs(4);
const PROBE_TIME: Duration = Duration::from_secs(5);
/// The longest line, and the most lines, that a server may send before TLS.
const CLEAR_LINE: usize = 2_000;
const CLEAR_LINES: usize = 50;

/// The certificates to trust. All that trust the same share what `trust` has made of them.
#[derive(Clone, Debug)]
pub struct Connector {
    tls: Arc<TlsConnector>,
    trust: Trust,
}

#[derive(Clone, Copy, Debug)]
enum Trust {
    /// Certificates that a CA has signed.
    Authorities,
    /// This one certificate.
    Pin(Fingerprint),
    /// None: only to see a server's certificate.
    Nobody,
}

impl Connector {
    /// Trusts the system's CAs and those in `ca_file` (PEM, one or more).
    ///
    /// # Errors
    /// If the file cannot be read or contains no certificate.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, Fault> {
        let on = Subject::File(ca_file.unwrap_or(Path::new("the system's store")).to_owned());
        Self::build(ca_file, Trust::Authorities).map_err(|cause| Fault { doing: Step::Trust, on, cause })
    }

    /// Trusts what the settings of `account` say.
    ///
    /// # Errors
    /// As [`Connector::new`].
    pub fn of(account: &Account) -> Result<Self, Fault> {
        match account.pin {
            None => Self::new(account.ca_file.as_deref()),
            Some(pin) => Self::of_nobody(Trust::Pin(pin)),
        }
    }

    fn of_nobody(trust: Trust) -> Result<Self, Fault> {
        let on = Subject::File(Path::new("the system's store").to_owned());
        Self::build(None, trust).map_err(|cause| Fault { doing: Step::Trust, on, cause })
    }

    fn build(ca_file: Option<&Path>, trust: Trust) -> Result<Self, Cause> {
        let trusted = match trust {
            Trust::Authorities => Trusted::Authorities(ca_file),
            // `vouch` compares the certificate before a byte is sent.
            Trust::Pin(_) | Trust::Nobody => Trusted::Anybody,
        };
        let tls = trust::connector(trusted).map_err(|fault| match fault {
            ConnectorFault::File(cause) => Cause::Io(cause),
            ConnectorFault::Tls(error) => Cause::Tls(error),
        })?;
        Ok(Self { tls, trust })
    }
}

/// The account's server, as far as it is reached without trusting it: nothing has been sent.
pub(super) struct Reached<'a> {
    account: &'a Account,
    socket: TcpStream,
    bounds: Arc<Bounds>,
}

impl<'a> Reached<'a> {
    /// Connects to the account's server.
    pub(super) fn reach(account: &'a Account, stop: &Stop) -> Result<Self, Cause> {
        let bounds = Arc::new(Bounds::new(stop.clone(), APPROACH));
        let deadline = Instant::now() + APPROACH.time;
        let mut addresses = look_up(&account.host, account.port, stop, deadline)?;
        if account.tls == Tls::Off {
            addresses.retain(|address| address.ip().to_canonical().is_loopback());
            if addresses.is_empty() {
                return Err(Cause::ClearText);
            }
        }
        let socket = reach_any(&addresses, stop, deadline)?;
        tune(&socket).map_err(Cause::Io)?;
        Ok(Self { account, socket, bounds })
    }

    /// Goes on up to the point where the server's greeting comes next (after STARTTLS: the answer to the first command). `redactor`
    /// keeps the password out of the server's words on this connection.
    pub(super) fn trust(
        self,
        connector: &Connector,
        stop: &Stop,
        redactor: Redactor,
    ) -> Result<Transport, Cause> {
        let account = self.account;
        self.secure(connector, stop, redactor).map_err(|cause| match cause {
            Cause::Untrusted(distrust) => {
                Cause::Untrusted(Box::new(distrust.shows(shown_certificate(account, stop), clock::now())))
            }
            cause => cause,
        })
    }

    fn secure(self, connector: &Connector, stop: &Stop, redactor: Redactor) -> Result<Transport, Cause> {
        let Self { account, socket, bounds } = self;
        if account.tls == Tls::StartTls && is_silent(&socket, stop)? && speaks_tls(&socket, account, stop) {
            return Err(Cause::TlsAlready);
        }
        let mut wire = Wire::new(socket, Arc::clone(&bounds));
        let shared = Arc::new(Shared::new(Arc::clone(&bounds), redactor));
        match account.tls {
            Tls::Off => return Ok(Transport::clear(wire, shared)),
            Tls::StartTls => {
                start_tls(&mut wire, &shared.redactor).map_err(|cause| cut_short(cause, &bounds))?
            }
            Tls::Implicit => {}
        }
        let stream = connector.tls.connect(&account.host, wire).map_err(|error| match error {
            HandshakeError::WouldBlock(_) => cut_short(Cause::Late, &bounds),
            HandshakeError::Failure(error) => untrusted(error.into(), account, &bounds),
        })?;
        vouch(&stream, connector.trust)?;
        Ok(Transport::tls(stream, shared))
    }
}

/// The certificate that the account's server presents, trusted or not. Connects once more, since native-tls does not show one that
/// it does not trust, and sends nothing after the handshake.
fn shown_certificate(account: &Account, stop: &Stop) -> Option<trust::Certificate> {
    let connector = Connector::of_nobody(Trust::Nobody).ok()?;
    let reached = Reached::reach(account, stop).ok()?;
    match reached.secure(&connector, stop, Redactor::nothing()) {
        Err(Cause::OtherCertificate(shown)) => Some(*shown),
        _ => None,
    }
}

/// Checks that the server's certificate is trusted, before a byte is sent.
fn vouch(stream: &TlsStream<Wire>, trust: Trust) -> Result<(), Cause> {
    let pin = match trust {
        Trust::Authorities => return Ok(()),
        Trust::Pin(pin) => Some(pin),
        Trust::Nobody => None,
    };
    let shown = stream.peer_certificate().map_err(tls_fault)?.ok_or(Cause::Garbled("no certificate"))?;
    let der = shown.to_der().map_err(tls_fault)?;
    match pin == Some(Fingerprint::of(&der)) {
        true => Ok(()),
        false => Err(Cause::OtherCertificate(Box::new(trust::Certificate::read(&der)))),
    }
}

/// The cause of a failed handshake: a lost connection does not count as a lack of trust.
fn untrusted(error: TlsError, account: &Account, bounds: &Bounds) -> Cause {
    if bounds.cut().is_some() {
        return cut_short(Cause::Late, bounds);
    }
    match (bounds.ended(), error.is_not_tls(), account.tls) {
        (true, ..) => Cause::Lost,
        (false, false, _) => match error.distrust() {
            Some(why) => Cause::Untrusted(Box::new(Distrust::new(why, &account.host))),
            None => Cause::Tls(error),
        },
        (false, true, Tls::StartTls) => Cause::Injected,
        (false, true, Tls::Implicit | Tls::Off) => Cause::NotTls,
    }
}

fn tls_fault(error: native_tls::Error) -> Cause {
    Cause::Tls(error.into())
}

/// The true cause if followsift itself gave up, else `cause`.
pub(super) fn cut_short(cause: Cause, bounds: &Bounds) -> Cause {
    match bounds.cut() {
        Some(Cut::Late) => Cause::Late,
        Some(Cut::Stopped) => Cause::Stopped,
        Some(Cut::Flood) => Cause::Flood,
        Some(Cut::Miscounted) => Cause::Garbled("a literal is not as long as announced"),
        Some(Cut::Nested) => Cause::Garbled("it is nested too deeply"),
        None => cause,
    }
}

/// The addresses of a name, in the system's order. The system's resolver takes no deadline, hence the thread; a thread that
/// never ends is abandoned.
fn look_up(host: &str, port: u16, stop: &Stop, deadline: Instant) -> Result<Vec<SocketAddr>, Cause> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = Stop::new().map_err(Cause::Io)?;
    let (sender, receiver) = mpsc::channel();
    let (name, done) = (host.to_owned(), found.clone());
    std::thread::Builder::new()
        .name("look-up".to_owned())
        .spawn(move || {
            let answer = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
            // The caller may have given up.
            let _ = sender.send(answer);
            done.stop();
        })
        .map_err(Cause::Io)?;
    let mut polled = [PollFd::new(&found, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
    poll_until(&mut polled, deadline).map_err(Cause::Io)?;
    if stop.is_stopped() {
        return Err(Cause::Stopped);
    }
    match receiver.try_recv() {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(Cause::NoAddress),
        Ok(answer) => answer.map_err(Cause::Unresolved),
        Err(_) => Err(Cause::Late),
    }
}

/// The first of `addresses` that answers; the last one's error if none does.
fn reach_any(addresses: &[SocketAddr], stop: &Stop, deadline: Instant) -> Result<TcpStream, Cause> {
    let mut last = Cause::NoAddress;
    for address in addresses {
        match reach(*address, stop, deadline.min(Instant::now() + PER_ADDRESS)) {
            Ok(socket) => return Ok(socket),
            Err(Cause::Stopped) => return Err(Cause::Stopped),
            Err(cause) => last = cause,
        }
    }
    Err(last)
}

fn reach(address: SocketAddr, stop: &Stop, deadline: Instant) -> Result<TcpStream, Cause> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket =
        rustix::net::socket_with(family, SocketType::STREAM, flags, None).map_err(|e| Cause::Io(e.into()))?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) => return Ok(TcpStream::from(socket)),
        Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(Cause::Io(error.into())),
    }
    let mut polled = [PollFd::new(&socket, PollFlags::OUT), PollFd::new(stop, PollFlags::IN)];
    let ready = poll_until(&mut polled, deadline).map_err(Cause::Io)?;
    if stop.is_stopped() {
        return Err(Cause::Stopped);
    }
    if !ready {
        return Err(Cause::Late);
    }
    let socket = TcpStream::from(socket);
    match socket.take_error() {
        Ok(None) => Ok(socket),
        Ok(Some(error)) | Err(error) => Err(Cause::Io(error)),
    }
}

/// Sets the socket options by which a dead connection is detected within a minute, even if packets are just dropped.
fn tune(socket: &TcpStream) -> io::Result<()> {
    let (idle, count, interval) = PROBE;
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, idle)?;
    sockopt::set_tcp_keepintvl(socket, interval)?;
    sockopt::set_tcp_keepcnt(socket, count)?;
    sockopt::set_tcp_user_timeout(socket, ACKNOWLEDGED_MS)?;
    Ok(())
}

/// Does the server say nothing for a while? One that speaks TLS from the start waits for a handshake.
fn is_silent(socket: &TcpStream, stop: &Stop) -> Result<bool, Cause> {
    let mut polled = [PollFd::new(socket, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
    let heard = poll_until(&mut polled, Instant::now() + SILENCE).map_err(Cause::Io)?;
    if stop.is_stopped() { Err(Cause::Stopped) } else { Ok(!heard) }
}

/// Does the server answer a TLS handshake, on a connection of its own? Its certificate does not matter: nothing else is sent.
fn speaks_tls(socket: &TcpStream, account: &Account, stop: &Stop) -> bool {
    let limits = Limits { time: PROBE_TIME, ..APPROACH };
    let handshake = || {
        let address = socket.peer_addr().ok()?;
        let socket = reach(address, stop, Instant::now() + limits.time).ok()?;
        let wire = Wire::new(socket, Arc::new(Bounds::new(stop.clone(), limits)));
        Connector::of_nobody(Trust::Nobody).ok()?.tls.connect(&account.host, wire).ok()
    };
    handshake().is_some()
}

/// STARTTLS (RFC 9051, section 6.2.1), read byte by byte, so that no clear text from the server or an attacker can pass for
/// data under TLS. Ignores the capabilities that arrive in clear text: the answer to the command shows whether the server
/// supports it.
fn start_tls(wire: &mut Wire, redactor: &Redactor) -> Result<(), Cause> {
    if let Some(cause) = Cause::of_greeting(&clear_line(wire)?, redactor) {
        return Err(cause);
    }
    wire.write_all(b"s STARTTLS\r\n").map_err(Cause::Io)?;
    for _ in 0..CLEAR_LINES {
        let line = clear_line(wire)?;
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("s"), Some(status)) if status.eq_ignore_ascii_case("OK") => return Ok(()),
            (Some("s"), _) => return Err(Cause::NoStartTls),
            _ => {}
        }
    }
    Err(Cause::Flood)
}

fn clear_line(wire: &mut Wire) -> Result<String, Cause> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < CLEAR_LINE {
        if wire.read(&mut byte).map_err(Cause::Io)? == 0 {
            return Err(Cause::Lost);
        }
        if byte == *b"\n" {
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        line.extend(byte);
    }
    Err(Cause::Flood)
}
