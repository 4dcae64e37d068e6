//! The one table of facts that a rule may name beside those of `mail`: its word, what kind of value it is, what it says,
//! and what a message must show for it.
//!
//! `compile` reads conditions by it and suggests from it; the findings about facts that no mail shows, and
//! the list of facts that the user is shown, come from it too. It evaluates nothing: `case` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::mail::{self, Fact as MailFact, FactType};

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

macro_rules! facts {
    ($($fact:ident $word:literal $type:ident [$($need:ident)*]: $explanation:literal;)+) => {
        /// What a rule may ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fact {
            /// A fact that the message shows about the follower.
            Mail(MailFact),
            $(#[doc = $explanation] $fact,)+
        }

        impl Fact {
            /// All of them, in the order in which they are shown.
            pub fn all() -> impl Iterator<Item = Self> {
                MailFact::ALL.into_iter().map(Self::Mail).chain([$(Self::$fact),+])
            }

            /// The word that rules use.
            pub fn word(self) -> &'static str {
                match self {
                    Self::Mail(fact) => fact.word(),
                    $(Self::$fact => $word,)+
                }
            }

            /// What kind of value it has.
            pub fn type_of(self) -> Type {
                match self {
                    Self::Mail(fact) => match fact.type_of() {
                        FactType::Words(_) | FactType::Address(_) => Type::Text,
                        FactType::Count => Type::Count,
                        FactType::Days => Type::Duration,
                        FactType::Answer => Type::Answer,
                    },
                    $(Self::$fact => Type::$type,)+
                }
            }

            /// One line that says what it is, with its unit.
            pub fn explanation(self) -> &'static str {
                match self {
                    Self::Mail(fact) => fact.explanation(),
                    $(Self::$fact => $explanation,)+
                }
            }

            /// What a message must show for it: all of these; for [`Fact::Who`] and [`Fact::Impersonates`] one of them.
            pub fn needs(self) -> &'static [MailFact] {
                match self {
                    Self::Mail(fact) => fact.alone(),
                    $(Self::$fact => &[$(MailFact::$need),*],)+
                }
            }
        }
    };
}

// Variant, word, type and needs of each, and what it is.
facts! {
    Network "network" Word []: "which network the message is from: \"mastodon\", \"twitter\"";
    Kind "kind" Word []: "\"follow\", \"follow-request\" or \"follow-batch\" (one message about several followers)";
    Instance "instance" Text []: "your own server, on networks that have many";
    Ratio "ratio" Quantity [Followers Following]: "following / followers, with followers at least 1";
    Lopsided "lopsided" Quantity [Followers Following]: "following / followers / followers, with followers at least 1";
    FollowingPerPost "following-per-post" Quantity [Following Posts]: "following / posts, with posts at least 1";
    HandleDigits "handle-digits" Count [Handle]: "how many digits the handle has, its host left out";
    NameLength "name-length" Count [Name]: "how many characters the display name has";
    Known "known" Answer []: "whether you put a message about this follower back, or said that you know them";
    TimesFollowed "times-followed" Count []: "how many messages about this follower came before, of those proven authentic";
    LastFollowed "last-followed" Duration []: "how long ago the last of them came; empty if none did";
    Wave "wave" Count []: "how many messages of this network came in the hour before, of those proven authentic";
    Who "who" People [Handle Name]: "whether a list names the follower, by handle or by display name";
    Impersonates "impersonates" People [Handle Name]: "whether handle or display name only look like one that a list names";
}

impl Fact {
    /// The fact of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|fact| fact.word() == word)
    }

    /// Can it be told from a message that shows `shown`?
    pub fn told_by(self, shown: &BTreeSet<MailFact>) -> bool {
        match self {
            Self::Who | Self::Impersonates => self.needs().iter().any(|fact| shown.contains(fact)),
            _ => self.needs().iter().all(|fact| shown.contains(fact)),
        }
    }

    /// Is text of it compared letter by letter, and not by its words?
    pub(crate) fn is_address(self) -> bool {
        matches!(self, Self::Mail(fact) if matches!(fact.type_of(), FactType::Address(_)))
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The networks that rules may name, each with the facts that its mails show in one layout or another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary(BTreeMap<mail::Network, BTreeSet<MailFact>>);

impl Vocabulary {
    /// Of the profiles, as the caller has read them.
    pub fn new(networks: impl IntoIterator<Item = (mail::Network, BTreeSet<MailFact>)>) -> Self {
        let mut all = BTreeMap::<mail::Network, BTreeSet<MailFact>>::new();
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
    pub fn networks(&self) -> impl Iterator<Item = &mail::Network> {
        self.0.keys()
    }

    /// The networks whose mails tell a fact.
    pub fn tellers(&self, fact: Fact) -> BTreeSet<&mail::Network> {
        self.0.iter().filter(|(_, shown)| fact.told_by(shown)).map(|(network, _)| network).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Fact::*;
    use super::*;

    #[test]
    fn every_fact_has_a_word_of_its_own_and_an_explanation() {
        for fact in Fact::all() {
            assert_eq!(Fact::from_word(fact.word()), Some(fact));
            assert!(!fact.explanation().is_empty());
        }
    }

    #[test]
    fn a_derived_fact_needs_all_that_it_is_made_of_and_a_list_one_of_its_two() {
        let shown = BTreeSet::from([MailFact::Following, MailFact::Handle]);
        assert!(!Ratio.told_by(&shown));
        assert!(Who.told_by(&shown));
        assert!(Wave.told_by(&shown));
        assert!(!Mail(MailFact::Bio).told_by(&shown));
    }

    #[test]
    fn a_network_that_is_given_twice_shows_what_either_shows() {
        let twitter = || mail::Network::new("twitter").unwrap();
        let vocabulary = Vocabulary::new([
            (twitter(), BTreeSet::from([MailFact::Followers])),
            (twitter(), [MailFact::Following].into()),
        ]);
        assert_eq!(vocabulary.tellers(Ratio).len(), 1);
    }
}
