//! Answers what a message cannot: whether and when its follower appeared before.
//!
//! Rules ask through the trait [`Recall`]; the ledger implements it, and so does [`Replay`] for notifications replayed in order of
//! arrival. Neither counts follows: [`Recall::past`] alone does, so that they cannot disagree.

use std::collections::{BTreeMap, BTreeSet};

use super::fact::Fact;
use crate::clock::Timestamp;
use crate::mail::{Authenticity, FollowerKey, Network, Notification};
use crate::place::MailIdentity;

/// What was known of a follower before a moment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Past {
    /// The user has put a message about this follower back by hand, or said that they know them.
    pub known: bool,
    /// The user has filed a message about this follower by hand, and does not know them.
    pub unwelcome: bool,
    /// Earlier follows by this follower, requests included, of which proven notifications came. Notifications that came less
    /// than [`ONE_FOLLOW`] after the first of a follow are about the same follow.
    pub times_followed: u64,
    /// When the first notification of the last of these follows came.
    pub last_followed: Option<Timestamp>,
    /// Proven notifications of the same network in the hour before.
    pub wave: u64,
    /// The facts of the past that could not be found out. What the fields above say about them means nothing, and a rule that
    /// needs one of them cannot tell.
    pub unread: &'static [Fact],
}

/// The length of the window in which [`Past::wave`] counts, in seconds.
pub const WAVE: i64 = 3600;

/// For how long a follower's notifications are about one follow, in seconds: WordPress and its plugins send two or three.
pub const ONE_FOLLOW: i64 = 24 * 3600;

/// Which parts of the past the rules use, since the others are not looked up, and for which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Asked {
    /// [`Past::unwelcome`].
    pub unwelcome: bool,
    /// [`Past::times_followed`] and [`Past::last_followed`].
    pub follows: bool,
    /// [`Past::wave`].
    pub wave: bool,
    /// The message that is judged is proven.
    pub is_proven: bool,
}

impl Asked {
    /// All of them, for a proven message.
    pub const ALL: Self = Self { unwelcome: true, follows: true, wave: true, is_proven: true };
}

/// Answers from messages that arrived strictly before a moment, so that a message judged again never counts itself.
pub trait Recall {
    /// Does the user know this follower? For a proven message, what an unproven one taught does not count.
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool;

    /// Has the user filed a message about this follower by hand?
    fn is_unwelcome(&self, follower: &FollowerKey) -> bool;

    /// When the first proven notification about this follower came, of those that came at `since` or later and before `before`.
    fn first_message(&self, follower: &FollowerKey, since: Timestamp, before: Timestamp)
    -> Option<Timestamp>;

    /// How many proven notifications of a network came in the last [`WAVE`] before `before`.
    fn wave(&self, network: &Network, before: Timestamp) -> u64;

    /// What was known of `follower` before `before`. Only the parts in `asked` are looked up.
    ///
    /// A follow whose notifications still come at `before` does not count: the message that is judged is one of them. It takes a
    /// question for each follow, however many messages came about it.
    fn past(&self, follower: &FollowerKey, before: Timestamp, asked: Asked) -> Past {
        let mut past = Past { known: self.knows(follower, asked.is_proven), ..Past::default() };
        // What the user filed by hand was proven, and says nothing about an unproven message.
        past.unwelcome = asked.unwelcome && asked.is_proven && !past.known && self.is_unwelcome(follower);
        let mut since = Timestamp(i64::MIN);
        while asked.follows
            && let Some(first) = self.first_message(follower, since, before)
        {
            since = Timestamp(first.0.saturating_add(ONE_FOLLOW));
            if since > before {
                break;
            }
            past.times_followed += 1;
            past.last_followed = Some(first);
        }
        if asked.wave {
            past.wave = self.wave(follower.network(), before);
        }
        past
    }
}

/// Knows nothing: for a message judged on its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blank;

impl Recall for Blank {
    fn knows(&self, _: &FollowerKey, _: bool) -> bool {
        false
    }

    fn is_unwelcome(&self, _: &FollowerKey) -> bool {
        false
    }

    fn first_message(&self, _: &FollowerKey, _: Timestamp, _: Timestamp) -> Option<Timestamp> {
        None
    }

