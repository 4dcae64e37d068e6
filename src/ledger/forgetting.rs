//! Forgets a follower for good: deletes every message that names them, with all that came of it. Called by `cli`; `earlier` asks
//! whether a message is one of these.
//!
//! What stays is a keyed hash of each message's identity, and of the topmost Received field of one that was moved, so that a message
//! which the user put back is never moved again, even if a program added lines to its header on the way. The key is in the ledger, so
//! the hashes say nothing without it, and with it only whether a message at hand is one of them.

use rusqlite::{Connection, OptionalExtension as _, ffi, params};
use sha2::{Digest as _, Sha256};

use super::{Ledger, LedgerFault, backup};
use crate::mail::FollowerKey;
use crate::place::{HeaderLines, MailIdentity};

/// What became of a request to forget a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// So many messages were deleted from the ledger, and so many copies of an earlier ledger; `false` if nothing else named them.
    Done {
        /// Messages that named the follower.
        messages: usize,
        /// Were they known, unwelcome or looked up?
        otherwise: bool,
        /// Copies of an older ledger, which may have named them too.
        copies: usize,
    },
    /// Nothing: a move of such a message is not settled yet.
    Unsettled,
}

impl Ledger {
    /// Forgets a follower: every message that names them, and whether they are known or unwelcome. Then writes the ledger anew, since
    /// what was deleted earlier may still be in its free pages, and deletes the copies of an older ledger.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written, another program reads it all the while, or a copy cannot be deleted. To forget the follower once
    /// more then does the rest.
    pub fn forget(&mut self, follower: &FollowerKey) -> Result<Forgotten, LedgerFault> {
        self.attempt("forget a follower", |connection| {
            connection.pragma_update(None, "secure_delete", true)
        })?;
        let done =
            self.without_references("forget a follower", |transaction| forget(transaction, follower))?;
        let Forgotten::Done { messages, otherwise, .. } = done else { return Ok(done) };
        self.attempt("forget a follower", |connection| {
            connection.execute_batch("VACUUM")?;
            // It reports a reader as a result, not as an error.
            let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            let read = rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_BUSY),
                Some("another program is reading the ledger; run the command again".to_owned()),
            );
            if busy { Err(read) } else { Ok(()) }
        })?;
        let folder = self.file.parent().unwrap_or(std::path::Path::new("."));
        let copies = backup::remove_all(folder)
            .map_err(|cause| LedgerFault::Folder { folder: folder.to_owned(), cause })?;
        Ok(Forgotten::Done { messages, otherwise, copies })
    }
}

fn forget(transaction: &Connection, follower: &FollowerKey) -> rusqlite::Result<Forgotten> {
    let (network, key) = (follower.network(), follower.as_str());
    let messages: Vec<(i64, MailIdentity)> = transaction
        .prepare_cached(
            "SELECT DISTINCT mail.id, mail.digest, mail.size
             FROM follower CROSS JOIN judgement ON judgement.id = follower.judgement CROSS JOIN mail ON mail.id = judgement.mail
             WHERE follower.network = ? AND follower.key = ?",
        )?
        .query_map(params![network, key], |row| {
            Ok((row.get(0)?, MailIdentity { digest: row.get(1)?, size: row.get(2)? }))
        })?
        .collect::<Result<_, _>>()?;
    for (mail, _) in &messages {
        let open: bool = transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM intent WHERE mail = ? AND outcome IS NULL)")?
            .query_row([mail], |row| row.get(0))?;
        if open {
            return Ok(Forgotten::Unsettled);
        }
    }
    if !messages.is_empty() && hash_keys(transaction)?.is_empty() {
        transaction.execute("INSERT INTO forgotten_key (key) VALUES (randomblob(32))", [])?;
    }
    let hash_key = hash_keys(transaction)?.into_iter().next().unwrap_or_default();
    for (mail, identity) in &messages {
        transaction
            .prepare_cached("INSERT INTO forgotten (hash) VALUES (?) ON CONFLICT DO NOTHING")?
            .execute([hash(&hash_key, &identified(identity)).as_slice()])?;
        let received: Option<[u8; 8]> = transaction
            .prepare_cached("SELECT received FROM filed_header WHERE mail = ?")?
            .query_row([mail], |row| row.get(0))
            .optional()?;
        if let Some(received) = received {
            transaction
                .prepare_cached("INSERT INTO forgotten (hash) VALUES (?) ON CONFLICT DO NOTHING")?
                .execute([hash(&hash_key, &received).as_slice()])?;
        }
        for statement in [
            "DELETE FROM intent WHERE mail = ?",
            "DELETE FROM filed_header WHERE mail = ?",
            "DELETE FROM correction WHERE mail = ?",
            "DELETE FROM kept WHERE mail = ?",
            "DELETE FROM waiting WHERE mail = ?",
            "DELETE FROM incomplete WHERE mail = ?",
            "DELETE FROM past_follower WHERE mail = ?",
            // Others whom such a message named stay known.
            "UPDATE known_follower SET mail = NULL WHERE mail = ?",
            "DELETE FROM unwelcome_follower WHERE mail = ?",
            "DELETE FROM follower WHERE judgement IN (SELECT id FROM judgement WHERE mail = ?)",
            "DELETE FROM judgement WHERE mail = ?",
            "DELETE FROM mail WHERE id = ?",
        ] {
            transaction.prepare_cached(statement)?.execute([mail])?;
        }
    }
    let mut otherwise = 0;
    for statement in [
        "DELETE FROM known_follower WHERE network = ? AND key = ?",
        "DELETE FROM unwelcome_follower WHERE network = ? AND key = ?",
        "DELETE FROM lookup WHERE network = ? AND key = ?",
    ] {
        otherwise += transaction.prepare_cached(statement)?.execute(params![network, key])?;
    }
    Ok(Forgotten::Done { messages: messages.len(), otherwise: otherwise > 0, copies: 0 })
}

/// Is this one of the messages that were forgotten?
pub(super) fn is_forgotten(connection: &Connection, identity: &MailIdentity) -> rusqlite::Result<bool> {
    is_kept(connection, &identified(identity))
}

/// Was this one of the messages that were moved and then forgotten, before a program added lines to its header?
pub(super) fn is_forgotten_by_header(
    connection: &Connection,
    header: &HeaderLines,
) -> rusqlite::Result<bool> {
    is_kept(connection, &header.received)
}

fn is_kept(connection: &Connection, what: &[u8]) -> rusqlite::Result<bool> {
    for key in hash_keys(connection)? {
        let is_one: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM forgotten WHERE hash = ?)")?
            .query_row([hash(&key, what).as_slice()], |row| row.get(0))?;
        if is_one {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ledger's own key, and those of ledgers from which accounts were imported.
fn hash_keys(connection: &Connection) -> rusqlite::Result<Vec<Vec<u8>>> {
    connection
        .prepare_cached("SELECT key FROM forgotten_key ORDER BY rowid")?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn identified(identity: &MailIdentity) -> Vec<u8> {
    [&identity.digest.0[..], &identity.size.to_be_bytes()].concat()
}

/// The key and each kind of what is hashed have a fixed length, so that nobody can extend it.
fn hash(key: &[u8], what: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(key);
    hasher.update(what);
    hasher.finalize().into()
}
