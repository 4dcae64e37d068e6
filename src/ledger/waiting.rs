//! Messages that are to be moved later: the cursor has gone on without them.
//!
//! A message waits because the fuse held it back, because the server would not move it, because its move was cut short,
//! because the rules that left it where it is were wrong (`fuse`), or because a look-up may decide it. `sweep` puts messages off, asks which are due,
//! and strikes off those that it has dealt with.

use rusqlite::{Connection, Row, params};

use super::rows::find_mail;
use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder, MailIdentity, MailRef, Uid, UidValidity};

/// How long a message waits that the server would not move, in seconds; doubled each time, up to [`LONGEST`].
const FIRST: i64 = 60 * 60;
const LONGEST: i64 = 24 * 60 * 60;

/// Why a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// The fuse: more messages than may be moved in an hour.
    Fuse,
    /// The server would not move it.
    Refused,
    /// Its move was cut short, and it is where it was; or a list of people has never been loaded; or other rules have to
    /// judge it.
    Interrupted,
    /// The answer of a look-up, which may decide it; until this moment at the latest.
    LookUp(Timestamp),
    /// The user: it was there before the ledger, which does not know whether the user put it back ([`Ledger::end_observing`]).
    Observed,
}

impl Delay {
    /// As the column `why` has it, and `history --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fuse => "fuse",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
            Self::LookUp(_) => "lookup",
            Self::Observed => "observed",
        }
    }

    pub(super) fn stored(word: &str, due_at: Timestamp) -> Self {
        let all = [Self::Fuse, Self::Refused, Self::LookUp(due_at), Self::Observed];
        all.into_iter().find(|why| why.word() == word).unwrap_or(Self::Interrupted)
    }
}

/// A message to be moved later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// Where it is.
    pub mail: MailRef,
    /// What it is known by; it has been recorded as judged.
    pub identity: MailIdentity,
    /// Why it waits.
    pub why: Delay,
}

/// A message that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its UID in its folder.
    pub uid: Uid,
    /// The user lets it through the fuse.
    pub released: bool,
    /// It is to be tried now.
    pub due: bool,
}

/// How many messages of an account wait, by what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct WaitingSums {
    /// For the fuse.
    pub fuse: usize,
    /// For another try, since the server would not move them.
    pub refused: usize,
    /// For a later sweep: their move was cut short, a list has never been loaded, or other rules have to judge them.
    pub later: usize,
    /// For the answer of a look-up.
    pub look_up: usize,
    /// For the user, since they were there before the ledger.
    pub observed: usize,
    /// For the server to show them.
    pub unshown: usize,
    /// Interrupted moves of which it is not known yet what became of them; without those whose original is not shown.
    pub unsettled: usize,
}

