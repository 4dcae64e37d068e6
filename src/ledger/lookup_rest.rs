//! Servers that are not to be asked for profiles just now: until when, and whether a new token ends that. `lookup` notes the pauses.

use rusqlite::{OptionalExtension, params};

use super::lookup::LONGEST_PAUSE;
use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::host::HostName;

impl Ledger {
    /// Until when a server is not to be asked, if it is not now. `token` identifies the file with the user's token for it.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn rests_until(
        &self,
        server: &HostName,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.read("look for when a server may be asked", |connection| {
            connection
                .prepare_cached(
                    "SELECT not_before FROM lookup_server
                     WHERE server = ?1 AND not_before BETWEEN ?2 + 1 AND ?2 + ?3 AND coalesce(token = ?4, TRUE)",
                )?
                .query_row(params![server.as_str(), now, LONGEST_PAUSE, token], |row| {
                    row.get(0).map(Timestamp)
                })
                .optional()
        })
    }

    /// Ends the pause that a refused token has caused, if the file with the token has changed since.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn note_token(&mut self, server: &HostName, token: &str) -> Result<(), LedgerFault> {
        let is_changed = self.read("look for a token that was refused", |connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM lookup_server WHERE server = ? AND token <> ?)",
                )?
                .query_row([server.as_str(), token], |row| row.get::<_, bool>(0))
        })?;
        if !is_changed {
            return Ok(());
        }
        self.write("note that a token has changed", |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE lookup_server SET not_before = 0, token = NULL WHERE server = ? AND token <> ?",
                )?
                .execute([server.as_str(), token])
                .map(drop)
        })
    }
}
