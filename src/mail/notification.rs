//! What recognition yields: a notification and its followers, as typed facts.
//!
//! Values only. A fact has three states, since a mail that does not show a number says nothing about it.

use std::fmt;

use crate::clock::Timestamp;
use crate::host::HostName;

/// A fact as a mail shows it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Shown<T> {
    /// The layout has no place for it: nothing is known.
    #[default]
    NotShown,
    /// The layout has a place for it, and that is blank.
    Empty,
    /// The layout shows this.
    Value(T),
}

impl<T> Shown<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotShown | Self::Empty => None,
        }
    }

    /// Is there a place for it, blank or not?
    pub fn is_shown(&self) -> bool {
        !matches!(self, Self::NotShown)
    }

    /// The same state of a reference.
    pub fn as_ref(&self) -> Shown<&T> {
        match self {
            Self::NotShown => Shown::NotShown,
            Self::Empty => Shown::Empty,
            Self::Value(value) => Shown::Value(value),
        }
    }

    /// The same state of another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Shown<U> {
        match self {
            Self::NotShown => Shown::NotShown,
            Self::Empty => Shown::Empty,
            Self::Value(value) => Shown::Value(change(value)),
        }
    }
}

/// The word for a network, as rules and `--json` use it: `twitter`, `mastodon`, or the user's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(String);

impl Network {
    /// Lower-case ASCII letters, digits and `-`; `None` for anything else.
    pub fn new(word: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (!word.is_empty() && word.len() <= 64 && word.chars().all(fits)).then(|| Self(word.to_owned()))
    }

    /// The word as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

/// Whether the mail comes from whom it says (RFC 8601), with what was seen: `mx.example.org: dkim=pass
/// twitter.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authenticity {
    /// The account's own server says so, for the network's domain.
    Pass(String),
    /// Forged, or as good as. Never acted on.
    Fail(String),
    /// Nobody says. May be filed, is never promoted.
    Unknown,
}

impl Authenticity {
    /// The word that `--json` uses.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Fail(_) => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// A fact that a mail can bear about a follower. The words are those of profiles and rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The name of the account, without a leading `@`; with its host where the mail prints that.
    Handle,
    /// The display name: the follower's own words.
    Name,
    /// The link to the follower's profile.
    Url,
    /// What the follower writes about himself; a headline counts.
    Bio,
    /// Where the follower says he is.
    Location,
    /// The follower's own site.
    Website,
    /// How many follow the follower.
    Followers,
    /// How many the follower follows.
    Following,
    /// How many posts, tweets, updates or videos there are.
    Posts,
    /// How many lists the follower is on. No known mail shows it.
    Lists,
    /// How many people whom the recipient knows stand between them.
    Mutuals,
    /// Whether the picture is the network's own, that new accounts have.
    DefaultPicture,
    /// Whether the network has verified the account.
    Verified,
    /// Whether the account is closed to strangers.
    Private,
    /// How long the account has existed, in days.
    Age,
}

impl Fact {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 15] = [
        Self::Handle,
        Self::Name,
        Self::Url,
        Self::Bio,
        Self::Location,
        Self::Website,
        Self::Followers,
        Self::Following,
        Self::Posts,
        Self::Lists,
        Self::Mutuals,
        Self::DefaultPicture,
        Self::Verified,
        Self::Private,
        Self::Age,
    ];

    /// The word that profiles and rules use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Handle => "handle",
            Self::Name => "name",
            Self::Url => "url",
            Self::Bio => "bio",
            Self::Location => "location",
            Self::Website => "website",
            Self::Followers => "followers",
            Self::Following => "following",
            Self::Posts => "posts",
            Self::Lists => "lists",
            Self::Mutuals => "mutuals",
            Self::DefaultPicture => "default-picture",
            Self::Verified => "verified",
            Self::Private => "private",
            Self::Age => "age",
        }
    }

    /// The fact of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.word() == word)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What one mail shows about one follower. Text is one line, in NFC, without control and bidirectional
/// characters, and capped in length.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Follower {
    /// [`Fact::Handle`].
    pub handle: Shown<String>,
    /// [`Fact::Name`].
    pub name: Shown<String>,
    /// [`Fact::Url`], unwrapped from tracking redirects.
    pub url: Shown<String>,
    /// [`Fact::Bio`].
    pub bio: Shown<String>,
    /// [`Fact::Location`].
    pub location: Shown<String>,
    /// [`Fact::Website`].
    pub website: Shown<String>,
    /// [`Fact::Followers`].
    pub followers: Shown<u64>,
    /// [`Fact::Following`].
    pub following: Shown<u64>,
    /// [`Fact::Posts`].
    pub posts: Shown<u64>,
    /// [`Fact::Lists`].
    pub lists: Shown<u64>,
    /// [`Fact::Mutuals`].
    pub mutuals: Shown<u64>,
    /// [`Fact::DefaultPicture`].
    pub default_picture: Shown<bool>,
    /// [`Fact::Verified`].
    pub verified: Shown<bool>,
    /// [`Fact::Private`].
    pub private: Shown<bool>,
    /// [`Fact::Age`], in days.
    pub age: Shown<u64>,
    /// The network's own number for the account, where the mail bears one. Not for rules: it keys the
    /// follower where there is no handle and no link.
    pub id: Option<String>,
}

