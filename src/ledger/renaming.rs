//! Which name an account has in the ledger. An account that gets another name in the settings keeps its memory: it is known by its
//! mailbox, and all that is remembered of it follows the name in one transaction. Called by `sweep`, before a sweep, and by `cli`.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::place::{AccountName, MailboxKey};

/// What is remembered under an account's name. If something is under the new name already, it came after the renaming: the memory
/// takes its place, and of the messages, which are known under any name, such ones stay.
const FOLLOW: [&str; 18] = [
    "UPDATE OR IGNORE mail SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE folder_cursor SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE newest SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE unshown SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE deadly SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE assessing SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE waiting SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE kept SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE fuse SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE sent_folder SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE sent_person SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE target_look SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE target_cursor SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE past_follower SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE past_wave SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE lookup SET account = ?2 WHERE account = ?1",
    "UPDATE OR REPLACE digest SET account = ?2 WHERE account = ?1",
    // The one that ends later counts.
    "UPDATE OR REPLACE pause SET account = ?2, until = max(until, coalesce((SELECT until FROM pause WHERE account = ?2), 0))
         WHERE account = ?1",
];

impl Ledger {
    /// The name under which the ledger remembers an account that it does not know by its present one: another account of the same
    /// mailbox, if it is not among the `configured` ones any more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn former_name(
        &self,
        account: &AccountName,
        mailbox: &MailboxKey,
        configured: &[AccountName],
    ) -> Result<Option<AccountName>, LedgerFault> {
        self.read("look for an account that was renamed", |connection| {
            former_name(connection, account, mailbox, configured)
        })
    }

    /// Notes the mailbox of an account. If the account was renamed ([`Ledger::former_name`]), all that is remembered of it goes on
    /// under its new name; returns the old one.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read or written.
    pub fn follow_name(
        &mut self,
        account: &AccountName,
        mailbox: &MailboxKey,
        configured: &[AccountName],
    ) -> Result<Option<AccountName>, LedgerFault> {
        let key = mailbox.to_string();
        let known =
            self.read("look up the mailbox of an account", |connection| mailbox_of(connection, account))?;
        if known.as_ref().is_some_and(|known| known.as_ref() == Some(&key)) {
            return Ok(None);
        }
        if known.is_none() && self.former_name(account, mailbox, configured)?.is_none() {
            return Ok(None);
        }
        self.write("note the name and the mailbox of an account", |transaction| {
            let former = former_name(transaction, account, mailbox, configured)?;
            if let Some(former) = &former {
                transaction.pragma_update(None, "defer_foreign_keys", true)?;
                for change in FOLLOW {
                    transaction.execute(change, [former, account])?;
                }
                transaction.execute("UPDATE account SET name = ?2 WHERE name = ?1", [former, account])?;
            }
            transaction.execute("UPDATE account SET mailbox = ?2 WHERE name = ?1", params![account, key])?;
            Ok(former)
        })
    }
}

/// The digest of the mailbox of an account that the ledger knows, if that was noted.
fn mailbox_of(connection: &Connection, account: &AccountName) -> rusqlite::Result<Option<Option<String>>> {
    connection
        .prepare_cached("SELECT mailbox FROM account WHERE name = ?")?
        .query_row([account], |row| row.get(0))
        .optional()
}

fn former_name(
    connection: &Connection,
    account: &AccountName,
    mailbox: &MailboxKey,
    configured: &[AccountName],
) -> rusqlite::Result<Option<AccountName>> {
    if mailbox_of(connection, account)?.is_some() {
        return Ok(None);
    }
    // Under several names, if earlier versions were given them: the last one counts.
    let names: Vec<AccountName> = connection
        .prepare_cached(
            "SELECT name FROM account WHERE mailbox = ? ORDER BY coalesce(
                 (SELECT max(looked_at) FROM folder_cursor WHERE account = name), 0) DESC, name",
        )?
        .query_map([mailbox.to_string()], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(names.into_iter().find(|name| !configured.contains(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_that_has_an_account_follows_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let tables: Vec<String> = ledger
            .connection
            .prepare(
                "SELECT sqlite_schema.name FROM sqlite_schema, pragma_table_info(sqlite_schema.name) AS info
                 WHERE sqlite_schema.type = 'table' AND info.name = 'account' ORDER BY 1",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut following: Vec<_> = FOLLOW.iter().map(|change| change.split(' ').nth(3).unwrap()).collect();
        following.sort_unstable();
        assert_eq!(tables, following);
    }
}
