//! Finds conditions that exclude or imply each other. `review` uses it to find rules that can never fire, or never decide
//! because an earlier rule always does.
//!
//! A condition is expanded into alternatives (disjunctive normal form), each a list of literals that must all hold. Answers are
//! conservative: `contradiction` and `implies` are positive only if it is certain.

use std::ops::Range;

use crate::mail::Fact as MailFact;
use crate::rules::condition::{Condition, Leaf, Relation, Test, Wanted};
use crate::rules::fact::{Fact, Type};
use crate::rules::interval::Interval;
use crate::rules::text::Folded;

/// Conditions with more alternatives than this are not examined.
const MOST: usize = 64;

/// A test of a fact, or its negation.
#[derive(Clone, Copy)]
pub(super) struct Literal<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) positive: bool,
}

/// Literals that must all hold.
pub(super) type Alternative<'a> = Vec<Literal<'a>>;

/// The alternatives of a condition, one of which must hold; `None` if there are too many.
pub(super) fn alternatives(condition: &Condition) -> Option<Vec<Alternative<'_>>> {
    spread(condition, true)
}

fn spread(condition: &Condition, positive: bool) -> Option<Vec<Alternative<'_>>> {
    match (condition, positive) {
        (Condition::Leaf(leaf), _) => Some(vec![vec![Literal { leaf, positive }]]),
        (Condition::Not(part), _) => spread(part, !positive),
        (Condition::All(parts), true) | (Condition::Any(parts), false) => {
            let mut all = vec![Vec::new()];
            for part in parts {
                let part = spread(part, positive)?;
                if all.len() * part.len() > MOST {
                    return None;
                }
                all = all
                    .iter()
                    .flat_map(|one: &Alternative<'_>| part.iter().map(|more| [one.as_slice(), more].concat()))
                    .collect();
            }
            Some(all)
        }
        (Condition::Any(parts), true) | (Condition::All(parts), false) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(spread(part, positive)?);
            }
            (all.len() <= MOST).then_some(all)
        }
    }
}

/// Two literals of an alternative that exclude each other, if any. They are the same if one excludes itself.
pub(super) fn contradiction(alternative: &Alternative<'_>) -> Option<(Range<usize>, Range<usize>)> {
    for (index, literal) in alternative.iter().enumerate() {
        let so_far: Vec<_> =
            alternative.iter().take(index + 1).filter(|one| one.fact() == literal.fact()).collect();
        if !States::of(&so_far).possible() {
            let first = so_far.first().map_or(literal.leaf.at.clone(), |first| first.leaf.at.clone());
            return Some((first, literal.leaf.at.clone()));
        }
    }
    None
}

/// Does one of the `weaker` alternatives hold whenever one of the `stronger` ones does?
pub(super) fn implies(stronger: &[Alternative<'_>], weaker: &[Alternative<'_>]) -> bool {
    stronger.iter().all(|strong| {
        weaker.iter().any(|weak| {
            weak.iter().all(|literal| {
                let known: Vec<_> = strong.iter().filter(|one| one.fact() == literal.fact()).collect();
                States::of(&known).within(literal)
            })
        })
    })
}

