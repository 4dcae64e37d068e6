//! No message is lost, altered or doubled, whatever fails in the middle: the line at any command, the program at any
//! command and at any write of its ledger, the disk. After each, a restart leads to where an undisturbed run would have
//! led.
//!
//! The cases are all combinations; of them a seeded choice is tried. FOLLOWSIFT_FAULTS=all tries all of them, a number so many
//! of each kind; FOLLOWSIFT_SEED chooses others.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::home::{GAME, Home, Live, SPAM, fill, game, live, printed, real, shown, spam, text};
use crate::support::proxy::{Fault, How, Proxy, When};
use crate::support::trial::{choose, seeded, try_all};
use crate::support::{Dovecot, pause};
use followsift::ledger::Ledger;

/// What a server lacks on each rung of the ladder.
const RUNGS: [(&str, &[&str]); 3] =
    [("MOVE", &[]), ("COPY, EXPUNGE", &["MOVE"]), ("COPY", &["MOVE", "UIDPLUS"])];
/// How many cases of each kind and rung are tried by default.
const USUAL: usize = 12;
/// What SQLite writes at least for a change: a page and its head in the write-ahead log.
const FRAME: u64 = 4096 + 24;

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// The line fails.
    Line(Fault),
    /// The program is killed while it waits for an answer.
    Killed(Fault),
    /// The program is killed by its own write beyond so many bytes of a file.
    KilledWriting(u64),
    /// The disk is full beyond so many bytes of a file.
    DiskFull(u64),
}

/// One case: the troubles come in one run after the other.
#[derive(Clone, Debug)]
struct Case {
    troubles: Vec<Trouble>,
    /// The targets are there already, with a message just like one that comes.
    furnished: bool,
}

/// Waits for the program to end; kills it if its line has fallen silent.
fn end(child: &mut Child, proxy: &Proxy) -> ExitStatus {
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if proxy.has_struck() && proxy.is_stalling() {
            child.kill().unwrap();
            return child.wait().unwrap();
        }
        pause(Duration::from_millis(2));
    }
}

