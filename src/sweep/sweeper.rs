//! The entry to the room: works on an account, with what a sweep needs around it (the locks, the ledger, the
//! people written to, the rules for this account). Called by the service, which keeps a connection from one sweep to
//! the next, and by the command `sweep`.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use super::digest::{self, Digest};
use super::memory::Memory;
use super::{AccountFault, News, Remains, Restoration, Restore, Scope, Sweep, Swept, Tally, lock};
use super::{observing, restore, scope, sent};
use crate::clock::{self, Timestamp};
use crate::ledger::{AccountLock, Cursor, Ledger, LedgerFault, Pool};
use crate::lookup::{self, Asker, Desk, Inquiry, Step};
use crate::mail::Incomplete;
use crate::mailbox::{Opened, Session, Stop, Suspects, Woken};
use crate::place::{AccountName, Folder};
use crate::rulebook::{RuleFiles, Sent};
use crate::rules::recall::Replay;
use crate::settings::{Account, Settings};

/// In seconds.
const DAY: u64 = 24 * 60 * 60;
/// For so long at most, what follows is the same sweep, in seconds: then the fuse counts other moves.
const HOUR: u64 = 60 * 60;

/// An account that this process works on. While the value exists, no other followsift of this user works on the account.
#[derive(Debug)]
pub struct Sweeper<'a> {
    account: &'a Account,
    /// None in a dry run, which disturbs no other followsift.
    lock: Option<AccountLock>,
    pub(super) memory: Memory,
    pub(super) ledgers: Pool,
    /// The name that the account had before, until that is reported.
    renamed_from: Option<AccountName>,
    /// When something could not be read that the ledger may lack.
    unread_at: Option<Timestamp>,
    /// How long the ledger remembers, and when it last forgot all that is older.
    remember: Duration,
    thinned_at: Option<Timestamp>,
    suspects: Suspects,
    /// The thread that looks followers up.
    desk: Option<Desk>,
    /// Answers at once, in a dry run that looks followers up.
    inquiry: Option<Inquiry<'a>>,
    look_up_old: bool,
    /// When the last sweep began.
    swept_at: Timestamp,
    /// The session is not needed after the sweep.
    leaves: bool,
    /// The last sweep.
    begun: Option<Begun>,
    /// The sweep with which the next run goes on.
    goes_on: Option<Begun>,
}

/// A sweep that has begun. Another session, or another pass, may go on with it: then it is one sweep, also for `restore --sweep`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    at: Timestamp,
    /// By which rules.
    edition: String,
}

impl<'a> Sweeper<'a> {
    /// Takes the account's locks and opens the ledger.
    ///
    /// # Errors
    /// If another followsift works on the account, or the ledger cannot be opened.
    pub fn begin(account: &'a Account, settings: &Settings) -> Result<Self, AccountFault> {
        Self::begin_with(account, settings, &Pool::new(&settings.state))
    }

    /// The same with a connection to the ledger that it shares with other accounts.
    ///
    /// # Errors
    /// As [`Sweeper::begin`].
    pub fn begin_with(
        account: &'a Account,
        settings: &Settings,
        ledgers: &Pool,
    ) -> Result<Self, AccountFault> {
        let lock = Some(lock(account, settings)?);
        let mut ledger = ledgers.borrow()?;
        // Before anything is asked by the account's name: it may be paused under the former one.
        let renamed_from = ledger.follow_name(&account.name, &account.mailbox(), &settings.names())?;
        Ok(Self {
            account,
            lock,
            memory: Memory::Kept(ledger),
            ledgers: ledgers.clone(),
            renamed_from,
            unread_at: None,
            remember: settings.remember,
            thinned_at: None,
            suspects: Suspects::default(),
            desk: None,
            inquiry: None,
            look_up_old: false,
            swept_at: Timestamp(0),
            leaves: false,
            begun: None,
            goes_on: None,
        })
    }

    /// The same for a dry run: sweeps then only read, in the ledger as on the server.
    ///
    /// # Errors
    /// If there is a ledger that cannot be read.
    pub fn dry_run(account: &'a Account, settings: &Settings) -> Result<Self, AccountFault> {
        let memory =
            Memory::Read { ledger: Ledger::open_read_only(&settings.state)?, seen: Replay::default() };
        Ok(Self {
            account,
            lock: None,
            memory,
            ledgers: Pool::new(&settings.state),
            renamed_from: None,
            unread_at: None,
            remember: settings.remember,
            thinned_at: None,
            suspects: Suspects::default(),
            desk: None,
            inquiry: None,
            look_up_old: false,
            swept_at: Timestamp(0),
            leaves: false,
            begun: None,
            goes_on: None,
        })
    }

