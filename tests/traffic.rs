//! What a sweep costs the line is counted, not timed: how often the client waits for the server with no command in flight, how
//! many commands it sends, and how many bytes it receives. The counts do not depend on the machine, so a table has them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use native_tls::{Certificate, TlsConnector};

use crate::support::golden;
use crate::support::home::{Home, PASSWORD};
use crate::support::inbox::{Inbox, user_folder};
use crate::support::line::{Line, Passed};
use crate::support::{Client, Dovecot, daemon};

const TABLE: &str = "tests/bench/counts.txt";
const HEAD: &str = "\
# What a sweep costs the line to the server. tests/traffic.rs counts it, and fails where a number differs by more than 5 %
# and by more than one; UPDATE_EXPECT=1 rewrites the table. A difference belongs to the change that made it.
#
# idle turns: how often the client speaks after it has read everything, while no command is in flight
#
# idle turns   commands      bytes   sweep
";
/// So often it is counted where the numbers differ: on a busy machine, a client that keeps commands ahead may catch up with them
/// once more.
const ATTEMPTS: usize = 3;
/// A number is another if it differs by more than one part in so many, and by more than one.
const PARTS: u64 = 20;

#[test]
fn a_sweep_costs_the_line_what_the_table_says() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let mut differences = String::new();
    for attempt in 0..ATTEMPTS {
        let (shown, waited) = count(&server, attempt);
        if golden::is_updating() {
            golden::holds(TABLE, &shown);
        }
        let expected = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE)).unwrap();
        if have_the_same_numbers(&expected, &shown) {
            return;
        }
        differences += &format!("{TABLE} has:\n{expected}\ncounted were:\n{shown}\nidle turns:\n{waited}\n");
    }
    panic!("{differences}UPDATE_EXPECT=1 rewrites it");
}

/// The table as it would be now, and which commands waited.
fn count(server: &Dovecot, attempt: usize) -> (String, String) {
    let (mut shown, mut waited) = (HEAD.to_owned(), String::new());
    for size in [1_000, 10_000] {
        let (inbox, user) = (Inbox { size, one_in: 20, seed: 1 }, format!("traffic{size}-{attempt}"));
        inbox.fill(server, &user);
        let line = Line::before(server.port, server.path(), Duration::from_millis(20));
        let folder = user_folder(server, line.port, &user);
        let mut row = |what: &str| {
            let passed = line.passed();
            let (turns, commands, bytes) = (passed.idle_turns.len(), passed.commands.len(), passed.received);
            writeln!(waited, "{what}: {}", passed.idle_turns.join(" ")).unwrap();
            writeln!(shown, "{turns:12} {commands:10} {bytes:10}   {what}").unwrap();
            line.reset();
        };
        for what in ["first sweep of", "second sweep, nothing new, of"] {
            folder.run(&["sweep"]).exits(0);
            inbox.check(server, &user, &[]);
            row(&format!("{what} {size} messages"));
        }
        if size > 1_000 {
            continue;
        }
        let home = daemon::Home::new();
        let service = home.run_as(folder.command(&[], &["run", "--settings", "followsift.toml"]));
        line.wait_until("waiting", Passed::is_idling);
        row("the service starts, nothing new");
        let late = inbox.spam().find(|number| *number >= size).unwrap();
        let message = String::from_utf8(inbox.message(late)).unwrap();
        Client::log_in_as(server.port, &user, PASSWORD).deliver("INBOX", &message);
        line.wait_until("moved", |passed| passed.moved.is_some() && passed.is_idling());
        row("a message arrives and is moved, until the service waits again");
        drop(service);
        inbox.check(server, &user, &[late]);
    }
    (shown, waited)
}

#[test]
fn commands_that_are_sent_together_wait_for_the_line_once() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let round_trip = Duration::from_millis(20);
    let line = Line::before(server.port, server.path(), round_trip);
    let authority = Certificate::from_pem(&std::fs::read(server.ca()).unwrap()).unwrap();
    let tls = TlsConnector::builder().add_root_certificate(authority).build().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", line.port)).unwrap();
    let mut stream = BufReader::new(tls.connect("localhost", stream).unwrap());
    let mut read_to = |commands: &str, tag: &str| {
        stream.get_mut().write_all(commands.as_bytes()).unwrap();
        let mut text = String::new();
        while !text.lines().last().is_some_and(|line| line.starts_with(tag)) {
            assert!(stream.read_line(&mut text).unwrap() > 0, "{text}");
        }
    };
    read_to("", "* OK");
    read_to(&format!("a LOGIN two {PASSWORD}\r\n"), "a OK");
    assert_eq!(line.passed().idle_turns.len(), 1);
    let begun = Instant::now();
    read_to("b NOOP\r\nc NOOP\r\nd NOOP\r\n", "d OK");
    assert!(begun.elapsed() >= round_trip, "the line took no time");
    assert_eq!(line.passed().idle_turns.len(), 2);
    read_to("e NOOP\r\n", "e OK");
    let passed = line.passed();
    assert_eq!((passed.idle_turns.len(), passed.turns, passed.commands.len()), (3, 3, 5));
}

/// Do both tables have the same rows, with about the same numbers?
fn have_the_same_numbers(expected: &str, shown: &str) -> bool {
    let words = |table: &str| table.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (expected, shown) = (words(expected), words(shown));
    let is_near = |(one, other): (&String, &String)| match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one.abs_diff(other) <= (one / PARTS).max(1),
        _ => one == other,
    };
    expected.len() == shown.len() && expected.iter().zip(&shown).all(is_near)
}
