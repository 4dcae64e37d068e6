//! Notes which message is being assessed. A message over which the process has died twice is left alone until another
//! version of followsift runs, which may have fixed the cause.
//!
//! No message is known to cause a crash or an endless loop; this is for the unknown one. The note is written before
//! each assessment and not synced to the disk, since it has to outlive the process but not the machine.

use rusqlite::params;

use super::{Ledger, LedgerFault};
use crate::place::{AccountName, Folder, MailRef, Uid, UidValidity};

/// How often the process may die over a message.
const DEATHS: i64 = 2;
/// The followsift that is running.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Ledger {
    /// Counts the death of an earlier process that died while it assessed a message of the account.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn count_deaths(&mut self, account: &AccountName) -> Result<(), LedgerFault> {
        let died: bool = self.read("look for a message that was being assessed", |connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM assessing WHERE account = ?)")?
                .query_row([account], |row| row.get(0))
        })?;
        if !died {
            return Ok(());
        }
        self.write("count a death over a message", |transaction| {
            transaction.execute(
                "INSERT INTO deadly (account, folder, validity, uid, deaths, version)
                 SELECT account, folder, validity, uid, 1, version FROM assessing WHERE account = ?
                 ON CONFLICT DO UPDATE SET deaths = deaths + 1, version = excluded.version",
                [account],
            )?;
            transaction.execute("DELETE FROM assessing WHERE account = ?", [account]).map(drop)
        })
    }

    /// Notes that a message is about to be assessed; `false` where the process has died over it twice, so that it is
    /// left. A version other than the one that died last tries once more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn begin_assessing(&self, mail: &MailRef) -> Result<bool, LedgerFault> {
        self.attempt("note the message that is assessed", |connection| {
            let deaths: i64 = connection
                .prepare_cached(
                    "SELECT coalesce(max(deaths), 0) FROM deadly
                     WHERE account = ? AND folder = ? AND validity = ? AND uid = ? AND version = ?",
                )?
                .query_row(params![mail.account, mail.folder, mail.validity, mail.uid, VERSION], |row| {
                    row.get(0)
                })?;
            if deaths >= DEATHS {
                return Ok(false);
            }
            unsynced(connection, || {
                connection
                    .prepare_cached(
                        "INSERT INTO assessing (account, folder, validity, uid, version) VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT DO UPDATE SET folder = ?2, validity = ?3, uid = ?4, version = ?5",
                    )?
                    .execute(params![mail.account, mail.folder, mail.validity, mail.uid, VERSION])
                    .map(drop)
            })?;
            Ok(true)
        })
    }

    /// The messages of a folder that were left by another version of followsift: this one tries each once more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn left_by_another_version(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
    ) -> Result<Vec<Uid>, LedgerFault> {
        self.read("look for messages that were not assessed", |connection| {
            connection
                .prepare_cached(
                    "SELECT uid FROM deadly WHERE account = ? AND folder = ? AND validity = ? AND deaths >= ? AND version <> ?",
                )?
                .query_map(params![account, folder, validity, DEATHS, VERSION], |row| row.get(0))?
                .collect()
        })
    }

    /// Forgets the deaths over messages that this process has survived, or that are gone.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn forget_deaths(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
    ) -> Result<(), LedgerFault> {
        let one = "DELETE FROM deadly WHERE account = ? AND folder = ? AND validity = ? AND uid = ?";
        self.delete_each(one, account, folder, validity, uids)
    }

    /// Notes that the assessment is over.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn end_assessing(&self, account: &AccountName) -> Result<(), LedgerFault> {
        self.attempt("note the message that is assessed", |connection| {
            unsynced(connection, || {
                connection
                    .prepare_cached("DELETE FROM assessing WHERE account = ?")?
                    .execute([account])
                    .map(drop)
            })
        })
    }
}

/// Writes without waiting for the disk. Whatever is written afterwards is synced with it.
fn unsynced(
    connection: &rusqlite::Connection,
    write: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "OFF")?;
    let written = write();
    connection.pragma_update(None, "synchronous", "FULL")?;
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_left_after_two_deaths_and_tried_once_more_by_each_other_version() {
        let folder = tempfile::tempdir().unwrap();
        let account = AccountName::new("home").unwrap();
        let mail = MailRef {
            account: account.clone(),
            folder: Folder::inbox(),
            validity: UidValidity(7),
            uid: Uid(3),
        };
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let others =
            |ledger: &Ledger| ledger.left_by_another_version(&account, &mail.folder, mail.validity).unwrap();
        for deaths in 0..2 {
            assert!(ledger.begin_assessing(&mail).unwrap(), "{deaths}");
            ledger.count_deaths(&account).unwrap();
        }
        assert!(!ledger.begin_assessing(&mail).unwrap());
        assert!(others(&ledger).is_empty());
        // As an earlier version has written it.
        ledger.connection.execute("UPDATE deadly SET version = 'earlier'", []).unwrap();
        assert_eq!(others(&ledger), [mail.uid]);
        assert!(ledger.begin_assessing(&mail).unwrap());
        // The earlier one may also be the one that dies now.
        ledger.connection.execute("UPDATE assessing SET version = 'earlier'", []).unwrap();
        ledger.count_deaths(&account).unwrap();
        assert!(ledger.begin_assessing(&mail).unwrap());
        ledger.count_deaths(&account).unwrap();
        assert!(!ledger.begin_assessing(&mail).unwrap() && others(&ledger).is_empty());
        ledger.forget_deaths(&account, &mail.folder, mail.validity, &[mail.uid]).unwrap();
        assert!(ledger.begin_assessing(&mail).unwrap());
    }
}
