//! The rules as compiled, and what they say of a follower.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::case::{Case, Sight};
use super::condition::{Answer, Condition, Doubt, Test};
use super::example::Example;
use super::fact::Fact;
use super::list::{List, ListSource, Lists, Person};
use super::recall::Asked;
use super::verdict::{Evidence, Reason, Verdict, VerdictName};
use crate::diagnostic::{Location, Source, SourceSpan};
use crate::mail::Notification;
use crate::place::Folder;

/// Sums of points are compared with this much room, since 0.1 + 0.2 is a little more than 0.3.
const ROUNDING: f64 = 1e-9;

/// Are so many points enough where these are the least?
pub(crate) fn enough(points: f64, least: f64) -> bool {
    points >= least - ROUNDING
}

/// A sum of points without what adding up leaves behind: 0.8 and not 0.7999999999999999.
pub(crate) fn rounded(points: f64) -> f64 {
    (points * 1e9).round() / 1e9
}

/// A rules file as compiled.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) source: Source,
    pub(crate) rules: Vec<Rule>,
    pub(crate) verdicts: BTreeMap<VerdictName, Disposition>,
    /// The folders that verdicts file mail into, each with its bytes in the file.
    pub(crate) targets: BTreeMap<Folder, Range<usize>>,
    pub(crate) points_at: Option<(VerdictName, f64)>,
    pub(crate) lists: BTreeMap<String, List>,
    pub(crate) examples: Vec<Example>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What the user calls it.
    pub name: String,
    /// Where it stands.
    pub at: Location,
    /// What it does where its condition holds.
    pub effect: Effect,
    pub(crate) when: Condition,
}

/// What a rule does where its condition holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It decides.
    Decide(VerdictName),
    /// It adds to the sum that counts where no rule decides.
    Points(f64),
}

/// What becomes of a mail with a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Disposition {
    /// The folder it is filed into; without one it stays.
    pub move_to: Option<Folder>,
    /// Whether it is marked as read.
    pub mark_read: bool,
    /// Whether it is flagged (starred).
    pub flag: bool,
}

/// What one rule says of a follower, for explanations.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTrace<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// Where it stands.
    pub at: &'a Location,
    /// What it does where it holds.
    pub effect: &'a Effect,
    /// What it says.
    pub says: Match<'a>,
}

/// What a condition says of a follower.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Match<'a> {
    /// It holds, and this is what it saw.
    Holds(Evidence),
    /// It does not hold, and this is what it saw instead.
    Fails(Evidence),
    /// Nobody knows.
    CannotTell(Doubt<'a>),
}

impl RuleSet {
    /// The rules, from top to bottom.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Where the people of lists come from, outside of the file itself. Each source once.
    pub fn sources(&self) -> BTreeSet<&ListSource> {
        self.lists.values().flat_map(|list| &list.sources).map(|(source, _)| source).collect()
    }

    /// The lists that come from a source, with the place in the file that names it: for findings about the
    /// source.
    pub fn named_at(&self, source: &ListSource) -> Option<SourceSpan> {
        let mut all = self.lists.values().flat_map(|list| &list.sources);
        let (_, span) = all.find(|(known, _)| known == source)?;
        Some(SourceSpan { source: self.source.clone(), span: span.clone() })
    }

    /// Whether a list that comes from this source says that it may suddenly name nobody, or far fewer people.
    pub fn may_be_empty(&self, source: &ListSource) -> bool {
        let mut lists = self.lists.values().filter(|list| list.may_be_empty);
        lists.any(|list| list.sources.iter().any(|(known, _)| known == source))
    }

    /// The place in the file that names a folder to file mail into: for findings about the folder.
    pub fn target_at(&self, folder: &Folder) -> Option<SourceSpan> {
        let span = self.targets.get(folder)?;
        Some(SourceSpan { source: self.source.clone(), span: span.clone() })
    }

    /// The lists as they are: the people in the file, and those of every source that has loaded at least
    /// once. A list with a source that is not among these has never loaded.
    pub fn gather(&self, loaded: &BTreeMap<ListSource, Vec<Person>>) -> Lists {
        let mut lists = Lists::default();
        for (name, list) in &self.lists {
            let from_sources: Option<Vec<_>> =
                list.sources.iter().map(|(source, _)| loaded.get(source)).collect();
            if let Some(more) = from_sources {
                let people = list.people.iter().chain(more.into_iter().flatten()).cloned();
                lists.insert(name, people.collect());
            }
        }
        lists
    }

    /// The lists that rules ask for and that have never loaded. While there is one, nothing may be moved: the
    /// follower may be a friend.
    pub fn missing_lists(&self, lists: &Lists) -> BTreeSet<&str> {
        let leaves = self.rules.iter().flat_map(|rule| rule.when.leaves());
        let asked = leaves.flat_map(|leaf| match &leaf.test {
            Test::In(names) => names.as_slice(),
            _ => &[],
        });
        asked.map(String::as_str).filter(|name| lists.people(name).is_none()).collect()
    }