impl Follower {
    /// A text fact; not shown for the facts of another type.
    pub fn text(&self, fact: Fact) -> Shown<&str> {
        let text = match fact {
            Fact::Handle => &self.handle,
            Fact::Name => &self.name,
            Fact::Url => &self.url,
            Fact::Bio => &self.bio,
            Fact::Location => &self.location,
            Fact::Website => &self.website,
            _ => return Shown::NotShown,
        };
        text.as_ref().map(String::as_str)
    }

    /// A counting fact (for [`Fact::Age`], days); not shown for the facts of another type.
    pub fn count(&self, fact: Fact) -> Shown<u64> {
        match fact {
            Fact::Followers => self.followers.clone(),
            Fact::Following => self.following.clone(),
            Fact::Posts => self.posts.clone(),
            Fact::Lists => self.lists.clone(),
            Fact::Mutuals => self.mutuals.clone(),
            Fact::Age => self.age.clone(),
            _ => Shown::NotShown,
        }
    }

    /// A yes-or-no fact; not shown for the facts of another type.
    pub fn answer(&self, fact: Fact) -> Shown<bool> {
        match fact {
            Fact::DefaultPicture => self.default_picture.clone(),
            Fact::Verified => self.verified.clone(),
            Fact::Private => self.private.clone(),
            _ => Shown::NotShown,
        }
    }

    /// Is there a place for the fact in the mail?
    pub fn shows(&self, fact: Fact) -> bool {
        self.text(fact).is_shown() || self.count(fact).is_shown() || self.answer(fact).is_shown()
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

/// Who a follower is, across mails: the network with the handle and its host, else with the profile link,
/// else the network's own id, else the name. Lower-cased.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FollowerKey {
    network: Network,
    key: String,
}

impl FollowerKey {
    /// Of a follower in a mail of `network`; `instance` hosts the handles that bear no host.
    pub fn new(network: &Network, instance: Option<&str>, follower: &Follower) -> Self {
        let key = if let Some(handle) = follower.handle.value() {
            let handle = handle.trim_start_matches('@');
            let (local, host) =
                handle.split_once('@').map_or((handle, instance), |(local, host)| (local, Some(host)));
            // In Unicode, as most mails print it, so that a key is the same whichever way one is printed.
            let unicode = |host| HostName::parse(host).map(|host| host.to_unicode().into_owned());
            match host {
                Some(host) => format!("@{local}@{}", unicode(host).unwrap_or_else(|| host.to_owned())),
                None => format!("@{local}"),
            }
        } else if let Some(url) = follower.url.value() {
            url.trim_end_matches('/').to_owned()
        } else if let Some(id) = &follower.id {
            format!("#{id}")
        } else {
            format!("={}", follower.name.value().map_or("", String::as_str))
        };
        Self { network: network.clone(), key: key.to_lowercase() }
    }

    /// As the ledger once wrote it with [`FollowerKey::as_str`].
    pub fn stored(network: Network, key: String) -> Self {
        Self { network, key }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The rest of the key.
    pub fn as_str(&self) -> &str {
        &self.key
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
pub struct Unread {
    /// Whose mail it seems to be.
    pub network: Network,
    /// The facts that were not found; none where it lacked what tells such mails apart.
    pub missing: Vec<Fact>,
    /// When it arrived.
    pub received: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network::new("mastodon").unwrap()
    }

    #[test]
    fn a_local_handle_belongs_to_the_recipients_instance() {
        let follower = Follower { handle: Shown::Value("Ann".into()), ..Follower::default() };
        let key = FollowerKey::new(&network(), Some("chaos.example"), &follower);
        assert_eq!(key.as_str(), "@ann@chaos.example");
    }

    #[test]
    fn an_international_host_is_one_however_it_is_written_and_no_other() {
        let key = |handle: &str| {
            let follower = Follower { handle: Shown::Value(handle.into()), ..Follower::default() };
            FollowerKey::new(&network(), Some("toot.example"), &follower).as_str().to_owned()
        };
        assert_eq!(key("Ana@xn--strae-oqa.example"), "@ana@straße.example");
        assert_eq!(key("ana@STRAßE.example"), "@ana@straße.example");
        assert_ne!(key("ana@straße.example"), key("ana@strasse.example"));
        assert_ne!(key("ana@βόλος.example"), key("ana@βόλοσ.example"));
        assert_eq!(key("ana"), "@ana@toot.example");
        assert_eq!(key("ana@pod.example:3000"), "@ana@pod.example:3000");
    }

    #[test]
    fn without_a_handle_the_link_is_the_key_then_the_id_then_the_name() {
        let mut follower = Follower {
            url: Shown::Value("https://x.example/Ann/".into()),
            id: Some("7".into()),
            name: Shown::Value("Ann".into()),
            ..Follower::default()
        };
        let key = |follower: &Follower| FollowerKey::new(&network(), None, follower).as_str().to_owned();
        assert_eq!(key(&follower), "https://x.example/ann");
        follower.url = Shown::NotShown;
        assert_eq!(key(&follower), "#7");
        follower.id = None;
        assert_eq!(key(&follower), "=ann");
    }

    #[test]
    fn every_fact_has_a_word_of_its_own() {
        for fact in Fact::ALL {
            assert_eq!(Fact::from_word(fact.word()), Some(fact));
        }
    }
}