impl Ledger {
    /// How many messages of an account wait in `folders`, those that are watched, and how many moves are not settled.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    pub fn waiting_sums(
        &self,
        account: &AccountName,
        folders: &[Folder],
    ) -> Result<WaitingSums, LedgerFault> {
        self.read("count the mails that wait", |connection| {
            let unsettled = connection
                .prepare_cached(
                    "SELECT count(*) FROM intent CROSS JOIN mail ON mail.id = intent.mail
                     WHERE outcome IS NULL AND mail.account = ?1 AND NOT EXISTS (
                         SELECT 1 FROM unshown WHERE unshown.account = ?1 AND unshown.folder = from_folder
                             AND unshown.validity = from_validity AND unshown.uid = from_uid)",
                )?
                .query_row([account], |row| row.get(0))?;
            let mut sums = WaitingSums { unsettled, ..WaitingSums::default() };
            let mut statement = connection.prepare_cached(
                // A move that is not settled is looked after in any folder.
                "SELECT folder, EXISTS (SELECT 1 FROM intent CROSS JOIN mail ON mail.id = intent.mail
                     WHERE outcome IS NULL AND mail.account = ?1 AND from_folder = unshown.folder
                         AND from_validity = unshown.validity AND from_uid = unshown.uid)
                 FROM unshown WHERE account = ?1",
            )?;
            let mut rows = statement.query([account])?;
            while let Some(row) = rows.next()? {
                let (folder, of_a_move): (Folder, bool) = (row.get(0)?, row.get(1)?);
                sums.unshown += usize::from(of_a_move || folders.contains(&folder));
            }
            let mut statement = connection.prepare_cached(
                "SELECT folder, why, count(*) FROM waiting WHERE account = ? GROUP BY folder, why",
            )?;
            let mut rows = statement.query([account])?;
            while let Some(row) = rows.next()? {
                let (folder, why, count): (Folder, String, usize) = (row.get(0)?, row.get(1)?, row.get(2)?);
                if !folders.contains(&folder) {
                    continue;
                }
                match why.as_str() {
                    "fuse" => sums.fuse += count,
                    "refused" => sums.refused += count,
                    "lookup" => sums.look_up += count,
                    "observed" => sums.observed += count,
                    _ => sums.later += count,
                }
            }
            Ok(sums)
        })
    }

    /// Notes that mails are to be moved later. One that waits already goes on waiting; where the server would not again, it
    /// waits longer. One that is not in the ledger is passed over: today's profiles do not recognise it, so that it is not moved.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written.
    pub fn put_off(&mut self, mails: &[PutOff], now: Timestamp) -> Result<(), LedgerFault> {
        self.write("note that a mail waits", |transaction| {
            for PutOff { mail, identity, why } in mails {
                let Some(row) = find_mail(transaction, &mail.account, identity)? else { continue };
                let tries: i64 = transaction
                    .prepare_cached(
                        "INSERT INTO waiting (account, folder, validity, uid, mail, why, tries, due_at, released)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)
                         ON CONFLICT DO UPDATE SET why = ?6, tries = tries + ?7 RETURNING tries",
                    )?
                    .query_row(
                        params![
                            mail.account,
                            mail.folder,
                            mail.validity,
                            mail.uid,
                            row,
                            why.word(),
                            i64::from(*why == Delay::Refused),
                            match why {
                                Delay::LookUp(until) => *until,
                                _ => now,
                            }
                        ],
                        |row| row.get(0),
                    )?;
                if *why == Delay::Refused {
                    let doublings = u32::try_from(tries.clamp(1, 8) - 1).unwrap_or(0);
                    let wait = (FIRST << doublings).min(LONGEST);
                    transaction
                        .prepare_cached(
                            "UPDATE waiting SET due_at = ?5
                             WHERE account = ?1 AND folder = ?2 AND validity = ?3 AND uid = ?4",
                        )?
                        .execute(params![mail.account, mail.folder, mail.validity, mail.uid, now.0 + wait])?;
                }
            }
            Ok(())
        })
    }

    /// The messages of a folder that wait, the earliest arrival first.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn waiting(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        now: Timestamp,
    ) -> Result<Vec<Waiting>, LedgerFault> {
        self.read("look for messages that wait", |connection| {
            let waiting =
                |row: &Row<'_>| Ok(Waiting { uid: row.get(0)?, released: row.get(1)?, due: row.get(2)? });
            connection
                .prepare_cached(
                    // So that a message does not wait for years because the clock was set back.
                    "SELECT waiting.uid, released, why <> 'observed' AND (due_at <= ?4 OR due_at > ?4 + ?5)
                     FROM waiting JOIN mail ON mail.id = waiting.mail
                     WHERE waiting.account = ?1 AND waiting.folder = ?2 AND waiting.validity = ?3
                     ORDER BY received, waiting.uid",
                )?
                .query_map(params![account, folder, validity, now, LONGEST], waiting)?
                .collect()
        })
    }

    /// Does this message wait, wherever it was?
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn is_waiting(&self, account: &AccountName, identity: &MailIdentity) -> Result<bool, LedgerFault> {
        self.read("look for a message that waits", |connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM waiting JOIN mail ON mail.id = waiting.mail
                     WHERE waiting.account = ? AND digest = ? AND size = ?)",
                )?
                .query_row(params![account, identity.digest, identity.size], |row| row.get(0))
        })
    }

    /// Strikes messages off that wait no longer. A question about a follower for which the last one waited is closed.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn strike_off(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
    ) -> Result<(), LedgerFault> {
        if uids.is_empty() {
            return Ok(());
        }
        self.write("strike off messages", |transaction| {
            uids.iter().try_for_each(|uid| strike_off(transaction, account, folder, validity, *uid))
        })
    }

    /// Runs `one`, which names an account, a folder, its UIDVALIDITY and a UID, for each of `uids`.
    pub(super) fn delete_each(
        &mut self,
        one: &'static str,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
    ) -> Result<(), LedgerFault> {
        if uids.is_empty() {
            return Ok(());
        }
        self.write("strike off messages", |transaction| {
            let mut delete = transaction.prepare_cached(one)?;
            for uid in uids {
                delete.execute(params![account, folder, validity, uid])?;
            }
            Ok(())
        })
    }

    /// Strikes off what waited in a folder under another UIDVALIDITY, or was not shown under it, once the folder has been looked
    /// through anew.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn strike_off_void(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
    ) -> Result<(), LedgerFault> {
        self.write("strike off mails that waited", |transaction| {
            let void: Vec<(UidValidity, Uid)> = transaction
                .prepare_cached(
                    "SELECT validity, uid FROM waiting WHERE account = ? AND folder = ? AND validity <> ?",
                )?
                .query_map(params![account, folder, validity], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            for (validity, uid) in void {
                strike_off(transaction, account, folder, validity, uid)?;
            }
            transaction
                .prepare_cached("DELETE FROM unshown WHERE account = ? AND folder = ? AND validity <> ?")?
                .execute(params![account, folder, validity])
                .map(drop)
        })
    }

    /// Does any message of an account wait in these folders for a later sweep, or a move to be settled?
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    pub fn waits(&self, account: &AccountName, folders: &[Folder]) -> Result<bool, LedgerFault> {
        let sums = self.waiting_sums(account, folders)?;
        Ok(sums != WaitingSums { observed: sums.observed, ..WaitingSums::default() })
    }

    /// When the first of the messages of an account that wait for look-ups has waited for long enough, if that is later than `since`.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn next_due(
        &self,
        account: &AccountName,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look for when a message is due", |connection| {
            connection
                .prepare_cached(
                    "SELECT min(due_at) FROM waiting WHERE account = ? AND why = 'lookup' AND due_at > ?",
                )?
                .query_row(params![account, since], |row| row.get(0))
        })
    }

    /// How many of an account's messages the fuse holds back.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn held_back(&self, account: &AccountName) -> Result<u64, LedgerFault> {
        self.read("count the messages that wait", |connection| {
            connection
                .prepare_cached(
                    "SELECT count(*) FROM waiting WHERE account = ? AND why = 'fuse' AND released = 0",
                )?
                .query_row([account], |row| row.get(0))
        })
    }

    /// When the earliest message arrived of those that wait in a folder or were moved out of it at `since` or later: if
    /// the folder's UIDs are void, the sweep looks for them from then on.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn earliest_known(
        &self,
        account: &AccountName,
        folder: &Folder,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look for the earliest message to find again", |connection| {
            connection
                .prepare_cached(
                    "SELECT min(received) FROM (
                         SELECT mail.received FROM waiting CROSS JOIN mail ON mail.id = waiting.mail
                         WHERE waiting.account = ?1 AND waiting.folder = ?2
                         UNION ALL
                         SELECT mail.received FROM intent CROSS JOIN mail ON mail.id = intent.mail
                         WHERE stated_at >= ?3 AND from_folder = ?2 AND mail.account = ?1)",
                )?
                .query_row(params![account, folder, since], |row| row.get(0))
        })
    }
}

