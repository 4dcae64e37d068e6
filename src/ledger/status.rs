//! What the command `status` shows of the ledger: the last look, the last days by verdict, and the look-ups. Never writes.

use rusqlite::{OptionalExtension as _, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::AccountName;

/// The look-ups of a while, and what keeps them waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookUps {
    /// So many followers were asked about.
    pub asked: u64,
    /// About so many of them there was an answer.
    pub answered: u64,
    /// So many wait to be asked about.
    pub waiting: u64,
    /// The servers that are not to be asked before a moment.
    pub resting: Vec<(String, Timestamp)>,
}

impl Ledger {
    /// When a folder of the account was last looked at.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn looked_at(&self, account: &AccountName) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look up the last sweep", |connection| {
            connection
                .prepare_cached("SELECT max(looked_at) FROM folder_cursor WHERE account = ?")?
                .query_row([account], |row| row.get(0))
        })
    }

    /// When the rules by which an account is swept were last seen to have changed; `None` if they never have.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn rules_changed(&self, account: &AccountName) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look up the rules of an account", |connection| {
            let found = connection
                .prepare_cached("SELECT changed_at FROM fuse WHERE account = ?")?
                .query_row([account], |row| row.get(0))
                .optional()?;
            Ok(found.flatten())
        })
    }

    /// How many messages of an account were judged since a moment, by the verdict as it is now; `None` is undecided.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn by_verdict(
        &self,
        account: &AccountName,
        since: Timestamp,
    ) -> Result<Vec<(Option<String>, u64)>, LedgerFault> {
        self.read("count the last judgements", |connection| {
            connection
                .prepare_cached(
                    "SELECT verdict, count(*) FROM judgement CROSS JOIN mail ON mail.id = judgement.mail
                     WHERE judged_at > ? AND account = ? AND judgement.id = mail.latest GROUP BY verdict ORDER BY verdict",
                )?
                .query_map(params![since, account], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// The look-ups since a moment, and what waits now.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn look_ups(&self, since: Timestamp, now: Timestamp) -> Result<LookUps, LedgerFault> {
        self.read("count the look-ups", |connection| {
            let (asked, answered) = connection
                .prepare_cached(
                    "SELECT count(*), total(answered_at >= tried_at) FROM lookup WHERE tried_at > ?",
                )?
                .query_row([since], |row| Ok((row.get(0)?, row.get::<_, f64>(1)? as u64)))?;
            let waiting = connection
                .prepare_cached("SELECT count(*) FROM lookup WHERE wanted_at > ?")?
                .query_row([since], |row| row.get(0))?;
            let resting = connection
                .prepare_cached(
                    "SELECT server, not_before FROM lookup_server WHERE not_before > ? ORDER BY server",
                )?
                .query_map([now], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(LookUps { asked, answered, waiting, resting })
        })
    }
}
