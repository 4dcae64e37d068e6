//! Limits the work of reading one message, counted in bytes examined.
//!
//! The count is the same on every machine, so that `explain`, a sweep and a test agree on whether a message is read.
//! The allowance grows with the message, up to the size that a sweep fetches. A message that exceeds it stays and is reported;
//! followsift never guesses.

use std::cell::Cell;

/// The allowance of every message, however short.
const BASE: u64 = 256 << 10;
/// How often each byte may be examined, on average.
const LOOKS: u64 = 100;
/// Bytes beyond this size add nothing to the allowance.
const COUNTED_SIZE: usize = 256 << 10;

/// The work of reading one message.
#[derive(Debug)]
pub(super) struct Work {
    allowed: u64,
    spent: Cell<u64>,
}

impl Work {
    /// For a message of this size in bytes.
    pub(super) fn for_size(size: usize) -> Self {
        let size = u64::try_from(size.min(COUNTED_SIZE)).unwrap_or_default();
        Self { allowed: BASE + LOOKS * size, spent: Cell::new(0) }
    }

    /// Counts bytes that are about to be examined. False once the allowance is spent: whether something was found then means
    /// nothing.
    #[must_use]
    pub(super) fn look(&self, bytes: usize) -> bool {
        if self.is_spent() {
            return false;
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.spent.set(self.spent.get().saturating_add(bytes));
        !self.is_spent()
    }

    /// Is the allowance spent?
    pub(super) fn is_spent(&self) -> bool {
        self.spent.get() > self.allowed
    }

    /// The work so far, and the allowance.
    pub(super) fn cost(&self) -> Cost {
        Cost { spent: self.spent.get(), allowed: self.allowed }
    }
}

/// The work of reading one message, in bytes examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Bytes examined; slightly more than allowed if the reading was abandoned.
    pub spent: u64,
    /// The allowance.
    pub allowed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_allowance_stays_spent() {
        let work = Work::for_size(0);
        assert!(work.look(256 << 10));
        assert!(!work.look(1));
        assert!(!work.look(0));
        assert!(work.is_spent());
        assert!(!work.look(usize::MAX));
    }

    #[test]
    fn the_allowance_grows_up_to_the_size_that_is_fetched() {
        assert!(Work::for_size(1 << 10).cost().allowed < Work::for_size(256 << 10).cost().allowed);
        assert_eq!(Work::for_size(256 << 10).cost(), Work::for_size(64 << 20).cost());
    }
}
