//! The compiled rules, and the judging of followers by them. `compile` creates a set; `assess` judges with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::case::{Case, Sight};
use super::condition::{Answer, Condition, Doubt, Test};
use super::example::Example;
use super::interests::Interests;
use super::list::{List, ListSource, Lists, Person};
use super::recall::{Asked, Past};
use super::verdict::{Evidence, Reason, Verdict, VerdictName};
use crate::clock::Timestamp;
use crate::diagnostic::{Location, Source, SourceSpan};
use crate::mail::{Follower, Notification, Shown};
use crate::place::Folder;

/// The tolerance when comparing sums of points, since 0.1 + 0.2 is slightly more than 0.3.
const ROUNDING: f64 = 1e-9;

/// Do the points reach `least`?
pub(crate) fn enough(points: f64, least: f64) -> bool {
    points >= least - ROUNDING
}

/// A sum of points without rounding errors: 0.8 instead of 0.7999999999999999.
pub(crate) fn rounded(points: f64) -> f64 {
    (points * 1e9).round() / 1e9
}

/// A compiled rules file.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) source: Source,
    pub(crate) rules: Vec<Rule>,
    pub(crate) verdicts: BTreeMap<VerdictName, Disposition>,
    /// The folders that verdicts file messages into, each with its bytes in the file.
    pub(crate) targets: BTreeMap<Folder, Range<usize>>,
    pub(crate) points_at: Option<(VerdictName, f64)>,
    pub(crate) lists: BTreeMap<String, List>,
    pub(crate) examples: Vec<Example>,
    pub(crate) interests: Interests,
    /// Which parts of the past the rules use.
    pub(crate) asked: Asked,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// Its place in the file.
    pub at: Location,
    /// What the user wants to read beside it, in `explain`.
    pub note: Option<String>,
    /// What it does if its condition holds.
    pub effect: Effect,
    /// Does a message that it decides move, or get its marks? With `act = false` it only observes: the message stays.
    pub acts: bool,
    pub(crate) when: Condition,
}

/// What a rule does if its condition holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It decides the verdict.
    Decide(VerdictName),
    /// It adds to the sum of points, which counts if no rule decides.
    Points(f64),
}

/// What followsift does with a message that has a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Disposition {
    /// The folder it moves to; `None` if it stays.
    pub move_to: Option<Folder>,
    /// Whether it is marked as read.
    pub mark_read: bool,
    /// Whether it is flagged (starred).
    pub flag: bool,
}

/// The answer of one rule about a follower, for explanations.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTrace<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// Its place in the file.
    pub at: &'a Location,
    /// What the user wants to read beside it.
    pub note: Option<&'a str>,
    /// What it does if it holds.
    pub effect: &'a Effect,
    /// Whether a message that it decides may change.
    pub acts: bool,
    /// Its answer.
    pub says: Match<'a>,
}

/// The answer of a condition about a follower.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Match<'a> {
    /// It holds; the evidence is what it saw.
    Holds(Evidence),
    /// It fails; the evidence is what it saw instead.
    Fails(Evidence),
    /// The message or a list does not provide what it needs.
    CannotTell(Doubt<'a>),
}

impl RuleSet {
    /// The rules, from top to bottom.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The sources of lists outside the file itself, each once.
    pub fn sources(&self) -> BTreeSet<&ListSource> {
        self.lists.values().flat_map(|list| &list.sources).map(|(source, _)| source).collect()
    }

    /// The place in the file that names a source: for findings about the source.
    pub fn named_at(&self, source: &ListSource) -> Option<SourceSpan> {
        let mut all = self.lists.values().flat_map(|list| &list.sources);
        let (_, span) = all.find(|(known, _)| known == source)?;
        Some(SourceSpan { source: self.source.clone(), span: span.clone() })
    }

    /// Whether a list with this source has `may-be-empty`, so that the source may lose all or most of its people.
    pub fn may_be_empty(&self, source: &ListSource) -> bool {
        let mut lists = self.lists.values().filter(|list| list.may_be_empty);
        lists.any(|list| list.sources.iter().any(|(known, _)| known == source))
    }

    /// The place in the file that names a target folder: for findings about the folder.
    pub fn target_at(&self, folder: &Folder) -> Option<SourceSpan> {
        let span = self.targets.get(folder)?;
        Some(SourceSpan { source: self.source.clone(), span: span.clone() })
    }

    /// The lists: the people in the file, and those of the loaded sources. A list with a source that has never been loaded is
    /// missing.
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

    /// The lists that rules use and that have never been loaded. While there is one, nothing may move: the follower may be a
    /// friend. A rule about `unwelcome` uses all lists, since nobody in a list is unwelcome.
    pub fn missing_lists(&self, lists: &Lists) -> BTreeSet<&str> {
        let is_missing = |name: &&str| lists.people(name).is_none();
        if self.asked().unwelcome {
            return self.lists.keys().map(String::as_str).filter(is_missing).collect();
        }
        let leaves = self.rules.iter().flat_map(|rule| rule.when.leaves());
        let asked = leaves.flat_map(|leaf| match &leaf.test {
            Test::In(names) => names.as_slice(),
            _ => &[],
        });
        asked.map(String::as_str).filter(is_missing).collect()
    }

    /// Which parts of the past the rules use.
    pub fn asked(&self) -> Asked {
        self.asked
    }

