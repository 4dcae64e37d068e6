//! What time it is: the one place that asks the machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::mail::Timestamp;

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
