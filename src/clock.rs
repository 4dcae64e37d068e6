//! A moment, and what time it is: the one place that asks the machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in whole seconds since 1970 (UTC). IMAP's INTERNALDATE is no finer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds from `earlier` to this moment; zero if it is not earlier.
    pub fn since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// The moment so much earlier.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(time.as_secs()))
    }
}

/// The moment, by the machine's clock. A clock before 1970 is taken for 1970.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// How long ago a moment was, such as that at which a file was written; `None` where it is in the future.
pub fn time_since(moment: SystemTime) -> Option<Duration> {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    SystemTime::now().duration_since(moment).ok()
}
