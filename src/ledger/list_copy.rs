//! The last good copy of each file from which a list reads its people, so that a file that is empty while it is being
//! saved does not turn friends into strangers, also after a restart.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::rules::{ListSource, Person};

/// After so many seconds, the ledger forgets a copy that no list has asked for.
const KEPT: i64 = 90 * 24 * 60 * 60;

/// After so many seconds, a copy that is still good is noted as read again.
const FRESH: i64 = 24 * 60 * 60;

impl Ledger {
    /// Keeps these copies, under the absolute paths of their files; the copies of other files stay for as long as a
    /// list may ask for them again. Writes nothing if nothing has changed.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read or written; then the earlier copies stay.
    pub fn keep_list_copies(
        &mut self,
        copies: &BTreeMap<ListSource, Vec<Person>>,
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        let due = self.read("look up the copies of lists", |connection| {
            let mut due = Vec::new();
            for (source, people) in copies {
                let Some((kind, path)) = words(source) else { continue };
                let known = known(connection, kind, path)?;
                let wanted: BTreeSet<&Person> = people.iter().collect();
                let fresh = known.as_ref().is_some_and(|(_, at)| (now.0 - FRESH..=now.0).contains(at));
                let same = match &known {
                    Some((id, _)) => self::people(connection, *id)?.iter().collect::<BTreeSet<_>>() == wanted,
                    None => false,
                };
                if !(same && fresh) {
                    due.push((kind, path, wanted));
                }
            }
            Ok(due)
        })?;
        if due.is_empty() {
            return Ok(());
        }
        self.write("keep the copy of a list", |transaction| {
            for (kind, path, people) in &due {
                put(transaction, kind, path, people, now)?;
            }
            transaction.execute(
                "DELETE FROM list_person WHERE file IN (SELECT id FROM list_file WHERE read_at < ?)",
                [now.0.saturating_sub(KEPT)],
            )?;
            transaction
                .execute("DELETE FROM list_file WHERE read_at < ?", [now.0.saturating_sub(KEPT)])
                .map(drop)
        })
    }

    /// The copies that are kept, under the absolute paths of their files.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn list_copies(&self) -> Result<BTreeMap<ListSource, Vec<Person>>, LedgerFault> {
        self.read("look up the copies of lists", |connection| {
            let mut copies = BTreeMap::new();
            let mut files = connection.prepare_cached("SELECT id, kind, path FROM list_file")?;
            let mut rows = files.query([])?;
            while let Some(row) = rows.next()? {
                let (id, kind, path): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let source = if kind == "vcard" { ListSource::Vcard(path) } else { ListSource::File(path) };
                copies.insert(source, people(connection, id)?);
            }
            Ok(copies)
        })
    }
}

/// How the ledger writes a source; folders of sent messages have tables of their own.
fn words(source: &ListSource) -> Option<(&'static str, &str)> {
    match source {
        ListSource::File(path) => Some(("file", path)),
        ListSource::Vcard(path) => Some(("vcard", path)),
        ListSource::FromSent(_) => None,
    }
}

fn known(connection: &Connection, kind: &str, path: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached("SELECT id, read_at FROM list_file WHERE kind = ? AND path = ?")?
        .query_row([kind, path], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn people(connection: &Connection, file: i64) -> rusqlite::Result<Vec<Person>> {
    connection
        .prepare_cached(
            "SELECT is_handle, written FROM list_person WHERE file = ? ORDER BY is_handle, written",
        )?
        .query_map([file], |row| {
            let (is_handle, written): (bool, String) = (row.get(0)?, row.get(1)?);
            Ok(if is_handle { Person::Handle(written) } else { Person::Name(written) })
        })?
        .collect()
}

fn put(
    connection: &Connection,
    kind: &str,
    path: &str,
    people: &BTreeSet<&Person>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let file: i64 = connection
        .prepare_cached(
            "INSERT INTO list_file (kind, path, read_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, path) DO UPDATE SET read_at = ?3 RETURNING id",
        )?
        .query_row(params![kind, path, now], |row| row.get(0))?;
    connection.prepare_cached("DELETE FROM list_person WHERE file = ?")?.execute([file])?;
    let mut insert =
        connection.prepare_cached("INSERT INTO list_person (file, is_handle, written) VALUES (?, ?, ?)")?;
    for person in people {
        let (is_handle, written) = match person {
            Person::Handle(handle) => (true, handle),
            Person::Name(name) => (false, name),
        };
        insert.execute(params![file, is_handle, written])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(file: &str, people: &[&str]) -> BTreeMap<ListSource, Vec<Person>> {
        let people = people.iter().filter_map(|person| Person::parse(person)).collect();
        BTreeMap::from([(ListSource::File(file.to_owned()), people)])
    }

    #[test]
    fn a_copy_survives_a_restart_and_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        ledger.keep_list_copies(&copies("/a", &["@bo", "Ana", "Ana"]), Timestamp(1000)).unwrap();
        drop(ledger);
        let mut ledger = Ledger::open(folder.path()).unwrap();
        assert_eq!(ledger.list_copies().unwrap(), copies("/a", &["Ana", "@bo"]));
        ledger.keep_list_copies(&copies("/a", &["Cy"]), Timestamp(1001)).unwrap();
        ledger.keep_list_copies(&copies("/b", &[]), Timestamp(1002)).unwrap();
        let mut both = copies("/a", &["Cy"]);
        both.extend(copies("/b", &[]));
        assert_eq!(ledger.list_copies().unwrap(), both);
    }

    #[test]
    fn a_copy_that_no_list_asks_for_goes_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        ledger.keep_list_copies(&copies("/a", &["Ana"]), Timestamp(1000)).unwrap();
        ledger.keep_list_copies(&copies("/b", &["Bo"]), Timestamp(1000)).unwrap();
        ledger.keep_list_copies(&copies("/b", &["Bo"]), Timestamp(1000 + KEPT)).unwrap();
        ledger.keep_list_copies(&copies("/b", &["Bo"]), Timestamp(1000 + KEPT + FRESH + 1)).unwrap();
        assert_eq!(ledger.list_copies().unwrap(), copies("/b", &["Bo"]));
    }
}
