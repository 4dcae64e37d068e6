//! The accounts that the user has paused. Written by `cli`; `daemon` asks before each sweep.

use rusqlite::{OptionalExtension as _, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::AccountName;

impl Ledger {
    /// Pauses an account until a moment, or ends its pause. Returns whether it was paused before.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn pause(
        &mut self,
        account: &AccountName,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, LedgerFault> {
        let before = self.paused_until(account, now)?;
        self.write("pause an account", |transaction| {
            transaction.prepare_cached("DELETE FROM pause WHERE account = ?")?.execute([account])?;
            if let Some(until) = until {
                transaction
                    .prepare_cached("INSERT INTO pause (account, until) VALUES (?, ?)")?
                    .execute(params![account, until])?;
            }
            Ok(before.is_some())
        })
    }

    /// Until when an account is paused, if it is.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn paused_until(
        &self,
        account: &AccountName,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look for a pause", |connection| {
            connection
                .prepare_cached("SELECT until FROM pause WHERE account = ? AND until > ?")?
                .query_row(params![account, now], |row| row.get(0))
                .optional()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_by_itself_and_may_be_changed_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let (home, work) = (AccountName::new("home").unwrap(), AccountName::new("work").unwrap());
        assert!(!ledger.pause(&home, Some(Timestamp(200)), Timestamp(100)).unwrap());
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let until = |ledger: &Ledger, account, now| ledger.paused_until(account, Timestamp(now)).unwrap();
        assert_eq!(until(&ledger, &home, 199), Some(Timestamp(200)));
        assert_eq!((until(&ledger, &home, 200), until(&ledger, &work, 100)), (None, None));
        assert!(ledger.pause(&home, Some(Timestamp(150)), Timestamp(100)).unwrap());
        assert_eq!(until(&ledger, &home, 149), Some(Timestamp(150)));
        assert!(ledger.pause(&home, None, Timestamp(100)).unwrap());
        assert!(!ledger.pause(&home, None, Timestamp(100)).unwrap());
    }
}
