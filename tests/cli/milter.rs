//! `milter`: what a mail server gets as an answer. The client here sends the packets that Postfix sends.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use followsift::clock;
use followsift::delivery::{Remembered, Removal, judge};
use followsift::host::{AuthservIds, HostName, Instance};
use followsift::mail::Trust;
use followsift::rulebook::{self, Sent};
use followsift::rules::recall::Replay;

use super::*;
use crate::support::corpus;

/// A running milter; killed when dropped.
pub(super) struct Milter {
    child: Child,
    socket: PathBuf,
}

impl Milter {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let base = ["--rules", "rules.toml", "--authserv-id", AUTHSERV_ID];
        Self::start_with(home, &[&base[..], arguments].concat())
    }

    pub(super) fn start_with(home: &Home, arguments: &[&str]) -> Self {
        let address = format!("unix:{}", home.0.path().join("milter.sock").display());
        let base = ["milter", "--listen", &address];
        Self::listening(home, &mut home.command(&[&base[..], arguments].concat()))
    }

    fn listening(home: &Home, command: &mut Command) -> Self {
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let milter = Self { child, socket: home.0.path().join("milter.sock") };
        let until = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(&milter.socket).is_err() {
            assert!(Instant::now() < until, "the milter does not listen");
            std::thread::yield_now();
        }
        milter
    }

    pub(super) fn connect(&self) -> Connection {
        let mut connection = Connection(UnixStream::connect(&self.socket).unwrap());
        connection.0.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        connection.send(b'O', b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");
        let (command, answer) = connection.answer().unwrap();
        assert_eq!((command, answer.len(), &answer[..8]), (b'O', 12, &b"\0\0\0\x06\0\0\0\x11"[..]));
        connection
    }

    pub(super) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Waits for a line on standard error.
    pub(super) fn says(&mut self, words: &str) {
        let mut lines = BufReader::new(self.child.stderr.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(words)), "it does not say {words}");
    }
}

impl Drop for Milter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) struct Connection(UnixStream);

impl Connection {
    fn send(&mut self, command: u8, data: &[u8]) {
        let length = u32::try_from(data.len() + 1).unwrap().to_be_bytes();
        self.0.write_all(&[&length[..], &[command], data].concat()).unwrap();
    }

    /// The next packet; `None` if the connection has ended.
    fn answer(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut data = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut data).ok()?;
        Some((data[0], data[1..].to_vec()))
    }

    /// Sends a message up to its last part.
    fn begin(&mut self, recipients: &[&str], message: &[u8]) {
        for recipient in recipients {
            self.send(b'D', b"R{rcpt_mailer}\0smtp\0");
            self.send(b'R', &[b"<", recipient.as_bytes(), b">\0ORCPT=rfc822;other\0"].concat());
        }
        let (header, body) = parts(message);
        for (name, value) in fields(&header) {
            self.send(b'L', &[&name[..], b"\0", &value, b"\0"].concat());
        }
        for piece in body.chunks(65_535) {
            self.send(b'B', piece);
            if self.answer().unwrap().0 == b's' {
                break;
            }
        }
    }

    /// The answers at the end of a message, one line each.
    fn end(&mut self) -> String {
        self.send(b'E', b"");
        let mut said = String::new();
        loop {
            let (command, data) = self.answer().unwrap();
            match command {
                b'c' => return said,
                b'h' => said += &format!("add {}\n", String::from_utf8(data).unwrap().replace('\0', "|")),
                b'm' => {
                    let index = u32::from_be_bytes([data[0], data[1], data[2], data[3]]);
                    said += &format!(
                        "delete {index} {}\n",
                        String::from_utf8_lossy(&data[4..]).replace('\0', "|")
                    );
                }
                other => panic!("{other} is no answer to a message"),
            }
        }
    }

    pub(super) fn judge(&mut self, recipients: &[&str], message: &[u8]) -> String {
        self.begin(recipients, message);
        self.end()
    }
}

/// The lines of a header, and the body. As for a mail server, the header ends where a line is no field.
fn parts(message: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = message.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for line in &mut lines {
        line.pop_if(|last| *last == b'\r');
    }
    let is_header = |line: &Vec<u8>| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
        let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic) && line.contains(&b':');
        line.starts_with(b" ") || line.starts_with(b"\t") || is_name
    };
    let end = lines.iter().position(|line| !is_header(line)).unwrap_or(lines.len());
    let mut body = lines.split_off(end);
    if body.first().is_some_and(Vec::is_empty) {
        body.remove(0);
    }
    (lines, body.join(&b"\r\n"[..]))
}

