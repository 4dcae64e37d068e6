//! A proxy before a server, which fails on purpose: at a command (before the server has it, in the middle of the answer, or
//! after its effect, when the answer is lost), or at once on every connection. Clear text over loopback, so that it can read
//! the commands that pass; it never reads a message. Sweeps, the service and the mailbox are tested through it.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// When the connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The server never gets the command.
    Before,
    /// Half of the answer comes.
    Middle,
    /// The server has done it; the answer does not come.
    After,
}

/// How it fails.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// Both sides are closed.
    Close,
    /// The client gets a reset.
    Reset,
    /// Nothing passes any more, and nothing is closed. The kernel still acknowledges.
    Stall,
    /// The client gets this, in which `TAG` stands for the tag, and everything goes on; after a bare BYE it is closed.
    Say(&'static str),
    /// The client gets what this makes of the tag and the true answer (empty where the server was not asked), and everything
    /// goes on. The name is for the reader.
    Lie(&'static str, fn(&str, &[u8]) -> Vec<u8>),
    /// The client gets this over and over, and nothing else.
    Flood(&'static str),
    /// The client gets a letter a second, without end.
    Dribble,
    /// The command waits until [`Proxy::release`], and everything goes on. Only [`When::Before`].
    Hold,
}

/// A failure to come.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The commands that begin so; all of them where it is empty.
    pub begin: &'static str,
    /// At which of them, counted from 1 over all connections since the faults were armed; at each where it is 0.
    pub at: usize,
    pub when: When,
    pub how: How,
}

impl Fault {
    /// At a command by its number.
    pub const fn at(at: usize, when: When, how: How) -> Self {
        Self { begin: "", at, when, how }
    }

    /// At the first command that begins so.
    pub const fn first(begin: &'static str, when: When, how: How) -> Self {
        Self { begin, at: 1, when, how }
    }
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<Fault>,
    struck: Vec<Fault>,
    is_released: bool,
    commands: Vec<String>,
    /// Connections are reset at once, as by a server that is restarted.
    refuses: bool,
    /// A connection on which nothing passed for so long is silently forgotten, as by a router.
    forgets: Option<Duration>,
    /// What the server announces in IDLE does not pass.
    is_mute: bool,
    /// How many connections there were.
    connections: usize,
    /// Those that live, by number, and how each is to fail at once.
    live: BTreeMap<usize, Option<How>>,
    is_over: bool,
}

impl State {
    fn count(&self, begin: &str) -> usize {
        self.commands.iter().filter(|command| begins(command, begin)).count()
    }
}

/// Does the command begin so? DONE, which only ends another, counts where it is named.
fn begins(command: &str, begin: &str) -> bool {
    command.starts_with(begin) && (command != "DONE" || !begin.is_empty())
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Waits until it is so; `false` where it is not within this time.
    fn wait_until(&self, longest: Duration, is_so: impl Fn(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), longest, |state| !is_so(state));
        !waited.unwrap().1.timed_out()
    }

    /// Notes a command; the faults that it meets.
    fn command(&self, command: &str) -> Vec<Fault> {
        let mut state = self.state();
        state.commands.push(command.to_owned());
        self.changed.notify_all();
        let meets = |fault: &&Fault| {
            begins(command, fault.begin) && [0, state.count(fault.begin)].contains(&fault.at)
        };
        state.faults.iter().filter(meets).copied().collect()
    }

    fn strike(&self, fault: Fault) {
        self.change(|state| state.struck.push(fault));
    }
}

