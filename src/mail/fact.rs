//! The table of facts that a message can show about a follower, and [`Follower`], which holds their values.
//!
//! This is the only table of facts: `Fact`, the fields of `Follower`, and what recognition, rules, the ledger and `--json` do
//! with a fact follow from its entry. To add a fact, add its entry; one that is not printed as text or as a number also
//! needs its reader in `profile/reading.rs`.
//!
//! Values only. A fact has three states, since a message that does not show a number says nothing about it.

use std::fmt;

use crate::clock::Timestamp;

/// A fact as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Shown<T> {
    /// The layout has no place for it: nothing is known.
    #[default]
    NotShown,
    /// The layout has a place for it, which is blank.
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

/// Where and when facts were looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The server that was asked.
    pub host: String,
    /// When it answered.
    pub at: Timestamp,
    /// Whether that was on the day of the judgement.
    pub is_today: bool,
    /// The facts that come from there, and not from the message.
    pub facts: Vec<Fact>,
}

/// The values of [`Fact::AccountState`].
pub const ACCOUNT_STATES: [&str; 4] = ["active", "limited", "suspended", "gone"];

/// What kind of value a fact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactType {
    /// Words of the follower's own, of so many characters at most.
    Words(usize),
    /// A handle or a link, of so many characters at most.
    Address(usize),
    /// A whole number that messages print.
    Count,
    /// A duration in days. Messages do not print it.
    Days,
    /// A boolean. Messages do not print it.
    Answer,
}

/// The value of a fact of any type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactRef<'f> {
    /// Words or an address.
    Text(&'f Shown<String>),
    /// A count, or days.
    Count(&'f Shown<u64>),
    /// A boolean.
    Answer(&'f Shown<bool>),
}

/// The field of a fact of any type, to be filled in.
#[derive(Debug)]
pub enum FactMut<'f> {
    /// Words or an address.
    Text(&'f mut Shown<String>),
    /// A count, or days.
    Count(&'f mut Shown<u64>),
    /// A boolean.
    Answer(&'f mut Shown<bool>),
}

/// The Rust type that holds the values of a type, and the variant of `FactRef` and `FactMut` for it.
macro_rules! value {
    (Words) => {
        String
    };
    (Address) => {
        String
    };
    (Count) => {
        u64
    };
    (Days) => {
        u64
    };
    (Answer) => {
        bool
    };
    ($held:ident, Words, $field:expr) => {
        $held::Text($field)
    };
    ($held:ident, Address, $field:expr) => {
        $held::Text($field)
    };
    ($held:ident, Count, $field:expr) => {
        $held::Count($field)
    };
    ($held:ident, Days, $field:expr) => {
        $held::Count($field)
    };
    ($held:ident, Answer, $field:expr) => {
        $held::Answer($field)
    };
}

macro_rules! facts {
    ($($fact:ident $field:ident $word:literal $type:ident $(($longest:literal))?: $explanation:literal;)+) => {
        /// A fact that a message can show about a follower. The words are those of networks, rules and `--json`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fact {
            $(#[doc = $explanation] $fact,)+
        }

        impl Fact {
            /// All of them, in the order in which they are shown.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$fact),+];

            /// The word that networks, rules, the ledger and `--json` use.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$fact => $word,)+
                }
            }

            /// What kind of value it has.
            pub fn type_of(self) -> FactType {
                match self {
                    $(Self::$fact => FactType::$type $(($longest))?,)+
                }
            }

            /// One line that says what it is, with its unit.
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Self::$fact => $explanation,)+
                }
            }
        }

        /// What is known about one follower: what the message shows, and what was looked up. Text is one line, in NFC, without control and bidirectional
        /// characters, and capped in length.
        #[derive(Clone, Debug, PartialEq, Eq, Default)]
        pub struct Follower {
            $(#[doc = concat!("[`Fact::", stringify!($fact), "`]: ", $explanation)] pub $field: Shown<value!($type)>,)+
            /// The network's own number for the account, where the message shows one, or else what tells the message from
            /// others if there is no name either. Not for rules: it keys the follower where there is no handle and no link.
            pub id: Option<String>,
            /// Which of these facts come from a public profile instead of the message.
            pub looked_up: Option<Box<LookedUp>>,
        }

        impl Follower {
            /// Is there nothing that tells the follower from others?
            pub(super) fn is_blank(&self) -> bool {
                let has = |text: &Shown<String>| text.value().is_some();
                !has(&self.handle) && !has(&self.url) && self.id.is_none() && !has(&self.name)
            }

            /// The value of a fact.
            pub fn fact(&self, fact: Fact) -> FactRef<'_> {
                match fact {
                    $(Fact::$fact => value!(FactRef, $type, &self.$field),)+
                }
            }

            /// The field of a fact, to be filled in.
            pub fn fact_mut(&mut self, fact: Fact) -> FactMut<'_> {
                match fact {
                    $(Fact::$fact => value!(FactMut, $type, &mut self.$field),)+
                }
            }
        }
    };
}

