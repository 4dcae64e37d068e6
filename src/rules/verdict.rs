//! What the rules say about a follower, and why.

use std::fmt;

use crate::diagnostic::Location;
use crate::place::{Folder, Marks};

/// A class of followers: `spam`, `real`, or one of the user's own such as `numbers-game`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerdictName(String);

impl VerdictName {
    /// Lower-case ASCII letters, digits and `-`; `None` for anything else, and for `undecided`, which is
    /// the absence of a verdict.
    pub fn new(word: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let named = !word.is_empty() && word.len() <= 64 && word != "undecided";
        (named && word.chars().all(fits)).then(|| Self(word.to_owned()))
    }

    /// The word for a verdict, or for none.
    pub fn word(class: Option<&Self>) -> &str {
        class.map_or("undecided", Self::as_str)
    }

    /// The word as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VerdictName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a verdict leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The mail is not touched.
    Leave,
    /// It stays where it is, with marks.
    Mark(Marks),
    /// It is moved.
    File {
        /// The folder it goes to.
        to: Folder,
        /// The marks it gets there.
        marks: Marks,
    },
}

/// What a condition saw when it held: `following 2001 >= 2000`. One piece a fact, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The pieces, ready to be shown.
    pub seen: Vec<String>,
    /// It rests on a name in a list and on nothing else that tells who somebody is. A name is the sender's
    /// choice: such a match may keep a mail, but promotes nothing.
    pub by_name_alone: bool,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A fact that several parts of a condition ask for is shown once.
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
    pub rule: String,
    /// Where it stands.
    pub at: Location,
    /// What it saw.
    pub evidence: Evidence,
    /// The points it gave; none for a rule with a verdict.
    pub points: Option<f64>,
}

/// What the rules say about one follower.
#[derive(Clone, Debug, PartialEq, Default)]
#[must_use]
pub struct Verdict {
    /// The class; `None` is undecided.
    pub class: Option<VerdictName>,
    /// The sum of the points of the rules that fired, where no rule with a verdict did; else zero.
    pub points: f64,
    /// The rule that decided, or all that gave points.
    pub reasons: Vec<Reason>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_parts_of_a_condition_saw_is_shown_once() {
        let seen = ["network facebook", "posts 3", "network facebook"].map(str::to_owned).to_vec();
        let evidence = Evidence { seen, by_name_alone: false };
        assert_eq!(evidence.to_string(), "network facebook, posts 3");
    }
}
