//! What earlier moves mean for a message that is in a source folder now, and which filed copies to look for.
//!
//! A message that was filed and is in its folder again was put back only if the filed copy has left its target: `sweep`
//! looks there, and this file says where. It searches all accounts, since an account may have been renamed.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::forgetting::{is_forgotten, is_forgotten_by_header};
use super::{IntentId, Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder, HeaderLines, MailIdentity, MailRef, Uid, UidValidity};

/// What an earlier move means for a message that is in a source folder now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlierMove {
    /// It has never been moved, as far as is known.
    None,
    /// It stays where it is, for ever.
    Stays(Stay),
    /// It was filed, and is here: put back, if these copies have left.
    Filed(Vec<FiledCopy>),
    /// It was copied, and this is the original, which could not be removed.
    Doubled,
    /// It stays, since the server changes messages when it copies them.
    Altered,
    /// A move of it, or of a message just like it in the same account, was interrupted, and what became of that is not known
    /// yet: there may be a copy already, and another copy could be taken for it.
    Unsettled,
}

/// Why a message stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// The user put it back: its followers are known.
    PutBack,
    /// Its filed copy is still in the target: this is a second delivery, or a copy that somebody made.
    Twin,
    /// It came back long after its filed copy had gone: a folder that expires, a backup.
    Late,
    /// Too many came back in one sweep to have been put back by hand.
    Many,
    /// A folder was restored from a backup.
    Restored,
    /// It was brought back, since the user starred or answered it while it was moved.
    Touched,
    /// The user had it put back, and wanted nothing to be learned from it.
    Asked,
    /// It was gone when it was to be filed, or another account filed it: it is not known that the user put it back.
    Elsewhere,
    /// The user had followsift forget a follower whom it names: nothing else is known of it.
    Forgotten,
}

impl fmt::Display for Stay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PutBack => "it was put back by hand",
            Self::Twin => "the same message was filed before and is still in its folder",
            Self::Late => "it was filed before, and came back long after the filed copy had gone",
            Self::Many => "too many filed messages came back at once",
            Self::Restored => "it was filed before, and a folder was restored from a backup",
            Self::Elsewhere => "it was gone when it was to be filed, or another account filed it",
            Self::Touched => "it was starred or answered while it was moved",
            Self::Asked => "you had it put back without learning from it",
            Self::Forgotten => "you had followsift forget a follower whom it names",
        })
    }
}

impl Stay {
    const UNCERTAIN: [Self; 7] =
        [Self::Twin, Self::Late, Self::Many, Self::Restored, Self::Touched, Self::Asked, Self::Elsewhere];

    /// As the column `why` has it. One that was put back is kept as pending until the sweep is over.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::PutBack => "pending",
            Self::Twin => "twin",
            Self::Late => "late",
            Self::Many => "many",
            Self::Restored => "restored",
            Self::Touched => "touched",
            Self::Asked => "asked",
            Self::Elsewhere => "elsewhere",
            // It is never kept.
            Self::Forgotten => "forgotten",
        }
    }

    pub(super) fn stored(word: &str) -> Self {
        Self::UNCERTAIN.into_iter().find(|stay| stay.word() == word).unwrap_or(Self::PutBack)
    }
}

/// A copy that was filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledCopy {
    /// The move that filed it.
    pub intent: IntentId,
    /// The account that moved it.
    pub account: AccountName,
    /// When that was stated; of one that is asked for by its message, when it was settled, if that was later.
    pub stated_at: Timestamp,
    /// It was gone when it was to be filed: there never was a copy, as far as is known.
    pub was_gone: bool,
    /// The target.
    pub folder: Folder,
    /// The target's UIDVALIDITY then.
    pub validity: UidValidity,
    /// Its UID there, if the server said.
    pub uid: Option<Uid>,
    /// What it is known by.
    pub identity: MailIdentity,
    /// When it was first seen to have left.
    pub left_at: Option<Timestamp>,
}

