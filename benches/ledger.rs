//! How long a sweep takes with much remembered, beside one with little: the built program against a Dovecot, in turns.
//!
//! `cargo bench --bench ledger` prints the median times and their ratio, and fails if the sweep with 200,000 remembered notifications
//! takes more than 1.1 times as long. Needs the Dovecot of the tests. Run as a test, it does one round with few.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::home::{Home, SPAM, spam, text};
use support::{Client, Dovecot};

/// How many notifications are remembered.
const FEW: usize = 1_000;
const MANY: usize = 200_000;
/// How many sweeps with each.
const ROUNDS: usize = 21;
/// So many messages to file come before each sweep.
const NEW: usize = 20;
/// At most so many times as long.
const MOST: f64 = 1.1;

/// A user with a ledger.
struct User {
    home: Home,
    client: Client,
    /// The number of the last message.
    last: usize,
    /// The times of the sweeps.
    times: Vec<Duration>,
}

impl User {
    /// Remembers so many notifications of the last two years: one in two proven, one in three moved.
    fn new(server: &Dovecot, name: &str, remembered: usize) -> Self {
        let home = Home::new(server.port, name, "backlog = \"all\"\nmoves-per-hour = 10000");
        let client = home.client(server.port);
        let mut user = Self { home, client, last: 0, times: Vec::new() };
        user.sweep();
        let ledger = rusqlite::Connection::open(user.home.state().join("ledger.sqlite")).unwrap();
        let number = format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {remembered})"
        );
        let at = format!("unixepoch() - 100000 - n * {}", 2 * 365 * 86_400 / remembered);
        ledger
            .execute_batch(&format!(
                "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN;
                 {number} INSERT INTO mail (id, account, digest, size, folder, validity, uid, received, latest)
                     SELECT 1000 + n, 'home', randomblob(32), 4000 + n % 999, 'INBOX', 7, n, {at}, 1000 + n FROM number;
                 {number} INSERT INTO judgement (id, mail, rules, judged_at, network, title, kind, layout, authentic,
                         complete, action, flag, mark_read)
                     SELECT 1000 + n, 1000 + n, 'rules-1', {at}, 'twitter', 'Twitter', 'follow', '2009',
                         iif(n % 2, 'unknown', 'pass'), 1, 'leave', 0, 0 FROM number;
                 {number} INSERT INTO follower (judgement, position, network, key, facts, points, reasons)
                     SELECT 1000 + n, 0, 'twitter', '@old-' || (n % 5000), '{{}}', 0, '[]' FROM number;
                 {number} INSERT INTO past_follower (account, network, key, received, mail)
                     SELECT 'home', 'twitter', '@old-' || (n % 5000), {at}, 1000 + n FROM number WHERE n % 2 = 0;
                 {number} INSERT INTO intent (mail, judgement, from_folder, from_validity, from_uid, from_next_uid,
                         to_folder, to_validity, to_next_uid, flag, mark_read, stated_at, by_hand, outcome, to_uid, settled_at)
                     SELECT 1000 + n, 1000 + n, 'INBOX', 7, n, n, 'Elsewhere', 3, n, 0, 0, {at}, 0, 'moved', n, {at}
                     FROM number WHERE n % 3 = 0;
                 COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
            ))
            .unwrap();
        user
    }

    /// Delivers what is to be filed, and sweeps.
    fn sweep(&mut self) {
        for _ in 0..NEW {
            self.last += 1;
            self.client.deliver("INBOX", &text(&spam(self.last), self.last));
        }
        let begun = Instant::now();
        self.home.well(&["sweep"]);
        self.times.push(begun.elapsed());
        assert_eq!(self.client.messages(SPAM).len(), self.last);
    }

    fn median(&mut self) -> f64 {
        self.times.sort();
        self.times.get(self.times.len() / 2).unwrap().as_secs_f64() * 1e3
    }
}

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let (rounds, most) = if measured { (ROUNDS, MANY) } else { (1, FEW) };
    let mut few = User::new(&server, "few", FEW);
    let mut many = User::new(&server, "many", most);
    // The first look at the targets, and whatever is done once a day.
    few.sweep();
    many.sweep();
    few.times.clear();
    many.times.clear();
    for _ in 0..rounds {
        few.sweep();
        many.sweep();
    }
    let (few, many) = (few.median(), many.median());
    let ratio = many / few;
    println!(
        "a sweep that files {NEW} messages takes {few:.1} ms with {FEW} remembered, {many:.1} ms with {most}: {ratio:.2} times as \
         long (median of {rounds})"
    );
    assert!(!measured || ratio <= MOST, "{ratio:.2} times as long");
}
