//! A proxy in clear text on loopback that understands IMAP's commands, so that it can fail at the n-th of them: before the
//! server has it, in the middle of the answer, or after its effect, when nobody hears the answer.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// When the line fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The server never gets the command.
    Before,
    /// Half of the answer comes.
    Middle,
    /// The server has done it; the answer does not come.
    After,
}

/// How the line fails.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// It is closed.
    Cut,
    /// It is reset.
    Reset,
    /// It falls silent, and stays open.
    Stall,
    /// It says this over and over, and nothing else.
    Flood(&'static str),
    /// It says a letter a second, and never comes to an end.
    Dribble,
    /// Another answer is given, and everything goes on.
    Lie(Lie),
    /// The command waits until [`Cutter::release`], and everything goes on. Only [`When::Before`].
    Hold,
}

/// An answer in place of the true one.
#[derive(Clone, Copy)]
pub struct Lie {
    pub name: &'static str,
    /// Makes it of the tag and the true answer, which is empty where the server was not asked.
    pub tell: fn(&str, &[u8]) -> Vec<u8>,
}

impl std::fmt::Debug for Lie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A failure to come.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// At which command, counted from 1 over all connections since the cutter was armed.
    pub at: usize,
    pub when: When,
    pub how: How,
}

/// A failure at the n-th command that begins so, counted from 1; at each of them where `nth` is 0.
#[derive(Clone, Copy, Debug)]
pub struct Ambush {
    pub begin: &'static str,
    pub nth: usize,
    pub when: When,
    pub how: How,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<Fault>,
    ambushes: Vec<Ambush>,
    struck: Vec<Fault>,
    released: bool,
    commands: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    over: AtomicBool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Notes a command; the faults that it meets.
    fn command(&self, line: &str) -> Vec<Fault> {
        let mut state = self.state();
        let Some((_, command)) = line.split_once(' ') else { return Vec::new() };
        state.commands.push(command.to_owned());
        self.changed.notify_all();
        let number = state.commands.len();
        let so_far = |begin: &str| state.commands.iter().filter(|one| one.starts_with(begin)).count();
        let is_met = |ambush: &&Ambush| {
            command.starts_with(ambush.begin) && [0, so_far(ambush.begin)].contains(&ambush.nth)
        };
        let ambushes = state.ambushes.iter().filter(is_met);
        let ambushes = ambushes.map(|ambush| Fault { at: number, when: ambush.when, how: ambush.how });
        ambushes.chain(state.faults.iter().filter(|fault| fault.at == number).copied()).collect()
    }

    fn strike(&self, fault: Fault) {
        self.state().struck.push(fault);
        self.changed.notify_all();
    }

    /// Waits until what is held is released, or the cutter is dropped.
    fn hold(&self) {
        let mut state = self.state();
        while !state.released && !self.over.load(Ordering::Relaxed) {
            state = self.changed.wait_timeout(state, Duration::from_millis(100)).unwrap().0;
        }
    }
}

/// A proxy before a server.
pub struct Cutter {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Cutter {
    /// Listens before the server on `port` of 127.0.0.1.
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            let mut lines = Vec::new();
            for client in listener.incoming() {
                if theirs.over.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(client), shared) = (client, Arc::clone(&theirs)) else { break };
                lines.push(std::thread::spawn(move || {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                        let _ = Connection::new(client, server, shared).serve();
                    }
                }));
            }
            for line in lines {
                let _ = line.join();
            }
        });
        Self { port: own, shared, listener: Some(listener) }
    }

    /// Begins to count anew, and fails as told.
    pub fn arm(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.shared.state() = State { faults: faults.into_iter().collect(), ..State::default() };
    }

    /// Begins to count anew, and fails at commands that are told by how they begin.
    pub fn ambush(&self, ambushes: impl IntoIterator<Item = Ambush>) {
        self.ambush_and_arm(ambushes, []);
    }

    /// Both: [`Cutter::ambush`] and [`Cutter::arm`].
    pub fn ambush_and_arm(
        &self,
        ambushes: impl IntoIterator<Item = Ambush>,
        faults: impl IntoIterator<Item = Fault>,
    ) {
        let (ambushes, faults) = (ambushes.into_iter().collect(), faults.into_iter().collect());
        *self.shared.state() = State { ambushes, faults, ..State::default() };
    }

    /// Waits until so many faults have come; `false` where they do not.
    pub fn wait_until_struck(&self, count: usize, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        let mut state = self.shared.state();
        while state.struck.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
        true
    }

    /// Lets the command pass that is held.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.shared.changed.notify_all();
    }

    /// The commands since it was armed, without their tags.
    pub fn commands(&self) -> Vec<String> {
        self.shared.state().commands.clone()
    }

    /// Has a fault come?
    pub fn has_struck(&self) -> bool {
        !self.struck().is_empty()
    }

    /// The faults that have come.
    pub fn struck(&self) -> Vec<Fault> {
        self.shared.state().struck.clone()
    }

    /// Has the line fallen silent, so that only a kill or a deadline ends it?
    pub fn is_stalling(&self) -> bool {
        self.shared.state().struck.iter().any(|fault| matches!(fault.how, How::Stall))
    }

    /// Waits until so many commands that begin with `begin` have come; `false` where they do not.
    pub fn wait_for(&self, begin: &str, count: usize, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        let mut state = self.shared.state();
        while state.commands.iter().filter(|command| command.starts_with(begin)).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
        true
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// One client and its server.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    shared: Arc<Shared>,
    line: Vec<u8>,
    /// The tag of the command whose answer meets a fault, and what came of the answer.
    doomed: Option<(String, Fault)>,
    answer: Vec<u8>,
}

