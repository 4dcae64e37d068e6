//! The people to whom the user has written: the last copy of each folder of sent messages that could be read.

use rusqlite::{OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder};

/// A person to whom the user has written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Correspondent {
    /// The address, as it was written.
    pub address: String,
    /// The display name; may be empty.
    pub name: String,
}

/// The people of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentPeople {
    /// When the folder was last read in full.
    pub refreshed_at: Timestamp,
    /// In the order of their addresses.
    pub people: Vec<Correspondent>,
}

impl Ledger {
    /// Replaces what is known of a folder of sent messages by what has just been read from it.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written; then the last copy stays.
    pub fn replace_sent_people(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        sent: &SentPeople,
    ) -> Result<(), LedgerFault> {
        self.write("keep the people of a folder of sent messages", |transaction| {
            transaction.execute(
                "DELETE FROM sent_person WHERE account = ? AND folder = ?",
                params![account, folder],
            )?;
            transaction.execute(
                "INSERT INTO sent_folder (account, folder, refreshed_at) VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET refreshed_at = excluded.refreshed_at",
                params![account, folder, sent.refreshed_at],
            )?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO sent_person (account, folder, address, name) VALUES (?, ?, ?, ?)
                 ON CONFLICT DO NOTHING",
            )?;
            for person in &sent.people {
                insert.execute(params![account, folder, person.address, person.name])?;
            }
            Ok(())
        })
    }

    /// Forgets the people of an account's sent folders that are not among `folders`: no list asks for them any more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn forget_sent_people(
        &mut self,
        account: &AccountName,
        folders: &[Folder],
    ) -> Result<(), LedgerFault> {
        let known: Vec<Folder> = self.read("look up the sent folders", |connection| {
            connection
                .prepare_cached("SELECT folder FROM sent_folder WHERE account = ?")?
                .query_map([account], |row| row.get(0))?
                .collect()
        })?;
        let over: Vec<&Folder> = known.iter().filter(|folder| !folders.contains(folder)).collect();
        if over.is_empty() {
            return Ok(());
        }
        self.write("forget the people of a sent folder", |transaction| {
            for folder in over {
                for forget in [
                    "DELETE FROM sent_person WHERE account = ? AND folder = ?",
                    "DELETE FROM sent_folder WHERE account = ? AND folder = ?",
                ] {
                    transaction.execute(forget, params![account, folder])?;
                }
            }
            Ok(())
        })
    }

    /// The people of a folder of sent messages; `None` where it has never been read, which is not the same as an empty
    /// folder.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn sent_people(
        &self,
        account: &AccountName,
        folder: &Folder,
    ) -> Result<Option<SentPeople>, LedgerFault> {
        self.read("look up the people of a folder of sent messages", |connection| {
            let refreshed_at = connection
                .query_row(
                    "SELECT refreshed_at FROM sent_folder WHERE account = ? AND folder = ?",
                    params![account, folder],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(refreshed_at) = refreshed_at else { return Ok(None) };
            let people = connection
                .prepare_cached(
                    "SELECT address, name FROM sent_person WHERE account = ? AND folder = ?
                     ORDER BY address, name",
                )?
                .query_map(params![account, folder], |row| {
                    Ok(Correspondent { address: row.get(0)?, name: row.get(1)? })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Some(SentPeople { refreshed_at, people }))
        })
    }
}