    /// Judges a follower. The first rule with a verdict that fires decides. If none does, the points of all rules that fired are
    /// summed, and the verdict with `points-at` applies from that many points on.
    pub fn judge(&self, case: &Case<'_>, lists: &Lists) -> Verdict {
        let sight = Sight::new(*case, lists, &self.interests);
        let mut points = 0.0;
        let mut fired = Vec::new();
        let shared_interests = match sight.shared_interests() {
            Shown::Value(shared) => shared.into_iter().map(str::to_owned).collect(),
            Shown::NotShown | Shown::Empty => Vec::new(),
        };
        for rule in &self.rules {
            if rule.when.answer(&sight) != Answer::Holds {
                continue;
            }
            match &rule.effect {
                Effect::Decide(class) => {
                    let reasons = vec![rule.reason(&sight)];
                    return Verdict { class: Some(class.clone()), points: 0.0, reasons, shared_interests };
                }
                Effect::Points(given) => {
                    points += given;
                    fired.push(rule);
                }
            }
        }
        let class = self.reached(points).cloned();
        let points = rounded(points);
        let reasons = fired.iter().map(|rule| rule.reason(&sight)).collect();
        Verdict { class, points, reasons, shared_interests }
    }

    /// The user's interests that a follower shares, as the user wrote them.
    pub fn shared_interests(&self, follower: &Follower) -> Vec<String> {
        let past = Past::default();
        let case =
            Case { network: None, kind: None, instance: None, follower, past: &past, received: Timestamp(0) };
        match Sight::new(case, &Lists::default(), &self.interests).shared_interests() {
            Shown::Value(shared) => shared.into_iter().map(str::to_owned).collect(),
            Shown::NotShown | Shown::Empty => Vec::new(),
        }
    }

    /// The answer of every rule about a follower, whether or not it decides.
    pub fn trace<'r>(&'r self, case: &Case<'_>, lists: &Lists) -> Vec<RuleTrace<'r>> {
        let sight = Sight::new(*case, lists, &self.interests);
        let says = |rule: &'r Rule| match rule.when.answer(&sight) {
            Answer::Holds => Match::Holds(rule.when.evidence(&sight)),
            Answer::Fails => Match::Fails(rule.when.shortfall(&sight)),
            Answer::CannotTell(doubt) => Match::CannotTell(doubt),
        };
        let rules = self.rules.iter();
        rules
            .map(|rule| RuleTrace {
                rule: &rule.name,
                at: &rule.at,
                note: rule.note.as_deref(),
                effect: &rule.effect,
                acts: rule.acts,
                says: says(rule),
            })
            .collect()
    }

    /// Could the verdict on a follower be another one if all of their past were known ([`Past::unread`])? Then a rule that protects
    /// them may have been passed over, so that the verdict counts for nothing.
    pub fn hangs_on_unread_past(&self, case: &Case<'_>, lists: &Lists) -> bool {
        let unread = case.past.unread;
        if unread.is_empty() {
            return false;
        }
        let sight = Sight::new(*case, lists, &self.interests);
        for rule in &self.rules {
            match (rule.when.answer(&sight), &rule.effect) {
                (Answer::Holds, Effect::Decide(_)) => return false,
                // Another fact may be missing, too, but a part of `any` needs only one of them.
                (Answer::CannotTell(_), _)
                    if rule.when.leaves().iter().any(|it| unread.contains(&it.fact)) =>
                {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// The verdict that a trace leads to without one of its rules; with `None`, with all of them.
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

    /// The verdict that these points lead to.
    fn reached(&self, points: f64) -> Option<&VerdictName> {
        let (class, least) = self.points_at.as_ref()?;
        enough(points, *least).then_some(class)
    }

    /// The folders that verdicts file messages into.
    pub fn targets(&self) -> BTreeSet<Folder> {
        self.targets.keys().cloned().collect()
    }

    /// The verdicts that a rule can give or that say what is done.
    pub fn verdicts(&self) -> BTreeSet<&VerdictName> {
        let decided = self.rules.iter().filter_map(|rule| match &rule.effect {
            Effect::Decide(verdict) => Some(verdict),
            Effect::Points(_) => None,
        });
        self.verdicts.keys().chain(decided).collect()
    }

    /// The folders that say that a follower is not wanted, if the user files a message there by hand: those of all verdicts
    /// except `real`. A folder that `real` shares says neither.
    pub fn unwanted_targets(&self) -> BTreeSet<Folder> {
        let of_real = |class: &VerdictName| class.as_str() == "real";
        let wanted =
            self.verdicts.iter().find(|(class, _)| of_real(class)).and_then(|(_, it)| it.move_to.as_ref());
        self.targets.keys().filter(|target| Some(*target) != wanted).cloned().collect()
    }

    /// The rule behind one of these verdicts that only observes, if there is one.
    pub fn observer(&self, verdicts: &[Verdict]) -> Option<&Rule> {
        let decided = |rule: &&Rule| {
            verdicts.iter().flat_map(|verdict| &verdict.reasons).any(|reason| reason.rule == rule.name)
        };
        self.rules.iter().filter(|rule| !rule.acts).find(decided)
    }

    /// What followsift does with a message that has this verdict; without a table for it, nothing.
    pub fn disposition(&self, verdict: &VerdictName) -> Disposition {
        self.verdicts.get(verdict).cloned().unwrap_or_default()
    }

    /// The verdict on a whole message, from those on its followers in order. For several followers: the verdict they share; if
    /// spam is mixed with one other class and both are filed, the other class, so that a wanted follower is not buried among
    /// spam; else none. A message that does not name every follower has no verdict.
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