/// Runs one disturbed command, and returns whether the trouble struck.
fn disturb(home: &Home, proxy: &Proxy, trouble: Trouble, arguments: &[&str]) -> bool {
    let (fault, wrapper) = match trouble {
        Trouble::Line(fault) | Trouble::Killed(fault) => (Some(fault), Vec::new()),
        Trouble::KilledWriting(bytes) => (None, vec!["prlimit".to_owned(), format!("--fsize={bytes}")]),
        Trouble::DiskFull(bytes) => {
            let full = ["env", "--ignore-signal=XFSZ", "prlimit"].map(str::to_owned);
            (None, full.into_iter().chain([format!("--fsize={bytes}")]).collect())
        }
    };
    proxy.arm(fault);
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let mut command = home.command(&wrapper, arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = end(&mut child, proxy);
    match trouble {
        // The sweep may end a moment before the proxy has noted what it did.
        Trouble::Line(_) | Trouble::Killed(_) => proxy.wait_until_struck(1, Duration::from_secs(1)),
        Trouble::KilledWriting(_) => status.signal() == Some(rustix::process::Signal::XFSZ.as_raw()),
        Trouble::DiskFull(_) => !status.success(),
    }
}

/// What is wrong with `found`, if anything.
fn differs(found: &[Live], expected: &[Live], when: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let only = |these: &[Live], those: &[Live]| {
        let mut those = those.to_vec();
        let mut rest = Vec::new();
        for message in these {
            match those.iter().position(|other| other == message) {
                Some(at) => drop(those.swap_remove(at)),
                None => rest.push(message.clone()),
            }
        }
        shown(&rest)
    };
    Err(format!("{when}:\n missing\n{} too much\n{}", only(expected, found), only(found, expected)))
}

/// A server of a rung, and what an undisturbed sweep leads to.
struct Rung {
    name: &'static str,
    server: Dovecot,
    /// By whether the targets were there before.
    expected: [Vec<Live>; 2],
    /// How many commands that takes; likewise.
    commands: [usize; 2],
    /// How many bytes the ledger's log has then; likewise.
    log: [u64; 2],
    /// How many troubles came, and how many of them struck: a sweep may be over before one does.
    came: AtomicUsize,
    struck: AtomicUsize,
}

impl Rung {
    fn start(name: &'static str, without: &[&'static str]) -> Option<Self> {
        let server = Dovecot::start(&Home::server(without))?;
        let mut rung = Self {
            name,
            server,
            expected: [Vec::new(), Vec::new()],
            commands: [0; 2],
            log: [0; 2],
            came: AtomicUsize::new(0),
            struck: AtomicUsize::new(0),
        };
        for furnished in [false, true] {
            let (home, proxy) = rung.user(&format!("undisturbed{furnished}"), furnished);
            proxy.arm(None);
            // While another connection has the ledger open, its log is not merged into it at the end, and can be measured.
            let ledger = Ledger::open(&home.state()).unwrap();
            home.well(&["sweep"]);
            let log = std::fs::metadata(ledger.file().with_extension("sqlite-wal")).unwrap().len();
            rung.commands[usize::from(furnished)] = proxy.commands().len();
            rung.log[usize::from(furnished)] = log;
            rung.expected[usize::from(furnished)] = live(&mut home.client(rung.server.port));
        }
        Some(rung)
    }

    /// A new user with fifteen messages.
    fn user(&self, name: &str, furnished: bool) -> (Home, Proxy) {
        let proxy = Proxy::before(self.server.port);
        let home = Home::new(proxy.port, name, "backlog = \"all\"");
        let mut client = home.client(self.server.port);
        if furnished {
            client.run(&format!("CREATE \"{SPAM}\""));
            client.run(&format!("CREATE \"{GAME}\""));
            client.append(SPAM, "(\\Seen) \"01-Jan-2020 09:00:00 +0000\"", &text(&spam(1), 1));
        }
        fill(&mut client);
        (home, proxy)
    }

    fn count(&self, has_struck: bool) {
        self.came.fetch_add(1, Ordering::Relaxed);
        self.struck.fetch_add(usize::from(has_struck), Ordering::Relaxed);
    }

    /// Fails if the troubles that a test of this name is about did not come.
    fn most_struck(self, name: &str) {
        let (came, struck) = (self.came.into_inner(), self.struck.into_inner());
        let _ = writeln!(std::io::stderr(), "{name}, {}: {struck} of {came} troubles struck", self.name);
        assert!(struck * 2 > came, "{name}, {}: of {came} troubles only {struck} struck", self.name);
    }

    fn check(&self, number: usize, case: &Case) -> Result<(), String> {
        let (home, proxy) = self.user(&format!("{}{number}", case.word()), case.furnished);
        let mut client = home.client(self.server.port);
        let before: BTreeSet<Vec<u8>> = live(&mut client).into_iter().map(|message| message.3).collect();
        for trouble in &case.troubles {
            let has_struck = disturb(&home, &proxy, *trouble, &["sweep"]);
            self.count(has_struck);
            if !has_struck && case.troubles.len() == 1 {
                return Err("the trouble did not strike".to_owned());
            }
            let now: BTreeSet<Vec<u8>> = live(&mut client).into_iter().map(|message| message.3).collect();
            if now != before {
                return Err(format!(
                    "{} messages are in no folder after {trouble:?}",
                    before.difference(&now).count()
                ));
            }
        }
        proxy.arm(None);
        let expected = &self.expected[usize::from(case.furnished)];
        for when in ["after a restart", "after another"] {
            let output = home.run(&["sweep"]);
            if !output.status.success() {
                return Err(format!("{when}, the sweep failed:\n{}", printed(&output)));
            }
            differs(&live(&mut client), expected, when).map_err(|what| {
                format!("{what}\nThe sweep said\n{}\n{:#?}", printed(&output), proxy.commands())
            })?;
        }
        Ok(())
    }
}

impl Case {
    fn word(&self) -> &'static str {
        match self.troubles[0] {
            Trouble::Line(_) => "line",
            Trouble::Killed(_) => "killed",
            Trouble::KilledWriting(_) => "writing",
            Trouble::DiskFull(_) => "full",
        }
    }
}

const WHENS: [When; 3] = [When::Before, When::Middle, When::After];

/// The line fails at a command, or the program is killed there.
fn at_command(at: usize, when: When) -> [Trouble; 3] {
    let fault = |how| Fault::at(at, when, how);
    [Trouble::Line(fault(How::Close)), Trouble::Line(fault(How::Reset)), Trouble::Killed(fault(How::Stall))]
}

/// Every failure of the line, and every kill at a command.
fn at_commands(rung: &Rung) -> Vec<Case> {
    let mut cases = Vec::new();
    for furnished in [false, true] {
        for at in 1..=rung.commands[usize::from(furnished)] {
            for when in WHENS {
                cases.extend(at_command(at, when).map(|trouble| Case { troubles: vec![trouble], furnished }));
            }
        }
    }
    cases
}

/// Every kill at a write of the ledger, and every disk that is full then.
fn at_writes(rung: &Rung) -> Vec<Case> {
    let mut cases = Vec::new();
    for furnished in [false, true] {
        let mut limit = FRAME / 2;
        while limit < rung.log[usize::from(furnished)] {
            cases.push(Case { troubles: vec![Trouble::KilledWriting(limit)], furnished });
            cases.push(Case { troubles: vec![Trouble::DiskFull(limit)], furnished });
            limit += FRAME / 2;
        }
    }
    cases
}

