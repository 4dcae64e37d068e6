//! Describes the values that a condition saw when it held or failed: `following 2001 >= 2000`, `bio has word "airdrop"`.

use std::fmt;

use super::people::{self, Found};
use super::{Answer, Condition, Leaf, Relation, Test, Wanted, is_text};
use crate::mail::{Fact as MailFact, Shown};
use crate::rules::case::Sight;
use crate::rules::fact::Fact::{Known, Mail, Who};
use crate::rules::fact::Type;
use crate::rules::text::excerpt;
use crate::rules::verdict::Evidence;

/// How well a piece of evidence identifies a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ground {
    /// Facts that do not identify anyone.
    Facts,
    /// A display name, which anyone can choose.
    Name,
    /// The account itself: its handle or its profile link.
    Account,
}

struct Seen {
    pieces: Vec<String>,
    ground: Ground,
}

impl Condition {
    /// What it saw. Call it only if the condition holds.
    ///
    /// `by_name_alone` is set if a display name identified the follower (`who` by name, `name` with any text condition, `known`
    /// of a follower without a better key) and nothing in the condition identifies the account (`who` by handle; `handle` or
    /// `url` with `is` or `in`). Other facts do not help: a stranger with a friend's name can have any number of followers. If
    /// one part of an `any` holds without the name, the name was not needed.
    pub(crate) fn evidence(&self, sight: &Sight<'_>) -> Evidence {
        let seen = self.seen(sight, true);
        Evidence { seen: seen.pieces, by_name_alone: seen.ground == Ground::Name }
    }

    /// What it saw instead: the first part that failed. Call it only if the condition fails.
    pub(crate) fn shortfall(&self, sight: &Sight<'_>) -> Evidence {
        Evidence { seen: self.seen(sight, false).pieces, by_name_alone: false }
    }

    /// What it saw when it held, or when it failed.
    fn seen(&self, sight: &Sight<'_>, held: bool) -> Seen {
        match (self, held) {
            (Self::All(parts), true) | (Self::Any(parts), false) => {
                let mut all = Seen { pieces: Vec::new(), ground: Ground::Facts };
                for part in parts {
                    let seen = part.seen(sight, held);
                    all.pieces.extend(seen.pieces);
                    all.ground = all.ground.max(seen.ground);
                }
                all
            }
            (Self::Any(parts), true) | (Self::All(parts), false) => {
                let said = if held { Answer::Holds } else { Answer::Fails };
                let decisive = parts.iter().filter(|part| part.answer(sight) == said);
                let seen = decisive.map(|part| part.seen(sight, held));
                // Prefer a part without the name: `false` sorts before `true`, and the first of equals is kept.
                seen.min_by_key(|seen| seen.ground == Ground::Name)
                    .unwrap_or(Seen { pieces: Vec::new(), ground: Ground::Facts })
            }
            (Self::Not(part), _) => part.seen(sight, !held),
            (Self::Leaf(leaf), true) => leaf.seen(sight),
            (Self::Leaf(leaf), false) => {
                let piece = leaf.with_origin(leaf.missed(sight), sight);
                Seen { pieces: vec![piece], ground: Ground::Facts }
            }
        }
    }
}

impl Leaf {
    fn seen(&self, sight: &Sight<'_>) -> Seen {
        let fact = self.fact;
        let (piece, ground) = match &self.test {
            Test::Bounds(bounds) => {
                let seen =
                    sight.number(fact).value().map_or(String::new(), |number| bounds.evidence(*number));
                (format!("{fact} {seen}"), Ground::Facts)
            }
            Test::Text(relation, wanted) => {
                let found = relation.found(fact, wanted, sight).map(|wanted| excerpt(&wanted.written));
                let piece = format!("{fact} {} {}", relation.words(), found.unwrap_or_default());
                (piece, self.text_ground(*relation == Relation::Is))
            }
            Test::Matches(patterns) => {
                let text = sight.text(fact);
                let plain = text.value().map_or("", |text| text.plain);
                let found = patterns.iter().find_map(|pattern| pattern.find(plain));
                let found = excerpt(found.map_or("", |found| found.as_str()));
                (format!("{fact} matches {found}"), self.text_ground(false))
            }
            Test::In(lists) => match people::find(fact, lists, sight) {
                Found::ByHandle { list, written } => {
                    (format!("{fact} in {list} ({})", excerpt(&format!("@{written}"))), Ground::Account)
                }
                Found::ByText { list, written } if fact == Who => {
                    (format!("{fact} in {list} (by name {})", excerpt(written)), Ground::Name)
                }
                Found::ByText { list, written } => {
                    (format!("{fact} in {list} ({})", excerpt(written)), self.text_ground(true))
                }
                Found::LooksLike { list, written } => {
                    (format!("looks like {} in {list}, but is not", excerpt(written)), Ground::Facts)
                }
                Found::Nobody | Found::CannotTell(_) => (self.to_string(), Ground::Facts),
            },
            Test::Answer(true) if fact == Known => {
                (self.to_string(), if sight.keyed_by_name() { Ground::Name } else { Ground::Account })
            }
            Test::Words(_) => (format!("{fact} {}", sight.word(fact).value().unwrap_or(&"")), Ground::Facts),
            Test::Answer(_) | Test::Empty(_) | Test::Shown(_) => (self.to_string(), Ground::Facts),
        };
        Seen { pieces: vec![self.with_origin(piece, sight)], ground }
    }

