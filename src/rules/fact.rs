//! The table of facts that a rule may use in addition to those of `mail`: the word, type and explanation of each, and the
//! facts that a message must show for it.
//!
//! Conditions, suggestions, findings about facts that messages never show, and `facts` all use it. It never evaluates a
//! fact: `case` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::mail::{self, Fact as MailFact, FactType};

/// The type of a fact's value, and so what a rule may write after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text: `is has word starts ends matches in`.
    Text,
    /// A whole number.
    Count,
    /// A number that need not be whole.
    Quantity,
    /// A duration, with its unit.
    Duration,
    /// `true` or `false`.
    Answer,
    /// One of a fixed set of words.
    Word,
    /// `{ in = "list" }`.
    People,
}

impl Type {
    /// What a rule may write for a value of this type, for findings and the table of facts.
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
        /// A fact that a rule may use.
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

            /// The facts that a message must show for it: all of these; for [`Fact::Who`], [`Fact::Impersonates`] and [`Fact::SharedInterests`] one of them.
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
    SharedInterests "shared-interests" Count [Name Bio Website ProfileFields]: "how many of your `interests` name, bio, website or profile fields name";
    NameLength "name-length" Count [Name]: "how many characters the display name has";
    Known "known" Answer []: "whether you put a message about this follower back, or said that you know them";
    Unwelcome "unwelcome" Answer []: "whether you filed a message about this follower by hand; never for one whom you know or list";
    TimesFollowed "times-followed" Count []: "how often this follower followed before; only messages proven authentic count, and those of a day once";
    LastFollowed "last-followed" Duration []: "how long ago the last of these follows was; empty if there was none";
    Wave "wave" Count []: "how many messages of this network came in the hour before, of those proven authentic";
    Who "who" People [Handle Name]: "whether a list names the follower, by handle or by display name";
    Impersonates "impersonates" People [Handle Name]: "whether handle or display name only look like one that a list names";
}

impl Fact {
    /// The fact of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|fact| fact.word() == word)
    }

    /// Does a message with these facts show it?
    pub fn is_shown_by(self, shown: &BTreeSet<MailFact>) -> bool {
        match self {
            Self::Who | Self::Impersonates | Self::SharedInterests => {
                self.needs().iter().any(|fact| shown.contains(fact))
            }
            _ => self.needs().iter().all(|fact| shown.contains(fact)),
        }
    }

    /// Is its text compared character by character instead of word by word?
    pub(crate) fn is_address(self) -> bool {
        matches!(self, Self::Mail(fact) if matches!(fact.type_of(), FactType::Address(_)))
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The networks that rules may name, each with the facts that at least one of its layouts shows, and what look-ups add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// By network, what its messages show, and the same with what is looked up.
    networks: BTreeMap<mail::Network, [BTreeSet<MailFact>; 2]>,
    /// What look-ups could supply, whether or not the settings switch them on.
    possible: BTreeSet<MailFact>,
}

impl Vocabulary {
    /// From the profiles, which the caller has compiled.
    pub fn new(networks: impl IntoIterator<Item = (mail::Network, BTreeSet<MailFact>)>) -> Self {
        let mut all = Self::default();
        for (network, facts) in networks {
            all.networks.entry(network).or_default().iter_mut().for_each(|known| known.extend(&facts));
        }
        all
    }

    /// The same with what is looked up for these networks, and with what could be for any.
    #[must_use]
    pub fn with_look_ups(
        mut self,
        networks: impl IntoIterator<Item = (mail::Network, BTreeSet<MailFact>)>,
        possible: BTreeSet<MailFact>,
    ) -> Self {
        for (network, facts) in networks {
            let [_, with_look_ups] = self.networks.entry(network).or_default();
            with_look_ups.extend(facts);
        }
        self.possible = possible;
        self
    }

    /// Is no network known?
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// The names of the networks.
    pub fn networks(&self) -> impl Iterator<Item = &mail::Network> {
        self.networks.keys()
    }

    /// The networks whose messages show a fact, or for which it is looked up.
    pub fn showing(&self, fact: Fact) -> BTreeSet<&mail::Network> {
        let showing = self.networks.iter().filter(|(_, [_, known])| fact.is_shown_by(known));
        showing.map(|(network, _)| network).collect()
    }

    /// Those of them for which it has to be looked up.
    pub fn looked_up(&self, fact: Fact) -> BTreeSet<&mail::Network> {
        let mut networks = self.showing(fact);
        networks.retain(|network| !self.networks.get(network).is_some_and(|[it, _]| fact.is_shown_by(it)));
        networks
    }

    /// Could a look-up supply it, for any network?
    pub fn may_be_looked_up(&self, fact: Fact) -> bool {
        !fact.needs().is_empty() && fact.is_shown_by(&self.possible)
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
    fn a_derived_fact_needs_all_its_parts_and_a_list_one_of_two() {
        let shown = BTreeSet::from([MailFact::Following, MailFact::Handle]);
        assert!(!Ratio.is_shown_by(&shown));
        assert!(Who.is_shown_by(&shown));
        assert!(Wave.is_shown_by(&shown));
        assert!(!Mail(MailFact::Bio).is_shown_by(&shown));
    }

    #[test]
    fn a_network_that_is_given_twice_shows_what_either_shows() {
        let twitter = || mail::Network::new("twitter").unwrap();
        let vocabulary = Vocabulary::new([
            (twitter(), BTreeSet::from([MailFact::Followers])),
            (twitter(), [MailFact::Following].into()),
        ]);
        assert_eq!(vocabulary.showing(Ratio).len(), 1);
    }

    #[test]
    fn what_is_looked_up_is_told_from_what_messages_show() {
        let network = |word: &str| mail::Network::new(word).unwrap();
        let facts = BTreeSet::from([MailFact::Followers, MailFact::Age]);
        let shown = ["mastodon", "x"].map(|word| (network(word), BTreeSet::from([MailFact::Followers])));
        let vocabulary = Vocabulary::new(shown)
            .with_look_ups([(network("mastodon"), facts.clone())], BTreeSet::from([MailFact::Age]));
        let words =
            |networks: BTreeSet<&mail::Network>| networks.iter().map(|it| it.to_string()).collect::<Vec<_>>();
        assert_eq!(words(vocabulary.showing(Mail(MailFact::Followers))), ["mastodon", "x"]);
        assert!(vocabulary.looked_up(Mail(MailFact::Followers)).is_empty());
        assert_eq!(words(vocabulary.showing(Mail(MailFact::Age))), ["mastodon"]);
        assert_eq!(words(vocabulary.looked_up(Mail(MailFact::Age))), ["mastodon"]);
        assert!(vocabulary.may_be_looked_up(Mail(MailFact::Age)));
        assert!(!vocabulary.may_be_looked_up(Mail(MailFact::Bot)) && !vocabulary.may_be_looked_up(Wave));
    }
}