/// Strikes off a message, and closes the questions about followers for which no other one waits.
fn strike_off(
    transaction: &Connection,
    account: &AccountName,
    folder: &Folder,
    validity: UidValidity,
    uid: Uid,
) -> rusqlite::Result<()> {
    let place = params![account, folder, validity, uid];
    let followers: Vec<(String, String)> = transaction
        .prepare_cached(
            "SELECT DISTINCT follower.network, follower.key
             FROM waiting CROSS JOIN judgement ON judgement.mail = waiting.mail
                 CROSS JOIN follower ON follower.judgement = judgement.id
             WHERE account = ? AND folder = ? AND validity = ? AND uid = ? AND why = 'lookup'",
        )?
        .query_map(place, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    transaction
        .prepare_cached("DELETE FROM waiting WHERE account = ? AND folder = ? AND validity = ? AND uid = ?")?
        .execute(place)?;
    let mut close = transaction.prepare_cached(
        "UPDATE lookup SET wanted_at = NULL
         WHERE network = ?1 AND key = ?2 AND wanted_at IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM follower CROSS JOIN judgement ON judgement.id = follower.judgement
                 CROSS JOIN waiting ON waiting.mail = judgement.mail
             WHERE follower.network = ?1 AND follower.key = ?2 AND why = 'lookup')",
    )?;
    for (network, key) in followers {
        close.execute([network, key])?;
    }
    Ok(())
}
