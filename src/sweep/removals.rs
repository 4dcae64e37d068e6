//! Notes in the ledger that an original is about to be marked or expunged. Called by `file`, `returns` and `recover`.

use std::collections::{BTreeMap, BTreeSet};

use super::AccountFault;
use crate::ledger::{IntentId, Ledger, LedgerFault, RemovalNote};
use crate::mailbox::{Deed, Fault};
use crate::place::Uid;

/// The intents behind the messages that are moved, and what went wrong when their removal was to be noted.
#[derive(Debug, Default)]
pub(super) struct Removals {
    /// By the UID in the source.
    pub(super) ids: BTreeMap<Uid, IntentId>,
    fault: Option<LedgerFault>,
}

impl Removals {
    /// Notes a deed before it is done; `false` where that failed, so that it must not be done.
    pub(super) fn note(&mut self, ledger: &mut Ledger, deed: Deed, uids: &BTreeSet<Uid>) -> bool {
        let ids: Vec<IntentId> = uids.iter().filter_map(|uid| self.ids.get(uid).copied()).collect();
        self.note_ids(ledger, deed, &ids)
    }

    /// The same by the intents themselves.
    pub(super) fn note_ids(&mut self, ledger: &mut Ledger, deed: Deed, ids: &[IntentId]) -> bool {
        let note = match deed {
            Deed::Mark | Deed::Unmark => RemovalNote::Sent,
            Deed::Expunge => RemovalNote::Marked,
        };
        match ledger.note_removal(ids, note) {
            Ok(()) => true,
            Err(fault) => {
                // The first says why; what follows it may be its consequence.
                self.fault.get_or_insert(fault);
                false
            }
        }
    }

    /// The mailbox's result, unless it gave up because the ledger failed.
    pub(super) fn finish<T>(&mut self, said: Result<T, Fault>) -> Result<T, AccountFault> {
        match self.fault.take() {
            Some(fault) => Err(fault.into()),
            None => Ok(said?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_faults_of_the_ledger_the_first_is_reported_also_after_a_success() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let cause = std::io::Error::other("the disk is full");
        let first = LedgerFault::Folder { folder: "/state".into(), cause };
        let words = first.to_string();
        let mut removals = Removals { fault: Some(first), ..Removals::default() };
        assert!(removals.note_ids(&mut ledger, Deed::Mark, &[]));
        std::fs::remove_file(folder.path().join("ledger.sqlite")).unwrap();
        assert!(!removals.note_ids(&mut ledger, Deed::Expunge, &[]));
        let reported = removals.finish(Ok(())).unwrap_err();
        assert_eq!(reported.to_string(), words);
    }
}
