//! A proxy between the daemon and its server that breaks the line on purpose, at a moment that is chosen by the command in
//! flight. Clear text over loopback, so that it can read what passes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::pause;

/// How the line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Both sides are closed in order.
    Close,
    /// The client gets a reset.
    Reset,
    /// Nothing passes any more, and nobody is told. The kernel still acknowledges.
    Stall,
    /// The client gets this answer instead of the server's; `TAG` stands for the tag. After a BYE the line is closed.
    Say(&'static str),
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The client has sent this command, and the server has not got it.
    Before(&'static str),
    /// The server has got this command, and its answer is lost.
    After(&'static str),
}

#[derive(Debug, Default)]
struct State {
    /// What is to happen, once.
    fault: Option<(When, How)>,
    /// Connections are closed at once, as by a server that is restarted.
    refusing: bool,
    /// A line on which nothing passed for so long is silently forgotten, as by a router.
    forgets: Option<Duration>,
    connections: usize,
    commands: Vec<String>,
    live: Vec<(TcpStream, Arc<Pair>)>,
    /// What a server says while it is waited on does not pass.
    mute: bool,
}

/// A running proxy. Its threads end with the test.
pub struct Proxy {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Listens on loopback, and passes everything on to `port`.
    pub fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let proxy = Self { port: listener.local_addr().unwrap().port(), state: Arc::clone(&state) };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { break };
                let refusing = {
                    let mut state = state.lock().unwrap();
                    state.connections += 1;
                    state.refusing
                };
                let server = (!refusing).then(|| TcpStream::connect(("127.0.0.1", port)).ok()).flatten();
                match server {
                    Some(server) => serve(client, server, &state),
                    None => reset(&client),
                }
            }
        });
        proxy
    }

    /// Breaks the line once, at this moment.
    pub fn arm(&self, when: When, how: How) {
        self.state.lock().unwrap().fault = Some((when, how));
    }

    /// Has what was armed happened?
    pub fn is_spent(&self) -> bool {
        self.state.lock().unwrap().fault.is_none()
    }

    /// Refuses connections from now on, or accepts them again.
    pub fn refuse(&self, refusing: bool) {
        self.state.lock().unwrap().refusing = refusing;
    }

    /// Forgets lines that are silent for this long.
    pub fn forget_after(&self, silence: Duration) {
        self.state.lock().unwrap().forgets = Some(silence);
    }

    /// Announces nothing in IDLE from now on, as some servers do.
    pub fn mute(&self) {
        self.state.lock().unwrap().mute = true;
    }

    /// Breaks every line that lives, in the middle of whatever it does.
    pub fn break_all(&self, how: How) {
        for (client, pair) in std::mem::take(&mut self.state.lock().unwrap().live) {
            fail(how, &client, &client, &pair);
        }
    }

    /// How many connections there were, refused ones too.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// The commands that passed, without their tags.
    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    /// How many commands began so.
    pub fn count(&self, begin: &str) -> usize {
        self.state.lock().unwrap().commands.iter().filter(|command| command.starts_with(begin)).count()
    }

    /// Waits until a command has passed that begins so, after the first `seen` of them.
    pub fn wait_for(&self, begin: &str, seen: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.count(begin) <= seen {
            assert!(Instant::now() < deadline, "no {begin} in {:?}", self.commands());
            pause(Duration::from_millis(10));
        }
    }
}

/// One connection: whether it is silenced, and the tag of a command whose answer is to be lost.
#[derive(Debug)]
struct Pair {
    idling: AtomicBool,
    silenced: AtomicBool,
    losing: Mutex<Option<How>>,
    last: Mutex<Instant>,
}

