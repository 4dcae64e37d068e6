//! The accounts that the user has paused. Written by `cli`; `daemon` asks before each sweep.

use rusqlite::params;

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::AccountName;

impl Ledger {
    /// Pauses an account until a moment, or ends its pause, also under the name by which the ledger still remembers it
    /// ([`Ledger::former_name`]). Returns whether it was paused before.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn pause(
        &mut self,
        account: &AccountName,
        former: Option<&AccountName>,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, LedgerFault> {
        let before = self.paused_until(account, former, now)?;
        self.write("pause an account", |transaction| {
            transaction
                .prepare_cached("DELETE FROM pause WHERE account IN (?, ?)")?
                .execute(params![account, former])?;
            if let Some(until) = until {
                transaction
                    .prepare_cached("INSERT INTO pause (account, until) VALUES (?, ?)")?
                    .execute(params![account, until])?;
            }
            Ok(before.is_some())
        })
    }

    /// Until when an account is paused, if it is, also under its former name.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn paused_until(
        &self,
        account: &AccountName,
        former: Option<&AccountName>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look for a pause", |connection| {
            connection
                .prepare_cached("SELECT max(until) FROM pause WHERE account IN (?, ?) AND until > ?")?
                .query_row(params![account, former, now], |row| row.get(0))
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
        assert!(!ledger.pause(&home, None, Some(Timestamp(200)), Timestamp(100)).unwrap());
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let until =
            |ledger: &Ledger, account, now| ledger.paused_until(account, None, Timestamp(now)).unwrap();
        assert_eq!(until(&ledger, &home, 199), Some(Timestamp(200)));
        assert_eq!((until(&ledger, &home, 200), until(&ledger, &work, 100)), (None, None));
        assert!(ledger.pause(&home, None, Some(Timestamp(150)), Timestamp(100)).unwrap());
        assert_eq!(until(&ledger, &home, 149), Some(Timestamp(150)));
        assert!(ledger.pause(&home, None, None, Timestamp(100)).unwrap());
        assert!(!ledger.pause(&home, None, None, Timestamp(100)).unwrap());
    }

    #[test]
    fn of_two_pauses_under_the_two_names_of_an_account_the_later_end_counts() {
        let (home, private) = (AccountName::new("home").unwrap(), AccountName::new("private").unwrap());
        let mailbox = crate::place::MailboxKey::new("mail.example", 993, "kim");
        for (old, new) in [(200, 300), (300, 200)] {
            let folder = tempfile::tempdir().unwrap();
            let mut ledger = Ledger::open(folder.path()).unwrap();
            ledger.begin_account(&home, &mailbox, None, None).unwrap();
            ledger.pause(&home, None, Some(Timestamp(old)), Timestamp(100)).unwrap();
            ledger.pause(&private, None, Some(Timestamp(new)), Timestamp(100)).unwrap();
            let both = ledger.paused_until(&private, Some(&home), Timestamp(100)).unwrap();
            assert_eq!(both, Some(Timestamp(300)));
            let configured = [private.clone()];
            assert_eq!(ledger.follow_name(&private, &mailbox, &configured).unwrap(), Some(home.clone()));
            assert_eq!(ledger.paused_until(&private, None, Timestamp(100)).unwrap(), Some(Timestamp(300)));
            assert_eq!(ledger.paused_until(&home, None, Timestamp(100)).unwrap(), None);
        }
    }
}
