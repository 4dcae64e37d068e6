//! Judges a message at its delivery: what is known of a follower's past there, and what comes of a message that no judgement ends.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::field::Field;
use crate::assess::{Arrival, Mail, Rulebook, assess};
use crate::clock::Timestamp;
use crate::mail::{FollowerKey, Network};
use crate::rules::recall::{Asked, Replay};
use crate::rules::{Fact, Past, Recall, fact::Fact::*};

/// What a delivery cannot know: it records no notifications.
const UNREAD: &[Fact] = &[TimesFollowed, LastFollowed, Wave];
/// The same where the ledger cannot be read.
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

/// A judgement panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;
