//! What recognition yields: a notification and its followers, or what a message lacks to be one. Values only.

use std::fmt;

use super::authenticity::Authenticity;
use super::fact::{Fact, Follower};
use super::follower_key::FollowerKey;
use super::network::Network;
use crate::clock::Timestamp;

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Somebody follows the recipient now.
    Follow,
    /// Somebody asks to follow, to be a friend, to connect.
    FollowRequest,
    /// One mail about several followers, even if it names only one.
    FollowBatch,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Follow, Self::FollowRequest, Self::FollowBatch];

    /// The word that rules, profiles and `--json` use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::FollowRequest => "follow-request",
            Self::FollowBatch => "follow-batch",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One recognised mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Who sent it.
    pub network: Network,
    /// The network as people call it: `Twitter`, `GNU social`.
    pub title: String,
    /// What it is about.
    pub kind: Kind,
    /// The name of the layout that was read, for explanations.
    pub layout: String,
    /// Whether it is what it says.
    pub authentic: Authenticity,
    /// The recipient's server on self-hosted networks: handles without a host belong to it.
    pub instance: Option<String>,
    /// Whom it names, in the mail's order. Never empty.
    pub followers: Vec<Follower>,
    /// Whether every follower that it is about is named.
    pub complete: bool,
    /// When it arrived.
    pub received: Timestamp,
}

impl Notification {
    /// The key of one of its followers.
    pub fn key(&self, follower: &Follower) -> FollowerKey {
        FollowerKey::new(&self.network, self.instance.as_deref(), follower)
    }

    /// The keys of its followers, in its order.
    pub fn keys(&self) -> impl Iterator<Item = FollowerKey> {
        self.followers.iter().map(|follower| self.key(follower))
    }
}

/// What a mail turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recognition {
    /// A notification, read in full.
    Recognised(Notification),
    /// By sender and subject a notification, but what its layouts need is not there. Stays; is counted.
    Incomplete {
        /// Whose mail it seems to be.
        network: Network,
        /// The facts that the nearest layout needs and did not find; none where the mail lacks the marks of
        /// them all.
        missing: Vec<Fact>,
    },
    /// To read it would take more work than a message may cost. Nothing is known about it; it stays, and is named.
    TooCostly,
    /// Anything else.
    Foreign,
}

/// A mail of [`Recognition::Incomplete`], remembered: many of one network say that its mails have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// Whose mail it seems to be.
    pub network: Network,
    /// The facts that were not found; none where it lacked what tells such mails apart.
    pub missing: Vec<Fact>,
    /// When it arrived.
    pub received: Timestamp,
}
