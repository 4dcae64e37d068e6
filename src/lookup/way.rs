//! The ways to a profile, and what each asks, reads and can supply. Pure.

use super::{activitypub, forem, mastodon, misskey, nodebb, peertube, x};
use crate::clock::Timestamp;
use crate::ledger::Question;
use crate::mail::{Fact, Follower};
use crate::settings::{Lookup, Site};

/// A way to a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The API of the recipient's own server.
    Own(Site),
    /// ActivityPub, from a server that the user lists.
    ActivityPub,
    /// The API of X, with a token of the user's own.
    X,
}

/// What follows a first answer with the status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is the profile.
    Profile,
    /// It says with which request to ask for the profile: the address, and what is sent by POST, if that is the way.
    Ask((String, Option<String>)),
    /// It is not one that the question can have.
    Unfit,
}

impl Way {
    /// The ways to profiles of a network, as far as `allowed` says.
    pub fn all(network: &str, allowed: impl Fn(Self) -> bool) -> impl Iterator<Item = Self> {
        let own = Site::of_network(network).map(Self::Own);
        let federated = activitypub::is_federated(network).then_some(Self::ActivityPub);
        let x = (network == "x").then_some(Self::X);
        [own, federated, x].into_iter().flatten().filter(move |way| allowed(*way))
    }

    /// The way that a question goes.
    pub fn of(question: &Question) -> Option<Self> {
        let network = question.follower.network().as_str();
        // A server is asked about an account by its full name only where it is not the recipient's own.
        let is_listed = question.host.as_ref() == Some(&question.server);
        Self::all(network, |way| (way == Self::ActivityPub) == is_listed).next()
    }

    /// Do the settings switch it on?
    pub fn is_on(self, lookup: &Lookup) -> bool {
        match self {
            Self::Own(site) => lookup.own_server.contains(&site),
            Self::ActivityPub => !lookup.ask.is_empty(),
            Self::X => lookup.x_token.is_some(),
        }
    }

    /// Does the server know accounts of others, and answer about them without a question to theirs? PeerTube and NodeBB fetch such
    /// an account anew; Forem has none.
    pub(super) fn knows_others(self) -> bool {
        matches!(self, Self::Own(Site::Mastodon | Site::Misskey) | Self::ActivityPub)
    }

    /// The facts that it can supply.
    pub fn supplies(self) -> &'static [Fact] {
        match self {
            Self::Own(Site::Mastodon) => mastodon::SUPPLIES,
            Self::Own(Site::Misskey) => misskey::SUPPLIES,
            Self::Own(Site::PeerTube) => peertube::SUPPLIES,
            Self::Own(Site::NodeBb) => nodebb::SUPPLIES,
            Self::Own(Site::Forem) => forem::SUPPLIES,
            Self::ActivityPub => activitypub::SUPPLIES,
            Self::X => x::SUPPLIES,
        }
    }

    /// The first request: its address, and what is sent by POST, if that is the way.
    pub fn request(self, question: &Question) -> (String, Option<String>) {
        match self {
            Self::Own(Site::Mastodon) => (mastodon::address(question), None),
            Self::Own(Site::Misskey) => {
                let (address, body) = misskey::request(question);
                (address, Some(body))
            }
            Self::Own(Site::PeerTube) => (peertube::address(question), None),
            Self::Own(Site::NodeBb) => (nodebb::address(question), None),
            Self::Own(Site::Forem) => (forem::address(question), None),
            Self::ActivityPub => (activitypub::finger(question), None),
            Self::X => (x::address(question), None),
        }
    }

    /// What follows the answer to the first request.
    pub(super) fn next(self, question: &Question, body: &[u8]) -> Next {
        match self {
            Self::Own(Site::Misskey) if question.host.is_some() => misskey::next(question, body),
            Self::ActivityPub => {
                activitypub::account(question, body).map_or(Next::Unfit, |address| Next::Ask((address, None)))
            }
            Self::Own(_) | Self::X => Next::Profile,
        }
    }

    /// The facts in an answer with the status 200; `None` if it is unreadable, or about another account than the one asked for.
    pub(super) fn facts(self, question: &Question, body: &[u8], now: Timestamp) -> Option<Follower> {
        match self {
            Self::Own(Site::Mastodon) => mastodon::facts(question, body, now),
            Self::Own(Site::Misskey) => misskey::facts(question, body, now),
            Self::Own(Site::PeerTube) => peertube::facts(question, body, now),
            Self::Own(Site::NodeBb) => nodebb::facts(question, body, now),
            Self::Own(Site::Forem) => forem::facts(question, body, now),
            Self::ActivityPub => activitypub::facts(question, body, now).map(|(facts, _)| facts),
            Self::X => x::facts(question, body, now),
        }
    }

    /// What another status says of the account; `None` if the server failed or refuses.
    pub(super) fn state(self, status: u16, body: &[u8]) -> Option<Follower> {
        match self {
            Self::Own(Site::Mastodon) => mastodon::state(status, body),
            Self::Own(Site::Misskey) => misskey::state(status, body),
            Self::Own(Site::PeerTube) => peertube::state(status, body),
            Self::Own(Site::NodeBb) => nodebb::state(status, body),
            Self::Own(Site::Forem) => forem::state(status, body),
            Self::ActivityPub => activitypub::state(status),
            Self::X => x::state(status, body),
        }
    }
}