impl Literal<'_> {
    fn fact(&self) -> Fact {
        self.leaf.fact
    }

    /// Can it hold if the fact is not shown?
    fn allows_hidden(&self) -> bool {
        matches!((&self.leaf.test, self.positive), (Test::Shown(false), true) | (Test::Shown(true), false))
    }

    /// Can it hold if the fact is shown and empty?
    fn allows_empty(&self) -> bool {
        match (&self.leaf.test, self.positive) {
            (Test::Shown(wanted) | Test::Empty(wanted), positive) => *wanted == positive,
            (Test::Matches(patterns), positive) => patterns.iter().any(|one| one.is_match("")) == positive,
            (_, positive) => !positive,
        }
    }

    /// With which values of the fact does it hold?
    fn of_values(&self) -> Values {
        match (&self.leaf.test, self.positive) {
            (Test::Shown(wanted), positive) if *wanted == positive => Values::Every,
            (Test::Empty(wanted), positive) if *wanted != positive => Values::Every,
            (Test::Shown(_) | Test::Empty(_), _) => Values::None,
            _ => Values::Some,
        }
    }

    /// The numbers with which it holds.
    fn numbers(&self) -> Vec<Interval> {
        match (&self.leaf.test, self.positive) {
            (Test::Bounds(bounds), true) => vec![bounds.interval],
            (Test::Bounds(bounds), false) => bounds.interval.complement(self.fact().type_of() == Type::Count),
            _ => vec![Interval::ALL],
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Every,
    Some,
    None,
}

/// The states of one fact in which all of some literals about it hold.
struct States<'a, 'l> {
    literals: &'l [&'l Literal<'a>],
    hidden: bool,
    empty: bool,
    value: bool,
}

impl<'a, 'l> States<'a, 'l> {
    fn of(literals: &'l [&'l Literal<'a>]) -> Self {
        let mut states = Self {
            literals,
            hidden: literals.iter().all(|literal| literal.allows_hidden()),
            empty: literals.iter().all(|literal| literal.allows_empty()),
            value: literals.iter().all(|literal| literal.of_values() != Values::None),
        };
        states.value = states.value && states.some_value();
        states
    }

    fn possible(&self) -> bool {
        self.hidden || self.empty || self.value
    }

    /// Does another literal about the fact hold in all these states?
    fn within(&self, literal: &Literal<'_>) -> bool {
        (!self.hidden || literal.allows_hidden())
            && (!self.empty || literal.allows_empty())
            && (!self.value || self.values_within(literal))
    }

    fn some_value(&self) -> bool {
        match self.literals.first().map(|literal| literal.fact().type_of()) {
            Some(Type::Count | Type::Quantity | Type::Duration) => !self.numbers().is_empty(),
            Some(Type::Answer) => {
                [true, false].iter().any(|answer| self.accept(|literal| literal.answer(*answer)))
            }
            Some(Type::Word) => match self.words() {
                Some(words) => !words.is_empty(),
                None => true,
            },
            Some(Type::Text | Type::People) => {
                let contrary = |literal: &Literal<'_>| {
                    let opposite = Literal { positive: !literal.positive, ..*literal };
                    self.texts_within(&opposite)
                };
                !self.literals.iter().any(|literal| literal.of_values() == Values::Some && contrary(literal))
            }
            None => true,
        }
    }

    fn values_within(&self, literal: &Literal<'_>) -> bool {
        match literal.of_values() {
            Values::Every => return true,
            Values::None => return false,
            Values::Some => (),
        }
        match literal.fact().type_of() {
            Type::Count | Type::Quantity | Type::Duration => {
                let wide = literal.numbers();
                self.numbers().iter().all(|narrow| wide.iter().any(|wide| narrow.within(wide)))
            }
            Type::Answer => [true, false]
                .iter()
                .filter(|answer| self.accept(|known| known.answer(**answer)))
                .all(|answer| literal.answer(*answer)),
            Type::Word => match self.words() {
                Some(words) => words.iter().all(|word| literal.word(word)),
                None => self.texts_within(literal),
            },
            Type::Text | Type::People => self.texts_within(literal),
        }
    }

    fn accept(&self, accepts: impl Fn(&Literal<'_>) -> bool) -> bool {
        self.literals.iter().all(|literal| accepts(literal))
    }

    fn numbers(&self) -> Vec<Interval> {
        let mut all = vec![Interval::ALL];
        for literal in self.literals {
            let more = literal.numbers();
            all = all.iter().flat_map(|one| more.iter().map(|other| one.and(other))).collect();
            all.retain(|one| !one.is_empty());
        }
        all
    }

    /// The words that all literals accept, if any literal names words.
    fn words(&self) -> Option<Vec<&str>> {
        let named =
            self.literals.iter().find_map(|literal| match (&literal.leaf.test, literal.positive) {
                (Test::Words(words), true) => Some(words),
                _ => None,
            })?;
        Some(
            named
                .iter()
                .map(String::as_str)
                .filter(|word| self.accept(|literal| literal.word(word)))
                .collect(),
        )
    }

    /// Does one of the literals alone imply the other one?
    fn texts_within(&self, literal: &Literal<'_>) -> bool {
        self.literals.iter().any(|known| match (known.positive, literal.positive) {
            (true, true) => text_implies(&known.leaf.test, &literal.leaf.test, literal.fact()),
            (false, false) => text_implies(&literal.leaf.test, &known.leaf.test, literal.fact()),
            (true, false) => text_excludes(&known.leaf.test, &literal.leaf.test, literal.fact()),
            (false, true) => false,
        })
    }
}

impl Literal<'_> {
    fn answer(&self, answer: bool) -> bool {
        match &self.leaf.test {
            Test::Answer(wanted) => (*wanted == answer) == self.positive,
            _ => true,
        }
    }

    fn word(&self, word: &str) -> bool {
        match &self.leaf.test {
            Test::Words(words) => words.iter().any(|wanted| wanted == word) == self.positive,
            _ => true,
        }
    }
}