impl Ledger {
    /// What earlier moves mean for a message that is in a source folder now. `header` is its header line by line: it
    /// identifies a message that went through a program which adds lines.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn earlier_move(
        &self,
        mail: &MailRef,
        identity: &MailIdentity,
        header: Option<&HeaderLines>,
    ) -> Result<EarlierMove, LedgerFault> {
        self.read("look for an earlier move", |connection| {
            // Most messages are new.
            let same = if is_known(connection, identity)? {
                if let Some(stay) = stays(connection, identity)? {
                    return Ok(EarlierMove::Stays(stay));
                }
                by_identity(connection, mail, identity)?
            } else if is_forgotten(connection, identity)? {
                return Ok(EarlierMove::Stays(Stay::Forgotten));
            } else {
                EarlierMove::None
            };
            match (same, header) {
                (EarlierMove::None, Some(header)) => match by_header(connection, header)? {
                    EarlierMove::None if is_forgotten_by_header(connection, header)? => {
                        Ok(EarlierMove::Stays(Stay::Forgotten))
                    }
                    found => Ok(found),
                },
                (same, _) => Ok(same),
            }
        })
    }

    /// Did followsift learn in an earlier sweep that a message was put back? Then the known followers say all that it
    /// teaches: the user may have removed its followers from them since.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn has_taught(&self, identity: &MailIdentity) -> Result<bool, LedgerFault> {
        self.read("look for a message that was put back", |connection| is_corrected(connection, identity))
    }

    /// The filed copies from an account's moves of the last 90 days that have not been seen to leave. `sweep` looks for
    /// them once a day, so that it is known when one left; empty if that is not due.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn copies_to_look_for(
        &self,
        account: &AccountName,
        now: Timestamp,
    ) -> Result<Vec<FiledCopy>, LedgerFault> {
        self.read("look for filed copies", |connection| {
            let looked_at: Option<Timestamp> = connection
                .prepare_cached("SELECT looked_at FROM target_look WHERE account = ?")?
                .query_row([account], |row| row.get(0))
                .optional()?;
            if looked_at.is_some_and(|at| at <= now && now.since(at) < DAY) {
                return Ok(Vec::new());
            }
            connection
                .prepare_cached(
                    "SELECT intent.id, to_folder, to_validity, to_uid, digest, size, left_at, account,
                         stated_at, outcome
                     FROM intent INDEXED BY intent_filed CROSS JOIN mail ON mail.id = intent.mail
                     WHERE stated_at >= ?1 AND stated_at <= ?2 AND outcome = 'moved' AND left_at IS NULL
                         AND returns = 0 AND account = ?3 AND to_uid IS NOT NULL",
                )?
                .query_map(params![now.0 - 90 * DAY as i64, now.0 - DAY as i64, account], filed_copy)?
                .collect()
        })
    }

    /// Notes that an account's targets were looked through, and which copies had left.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn note_left(
        &mut self,
        account: &AccountName,
        left: &[IntentId],
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("note which filed copies have left", |transaction| {
            for id in left {
                transaction
                    .prepare_cached("UPDATE intent SET left_at = ? WHERE id = ? AND left_at IS NULL")?
                    .execute(params![now, id.0])?;
            }
            transaction
                .execute(
                    "INSERT INTO target_look (account, looked_at) VALUES (?1, ?2)
                     ON CONFLICT (account) DO UPDATE SET looked_at = ?2",
                    params![account, now],
                )
                .map(drop)
        })
    }

    /// The filed copies whose originals are only marked \Deleted, or were when they were last seen, in a source folder:
    /// if the mark is gone, the user has put the message back. With the originals' UIDs.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn originals(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        since: Timestamp,
    ) -> Result<Vec<(Uid, FiledCopy)>, LedgerFault> {
        self.read("look for the originals of moves", |connection| {
            connection
                .prepare_cached(
                    "SELECT intent.id, to_folder, to_validity, to_uid, digest, size, left_at, account,
                         stated_at, outcome, from_uid
                     FROM intent INDEXED BY intent_by_time CROSS JOIN mail ON mail.id = intent.mail
                     WHERE stated_at >= ? AND outcome = 'moved' AND account = ? AND from_folder = ?
                         AND from_validity = ? AND returns = 0
                         AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.mail = mail.id)
                         AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.mail = mail.id AND why <> 'pending')
                     ORDER BY from_uid",
                )?
                .query_map(params![since, account, folder, validity], |row| {
                    Ok((row.get(10)?, filed_copy(row)?))
                })?
                .collect()
        })
    }
}

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// Has it been recorded, in any account?
fn is_known(connection: &Connection, identity: &MailIdentity) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM mail WHERE digest = ? AND size = ?)")?
        .query_row(params![identity.digest, identity.size], |row| row.get(0))
}

