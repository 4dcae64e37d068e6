//! The digests of each account, and what they tell.
//!
//! A digest is stated before it goes to the server and settled after it, so that none is sent twice. `sweep` writes it down; `report`
//! puts what came into words.

use rusqlite::{OptionalExtension, params};

use super::{HistoryEntry, Ledger, LedgerFault, history};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder};
use crate::rules::VerdictName;

/// So many messages that stayed are read, the newest: more than anybody reads in one message.
const MOST: usize = 200;
/// A digest that tells of more than this beyond the present moment is of a time when the clock was wrong, in seconds.
const AHEAD: i64 = 24 * 60 * 60;

/// What became of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestOutcome {
    /// It is in the inbox.
    Sent,
    /// There was nothing to say.
    Nothing,
    /// It is certain that it is not in the mailbox: it may be sent again.
    Refused,
    /// It may be in the mailbox: it is never sent again.
    InDoubt,
}

impl DigestOutcome {
    const ALL: [Self; 4] = [Self::Sent, Self::Nothing, Self::Refused, Self::InDoubt];

    /// The word that the ledger stores.
    fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Nothing => "nothing",
            Self::Refused => "refused",
            Self::InDoubt => "in-doubt",
        }
    }

    fn stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// A digest that was stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedDigest {
    /// Which one it is.
    pub period: String,
    /// When it was stated.
    pub stated_at: Timestamp,
    /// What became of it, and when that was known; `None` while that is unknown.
    pub outcome: Option<(DigestOutcome, Timestamp)>,
}

/// What came to an account in a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Came {
    /// The messages that stay where they arrived, forged ones left out, the newest first.
    pub stayed: Vec<HistoryEntry>,
    /// There are more of these.
    pub is_cut: bool,
    /// How many were filed, by verdict and folder.
    pub filed: Vec<Filed>,
    /// How many the rules file and are not filed.
    pub unfiled: u64,
    /// How many failed authentication, and stay.
    pub forged: u64,
}

/// Messages that were filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The verdict that filed them.
    pub verdict: Option<VerdictName>,
    /// Where they are.
    pub to: Folder,
    /// The user filed them by hand.
    pub by_user: bool,
    /// How many.
    pub messages: u64,
}

