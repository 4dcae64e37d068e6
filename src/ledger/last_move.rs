//! The note beside the ledger, `last-move`, by which a ledger that was put back from a backup is recognised. It holds the number of
//! the last move that was stated in this folder, and which file the ledger is. Called by `mod` when a ledger is opened, and by `intent`.
//!
//! The numbers of moves only grow, and the note is written after the move it names is on the disk. So a ledger that has not come to
//! that number is older than one that was used here: that is certain. A ledger in another file than the note says, or without a note,
//! is a copy, which may be old or not; `sweep` asks the mailbox. A note that cannot be read counts as missing, and one that cannot be
//! written stops nothing.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use rusqlite::Connection;

use super::{Gap, Ledger, LedgerFault, backup};

/// The note.
const FILE: &str = "last-move";
/// So many notes this process has begun to write: several threads write them.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// What the note says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LastMove {
    number: i64,
    /// The ledger's file.
    file: String,
}

impl Ledger {
    /// What the note says against this ledger. Without a note there is a gap only if the ledger should have one.
    pub(super) fn gap_by_note(&self, has_one: bool) -> Result<Option<Gap>, LedgerFault> {
        // First of the two: a move that another program states in between must not look like one that is missing here.
        let noted = read(&self.file.with_file_name(FILE));
        let number = self.attempt("look up the last move", last_stated)?;
        Ok(match noted {
            Some(noted) if number < noted.number => Some(Gap::Older),
            Some(noted) if noted.file != self.which_file() => Some(Gap::Copied),
            None if has_one => Some(Gap::Copied),
            Some(_) | None => None,
        })
    }

    /// Keeps a gap for the next sweep of each account, and writes a new note.
    pub(super) fn keep_gap(&mut self, gap: Gap) -> Result<(), LedgerFault> {
        let accounts = self.write("note that the ledger is a copy", |transaction| {
            transaction
                // What was not read yet has to be, wherever the mailbox shows nothing more.
                .execute(
                    "UPDATE account SET gap = CASE WHEN gap IN ('older', 'unread') THEN 'older' ELSE ? END",
                    [gap.word()],
                )
        })?;
        if accounts > 0 { self.write_note() } else { Ok(()) }
    }

    /// Writes the note for the ledger as it is.
    pub(super) fn write_note(&self) -> Result<(), LedgerFault> {
        let number = self.attempt("look up the last move", last_stated)?;
        self.note_last_move(number);
        Ok(())
    }

    /// Which file the ledger is: its inode, and when it was created where the file system says so, since a file that takes the place of
    /// a deleted one may get its inode.
    fn which_file(&self) -> String {
        let created = self.file.metadata().and_then(|metadata| metadata.created()).ok();
        let since = created.and_then(|created| created.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        format!("{}.{}", self.opened.1, since.as_nanos())
    }

    /// Notes that a move was stated. If that fails, only this move would not be missed in an older ledger.
    pub(super) fn note_last_move(&self, number: i64) {
        let count = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.file.with_file_name(format!("{FILE}.{}-{count}.unfinished", process::id()));
        if self.put_note(&unfinished, number).is_err() {
            // It says nothing about the ledger if that fails as well.
            let _ = fs::remove_file(&unfinished);
        }
    }

    fn put_note(&self, unfinished: &Path, number: i64) -> io::Result<()> {
        // In a container, a process that was killed may have had the same number.
        backup::remove(unfinished)?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished)?;
        writeln!(file, "{number} {}", self.which_file())?;
        fs::rename(unfinished, self.file.with_file_name(FILE))
    }
}

/// A note that is cut short, as after a power cut, counts as missing.
fn read(note: &Path) -> Option<LastMove> {
    let text = fs::read_to_string(note).ok()?;
    let (number, file) = text.strip_suffix('\n')?.split_once(' ')?;
    Some(LastMove { number: number.parse().ok()?, file: file.to_owned() })
}

/// The highest number that a move ever had in this ledger.
fn last_stated(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'intent'), 0)",
        [],
        |row| row.get(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{AccountName, MailboxKey};

    fn begun(folder: &Path) -> (Ledger, AccountName) {
        let mut ledger = Ledger::open(folder).unwrap();
        let home = AccountName::new("home").unwrap();
        ledger.begin_account(&home, &MailboxKey::new("mail.example", 993, "kim"), None, None).unwrap();
        (ledger, home)
    }

    #[test]
    fn notes_that_are_written_at_the_same_time_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        drop(begun(folder.path()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let ledger = Ledger::open(folder.path()).unwrap();
                    for number in 0..300 {
                        ledger.note_last_move(number);
                        assert!(read(&folder.path().join(FILE)).is_some(), "{number}");
                    }
                });
            }
        });
        let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        assert!(files.into_iter().all(|name| !name.to_string_lossy().ends_with(".unfinished")));
    }

    #[test]
    fn a_note_that_can_be_neither_read_nor_written_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (_, home) = begun(folder.path());
        fs::remove_file(folder.path().join(FILE)).unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        let ledger = Ledger::open_read_only(folder.path()).unwrap().unwrap();
        assert_eq!(ledger.account(&home).unwrap().unwrap().gap, Some(Gap::Copied));
        let (ledger, home) = begun(folder.path());
        assert_eq!(ledger.account(&home).unwrap().unwrap().gap, None);
    }
}