/// A second trouble, and a third, during the recovery from the first.
fn one_after_the_other(rung: &Rung) -> Vec<Case> {
    let mut chance = seeded();
    let mut any = || {
        let fault = |chance: &mut fastrand::Rng, how| {
            Fault::at(1 + chance.usize(..rung.commands[0]), WHENS[chance.usize(..3)], how)
        };
        match chance.usize(..5) {
            0 => Trouble::Line(fault(&mut chance, How::Close)),
            1 => Trouble::Line(fault(&mut chance, How::Reset)),
            2 | 3 => Trouble::Killed(fault(&mut chance, How::Stall)),
            _ => Trouble::KilledWriting(chance.u64(..rung.log[0])),
        }
    };
    (0..600).map(|number| Case { troubles: vec![any(), any(), any()], furnished: number % 2 == 0 }).collect()
}

fn on_each_rung(name: &str, usual: usize, cases: impl Fn(&Rung) -> Vec<Case>) {
    for (rung, without) in RUNGS {
        let Some(rung) = Rung::start(rung, without) else { return };
        let cases = choose(cases(&rung), usual);
        try_all(&format!("{name}, {}", rung.name), &cases, |number, case| rung.check(number, case));
        rung.most_struck(name);
    }
}

#[test]
fn a_line_that_fails_or_a_kill_at_any_command_loses_and_doubles_nothing() {
    on_each_rung("at commands", USUAL, at_commands);
}

#[test]
fn a_kill_or_a_full_disk_at_any_write_of_the_ledger_loses_and_doubles_nothing() {
    on_each_rung("at writes", USUAL, at_writes);
}

#[test]
fn troubles_one_after_the_other_lose_and_double_nothing() {
    on_each_rung("one after the other", USUAL / 2, one_after_the_other);
}

/// The same while filed messages are put back.
mod restoring {
    use super::*;

    const RESTORE: [&str; 3] = ["restore", "--all", "--yes"];

    /// A user whose messages have been filed.
    fn filed(rung: &Rung, name: &str) -> (Home, Proxy) {
        let (home, proxy) = rung.user(name, false);
        home.well(&["sweep"]);
        (home, proxy)
    }

    fn check(rung: &Rung, name: &str, trouble: Trouble, expected: &[Live]) -> Result<(), String> {
        let (home, proxy) = filed(rung, name);
        let mut client = home.client(rung.server.port);
        let before: BTreeSet<Vec<u8>> = live(&mut client).into_iter().map(|message| message.3).collect();
        rung.count(disturb(&home, &proxy, trouble, &RESTORE));
        let now: BTreeSet<Vec<u8>> = live(&mut client).into_iter().map(|message| message.3).collect();
        if now != before {
            return Err(format!("{} messages are in no folder", before.difference(&now).count()));
        }
        proxy.arm(None);
        // What was stated is completed by the sweep, and the rest by the command itself.
        for arguments in [&RESTORE[..], &["sweep"], &["sweep", "--since", "9999d"]] {
            let output = home.run(arguments);
            if !output.status.success() {
                return Err(format!("{arguments:?} failed:\n{}", printed(&output)));
            }
        }
        differs(&live(&mut client), expected, "at the end")
    }

    #[test]
    fn whatever_fails_while_messages_are_put_back_each_comes_back_once() {
        for (name, without) in RUNGS {
            let Some(rung) = Rung::start(name, without) else { return };
            let (home, proxy) = filed(&rung, "restored");
            proxy.arm(None);
            let ledger = Ledger::open(&home.state()).unwrap();
            home.well(&RESTORE);
            let log = std::fs::metadata(ledger.file().with_extension("sqlite-wal")).unwrap().len();
            let commands = proxy.commands().len();
            let expected = live(&mut home.client(rung.server.port));
            assert!(expected.iter().all(|message| message.0 == "INBOX"), "{}", shown(&expected));
            let limits = (1..2 * log / FRAME).map(|part| part * FRAME / 2);
            let writes = limits.flat_map(|limit| [Trouble::KilledWriting(limit), Trouble::DiskFull(limit)]);
            let mut cases: Vec<Trouble> =
                (1..=commands).flat_map(|at| WHENS.map(|when| at_command(at, when)).concat()).collect();
            cases.extend(writes);
            try_all(&format!("restoring, {}", rung.name), &choose(cases, USUAL), |number, case| {
                check(&rung, &format!("restored{number}"), *case, &expected)
            });
            rung.most_struck("restoring");
        }
    }
}

mod watching {
    use super::*;

