//! Moves: stated before they are made, settled afterwards.
//!
//! `sweep` states them in sets, acts, and settles them. What a crash left open is settled at the next start, by proof
//! of arrival in the target: the digest and the size of a message at or above the UIDNEXT from before.

use std::borrow::Borrow;

use rusqlite::{Connection, Row, params};

use super::unshown::DAY;
use super::{IntentId, Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder, HeaderLines, MailIdentity, MailRef, Marks, Uid, UidValidity};

/// Where a message is to go, and how its arrival can be proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The folder, which is there already.
    pub folder: Folder,
    /// Its UIDVALIDITY before the move.
    pub validity: UidValidity,
    /// Its UIDNEXT before the move.
    pub next: Uid,
}

/// One message that is to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Where it is.
    pub mail: MailRef,
    /// Its digest and size; it has been recorded as judged.
    pub identity: MailIdentity,
    /// When it arrived there (INTERNALDATE): it distinguishes the message from its twins if its UID means nothing any more.
    pub received: Option<Timestamp>,
    /// The UIDNEXT of its folder: a message with a lower UID was there already, and has not been put back.
    pub source_next: Uid,
    /// Where it is to go.
    pub target: Target,
    /// How it is to be marked after its arrival.
    pub marks: Marks,
    /// When this was stated.
    pub stated_at: Timestamp,
    /// The user let it through the fuse, which does not count it.
    pub by_hand: bool,
    /// The server itself moves the message (MOVE), so that the original may be gone without a note.
    pub by_move: bool,
    /// It is on its way back: the user starred or answered it while it was moved, or wants it back.
    pub returns: bool,
    /// Its header, line by line, if the message can be recognised by it.
    pub header: Option<HeaderLines>,
}

/// An intent whose outcome is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its number.
    pub id: IntentId,
    /// What was intended.
    pub intent: Intent,
    /// If it is on its way back: the user wants it back.
    pub asked: bool,
    /// How far the removal of the original had come.
    pub removal: Option<RemovalNote>,
    /// Messages in the target that other moves have brought there: just like this one, and no proof of its arrival.
    pub claimed: Vec<Uid>,
}

/// How far the removal of an original has come. Noted before it goes on: after a crash only what was noted is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalNote {
    /// STORE is about to be sent.
    Sent,
    /// The original was seen marked \\Deleted, by us.
    Marked,
}

impl RemovalNote {
    fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Marked => "marked",
        }
    }
}

/// What became of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The message is where it was.
    Left,
    /// It has arrived; with its new UID, where that is known.
    Moved {
        /// In the target.
        uid: Option<Uid>,
    },
    /// It has arrived, and the original could not be removed: it is in both places, and is never moved again.
    Doubled {
        /// The copy's, in the target.
        uid: Uid,
    },
    /// It is where it was: the server changes messages when it copies them, so it is never moved again. The copy was removed.
    Altered,
    /// It is neither where it was nor in the target: somebody else has moved or removed it.
    Gone,
    /// It is not where it was, and nothing can be proven any more: the target is not the folder that it was.
    InDoubt,
}

impl Settlement {
    /// As the column `outcome` has it, and `history --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Moved { .. } => "moved",
            // Without a UID of the copy.
            Self::Doubled { .. } | Self::Altered => "doubled",
            Self::Gone => "gone",
            Self::InDoubt => "in-doubt",
        }
    }

    /// Of the columns `outcome` and `to_uid`.
    pub(super) fn stored(word: &str, uid: Option<Uid>) -> Option<Self> {
        let doubled = uid.map_or(Self::Altered, |uid| Self::Doubled { uid });
        let all = [Self::Left, Self::Moved { uid }, doubled, Self::Gone, Self::InDoubt];
        all.into_iter().find(|settlement| settlement.word() == word)
    }
}

