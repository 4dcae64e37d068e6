//! The user's corrections, which hold for ever, and the followers who are known from them.
//!
//! A message that stays is noted at once (`kept`). followsift learns from it at the end of the sweep: more than twenty
//! messages between two sweeps were not put back by hand.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, LedgerFault, Stay};
use crate::clock::Timestamp;
use crate::mail::{FollowerKey, Network};
use crate::place::{AccountName, MailIdentity};

/// At most so many messages are put back by hand between two sweeps.
pub const BY_HAND: usize = 20;

/// A follower whom the user knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The follower.
    pub follower: FollowerKey,
    /// How that is known.
    pub origin: KnownBy,
    /// Since when.
    pub noted_at: Timestamp,
}

/// How a follower came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// The user put a proven message about them back.
    PutBack,
    /// The user put a message about them back that was not proven: they are known in unproven messages alone.
    PutBackUnproven,
    /// The user said so.
    Added,
}

impl KnownBy {
    /// Is the follower known in proven messages, too?
    #[must_use]
    pub fn is_proven(self) -> bool {
        match self {
            Self::PutBack | Self::Added => true,
            Self::PutBackUnproven => false,
        }
    }
}

/// A message that stays, and that teaches nothing until the user confirms it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The followers that it names.
    pub followers: Vec<FollowerKey>,
    /// Why it is uncertain.
    pub why: Stay,
    /// Since when.
    pub noted_at: Timestamp,
}

/// What was learned from a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// From so many messages that were put back.
    From(usize),
    /// Nothing: too many came back at once to have been put back by hand.
    TooMany(usize),
}

impl Ledger {
    /// Notes that the user has put back a message that was moved. It is never moved again, and the followers that it
    /// names are known from now on; in unproven messages alone, if it is not proven itself.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written, or the message is not in it under any account.
    pub fn note_correction(
        &mut self,
        account: &AccountName,
        identity: &MailIdentity,
        noted_at: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("note that a message was put back", |transaction| {
            let mail = anywhere(transaction, account, identity)?;
            correct(transaction, mail, noted_at)
        })
    }

    /// Notes that a message stays where it is. Nothing is learned yet.
    ///
    /// # Errors
    ///
    /// As [`Ledger::note_correction`].
    pub fn keep(
        &mut self,
        account: &AccountName,
        identity: &MailIdentity,
        why: Stay,
        noted_at: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("note that a message stays", |transaction| {
            // A message that today's profiles do not recognise is not in the ledger, and is not moved either.
            let Some(mail) = anywhere(transaction, account, identity).optional()? else { return Ok(()) };
            transaction
                .execute(
                    "INSERT INTO kept (mail, account, why, noted_at)
                     SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM correction WHERE mail = ?1)
                     ON CONFLICT DO NOTHING",
                    params![mail, account, why.word(), noted_at],
                )
                .map(drop)
        })
    }

    /// Learns from the messages of an account that were put back, at the end of a sweep; or only keeps them where they
    /// are, if they are too many.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn learn(&mut self, account: &AccountName, now: Timestamp) -> Result<Learned, LedgerFault> {
        self.write("learn from what was put back", |transaction| {
            let pending = pending(transaction, account)?;
            if pending.len() > BY_HAND {
                for mail in &pending {
                    transaction.execute("UPDATE kept SET why = 'many' WHERE mail = ?", [mail])?;
                }
                return Ok(Learned::TooMany(pending.len()));
            }
            for mail in &pending {
                correct(transaction, *mail, now)?;
            }
            Ok(Learned::From(pending.len()))
        })
    }

    /// All known followers, by network and key.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn known(&self) -> Result<Vec<Known>, LedgerFault> {
        self.read("look up who is known", |connection| {
            connection
                .prepare_cached(
                    "SELECT network, key, origin, noted_at, proven FROM known_follower ORDER BY network, key",
                )?
                .query_map([], |row| {
                    let origin: String = row.get(2)?;
                    let origin = match origin.as_str() {
                        "added" => KnownBy::Added,
                        _ if row.get(4)? => KnownBy::PutBack,
                        _ => KnownBy::PutBackUnproven,
                    };
                    Ok(Known {
                        follower: FollowerKey::stored(row.get(0)?, row.get(1)?),
                        origin,
                        noted_at: row.get(3)?,
                    })
                })?
                .collect()
        })
    }

    /// The messages that stay and teach nothing until the user confirms them, the oldest first.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn unconfirmed(&self) -> Result<Vec<Unconfirmed>, LedgerFault> {
        self.read("look up what is to be confirmed", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT mail, why, noted_at FROM kept WHERE why <> 'pending' ORDER BY noted_at, mail",
            )?;
            let mut rows = select.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let why: String = row.get(1)?;
                all.push(Unconfirmed {
                    followers: followers(connection, row.get(0)?)?,
                    why: Stay::stored(&why),
                    noted_at: row.get(2)?,
                });
            }
            Ok(all)
        })
    }

    /// Notes that the user knows a follower, who is not unwelcome any more; `false` where that was known already.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn add_known(&mut self, follower: &FollowerKey, now: Timestamp) -> Result<bool, LedgerFault> {
        self.write("note that a follower is known", |transaction| {
            let added = transaction.execute(
                "INSERT INTO known_follower (network, key, origin, mail, noted_at)
                 VALUES (?, ?, 'added', NULL, ?)
                 ON CONFLICT DO UPDATE SET origin = 'added', mail = NULL, noted_at = excluded.noted_at, proven = 1
                 WHERE NOT proven",
                params![follower.network(), follower.as_str(), now],
            )?;
            transaction.execute(
                "DELETE FROM unwelcome_follower WHERE network = ? AND key = ?",
                params![follower.network(), follower.as_str()],
            )?;
            Ok(added > 0)
        })
    }

    /// Forgets that a follower is known or unwelcome; `false` where they were neither. The messages about them that were put back stay where
    /// they are all the same.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn forget_known(&mut self, follower: &FollowerKey) -> Result<bool, LedgerFault> {
        self.write("forget a known follower", |transaction| {
            let gone = transaction.execute(
                "DELETE FROM known_follower WHERE network = ? AND key = ?",
                params![follower.network(), follower.as_str()],
            )? + transaction.execute(
                "DELETE FROM unwelcome_follower WHERE network = ? AND key = ?",
                params![follower.network(), follower.as_str()],
            )?;
            Ok(gone > 0)
        })
    }

    /// Confirms that the user put messages back: those that name `follower`, or all that are unconfirmed except second
    /// copies, messages that were brought back for their star, and those that were to teach nothing. Returns how many.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn confirm(&mut self, follower: Option<&FollowerKey>, now: Timestamp) -> Result<usize, LedgerFault> {
        self.write("confirm what was put back", |transaction| {
            let mails: Vec<(i64, String)> = transaction
                .prepare_cached("SELECT mail, why FROM kept WHERE why <> 'pending' ORDER BY mail")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let mut confirmed = 0;
            for (mail, why) in mails {
                let meant = match follower {
                    None => !matches!(Stay::stored(&why), Stay::Twin | Stay::Touched | Stay::Asked),
                    Some(follower) => followers(transaction, mail)?.contains(follower),
                };
                if meant {
                    correct(transaction, mail, now)?;
                    confirmed += 1;
                }
            }
            Ok(confirmed)
        })
    }
}

