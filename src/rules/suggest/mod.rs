//! Rules proposed from corrections: what messages that the user put back, or filed by hand, have in common that a rule could say.
//!
//! A proposal is tried like any other rules file: its text is put into the file, compiled, tested, and judges all remembered messages.
//! It counts only if it decides some corrected messages as the user did and changes nothing else. Pure; nothing is written anywhere.
//! Called by the commands `suggest` and `report`.

use std::collections::{BTreeMap, BTreeSet};

use self::clue::{Clue, People, Purpose};
use super::case::Case;
use super::compile::compile;
use super::fact::{Fact, Vocabulary};
use super::list::Lists;
use super::recall::Past;
use super::set::{Disposition, Effect, RuleSet};
use super::verdict::{Verdict, VerdictName};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Location, Source};
use crate::mail::{FollowerKey, Notification};
use crate::place::Folder;

mod clue;
mod number;
mod words;

/// So many rules are proposed at most.
const MOST: usize = 5;
/// So many are tried for each of them, since each is tried on all that is remembered.
const TRIED: usize = 16;

/// A message that is remembered, and what the user made of it.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// What it said. One that failed authentication does not belong here.
    pub notification: Notification,
    /// What was known of each of its followers, in its order.
    pub past: Vec<Past>,
    /// What the user did with it.
    pub correction: Option<Correction>,
}

/// What the user did with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correction {
    /// They put it back.
    PutBack,
    /// They filed it into this folder.
    Filed(Folder),
}

/// A rule that would have decided as the user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What corrected messages have in common, as a sentence.
    pub why: String,
    /// What to add to the rules file.
    pub toml: String,
    /// The rule above which it belongs; `None` for the end of the file.
    pub above: Option<(String, Location)>,
    /// How many corrected messages it decides as the user did, which the rules before it do not.
    pub mended: usize,
    /// How many others it decides otherwise; only messages about followers whom the user has judged.
    pub others: usize,
    /// How many messages it was tried on.
    pub tried: usize,
}

/// Proposes rules, the most useful first. `lists` are the lists of the rules, loaded; while one is missing, nothing is proposed.
pub fn suggest(
    rules: &RuleSet,
    vocabulary: &Vocabulary,
    lists: &Lists,
    remembered: &[Remembered],
) -> Vec<Suggestion> {
    if !rules.missing_lists(lists).is_empty() || remembered.iter().all(|message| message.correction.is_none())
    {
        return Vec::new();
    }
    let mut bench = Bench { original: rules, rules: rules.clone(), vocabulary, lists, remembered };
    let mut suggestions = bench.learned();
    while suggestions.len() < MOST
        && let Some(suggestion) = bench.next()
    {
        suggestions.push(suggestion);
    }
    suggestions
}

/// The rules with what was proposed so far, and what they are tried on.
struct Bench<'a> {
    original: &'a RuleSet,
    rules: RuleSet,
    vocabulary: &'a Vocabulary,
    lists: &'a Lists,
    remembered: &'a [Remembered],
}

/// A rule that is to be tried.
struct Proposal {
    why: String,
    name: String,
    /// The lines of its condition.
    when: String,
    verdict: VerdictName,
    /// A table that declares the verdict.
    declared: Option<String>,
    /// The number of the rule above which it belongs.
    above: Option<usize>,
}

/// Whether what the user did counts as a fact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    /// It does, as in a sweep.
    Learned,
    /// It does not: what the other rules alone would do.
    Unlearned,
}

impl<'a> Bench<'a> {
    /// Rules about the facts that corrections are: whom the user knows, and who is unwelcome.
    fn learned(&mut self) -> Vec<Suggestion> {
        let put_back = |message: &Remembered| message.correction == Some(Correction::PutBack);
        let filed = |message: &Remembered| matches!(message.correction, Some(Correction::Filed(_)));
        let known = Proposal {
            why: "You put messages back, and no rule asks whether you know a follower.".to_owned(),
            name: self.free_name("People whose message I once put back"),
            when: "when.known = true\n".to_owned(),
            verdict: real(),
            declared: None,
            above: (!self.rules.rules.is_empty()).then_some(0),
        };
        let mut found = Vec::new();
        found.extend(self.about_a_fact(Fact::Known, known, put_back));
        if let Some(verdict) = self.verdict_of(filed) {
            let unwelcome = Proposal {
                why: "You filed messages by hand, and no rule asks who is unwelcome.".to_owned(),
                name: self.free_name("Followers whose message I once filed"),
                when: "when.unwelcome = true\n".to_owned(),
                verdict,
                declared: None,
                above: None,
            };
            found.extend(self.about_a_fact(Fact::Unwelcome, unwelcome, filed));
        }
        found
    }

