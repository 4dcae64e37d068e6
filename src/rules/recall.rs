//! Answers what a message cannot: whether and when its follower appeared before.
//!
//! Rules ask through the trait [`Recall`]; the ledger implements it, and so does [`Replay`] for notifications replayed in order of
//! arrival.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Timestamp;
use crate::mail::{Authenticity, FollowerKey, Network, Notification};

/// What was known of a follower before a moment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Past {
    /// The user has put a message about this follower back by hand, or said that they know them.
    pub known: bool,
    /// Earlier proven notifications about this follower, requests included.
    pub times_followed: u64,
    /// When the last of them came.
    pub last_followed: Option<Timestamp>,
    /// Proven notifications of the same network in the hour before.
    pub wave: u64,
}

/// The length of the window in which [`Past::wave`] counts, in seconds.
pub const WAVE: i64 = 3600;

/// Which parts of the past the rules use; the others are not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// [`Past::times_followed`] and [`Past::last_followed`].
    pub follows: bool,
    /// [`Past::wave`].
    pub wave: bool,
}

impl Asked {
    /// All of them.
    pub const ALL: Self = Self { follows: true, wave: true };
}

/// Answers from messages that arrived strictly before a moment, so that a message judged again never counts itself.
pub trait Recall {
    /// What was known of `follower` before `before`. Only the parts in `asked` need to be right.
    fn past(&self, follower: &FollowerKey, before: Timestamp, asked: Asked) -> Past;
}

/// Knows nothing: for a message judged on its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blank;

impl Recall for Blank {
    fn past(&self, _: &FollowerKey, _: Timestamp, _: Asked) -> Past {
        Past::default()
    }
}

/// Notifications replayed in order of arrival, for `explain` and `backtest`. A look-up after a hundred thousand notifications
/// costs about as much as after ten.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// When messages about each follower arrived, sorted.
    of_follower: BTreeMap<FollowerKey, Vec<Timestamp>>,
    /// When messages from each network arrived, sorted.
    of_network: BTreeMap<Network, Vec<Timestamp>>,
    known: BTreeSet<FollowerKey>,
}

impl Replay {
    /// Adds a notification. Like the ledger, it ignores one that is not proven: otherwise anyone could invent a past for a
    /// follower.
    pub fn note(&mut self, notification: &Notification) {
        if matches!(notification.authentic, Authenticity::Pass(_)) {
            self.add(notification.keys().collect(), notification.received);
        }
    }

    /// Records that the user knows all followers in a message, since they put it back; its arrival does not matter.
    pub fn know(&mut self, notification: &Notification) {
        self.known.extend(notification.keys());
    }

    /// Records that the user knows a follower.
    pub fn know_follower(&mut self, follower: FollowerKey) {
        self.known.insert(follower);
    }

    /// Counts each follower once, however often the message names them.
    fn add(&mut self, followers: Vec<FollowerKey>, at: Timestamp) {
        let networks: BTreeSet<Network> = followers.iter().map(|key| key.network().clone()).collect();
        for network in networks {
            insert(self.of_network.entry(network).or_default(), at);
        }
        for follower in BTreeSet::from_iter(followers) {
            insert(self.of_follower.entry(follower).or_default(), at);
        }
    }
}

/// Messages arrive nearly in order, so this is nearly always a push.
fn insert(moments: &mut Vec<Timestamp>, at: Timestamp) {
    let place = moments.partition_point(|known| *known <= at);
    moments.insert(place, at);
}

impl Recall for Replay {
    fn past(&self, follower: &FollowerKey, before: Timestamp, _: Asked) -> Past {
        let earlier = |moments: &[Timestamp], than: Timestamp| moments.partition_point(|at| *at < than);
        let mine = self.of_follower.get(follower).map_or(&[][..], Vec::as_slice);
        let times = earlier(mine, before);
        let all = self.of_network.get(follower.network()).map_or(&[][..], Vec::as_slice);
        let window = Timestamp(before.0.saturating_sub(WAVE));
        Past {
            known: self.known.contains(follower),
            times_followed: times as u64,
            last_followed: times.checked_sub(1).and_then(|last| mine.get(last)).copied(),
            wave: (earlier(all, before) - earlier(all, window)) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Network;

    fn key(name: &str) -> FollowerKey {
        FollowerKey::stored(Network::new("x").unwrap(), name.to_owned())
    }

    #[test]
    fn only_what_arrived_earlier_counts() {
        let mut replay = Replay::default();
        replay.add(vec![key("@ann")], Timestamp(100));
        replay.add(vec![key("@bob"), key("@eve")], Timestamp(200));
        replay.add(vec![key("@ann")], Timestamp(10_000));
        let past = replay.past(&key("@ann"), Timestamp(300), Asked::ALL);
        assert_eq!(
            past,
            Past { known: false, times_followed: 1, last_followed: Some(Timestamp(100)), wave: 2 }
        );
        assert_eq!(replay.past(&key("@ann"), Timestamp(100), Asked::ALL), Past::default());
        assert_eq!(replay.past(&key("@ann"), Timestamp(10_001), Asked::ALL).wave, 1);
    }

    proptest::proptest! {
        #[test]
        fn the_index_agrees_with_a_linear_count(
            messages in proptest::collection::vec((0..3_usize, 0..4_usize, 0..9_i64), 0..40),
            asked in 0..4_usize,
            before in 0..9_i64,
        ) {
            let person = |network: usize, name: usize| {
                FollowerKey::stored(Network::new(["x", "twitter", "forem"][network]).unwrap(), format!("@{name}"))
            };
            // Half-hours, so that times fall inside, outside and on the edge of a wave's hour.
            let at = |time: i64| Timestamp(time * WAVE / 2);
            let mut replay = Replay::default();
            for (network, name, time) in &messages {
                replay.add(vec![person(*network, *name), person(*network, 0)], at(*time));
            }
            let past = replay.past(&person(1, asked), at(before), Asked::ALL);
            let earlier = || messages.iter().filter(|(_, _, time)| *time < before);
            let mine = || earlier().filter(|(network, name, _)| *network == 1 && (*name == asked || asked == 0));
            let wave = earlier().filter(|(network, _, time)| *network == 1 && *time >= before - 2).count();
            proptest::prop_assert_eq!(past.times_followed, mine().count() as u64);
            proptest::prop_assert_eq!(past.last_followed, mine().map(|(_, _, time)| at(*time)).max());
            proptest::prop_assert_eq!(past.wave, wave as u64);
        }
    }
}