/// A proxy before a server.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens before the server on `port` of 127.0.0.1.
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            let mut connections = Vec::new();
            for client in listener.incoming() {
                let (Ok(client), shared) = (client, Arc::clone(&theirs)) else { break };
                let mut state = theirs.state();
                if state.is_over {
                    break;
                }
                state.connections += 1;
                let (number, refuses) = (state.connections, state.refuses);
                state.live.insert(number, None);
                drop(state);
                connections.push(std::thread::spawn(move || {
                    let server = TcpStream::connect(("127.0.0.1", port)).ok().filter(|_| !refuses);
                    let _ = match server {
                        Some(server) => Connection::new(number, client, server, &shared).serve(),
                        None => reset(&client),
                    };
                    shared.change(|state| _ = state.live.remove(&number));
                }));
            }
            for connection in connections {
                let _ = connection.join();
            }
        });
        Self { port: own, shared, listener: Some(listener) }
    }

    /// Begins to count anew, and fails as told from now on.
    pub fn arm(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut state = self.shared.state();
        state.faults = faults.into_iter().collect();
        state.struck.clear();
        state.commands.clear();
        state.is_released = false;
    }

    /// Lets the command pass that is held.
    pub fn release(&self) {
        self.shared.change(|state| state.is_released = true);
    }

    /// Fails on every connection at once, in the middle of whatever it does.
    pub fn break_all(&self, how: How) {
        self.shared.change(|state| state.live.values_mut().for_each(|due| *due = Some(how)));
        let is_done = |state: &State| state.live.values().all(Option::is_none);
        assert!(self.shared.wait_until(Duration::from_secs(60), is_done), "a connection did not break");
    }

    /// Refuses connections from now on, or accepts them again.
    pub fn refuse(&self, refuses: bool) {
        self.shared.state().refuses = refuses;
    }

    /// Forgets connections that are silent for this long.
    pub fn forget_after(&self, silence: Duration) {
        self.shared.state().forgets = Some(silence);
    }

    /// Announces nothing in IDLE from now on, as some servers do.
    pub fn mute(&self) {
        self.shared.state().is_mute = true;
    }

    /// How many connections there were, refused ones too.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// The commands since it was armed, without their tags.
    pub fn commands(&self) -> Vec<String> {
        self.shared.state().commands.iter().filter(|command| begins(command, "")).cloned().collect()
    }

    /// How many of them begin so.
    pub fn count(&self, begin: &str) -> usize {
        self.shared.state().count(begin)
    }

    /// Waits until a command comes that begins so, after the first `seen` of them.
    pub fn wait_for(&self, begin: &str, seen: usize) {
        let has_come = self.shared.wait_until(Duration::from_secs(60), |state| state.count(begin) > seen);
        assert!(has_come, "no {begin} in {:#?}", self.commands());
    }

    /// The faults that have struck since it was armed.
    pub fn struck(&self) -> Vec<Fault> {
        self.shared.state().struck.clone()
    }

    /// Has one?
    pub fn has_struck(&self) -> bool {
        !self.struck().is_empty()
    }

    /// Waits until so many have; `false` where they do not.
    pub fn wait_until_struck(&self, count: usize, longest: Duration) -> bool {
        self.shared.wait_until(longest, |state| state.struck.len() >= count)
    }

    /// Has a connection fallen silent, so that only a kill or a deadline ends it?
    pub fn is_stalling(&self) -> bool {
        self.struck().iter().any(|fault| matches!(fault.how, How::Stall))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.change(|state| state.is_over = true);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// One client and its server. Whatever ends it is an error; it closes both.
struct Connection<'a> {
    number: usize,
    client: TcpStream,
    server: TcpStream,
    shared: &'a Shared,
    line: Vec<u8>,
    /// How many bytes of a literal of the client are to come. It counts as a command of its own, `LITERAL`, which is under way once
    /// it has come.
    literal: Option<usize>,
    /// The tag of the last command.
    tag: String,
    /// Those of all commands.
    tags: Vec<String>,
    is_idling: bool,
    /// The tag of the command whose answer meets a fault, and what came of the answer.
    doomed: Option<(String, Fault)>,
    answer: Vec<u8>,
    /// When something passed last.
    last: Instant,
    is_silent: bool,
}

impl<'a> Connection<'a> {
    fn new(number: usize, client: TcpStream, server: TcpStream, shared: &'a Shared) -> Self {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (line, tag, tags, answer) = (Vec::new(), String::new(), Vec::new(), Vec::new());
        let last = Instant::now();
        let (literal, is_idling, doomed, is_silent) = (None, false, None, false);
        Self {
            number,
            client,
            server,
            shared,
            line,
            literal,
            tag,
            tags,
            is_idling,
            doomed,
            answer,
            last,
            is_silent,
        }
    }

    fn serve(mut self) -> Result<()> {
        let mut buffer = [0; 16 << 10];
        loop {
            let (from_client, from_server) = self.wait()?;
            let forgets = self.shared.state().forgets;
            self.is_silent |= forgets.is_some_and(|silence| self.last.elapsed() >= silence);
            self.last = Instant::now();
            if from_client {
                match self.client.read(&mut buffer)? {
                    0 => return self.server.shutdown(Shutdown::Both),
                    count => self.client_said(&buffer[..count])?,
                }
            }
            if from_server && !self.is_silent {
                match self.server.read(&mut buffer)? {
                    0 => return self.client.shutdown(Shutdown::Both),
                    count => self.server_said(&buffer[..count])?,
                }
            }
        }
    }

    /// Waits for either side; where it is silent, for the client alone, to see when it is gone.
    fn wait(&mut self) -> Result<(bool, bool)> {
        loop {
            let due = self.shared.state().live.get(&self.number).copied().flatten();
            if let Some(how) = due {
                self.fail(how, b"")?;
                self.shared.change(|state| _ = state.live.insert(self.number, None));
            }
            if self.shared.state().is_over {
                return over();
            }
            let mut ears = [&self.client, &self.server].map(|stream| PollFd::new(stream, PollFlags::IN));
            let tick = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            let count = if self.is_silent { 1 } else { 2 };
            if poll(&mut ears[..count], Some(&tick))? > 0 {
                return Ok((!ears[0].revents().is_empty(), !ears[1].revents().is_empty()));
            }
        }
    }

