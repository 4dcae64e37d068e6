//! What the holes of templates took in one mail: typed, and agreeing with each other.

use url::Host;

use super::notification::{Fact, Shown};
use super::numeral::Numerals;

/// A place in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// `{}`: anything, or nothing. Not kept.
    Any,
    /// `{you}`: the recipient's name or address there. Kept only to be compared.
    You,
    /// `{site}`: the name of the recipient's server or site. Kept only to be compared.
    Site,
    /// `{host}`: a host name; on self-hosted networks the recipient's server.
    Host,
    /// `{id}`: the network's own number for the follower.
    Id,
    /// `{name}`, `{followers}` and so on: a fact about the follower.
    Fact(Fact),
}

/// What a hole took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Text, as it stands in the mail.
    Text(String),
    /// A number, or the dash in its place.
    Count(Shown<u64>),
}

/// What the holes took so far in one mail, or for one of its followers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bindings(Vec<(Hole, Found)>);

impl Hole {
    /// The hole of a word in braces.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "" => Self::Any,
            "you" => Self::You,
            "site" => Self::Site,
            "host" => Self::Host,
            "id" => Self::Id,
            _ => match Fact::from_word(word)? {
                // Yes-or-no facts are not printed, and nobody prints an age in days.
                Fact::DefaultPicture | Fact::Verified | Fact::Private | Fact::Age => return None,
                fact => Self::Fact(fact),
            },
        })
    }

    /// The word that stands in its braces.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::You => "you",
            Self::Site => "site",
            Self::Host => "host",
            Self::Id => "id",
            Self::Fact(fact) => fact.word(),
        }
    }

    /// The words that may stand in braces.
    pub(super) fn words() -> Vec<&'static str> {
        let others = ["you", "site", "host", "id"];
        let facts = Fact::ALL.into_iter().map(Fact::word);
        others.into_iter().chain(facts).filter(|word| Self::from_word(word).is_some()).collect()
    }
}

impl Fact {
    /// Is it a number in the mail?
    pub(super) fn is_count(self) -> bool {
        matches!(self, Self::Followers | Self::Following | Self::Posts | Self::Lists | Self::Mutuals)
    }
}

impl Bindings {
    /// The text that a hole took.
    pub(super) fn text(&self, hole: Hole) -> Option<&str> {
        match self.get(hole)? {
            Found::Text(text) => Some(text),
            Found::Count(_) => None,
        }
    }

    /// All that was taken, in the order in which it was.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Found> {
        self.0.iter().map(|(_, found)| found)
    }

    /// What a hole took.
    pub(super) fn get(&self, hole: Hole) -> Option<&Found> {
        self.0.iter().find(|(taken, _)| *taken == hole).map(|(_, found)| found)
    }

    /// Notes what a hole took; of two forms of one handle the fuller one stays.
    pub(super) fn take(&mut self, hole: Hole, found: Found) {
        match self.0.iter_mut().find(|(taken, _)| *taken == hole) {
            Some((Hole::Fact(Fact::Handle), Found::Text(kept))) => {
                if let Found::Text(other) = found
                    && is_fuller(&other, kept)
                {
                    *kept = other;
                }
            }
            Some(_) => {}
            None => self.0.push((hole, found)),
        }
    }

    /// Is `candidate` what the hole took before, if it took anything?
    pub(super) fn agree(&self, hole: Hole, candidate: &str, numerals: &Numerals) -> bool {
        match self.get(hole) {
            None => true,
            Some(Found::Count(count)) => numerals.read(candidate).as_ref() == Some(count),
            Some(Found::Text(text)) => match hole {
                Hole::Fact(Fact::Handle) => same_handle(text, candidate),
                Hole::Host => same_host(text, candidate),
                Hole::You => text.eq_ignore_ascii_case(candidate),
                _ => text == candidate,
            },
        }
    }
}

/// `ann`, `ann.b_c-d` or either with `@host`.
pub(super) fn is_handle(text: &str) -> bool {
    let fits = |c: char| {
        let is_sign = matches!(c, '_' | '.' | '-' | '@' | '~' | '+');
        if c.is_ascii() { c.is_ascii_alphanumeric() || is_sign } else { !c.is_whitespace() }
    };
    let (user, host) = text.split_once('@').map_or((text, None), |(user, host)| (user, Some(host)));
    !user.is_empty()
        && text.chars().all(fits)
        && host.is_none_or(|host| !host.is_empty() && !host.contains('@'))
}

/// A name with a dot in it, perhaps with a port.
pub(super) fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | ':');
    text.contains('.') && !text.starts_with('.') && !text.ends_with('.') && text.chars().all(fits)
}

fn same_host(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || matches!((Host::parse(one), Host::parse(other)), (Ok(a), Ok(b)) if a == b)
}

/// One handle may be printed with its host and without, and an international host in two ways.
fn same_handle(one: &str, other: &str) -> bool {
    let split = |handle| -> (&str, Option<&str>) {
        str::split_once(handle, '@').map_or((handle, None), |(user, host)| (user, Some(host)))
    };
    let ((user, host), (other_user, other_host)) = (split(one), split(other));
    user.to_lowercase() == other_user.to_lowercase()
        && match (host, other_host) {
            (Some(host), Some(other)) => same_host(host, other),
            _ => true,
        }
}

/// With its host rather than without, in Unicode rather than in punycode (RFC 3492).
fn is_fuller(handle: &str, kept: &str) -> bool {
    match (handle.contains('@'), kept.contains('@')) {
        (true, false) => true,
        (true, true) => kept.to_lowercase().contains("xn--") && !handle.to_lowercase().contains("xn--"),
        _ => false,
    }
}