/// The exact texts of `is`. `None` for a handle: it may be printed with or without its host, so its text is not known.
fn exact(test: &Test, fact: Fact) -> Option<&[Wanted]> {
    match test {
        Test::Text(Relation::Is, wanted) if fact != Fact::Mail(MailFact::Handle) => Some(wanted),
        _ => None,
    }
}

fn text_implies(strong: &Test, weak: &Test, fact: Fact) -> bool {
    match (strong, weak) {
        (Test::In(strong), Test::In(weak)) => {
            let within = |some: &[String], all: &[String]| some.iter().all(|list| all.contains(list));
            // A follower on any of the lists impersonates no one, so another list can also make it fail.
            within(strong, weak) && (fact != Fact::Impersonates || within(weak, strong))
        }
        (Test::Words(strong), Test::Words(weak)) => strong.iter().all(|word| weak.contains(word)),
        (Test::Matches(strong), Test::Matches(weak)) => {
            strong.iter().all(|one| weak.iter().any(|other| one.as_str() == other.as_str()))
        }
        (Test::Text(relation, wanted), Test::Text(asked, weak)) => {
            let whole = exact(strong, fact).is_some();
            wanted.iter().all(|one| {
                weak.iter().any(|other| match asked {
                    _ if relation == asked && one.folded == other.folded => true,
                    _ if whole => holds_of(*asked, &one.folded, &other.folded),
                    Relation::Has if *relation != Relation::Is => one.folded.contains(&other.folded),
                    Relation::Starts | Relation::Ends if relation == asked => {
                        holds_of(*asked, &one.folded, &other.folded)
                    }
                    _ => false,
                })
            })
        }
        _ => false,
    }
}

/// Can the two tests never hold together?
fn text_excludes(one: &Test, other: &Test, fact: Fact) -> bool {
    let never = |whole: &[Wanted], test: &Test| match test {
        Test::Text(relation, wanted) => !whole
            .iter()
            .any(|text| wanted.iter().any(|wanted| holds_of(*relation, &text.folded, &wanted.folded))),
        _ => false,
    };
    let by = |whole, test| exact(whole, fact).is_some_and(|whole| never(whole, test));
    fact != Fact::Mail(MailFact::Handle) && (by(one, other) || by(other, one))
}

fn holds_of(relation: Relation, text: &str, wanted: &str) -> bool {
    match relation {
        Relation::Is => text == wanted,
        Relation::Has => text.contains(wanted),
        Relation::Word => Folded::new(text).has_word(wanted),
        Relation::Starts => text.starts_with(wanted),
        Relation::Ends => text.ends_with(wanted),
    }
}