/// The fields as a mail server sends them: with bare line feeds where they are folded, and the blank after the colon.
fn fields(header: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in header {
        match (fields.last_mut(), line.iter().position(|byte| *byte == b':')) {
            (Some((_, value)), _) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                value.extend([b"\n", &line[..]].concat());
            }
            (_, Some(colon)) => fields.push((line[..colon].to_vec(), line[colon + 1..].to_vec())),
            (..) => {}
        }
    }
    fields
}

const SPAM: &str = "add X-Followsift| network=twitter; kind=follow; verdict=spam;\n\trule=\"Follows thousands, followed by nobody\"|\n";

fn spam() -> Vec<u8> {
    twitter_2009(&kim()).bytes(1)
}

pub(super) fn undecided(withheld: &str) -> String {
    format!("add X-Followsift| network=twitter; kind=follow; verdict=undecided; withheld={withheld}|\n")
}

#[test]
fn a_mail_server_is_told_what_to_add_and_what_to_delete() {
    let home = Home::new();
    let milter = Milter::start(&home, &[]);
    let mut connection = milter.connect();
    assert_eq!(connection.judge(&["ann@a.example"], &spam()), SPAM);
    // The next message on the same connection, and one that its server gives up.
    let ordinary = ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock?\n").bytes(1);
    assert_eq!(connection.judge(&["ann@a.example"], &ordinary), "");
    connection.begin(&["ann@a.example"], &spam());
    connection.send(b'A', b"");
    let forged = [b"X-Followsift: a\r\nx-followsift: b\r\n c\r\n", &ordinary[..]].concat();
    let deleted = "delete 2 X-Followsift||\ndelete 1 X-Followsift||\n";
    assert_eq!(connection.judge(&[], &forged), deleted);
    let forged = [b"X-Followsift: a\r\nx-followsift: b\r\n c\r\n", &spam()[..]].concat();
    assert_eq!(connection.judge(&[], &forged), format!("{deleted}{SPAM}"));
    let written = [b"X-FOLLOWSIFT : a\r\nX-Followsift-Other: b\r\nX-Followsift:\r\n", &spam()[..]].concat();
    assert_eq!(connection.judge(&[], &written), format!("{deleted}{SPAM}"));
    // Bytes that are no text, in the header and in the body.
    let bytes = [b"X-Other: \xff\x80\xe4\r\n", &spam()[..], b"\xff\0\x80"].concat();
    assert_eq!(connection.judge(&["\u{fc}\u{0}@a.example"], &bytes), SPAM);
    // Of a large message, the rest need not be sent.
    let large = [&spam()[..], &b"line\r\n".repeat(1_000_000)].concat();
    assert_eq!(connection.judge(&[], &large), SPAM);
    // A header that is too large to be judged: nothing is added, and what its sender wrote is still deleted.
    let lines =
        (0..7_000).map(|number| format!("X-Line-{number}: {}\r\n", "x".repeat(60))).collect::<String>();
    let large = [lines.as_bytes(), b"X-Followsift: a\r\n", &spam()[..]].concat();
    assert_eq!(connection.judge(&[], &large), "delete 1 X-Followsift||\n");
    assert_eq!(milter.connect().judge(&[], &spam()), SPAM);
}

