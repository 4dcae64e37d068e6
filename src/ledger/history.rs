//! Reads back what was judged and what was done, for `history` and `backtest`. Never writes.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::encoding;
use super::{Delay, IntentId, Judged, Ledger, LedgerFault, Settlement, Stay};
use crate::clock::Timestamp;
use crate::mail::{Authenticity, Network, Notification};
use crate::place::{Folder, MailDigest, MailIdentity, MailRef, Marks};
use crate::rules::{Action, Verdict};

/// A judgement, and what was done about it.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// How the message was judged.
    pub judged: Judged,
    /// The moves that this judgement led to, the oldest first.
    pub moves: Vec<Filing>,
    /// When followsift learned that the user has put the message back.
    pub put_back: Option<Timestamp>,
    /// Why the message stays, if it is not certain that the user put it back.
    pub stays: Option<Stay>,
    /// Why the message is looked at again later, if it is.
    pub waits: Option<Delay>,
}

/// A move that was stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filing {
    /// The number of the move.
    pub id: IntentId,
    /// Where the message was to go.
    pub to: Folder,
    /// When the move was stated.
    pub stated_at: Timestamp,
    /// It brings the message back: the user starred or answered it while it was moved, or had it put back.
    pub returns: bool,
    /// The user moved it by hand, or, if it brings the message back, had it put back.
    pub by_user: bool,
    /// The message was found in the folder, by a ledger that does not know when it was filed, nor from where ([`Ledger::refile`]).
    pub found: bool,
    /// What became of it, and when that was known; `None` while that is unknown.
    pub settled: Option<(Settlement, Timestamp)>,
}

/// What every query for judgements selects; the tables, a condition and an order follow. CROSS JOIN keeps the tables in
/// the order in which they are written, so that no query scans everything that is remembered.
const SELECT: &str = "SELECT judgement.*, mail.account, mail.digest, mail.size, mail.folder, mail.validity,
        mail.uid, mail.received, correction.noted_at AS put_back,
        (SELECT why FROM kept WHERE kept.mail = mail.id) AS stays,
        (SELECT why FROM waiting WHERE waiting.mail = mail.id) AS waits,
        (SELECT due_at FROM waiting WHERE waiting.mail = mail.id) AS due_at
    FROM ";

/// The last judgements, as many as wanted.
const LAST: &str = "judgement CROSS JOIN mail ON mail.id = judgement.mail
    LEFT JOIN correction ON correction.mail = mail.id
    ORDER BY judgement.judged_at DESC, judgement.id DESC LIMIT ?";
/// So many judgements are read at a time, so that a reader of the output who takes their time holds no transaction open.
const PORTION: i64 = 500;
/// The judgements that say what became of their messages: the last one of each, and those that led to moves. Of a period, in which
/// they were made or led to moves; not before a moment, and below the last one that was read, the newest first.
const TOLD: &str = "judgement CROSS JOIN mail ON mail.id = judgement.mail
    LEFT JOIN correction ON correction.mail = mail.id
    WHERE judgement.judged_at >= ?1 AND judgement.judged_at <= ?2 AND (judgement.judged_at < ?2 OR judgement.id < ?3)
        AND (judgement.id = mail.latest OR EXISTS (SELECT 1 FROM intent WHERE intent.judgement = judgement.id))
        AND (judgement.judged_at >= ?5 OR EXISTS (
            SELECT 1 FROM intent WHERE intent.judgement = judgement.id AND stated_at >= ?5 AND stated_at <= ?6))
    ORDER BY judgement.judged_at DESC, judgement.id DESC LIMIT ?4";
/// Those of the messages with one digest.
const OF_DIGEST: &str = "mail CROSS JOIN judgement ON judgement.mail = mail.id
    LEFT JOIN correction ON correction.mail = mail.id
    WHERE mail.digest = ? ORDER BY judgement.judged_at DESC, judgement.id DESC";
/// The last one of each message that was put back.
const PUT_BACK: &str = "correction CROSS JOIN mail ON mail.id = correction.mail
    CROSS JOIN judgement ON judgement.id = mail.latest ORDER BY mail.received";
/// The last one of each message of an account that arrived in a time, is not forged, and stays where it arrived: the rules leave it,
/// and neither they nor the user have filed it since; or the user has put it back.
const STAYED: &str = "mail CROSS JOIN judgement ON judgement.id = mail.latest
    LEFT JOIN correction ON correction.mail = mail.id
    WHERE mail.account = ?1 AND mail.received >= ?2 AND mail.received < ?3 AND judgement.authentic <> 'fail'
        AND (correction.mail IS NOT NULL OR judgement.action <> 'file' AND coalesce((
            SELECT returns FROM intent WHERE intent.mail = mail.id AND outcome = 'moved' ORDER BY id DESC LIMIT 1), 1))
    ORDER BY mail.received DESC, mail.id DESC LIMIT ?4";

