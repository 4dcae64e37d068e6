//! The memory of one machine: a file of SQLite in the state folder, beside the ledger, which has moves to care for and is never
//! written at delivery.

use std::fs::{self, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::fault::Words;
use super::{Delivery, Memory, MemoryCause, MemoryFault, STEP, bytes_of, digest_of};
use crate::clock::Timestamp;
use crate::mail::{FollowerKey, Network};
use crate::owner;

/// The file in the state folder.
const FILE: &str = "delivery.sqlite";
/// "fold" in ASCII: marks the file as ours.
const APPLICATION: i64 = 0x666f_6c64;
/// The newest version that this followsift understands.
const KNOWN: i64 = 1;
/// How long one connection waits for another at most. Ours write for milliseconds.
const LOCKED: Duration = Duration::from_millis(500);
/// How many connections are kept for the next question.
const IDLE_LIMIT: usize = 8;

/// A memory for one machine. Any number of threads and processes may use its file.
#[derive(Debug)]
pub struct SqliteMemory {
    file: PathBuf,
    at: Arc<str>,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteMemory {
    /// Opens the memory in the state folder `folder`; creates both if they are missing, readable by their owner only.
    ///
    /// # Errors
    ///
    /// If they cannot be created or read, the folder belongs to another user or is writable by others, or the file is of another
    /// program or of a newer followsift.
    pub fn open(folder: &Path) -> Result<Self, MemoryFault> {
        let file = folder.join(FILE);
        let memory =
            Self { at: file.display().to_string().into(), file: file.clone(), idle: Mutex::default() };
        let unusable = |cause: io::Error| {
            MemoryFault::new("open", &memory.at, MemoryCause::Unreachable(Words::new(&cause.to_string())))
        };
        owner::claim(folder).map_err(unusable)?;
        // SQLite gives its own files the mode of this one, so it is created here.
        match fs::OpenOptions::new().append(true).create_new(true).mode(0o600).open(&file) {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(cause)),
            _ => {}
        }
        let connection = memory.connect().map_err(|cause| memory.fault("open", &cause))?;
        let stamp = stamp(&connection).map_err(|cause| memory.fault("open", &cause))?;
        if stamp != (APPLICATION, KNOWN) {
            // The change to WAL does not wait for a lock: it fails if another program makes it at the same time.
            let folder = fs::File::open(folder).map_err(unusable)?;
            lock(&folder).map_err(unusable)?;
            memory.migrate(connection)?;
        } else {
            memory.give_back(connection);
        }
        Ok(memory)
    }

    fn migrate(&self, mut connection: Connection) -> Result<(), MemoryFault> {
        let fault = |cause| self.fault("open", &cause);
        connection.busy_timeout(LOCKED).map_err(fault)?;
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        let tables: i64 = transaction
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(fault)?;
        match stamp(&transaction).map_err(fault)? {
            (0, 0) if tables == 0 => {
                transaction
                    .execute_batch(include_str!("migrations/sqlite-1.sql"))
                    .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION))
                    .and_then(|()| transaction.pragma_update(None, "user_version", KNOWN))
                    .map_err(fault)?;
            }
            (APPLICATION, KNOWN) => {}
            (APPLICATION, found) => {
                let cause = MemoryCause::Newer { found, known: KNOWN };
                return Err(MemoryFault::new("open", &self.at, cause));
            }
            _ => return Err(MemoryFault::new("open", &self.at, MemoryCause::Foreign)),
        }
        transaction.commit().map_err(fault)?;
        // In WAL mode readers do not wait for writers.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
        self.give_back(connection);
        Ok(())
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        // The folder may be reached by symlinks; the file in it may not be one.
        let real = match (self.file.parent().map(Path::canonicalize), self.file.file_name()) {
            (Some(Ok(folder)), Some(name)) => folder.join(name),
            _ => self.file.clone(),
        };
        let connection = Connection::open_with_flags(real, flags)?;
        // A loss of power may cost the last deliveries, and never the file: a wave of some messages less, but no sync for each.
        connection.busy_timeout(LOCKED)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_LIMIT {
            idle.push(connection);
        }
    }

    /// Runs `work` on a connection that nobody else uses.
    fn ask<T>(
        &self,
        doing: &'static str,
        deadline: Instant,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, MemoryFault> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(MemoryFault::new(doing, &self.at, MemoryCause::Late));
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let answered = idle.map_or_else(|| self.connect(), Ok).and_then(|mut connection| {
            connection.busy_timeout(left.min(LOCKED))?;
            let answer = work(&mut connection)?;
            self.give_back(connection);
            Ok(answer)
        });
        answered.map_err(|cause| self.fault(doing, &cause))
    }

    fn fault(&self, doing: &'static str, cause: &rusqlite::Error) -> MemoryFault {
        let cause = match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => MemoryCause::Late,
            _ => MemoryCause::Failed(Words::new(&cause.to_string())),
        };
        MemoryFault::new(doing, &self.at, cause)
    }
}

