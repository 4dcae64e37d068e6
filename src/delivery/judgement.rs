//! Judges a message at its delivery: what is known of a follower's past there, and what comes of a message that no judgement ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::field::Field;
use super::memory::{Delivery, Memory, MemoryFault, Recalled, remember};
use crate::assess::{Arrival, Mail, Rulebook, assess};
use crate::clock::Timestamp;
use crate::mail::{FollowerKey, Network, Recognition};
use crate::rules::recall::{Asked, Blank, Replay};
use crate::rules::{Fact, Past, Recall, fact::Fact::*};

/// What a delivery cannot know without a memory: it records no notifications.
const UNREAD: &[Fact] = &[TimesFollowed, LastFollowed, Wave];
/// What a delivery cannot know where the ledger cannot be read.
const BY_HAND_UNREAD: &[Fact] = &[Known, Unwelcome];
/// Both.
const ALL_UNREAD: &[Fact] = &[Known, Unwelcome, TimesFollowed, LastFollowed, Wave];

/// What a delivery knows of followers.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// Whom the user knows, and whom they filed by hand. `None` where there is a ledger that cannot be read: without one, nobody has
    /// ever been put back.
    pub by_hand: Option<Replay>,
}

impl Recall for Remembered {
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
        self.by_hand.as_ref().is_some_and(|by_hand| by_hand.knows(follower, is_proven))
    }

    fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
        self.by_hand.as_ref().is_some_and(|by_hand| by_hand.is_unwelcome(follower))
    }

    fn first_message(&self, _: &FollowerKey, _: Timestamp, _: Timestamp) -> Option<Timestamp> {
        None
    }

    fn wave(&self, _: &Network, _: Timestamp) -> u64 {
        0
    }

    fn past(&self, follower: &FollowerKey, _: Timestamp, asked: Asked) -> Past {
        let known = self.knows(follower, asked.is_proven);
        // What the user filed by hand was proven, and says nothing about an unproven message.
        let unwelcome = asked.unwelcome && asked.is_proven && !known && self.is_unwelcome(follower);
        let unread = if self.by_hand.is_some() { UNREAD } else { ALL_UNREAD };
        Past { known, unwelcome, unread, ..Past::default() }
    }
}

/// The field for a message; `None` if it is not a notification. `now` is when it arrived if it does not say so itself.
///
/// # Errors
///
/// If the judgement panicked, which is a bug: the message goes on without a field.
pub fn judge(
    message: &[u8],
    now: Timestamp,
    rulebook: &Rulebook,
    remembered: &Remembered,
) -> Result<Option<Field>, Panicked> {
    let mail = Mail { bytes: message, arrived: Arrival::Dated { otherwise: now } };
    let assess = || Field::of(&assess(mail, rulebook, remembered));
    catch_unwind(AssertUnwindSafe(assess)).map_err(|_| Panicked)
}

/// Where deliveries keep what they learn about followers.
#[derive(Debug)]
pub struct Store {
    /// The memory.
    pub memory: Box<dyn Memory>,
    /// How long it remembers.
    pub keeps: Duration,
}

/// The same as [`judge`] with a memory, which is asked about this delivery, and then keeps the message if it is proven. A verdict that
/// hangs on an answer that did not come is withheld. Also says whether the memory did its work.
///
/// # Errors
///
/// As [`judge`]; and the first fault of the memory.
pub fn judge_with_memory(
    message: &[u8],
    now: Timestamp,
    rulebook: &Rulebook,
    remembered: &Remembered,
    (store, delivery): (&Store, Delivery<'_>),
) -> (Result<Option<Field>, Panicked>, Result<(), MemoryFault>) {
    let mail = Mail { bytes: message, arrived: Arrival::Dated { otherwise: now } };
    let all = All { remembered, recalled: Recalled::new(&*store.memory, delivery, Blank) };
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let assessment = assess(mail, rulebook, &all);
        let written = match &assessment.recognition {
            Recognition::Recognised(notification) => {
                remember(&*store.memory, &delivery, notification, now, store.keeps)
            }
            _ => Ok(()),
        };
        (Field::of(&assessment), written)
    }));
    let asked = all.recalled.finish();
    match judged {
        Ok((field, written)) => (Ok(field), asked.and(written)),
        Err(_) => (Err(Panicked), asked),
    }
}

/// What was done by hand, and what came before.
struct All<'m> {
    remembered: &'m Remembered,
    recalled: Recalled<'m, Blank>,
}

impl Recall for All<'_> {
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
        self.remembered.knows(follower, is_proven)
    }

    fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
        self.remembered.is_unwelcome(follower)
    }

    fn first_message(
        &self,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<Timestamp> {
        self.recalled.first_message(follower, since, before)
    }

    fn wave(&self, network: &Network, before: Timestamp) -> u64 {
        self.recalled.wave(network, before)
    }

    fn past(&self, follower: &FollowerKey, before: Timestamp, asked: Asked) -> Past {
        let Past { known, unwelcome, .. } = self.remembered.past(follower, before, asked);
        let past = self.recalled.past(follower, before, asked);
        let unread = match (self.remembered.by_hand.is_some(), self.recalled.has_failed()) {
            (true, false) => &[],
            (true, true) => UNREAD,
            (false, false) => BY_HAND_UNREAD,
            (false, true) => ALL_UNREAD,
        };
        Past { known, unwelcome, unread, ..past }
    }
}

/// A judgement panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;
