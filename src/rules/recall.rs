//! What the mail itself cannot answer: whether and when this follower was there before.
//!
//! The trait is here because rules ask; the ledger answers, or a list replayed in order of arrival.

use crate::mail::{FollowerKey, Timestamp};

/// What is known of a follower from before a moment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Past {
    /// The user has put a mail about this follower back by hand: somebody he knows.
    pub known: bool,
    /// Notifications about this follower before, requests included.
    pub times_followed: u64,
    /// When the last of them came.
    pub last_followed: Option<Timestamp>,
    /// Notifications of the same network in the hour before.
    pub wave: u64,
}

/// The length of the window in which [`Past::wave`] counts, in seconds.
pub const WAVE: i64 = 3600;

/// Answers from what arrived strictly before a moment, so that a mail judged again never counts itself.
pub trait Recall {
    /// What was known of `follower` before `before`.
    fn past(&self, follower: &FollowerKey, before: Timestamp) -> Past;
}

/// Knows nothing: for a mail looked at on its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blank;

impl Recall for Blank {
    fn past(&self, _: &FollowerKey, _: Timestamp) -> Past {
        Past::default()
    }
}

/// Notifications replayed in their order of arrival, as `explain` and `backtest` see them.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    mails: Vec<(Vec<FollowerKey>, Timestamp)>,
}

impl Replay {
    /// Notes that a notification about `followers` arrived at `at`.
    pub fn note(&mut self, followers: Vec<FollowerKey>, at: Timestamp) {
        self.mails.push((followers, at));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.mails.clear();
    }
}

impl Recall for Replay {
    fn past(&self, follower: &FollowerKey, before: Timestamp) -> Past {
        let earlier = || self.mails.iter().filter(|(_, at)| *at < before);
        let mine = || earlier().filter(|(followers, _)| followers.contains(follower));
        let of_network =
            |followers: &[FollowerKey]| followers.iter().any(|key| key.network() == follower.network());
        let wave =
            earlier().filter(|(followers, at)| at.0 >= before.0 - WAVE && of_network(followers)).count();
        Past {
            known: false,
            times_followed: mine().count() as u64,
            last_followed: mine().map(|(_, at)| *at).max(),
            wave: wave as u64,
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
        replay.note(vec![key("@ann")], Timestamp(100));
        replay.note(vec![key("@bob"), key("@eve")], Timestamp(200));
        replay.note(vec![key("@ann")], Timestamp(10_000));
        let past = replay.past(&key("@ann"), Timestamp(300));
        assert_eq!(
            past,
            Past { known: false, times_followed: 1, last_followed: Some(Timestamp(100)), wave: 2 }
        );
        assert_eq!(replay.past(&key("@ann"), Timestamp(100)), Past::default());
        assert_eq!(replay.past(&key("@ann"), Timestamp(10_001)).wave, 1);
    }
}