/// The last one of each message of an account that arrived at a moment or later, below the last message that was read, those that came
/// last first.
const ARRIVED: &str = "mail CROSS JOIN judgement ON judgement.id = mail.latest
    LEFT JOIN correction ON correction.mail = mail.id
    WHERE mail.account = ?1 AND mail.received >= ?2 AND mail.received <= ?3 AND (mail.received < ?3 OR mail.id < ?4)
    ORDER BY mail.received DESC, mail.id DESC LIMIT ?5";
/// The last one of a message that led to a move.
const THAT_MOVED: &str = "judgement CROSS JOIN mail ON mail.id = judgement.mail
    LEFT JOIN correction ON correction.mail = mail.id
    WHERE judgement.mail = ? AND EXISTS (SELECT 1 FROM intent WHERE intent.judgement = judgement.id)
    ORDER BY judgement.judged_at DESC, judgement.id DESC LIMIT 1";

impl HistoryEntry {
    /// The moves after which followsift can put the message back, if the user wants that.
    pub fn restorable(&self) -> impl Iterator<Item = &Filing> {
        let is_back = self.put_back.is_some()
            || matches!(self.stays, Some(Stay::PutBack | Stay::Touched | Stay::Asked));
        let filed = move |filing: &&Filing| {
            !is_back
                && !filing.returns
                && !filing.by_user
                && matches!(filing.settled, Some((Settlement::Moved { .. }, _)))
        };
        self.moves.iter().filter(filed)
    }
}

impl Ledger {
    /// The last `limit` judgements of all accounts, the newest first.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn recent(&self, limit: u32) -> Result<Vec<HistoryEntry>, LedgerFault> {
        self.read("look up the last judgements", |connection| entries(connection, LAST, [limit]))
    }

    /// Hands over what became of the messages that were judged or moved from `since` to `until`, the newest first, until `each` has
    /// seen enough: the last judgement of each message, and those that led to moves.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn history(
        &self,
        since: Timestamp,
        until: Timestamp,
        each: &mut dyn FnMut(HistoryEntry) -> ControlFlow<()>,
    ) -> Result<(), LedgerFault> {
        // A message may be moved long after it was judged: by hand, for instance.
        let first: Option<Timestamp> = self.read("look up the history", |connection| {
            connection.query_row(
                "SELECT min(judged_at) FROM intent CROSS JOIN judgement ON judgement.id = intent.judgement
                 WHERE stated_at >= ? AND stated_at <= ?",
                [since, until],
                |row| row.get(0),
            )
        })?;
        let first = first.map_or(since, |first| first.min(since));
        let mut last = (until, i64::MAX);
        loop {
            let portion = self.read("look up the history", |connection| {
                numbered_entries(
                    connection,
                    TOLD,
                    "id",
                    params![first, last.0, last.1, PORTION, since, until],
                )
            })?;
            let is_whole = i64::try_from(portion.len()) == Ok(PORTION);
            for (number, entry) in portion {
                last = (entry.judged.judged_at, number);
                if each(entry).is_break() {
                    return Ok(());
                }
            }
            if !is_whole {
                return Ok(());
            }
        }
    }

    /// Every judgement of messages with this digest, the newest first.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn judgements_of(&self, digest: &MailDigest) -> Result<Vec<HistoryEntry>, LedgerFault> {
        self.read("look up the judgements of a message", |connection| {
            entries(connection, OF_DIGEST, [digest])
        })
    }

    /// The last judgement of every message that the user has put back.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn corrections(&self) -> Result<Vec<HistoryEntry>, LedgerFault> {
        self.read("look up what was put back", |connection| entries(connection, PUT_BACK, []))
    }

    /// The networks whose notifications were judged at `since` or later, forged ones left out.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn networks(&self, since: Timestamp) -> Result<BTreeSet<Network>, LedgerFault> {
        self.read("look up the networks of the last judgements", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT DISTINCT network FROM judgement WHERE judged_at >= ? AND authentic <> 'fail'",
            )?;
            let networks = select.query_map([since], |row| row.get("network"))?;
            networks.collect()
        })
    }
}

/// The queries that are put together here.
#[cfg(test)]
pub(super) fn queries() -> Vec<String> {
    [LAST, TOLD, OF_DIGEST, PUT_BACK, STAYED, ARRIVED, THAT_MOVED]
        .map(|condition| format!("{SELECT}{condition}"))
        .to_vec()
}

/// Is this text a part of one of them?
#[cfg(test)]
pub(super) fn is_part(text: &str) -> bool {
    text == SELECT
}

