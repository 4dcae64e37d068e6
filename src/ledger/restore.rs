//! Which filed messages can be put back at the user's request, and the statement of their way back. Called by `sweep`.

use rusqlite::params;

use super::correction::correct;
use super::earlier::filed_copy;
use super::intent::put_intent;
use super::{FiledCopy, Intent, IntentId, Ledger, LedgerFault, Stay};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder};

/// A message that was filed, and that can be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restorable {
    /// Where it was filed.
    pub copy: FiledCopy,
    /// Where it was before.
    pub source: Folder,
    /// It was found where it is, and it is only a guess that it was there before.
    pub found: bool,
    /// When it arrived there.
    pub received: Option<Timestamp>,
}

impl Ledger {
    /// Those of an account's moves after which the message can be put back: followsift made them, they succeeded, and neither the
    /// user nor followsift has put the message back since.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn restorable(
        &self,
        account: &AccountName,
        moves: &[IntentId],
    ) -> Result<Vec<Restorable>, LedgerFault> {
        self.read("look for filed messages", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT intent.id, to_folder, to_validity, to_uid, digest, size, left_at, account, stated_at, outcome,
                     from_folder, intent.received, from_uid = 0
                 FROM intent CROSS JOIN mail ON mail.id = intent.mail
                 WHERE intent.id = ?1 AND account = ?2 AND outcome = 'moved' AND returns = 0 AND by_user = 0
                     AND NOT EXISTS (SELECT 1 FROM correction WHERE correction.mail = mail.id)
                     AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.mail = mail.id AND why IN ('pending', 'touched', 'asked'))",
            )?;
            let mut found = Vec::new();
            for id in moves {
                let rows = select.query_map(params![id.0, account], |row| {
                    let (source, received, found) = (row.get(10)?, row.get(11)?, row.get(12)?);
                    Ok(Restorable { copy: filed_copy(row)?, source, found, received })
                })?;
                found.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            Ok(found)
        })
    }

    /// States the way back of messages that the user wants back: as [`Ledger::intend`], and in the same transaction notes that they
    /// are never moved again. If `learns`, their followers are known from then on.
    ///
    /// # Errors
    ///
    /// As [`Ledger::intend`].
    pub fn intend_back(
        &mut self,
        intents: &[Intent],
        learns: bool,
        now: Timestamp,
    ) -> Result<Vec<IntentId>, LedgerFault> {
        self.write("state the way back of a message", |transaction| {
            let mut ids = Vec::new();
            for intent in intents {
                let id = put_intent(transaction, intent)?;
                let mail: i64 = transaction
                    .prepare_cached("UPDATE intent SET by_user = 1 WHERE id = ? RETURNING mail")?
                    .query_row([id.0], |row| row.get(0))?;
                if learns {
                    correct(transaction, mail, now)?;
                } else {
                    transaction
                        .prepare_cached(
                            "INSERT INTO kept (mail, account, why, noted_at)
                             SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM correction WHERE mail = ?1)
                             ON CONFLICT (mail) DO UPDATE SET why = ?3, noted_at = ?4",
                        )?
                        .execute(params![mail, intent.mail.account, Stay::Asked.word(), now])?;
                }
                ids.push(id);
            }
            Ok(ids)
        })
    }
}
