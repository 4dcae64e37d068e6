//! A compiled condition, and its answer about a follower: holds, fails, or cannot tell. `compile` creates conditions; `set`
//! evaluates them.
//!
//! Answers never allocate, since most rules fail for most followers; [`evidence`] describes the values seen only for a rule that
//! fired.

use std::fmt;
use std::ops::Range;

use regex::Regex;

use super::bounds::Bounds;
use super::case::Sight;
use super::fact::{Fact, Type};
use crate::mail::Shown;

mod evidence;
mod people;

/// The condition of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// Every part must hold. Without parts it always holds.
    All(Vec<Condition>),
    /// One part must hold.
    Any(Vec<Condition>),
    /// The part must fail.
    Not(Box<Condition>),
    /// One test of one fact.
    Leaf(Leaf),
}

/// One test of one fact.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// The fact.
    pub(crate) fact: Fact,
    /// The test.
    pub(crate) test: Test,
    /// Its bytes in the file.
    pub(crate) at: Range<usize>,
}

/// A test of a fact.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// Its number is one of these.
    Bounds(Bounds),
    /// Its boolean is this.
    Answer(bool),
    /// It is one of these words.
    Words(Vec<String>),
    /// It has this relation to one of these texts.
    Text(Relation, Vec<Wanted>),
    /// One of these patterns is found in it.
    Matches(Vec<Regex>),
    /// It is in one of these lists.
    In(Vec<String>),
    /// It is shown and blank (`true`), or shown and not blank.
    Empty(bool),
    /// The message has a place for it (`true`), or has none.
    Shown(bool),
}

/// How a text relates to a wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Is,
    Has,
    Word,
    Starts,
    Ends,
}

impl Relation {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Is, Self::Has, Self::Word, Self::Starts, Self::Ends];

    /// The key that rules use.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::Has => "has",
            Self::Word => "word",
            Self::Starts => "starts",
            Self::Ends => "ends",
        }
    }
}

/// A text in the rules file to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// As written.
    pub(crate) written: String,
    /// Folded for comparison.
    pub(crate) folded: String,
}

/// Why a condition cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt<'r> {
    /// The message has no place for this fact.
    NotShown(Fact),
    /// A source of this list has never been loaded, so its people are not known.
    NeverLoaded(&'r str),
}

/// The reason: `bio is not shown`.
impl fmt::Display for Doubt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotShown(fact) => write!(f, "{fact} is not shown"),
            Self::NeverLoaded(list) => write!(f, "the list `{list}` has never been loaded"),
        }
    }
}

/// The answer of a condition about a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Answer<'r> {
    Holds,
    Fails,
    /// The message or a list does not provide what it needs.
    CannotTell(Doubt<'r>),
}

impl Answer<'_> {
    fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    fn of_shown<T>(fact: Fact, shown: Shown<T>, accept: impl FnOnce(T) -> bool) -> Self {
        match shown {
            Shown::NotShown => Self::CannotTell(Doubt::NotShown(fact)),
            Shown::Empty => Self::Fails,
            Shown::Value(value) => Self::of(accept(value)),
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
            Self::CannotTell(doubt) => Self::CannotTell(doubt),
        }
    }
}

impl Condition {
    /// Does it hold for this follower?
    pub(crate) fn answer<'r>(&'r self, sight: &Sight<'_>) -> Answer<'r> {
        match self {
            Self::All(parts) => strongest(parts, sight, Answer::Fails),
            Self::Any(parts) => strongest(parts, sight, Answer::Holds),
            Self::Not(part) => part.answer(sight).not(),
            Self::Leaf(leaf) => leaf.answer(sight),
        }
    }

    /// All its tests, at any depth.
    pub(crate) fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::leaves).collect(),
            Self::Not(part) => part.leaves(),
            Self::Leaf(leaf) => vec![leaf],
        }
    }
}

/// `decisive` if one part answers so; else "cannot tell" if one part cannot; else the opposite.
fn strongest<'r>(parts: &'r [Condition], sight: &Sight<'_>, decisive: Answer<'r>) -> Answer<'r> {
    let mut sum = decisive.not();
    for part in parts {
        match part.answer(sight) {
            answer if answer == decisive => return decisive,
            Answer::CannotTell(doubt) if sum == decisive.not() => sum = Answer::CannotTell(doubt),
            _ => (),
        }
    }
    sum
}

impl Leaf {
    fn answer<'r>(&'r self, sight: &Sight<'_>) -> Answer<'r> {
        let fact = self.fact;
        if sight.case.past.unread.contains(&fact) {
            return Answer::CannotTell(Doubt::NotShown(fact));
        }
        match &self.test {
            Test::Bounds(bounds) => {
                Answer::of_shown(fact, sight.number(fact), |number| bounds.interval.contains(number))
            }
            Test::Answer(wanted) => Answer::of_shown(fact, sight.answer(fact), |answer| answer == *wanted),
            Test::Words(words) => {
                Answer::of_shown(fact, sight.word(fact), |word| words.iter().any(|wanted| wanted == word))
            }
            Test::Text(relation, wanted) => match sight.text(fact) {
                Shown::NotShown => Answer::CannotTell(Doubt::NotShown(fact)),
                Shown::Empty => Answer::Fails,
                Shown::Value(_) => Answer::of(relation.found(fact, wanted, sight).is_some()),
            },
            Test::Matches(patterns) => match sight.text(fact) {
                Shown::NotShown => Answer::CannotTell(Doubt::NotShown(fact)),
                // A pattern may match empty text: '^$'.
                Shown::Empty => Answer::of(patterns.iter().any(|pattern| pattern.is_match(""))),
                Shown::Value(text) => Answer::of(patterns.iter().any(|pattern| pattern.is_match(text.plain))),
            },
            Test::In(lists) => people::find(fact, lists, sight).answer(),
            Test::Empty(wanted) => match sight.presence(fact) {
                Shown::NotShown => Answer::CannotTell(Doubt::NotShown(fact)),
                Shown::Empty => Answer::of(*wanted),
                Shown::Value(()) => Answer::of(!wanted),
            },
            Test::Shown(wanted) => Answer::of(sight.presence(fact).is_shown() == *wanted),
        }
    }
}

impl Relation {
    /// The first wanted text to which the fact's text has this relation.
    fn found<'w>(self, fact: Fact, wanted: &'w [Wanted], sight: &Sight<'_>) -> Option<&'w Wanted> {
        let Shown::Value(text) = sight.text(fact) else { return None };
        wanted.iter().find(|wanted| {
            let wanted = wanted.folded.as_str();
            match (self, fact) {
                (Self::Is, Fact::Mail(crate::mail::Fact::Handle)) => {
                    sight.handle().value().is_some_and(|forms| forms.include(wanted))
                }
                (Self::Is, _) => text.folded == wanted,
                (Self::Has, _) => text.folded.contains(wanted),
                (Self::Word, _) => text.has_word(wanted),
                (Self::Starts, _) => text.folded.starts_with(wanted),
                (Self::Ends, _) => text.folded.ends_with(wanted),
            }
        })
    }
}

/// Is the fact a text that people chose?
pub(crate) fn is_text(fact: Fact) -> bool {
    fact.type_of() == Type::Text
}
