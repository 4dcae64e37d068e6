//! Which message is being assessed: one over which the process has died twice is left.
//!
//! No panic and no loop is known that a message could cause; this is for the one that is not known. Written before each
//! assessment and not synced to the disk, since it has to outlive the process and not the machine.

use rusqlite::params;

use super::{Ledger, LedgerFault};
use crate::place::{AccountName, MailRef};

/// So often the process may die over a message.
const DEATHS: i64 = 2;

impl Ledger {
    /// Counts the death of an earlier process, if it died while it assessed a message of the account.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
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
                "INSERT INTO deadly (account, folder, validity, uid, deaths)
                 SELECT account, folder, validity, uid, 1 FROM assessing WHERE account = ?
                 ON CONFLICT DO UPDATE SET deaths = deaths + 1",
                [account],
            )?;
            transaction.execute("DELETE FROM assessing WHERE account = ?", [account]).map(drop)
        })
    }

    /// Notes that a message is about to be assessed; `false` where the process has died over it twice, so that it is left.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
    pub fn begin_assessing(&self, mail: &MailRef) -> Result<bool, LedgerFault> {
        self.attempt("note the message that is assessed", |connection| {
            let deaths: i64 = connection
                .prepare_cached(
                    "SELECT coalesce(max(deaths), 0) FROM deadly
                     WHERE account = ? AND folder = ? AND validity = ? AND uid = ?",
                )?
                .query_row(params![mail.account, mail.folder, mail.validity, mail.uid], |row| row.get(0))?;
            if deaths >= DEATHS {
                return Ok(false);
            }
            unsynced(connection, || {
                connection
                    .prepare_cached(
                        "INSERT INTO assessing (account, folder, validity, uid) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT DO UPDATE SET folder = ?2, validity = ?3, uid = ?4",
                    )?
                    .execute(params![mail.account, mail.folder, mail.validity, mail.uid])
                    .map(drop)
            })?;
            Ok(true)
        })
    }

    /// Notes that the assessment is over.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
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
