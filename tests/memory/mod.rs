//! What deliveries remember: the same cases over SQLite and over a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use followsift::clock::Timestamp;
use followsift::delivery::memory::{
    Delivery, Memory, MemoryCause, MemoryFault, PATIENCE, Recalled, Recipient, remember,
};
use followsift::mail::{Authenticity, Follower, FollowerKey, Kind, Network, Notification, Shown};
use followsift::place::{MailDigest, MailIdentity};
use followsift::rules::recall::{Asked, Blank, ONE_FOLLOW, Replay, WAVE};
use followsift::rules::{Past, Recall};

mod postgresql;
mod sqlite;

const NOON: i64 = 1_800_000_000;
/// So long that nothing is forgotten by the way.
const AGES: Duration = Duration::from_secs(u32::MAX as u64);

fn notification(network: &str, names: &[&str], authentic: Authenticity, received: i64) -> Notification {
    let follower = |name: &&str| Follower { handle: Shown::Value((*name).to_owned()), ..Follower::default() };
    Notification {
        network: Network::new(network).unwrap(),
        title: "Mastodon".into(),
        kind: Kind::Follow,
        layout: "card".into(),
        authentic,
        instance: None,
        followers: names.iter().map(follower).collect(),
        complete: true,
        received: Timestamp(received),
    }
}

fn pass() -> Authenticity {
    Authenticity::Pass("mx.example: dkim=pass brew.example".to_owned())
}

fn key(network: &str, name: &str) -> FollowerKey {
    notification(network, &[name], pass(), 0).keys().next().unwrap()
}

fn identity(number: u32) -> MailIdentity {
    MailIdentity { digest: MailDigest([7; 32]), size: number }
}

/// One recipient, and a machine that delivers for them.
struct Machine<'m> {
    memory: &'m dyn Memory,
    recipient: Recipient,
}

impl<'m> Machine<'m> {
    fn of(memory: &'m dyn Memory, recipient: &str) -> Self {
        Self { memory, recipient: Recipient::new(recipient).unwrap() }
    }

    fn delivery(&self, message: u32) -> Delivery<'_> {
        Delivery {
            recipient: &self.recipient,
            identity: identity(message),
            deadline: Instant::now() + PATIENCE,
        }
    }

    fn try_keep(&self, message: u32, notification: &Notification) -> Result<(), MemoryFault> {
        let now = Timestamp(NOON + 100 * ONE_FOLLOW);
        remember(self.memory, &self.delivery(message), notification, now, AGES)
    }

    fn keep(&self, message: u32, name: &str, received: i64) {
        self.try_keep(message, &notification("mastodon", &[name], pass(), received)).unwrap();
    }

    fn try_past(&self, message: u32, name: &str, before: i64) -> Result<Past, MemoryFault> {
        let recalled = Recalled::new(self.memory, self.delivery(message), Blank);
        let past = recalled.past(&key("mastodon", name), Timestamp(before), Asked::ALL);
        recalled.finish().map(|()| past)
    }

    /// What is known while this message is delivered.
    fn past(&self, message: u32, name: &str, before: i64) -> Past {
        self.try_past(message, name, before).unwrap()
    }
}

/// All of it, for two machines that share a memory.
fn every_case(one: &dyn Memory, other: &dyn Memory) {
    a_message_counts_once_however_often_and_wherever_it_is_delivered(one, other);
    two_machines_that_deliver_at_once_count_a_message_once(one, other);
    an_unproven_message_gives_its_follower_no_past(one);
    a_wave_has_the_borders_that_it_has_elsewhere(one, other);
    recipients_and_networks_are_apart(one);
    whom_the_user_knows_is_known_whatever_is_remembered(one);
    a_message_about_several_followers_counts_once_for_each(one);
    a_name_may_hold_anything(one);
    whatever_comes_a_memory_answers_as_a_replay_does(one, other);
    what_is_too_old_is_forgotten_in_steps(one, other);
    a_message_from_the_future_counts_as_if_it_came_now(one);
    after_the_deadline_there_is_no_answer(one);
}

fn a_message_counts_once_however_often_and_wherever_it_is_delivered(one: &dyn Memory, other: &dyn Memory) {
    let (one, other) = (Machine::of(one, "once@x.example"), Machine::of(other, "Once@X.example"));
    assert_eq!(one.past(1, "ann", NOON), Past::default());
    one.keep(1, "ann", NOON - 60);
    one.keep(1, "ann", NOON - 30);
    other.keep(1, "ann", NOON - 90);
    assert_eq!(other.past(2, "ann", NOON).wave, 1);
    let later = other.past(2, "ann", NOON + ONE_FOLLOW);
    assert_eq!((later.times_followed, later.last_followed), (1, Some(Timestamp(NOON - 90))));
    // It never counts for itself.
    assert_eq!(other.past(1, "ann", NOON), Past::default());
    assert_eq!(one.past(1, "ann", NOON + ONE_FOLLOW), Past::default());
}

