//! A server that lies, garbles, floods or falls silent at any command: nothing panics, nothing hangs past the deadline,
//! memory stays bounded, and no message is lost. Behind it is a real server; its answer to one command is replaced.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::support;
use crate::support::Dovecot;
use crate::support::fake::Fake;
use crate::support::home::{Home, Live, fill, live, printed, shown};
use crate::support::proxy::{Fault, How, Proxy, When};
use crate::support::trial::{choose, try_all};
use followsift::mailbox::{Connector, Session, Stop, Woken};
use followsift::place::Folder;
use followsift::settings::Tls;

/// The most memory that a run may take for its data, in bytes; a test build, which is wasteful.
const MEMORY: u64 = 256 << 20;

fn tagged(tag: &str, rest: &str) -> Vec<u8> {
    format!("{tag} {rest}\r\n").into_bytes()
}

/// The true answer with something before its last line.
fn amid(real: &[u8], tag: &str, more: &[u8]) -> Vec<u8> {
    let last = real.strip_suffix(b"\r\n").unwrap_or(real).iter().rposition(|byte| *byte == b'\n');
    let (head, tail) = real.split_at(last.map_or(0, |at| at + 1));
    let tail = if tail.is_empty() { tagged(tag, "OK") } else { tail.to_vec() };
    [head, more, &tail].concat()
}

/// What no server may say: the session ends, and a restart recovers everything.
const GARBAGE: &[How] = &[
    How::Say("zz99 OK for somebody else\r\n"),
    How::Say("what?\r\n"),
    How::Say("\0\0\0\r\n\r\n"),
    How::Lie("no UTF-8", |tag, real| amid(real, tag, b"* \xff\xfe\xc3(\r\n")),
    How::Say("* 1 FETCH (UID 1 BODY[] {4294967295}\r\nx"),
    How::Say("* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\nx"),
    How::Lie("a number too large", |tag, real| amid(real, tag, b"* 99999999999 EXISTS\r\n")),
    How::Lie("half a response", |tag, real| amid(real, tag, b"* 1 FETCH (UID 1 FLAGS (\r\n")),
    How::Say("* BYE [UNAVAILABLE] gone\r\n* 1 EXISTS\r\nTAG OK x\r\n"),
    How::Say("* BYE off\r\nTAG NO [UNAVAILABLE] x\r\n"),
    How::Say("TAG NO [UNAVAILABLE] come back later\r\n"),
];

/// What a server may say, and what is not true. Nothing is lost, whatever it leads to.
const LIES: &[How] = &[
    How::Say("TAG OK done\r\n"),
    How::Say("TAG NO\r\n"),
    How::Say("TAG NO [OVERQUOTA] full\r\n"),
    How::Say("TAG BAD what\r\n"),
    How::Say("TAG NO [NOPERM] not yours\r\n"),
    How::Say("TAG NO [TRYCREATE] where?\r\n"),
    How::Say("TAG NO [EXPUNGEISSUED] gone\r\n"),
    How::Lie("an alert", |tag, real| amid(real, tag, b"* NO [ALERT] the disk is on fire\r\n")),
    How::Lie("a greeting", |tag, real| amid(real, tag, b"* PREAUTH welcome\r\n")),
    How::Lie("another validity", |tag, real| {
        amid(real, tag, b"* OK [UIDVALIDITY 4294967295] x\r\n* OK [UIDNEXT 4294967295] x\r\n")
    }),
    How::Lie("another next", |tag, real| {
        amid(real, tag, b"* OK [UIDNEXT 1] x\r\n* STATUS Followers/Spam (UIDNEXT 1 UIDVALIDITY 1)\r\n")
    }),
    How::Lie("expunges by the thousand", |tag, real| {
        amid(real, tag, "* 1 EXPUNGE\r\n".repeat(5_000).as_bytes())
    }),
    How::Lie("messages that do not exist", |tag, real| {
        let flags =
            b"* 7 FETCH (UID 4294967295 FLAGS () RFC822.SIZE 4294967295)\r\n* 8 FETCH (UID 0 FLAGS ())\r\n\
                          * SEARCH 0 4294967295 4294967294\r\n";
        amid(real, tag, flags)
    }),
    How::Lie("all are deleted", |tag, _| {
        let line = |uid| format!("* {uid} FETCH (UID {uid} FLAGS (\\Deleted))\r\n");
        [(1..20).map(line).collect::<String>().into_bytes(), tagged(tag, "OK x")].concat()
    }),
    How::Lie("a copy of everything to elsewhere", |tag, real| {
        amid(real, tag, b"* OK [COPYUID 4294967295 1:15 1:15] x\r\n")
    }),
    How::Lie("a copy of more than was asked for", |tag, real| {
        amid(real, tag, b"* OK [COPYUID 1 1:4294967295 1:4294967295] x\r\n")
    }),
    How::Lie("copies by other numbers", |tag, real| {
        // Of "[COPYUID validity from to]", `to` is said to be `from`.
        let text = String::from_utf8_lossy(real).into_owned();
        let Some((before, after)) = text.split_once("[COPYUID ") else { return amid(real, tag, b"") };
        let words: Vec<&str> = after.splitn(4, [' ', ']']).collect();
        format!("{before}[COPYUID {} {} {}]{}", words[0], words[1], words[1], words[3]).into_bytes()
    }),
    How::Lie("names with line ends and quotes", |tag, real| {
        let names =
            b"* LIST () \"/\" {21}\r\nx\r\nzz1 CREATE Injected\r\n* LIST () \"/\" \"a \\\"b\\\" * %\"\r\n\
                          * LIST (\\Noselect) NIL \"\"\r\n";
        amid(real, tag, names)
    }),
    How::Lie("another delimiter", |tag, real| {
        amid(real, tag, b"* LIST () \"\\\\\" INBOX\r\n* LIST () NIL Other\r\n")
    }),
    How::Say("TAG OK [READ-ONLY] look, do not touch\r\n"),
];