    /// From now on, a thread asks what the sweeps want to know; `tell` gets its news. Does nothing if nothing may be looked up.
    ///
    /// # Errors
    /// If the system has no thread or descriptor left.
    pub fn open_desk(&mut self, tell: impl Fn(lookup::News) + Send + 'static) -> io::Result<()> {
        if self.account.lookup.is_on() && self.account.act {
            self.desk = Some(Desk::open(self.account, &self.ledgers, tell)?);
        }
        Ok(())
    }

    /// Followers of messages that are older than `newest` are looked up too. In a dry run, all followers are looked up, and at
    /// once, by servers that may be asked now.
    ///
    /// # Errors
    /// If the account's `ca-file` or the proxy cannot be used, or there is a ledger that cannot be read.
    pub fn look_up_old(&mut self, settings: &Settings, stop: BorrowedFd<'a>) -> Result<(), lookup::Stuck> {
        self.ask_about_old(true);
        if self.memory.kept().is_none() {
            let ledger = Ledger::open_read_only(&settings.state)?;
            self.inquiry = Some(Inquiry::new(self.account, stop)?.minding(ledger));
        }
        Ok(())
    }

    /// From the next sweep on, followers of messages that are older than `newest` are looked up, too, or are not.
    pub fn ask_about_old(&mut self, old: bool) {
        self.look_up_old = old;
    }

    /// Asks what the sweeps wanted to know, for so long at most, without a thread. Returns whether there were answers, so that
    /// messages that waited for them can be judged; servers that did not answer are reported.
    ///
    /// # Errors
    /// If the authorities, the proxy or the ledger cannot be used.
    pub fn look_up(
        &mut self,
        stop: &Stop,
        longest: Duration,
        tell: &mut dyn FnMut(lookup::News),
    ) -> Result<bool, lookup::Stuck> {
        let account = self.account;
        let Some(ledger) = self.memory.kept().filter(|_| account.lookup.is_on() && account.act) else {
            return Ok(false);
        };
        let asker = Asker::new(account, stop.as_fd())?;
        let until = Instant::now() + longest;
        let mut answered = false;
        loop {
            let pause = match asker.step(ledger)? {
                Step::Answered => {
                    answered = true;
                    Duration::ZERO
                }
                Step::Failed { server, fault, until } => {
                    tell(lookup::News::Failed { server, fault, until });
                    Duration::ZERO
                }
                Step::Idle(Some(pause)) if Instant::now() + pause < until => pause,
                Step::Idle(_) => return Ok(answered),
            };
            if Instant::now() >= until || stop.wait(Instant::now() + pause) == Woken::Stop {
                return Ok(answered);
            }
        }
    }

