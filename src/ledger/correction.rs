//! What the user has put right by hand. Obeyed for ever.

use rusqlite::params;

use super::judged::find_mail;
use super::{Ledger, LedgerFault};
use crate::mail::Timestamp;
use crate::place::{AccountName, MailIdentity};

impl Ledger {
    /// Notes that the user has put back a mail that was moved. It is never moved again, and the followers
    /// that it names are known from now on.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be written, or the mail is not in it.
    pub fn note_correction(
        &mut self,
        account: &AccountName,
        identity: &MailIdentity,
        noted_at: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("note that a mail was put back", |transaction| {
            let mail = find_mail(transaction, account, identity)?;
            let mail = mail.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
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

    /// Has the user put this mail back, in whichever account?
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    pub fn is_corrected(&self, identity: &MailIdentity) -> Result<bool, LedgerFault> {
        self.read("look for a correction", |connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM correction JOIN mail ON mail.id = correction.mail
                     WHERE digest = ? AND size = ?)",
                )?
                .query_row(params![identity.digest, identity.size], |row| row.get(0))
        })
    }
}
