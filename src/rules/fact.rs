//! The one table of facts that a rule may name: its word, what kind of value it is, what it says, and what a
//! mail must show for it.
//!
//! `compile` reads conditions by it and suggests from it; the findings about facts that no mail shows, and
//! the list of facts that the user is shown, come from it too. It evaluates nothing: `case` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::mail::{self, Network};

/// What a rule may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// A fact that the mail bears about the follower.
    Mail(mail::Fact),
    /// Which network the mail is of.
    Network,
    /// Whether it tells of a follower, of a request, or of several followers.
    Kind,
    /// The recipient's own server, on networks that have many.
    Instance,
    /// Whether the user has put a mail about this follower back by hand.
    Known,
    /// How often this follower came before.
    TimesFollowed,
    /// How long ago this follower last came.
    LastFollowed,
    /// How many came from that network within the hour before.
    Wave,
    /// following / max(followers, 1).
    Ratio,
    /// following / max(followers, 1)².
    Lopsided,
    /// following / max(posts, 1).
    FollowingPerPost,
    /// How many digits the handle has.
    HandleDigits,
    /// How many characters the display name has.
    NameLength,
    /// Whether a list names the follower.
    Who,
    /// Whether the follower's name or handle only looks like one of a list.
    Impersonates,
}

/// What kind of value a fact has, and so what a rule may write after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Words: `is has word starts ends matches in`.
    Text,
    /// A whole number.
    Count,
    /// A number that need not be whole.
    Quantity,
    /// A length of time, with its unit.
    Duration,
    /// `true` or `false`.
    Answer,
    /// One of a few words that are known beforehand.
    Word,
    /// `{ in = "list" }`.
    People,
}

impl Type {
    /// What may be written for a value of this type, as findings and the table of facts say it.
    pub fn expects(self) -> &'static str {
        match self {
            Self::Text => "a text, a list of texts, or { is, has, word, starts, ends, matches, in }",
            Self::Count => "a number such as 2000, \">= 2000\", \"2k\" or \"10..20\"",
            Self::Quantity => "a number such as 30, \">= 1.5\" or \"10..20\"",
            Self::Duration => "a time such as \"< 30 days\" or \"1 week..4 weeks\"",
            Self::Answer => "`true` or `false`",
            Self::Word => "a word or a list of words",
            Self::People => "{ in = \"list\" }",
        }
    }
}

use Fact::*;
use mail::Fact as M;

