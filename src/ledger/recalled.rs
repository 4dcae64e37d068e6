//! The ledger as the memory that rules ask: who was there before.

use std::cell::RefCell;

use rusqlite::{Connection, named_params};

use super::judged::find_mail;
use super::{Ledger, LedgerFault};
use crate::mail::{FollowerKey, Timestamp};
use crate::place::{AccountName, MailIdentity};
use crate::rules::recall::WAVE;
use crate::rules::{Past, Recall};

/// What an account's mails tell about followers. Mails count once however often they were judged; forged ones
/// do not count, or anybody could give anybody a past.
///
/// A rule's question has no way to fail, so a fault is kept here and everything is unknown from then on. Who
/// judged asks [`Recalled::finish`] before acting on a verdict.
#[derive(Debug)]
pub struct Recalled<'l> {
    ledger: &'l Ledger,
    account: &'l AccountName,
    judged: Option<&'l MailIdentity>,
    fault: RefCell<Option<LedgerFault>>,
}

impl Ledger {
    /// The memory of an account, while `judged` is looked at: that mail never counts, even if the server has
    /// given it a later date meanwhile.
    pub fn recall<'l>(&'l self, account: &'l AccountName, judged: Option<&'l MailIdentity>) -> Recalled<'l> {
        Recalled { ledger: self, account, judged, fault: RefCell::default() }
    }
}

impl Recalled<'_> {
    /// Was every question answered?
    ///
    /// # Errors
    ///
    /// The first fault of the ledger; then no verdict that was reached with this memory may be acted on.
    pub fn finish(self) -> Result<(), LedgerFault> {
        self.fault.into_inner().map_or(Ok(()), Err)
    }

    fn look_up(
        &self,
        connection: &Connection,
        follower: &FollowerKey,
        before: Timestamp,
    ) -> rusqlite::Result<Past> {
        let judged = match self.judged {
            Some(identity) => find_mail(connection, self.account, identity)?,
            None => None,
        };
        let network = follower.network();
        // A correction is about a person, not about a time: it holds for earlier mail too, and for the
        // user's other accounts.
        let known = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM known_follower WHERE network = ? AND key = ?)")?
            .query_row(rusqlite::params![network, follower.as_str()], |row| row.get(0))?;
        let (times_followed, last_followed) = connection
            .prepare_cached(
                "SELECT count(DISTINCT mail.id), max(mail.received)
                 FROM follower JOIN judgement ON judgement.id = follower.judgement
                     JOIN mail ON mail.latest = judgement.id AND mail.id = judgement.mail
                 WHERE follower.network = :network AND follower.key = :key
                     AND mail.account = :account AND mail.id IS NOT :judged
                     AND mail.received < :before AND judgement.authentic <> 'fail'",
            )?
            .query_row(
                named_params! {
                    ":network": network, ":key": follower.as_str(), ":account": self.account,
                    ":judged": judged, ":before": before,
                },
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
        let wave = connection
            .prepare_cached(
                "SELECT count(*) FROM mail JOIN judgement ON judgement.id = mail.latest
                 WHERE mail.account = :account AND mail.id IS NOT :judged
                     AND mail.received >= :since AND mail.received < :before
                     AND judgement.network = :network AND judgement.authentic <> 'fail'",
            )?
            .query_row(
                named_params! {
                    ":account": self.account, ":judged": judged, ":since": before.0.saturating_sub(WAVE),
                    ":before": before, ":network": network,
                },
                |row| row.get(0),
            )?;
        Ok(Past { known, times_followed, last_followed, wave })
    }
}

impl Recall for Recalled<'_> {
    fn past(&self, follower: &FollowerKey, before: Timestamp) -> Past {
        if self.fault.borrow().is_some() {
            return Past::default();
        }
        let past = self
            .ledger
            .read("look up a follower's past", |connection| self.look_up(connection, follower, before));
        past.unwrap_or_else(|fault| {
            *self.fault.borrow_mut() = Some(fault);
            Past::default()
        })
    }
}