impl Ledger {
    /// States moves: all of them, or none. Takes each only when it is written. They are on the disk when this returns, and only then may anything
    /// be moved.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written, or a message was not recorded as judged before: followsift makes no move
    /// that it could not explain.
    pub fn intend(
        &mut self,
        intents: impl IntoIterator<Item = impl Borrow<Intent>>,
    ) -> Result<Vec<IntentId>, LedgerFault> {
        let ids: Vec<IntentId> = self.write("state a move", |transaction| {
            intents.into_iter().map(|intent| put_intent(transaction, intent.borrow())).collect()
        })?;
        if let Some(last) = ids.last() {
            self.note_last_move(last.0);
        }
        Ok(ids)
    }

    /// Notes what became of intents: of all of them, or of none. One that was in doubt may be settled again. Their originals
    /// are not asked for again.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written, or an intent is settled already.
    pub fn settle(
        &mut self,
        settled: &[(IntentId, Settlement)],
        settled_at: Timestamp,
    ) -> Result<(), LedgerFault> {
        let mut not_open = None;
        let done = self.write("settle a move", |transaction| {
            for (id, settlement) in settled {
                let uid = match settlement {
                    Settlement::Moved { uid } => *uid,
                    Settlement::Doubled { uid } => Some(*uid),
                    Settlement::Left | Settlement::Altered | Settlement::Gone | Settlement::InDoubt => None,
                };
                let changed = transaction
                    .prepare_cached(
                        "UPDATE intent SET outcome = ?2, to_uid = ?3, settled_at = ?4
                         WHERE id = ?1 AND (outcome IS NULL OR outcome = 'in-doubt')",
                    )?
                    .execute(params![id.0, settlement.word(), uid, settled_at])?;
                if changed == 0 {
                    not_open = Some(*id);
                    return Err(rusqlite::Error::QueryReturnedNoRows);
                }
                transaction
                    .prepare_cached(
                        "DELETE FROM unshown WHERE (account, folder, validity, uid) =
                             (SELECT account, from_folder, from_validity, from_uid
                              FROM intent JOIN mail ON mail.id = intent.mail WHERE intent.id = ?)",
                    )?
                    .execute([id.0])?;
            }
            Ok(())
        });
        match not_open {
            Some(id) => Err(LedgerFault::NotOpen(id)),
            None => done,
        }
    }

    /// The account's intents whose outcome is not known yet, oldest first; without those whose original the server did
    /// not show and that are not due to be asked for again ([`Ledger::note_unshown`]).
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn unsettled(&self, account: &AccountName, now: Timestamp) -> Result<Vec<OpenIntent>, LedgerFault> {
        self.read("look for unsettled moves", |connection| {
            let mut open: Vec<OpenIntent> = connection
                .prepare_cached(
                    "SELECT intent.id, account, digest, size, from_folder, from_validity, from_uid,
                         from_next_uid, to_folder, to_validity, to_next_uid, flag, mark_read, stated_at, by_hand,
                         intent.received, returns, by_move, removal, by_user
                     FROM intent CROSS JOIN mail ON mail.id = intent.mail
                     WHERE outcome IS NULL AND account = ?1 AND NOT EXISTS (
                         SELECT 1 FROM unshown WHERE unshown.account = ?1 AND unshown.folder = from_folder
                             AND unshown.validity = from_validity AND unshown.uid = from_uid
                             AND due_at > ?2 AND due_at <= ?2 + ?3)
                     ORDER BY intent.id",
                )?
                .query_map(params![account, now, DAY], open_intent)?
                .collect::<Result<_, _>>()?;
            let mut claimed = connection.prepare_cached(
                "SELECT to_uid FROM intent
                 WHERE mail = (SELECT mail FROM intent WHERE id = ?) AND to_validity = ? AND to_uid IS NOT NULL",
            )?;
            for one in &mut open {
                let target = one.intent.target.validity;
                one.claimed =
                    claimed.query_map(params![one.id.0, target], |row| row.get(0))?.collect::<Result<_, _>>()?;
            }
            Ok(open)
        })
    }