fn serve(client: TcpStream, server: TcpStream, state: &Arc<Mutex<State>>) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let pair = Arc::new(Pair {
        idling: AtomicBool::new(false),
        silenced: AtomicBool::new(false),
        losing: Mutex::new(None),
        last: Mutex::new(Instant::now()),
    });
    state.lock().unwrap().live.push((client.try_clone().unwrap(), Arc::clone(&pair)));
    let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (state_too, pair_too) = (Arc::clone(state), Arc::clone(&pair));
    std::thread::spawn(move || upward(client, server, &state_too, &pair_too));
    let state = Arc::clone(state);
    std::thread::spawn(move || downward(server_too, client_too, &state, &pair));
}

/// Client to server, line by line; what follows a literal passes as lines too, which is all that we send.
fn upward(client: TcpStream, mut server: TcpStream, state: &Mutex<State>, pair: &Pair) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let mut reader = client.try_clone().unwrap();
    loop {
        let count = reader.read(&mut piece).unwrap_or(0);
        if count == 0 {
            let _ = server.shutdown(Shutdown::Write);
            return;
        }
        bytes.extend_from_slice(&piece[..count]);
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = bytes.drain(..=end).collect();
            if forgotten(state, pair) || pair.silenced.load(Ordering::Relaxed) {
                continue;
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (tag, command) = text.split_once(' ').unwrap_or(("", &text));
            let command = if text == "DONE" { "DONE" } else { command };
            pair.idling.store(command == "IDLE", Ordering::Relaxed);
            let fault = {
                let mut state = state.lock().unwrap();
                state.commands.push(command.to_owned());
                let meets = |when: When| match when {
                    When::Before(begin) | When::After(begin) => command.starts_with(begin),
                };
                state.fault.take_if(|(when, _)| meets(*when))
            };
            match fault {
                None => {}
                Some((When::After(_), how)) => *pair.losing.lock().unwrap() = Some(how),
                Some((When::Before(_), How::Say(words))) => {
                    let _ = (&client).write_all(words.replace("TAG", tag).as_bytes());
                    if words.starts_with("* BYE") {
                        fail(How::Close, &client, &server, pair);
                    }
                    continue;
                }
                Some((When::Before(_), how)) => {
                    fail(how, &client, &server, pair);
                    continue;
                }
            }
            if server.write_all(&line).is_err() {
                return;
            }
        }
    }
}

fn downward(mut server: TcpStream, mut client: TcpStream, state: &Mutex<State>, pair: &Pair) {
    let mut piece = [0; 65536];
    loop {
        let count = server.read(&mut piece).unwrap_or(0);
        if count == 0 {
            // A line that is silenced stays silent.
            if !pair.silenced.load(Ordering::Relaxed) {
                let _ = client.shutdown(Shutdown::Both);
            }
            return;
        }
        if forgotten(state, pair) || pair.silenced.load(Ordering::Relaxed) {
            continue;
        }
        let announces = pair.idling.load(Ordering::Relaxed) && piece.starts_with(b"* ");
        if announces && state.lock().unwrap().mute {
            continue;
        }
        let lost = pair.losing.lock().unwrap().take();
        match lost {
            Some(how) => fail(how, &client, &server, pair),
            None => {
                if client.write_all(&piece[..count]).is_err() {
                    return;
                }
            }
        }
    }
}

/// Was the line silent for so long that it is forgotten?
fn forgotten(state: &Mutex<State>, pair: &Pair) -> bool {
    let forgets = state.lock().unwrap().forgets;
    let before = std::mem::replace(&mut *pair.last.lock().unwrap(), Instant::now());
    if forgets.is_some_and(|silence| before.elapsed() >= silence) {
        pair.silenced.store(true, Ordering::Relaxed);
    }
    pair.silenced.load(Ordering::Relaxed)
}

fn fail(how: How, client: &TcpStream, server: &TcpStream, pair: &Pair) {
    match how {
        How::Close => {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
        How::Reset => {
            reset(client);
            let _ = server.shutdown(Shutdown::Both);
        }
        How::Stall => pair.silenced.store(true, Ordering::Relaxed),
        How::Say(words) => {
            let mut client = client;
            let _ = client.write_all(words.as_bytes());
        }
    }
}

/// Connection reset by peer: unread data, or no lingering, and gone.
fn reset(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Both);
}