fn two_machines_that_deliver_at_once_count_a_message_once(one: &dyn Memory, other: &dyn Memory) {
    thread::scope(|scope| {
        for memory in [one, other, one, other] {
            scope.spawn(move || {
                let machine = Machine::of(memory, "race@x.example");
                (1..=20).for_each(|message| machine.keep(message, "ann", NOON - i64::from(message)));
            });
        }
    });
    assert_eq!(Machine::of(one, "race@x.example").past(99, "ann", NOON).wave, 20);
}

fn an_unproven_message_gives_its_follower_no_past(memory: &dyn Memory) {
    let machine = Machine::of(memory, "unproven@x.example");
    let failed = Authenticity::Fail("mx.example: dmarc=fail brew.example".to_owned());
    for (message, authentic) in [(1, Authenticity::Unknown), (2, failed)] {
        machine.try_keep(message, &notification("mastodon", &["ann"], authentic, NOON - 60)).unwrap();
    }
    assert_eq!(machine.past(3, "ann", NOON), Past::default());
    assert_eq!(machine.past(3, "ann", NOON + ONE_FOLLOW), Past::default());
    machine.keep(1, "ann", NOON - 60);
    assert_eq!(machine.past(3, "ann", NOON).wave, 1);
}

fn a_wave_has_the_borders_that_it_has_elsewhere(one: &dyn Memory, other: &dyn Memory) {
    let (one, other) = (Machine::of(one, "wave@x.example"), Machine::of(other, "wave@x.example"));
    let mut replay = Replay::default();
    for (message, received) in (1..).zip([NOON - WAVE - 1, NOON - WAVE, NOON - 1, NOON - 1, NOON, NOON + 1]) {
        one.keep(message, "ann", received);
        replay.note(&notification("mastodon", &["ann"], pass(), received));
    }
    for (before, expected) in
        [(NOON - WAVE - 1, 0), (NOON - WAVE, 1), (NOON - 1, 2), (NOON, 3), (NOON + 1, 3), (NOON + 2, 4)]
    {
        assert_eq!(other.past(99, "bob", before).wave, expected, "{before}");
        assert_eq!(replay.wave(key("mastodon", "bob").network(), Timestamp(before)), expected);
    }
}

fn recipients_and_networks_are_apart(memory: &dyn Memory) {
    let (ann, bob) = (Machine::of(memory, "ann@x.example"), Machine::of(memory, "bob@x.example"));
    ann.keep(1, "eve", NOON - 60);
    assert_eq!(bob.past(2, "eve", NOON + ONE_FOLLOW), Past::default());
    assert_eq!(bob.past(2, "eve", NOON).wave, 0);
    // The same message, to both.
    bob.keep(1, "eve", NOON - 50);
    assert_eq!(ann.past(2, "eve", NOON).wave, 1);
    assert_eq!(bob.past(2, "eve", NOON + ONE_FOLLOW).last_followed, Some(Timestamp(NOON - 50)));
    ann.try_keep(3, &notification("pixelfed", &["eve"], pass(), NOON - 40)).unwrap();
    assert_eq!(ann.past(2, "eve", NOON).wave, 1);
    assert_eq!(ann.past(2, "eve", NOON + ONE_FOLLOW).last_followed, Some(Timestamp(NOON - 60)));
}

fn whom_the_user_knows_is_known_whatever_is_remembered(memory: &dyn Memory) {
    let machine = Machine::of(memory, "known@x.example");
    machine.keep(1, "ann", NOON - 60);
    let mut people = Replay::default();
    people.know_follower(key("mastodon", "ann"), true);
    people.reject_follower(key("mastodon", "ann"));
    people.reject_follower(key("mastodon", "eve"));
    let past = |name| {
        let recalled = Recalled::new(memory, machine.delivery(2), people.clone());
        let past = recalled.past(&key("mastodon", name), Timestamp(NOON), Asked::ALL);
        recalled.finish().unwrap();
        past
    };
    assert_eq!(past("ann"), Past { known: true, wave: 1, ..Past::default() });
    assert_eq!(past("eve"), Past { unwelcome: true, wave: 1, ..Past::default() });
}

fn a_message_about_several_followers_counts_once_for_each(memory: &dyn Memory) {
    let machine = Machine::of(memory, "batch@x.example");
    machine.try_keep(1, &notification("mastodon", &["ann", "bob", "ann"], pass(), NOON)).unwrap();
    for name in ["ann", "bob"] {
        assert_eq!(machine.past(2, name, NOON + 1).wave, 1);
        assert_eq!(machine.past(2, name, NOON + ONE_FOLLOW).times_followed, 1);
    }
    assert_eq!(machine.past(2, "eve", NOON + ONE_FOLLOW).times_followed, 0);
}

