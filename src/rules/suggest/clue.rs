//! What some followers have in common and others do not, as a condition that a rule can write.

use std::collections::BTreeSet;

use super::number::{Side, Threshold, parting};
use super::words::{shared, words};
use crate::mail::{Fact as MailFact, FollowerKey, Shown};
use crate::rules::bounds::DAY;
use crate::rules::case::{Case, Sight};
use crate::rules::fact::{Fact, Type};
use crate::rules::list::Lists;
use crate::rules::set::RuleSet;
use crate::rules::text::{fold, fold_host};

/// A word, a host or a name has to be shared by so many.
const LEAST: usize = 2;
/// A threshold, which more can be on one side of by chance, has to hold for so many.
const LEAST_NUMBERS: usize = 3;
/// Without so many others who show the same fact, nothing can be said to set anybody apart.
const OTHERS: usize = 10;
/// As many values of a fact are tried as the first of two thresholds.
const TRIED: usize = 50;

/// The facts that thresholds are about, each with the side on which unwelcome followers are.
const NUMBERS: [(Fact, Side); 11] = [
    (Fact::Mail(MailFact::Followers), Side::AtMost),
    (Fact::Mail(MailFact::Following), Side::AtLeast),
    (Fact::Mail(MailFact::Posts), Side::AtMost),
    (Fact::Mail(MailFact::Lists), Side::AtMost),
    (Fact::Mail(MailFact::Mutuals), Side::AtMost),
    (Fact::Mail(MailFact::Age), Side::AtMost),
    (Fact::Mail(MailFact::LastPosted), Side::AtLeast),
    (Fact::Ratio, Side::AtLeast),
    (Fact::FollowingPerPost, Side::AtLeast),
    (Fact::HandleDigits, Side::AtLeast),
    (Fact::SharedInterests, Side::AtMost),
];

/// Two of them that can say more than either alone, by their place.
const PAIRS: [(usize, usize); 4] = [(1, 0), (1, 2), (0, 2), (1, 5)];

/// What a rule about them is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    File,
    Keep,
}

/// What is common to `covers` of so many followers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clue {
    kind: Kind,
    covers: usize,
    of: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// The handle or the email address is at this host.
    Host(MailFact, String),
    /// One of these words is in the text.
    Words(MailFact, Vec<String>),
    /// The display name is one of these.
    Names(Vec<String>),
    Numbers(Vec<Threshold>),
}

impl Clue {
    /// What the rule is called.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            Kind::Host(_, host) => format!("From {host}"),
            Kind::Words(fact, words) => format!("Says in the {fact}: {}", words.join(", ")),
            Kind::Names(names) => format!("Is called {}", names.join(", ")),
            Kind::Numbers(numbers) => {
                let written = numbers.iter().map(|it| format!("{} {}", it.fact, it.condition()));
                written.collect::<Vec<_>>().join(" and ")
            }
        }
    }

    /// How many have what in common.
    pub(super) fn why(&self) -> String {
        let (covers, of) = (self.covers, self.of);
        let what = match &self.kind {
            Kind::Host(_, host) => format!("are at {host}"),
            Kind::Words(fact, words) if words.len() == 1 => format!("say `{}` in the {fact}", words.join("")),
            Kind::Words(fact, words) => format!("say one of `{}` in the {fact}", words.join("`, `")),
            Kind::Names(names) => format!("are called `{}`", names.join("` or `")),
            Kind::Numbers(_) => format!("have {}", self.name()),
        };
        format!("{covers} of {of} {what}")
    }

    /// The lines of the condition.
    pub(super) fn when(&self) -> String {
        let list = |texts: &[String]| {
            let quoted: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", quoted.join(", "))
        };
        match &self.kind {
            Kind::Host(MailFact::Handle, host) => {
                format!("when.handle = {{ ends = {} }}\n", quoted(&format!("@{host}")))
            }
            Kind::Host(fact, host) => format!("when.{fact} = {}\n", quoted(host)),
            Kind::Words(fact, words) => format!("when.{fact} = {{ word = {} }}\n", list(words)),
            Kind::Names(names) => format!("when.name = {}\n", list(names)),
            Kind::Numbers(numbers) => {
                numbers.iter().map(|it| format!("when.{} = \"{}\"\n", it.fact, it.condition())).collect()
            }
        }
    }
}

