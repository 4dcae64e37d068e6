//! How far each folder has been looked at.

use rusqlite::{OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::mail::Timestamp;
use crate::place::{AccountName, Folder, Uid, UidValidity};

/// How far a folder has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The folder's UIDVALIDITY when it was looked at: under another, `next` means nothing.
    pub validity: UidValidity,
    /// The lowest UID that has not been dealt with.
    pub next: Uid,
    /// When it was last looked at: where to go on when the UIDVALIDITY has changed.
    pub looked_at: Timestamp,
}

impl Ledger {
    /// How far the folder has been looked at; `None` if never. Who asks compares the UIDVALIDITY.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    pub fn cursor(&self, account: &AccountName, folder: &Folder) -> Result<Option<Cursor>, LedgerFault> {
        self.read("look up how far a folder was looked at", |connection| {
            connection
                .prepare_cached(
                    "SELECT validity, next_uid, looked_at FROM folder_cursor WHERE account = ? AND folder = ?",
                )?
                .query_row(params![account, folder], |row| {
                    Ok(Cursor { validity: row.get(0)?, next: row.get(1)?, looked_at: row.get(2)? })
                })
                .optional()
        })
    }

    /// Notes how far the folder has been looked at, once every mail below is wholly dealt with. Under the same
    /// UIDVALIDITY it only ever goes forward.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
    pub fn advance(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        cursor: Cursor,
    ) -> Result<(), LedgerFault> {
        self.write("note how far a folder was looked at", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO folder_cursor (account, folder, validity, next_uid, looked_at) VALUES (?, ?, ?, ?, ?)
                     ON CONFLICT (account, folder) DO UPDATE SET
                         next_uid = CASE WHEN validity = excluded.validity
                             THEN max(next_uid, excluded.next_uid) ELSE excluded.next_uid END,
                         validity = excluded.validity,
                         looked_at = excluded.looked_at",
                )?
                .execute(params![account, folder, cursor.validity, cursor.next, cursor.looked_at])
                .map(drop)
        })
    }
}