/// The row of a message, if need be under another account: a message that was moved under an account's former name, and
/// that today's profiles cannot read, is only there.
fn anywhere(
    transaction: &Connection,
    account: &AccountName,
    identity: &MailIdentity,
) -> rusqlite::Result<i64> {
    transaction.query_row(
        "SELECT id FROM mail WHERE digest = ? AND size = ? ORDER BY account <> ?, id LIMIT 1",
        params![identity.digest, identity.size, account],
        |row| row.get(0),
    )
}

pub(super) fn correct(transaction: &Connection, mail: i64, noted_at: Timestamp) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM kept WHERE mail = ?", [mail])?;
    transaction.execute(
        "INSERT INTO correction (mail, noted_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        params![mail, noted_at],
    )?;
    // A follower of whom nothing can be seen is in no other message.
    transaction.execute(
        "INSERT INTO known_follower (network, key, origin, mail, noted_at, proven)
         SELECT follower.network, key, 'put-back', ?1, ?2, authentic = 'pass'
         FROM follower JOIN judgement ON judgement.id = follower.judgement
         WHERE judgement = (SELECT latest FROM mail WHERE id = ?1) AND key NOT LIKE '#blank %'
         ON CONFLICT DO UPDATE SET mail = excluded.mail, noted_at = excluded.noted_at, proven = 1
         WHERE excluded.proven AND NOT known_follower.proven",
        params![mail, noted_at],
    )?;
    // What the user filed by hand was proven; if they put it back, its follower is welcome again.
    transaction.execute(
        "DELETE FROM unwelcome_follower WHERE (network, key) IN (
             SELECT follower.network, key FROM follower JOIN judgement ON judgement.id = follower.judgement
             WHERE judgement = (SELECT latest FROM mail WHERE id = ?) AND authentic = 'pass')",
        [mail],
    )?;
    Ok(())
}

fn pending(transaction: &Connection, account: &AccountName) -> rusqlite::Result<Vec<i64>> {
    transaction
        .prepare_cached("SELECT mail FROM kept WHERE why = 'pending' AND account = ? ORDER BY mail")?
        .query_map([account], |row| row.get(0))?
        .collect()
}

fn followers(connection: &Connection, mail: i64) -> rusqlite::Result<Vec<FollowerKey>> {
    connection
        .prepare_cached(
            "SELECT network, key FROM follower WHERE judgement = (SELECT latest FROM mail WHERE id = ?)
             ORDER BY position",
        )?
        .query_map([mail], |row| {
            let network: Network = row.get(0)?;
            Ok(FollowerKey::stored(network, row.get(1)?))
        })?
        .collect()
}