impl Fact {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 29] = [
        Mail(M::Handle),
        Mail(M::Name),
        Mail(M::Url),
        Mail(M::Bio),
        Mail(M::Location),
        Mail(M::Website),
        Mail(M::Followers),
        Mail(M::Following),
        Mail(M::Posts),
        Mail(M::Lists),
        Mail(M::Mutuals),
        Mail(M::DefaultPicture),
        Mail(M::Verified),
        Mail(M::Private),
        Mail(M::Age),
        Network,
        Kind,
        Instance,
        Ratio,
        Lopsided,
        FollowingPerPost,
        HandleDigits,
        NameLength,
        Known,
        TimesFollowed,
        LastFollowed,
        Wave,
        Who,
        Impersonates,
    ];

    /// The word that rules use.
    pub fn word(self) -> &'static str {
        match self {
            Mail(fact) => fact.word(),
            Network => "network",
            Kind => "kind",
            Instance => "instance",
            Known => "known",
            TimesFollowed => "times-followed",
            LastFollowed => "last-followed",
            Wave => "wave",
            Ratio => "ratio",
            Lopsided => "lopsided",
            FollowingPerPost => "following-per-post",
            HandleDigits => "handle-digits",
            NameLength => "name-length",
            Who => "who",
            Impersonates => "impersonates",
        }
    }

    /// The fact of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.word() == word)
    }

    /// What kind of value it has.
    pub fn type_of(self) -> Type {
        match self {
            Mail(M::Handle | M::Name | M::Url | M::Bio | M::Location | M::Website) | Instance => Type::Text,
            Mail(M::Followers | M::Following | M::Posts | M::Lists | M::Mutuals) => Type::Count,
            TimesFollowed | Wave | HandleDigits | NameLength => Type::Count,
            Ratio | Lopsided | FollowingPerPost => Type::Quantity,
            Mail(M::Age) | LastFollowed => Type::Duration,
            Mail(M::DefaultPicture | M::Verified | M::Private) | Known => Type::Answer,
            Network | Kind => Type::Word,
            Who | Impersonates => Type::People,
        }
    }

    /// One line that says what it is, with its unit.
    pub fn explanation(self) -> &'static str {
        match self {
            Mail(M::Handle) => "the account's name, without @; with its host where the message prints that",
            Mail(M::Name) => "the display name, in the follower's own words",
            Mail(M::Url) => "the link to the follower's profile",
            Mail(M::Bio) => "what the follower writes about themselves; a headline counts",
            Mail(M::Location) => "where the follower says they are",
            Mail(M::Website) => "the follower's own site",
            Mail(M::Followers) => "how many people follow the follower",
            Mail(M::Following) => "how many people the follower follows",
            Mail(M::Posts) => "how many posts, tweets, updates or videos there are",
            Mail(M::Lists) => "how many lists the follower is on",
            Mail(M::Mutuals) => "how many people whom you know stand between you",
            Mail(M::DefaultPicture) => "whether the picture is the one that every new account has",
            Mail(M::Verified) => "whether the network has verified the account",
            Mail(M::Private) => "whether the account is closed to strangers",
            Mail(M::Age) => "how long the account has existed",
            Network => "which network the message is from: \"mastodon\", \"twitter\"",
            Kind => {
                "\"follow\", \"follow-request\" or \"follow-batch\" (one message about several followers)"
            }
            Instance => "your own server, on networks that have many",
            Known => "whether you put a message about this follower back, or said that you know them",
            TimesFollowed => "how many messages about this follower came before, of those proven authentic",
            LastFollowed => "how long ago the last of them came; empty if none did",
            Wave => "how many messages of this network came in the hour before, of those proven authentic",
            Ratio => "following / followers, with followers at least 1",
            Lopsided => "following / followers / followers, with followers at least 1",
            FollowingPerPost => "following / posts, with posts at least 1",
            HandleDigits => "how many digits the handle has, its host left out",
            NameLength => "how many characters the display name has",
            Who => "whether a list names the follower, by handle or by display name",
            Impersonates => "whether handle or display name only look like one that a list names",
        }
    }

    /// What a mail must show for it: all of these; for [`Fact::Who`] and [`Fact::Impersonates`] one of them.
    pub fn needs(self) -> &'static [mail::Fact] {
        match self {
            Mail(fact) => M::ALL.iter().find(|known| **known == fact).map_or(&[], std::slice::from_ref),
            Ratio | Lopsided => &[M::Followers, M::Following],
            FollowingPerPost => &[M::Following, M::Posts],
            HandleDigits => &[M::Handle],
            NameLength => &[M::Name],
            Who | Impersonates => &[M::Handle, M::Name],
            Network | Kind | Instance | Known | TimesFollowed | LastFollowed | Wave => &[],
        }
    }

    /// Can it be told from a mail that shows `shown`?
    pub fn told_by(self, shown: &BTreeSet<mail::Fact>) -> bool {
        match self {
            Who | Impersonates => self.needs().iter().any(|fact| shown.contains(fact)),
            _ => self.needs().iter().all(|fact| shown.contains(fact)),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The networks that rules may name, each with the facts that its mails show in one layout or another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary(BTreeMap<Network, BTreeSet<mail::Fact>>);

impl Vocabulary {
    /// Of the profiles, as the caller has read them.
    pub fn new(networks: impl IntoIterator<Item = (Network, BTreeSet<mail::Fact>)>) -> Self {
        let mut all = BTreeMap::<Network, BTreeSet<mail::Fact>>::new();
        for (network, facts) in networks {
            all.entry(network).or_default().extend(facts);
        }
        Self(all)
    }

    /// Is no network known?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words of the networks.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.0.keys()
    }

    /// The networks whose mails tell a fact.
    pub fn tellers(&self, fact: Fact) -> BTreeSet<&Network> {
        self.0.iter().filter(|(_, shown)| fact.told_by(shown)).map(|(network, _)| network).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_a_word_of_its_own_and_an_explanation() {
        for fact in Fact::ALL {
            assert_eq!(Fact::from_word(fact.word()), Some(fact));
            assert!(!fact.explanation().is_empty());
        }
        let mail: Vec<_> = Fact::ALL.into_iter().filter(|fact| matches!(fact, Mail(_))).collect();
        assert_eq!(mail.len(), M::ALL.len());
    }

    #[test]
    fn a_derived_fact_needs_all_that_it_is_made_of_and_a_list_one_of_its_two() {
        let shown = BTreeSet::from([M::Following, M::Handle]);
        assert!(!Ratio.told_by(&shown));
        assert!(Who.told_by(&shown));
        assert!(Wave.told_by(&shown));
        assert!(!Mail(M::Bio).told_by(&shown));
    }

    #[test]
    fn a_network_that_is_given_twice_shows_what_either_shows() {
        let twitter = || mail::Network::new("twitter").unwrap();
        let vocabulary = Vocabulary::new([
            (twitter(), BTreeSet::from([M::Followers])),
            (twitter(), [M::Following].into()),
        ]);
        assert_eq!(vocabulary.tellers(Ratio).len(), 1);
    }
}
