//! The facts that a message can show about a follower, and a follower as the values of them.
//!
//! Values only. A fact has three states, since a message that does not show a number says nothing about it.

use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_a_word_of_its_own() {
        for fact in Fact::ALL {
            assert_eq!(Fact::from_word(fact.word()), Some(fact));
        }
    }
}