/// A server, and what an undisturbed sweep leads to.
struct Stage {
    server: Dovecot,
    expected: Vec<Live>,
    commands: Vec<String>,
}

impl Stage {
    fn set(without: &[&'static str]) -> Option<Self> {
        let server = Dovecot::start(&Home::server(without))?;
        let mut stage = Self { server, expected: Vec::new(), commands: Vec::new() };
        let (home, proxy) = stage.user("undisturbed");
        proxy.arm(None);
        home.well(&["sweep"]);
        stage.commands = proxy.commands();
        stage.expected = live(&mut home.client(stage.server.port));
        Some(stage)
    }

    fn user(&self, name: &str) -> (Home, Proxy) {
        let proxy = Proxy::before(self.server.port);
        let home = Home::new(proxy.port, name, "backlog = \"all\"");
        fill(&mut home.client(self.server.port));
        (home, proxy)
    }

    /// A sweep that meets `fault`, within bounds of time and memory.
    fn meet(&self, home: &Home, proxy: &Proxy, fault: Fault, longest: Duration) -> Result<Output, String> {
        proxy.arm(Some(fault));
        let begin = Instant::now();
        let limit = format!("--data={MEMORY}");
        let output = home.command(&["prlimit", &limit], &["sweep"]).output().unwrap();
        // The sweep may end a moment before the proxy has noted what it did.
        let has_struck = proxy.wait_until_struck(1, Duration::from_secs(1));
        let said = printed(&output);
        let at = &self.commands[fault.at - 1];
        let wrong = if !has_struck {
            "met no fault"
        } else if begin.elapsed() > longest {
            "took too long"
        } else if said.contains("panicked") {
            "panicked"
        } else if !matches!(output.status.code(), Some(0 | 75)) {
            // 0 if it caused no trouble, 75 if it did; no signal, and no bug in followsift.
            "ended oddly"
        } else {
            return Ok(output);
        };
        Err(format!("at {at} it {wrong}: {}, {:?}\n{said}", output.status, begin.elapsed()))
    }

    /// Fails if the sweep after it does not end like the undisturbed one.
    fn mended(&self, home: &Home, proxy: &Proxy, fault: Fault) -> Result<(), String> {
        proxy.arm(None);
        let output = home.run(&["sweep"]);
        let found = live(&mut home.client(self.server.port));
        if output.status.success() && found == self.expected {
            return Ok(());
        }
        let at = &self.commands[fault.at - 1];
        Err(format!("at {at}: not mended\n{}\n{}", shown(&found), printed(&output)))
    }

    /// A case for each command and each of `hows`.
    fn faults(&self, hows: &[How]) -> Vec<Fault> {
        let whens = |how: &How| {
            if matches!(how, How::Say(_) | How::Lie(..)) {
                &[When::Before, When::After][..]
            } else {
                &[When::After]
            }
        };
        let all = (1..=self.commands.len()).flat_map(|at| hows.iter().map(move |how| (at, *how)));
        all.flat_map(|(at, how)| whens(&how).iter().map(move |when| Fault::at(at, *when, how))).collect()
    }
}

/// How many cases of each kind are tried by default.
const USUAL: usize = 12;

/// The rungs that differ in what they ask.
const RUNGS: [&[&str]; 2] = [&[], &["MOVE"]];

/// Is it an OK to a command that the server never got? Then it is a lie, whatever garbage comes with it.
fn claims(fault: &Fault) -> bool {
    fault.when == When::Before && matches!(fault.how, How::Lie(..))
}

/// Checks that each message is in some folder, and nothing else is, whatever the bytes.
fn bodies(messages: &[Live]) -> BTreeSet<Vec<u8>> {
    messages.iter().map(|message| message.3.clone()).collect()
}

#[test]
fn garbage_at_any_command_ends_the_session_and_a_restart_recovers() {
    for without in RUNGS {
        let Some(stage) = Stage::set(without) else { return };
        let mut faults = stage.faults(GARBAGE);
        faults.retain(|fault| !claims(fault));
        let faults = choose(faults, USUAL);
        try_all("garbage", &faults, |number, fault| {
            let (home, proxy) = stage.user(&format!("garbage{number}"));
            stage.meet(&home, &proxy, *fault, Duration::from_secs(30))?;
            stage.mended(&home, &proxy, *fault)
        });
    }
}

#[test]
fn a_lie_at_any_command_loses_no_message() {
    for without in RUNGS {
        let Some(stage) = Stage::set(without) else { return };
        let mut faults = stage.faults(LIES);
        faults.extend(stage.faults(GARBAGE).into_iter().filter(claims));
        let faults = choose(faults, USUAL);
        try_all("lies", &faults, |number, fault| {
            let (home, proxy) = stage.user(&format!("lie{number}"));
            let mut output = stage.meet(&home, &proxy, *fault, Duration::from_secs(30))?;
            for _ in 0..2 {
                let mut client = home.client(stage.server.port);
                let (found, expected) = (bodies(&live(&mut client)), bodies(&stage.expected));
                if found != expected {
                    let missing = expected.difference(&found).count();
                    return Err(format!("{missing} messages are lost or altered\n{}", printed(&output)));
                }
                if client.snapshot().contains_key("Injected") {
                    return Err("a folder was made by a line of the server's".to_owned());
                }
                proxy.arm(None);
                output = home.run(&["sweep"]);
            }
            Ok(())
        });
    }
}

#[test]
fn a_flood_at_any_command_is_ended_within_the_budget() {
    const FLOODS: [How; 4] = [
        How::Flood("x"),
        How::Flood("* 1 EXPUNGE\r\n"),
        How::Flood("* 1 FETCH (FLAGS ())\r\n"),
        How::Flood("* LIST () \"/\" a\r\n* SEARCH 1 2 3\r\n"),
    ];
    let Some(stage) = Stage::set(&["MOVE"]) else { return };
    let faults = choose(stage.faults(&FLOODS), USUAL / 2);
    try_all("floods", &faults, |number, fault| {
        let (home, proxy) = stage.user(&format!("flood{number}"));
        // As long as the command that costs most may take.
        let output = stage.meet(&home, &proxy, *fault, Duration::from_secs(125))?;
        // It does not matter how a server says goodbye, and a connection that ends in reading, or in what is asked beside, is made once
        // more.
        let command = &stage.commands[fault.at - 1];
        let is_reading = ["UID FETCH", "ID ", "LIST", "STATUS"].iter().any(|read| command.starts_with(read));
        if output.status.success() != (command == "LOGOUT") && !is_reading {
            return Err(format!("ended with {}\n{}", output.status, printed(&output)));
        }
        stage.mended(&home, &proxy, *fault)
    });
}

#[test]
fn silence_at_a_command_ends_at_the_deadline() {
    let Some(stage) = Stage::set(&["MOVE"]) else { return };
    let last = stage.commands.len();
    let faults = [(2, How::Stall), (last / 2, How::Stall), (last - 2, How::Stall), (last / 2, How::Dribble)];
    std::thread::scope(|scope| {
        for (number, (at, how)) in faults.into_iter().enumerate() {
            let stage = &stage;
            scope.spawn(move || {
                let (home, proxy) = stage.user(&format!("silence{number}"));
                let fault = Fault::at(at, When::After, how);
                let output = stage.meet(&home, &proxy, fault, Duration::from_secs(150)).unwrap();
                let said = printed(&output);
                assert!(said.contains("did not answer in time") || said.contains("far too large"), "{said}");
                stage.mended(&home, &proxy, fault).unwrap();
            });
        }
    });
}

#[test]
fn an_endless_greeting_is_not_listened_to_for_ever() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let account = support::account("127.0.0.1", listener.local_addr().unwrap().port(), Tls::Off);
    let talker = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let much = [b'x'; 1 << 16];
        while client.write_all(&much).is_ok() {}
    });
    let connector = Connector::new(None).unwrap();
    let begin = Instant::now();
    let fault =
        Session::connect(&account, &support::login(), || Ok(connector), &Stop::new().unwrap()).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(20), "{fault:?}");
    talker.join().unwrap();
}

#[test]
fn a_storm_while_waiting_ends_the_wait() {
    let storm = format!("+ idling\r\n{}", "* 1 EXPUNGE\r\n".repeat(200_000));
    let script = &[
        ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"),
        ("SELECT", "* 9 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 10] x\r\nTAG OK x\r\n"),
        ("IDLE", storm.as_str()),
    ];
    let fake = Fake::start("* OK [CAPABILITY IMAP4rev1] hi\r\n", script);
    let connector = Connector::new(None).unwrap();
    let stop = Stop::new().unwrap();
    let mut session =
        Session::connect(&fake.account(), &support::login_with("x"), || Ok(connector), &stop).unwrap();
    session.select(&Folder::inbox()).unwrap();
    let begin = Instant::now();
    let ended = session.wait(begin + Duration::from_secs(5), &mut |_| None);
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert!(!matches!(ended, Ok(Woken::Stop)), "{ended:?}");
}
