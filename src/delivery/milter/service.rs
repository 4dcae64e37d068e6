//! Listens for mail servers, one thread for each connection; reloads at SIGHUP and stops at SIGTERM, after the messages that are
//! being received.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_tcp_quickack;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use super::address::Address;
use super::conversation::converse;
use super::judges::Judges;

/// The most connections at a time; further ones wait. Postfix has 100 processes that receive messages, and each keeps one.
const CONNECTIONS: usize = 200;
/// A mail server that says nothing for so long has gone. Postfix waits no longer than five minutes itself.
const SILENCE: Duration = Duration::from_secs(600);
/// How long nothing is accepted after a connection could not be.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// How long the messages that are being received have at a stop.
const FAREWELL: Duration = Duration::from_secs(20);

/// Why mail servers cannot be listened to.
#[derive(Debug)]
pub struct MilterFault {
    doing: String,
    cause: io::Error,
}

impl fmt::Display for MilterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.doing)
    }
}

impl Error for MilterFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// A socket on which mail servers connect.
#[derive(Debug)]
enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    judges: RwLock<Arc<Judges>>,
    connections: Mutex<usize>,
    ended: Condvar,
    /// How many messages are being received.
    busy: AtomicUsize,
}

/// A milter that listens.
#[derive(Debug)]
pub struct Milter {
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
}

impl Milter {
    /// Listens at an address, or on the sockets that systemd has opened (`sd_listen_fds(3)`).
    ///
    /// # Errors
    ///
    /// If there is no address and no socket, or the address cannot be listened at.
    pub fn listen(address: Option<&Address>, judges: Judges) -> Result<Self, MilterFault> {
        let fault = |doing: &str, cause| MilterFault { doing: doing.to_owned(), cause };
        let listeners = match address {
            Some(address) => {
                let listener =
                    bind(address).map_err(|cause| fault(&format!("listen at {address}"), cause))?;
                vec![listener]
            }
            None => inherited().map_err(|cause| fault("take over the sockets of systemd", cause))?,
        };
        if listeners.is_empty() {
            let cause = io::Error::new(
                io::ErrorKind::NotFound,
                "systemd has opened no socket; name one with --listen",
            );
            return Err(fault("listen", cause));
        }
        let shared = Arc::new(Shared {
            judges: RwLock::new(Arc::new(judges)),
            connections: Mutex::new(0),
            ended: Condvar::new(),
            busy: AtomicUsize::new(0),
        });
        Ok(Self { listeners, shared })
    }

    /// Accepts connections from now on. The end of the socket that it returns ends that.
    fn accept(&mut self) -> Result<UnixStream, MilterFault> {
        let fault = |doing: &str, cause| MilterFault { doing: doing.to_owned(), cause };
        let (stop, stopped) = UnixStream::pair().map_err(|cause| fault("make a socket", cause))?;
        for listener in self.listeners.drain(..) {
            let shared = Arc::clone(&self.shared);
            let stopped = stopped.try_clone().map_err(|cause| fault("make a socket", cause))?;
            let accept = move || accept_all(&listener, &stopped, &shared);
            let begun = thread::Builder::new().name("listener".to_owned()).spawn(accept);
            begun.map_err(|cause| fault("start a thread", cause))?;
        }
        Ok(stop)
    }

    /// Serves until SIGTERM or SIGINT. At SIGHUP, `reload` gives what later messages are judged by; `None` keeps what there is.
    ///
    /// # Errors
    ///
    /// If the machine does not give what a service needs.
    pub fn run(mut self, mut reload: impl FnMut() -> Option<Judges>) -> Result<(), MilterFault> {
        let fault = |cause| MilterFault { doing: "listen for signals".to_owned(), cause };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
            let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
            let mut hangup = signal(SignalKind::hangup()).map_err(fault)?;
            // Not before: a signal would end the process in the middle of a message.
            let stop = self.accept()?;
            tell_systemd(&[NotifyState::Ready]);
            loop {
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                    _ = hangup.recv() => {
                        match NotifyState::monotonic_usec_now() {
                            Ok(now) => tell_systemd(&[NotifyState::Reloading, now]),
                            Err(_) => tell_systemd(&[NotifyState::Reloading]),
                        }
                        if let Some(judges) = reload() {
                            *self.shared.judges.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(judges);
                        }
                        tell_systemd(&[NotifyState::Ready]);
                    }
                }
            }
            tell_systemd(&[NotifyState::Stopping]);
            drop(stop);
            let until = Instant::now() + FAREWELL;
            loop {
                // Also after the last one, so that its answer is sent.
                tokio::time::sleep(Duration::from_millis(100)).await;
                if self.shared.busy.load(Ordering::SeqCst) == 0 || Instant::now() >= until {
                    return Ok(());
                }
            }
        })
    }
}

