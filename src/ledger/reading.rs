//! A transaction that reads one state of the ledger. Called by the other files of the room, and by `sweep`, which reads all that it asks
//! about one message in one of them. Never writes.

use rusqlite::Connection;

use super::{Ledger, LedgerFault};

/// What is read while this exists is read from one state of the ledger.
#[derive(Debug)]
#[must_use = "the transaction ends when this is dropped"]
pub struct Reading<'l> {
    /// `None` within another one, which goes on.
    connection: Option<&'l Connection>,
}

impl Ledger {
    /// Reads from one state of the ledger until the value is dropped. To begin and end a transaction for each question costs more
    /// than most answers.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn reading(&self) -> Result<Reading<'_>, LedgerFault> {
        Reading::begin(&self.connection)
            .map_err(|cause| LedgerFault::of_sqlite("begin to read", &self.file, cause))
    }
}

impl<'l> Reading<'l> {
    pub(super) fn begin(connection: &'l Connection) -> rusqlite::Result<Self> {
        let is_first = connection.is_autocommit();
        if is_first {
            connection.prepare_cached("BEGIN")?.execute([])?;
        }
        Ok(Self { connection: is_first.then_some(connection) })
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection {
            // It has changed nothing. If it does not end, the next write fails and says so.
            let _ = connection.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_within_another_reading_is_read_from_its_state_and_does_not_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ledger, mut other) =
            (Ledger::open(folder.path()).unwrap(), Ledger::open(folder.path()).unwrap());
        let count = |ledger: &Ledger| -> i64 {
            ledger
                .read("count", |connection| {
                    connection.query_row("SELECT count(*) FROM fuse", [], |row| row.get(0))
                })
                .unwrap()
        };
        let add = |ledger: &mut Ledger, account: &str| {
            ledger
                .write("add", |transaction| {
                    let row = "INSERT INTO fuse VALUES (?, 'r', NULL, NULL, 0)";
                    transaction.execute(row, [account]).map(drop)
                })
                .unwrap();
        };
        let reading = ledger.reading().unwrap();
        assert_eq!(count(&ledger), 0);
        add(&mut other, "home");
        assert_eq!(count(&ledger), 0);
        drop(reading);
        assert_eq!(count(&ledger), 1);
        add(&mut ledger, "work");
        assert_eq!(count(&other), 2);
    }
}