    fn about_a_fact(
        &mut self,
        fact: Fact,
        proposal: Proposal,
        is_meant: impl Fn(&Remembered) -> bool,
    ) -> Option<Suggestion> {
        let mut leaves = self.rules.rules.iter().flat_map(|rule| rule.when.leaves());
        if leaves.any(|leaf| leaf.fact == fact) {
            return None;
        }
        let with = self.with(&proposal)?;
        let is_right = |rules: &RuleSet, message: &Remembered| {
            wants(message, &self.outcome(rules, message, View::Learned))
        };
        let meant = self.remembered.iter().filter(|message| is_meant(message));
        let mended = meant.filter(|it| !is_right(&self.rules, it) && is_right(&with, it)).count();
        let changes = |message: &&Remembered| {
            self.outcome(&self.rules, message, View::Learned) != self.outcome(&with, message, View::Learned)
        };
        let uncorrected = self.remembered.iter().filter(|message| message.correction.is_none());
        let others = uncorrected.filter(changes).count();
        self.accept(proposal, with, mended, others)
    }

    /// The next rule about what corrected messages have in common.
    fn next(&mut self) -> Option<Suggestion> {
        let wrong: Vec<&Remembered> =
            self.remembered.iter().filter(|message| self.is_wrong(message)).collect();
        let put_back: Vec<_> =
            wrong.iter().copied().filter(|message| message.correction == Some(Correction::PutBack)).collect();
        let mut kinds: BTreeMap<VerdictName, Vec<&Remembered>> = BTreeMap::new();
        for message in &wrong {
            if let Some(verdict) = self.verdict_of(|it| std::ptr::eq(it, *message))
                && matches!(message.correction, Some(Correction::Filed(_)))
            {
                kinds.entry(verdict).or_default().push(message);
            }
        }
        let filed = |view| {
            move |bench: &Self, message: &Remembered| {
                bench.outcome(&bench.rules, message, view).move_to.is_some()
            }
        };
        let mut proposals = Vec::new();
        for (verdict, messages) in kinds {
            let others = self.others(|bench, message| !filed(View::Learned)(bench, message));
            let clues =
                People::new(Purpose::File, &cases(&messages), &others, &self.rules, self.lists).clues();
            proposals.extend(clues.into_iter().map(|clue| self.to_file(&clue, &verdict)));
        }
        if !put_back.is_empty() {
            let others = self.others(filed(View::Unlearned));
            let clues =
                People::new(Purpose::Keep, &cases(&put_back), &others, &self.rules, self.lists).clues();
            let above = put_back.iter().filter_map(|message| self.decided_by(message)).min();
            proposals.extend(clues.into_iter().map(|clue| self.to_keep(&clue, above)));
        }
        proposals.into_iter().take(TRIED).find_map(|proposal| {
            let with = self.with(&proposal)?;
            let mended = self.mended(&with)?;
            self.accept(proposal, with, mended, 0)
        })
    }

    fn to_file(&self, clue: &Clue, verdict: &VerdictName) -> Proposal {
        Proposal {
            why: format!("Of the followers whose message you filed by hand, {}.", clue.why()),
            name: self.free_name(&clue.name()),
            when: clue.when(),
            verdict: verdict.clone(),
            declared: None,
            above: None,
        }
    }

    /// Who only resembles somebody whose message was put back stays, and no more: that makes nobody `real`.
    fn to_keep(&self, clue: &Clue, above: Option<usize>) -> Proposal {
        let (verdict, declared) = self.keeping();
        Proposal {
            why: format!("Of the followers whose message you put back, {}.", clue.why()),
            name: self.free_name(&clue.name()),
            when: clue.when(),
            verdict,
            declared,
            above,
        }
    }

