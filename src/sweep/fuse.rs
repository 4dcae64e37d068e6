//! The fuse of one sweep, a rate limit: how many messages it may still move. The rest waits, and is not forgotten.

use super::memory::Memory;
use super::{AccountFault, Sweep};
use crate::ledger::{Allowance, Limit};

/// How many messages may still be moved, and which limit says so.
#[derive(Debug)]
pub(super) struct Fuse {
    left: u32,
    pub(super) by: Limit,
    pub(super) most: u16,
}

impl Fuse {
    /// As the ledger has it. A dry run moves nothing, and shows everything.
    pub(super) fn new(sweep: Sweep<'_>, memory: &Memory) -> Result<Self, AccountFault> {
        let Allowance { moves, by } = memory.allowance(sweep.account, sweep.now)?;
        let most = match by {
            Limit::Hour => sweep.account.moves_per_hour,
            Limit::Change => sweep.account.moves_after_change,
        };
        Ok(Self { left: moves, by, most })
    }

    /// How many more.
    pub(super) fn left(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX)
    }

    /// May one more be moved? Counts it.
    pub(super) fn lets_through(&mut self) -> bool {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}
