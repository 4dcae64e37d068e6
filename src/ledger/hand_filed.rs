//! Messages that the user filed by hand, and the followers who are unwelcome from then on.
//!
//! `sweep` looks into the targets once an hour, and says here what it found there. A message that was filed by hand is a move of the
//! user's: if it comes back, it was put back, like one that followsift moved.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::mail::FollowerKey;
use crate::place::{AccountName, Folder, MailIdentity, MailRef, Uid, UidValidity};

/// How long a target is not looked at again, in seconds.
const HOUR: u64 = 60 * 60;
/// Moves that were stated so long before a look may have arrived after it, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// A target to be looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetLook {
    /// The folder.
    pub folder: Folder,
    /// Its UIDVALIDITY at the last look, and the first UID that was not there then; `None` if it was not opened yet.
    pub from: Option<(UidValidity, Uid)>,
    /// When that look was.
    pub looked_at: Timestamp,
    /// The UIDs from there on that followsift itself has filled.
    pub ours: BTreeSet<Uid>,
}

/// A message that the user moved into a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandFiled {
    /// Where followsift had left it.
    pub mail: MailRef,
    /// What it is known by.
    pub identity: MailIdentity,
    /// The target.
    pub target: Folder,
    /// Its UIDVALIDITY.
    pub validity: UidValidity,
    /// The message's UID there.
    pub uid: Uid,
}

impl Ledger {
    /// Those of an account's targets that were not looked at in the last hour. One that is new is noted, and looked at an hour
    /// later.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be used.
    pub fn targets_to_look_at(
        &mut self,
        account: &AccountName,
        targets: impl IntoIterator<Item = Folder>,
        now: Timestamp,
    ) -> Result<Vec<TargetLook>, LedgerFault> {
        let mut due = Vec::new();
        for folder in targets {
            let found: Option<(Option<UidValidity>, Option<Uid>, Timestamp)> =
                self.read("look up how far a target was looked through", |connection| {
                    connection
                        .prepare_cached(
                            "SELECT validity, next_uid, looked_at FROM target_cursor WHERE account = ? AND folder = ?",
                        )?
                        .query_row(params![account, folder], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                        .optional()
                })?;
            let Some((validity, next, looked_at)) = found else {
                self.note_target(account, &folder, None, now)?;
                continue;
            };
            if looked_at <= now && now.since(looked_at) < HOUR {
                continue;
            }
            let from = validity.zip(next);
            let ours = match from {
                Some((validity, _)) => self.filed_since(account, &folder, validity, looked_at)?,
                None => BTreeSet::new(),
            };
            due.push(TargetLook { folder, from, looked_at, ours });
        }
        Ok(due)
    }

    fn filed_since(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        looked_at: Timestamp,
    ) -> Result<BTreeSet<Uid>, LedgerFault> {
        self.read("look for moves into a target", |connection| {
            connection
                .prepare_cached(
                    "SELECT to_uid FROM intent INDEXED BY intent_by_time CROSS JOIN mail ON mail.id = intent.mail
                     WHERE stated_at >= ? AND to_folder = ? AND to_validity = ? AND to_uid IS NOT NULL AND account = ?",
                )?
                .query_map(params![looked_at.0.saturating_sub(DAY), folder, validity, account], |row| row.get(0))?
                .collect()
        })
    }

    /// Notes that a target was looked at, and how far; `None` if it could not be opened.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn note_target(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        to: Option<(UidValidity, Uid)>,
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("note how far a target was looked through", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO target_cursor (account, folder, validity, next_uid, looked_at) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (account, folder) DO UPDATE SET validity = coalesce(?3, validity),
                         next_uid = coalesce(?4, next_uid), looked_at = ?5",
                )?
                .execute(params![account, folder, to.map(|(validity, _)| validity), to.map(|(_, next)| next), now])
                .map(drop)
        })
    }

    /// Where followsift had left a message that it judged, if filing it by hand says something: it passed authentication and
    /// names one follower, by more than a name or nothing at all, and it was neither moved nor put back nor uncertain before.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn left_in_place(
        &self,
        account: &AccountName,
        identity: &MailIdentity,
    ) -> Result<Option<MailRef>, LedgerFault> {
        self.read("look for a message that was left", |connection| {
            connection
                .prepare_cached(
                    "SELECT mail.folder, mail.validity, mail.uid FROM mail
                     JOIN judgement ON judgement.id = mail.latest
                     WHERE mail.account = ?1 AND digest = ?2 AND size = ?3
                         AND authentic = 'pass' AND complete AND action IN ('leave', 'mark')
                         AND (SELECT count(*) FROM follower WHERE follower.judgement = mail.latest) = 1
                         AND NOT EXISTS (SELECT 1 FROM follower
                                         WHERE follower.judgement = mail.latest AND (key LIKE '=%' OR key LIKE '#blank %'))
                         AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.mail = mail.id AND outcome IS NOT 'left')
                         AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.mail = mail.id)
                         AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.mail = mail.id)",
                )?
                .query_row(params![account, identity.digest, identity.size], |row| {
                    Ok(MailRef {
                        account: account.clone(),
                        folder: row.get(0)?,
                        validity: row.get(1)?,
                        uid: row.get(2)?,
                    })
                })
                .optional()
        })
    }

    /// Notes messages that the user filed by hand: their followers are unwelcome from now on, unless the user knows them
    /// from a proven message. Returns
    /// those whom the user knows, once for each message.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn note_hand_filed(
        &mut self,
        filed: &[HandFiled],
        now: Timestamp,
    ) -> Result<Vec<FollowerKey>, LedgerFault> {
        self.write("note what was filed by hand", |transaction| {
            let mut known = Vec::new();
            for one in filed {
                known.extend(put(transaction, one, now)?);
            }
            Ok(known)
        })
    }

    /// The unwelcome followers, by network and key, with the moment since when.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn unwelcome(&self) -> Result<Vec<(FollowerKey, Timestamp)>, LedgerFault> {
        self.read("look up who is unwelcome", |connection| {
            connection
                .prepare_cached(
                    "SELECT network, key, noted_at FROM unwelcome_follower ORDER BY network, key",
                )?
                .query_map([], |row| Ok((FollowerKey::stored(row.get(0)?, row.get(1)?), row.get(2)?)))?
                .collect()
        })
    }
}

