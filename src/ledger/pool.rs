//! Connections to one ledger, which threads borrow while they work: a connection keeps up to a megabyte of the file and its prepared
//! statements, so that a thousand accounts that wait have none.
//!
//! No thread waits for another: where no connection is left, one more is opened. Called by `sweep` and `lookup`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Ledger, LedgerFault};
use crate::owner;

/// So many connections at most stay open while nobody uses them.
const KEPT: usize = 4;

/// The connections to the ledger of one state folder. A clone has the same ones.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    kept: Mutex<Vec<Ledger>>,
    /// The ledger that was looked through for damage.
    whole: Mutex<Option<owner::FileId>>,
}

impl Pool {
    /// Without a connection yet, to the ledger in the state folder `folder`.
    pub fn new(folder: &Path) -> Self {
        Self(Arc::new(Inner { folder: folder.to_owned(), kept: Mutex::default(), whole: Mutex::default() }))
    }

    /// A connection that nobody uses, or else a new one.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn borrow(&self) -> Result<Ledger, LedgerFault> {
        loop {
            let Some(ledger) = self.kept().pop() else { return Ledger::open(&self.0.folder) };
            // Another file may have its name by now: a backup that was put back.
            if owner::require_in_place(ledger.opened, &ledger.file).is_ok() {
                return Ok(ledger);
            }
        }
    }

    /// Takes a connection back. Not after a fault: what failed is closed.
    pub fn put_back(&self, ledger: Ledger) {
        let mut kept = self.kept();
        if kept.len() < KEPT {
            kept.push(ledger);
        } else {
            drop(kept);
            drop(ledger);
        }
    }

    /// Looks through the whole ledger for damage, unless that was done since this process began: once for all accounts.
    ///
    /// # Errors
    /// As [`Ledger::require_whole`].
    pub fn require_whole(&self, ledger: &Ledger) -> Result<(), LedgerFault> {
        let mut whole = self.0.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if *whole != Some(ledger.opened) {
            ledger.require_whole()?;
            *whole = Some(ledger.opened);
        }
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Ledger>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Confirms that this is another connection to the same file as `other`.
    ///
    /// # Errors
    /// If the file has been replaced in between.
    pub(crate) fn require_same(&self, other: LedgerFile) -> Result<(), LedgerFault> {
        owner::require_in_place(other.0, &self.file)
            .map_err(|cause| LedgerFault::File { file: self.file.clone(), cause })
    }

    /// Which file it is, for [`Ledger::require_same`].
    pub(crate) fn which(&self) -> LedgerFile {
        LedgerFile(self.opened)
    }
}

/// Which file a ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LedgerFile(owner::FileId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_used_again_and_few_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::new(folder.path());
        let all: Vec<Ledger> = (0..KEPT + 3).map(|_| pool.borrow().unwrap()).collect();
        assert!(pool.kept().is_empty());
        all.into_iter().for_each(|ledger| pool.put_back(ledger));
        assert_eq!(pool.kept().len(), KEPT);
        let again = pool.clone().borrow().unwrap();
        assert_eq!(pool.kept().len(), KEPT - 1);
        drop(again);
    }

    #[test]
    fn a_connection_to_a_file_that_was_replaced_is_not_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::new(folder.path());
        let first = pool.borrow().unwrap();
        let (which, file) = (first.which(), first.file().to_owned());
        pool.require_whole(&first).unwrap();
        pool.put_back(first);
        let same = pool.borrow().unwrap();
        same.require_same(which).unwrap();
        pool.put_back(same);
        std::fs::rename(&file, folder.path().join("before.sqlite")).unwrap();
        let other = pool.borrow().unwrap();
        assert!(file.exists() && other.which() != which);
        assert!(other.require_same(which).is_err());
        // What was found whole is the other file.
        assert_eq!(*pool.0.whole.lock().unwrap(), Some(which.0));
        pool.require_whole(&other).unwrap();
        assert_eq!(*pool.0.whole.lock().unwrap(), Some(other.opened));
    }
}
