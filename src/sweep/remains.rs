//! Counts what a sweep has left undone. Made by `sweeper`; `report` puts it into words.

use super::Tally;
use crate::assess::Rulebook;
use crate::ledger::{Ledger, LedgerFault, WaitingSums};
use crate::settings::Account;

/// What is left to do after a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Remains {
    /// Messages that could not be moved or marked, in this sweep or an earlier one, and are tried again.
    pub refused: usize,
    /// Messages that could not be moved or marked in this sweep, and are not tried again.
    pub stuck: usize,
    /// Messages that wait for a later sweep: their move was interrupted, a list has never been loaded, or they are judged
    /// again by other rules.
    pub later: usize,
    /// Messages that the fuse holds back.
    pub fuse: usize,
    /// Messages that wait for the answer of a look-up.
    pub look_up: usize,
    /// Messages that were there before the ledger, and wait for the user.
    pub observed: usize,
    /// Messages that the server says are there and does not show.
    pub unshown: usize,
    /// Interrupted moves of which the original is uncertain.
    pub uncertain: usize,
    /// Interrupted moves of which it is not known yet what became of them.
    pub unsettled: usize,
    /// Messages that could not be assessed.
    pub unassessed: usize,
    /// Folders that could not be used.
    pub folders: usize,
    /// Lists that have never been loaded, without which nothing is moved.
    pub lists: Vec<String>,
}

impl Remains {
    /// Is work left because of the server, the state or a bug in followsift? What the fuse holds back does not count, nor
    /// what waits for a look-up or for the user.
    pub fn is_work_left(&self) -> bool {
        // Those for a later sweep wait for the fuse too, or for what else is counted here.
        let Self {
            refused,
            stuck,
            later: _,
            fuse: _,
            look_up: _,
            observed: _,
            unshown,
            uncertain,
            unsettled,
            unassessed,
            folders,
            lists,
        } = self;
        [refused, stuck, unshown, uncertain, unsettled, unassessed, folders]
            .into_iter()
            .any(|count| *count > 0)
            || !lists.is_empty()
    }

    /// What a sweep has left undone, except for what it reported while it was at work (`folders`, `uncertain`). Without
    /// a ledger, as in a dry run, nothing from earlier sweeps counts.
    pub(super) fn after(
        account: &Account,
        ledger: Option<&Ledger>,
        rulebook: &Rulebook,
        tally: &Tally,
    ) -> Result<Self, LedgerFault> {
        let sums = |ledger: &Ledger| ledger.waiting_sums(&account.name, &account.folders);
        let waiting = ledger.map_or(Ok(WaitingSums::default()), sums)?;
        let lists = rulebook.rules.missing_lists(&rulebook.lists).into_iter().map(str::to_owned).collect();
        Ok(Self {
            refused: waiting.refused,
            stuck: tally.left,
            later: waiting.later,
            fuse: waiting.fuse,
            look_up: waiting.look_up,
            observed: waiting.observed,
            unshown: waiting.unshown.max(tally.unshown),
            unsettled: waiting.unsettled,
            unassessed: tally.failed,
            lists,
            ..Self::default()
        })
    }
}
