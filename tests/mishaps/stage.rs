//! A server of a rung, a user with a history, a sweep that meets a mishap, and what is left of everything in the end.

use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::case::{Case, Kill, Kind};
use super::maildir::{Maildir, Part};
use super::tally::{Message, Role, TO_GAME, TO_SPAM, UNMARKED, compare};
use crate::support::home::{GAME, Home, SPAM, game, printed, real, spam};
use crate::support::letters::ordinary;
use crate::support::proxy::{Fault, How, Proxy, When};
use crate::support::{Client, Dovecot, clock, pause};

/// What a server lacks on each rung of the ladder.
pub(crate) const RUNGS: [(&str, &[&str]); 3] =
    [("MOVE", &[]), ("COPY, EXPUNGE", &["MOVE"]), ("COPY", &["MOVE", "UIDPLUS"])];
static SHARED: Mutex<[Weak<Rung>; 3]> = Mutex::new([Weak::new(), Weak::new(), Weak::new()]);

/// Puts back all that was filed.
const RESTORE: [&str; 3] = ["restore", "--all", "--yes"];
/// How much later the last sweep comes.
const LATER: &str = "+80h";

/// A server of a rung, and the commands of an undisturbed sweep.
pub(crate) struct Rung {
    pub(crate) name: &'static str,
    /// Whether single messages can be expunged on it.
    expunges: bool,
    server: Dovecot,
    /// Where the folders are made on the way, and where they are there already; and those of an undisturbed `restore`.
    commands: [Vec<String>; 3],
    /// How many commands the next sweep has at least.
    next: usize,
}

/// A user in the middle of a case.
struct Stage<'a> {
    rung: &'a Rung,
    home: Home,
    proxy: Proxy,
    messages: Vec<Message>,
}

impl Rung {
    /// The rung of this number. All that are in use at the same time are one.
    pub(crate) fn of(number: usize) -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rung) = shared[number].upgrade() {
            return Some(rung);
        }
        let rung = Arc::new(Self::start(number)?);
        shared[number] = Arc::downgrade(&rung);
        Some(rung)
    }

    fn start(number: usize) -> Option<Self> {
        let (name, without) = RUNGS[number];
        let server = Dovecot::start(&Home::server(without))?;
        let expunges = !without.contains(&"UIDPLUS");
        let mut rung = Self { name, expunges, server, commands: Default::default(), next: 0 };
        for furnished in [false, true] {
            let mut stage = rung.stage(&format!("undisturbed{furnished}"), furnished);
            stage.proxy.arm(None);
            stage.home.well(&["sweep"]);
            let commands = stage.proxy.commands();
            stage.arrive_later();
            stage.proxy.arm(None);
            stage.home.well(&["sweep"]);
            let next = stage.proxy.commands().len();
            rung.commands[usize::from(furnished)] = commands;
            rung.next = next;
        }
        let stage = rung.stage("undisturbedrestore", true);
        stage.proxy.arm(None);
        stage.home.well(&RESTORE);
        rung.commands[2] = stage.proxy.commands();
        Some(rung)
    }

    pub(crate) fn commands(&self, kind: Kind) -> &[String] {
        if kind.is_putting_back() {
            &self.commands[2]
        } else {
            &self.commands[usize::from(kind.is_furnished())]
        }
    }

    /// A user with a history, to whom messages have just come.
    fn stage(&self, user: &str, furnished: bool) -> Stage<'_> {
        let proxy = Proxy::before(self.server.port);
        let home = Home::new(proxy.port, user, "backlog = \"all\"");
        let mut stage = Stage { rung: self, home, proxy, messages: Vec::new() };
        let mut first = vec![Message::new(Role::Stays, &letter(1), 1)];
        if furnished {
            first.push(Message::new(TO_SPAM, &spam(2), 2));
            first.push(Message::new(TO_SPAM, &spam(3), 3));
            first.push(Message::new(TO_GAME, &game(4), 4));
        }
        stage.deliver(first);
        stage.maildir().back_up("early");
        stage.home.well(&["sweep"]);
        stage.maildir().back_up("swept");
        let mut batch = vec![
            Message::new(TO_SPAM, &spam(11), 11),
            Message::new(TO_SPAM, &spam(12), 12),
            Message::new(Role::Stays, &letter(13), 13),
            Message::new(TO_GAME, &game(14), 14),
            Message::new(TO_GAME, &game(15), 15),
            Message::new(Role::Starred, &real(16), 16),
            Message::new(Role::Stays, &letter(17), 17),
        ];
        batch.push(Message { flags: "\\Flagged", ..Message::new(Role::Stays, &spam(18), 18) });
        stage.deliver(batch);
        stage
    }

    /// Tries a case; what went wrong.
    pub(crate) fn check(&self, number: usize, case: &Case) -> Result<(), String> {
        let mut stage =
            self.stage(&format!("{:?}{number}", case.kind).to_lowercase(), case.kind.is_furnished());
        stage.meet(case)?;
        stage.befall(case.kind);
        stage.arrive_later();
        let before = stage.client().snapshot();
        if case.kill == Kill::Next {
            let at = 1 + case.fault.at % self.next;
            stage.proxy.arm([Fault::at(at, When::After, How::Stall)]);
            stage.end(stage.start(&["sweep"]));
            if !stage.proxy.wait_until_struck(1, Duration::from_secs(1)) {
                return Err(format!(
                    "the next sweep was not killed: it had {} commands",
                    stage.proxy.commands().len()
                ));
            }
        }
        let mut said = String::new();
        for later in [false, true] {
            stage.proxy.arm(None);
            let Some(output) = stage.sweep(later) else { continue };
            said += &printed(&output);
            if !matches!(output.status.code(), Some(0 | 75)) {
                return Err(format!("a clean sweep ended with {}\n{said}", output.status));
            }
        }
        let after = stage.client().snapshot();
        let mut wrong = compare(&stage.messages, &before, &after, self.expunges);
        if matches!(case.kind, Kind::EmptyFetch | Kind::EmptySelect) {
            // A copy that the server has never shown cannot be marked; only its marks are missing.
            wrong.retain(|what| !what.starts_with(UNMARKED));
        }
        let known = stage.known();
        // If originals are only marked, a user puts a message back by removing the mark, and a restored backup looks
        // the same.
        let early = case.kind == Kind::RestoredEarly && !self.expunges;
        let put_back = if early || case.kind.is_putting_back() { 3 } else { 0 };
        if known > put_back {
            wrong.push(format!("learnt: {known} followers are known, and the user put {put_back} back"));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let command = &self.commands(case.kind)[case.fault.at - 1];
        Err(format!("at {command}\n{}\nThe sweeps said\n{said}", wrong.join("\n")))
    }
}

