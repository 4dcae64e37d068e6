//! One account, watched by a thread of its own: connect, sweep, wait, and again; until told to stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::account::{AccountFault, connect};
use super::backoff::Backoff;
use super::clock;
use super::rulebook::Reading;
use crate::ledger::{AccountLock, Ledger};
use crate::mail::Recognition;
use crate::mailbox::{Fate, Session, Stop, Woken};
use crate::report;
use crate::settings::{Account, Settings};
use crate::sweep::{self, Dealt, End, Memory, Scope, Sent, Sweep};

/// How long an account whose owner has to do something is left alone before it is looked at again.
const PARKED: Duration = Duration::from_secs(60 * 60);

/// What a watcher thread is given.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) account: Account,
    pub(super) settings: Arc<Settings>,
    pub(super) reading: watch::Receiver<Arc<Reading>>,
    pub(super) stop: Stop,
}

impl Watcher {
    /// Watches the account until told to stop. Never returns otherwise.
    pub(super) fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let fault = match self.live(&mut backoff) {
                Ok(()) => return,
                Err(fault) if fault.is_stop() => return,
                Err(fault) => fault,
            };
            let pause = match fault.fate() {
                Fate::Retry | Fate::Leave => {
                    let pause = backoff.next(fastrand::f64());
                    warn!(error = %Chain(&fault), "connecting again in {} s", pause.as_secs());
                    pause
                }
                Fate::Park => {
                    error!(error = %Chain(&fault), "parked: its owner has to do something");
                    PARKED
                }
            };
            if self.stop.wait(Instant::now() + pause) == Woken::Stop {
                return;
            }
        }
    }

    /// One session, from the connection to its end; `Ok` is an orderly stop.
    fn live(&self, backoff: &mut Backoff) -> Result<(), AccountFault> {
        let _lock = AccountLock::take(&self.settings.state, &self.account.name)?;
        let mut ledger = Ledger::open(&self.settings.state)?;
        let mut session = connect(&self.account, &self.settings, &self.stop)?;
        info!(server = %self.account.host, "connected");
        loop {
            session = self.sweep(session, &mut ledger)?;
            backoff.reset();
            match self.wait(&mut session, &ledger)? {
                Woken::Mail | Woken::Due => {}
                Woken::Stop => {
                    // The session is over either way; a server that does not say goodbye loses nothing.
                    let _ = session.logout();
                    return Ok(());
                }
            }
        }
    }

    fn sweep(&self, session: Session, ledger: &mut Ledger) -> Result<Session, AccountFault> {
        let reading = Arc::clone(&self.reading.borrow());
        let (session, sent) = self.sent(session, ledger, &reading)?;
        let rulebook = reading.rulebook_of(&self.account, &sent);
        let work =
            Sweep { account: &self.account, rulebook: &rulebook, scope: Scope::New, now: clock::now() };
        let (session, tally) = sweep::sweep(session, work, &mut Memory::Kept(ledger), &mut tell)?;
        debug!(looked_at = tally.looked_at, moved = tally.moved, turns = tally.turns, "swept");
        Ok(session)
    }

    /// The people written to, read anew if that is long ago.
    fn sent(
        &self,
        mut session: Session,
        ledger: &mut Ledger,
        reading: &Reading,
    ) -> Result<(Session, Sent), AccountFault> {
        let sources = reading.sent_folders();
        let unread = sweep::refresh_sent(&mut session, ledger, &self.account, &sources, clock::now())?;
        for folder in unread {
            warn!(%folder, "a folder of sent mail cannot be read; nothing is moved until it could be once");
        }
        Ok((session, sweep::sent_people(ledger, &self.account, &sources)?))
    }

    /// Waits for new mail in the first folder; the others are looked at when the poll is due.
    fn wait(&self, session: &mut Session, ledger: &Ledger) -> Result<Woken, AccountFault> {
        let Some(folder) = self.account.folders.first() else { return Ok(Woken::Stop) };
        let opened = session.select(folder)?;
        let dealt_with = ledger.cursor(&self.account.name, folder)?;
        let behind = dealt_with
            .is_none_or(|it| it.validity != opened.validity || opened.next.is_some_and(|n| n > it.next));
        // What came while the sweep was in another folder would not be announced again.
        if behind && opened.exists > 0 {
            return Ok(Woken::Mail);
        }
        Ok(session.wait(Instant::now() + self.account.poll)?)
    }
}

/// A mail that was dealt with, as an event. Handles and rule names may be logged; bodies and addresses never.
fn tell(dealt: Dealt) {
    let Dealt { mail, assessment, end, .. } = &dealt;
    let uid = mail.uid.0;
    let (network, follower) = match &assessment.recognition {
        Recognition::Recognised(notification) => {
            let people: Vec<_> = notification.followers.iter().map(report::text::handle).collect();
            (notification.network.as_str(), people.join(", "))
        }
        Recognition::Incomplete { network, missing } => {
            let missing: Vec<_> = missing.iter().map(|fact| fact.word()).collect();
            warn!(uid, %network, missing = missing.join(" "), "a mail seems to tell of a follower, but cannot be read");
            return;
        }
        Recognition::Foreign if *end == End::Failed => {
            error!(uid, "a mail could not be assessed, by a fault of followsift; it stays");
            return;
        }
        Recognition::Foreign => return,
    };
    let verdict = assessment.class.as_ref().map_or("undecided", |class| class.as_str());
    let rules: Vec<_> =
        assessment.verdicts.iter().flat_map(|verdict| &verdict.reasons).map(|it| it.rule.as_str()).collect();
    let rule = rules.join(", ");
    match end {
        End::Moved { to, .. } => info!(uid, network, follower, verdict, rule, %to, "mail moved"),
        End::Marked => info!(uid, network, follower, verdict, rule, "mail marked"),
        End::Observed => info!(uid, network, follower, verdict, rule, "mail would be filed; only looking"),
        End::PutBack => info!(uid, network, follower, verdict, rule, "mail was put back by hand; it stays"),
        End::Left(why) => {
            warn!(uid, network, follower, verdict, rule, why, "mail could not be moved; it stays")
        }
        End::Gone => info!(uid, network, follower, verdict, rule, "mail was gone before it could be moved"),
        End::Stays | End::Failed => debug!(uid, network, follower, verdict, rule, "mail stays"),
    }
}

/// An error with its causes, in one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
