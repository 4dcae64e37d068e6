//! The record of what was intended and what was done, in SQLite: it makes crashes and corrections safe.
//!
//! Takes and returns plain values; never talks to a mail server, reads a rules file or asks the clock (the caller
//! passes the time). `sweep` writes, `assess` asks through [`Recalled`], `cli` reads the history.
//!
//! Every write is one short transaction that is on the disk when the call returns. If the ledger cannot be opened, read
//! or written, the call fails with a [`LedgerFault`], and nothing may be moved.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::owner;

mod account;
mod assessing;
mod backup;
mod columns;
mod correction;
#[cfg(test)]
mod cost;
mod cursor;
mod digest;
mod drift;
mod earlier;
mod encoding;
mod export;
mod export_encoding;
mod export_reader;
mod fault;
mod forgetting;
mod fuse;
mod hand_filed;
mod history;
mod import;
mod import_parts;
mod imported_message;
mod intent;
mod judged;
mod last_move;
mod list_copy;
mod lock;
mod lookup;
mod lookup_rest;
mod migrations;
mod pause;
mod people;
mod pool;
mod reading;
mod recall;
mod refiled;
mod remembered;
mod renaming;
mod restore;
mod rows;
mod status;
mod thinning;
mod unshown;
mod waiting;

pub use account::{AccountRecord, Gap};
pub use correction::{BY_HAND, Known, KnownBy, Learned, Unconfirmed};
pub use cursor::{Cursor, Newest, Old};
pub use digest::{Came, DigestOutcome, Filed, StatedDigest};
pub use earlier::{EarlierMove, FiledCopy, Stay};
pub use export::{ExportFault, Exported};
pub use export_reader::{Export, ImportFault};
pub use fault::{LedgerFault, SqliteFault};
pub use forgetting::Forgotten;
pub use fuse::{Allowance, Limit};
pub use hand_filed::{HandFiled, TargetLook};
pub use history::{Filing, HistoryEntry};
pub use import_parts::Imported;
pub use intent::{Intent, OpenIntent, RemovalNote, Settlement, Target};
pub use judged::{IncompleteRecord, Judged};
pub use lock::{AccountLock, LockFault, LockFolders, require_lock_folder};
pub use lookup::{Answer, Question, Reply};
pub use people::{Correspondent, SentPeople};
pub(crate) use pool::LedgerFile;
pub use pool::Pool;
pub use reading::Reading;
pub use recall::Recalled;
pub use refiled::Refiled;
pub use remembered::{Fate, Remembered};
pub use restore::Restorable;
pub use rows::IntentId;
pub use status::LookUps;
pub use waiting::{Delay, PutOff, Waiting, WaitingSums};

/// How long one connection waits for another to end its transaction. Ours take milliseconds; the rest is for
/// a disk that is slow to sync.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ledger's file in the state folder.
const FILE: &str = "ledger.sqlite";
/// How much of the file SQLite holds: half of its default. Negative numbers are KiB (<https://sqlite.org/pragma.html#pragma_cache_size>).
const CACHE_KIB: i64 = -1024;
/// So many statements are kept ready: more than there are.
const STATEMENTS: usize = 100;

/// The ledger's file and those that SQLite keeps beside it.
fn own_files(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

/// One connection to the ledger. Each thread that works has its own, from a [`Pool`]; the daemon and the commands may have it open
/// at the same time.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    file: PathBuf,
    /// Which file it is, wherever its name leads by now.
    opened: owner::FileId,
    /// It is opened to read only, and this is to be kept by the next program that writes.
    gap: Option<Gap>,
    /// Where it is noted which message is being assessed.
    note: RefCell<Option<assessing::NoteFile>>,
}

