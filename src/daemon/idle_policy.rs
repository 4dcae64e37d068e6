//! How long to stay in IDLE before it is renewed: learned from the connection and from the server.
//!
//! Two things go wrong with IDLE. A router forgets a connection that is silent for long, and reports nothing. And some servers
//! announce late, or never (Courier at its next poll, imap4d not at all). So after a connection was cut, IDLE is renewed after
//! half the time; and until a server has announced a message, IDLE lasts no longer than `poll`. Called by `watcher`.

use std::time::Duration;

use crate::mailbox::Woken;
use crate::settings::Account;

/// Waits are not cut below this part of what the settings say: a connection that is cut sooner was not cut for its silence.
const LEAST_PART: u32 = 8;
/// After so many waits that ended well, a longer one is tried.
const PROVEN: u32 = 24;

/// What was learned about one account's connection and server.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdlePolicy {
    /// As the settings have it.
    longest: Duration,
    poll: Duration,
    renewal: Duration,
    proven: u32,
    /// IDLE announces for one folder only.
    several_folders: bool,
    announces: bool,
}

impl IdlePolicy {
    /// At first nothing is known.
    pub(super) fn new(account: &Account) -> Self {
        Self {
            longest: account.idle,
            poll: account.poll,
            renewal: account.idle,
            proven: 0,
            several_folders: account.folders.len() > 1,
            announces: false,
        }
    }

    /// How long to wait now; `idles` if by IDLE.
    pub(super) fn next(&self, idles: bool) -> Duration {
        match (idles, self.announces && !self.several_folders) {
            (false, _) => self.poll,
            (true, true) => self.renewal,
            (true, false) => self.renewal.min(self.poll),
        }
    }

    /// A wait of `waited` ended well; `found` says whether something new had come.
    pub(super) fn ended(&mut self, woken: Woken, waited: Duration, found: bool) {
        match woken {
            Woken::Mail if found => self.announces = true,
            Woken::Due => {
                // Also where it came just then; a few looks more do no harm.
                self.announces &= !found;
                if waited >= self.renewal {
                    self.lived();
                }
            }
            Woken::Mail | Woken::Probe | Woken::Stop => {}
        }
    }

    fn lived(&mut self) {
        self.proven += 1;
        if self.proven >= PROVEN {
            self.proven = 0;
            self.renewal = (self.renewal * 3 / 2).min(self.longest);
        }
    }

    /// The connection was found cut after it was silent for `waited`. Returns whether something was learned.
    pub(super) fn died(&mut self, waited: Duration) -> bool {
        let least = self.longest / LEAST_PART;
        if waited < least {
            return false;
        }
        self.proven = 0;
        let shorter = (waited.min(self.renewal) / 2).max(least);
        std::mem::replace(&mut self.renewal, shorter) != shorter
    }
}

/// So many wakes in a row may bring nothing before the next wait is put off: a message may be gone before it is looked at.
const FREE: u32 = 3;
/// A wait this long does not count, whatever it brings.
const UNHURRIED: Duration = Duration::from_secs(5);
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Slows down a watcher that is woken again and again for nothing: by a server that announces in every IDLE, or ends each one
/// at once, or renumbers its folder at every look, or by a network that changes all the time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slowdown {
    fruitless: u32,
}