    /// Which questions about the past they ask.
    pub fn asked(&self) -> Asked {
        let facts: Vec<Fact> =
            self.rules.iter().flat_map(|rule| rule.when.leaves()).map(|leaf| leaf.fact).collect();
        let asks = |wanted: &[Fact]| facts.iter().any(|fact| wanted.contains(fact));
        Asked { follows: asks(&[Fact::TimesFollowed, Fact::LastFollowed]), wave: asks(&[Fact::Wave]) }
    }

    /// What the rules say of a follower. The first rule with a verdict that fires decides; if none does, the
    /// points of all that fired are summed, and the verdict with `points-at` is given from so many points on.
    pub fn judge(&self, case: &Case<'_>, lists: &Lists) -> Verdict {
        let sight = Sight::new(*case, lists);
        let mut points = 0.0;
        let mut fired = Vec::new();
        for rule in &self.rules {
            if rule.when.answer(&sight) != Answer::Holds {
                continue;
            }
            match &rule.effect {
                Effect::Decide(class) => {
                    let reasons = vec![rule.reason(&sight)];
                    return Verdict { class: Some(class.clone()), points: 0.0, reasons };
                }
                Effect::Points(given) => {
                    points += given;
                    fired.push(rule);
                }
            }
        }
        let class = self.reached(points).cloned();
        let points = rounded(points);
        Verdict { class, points, reasons: fired.iter().map(|rule| rule.reason(&sight)).collect() }
    }

    /// What every rule says of a follower, whether or not it decides.
    pub fn trace<'r>(&'r self, case: &Case<'_>, lists: &Lists) -> Vec<RuleTrace<'r>> {
        let sight = Sight::new(*case, lists);
        let says = |rule: &'r Rule| match rule.when.answer(&sight) {
            Answer::Holds => Match::Holds(rule.when.evidence(&sight)),
            Answer::Fails => Match::Fails(rule.when.shortfall(&sight)),
            Answer::CannotTell(doubt) => Match::CannotTell(doubt),
        };
        let rules = self.rules.iter();
        rules
            .map(|rule| RuleTrace { rule: &rule.name, at: &rule.at, effect: &rule.effect, says: says(rule) })
            .collect()
    }

    /// The verdict that a trace leads to if one of its rules were not there; with `None`, if all are.
    pub fn conclude<'r>(
        &'r self,
        trace: &[RuleTrace<'r>],
        without: Option<usize>,
    ) -> Option<&'r VerdictName> {
        let mut points = 0.0;
        for (index, rule) in trace.iter().enumerate() {
            match (&rule.says, rule.effect) {
                _ if Some(index) == without => (),
                (Match::Holds(_), Effect::Decide(class)) => return Some(class),
                (Match::Holds(_), Effect::Points(given)) => points += given,
                (Match::Fails(_) | Match::CannotTell(_), _) => (),
            }
        }
        self.reached(points)
    }

    /// The verdict that so many points lead to.
    fn reached(&self, points: f64) -> Option<&VerdictName> {
        let (class, least) = self.points_at.as_ref()?;
        enough(points, *least).then_some(class)
    }

    /// The folders that verdicts file mail into.
    pub fn targets(&self) -> BTreeSet<Folder> {
        self.targets.keys().cloned().collect()
    }

    /// What becomes of a mail with this verdict. One that no table declares stays as it is.
    pub fn disposition(&self, verdict: &VerdictName) -> Disposition {
        self.verdicts.get(verdict).cloned().unwrap_or_default()
    }

    /// The verdict on a whole mail, from those on its followers in their order. For several followers: the
    /// verdict that all of them have; where spam is mixed with one other class and both are filed, that
    /// class, so that nobody is buried among spam; else none. A mail that does not name everybody has no
    /// verdict.
    pub fn combine(&self, notification: &Notification, verdicts: &[Verdict]) -> Option<VerdictName> {
        if !notification.complete || verdicts.len() != notification.followers.len() {
            return None;
        }
        let classes: Option<BTreeSet<&VerdictName>> = verdicts.iter().map(|one| one.class.as_ref()).collect();
        let classes: Vec<_> = classes?.into_iter().collect();
        let filed = |class: &VerdictName| self.disposition(class).move_to.is_some();
        match classes.as_slice() {
            [one] => Some((*one).clone()),
            [one, other] if filed(one) && filed(other) => match (one.as_str(), other.as_str()) {
                ("spam", _) => Some((*other).clone()),
                (_, "spam") => Some((*one).clone()),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Rule {
    fn reason(&self, sight: &Sight<'_>) -> Reason {
        Reason {
            rule: self.name.clone(),
            at: self.at.clone(),
            evidence: self.when.evidence(sight),
            points: match self.effect {
                Effect::Decide(_) => None,
                Effect::Points(points) => Some(points),
            },
        }
    }
}