    /// A verdict that leaves a message as it is, and the table that declares it if there is none yet.
    fn keeping(&self) -> (VerdictName, Option<String>) {
        let mut known = self.rules.verdicts.iter();
        let leaves = |(class, it): &(&VerdictName, &Disposition)| {
            **it == Disposition::default() && class.as_str() != "real"
        };
        if let Some((class, _)) = known.find(leaves) {
            return (class.clone(), None);
        }
        let taken =
            |word: &str| VerdictName::new(word).filter(|name| !self.rules.verdicts.contains_key(name));
        let name =
            ["kept", "kept-in-place", "kept-by-a-rule"].into_iter().find_map(taken).unwrap_or_else(real);
        let declared = format!("[verdict.{name}]  # these messages stay as they are\n");
        (name, Some(declared))
    }

    /// The followers of the messages that the user did not correct, and of which this holds.
    fn others(&self, is_meant: impl Fn(&Self, &Remembered) -> bool) -> Vec<(FollowerKey, Case<'a>)> {
        let uncorrected = self.remembered.iter().filter(|it| !self.is_wrong(it) && is_meant(self, it));
        uncorrected.flat_map(all_cases).collect()
    }

    /// The verdict that files where the user filed messages; spam, if several do.
    fn verdict_of(&self, is_meant: impl Fn(&Remembered) -> bool) -> Option<VerdictName> {
        let folders: Vec<&Folder> = self
            .remembered
            .iter()
            .filter(|message| is_meant(message))
            .filter_map(|message| match &message.correction {
                Some(Correction::Filed(folder)) => Some(folder),
                _ => None,
            })
            .collect();
        let most = folders.iter().max_by_key(|one| folders.iter().filter(|other| other == one).count())?;
        let files = |(_, it): &(&VerdictName, &Disposition)| it.move_to.as_ref() == Some(*most);
        let mut verdicts: Vec<_> =
            self.rules.verdicts.iter().filter(files).map(|(class, _)| class.clone()).collect();
        verdicts.sort_by_key(|class| class.as_str() != "spam");
        verdicts.into_iter().next()
    }

    fn outcome(&self, rules: &RuleSet, message: &Remembered, view: View) -> Disposition {
        let verdicts: Vec<Verdict> = self.verdicts(rules, message, view);
        let class = rules.combine(&message.notification, &verdicts);
        class.map(|class| rules.disposition(&class)).unwrap_or_default()
    }

    fn verdicts(&self, rules: &RuleSet, message: &Remembered, view: View) -> Vec<Verdict> {
        let notification = &message.notification;
        let judge = |(follower, past): (_, &Past)| {
            let past = match view {
                View::Learned => past.clone(),
                View::Unlearned => Past { known: false, unwelcome: false, ..past.clone() },
            };
            rules.judge(&Case::of(notification, follower, &past), self.lists)
        };
        notification.followers.iter().zip(&message.past).map(judge).collect()
    }

    /// Would the rules, did they not know what the user did, do otherwise?
    fn is_wrong(&self, message: &Remembered) -> bool {
        message.correction.is_some() && !wants(message, &self.outcome(&self.rules, message, View::Unlearned))
    }

    /// The number of the rule with a verdict that decides; `None` if points do.
    fn decided_by(&self, message: &Remembered) -> Option<usize> {
        let verdicts = self.verdicts(&self.rules, message, View::Unlearned);
        let name = &verdicts.iter().flat_map(|it| &it.reasons).find(|it| it.points.is_none())?.rule;
        self.rules
            .rules
            .iter()
            .position(|rule| rule.name == *name && matches!(rule.effect, Effect::Decide(_)))
    }

    /// The rules with a proposal in them, if that is a file without new findings.
    fn with(&self, proposal: &Proposal) -> Option<RuleSet> {
        let source = &self.rules.source;
        let at = match proposal.above.and_then(|number| self.rules.rules.get(number)) {
            Some(rule) => above(source.text(), rule.at.line)?,
            None => source.text().len(),
        };
        let (before, after) = source.text().split_at_checked(at)?;
        let text = format!("{before}\n{}\n{after}", proposal.toml());
        let was = self.findings(source.text()).1;
        let (rules, found) = self.findings(&text);
        (found <= was && rules.run_tests().is_empty()).then_some(rules)
    }