/// A text as TOML writes it. Texts of followers have no control characters; such a one would be dropped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A follower with the numbers that are known of them, in the order of `NUMBERS`.
struct Known<'a> {
    case: Case<'a>,
    numbers: [Option<f64>; NUMBERS.len()],
}

/// Followers who are to be set apart, each once, and all others.
pub(super) struct People<'a> {
    purpose: Purpose,
    wanted: Vec<Known<'a>>,
    others: Vec<Known<'a>>,
}

impl<'a> People<'a> {
    pub(super) fn new(
        purpose: Purpose,
        wanted: &[(FollowerKey, Case<'a>)],
        others: &[(FollowerKey, Case<'a>)],
        rules: &RuleSet,
        lists: &Lists,
    ) -> Self {
        let known = |case: &Case<'a>| {
            let sight = Sight::new(*case, lists, &rules.interests);
            Known { case: *case, numbers: NUMBERS.map(|(fact, _)| sight.number(fact).value().copied()) }
        };
        let mut seen = BTreeSet::new();
        let once = wanted.iter().filter(|(key, _)| seen.insert(key));
        Self {
            purpose,
            wanted: once.map(|(_, case)| known(case)).collect(),
            others: others.iter().map(|(_, case)| known(case)).collect(),
        }
    }

    /// What sets some of them apart, what covers most first; of equals, the plainest.
    pub(super) fn clues(&self) -> Vec<Clue> {
        let mut clues = Vec::new();
        for fact in [MailFact::Handle, MailFact::AddressHost] {
            clues.extend(self.hosts(fact));
        }
        for fact in [MailFact::Bio, MailFact::Name] {
            clues.extend(self.words(fact));
        }
        clues.extend(self.names());
        clues.extend(self.thresholds());
        clues.extend(PAIRS.iter().filter_map(|(one, other)| self.pair(*one, *other)));
        clues.sort_by_key(|clue| std::cmp::Reverse(clue.covers));
        clues
    }

    fn clue(&self, kind: Kind, covers: usize) -> Clue {
        Clue { kind, covers, of: self.wanted.len() }
    }

    /// Are there enough others of whom this is shown?
    fn is_shown_by_others(&self, fact: MailFact) -> bool {
        self.others.iter().filter(|known| known.case.follower.shows(fact)).nth(OTHERS - 1).is_some()
    }

    fn texts(
        &self,
        fact: MailFact,
        parts: impl Fn(&Case<'a>, &str) -> BTreeSet<String>,
    ) -> (Vec<String>, BTreeSet<usize>) {
        let of = |known: &Known<'a>| match known.case.follower.text(fact) {
            Shown::Value(text) => parts(&known.case, text),
            Shown::NotShown | Shown::Empty => BTreeSet::new(),
        };
        let wanted: Vec<_> = self.wanted.iter().map(of).collect();
        shared(&wanted, self.others.iter().map(of), LEAST)
    }

    fn hosts(&self, fact: MailFact) -> Vec<Clue> {
        if !self.is_shown_by_others(fact) {
            return Vec::new();
        }
        let (hosts, _) = self.texts(fact, |case, text| {
            let host = match fact {
                // An email address is dealt with by its own fact.
                MailFact::Handle if case.follower.address_host.is_shown() => None,
                MailFact::Handle => text.rsplit_once('@').map(|(_, host)| host),
                _ => Some(text),
            };
            host.map(fold_host).filter(|host| host.contains('.')).into_iter().collect()
        });
        let covers = |host: &String| {
            let at = |known: &&Known<'a>| match known.case.follower.text(fact) {
                Shown::Value(text) => {
                    fold_host(text.rsplit_once('@').map_or(text, |(_, host)| host)) == *host
                }
                Shown::NotShown | Shown::Empty => false,
            };
            self.wanted.iter().filter(at).count()
        };
        hosts
            .into_iter()
            .map(|host| (covers(&host), host))
            .map(|(n, host)| self.clue(Kind::Host(fact, host), n))
            .collect()
    }

    fn words(&self, fact: MailFact) -> Option<Clue> {
        let (words, covered) =
            self.is_shown_by_others(fact).then(|| self.texts(fact, |_, text| words(text)))?;
        (!words.is_empty()).then(|| self.clue(Kind::Words(fact, words), covered.len()))
    }

    fn names(&self) -> Option<Clue> {
        let fact = MailFact::Name;
        let (names, covered) = self
            .is_shown_by_others(fact)
            .then(|| self.texts(fact, |_, text| BTreeSet::from([fold(text)])))?;
        (!names.is_empty()).then(|| self.clue(Kind::Names(names), covered.len()))
    }

    fn thresholds(&self) -> Vec<Clue> {
        let one = |number| {
            let (threshold, covers) = self.threshold(number, |_| true)?;
            Some(self.clue(Kind::Numbers(vec![threshold]), covers))
        };
        (0..NUMBERS.len()).filter_map(one).collect()
    }

    /// A fact, and the side of it on which those are who are to be set apart.
    fn fact(&self, number: usize) -> Option<(Fact, Side)> {
        let (fact, side) = *NUMBERS.get(number)?;
        Some((fact, if self.purpose == Purpose::File { side } else { side.opposite() }))
    }

    /// The best threshold for those of whom `also` holds, and how many of the wanted it covers.
    fn threshold(&self, number: usize, also: impl Fn(&Known<'a>) -> bool) -> Option<(Threshold, usize)> {
        let value = |known: &Known<'a>| known.numbers.get(number).copied().flatten();
        let values = |people: &[Known<'a>]| -> Vec<f64> {
            people.iter().filter(|known| also(known)).filter_map(value).collect()
        };
        let (wanted, others) = (values(&self.wanted), values(&self.others));
        self.others.iter().filter_map(value).nth(OTHERS - 1)?;
        let (fact, side) = self.fact(number)?;
        let unit = if fact.type_of() == Type::Duration { DAY } else { 1.0 };
        let limit = parting(side, &wanted, &others, unit)?;
        let covers = wanted.iter().filter(|value| side.holds(**value, limit)).count();
        (covers >= LEAST_NUMBERS).then_some((Threshold { fact, side, limit }, covers))
    }

    /// Two thresholds together: each value of the first is tried, and what the second then has to be.
    fn pair(&self, number: usize, other: usize) -> Option<Clue> {
        let (fact, side) = self.fact(number)?;
        let value = |known: &Known<'a>| known.numbers.get(number).copied().flatten();
        let best = self.wanted.iter().filter_map(value).take(TRIED).filter_map(|first| {
            // As round as it gets, on the far side.
            let limit = parting(side, &[first], &[loosened(side, first)], 1.0)?;
            let also = |known: &Known<'a>| value(known).is_some_and(|value| side.holds(value, limit));
            let (threshold, covers) = self.threshold(other, also)?;
            Some((vec![Threshold { fact, side, limit }, threshold], covers))
        });
        let (numbers, covers) = best.max_by_key(|(_, covers)| *covers)?;
        Some(self.clue(Kind::Numbers(numbers), covers))
    }
}

/// A tenth beyond a value: what a round number may take in as well.
fn loosened(side: Side, value: f64) -> f64 {
    match side {
        Side::AtLeast => value * 0.9 - 1.0,
        Side::AtMost => value * 1.1 + 1.0,
    }
}
