//! Reads back the messages that no layout could read: they show that a network has changed its messages.

use rusqlite::params;

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::mail::{Fact, Incomplete};
use crate::place::AccountName;

/// How many are read back; more would show nothing new.
const MOST: u32 = 1_000;

impl Ledger {
    /// The messages of an account that arrived at `since` or later and that no layout could read, in the order of their
    /// arrival; of very many, the latest.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn incomplete(
        &self,
        account: &AccountName,
        since: Timestamp,
    ) -> Result<Vec<Incomplete>, LedgerFault> {
        self.read("look up what could not be read", |connection| {
            let mut incomplete = connection
                .prepare_cached(
                    // A message that arrived since then was not seen before that.
                    "SELECT network, missing, received FROM incomplete CROSS JOIN mail ON mail.id = incomplete.mail
                     WHERE seen_at >= ?2 AND account = ?1 AND received >= ?2
                     ORDER BY received DESC, mail.id DESC LIMIT ?3",
                )?
                .query_map(params![account, since, MOST], |row| {
                    let missing: String = row.get("missing")?;
                    let missing = missing.split_whitespace().filter_map(Fact::from_word).collect();
                    Ok(Incomplete { network: row.get("network")?, missing, received: row.get("received")? })
                })?
                .collect::<Result<Vec<_>, _>>()?;
            incomplete.reverse();
            Ok(incomplete)
        })
    }
}
