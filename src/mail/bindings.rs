//! The values that the holes of templates captured in one message: typed, and consistent with each other.

use super::fact::{Fact, FactType, Shown};
use super::host;
use super::numeral::Numerals;

/// A place in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// `{}`: anything, or nothing. Not kept.
    Any,
    /// `{you}`: the recipient's name or address on the network. Kept only for comparison.
    You,
    /// `{site}`: the name of the recipient's server or site. Kept only for comparison.
    Site,
    /// `{host}`: a host name; on self-hosted networks the recipient's server.
    Host,
    /// `{path}`: the path below which the site lives, or nothing. Kept only for comparison.
    Path,
    /// `{id}`: the network's own number for the follower.
    Id,
    /// `{address}`: the follower's email address, which is then the handle; its host is a fact of its own.
    Address,
    /// `{name}`, `{followers}` and so on: a fact about the follower.
    Fact(Fact),
}

/// What a hole captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Text, as in the message.
    Text(String),
    /// A number, or the dash printed instead.
    Count(Shown<u64>),
}

/// What the holes have captured so far in one message, or for one of its followers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bindings(Vec<Binding>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    hole: Hole,
    found: Found,
    /// Its host, or that of its site, in canonical form; parsed once, since many candidates are compared with it.
    host: Option<String>,
}

impl Hole {
    /// The hole of a word in braces.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "" => Self::Any,
            "you" => Self::You,
            "site" => Self::Site,
            "host" => Self::Host,
            "path" => Self::Path,
            "id" => Self::Id,
            "address" => Self::Address,
            _ => Fact::from_word(word).filter(|fact| fact.is_printed()).map(Self::Fact)?,
        })
    }

    /// The word in its braces.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::You => "you",
            Self::Site => "site",
            Self::Host => "host",
            Self::Path => "path",
            Self::Id => "id",
            Self::Address => "address",
            Self::Fact(fact) => fact.word(),
        }
    }

    /// The words that braces may contain.
    pub(super) fn words() -> Vec<&'static str> {
        let others = ["you", "site", "host", "path", "id", "address"];
        let facts = Fact::ALL.into_iter().map(Fact::word);
        others.into_iter().chain(facts).filter(|word| Self::from_word(word).is_some()).collect()
    }
}

impl Fact {
    /// Is it printed as a number?
    pub(super) fn is_count(self) -> bool {
        self.type_of() == FactType::Count
    }

    /// Has it a hole of its own?
    fn is_printed(self) -> bool {
        self != Self::AddressHost && !matches!(self.type_of(), FactType::Days | FactType::Answer)
    }
}

impl Bindings {
    /// The text that a hole captured.
    pub(super) fn text(&self, hole: Hole) -> Option<&str> {
        match self.get(hole)? {
            Found::Text(text) => Some(text),
            Found::Count(_) => None,
        }
    }

    /// All texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|binding| match &binding.found {
            Found::Text(text) => Some(text.as_str()),
            Found::Count(_) => None,
        })
    }

    /// All values, in the order in which they were captured.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Found> {
        self.0.iter().map(|binding| &binding.found)
    }

    /// What a hole captured.
    pub(super) fn get(&self, hole: Hole) -> Option<&Found> {
        self.binding(hole).map(|binding| &binding.found)
    }

    fn binding(&self, hole: Hole) -> Option<&Binding> {
        self.0.iter().find(|binding| binding.hole == hole)
    }

    /// How many bytes it holds: what a copy of it costs.
    pub(super) fn size(&self) -> usize {
        let size = |binding: &Binding| match &binding.found {
            Found::Text(text) => text.len(),
            Found::Count(_) => 1,
        };
        self.0.iter().map(size).sum()
    }

    /// Records an email address: it is the handle, and its host is a fact.
    pub(super) fn take_address(&mut self, address: &str) {
        if let Some(host) = host_of_address(address) {
            self.take(Hole::Fact(Fact::Handle), Found::Text(address.to_owned()));
            self.take(Hole::Fact(Fact::AddressHost), Found::Text(host));
        }
    }

    /// Records what a hole captured; of two forms of one handle it keeps the fuller one.
    pub(super) fn take(&mut self, hole: Hole, found: Found) {
        match self.0.iter_mut().find(|binding| binding.hole == hole) {
            Some(binding) => {
                if let (Hole::Fact(Fact::Handle), Found::Text(kept), Found::Text(other)) =
                    (hole, &binding.found, &found)
                    && is_fuller(other, kept)
                {
                    *binding = Binding::new(hole, found);
                }
            }
            None => self.0.push(Binding::new(hole, found)),
        }
    }

    /// Is `candidate` what the hole captured before, if it captured anything?
    pub(super) fn agree(&self, hole: Hole, candidate: &str, numerals: &Numerals) -> bool {
        let place = if hole == Hole::Address { Hole::Fact(Fact::Handle) } else { hole };
        let Some(Binding { found, host, .. }) = self.binding(place) else { return true };
        match found {
            Found::Count(count) => numerals.read(candidate).as_ref() == Some(count),
            Found::Text(text) => match hole {
                // A handle may be printed with or without its host, and an international host in two ways.
                Hole::Fact(Fact::Handle) | Hole::Address => {
                    let ((user, _), (other, other_host)) = (split(text), split(candidate));
                    is_same_user(user, other)
                        && host
                            .as_ref()
                            .zip(other_host)
                            .is_none_or(|(host, other)| host::is_same(host, other))
                }
                Hole::Host => host.as_ref().is_some_and(|host| host::is_same(host, host::site(candidate))),
                Hole::You => text.eq_ignore_ascii_case(candidate),
                _ => text == candidate,
            },
        }
    }
}