impl Ledger {
    /// The last digest of an account that was stated.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn last_digest(
        &self,
        account: &AccountName,
        now: Timestamp,
    ) -> Result<Option<StatedDigest>, LedgerFault> {
        self.read("look up the last digest", |connection| {
            connection
                .prepare_cached(
                    "SELECT period, stated_at, outcome, settled_at FROM digest WHERE account = ? AND until <= ?
                     ORDER BY period DESC LIMIT 1",
                )?
                .query_row(params![account, now.0.saturating_add(AHEAD)], |row| {
                    let outcome: Option<String> = row.get(2)?;
                    // A word of a newer followsift: it may have been sent.
                    let outcome =
                        outcome.map(|word| DigestOutcome::stored(&word).unwrap_or(DigestOutcome::InDoubt));
                    let settled_at: Option<Timestamp> = row.get(3)?;
                    Ok(StatedDigest {
                        period: row.get(0)?,
                        stated_at: row.get(1)?,
                        outcome: outcome.zip(settled_at),
                    })
                })
                .optional()
        })
    }

    /// Up to which moment the digests of an account have told what came.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn told_until(
        &self,
        account: &AccountName,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look up how far the digests have come", |connection| {
            connection
                .prepare_cached(
                    "SELECT max(until) FROM digest WHERE account = ? AND outcome IS NOT 'refused' AND until <= ?",
                )?
                .query_row(params![account, now.0.saturating_add(AHEAD)], |row| row.get(0))
        })
    }

    /// States that a digest is about to be sent, or with an `outcome` that none is. Returns whether that may be done: not if it was
    /// stated before and not refused.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written: then it must not be sent.
    pub fn state_digest(
        &mut self,
        account: &AccountName,
        period: &str,
        until: Timestamp,
        outcome: Option<DigestOutcome>,
        now: Timestamp,
    ) -> Result<bool, LedgerFault> {
        self.write("state that a digest is to be sent", |transaction| {
            let changed = transaction
                .prepare_cached(
                    "INSERT INTO digest (account, period, until, stated_at, outcome, settled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT DO UPDATE SET until = ?3, stated_at = ?4, outcome = ?5, settled_at = ?6
                         WHERE outcome = 'refused'",
                )?
                .execute(params![
                    account,
                    period,
                    until,
                    now,
                    outcome.map(DigestOutcome::word),
                    outcome.map(|_| now)
                ])?;
            Ok(changed == 1)
        })
    }

    /// Records what became of a digest that was stated.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn settle_digest(
        &mut self,
        account: &AccountName,
        period: &str,
        outcome: DigestOutcome,
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("record what became of a digest", |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE digest SET outcome = ?, settled_at = ? WHERE account = ? AND period = ?",
                )?
                .execute(params![outcome.word(), now, account, period])
                .map(drop)
        })
    }

    /// When the first of an account's messages arrived, from `since` on, that wait for a look-up.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn first_waiting_for_look_up(
        &self,
        account: &AccountName,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look for messages that wait for a look-up", |connection| {
            connection
                .prepare_cached(
                    "SELECT min(received) FROM waiting CROSS JOIN mail ON mail.id = waiting.mail
                     WHERE waiting.account = ? AND why = 'lookup' AND received >= ?",
                )?
                .query_row(params![account, since], |row| row.get(0))
        })
    }

    /// What came to an account from `since` on and before `until`, by the time of arrival.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn came(
        &self,
        account: &AccountName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Came, LedgerFault> {
        self.read("look up what came", |connection| {
            let span = params![account, since, until];
            // One more, to see whether there are more.
            let most = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
            let mut stayed = history::stayed(connection, params![account, since, until, most])?;
            let is_cut = stayed.len() > MOST;
            stayed.truncate(MOST);
            // Of the moves of a message the last one counts: it may have been brought back.
            let filed = connection
                .prepare_cached(
                    "SELECT judgement.verdict, intent.to_folder, intent.by_user, count(*)
                     FROM mail CROSS JOIN intent ON intent.id = (
                             SELECT max(id) FROM intent WHERE intent.mail = mail.id AND outcome = 'moved')
                         CROSS JOIN judgement ON judgement.id = intent.judgement
                     WHERE mail.account = ?1 AND mail.received >= ?2 AND mail.received < ?3 AND intent.returns = 0
                         AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.mail = mail.id)
                     GROUP BY 1, 2, 3 ORDER BY count(*) DESC, 2, 1",
                )?
                .query_map(span, |row| {
                    Ok(Filed {
                        verdict: row.get(0)?,
                        to: row.get(1)?,
                        by_user: row.get(2)?,
                        messages: row.get(3)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let (forged, unfiled) = connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE authentic = 'fail'), count(*) FILTER (WHERE action = 'file'
                             AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.mail = mail.id AND outcome = 'moved')
                             AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.mail = mail.id))
                     FROM mail CROSS JOIN judgement ON judgement.id = mail.latest
                     WHERE mail.account = ?1 AND mail.received >= ?2 AND mail.received < ?3",
                )?
                .query_row(span, |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Came { stayed, is_cut, filed, unfiled, forged })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn check(ledger: &Ledger, now: i64, last: Option<(&str, Option<DigestOutcome>)>, told: Option<i64>) {
        let account = AccountName::new("home").unwrap();
        let found = ledger.last_digest(&account, Timestamp(now)).unwrap();
        let found = found.map(|digest| (digest.period, digest.outcome.map(|(outcome, _)| outcome)));
        assert_eq!(found, last.map(|(period, outcome)| (period.to_owned(), outcome)));
        assert_eq!(ledger.told_until(&account, Timestamp(now)).unwrap(), told.map(Timestamp));
    }

    #[test]
    fn a_digest_is_stated_once_unless_it_was_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let account = AccountName::new("home").unwrap();
        let state = |ledger: &mut Ledger, period: &str, until| {
            ledger.state_digest(&account, period, Timestamp(until), None, Timestamp(until)).unwrap()
        };
        check(&ledger, 9 * DAY, None, None);
        assert!(state(&mut ledger, "2026-11-16", DAY));
        assert!(!state(&mut ledger, "2026-11-16", DAY));
        check(&ledger, 9 * DAY, Some(("2026-11-16", None)), Some(DAY));
        for outcome in [DigestOutcome::Sent, DigestOutcome::Nothing, DigestOutcome::InDoubt] {
            ledger.settle_digest(&account, "2026-11-16", outcome, Timestamp(DAY)).unwrap();
            assert!(!state(&mut ledger, "2026-11-16", DAY));
            check(&ledger, 9 * DAY, Some(("2026-11-16", Some(outcome))), Some(DAY));
        }
        assert!(state(&mut ledger, "2026-11-23", 8 * DAY));
        ledger.settle_digest(&account, "2026-11-23", DigestOutcome::Refused, Timestamp(8 * DAY)).unwrap();
        // What a refused one was to tell is told by the next.
        check(&ledger, 9 * DAY, Some(("2026-11-23", Some(DigestOutcome::Refused))), Some(DAY));
        assert!(state(&mut ledger, "2026-11-23", 8 * DAY));
        check(&ledger, 9 * DAY, Some(("2026-11-23", None)), Some(8 * DAY));
        // Of a time when the clock was wrong.
        check(&ledger, 2 * DAY, Some(("2026-11-16", Some(DigestOutcome::InDoubt))), Some(DAY));
    }
}
