//! The results of recognition: a notification with its followers, or the facts that a message lacks. Values only.

use std::fmt;
use std::sync::Arc;

use super::authenticity::Authenticity;
use super::fact::{Fact, Follower};
use super::follower_key::FollowerKey;
use super::network::Network;
use crate::clock::Timestamp;

/// The kind of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Somebody now follows the recipient.
    Follow,
    /// Somebody asks to follow, to become a friend or to connect.
    FollowRequest,
    /// One message about several followers, even if it names only one.
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

/// A recognised message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The network that sent it.
    pub network: Network,
    /// The network's title: `Twitter`, `GNU social`.
    pub title: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// The name of the layout that was read, for explanations.
    pub layout: Arc<str>,
    /// Whether it comes from the network it claims.
    pub authentic: Authenticity,
    /// The recipient's server on self-hosted networks: handles without a host belong to it.
    pub instance: Option<String>,
    /// The followers it names, in the order of the message. Never empty.
    pub followers: Vec<Follower>,
    /// Whether it names every follower that it is about.
    pub complete: bool,
    /// When it arrived.
    pub received: Timestamp,
}

impl Notification {
    /// The key of one of its followers.
    pub fn key(&self, follower: &Follower) -> FollowerKey {
        FollowerKey::new(&self.network, self.instance.as_deref(), follower)
    }

    /// Gives each follower of whom nothing can be seen an id: their place in the message, and what identifies the message.
    pub(super) fn identify_blank(&mut self, message: &str) {
        for (place, follower) in self.followers.iter_mut().enumerate() {
            if follower.is_blank() {
                follower.id = Some(format!("blank {place} {message}"));
            }
        }
    }

    /// The keys of its followers, in its order.
    pub fn keys(&self) -> impl Iterator<Item = FollowerKey> {
        self.followers.iter().map(|follower| self.key(follower))
    }
}

/// The result of recognising a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recognition {
    /// A notification that was read in full.
    Recognised(Notification),
    /// Sender and subject are those of a notification, but something that its layouts need is missing. It stays and is counted.
    Incomplete {
        /// The network that it seems to be from.
        network: Network,
        /// The facts that the nearest layout needs and did not find; empty if the message fits the marks of no layout.
        missing: Vec<Fact>,
    },
    /// Reading it would exceed the allowance. Nothing is known about it; it stays and is reported.
    TooCostly,
    /// Anything else.
    Foreign,
}

/// A record of a message that was [`Recognition::Incomplete`]: many from one network suggest that its messages have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// The network that it seems to be from.
    pub network: Network,
    /// The facts that were not found; empty if it lacked the marks of such messages.
    pub missing: Vec<Fact>,
    /// When it arrived.
    pub received: Timestamp,
}