impl Stage<'_> {
    fn client(&self) -> Client {
        self.home.client(self.rung.server.port)
    }

    fn maildir(&self) -> Maildir<'_> {
        Maildir::of(&self.rung.server, &self.home.user)
    }

    fn deliver(&mut self, messages: Vec<Message>) {
        let mut client = self.client();
        for message in &messages {
            client.append(message.folder, &format!("({})", message.flags), &message.text);
        }
        self.messages.extend(messages);
    }

    /// What comes after the mishap: more ordinary messages than there were, so that they get the UIDs of others where UIDs
    /// can come again; and two that are to be filed, one of them with such a UID.
    fn arrive_later(&mut self) {
        let mut messages: Vec<Message> =
            (31..40).map(|number| Message::new(Role::Stays, &letter(number), number)).collect();
        messages.insert(2, Message::new(TO_SPAM, &spam(41), 41));
        messages.push(Message::new(TO_SPAM, &spam(42), 42));
        self.deliver(messages);
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.home.command(&[], arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Waits for the end of a sweep, or kills it where its line has fallen silent.
    fn end(&self, mut child: Child) {
        while child.try_wait().unwrap().is_none() {
            if self.proxy.is_stalling() {
                child.kill().unwrap();
                child.wait().unwrap();
                return;
            }
            pause(Duration::from_millis(2));
        }
    }

    /// The sweep that meets the fault. Fails where the fault, or the kill, did not strike.
    fn meet(&mut self, case: &Case) -> Result<(), String> {
        let Case { kind, fault, kill } = *case;
        let mut faults = vec![fault];
        match (kill, fault.how) {
            (Kill::There, How::Reset) => faults = vec![Fault { how: How::Stall, ..fault }],
            // It is killed at the next command, after it has done what it can with the answer.
            (Kill::There, _) => faults.push(Fault::at(fault.at + 1, When::Before, How::Stall)),
            _ => {}
        }
        self.proxy.arm(faults.iter().copied());
        let child = self.start(if kind.is_putting_back() { &RESTORE } else { &["sweep"] });
        if kind == Kind::Star {
            let deadline = Instant::now() + Duration::from_secs(20);
            while !self.proxy.has_struck() && Instant::now() < deadline {
                pause(Duration::from_millis(2));
            }
            self.star();
            self.proxy.release();
        }
        self.end(child);
        if kind == Kind::Star && !self.messages.iter().any(|message| message.starred) {
            return Err("no star was set".to_owned());
        }
        let struck = self.proxy.struck();
        // A session that ends with the answer has no further command at which the process could be killed.
        let over = struck.len() == 1 && self.proxy.commands().len() == fault.at;
        if struck.len() == faults.len() || (kill == Kill::There && over) {
            return Ok(());
        }
        Err(format!("of {faults:?} only {struck:?} struck\n{:#?}", self.proxy.commands()))
    }

    /// The user stars what is to be filed and still in the inbox.
    fn star(&mut self) {
        let mut client = self.client();
        let inbox = client.messages("INBOX");
        client.select("INBOX");
        for message in self.messages.iter_mut().filter(|message| matches!(message.role, Role::Filed(_))) {
            let is_it = |kept: &&crate::support::client::Kept| {
                kept.bytes == message.text.as_bytes() && !kept.flags.contains(&"\\Deleted".to_owned())
            };
            if let Some(kept) = inbox.iter().find(is_it) {
                client.run(&format!("UID STORE {} +FLAGS (\\Flagged)", kept.uid));
                message.starred = true;
            }
        }
    }

    /// What happens to the mailbox after the sweep was interrupted.
    fn befall(&mut self, kind: Kind) {
        if kind.is_putting_back() {
            // What had been filed may be on either side, with the mark that it got.
            let most = if kind == Kind::PuttingBackRestoredTarget { 2 } else { 1 };
            for message in self.messages.iter_mut().take(4).filter(|message| message.role != Role::Stays) {
                (message.copies, message.may_stay) = ((1, most), true);
                message.flags = if message.role == TO_SPAM { "\\Seen" } else { "" };
            }
        }
        match kind {
            Kind::RestoredSource | Kind::PuttingBackRestoredSource => self.restore("swept", Part::Source),
            Kind::RestoredTarget | Kind::PuttingBackRestoredTarget => self.restore("swept", Part::Targets),
            Kind::RestoredBoth => self.restore("swept", Part::Both),
            Kind::RestoredEarly => {
                self.restore("early", Part::Source);
                let least = if self.rung.expunges { 2 } else { 1 };
                for message in self.messages.iter_mut().take(4).filter(|message| message.role != Role::Stays)
                {
                    (message.copies, message.may_stay) = ((least, 2), true);
                }
            }
            Kind::RenumberedSource => self.maildir().renumber(None),
            Kind::RenumberedTarget | Kind::PuttingBackRenumbered => {
                self.maildir().renumber(Some(SPAM));
                self.maildir().renumber(Some(GAME));
            }
            Kind::Twins => {
                let mut client = self.client();
                for message in
                    self.messages.iter_mut().filter(|message| matches!(message.role, Role::Filed(_)))
                {
                    client.append("INBOX", "", &message.text);
                    (message.copies, message.may_stay) = ((2, 2), true);
                }
            }
            Kind::Cut
            | Kind::PuttingBack
            | Kind::Star
            | Kind::EmptyFetch
            | Kind::EmptySelect
            | Kind::CreateRefused => {}
        }
    }

    /// Puts a backup back, and lets the user keep messages in the folders whose UIDs are free again.
    fn restore(&mut self, backup: &str, part: Part) {
        self.maildir().restore(backup, part);
        if part == Part::Source {
            return;
        }
        let kept = |folder, number| Message { folder, ..Message::new(Role::Stays, &letter(number), number) };
        self.deliver(vec![kept(SPAM, 51), kept(SPAM, 52), kept(GAME, 53), kept(GAME, 54)]);
    }

    /// A sweep that nothing disturbs, now or later. `None` where the clock cannot be set and need not be.
    fn sweep(&self, later: bool) -> Option<Output> {
        let mut command: Command = self.home.command(&[], &["sweep"]);
        if later {
            command.env("LD_PRELOAD", clock()?).env("FAKETIME", LATER);
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        Some(command.output().unwrap())
    }

    /// How many followers are known because a message was put back.
    fn known(&self) -> u32 {
        let ledger = rusqlite::Connection::open(self.home.state().join("ledger.sqlite")).unwrap();
        ledger.query_row("SELECT count(*) FROM known_follower", [], |row| row.get(0)).unwrap()
    }
}

/// A person's message.
fn letter(number: usize) -> crate::support::letters::Letter {
    let text = format!("See you at the lake on day {number}? Jo\n");
    ordinary("Jo Bloom <jo@bloom.example>", &format!("The lake, day {number}"), &text)
}
