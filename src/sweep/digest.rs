//! Puts the digest into the inbox when it is due: stated in the ledger, sent, settled.
//!
//! Owns that no digest is sent twice: what may have arrived is never sent again, nor what is in the inbox already. Knows no words;
//! `report` writes the message. Called by `sweeper`.

use data_encoding::HEXLOWER;

use super::{AccountFault, News};
use crate::clock::Timestamp;
use crate::ledger::{Came, DigestOutcome, Ledger, LedgerFault};
use crate::mailbox::{Fate, Fault, Session, Unappended};
use crate::place::{Folder, MailDigest};
use crate::settings::{Account, DigestSchedule, Due, Zone};

/// How long after a refusal a digest is sent again, in seconds.
const PAUSE: u64 = 60 * 60;
/// What a digest tells at least of, in seconds, if none was due before.
const WEEK: i64 = 7 * 24 * 60 * 60;

/// A digest to be written.
#[derive(Clone, Debug)]
pub struct Digest<'a> {
    /// Of which account.
    pub account: &'a Account,
    /// The user's time zone.
    pub zone: &'a Zone,
    /// It tells what came from this moment on.
    pub since: Timestamp,
    /// Until when, and which digest it is.
    pub due: Due,
    /// Its Message-ID, without brackets: the same whenever it is written.
    pub message_id: String,
    /// The present moment.
    pub now: Timestamp,
    /// What came.
    pub came: Came,
}

impl<'a> Digest<'a> {
    /// The next digest, as it would be now; of the last week if none was due yet. `schedule` is the account's, or the usual one.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn preview(
        account: &'a Account,
        schedule: &'a DigestSchedule,
        ledger: Option<&Ledger>,
        now: Timestamp,
    ) -> Result<Self, LedgerFault> {
        let told = ledger.map_or(Ok(None), |ledger| ledger.told_until(&account.name, now))?;
        let since = told.unwrap_or(Timestamp(now.0.saturating_sub(WEEK)));
        let due = Due { at: now, ..schedule.next(now) };
        // What came in this second belongs to it, too.
        let until = Timestamp(now.0.saturating_add(1));
        let came = ledger.map_or(Ok(Came::default()), |ledger| ledger.came(&account.name, since, until))?;
        Ok(Self::new(account, schedule, since, due, now, came))
    }

    fn new(
        account: &'a Account,
        schedule: &'a DigestSchedule,
        since: Timestamp,
        due: Due,
        now: Timestamp,
        came: Came,
    ) -> Self {
        let message_id = message_id(account, &due.period);
        Self { account, zone: schedule.zone(), since, due, message_id, now, came }
    }

    /// Is there nothing to say?
    pub fn is_empty(&self) -> bool {
        let Came { stayed, filed, unfiled, .. } = &self.came;
        stayed.is_empty() && filed.is_empty() && *unfiled == 0
    }
}

/// Made from the mailbox, so that it is the same under another name of the account, and says nothing about it.
fn message_id(account: &Account, period: &str) -> String {
    let digest =
        MailDigest::of(format!("{} {} {} {period}", account.host, account.port, account.user).as_bytes());
    format!("{}@followsift.invalid", HEXLOWER.encode(digest.0.get(..16).unwrap_or_default()))
}

/// What became of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestEnd {
    /// It is in the inbox.
    Sent,
    /// It is not, for this reason; it is sent again later.
    Refused(String),
    /// The connection failed before the server said whether it took it, and it is not in the inbox: it is not sent again.
    InDoubt,
}

/// Sends the digest that is due, if one is. The first one is due at the next of its moments, so this begins with a note that the last
/// one has passed.
pub(super) fn send(
    session: &mut Session,
    (account, schedule): (&Account, &DigestSchedule),
    ledger: &mut Ledger,
    now: Timestamp,
    write: &dyn Fn(&Digest<'_>) -> Vec<u8>,
    tell: &mut dyn FnMut(News),
) -> Result<(), AccountFault> {
    let (name, due) = (&account.name, schedule.last(now));
    let Some(last) = ledger.last_digest(name, now)? else {
        ledger.state_digest(name, &due.period, due.at, Some(DigestOutcome::Nothing), now)?;
        return Ok(());
    };
    let mut tell = |period: &str, end| tell(News::Digest { period: period.to_owned(), end });
    if last.outcome.is_none() {
        // First: whatever comes of the search, it is not sent again.
        ledger.settle_digest(name, &last.period, DigestOutcome::InDoubt, now)?;
        let id = message_id(account, &last.period);
        if session.holds(&Folder::inbox(), &id, last.stated_at.0)? {
            ledger.settle_digest(name, &last.period, DigestOutcome::Sent, now)?;
            tell(&last.period, DigestEnd::Sent);
        } else {
            tell(&last.period, DigestEnd::InDoubt);
        }
    }
    let is_again = last.period == due.period
        && last.outcome.is_some_and(|(outcome, at)| {
            outcome == DigestOutcome::Refused && (at > now || now.since(at) >= PAUSE)
        });
    if due.period <= last.period && !is_again {
        return Ok(());
    }
    let since = ledger.told_until(name, now)?.unwrap_or(Timestamp(due.at.0.saturating_sub(WEEK)));
    // A message whose look-up may still change everything comes into a digest when it is over, and so is what came after it: the next digest
    // goes on from here.
    let until = ledger.first_waiting_for_look_up(name, since)?.map_or(due.at, |waiting| waiting.min(due.at));
    let due = Due { at: until, ..due };
    let came = ledger.came(name, since, until)?;
    let digest = Digest::new(account, schedule, since, due, now, came);
    let (period, until) = (digest.due.period.as_str(), digest.due.at);
    if digest.is_empty() {
        ledger.state_digest(name, period, until, Some(DigestOutcome::Nothing), now)?;
        return Ok(());
    }
    let message = write(&digest);
    if !ledger.state_digest(name, period, until, None, now)? {
        return Ok(());
    }
    // Another followsift of the user's may have sent it, or this one before its state was restored from a backup.
    let sent = match session.holds(&Folder::inbox(), &digest.message_id, until.0) {
        Ok(true) => Ok(()),
        Ok(false) => session.append(&Folder::inbox(), &message).map(drop),
        Err(fault) => Err(Unappended { fault: Box::new(fault), is_certain: true }),
    };
    match sent {
        Ok(()) => {
            ledger.settle_digest(name, period, DigestOutcome::Sent, now)?;
            tell(period, DigestEnd::Sent);
            Ok(())
        }
        Err(Unappended { fault, is_certain: true }) => {
            ledger.settle_digest(name, period, DigestOutcome::Refused, now)?;
            refused(session, *fault, |words| tell(period, DigestEnd::Refused(words)))
        }
        Err(Unappended { fault, is_certain: false }) => Err((*fault).into()),
    }
}

/// A refusal of the digest alone is reported; any other fault ends the session.
fn refused(session: &Session, fault: Fault, tell: impl FnOnce(String)) -> Result<(), AccountFault> {
    if fault.fate() != Fate::Leave || session.is_spent() {
        return Err(fault.into());
    }
    tell(format!("{fault}: {}", fault.cause));
    Ok(())
}