fn tell_systemd(states: &[NotifyState<'_>]) {
    // Without systemd, nobody is told.
    let _ = sd_notify::notify(states);
}

fn bind(address: &Address) -> io::Result<Listener> {
    match address {
        Address::Loopback(address) => TcpListener::bind(address).map(Listener::Tcp),
        Address::Unix(path) => {
            remove_stale(path)?;
            let listener = UnixListener::bind(path)?;
            // The mail server is another user: of the group that the folder has.
            fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
            Ok(Listener::Unix(listener))
        }
    }
}

/// Removes the socket of a process that has ended without removing it.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_socket());
    match UnixStream::connect(path) {
        Err(cause) if is_socket && cause.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Ok(()),
    }
}

fn inherited() -> io::Result<Vec<Listener>> {
    let mut sockets = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for place in 0..sockets.len() {
        let unix = sockets.take_unix_listener(place);
        match unix {
            Ok(listener) => listeners.extend(listener.map(Listener::Unix)),
            Err(_) => listeners.extend(sockets.take_tcp_listener(place)?.map(Listener::Tcp)),
        }
    }
    Ok(listeners)
}

impl Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }
}

fn accept_all(listener: &Listener, stopped: &UnixStream, shared: &Arc<Shared>) {
    loop {
        {
            let open = shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
            drop(shared.ended.wait_while(open, |open| *open >= CONNECTIONS));
        }
        let (socket, stop) = (listener.as_fd(), stopped.as_fd());
        let mut ready = [PollFd::new(&socket, PollFlags::IN), PollFd::new(&stop, PollFlags::IN)];
        let polled = poll(&mut ready, None);
        let [_, stop] = &ready;
        if !stop.revents().is_empty() {
            return;
        }
        if polled.is_err() {
            continue;
        }
        let begun = match listener {
            Listener::Unix(listener) => listener.accept().and_then(|(stream, _)| begin(stream, shared)),
            Listener::Tcp(listener) => {
                listener.accept().and_then(|(stream, _)| begin(Prompt(stream), shared))
            }
        };
        if begun.is_err() {
            // Such as too many open files, which goes on as long as the connections do.
            let _ = poll(&mut [PollFd::new(&stopped.as_fd(), PollFlags::IN)], Some(&PAUSE));
        }
    }
}

/// A connection, whose silence ends it.
trait Timed: Read + Write + Send + 'static {
    fn limit(&self) -> io::Result<()>;
}

impl Timed for UnixStream {
    fn limit(&self) -> io::Result<()> {
        self.set_nonblocking(false)?;
        self.set_read_timeout(Some(SILENCE))?;
        self.set_write_timeout(Some(SILENCE))
    }
}

/// A connection over TCP that acknowledges what comes at once. The mail server sends a message in several packets and waits for the
/// acknowledgement of one before it sends the next (RFC 896); the kernel would keep it for 40 milliseconds, in case there is an answer
/// to send it with, and most packets have none.
struct Prompt(TcpStream);

impl Read for Prompt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The kernel forgets this as it likes (tcp(7)). Without it, all is well and slower.
        let _ = set_tcp_quickack(&self.0, true);
        self.0.read(buffer)
    }
}

impl Write for Prompt {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Timed for Prompt {
    fn limit(&self) -> io::Result<()> {
        self.0.set_nonblocking(false)?;
        self.0.set_nodelay(true)?;
        self.0.set_read_timeout(Some(SILENCE))?;
        self.0.set_write_timeout(Some(SILENCE))
    }
}

fn begin(mut stream: impl Timed, shared: &Arc<Shared>) -> io::Result<()> {
    stream.limit()?;
    let guard = Open::new(Arc::clone(shared));
    let converse = move || {
        let mut guard = guard;
        let shared = Arc::clone(&guard.shared);
        let current = || Arc::clone(&shared.judges.read().unwrap_or_else(PoisonError::into_inner));
        // The mail server does what its settings say about a milter that ends: `milter_default_action = accept`.
        let _ = converse(&mut stream, &current, &mut |busy| guard.busy(busy));
    };
    // Without a thread, the connection ends at once.
    thread::Builder::new().name("connection".to_owned()).spawn(converse).map(drop)
}

/// A connection as it is counted; no longer once dropped, panics included.
struct Open {
    shared: Arc<Shared>,
    is_busy: bool,
}

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        *shared.connections.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self { shared, is_busy: false }
    }

    fn busy(&mut self, is_busy: bool) {
        match (std::mem::replace(&mut self.is_busy, is_busy), is_busy) {
            (false, true) => drop(self.shared.busy.fetch_add(1, Ordering::SeqCst)),
            (true, false) => drop(self.shared.busy.fetch_sub(1, Ordering::SeqCst)),
            _ => {}
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.busy(false);
        *self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.shared.ended.notify_all();
    }
}
