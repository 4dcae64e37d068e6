//! Messages that a server says are there and does not show: the cursor goes on without them, and they are asked for again.

use rusqlite::params;

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder, Uid, UidValidity};

/// How often a message is asked for in the next sweep; after that, once a day.
const AT_ONCE: i64 = 3;
/// In seconds.
pub(super) const DAY: i64 = 24 * 60 * 60;

impl Ledger {
    /// Notes messages that were not shown, each with whether it was asked for: it is due in the next sweep after the first three times
    /// that it was, then daily. A message that arrived before `since` is old, and is only looked at to find out whether it waits or was
    /// moved before.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn note_unshown(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        messages: &[(Uid, bool)],
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        if messages.is_empty() {
            return Ok(());
        }
        self.write("note messages that were not shown", |transaction| {
            for (uid, was_asked) in messages {
                transaction
                    .prepare_cached(
                        // In the middle of a long look the moment of the look before is not known any more.
                        "INSERT INTO unshown (account, folder, validity, uid, tries, due_at, since, came_after)
                         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?8, (
                             SELECT min(looked_at, coalesce(max(received), looked_at))
                             FROM folder_cursor LEFT JOIN newest USING (account, folder)
                             WHERE account = ?1 AND folder = ?2 AND looked_at < ?5 GROUP BY looked_at))
                         ON CONFLICT DO UPDATE SET tries = tries + 1,
                             due_at = CASE WHEN tries + 1 > ?6 THEN ?5 + ?7 ELSE ?5 END
                             WHERE ?9",
                    )?
                    .execute(params![account, folder, validity, uid, now, AT_ONCE, DAY, since, was_asked])?;
            }
            Ok(())
        })
    }

    /// The messages of a folder that were not shown and are due, each with the moment before which it is old. Without
    /// the originals of unsettled moves, which are asked for together with their moves ([`Ledger::unsettled`]).
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn unshown(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        now: Timestamp,
    ) -> Result<Vec<(Uid, Option<Timestamp>)>, LedgerFault> {
        self.read("look for messages that were not shown", |connection| {
            connection
                .prepare_cached(
                    // So that a message does not wait for years because the clock was set back.
                    "SELECT uid, since FROM unshown WHERE account = ?1 AND folder = ?2 AND validity = ?3
                         AND (due_at <= ?4 OR due_at > ?4 + ?5)
                         AND NOT EXISTS (SELECT 1 FROM intent CROSS JOIN mail ON mail.id = intent.mail
                             WHERE outcome IS NULL AND mail.account = ?1 AND from_folder = ?2
                                 AND from_validity = ?3 AND from_uid = unshown.uid)
                     ORDER BY uid",
                )?
                .query_map(params![account, folder, validity, now, DAY], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect()
        })
    }

    /// When the earliest may have arrived of the messages that a folder did not show under another UIDVALIDITY: they are
    /// looked for from there on.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    pub fn earliest_unshown(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look for messages that were not shown", |connection| {
            connection
                .prepare_cached(
                    "SELECT min(coalesce(since, came_after, 0)) FROM unshown
                     WHERE account = ? AND folder = ? AND validity <> ?",
                )?
                .query_row(params![account, folder, validity], |row| row.get(0))
        })
    }

    /// Strikes off messages that were shown by now, or are gone.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn strike_off_unshown(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
    ) -> Result<(), LedgerFault> {
        let one = "DELETE FROM unshown WHERE account = ? AND folder = ? AND validity = ? AND uid = ?";
        self.delete_each(one, account, folder, validity, uids)
    }
}