    fn wave(&self, _: &Network, _: Timestamp) -> u64 {
        0
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
    /// When the messages arrived that were noted with what identifies them.
    messages: BTreeMap<MailIdentity, Timestamp>,
    /// Whom the user knows, and whether that holds for proven messages, too.
    known: BTreeMap<FollowerKey, bool>,
    unwelcome: BTreeSet<FollowerKey>,
}

impl Replay {
    /// Adds a notification. Like the ledger, it ignores one that is not proven: otherwise anyone could invent a past for a
    /// follower.
    pub fn note(&mut self, notification: &Notification) {
        if matches!(notification.authentic, Authenticity::Pass(_)) {
            self.add(notification.keys().collect(), notification.received);
        }
    }

    /// The same for a message that can come in several copies: they count once, as in the ledger, and by their earliest arrival.
    pub fn note_message(&mut self, identity: MailIdentity, notification: &Notification) {
        if !matches!(notification.authentic, Authenticity::Pass(_)) {
            return;
        }
        let at = notification.received;
        match self.messages.insert(identity, at) {
            Some(earlier) if earlier <= at => {
                self.messages.insert(identity, earlier);
                return;
            }
            Some(later) => self.remove(notification, later),
            None => {}
        }
        self.add(notification.keys().collect(), at);
    }

    /// Was this message noted, or a copy of it?
    pub fn has(&self, identity: &MailIdentity) -> bool {
        self.messages.contains_key(identity)
    }

    /// What is known without this message and its copies: for when it is judged itself.
    pub fn without(&self, identity: &MailIdentity) -> Without<'_> {
        Without { replay: self, own: self.messages.get(identity).copied() }
    }

    /// Adds the messages that another one has. Whom the user knows is not added.
    pub fn append(&mut self, other: Self) {
        for (follower, moments) in other.of_follower {
            merge(self.of_follower.entry(follower).or_default(), moments);
        }
        for (network, moments) in other.of_network {
            merge(self.of_network.entry(network).or_default(), moments);
        }
        self.messages.extend(other.messages);
    }

    /// Records that the user knows all followers in a message, since they put it back; its arrival does not matter.
    pub fn know(&mut self, notification: &Notification) {
        let is_proven = matches!(notification.authentic, Authenticity::Pass(_));
        notification.keys().for_each(|key| self.know_follower(key, is_proven));
    }

    /// Records that the user knows a follower; in unproven messages alone, if nothing proven says so.
    pub fn know_follower(&mut self, follower: FollowerKey, is_proven: bool) {
        *self.known.entry(follower).or_default() |= is_proven;
    }

    /// Records that the user has filed a message about a follower by hand.
    pub fn reject_follower(&mut self, follower: FollowerKey) {
        self.unwelcome.insert(follower);
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

    /// Takes back what a message added when it arrived at `at`.
    fn remove(&mut self, notification: &Notification, at: Timestamp) {
        let keys = BTreeSet::from_iter(notification.keys());
        let of_network = self.of_network.get_mut(&notification.network);
        let of_followers =
            self.of_follower.iter_mut().filter(|(key, _)| keys.contains(key)).map(|(_, moments)| moments);
        for moments in of_followers.chain(of_network) {
            if let Ok(place) = moments.binary_search(&at) {
                moments.remove(place);
            }
        }
    }
}

/// Messages arrive nearly in order, so this is nearly always a push.
fn insert(moments: &mut Vec<Timestamp>, at: Timestamp) {
    let place = moments.partition_point(|known| *known <= at);
    moments.insert(place, at);
}

/// Adds sorted moments to others.
fn merge(moments: &mut Vec<Timestamp>, more: Vec<Timestamp>) {
    moments.extend(more);
    moments.sort();
}

impl Recall for Replay {
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
        self.known.get(follower).is_some_and(|learned| *learned || !is_proven)
    }

    fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
        self.unwelcome.contains(follower)
    }

    fn first_message(
        &self,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<Timestamp> {
        Without { replay: self, own: None }.first_message(follower, since, before)
    }

    fn wave(&self, network: &Network, before: Timestamp) -> u64 {
        let moments = self.of_network.get(network).map_or(&[][..], Vec::as_slice);
        let earlier = |than: Timestamp| moments.partition_point(|at| *at < than);
        (earlier(before) - earlier(Timestamp(before.0.saturating_sub(WAVE)))) as u64
    }
}

