//! The fuse: how many mails may still be moved now, so that a mistake in a rule stays small.
//!
//! A limit, never a switch: moves are counted over the last hour, so that an hour later as many may be moved again, whatever
//! came in. What is beyond it waits (`waiting`). The user lets it through with `resume`.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::AccountName;

/// The time over which moves are counted, in seconds.
const HOUR: i64 = 60 * 60;

/// Rules that took the place of others and lasted no longer than this were a mistake, or half of a change.
const SHORT: i64 = 24 * HOUR;

/// Which limit it is that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many moves an hour.
    Hour,
    /// So many in the first hour after rules or profiles changed.
    Change,
}

/// How many mails may be moved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// So many.
    pub moves: u32,
    /// By which limit.
    pub by: Limit,
}

impl Ledger {
    /// Notes by which rules an account is swept now. Its very first rules are no change.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
    pub fn note_rules(
        &mut self,
        account: &AccountName,
        rules: &str,
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("note the rules of an account", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO fuse (account, rules, changed_at, resumed_at, told) VALUES (?1, ?2, NULL, NULL, 0)
                     ON CONFLICT DO UPDATE SET rules = ?2, changed_at = ?3 WHERE rules <> ?2",
                )?
                .execute(params![account, rules, now])
                .map(drop)
        })
    }

    /// Puts off, to be judged again at once, what the rules before left where it was, if those had taken the place of others
    /// less than a day ago: a rules file that was wrong for a while has been mended. To be called before the rules that hold
    /// from now on are noted ([`Ledger::note_rules`]); says how many there are.
    ///
    /// What was moved, put back, or waits already, is not among them; and `sweep` leaves what its reader has touched.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
    pub fn judge_again(
        &mut self,
        account: &AccountName,
        rules: &str,
        now: Timestamp,
    ) -> Result<usize, LedgerFault> {
        let before: Option<(String, Option<i64>)> =
            self.read("look up the rules of an account", |connection| {
                connection
                    .prepare_cached("SELECT rules, changed_at FROM fuse WHERE account = ?")?
                    .query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })?;
        let Some((before, Some(since))) = before.filter(|(before, _)| before != rules) else { return Ok(0) };
        if !(now.0.saturating_sub(SHORT)..=now.0).contains(&since) {
            return Ok(0);
        }
        self.write("note what is judged again", |transaction| {
            // The plus keeps SQLite from walking all mails of the account: those of a day are few.
            transaction
                .prepare_cached(
                    "INSERT INTO waiting (account, folder, validity, uid, mail, why, tries, due_at, released)
                     SELECT mail.account, mail.folder, mail.validity, mail.uid, mail.id, 'interrupted', 0, ?4, 0
                     FROM judgement JOIN mail ON mail.id = judgement.mail
                     WHERE judged_at >= ?3 AND judged_at <= ?4 AND +judgement.rules = ?2
                         AND action = 'leave' AND mail.latest = judgement.id AND +mail.account = ?1
                         AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.mail = mail.id)
                         AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.mail = mail.id)
                         AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.mail = mail.id)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![account, before, since, now])
        })
    }

    /// How many of an account's mails may be moved now, where `per_hour` may be in any hour, and `after_change` in the first
    /// hour after its rules changed.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    pub fn allowance(
        &self,
        account: &AccountName,
        per_hour: u32,
        after_change: u32,
        now: Timestamp,
    ) -> Result<Allowance, LedgerFault> {
        self.read("count the moves of the last hour", |connection| {
            let (rules, changed, resumed): (String, Option<i64>, Option<i64>) = connection
                .prepare_cached("SELECT rules, changed_at, resumed_at FROM fuse WHERE account = ?")?
                .query_row([account], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?
                .unwrap_or_default();
            let hour_ago = now.0.saturating_sub(HOUR);
            let resumed = resumed.filter(|at| *at <= now.0).unwrap_or(i64::MIN);
            let left = |most: u32, since: i64, rules: Option<&str>| {
                let moved = moved(connection, account, since, now, rules)?;
                Ok::<_, rusqlite::Error>(u32::try_from(i64::from(most).saturating_sub(moved)).unwrap_or(0))
            };
            let by_hour = Allowance { moves: left(per_hour, hour_ago, None)?, by: Limit::Hour };
            // A moment in the future is the mark of a clock that was set back, and no reason to wait for it.
            let Some(changed) = changed.filter(|at| (hour_ago..=now.0).contains(at) && resumed < *at) else {
                return Ok(by_hour);
            };
            let by_change =
                Allowance { moves: left(after_change, changed - 1, Some(&rules))?, by: Limit::Change };
            Ok(if by_change.moves < by_hour.moves { by_change } else { by_hour })
        })
    }

    /// Lets an account's mails through that the fuse holds back, and ends the limit after a change of rules. Says how many.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
    pub fn resume(&mut self, account: &AccountName, now: Timestamp) -> Result<usize, LedgerFault> {
        self.write("let mails through the fuse", |transaction| {
            transaction
                .execute("UPDATE fuse SET resumed_at = ?2 WHERE account = ?1", params![account, now])?;
            transaction.execute(
                "UPDATE waiting SET released = 1 WHERE account = ? AND why = 'fuse' AND released = 0",
                [account],
            )
        })
    }

    /// Notes whether the fuse holds mails back, and answers whether its user is to be told of that: once, until it holds
    /// none any more.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
    pub fn tell_once(&mut self, account: &AccountName, holds: bool) -> Result<bool, LedgerFault> {
        self.write("note what was told of the fuse", |transaction| {
            let changed = transaction
                .prepare_cached("UPDATE fuse SET told = ?2 WHERE account = ?1 AND told <> ?2")?
                .execute(params![account, holds])?;
            Ok(holds && changed > 0)
        })
    }
}

/// The moves of an account that were stated after `since`, by these rules if any are named; without those that the user let
/// through and those of which is known that they came to nothing.
fn moved(
    connection: &Connection,
    account: &AccountName,
    since: i64,
    now: Timestamp,
    rules: Option<&str>,
) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM intent CROSS JOIN mail ON mail.id = intent.mail
                 CROSS JOIN judgement ON judgement.id = intent.judgement
             WHERE stated_at > ?1 AND stated_at <= ?2 AND account = ?3 AND NOT by_hand
                 AND (outcome IS NULL OR outcome NOT IN ('left', 'gone'))
                 AND (?4 IS NULL OR judgement.rules = ?4)",
        )?
        .query_row(params![since, now, account, rules], |row| row.get(0))
}