    /// Notes how far the removal of originals has come. On the disk when this returns, and only then may it go on.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn note_removal(&mut self, ids: &[IntentId], note: RemovalNote) -> Result<(), LedgerFault> {
        self.write("note the removal of an original", |transaction| {
            for id in ids {
                transaction
                    .prepare_cached("UPDATE intent SET removal = ? WHERE id = ?")?
                    .execute(params![note.word(), id.0])?;
            }
            Ok(())
        })
    }
}

/// Writes down one move that is intended.
pub(super) fn put_intent(transaction: &Connection, intent: &Intent) -> rusqlite::Result<IntentId> {
    let Intent { mail, identity, received, source_next, target, marks, .. } = intent;
    put_header(transaction, intent)?;
    // It was shown: its settlement must not wait until it is asked for again.
    transaction
        .prepare_cached("DELETE FROM unshown WHERE account = ? AND folder = ? AND validity = ? AND uid = ?")?
        .execute(params![mail.account, mail.folder, mail.validity, mail.uid])?;
    let written = transaction
        .prepare_cached(
            "INSERT INTO intent (mail, judgement, from_folder, from_validity, from_uid, from_next_uid, to_folder,
                 to_validity, to_next_uid, flag, mark_read, stated_at, by_hand, received, returns, by_move)
             SELECT id, latest, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17 FROM mail
             WHERE account = ?1 AND digest = ?2 AND size = ?3",
        )?
        .execute(
            params![
                mail.account,
                identity.digest,
                identity.size,
                mail.folder,
                mail.validity,
                mail.uid,
                source_next,
                target.folder,
                target.validity,
                target.next,
                marks.flagged,
                marks.seen,
                intent.stated_at,
                intent.by_hand,
                received,
                intent.returns,
                intent.by_move
            ],
        )?;
    match written {
        0 => Err(rusqlite::Error::QueryReturnedNoRows),
        _ => Ok(IntentId(transaction.last_insert_rowid())),
    }
}

/// Keeps the lines of a header by which a filed message can be recognised.
fn put_header(transaction: &Connection, intent: &Intent) -> rusqlite::Result<()> {
    let Some(HeaderLines { received, lines }) = &intent.header else { return Ok(()) };
    transaction
        .prepare_cached(
            "INSERT INTO filed_header (mail, received, lines)
             SELECT id, ?4, ?5 FROM mail WHERE account = ?1 AND digest = ?2 AND size = ?3
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            intent.mail.account,
            intent.identity.digest,
            intent.identity.size,
            received.as_slice(),
            lines
        ])
        .map(drop)
}

fn open_intent(row: &Row<'_>) -> rusqlite::Result<OpenIntent> {
    Ok(OpenIntent {
        id: IntentId(row.get("id")?),
        intent: Intent {
            mail: MailRef {
                account: row.get("account")?,
                folder: row.get("from_folder")?,
                validity: row.get("from_validity")?,
                uid: row.get("from_uid")?,
            },
            identity: MailIdentity { digest: row.get("digest")?, size: row.get("size")? },
            source_next: row.get("from_next_uid")?,
            target: Target {
                folder: row.get("to_folder")?,
                validity: row.get("to_validity")?,
                next: row.get("to_next_uid")?,
            },
            marks: Marks { flagged: row.get("flag")?, seen: row.get("mark_read")? },
            stated_at: row.get("stated_at")?,
            by_hand: row.get("by_hand")?,
            received: row.get("received")?,
            by_move: row.get("by_move")?,
            returns: row.get("returns")?,
            header: None,
        },
        asked: row.get("by_user")?,
        removal: match row.get::<_, Option<String>>("removal")?.as_deref() {
            Some("sent") => Some(RemovalNote::Sent),
            Some("marked") => Some(RemovalNote::Marked),
            _ => None,
        },
        claimed: Vec::new(),
    })
}
