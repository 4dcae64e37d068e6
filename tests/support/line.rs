//! The line between a client and a server, measured: it takes its time in both directions, and counts what passes. It ends the
//! client's TLS itself, so that it sees commands and answers, and speaks clear text to the server, over loopback. The cost of a
//! sweep is counted through it, and timed in the benchmark. It never changes what passes, and never limits the throughput.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use native_tls::{HandshakeError, Identity, TlsAcceptor, TlsStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What has passed since the last [`Line::reset`].
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// The commands, without their tags, and when the server got each.
    pub commands: Vec<(Instant, String)>,
    /// The idle turns, by the names of the commands: the client spoke after it had read all there was, while no command was in
    /// flight. Each of these times the line was idle, and the client waited for a whole round trip.
    pub idle_turns: Vec<String>,
    /// How often the client spoke after the server had.
    pub turns: usize,
    /// How many bytes the client was sent, without TLS.
    pub received: u64,
    /// When the server last said how many messages there are to a client that waits in IDLE, and the turns until then.
    pub announced: Option<(Instant, usize)>,
    /// When the server last answered a MOVE or COPY, and the turns until then.
    pub moved: Option<(Instant, usize)>,
}

impl Passed {
    /// Does the client wait for messages?
    pub fn is_idling(&self) -> bool {
        self.commands.last().is_some_and(|(_, command)| command == "IDLE")
    }
}

#[derive(Debug, Default)]
struct Shared {
    passed: Mutex<Passed>,
    changed: Condvar,
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Passed)) {
        change(&mut self.passed.lock().unwrap());
        self.changed.notify_all();
    }
}

/// A line to a server. Its threads end with the process.
pub struct Line {
    /// Where it listens, with TLS from the first byte.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Line {
    /// A line to the server on `port` of 127.0.0.1, whose certificate is in `folder`, with this time for there and back.
    pub fn before(port: u16, folder: &Path, round_trip: Duration) -> Self {
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let identity = Identity::from_pkcs8(&read("server.pem"), &read("server.key")).unwrap();
        let tls = TlsAcceptor::new(identity).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), shared, tls) = (client, Arc::clone(&theirs), tls.clone()) else { break };
                // However a connection ends, its client notices.
                std::thread::spawn(move || serve(client, port, &tls, round_trip / 2, &shared));
            }
        });
        Self { port: own, shared }
    }

    /// Begins to count anew.
    pub fn reset(&self) {
        self.shared.change(|passed| *passed = Passed::default());
    }

    /// What has passed.
    pub fn passed(&self) -> Passed {
        self.shared.passed.lock().unwrap().clone()
    }

    /// Waits until it is so, and returns what has passed by then.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Passed) -> bool) -> Passed {
        let passed = self.shared.passed.lock().unwrap();
        let longest = Duration::from_secs(60);
        let (passed, waited) =
            self.shared.changed.wait_timeout_while(passed, longest, |passed| !is_so(passed)).unwrap();
        assert!(!waited.timed_out(), "not {what}: {:#?}", passed.commands);
        passed.clone()
    }
}

/// Bytes on their way, and when they are there.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
    /// To the client: how many commands are answered with it. From the client: how many answers it had read before it spoke,
    /// where it had read all that there was.
    answers: Option<usize>,
}

/// The client's socket, at the other end of a line that takes its time.
struct Far {
    socket: TcpStream,
    delay: Duration,
    to_client: VecDeque<Chunk>,
    from_client: VecDeque<Chunk>,
    /// How many answers have reached the client.
    answered: usize,
    /// What is known of the last chunk from the client that was read.
    spoke: Option<usize>,
    is_over: bool,
}