impl Binding {
    fn new(hole: Hole, found: Found) -> Self {
        let host = match (&found, hole) {
            (Found::Text(text), Hole::Host) => Some(host::site(text)),
            (Found::Text(text), Hole::Fact(Fact::Handle)) => split(text).1,
            _ => None,
        };
        let host = host.map(|host| host::canonical(host).into_owned());
        Self { hole, found, host }
    }
}

/// The longest text that can be a handle: what mail allows a local part (RFC 5321, section 4.5.3.1.1), at its host.
pub(super) const LONGEST_HANDLE: usize = 64 + "@".len() + host::LONGEST;

/// `ann`, `ann.b_c-d` or either with `@host`.
pub(super) fn is_handle(text: &str) -> bool {
    let fits = |c: char| {
        let is_sign = matches!(c, '_' | '.' | '-' | '@' | '~' | '+');
        if c.is_ascii() { c.is_ascii_alphanumeric() || is_sign } else { !c.is_whitespace() }
    };
    let (user, host) = split(text);
    text.len() <= LONGEST_HANDLE
        && !user.is_empty()
        && text.chars().all(fits)
        && host.is_none_or(|host| !host.is_empty() && !host.contains('@') && host::is_short(host))
}

/// The host of an email address, in the form in which people write it; `None` if the text is no address. Takes local parts
/// without quotes alone (RFC 5322, section 3.2.3), in any script (RFC 6532).
pub(super) fn host_of_address(text: &str) -> Option<String> {
    const SIGNS: &str = "!#$%&'*+-/=?^_`{|}~.";
    let fits = |c: char| {
        if c.is_ascii() { c.is_ascii_alphanumeric() || SIGNS.contains(c) } else { !c.is_whitespace() }
    };
    let (local, host) = text.rsplit_once('@')?;
    let is_address = text.len() <= LONGEST_HANDLE
        && !local.is_empty()
        && local.chars().all(fits)
        && !host.contains(':')
        && host::is_host(host);
    is_address.then(|| host::readable(host))
}

/// The most bytes and segments in the path below which a site lives.
pub(super) const LONGEST_PATH: usize = 64;
const MOST_SEGMENTS: usize = 3;

/// Nothing, `/notes` or `/our/notes`.
pub(super) fn is_path(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let is_segment = |segment: &str| !segment.trim_matches('.').is_empty() && segment.bytes().all(fits);
    let mut segments = text.split('/');
    text.len() <= LONGEST_PATH
        && segments.next() == Some("")
        && segments.clone().count() <= MOST_SEGMENTS
        && segments.all(is_segment)
}

/// A handle's local part, and its host if it has one.
fn split(handle: &str) -> (&str, Option<&str>) {
    handle.split_once('@').map_or((handle, None), |(user, host)| (user, Some(host)))
}

fn is_same_user(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// Does `handle` say more than `kept`: with its host, or in Unicode instead of punycode (RFC 3492)?
fn is_fuller(handle: &str, kept: &str) -> bool {
    match (handle.contains('@'), kept.contains('@')) {
        (true, false) => true,
        (true, true) => kept.to_lowercase().contains("xn--") && !handle.to_lowercase().contains("xn--"),
        _ => false,
    }
}
