//! The note beside the ledger, `last-move`, by which a ledger that was put back from a backup is recognised. It holds the number of
//! the last move that was stated in this folder, and which file the ledger is. Called by `mod` when a ledger is opened, and by `intent`.
//!
//! The numbers of moves only grow, and the note is written after the move it names is on the disk. So a ledger that has not come to
//! that number is older than one that was used here: that is certain. A ledger in another file than the note says, or without a note,
//! is a copy, which may be old or not; `sweep` asks the mailbox.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rusqlite::Connection;

use super::{Gap, Ledger, LedgerFault, backup};

/// The note, and the one that is being written.
const FILE: &str = "last-move";
const UNFINISHED: &str = "last-move.unfinished";

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
        let noted = read(&place(&self.file, FILE))
            .map_err(|cause| LedgerFault::File { file: place(&self.file, FILE), cause })?;
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
        self.note_last_move(number)
            .map_err(|cause| LedgerFault::File { file: place(&self.file, FILE), cause })
    }

    /// Which file the ledger is: its inode, and when it was created where the file system says so, since a file that takes the place of
    /// a deleted one may get its inode.
    fn which_file(&self) -> String {
        let created = self.file.metadata().and_then(|metadata| metadata.created()).ok();
        let since = created.and_then(|created| created.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        format!("{}.{}", self.opened.1, since.as_nanos())
    }

    /// Notes that a move was stated.
    pub(super) fn note_last_move(&self, number: i64) -> io::Result<()> {
        let (unfinished, note) = (place(&self.file, UNFINISHED), place(&self.file, FILE));
        backup::remove(&unfinished)?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{number} {}", self.which_file())?;
        fs::rename(&unfinished, &note)
    }
}

fn place(ledger: &Path, name: &str) -> PathBuf {
    ledger.with_file_name(name)
}

/// A note that is cut short, as after a power cut, counts as missing.
fn read(note: &Path) -> io::Result<Option<LastMove>> {
    let bytes = match fs::read(note) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let parts = text.strip_suffix('\n').and_then(|line| line.split_once(' '));
    Ok(parts
        .and_then(|(number, file)| Some(LastMove { number: number.parse().ok()?, file: file.to_owned() })))
}

/// The highest number that a move ever had in this ledger.
fn last_stated(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'intent'), 0)",
        [],
        |row| row.get(0),
    )
}