impl Far {
    /// Moves what is due to the client, and takes what the client has said.
    fn pump(&mut self) -> Result<()> {
        while let Some(chunk) = self.to_client.front_mut().filter(|chunk| chunk.due <= Instant::now()) {
            match self.socket.write(&chunk.bytes) {
                Ok(count) if count < chunk.bytes.len() => drop(chunk.bytes.drain(..count)),
                Ok(_) => {
                    self.answered += chunk.answers.unwrap_or(0);
                    self.to_client.pop_front();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let mut buffer = [0; 16 << 10];
        match self.socket.read(&mut buffer) {
            Ok(0) => self.is_over = true,
            Ok(count) => {
                let answers = (unread(&self.socket)? == 0).then_some(self.answered);
                let due = Instant::now() + self.delay;
                self.from_client.push_back(Chunk { due, bytes: buffer[..count].to_vec(), answers });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// When something is due next, as far as it does not wait for the client.
    fn next_due(&self, is_blocked: bool) -> Option<Instant> {
        let to_client = self.to_client.front().filter(|_| !is_blocked);
        to_client.into_iter().chain(self.from_client.front()).map(|chunk| chunk.due).min()
    }
}

impl Read for Far {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(chunk) = self.from_client.front_mut().filter(|chunk| chunk.due <= Instant::now()) else {
            return if self.is_over && self.from_client.is_empty() {
                Ok(0)
            } else {
                Err(ErrorKind::WouldBlock.into())
            };
        };
        let count = chunk.bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&chunk.bytes[..count]);
        chunk.bytes.drain(..count);
        self.spoke = chunk.answers;
        if chunk.bytes.is_empty() {
            self.from_client.pop_front();
        }
        Ok(count)
    }
}

impl Write for Far {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let due = Instant::now() + self.delay;
        self.to_client.push_back(Chunk { due, bytes: bytes.to_vec(), answers: None });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// How many bytes the client at the other end of this socket has not read yet, from the kernel's table of connections: only
/// so can a client that waits be told from one that is busy.
fn unread(socket: &TcpStream) -> Result<usize> {
    let shown = |address: SocketAddr| format!("0100007F:{:04X}", address.port());
    let both = format!("{} {}", shown(socket.peer_addr()?), shown(socket.local_addr()?));
    // Read in parts, the table may miss a row while others come and go.
    for _ in 0..10 {
        let table = std::fs::read_to_string("/proc/net/tcp")?;
        let row = table.lines().find(|row| row.contains(&both));
        let queue = row.and_then(|row| row.split_whitespace().nth(4)?.split(':').nth(1));
        if let Some(queue) = queue.and_then(|queue| usize::from_str_radix(queue, 16).ok()) {
            return Ok(queue);
        }
    }
    Err(Error::other("the kernel does not know the client's end"))
}

/// One client and its server, until either is gone.
fn serve(client: TcpStream, port: u16, tls: &TlsAcceptor, delay: Duration, shared: &Shared) -> Result<()> {
    client.set_nodelay(true)?;
    client.set_nonblocking(true)?;
    let (to_client, from_client) = (VecDeque::new(), VecDeque::new());
    let (answered, spoke, is_over) = (0, None, false);
    let far = Far { socket: client, delay, to_client, from_client, answered, spoke, is_over };
    let mut shaking = tls.accept(far);
    let tls = loop {
        match shaking {
            Ok(tls) => break tls,
            Err(HandshakeError::Failure(error)) => return Err(Error::other(error)),
            Err(HandshakeError::WouldBlock(mut half)) => {
                wait(half.get_mut(), None)?;
                half.get_mut().pump()?;
                shaking = half.handshake();
            }
        }
    };
    let server = TcpStream::connect(("127.0.0.1", port))?;
    server.set_nodelay(true)?;
    let mut talk = Talk::default();
    talk.serve(tls, server, shared)
}

/// Waits until there is something to do; whether it is the server who spoke.
fn wait(far: &Far, server: Option<&TcpStream>) -> Result<bool> {
    let is_blocked = far.to_client.front().is_some_and(|chunk| chunk.due <= Instant::now());
    let client = if is_blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    // A client that has closed its side would be ready for ever.
    let mut ears: Vec<PollFd<'_>> =
        server.into_iter().map(|server| PollFd::new(server, PollFlags::IN)).collect();
    if !far.is_over {
        ears.push(PollFd::new(&far.socket, client));
    }
    let pause = far.next_due(is_blocked).map(|due| due.saturating_duration_since(Instant::now()));
    let pause = pause.map(|pause| Timespec::try_from(pause).unwrap());
    poll(&mut ears, pause.as_ref())?;
    Ok(server.is_some() && !ears[0].revents().is_empty())
}

/// What is counted of one connection.
#[derive(Default)]
struct Talk {
    /// What the client has said of a line that is not whole yet.
    line: Vec<u8>,
    /// What the server has said of one.
    answer: Vec<u8>,
    /// How much of a literal of the server is to come.
    literal: usize,
    /// The line goes on after a literal.
    goes_on: bool,
    /// The tags of the commands without an answer, and whether they move.
    open: Vec<(String, bool)>,
    commands: usize,
    is_idling: bool,
    server_spoke: bool,
}

impl Talk {
    fn serve(&mut self, mut tls: TlsStream<Far>, mut server: TcpStream, shared: &Shared) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            if wait(tls.get_ref(), Some(&server))? {
                match server.read(&mut buffer)? {
                    0 => break,
                    count => {
                        let answers = self.server_said(&buffer[..count], shared);
                        tls.write_all(&buffer[..count])?;
                        if let Some(last) = tls.get_mut().to_client.back_mut() {
                            last.answers = Some(answers);
                        }
                    }
                }
            }
            tls.get_mut().pump()?;
            loop {
                match tls.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(count) => {
                        server.write_all(&buffer[..count])?;
                        self.client_said(&buffer[..count], tls.get_ref().spoke, shared);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        // What the server said last is still on its way.
        tls.shutdown()?;
        while !tls.get_ref().to_client.is_empty() && !tls.get_ref().is_over {
            wait(tls.get_ref(), None)?;
            tls.get_mut().pump()?;
        }
        Ok(())
    }

    /// Counts commands; `answered` is how many answers the client had when it spoke, where it had read all.
    fn client_said(&mut self, bytes: &[u8], answered: Option<usize>, shared: &Shared) {
        if std::mem::take(&mut self.server_spoke) {
            shared.change(|passed| passed.turns += 1);
        }
        for byte in bytes {
            self.line.push(*byte);
            if *byte != b'\n' {
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim_end().to_owned();
            let command = match line.split_once(' ') {
                Some((tag, command)) => {
                    let is_idle = answered == Some(self.commands);
                    self.commands += 1;
                    let is_move = ["UID MOVE ", "UID COPY "].iter().any(|begin| command.starts_with(begin));
                    self.open.push((tag.to_owned(), is_move));
                    if is_idle {
                        let mut words = command.split(' ').skip_while(|word| *word == "UID");
                        let name = words.next().unwrap_or_default().to_owned();
                        shared.change(|passed| passed.idle_turns.push(name));
                    }
                    command.to_owned()
                }
                // It ends another, which is in flight.
                None if line == "DONE" => line,
                // The words of a login.
                None => continue,
            };
            self.is_idling = command == "IDLE";
            shared.change(|passed| passed.commands.push((Instant::now(), command)));
        }
    }

    /// Counts answers: those that end a command are returned.
    fn server_said(&mut self, mut bytes: &[u8], shared: &Shared) -> usize {
        self.server_spoke = true;
        shared.change(|passed| passed.received += bytes.len() as u64);
        let mut answers = 0;
        while !bytes.is_empty() {
            let skipped = self.literal.min(bytes.len());
            self.literal -= skipped;
            bytes = &bytes[skipped..];
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.answer.extend(bytes);
                break;
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            self.answer.extend(line);
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.answer)).trim_end().to_owned();
            let begins = !std::mem::take(&mut self.goes_on);
            if let Some(length) =
                line.strip_suffix('}').and_then(|line| line.rsplit_once('{')?.1.parse().ok())
            {
                self.literal = length;
                self.goes_on = true;
            } else if begins {
                answers += usize::from(self.line_said(&line, shared));
            }
        }
        answers
    }

    /// Does this line end a command?
    fn line_said(&mut self, line: &str, shared: &Shared) -> bool {
        if line.starts_with("* ") {
            if self.is_idling && line.ends_with(" EXISTS") {
                shared.change(|passed| passed.announced = Some((Instant::now(), passed.turns)));
            }
            return false;
        }
        let tag = line.split(' ').next().unwrap_or_default();
        let Some(place) = self.open.iter().position(|(open, _)| open == tag) else { return false };
        let (_, is_move) = self.open.remove(place);
        if is_move {
            shared.change(|passed| passed.moved = Some((Instant::now(), passed.turns)));
        }
        true
    }
}