impl Connection {
    fn new(client: TcpStream, server: TcpStream, shared: Arc<Shared>) -> Self {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        Self { client, server, shared, line: Vec::new(), doomed: None, answer: Vec::new() }
    }

    fn serve(mut self) -> std::io::Result<()> {
        let mut buffer = [0; 16 << 10];
        loop {
            let (from_client, from_server) = self.wait()?;
            if from_client {
                let count = self.client.read(&mut buffer)?;
                if count == 0 {
                    return self.server.shutdown(Shutdown::Both);
                }
                if let Some(fault) = self.client_said(&buffer[..count])? {
                    return self.fail(fault);
                }
            }
            if from_server {
                let count = self.server.read(&mut buffer)?;
                if count == 0 {
                    return self.client.shutdown(Shutdown::Both);
                }
                if let Some(fault) = self.server_said(&buffer[..count])? {
                    return self.fail(fault);
                }
            }
        }
    }

    /// Waits for either side. Ends where the cutter is dropped.
    fn wait(&self) -> std::io::Result<(bool, bool)> {
        loop {
            if self.shared.over.load(Ordering::Relaxed) {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let mut ears =
                [PollFd::new(&self.client, PollFlags::IN), PollFd::new(&self.server, PollFlags::IN)];
            let tick = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            if poll(&mut ears, Some(&tick))? > 0 {
                return Ok((!ears[0].revents().is_empty(), !ears[1].revents().is_empty()));
            }
        }
    }

    fn client_said(&mut self, bytes: &[u8]) -> std::io::Result<Option<Fault>> {
        for byte in bytes {
            self.line.push(*byte);
            if *byte != b'\n' {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let mut lied = false;
            for fault in self.shared.command(&text) {
                let tag = text.split(' ').next().unwrap_or_default();
                match (fault.when, fault.how) {
                    (When::Before, How::Lie(lie)) => {
                        self.shared.strike(fault);
                        self.client.write_all(&(lie.tell)(tag, b""))?;
                        lied = true;
                        break;
                    }
                    (_, How::Hold) => {
                        self.shared.strike(fault);
                        self.shared.hold();
                    }
                    (When::Before, _) => return Ok(Some(fault)),
                    (When::Middle | When::After, _) => self.doomed = Some((format!("{tag} "), fault)),
                }
            }
            if !lied {
                self.server.write_all(&line)?;
            }
        }
        Ok(None)
    }

    fn server_said(&mut self, bytes: &[u8]) -> std::io::Result<Option<Fault>> {
        let Some((tag, fault)) = &self.doomed else { return self.client.write_all(bytes).map(|()| None) };
        self.answer.extend(bytes);
        let begins = |line: &[u8]| line.starts_with(tag.as_bytes()) || line.starts_with(b"+ ");
        let whole = self.answer.ends_with(b"\r\n") && self.answer.split(|byte| *byte == b'\n').any(begins);
        if !whole {
            return Ok(None);
        }
        if let How::Lie(lie) = fault.how {
            let fault = *fault;
            self.shared.strike(fault);
            self.client.write_all(&(lie.tell)(tag.trim_end(), &self.answer))?;
            self.doomed = None;
            self.answer.clear();
            return Ok(None);
        }
        if fault.when == When::Middle {
            self.client.write_all(&self.answer[..self.answer.len() / 2])?;
        }
        Ok(Some(*fault))
    }

    fn fail(self, fault: Fault) -> std::io::Result<()> {
        match fault.how {
            How::Cut | How::Lie(_) | How::Hold => {}
            How::Flood(what) => {
                self.shared.strike(fault);
                let much = what.repeat((1 << 20) / what.len());
                // A gigabyte, if it is taken.
                for _ in 0..1024 {
                    (&self.client).write_all(much.as_bytes())?;
                }
                return Ok(());
            }
            How::Dribble => {
                self.shared.strike(fault);
                while !self.shared.over.load(Ordering::Relaxed) {
                    (&self.client).write_all(b"x")?;
                    super::pause(Duration::from_secs(1));
                }
                return Ok(());
            }
            How::Reset => rustix::net::sockopt::set_socket_linger(&self.client, Some(Duration::ZERO))?,
            How::Stall => {
                self.shared.strike(fault);
                while !self.shared.over.load(Ordering::Relaxed) && !self.is_closed() {
                    super::pause(Duration::from_millis(5));
                }
                return Ok(());
            }
        }
        // First: whoever is at the other end may be gone before it is noted.
        self.shared.strike(fault);
        drop(self);
        Ok(())
    }

    /// Has the client gone?
    fn is_closed(&self) -> bool {
        let mut ears = [PollFd::new(&self.client, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut ears, Some(&now)).is_ok_and(|ready| ready > 0)
            && self.client.peek(&mut [0]).map_or(true, |count| count == 0)
    }
}