impl Slowdown {
    /// A wait of `waited` was ended by `woken`, and the folders were looked through: how long to pause before the next wait, at most
    /// `longest`. A wait that lasted as long as it was meant to does not count.
    pub(super) fn pause_after(
        &mut self,
        woken: Woken,
        waited: Duration,
        found: bool,
        longest: Duration,
    ) -> Duration {
        let fruitless = woken != Woken::Due && !found && waited < UNHURRIED;
        self.fruitless = if fruitless { self.fruitless.saturating_add(1) } else { 0 };
        match self.fruitless.checked_sub(FREE + 1) {
            None => Duration::ZERO,
            Some(more) => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(more)).min(longest),
        }
    }

    /// Has it just begun to hold us back?
    pub(super) fn begins(&self) -> bool {
        self.fruitless == FREE + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn policy() -> IdlePolicy {
        IdlePolicy {
            longest: 9 * MINUTE,
            poll: 2 * MINUTE,
            renewal: 9 * MINUTE,
            proven: 0,
            several_folders: false,
            announces: true,
        }
    }

    #[test]
    fn a_server_that_announces_is_waited_for_and_one_that_does_not_is_asked() {
        let mut policy = IdlePolicy { announces: false, ..policy() };
        assert_eq!(policy.next(true), 2 * MINUTE);
        policy.ended(Woken::Mail, MINUTE, false);
        assert_eq!(policy.next(true), 2 * MINUTE);
        policy.ended(Woken::Mail, MINUTE, true);
        assert_eq!(policy.next(true), 9 * MINUTE);
        policy.ended(Woken::Due, 9 * MINUTE, false);
        assert_eq!(policy.next(true), 9 * MINUTE);
        policy.ended(Woken::Due, 9 * MINUTE, true);
        assert_eq!(policy.next(true), 2 * MINUTE);
        assert_eq!(policy.next(false), 2 * MINUTE);
    }

    #[test]
    fn of_several_folders_the_others_are_looked_at_now_and_then() {
        let policy = IdlePolicy { several_folders: true, ..policy() };
        assert_eq!(policy.next(true), 2 * MINUTE);
    }

    #[test]
    fn where_lines_die_the_waiting_is_renewed_sooner() {
        let mut policy = policy();
        assert!(policy.died(5 * MINUTE));
        assert_eq!(policy.next(true), 150 * MINUTE / 60);
        for _ in 0..9 {
            policy.died(9 * MINUTE);
        }
        assert_eq!(policy.next(true), 9 * MINUTE / LEAST_PART);
        assert!(!policy.died(9 * MINUTE));
    }

    #[test]
    fn a_line_that_dies_at_once_does_not_die_of_silence() {
        let mut policy = policy();
        assert!(!policy.died(MINUTE));
        assert_eq!(policy.next(true), 9 * MINUTE);
    }

    #[test]
    fn after_many_waits_that_end_well_a_longer_one_is_tried() {
        let mut policy = policy();
        policy.died(8 * MINUTE);
        for _ in 0..PROVEN {
            assert_eq!(policy.next(true), 4 * MINUTE);
            policy.ended(Woken::Due, 4 * MINUTE, false);
        }
        assert_eq!(policy.next(true), 6 * MINUTE);
        for _ in 0..PROVEN * 9 {
            policy.ended(Woken::Due, 9 * MINUTE, false);
        }
        assert_eq!(policy.next(true), 9 * MINUTE);
    }

    #[test]
    fn wakes_that_bring_nothing_are_put_off_longer_each_time() {
        let mut slowdown = Slowdown::default();
        let mut pauses = |waited: Duration, found, times: usize| -> Vec<u64> {
            (0..times)
                .map(|_| slowdown.pause_after(Woken::Mail, waited, found, 2 * MINUTE).as_secs())
                .collect()
        };
        let none = Duration::ZERO;
        assert_eq!(pauses(none, false, 12), [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 120, 120]);
        assert_eq!(pauses(none, true, 1), [0], "a new message is never put off");
        assert_eq!(pauses(none, false, 4), [0, 0, 0, 1]);
        assert_eq!(pauses(MINUTE, false, 1), [0]);
        assert_eq!(pauses(none, false, 4), [0, 0, 0, 1]);
        assert!(pauses(none, false, 100).iter().all(|pause| *pause <= 120));
        let due = (0..9).map(|_| slowdown.pause_after(Woken::Due, none, false, MINUTE));
        assert!(due.into_iter().all(|pause| pause.is_zero()), "a short poll is the user's choice");
    }

    #[test]
    fn an_hour_of_fruitless_wakes_costs_fewer_than_forty_looks() {
        let mut slowdown = Slowdown::default();
        let (mut passed, mut looks) = (Duration::ZERO, 0);
        while passed < 60 * MINUTE {
            passed += slowdown.pause_after(Woken::Probe, Duration::from_millis(1), false, 2 * MINUTE);
            looks += 1;
        }
        assert!(looks < 40, "{looks}");
    }
}
