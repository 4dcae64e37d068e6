//! The verdict of the rules on a follower, with its reasons. Values only: `set` creates them.

use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Location;
use crate::place::{Folder, Marks};

/// A class of followers: `spam`, `real`, or one of the user's own such as `numbers-game`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerdictName(Arc<str>);

impl VerdictName {
    /// Lower-case ASCII letters, digits and `-`; `None` for anything else, and for `undecided`, which means no verdict.
    pub fn new(word: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let named = !word.is_empty() && word.len() <= 64 && word != "undecided";
        (named && word.chars().all(fits)).then(|| Self(word.into()))
    }

    /// The name of a verdict, or `undecided`.
    pub fn word(class: Option<&Self>) -> &str {
        class.map_or("undecided", Self::as_str)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VerdictName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What followsift does with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It leaves the message alone.
    Leave,
    /// It marks the message where it is.
    Mark(Marks),
    /// It moves the message.
    File {
        /// The target folder.
        to: Folder,
        /// The marks to set there.
        marks: Marks,
    },
}

/// What a condition saw when it held: `following 2001 >= 2000`. One piece per fact, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The pieces, ready to print.
    pub seen: Vec<String>,
    /// Only a display name identifies the follower. The sender chooses the name, so such a match may keep a message but never
    /// promotes it.
    pub by_name_alone: bool,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A fact that several parts of a condition test is shown once.
        let mut pieces: Vec<&str> = Vec::new();
        for piece in &self.seen {
            if !pieces.contains(&piece.as_str()) {
                pieces.push(piece);
            }
        }
        if pieces.is_empty() { f.write_str("always") } else { f.write_str(&pieces.join(", ")) }
    }
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The rule's name.
    pub rule: Arc<str>,
    /// Its place in the file.
    pub at: Location,
    /// Its evidence.
    pub evidence: Evidence,
    /// The points it gave; `None` for a rule with a verdict.
    pub points: Option<f64>,
}

/// The verdict on one follower.
#[derive(Clone, Debug, PartialEq, Default)]
#[must_use]
pub struct Verdict {
    /// The name of the verdict; `None` is undecided.
    pub class: Option<VerdictName>,
    /// The sum of the points of the rules that fired; zero if a rule with a verdict fired.
    pub points: f64,
    /// The rule that decided, or all that gave points.
    pub reasons: Vec<Reason>,
    /// The user's interests that the follower shares, as the user wrote them.
    pub shared_interests: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_that_two_parts_share_is_shown_once() {
        let seen = ["network facebook", "posts 3", "network facebook"].map(str::to_owned).to_vec();
        let evidence = Evidence { seen, by_name_alone: false };
        assert_eq!(evidence.to_string(), "network facebook, posts 3");
    }
}