fn a_name_may_hold_anything(memory: &dyn Memory) {
    let machine = Machine::of(memory, "odd@x.example");
    let names = ["a\0b", "a", "\u{fffd}\u{10ffff}", "'; DROP TABLE past; --", &"x".repeat(100_000)];
    for (message, name) in (1..).zip(names) {
        machine.keep(message, name, NOON);
    }
    for name in names {
        assert_eq!(machine.past(99, name, NOON + ONE_FOLLOW).times_followed, 1);
    }
}

/// Messages of few followers, days apart and seconds apart, delivered once or more, in any order.
fn whatever_comes_a_memory_answers_as_a_replay_does(one: &dyn Memory, other: &dyn Memory) {
    let mut random = crate::support::trial::seeded();
    let about = |message: u32| -> &[&str] {
        match message {
            0..5 => &["ann"],
            5..10 => &["bob"],
            10..15 => &["ann", "bob"],
            _ => &["ann", "bob", "eve"],
        }
    };
    for round in 0..12 {
        let recipient = format!("replay-{round}@x.example");
        let machines = [Machine::of(one, &recipient), Machine::of(other, &recipient)];
        let mut replay = Replay::default();
        for _ in 0..25 {
            let message = random.u32(..15);
            let received = NOON
                + random.choice([0, 1, 7, WAVE, ONE_FOLLOW]).unwrap() * random.i64(0..5)
                + random.i64(0..3);
            let notification = notification("mastodon", about(message), pass(), received);
            random.choice(&machines).unwrap().try_keep(message, &notification).unwrap();
            replay.note_message(identity(message), &notification);
        }
        for _ in 0..10 {
            let (message, before) = (random.u32(..20), NOON + random.i64(-10..6 * ONE_FOLLOW));
            let expected = replay.without(&identity(message));
            // A message is judged on the followers that it is about.
            for name in about(message) {
                assert_eq!(
                    random.choice(&machines).unwrap().past(message, name, before),
                    expected.past(&key("mastodon", name), Timestamp(before), Asked::ALL),
                    "round {round}: {message} {name} {before}"
                );
            }
        }
    }
}

fn what_is_too_old_is_forgotten_in_steps(one: &dyn Memory, other: &dyn Memory) {
    let old = NOON - 1_000_000_000;
    let machine = Machine::of(one, "old@x.example");
    let names: Vec<String> = (0..1200).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    machine.try_keep(1, &notification("mastodon", &names, pass(), old)).unwrap();
    machine.keep(2, "ann", old + 1);
    machine.keep(3, "ann", old + 2);
    let forget = |memory: &dyn Memory| memory.forget(Timestamp(old + 2), Instant::now() + PATIENCE).unwrap();
    assert!(forget(one));
    assert!(!forget(other));
    assert_eq!(machine.past(9, "n1", old + ONE_FOLLOW + 2).times_followed, 0);
    let kept = machine.past(9, "ann", old + ONE_FOLLOW + 2);
    assert_eq!((kept.times_followed, kept.last_followed), (1, Some(Timestamp(old + 2))));
}

/// Else it would never be forgotten.
fn a_message_from_the_future_counts_as_if_it_came_now(memory: &dyn Memory) {
    let machine = Machine::of(memory, "future@x.example");
    machine.keep(1, "ann", i64::MAX);
    let past = machine.past(2, "ann", NOON + 102 * ONE_FOLLOW);
    assert_eq!(past.last_followed, Some(Timestamp(NOON + 100 * ONE_FOLLOW)));
}

fn after_the_deadline_there_is_no_answer(memory: &dyn Memory) {
    let machine = Machine::of(memory, "late@x.example");
    let late = Delivery { deadline: Instant::now(), ..machine.delivery(1) };
    let recalled = Recalled::new(memory, late, Blank);
    assert_eq!(recalled.past(&key("mastodon", "ann"), Timestamp(NOON), Asked::ALL), Past::default());
    assert_eq!(recalled.finish().unwrap_err().cause, MemoryCause::Late);
    let told = notification("mastodon", &["ann"], pass(), NOON);
    let fault = remember(memory, &late, &told, Timestamp(NOON), AGES).unwrap_err();
    assert_eq!(fault.cause, MemoryCause::Late);
    // Nobody else waits for it.
    assert_eq!(machine.past(2, "ann", NOON + 1).wave, 0);
}

/// The deadline, with what a busy machine takes besides.
const AT_MOST: Duration = Duration::from_millis(3_500);

/// How long it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

#[track_caller]
fn fault_of<T: Debug>(answer: Result<T, MemoryFault>) -> MemoryCause {
    answer.unwrap_err().cause
}
