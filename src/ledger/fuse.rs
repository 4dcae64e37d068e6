//! The fuse: how many messages may still be moved now, so that a mistake in a rule stays small.
//!
//! It is a rate limit: it delays moves and never stops them. Moves are counted over the last hour, so that an hour
//! later as many may be moved again. What is beyond the limit waits (`waiting`); the user lets it through with
//! `resume`.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::AccountName;

/// The time over which moves are counted, in seconds.
const HOUR: i64 = 60 * 60;

/// Rules that replaced others and lasted no longer than this were a mistake, or half of a change.
const SHORT: i64 = 24 * HOUR;

/// The limit that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The moves in an hour.
    Hour,
    /// The moves in the first hour after rules or profiles changed.
    Change,
}

/// How many messages may be moved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many moves are left.
    pub moves: u32,
    /// The limit that says so.
    pub by: Limit,
}

impl Ledger {
    /// Notes by which rules an account is swept now. Its very first rules are not a change.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
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

    /// Puts off the messages that the previous rules left where they were, so that they are judged again at once, if
    /// those rules had replaced others less than a day ago: a rules file that was wrong for a while has been corrected.
    /// Call it before noting the rules that apply from now on ([`Ledger::note_rules`]). Returns the number of messages.
    ///
    /// Messages that were moved or put back, or that wait already, are not among them; and `sweep` leaves those that
    /// the user has touched.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
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
            // The plus keeps SQLite from scanning all messages of the account: those of a day are few.
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

    /// How many of an account's messages may be moved now, where `per_hour` may be in any hour, and `after_change` in
    /// the first hour after its rules changed.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
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
            // A moment in the future means that the clock was set back; followsift does not wait for it.
            let Some(changed) = changed.filter(|at| (hour_ago..=now.0).contains(at) && resumed < *at) else {
                return Ok(by_hour);
            };
            let by_change =
                Allowance { moves: left(after_change, changed - 1, Some(&rules))?, by: Limit::Change };
            Ok(if by_change.moves < by_hour.moves { by_change } else { by_hour })
        })
    }

    /// Lets through an account's messages that the fuse holds back, and ends the limit after a change of rules. Returns
    /// how many.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn resume(&mut self, account: &AccountName, now: Timestamp) -> Result<usize, LedgerFault> {
        self.write("let messages through the fuse", |transaction| {
            transaction
                .execute("UPDATE fuse SET resumed_at = ?2 WHERE account = ?1", params![account, now])?;
            transaction.execute(
                "UPDATE waiting SET released = 1 WHERE account = ? AND why = 'fuse' AND released = 0",
                [account],
            )
        })
    }

    /// Notes whether the fuse holds messages back, and returns whether to report it: once, until it holds none any
    /// more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn report_once(&mut self, account: &AccountName, holds: bool) -> Result<bool, LedgerFault> {
        self.write("note what was reported about the fuse", |transaction| {
            let changed = transaction
                .prepare_cached("UPDATE fuse SET told = ?2 WHERE account = ?1 AND told <> ?2")?
                .execute(params![account, holds])?;
            Ok(holds && changed > 0)
        })
    }
}

/// The moves of an account that were stated after `since`, by these rules if any are named; without those that the user
/// let through, and without those that are known to have moved nothing.
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
