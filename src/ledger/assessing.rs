//! Notes which message is being assessed. A message over which the process has died twice is left alone until another
//! version of followsift runs, which may have fixed the cause.
//!
//! No message is known to cause a crash or an endless loop; this is for the unknown one. The note is written before each
//! assessment. It has to outlive the process but not the machine, so it is a file of its own, one for each account, which is never
//! synced: a transaction for each message would cost more than to read the message. Earlier versions had a table for it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use rusqlite::params;
use rustix::fs::OFlags;

use super::{Ledger, LedgerFault};
use crate::owner;
use crate::place::{AccountName, Folder, MailRef, Uid, UidValidity};

/// How often the process may die over a message.
const DEATHS: i64 = 2;
/// The followsift that is running.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest note: a folder's name and some numbers.
const LONGEST: usize = 1024;
/// The first byte of a note while the message is assessed, and afterwards.
const BEGUN: u8 = b'+';
const ENDED: u8 = b'-';

/// The file that holds an account's note. It stays open.
#[derive(Debug)]
pub(super) struct NoteFile {
    account: AccountName,
    file: File,
}

impl NoteFile {
    fn open(path: &PathBuf, account: &AccountName) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)?;
        owner::close_open_to_others(&file)?;
        Ok(Self { account: account.clone(), file })
    }

    /// The folder, UIDVALIDITY and UID of the message that was being assessed, and the version of the followsift that did; none if
    /// its assessment ended.
    fn begun(&self) -> io::Result<Option<(String, UidValidity, Uid, String)>> {
        let mut bytes = [0; LONGEST];
        let length = self.file.read_at(&mut bytes, 0)?;
        let note = bytes.get(..length).and_then(|note| note.strip_prefix(&[BEGUN]));
        let note = note.and_then(|note| note.split(|byte| *byte == 0).next());
        let Some(Ok(note)) = note.map(std::str::from_utf8) else { return Ok(None) };
        let mut words = note.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (validity, uid, version, folder) = (word().parse(), word().parse(), word(), word());
        let (Ok(validity), Ok(uid)) = (validity, uid) else { return Ok(None) };
        Ok(Some((folder.to_owned(), UidValidity(validity), Uid(uid), version.to_owned())))
    }
}

