//! The ledger's note before an original is marked or expunged.

use std::collections::{BTreeMap, BTreeSet};

use super::SweepFault;
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
            Deed::Mark => RemovalNote::Sent,
            Deed::Expunge => RemovalNote::Marked,
        };
        let noted = ledger.note_removal(ids, note);
        let done = noted.is_ok();
        self.fault = noted.err();
        done
    }

    /// What the mailbox said, unless it gave up because the ledger failed.
    pub(super) fn finish<T>(&mut self, said: Result<T, Fault>) -> Result<T, SweepFault> {
        match self.fault.take() {
            Some(fault) => Err(fault.into()),
            None => Ok(said?),
        }
    }
}
