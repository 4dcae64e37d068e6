//! What is remembered of each message, however often it was judged: the last judgement, and what became of it. For reports; never
//! writes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{HistoryEntry, Ledger, LedgerFault, Settlement};
use crate::clock::Timestamp;
use crate::place::Folder;
use crate::rules::Verdict;

/// A message, with all that followsift knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// The last judgement, with the moves of the last one that led to any.
    pub entry: HistoryEntry,
    /// The verdicts that led to the moves, if they were others.
    pub moved_by: Option<Vec<Verdict>>,
}

/// Where a message is now, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stayed, or came back for another reason than that the user put it back; or a second copy of it stays.
    Stayed,
    /// The user put it back.
    PutBack,
    /// It is in this folder.
    Filed {
        /// The folder.
        to: Folder,
        /// The user moved it by hand.
        by_user: bool,
    },
}

impl Remembered {
    /// What became of it.
    pub fn fate(&self) -> Fate {
        let HistoryEntry { moves, put_back, stays, .. } = &self.entry;
        let done = moves.iter().rfind(|filing| {
            matches!(filing.settled, Some((Settlement::Moved { .. } | Settlement::Doubled { .. }, _)))
        });
        let filed = done
            .filter(|last| !last.returns && stays.is_none() && put_back.is_none_or(|at| at < last.stated_at));
        match filed {
            Some(last) => Fate::Filed { to: last.to.clone(), by_user: last.by_user },
            None if put_back.is_some() => Fate::PutBack,
            None => Fate::Stayed,
        }
    }

    /// The verdicts behind where it is.
    pub fn verdicts(&self) -> &[Verdict] {
        self.moved_by.as_deref().unwrap_or(&self.entry.judged.verdicts)
    }
}

impl Ledger {
    /// Every message that was judged at `since` or later, in no order.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn remembered(&self, since: Timestamp) -> Result<Vec<Remembered>, LedgerFault> {
        let mut all = BTreeMap::new();
        // The newest judgement of each comes first.
        self.history(since, Timestamp(i64::MAX), &mut |entry| {
            let place = (entry.judged.mail.account.clone(), entry.judged.identity);
            let first: &mut Remembered = match all.entry(place) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(Remembered { entry, moved_by: None });
                    return ControlFlow::Continue(());
                }
                std::collections::btree_map::Entry::Occupied(place) => place.into_mut(),
            };
            if first.entry.moves.is_empty() {
                first.entry.moves = entry.moves;
                first.moved_by = Some(entry.judged.verdicts);
            }
            ControlFlow::Continue(())
        })?;
        Ok(all.into_values().collect())
    }
}
