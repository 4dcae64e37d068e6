//! What the user has put right by hand. Obeyed for ever.

use rusqlite::params;

use super::{Ledger, LedgerFault};
use crate::mail::Timestamp;
use crate::place::{AccountName, MailIdentity};

impl Ledger {
    /// Notes that the user has put back a mail that was moved. It is never moved again, and the followers
    /// that it names are known from now on.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written, or the mail is not in it, under whichever account.
    pub fn note_correction(
        &mut self,
        account: &AccountName,
        identity: &MailIdentity,
        noted_at: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("note that a mail was put back", |transaction| {
            // What was moved under an account's former name, and cannot be read by today's profiles, is only there.
            let mail: i64 = transaction.query_row(
                "SELECT id FROM mail WHERE digest = ? AND size = ? ORDER BY account <> ?, id LIMIT 1",
                params![identity.digest, identity.size, account],
                |row| row.get(0),
            )?;
            transaction.execute(
                "INSERT INTO correction (mail, noted_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                params![mail, noted_at],
            )?;
            transaction.execute(
                "INSERT INTO known_follower (network, key, mail)
                 SELECT network, key, ?1 FROM follower
                 WHERE judgement = (SELECT latest FROM mail WHERE id = ?1)
                 ON CONFLICT DO NOTHING",
                [mail],
            )?;
            Ok(())
        })
    }
}