    /// The service, watching.
    fn watch(home: &Home, proxy: &Proxy) -> Child {
        let child = home.command(&[], &["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        proxy.wait_for("IDLE", 0);
        child
    }

    fn deliver(client: &mut support::Client) {
        for (number, message) in [spam(20), game(21), real(22), spam(23)].iter().enumerate() {
            let date = format!("\"23-Nov-2026 10:{number:02}:00 +0000\"");
            client.append("INBOX", &date, &text(message, 20 + number));
        }
    }

    /// An ordinary message that wakes the service, and is gone once the service asks for it: Dovecot gathers changes for half a
    /// second, and announces nothing of a message that came and went within it.
    fn come_and_go(client: &mut support::Client, proxy: &Proxy) {
        let before = proxy.commands().len();
        client.deliver("INBOX", "From: ann@far.example\r\nSubject: Lunch\r\n\r\nAt noon?\r\n");
        let deadline = Instant::now() + Duration::from_secs(3);
        while proxy.commands().len() == before && Instant::now() < deadline {
            pause(Duration::from_millis(20));
        }
        client.select("INBOX");
        let found = client.run("UID SEARCH FROM \"ann@far.example\" SUBJECT \"Lunch\"");
        for line in found.iter().map(|line| String::from_utf8_lossy(line).into_owned()) {
            for uid in line.trim().strip_prefix("* SEARCH").unwrap_or_default().split_whitespace() {
                client.run(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
                client.run(&format!("UID EXPUNGE {uid}"));
            }
        }
        client.run("UNSELECT");
    }

    fn stop(mut child: Child) -> Result<(), String> {
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        if status.success() { Ok(()) } else { Err(format!("the service ended with {status}")) }
    }

    fn settles(client: &mut support::Client, expected: &[Live]) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            let found = live(client);
            let differs = differs(&found, expected, "after a while");
            if differs.is_ok() || Instant::now() > deadline {
                return differs;
            }
            pause(Duration::from_millis(100));
        }
    }

    fn check(rung: &Rung, name: &str, trouble: Trouble, expected: &[Live]) -> Result<(), String> {
        let (home, proxy) = rung.user(name, false);
        home.configure(proxy.port, "backlog = \"all\"\npoll = \"1s\"");
        let mut client = home.client(rung.server.port);
        let (Trouble::Line(fault) | Trouble::Killed(fault)) = trouble else { return Ok(()) };
        let mut child = watch(&home, &proxy);
        proxy.arm(Some(fault));
        deliver(&mut client);
        // The deliveries may lead to fewer commands than in the undisturbed run; each message that comes and goes adds some.
        let mut passers = 0;
        while !proxy.wait_until_struck(1, Duration::from_millis(300)) {
            passers += 1;
            if passers > 30 {
                stop(child)?;
                return Err(format!("the trouble did not strike: {:#?}", proxy.commands()));
            }
            come_and_go(&mut client, &proxy);
        }
        if matches!(fault.how, How::Stall) {
            child.kill().unwrap();
            child.wait().unwrap();
            proxy.arm(None);
            child = watch(&home, &proxy);
        }
        let settled = settles(&mut client, expected);
        stop(child)?;
        settled?;
        differs(&live(&mut client), expected, "at the end")
    }

    #[test]
    fn a_service_that_is_cut_off_or_killed_at_any_command_comes_back_and_loses_nothing() {
        for (name, without) in RUNGS {
            let Some(rung) = Rung::start(name, without) else { return };
            let (home, proxy) = rung.user("watched", false);
            home.configure(proxy.port, "backlog = \"all\"\npoll = \"1s\"");
            let mut client = home.client(rung.server.port);
            let child = watch(&home, &proxy);
            proxy.arm(None);
            deliver(&mut client);
            // Three of the four are filed; then the service waits again.
            let deadline = Instant::now() + Duration::from_secs(40);
            let is_left = |message: &Live| message.0 == "INBOX" && message.1.starts_with("23-Nov-2026 10:");
            while live(&mut client).iter().filter(|message| is_left(message)).count() > 1 {
                assert!(Instant::now() < deadline, "{:#?}", proxy.commands());
                pause(Duration::from_millis(50));
            }
            proxy.wait_for("IDLE", 0);
            pause(Duration::from_millis(300));
            let commands = proxy.commands().len();
            stop(child).unwrap();
            let expected = live(&mut client);
            assert_eq!(expected.len(), 19);
            let cases: Vec<Case> = (1..=commands)
                .flat_map(|at| WHENS.map(|when| at_command(at, when)).concat())
                .map(|trouble| Case { troubles: vec![trouble], furnished: false })
                .collect();
            try_all(&format!("watching, {}", rung.name), &choose(cases, 5), |number, case| {
                check(&rung, &format!("watch{number}"), case.troubles[0], &expected)
            });
        }
    }
}
