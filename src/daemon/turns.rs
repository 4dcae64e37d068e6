//! When each account may connect: the accounts of one host do so one after the other, at the start, after the server was away, and
//! whenever else many want to at once. Called by `fleet` and `watcher`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How far apart the accounts of one host are.
const APART: Duration = Duration::from_millis(500);
/// Within this time, all of them have had their turn. With a thousand, that is eight logins a second, which keeps less than one
/// processor busy on a server whose password hash takes a tenth of a second.
const ROUND: Duration = Duration::from_secs(120);

/// The turns of all hosts. A clone has the same ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeMap<String, Host>>>);

#[derive(Debug, Default)]
struct Host {
    accounts: u32,
    /// When the next account may connect; none has yet where there is no such moment.
    free: Option<Instant>,
}

impl Turns {
    /// From now on, there are these accounts: the host of each.
    pub(super) fn plan<'h>(&self, hosts: impl Iterator<Item = &'h str>) {
        let mut known = self.hosts();
        known.values_mut().for_each(|host| host.accounts = 0);
        for name in hosts {
            match known.get_mut(name) {
                Some(host) => host.accounts += 1,
                None => drop(known.insert(name.to_owned(), Host { accounts: 1, free: None })),
            }
        }
        known.retain(|_, host| host.accounts > 0);
    }

    /// When an account that wants to connect to `host` may do so: now, if no other did so just before.
    pub(super) fn next(&self, host: &str, now: Instant) -> Instant {
        let mut known = self.hosts();
        // A host that is no longer planned has nobody to wait for.
        let Some(host) = known.get_mut(host) else { return now };
        let turn = host.free.map_or(now, |free| free.max(now));
        host.free = Some(turn + APART.min(ROUND / host.accounts.max(1)));
        turn
    }

    fn hosts(&self) -> MutexGuard<'_, BTreeMap<String, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long each of `count` accounts of one host waits that want to connect at once.
    fn waits(count: usize) -> Vec<Duration> {
        let (turns, now) = (Turns::default(), Instant::now());
        turns.plan(std::iter::repeat_n("mail.example", count));
        (0..count).map(|_| turns.next("mail.example", now) - now).collect()
    }

    #[test]
    fn a_few_accounts_of_one_host_are_half_a_second_apart() {
        assert_eq!(waits(3), [0, 500, 1000].map(Duration::from_millis));
    }

    #[test]
    fn many_accounts_of_one_host_are_evenly_apart_and_all_connect_within_two_minutes() {
        for count in [240, 1000, 10_000] {
            let waits = waits(count);
            let apart = waits[1] - waits[0];
            assert!(waits.windows(2).all(|pair| pair[1] - pair[0] == apart), "{count}");
            let last = waits.last().unwrap().as_secs();
            assert!((118..120).contains(&last), "{count}: {last} s");
        }
    }

    #[test]
    fn nobody_waits_for_another_host_or_for_one_that_connected_long_ago() {
        let (turns, now) = (Turns::default(), Instant::now());
        turns.plan(["a.example", "a.example", "b.example"].into_iter());
        assert_eq!(turns.next("a.example", now), now);
        assert_eq!(turns.next("b.example", now), now);
        assert_eq!(turns.next("a.example", now), now + APART);
        let later = now + Duration::from_secs(60);
        assert_eq!(turns.clone().next("a.example", later), later);
        assert_eq!(turns.next("a.example", later), later + APART);
    }

    #[test]
    fn a_host_that_loses_its_accounts_is_forgotten_and_another_keeps_its_turn() {
        let (turns, now) = (Turns::default(), Instant::now());
        turns.plan(["a.example", "b.example"].into_iter());
        let _ = (turns.next("a.example", now), turns.next("b.example", now));
        turns.plan(["b.example"].into_iter());
        assert_eq!(turns.hosts().len(), 1);
        assert_eq!(turns.next("b.example", now), now + APART);
        assert_eq!(turns.next("a.example", now), now);
    }
}