    /// What a dry run asks servers at once, if it does.
    pub fn inquiry(&self) -> Option<&Inquiry<'a>> {
        self.inquiry.as_ref()
    }

    /// The session is not needed after the sweep: it may log out beside the last look at what was moved, which saves a round trip,
    /// unless a second pass or a digest may follow. Then it is returned spent.
    pub fn leave_early(&mut self) {
        self.leaves = !self.account.lookup.is_on() && self.account.digest.is_none();
    }

    /// Did the session leave too early? A message may have been starred or answered at the very moment it was moved, and goes back: a
    /// new session does that, and does not leave early.
    pub fn left_too_early(&mut self, fault: &AccountFault) -> bool {
        fault.is_of_spent_session() && std::mem::take(&mut self.leaves)
    }

    /// Sweeps all folders of the account by these rules, and reports what it does and what is in its way while it is at work.
    ///
    /// Returns the session only if it is healthy; after a fault it is closed, and the next sweep settles what it left open.
    ///
    /// # Errors
    /// If the connection or the ledger fails, or a stop was asked for. What was done until then is in the ledger.
    pub fn run(
        &mut self,
        mut session: Session,
        files: &RuleFiles,
        scope: Scope,
        tell: &mut dyn FnMut(News),
    ) -> Result<(Session, Swept), AccountFault> {
        let (account, now) = (self.account, clock::now());
        self.swept_at = now;
        self.begun = None;
        let goes_on = self.goes_on.take();
        let mut troubled = BTreeSet::new();
        let mut uncertain = 0;
        let mut tell = |news: News| {
            match &news {
                News::Trouble { folder, .. } | News::SentStale { folder, .. } => {
                    troubled.insert(folder.clone());
                }
                News::Uncertain { .. } => uncertain += 1,
                _ => {}
            }
            tell(news);
        };
        if let Some(lock) = &self.lock {
            lock.confirm()?;
        }
        if let Some(from) = self.renamed_from.take() {
            tell(News::Renamed { from, to: account.name.clone() });
        }
        if let Some(ledger) = self.memory.kept() {
            files.lists().keep(ledger, now)?;
            for (folder, doubt) in sent::refresh(&mut session, ledger, account, files, now)? {
                let folders = if doubt.is_some() { Vec::new() } else { session.folders_now()? };
                tell(News::SentStale { folder, doubt, folders });
            }
        }
        let ledger = self.memory.ledger();
        let sent = ledger.map_or(Ok(Sent::new()), |it| sent::sent_people(it, account, files))?;
        let rulebook = files.rulebook_of(account, &sent);
        let is_same = |begun: &Begun| {
            begun.edition == rulebook.edition && begun.at <= now && now.since(begun.at) < HOUR
        };
        let began = goes_on.filter(is_same).map_or(now, |begun| begun.at);
        self.begun = Some(Begun { at: began, edition: rulebook.edition.clone() });
        if scope == Scope::New {
            self.report_first_look(&mut tell)?;
        }
        let (look_up_old, inquiry) = (self.look_up_old, self.inquiry.as_ref());
        let leaves = self.leaves;
        let sweep = Sweep {
            account,
            rulebook: &rulebook,
            scope,
            now,
            began,
            observed_before: None,
            is_new: false,
            look_up_old,
            inquiry,
            leaves,
        };
        session.beware(std::mem::take(&mut self.suspects));
        let swept = sweep_observed(&mut session, sweep, (&mut self.memory, &mut self.unread_at), &mut tell);
        self.suspects = session.suspects();
        let tally = swept?;
        self.thin(now)?;
        if let Some(desk) = &self.desk {
            desk.ring();
        }
        let ledger = self.memory.kept().filter(|_| account.act);
        let remains = Remains::after(account, ledger.as_deref(), &rulebook, &tally)?;
        Ok((session, Swept { tally, remains: Remains { folders: troubled.len(), uncertain, ..remains } }))
    }

    /// Puts the digest that is due, if one is, into the inbox, as `write` writes it; for use after a sweep, since it tells what sweeps
    /// have found. Returns the session as [`Sweeper::run`] does.
    ///
    /// # Errors
    /// If the connection or the ledger fails.
    pub fn send_digest(
        &mut self,
        mut session: Session,
        write: &dyn Fn(&Digest<'_>) -> Vec<u8>,
        tell: &mut dyn FnMut(News),
    ) -> Result<Session, AccountFault> {
        let account = self.account;
        if let (Some(schedule), Some(ledger), true) = (&account.digest, self.memory.kept(), account.act) {
            digest::send(&mut session, (account, schedule), ledger, clock::now(), write, tell)?;
        }
        Ok(session)
    }

    /// How long until a digest is due, if the account wants one.
    pub fn until_digest(&self) -> Option<Duration> {
        let now = clock::now();
        let schedule = self.account.digest.as_ref().filter(|_| self.account.act)?;
        Some(Duration::from_secs(schedule.next(now).at.since(now)))
    }

    /// Puts messages back that followsift had filed, after it has settled what an earlier session left open.
    ///
    /// Returns the session only if it is healthy, as [`Sweeper::run`] does.
    ///
    /// # Errors
    /// As [`Sweeper::run`].
    pub fn restore(
        &mut self,
        mut session: Session,
        wanted: &Restore,
        tell: &mut dyn FnMut(News),
    ) -> Result<(Session, Restoration), AccountFault> {
        if let Some(lock) = &self.lock {
            lock.confirm()?;
        }
        if let Some(from) = self.renamed_from.take() {
            tell(News::Renamed { from, to: self.account.name.clone() });
        }
        let Some(ledger) = self.memory.kept() else { return Ok((session, Restoration::default())) };
        let done = restore::restore(&mut session, (self.account, clock::now()), ledger, wanted, tell)?;
        Ok((session, done))
    }

    /// Lets the ledger forget what is too old: a step after each sweep, until that is all, and once a day from then on.
    fn thin(&mut self, now: Timestamp) -> Result<(), LedgerFault> {
        let is_done = self.thinned_at.is_some_and(|at| at <= now && now.since(at) < DAY);
        if let Some(ledger) = self.memory.kept().filter(|_| !is_done)
            && !ledger.thin(now.before(self.remember))?
        {
            self.thinned_at = Some(now);
        }
        Ok(())
    }

    /// Reports which folders are looked at for the first time: without that, a first sweep that finds nothing looks broken.
    fn report_first_look(&self, tell: &mut dyn FnMut(News)) -> Result<(), LedgerFault> {
        let mut folders = Vec::new();
        for folder in &self.account.folders {
            if self.cursor(folder)?.is_none() {
                folders.push(folder.clone());
            }
        }
        if !folders.is_empty() {
            tell(News::FirstLook { folders, backlog: self.account.backlog });
        }
        Ok(())
    }

    /// The sweep that the last run began or went on with, if it came that far.
    pub fn begun(&self) -> Option<Begun> {
        self.begun.clone()
    }

    /// Lets the next run go on with a sweep, unless the rules have changed since, or it began long ago.
    pub fn go_on(&mut self, begun: Option<Begun>) {
        self.goes_on = begun;
    }

    /// The messages over whose answer the last session ended; the next sweep asks for them in parts.
    pub fn suspects(&self) -> &Suspects {
        &self.suspects
    }

    /// Is it worth connecting again at once after this fault? The session may have ended over a message; the next one asks in
    /// parts for those that it had asked for, so that the message is found.
    pub fn can_part(&self, fault: &AccountFault) -> bool {
        !self.suspects.is_empty() && fault.is_cut_in_reading()
    }

    /// Takes over what an earlier [`Sweeper::suspects`] said.
    pub fn beware(&mut self, suspects: Suspects) {
        self.suspects = suspects;
    }

    /// Reads the whole ledger and looks for damage, unless that was done for another account.
    ///
    /// # Errors
    /// If the ledger is damaged or cannot be read.
    pub fn require_whole(&self) -> Result<(), LedgerFault> {
        self.memory.ledger().map_or(Ok(()), |ledger| self.ledgers.require_whole(ledger))
    }

    /// How far a folder was looked at.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn cursor(&self, folder: &Folder) -> Result<Option<Cursor>, LedgerFault> {
        self.memory.cursor(&self.account.name, folder)
    }

    /// Is there something for a sweep to look at in the open folder: messages that came while another one was open, or the signs
    /// of a backup that was put back? Takes one round trip at most, and none if the folder stayed open.
    ///
    /// # Errors
    /// If the connection fails, or the ledger cannot be read.
    pub fn is_behind(&self, session: &mut Session, opened: &Opened) -> Result<bool, AccountFault> {
        let Some(cursor) = self.cursor(&opened.folder)? else { return Ok(true) };
        if cursor.validity != opened.validity || opened.next.is_some_and(|next| next != cursor.next) {
            return Ok(true);
        }
        Ok(!session.is_known_same() && opened.exists > 0 && scope::is_replaced(session, &cursor.newest)?)
    }

    /// Until when the user has paused the account, if they have.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn paused_until(&self) -> Result<Option<Timestamp>, LedgerFault> {
        let until = |ledger: &Ledger| ledger.paused_until(&self.account.name, None, clock::now());
        self.memory.ledger().map_or(Ok(None), until)
    }

    /// Does a message wait for a later sweep?
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn waits(&self) -> Result<bool, LedgerFault> {
        self.memory
            .ledger()
            .map_or(Ok(false), |ledger| ledger.waits(&self.account.name, &self.account.folders))
    }

    /// How long until a message has waited for a look-up for as long as it may, if one waits: the next sweep judges it then.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn next_due(&self) -> Result<Option<Duration>, LedgerFault> {
        // One that the last sweep has left due waits for something else, too.
        let due = self.memory.ledger().map(|ledger| ledger.next_due(&self.account.name, self.swept_at));
        Ok(due.transpose()?.flatten().map(|due| Duration::from_secs(due.since(clock::now()))))
    }

    /// The messages since `since` that look like notifications and could not be read.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn incomplete(&self, since: Timestamp) -> Result<Vec<Incomplete>, LedgerFault> {
        self.memory.ledger().map_or(Ok(Vec::new()), |ledger| ledger.incomplete(&self.account.name, since))
    }
}

/// Sweeps, and finds out what is only observed: for an account that is new to the ledger in the midst of that, since nothing was filed for
/// most of them before; else first.
fn sweep_observed(
    session: &mut Session,
    sweep: Sweep<'_>,
    (memory, unread_at): (&mut Memory, &mut Option<Timestamp>),
    tell: &mut dyn FnMut(News),
) -> Result<Tally, AccountFault> {
    if memory.account(&sweep.account.name)?.is_none() {
        match super::sweep(session, Sweep { is_new: true, ..sweep }, memory, tell) {
            Err(AccountFault::Unobserved) => {}
            swept => return swept,
        }
    }
    let observed_before = observing::observed_before(session, sweep, memory, unread_at, tell)?;
    super::sweep(session, Sweep { observed_before, ..sweep }, memory, tell)
}
