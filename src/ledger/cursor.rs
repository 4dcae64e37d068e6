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
    /// What of the mails from `next` on is meant, where that is not all.
    pub old: Option<Old>,
}

/// Mails that were there when a look by time of arrival began, which was not finished yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Old {
    /// They have UIDs below this one.
    pub below: Uid,
    /// Of them, those are meant that arrived at this moment or later.
    pub since: Timestamp,
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
                    "SELECT validity, next_uid, looked_at, below, since FROM folder_cursor
                     WHERE account = ? AND folder = ?",
                )?
                .query_row(params![account, folder], |row| {
                    let (below, since): (Option<Uid>, Option<Timestamp>) = (row.get(3)?, row.get(4)?);
                    Ok(Cursor {
                        validity: row.get(0)?,
                        next: row.get(1)?,
                        looked_at: row.get(2)?,
                        old: below.zip(since).map(|(below, since)| Old { below, since }),
                    })
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
                    "INSERT INTO folder_cursor (account, folder, validity, next_uid, looked_at, below, since)
                     VALUES (?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT (account, folder) DO UPDATE SET
                         next_uid = CASE WHEN validity = excluded.validity
                             THEN max(next_uid, excluded.next_uid) ELSE excluded.next_uid END,
                         validity = excluded.validity,
                         looked_at = excluded.looked_at, below = excluded.below, since = excluded.since",
                )?
                .execute(params![
                    account,
                    folder,
                    cursor.validity,
                    cursor.next,
                    cursor.looked_at,
                    cursor.old.map(|old| old.below),
                    cursor.old.map(|old| old.since)
                ])
                .map(drop)
        })
    }
}
