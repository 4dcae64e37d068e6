//! The accounts that the ledger remembers, and which of their messages were there before it. Called by `sweep` and `cli`.
//!
//! A ledger that is new for a mailbox in which messages were filed before has been lost, and with it what the user put back; one that
//! was put back from a backup lacks what came later. So what arrived before is only observed, until the user says otherwise.

use rusqlite::{OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder, MailboxKey, Uid, UidValidity};

/// An account that the ledger remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Messages that arrived earlier are only observed.
    pub observed_before: Option<Timestamp>,
    /// Why the ledger may lack moves and put-backs, if no sweep has dealt with that yet.
    pub gap: Option<Gap>,
}

/// Why a ledger may lack moves and put-backs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It lacks moves that were made here: an older state of it was put back.
    Older,
    /// It is a copy that was not used here before, so it may lack some.
    Copied,
    /// Another ledger has gone on with the account since: it was in another shard.
    Away,
    /// A sweep has dealt with one of these, but could not read all folders to which messages were moved.
    Unread,
}

impl Gap {
    /// As the column `gap` has it. That an account was away has a column of its own, which an import clears.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Older | Self::Away => "older",
            Self::Copied => "copied",
            Self::Unread => "unread",
        }
    }

    pub(super) fn stored(word: &str) -> Self {
        let all = [Self::Older, Self::Unread];
        all.into_iter().find(|gap| gap.word() == word).unwrap_or(Self::Copied)
    }
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
                .prepare_cached("SELECT observed_before, gap, away FROM account WHERE name = ?")?
                .query_row([account], |row| {
                    let gap: Option<String> = row.get(1)?;
                    let gap = gap.map(|word| Gap::stored(&word)).or(self.gap);
                    let gap = if row.get(2)? && gap != Some(Gap::Older) { Some(Gap::Away) } else { gap };
                    Ok(AccountRecord { observed_before: row.get(0)?, gap })
                })
                .optional()
        })
    }

    /// Notes that an account is known from now on, which gap about it is left, and that messages which arrived before a moment are
    /// only observed, if one is given.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn begin_account(
        &mut self,
        account: &AccountName,
        mailbox: &MailboxKey,
        observed_before: Option<Timestamp>,
        left: Option<Gap>,
    ) -> Result<(), LedgerFault> {
        self.write("note an account", |transaction| {
            transaction
                .execute(
                    "INSERT INTO account (name, id, mailbox, observed_before, gap)
                     VALUES (?, lower(hex(randomblob(16))), ?, ?, ?)
                     ON CONFLICT (name) DO UPDATE SET observed_before = excluded.observed_before, gap = excluded.gap,
                         away = 0",
                    params![account, mailbox.to_string(), observed_before, left.map(Gap::word)],
                )
                .map(drop)
        })?;
        self.write_note()
    }

    /// Notes that the accounts that `is_elsewhere` finds are at work with the ledger of another shard from now on, so that this one
    /// lacks what is done there. Returns how many were here until now.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn leave(&mut self, is_elsewhere: impl Fn(&AccountName) -> bool) -> Result<usize, LedgerFault> {
        let mut leaving = self.accounts_here()?;
        leaving.retain(is_elsewhere);
        if leaving.is_empty() {
            return Ok(0);
        }
        self.write("note that accounts are in another shard", |transaction| {
            let mut note = transaction.prepare_cached("UPDATE account SET away = 1 WHERE name = ?")?;
            leaving.iter().map(|account| note.execute([account])).sum()
        })
    }

    fn accounts_here(&self) -> Result<Vec<AccountName>, LedgerFault> {
        self.read("look up the accounts", |connection| {
            let mut here =
                connection.prepare_cached("SELECT name FROM account WHERE NOT away ORDER BY name")?;
            here.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// The first UID of a folder of this UIDVALIDITY for which nothing that the ledger knows of accounts: neither a move of the account
    /// nor a look for messages that were filed by hand. `None` if the folder was renumbered.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn known_landing(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
    ) -> Result<Option<Uid>, LedgerFault> {
        self.read("look for the last move into a folder", |connection| {
            let (known, moves): (Option<Uid>, bool) = connection
                .prepare_cached(
                    "SELECT max(coalesce(to_uid, to_next_uid) + 1) FILTER (WHERE to_validity = ?3), count(*) > 0
                     FROM mail JOIN intent ON intent.mail = mail.id
                     WHERE account = ?1 AND to_folder = ?2 AND outcome IS NOT 'left'",
                )?
                .query_row(params![account, folder, validity], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let seen: Option<Uid> = connection
                .prepare_cached(
                    "SELECT next_uid FROM target_cursor WHERE account = ? AND folder = ? AND validity = ?",
                )?
                .query_row(params![account, folder, validity], |row| row.get(0))
                .optional()?
                .flatten();
            Ok(known.max(seen).or((!moves).then_some(Uid(1))))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_was_in_another_shard_lacks_moves_until_a_sweep_has_dealt_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let mailbox = MailboxKey::new("mail.example", 993, "kim");
        let [home, work] = ["home", "work"].map(|name| AccountName::new(name).unwrap());
        for account in [&home, &work] {
            ledger.begin_account(account, &mailbox, None, None).unwrap();
        }
        let gap = |ledger: &Ledger, account| ledger.account(account).unwrap().unwrap().gap;
        assert_eq!(ledger.leave(|_| false).unwrap(), 0);
        assert_eq!(ledger.leave(|account| account.as_str() == "work").unwrap(), 1);
        assert_eq!(ledger.leave(|account| account.as_str() == "work").unwrap(), 0);
        assert_eq!((gap(&ledger, &home), gap(&ledger, &work)), (None, Some(Gap::Away)));
        ledger.begin_account(&work, &mailbox, Some(Timestamp(5)), None).unwrap();
        assert_eq!(gap(&ledger, &work), None);
    }
}