impl Ledger {
    /// Counts the death of an earlier process that died while it assessed a message of the account.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn count_deaths(&mut self, account: &AccountName) -> Result<(), LedgerFault> {
        let noted = self.note(account, NoteFile::begun)?;
        let in_table: bool = self.read("look for a message that was being assessed", |connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM assessing WHERE account = ?)")?
                .query_row([account], |row| row.get(0))
        })?;
        if noted.is_none() && !in_table {
            return Ok(());
        }
        self.write("count a death over a message", |transaction| {
            transaction.execute(
                "INSERT INTO deadly (account, folder, validity, uid, deaths, version)
                 SELECT account, folder, validity, uid, 1, version FROM assessing WHERE account = ?
                 ON CONFLICT DO UPDATE SET deaths = deaths + 1, version = excluded.version",
                [account],
            )?;
            transaction.execute("DELETE FROM assessing WHERE account = ?", [account])?;
            if let Some((folder, validity, uid, version)) = noted {
                transaction.execute(
                    "INSERT INTO deadly (account, folder, validity, uid, deaths, version) VALUES (?, ?, ?, ?, 1, ?)
                     ON CONFLICT DO UPDATE SET deaths = deaths + 1, version = excluded.version",
                    params![account, folder, validity, uid, version],
                )?;
            }
            Ok(())
        })?;
        self.end_assessing(account)
    }

    /// Notes that a message is about to be assessed; `false` where the process has died over it twice, so that it is
    /// left. A version other than the one that died last tries once more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn begin_assessing(&self, mail: &MailRef) -> Result<bool, LedgerFault> {
        let is_deadly = self.attempt("look for deaths over a message", |connection| {
            let deaths: i64 = connection
                .prepare_cached(
                    "SELECT coalesce(max(deaths), 0) FROM deadly
                     WHERE account = ? AND folder = ? AND validity = ? AND uid = ? AND version = ?",
                )?
                .query_row(params![mail.account, mail.folder, mail.validity, mail.uid, VERSION], |row| {
                    row.get(0)
                })?;
            Ok(deaths >= DEATHS)
        })?;
        if is_deadly {
            return Ok(false);
        }
        let note =
            format!("{}{} {} {VERSION} {}\0", char::from(BEGUN), mail.validity.0, mail.uid, mail.folder);
        self.note(&mail.account, |note_file| note_file.file.write_all_at(note.as_bytes(), 0))?;
        Ok(true)
    }

    /// The messages of a folder that were left by another version of followsift: this one tries each once more.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn left_by_another_version(
        &self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
    ) -> Result<Vec<Uid>, LedgerFault> {
        self.read("look for messages that were not assessed", |connection| {
            connection
                .prepare_cached(
                    "SELECT uid FROM deadly WHERE account = ? AND folder = ? AND validity = ? AND deaths >= ? AND version <> ?",
                )?
                .query_map(params![account, folder, validity, DEATHS, VERSION], |row| row.get(0))?
                .collect()
        })
    }

    /// Forgets the deaths over messages that this process has survived, or that are gone.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn forget_deaths(
        &mut self,
        account: &AccountName,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
    ) -> Result<(), LedgerFault> {
        let one = "DELETE FROM deadly WHERE account = ? AND folder = ? AND validity = ? AND uid = ?";
        self.delete_each(one, account, folder, validity, uids)
    }

    /// Notes that the assessment is over.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn end_assessing(&self, account: &AccountName) -> Result<(), LedgerFault> {
        self.note(account, |note| note.file.write_all_at(&[ENDED], 0))
    }

    /// Reads or writes the note of an account.
    fn note<T>(
        &self,
        account: &AccountName,
        work: impl FnOnce(&NoteFile) -> io::Result<T>,
    ) -> Result<T, LedgerFault> {
        // No account's name has a dot in it.
        let path = || self.file.with_file_name(format!("{account}.assessing"));
        let mut note = self.note.borrow_mut();
        let opened = match note.take().filter(|note| note.account == *account) {
            Some(opened) => Ok(opened),
            None => NoteFile::open(&path(), account),
        };
        opened
            .and_then(|opened| work(note.insert(opened)))
            .map_err(|cause| LedgerFault::File { file: path(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_left_after_two_deaths_and_tried_once_more_by_each_other_version() {
        let folder = tempfile::tempdir().unwrap();
        let account = AccountName::new("home").unwrap();
        let mail = MailRef {
            account: account.clone(),
            folder: Folder::inbox(),
            validity: UidValidity(7),
            uid: Uid(3),
        };
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let others =
            |ledger: &Ledger| ledger.left_by_another_version(&account, &mail.folder, mail.validity).unwrap();
        for deaths in 0..2 {
            assert!(ledger.begin_assessing(&mail).unwrap(), "{deaths}");
            ledger.count_deaths(&account).unwrap();
        }
        assert!(!ledger.begin_assessing(&mail).unwrap());
        assert!(others(&ledger).is_empty());
        // As an earlier version has written it.
        ledger.connection.execute("UPDATE deadly SET version = 'earlier'", []).unwrap();
        assert_eq!(others(&ledger), [mail.uid]);
        assert!(ledger.begin_assessing(&mail).unwrap());
        // The earlier one may also be the one that dies now; it noted the message in a table.
        ledger.end_assessing(&account).unwrap();
        let row = "INSERT INTO assessing (account, folder, validity, uid, version) VALUES ('home', 'INBOX', 7, 3, 'earlier')";
        ledger.connection.execute(row, []).unwrap();
        ledger.count_deaths(&account).unwrap();
        assert!(ledger.begin_assessing(&mail).unwrap());
        ledger.count_deaths(&account).unwrap();
        assert!(!ledger.begin_assessing(&mail).unwrap() && others(&ledger).is_empty());
        ledger.forget_deaths(&account, &mail.folder, mail.validity, &[mail.uid]).unwrap();
        assert!(ledger.begin_assessing(&mail).unwrap());
    }

    #[test]
    fn what_was_assessed_to_the_end_is_no_death_whatever_was_noted_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let account = AccountName::new("home").unwrap();
        let mail = |folder: &str, uid: u32| MailRef {
            account: account.clone(),
            folder: Folder::new(folder).unwrap(),
            validity: UidValidity(1 << 40),
            uid: Uid(uid),
        };
        let long = mail("A folder/with a \u{fc}nusually long name, and blanks", 4_000_000_000);
        let deaths = || {
            // Each process opens the ledger anew.
            let mut ledger = Ledger::open(folder.path()).unwrap();
            ledger.count_deaths(&account).unwrap();
            let all = "SELECT folder, validity, uid, deaths FROM deadly ORDER BY uid";
            let mut all = ledger.connection.prepare(all).unwrap();
            let rows =
                all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
            rows.collect::<Result<Vec<(Folder, UidValidity, Uid, u32)>, _>>().unwrap()
        };
        let begin = |mail: &MailRef| Ledger::open(folder.path()).unwrap().begin_assessing(mail).unwrap();
        let end = || Ledger::open(folder.path()).unwrap().end_assessing(&account).unwrap();
        assert!(begin(&long));
        end();
        assert_eq!(deaths(), []);
        assert!(begin(&long));
        // Shorter than what was noted before.
        assert!(begin(&mail("B", 7)));
        let expected =
            |uid: u32, deaths: u32| (Folder::new("B").unwrap(), UidValidity(1 << 40), Uid(uid), deaths);
        assert_eq!(deaths(), [expected(7, 1)]);
        // It is counted once.
        assert_eq!(deaths(), [expected(7, 1)]);
        assert!(begin(&long));
        assert_eq!(deaths().last(), Some(&(long.folder.clone(), long.validity, long.uid, 1)));
    }
}
