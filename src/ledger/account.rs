//! The accounts that the ledger remembers, and which of their messages were there before it. Called by `sweep` and `cli`.
//!
//! A ledger that is new for a mailbox in which messages were filed before has been lost, and with it what the user put back. So what
//! arrived before it is only observed, until the user says otherwise.

use rusqlite::{OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, MailboxKey};

/// An account that the ledger remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Messages that arrived earlier are only observed.
    pub observed_before: Option<Timestamp>,
}

impl Ledger {
    /// What the ledger knows of an account; `None` if it is new here.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn account(&self, account: &AccountName) -> Result<Option<AccountRecord>, LedgerFault> {
        self.read("look up an account", |connection| {
            connection
                .prepare_cached("SELECT observed_before FROM account WHERE name = ?")?
                .query_row([account], |row| Ok(AccountRecord { observed_before: row.get(0)? }))
                .optional()
        })
    }

    /// Notes that an account is new here, and that messages which arrived before a moment are only observed, if one is given.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn begin_account(
        &mut self,
        account: &AccountName,
        mailbox: &MailboxKey,
        observed_before: Option<Timestamp>,
    ) -> Result<(), LedgerFault> {
        self.write("note an account", |transaction| {
            transaction
                .execute(
                    "INSERT INTO account (name, id, mailbox, observed_before)
                     VALUES (?, lower(hex(randomblob(16))), ?, ?) ON CONFLICT (name) DO NOTHING",
                    params![account, mailbox.to_string(), observed_before],
                )
                .map(drop)
        })
    }

    /// How many messages of an account wait since they are only observed, and what arrived before which moment is.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn observed(&self, account: &AccountName) -> Result<Option<(usize, Timestamp)>, LedgerFault> {
        self.read("count the messages that are only observed", |connection| {
            connection
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM waiting WHERE account = name AND why = 'observed'), observed_before
                     FROM account WHERE name = ? AND observed_before IS NOT NULL",
                )?
                .query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
    }

    /// From now on, messages that were there before the ledger are treated like any others; those that wait are judged again in the
    /// next sweep. Returns how many these are.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn end_observing(&mut self, account: &AccountName, now: Timestamp) -> Result<usize, LedgerFault> {
        self.write("note that messages are not only observed any more", |transaction| {
            transaction.execute("UPDATE account SET observed_before = NULL WHERE name = ?", [account])?;
            transaction.execute(
                "UPDATE waiting SET why = 'interrupted', due_at = ? WHERE account = ? AND why = 'observed'",
                params![now, account],
            )
        })
    }
}