    /// The piece with where its facts come from, if that is not the message.
    fn with_origin(&self, piece: String, sight: &Sight<'_>) -> String {
        let needs = self.fact.needs();
        match &sight.case.follower.looked_up {
            // A list may name the handle, which is never looked up.
            _ if self.fact.type_of() == Type::People => piece,
            Some(origin) if needs.iter().any(|fact| origin.facts.contains(fact)) => {
                // It is kept, and read on other days.
                format!("{piece} ({})", origin.dated())
            }
            _ => piece,
        }
    }

    /// How well a condition on a text identifies a person; `whole` if it tests all of the text.
    fn text_ground(&self, whole: bool) -> Ground {
        match self.fact {
            Mail(MailFact::Name) => Ground::Name,
            Mail(MailFact::Handle | MailFact::Url) if whole => Ground::Account,
            _ => Ground::Facts,
        }
    }

    /// What was there instead.
    fn missed(&self, sight: &Sight<'_>) -> String {
        let fact = self.fact;
        match &self.test {
            Test::Bounds(bounds) => match sight.number(fact) {
                Shown::Value(number) => format!("{fact} {}, not {bounds}", bounds.amount(number)),
                _ => format!("{fact} empty"),
            },
            Test::Words(_) => {
                format!("{fact} {}", sight.word(fact).value().copied().unwrap_or("empty"))
            }
            _ if is_text(fact) && matches!(sight.text(fact), Shown::Empty) => format!("{fact} empty"),
            Test::Answer(wanted) => format!("{fact} {}", yes_or_no(!wanted)),
            Test::Empty(wanted) => format!("{fact} {}empty", if *wanted { "not " } else { "" }),
            Test::Shown(wanted) => format!("{fact} {}shown", if *wanted { "not " } else { "" }),
            Test::Text(..) | Test::Matches(_) | Test::In(_) => format!("not {self}"),
        }
    }
}

impl Relation {
    fn words(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::Has => "has",
            Self::Word => "has word",
            Self::Starts => "starts with",
            Self::Ends => "ends with",
        }
    }
}

fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}

/// The test, in the words of evidence.
impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fact = self.fact;
        match &self.test {
            Test::Bounds(bounds) => write!(f, "{fact} {bounds}"),
            Test::Answer(wanted) => write!(f, "{fact} {}", yes_or_no(*wanted)),
            Test::Words(words) => write!(f, "{fact} {}", words.join(" or ")),
            Test::Text(relation, wanted) => {
                write!(f, "{fact} {} {}", relation.words(), some(wanted.iter().map(Wanted::shown)))
            }
            Test::Matches(patterns) => {
                write!(f, "{fact} matches {}", some(patterns.iter().map(|pattern| excerpt(pattern.as_str()))))
            }
            Test::In(lists) => write!(f, "{fact} in {}", some(lists.iter().cloned())),
            Test::Empty(true) => write!(f, "{fact} empty"),
            Test::Empty(false) => write!(f, "{fact} not empty"),
            Test::Shown(true) => write!(f, "{fact} shown"),
            Test::Shown(false) => write!(f, "{fact} not shown"),
        }
    }
}

impl Wanted {
    fn shown(&self) -> String {
        excerpt(&self.written)
    }
}

/// The first few words.
fn some(words: impl ExactSizeIterator<Item = String>) -> String {
    let count = words.len();
    let few: Vec<_> = words.take(3).collect();
    if count > 3 { format!("{} or {} others", few.join(", "), count - 3) } else { few.join(" or ") }
}
