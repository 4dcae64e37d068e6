//! How long to wait before the next try: longer each time, never the same, never for ever.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_secs(5);
/// The longest wait for a server that answers, and says no.
pub(super) const LONGEST: Duration = Duration::from_secs(15 * 60);
/// The longest wait for a server that cannot be reached: it costs nobody anything to look, and the network may be back.
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

    /// A session did well: begin anew.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_anew_after_success() {
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
    fn a_hundred_failures_do_not_overflow() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert!(backoff.next(LONGEST, 0.5) <= LONGEST);
        }
    }
}
