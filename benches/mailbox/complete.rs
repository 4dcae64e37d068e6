//! The floor: a client that does the same work with as little as it takes. It reads FROM and SUBJECT of every message by a few
//! commands kept ahead, then the plausible messages, judges them by a test that is enough for the messages of the benchmark,
//! and moves them. It proves nothing, remembers nothing and survives nothing. Only the benchmark runs it, as a process of its
//! own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::iter::once;
use std::net::TcpStream;
use std::path::Path;

use native_tls::{Certificate, TlsConnector, TlsStream};

/// So many messages in a command that reads heads, and so many commands at a time.
const HEADS: usize = 2_500;
const AHEAD: usize = 8;
/// So many messages in a command that reads or moves whole ones.
const WHOLE: usize = 500;
/// What is asked of a plausible message.
const ITEMS: &str = "(UID BODY.PEEK[]<0.65536>)";

/// Files what is spam: once, or also whatever arrives from then on.
pub(crate) fn run(port: u16, ca: &Path, user: &str, watches: bool) {
    let mut session = Session::connect(port, ca, user);
    let mut count = 0;
    session.flight(once("SELECT INBOX".to_owned()), |line, _| count = exists(line).unwrap_or(count));
    let ranges = (0..count).step_by(HEADS).map(|from| format!("{}:{}", from + 1, count.min(from + HEADS)));
    let mut plausible = Vec::new();
    session.flight(
        ranges.map(|range| format!("FETCH {range} (UID BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])")),
        |line, head| {
            if String::from_utf8_lossy(head).contains("now following you") {
                plausible.extend(uid(line));
            }
        },
    );
    session.judge(plausible.chunks(WHOLE).map(|uids| format!("UID FETCH {} {ITEMS}", set(uids))));
    if !watches {
        return session.flight(once("LOGOUT".to_owned()), |_, _| ());
    }
    loop {
        let number = session.idle();
        session.judge(once(format!("FETCH {number} {ITEMS}")));
    }
}

/// Follows two thousand people or more, as either layout of the benchmark shows it.
fn is_spam(message: &[u8]) -> bool {
    let message = String::from_utf8_lossy(message);
    let before = |after| message.split_once(after)?.0.rsplit([' ', '>']).next()?.parse::<u64>().ok();
    let following = before(" people</span>").or_else(|| before("\r\nFollowing</a>"));
    following.is_some_and(|following| following >= 2_000)
}

fn exists(line: &str) -> Option<usize> {
    line.strip_prefix("* ")?.strip_suffix(" EXISTS\r\n")?.parse().ok()
}

fn uid(line: &str) -> Option<u32> {
    line.split_once("(UID ")?.1.split(' ').next()?.parse().ok()
}

fn set(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

struct Session {
    stream: BufReader<TlsStream<TcpStream>>,
    /// What is sent with the next commands.
    unsent: String,
    sent: usize,
    /// How many commands have no answer yet.
    open: usize,
    /// What was read last: a line without its literal, and the literal.
    line: String,
    literal: Vec<u8>,
}

impl Session {
    fn connect(port: u16, ca: &Path, user: &str) -> Self {
        let ca = Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
        let connector = TlsConnector::builder().add_root_certificate(ca).build().unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = BufReader::with_capacity(64 << 10, connector.connect("localhost", stream).unwrap());
        let (unsent, line, literal) = (String::new(), String::new(), Vec::new());
        let mut session = Self { stream, unsent, sent: 0, open: 0, line, literal };
        session.read();
        session.flight(once(format!("LOGIN {user} {}", crate::support::home::PASSWORD)), |_, _| ());
        session
    }

    fn send(&mut self, commands: impl Iterator<Item = String>) {
        for command in commands {
            self.sent += 1;
            self.open += 1;
            self.unsent += &format!("t{} {command}\r\n", self.sent);
        }
        self.stream.get_mut().write_all(self.unsent.as_bytes()).unwrap();
        self.unsent.clear();
    }

    fn read(&mut self) {
        self.line.clear();
        loop {
            let from = self.line.len();
            assert!(self.stream.read_line(&mut self.line).unwrap() > 0, "the server has gone");
            let length = self.line[from..].strip_suffix("}\r\n");
            let Some(length) = length.and_then(|line| line.rsplit_once('{')?.1.parse().ok()) else { break };
            self.literal.resize(length, 0);
            self.stream.read_exact(&mut self.literal).unwrap();
        }
    }

    /// Sends commands, some ahead of their answers, until every one is answered.
    fn flight(&mut self, mut commands: impl Iterator<Item = String>, mut hear: impl FnMut(&str, &[u8])) {
        self.send(commands.by_ref().take(AHEAD));
        while self.open > 0 {
            self.read();
            if self.line.starts_with("* ") {
                hear(&self.line, &self.literal);
            } else {
                assert!(self.line.contains(" OK "), "{}", self.line);
                self.open -= 1;
                self.send(commands.by_ref().take(1));
            }
        }
    }

    /// Reads messages by these commands, and files the spam among them.
    fn judge(&mut self, commands: impl Iterator<Item = String>) {
        let mut spam = Vec::new();
        self.flight(commands, |line, message| spam.extend(uid(line).filter(|_| is_spam(message))));
        let moves = spam.chunks(WHOLE).map(|uids| format!("UID MOVE {} Followers/Spam", set(uids)));
        self.flight(moves, |_, _| ());
    }

    /// Waits for a message, and returns its number. What ends the waiting is sent with the next command.
    fn idle(&mut self) -> usize {
        self.send(once("IDLE".to_owned()));
        loop {
            self.read();
            if let Some(number) = exists(&self.line) {
                self.unsent = "DONE\r\n".to_owned();
                return number;
            }
        }
    }
}