/// What [`STAYED`] says, of an account, from one moment on and before another, so many at most.
pub(super) fn stayed(
    connection: &Connection,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    entries(connection, STAYED, values)
}

/// What [`ARRIVED`] says, each with the number of its message.
pub(super) fn arrived(
    connection: &Connection,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<(i64, HistoryEntry)>> {
    numbered_entries(connection, ARRIVED, "mail", values)
}

/// What [`THAT_MOVED`] says of a message.
pub(super) fn that_moved(connection: &Connection, mail: i64) -> rusqlite::Result<Option<HistoryEntry>> {
    Ok(entries(connection, THAT_MOVED, [mail])?.pop())
}

fn entries(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    let entries = numbered_entries(connection, condition, "id", values)?;
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

/// The entries, each with a number: of its judgement (`id`) or its message (`mail`).
fn numbered_entries(
    connection: &Connection,
    condition: &str,
    number: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<Vec<(i64, HistoryEntry)>> {
    let mut select = connection.prepare_cached(&format!("{SELECT}{condition}"))?;
    let mut rows = select.query(values)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push((row.get(number)?, entry(connection, row)?));
    }
    Ok(entries)
}

fn entry(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    let judgement: i64 = row.get("id")?;
    let authentic = Authenticity::restore(&row.get::<_, String>("authentic")?, row.get("seen")?);
    let marks = Marks { flagged: row.get("flag")?, seen: row.get("mark_read")? };
    let action = match row.get::<_, Option<Folder>>("target")? {
        Some(to) => Action::File { to, marks },
        None if row.get::<_, String>("action")? == "mark" => Action::Mark(marks),
        None => Action::Leave,
    };
    let mut followers = Vec::new();
    let mut verdicts = Vec::new();
    let mut select = connection.prepare_cached(
        "SELECT facts, verdict, points, reasons FROM follower WHERE judgement = ? ORDER BY position",
    )?;
    let mut rows = select.query([judgement])?;
    while let Some(row) = rows.next()? {
        followers.push(encoding::read_follower(&row.get::<_, String>("facts")?)?);
        verdicts.push(Verdict {
            class: row.get("verdict")?,
            points: row.get("points")?,
            reasons: encoding::read_reasons(&row.get::<_, String>("reasons")?)?,
            // Not kept: the file of today says what the interests are.
            shared_interests: Vec::new(),
        });
    }
    let judged = Judged {
        mail: MailRef {
            account: row.get("account")?,
            folder: row.get("folder")?,
            validity: row.get("validity")?,
            uid: row.get("uid")?,
        },
        identity: MailIdentity { digest: row.get("digest")?, size: row.get("size")? },
        notification: Notification {
            network: row.get("network")?,
            title: row.get("title")?,
            kind: row.get("kind")?,
            layout: row.get("layout")?,
            authentic,
            instance: row.get("instance")?,
            followers,
            complete: row.get("complete")?,
            received: row.get("received")?,
        },
        verdicts,
        verdict: row.get("verdict")?,
        action,
        rules: row.get("rules")?,
        judged_at: row.get("judged_at")?,
    };
    let put_back: Option<Timestamp> = row.get("put_back")?;
    let stays: Option<String> = row.get("stays")?;
    let waits: Option<String> = row.get("waits")?;
    let due_at: Option<Timestamp> = row.get("due_at")?;
    Ok(HistoryEntry {
        judged,
        moves: moves(connection, judgement)?,
        put_back,
        stays: stays.map(|word| Stay::stored(&word)).filter(|_| put_back.is_none()),
        waits: waits.zip(due_at).map(|(word, due_at)| Delay::stored(&word, due_at)),
    })
}

fn moves(connection: &Connection, judgement: i64) -> rusqlite::Result<Vec<Filing>> {
    connection
        .prepare_cached(
            "SELECT id, to_folder, stated_at, returns, by_user, outcome, to_uid, settled_at, from_uid = 0 AS found
             FROM intent WHERE judgement = ?
             ORDER BY id",
        )?
        .query_map([judgement], |row| {
            let settled = match row.get::<_, Option<String>>("outcome")? {
                None => None,
                Some(word) => {
                    let settlement = Settlement::stored(&word, row.get("to_uid")?).ok_or_else(|| {
                        let cause = format!("{word:?} is not an outcome").into();
                        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, cause)
                    })?;
                    Some((settlement, row.get("settled_at")?))
                }
            };
            Ok(Filing {
                id: IntentId(row.get("id")?),
                to: row.get("to_folder")?,
                stated_at: row.get("stated_at")?,
                returns: row.get("returns")?,
                by_user: row.get("by_user")?,
                found: row.get("found")?,
                settled,
            })
        })?
        .collect()
}