impl Ledger {
    /// Opens the ledger in the state folder `folder`; creates both if they are missing, readable by their owner only,
    /// and brings an older ledger up to date.
    ///
    /// # Errors
    ///
    /// If the folder or the file cannot be created or read, the file is not a ledger or was written by a newer
    /// followsift, or the folder belongs to another user or is writable by others. Damage shows when it is read;
    /// [`Ledger::require_whole`] looks for it in the whole file.
    pub fn open(folder: &Path) -> Result<Self, LedgerFault> {
        let file = folder.join(FILE);
        owner::claim(folder).map_err(|cause| LedgerFault::Folder { folder: folder.to_owned(), cause })?;
        // SQLite gives its own files beside the ledger the mode of the ledger, so the file is created here. An existing
        // one is not opened, for the same reason as in `connect`.
        match fs::OpenOptions::new().append(true).create_new(true).mode(0o600).open(&file) {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                return Err(LedgerFault::File { file, cause });
            }
            _ => {}
        }
        for file in own_files(&file) {
            owner::close_to_others(&file).map_err(|cause| LedgerFault::File { file, cause })?;
        }
        let mut ledger = Self::connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrations::require_ours(&ledger)?;
        // The change to WAL does not wait for a lock: it fails if another program makes it at the same time.
        let alone = fs::File::open(folder)
            .and_then(|folder| folder.lock().map(|()| folder))
            .map_err(|cause| LedgerFault::Folder { folder: folder.to_owned(), cause })?;
        ledger.attempt("open", |connection| {
            // In WAL mode readers do not wait for writers; FULL makes commits as durable as they are without WAL.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)
        })?;
        let was_current = migrations::migrate(&mut ledger)?;
        match ledger.gap_by_note(was_current)? {
            Some(gap) => ledger.keep_gap(gap)?,
            // What an earlier version has written may have no note yet, and would look like a copy the next time.
            None if !was_current && !ledger.accounts()?.is_empty() => ledger.write_note()?,
            None => {}
        }
        drop(alone);
        Ok(ledger)
    }

    /// Opens the ledger to read only; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// As [`Ledger::open`].
    pub fn open_read_only(folder: &Path) -> Result<Option<Self>, LedgerFault> {
        let file = folder.join(FILE);
        if !file.try_exists().map_err(|cause| LedgerFault::File { file: file.clone(), cause })? {
            return Ok(None);
        }
        owner::require_ours(folder)
            .map_err(|cause| LedgerFault::Folder { folder: folder.to_owned(), cause })?;
        let mut ledger = Self::connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        migrations::require_current(&ledger)?;
        ledger.gap = ledger.gap_by_note(true)?;
        Ok(Some(ledger))
    }

    /// Looks through the whole ledger for damage and changes nothing; if there is no ledger yet, checks that one can be
    /// created.
    ///
    /// # Errors
    ///
    /// As [`Ledger::open`]. An older ledger is not a fault: the next sweep brings it up to date.
    pub fn examine(folder: &Path) -> Result<(), LedgerFault> {
        let unusable = |cause| LedgerFault::Folder { folder: folder.to_owned(), cause };
        lock::require_lock_folder(folder).map_err(unusable)?;
        let file = folder.join(FILE);
        if !file.try_exists().map_err(|cause| LedgerFault::File { file: file.clone(), cause })? {
            return Ok(());
        }
        let ledger = Self::connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        ledger.require_whole()?;
        match migrations::require_current(&ledger) {
            Err(LedgerFault::Older { .. }) => Ok(()),
            current => current,
        }
    }

    fn connect(file: PathBuf, access: OpenFlags) -> Result<Self, LedgerFault> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        // By its name: opening and closing the file a second time would release SQLite's locks on it (fcntl(2)).
        let opened = match file.metadata() {
            Ok(metadata) => owner::id(&metadata),
            Err(cause) => return Err(LedgerFault::File { file, cause }),
        };
        // The folder may be reached by symlinks; the ledger in it may not be one.
        let real = match (file.parent().map(Path::canonicalize), file.file_name()) {
            (Some(Ok(folder)), Some(name)) => folder.join(name),
            (Some(Err(cause)), _) => return Err(LedgerFault::File { file, cause }),
            _ => file.clone(),
        };
        match Connection::open_with_flags(&real, flags) {
            Ok(connection) => {
                let ledger = Self { connection, file, opened, gap: None, note: RefCell::default() };
                ledger.attempt("open", |connection| {
                    // Else SQLite plans a statement anew whenever the value of a parameter changes, which takes longer than to
                    // run it (https://sqlite.org/c3ref/c_dbconfig_defensive.html, SQLITE_DBCONFIG_ENABLE_QPSG).
                    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
                    connection.set_prepared_statement_cache_capacity(STATEMENTS);
                    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
                    connection.busy_timeout(PATIENCE)
                })?;
                Ok(ledger)
            }
            Err(cause) => Err(LedgerFault::of_sqlite("open", &file, cause)),
        }
    }

    /// Reads the whole file and looks for damage. That takes longer the more the ledger holds, so the service does it
    /// when it starts, `check` does it, and a sweep does not.
    ///
    /// # Errors
    ///
    /// If the file is damaged or cannot be read.
    pub fn require_whole(&self) -> Result<(), LedgerFault> {
        self.attempt("look for damage", migrations::refuse_damage)
    }

    /// The file, as faults name it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Runs `work`; an error becomes a fault that says what was attempted.
    fn attempt<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerFault> {
        work(&self.connection).map_err(|cause| LedgerFault::of_sqlite(doing, &self.file, cause))
    }

    /// Runs `work` in one transaction that reads one state of the ledger.
    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerFault> {
        self.attempt(doing, |connection| {
            let _reading = Reading::begin(connection)?;
            work(connection)
        })
    }

    /// Runs `work` in one transaction. It takes the write lock at once: one that begins by reading could not
    /// wait for another writer, and would fail instead.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerFault> {
        owner::require_in_place(self.opened, &self.file)
            .map_err(|cause| LedgerFault::File { file: self.file.clone(), cause })?;
        let done = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(
            |transaction| {
                let done = work(&transaction)?;
                transaction.commit()?;
                Ok(done)
            },
        );
        done.map_err(|cause| LedgerFault::of_sqlite(doing, &self.file, cause))
    }
}
