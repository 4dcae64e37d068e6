//! After a fault of the database nobody asks it for some seconds, so that not every message waits for its whole deadline.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Until when nobody asks. Shared by all who ask the same database.
#[derive(Debug)]
pub(super) struct Rest {
    length: Duration,
    until: Mutex<Option<Instant>>,
}

impl Rest {
    pub(super) fn of(length: Duration) -> Self {
        Self { length, until: Mutex::default() }
    }

    /// May the database be asked at `now`? After a rest one caller may, and the others wait for what becomes of it.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        match *until {
            Some(end) if now < end => false,
            Some(_) => {
                *until = Some(now + self.length);
                true
            }
            None => true,
        }
    }

    /// The database did not answer.
    pub(super) fn begin(&self, now: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + self.length);
    }

    /// The database answered.
    pub(super) fn end(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_rest_one_caller_asks_and_the_others_only_after_an_answer() {
        let rest = Rest::of(Duration::from_secs(5));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(rest.admits(start) && rest.admits(start));
        rest.begin(start);
        assert!(!rest.admits(after(4)));
        assert!(rest.admits(after(5)));
        assert!(!rest.admits(after(6)));
        rest.begin(after(7));
        assert!(!rest.admits(after(11)));
        assert!(rest.admits(after(12)));
        rest.end();
        assert!(rest.admits(after(12)) && rest.admits(after(12)));
    }
}