    /// A rules file as compiled, with how many findings it has.
    fn findings(&self, text: &str) -> (RuleSet, usize) {
        let findings = Findings::default();
        let source = Source::new(self.rules.source.name(), text);
        let rules = compile(&source, self.vocabulary, &findings);
        (rules, findings.into_sorted().len())
    }

    /// How many corrected messages other rules decide right; `None` if they change anything else.
    fn mended(&self, with: &RuleSet) -> Option<usize> {
        let mut mended = 0;
        for message in self.remembered {
            let is_right = |rules| wants(message, &self.outcome(rules, message, View::Unlearned));
            if message.correction.is_some() {
                match (is_right(&self.rules), is_right(with)) {
                    (false, true) => mended += 1,
                    (true, false) => return None,
                    _ => {}
                }
            } else {
                let outcome = |rules| self.outcome(rules, message, View::Learned);
                if outcome(&self.rules) != outcome(with) {
                    return None;
                }
            }
        }
        Some(mended)
    }

    fn accept(
        &mut self,
        proposal: Proposal,
        with: RuleSet,
        mended: usize,
        others: usize,
    ) -> Option<Suggestion> {
        if mended == 0 {
            return None;
        }
        let above = proposal.above.and_then(|number| self.rules.rules.get(number));
        let above = above.and_then(|above| self.original.rules.iter().find(|rule| rule.name == above.name));
        let suggestion = Suggestion {
            toml: proposal.toml(),
            above: above.map(|rule| (rule.name.to_string(), rule.at.clone())),
            why: proposal.why,
            mended,
            others,
            tried: self.remembered.len(),
        };
        self.rules = with;
        Some(suggestion)
    }

    /// The name, or one like it that no rule has.
    fn free_name(&self, name: &str) -> String {
        let taken: BTreeSet<&str> = self.rules.rules.iter().map(|rule| &*rule.name).collect();
        let name: String = name.chars().take(100).collect();
        let mut others = (2..).map(|number| format!("{name} ({number})"));
        if taken.contains(name.as_str()) {
            others.find(|it| !taken.contains(it.as_str())).unwrap_or(name)
        } else {
            name
        }
    }
}

impl Proposal {
    fn toml(&self) -> String {
        let declared = self.declared.as_ref().map_or_else(String::new, |declared| format!("{declared}\n"));
        format!(
            "{declared}[[rule]]\nname = {}\n{}verdict = \"{}\"\n",
            clue::quoted(&self.name),
            self.when,
            self.verdict
        )
    }
}

fn real() -> VerdictName {
    #[expect(clippy::expect_used, reason = "it is a word of small letters")]
    VerdictName::new("real").expect("a valid name")
}

/// Is this what the user wants for it?
fn wants(message: &Remembered, outcome: &Disposition) -> bool {
    match &message.correction {
        Some(Correction::PutBack) => outcome.move_to.is_none(),
        Some(Correction::Filed(_)) => outcome.move_to.is_some(),
        None => true,
    }
}

/// The followers of messages about one follower each.
fn cases<'m>(messages: &[&'m Remembered]) -> Vec<(FollowerKey, Case<'m>)> {
    let alone = messages.iter().filter(|message| message.notification.followers.len() == 1);
    alone.flat_map(|message| all_cases(message)).collect()
}

fn all_cases(message: &Remembered) -> impl Iterator<Item = (FollowerKey, Case<'_>)> {
    let notification = &message.notification;
    let of = |(follower, past)| (notification.key(follower), Case::of(notification, follower, past));
    notification.followers.iter().zip(&message.past).map(of)
}

/// Where a line begins, or the comment directly above it; `None` unless it begins a rule.
fn above(text: &str, line: usize) -> Option<usize> {
    let mut starts = vec![0];
    starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let content = |number: usize| {
        let start = *starts.get(number)?;
        text.get(start..)?.lines().next().map(str::trim_start)
    };
    let mut number = line.checked_sub(1)?;
    content(number)?.starts_with("[[").then_some(())?;
    while number > 0 && content(number - 1).is_some_and(|line| line.starts_with('#')) {
        number -= 1;
    }
    starts.get(number).copied()
}
