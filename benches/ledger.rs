//! How long a sweep takes with much remembered, beside one with little: the built program against a Dovecot, in turns.
//!
//! `cargo bench --bench ledger` prints the median times and their ratios, and fails if a sweep with 200,000 remembered notifications
//! takes more than 1.25 times as long as one with 1,000. Needs the Dovecot of the tests. Run as a test, it does one round with few.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]

#[path = "../tests/support/mod.rs"]
mod support;

#[expect(dead_code, reason = "the table is that of another benchmark")]
#[path = "mailbox/measure.rs"]
mod measure;

use std::process::Stdio;

use measure::{Cost, measured};
use support::home::{Home, SPAM, spam, text};
use support::{Client, Dovecot};

/// How many notifications are remembered.
const FEW: usize = 1_000;
const MANY: usize = 200_000;
/// How many sweeps with each.
const ROUNDS: usize = 21;
/// So many messages to file come before each sweep.
const NEW: usize = 20;
/// At most so many times as long. What is new goes to as many places of the file as it has indexes, and the more is remembered, the
/// fewer of these lie in one page: so somewhat more is written.
const MOST: f64 = 1.25;

/// A user with a ledger.
struct User {
    home: Home,
    client: Client,
    /// The number of the last message.
    last: usize,
    /// The sweeps in which nothing was new, and those in which something was.
    sweeps: [Vec<Cost>; 2],
}

impl User {
    /// Remembers so many notifications of almost two years: one in two proven, one in three moved.
    fn new(server: &Dovecot, name: &str, remembered: usize) -> Self {
        let home = Home::new(server.port, name, "backlog = \"all\"\nmoves-per-hour = 10000");
        let client = home.client(server.port);
        let mut user = Self { home, client, last: 0, sweeps: Default::default() };
        user.sweep(NEW);
        let ledger = rusqlite::Connection::open(user.home.state().join("ledger.sqlite")).unwrap();
        let number = format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {remembered})"
        );
        let at = format!("unixepoch() - 100000 - n * {}", 700 * 86_400 / remembered);
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

    /// Delivers so many messages that are to be filed, and sweeps.
    fn sweep(&mut self, new: usize) {
        for _ in 0..new {
            self.last += 1;
            self.client.deliver("INBOX", &text(&spam(self.last), self.last));
        }
        let mut command = self.home.command(&[], &["sweep"]);
        command.stdout(Stdio::null());
        self.sweeps[usize::from(new > 0)].push(measured(command));
        assert_eq!(self.client.messages(SPAM).len(), self.last);
    }
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let (rounds, most) = if is_measured { (ROUNDS, MANY) } else { (1, FEW) };
    let mut users = [User::new(&server, "few", FEW), User::new(&server, "many", most)];
    for user in &mut users {
        // The first look at the targets, and whatever is done once a day.
        user.sweep(NEW);
        user.sweeps = Default::default();
    }
    for _ in 0..rounds {
        for new in [0, NEW] {
            users.iter_mut().for_each(|user| user.sweep(new));
        }
    }
    println!("| a sweep that files | with {FEW} remembered | with {most} | times | CPU, times |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    let mut worst: f64 = 0.0;
    for (kind, new) in [0, NEW].into_iter().enumerate() {
        let [few, many] = users.each_ref().map(|user| Cost::median(user.sweeps[kind].clone()));
        let ratio = many.wall / few.wall;
        println!(
            "| {new} messages | {:.0} ms | {:.0} ms | {ratio:.2} | {:.2} |",
            few.wall * 1e3,
            many.wall * 1e3,
            many.cpu / few.cpu
        );
        worst = worst.max(ratio);
    }
    assert!(!is_measured || worst <= MOST, "{worst:.2} times as long");
}