/// A [`Replay`] without the message that is judged, of which a copy may have been noted.
#[derive(Clone, Copy, Debug)]
pub struct Without<'r> {
    replay: &'r Replay,
    /// When the copy arrived.
    own: Option<Timestamp>,
}

impl Recall for Without<'_> {
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
        self.replay.knows(follower, is_proven)
    }

    fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
        self.replay.is_unwelcome(follower)
    }

    fn first_message(
        &self,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<Timestamp> {
        let moments = self.replay.of_follower.get(follower)?;
        let mut later = moments.iter().skip(moments.partition_point(|at| *at < since)).copied().peekable();
        later.next_if(|at| self.own == Some(*at));
        later.next().filter(|at| *at < before)
    }

    fn wave(&self, network: &Network, before: Timestamp) -> u64 {
        let is_in_it = |own: Timestamp| own < before && own.0 >= before.0.saturating_sub(WAVE);
        self.replay.wave(network, before).saturating_sub(self.own.is_some_and(is_in_it).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Network;

    fn key(name: &str) -> FollowerKey {
        FollowerKey::stored(Network::new("x").unwrap(), name.to_owned())
    }

    const HOUR: i64 = 3600;

    #[test]
    fn only_what_arrived_earlier_counts() {
        let mut replay = Replay::default();
        replay.add(vec![key("@ann")], Timestamp(100));
        replay.add(vec![key("@bob"), key("@eve")], Timestamp(200));
        replay.add(vec![key("@ann")], Timestamp(100_000));
        assert_eq!(replay.past(&key("@ann"), Timestamp(100), Asked::ALL), Past::default());
        assert_eq!(replay.past(&key("@ann"), Timestamp(300), Asked::ALL).wave, 2);
        assert_eq!(replay.past(&key("@ann"), Timestamp(100_001), Asked::ALL).wave, 1);
        let past = replay.past(&key("@ann"), Timestamp(100_000), Asked::ALL);
        let once = Past { times_followed: 1, last_followed: Some(Timestamp(100)), ..Past::default() };
        assert_eq!(past, once);
    }

    /// What is known of a follower of whom messages came at these hours, asked at an hour.
    fn follows(hours: &[i64], asked: i64) -> (u64, Option<i64>) {
        let mut replay = Replay::default();
        hours.iter().for_each(|hour| replay.add(vec![key("@ann")], Timestamp(hour * HOUR)));
        let past = replay.past(&key("@ann"), Timestamp(asked * HOUR), Asked::ALL);
        (past.times_followed, past.last_followed.map(|at| at.0 / HOUR))
    }

    #[test]
    fn what_comes_within_a_day_is_one_follow() {
        // The second message about a follow is about no earlier one, nor is the third.
        assert_eq!(follows(&[0], 0), (0, None));
        assert_eq!(follows(&[0], 1), (0, None));
        assert_eq!(follows(&[0, 1], 23), (0, None));
        // A day later it is another follow, and the one before it counts once.
        assert_eq!(follows(&[0, 1, 2], 24), (1, Some(0)));
        assert_eq!(follows(&[0, 1, 24, 25], 30), (1, Some(0)));
        assert_eq!(follows(&[0, 1, 24, 25], 90), (2, Some(24)));
        // A follower cannot hide by following again every twenty hours.
        assert_eq!(follows(&[0, 20, 40, 60, 80, 100], 120), (3, Some(80)));
        // The order in which messages are noted makes no difference.
        assert_eq!(follows(&[25, 1, 0, 24], 90), (2, Some(24)));
    }

    fn notification(received: i64) -> Notification {
        Notification {
            network: Network::new("x").unwrap(),
            title: "X".into(),
            kind: crate::mail::Kind::Follow,
            layout: "2024".into(),
            authentic: Authenticity::Pass("mx.example: dkim=pass x.com".into()),
            instance: None,
            followers: vec![crate::mail::Follower {
                handle: crate::mail::Shown::Value("ann".to_owned()),
                ..Default::default()
            }],
            complete: true,
            received: Timestamp(received * HOUR),
        }
    }

    #[test]
    fn copies_of_a_message_count_once_and_never_for_each_other() {
        let identity = |number| MailIdentity { digest: crate::place::MailDigest([number; 32]), size: 4_000 };
        let key = notification(0).keys().next().unwrap();
        for order in [[10, 50, 90], [90, 10, 50], [50, 90, 10]] {
            let mut replay = Replay::default();
            order.iter().for_each(|hour| replay.note_message(identity(1), &notification(*hour)));
            let past = |number, hour: i64| {
                replay.without(&identity(number)).past(&key, Timestamp(hour * HOUR), Asked::ALL)
            };
            assert_eq!((past(1, 90).times_followed, past(1, 11).wave), (0, 0), "{order:?}");
            // For another message about the same follower, they are one follow.
            assert_eq!(
                (past(2, 200).times_followed, past(2, 11).wave, past(2, 51).wave),
                (1, 1, 0),
                "{order:?}"
            );
            // That one may have come in the same second.
            replay.note_message(identity(2), &notification(10));
            let past =
                |number| replay.without(&identity(number)).past(&key, Timestamp(90 * HOUR), Asked::ALL);
            assert_eq!((past(1).times_followed, past(2).times_followed), (1, 1), "{order:?}");
        }
    }

    /// Counts the questions.
    struct Counted<'r>(&'r Replay, std::cell::Cell<u32>);

    impl Recall for Counted<'_> {
        fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
            self.0.knows(follower, is_proven)
        }

        fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
            self.0.is_unwelcome(follower)
        }

        fn first_message(&self, it: &FollowerKey, since: Timestamp, before: Timestamp) -> Option<Timestamp> {
            self.1.set(self.1.get() + 1);
            self.0.first_message(it, since, before)
        }

        fn wave(&self, network: &Network, before: Timestamp) -> u64 {
            self.0.wave(network, before)
        }
    }

    #[test]
    fn ten_thousand_messages_about_three_follows_take_four_questions() {
        let mut replay = Replay::default();
        (0..10_000).for_each(|number| replay.add(vec![key("@ann")], Timestamp(number * 25)));
        let recall = Counted(&replay, std::cell::Cell::new(0));
        let past = recall.past(&key("@ann"), Timestamp(10_000_000), Asked::ALL);
        assert_eq!((past.times_followed, recall.1.get()), (3, 4));
        recall.1.set(0);
        let past = recall.past(&key("@ann"), Timestamp(10_000_000), Asked { wave: true, ..Asked::default() });
        assert_eq!((past.times_followed, recall.1.get()), (0, 0), "no rule asks for it");
    }

    proptest::proptest! {
        #[test]
        fn the_index_agrees_with_a_linear_count(
            messages in proptest::collection::vec((0..3_usize, 0..4_usize, 0..200_i64), 0..40),
            asked in 0..4_usize,
            before in 0..200_i64,
        ) {
            let person = |network: usize, name: usize| {
                FollowerKey::stored(Network::new(["x", "twitter", "forem"][network]).unwrap(), format!("@{name}"))
            };
            // Half-hours, so that times fall inside, outside and on the edge of a wave's hour and of a follow's day.
            let at = |time: i64| Timestamp(time * WAVE / 2);
            let mut replay = Replay::default();
            for (network, name, time) in &messages {
                replay.add(vec![person(*network, *name), person(*network, 0)], at(*time));
            }
            let past = replay.past(&person(1, asked), at(before), Asked::ALL);
            let earlier = || messages.iter().filter(|(_, _, time)| *time < before);
            let mut mine: Vec<i64> = earlier()
                .filter(|(network, name, _)| *network == 1 && (*name == asked || asked == 0))
                .map(|(_, _, time)| *time)
                .collect();
            mine.sort_unstable();
            let mut follows: Vec<i64> = Vec::new();
            for time in mine {
                if follows.last().is_none_or(|last| time - last >= 48) {
                    follows.push(time);
                }
            }
            follows.retain(|time| before - time >= 48);
            let wave = earlier().filter(|(network, _, time)| *network == 1 && *time >= before - 2).count();
            proptest::prop_assert_eq!(past.times_followed, follows.len() as u64);
            proptest::prop_assert_eq!(past.last_followed, follows.last().map(|time| at(*time)));
            proptest::prop_assert_eq!(past.wave, wave as u64);
        }
    }
}
