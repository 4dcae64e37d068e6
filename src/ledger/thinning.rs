//! Deletes what is older than the user wants followsift to remember. Called by `sweep`, a step at a time. Never deletes a move or a
//! correction, nor what explains one.

use rusqlite::{Connection, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;

/// At most so many messages are forgotten at once, so that no other program waits long for the ledger.
const STEP: usize = 500;

impl Ledger {
    /// Forgets messages that were last judged before `before`, those that could not be read and were last seen before it, and look-ups
    /// of that age. Keeps every message that was moved, put back or filed by hand, or that waits. Returns whether there may be more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn thin(&mut self, before: Timestamp) -> Result<bool, LedgerFault> {
        let due = self.read("look for what is too old", |connection| due(connection, before))?;
        self.without_references("forget what is too old", |transaction| {
            for mail in &due {
                for statement in [
                    "DELETE FROM follower WHERE judgement IN (SELECT id FROM judgement WHERE mail = ?)",
                    "DELETE FROM judgement WHERE mail = ?",
                    "DELETE FROM past_follower WHERE mail = ?",
                    "DELETE FROM incomplete WHERE mail = ?",
                    "DELETE FROM mail WHERE id = ?",
                ] {
                    transaction.prepare_cached(statement)?.execute([mail])?;
                }
            }
            transaction
                .prepare_cached("DELETE FROM lookup WHERE tried_at < ?1 AND coalesce(wanted_at, 0) < ?1")?
                .execute([before])?;
            Ok(due.len() >= STEP)
        })
    }

    /// Runs `work` in one transaction that checks no foreign keys: to check one for each deleted row would read whole tables. The
    /// caller deletes whatever refers to what it deletes.
    pub(super) fn without_references<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerFault> {
        let check = |ledger: &Self, on: bool| {
            ledger.attempt(doing, |connection| connection.pragma_update(None, "foreign_keys", on))
        };
        check(self, false)?;
        let done = self.write(doing, work);
        check(self, true)?;
        done
    }
}

fn due(connection: &Connection, before: Timestamp) -> rusqlite::Result<Vec<i64>> {
    let mut due: Vec<i64> = connection
        .prepare_cached(
            "SELECT DISTINCT judgement.mail FROM judgement INDEXED BY judgement_by_time
             WHERE judged_at < ?1
                 AND NOT EXISTS (SELECT 1 FROM judgement AS later WHERE later.mail = judgement.mail AND later.judged_at >= ?1)
                 AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.mail = judgement.mail)
                 AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.mail = judgement.mail)
                 AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.mail = judgement.mail)
                 AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.mail = judgement.mail)
             LIMIT ?2",
        )?
        .query_map(params![before, STEP], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let unread = connection
        .prepare_cached(
            "SELECT mail FROM incomplete
             WHERE seen_at < ?1 AND NOT EXISTS (SELECT 1 FROM judgement WHERE judgement.mail = incomplete.mail)
                 AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.mail = incomplete.mail)
                 AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.mail = incomplete.mail)
             LIMIT ?2",
        )?
        .query_map(params![before, STEP], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    due.extend(unread);
    Ok(due)
}
