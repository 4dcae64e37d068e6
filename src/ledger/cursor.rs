//! How far each folder has been looked at.

use rusqlite::{OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder, MailDigest, Uid, UidValidity};

/// How far a folder has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The folder's UIDVALIDITY when it was looked at: under another, `next` means nothing.
    pub validity: UidValidity,
    /// The lowest UID that has not been dealt with.
    pub next: Uid,
    /// When it was last looked at: where to go on when the UIDVALIDITY has changed.
    pub looked_at: Timestamp,
    /// Which messages from `next` on to look at, if not all.
    pub old: Option<Old>,
    /// The newest messages that were seen and stayed, the newest first: if another message has the UID of one of them, the
    /// folder was restored from a backup.
    pub newest: Vec<Newest>,
}

/// One of the newest messages that were seen in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Its UID.
    pub uid: Uid,
    /// The digest of its From, Subject and Message-ID lines. Not its size, which some servers round at first.
    pub fields: MailDigest,
    /// When it arrived: INTERNALDATE.
    pub received: Timestamp,
}

impl Cursor {
    /// Were the UIDs voided, and has the folder not been looked through since?
    pub fn is_void(&self) -> bool {
        self.validity == VOID
    }
}

/// No folder has this UIDVALIDITY (RFC 9051, section 9, nz-number).
const VOID: UidValidity = UidValidity(0);

/// Messages that were there when a look by time of arrival began that is not finished yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Old {
    /// They have UIDs below this one.
    pub below: Uid,
    /// Only those of them count that arrived at this moment or later.
    pub since: Timestamp,
}

impl Ledger {
    /// How far the folder has been looked at; `None` if never. The caller compares the UIDVALIDITY.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn cursor(&self, account: &AccountName, folder: &Folder) -> Result<Option<Cursor>, LedgerFault> {
        self.read("look up how far a folder was looked at", |connection| {
            let newest = connection
                .prepare_cached(
                    "SELECT uid, received, fields FROM newest WHERE account = ? AND folder = ? ORDER BY uid DESC",
                )?
                .query_map(params![account, folder], |row| {
                    Ok(Newest { uid: row.get(0)?, received: row.get(1)?, fields: row.get(2)? })
                })?
                .collect::<Result<_, _>>()?;
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
                        newest,
                    })
                })
                .optional()
        })
    }

    /// Voids every UID that is remembered of a folder, as a new UIDVALIDITY does: the folder was restored from a backup.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn void(&mut self, account: &AccountName, folder: &Folder) -> Result<(), LedgerFault> {
        self.write("void the UIDs of a folder", |transaction| {
            for change in [
                "UPDATE intent SET from_validity = ?3 WHERE from_folder = ?2
                     AND mail IN (SELECT id FROM mail WHERE account = ?1)",
                "UPDATE mail SET validity = ?3 WHERE account = ?1 AND folder = ?2",
                "UPDATE OR REPLACE waiting SET validity = ?3 WHERE account = ?1 AND folder = ?2",
                "UPDATE OR REPLACE unshown SET validity = ?3 WHERE account = ?1 AND folder = ?2",
                "UPDATE folder_cursor SET validity = ?3 WHERE account = ?1 AND folder = ?2",
            ] {
                transaction.execute(change, params![account, folder, VOID])?;
            }
            transaction
                .execute("DELETE FROM deadly WHERE account = ? AND folder = ?", params![account, folder])
                .map(drop)
        })
    }

    /// Notes how far the folder has been looked at, once every message below is fully dealt with. Under the same
    /// UIDVALIDITY it only ever goes forward.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
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
                ])?;
            transaction
                .prepare_cached("DELETE FROM newest WHERE account = ? AND folder = ?")?
                .execute(params![account, folder])?;
            let mut keep = transaction.prepare_cached(
                "INSERT INTO newest (account, folder, uid, received, fields) VALUES (?, ?, ?, ?, ?)",
            )?;
            for Newest { uid, received, fields } in cursor.newest {
                keep.execute(params![account, folder, uid, received, fields])?;
            }
            Ok(())
        })
    }
}
