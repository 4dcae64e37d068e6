//! The word for a network. Values only; profiles make them, rules and the ledger carry them.

use std::fmt;

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