#[test]
fn recipients_have_their_own_rules_and_a_message_for_several_needs_their_agreement() {
    let home = Home::new();
    let real = "[[rule]]\nname = \"All\"\nverdict = \"real\"\n";
    for (name, rules) in [
        ("ann@a.example", real),
        ("bob", real),
        ("eve@a.example", "[[rule]]\nname = 7\n"),
        // Where the addresses with tricks would lead.
        ("../elsewhere", real),
    ] {
        home.write(&format!("users/{name}/rules.toml"), rules);
    }
    let mut milter = Milter::start(&home, &["--users", "users"]);
    let mut connection = milter.connect();
    let own = "add X-Followsift| network=twitter; kind=follow; verdict=real;\n\trule=\"All\"|\n";
    for (recipients, expected) in [
        (&["kim@a.example"][..], SPAM.to_owned()),
        (&["ann@a.example"], own.to_owned()),
        (&["Ann+news@A.example"], own.to_owned()),
        (&["\"Ann\"@a.example"], own.to_owned()),
        (&["ann@b.example"], SPAM.to_owned()),
        (&["bob@anywhere.example"], own.to_owned()),
        (&["bob"], own.to_owned()),
        (&["../elsewhere"], SPAM.to_owned()),
        (&["../elsewhere@a.example", "..", ".", "/", "", "a/../../elsewhere"], SPAM.to_owned()),
        (&["bob@a.example", "ann@a.example"], own.to_owned()),
        (&["kim@a.example", "ann@a.example"], undecided("recipients-differ")),
        (&["eve@a.example"], undecided("rules-wrong")),
    ] {
        assert_eq!(connection.judge(recipients, &spam()), expected, "{recipients:?}");
    }
    milter.says("users/eve@a.example/rules.toml");
    // A folder that cannot be looked into may have rules that protect a follower.
    std::os::unix::fs::symlink("loop", home.0.path().join("users/loop")).unwrap();
    assert_eq!(connection.judge(&["loop@a.example"], &spam()), undecided("rules-wrong"));
    // More recipients than are remembered, and one whose address is too long to be one.
    let many: Vec<String> = (0..2_000).map(|number| format!("{number}@a.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(connection.judge(&many, &spam()), undecided("recipients-differ"));
    let long = format!("bob+{}@a.example", "x".repeat(2_000));
    assert_eq!(connection.judge(&[&long], &spam()), undecided("recipients-differ"));
    // Rules that are right again count at once, and wrong ones leave those before in use.
    let other = "[[rule]]\nname = \"Every one\"\nverdict = \"real\"\n";
    home.write("users/ann@a.example/rules.toml", other);
    let changed = own.replace("All", "Every one");
    assert_eq!(connection.judge(&["ann@a.example"], &spam()), changed);
    home.write("users/ann@a.example/rules.toml", "[[rule]]\nname = 7\n");
    assert_eq!(connection.judge(&["ann@a.example"], &spam()), changed);
}

#[test]
fn whatever_a_client_sends_the_next_one_is_answered() {
    let home = Home::new();
    let milter = Milter::start(&home, &[]);
    for bytes in [
        &b""[..],
        b"\0\0\0\0",
        b"\xff\xff\xff\xffO",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x05L",
        // A packet that is too large, and one that is cut off.
        b"\0\x10\0\0B",
        b"\0\x01\0\0Bxxxx",
    ] {
        let mut stream = UnixStream::connect(&milter.socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(bytes).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        // A connection that is ended before everything is read is reset.
        let ended = stream.read_to_end(&mut rest).map_err(|cause| cause.kind());
        assert!(matches!(ended, Ok(_) | Err(std::io::ErrorKind::ConnectionReset)), "{ended:?}");
        assert_eq!(rest, b"");
    }
    // Clients that say nothing, or hang in the middle of a packet or of a message.
    let mut hanging: Vec<_> = (0..20).map(|_| milter.connect()).collect();
    hanging.iter_mut().skip(5).for_each(|it| it.send(b'R', b"<ann@a.example>\0"));
    hanging.iter_mut().skip(10).for_each(|it| it.0.write_all(b"\0\0\x01\0B half").unwrap());
    let mut connection = milter.connect();
    // Commands out of order, and those that are not asked for.
    assert_eq!(connection.end(), "");
    for command in [b'C', b'H', b'M', b'N', b'T', b'U', b'?'] {
        connection.send(command, b"a\0");
        assert_eq!(connection.answer().unwrap(), (b'c', Vec::new()));
    }
    connection.send(b'K', b"");
    assert_eq!(connection.judge(&[], &spam()), SPAM);
    // A server that lets nobody change a message is asked for nothing, and so is one that has not said what it can do.
    let mut other = Connection(UnixStream::connect(&milter.socket).unwrap());
    assert_eq!(other.judge(&[], b""), "");
    other.send(b'O', b"\0\0\0\x06\0\0\0\x01\0\x1f\xff\xff");
    assert_eq!(other.answer().unwrap().0, b'O');
    assert_eq!(other.judge(&[], &spam()), "");
}

#[test]
fn a_reload_counts_for_the_next_message_and_wrong_rules_change_nothing() {
    let home = Home::new();
    let mut milter = Milter::start(&home, &[]);
    let mut connection = milter.connect();
    assert_eq!(connection.judge(&[], &spam()), SPAM);
    home.write("rules.toml", "[[rule]]\nname = 7\n");
    milter.signal(rustix::process::Signal::HUP);
    milter.says("the previous rules stay in use");
    assert_eq!(connection.judge(&[], &spam()), SPAM);
    home.write("rules.toml", &RULES.replace("Follows thousands, followed by nobody", "Many"));
    milter.signal(rustix::process::Signal::HUP);
    milter.says("reloaded");
    let expected = SPAM.replace("Follows thousands, followed by nobody", "Many");
    // Also on a connection from before.
    let until = Instant::now() + Duration::from_secs(60);
    while connection.judge(&[], &spam()) != expected {
        assert!(Instant::now() < until, "the new rules are not in use");
    }
}

#[test]
fn a_stop_waits_for_the_message_that_is_being_received() {
    let home = Home::new();
    let mut milter = Milter::start(&home, &[]);
    let mut connection = milter.connect();
    connection.begin(&["ann@a.example"], &spam());
    milter.signal(rustix::process::Signal::TERM);
    let until = Instant::now() + Duration::from_secs(60);
    // It is not listened any more once it stops.
    while UnixStream::connect(&milter.socket).is_ok_and(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        stream.write_all(b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff").is_ok()
            && stream.read(&mut [0; 20]).is_ok_and(|length| length > 0)
    }) {
        assert!(Instant::now() < until, "it does not stop");
    }
    assert_eq!(connection.end(), SPAM);
    let ended = milter.child.wait().unwrap();
    assert_eq!(ended.code(), Some(0));
    // The socket that it leaves behind is no obstacle.
    assert_eq!(Milter::start(&home, &[]).connect().judge(&[], &spam()), SPAM);
}

#[test]
fn every_fixture_gets_the_answer_of_filter() {
    let home = Home::new();
    let server = ENGLISH.host;
    let milter = Milter::start_with(&home, &["--authserv-id", AUTHSERV_ID, "--instance", server]);
    let mut connection = milter.connect();
    let trust = Trust {
        authserv_id: AuthservIds::parse([AUTHSERV_ID]).unwrap(),
        instances: HostName::parse(server).map(Instance::new).into_iter().collect(),
        relays: Vec::new(),
    };
    let rulebook = rulebook::read(None).0.unwrap().rulebook(trust, false, &Sent::new());
    let remembered = Remembered { by_hand: Some(Replay::default()) };
    let mut fields = 0;
    for (name, message) in corpus::messages() {
        let (mut removal, mut bytes) = (Removal::default(), Vec::new());
        removal.push(&message, &mut bytes);
        removal.finish(&mut bytes);
        let field = judge(&bytes, clock::now(), &rulebook, &remembered).unwrap();
        let expected = field.map(|it| format!("add X-Followsift| {}|\n", it.value("\n"))).unwrap_or_default();
        assert_eq!(connection.judge(&[], &message), expected, "{name}");
        fields += usize::from(!expected.is_empty());
    }
    assert!(fields > 100, "{fields}");
}

#[test]
fn what_the_user_filed_by_hand_and_a_ledger_that_cannot_be_read_count_as_for_filter() {
    let home = Home::new();
    let rules = format!("[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n{RULES}");
    home.write("rules.toml", &rules);
    let state = home.0.state();
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &format!("state = {state:?}\n{settings}"));
    let milter = Milter::start_with(&home, &["--settings", "followsift.toml"]);
    let mut connection = milter.connect();
    assert_eq!(connection.judge(&[], &spam()), SPAM);
    std::fs::create_dir(&state).unwrap();
    home.mode("state", 0o700);
    home.write("state/ledger.sqlite", "this is no database, and longer than the header of one would be\n");
    assert_eq!(connection.judge(&[], &spam()), undecided("past-unread"));
}

#[test]
fn it_takes_over_the_sockets_that_systemd_has_opened() {
    let home = Home::new();
    let listener = UnixListener::bind(home.0.path().join("milter.sock")).unwrap();
    // As systemd does it (sd_listen_fds(3)): the first socket is the file descriptor 3.
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
    let arguments = ["milter", "--rules", "rules.toml", "--authserv-id", AUTHSERV_ID];
    let mut command = home.0.command(&["sh", "-c", script, "sh"], &arguments);
    let mut milter = Milter::listening(&home, command.stdin(OwnedFd::from(listener)));
    // The test keeps no copy of the socket.
    drop(command);
    assert_eq!(milter.connect().judge(&[], &spam()), SPAM);
    milter.signal(rustix::process::Signal::TERM);
    assert_eq!(milter.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_milter_with_wrong_rules_or_nowhere_to_listen_does_not_start() {
    let home = Home::new();
    let listen = ["milter", "--listen", "inet:127.0.0.1:0"];
    let run = |arguments: &[&str]| Run(home.command(arguments).output().unwrap());
    run(&["milter", "--listen", "inet:0.0.0.0:8895"]).exits(64);
    assert!(run(&["milter", "--rules", "rules.toml"]).exits(70).err().contains("--listen"));
    home.write("rules.toml", "[[rule]]\nname = 7\n");
    let wrong = run(&[&listen[..], &["--rules", "rules.toml"]].concat());
    assert!(wrong.exits(78).err().contains("rules.toml"), "{}", wrong.err());
    home.write("rules.toml", RULES);
    let wrong = run(&[&listen[..], &["--rules", "rules.toml", "--users", "nowhere"]].concat());
    assert!(wrong.exits(78).err().contains("nowhere"), "{}", wrong.err());
    let unknown = ["--settings", "followsift.toml", "--account", "work"];
    let wrong = run(&[&listen[..], &unknown].concat());
    assert!(wrong.exits(78).err().contains("no account `work`"), "{}", wrong.err());
}
