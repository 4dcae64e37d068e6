//! How long to wait before the next try: longer each time, never the same, never for ever.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_secs(5);
/// The longest wait for a server that answers, and says no.
pub(super) const LONGEST: Duration = Duration::from_secs(15 * 60);
/// The longest wait for a server that cannot be reached: another look burdens no server, and the network may be back.
pub(super) const UNREACHED: Duration = Duration::from_secs(60);

/// Waits that double, each shortened by up to a half by chance, so that many accounts that lost one server do not come
/// back to it in the same second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next wait, of at most `longest`; `chance` is between 0 and 1.
    pub(super) fn next(&mut self, longest: Duration, chance: f64) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.tries));
        self.tries = self.tries.saturating_add(1);
        doubled.min(longest).mul_f64(1.0 - 0.5 * chance.clamp(0.0, 1.0))
    }

    /// The next fault has nothing to do with the earlier ones: the waits start again with the shortest.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }

    /// A connection worked for `lasted`, however it ended: the waits start again with the shortest, unless `lasted` is too
    /// short to tell this connection from those that a server closes at once, again and again.
    pub(super) fn worked(&mut self, lasted: Duration) {
        if lasted >= FIRST {
            self.reset();
        }
    }
}

/// The pauses before a login is retried that was refused although it has worked before. A server whose user database is out
/// of order for a while gives such an answer, and three attempts in a quarter of an hour lock no account.
const AGAIN: [Duration; 2] = [Duration::from_secs(2 * 60), Duration::from_secs(15 * 60)];

/// How often in a row a login was refused.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusals {
    count: usize,
}

impl Refusals {
    /// The login was refused: the pause before it is tried again; `None` where the account is to be parked, as it is at once
    /// where the login has never worked.
    pub(super) fn next(&mut self, has_worked: bool) -> Option<Duration> {
        let pause = AGAIN.get(self.count).copied().filter(|_| has_worked);
        self.count = self.count.saturating_add(1);
        pause
    }

    /// The login worked.
    pub(super) fn reset(&mut self) {
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_again_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..10).map(|_| backoff.next(LONGEST, 0.0).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        backoff.reset();
        assert_eq!(backoff.next(LONGEST, 0.0), FIRST);
        let waits: Vec<_> = (0..6).map(|_| backoff.next(UNREACHED, 0.0).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn chance_shortens_a_wait_by_at_most_a_half() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(LONGEST, 1.0), FIRST / 2);
    }

    #[test]
    fn after_a_connection_that_did_its_work_the_pauses_begin_again() {
        let mut backoff = Backoff::default();
        let mut pause_after = |lasted: u64| {
            backoff.worked(Duration::from_secs(lasted));
            backoff.next(LONGEST, 0.0).as_secs()
        };
        assert_eq!([0, 0, 0].map(&mut pause_after), [5, 10, 20]);
        assert_eq!(
            [30, 0, 1, 4].map(&mut pause_after),
            [5, 10, 20, 40],
            "one that is closed at once did not work"
        );
        assert_eq!([70, 70, 70].map(&mut pause_after), [5, 5, 5]);
    }

    #[test]
    fn a_login_that_worked_is_tried_again_twice_and_any_other_is_not() {
        let minutes = |pause: Option<Duration>| pause.map(|pause| pause.as_secs() / 60);
        let mut refusals = Refusals::default();
        let pauses = [(); 4].map(|()| minutes(refusals.next(true)));
        assert_eq!(pauses, [Some(2), Some(15), None, None]);
        refusals.reset();
        assert_eq!(minutes(refusals.next(true)), Some(2));
        assert_eq!(Refusals::default().next(false), None);
        // Another password than the one that worked, in the middle of it.
        assert_eq!(refusals.next(false), None);
    }

    #[test]
    fn a_hundred_failures_do_not_overflow() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert!(backoff.next(LONGEST, 0.5) <= LONGEST);
        }
    }
}