    fn client_said(&mut self, bytes: &[u8]) -> Result<()> {
        for byte in bytes {
            if self.is_silent {
                return Ok(());
            }
            self.line.push(*byte);
            if let Some(length) = self.literal {
                // With the line break that ends the command.
                if self.line.len() == length + 2 {
                    self.literal = None;
                    let literal = std::mem::take(&mut self.line);
                    if self.passes("LITERAL")? {
                        self.server.write_all(&literal)?;
                    }
                }
            } else if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if self.command(&text)? {
                    let length = text.strip_suffix('}').and_then(|text| text.rsplit_once('{'));
                    self.literal = length.and_then(|(_, length)| length.parse().ok());
                    self.server.write_all(&line)?;
                }
            }
        }
        Ok(())
    }

    /// Does this line pass?
    fn command(&mut self, line: &str) -> Result<bool> {
        let command = match line.split_once(' ') {
            Some((tag, command)) => {
                tag.clone_into(&mut self.tag);
                self.tags.push(tag.to_owned());
                command
            }
            None if line == "DONE" => line,
            None => return Ok(true),
        };
        self.is_idling = command == "IDLE";
        self.passes(command)
    }

    /// Does this command pass?
    fn passes(&mut self, command: &str) -> Result<bool> {
        for fault in self.shared.command(command) {
            if fault.when != When::Before {
                self.doomed = Some((self.tag.clone(), fault));
                continue;
            }
            // First: the other end may be gone before it is noted.
            self.shared.strike(fault);
            self.fail(fault.how, b"")?;
            if !matches!(fault.how, How::Hold) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn server_said(&mut self, bytes: &[u8]) -> Result<()> {
        let Some((tag, fault)) = &self.doomed else {
            let announces = self.is_idling && bytes.starts_with(b"* ");
            let passes = !announces || !self.shared.state().is_mute;
            return if passes { self.client.write_all(bytes) } else { Ok(()) };
        };
        self.answer.extend(bytes);
        let answers = |line: &[u8]| line.starts_with(format!("{tag} ").as_bytes()) || line.starts_with(b"+ ");
        let is_whole =
            self.answer.ends_with(b"\r\n") && self.answer.split(|byte| *byte == b'\n').any(answers);
        if !is_whole {
            return Ok(());
        }
        let (fault, answer) = (*fault, std::mem::take(&mut self.answer));
        self.tag = self.doomed.take().map(|(tag, _)| tag).unwrap_or_default();
        if fault.when == When::Middle {
            self.client.write_all(&answer[..answer.len() / 2])?;
        }
        self.shared.strike(fault);
        self.fail(fault.how, &answer)
    }

    /// Fails so, where the server's answer is `answer`.
    fn fail(&mut self, how: How, answer: &[u8]) -> Result<()> {
        match how {
            How::Close => over(),
            How::Reset => reset(&self.client).and_then(|()| over()),
            How::Stall => {
                self.is_silent = true;
                Ok(())
            }
            How::Say(words) => {
                self.tell(words.replace("TAG", &self.tag).as_bytes(), answer)?;
                if words.starts_with("* BYE") && !words.contains("TAG") { over() } else { Ok(()) }
            }
            How::Lie(_, tell) => self.tell(&tell(&self.tag, answer), answer),
            How::Flood(what) => {
                let much = what.repeat((1 << 20) / what.len());
                // A gigabyte, if it is taken.
                (0..1024).try_for_each(|_| self.client.write_all(much.as_bytes())).and_then(|()| over())
            }
            How::Dribble => loop {
                self.client.write_all(b"x")?;
                if self.shared.wait_until(Duration::from_secs(1), |state| state.is_over) {
                    return over();
                }
            },
            How::Hold => {
                self.shared.wait_until(Duration::MAX, |state| state.is_released || state.is_over);
                Ok(())
            }
        }
    }

    /// Gives the client these words in place of an answer. With it may have come the ends of other commands of a flight, for which the
    /// client would wait.
    fn tell(&mut self, words: &[u8], answer: &[u8]) -> Result<()> {
        self.client.write_all(words)?;
        let is_other = |line: &&[u8]| self.tags.iter().any(|tag| *tag != self.tag && ends(line, tag));
        let is_told = |line: &[u8]| words.split_inclusive(|byte| *byte == b'\n').any(|told| told == line);
        let lines = answer.split_inclusive(|byte| *byte == b'\n').filter(is_other);
        lines.filter(|line| !is_told(line)).try_for_each(|line| (&self.client).write_all(line))
    }
}

/// Is this line the end of the command with this tag?
fn ends(line: &[u8], tag: &str) -> bool {
    line.strip_prefix(tag.as_bytes()).is_some_and(|condition| condition.starts_with(b" "))
}

/// Ends the connection.
fn over<T>() -> Result<T> {
    Err(ErrorKind::ConnectionAborted.into())
}

/// Lets the client get a reset when its socket is closed.
fn reset(client: &TcpStream) -> Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(client, Some(Duration::ZERO))?)
}