/// Notes the move, and that the follower is unwelcome; or returns the follower, if the user knows them.
fn put(transaction: &Connection, filed: &HandFiled, now: Timestamp) -> rusqlite::Result<Option<FollowerKey>> {
    let HandFiled { mail, identity, target, validity, uid } = filed;
    // A message that is put back gets a higher UID than it had.
    transaction
        .prepare_cached(
            "INSERT INTO intent (mail, judgement, from_folder, from_validity, from_uid, from_next_uid, to_folder, to_validity,
                 to_next_uid, flag, mark_read, stated_at, by_hand, by_user, outcome, to_uid, settled_at)
             SELECT id, latest, ?4, ?5, ?6, ?6 + 1, ?7, ?8, ?9, 0, 0, ?10, 1, 1, 'moved', ?9, ?10 FROM mail
             WHERE account = ?1 AND digest = ?2 AND size = ?3",
        )?
        .execute(params![
            mail.account,
            identity.digest,
            identity.size,
            mail.folder,
            mail.validity,
            mail.uid,
            target,
            validity,
            uid,
            now
        ])?;
    let known = transaction
        .prepare_cached(
            "SELECT follower.network, follower.key FROM mail JOIN follower ON follower.judgement = mail.latest
             JOIN known_follower ON known_follower.network = follower.network AND known_follower.key = follower.key
             WHERE mail.account = ?1 AND digest = ?2 AND size = ?3 AND proven",
        )?
        .query_row(params![mail.account, identity.digest, identity.size], |row| {
            Ok(FollowerKey::stored(row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    transaction
        .prepare_cached(
            "INSERT INTO unwelcome_follower (network, key, mail, noted_at)
             SELECT follower.network, follower.key, mail.id, ?4 FROM mail JOIN follower ON follower.judgement = mail.latest
             WHERE mail.account = ?1 AND digest = ?2 AND size = ?3
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![mail.account, identity.digest, identity.size, now])?;
    Ok(None)
}
