//! The name of a network, such as `twitter`. Values only: profiles create them; rules and the ledger use them.

use std::fmt;
use std::sync::Arc;

/// The name of a network in rules and `--json`: `twitter`, `mastodon`, or one of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Arc<str>);

impl Network {
    /// Lower-case ASCII letters, digits and `-`; `None` for anything else.
    pub fn new(word: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (!word.is_empty() && word.len() <= 64 && word.chars().all(fits)).then(|| Self(word.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