/// Whose file it is, and of which version.
/// Locks a folder, and waits no longer than for another connection.
#[expect(
    clippy::disallowed_methods,
    reason = "a delivery has no stop to wait on, and this takes half a second at most"
)]
fn lock(folder: &fs::File) -> io::Result<()> {
    let until = Instant::now() + LOCKED;
    loop {
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCKED / 50),
            locked => return locked.map_err(io::Error::from),
        }
    }
}

fn stamp(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |pragma| connection.query_row(pragma, [], |row| row.get(0));
    Ok((number("PRAGMA application_id")?, number("PRAGMA user_version")?))
}

impl Memory for SqliteMemory {
    fn first_message(
        &self,
        delivery: &Delivery<'_>,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<Option<Timestamp>, MemoryFault> {
        let (message, follower) = (bytes_of(&delivery.identity), digest_of(follower));
        self.ask("ask", delivery.deadline, |connection| {
            connection
                .prepare_cached(
                    "SELECT min(received) FROM past
                     WHERE recipient = ? AND follower = ? AND received >= ? AND received < ? AND message <> ?",
                )?
                .query_row(
                    params![delivery.recipient.as_str(), follower, since.0, before.0, message],
                    |row| row.get::<_, Option<i64>>(0),
                )
        })
        .map(|first| first.map(Timestamp))
    }

    fn count(
        &self,
        delivery: &Delivery<'_>,
        network: &Network,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<u64, MemoryFault> {
        let message = bytes_of(&delivery.identity);
        self.ask("ask", delivery.deadline, |connection| {
            connection
                .prepare_cached(
                    "SELECT count(DISTINCT message) FROM past
                     WHERE recipient = ? AND network = ? AND received >= ? AND received < ? AND message <> ?",
                )?
                .query_row(
                    params![delivery.recipient.as_str(), network.as_str(), since.0, before.0, message],
                    |row| row.get(0),
                )
        })
    }

    fn keep(
        &self,
        delivery: &Delivery<'_>,
        network: &Network,
        followers: &[FollowerKey],
        received: Timestamp,
    ) -> Result<(), MemoryFault> {
        let message = bytes_of(&delivery.identity);
        self.ask("write to", delivery.deadline, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for follower in followers {
                transaction
                    .prepare_cached(
                        "INSERT INTO past (recipient, network, follower, message, received) VALUES (?, ?, ?, ?, ?)
                         ON CONFLICT DO UPDATE SET received = excluded.received
                         WHERE excluded.received < past.received",
                    )?
                    .execute(params![
                        delivery.recipient.as_str(),
                        network.as_str(),
                        digest_of(follower),
                        message,
                        received.0
                    ])?;
            }
            transaction.commit()
        })
    }

    fn forget(&self, before: Timestamp, deadline: Instant) -> Result<bool, MemoryFault> {
        let gone = self.ask("write to", deadline, |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM past WHERE (recipient, message, follower) IN
                         (SELECT recipient, message, follower FROM past WHERE received < ? LIMIT ?)",
                )?
                .execute(params![before.0, STEP])
        })?;
        Ok(i64::try_from(gone).is_ok_and(|gone| gone >= STEP))
    }
}