// Variant, field, word and type of each, and what it is.
facts! {
    Handle handle "handle" Address(320): "the account's name, without @; with its host where the message prints that";
    Name name "name" Words(200): "the display name, in the follower's own words";
    Url url "url" Address(2_000): "the link to the follower's profile";
    Bio bio "bio" Words(2_000): "what the follower writes about themselves; a headline counts";
    Location location "location" Words(200): "where the follower says they are";
    Website website "website" Address(500): "the follower's own site";
    ProfileFields profile_fields "profile-fields" Words(2_000): "the other fields of the follower's profile, like \"Pronouns: they/them; Languages: Rust, Go\"";
    AddressHost address_host "address-host" Address(255): "the host of the email address that some networks show as the handle";
    Followers followers "followers" Count: "how many people follow the follower";
    Following following "following" Count: "how many people the follower follows";
    Posts posts "posts" Count: "how many posts, tweets, updates or videos there are";
    Lists lists "lists" Count: "how many lists the follower is on";
    Mutuals mutuals "mutuals" Count: "how many people you both know";
    DefaultPicture default_picture "default-picture" Answer: "whether the picture is the one that every new account has";
    Verified verified "verified" Answer: "whether the network has verified the account, or a site of theirs that links back to it";
    Private private "private" Answer: "whether the account is closed to strangers";
    Age age "age" Days: "how long the account has existed";
    LastPosted last_posted "last-posted" Days: "how long ago the follower last posted";
    Bot bot "bot" Answer: "whether the account says that a program runs it";
    AccountState account_state "account-state" Words(20): "what the server says of the account: \"active\", \"limited\", \"suspended\" or \"gone\"";
}

impl Fact {
    /// The fact of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.word() == word)
    }

    /// A list of this fact alone.
    pub fn alone(self) -> &'static [Self] {
        Self::ALL.iter().find(|known| **known == self).map_or(&[], std::slice::from_ref)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Follower {
    /// A text fact; not shown for facts of another type.
    pub fn text(&self, fact: Fact) -> Shown<&str> {
        match self.fact(fact) {
            FactRef::Text(text) => text.as_ref().map(String::as_str),
            FactRef::Count(_) | FactRef::Answer(_) => Shown::NotShown,
        }
    }

    /// A count (for a duration, days); not shown for facts of another type.
    pub fn count(&self, fact: Fact) -> Shown<u64> {
        match self.fact(fact) {
            FactRef::Count(count) => count.clone(),
            FactRef::Text(_) | FactRef::Answer(_) => Shown::NotShown,
        }
    }

    /// A boolean fact; not shown for facts of another type.
    pub fn answer(&self, fact: Fact) -> Shown<bool> {
        match self.fact(fact) {
            FactRef::Answer(answer) => answer.clone(),
            FactRef::Text(_) | FactRef::Count(_) => Shown::NotShown,
        }
    }

    /// Does the message have a place for the fact?
    pub fn shows(&self, fact: Fact) -> bool {
        match self.fact(fact) {
            FactRef::Text(text) => text.is_shown(),
            FactRef::Count(count) => count.is_shown(),
            FactRef::Answer(answer) => answer.is_shown(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_a_word_of_its_own() {
        for fact in Fact::ALL {
            assert_eq!(Fact::from_word(fact.word()), Some(fact));
        }
    }

    #[test]
    fn a_value_set_for_one_fact_shows_for_that_fact_alone() {
        for fact in Fact::ALL {
            let mut follower = Follower::default();
            match follower.fact_mut(fact) {
                FactMut::Text(text) => *text = Shown::Empty,
                FactMut::Count(count) => *count = Shown::Empty,
                FactMut::Answer(answer) => *answer = Shown::Empty,
            }
            let shown: Vec<_> = Fact::ALL.into_iter().filter(|fact| follower.shows(*fact)).collect();
            assert_eq!(shown, [fact]);
        }
    }
}