fn is_corrected(connection: &Connection, identity: &MailIdentity) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM mail JOIN correction ON correction.mail = mail.id
             WHERE digest = ? AND size = ?)",
        )?
        .query_row(params![identity.digest, identity.size], |row| row.get(0))
}

/// Why a message stays for ever, if it does.
fn stays(connection: &Connection, identity: &MailIdentity) -> rusqlite::Result<Option<Stay>> {
    if is_corrected(connection, identity)? {
        return Ok(Some(Stay::PutBack));
    }
    if is_forgotten(connection, identity)? {
        return Ok(Some(Stay::Forgotten));
    }
    let why: Option<String> = connection
        .prepare_cached(
            "SELECT why FROM mail JOIN kept ON kept.mail = mail.id WHERE digest = ? AND size = ? LIMIT 1",
        )?
        .query_row(params![identity.digest, identity.size], |row| row.get(0))
        .optional()?;
    Ok(why.map(|why| Stay::stored(&why)))
}

/// What moves of the very same message mean.
fn by_identity(
    connection: &Connection,
    mail: &MailRef,
    identity: &MailIdentity,
) -> rusqlite::Result<EarlierMove> {
    let mut found = EarlierMove::None;
    let mut copies = Vec::new();
    let mut select = connection.prepare_cached(
        "SELECT intent.id, to_folder, to_validity, to_uid, digest, size, left_at, account,
             max(stated_at, coalesce(settled_at, 0)), outcome, account = ?3 AND from_folder = ?4 AND from_validity = ?5, from_uid, from_next_uid, account = ?3
         FROM mail JOIN intent ON intent.mail = mail.id
         WHERE digest = ?1 AND size = ?2
             AND (outcome IS NULL OR outcome IN ('moved', 'doubled', 'gone') AND returns = 0)",
    )?;
    let mut rows =
        select.query(params![identity.digest, identity.size, mail.account, mail.folder, mail.validity])?;
    while let Some(row) = rows.next()? {
        let (outcome, same_place): (Option<String>, bool) = (row.get(9)?, row.get(10)?);
        let (uid, next): (Uid, Uid) = (row.get(11)?, row.get(12)?);
        let original = same_place && mail.uid == uid;
        let Some(outcome) = outcome else {
            if row.get(13)? {
                return Ok(EarlierMove::Unsettled);
            }
            continue;
        };
        // A twin, which was beside it all the time.
        if same_place && !original && mail.uid < next {
            continue;
        }
        // The server said wrongly that it was gone; the user has not put it back.
        if outcome == "gone" && original {
            continue;
        }
        if outcome == "doubled" && row.get::<_, Option<Uid>>(3)?.is_none() {
            found = EarlierMove::Altered;
        } else if outcome == "doubled" && original {
            found = EarlierMove::Doubled;
        } else {
            copies.push(filed_copy(row)?);
        }
    }
    Ok(if copies.is_empty() { found } else { EarlierMove::Filed(copies) })
}

/// What the moves of a message mean whose header lines are all in this one: it came back through a program that adds lines.
fn by_header(connection: &Connection, header: &HeaderLines) -> rusqlite::Result<EarlierMove> {
    let mut copies = Vec::new();
    let mut select = connection.prepare_cached(
        "SELECT intent.id, to_folder, to_validity, to_uid, digest, size, left_at, account,
             max(stated_at, coalesce(settled_at, 0)), outcome, lines
         FROM filed_header JOIN mail ON mail.id = filed_header.mail JOIN intent ON intent.mail = mail.id
         WHERE filed_header.received = ? AND outcome = 'moved' AND returns = 0",
    )?;
    let mut rows = select.query([header.received.as_slice()])?;
    while let Some(row) = rows.next()? {
        let earlier = HeaderLines { received: header.received, lines: row.get(10)? };
        if header.contains(&earlier) {
            copies.push(filed_copy(row)?);
        }
    }
    Ok(if copies.is_empty() { EarlierMove::None } else { EarlierMove::Filed(copies) })
}

pub(super) fn filed_copy(row: &Row<'_>) -> rusqlite::Result<FiledCopy> {
    Ok(FiledCopy {
        intent: IntentId(row.get(0)?),
        folder: row.get(1)?,
        validity: row.get(2)?,
        uid: row.get(3)?,
        identity: MailIdentity { digest: row.get(4)?, size: row.get(5)? },
        left_at: row.get(6)?,
        account: row.get(7)?,
        stated_at: row.get(8)?,
        was_gone: row.get::<_, String>(9)? == "gone",
    })
}
