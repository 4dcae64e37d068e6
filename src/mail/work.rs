//! What reading one message may cost: the bytes that are looked at, counted.
//!
//! The count is the same on every machine, so that `explain`, a sweep and a test agree on whether a message is read.
//! The allowance grows with the message and no further than a sweep fetches one. A message that spends it is left and
//! named, never guessed at.

use std::cell::Cell;

/// What every message may cost, however short.
const BASE: u64 = 256 << 10;
/// How often each of its bytes may be looked at, on average.
const LOOKS: u64 = 100;
/// The part of a message beyond this adds nothing to its allowance.
const COUNTED_SIZE: usize = 256 << 10;

/// The work of reading one message.
#[derive(Debug)]
pub(super) struct Work {
    allowed: u64,
    spent: Cell<u64>,
}

impl Work {
    /// For a message of so many bytes.
    pub(super) fn for_size(size: usize) -> Self {
        let size = u64::try_from(size.min(COUNTED_SIZE)).unwrap_or_default();
        Self { allowed: BASE + LOOKS * size, spent: Cell::new(0) }
    }

    /// Notes that so many bytes are about to be looked at. Once the allowance is spent it is false, and stays so:
    /// what was not found then says nothing.
    #[must_use]
    pub(super) fn look(&self, bytes: usize) -> bool {
        if self.is_spent() {
            return false;
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.spent.set(self.spent.get().saturating_add(bytes));
        !self.is_spent()
    }

    /// Was more asked for than is allowed?
    pub(super) fn is_spent(&self) -> bool {
        self.spent.get() > self.allowed
    }

    /// What it came to.
    pub(super) fn cost(&self) -> Cost {
        Cost { spent: self.spent.get(), allowed: self.allowed }
    }
}

/// What reading one message came to, in bytes looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// So many were looked at; a little more than allowed where the message was given up.
    pub spent: u64,
    /// So many could be.
    pub allowed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_stays_spent() {
        let work = Work::for_size(0);
        assert!(work.look(256 << 10));
        assert!(!work.look(1));
        assert!(!work.look(0));
        assert!(work.is_spent());
        assert!(!work.look(usize::MAX));
    }

    #[test]
    fn the_allowance_grows_no_further_than_a_message_is_fetched() {
        assert!(Work::for_size(1 << 10).cost().allowed < Work::for_size(256 << 10).cost().allowed);
        assert_eq!(Work::for_size(256 << 10).cost(), Work::for_size(64 << 20).cost());
    }
}
